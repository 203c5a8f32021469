"""What carries packets or frames inside IP: UDP tunnels, GRE, ERSPAN, EtherIP, L2TP, MPLS; and service headers around them."""

import dpkt

from tcptrace_py.model.segments import SCOPE_GRE, SCOPE_VNI, scope_bytes

from . import unread
from .links import IPV4, IPV6, ethernet, mpls, ppp
from .walk import (
    ETHERTYPES,
    PORTS,
    PROTOCOLS,
    VLAN_TYPES,
    Handler,
    UnreadableError,
    Walk,
    by_ethertype,
    fields,
    need,
    nested,
    shallow,
)
from .wlan import avs, prism, wlan

_UDP, _GRE = shallow(dpkt.udp.UDP), shallow(dpkt.gre.GRE)

_BRIDGED, _ERSPAN, _ERSPAN3, _WCCP, _EOIP = 0x6558, 0x88BE, 0x22EB, 0x883E, 0x6400
_ARUBA = range(0x8200, 0x8371, 16)  # 802.11 between Aruba's access points and controllers, a number for each station's tunnel
_CAPWAP_DTLS, _CAPWAP_WIRELESS, _CAPWAP_NATIVE, _CAPWAP_FRAGMENT, _CAPWAP_KEEP_ALIVE = 1, 1, 0x100, 0x80, 0x08
_WIRELESS_DATA = 8  # version 0, type data: the lower half of a frame control's first byte
_NVGRE_LOWEST_KEY = 0x1000 << 8  # RFC 7637: network identifiers below 0x1000 are reserved
_GTP_USER_DATA = 255
_NSH = 0x894F
_NEXT_PROTOCOLS = {1: IPV4, 2: IPV6, 3: _BRIDGED, 4: _NSH, 5: 0x8847}  # as VXLAN-GPE and NSH number them
_TZSP_FRAMES, _TZSP_PADDING, _TZSP_END = (0, 1), 0, 1


def udp(walk: Walk, data: bytes, wire: int) -> None:
    """UDP (RFC 768): only tunnels matter, by their destination port, some by either."""
    head = fields(_UDP, data)
    handler = PORTS.get(head.dport) or ANSWERED_PORTS.get(head.sport)
    if handler:
        handler(walk, data[8:], wire - 8)
    else:
        walk.unread = unread.PORTS.get(head.dport) or unread.PORTS.get(head.sport, "")


def vxlan(walk: Walk, data: bytes, wire: int) -> None:
    """VXLAN (RFC 7348): without the flag I it is something else on this port."""
    need(data, 8)
    if data[0] & 0x08:
        walk.network = scope_bytes(SCOPE_VNI, int.from_bytes(data[4:7], "big"))
        walk.enter(ethernet, data[8:], wire - 8)


def vxlan_gpe(walk: Walk, data: bytes, wire: int) -> None:
    """VXLAN with a protocol of its own choice (draft-ietf-nvo3-vxlan-gpe)."""
    need(data, 8)
    if data[0] & 0x0C == 0x0C:
        walk.network = scope_bytes(SCOPE_VNI, int.from_bytes(data[4:7], "big"))
        by_ethertype(walk, _NEXT_PROTOCOLS.get(data[3], 0), data[8:], wire - 8)


def nsh(walk: Walk, data: bytes, wire: int) -> None:
    """Network service header (RFC 8300 section 2): its length in words of 4 bytes, and what follows it."""
    need(data, 4)
    size = (data[1] & 63) * 4
    if data[0] >> 6 == 0 and size >= 8:
        by_ethertype(walk, _NEXT_PROTOCOLS.get(data[3], 0), data[size:], wire - size)


def lisp(walk: Walk, data: bytes, wire: int) -> None:
    """LISP data (RFC 9300 section 5.3): the instance is the network, where there is one; then IP."""
    need(data, 8)
    if data[0] & 0x08:
        walk.network = scope_bytes(SCOPE_VNI, int.from_bytes(data[4:7], "big"))
    _ip(walk, data[8:], wire - 8)


def geneve(walk: Walk, data: bytes, wire: int) -> None:
    """GENEVE (RFC 8926 section 3.4)."""
    need(data, 8)
    if data[0] >> 6 == 0:
        size = 8 + (data[0] & 63) * 4
        walk.network = scope_bytes(SCOPE_VNI, int.from_bytes(data[4:7], "big"))
        by_ethertype(walk, data[2] << 8 | data[3], data[size:], wire - size)


