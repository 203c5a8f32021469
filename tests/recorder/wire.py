"""What went over a wire: TCP segments of frames and of the recorder's own captures.

A decoder of its own and no larger than the recordings need, so that the program under test is not judged by itself.
"""

from __future__ import annotations

import lzma
import socket
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
ETHERNET, SLL2 = 1, 276
Endpoint = tuple[str, int]


@dataclass(slots=True, frozen=True)
class Segment:
    """One TCP segment as captured; `t_ns` since the epoch, `payload` in bytes by the IP header's length."""

    t_ns: int
    source: Endpoint
    target: Endpoint
    flags: int
    seq: int
    ack: int
    payload: int

    @property
    def end(self) -> int:
        """The sequence number after this segment."""
        return (self.seq + self.payload + bool(self.flags & SYN) + bool(self.flags & FIN)) & 0xFFFFFFFF


def segment_of(frame: bytes, t_ns: int = 0, link: int = ETHERNET) -> Segment | None:
    """The TCP segment in a frame, None if there is none (ARP, neighbour discovery, UDP)."""
    at, kind = (20, frame[:2]) if link == SLL2 else (14, frame[12:14])
    while kind in (b"\x81\x00", b"\x88\xa8"):
        kind, at = frame[at + 2 : at + 4], at + 4
    if kind == b"\x08\x00" and frame[at + 9] == 6:
        source, target = socket.inet_ntoa(frame[at + 12 : at + 16]), socket.inet_ntoa(frame[at + 16 : at + 20])
        length, header = int.from_bytes(frame[at + 2 : at + 4], "big"), (frame[at] & 15) * 4
    elif kind == b"\x86\xdd" and frame[at + 6] == 6:
        source = socket.inet_ntop(socket.AF_INET6, frame[at + 8 : at + 24])
        target = socket.inet_ntop(socket.AF_INET6, frame[at + 24 : at + 40])
        length, header = int.from_bytes(frame[at + 4 : at + 6], "big") + 40, 40
    else:
        return None
    total = length or len(frame) - at  # IP length 0: a segment too large for the field (offload)
    at += header
    sport, dport, seq, ack, offset, flags = struct.unpack_from("!HHIIBB", frame, at)
    payload = total - header - (offset >> 4) * 4
    return Segment(t_ns, (source, sport), (target, dport), flags, seq, ack, payload)


def kind_of(segment: Segment) -> str:
    """SYN, SYNACK, FIN, RST, DATA or ACK. A FIN that carries data is a FIN."""
    if segment.flags & RST:
        return "RST"
    if segment.flags & SYN:
        return "SYNACK" if segment.flags & ACK else "SYN"
    if segment.flags & FIN:
        return "FIN"
    return "DATA" if segment.payload else "ACK"


def records(path: Path) -> Iterator[tuple[int, int, bytes, bytes]]:
    """(time in ns, link type, record header, frame) of each record of a capture of ours (little-endian pcap)."""
    with lzma.open(path) if path.suffix == ".xz" else path.open("rb") as file:
        magic, _, _, _, _, _, link = struct.unpack("<IHHiIII", file.read(24))
        unit = 1 if magic == 0xA1B23C4D else 1000
        while len(head := file.read(16)) == 16:
            seconds, fraction, kept, _ = struct.unpack("<IIII", head)
            frame = file.read(kept)
            if len(frame) < kept:
                return
            yield seconds * 1_000_000_000 + fraction * unit, link, head, frame


def segments(path: Path) -> list[Segment]:
    """Every TCP segment of a capture, in its order."""
    found = (segment_of(frame, t_ns, link) for t_ns, link, _, frame in records(path))
    return [s for s in found if s is not None]


def cut_after(path: Path, end_ns: int) -> int:
    """Take away what was captured after end_ns (the trace had stopped by then); gives the number of frames left."""
    header = path.read_bytes()[:24]
    kept = [head + frame for t_ns, _, head, frame in records(path) if t_ns <= end_ns]
    path.write_bytes(header + b"".join(kept))
    return len(kept)
