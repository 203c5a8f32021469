"""Captures whose TCP says other things than it did: headers taken apart by dpkt, altered, and put together again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dpkt

from .material import Record

if TYPE_CHECKING:
    from random import Random

ETHERNET = 1
FLAGS = (0, 1, 2, 3, 4, 5, 6, 0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x18, 0x19, 0x29, 0x3F, 0xC2, 0x1FF)
JUMPS = (1, -1, 2, 1000, 65535, 65536, 1 << 30, (1 << 31) - 1, 1 << 31, (1 << 31) + 1, -(1 << 30))
YEAR_NS = 365 * 86400 * 10**9
SECONDS = (-1, 59, 61, 301, 86401)
YEARS = (1, -1, 100, -60)
STEPS_NS = (1, -1, 1000, 10**6, 2 * 10**8, *(step * 10**9 for step in SECONDS), *(step * YEAR_NS for step in YEARS))
OPTIONS = (
    b"",
    b"\1" * 40,
    b"\0" * 40,
    bytes([5, 34]) + b"\xff" * 32 + b"\1\1",
    b"\2\4\0\0\3\3\xff\0",
    b"\x08\x0a" + b"\xff" * 8 + b"\1\1",
    bytes([254, 40]) + bytes(38),
    b"\x08\0\0\0",
    b"\x22\x28" + b"\7" * 38,
    b"\x05\x0a\0\0\0\1\0\0\0\0\1\1",
    b"\3\3\x0e\0",
)


def altered(rng: Random, rows: list[Record]) -> list[Record]:
    """Records of Ethernet frames with a few of their segments altered, or the order and times of all of them."""
    frames: list[tuple[int, Any]] = [(row.time_ns, _ethernet(row.data)) for row in rows]
    if rng.random() < 0.2:
        _all_at_once(rng, [tcp for _, frame in frames if (tcp := _tcp(frame)) is not None])
    for _ in range(rng.choice((1, 2, 3, 10))):
        if not frames:
            break
        at = rng.randrange(len(frames))
        tcp = _tcp(frames[at][1])
        if tcp is not None:
            rng.choice(_CHANGES)(rng, tcp, frames[at][1].data)
        if rng.random() < 0.3:
            step_ns = rng.choice(STEPS_NS)
            first = at if rng.random() < 0.5 else len(frames) - 1
            frames[at : first + 1] = [(time_ns + step_ns, frame) for time_ns, frame in frames[at : first + 1]]
        if rng.random() < 0.2:
            frames.insert(rng.randrange(at, len(frames) + 1), frames[at])
    return [_record(time_ns, frame) for time_ns, frame in frames]


def _ethernet(data: bytes) -> Any:
    try:
        return dpkt.ethernet.Ethernet(data)
    except (dpkt.UnpackError, IndexError, ValueError):
        return data


def _tcp(frame: Any) -> Any:
    inner = getattr(frame, "data", None)
    tcp = getattr(inner, "data", None)
    return tcp if isinstance(tcp, dpkt.tcp.TCP) and isinstance(inner, dpkt.ip.IP) else None


def _record(time_ns: int, frame: Any) -> Record:
    data = frame if isinstance(frame, bytes) else bytes(frame)
    return Record(max(time_ns, 0), max(len(data), 1), data or b"\0")


def _flags(rng: Random, tcp: Any, _ip: Any) -> None:
    tcp.flags = rng.choice(FLAGS)


def _seq(rng: Random, tcp: Any, _ip: Any) -> None:
    tcp.seq = (tcp.seq + rng.choice(JUMPS)) % (1 << 32)


def _ack(rng: Random, tcp: Any, _ip: Any) -> None:
    tcp.ack = (tcp.ack + rng.choice(JUMPS)) % (1 << 32)


def _window(rng: Random, tcp: Any, _ip: Any) -> None:
    tcp.win = rng.choice((0, 0, 1, 65535))


def _options(rng: Random, tcp: Any, ip: Any) -> None:
    tcp.opts = rng.choice(OPTIONS)
    tcp.off = 5 + (len(tcp.opts) + 3) // 4
    tcp.opts = tcp.opts.ljust((tcp.off - 5) * 4, b"\0")
    ip.len = ip.hl * 4 + len(tcp)


def _payload(rng: Random, tcp: Any, ip: Any) -> None:
    tcp.data = b"x" * rng.choice((0, 1, 2, 1460))
    ip.len = ip.hl * 4 + len(tcp)


def _length(rng: Random, _tcp_header: Any, ip: Any) -> None:
    ip.len = rng.choice((0, 20, 39, 40, 41, 65535))


def _other_way(_rng: Random, tcp: Any, ip: Any) -> None:
    ip.src, ip.dst = ip.dst, ip.src
    tcp.sport, tcp.dport = tcp.dport, tcp.sport


def _ports(rng: Random, tcp: Any, _ip: Any) -> None:
    tcp.sport, tcp.dport = rng.choice(((0, 0), (0, tcp.dport), (tcp.dport, tcp.dport), (65535, 0)))


def _to_itself(_rng: Random, tcp: Any, ip: Any) -> None:
    ip.src, tcp.sport = ip.dst, tcp.dport


_CHANGES = (_flags, _flags, _seq, _ack, _window, _options, _payload, _length, _other_way, _ports, _to_itself)


def _all_at_once(rng: Random, segments: list[Any]) -> None:
    """Move the numbers of one or both directions, so that they wrap somewhere; or put everything on one tuple."""
    shift = rng.choice((1 << 31, (1 << 32) - 1, *(tcp.seq for tcp in segments[:5]), 1))
    port = rng.choice([tcp.sport for tcp in segments] or [0])
    one_tuple, both = rng.random() < 0.2, rng.random() < 0.5
    for tcp in segments:
        if tcp.sport == port or both:
            tcp.seq = (tcp.seq - shift) % (1 << 32)
        if tcp.dport == port or both:
            tcp.ack = (tcp.ack - shift) % (1 << 32)
        if one_tuple:
            tcp.sport, tcp.dport = (1, 2) if tcp.sport > tcp.dport else (2, 1)
