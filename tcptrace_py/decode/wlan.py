"""802.11 data frames (IEEE 802.11 section 9.3.2), with the headers that capturing cards put before them."""

import dpkt

from .links import llc
from .walk import UnreadableError, Walk, fields, need, shallow

_RADIOTAP, _WLAN = shallow(dpkt.radiotap.Radiotap), shallow(dpkt.ieee80211.IEEE80211)

_DATA_TYPE, _QOS, _NO_DATA = 2, 8, 4  # frame type; bits of its subtype
_PADDED, _BAD_FCS = 0x20, 0x40  # radiotap flags
_AVS_MAGIC = b"\x80\x21\x10"


def wlan(walk: Walk, data: bytes, wire: int, *, padded: bool = False) -> None:
    """Read one data frame; `padded` says that its header was filled up to four bytes."""
    head = fields(_WLAN, data)
    if head.type != _DATA_TYPE or head.subtype & _NO_DATA:
        return
    if head.wep:
        raise UnreadableError("802.11 frames that are encrypted (WEP, WPA)")
    size = 30 if head.to_ds and head.from_ds else 24
    need(data, size)
    if data[22] & 15:  # a later fragment of a frame; the first has the headers
        return
    aggregate = False
    if head.subtype & _QOS:
        need(data, size + 2)
        aggregate = bool(data[size] & 0x80)
        size += 6 if head.order else 2
    if padded:
        size = (size + 3) & ~3
    if aggregate:
        walk.enter(_aggregate, data[size:], wire - size)
    else:
        walk.enter(llc, data[size:], wire - size)


def _padded(walk: Walk, data: bytes, wire: int) -> None:
    """The same, where the header was filled up to four bytes."""
    wlan(walk, data, wire, padded=True)


def _aggregate(walk: Walk, data: bytes, wire: int) -> None:
    """Read the frames of an A-MSDU: addresses and a length before each, the next on a multiple of four bytes."""
    at, notes, depth, quoted = 0, walk.notes, walk.depth, walk.quoted
    while at + 14 < wire:
        walk.begin_again(notes, depth, quoted)
        need(data, at + 14)
        size = data[at + 12] << 8 | data[at + 13]
        if size:
            walk.enter(llc, data[at + 14 : at + 14 + size], size)
        at += (14 + size + 3) & ~3


def radiotap(walk: Walk, data: bytes, wire: int) -> None:
    """Radiotap (radiotap.org): its own length, and flags about the frame behind it."""
    size = fields(_RADIOTAP, data).length
    need(data, max(size, 8))
    if size < 8:
        raise UnreadableError("radiotap header length below 8 bytes")
    flags = _radiotap_flags(data, size)
    if flags & _BAD_FCS:
        raise UnreadableError("802.11 frames received damaged (bad frame check sequence)")
    walk.enter(_padded if flags & _PADDED else wlan, data[size:], wire - size)


def _radiotap_flags(data: bytes, size: int) -> int:
    """Read the flags field: behind all words of the presence map, and behind a timestamp where there is one."""
    present = int.from_bytes(data[4:8], "little")
    at = 8
    if not present & 2:
        return 0
    while data[at - 1] & 0x80 and at + 4 <= size:
        at += 4
    if present & 1:
        at = ((at + 7) & ~7) + 8
    return data[at] if at < size else 0


def prism(walk: Walk, data: bytes, wire: int) -> None:
    """Prism monitoring header: length in its second word, by the byte order of the machine; or an AVS header."""
    need(data, 8)
    if data[:3] == _AVS_MAGIC:
        walk.enter(avs, data, wire)
        return
    size = min(int.from_bytes(data[4:8], "little"), int.from_bytes(data[4:8], "big"))
    need(data, max(size, 8))
    walk.enter(wlan, data[max(size, 8) :], wire - max(size, 8))


def avs(walk: Walk, data: bytes, wire: int) -> None:
    """AVS monitoring header: length in its second word."""
    need(data, 8)
    size = max(8, int.from_bytes(data[4:8], "big"))
    need(data, size)
    walk.enter(wlan, data[size:], wire - size)
