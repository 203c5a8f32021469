"""Captures to be damaged: the samples, and those of further directories; taken apart without our readers."""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import struct
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

SAMPLES = Path(__file__).parents[2] / "samples"
FURTHER = "TCPSTATES_FUZZ_CAPTURES"  # directories, separated as in PATH
LARGEST_BYTES = 60_000  # beyond this a capture is shortened to its first records

PCAP = {b"\xd4\xc3\xb2\xa1": "<", b"\x4d\x3c\xb2\xa1": "<", b"\xa1\xb2\xc3\xd4": ">", b"\xa1\xb2\x3c\x4d": ">"}
NANO = (b"\x4d\x3c\xb2\xa1", b"\xa1\xb2\x3c\x4d")
PCAPNG = b"\x0a\x0d\x0d\x0a"
OPEN = {b"\x1f\x8b": gzip.decompress, b"BZh": bz2.decompress, b"\xfd7zXZ\x00": lzma.decompress}


@cache
def captures() -> tuple[Path, ...]:
    """All captures there are to be damaged, the samples first."""
    folders = [SAMPLES, *(Path(name) for name in os.environ.get(FURTHER, "").split(os.pathsep) if name)]
    return tuple(path for folder in folders for path in sorted(folder.glob("*.pcap*")) if path.is_file())


@cache
def content(path: Path) -> bytes:
    """Bytes of a capture, decompressed where the standard library can, shortened where it is large."""
    data = path.read_bytes()
    for magic, decompress in OPEN.items():
        if data.startswith(magic):
            try:
                data = decompress(data)
            except (OSError, EOFError, lzma.LZMAError):
                return data[:LARGEST_BYTES]
    if len(data) <= LARGEST_BYTES:
        return data
    return bytes(data[: max((edge for edge in edges(data) if edge <= LARGEST_BYTES), default=LARGEST_BYTES)])


def edges(data: bytes) -> list[int]:
    """Where records or blocks begin, and the end; as far as the lengths make sense."""
    found = list(_pcap_edges(data) if data[:4] in PCAP else _pcapng_edges(data) if data[:4] == PCAPNG else (0,))
    return [*found, len(data)] if not found or found[-1] != len(data) else found


def _pcap_edges(data: bytes) -> Iterator[int]:
    length = struct.Struct(PCAP[data[:4]] + "8xI4x")
    at = 24
    while at + 16 <= len(data):
        yield at
        at += 16 + int(length.unpack_from(data, at)[0])
    if at <= len(data):
        yield at


def _pcapng_edges(data: bytes) -> Iterator[int]:
    at, order = 0, "<"
    while at + 12 <= len(data):
        yield at
        if data[at : at + 4] == PCAPNG:
            order = "<" if data[at + 8 : at + 12] == b"\x4d\x3c\x2b\x1a" else ">"
        size = int(struct.unpack_from(order + "I", data, at + 4)[0])
        if size < 12 or size % 4:
            return
        at += size
    if at <= len(data):
        yield at


def pieces(data: bytes) -> tuple[bytes, list[bytes]]:
    """The file's head (a pcap's header, a pcapng's first section header and interface) and its records behind it."""
    cuts = edges(data)
    first = 0
    if data[:4] == PCAPNG:
        first = next((i for i in range(1, len(cuts) - 1) if data[cuts[i]] not in (10, 1, 4, 5)), len(cuts) - 1)
    records = [data[start:end] for start, end in zip(cuts[first:], cuts[first + 1 :], strict=False)]
    return data[: cuts[first]], records


@dataclass(frozen=True)
class Record:
    """One record of a pcap."""

    time_ns: int
    wire: int
    data: bytes


def records(data: bytes) -> tuple[int, list[Record]]:
    """Link type and records of a whole pcap."""
    order, unit = PCAP[data[:4]], 1 if data[:4] in NANO else 1000
    head, rows = pieces(data)
    found = []
    for row in rows:
        if len(row) < 16:
            break  # the tail was cut
        seconds, fraction, captured, wire = struct.unpack_from(order + "IIII", row)
        if captured == len(row) - 16:
            found.append(Record(seconds * 10**9 + fraction * unit, wire, row[16:]))
    return int(struct.unpack_from(order + "I", head, 20)[0]) & 0xFFFF, found


def as_pcap(link: int, rows: list[Record], order: str = "<") -> bytes:
    """Write records as a pcap of nanoseconds; their times lie in the 136 years that it can say."""
    parts = [struct.pack(order + "IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 262144, link)]
    for row in rows:
        seconds, rest = divmod(row.time_ns, 10**9)
        parts.append(struct.pack(order + "IIII", seconds & 0xFFFFFFFF, rest, len(row.data), row.wire) + row.data)
    return b"".join(parts)


def as_pcapng(link: int, rows: list[Record], order: str = "<", resolution: int = 9, offset_s: int = 0) -> bytes:
    """Write records as a pcapng of one interface; times of any sign and size are taken modulo 2^64 ticks."""
    options = struct.pack(order + "HHBxxxHHqI", 9, 1, resolution, 14, 8, offset_s, 0)
    parts = [
        struct.pack(order + "IIIHHqI", 0x0A0D0D0A, 28, 0x1A2B3C4D, 1, 0, -1, 28),
        struct.pack(order + "IIHHI", 1, 20 + len(options), link, 0, 262144) + options + struct.pack(order + "I", 20 + len(options)),
    ]
    for row in rows:
        ticks = (row.time_ns // 10 ** (9 - resolution)) & (2**64 - 1)
        size = 32 + len(row.data) + (-len(row.data) & 3)
        parts.append(
            struct.pack(order + "IIIIIII", 6, size, 0, ticks >> 32, ticks & 0xFFFFFFFF, len(row.data), row.wire)
            + row.data
            + bytes(-len(row.data) & 3)
            + struct.pack(order + "I", size)
        )
    return b"".join(parts)
