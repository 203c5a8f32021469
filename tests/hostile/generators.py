"""Captures that grow: each kind costs its length and no more. `capture(kind, n)` gives the bytes of a pcap (or what it says)."""

from __future__ import annotations

import bz2
import gzip
import lzma
import random
import struct
import zlib
from importlib import import_module
from typing import TYPE_CHECKING

from tcptrace_py.model.segments import ACK, FIN, RST, SYN
from tests.capture.writing import block, enhanced, interface, option, section

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CLIENT, SERVER = b"\x0a\x01\0\1", b"\x0a\0\0\2"
START_S = 1_772_359_200
HEADER = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)
MACS = bytes.fromhex("020000000001020000000002")
SCALE = b"\3\3\x0e\1"  # a window scale of 14, so that holes may be wide

KINDS: dict[str, Callable[[int], Iterator[bytes]]] = {}


def kind(make: Callable[[int], Iterator[bytes]]) -> Callable[[int], Iterator[bytes]]:
    """Enter a kind under its name: what it makes are records of a pcap."""
    KINDS[make.__name__.replace("_", " ")] = make
    return make


def capture(name: str, n: int) -> bytes:
    """A pcap of this kind and size."""
    return HEADER + b"".join(KINDS[name](n))


def record(us: int, frame: bytes, cut: int = 0) -> bytes:
    """A record of a pcap with a time in microseconds from the start, `cut` bytes of it not captured."""
    seconds, rest = divmod(us, 1_000_000)
    return struct.pack("<IIII", START_S + seconds, rest, len(frame), len(frame) + cut) + frame


def segment(
    us: int,
    source: bytes,
    target: bytes,
    ports: tuple[int, int],
    seq: int,
    ack: int,
    flags: int,
    *,
    payload: int = 0,
    options: bytes = b"",
    window: int = 64240,
) -> bytes:
    """A record with a segment over IPv4, or over IPv6 where the addresses are long; the payload was not captured."""
    size = 20 + len(options)
    tcp = struct.pack(">HHIIBBHHH", *ports, seq & 0xFFFFFFFF, ack & 0xFFFFFFFF, size << 2, flags, window, 0, 0) + options
    if len(source) == 4:
        head = b"\x08\0" + struct.pack(">BBHHHBBH", 0x45, 0, 20 + size + payload, 0, 0x4000, 64, 6, 0)
    else:
        head = b"\x86\xdd" + struct.pack(">IHBB", 0x60000000, size + payload, 6, 64)
    return record(us, MACS + head + source + target + tcp, payload)


def tagged(made: bytes, vlan: int) -> bytes:
    """A record in a VLAN."""
    seconds, us, size, wire = struct.unpack_from("<IIII", made)
    frame = made[16:28] + struct.pack(">HH", 0x8100, vlan) + made[28:]
    return struct.pack("<IIII", seconds, us, size + 4, wire + 4) + frame


def tunnelled(made: bytes, network: int) -> bytes:
    """A record in a network of VXLAN."""
    seconds, us, _, _ = struct.unpack_from("<IIII", made)
    inner = struct.pack(">II", 0x08000000, network << 8) + made[16:]
    udp = struct.pack(">HHHH", 5555, 4789, 8 + len(inner), 0) + inner
    packet = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0) + b"\xac\x10\0\1\xac\x10\0\2" + udp
    return record((seconds - START_S) * 1_000_000 + us, MACS + b"\x08\0" + packet)


def address(number: int) -> bytes:
    """The client address of a number."""
    return struct.pack(">I", 0x0B000000 + number)


def opened(at: int, ports: tuple[int, int], options: bytes = b"") -> Iterator[bytes]:
    """A handshake from sequence numbers 0, in 20 ms."""
    back = ports[::-1]
    yield segment(at, CLIENT, SERVER, ports, 0, 0, SYN, options=options)
    yield segment(at + 10000, SERVER, CLIENT, back, 0, 1, SYN | ACK, options=options)
    yield segment(at + 20000, CLIENT, SERVER, ports, 1, 1, ACK)


@kind
def flood(n: int) -> Iterator[bytes]:
    """SYNs from as many addresses."""
    for i in range(n):
        yield segment(i * 10, address(i), SERVER, (1024 + i % 60000, 80), i * 7919, 0, SYN)