def gtp_u(walk: Walk, data: bytes, wire: int) -> None:
    """GTP-U (TS 29.281 section 5): user data of version 1, behind any extension headers."""
    need(data, 8)
    if data[0] & 0xF0 != 0x30 or data[1] != _GTP_USER_DATA:
        return
    at = 8
    if data[0] & 7:  # sequence number, N-PDU number, type of the next extension header: all of them, or none
        need(data, 12)
        at, extension = 12, data[11]
        while extension:
            need(data, at + 1)
            size = data[at] * 4
            if not size:
                raise UnreadableError("GTP-U extension header without a length")
            need(data, at + size)
            extension = data[at + size - 1]
            at += size
    walk.teid = int.from_bytes(data[4:8], "big")
    _ip(walk, data[at:], wire - at)


def tzsp(walk: Walk, data: bytes, wire: int) -> None:
    """TZSP, by which sensors and routers hand on what they captured: version 1, a received or sent frame, tags, the frame."""
    need(data, 4)
    if data[0] != 1 or data[1] not in _TZSP_FRAMES:
        return
    at = 4
    need(data, at + 1)
    while data[at] != _TZSP_END:
        need(data, at + 2)
        at += 1 if data[at] == _TZSP_PADDING else 2 + data[at + 1]
        need(data, at + 1)
    handler = {1: ethernet, 18: wlan, 119: prism, 127: avs}.get(data[2] << 8 | data[3])
    if handler:
        walk.enter(handler, data[at + 1 :], wire - at - 1)


def l2tp(walk: Walk, data: bytes, wire: int) -> None:
    """L2TP of version 2 (RFC 2661 section 3.1): data messages bear PPP; lengths, sequence numbers and padding may stand before it.

    Of version 3 a session follows (RFC 3931 section 4.1.2.1).
    """
    need(data, 6)
    flags = data[0] << 8 | data[1]
    if flags & 0x800F == 3:
        l2tp3(walk, data[4:], wire - 4)
    if flags & 0x800F != 2:
        return
    at = 6 + 2 * bool(flags & 0x4000) + 4 * bool(flags & 0x0800)
    if flags & 0x0200:
        need(data, at + 2)
        at += 2 + (data[at] << 8 | data[at + 1])
    need(data, at)
    walk.enter(ppp, data[at:], wire - at)


def l2tp3(walk: Walk, data: bytes, wire: int) -> None:
    """A session of L2TPv3 (RFC 3931 section 4.1): its number, a cookie of 0, 4 or 8 bytes, a sublayer of 4 or none, an Ethernet frame.

    Only its control connection tells the lengths, as far as it has one: they are those behind which an Ethernet type stands.
    """
    need(data, 4)
    if not any(data[:4]):
        return  # the control connection itself
    for at in (8, 4, 12, 16):
        kind, version = int.from_bytes(data[at + 12 : at + 14], "big"), data[at + 14 : at + 15].hex()[:1]
        if (kind in ETHERTYPES or kind in VLAN_TYPES) and version == {IPV4: "4", IPV6: "6"}.get(kind, version):
            walk.enter(ethernet, data[at:], wire - at)
            return
    walk.unread = "L2TPv3 around something else than Ethernet"


def teredo(walk: Walk, data: bytes, wire: int) -> None:
    """Teredo (RFC 4380 section 5.1.1): IPv6, maybe behind an authentication and an origin indication."""
    at = 0
    need(data, 2)
    if data[:2] == b"\0\1":
        need(data, 4)
        at = 13 + data[2] + data[3]
        need(data, at + 1)
    if data[at : at + 2] == b"\0\0":
        at += 8
        need(data, at + 1)
    if data[at : at + 1] and data[at] >> 4 == 6:
        by_ethertype(walk, 0x86DD, data[at:], wire - at)


def capwap(walk: Walk, data: bytes, wire: int) -> None:
    """CAPWAP data (RFC 5415 section 4.3): what a wireless access point hands on, an Ethernet frame or one of 802.11 (RFC 5416)."""
    need(data, 8)
    if data[0] & 15 == _CAPWAP_DTLS:
        walk.unread = "CAPWAP in DTLS (encrypted)"
        return
    words = int.from_bytes(data[:4], "big")
    size, flags = (words >> 19 & 31) * 4, words & 0x1FF
    if words >> 24 or flags & _CAPWAP_KEEP_ALIVE:
        return
    if flags & _CAPWAP_FRAGMENT:
        walk.unread = "CAPWAP fragments"
        return
    need(data, size)
    if not flags & _CAPWAP_NATIVE:
        walk.enter(ethernet, data[size:], wire - size)
    elif words >> 9 & 31 == _CAPWAP_WIRELESS:
        walk.enter(wlan, _in_order(data[size:]), wire - size)


