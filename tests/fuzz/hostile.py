"""Hostile traffic in bulk: what a few lines of script send, and what must cost its length and no more.

Each scenario gives rows (seconds, from the client?, flags, sequence number, acknowledgement, payload length, window) of
one four-tuple, or of many where it adds a tuple number; `capture` makes a pcap of them, headers only, as a snap length
of 54 bytes would.
"""

from __future__ import annotations

import random
import struct
from collections.abc import Callable, Iterator
from typing import NamedTuple

FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
MASK = 0xFFFFFFFF
PCAP_HEADER = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)
SERVER = b"\x0a\0\0\x02"
START_S = 1_772_359_200


class Row(NamedTuple):
    """One segment; `tuple_number` chooses the client's address and port."""

    time_s: float
    to_server: bool
    flags: int
    seq: int
    ack: int = 0
    payload: int = 0
    window: int = 64240
    tuple_number: int = 0


Scenario = Callable[[int], Iterator[Row]]
SCENARIOS: dict[str, Scenario] = {}


def scenario(make: Scenario) -> Scenario:
    """Enter a scenario under its name."""
    SCENARIOS[make.__name__.replace("_", " ")] = make
    return make


def capture(rows: Iterator[Row]) -> bytes:
    """Bytes of a pcap that holds the rows."""
    parts = [PCAP_HEADER]
    for number, row in enumerate(rows):
        client = struct.pack(">I", 0x0A010000 + row.tuple_number // 60000)
        port = 1025 + row.tuple_number % 60000
        ends = (client + SERVER, port, 80) if row.to_server else (SERVER + client, 80, port)
        length = 40 + row.payload
        seconds = START_S + row.time_s
        parts.append(
            struct.pack(
                "<IIII12sHBBHHHBBH8sHHIIBBHHH",
                int(seconds) & MASK,
                int(seconds % 1 * 1e6),
                54,
                14 + length,
                b"\2\0\0\0\0\1\2\0\0\0\0\2",
                0x0008,
                0x45,
                0,
                *(int.from_bytes(value.to_bytes(2, "big"), "little") for value in (length, number % 65535 + 1)),
                0x40,
                64,
                6,
                0,
                ends[0],
                *(int.from_bytes(value.to_bytes(2, "big"), "little") for value in ends[1:]),
                *(int.from_bytes((value & MASK).to_bytes(4, "big"), "little") for value in (row.seq, row.ack)),
                0x50,
                row.flags,
                int.from_bytes(row.window.to_bytes(2, "big"), "little"),
                0,
                0,
            )
        )
    return b"".join(parts)


def handshake(tuple_number: int = 0, time_s: float = 0.0) -> Iterator[Row]:
    """Three segments, 10 ms apart; both sides' numbers then stand at 1."""
    yield Row(time_s, True, SYN, 0, tuple_number=tuple_number)
    yield Row(time_s + 0.01, False, SYN | ACK, 0, 1, tuple_number=tuple_number)
    yield Row(time_s + 0.02, True, ACK, 1, 1, tuple_number=tuple_number)


@scenario
def syn_flood(count: int) -> Iterator[Row]:
    """Every SYN from another client."""
    for i in range(count):
        yield Row(i / 1e4, True, SYN, i * 7919, tuple_number=i)


@scenario
def lone_resets(count: int) -> Iterator[Row]:
    """A RST for each of many tuples."""
    for i in range(count):
        yield Row(i / 1e4, True, RST, i * 7919, tuple_number=i)


@scenario
def resets_of_one_connection(count: int) -> Iterator[Row]:
    """RSTs just beyond the window: none ends the connection."""
    yield from handshake()
    for i in range(count):
        yield Row(1 + i / 1e3, bool(i & 1), RST, 1 + 200_000 + i, 0)


@scenario
def resets_with_life_between(count: int) -> Iterator[Row]:
    """Unacceptable RSTs, and twenty segments of data and answers after each."""
    yield from handshake()
    sent = 1
    for i in range(count):
        if i % 21 == 0:
            yield Row(1 + i / 1e3, False, RST, 900_000_000 + i)
        elif i % 2:
            yield Row(1 + i / 1e3, True, ACK | PSH, sent, 1, 100)
            sent += 100
        else:
            yield Row(1 + i / 1e3, False, ACK, 1, sent)


@scenario
def tuple_reused(count: int) -> Iterator[Row]:
    """One four-tuple, closed in full and opened anew every second."""
    for i in range(count // 7):
        base, at = i * 100_000, float(i)
        yield Row(at, True, SYN, base)
        yield Row(at + 0.01, False, SYN | ACK, base, base + 1)
        yield Row(at + 0.02, True, ACK, base + 1, base + 1)
        yield Row(at + 0.1, True, FIN | ACK, base + 1, base + 1)
        yield Row(at + 0.11, False, ACK, base + 1, base + 2)
        yield Row(at + 0.12, False, FIN | ACK, base + 1, base + 2)
        yield Row(at + 0.13, True, ACK, base + 2, base + 2)


@scenario
def half_closed_download(count: int) -> Iterator[Row]:
    """The client has closed; the server goes on for ever."""
    yield from handshake()
    yield Row(0.1, True, FIN | ACK, 1, 1)
    yield Row(0.11, False, ACK, 1, 2)
    for i in range(count // 2):
        yield Row(1 + i / 1e3, False, ACK, 1 + i * 1000, 2, 1000)
        yield Row(1 + i / 1e3 + 0.0001, True, ACK, 2, 1001 + i * 1000)


@scenario
def half_closed_over_days(count: int) -> Iterator[Row]:
    """The same, a segment every three seconds."""
    yield from handshake()
    yield Row(0.1, True, FIN | ACK, 1, 1)
    yield Row(0.11, False, ACK, 1, 2)
    for i in range(count):
        yield Row(1.0 + i * 3, False, ACK, 1 + i * 1000, 2, 1000)


@scenario
def data_beyond_the_fin(count: int) -> Iterator[Row]:
    """After its FIN the client goes on to send, and every byte is acknowledged."""
    yield from handshake()
    yield Row(0.1, True, FIN | ACK, 1, 1)
    for i in range(count // 2):
        yield Row(1 + i / 1e3, True, ACK, 2 + i * 100, 1, 100)
        yield Row(1 + i / 1e3 + 0.0001, False, ACK, 1, 102 + i * 100)


@scenario
def repeated_fins(count: int) -> Iterator[Row]:
    """A FIN, again and again; nobody answers."""
    yield from handshake()
    for i in range(count):
        yield Row(1 + i / 1e2, True, FIN | ACK, 1, 1)


@scenario
def fins_and_their_answers(count: int) -> Iterator[Row]:
    """Both FINs and both ACKs, again and again."""
    yield from handshake()
    for i in range(count // 2):
        yield Row(1 + i / 1e2, True, FIN | ACK, 1, 1)
        yield Row(1 + i / 1e2 + 0.001, False, FIN | ACK, 1, 2)


@scenario
def every_second_segment_missing(count: int) -> Iterator[Row]:
    """A hole before every segment, none of them filled."""
    yield from handshake()
    for i in range(count):
        yield Row(1 + i / 1e4, True, ACK, 1 + i * 200, 1, 100)


@scenario
def overlaps_backwards(count: int) -> Iterator[Row]:
    """Retransmissions that overlap, from the end to the beginning, in a space full of holes."""
    yield from handshake()
    for i in range(300):
        yield Row(1 + i / 1e4, True, ACK, 1 + i * 200, 1, 100)
    for i in range(count):
        yield Row(2 + i / 1e4, True, ACK, 1 + (count - i) % 600 * 100 + 37, 1, 90)


@scenario
def one_way_after_the_handshake(count: int) -> Iterator[Row]:
    """SYN and SYN/ACK were captured, then only the client's data."""
    yield Row(0.0, True, SYN, 0)
    yield Row(0.01, False, SYN | ACK, 0, 1)
    for i in range(count):
        yield Row(1 + i / 1e4, True, ACK, 1 + i * 100, 1, 100)


@scenario
def stray_syns(count: int) -> Iterator[Row]:
    """SYNs with ever another number on an open connection."""
    yield from handshake()
    for i in range(count):
        yield Row(1 + i / 1e3, True, SYN, 1_000_000 + i * 7919)


@scenario
def stray_syns_behind_resets(count: int) -> Iterator[Row]:
    """First a log full of unacceptable RSTs, then such SYNs."""
    yield from resets_of_one_connection(2000)
    for i in range(count):
        yield Row(10 + i / 1e3, True, SYN, 1_000_000 + i * 7919)


@scenario
def repeated_syns(count: int) -> Iterator[Row]:
    """The same SYN for ever."""
    for i in range(count):
        yield Row(i / 1e2, True, SYN, 7)


@scenario
def repeated_stray_syn(count: int) -> Iterator[Row]:
    """The same stray SYN on an open connection, for ever."""
    yield from handshake()
    for i in range(count):
        yield Row(1 + i / 1e2, True, SYN, 700_000)


@scenario
def repeated_synacks(count: int) -> Iterator[Row]:
    """A listener whose SYN/ACK is never taken, and an opener that acknowledges every one."""
    yield Row(0.0, True, SYN, 0)
    for i in range(count // 2):
        yield Row(1 + i / 1e1, False, SYN | ACK, 0, 1)
        yield Row(1.001 + i / 1e1, True, ACK, 1, 1)


@scenario
def random_segments(count: int) -> Iterator[Row]:
    """Any flags and numbers on four tuples."""
    rng = random.Random(count)
    for i in range(count):
        yield Row(
            i / 1e3,
            rng.random() < 0.5,
            rng.randrange(64),
            rng.getrandbits(32),
            rng.getrandbits(32),
            rng.choice((0, 0, 1, 1000)),
            rng.choice((0, 1, 65535)),
            rng.randrange(4),
        )


@scenario
def acks_of_the_unseen(count: int) -> Iterator[Row]:
    """Acknowledgements that run ahead of everything captured."""
    yield from handshake()
    for i in range(count):
        yield Row(1 + i / 1e3, False, ACK, 1, 1 + i * 1000)


@scenario
def window_probes(count: int) -> Iterator[Row]:
    """A closed window, probed for ever, each probe answered; stray SYNs before have filled the list of anomalies."""
    yield from stray_syns(2000)
    for i in range(count // 2):
        yield Row(10 + i / 1e2, True, ACK, 1, 1, 1)
        yield Row(10.001 + i / 1e2, False, ACK, 1, 1, 0, 0)


@scenario
def clock_jumps(count: int) -> Iterator[Row]:
    """Each segment years before or after the one before."""
    rng = random.Random(count)
    for i in range(count):
        yield Row(rng.randrange(-START_S, MASK - START_S), True, ACK, 1 + i * 100, 1, 100, tuple_number=i % 50)


@scenario
def slow_scan(count: int) -> Iterator[Row]:
    """A new half-open connection every second, for days: each has its own deadline."""
    for i in range(count // 3):
        yield from handshake(i, float(i))
