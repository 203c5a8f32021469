"""What carries IP packets: link layers and tunnels, each a function from a layer to the layer around it.

A `Link` is the link type of the file and the wraps that lead from an IP packet to its frame. Tunnels end in an IP
packet again, so that they stand before a link layer: `(ethernet(), vxlan(4711))` and then `ETHERNET`.
"""

import struct
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import reduce
from ipaddress import ip_address

import dpkt

IP4, IP6, MPLS_TYPE, PPPOE_SESSION, ETHERNET_FRAME = 0x0800, 0x86DD, 0x8847, 0x8864, 0x6558
CLIENT_MAC, SERVER_MAC = b"\x02\0\0\0\0\x01", b"\x02\0\0\0\0\x02"


@dataclass(frozen=True)
class Layer:
    """Bytes on their way to a frame: `kind` is the Ethernet type that announces them (0x6558: an Ethernet frame)."""

    kind: int
    data: bytes
    from_client: bool

    def inside(self, kind: int, header: bytes) -> "Layer":
        """The layer with `header` before it, announced as `kind`."""
        return replace(self, kind=kind, data=header + self.data)


Wrap = Callable[[Layer], Layer]


@dataclass(frozen=True)
class Link:
    """Link type of the capture (LINKTYPE_ registry of tcpdump.org) and how IP packets get there."""

    link_type: int
    wraps: tuple[Wrap, ...] = ()

    def frame(self, packet: bytes, from_client: bool, through: tuple[Wrap, ...] = ()) -> bytes:
        """The frame that carries an IP packet, `through` further wraps (tunnels) first."""
        kind = IP6 if packet[0] >> 4 == 6 else IP4
        return reduce(lambda layer, wrap: wrap(layer), through + self.wraps, Layer(kind, packet, from_client)).data


def ethernet(client: bytes = CLIENT_MAC, server: bytes = SERVER_MAC, *, padded_to: int = 0) -> Wrap:
    """Ethernet II; `padded_to` fills short frames up, as cards do to 60 bytes."""

    def wrap(layer: Layer) -> Layer:
        source, target = (client, server) if layer.from_client else (server, client)
        header = dpkt.ethernet.Ethernet(src=source, dst=target, type=layer.kind).pack_hdr()
        framed = layer.inside(ETHERNET_FRAME, bytes(header))
        return replace(framed, data=framed.data.ljust(padded_to, b"\0"))

    return wrap


def vlan(number: int, tag_type: int = 0x8100) -> Wrap:
    """One VLAN tag inside the Ethernet header; stack them innermost first (802.1Q 0x8100, 802.1ad 0x88a8, 0x9100)."""
    return lambda layer: layer.inside(tag_type, struct.pack("!HH", number, layer.kind))


def mpls(*labels: int) -> Wrap:
    """A stack of MPLS labels, outermost first (RFC 3032)."""

    def wrap(layer: Layer) -> Layer:
        last = len(labels) - 1
        stack = b"".join(struct.pack("!I", label << 12 | (at == last) << 8 | 64) for at, label in enumerate(labels))
        return layer.inside(MPLS_TYPE, stack)

    return wrap


def pseudowire(layer: Layer) -> Layer:
    """Control word before an Ethernet frame that MPLS carries (RFC 4385, 4448)."""
    return replace(layer, data=b"\0\0\0\0" + layer.data)


def ppp_protocol(layer: Layer) -> Layer:
    """PPP protocol number before an IP packet (RFC 1661)."""
    return layer.inside(0x880B, struct.pack("!H", 0x57 if layer.kind == IP6 else 0x21))


def ppp_hdlc(layer: Layer) -> Layer:
    """PPP in HDLC-like framing: address ff, control 03 (RFC 1662)."""
    return layer.inside(0x880B, b"\xff\x03")


def pppoe(layer: Layer) -> Layer:
    """PPPoE session header before PPP (RFC 2516)."""
    return layer.inside(PPPOE_SESSION, struct.pack("!BBHH", 0x11, 0, 1, len(layer.data)))


def cooked(layer: Layer) -> Layer:
    """Linux cooked capture v1, as `tcpdump -i any` wrote it for long."""
    kind = 4 if layer.from_client else 0
    return layer.inside(0, struct.pack("!HHH8sH", kind, 1, 6, CLIENT_MAC, layer.kind))


def cooked2(interface: int = 2, packet_type: int | None = None) -> Wrap:
    """Linux cooked capture v2: carries the index of the interface; packet type 4 means sent by this host."""

    def wrap(layer: Layer) -> Layer:
        kind = packet_type if packet_type is not None else 4 if layer.from_client else 0
        return layer.inside(0, struct.pack("!HHiHBB8s", layer.kind, 0, interface, 1, kind, 6, CLIENT_MAC))

    return wrap


def null(byte_order: str, family6: int = 30) -> Wrap:
    """BSD loopback: the address family in the byte order of the machine that wrote it (AF_INET6: 24, 28 or 30)."""
    return lambda layer: layer.inside(0, struct.pack(byte_order + "I", family6 if layer.kind == IP6 else 2))


def snap(layer: Layer) -> Layer:
    """LLC and SNAP before an IP packet (IEEE 802, RFC 1042)."""
    return layer.inside(0, b"\xaa\xaa\x03\0\0\0" + struct.pack("!H", layer.kind))


