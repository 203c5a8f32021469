"""How a segment becomes IP packets: plain, with options or extension headers, in fragments, with length 0.

Each function here is a `Packets`: it takes a segment and gives the IP packets that carry it, in the order in
which they are captured.
"""

import struct
from collections.abc import Callable, Sequence
from dataclasses import replace

import dpkt

from tests.writer.segment import Segment

Packets = Callable[[Segment], list[bytes]]

DONT_FRAGMENT = 0x4000
MORE_FRAGMENTS = 0x2000
HOP_BY_HOP, ROUTING, FRAGMENT, DESTINATION, MOBILITY = 0, 43, 44, 60, 135


def ipv4(segment: Segment, *, options: bytes = b"", length_zero: bool = False) -> bytes:
    """An IPv4 packet with DF set; with `length_zero` the total length is left to the (offloading) card."""
    packet = dpkt.ip.IP(
        src=segment.source.packed,
        dst=segment.target.packed,
        p=dpkt.ip.IP_PROTO_TCP,
        ttl=segment.ttl,
        id=segment.ip_id,
        _flags_offset=DONT_FRAGMENT,
        hl=5 + len(options) // 4,
        opts=options,
        data=segment.tcp(),
    )
    packet.len = 0 if length_zero else len(packet)
    packet.sum = dpkt.in_cksum(packet.pack_hdr() + options)
    return bytes(packet.pack_hdr() + options + packet.data)


def ipv6(segment: Segment, *, headers: Sequence[tuple[int, bytes]] = ()) -> bytes:
    """An IPv6 packet; `headers` are extension headers in order, each (number, body behind its next-header byte)."""
    return _ipv6_header(segment, *_chain(headers, segment.tcp()))


def _ipv6_header(segment: Segment, first: int, payload: bytes) -> bytes:
    header = dpkt.ip6.IP6(src=segment.source.packed, dst=segment.target.packed, nxt=first, hlim=segment.ttl, plen=len(payload))
    return bytes(header.pack_hdr()) + payload


def _chain(headers: Sequence[tuple[int, bytes]], payload: bytes) -> tuple[int, bytes]:
    """(number of the first header, the headers and the payload)."""
    following, chained = dpkt.ip.IP_PROTO_TCP, payload
    for number, body in reversed(headers):
        following, chained = number, bytes([following]) + body + chained
    return following, chained


def plain(segment: Segment) -> list[bytes]:
    """One packet without anything special, of the version that the addresses ask for."""
    return [ipv6(segment) if ":" in segment.source.address else ipv4(segment)]


def without_id(segment: Segment) -> list[bytes]:
    """One plain packet with IP ID 0, as Linux sends SYN/ACKs and others send everything."""
    return plain(replace(segment, ip_id=0))


def with_ip_options(options: bytes) -> Packets:
    """IPv4 with these options (a multiple of four bytes)."""
    return lambda segment: [ipv4(segment, options=options)]


def with_extension_headers(*headers: tuple[int, bytes]) -> Packets:
    """IPv6 with these extension headers."""
    return lambda segment: [ipv6(segment, headers=headers)]


def length_zero(segment: Segment) -> list[bytes]:
    """IPv4 whose total length is 0, as a capture above segmentation offload shows it."""
    return [ipv4(segment, length_zero=True)]


def in_fragments(size_bytes: int, order: Callable[[list[bytes]], list[bytes]] = list) -> Packets:
    """Fragments of at most `size_bytes` (a multiple of eight) of IP payload each; `order` shuffles or loses some."""

    def packets(segment: Segment) -> list[bytes]:
        fragment = _fragment6 if ":" in segment.source.address else _fragment4
        data = segment.tcp()
        pieces = [(at, data[at : at + size_bytes]) for at in range(0, len(data), size_bytes)]
        return order([fragment(segment, at, piece, at + len(piece) < len(data)) for at, piece in pieces])

    return packets


def _fragment4(segment: Segment, offset: int, piece: bytes, more: bool) -> bytes:
    packet = dpkt.ip.IP(
        src=segment.source.packed,
        dst=segment.target.packed,
        p=dpkt.ip.IP_PROTO_TCP,
        ttl=segment.ttl,
        id=segment.ip_id,
        _flags_offset=offset // 8 | (MORE_FRAGMENTS if more else 0),
        len=20 + len(piece),
    )
    packet.sum = dpkt.in_cksum(packet.pack_hdr())
    return bytes(packet.pack_hdr()) + piece


def _fragment6(segment: Segment, offset: int, piece: bytes, more: bool) -> bytes:
    body = struct.pack("!xHI", offset | more, segment.ip_id)
    return _ipv6_header(segment, *_chain([(FRAGMENT, body)], piece))
