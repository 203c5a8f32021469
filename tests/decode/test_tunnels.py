"""TCP inside tunnels: the inner packet is the row, and its scope says which network it came from."""

import struct

import pytest

from tcptrace_py.model.segments import SCOPE_GRE, SCOPE_TEID, SCOPE_VNI, reverse_key, scope_bytes
from tests.decode import build
from tests.decode.blocks import Raw, Row, codes, decoded
from tests.decode.build import CLIENT6, SERVER6, ipv4, ipv6, key, matches, only_row, tcp
from tests.writer.links import (
    ETHERNET,
    Wrap,
    erspan2,
    erspan3,
    ethernet,
    geneve,
    gre,
    gtp_u,
    ip_in_ip,
    vlan,
    vxlan,
)

HELLO = ipv4(tcp(b"hello"))
HELLO6 = ipv6(tcp(b"hello", source=CLIENT6, target=SERVER6))
ROW6: Row = {"key": key(CLIENT6, SERVER6), "ip_id": -1, "ttl": 62}
BACK = ipv4(tcp(b"hello", source=build.SERVER, target=build.CLIENT, ports=(80, 40000)), source=build.SERVER, target=build.CLIENT)
IN_GTP = scope_bytes(SCOPE_TEID, 0)


SNAP = b"\xaa\xaa\x03\0\0\0\x08\x00"
WLAN = b"\x08\x01\x2c\0" + b"\x02\0\0\0\0\xaa" + b"\x02\0\0\0\0\x02\x02\0\0\0\0\x01" + b"\x10\0"


def vni(number: int) -> bytes:
    return scope_bytes(SCOPE_VNI, number)


def udp(port: int, content: bytes, source: int = 50000) -> Raw:
    return Raw(build.ethernet(ipv4(struct.pack("!HHHH", source, port, 8 + len(content), 0) + content, protocol=17)))


def capwap(content: bytes, flags: int = 0, more: bytes = b"", kind: int = 0, network: int = 1) -> bytes:
    """RFC 5415 section 4.3: preamble, HLEN, radio 1, WBID and flags; fragment; what M and W announce."""
    words = (8 + len(more)) // 4
    return struct.pack("!II", kind << 24 | words << 19 | 1 << 14 | network << 9 | flags, 0) + more + content


def ip_of(protocol: int, content: bytes) -> Raw:
    return Raw(build.ethernet(ipv4(content, protocol=protocol)))


def ether(kind: int, content: bytes) -> Raw:
    return Raw(build.ethernet(content, kind))


def in_gre(content: bytes) -> Raw:
    return Raw(build.ethernet(ipv4(content, protocol=47)))


def framed(packet: bytes) -> bytes:
    return build.ethernet(packet)


WRAPS: dict[str, tuple[bytes, tuple[Wrap, ...], Row]] = {
    "ip in ip": (HELLO, (ip_in_ip,), {}),
    "6in4": (HELLO6, (ip_in_ip,), ROW6),
    "gre": (HELLO, (gre(),), {}),
    "gre key": (HELLO6, (gre(42),), ROW6 | {"key": key(CLIENT6, SERVER6, scope=scope_bytes(SCOPE_GRE, 42))}),
    "gre bridge": (HELLO, (ethernet(), gre(1001)), {"key": key(scope=scope_bytes(SCOPE_GRE, 1001))}),
    "vxlan in gre": (HELLO, (ethernet(), vxlan(3), gre(9)), {"key": key(scope=vni(3))}),
    "gre in vxlan": (HELLO, (gre(9), ethernet(), vxlan(3)), {"key": key(scope=scope_bytes(SCOPE_GRE, 9))}),
    "nvgre": (HELLO, (ethernet(), gre(0x123456 << 8 | 7)), {"key": key(scope=vni(0x123456))}),
    "erspan 2": (HELLO, (ethernet(), erspan2), {}),
    "erspan 3": (HELLO, (ethernet(), erspan3), {}),
    "vxlan": (HELLO, (ethernet(), vxlan(4711)), {"key": key(scope=vni(4711))}),
    "vxlan, tagged inside": (HELLO, (vlan(5), ethernet(), vxlan(1)), {"key": key(scope=vni(1)), "vlan": 5}),
    "geneve": (HELLO, (ethernet(), geneve(9)), {"key": key(scope=vni(9))}),
    "geneve, options, no Ethernet": (HELLO6, (geneve(9, b"\0" * 12),), ROW6 | {"key": key(CLIENT6, SERVER6, scope=vni(9))}),
    "gtp-u": (HELLO, (gtp_u(0xABCD),), {"key": key(scope=IN_GTP), "teid": 0xABCD}),
    "innermost network": (HELLO, (ethernet(), vxlan(1), ethernet(), vxlan(2)), {"key": key(scope=vni(1))}),
    "vxlan in gtp-u": (HELLO, (ethernet(), vxlan(3), gtp_u(4)), {"key": key(scope=vni(3) + IN_GTP), "teid": 4}),
    "seven deep": (HELLO, (ethernet(), vxlan(1)) * 7, {"key": key(scope=vni(1))}),
}

