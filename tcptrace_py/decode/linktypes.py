"""The table of link types (to add one: a row of LINKS), and headers that name another link type in turn."""

from tcptrace_py.model.segments import INCOMING, OUTGOING

from .links import (
    behind,
    cooked,
    cooked2,
    directed,
    ethernet,
    fddi,
    frame_relay,
    hdlc,
    llc,
    loopback,
    mpls,
    nflog,
    pflog,
    ppp,
    pppoe,
    raw,
    tagged,
    token_ring,
)
from .walk import Handler, UnreadableError, Walk, need
from .wlan import avs, prism, radiotap, wlan


def pktap(walk: Walk, data: bytes, wire: int) -> None:
    """PKTAP of macOS: length, link type and direction of a frame (bsd/net/pktap.h)."""
    need(data, 40)
    size, link = int.from_bytes(data[:4], "little"), int.from_bytes(data[8:12], "little")
    walk.notes |= (0, INCOMING, OUTGOING, 0)[data[36] & 3]
    _inner_link(walk, link, size, data, wire)


def ppi(walk: Walk, data: bytes, wire: int) -> None:
    """Per-packet information: its length, then a frame of the link type that it names."""
    need(data, 8)
    size, link = int.from_bytes(data[2:4], "little"), int.from_bytes(data[4:8], "little")
    _inner_link(walk, link, size, data, wire)


def _inner_link(walk: Walk, link: int, size: int, data: bytes, wire: int) -> None:
    handler = LINKS.get(link)
    if handler is None or size < 8:
        raise UnreadableError("packet tap around a link type that is not known")
    walk.enter(handler, data[size:], wire - size)


# Numbers of the LINKTYPE_ registry (tcpdump.org/linktypes.html), and those that some systems write instead.
LINKS: dict[int, Handler] = {
    0: loopback,
    1: ethernet,
    6: token_ring,
    9: ppp,
    10: fddi,
    11: llc,  # as 100: ATM (RFC 2684), under the number that some systems have for it
    12: raw,
    14: raw,
    50: hdlc,
    51: pppoe,
    100: llc,
    101: raw,
    104: hdlc,
    105: wlan,
    106: raw,  # classical IP over ATM of Linux
    107: frame_relay,
    108: loopback,
    109: behind(12, raw),  # OpenBSD's encapsulated IPsec
    112: hdlc,
    113: cooked,
    117: pflog,
    119: prism,
    122: behind(16, llc),  # IP over Fibre Channel (RFC 2625): network header
    123: behind(4, llc),  # SunATM: flags, path, channel
    127: radiotap,
    138: tagged(18),  # Apple's IP over FireWire: two addresses of 8 bytes
    163: avs,
    166: directed(2, ppp),  # pppd: direction and control
    192: ppi,
    204: directed(1, ppp),
    205: directed(1, hdlc),
    206: directed(1, frame_relay),
    219: mpls,
    228: raw,
    229: raw,
    239: nflog,
    258: pktap,
    276: cooked2,
}

# Link types that people may bring and that hold no TCP, or not in a way that is read here.
LINK_NAMES = {
    3: "AX.25",
    7: "ARCNET",
    129: "ARCNET, Linux",
    143: "DOCSIS",
    177: "Linux LAPD",
    187: "Bluetooth HCI",
    189: "Linux USB",
    195: "IEEE 802.15.4",
    197: "Endace ERF",
    201: "Bluetooth HCI with direction",
    220: "Linux USB, memory-mapped",
    227: "CAN, SocketCAN",
    230: "IEEE 802.15.4 without FCS",
    247: "InfiniBand",
    249: "USBPcap",
    253: "Linux netlink",
    265: "NFC",
    272: "nRF BLE sniffer",
    274: "Ethernet mPacket",
    **dict.fromkeys(range(147, 163), "defined by its user"),
}
