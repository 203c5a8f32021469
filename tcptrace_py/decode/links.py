"""Link layers: what stands before IP in a frame."""

import dpkt

from tcptrace_py.model.segments import COOKED_INTERFACES, INCOMING, OUTGOING

from .walk import (
    ETHERTYPES,
    LENGTHS,
    VLAN_TYPES,
    Handler,
    UnreadableError,
    Walk,
    by_ethertype,
    fields,
    in_a_row,
    need,
    shallow,
)

_ETHERNET, _LLC, _MPLS = shallow(dpkt.ethernet.Ethernet), shallow(dpkt.llc.LLC), shallow(dpkt.ethernet.MPLSlabel)
_COOKED, _COOKED2, _PPPOE = shallow(dpkt.sll.SLL), shallow(dpkt.sll2.SLL2), shallow(dpkt.pppoe.PPPoE)
_ISL = shallow(dpkt.ethernet.VLANtagISL)

IPV4, IPV6 = 0x0800, 0x86DD
FAMILIES = {2: IPV4, 10: IPV6, 24: IPV6, 28: IPV6, 30: IPV6}  # AF_INET; AF_INET6 of Linux, NetBSD, FreeBSD, macOS
_PACKET_HEADER, _PAYLOAD, _BRIDGE = 1, 9, 7  # NFULA_PACKET_HDR, NFULA_PAYLOAD, AF_BRIDGE
_UI, _SNAP, _NLPIDS = 0x03, 0x80, {0xCC: IPV4, 0x8E: IPV6}  # ISO/IEC TR 9577, RFC 2427
_CISCO = (b"\x0f\0", b"\x8f\0")  # unicast and broadcast of Cisco HDLC, on a serial line that was expected to have PPP
_PPP_PROTOCOLS = {0x21: IPV4, 0x57: IPV6, 0x281: 0x8847, 0x31: 0x6558}


def ethernet(walk: Walk, data: bytes, wire: int) -> None:
    """Ethernet II; 802.3 with LLC; Cisco ISL around either."""
    head = fields(_ETHERNET, data)
    if head.type > 1500:
        by_ethertype(walk, head.type, data[14:], wire - 14)
    elif data[:5] in (b"\x01\x00\x0c\x00\x00", b"\x03\x00\x0c\x00\x00"):
        walk.vlan = fields(_ISL, data).id
        walk.enter(ethernet, data[26:], wire - 26)
    else:
        walk.enter(llc, data[14:], wire - 14)


def llc(walk: Walk, data: bytes, wire: int) -> None:
    """LLC (IEEE 802.2): IP behind SNAP (RFC 1042), or directly."""
    head = fields(_LLC, data)
    if head.is_snap:
        need(data, 8)
        if data[3:6] in (b"\0\0\0", b"\0\0\xf8"):
            by_ethertype(walk, data[6] << 8 | data[7], data[8:], wire - 8)
    elif head.dsap == 6 and head.ssap == 6:
        by_ethertype(walk, IPV4, data[3:], wire - 3)


def mpls(walk: Walk, data: bytes, wire: int) -> None:
    """MPLS labels (RFC 3032), then IP by its version, else a pseudowire's frame (RFC 4448), control word or none."""
    at = 0
    while not fields(_MPLS, data, at).s:
        at += 4
        in_a_row(at, "MPLS labels")
    at += 4
    need(data, at + 1)
    version = data[at] >> 4
    length = int.from_bytes(data[at + 2 : at + 4], "big")
    if version == 4 and data[at] & 15 >= 5 and 20 <= length <= wire - at:
        by_ethertype(walk, IPV4, data[at:], wire - at)
    elif version == 6 and int.from_bytes(data[at + 4 : at + 6], "big") <= wire - at - 40:
        by_ethertype(walk, IPV6, data[at:], wire - at)
    else:
        at += 4 if version == 0 and _control_word(data, at) else 0
        walk.enter(ethernet, data[at:], wire - at)


def _control_word(data: bytes, at: int) -> bool:
    """Say whether a frame begins behind four bytes of pseudowire control word (RFC 4385) rather than here.

    Both begin with a zero nibble more often than not; the Ethernet type behind the addresses tells.
    """
    here = int.from_bytes(data[at + 12 : at + 14], "big")
    return here not in ETHERTYPES and here not in VLAN_TYPES


def pppoe(walk: Walk, data: bytes, wire: int) -> None:
    """PPPoE session (RFC 2516)."""
    if fields(_PPPOE, data).code == 0:
        walk.enter(ppp, data[6:], wire - 6)


