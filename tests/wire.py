"""Segments of a ladder as bytes: Ethernet frames in a pcap file of nanoseconds."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from tcptrace_py.model.addresses import text
from tcptrace_py.model.segments import QUOTED, key_parts
from tests.decode import build

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from tests.ladder import Seg

HEADER = struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 262144, 1)


def frame_of(segment: Seg) -> bytes:
    """An Ethernet frame of a segment, or of the ICMP error that quotes it."""
    source, target, sport, dport, _ = key_parts(segment.key)
    here, there = text(source), text(target)
    tcp = build.tcp(
        bytes(segment.payload),
        source=here,
        target=there,
        ports=(sport, dport),
        seq=segment.seq,
        ack=segment.ack,
        flags=segment.flags,
        window=segment.window,
    )
    packet = build.ipv4(tcp, source=here, target=there, identification=max(segment.ip_id, 0), ttl=segment.ttl)
    if segment.notes & QUOTED:
        packet = build.ipv4(b"\x03\x01\0\0\0\0\0\0" + packet, source=there, target=here, protocol=1)
    return build.ethernet(packet)


def record(segment: Seg, extra: bytes = b"") -> bytes:
    """A record of a capture file; `extra` follows the packet, as Ethernet's padding does."""
    frame = frame_of(segment) + extra
    return struct.pack("<IIII", *divmod(segment.time_ns, 10**9), len(frame), len(frame)) + frame


def write(path: Path, segments: Iterable[Seg], tail: bytes = b"") -> Path:
    """Write a capture file."""
    path.write_bytes(HEADER + b"".join(map(record, segments)) + tail)
    return path
