"""Every link type that is read: the same packet behind each of their headers is the same row."""

import struct

import pytest

from tcptrace_py.decode.linktypes import LINKS
from tcptrace_py.model.segments import INCOMING, OUTGOING
from tests.decode.blocks import Raw, Row, codes, decoded
from tests.decode.build import (
    CLIENT6,
    SERVER6,
    ethernet,
    ipv4,
    ipv6,
    key,
    matches,
    only_row,
    tcp,
)
from tests.writer import links

HELLO = ipv4(tcp(b"hello"))
HELLO6 = ipv6(tcp(b"hello", source=CLIENT6, target=SERVER6))
ROW6: Row = {"key": key(CLIENT6, SERVER6), "ip_id": -1, "ttl": 62}
SNAP = b"\xaa\xaa\x03\0\0\0\x08\x00"
SNAP6 = b"\xaa\xaa\x03\0\0\0\x86\xdd"
MACS = b"\x02\0\0\0\0\x02\x02\0\0\0\0\x01"
WLAN = b"\x08\x01\x2c\0" + b"\x02\0\0\0\0\xaa" + MACS + b"\x10\0"


def by_writer(link: links.Link, packet: bytes = HELLO, through: tuple[links.Wrap, ...] = ()) -> Raw:
    return Raw(link.frame(packet, from_client=True, through=through), link.link_type)


def pktap(flags: int) -> bytes:
    return struct.pack("<III24sI", 108, 1, 1, b"en0", flags).ljust(108, b"\0")


def pflog(size: int, family: int, direction: int) -> bytes:
    return (struct.pack("BB", size, family).ljust(60, b"\0") + bytes((direction,))).ljust(size + 3 & ~3, b"\0")


def nflog(family: int, packet: bytes, hardware: int | None = None) -> bytes:
    prefix = struct.pack("<HH5sxxx", 9, 10, b"log: ")
    if hardware is not None:  # NFULA_PACKET_HDR: hw_protocol, hook
        prefix = struct.pack("<HH", 8, 1) + struct.pack("!HBx", hardware, 2) + prefix
    return struct.pack("!BBH", family, 0, 3) + prefix + struct.pack("<HH", 4 + len(packet), 9) + packet


def radiotap(present: int, content: bytes, *more_present: int) -> bytes:
    words = struct.pack(f"<{1 + len(more_present)}I", present, *more_present)
    return struct.pack("<BxH", 0, 4 + len(words) + len(content)) + words + content


