"""Ways in which a capture's bytes are damaged: (random source, bytes, another capture's bytes) -> bytes."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from .material import PCAP, edges, pieces

if TYPE_CHECKING:
    from random import Random

Damage = Callable[["Random", bytes, bytes], bytes]

WORDS = (0, 1, 2, 12, 16, 0x7F, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x40000, 0x1000000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)


def cut(rng: Random, data: bytes, _other: bytes) -> bytes:
    """Cut the end off: anywhere, or near a structure's boundary."""
    if rng.random() < 0.5:
        return data[: rng.randrange(len(data) + 1)]
    return data[: max(rng.choice(edges(data)) + rng.choice((-1, 0, 1, 7, 15, 16, 17)), 0)]


def change(rng: Random, data: bytes, _other: bytes) -> bytes:
    """Give one to four bytes other values."""
    changed = bytearray(data)
    for _ in range(rng.randint(1, 4)):
        changed[_place(rng, data)] = rng.randrange(256)
    return bytes(changed)


def flip(rng: Random, data: bytes, _other: bytes) -> bytes:
    """Flip single bits."""
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 30))):
        changed[_place(rng, data)] ^= 1 << rng.randrange(8)
    return bytes(changed)


def word(rng: Random, data: bytes, _other: bytes) -> bytes:
    """Put an extreme number where some field may be."""
    size = rng.choice((1, 2, 4, 4, 8))
    value = (rng.choice(WORDS) + rng.choice((0, 0, -1, 1))) % (1 << 8 * size)
    at = min(_place(rng, data) // size * size, max(len(data) - size, 0))
    return data[:at] + value.to_bytes(size, rng.choice(("big", "little"))) + data[at + size :]


def insert(rng: Random, data: bytes, other: bytes) -> bytes:
    """Put foreign bytes in."""
    at, size = _place(rng, data), rng.choice((1, 2, 4, 16, 100, 5000))
    start = rng.randrange(len(other))
    foreign = rng.choice((bytes(size), b"\xff" * size, rng.randbytes(size), other[start : start + size]))
    return data[:at] + foreign + data[at:]


def remove(rng: Random, data: bytes, _other: bytes) -> bytes:
    """Take bytes out."""
    at = _place(rng, data)
    return data[:at] + data[at + rng.choice((1, 2, 4, 16, 100, 1000)) :]


def blank(rng: Random, data: bytes, _other: bytes) -> bytes:
    """Overwrite a span with zeros: a hole of a disk that ran full."""
    at, size = _place(rng, data), rng.choice((4, 16, 100, 1000))
    size = min(size, len(data) - at)
    return data[:at] + bytes(size) + data[at + size :]


def splice(rng: Random, data: bytes, other: bytes) -> bytes:
    """Begin as one capture, go on as another."""
    if rng.random() < 0.5:
        return data[: rng.randrange(len(data) + 1)] + other[rng.randrange(len(other)) :]
    return data[: rng.choice(edges(data))] + other[rng.choice(edges(other)) :]


def shuffle(rng: Random, data: bytes, _other: bytes) -> bytes:
    """Put records into another order: all, or a few that lie side by side."""
    head, rows = pieces(data)
    if rng.random() < 0.5:
        rng.shuffle(rows)
    elif len(rows) > 1:
        at = rng.randrange(len(rows) - 1)
        rows[at : at + 3] = rows[at : at + 3][::-1]
    return head + b"".join(rows)


def repeat(rng: Random, data: bytes, _other: bytes) -> bytes:
    """Put records in twice or oftener: at once, or later."""
    head, rows = pieces(data)
    for _ in range(rng.randint(1, 5) if rows else 0):
        at = rng.randrange(len(rows))
        again = rng.randrange(at, len(rows)) + 1
        rows[again:again] = [rows[at]] * rng.choice((1, 1, 2, 20))
    return head + b"".join(rows)


def drop(rng: Random, data: bytes, _other: bytes) -> bytes:
    """Lose records."""
    head, rows = pieces(data)
    share = rng.choice((0.05, 0.3, 0.7))
    return head + b"".join(row for row in rows if rng.random() > share)


def snap(rng: Random, data: bytes, _other: bytes) -> bytes:
    """Cut every record's frame, its length on the wire kept: another snap length."""
    if data[:4] not in PCAP:
        return data
    head, rows = pieces(data)
    order: str = {"<": "little", ">": "big"}[PCAP[data[:4]]]
    most = rng.choice((14, 34, 42, 48, 54, 58, 66, 74, 96))
    return head + b"".join(
        row[:8] + min(most, len(row) - 16).to_bytes(4, order) + row[12 : 16 + most]  # type: ignore[arg-type]
        for row in rows
        if len(row) >= 16
    )


def time(rng: Random, data: bytes, _other: bytes) -> bytes:
    """Let a record's clock jump."""
    head, rows = pieces(data)
    at = 0 if data[:4] in PCAP else 12
    for _ in range(rng.randint(1, 3) if rows else 0):
        number = rng.randrange(len(rows))
        row = rows[number]
        rows[number] = row[:at] + rng.choice((rng.randbytes(4), bytes(4), b"\xff" * 4)) + row[at + 4 :]
    return head + b"".join(rows)


DAMAGES: tuple[Damage, ...] = (
    cut, change, change, flip, word, word, insert, remove, blank, splice, shuffle, repeat, drop, snap, time,
)  # fmt: skip


def several(rng: Random, data: bytes, other: bytes) -> tuple[str, bytes]:
    """One kind of damage or several on top of each other; their names, and what is left."""
    names = []
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        damage = rng.choice(DAMAGES)
        names.append(damage.__name__)
        data = damage(rng, data or b"\0", other or b"\0")
    return "+".join(names), data


def _place(rng: Random, data: bytes) -> int:
    """Choose a byte: anywhere, or among the headers of file, record and frame, where more depends on it."""
    if rng.random() < 0.3:
        return rng.randrange(len(data))
    return min(rng.choice(edges(data)) + rng.randrange(100), len(data) - 1)
