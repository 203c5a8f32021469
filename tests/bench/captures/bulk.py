"""Long transfers: 200 connections at once, two full segments and an ACK in turn.

After the handshakes come rounds. In a round each connection sends two segments of 1448 bytes, and each gets the ACK of
its last round's two; the ACK of one connection stands between the data of others.
"""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import IO

from tests.writer.files import pcap_header
from tests.writer.segment import Endpoint, Segment, timestamps

from .records import (
    ACK,
    ANY_SNAPLEN,
    IP_CHECKSUM,
    IP_ID,
    SEQ,
    SEQUENCE_MASK,
    TCP_CHECKSUM,
    Intent,
    Sheet,
    Template,
    checksums,
    record,
    template,
)
from .short import OPTIONS, SYN_OPTIONS, TTL

SEED = 9293
CONNECTIONS = 200
DATA_BYTES = 1448  # what a segment with timestamps carries in 1500 bytes
REQUEST_BYTES = 120
OUTSIDE_ROUNDS = 11  # packets of a connection: 4 to open and ask, 2 of data, 1 to acknowledge the last, 4 to close
GAP_US = 11  # between two packets: 0.9 Gbit/s
ROUND_US = 3 * CONNECTIONS * GAP_US
ROUNDS_BEGIN_US = 100_000
UPLOADS = 4  # every fourth connection sends from the client
PAYLOAD = random.Random(SEED).randbytes(DATA_BYTES)


@dataclass(frozen=True)
class Transfer:
    """One connection: its ends, initial sequence numbers, clocks and IP IDs, client's first; who sends the data."""

    ends: tuple[Endpoint, Endpoint]
    isn: tuple[int, int]
    clock: tuple[int, int]
    ip_id: tuple[int, int]
    sender: int

    def segment(
        self, side: int, flags: str, seq: int, ack: int, *, payload: bytes = b"", at_ms: int = 0, echo_ms: int = 0, ip_id: int = 0
    ) -> Segment:
        """A segment, its numbers counted from the connection's first ones."""
        times = (self.clock[side] + at_ms, 0 if flags == "S" else self.clock[1 - side] + echo_ms)
        head, tail = (SYN_OPTIONS[:6], SYN_OPTIONS[16:]) if "S" in flags else (OPTIONS[:2], b"")
        return Segment(
            self.ends[side],
            self.ends[1 - side],
            side == 0,
            flags,
            self.isn[side] + seq,
            0 if flags == "S" else self.isn[1 - side] + ack,
            payload,
            64240 if "S" in flags else 2048,
            head + timestamps(*times) + tail,
            ttl=TTL[side],
            ip_id=(self.ip_id[side] + ip_id) & 0xFFFF,
        )

    def data_begins(self) -> tuple[int, int]:
        """(the sender's, the receiver's) next number when the data begin: the client has asked by then."""
        return (1, 1 + REQUEST_BYTES) if self.sender else (1 + REQUEST_BYTES, 1)