FRAMES: dict[str, tuple[Raw, Row]] = {
    "ethernet": (by_writer(links.ETHERNET), {}),
    "cooked": (by_writer(links.COOKED), {"notes": OUTGOING}),
    "cooked 2": (by_writer(links.COOKED2), {"notes": OUTGOING, "interface": 2}),
    "null": (by_writer(links.NULL, HELLO6), ROW6),
    "loop": (by_writer(links.LOOP, HELLO6), ROW6),
    "raw": (by_writer(links.RAW), {}),
    "ppp": (by_writer(links.PPP), {}),
    "ppp, IPv6": (by_writer(links.PPP, HELLO6), ROW6),
    "802.11": (by_writer(links.WIRELESS), {}),
    "radiotap": (by_writer(links.RADIOTAP), {}),
    "mpls": (by_writer(links.ETHERNET, HELLO, (links.mpls(16, 17, 18),)), {}),
    "mpls, IPv6": (by_writer(links.ETHERNET, HELLO6, (links.mpls(3),)), ROW6),
    "pppoe": (by_writer(links.ETHERNET, HELLO, (links.ppp_protocol, links.pppoe)), {}),
    "802.3": (Raw(MACS + struct.pack("!H", 8 + len(HELLO)) + SNAP + HELLO), {}),
    "802.3, padded": (Raw(MACS + struct.pack("!H", 8 + len(HELLO)) + SNAP + HELLO + b"\0" * 9), {}),
    "802.2": (Raw(MACS + struct.pack("!H", 3 + len(HELLO)) + b"\6\6\3" + HELLO), {}),
    "vlan before snap": (Raw(MACS + b"\x81\0\0\x05\x08\x00" + HELLO), {"vlan": 5}),
    "snap, vlan": (Raw(MACS + b"\0\x40" + b"\xaa\xaa\x03\0\0\0\x81\0\0\x06\x08\x00" + HELLO), {"vlan": 6}),
    "vlan, then a length and snap": (Raw(MACS + b"\x81\0\0\x05" + struct.pack("!H", 8 + len(HELLO)) + SNAP + HELLO), {"vlan": 5}),
    "two tags, then a length": (
        Raw(MACS + b"\x88\xa8\0\x06\x81\0\0\x05" + struct.pack("!H", 3 + len(HELLO)) + b"\6\6\3" + HELLO),
        {"vlan": 5},
    ),
    "isl": (Raw(b"\1\0\x0c\0\0\0" + MACS[:6] + b"\0\x40\xaa\xaa\3\0\0\x0c\0\x16\0\0\0\0" + ethernet(HELLO)), {"vlan": 11}),
    "pseudowire": (Raw(ethernet(b"\0\1\1\x40" + ethernet(HELLO), 0x8847)), {}),
    "pseudowire, control word": (Raw(ethernet(b"\0\1\1\x40\0\0\0\7" + ethernet(HELLO), 0x8847)), {}),
    "pseudowire, address like IPv4": (Raw(ethernet(b"\0\1\1\x40\x45" + ethernet(HELLO)[1:], 0x8848)), {}),
    "backbone": (Raw(ethernet(b"\0\0\0\x09" + ethernet(HELLO), 0x88E7)), {}),
    "e-tag": (Raw(ethernet(b"\0\0\0\0\0\0\x08\x00" + HELLO, 0x893F)), {}),
    "trill": (Raw(ethernet(b"\0\x3f\0\1\0\2" + ethernet(HELLO), 0x22F3)), {}),
    "trill, options": (Raw(ethernet(b"\0\xbf\0\1\0\2" + b"\0" * 8 + ethernet(HELLO6), 0x22F3)), ROW6),
    "macsec, not encrypted": (Raw(ethernet(b"\0\0\0\0\0\1\x08\0" + HELLO + b"\xcc" * 16, 0x88E5)), {}),
    "macsec, not encrypted, with its channel": (
        Raw(ethernet(b"\x20\0\0\0\0\1" + b"\2" * 8 + b"\x86\xdd" + HELLO6 + b"\xcc" * 16, 0x88E5)),
        ROW6,
    ),
    "hsr": (Raw(ethernet(b"\0\x60\0\1\x08\0" + HELLO, 0x892F)), {}),
    "r-tag": (Raw(ethernet(b"\0\0\0\1\x08\0" + HELLO, 0xF1C1)), {}),
    "fabricpath": (Raw(ethernet(b"\0\x7f" + ethernet(HELLO), 0x8903)), {}),
    "vn-tag": (Raw(ethernet(b"\0\0\0\0\x08\x00" + HELLO, 0x8926)), {}),
    "security group": (Raw(ethernet(b"\1\1\0\1\0\x63\x08\x00" + HELLO, 0x8909)), {}),
    "cooked, 802.2": (Raw(b"\0\0\0\1\0\6" + b"\0" * 8 + b"\0\4" + SNAP + HELLO, 113), {"notes": INCOMING}),
    "cooked, Ethernet": (Raw(b"\0\4\0\1\0\6" + b"\0" * 8 + b"\0\3" + ethernet(HELLO), 113), {"notes": OUTGOING}),
    "cooked, ppp": (Raw(b"\0\0\2\0\0\0" + b"\0" * 8 + b"\0\7" + b"\xff\3\0\x21" + HELLO, 113), {"notes": INCOMING}),
    "cooked 2, Ethernet": (Raw(b"\0\3\0\0\0\0\0\2\0\1\0\6" + b"\0" * 8 + ethernet(HELLO), 276), {"notes": INCOMING, "interface": 2}),
    "token ring": (Raw(b"\x10\x40" + MACS + SNAP + HELLO, 6), {}),
    "token ring, routed": (Raw(b"\x10\x40" + MACS[:6] + b"\x82" + MACS[7:] + b"\x04\0\0\0" + SNAP + HELLO, 6), {}),
    "ppp, bare": (Raw(b"\x00\x21" + HELLO, 9), {}),
    "ppp, short": (Raw(b"\x21" + HELLO, 9), {}),
    "ppp, cisco hdlc": (Raw(b"\x0f\0\x08\0" + HELLO, 9), {}),
    "ppp, cisco hdlc to all": (Raw(b"\x8f\0\x86\xdd" + HELLO6, 9), ROW6),
    "fddi": (Raw(b"\x50" + MACS + SNAP + HELLO, 10), {}),
    "raw 12": (Raw(HELLO, 12), {}),
    "raw 14": (Raw(HELLO6, 14), ROW6),
    "hdlc ppp": (Raw(b"\xff\x03\x00\x57" + HELLO6, 50), ROW6),
    "pppoe alone": (Raw(b"\x11\0\0\1\0\x40\0\x21" + HELLO, 51), {}),
    "atm": (Raw(SNAP6 + HELLO6, 100), ROW6),
    "cisco hdlc": (Raw(b"\x0f\0\x08\0" + HELLO, 104), {}),
    "enc": (Raw(b"\2\0\0\0\0\0\0\1\0\0\0\0" + HELLO, 109), {}),
    "pflog in": (Raw(pflog(61, 2, 1) + HELLO, 117), {"notes": INCOMING}),
    "pflog out, longer, IPv6": (Raw(pflog(100, 24, 2) + HELLO6, 117), ROW6 | {"notes": OUTGOING}),
    "atm, bsd": (Raw(SNAP + HELLO, 11), {}),
    "classical ip": (Raw(HELLO, 106), {}),
    "frame relay": (Raw(b"\x18\x41\x03\xcc" + HELLO, 107), {}),
    "frame relay, IPv6": (Raw(b"\x18\x41\x03\x8e" + HELLO6, 107), ROW6),
    "frame relay, padded, snap": (Raw(b"\x18\x41\x03\0\x80\0\0\0\x08\0" + HELLO, 107), {}),
    "frame relay, four bytes of address": (Raw(b"\x18\x40\x40\x81\x03\xcc" + HELLO, 107), {}),
    "frame relay, cisco": (Raw(b"\x18\x41\x08\0" + HELLO, 107), {}),
    "cisco hdlc, 112": (Raw(b"\x0f\0\x08\0" + HELLO, 112), {}),
    "fibre channel": (Raw(b"\x10\0\2\0\0\0\0\2\x10\0\2\0\0\0\0\1" + SNAP + HELLO, 122), {}),
    "sunatm": (Raw(b"\x02\0\0\x21" + SNAP6 + HELLO6, 123), ROW6),
    "firewire": (Raw(b"\2\0\0\0\0\0\0\2\2\0\0\0\0\0\0\1\x08\0" + HELLO, 138), {}),
    "cisco hdlc, direction": (Raw(b"\1\x0f\0\x08\0" + HELLO, 205), {"notes": OUTGOING}),
    "frame relay, direction": (Raw(b"\0\x18\x41\x03\xcc" + HELLO, 206), {"notes": INCOMING}),
    "prism": (Raw(struct.pack("<II", 0x44, 144).ljust(144, b"\0") + WLAN + SNAP + HELLO, 119), {}),
    "prism, avs": (Raw(struct.pack("!II", 0x80211001, 64).ljust(64, b"\0") + WLAN + SNAP + HELLO, 119), {}),
    "avs": (Raw(struct.pack("!II", 0x80211001, 64).ljust(64, b"\0") + WLAN + SNAP + HELLO, 163), {}),
    "four addresses": (Raw(b"\x08\x03" + WLAN[2:] + b"\2\0\0\0\0\xbb" + SNAP + HELLO, 105), {}),
    "qos, order": (Raw(b"\x88\x81" + WLAN[2:] + b"\0\0\0\0\0\0" + SNAP + HELLO, 105), {}),
    "radiotap, padded": (Raw(radiotap(2, b"\x20") + b"\x88\x01" + WLAN[2:] + b"\0\0\0\0" + SNAP + HELLO, 127), {}),
    "radiotap, time first": (
        Raw(radiotap(0x80000003, b"\0" * 12 + b"\x20", 0) + b"\x88\1" + WLAN[2:] + b"\0\0\0\0" + SNAP + HELLO, 127),
        {},
    ),
    "pppd": (Raw(b"\1\3\0\x21" + HELLO, 166), {"notes": OUTGOING}),
    "ppi": (Raw(struct.pack("<BxHI", 0, 12, 105) + b"\0" * 4 + WLAN + SNAP + HELLO, 192), {}),
    "ppp, direction": (Raw(b"\0\xff\3\0\x21" + HELLO, 204), {"notes": INCOMING}),
    "mpls alone": (Raw(b"\0\1\1\x40" + HELLO, 219), {}),
    "raw 228": (Raw(HELLO, 228), {}),
    "raw 229": (Raw(HELLO6, 229), ROW6),
    "nflog": (Raw(nflog(2, HELLO), 239), {}),
    "nflog, IPv6": (Raw(nflog(10, HELLO6), 239), ROW6),
    "nflog, of a bridge": (Raw(nflog(7, HELLO, hardware=0x0800), 239), {}),
    "nflog, of a bridge, tagged": (Raw(nflog(7, b"\0\5\x86\xdd" + HELLO6, hardware=0x8100), 239), ROW6 | {"vlan": 5}),
    "pktap out": (Raw(pktap(2) + ethernet(HELLO), 258), {"notes": OUTGOING}),
    "pktap in": (Raw(pktap(1) + ethernet(HELLO), 258), {"notes": INCOMING}),
}

