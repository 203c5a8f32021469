"""Many short connections: ten packets each, as a capture beside a few busy servers sees them.

Connections begin at a steady rate. Every connection belongs to one of `CLASSES` classes, in turn, and those of a class
follow the same timetable (round trip, time to answer, time until the close, who closes, sizes). A row holds all packets
that fall into the time in which each class begins one connection: they belong to connections begun then or some rows
earlier. Rows are alike but for the numbers in their packets.
"""

import random
from array import array
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import IO

from tests.writer.files import pcap_header
from tests.writer.segment import Endpoint, Segment, mss, pack_options, sack_permitted, timestamps, window_scale

from .records import (
    ACK,
    IP_CHECKSUM,
    IP_ID,
    SEQ,
    SOURCE,
    SOURCE_PORT,
    TARGET,
    TARGET_PORT,
    TCP_CHECKSUM,
    Intent,
    Sheet,
    Template,
    checksums,
    template,
)

SEED = 793
CLASSES = 50
PACKETS = 10  # of a connection
TICK_US = 435  # one connection begins in each: with 60 s of TIME_WAIT, some 140 000 are alive or in TIME_WAIT at once
SLOTS = CLASSES * PACKETS
ROW_US = CLASSES * TICK_US
SLOT_US = ROW_US / SLOTS
ROWS_AT_ONCE = 64
CLIENTS = 4093  # prime, so that every client comes to use every class
PORTS = 14_000
SERVERS = ("198.51.100.10:443", "198.51.100.11:80", "198.51.100.12:8080", "198.51.100.12:443", "198.51.100.13:9000")
NO_CLIENT = "10.20.0.0"
TTL = (52, 64)  # the client's segments have come some way
PAYLOADS = (b"GET /item HTTP/1.1\r\nHost: example.net\r\nAccept: */*\r\n", b"HTTP/1.1 200 OK\r\nServer: bench\r\n")
SYN_OPTIONS = pack_options(mss(1460), sack_permitted(), timestamps(0, 0), b"\x01", window_scale(7))
OPTIONS = pack_options(b"\x01\x01", timestamps(0, 0))

# Who sends what: `>` is the client's, `<` the server's. The second FIN comes on the ACK of the first, or after it.
OPENING = (">S", "<SA", ">A", ">PA")
LADDERS = (
    (*OPENING, "<A", "<PA", ">A", ">FA", "<FA", ">A"),
    (*OPENING, "<A", "<PA", ">A", "<FA", ">FA", "<A"),
    (*OPENING, "<PA", ">A", ">FA", "<A", "<FA", ">A"),
    (*OPENING, "<PA", ">A", "<FA", ">A", ">FA", "<A"),
)
CLIENT_CLOSES_FIRST = (True, False, True, False)
SEGMENTS_OF_CLOSE = (3, 3, 4, 4)
SENDER_SIGN = "><"


@dataclass(frozen=True)
class Timetable:
    """What the connections of a class have in common. Times in microseconds after the SYN."""

    server: Endpoint
    ladder: int
    request_bytes: int
    response_bytes: int
    times_us: tuple[int, ...]


@dataclass(frozen=True)
class Slot:
    """One packet of a class's connections. The numbers are added to those that a connection begins with."""

    of_class: int
    after_us: int
    template: Template
    side: int
    syn: bool
    seq: int
    ack: int
    tsval: int
    tsecr: int
    ip_id: int
    rows_back: int = 0
    at_us: int = 0
    offset: int = 0


def intent(packets: int) -> Intent:
    """What `write` makes of this number of packets (rounded down to whole connections)."""
    connections = packets // PACKETS
    of_class = [len(range(number, connections, CLASSES)) for number in range(CLASSES)]
    tables = list(zip(_timetables(), of_class, strict=True))
    segments: Counter[int] = Counter()
    for table, count in tables:
        segments[SEGMENTS_OF_CLOSE[table.ladder]] += count
    return Intent(
        packets=connections * PACKETS,
        connections=connections,
        closed_first_by_client=sum(count for table, count in tables if CLIENT_CLOSES_FIRST[table.ladder]),
        segments_of_close={size: count for size, count in segments.items() if count},
        payload_bytes_of_clients=sum(table.request_bytes * count for table, count in tables),
        payload_bytes_of_servers=sum(table.response_bytes * count for table, count in tables),
    )


