"""Writes small captures byte by byte, and reads captures back as plain rows: for these tests only."""

import struct
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from tcptrace_py.capture import BLOCK_FRAMES, open_captures
from tcptrace_py.model.problems import Problem, Problems
from tcptrace_py.model.results import FileInfo

ETHERNET = 1
MICRO, NANO, MODIFIED = 0xA1B2C3D4, 0xA1B23C4D, 0xA1B2CD34
S = 1_000_000_000


class Frame(NamedTuple):
    """One row of a block."""

    number: int
    time_ns: int
    data: bytes
    wire: int
    link: int
    interface: int


class Read(NamedTuple):
    """What reading gave."""

    frames: list[Frame]
    problems: list[Problem]
    files: list[FileInfo]

    @property
    def data(self) -> list[bytes]:
        return [frame.data for frame in self.frames]

    @property
    def times(self) -> list[int]:
        return [frame.time_ns for frame in self.frames]

    @property
    def codes(self) -> list[str]:
        return [problem.code for problem in self.problems]

    @property
    def only_problem(self) -> Problem:
        (problem,) = self.problems
        return problem


def read(*paths: Path | str, progress: Callable[[int, int | None], None] | None = None) -> Read:
    """Read it all, and check what must hold of every block."""
    problems = Problems()
    reader = open_captures(paths, problems, progress=progress)
    frames: list[Frame] = []
    for block in reader.blocks():
        assert 0 < block.count <= BLOCK_FRAMES
        assert min(block.numbers()) >= block.first_frame
        columns = (block.time_ns, block.offset, block.captured, block.wire, block.link, block.interface)
        assert {len(column) for column in columns} == {block.count}
        assert isinstance(block.data, bytes)
        for row, (time_ns, offset, captured, wire, link, interface) in enumerate(zip(*columns, strict=True)):
            assert offset >= 0
            assert offset + captured <= len(block.data)
            data = block.data[offset : offset + captured]
            frames.append(Frame(block.number(row), time_ns, data, wire, link, interface))
    assert sum(info.packets for info in reader.files) == len(frames)
    assert sorted(frame.number for frame in frames) == list(range(1, len(frames) + 1))
    return Read(frames, problems.rows(), reader.files)


def read_bytes(path: Path, content: bytes) -> Read:
    """Write a capture and read it."""
    path.write_bytes(content)
    return read(path)


def payload(number: int, length: int = 20) -> bytes:
    """Bytes that no other frame has."""
    return struct.pack(">I", number) * (length // 4) + b"." * (length % 4)


ROWS = [(1_700_000_000 * S + number * 1_000_001_000, payload(number, 20 + number)) for number in range(9)]
DATA = [data for _time_ns, data in ROWS]


def pcap_header(order: str = "<", magic: int = MICRO, link: int = ETHERNET, snaplen: int = 65535) -> bytes:
    return struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, snaplen, link)


def pcap_record(time_ns: int, data: bytes, wire: int | None = None, order: str = "<", magic: int = MICRO) -> bytes:
    fraction = time_ns % S if magic == NANO else time_ns % S // 1000
    more = bytes(8) if magic == MODIFIED else b""
    wire = len(data) if wire is None else wire
    return struct.pack(order + "IIII", time_ns // S, fraction, len(data), wire) + more + data


def pcap(rows: Iterable[tuple[int, bytes]], order: str = "<", magic: int = MICRO, link: int = ETHERNET) -> bytes:
    """A whole file of (time in nanoseconds, data)."""
    return pcap_header(order, magic, link) + b"".join(pcap_record(time_ns, data, order=order, magic=magic) for time_ns, data in rows)


def block(kind: int, body: bytes, order: str = "<") -> bytes:
    body += bytes(-len(body) % 4)
    return struct.pack(order + "II", kind, len(body) + 12) + body + struct.pack(order + "I", len(body) + 12)


def section(order: str = "<", major: int = 1) -> bytes:
    return block(0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, major, 0, -1), order)


def option(code: int, value: bytes, order: str = "<") -> bytes:
    return struct.pack(order + "HH", code, len(value)) + value + bytes(-len(value) % 4)


def interface(
    link: int = ETHERNET,
    order: str = "<",
    snaplen: int = 0,
    tsresol: int | None = None,
    offset_s: int | None = None,
    name: bytes | None = b"eth0",
) -> bytes:
    options = b"" if name is None else option(2, name, order)
    if tsresol is not None:
        options += option(9, bytes([tsresol]), order)
    if offset_s is not None:
        options += option(14, struct.pack(order + "q", offset_s), order)
    return block(1, struct.pack(order + "HHI", link, 0, snaplen) + options + option(0, b"", order), order)


def enhanced(ticks: int, data: bytes, number: int = 0, order: str = "<", *, wire: int | None = None, options: bytes = b"") -> bytes:
    head = struct.pack(order + "IIIII", number, ticks >> 32, ticks & 0xFFFFFFFF, len(data), len(data) if wire is None else wire)
    return block(6, head + data + bytes(-len(data) % 4) + options, order)


def obsolete(ticks: int, data: bytes, number: int = 0, order: str = "<") -> bytes:
    head = struct.pack(order + "HHIIII", number, 7, ticks >> 32, ticks & 0xFFFFFFFF, len(data), len(data))
    return block(2, head + data, order)


def simple(data: bytes, order: str = "<", wire: int | None = None) -> bytes:
    return block(3, struct.pack(order + "I", len(data) if wire is None else wire) + data, order)


def pcapng(rows: Sequence[tuple[int, bytes]], order: str = "<") -> bytes:
    """A whole file of one section and interface, its times in microseconds."""
    return section(order) + interface(order=order) + b"".join(enhanced(time_ns // 1000, data, order=order) for time_ns, data in rows)


def snoop_header(datalink: int = 4) -> bytes:
    return struct.pack(">8sII", b"snoop\0\0\0", 2, datalink)


def snoop_record(time_ns: int, data: bytes, wire: int = 0, padding: int | None = None) -> bytes:
    padding = -len(data) % 4 if padding is None else padding
    head = (wire or len(data), len(data), 24 + len(data) + padding, 0, time_ns // S, time_ns % S // 1000)
    return struct.pack(">IIIIII", *head) + data + bytes(padding)


def snoop(rows: list[tuple[int, bytes]], datalink: int = 4) -> bytes:
    return snoop_header(datalink) + b"".join(snoop_record(time_ns, data) for time_ns, data in rows)