def ppp(walk: Walk, data: bytes, wire: int) -> None:
    """PPP (RFC 1661), in HDLC-like framing (RFC 1662) or not, the protocol in one byte or two; Cisco HDLC by its address and control."""
    need(data, 1)
    if data[:2] in _CISCO:
        walk.enter(hdlc, data, wire)
        return
    at = 2 if data[:2] == b"\xff\x03" else 0
    need(data, at + 2)
    protocol = data[at]
    at += 1
    if not protocol & 1:
        protocol = protocol << 8 | data[at]
        at += 1
    if protocol in (0x2D, 0x2F):
        raise UnreadableError("PPP with compressed TCP headers (RFC 1144)")
    by_ethertype(walk, _PPP_PROTOCOLS.get(protocol, 0), data[at:], wire - at)


def hdlc(walk: Walk, data: bytes, wire: int) -> None:
    """Cisco HDLC: address, control, Ethernet type; PPP where the address is PPP's."""
    need(data, 4)
    if data[0] == 0xFF:
        walk.enter(ppp, data, wire)
    else:
        by_ethertype(walk, data[2] << 8 | data[3], data[4:], wire - 4)


def frame_relay(walk: Walk, data: bytes, wire: int) -> None:
    """Frame Relay (RFC 2427): an address of two to four bytes, UI and what the NLPID names; or Cisco's, an Ethernet type at once."""
    at = 2
    need(data, 5)
    while not data[at - 1] & 1 and at < 4:
        at += 1
    if data[at] != _UI:
        by_ethertype(walk, data[at] << 8 | data[at + 1], data[at + 2 :], wire - at - 2)
        return
    at += 1 if data[at + 1] else 2  # a byte of padding may stand before the NLPID
    need(data, at + 6)
    if data[at] == _SNAP:
        by_ethertype(walk, data[at + 4] << 8 | data[at + 5] if data[at + 1 : at + 4] == b"\0\0\0" else 0, data[at + 6 :], wire - at - 6)
    else:
        by_ethertype(walk, _NLPIDS.get(data[at], 0), data[at + 1 :], wire - at - 1)


def cooked(walk: Walk, data: bytes, wire: int) -> None:
    """Linux cooked capture v1."""
    head = fields(_COOKED, data)
    _cooked(walk, head.type, head.ethtype, data[16:], wire - 16)


def cooked2(walk: Walk, data: bytes, wire: int) -> None:
    """Linux cooked capture v2: one file holds several interfaces."""
    head = fields(_COOKED2, data)
    walk.interface += int.from_bytes(data[4:8]) % COOKED_INTERFACES
    _cooked(walk, head.type, head.ethtype, data[20:], wire - 20)


# Numbers that are no Ethernet types (if_ether.h): ETH_P_ALL, which devices have whose frames begin with an Ethernet header of their
# own, as Wireshark has it; 802.2 (LINKTYPE_LINUX_SLL); PPP.
_COOKED_PROTOCOLS: dict[int, Handler] = {3: ethernet, 4: llc, 7: ppp}


def _cooked(walk: Walk, packet_type: int, kind: int, data: bytes, wire: int) -> None:
    walk.notes |= OUTGOING if packet_type == 4 else INCOMING if packet_type == 0 else 0
    handler = _COOKED_PROTOCOLS.get(kind)
    if handler:
        walk.enter(handler, data, wire)
    else:
        by_ethertype(walk, kind, data, wire)


def loopback(walk: Walk, data: bytes, wire: int) -> None:
    """BSD loopback: an address family, in the byte order of the machine that wrote it."""
    need(data, 4)
    family = min(int.from_bytes(data[:4], "big"), int.from_bytes(data[:4], "little"))
    by_ethertype(walk, FAMILIES.get(family, 0), data[4:], wire - 4)


def pflog(walk: Walk, data: bytes, wire: int) -> None:
    """What a BSD's pf logs: a header that tells its length, filled up to words of 4 bytes, then IP of the family it names.

    sys/net/if_pflog.h: length, address family, … and, behind 60 bytes, the direction (1 in, 2 out).
    """
    need(data, 61)
    size = data[0] + 3 & ~3
    walk.notes |= (0, INCOMING, OUTGOING, 0)[data[60] & 3]
    by_ethertype(walk, FAMILIES.get(data[1], 0), data[size:], wire - size)