def wireless(*, qos: bool = False) -> Wrap:
    """An 802.11 data frame: to the access point from the client, from it to the client."""

    def wrap(layer: Layer) -> Layer:
        point = b"\x02\0\0\0\0\xaa"
        addresses = (point, CLIENT_MAC, SERVER_MAC) if layer.from_client else (CLIENT_MAC, point, SERVER_MAC)
        control = bytes([0x88 if qos else 0x08, 0x01 if layer.from_client else 0x02])
        header = control + b"\x2c\0" + b"".join(addresses) + b"\x10\0" + (b"\0\0" if qos else b"")
        return layer.inside(0, header)

    return wrap


def radiotap(layer: Layer) -> Layer:
    """A radiotap header with flags, rate, channel and antenna signal (little endian by definition)."""
    fields = struct.pack("<BBHHbx", 0, 12, 2437, 0x00A0, -50)
    return layer.inside(0, struct.pack("<BxHI", 0, 8 + len(fields), 0x2E) + fields)


def in_ipv6(layer: Layer) -> Layer:
    """IPv4 or IPv6 in IPv6 (RFC 2473)."""
    ends = [ip_address(f"2001:db8:ff::{number}").packed for number in (1, 2)]
    source, target = ends if layer.from_client else ends[::-1]
    protocol = 41 if layer.kind == IP6 else 4
    packet = dpkt.ip6.IP6(src=source, dst=target, nxt=protocol, hlim=64, plen=len(layer.data))
    return replace(layer, kind=IP6, data=bytes(packet.pack_hdr()) + layer.data)


def _outer_ip(layer: Layer, protocol: int, header: bytes) -> Layer:
    """The layer behind `header` in an IPv4 packet between two tunnel ends."""
    ends = (bytes([203, 0, 113, 1]), bytes([203, 0, 113, 2]))
    source, target = ends if layer.from_client else ends[::-1]
    body = header + layer.data
    packet = dpkt.ip.IP(src=source, dst=target, p=protocol, ttl=64, id=0x77, len=20 + len(body))
    packet.sum = dpkt.in_cksum(packet.pack_hdr())
    return replace(layer, kind=IP4, data=bytes(packet.pack_hdr()) + body)


def _outer_udp(layer: Layer, port: int, header: bytes) -> Layer:
    """The layer behind `header` in UDP without a checksum, as tunnels over IPv4 may send it."""
    udp = dpkt.udp.UDP(sport=50000, dport=port, ulen=8 + len(header) + len(layer.data), sum=0)
    return _outer_ip(layer, dpkt.ip.IP_PROTO_UDP, bytes(udp.pack_hdr()) + header)


def ip_in_ip(layer: Layer) -> Layer:
    """IPv4 or IPv6 in IPv4 (protocol 4, RFC 2003; protocol 41, RFC 4213)."""
    return _outer_ip(layer, 41 if layer.kind == IP6 else 4, b"")


def gre(key: int | None = None) -> Wrap:
    """GRE, with a key (RFC 2890) or without; carries IP, or Ethernet as type 0x6558."""

    def wrap(layer: Layer) -> Layer:
        header = struct.pack("!HH", 0x2000 if key is not None else 0, layer.kind)
        return _outer_ip(layer, 47, header + (struct.pack("!I", key) if key is not None else b""))

    return wrap


def erspan2(layer: Layer) -> Layer:
    """A mirrored Ethernet frame in ERSPAN type II: GRE with a sequence number, then eight bytes."""
    header = struct.pack("!HHIHHI", 0x1000, 0x88BE, 1, 1 << 12 | 100, 7, 0)
    return _outer_ip(layer, 47, header)


def erspan3(layer: Layer) -> Layer:
    """A mirrored Ethernet frame in ERSPAN type III: GRE with a sequence number, then twelve bytes."""
    header = struct.pack("!HHIHHIHH", 0x1000, 0x22EB, 1, 2 << 12 | 100, 7, 0, 0, 0)
    return _outer_ip(layer, 47, header)


def vxlan(vni: int) -> Wrap:
    """VXLAN (RFC 7348)."""
    return lambda layer: _outer_udp(layer, 4789, struct.pack("!II", 0x08000000, vni << 8))


def geneve(vni: int, options: bytes = b"") -> Wrap:
    """GENEVE (RFC 8926), over Ethernet or IP."""

    def wrap(layer: Layer) -> Layer:
        return _outer_udp(layer, 6081, struct.pack("!BBHI", len(options) // 4, 0, layer.kind, vni << 8) + options)

    return wrap


def gtp_u(to_network: int, to_phone: int | None = None, *, optional: bytes = b"", flags: int = 0) -> Wrap:
    """GTP-U (3GPP TS 29.281): a tunnel end identifier for each direction, as networks have it.

    `flags` (E 4, S 2, PN 1) say what the `optional` bytes behind the fixed header are.
    """

    def wrap(layer: Layer) -> Layer:
        teid = to_network if layer.from_client or to_phone is None else to_phone
        return _outer_udp(layer, 2152, struct.pack("!BBHI", 0x30 | flags, 0xFF, len(optional) + len(layer.data), teid) + optional)

    return wrap


ETHERNET = Link(1, (ethernet(),))
COOKED = Link(113, (cooked,))
COOKED2 = Link(276, (cooked2(),))
NULL = Link(0, (null("<"),))
LOOP = Link(108, (null(">", 24),))
RAW = Link(101)
PPP = Link(9, (ppp_protocol, ppp_hdlc))
WIRELESS = Link(105, (snap, wireless()))
RADIOTAP = Link(127, (snap, wireless(qos=True), radiotap))