BUILT: dict[str, tuple[Raw, Row]] = {
    "vxlan 8472": (udp(8472, b"\x08\0\0\0\0\0\x07\0" + framed(HELLO)), {"key": key(scope=vni(7))}),
    "vxlan-gpe": (udp(4790, b"\x0c\0\0\x01\0\0\x07\0" + HELLO), {"key": key(scope=vni(7))}),
    "vxlan-gpe, frame": (udp(4790, b"\x0c\0\0\x03\0\0\x07\0" + framed(HELLO)), {"key": key(scope=vni(7))}),
    "gtp-u, extensions": (
        udp(2152, struct.pack("!BBHI", 0x34, 255, 0, 5) + b"\0\0\0\x85\1\x10\2\x85\1\0\0\0" + HELLO),
        {"key": key(scope=IN_GTP), "teid": 5},
    ),
    "gtp-u, sequence": (
        udp(2152, struct.pack("!BBHIHBB", 0x32, 255, 0, 7, 1, 0, 0) + HELLO6),
        ROW6 | {"key": key(CLIENT6, SERVER6, scope=IN_GTP), "teid": 7},
    ),
    "tzsp": (udp(37008, b"\1\0\0\1\1" + framed(HELLO)), {}),
    "tzsp, sent, tags": (udp(37008, b"\1\1\0\1\0\x0a\1\x55\0\x29\2ab\1" + framed(HELLO6)), ROW6),
    "l2tp": (udp(1701, b"\0\2\0\7\0\1\xff\3\0\x21" + HELLO), {}),
    "l2tp, length, sequence, padding": (udp(1701, b"\x4a\2" + b"\0\x40\0\7\0\1\0\1\0\1" + b"\0\2\0\0" + b"\xff\3\0\x57" + HELLO6), ROW6),
    "l2tpv3": (ip_of(115, b"\0\0\0\1" + b"\0" * 4 + framed(HELLO)), {}),
    "l2tpv3, nothing before the frame": (ip_of(115, b"\0\0\0\1" + framed(HELLO6)), ROW6),
    "l2tpv3, cookie": (ip_of(115, b"\0\0\0\1cook" + framed(HELLO)), {}),
    "l2tpv3, cookie of eight, sublayer": (ip_of(115, b"\0\0\0\1cookie.." + b"\x40\0\0\7" + framed(HELLO)), {}),
    "l2tpv3, a tagged frame": (
        ip_of(115, b"\0\0\0\1" + b"\0" * 4 + framed(HELLO)[:12] + b"\x81\0\0\5" + framed(HELLO)[12:]),
        {"vlan": 5},
    ),
    "l2tpv3 in udp": (udp(1701, b"\0\3\0\0\0\0\0\1" + b"\0" * 4 + framed(HELLO6)), ROW6),
    "lisp": (udp(4341, b"\xc0" + b"\0" * 7 + HELLO), {}),
    "lisp, instance": (udp(4341, b"\x08\0\0\0\0\0\x07\xff" + HELLO6), ROW6 | {"key": key(CLIENT6, SERVER6, scope=vni(7))}),
    "nsh": (ether(0x894F, b"\x0f\xc6\1\1\0\0\1\xff" + b"\0" * 16 + HELLO), {}),
    "nsh, without context, a frame": (ether(0x894F, b"\x0f\xc2\2\3\0\0\1\xff" + framed(HELLO6)), ROW6),
    "vxlan-gpe, nsh": (udp(4790, b"\x0c\0\0\4\0\0\7\0\x0f\xc2\2\1\0\0\1\xff" + HELLO), {"key": key(scope=vni(7))}),
    "teredo": (udp(3544, HELLO6), ROW6),
    "teredo, authentication, origin": (udp(3544, b"\0\1\0\0" + b"\0" * 9 + b"\0\0" + b"\1" * 6 + HELLO6), ROW6),
    "l2tp, the answer": (udp(50000, b"\0\2\0\7\0\1\xff\3\0\x21" + HELLO, 1701), {}),
    "teredo, the answer": (udp(50000, HELLO6, 3544), ROW6),
    "capwap, Ethernet": (udp(5247, capwap(framed(HELLO))), {}),
    "capwap, the answer": (udp(50000, capwap(framed(HELLO6)), 5247), ROW6),
    "capwap, 802.11": (udp(5247, capwap(WLAN + SNAP + HELLO, 0x100)), {}),
    "capwap, 802.11, radio's address and more": (
        udp(5247, capwap(WLAN + SNAP + HELLO, 0x130, b"\6\2\0\0\0\0\1\0" + b"\4\1\2\3\4\0\0\0")),
        {},
    ),
    "capwap, frame control swapped": (udp(5247, capwap(WLAN[1::-1] + WLAN[2:] + SNAP + HELLO, 0x100)), {}),
    "802.11 in gre": (in_gre(b"\0\0\x82\x10" + WLAN + SNAP + HELLO), {}),
    "gre in udp": (udp(4754, b"\0\0\x08\0" + HELLO), {}),
    "mpls in udp": (udp(6635, b"\0\1\1\x40" + HELLO), {}),
    "eoip": (in_gre(b"\x20\1\x64\0\0\x50\0\7" + framed(HELLO)), {}),
    "erspan 1": (in_gre(b"\0\0\x88\xbe" + framed(HELLO)), {}),
    "erspan 3, subheader": (in_gre(b"\x10\0\x22\xeb\0\0\0\1" + b"\x20\1" + b"\0" * 9 + b"\1" + b"\0" * 8 + framed(HELLO)), {}),
    "erspan 3, ip": (in_gre(b"\x10\0\x22\xeb\0\0\0\1" + b"\x20\1" + b"\0" * 8 + b"\x08\0" + HELLO), {}),
    "gre, checksum, sequence": (in_gre(b"\x90\0\x08\0" + b"\0" * 8 + HELLO), {}),
    "gre, routes": (in_gre(b"\x40\0\x08\0" + b"\0" * 4 + b"\0\x08\0\4\1\2\3\4" + b"\0" * 4 + HELLO), {}),
    "pptp": (in_gre(b"\x30\x81\x88\x0b\0\x40\0\7\0\0\0\1\0\0\0\1\xff\3\0\x21" + HELLO), {}),
    "wccp 2": (in_gre(b"\0\0\x88\x3e\0\0\0\0" + HELLO), {}),
    "etherip": (Raw(build.ethernet(ipv4(b"\x30\0" + framed(HELLO), protocol=97))), {}),
    "mpls in ip": (Raw(build.ethernet(ipv4(b"\0\1\1\x40" + HELLO, protocol=137))), {}),
    "ip in ipv6": (Raw(build.ethernet(ipv6(HELLO, following=4))), {}),
    "ethernet in ipv6": (Raw(build.ethernet(ipv6(framed(HELLO), following=143))), {}),
}