def rounds(packets: int) -> int:
    """Whole rounds in a capture of about this many packets."""
    return max((packets // CONNECTIONS - OUTSIDE_ROUNDS) // 3, 1)


def intent(packets: int) -> Intent:
    """What `write` makes of this number of packets (rounded down to whole rounds)."""
    uploads = len(range(0, CONNECTIONS, UPLOADS))
    data_bytes = (rounds(packets) + 1) * 2 * DATA_BYTES
    return Intent(
        packets=CONNECTIONS * (3 * rounds(packets) + OUTSIDE_ROUNDS),
        connections=CONNECTIONS,
        closed_first_by_client=uploads,
        segments_of_close={4: CONNECTIONS},
        payload_bytes_of_clients=CONNECTIONS * REQUEST_BYTES + uploads * data_bytes,
        payload_bytes_of_servers=(CONNECTIONS - uploads) * data_bytes,
    )


def write(file: IO[bytes], packets: int, snaplen: int = ANY_SNAPLEN) -> None:
    """Write the capture, its frames cut at `snaplen` bytes."""
    transfers, count = _transfers(), rounds(packets)
    file.write(pcap_header(1, snaplen=snaplen))
    _write_sorted(file, snaplen, [packet for number, transfer in enumerate(transfers) for packet in _opening(transfer, number * 150)])
    page = Page(transfers, snaplen)
    for number in range(count):
        file.write(page.filled(number))
    end_us = ROUNDS_BEGIN_US + count * ROUND_US
    _write_sorted(
        file, snaplen, [packet for number, transfer in enumerate(transfers) for packet in _closing(transfer, count, end_us + number * 150)]
    )


def _transfers() -> list[Transfer]:
    draw = random.Random(SEED)

    def pair(bits: int) -> tuple[int, int]:
        return draw.getrandbits(bits), draw.getrandbits(bits)

    return [
        Transfer(
            (
                Endpoint(f"10.30.{number % 50}.{number % 7 + 10}", 33000 + 2 * number),
                Endpoint(f"198.51.100.{20 + number % 4}", (443, 8443)[number % 2]),
            ),
            pair(32),
            pair(30),
            pair(16),
            0 if number % UPLOADS == 0 else 1,
        )
        for number in range(CONNECTIONS)
    ]


def _write_sorted(file: IO[bytes], snaplen: int, packets: list[tuple[int, Segment]]) -> None:
    for at_us, segment in sorted(packets, key=lambda packet: packet[0]):
        file.write(record(segment, at_us, snaplen))


def _opening(transfer: Transfer, at_us: int) -> Iterator[tuple[int, Segment]]:
    """Handshake, request and the first two segments of data, which no round has acknowledged yet."""
    send, sender = transfer.segment, transfer.sender
    yield at_us, send(0, "S", 0, 0)
    yield at_us + 40, send(1, "SA", 0, 1)
    yield at_us + 8_000, send(0, "A", 1, 1, at_ms=8, ip_id=1)
    yield at_us + 8_030, send(0, "PA", 1, 1, payload=b"q" * REQUEST_BYTES, at_ms=8, ip_id=2)
    seq, ack = transfer.data_begins()
    for number in range(2):
        data = send(
            sender, "A", seq + number * DATA_BYTES, ack, payload=PAYLOAD, at_ms=9, echo_ms=0 if sender == 0 else 8, ip_id=3 + number
        )
        yield at_us + 9_000 + GAP_US * number, data


def _closing(transfer: Transfer, count: int, at_us: int) -> Iterator[tuple[int, Segment]]:
    """The last ACK, and a close in four segments that the sender of the data begins."""
    sender, receiver, at_ms = transfer.sender, 1 - transfer.sender, at_us // 1000
    begin, ack = transfer.data_begins()
    seq = begin + (count + 1) * 2 * DATA_BYTES
    ids = 5 + 2 * count

    def send(side: int, flags: str, seq: int, ack: int, ip_id: int) -> Segment:
        return transfer.segment(side, flags, seq, ack, at_ms=at_ms, echo_ms=at_ms - 8, ip_id=ids + ip_id)

    yield at_us, send(receiver, "A", ack, seq, 0)
    yield at_us + 60, send(sender, "FA", seq, ack, 0)
    yield at_us + 8_000, send(receiver, "A", ack, seq + 1, 1)
    yield at_us + 8_300, send(receiver, "FA", ack, seq + 1, 2)
    yield at_us + 16_000, send(sender, "A", seq + 1, ack + 1, 1)


class Page:
    """The records of one round, a row for each connection's two segments and another's ACK; filled in anew each time.

    What never changes stands in the templates: addresses, ports, the data's ACK number, the ACKs' sequence number.
    """

    def __init__(self, transfers: list[Transfer], snaplen: int) -> None:
        half = CONNECTIONS // 2
        self.senders = transfers
        self.receivers = transfers[half:] + transfers[:half]
        data = [_data_template(transfer, snaplen) for transfer in self.senders]
        acks = [_ack_template(transfer, snaplen) for transfer in self.receivers]
        rows = [segment.data * 2 + answer.data for segment, answer in zip(data, acks, strict=True)]
        size = len(data[0].data)
        self.sheet = Sheet(b"".join(rows), len(rows[0]))
        self.jitter = random.Random(SEED)
        self.data = [Column(data, offset, self.senders, lambda transfer: transfer.sender) for offset in (0, size)]
        self.acks = Column(acks, 2 * size, self.receivers, lambda transfer: 1 - transfer.sender)

    def filled(self, number: int) -> bytearray:
        """The round's bytes, valid until the next call."""
        base_us = ROUNDS_BEGIN_US + number * ROUND_US
        at_ms = base_us // 1000
        for place, column in enumerate((*self.data, self.acks)):
            shakes = self.jitter.randbytes(CONNECTIONS)
            begin_us = base_us + place * GAP_US
            times = range(begin_us, begin_us + ROUND_US, 3 * GAP_US)
            self.sheet.put_times(column.offset, [at + (byte * 10 >> 8) for at, byte in zip(times, shakes, strict=True)])
            moved = (number + 1) * 2 * DATA_BYTES + (DATA_BYTES if place == 1 else 0)
            ids = 5 + 2 * number + (place == 1) if place < 2 else 5 + number
            column.fill(self.sheet, SEQ if place < 2 else ACK, moved, at_ms, ids)
        return self.sheet.data


class Column:
    """One packet of each row: the data's first or second segment, or the ACK. `number` is what moves: SEQ or ACK."""

    def __init__(self, templates: list[Template], offset: int, transfers: list[Transfer], side_of: Callable[[Transfer], int]) -> None:
        self.offset, self.timestamps = offset, offset + templates[0].timestamps
        sides = [side_of(transfer) for transfer in transfers]
        pairs = list(zip(transfers, sides, strict=True))
        self.numbers = [transfer.isn[transfer.sender] + transfer.data_begins()[0] for transfer in transfers]
        self.clock = [transfer.clock[side] for transfer, side in pairs]
        self.echo = [transfer.clock[1 - side] for transfer, side in pairs]
        self.ip_id = [transfer.ip_id[side] for transfer, side in pairs]
        self.ip_sums = [kind.ip_sum for kind in templates]
        self.tcp_sums = [kind.tcp_sum + a + b for kind, a, b in zip(templates, self.clock, self.echo, strict=True)]

    def fill(self, sheet: Sheet, field: int, moved: int, at_ms: int, ids: int) -> None:
        """Write this packet of every row."""
        numbers = [number + moved & SEQUENCE_MASK for number in self.numbers]
        added = 2 * at_ms - 8
        sheet.put32(self.offset + field, numbers)
        sheet.put32(self.timestamps, [value + at_ms for value in self.clock])
        sheet.put32(self.timestamps + 4, [value + at_ms - 8 for value in self.echo])
        sums = [a + b + added for a, b in zip(self.tcp_sums, numbers, strict=True)]
        sheet.put16(self.offset + TCP_CHECKSUM, checksums(sums))
        marks = [value + ids & 0xFFFF for value in self.ip_id]
        sheet.put16(self.offset + IP_ID, marks)
        sheet.put16(self.offset + IP_CHECKSUM, checksums([a + b for a, b in zip(self.ip_sums, marks, strict=True)]))


def _data_template(transfer: Transfer, snaplen: int) -> Template:
    segment = transfer.segment(transfer.sender, "A", 0, transfer.data_begins()[1], payload=PAYLOAD)
    return template(replace(segment, seq=0, ip_id=0, options=OPTIONS), snaplen)


def _ack_template(transfer: Transfer, snaplen: int) -> Template:
    segment = transfer.segment(1 - transfer.sender, "A", transfer.data_begins()[1], 0)
    return template(replace(segment, ack=0, ip_id=0, options=OPTIONS), snaplen)
