"""Sequence numbers: arithmetic modulo 2^32 (RFC 9293 section 3.4), in this one place."""

MASK = 0xFFFFFFFF
HALF = 1 << 31
_MASK, _HALF = MASK, HALF  # for this module: compiled, they are C numbers, and written out they would be objects


def ahead(a: int, b: int) -> int:
    """Signed distance from b to a, in bytes: positive where a comes after b. Between -2^31 and 2^31 - 1."""
    return ((a - b + _HALF) & _MASK) - _HALF


def add(a: int, count: int) -> int:
    """Sequence number `count` bytes after a."""
    return (a + count) & 0xFFFFFFFF
