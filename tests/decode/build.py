"""Packets for tests, field by field: what is wrong in them is wrong on purpose."""

import struct
from ipaddress import ip_address
from typing import Any

from tests.decode.blocks import Raw, Row, decoded

CLIENT, SERVER = "192.0.2.1", "198.51.100.2"
CLIENT6, SERVER6 = "2001:db8::1", "2001:db8::2"
TIMESTAMPS = b"\x01\x01\x08\x0a" + struct.pack("!II", 0x01020304, 0x05060708)
SYN_OPTIONS = b"\x02\x04\x05\xb4\x04\x02\x08\x0a" + struct.pack("!II", 77, 0) + b"\x01\x03\x03\x07"


def packed(address: str) -> bytes:
    return ip_address(address).packed


def ones_complement(data: bytes) -> int:
    """Checksum of RFC 1071, by its own words: add, fold, complement."""
    data += b"\0" * (len(data) % 2)
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def tcp(
    payload: bytes = b"",
    *,
    source: str = CLIENT,
    target: str = SERVER,
    ports: tuple[int, int] = (40000, 80),
    seq: int = 1000,
    ack: int = 2000,
    flags: int = 0x18,
    window: int = 512,
    options: bytes = b"",
    words: int | None = None,
    checksum: int | None = None,
) -> bytes:
    """A TCP segment; `words` is the data offset, `checksum` the field, both right if not given."""
    words = 5 + len(options) // 4 if words is None else words
    head = struct.pack("!HHIIHH", *ports, seq, ack, words << 12 | flags, window)
    segment = head + b"\0\0\0\0" + options + payload
    if checksum is None:
        pseudo = packed(source) + packed(target) + struct.pack("!HH", 6, len(segment))
        checksum = ones_complement(pseudo + segment)
    return head + struct.pack("!HH", checksum, 0) + options + payload


def ipv4(
    payload: bytes,
    *,
    source: str = CLIENT,
    target: str = SERVER,
    protocol: int = 6,
    ttl: int = 63,
    identification: int = 0x1234,
    fragment: int = 0x4000,
    options: bytes = b"",
    length: int | None = None,
) -> bytes:
    size = 20 + len(options)
    length = size + len(payload) if length is None else length
    return (
        struct.pack(
            "!BBHHHBBH4s4s", 0x40 | size // 4, 0, length, identification, fragment, ttl, protocol, 0, packed(source), packed(target)
        )
        + options
        + payload
    )


def ipv6(
    payload: bytes, *, source: str = CLIENT6, target: str = SERVER6, following: int = 6, hops: int = 62, length: int | None = None
) -> bytes:
    length = len(payload) if length is None else length
    return struct.pack("!IHBB", 6 << 28, length, following, hops) + packed(source) + packed(target) + payload


def ethernet(packet: bytes, kind: int | None = None) -> bytes:
    if kind is None:
        kind = 0x86DD if packet[0] >> 4 == 6 else 0x0800
    return b"\x02\0\0\0\0\x02\x02\0\0\0\0\x01" + struct.pack("!H", kind) + packet


def only_row(*frames: Raw, **options: bool) -> Row:
    """Decode frames that hold one segment in all and tell of no problem."""
    rows, problems = decoded(*frames, **options)
    assert problems.rows() == []
    assert len(rows) == 1
    return rows[0]


def key(source: str = CLIENT, target: str = SERVER, ports: tuple[int, int] = (40000, 80), scope: bytes = b"") -> bytes:
    return packed(source) + packed(target) + struct.pack("!HH", *ports) + scope


def row(**columns: Any) -> Row:
    """What `ethernet(ipv4(tcp(b"hello")))` becomes, but for what is given."""
    plain: Row = {
        "key": key(),
        "frame": 1,
        "time_ns": 0,
        "seq": 1000,
        "ack": 2000,
        "flags": 0x18,
        "window": 512,
        "payload": 5,
        "options": 0,
        "tsval": 0,
        "tsecr": 0,
        "window_scale": -1,
        "sack_left": 0,
        "sack_right": 0,
        "ip_id": 0x1234,
        "ttl": 63,
        "notes": 0,
        "interface": 0,
        "vlan": -1,
        "teid": -1,
    }
    return plain | columns


def matches(found: Row, **columns: Any) -> None:
    """Hold a row against `row(...)`; the checksum follows from the rest."""
    assert {name: found[name] for name in found if name != "checksum"} == row(**columns)