def write(file: IO[bytes], packets: int) -> None:
    """Write the capture."""
    connections = packets // PACKETS
    file.write(pcap_header(1))
    slots, row = _layout()
    longest = max(slot.rows_back for slot in slots)
    rows = -(-connections // CLASSES) + longest
    begins = [Begins(number, rows, longest) for number in range(CLASSES)]
    jitter = random.Random(SEED)
    for first in range(0, rows, ROWS_AT_ONCE):
        count = min(ROWS_AT_ONCE, rows - first)
        sheet = Sheet(row * count, len(row))
        for slot in slots:
            _fill(sheet, slot, begins[slot.of_class], first, jitter.randbytes(count))
        if longest <= first and first + count <= connections // CLASSES:
            file.write(sheet.data)
        else:
            for number in range(count):
                file.writelines(_existing(sheet, slots, number, first + number, connections))


class Begins:
    """The numbers that the connections of a class begin with, by row; a row index is moved up by `before`."""

    def __init__(self, of_class: int, rows: int, before: int) -> None:
        connections = range(of_class, of_class + rows * CLASSES, CLASSES)
        self.before = before
        self.address = _column("H", before, (number % CLIENTS * 16 + 1 for number in connections))
        self.port = _column("H", before, (_port(number) for number in connections))
        # No number passes 2^32 within a connection, so that one sum serves the checksums of all its segments.
        self.isn = [_column("I", before, (_mixed(number, salt) for number in connections)) for salt in (1, 2)]
        self.clock = [_column("I", before, (_mixed(number, salt) for number in connections)) for salt in (3, 4)]
        self.ip_id = [_column("H", before, (_mixed(number, salt) >> 17 for number in connections)) for salt in (5, 6)]
        columns = (self.address, self.port, *self.isn, *self.clock)
        self.sum = [sum(values) for values in zip(*columns, strict=True)]
        self.syn_sum = [sum(values) for values in zip(self.address, self.port, self.isn[0], self.clock[0], strict=True)]


def _column(kind: str, before: int, values: Iterator[int]) -> "array[int]":
    column = array(kind, bytes(before * array(kind).itemsize))
    column.extend(values)
    return column


def _port(number: int) -> int:
    """An even port, as Linux prefers for clients; a client's connections take one after the other, from anywhere."""
    return 32768 + 2 * ((number // CLIENTS + number % CLIENTS * 7) % PORTS)


def _mixed(number: int, salt: int) -> int:
    """31 bits that look random, different for each connection (multiplicative hashing, Knuth 6.4)."""
    mixed = (number * 2654435761 + salt * 0x9E3779B9) & 0xFFFFFFFF
    return ((mixed ^ mixed >> 15) * 0x2C1B3C6D & 0xFFFFFFFF) >> 1


def _timetables() -> list[Timetable]:
    """The classes, drawn once from a seed."""
    draw = random.Random(SEED)
    return [_timetable(number, draw) for number in range(CLASSES)]


def _timetable(number: int, draw: random.Random) -> Timetable:
    ladder = draw.choices(range(len(LADDERS)), weights=(4, 3, 2, 1))[0]
    spans_us = ((5_000, 120_000), (500, 40_000), (100, 600_000))
    round_trip_us, thinks_us, holds_us = (draw.randrange(*span_us) for span_us in spans_us)
    times_us, at_us, before = [], 0, ">"
    for step, sent in enumerate(LADDERS[ladder]):
        if step:
            at_us += _pause_us(before, sent, round_trip_us, thinks_us, holds_us)
        times_us.append(at_us)
        before = sent
    server = Endpoint.of(SERVERS[number % len(SERVERS)])
    return Timetable(server, ladder, draw.randrange(60, 400), draw.randrange(80, 600), tuple(times_us))


def _pause_us(before: str, sent: str, round_trip_us: int, thinks_us: int, holds_us: int) -> int:
    """Time between two packets of a connection, as the server's network sees them."""
    if sent == "<PA":
        return thinks_us
    if "F" in sent and before[0] == sent[0] and "F" not in before:
        return holds_us
    return round_trip_us if sent[0] == ">" and before[0] == "<" else 120


def _layout() -> tuple[list[Slot], bytes]:
    """All slots in order of time within a row, evenly spread over it, and the row of their templates."""
    slots = [slot for number, table in enumerate(_timetables()) for slot in _slots(number, table)]
    slots.sort(key=lambda slot: (slot.of_class * TICK_US + slot.after_us) % ROW_US)
    placed, offset = [], 0
    for place, slot in enumerate(slots):
        rows_back = (slot.of_class * TICK_US + slot.after_us) // ROW_US
        placed.append(replace(slot, rows_back=rows_back, at_us=int(place * SLOT_US), offset=offset))
        offset += len(slot.template.data)
    return placed, b"".join(slot.template.data for slot in placed)


def _slots(number: int, table: Timetable) -> Iterator[Slot]:
    """The ten packets of a connection of this class, with all numbers counted from its first ones."""
    after, clock, ids = [0, 0], [0, 0], [0, 0]  # next sequence number, last TSval and packets, of client and server
    for sent, at_us in zip(LADDERS[table.ladder], table.times_us, strict=True):
        side, flags = SENDER_SIGN.index(sent[0]), sent[1:]
        payload_bytes = 0 if flags != "PA" else (table.request_bytes, table.response_bytes)[side]
        first = flags == "S"
        clock[side] = at_us // 1000
        ids[side] += 1
        yield Slot(
            number,
            at_us,
            template(_segment(table, side, flags, payload_bytes)),
            side,
            first,
            after[side],
            0 if first else after[1 - side],
            clock[side],
            0 if first else clock[1 - side],
            ids[side],
        )
        after[side] += payload_bytes + ("S" in flags) + ("F" in flags)


def _segment(table: Timetable, side: int, flags: str, payload_bytes: int) -> Segment:
    ends = (Endpoint(NO_CLIENT, 0), table.server)
    payload = (PAYLOADS[side] * 20)[:payload_bytes]
    options = SYN_OPTIONS if "S" in flags else OPTIONS
    return Segment(
        ends[side], ends[1 - side], side == 0, flags, 0, 0, payload, 64240 if "S" in flags else 502, options, ttl=TTL[side], ip_id=0
    )


def _fill(sheet: Sheet, slot: Slot, begins: Begins, first_row: int, jitter: bytes) -> None:
    """Write one packet of each row, moved on a little by a byte of `jitter`."""
    count = len(jitter)
    at, kind = slot.offset, slot.template
    start = first_row - slot.rows_back + begins.before
    rows = slice(start, start + count)
    mine, peer = slot.side, 1 - slot.side
    base_us = first_row * ROW_US + slot.at_us
    steps = range(base_us, base_us + count * ROW_US, ROW_US)
    sheet.put_times(at, [step + (byte * 42 >> 8) for step, byte in zip(steps, jitter, strict=True)])
    sheet.put16(at + (TARGET if mine else SOURCE) + 2, begins.address[rows])
    sheet.put16(at + (TARGET_PORT if mine else SOURCE_PORT), begins.port[rows])
    sheet.put32(at + SEQ, [number + slot.seq for number in begins.isn[mine][rows]])
    sheet.put32(at + kind.timestamps, [number + slot.tsval for number in begins.clock[mine][rows]])
    if not slot.syn:
        sheet.put32(at + ACK, [number + slot.ack for number in begins.isn[peer][rows]])
        sheet.put32(at + kind.timestamps + 4, [number + slot.tsecr for number in begins.clock[peer][rows]])
    ids = [number + slot.ip_id for number in begins.ip_id[mine][rows]]
    sheet.put16(at + IP_ID, ids)
    addresses = begins.address[rows]
    sheet.put16(at + IP_CHECKSUM, checksums([kind.ip_sum + a + b for a, b in zip(ids, addresses, strict=True)]))
    added = kind.tcp_sum + slot.seq + slot.ack + slot.tsval + slot.tsecr
    sums = begins.syn_sum if slot.syn else begins.sum
    sheet.put16(at + TCP_CHECKSUM, checksums([added + total for total in sums[rows]]))


def _existing(sheet: Sheet, slots: list[Slot], number: int, row: int, connections: int) -> Iterator[bytes]:
    """The packets of a row at the capture's start or end: those of connections that there are."""
    for slot in slots:
        if 0 <= (row - slot.rows_back) * CLASSES + slot.of_class < connections and slot.rows_back <= row:
            start = number * sheet.row_bytes + slot.offset
            yield bytes(sheet.data[start : start + len(slot.template.data)])