NOTHING = {
    "capwap, keep-alive": udp(5247, capwap(framed(HELLO), 0x08)),
    "capwap of the future": udp(5247, capwap(framed(HELLO), kind=0x10)),
    "capwap of another binding": udp(5247, capwap(framed(HELLO), 0x100, network=3)),
    "capwap, no data": udp(5247, capwap(b"\x80\0" + WLAN[2:] + b"x" * 40, 0x100)),
    "802.11 in gre, a number beyond": in_gre(b"\0\0\x83\x80" + WLAN + SNAP + HELLO),
    "vxlan without its flag": udp(4789, b"\0" * 8 + framed(HELLO)),
    "tzsp keepalive": udp(37008, b"\1\4\0\0\1" + framed(HELLO)),
    "tzsp of another version": udp(37008, b"\2\0\0\1\1" + framed(HELLO)),
    "tzsp around something else": udp(37008, b"\1\0\0\x20\1" + framed(HELLO)),
    "l2tp control": udp(1701, b"\xc8\2\0\x0c" + b"\0" * 8),
    "l2tp of another version": udp(1701, b"\0\4" + b"\0" * 12),
    "l2tpv3 control": ip_of(115, b"\0" * 4 + b"\xc8\3\0\x14" + b"\0" * 16),
    "l2tpv3 in udp, control": udp(1701, b"\xc8\3\0\x14" + b"\0" * 16),
    "lisp of nothing": udp(4341, b"\0" * 8 + b"\x55"),
    "nsh of the future": ether(0x894F, b"\x4f\xc2\2\3\0\0\1\xff" + framed(HELLO)),
    "nsh without a length": ether(0x894F, b"\x0f\xc0\2\3\0\0\1\xff" + framed(HELLO)),
    "teredo bubble of nothing": udp(3544, b"\0\0" + b"\1" * 6 + b"\x45"),
    "eoip keepalive": in_gre(b"\x20\1\x64\0\0\0\0\7"),
    "gtp signalling": udp(2152, struct.pack("!BBHI", 0x32, 1, 4, 0) + b"\0" * 4),
    "geneve of the future": udp(6081, b"\x40" + b"\0" * 40),
}