@kind
def flood6(n: int) -> Iterator[bytes]:
    """The same over IPv6."""
    chance = random.Random(6)
    server = b"\x20\1" + bytes(13) + b"\1"
    for i in range(n):
        yield segment(i * 10, chance.randbytes(16), server, (chance.getrandbits(16), 80), chance.getrandbits(32), 0, SYN)


@kind
def one_address(n: int) -> Iterator[bytes]:
    """SYNs from one address."""
    for i in range(n):
        yield segment(i * 10, CLIENT, SERVER, (i % 65536, 1 + i // 65536), i * 7919, 0, SYN)


@kind
def half_open(n: int) -> Iterator[bytes]:
    """SYNs that are answered and no more."""
    for i in range(n):
        ports = 1024 + i % 60000, 80
        yield segment(i * 20, address(i), SERVER, ports, i * 7919, 0, SYN)
        yield segment(i * 20 + 5, SERVER, address(i), ports[::-1], 1, i * 7919 + 1, SYN | ACK)


@kind
def silent(n: int) -> Iterator[bytes]:
    """Connections that fall silent one second apart."""
    for i in range(n):
        at = 10 if i % 8040 >= 8030 else (10 + i) * 1_000_000
        yield segment(at, address(i), SERVER, (1024 + i % 60000, 80), i * 7919, 1, RST)


@kind
def answers(n: int) -> Iterator[bytes]:
    """SYN/ACKs to as many addresses, of which none asked."""
    for i in range(n):
        yield segment(i * 10, SERVER, address(i), (80, 1024 + i % 60000), 1, i * 7919 + 1, SYN | ACK)


@kind
def lone_resets(n: int) -> Iterator[bytes]:
    """RSTs to as many addresses, of connections that nobody has."""
    for i in range(n):
        yield segment(i * 10, SERVER, address(i), (80, 1024 + i % 60000), i * 7919, 0, RST)


@kind
def lone_acks(n: int) -> Iterator[bytes]:
    """Acknowledgements from as many addresses, of connections that nobody has."""
    for i in range(n):
        yield segment(i * 10, address(i), SERVER, (1024 + i % 60000, 80), i * 7919, 1, ACK)


@kind
def lone_fins(n: int) -> Iterator[bytes]:
    """FINs from as many addresses, of connections that nobody has."""
    for i in range(n):
        yield segment(i * 10, address(i), SERVER, (1024 + i % 60000, 80), i * 7919, 1, FIN | ACK)


@kind
def refused(n: int) -> Iterator[bytes]:
    """SYNs from as many addresses that a port refuses."""
    for i in range(n):
        ports = 1024 + i % 60000, 80
        yield segment(i * 20, address(i), SERVER, ports, i * 7919, 0, SYN)
        yield segment(i * 20 + 5, SERVER, address(i), ports[::-1], 0, i * 7919 + 1, RST | ACK)


@kind
def strays(n: int) -> Iterator[bytes]:
    """Segments that hit nothing, RSTs and SYNs in turn, some 600 on each connection."""
    for c in range(max(1, n // 600)):
        ports, at = (1024 + c, 80), c * 1_000_000
        yield from opened(at, ports)
        for i in range(300):
            yield segment(at + 100000 + i * 200, SERVER, CLIENT, ports[::-1], 900_000_000 + i * 7, 0, RST)
            yield segment(at + 100100 + i * 200, CLIENT, SERVER, ports, 1_000_000 + i * 7919, 0, SYN)


@kind
def reused(n: int) -> Iterator[bytes]:
    """One four-tuple, opened, closed and used again."""
    ports, back = (40000, 80), (80, 40000)
    for i in range(n):
        at, a, b = i * 1000, i * 100_000, i * 100_000 + 5
        yield segment(at, CLIENT, SERVER, ports, a, 0, SYN)
        yield segment(at + 20, SERVER, CLIENT, back, b, a + 1, SYN | ACK)
        yield segment(at + 40, CLIENT, SERVER, ports, a + 1, b + 1, ACK)
        yield segment(at + 60, CLIENT, SERVER, ports, a + 1, b + 1, FIN | ACK)
        yield segment(at + 80, SERVER, CLIENT, back, b + 1, a + 2, FIN | ACK)
        yield segment(at + 100, CLIENT, SERVER, ports, a + 2, b + 2, ACK)


@kind
def many_scopes(n: int) -> Iterator[bytes]:
    """One four-tuple opened in one VLAN after the other, with numbers of its own in each."""
    ports = 40000, 80
    for i in range(n):
        at, seq = i * 1000, i * 79_190_001
        for made in (
            segment(at, CLIENT, SERVER, ports, seq, 0, SYN),
            segment(at + 20, SERVER, CLIENT, ports[::-1], 5, seq + 1, SYN | ACK),
            segment(at + 40, CLIENT, SERVER, ports, seq + 1, 6, ACK),
        ):
            yield tagged(made, 1 + i % 4000)


@kind
def many_tunnels(n: int) -> Iterator[bytes]:
    """One four-tuple asked for in as many networks of VXLAN, and answered in as many others."""
    ports = 40000, 80
    for i in range(n):
        yield tunnelled(segment(i * 10, CLIENT, SERVER, ports, i * 79_190_001, 0, SYN), i)
    for i in range(n):
        yield tunnelled(segment((n + i) * 10, SERVER, CLIENT, ports[::-1], 5, i * 79_190_001 + 1, SYN | ACK), n + i)


@kind
def asked_again(n: int) -> Iterator[bytes]:
    """One four-tuple asked for anew before the old connection is over, and reset."""
    ports = 40000, 80
    for i in range(n // 2):
        at, seq = i * 1000, i * 79_190_001
        yield segment(at, CLIENT, SERVER, ports, seq, 0, SYN)
        yield segment(at + 20, CLIENT, SERVER, ports, seq, 0, SYN)
        yield segment(at + 40, SERVER, CLIENT, ports[::-1], 9, seq + 1, SYN | ACK)
        yield segment(at + 60, CLIENT, SERVER, ports, seq + 1, 0, RST)


@kind
def one_source_port(n: int) -> Iterator[bytes]:
    """A scan from one port: each server answers, and the client, which knows of nothing, resets."""
    for i in range(n):
        ports, server, seq = (40000, 80), address(i), i * 7919
        yield segment(i * 100, CLIENT, server, ports, seq, 0, SYN)
        yield segment(i * 100 + 20, server, CLIENT, ports[::-1], 9, seq + 1, SYN | ACK)
        yield segment(i * 100 + 40, CLIENT, server, ports, seq + 1, 0, RST)


@kind
def holes(n: int) -> Iterator[bytes]:
    """A hole of 4 * n bytes, then segments of two bytes into it, from its end to its front: each splits it."""
    ports, big = (40000, 80), 4 * n + 1000
    yield from opened(0, ports, SCALE)
    yield segment(1_000_000, CLIENT, SERVER, ports, 1 + big, 1, ACK, payload=10)
    for i in range(n):
        yield segment(1_000_100 + i * 10, CLIENT, SERVER, ports, 1 + big - 4 * (i + 1), 1, ACK, payload=2)


@kind
def one_byte_out_of_order(n: int) -> Iterator[bytes]:
    """Segments of one byte, each pair in the wrong order, each sent again."""
    ports = 40000, 80
    yield from opened(0, ports, SCALE)
    for i in range(n):
        yield segment(1_000_000 + i * 10, CLIENT, SERVER, ports, 1 + (i ^ 1) + i // 64 % 3, 1, ACK, payload=1)


@kind
def sack_storm(n: int) -> Iterator[bytes]:
    """Acknowledgements with four blocks of SACK each, none like the one before."""
    ports = 40000, 80
    yield from opened(0, ports, SCALE + b"\4\2\1\1")
    for i in range(n):
        yield segment(1_000_000 + i * 20, CLIENT, SERVER, ports, 1 + 100 * i, 1, ACK, payload=50)
        edges = [1 + (7919 * (i + k)) % (100 * i + 100) for k in range(8)]
        yield segment(1_000_010 + i * 20, SERVER, CLIENT, ports[::-1], 1, 1, ACK, options=b"\1\1\5\x22" + struct.pack(">8I", *edges))


@kind
def repeated_syns(n: int) -> Iterator[bytes]:
    """One SYN, again and again."""
    for i in range(n):
        yield segment(i * 1_000_000, CLIENT, SERVER, (40000, 80), 5, 0, SYN)


@kind
def incomplete_fragments(n: int) -> Iterator[bytes]:
    """First fragments of packets of which nothing more comes."""
    for i in range(n):
        packet = struct.pack(">BBHHHBBH", 0x45, 0, 36, i & 0xFFFF, 0x2000, 64, 6, 0) + CLIENT + struct.pack(">I", 0x0C000000 + i // 65536)
        yield record(i * 10, MACS + b"\x08\0" + packet + bytes(16))


@kind
def nesting(n: int) -> Iterator[bytes]:
    """Frames of 900 VN-Tags in one another."""
    for i in range(max(1, n // 50)):
        yield record(i * 10, MACS + b"\x89\x26" + b"\0\0\0\0\x89\x26" * 900)


@kind
def resets(n: int) -> Iterator[bytes]:
    """RSTs within the window of one connection, which goes on."""
    ports = 40000, 80
    yield from opened(0, ports)
    for i in range(n // 2):
        yield segment(100000 + i * 20, SERVER, CLIENT, ports[::-1], 100 + i, 0, RST)
        yield segment(100010 + i * 20, CLIENT, SERVER, ports, 1 + i, 1, ACK, payload=1)


def damaged_gzip(n: int) -> bytes:
    """A gzip of a pcapng that breaks off at the end of the first bytes that are read, having given n bytes."""
    head = struct.pack("<IIIHHqI", 0x0A0D0D0A, 28, 0x1A2B3C4D, 1, 0, -1, 28) + struct.pack("<IIHHII", 1, 20, 1, 0, 0, 20)
    most, chance = 8192 + 65536 - 64, random.Random(1)
    code = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = code.compress(head + struct.pack("<II", 0xBAD0, 16 << 20))
    packed += code.compress(chance.randbytes(9000)) + code.flush(zlib.Z_FULL_FLUSH)
    given = 9000
    while len(packed) < most - 600 and given < n:
        left, run = most - 600 - len(packed), bytearray()
        for _ in range(100):
            run += bytes([chance.randrange(256)]) * max(3, int((n - given) / max(left, 1) * 3.7))
        given += len(run)
        packed += code.compress(bytes(run)) + code.flush(zlib.Z_FULL_FLUSH)
    return b"\x1f\x8b\x08\0\0\0\0\0\0\xff" + packed + b"\x07\xff\xff\xff"


def many_members(n: int) -> bytes:
    """A gzip of n members, nearly all of which hold nothing."""
    return gzip.compress(capture("half open", 3)) + gzip.compress(b"") * n


def hole_of_zeros(n: int) -> bytes:
    """A few connections, then n zeros."""
    return capture("half open", 3) + bytes(n)


def many_sections(n: int) -> bytes:
    """A pcapng of n sections of a packet each."""
    return b"".join(section() + interface() + enhanced(number, _SYN) for number in range(n))


def many_interfaces(n: int) -> bytes:
    """A pcapng of n interfaces, each with a packet behind all of them."""
    return section() + interface() * n + b"".join(enhanced(number, _SYN, number) for number in range(n))


def many_options(n: int) -> bytes:
    """A pcapng of an interface with n options of no known kind, and a packet with as many comments."""
    described = block(1, struct.pack("<HHI", 1, 0, 0) + option(0x7FF, b"abcd") * n)
    return section() + described + enhanced(1, _SYN, options=option(1, b"abcd") * n)


_SYN = segment(0, CLIENT, SERVER, (40000, 80), 5, 0, SYN)[16:]
PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gz": gzip.compress,
    "bz2": bz2.compress,
    "xz": lzma.compress,
    "zst": lambda data: import_module("zstandard").ZstdCompressor().compress(data),
    "lz4": lambda data: import_module("lz4.frame").compress(data),
}


def spread(data: bytes, factor: int) -> bytes:
    """The records of a little-endian pcap of Ethernet with `factor` times their bytes of UDP frames behind each: more pieces to share."""
    udp = struct.pack(">BBHHHBBH", 0x45, 0, 28, 0, 0x4000, 64, 17, 0) + bytes(8) + struct.pack(">HHHH", 9, 9, 8, 0)
    frame, at, parts = bytes(12) + b"\x08\0" + udp, 24, [data[:24]]
    while at + 16 <= len(data):
        seconds, fraction, size, _ = struct.unpack_from("<IIII", data, at)
        parts.append(data[at : at + 16 + size])
        filler = struct.pack("<IIII", seconds, fraction, len(frame), len(frame)) + frame
        parts.append(filler * ((16 + size) * factor // (16 + len(frame))))
        at += 16 + size
    return b"".join(parts)