NOTHING = {
    "spanning tree, tagged": Raw(MACS + b"\x81\0\0\5\0\x26\x42\x42\x03" + b"\0" * 43),
    "nflog, of a bridge, without its header": Raw(nflog(7, HELLO), 239),
    "null data": Raw(b"\x48" + WLAN[1:] + SNAP + HELLO, 105),
    "beacon": Raw(b"\x80\0" + WLAN[2:] + b"x" * 40, 105),
    "later wireless fragment": Raw(WLAN[:-2] + b"\x11\0" + SNAP + HELLO, 105),
    "spanning tree": Raw(MACS + b"\0\x26\x42\x42\x03" + b"\0" * 43),
    "pppoe discovery": Raw(ethernet(b"\x11\x09\0\0\0\x04" + b"\0" * 40, 0x8863)),
    "numbered, no packet": Raw(b"", -1),
}

UNREADABLE = {
    "encrypted": (Raw(WLAN[:1] + b"\x41" + WLAN[2:] + b"x" * 60, 105), "encrypted"),
    "bad frame check": (Raw(radiotap(2, b"\x40") + WLAN + SNAP + HELLO, 127), "damaged"),
    "compressed headers": (Raw(b"\xff\3\0\x2d" + b"x" * 40, 9), "compressed"),
    "version": (Raw(ethernet(b"\x65" + HELLO[1:], 0x0800)), "no IPv4 header"),
    "version 6": (Raw(ethernet(b"\x45" + HELLO6[1:], 0x86DD)), "no IPv6 header"),
    "pflog, cut": (Raw(pflog(61, 2, 1)[:50], 117), "end inside a header"),
    "too short": (Raw(ethernet(HELLO[:17])), "end inside a header"),
    "radiotap": (Raw(b"\0\0\x04\0" + b"\0" * 40, 127), "radiotap"),
    "pktap": (Raw(struct.pack("<III", 108, 1, 250).ljust(150, b"\0"), 258), "packet tap"),
}