def _in_order(frame: bytes) -> bytes:
    """A frame of 802.11 whose frame control may have its two bytes swapped, as Cisco's access points send it."""
    is_data, is_swapped = frame[:1] and frame[0] & 15 == _WIRELESS_DATA, frame[1:2] and frame[1] & 15 == _WIRELESS_DATA
    return frame[1::-1] + frame[2:] if is_swapped and not is_data else frame


def _ip(walk: Walk, data: bytes, wire: int) -> None:
    """Whichever IP the version says; anything else is not for us."""
    need(data, 1)
    by_ethertype(walk, {4: 0x0800, 6: 0x86DD}.get(data[0] >> 4, 0), data, wire)


def gre(walk: Walk, data: bytes, wire: int) -> None:
    """GRE (RFC 2784, 2890), also as PPTP has it (RFC 2637)."""
    head = fields(_GRE, data)
    at, flags = 4, head.flags
    if flags & 0xC000:  # checksum or routing: both fields are there
        at += 4
    if flags & 0x2000:
        need(data, at + 4)
        if not head.v:
            walk.network = _network(head, int.from_bytes(data[at : at + 4], "big"))
        at += 4
    at += 4 * bool(flags & 0x1000) + 4 * bool(head.v and flags & 0x80)
    if flags & 0x4000:
        at = _behind_routes(data, at)
    need(data, at)
    inner, wire = data[at:], wire - at
    if head.p == _ERSPAN:
        # Type I has no header of its own, and GRE's sequence number is what tells (draft-foschiano-erspan).
        size = 8 if flags & 0x1000 else 0
        walk.enter(ethernet, inner[size:], wire - size)
    elif head.p == _ERSPAN3:
        _erspan3(walk, inner, wire)
    elif head.p == _EOIP:
        if wire > 0:  # else it only asks whether the other end is there
            walk.enter(ethernet, inner, wire)
    elif head.p in _ARUBA:
        walk.enter(wlan, inner, wire)
    elif head.p == _WCCP:
        size = 0 if inner[:1] and inner[0] >> 4 == 4 else 4  # version 2 puts a redirect header first
        by_ethertype(walk, 0x0800, inner[size:], wire - size)
    else:
        by_ethertype(walk, head.p, inner, wire)


def _network(head: "dpkt.gre.GRE", key: int) -> bytes:
    """Network that a GRE key names: Linux and Open vSwitch use all of it, NVGRE (RFC 7637) keeps the last byte for flows."""
    if head.p == _BRIDGED and head.flags == 0x2000 and key >= _NVGRE_LOWEST_KEY:
        return scope_bytes(SCOPE_VNI, key >> 8)
    return scope_bytes(SCOPE_GRE, key)


def _behind_routes(data: bytes, at: int) -> int:
    """Skip source route entries (RFC 1701): the last has length 0."""
    while True:
        need(data, at + 4)
        size = data[at + 3]
        at += 4 + size
        if not size:
            return at


def _erspan3(walk: Walk, data: bytes, wire: int) -> None:
    """ERSPAN type III: 12 bytes, 8 more where the last bit says so, then a frame or (frame type 2) an IP packet."""
    need(data, 12)
    size = 20 if data[11] & 1 else 12
    if data[10] >> 2 & 31 == 2:
        need(data, size)
        _ip(walk, data[size:], wire - size)
    else:
        walk.enter(ethernet, data[size:], wire - size)


def etherip(walk: Walk, data: bytes, wire: int) -> None:
    """EtherIP (RFC 3378): two bytes, then an Ethernet frame."""
    need(data, 2)
    walk.enter(ethernet, data[2:], wire - 2)


PORTS.update({4789: vxlan, 8472: vxlan, 4790: vxlan_gpe, 6081: geneve, 2152: gtp_u, 37008: tzsp,
              1701: l2tp, 3544: teredo, 4341: lisp, 4754: gre, 5247: capwap, 6635: nested(mpls)})  # fmt: skip
# Whoever asks there has a port of its own, to which the answers go.
ANSWERED_PORTS: dict[int, Handler] = {1701: l2tp, 3544: teredo, 5247: capwap}
PROTOCOLS.update({17: udp, 47: gre, 97: etherip, 115: l2tp3, 137: nested(mpls), 143: nested(ethernet)})
ETHERTYPES.update({_BRIDGED: ethernet, _NSH: nsh})