@pytest.mark.parametrize("name", WRAPS)
def test_wrapped(name: str) -> None:
    packet, through, columns = WRAPS[name]
    matches(only_row(Raw(ETHERNET.frame(packet, from_client=True, through=through))), **columns)


@pytest.mark.parametrize("name", BUILT)
def test_built(name: str) -> None:
    frame, columns = BUILT[name]
    matches(only_row(frame), **columns)


@pytest.mark.parametrize("name", NOTHING)
def test_nothing(name: str) -> None:
    rows, problems = decoded(NOTHING[name])
    assert (rows, problems.rows()) == ([], [])


def test_a_session_around_something_else_is_not_read() -> None:
    rows, problems = decoded(ip_of(115, b"\0\0\0\1" + b"\0" * 4 + HELLO))
    assert (rows, codes(problems)) == ([], {"not-read": 1})


@pytest.mark.parametrize("tunnel", [gtp_u(1, 2), vxlan(1), gre(3)])
def test_both_directions_meet(tunnel: Wrap) -> None:
    through = (ethernet(), tunnel) if tunnel.__qualname__.startswith("vxlan") else (tunnel,)
    there = only_row(Raw(ETHERNET.frame(HELLO, from_client=True, through=through)))
    back = only_row(Raw(ETHERNET.frame(BACK, from_client=False, through=through)))
    assert back["key"] == reverse_key(there["key"])


def test_depth_is_bounded() -> None:
    rows, problems = decoded(Raw(ETHERNET.frame(HELLO, from_client=True, through=(ip_in_ip,) * 20)))
    assert (rows, codes(problems)) == ([], {"undecodable": 1})