@pytest.mark.parametrize("name", FRAMES)
def test_row(name: str) -> None:
    frame, columns = FRAMES[name]
    matches(only_row(frame), **columns)


def test_every_link_type_is_tried() -> None:
    assert {frame.link for frame, _ in FRAMES.values()} == set(LINKS)


@pytest.mark.parametrize("name", NOTHING)
def test_nothing(name: str) -> None:
    rows, problems = decoded(NOTHING[name])
    assert (rows, problems.rows()) == ([], [])


@pytest.mark.parametrize("name", UNREADABLE)
def test_unreadable(name: str) -> None:
    frame, reason = UNREADABLE[name]
    rows, problems = decoded(frame)
    assert rows == []
    assert codes(problems) == {"undecodable": 1}
    assert reason in problems.rows()[0].explanation
    assert not problems.damaged


def test_aggregate_gives_a_row_for_each_frame() -> None:
    inner = [SNAP + ipv4(tcp(b"x" * size, seq=size)) for size in range(1, 101)]
    joined = b""
    for frame in inner:
        joined += (MACS + struct.pack("!H", len(frame)) + frame).ljust(-(-(14 + len(frame)) // 4) * 4, b"\0")
    aggregate = Raw(b"\x88\x01" + WLAN[2:] + b"\x80\0" + joined, 105)
    rows, problems = decoded(aggregate, Raw(ethernet(HELLO)))
    assert [row["payload"] for row in rows] == [*range(1, 101), 5]
    assert [row["frame"] for row in rows] == [1] * 100 + [2]
    assert problems.rows() == []


@pytest.mark.parametrize(("link", "named"), [(220, "USB"), (147, "defined by its user"), (9999, "9999")])
def test_unknown_link_type_is_damage(link: int, named: str) -> None:
    rows, problems = decoded(Raw(b"x" * 60, link), Raw(b"y" * 60, link))
    assert rows == []
    (problem,) = problems.rows()
    assert (problem.code, problem.count, problem.first_frame, problem.damaged) == ("unknown-link-type", 2, 1, True)
    assert named in problem.explanation
