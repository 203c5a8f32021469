"""IPv4, IPv6 with its extension headers, fragments of both."""

import dpkt

from tcptrace_py.model.segments import LENGTH_GUESSED, REASSEMBLED

from . import unread
from .fragments import MAX_PACKET_BYTES, Fragment
from .walk import ETHERTYPES, PROTOCOLS, UnreadableError, Walk, fields, nested, shallow

_IP, _IP6 = shallow(dpkt.ip.IP), shallow(dpkt.ip6.IP6)
_EXTENSION, _AH = shallow(dpkt.ip6.IP6OptsHeader), shallow(dpkt.ip6.IP6AHHeader)
_FRAGMENT = shallow(dpkt.ip6.IP6FragmentHeader)

_HOP_BY_HOP, _ROUTING, _FRAGMENTS, _AUTHENTICATION, _OPTIONS = 0, 43, 44, 51, 60
# Extension headers that begin with next header and a length in eights beyond the first eight (RFC 6564), mobility
# (RFC 6275), HIP (RFC 7401) and Shim6 (RFC 5533) among them.
_EIGHTS = (_HOP_BY_HOP, _ROUTING, _OPTIONS, 135, 139, 140)

_OVERSIZED_BYTES = 1500


def ip4(walk: Walk, data: bytes, wire: int) -> None:
    """IPv4 (RFC 791)."""
    head = fields(_IP, data)
    size = head.hl * 4
    if head.v != 4 or size < 20:
        raise UnreadableError("no IPv4 header where one is announced")
    length = head.len or wire
    if length < size:
        raise UnreadableError("IPv4 total length shorter than its header")
    walk.addresses, walk.ttl, walk.ip_id, walk.checkable = head.src + head.dst, head.ttl, head.id, True
    walk.notes = walk.notes & ~LENGTH_GUESSED if head.len else walk.notes | LENGTH_GUESSED
    walk.oversized = length > _OVERSIZED_BYTES
    piece = Fragment(head.offset * 8, length - size, bool(head.mf), data[size:length], head.p)
    if piece.more or piece.offset:
        _fragment(walk, piece, head.id)
    else:
        _upper(walk, head.p, piece.data, piece.length)


def ip6(walk: Walk, data: bytes, wire: int) -> None:
    """IPv6 (RFC 8200)."""
    head = fields(_IP6, data)
    if head.v != 6:
        raise UnreadableError("no IPv6 header where one is announced")
    length = head.plen or wire - 40  # 0: a jumbogram (RFC 2675), or offloaded
    walk.addresses, walk.ttl, walk.ip_id, walk.checkable = head.src + head.dst, head.hlim, -1, True
    walk.notes = walk.notes & ~LENGTH_GUESSED if head.plen else walk.notes | LENGTH_GUESSED
    walk.oversized = length + 40 > _OVERSIZED_BYTES
    if length > 0:
        _upper(walk, head.nxt, data[40 : 40 + length], length)


def _upper(walk: Walk, protocol: int, data: bytes, wire: int) -> None:
    """Go through extension headers to what lies behind them."""
    at = 0
    while protocol in _EIGHTS or protocol in (_AUTHENTICATION, _FRAGMENTS):
        if protocol == _FRAGMENTS:
            head = fields(_FRAGMENT, data, at)
            size = 8
            if head.m_flag or head.frag_off:
                piece = Fragment(head.frag_off * 8, wire - at - 8, bool(head.m_flag), data[at + 8 :], head.nxt)
                _fragment(walk, piece, head.id)
                return
        elif protocol == _AUTHENTICATION:
            head = fields(_AH, data, at)
            size = head.len * 4 + 8
        else:
            head = fields(_EXTENSION, data, at)
            size = head.len * 8 + 8
            # A home address or a waypoint may stand for the one in the header: the checksum's addresses are not known.
            walk.checkable &= protocol == _HOP_BY_HOP
        protocol = head.nxt
        at += size
        if at > wire:
            raise UnreadableError("IPv6 extension header longer than its packet")
    handler = PROTOCOLS.get(protocol)
    if handler:
        handler(walk, data[at:], wire - at)
    else:
        walk.unread = unread.PROTOCOLS.get(protocol, "")


def _fragment(walk: Walk, piece: Fragment, identification: int) -> None:
    """Keep a fragment; go on with the packet where it was the last one missing."""
    if walk.quoted >= 0:  # an error about a fragment; only the first holds the ports
        if not piece.offset:
            _upper(walk, piece.protocol, piece.data, piece.length)
        return
    if piece.more and piece.length % 8:
        piece = Fragment(piece.offset, piece.length // 8 * 8, piece.more, piece.data[: piece.length // 8 * 8], piece.protocol)
    if piece.length <= 0 or piece.offset + piece.length > MAX_PACKET_BYTES or walk.notes & LENGTH_GUESSED:
        raise UnreadableError("IP fragment of an impossible length")
    # IPv6 names a packet by addresses and identification alone; its later fragments may announce anything.
    protocol = piece.protocol if len(walk.addresses) == 8 else -1
    name = (walk.addresses, identification, protocol, walk.scope())
    whole = walk.fragments.add(name, piece, walk.time_ns, walk.frame)
    if whole:
        walk.deeper()
        walk.notes |= REASSEMBLED
        _upper(walk, *whole)


ETHERTYPES.update({0x0800: ip4, 0x86DD: ip6})
PROTOCOLS.update({4: nested(ip4), 41: nested(ip6), 94: nested(ip4)})  # IP in IP (RFC 2003), 6in4 (RFC 4213), the older IPIP