def trill(walk: Walk, data: bytes, wire: int) -> None:
    """TRILL (RFC 6325 section 3.2): flags with the options' length in words of 4 bytes, two nicknames, options, an Ethernet frame."""
    need(data, 6)
    size = 6 + (int.from_bytes(data[:2], "big") >> 6 & 31) * 4
    walk.enter(ethernet, data[size:], wire - size)


def macsec(walk: Walk, data: bytes, wire: int) -> None:
    """MACsec (IEEE 802.1AE section 9.3) that only protects: an identifier where a bit says so, the Ethernet type, 16 bytes of check."""
    need(data, 6)
    if data[0] & 0x0C:
        walk.unread = "MACsec (encrypted)"
        return
    size = 16 if data[0] & 0x20 else 8
    need(data, size)
    by_ethertype(walk, data[size - 2] << 8 | data[size - 1], data[size:], wire - size - 16)


def raw(walk: Walk, data: bytes, wire: int) -> None:
    """IP without a link header; the version tells which."""
    need(data, 1)
    by_ethertype(walk, {4: IPV4, 6: IPV6}.get(data[0] >> 4, 0), data, wire)


def fddi(walk: Walk, data: bytes, wire: int) -> None:
    """FDDI: frame control, addresses, LLC (RFC 1188)."""
    need(data, 13)
    if data[0] & 0xF0 == 0x50:
        walk.enter(llc, data[13:], wire - 13)


def token_ring(walk: Walk, data: bytes, wire: int) -> None:
    """Token Ring: access and frame control, addresses, a source route where the source says so, LLC (RFC 1042)."""
    need(data, 15)
    at = 14 + (data[14] & 31 if data[8] & 0x80 else 0)
    if data[1] & 0xC0 == 0x40:
        walk.enter(llc, data[at:], wire - at)


def nflog(walk: Walk, data: bytes, wire: int) -> None:  # noqa: ARG001  the attribute has its own length
    """Linux netfilter log: a family, then attributes; one is the packet, one before it has a bridge's Ethernet type (nfnetlink_log.h)."""
    need(data, 4)
    at, protocol = 4, FAMILIES.get(data[0], 0)
    while True:
        need(data, at + 4)
        size, kind = int.from_bytes(data[at : at + 2], "little"), int.from_bytes(data[at + 2 : at + 4], "little")
        if kind & 0x7FFF == _PACKET_HEADER and data[0] == _BRIDGE:
            protocol = int.from_bytes(data[at + 4 : at + 6], "big")
        elif kind & 0x7FFF == _PAYLOAD and size >= 4:
            by_ethertype(walk, protocol, data[at + 4 : at + size], size - 4)
            return
        at += max(4, (size + 3) & ~3)


def behind(size: int, handler: Handler) -> Handler:
    """Read what stands behind a header of this many bytes that says nothing to us."""

    def read(walk: Walk, data: bytes, wire: int) -> None:
        need(data, size)
        walk.enter(handler, data[size:], wire - size)

    return read


def directed(size: int, handler: Handler) -> Handler:
    """Read what stands behind a header of this many bytes, the first of which is 0 for received and 1 for sent."""

    def read(walk: Walk, data: bytes, wire: int) -> None:
        need(data, size)
        walk.notes |= OUTGOING if data[0] else INCOMING
        walk.enter(handler, data[size:], wire - size)

    return read


def tagged(size: int) -> Handler:
    """Read what stands behind a tag of this many bytes, of which the last two are the Ethernet type."""

    def read(walk: Walk, data: bytes, wire: int) -> None:
        need(data, size)
        by_ethertype(walk, data[size - 2] << 8 | data[size - 1], data[size:], wire - size)

    return read


ETHERTYPES.update(
    {
        LENGTHS: llc,
        0x8847: mpls,
        0x8848: mpls,
        0x8864: pppoe,
        0x880B: ppp,
        0x88E7: behind(4, ethernet),  # provider backbone bridges (802.1ah)
        0x8926: tagged(6),  # VN-Tag
        0x22F3: trill,
        0x88E5: macsec,
        0x8903: behind(2, ethernet),  # Cisco's FabricPath
        0x892F: tagged(6),  # HSR (IEC 62439-3)
        0xF1C1: tagged(6),  # R-tag (IEEE 802.1CB)
        0x893F: tagged(8),  # E-tag (IEEE 802.1BR)
        0x8909: tagged(8),  # Cisco's security group tag
    }
)
