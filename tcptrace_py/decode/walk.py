"""The general path's way through one frame: what is known so far, and the tables that say who reads what comes next."""

from collections.abc import Callable
from typing import Any

import dpkt

from tcptrace_py.model.problems import Problems
from tcptrace_py.model.segments import SCOPE_TEID, SegmentBlock, scope_bytes

from . import unread
from .fragments import Reassembler
from .quality import Tally

MAX_HEADERS = 20  # of links and networks in one another: eight tunnels and what is around them
MAX_TAGS = 64  # VLAN tags, or labels, in a row

# Reads one layer: the captured bytes from its header on, and how long the layer was on the wire.
Handler = Callable[["Walk", bytes, int], None]

# Who reads what is announced by an Ethernet type, an IP protocol, a UDP destination port. The modules that read enter
# their rows at their ends.
ETHERTYPES: dict[int, Handler] = {}
PROTOCOLS: dict[int, Handler] = {}
PORTS: dict[int, Handler] = {}

LENGTHS, LONGEST_LENGTH = -1, 1500  # behind a VLAN tag a number up to here is a length, and LLC follows (IEEE 802.3, 3.2.6)
VLAN_TYPES = (0x8100, 0x88A8, 0x9100, 0x9200)  # 802.1Q, 802.1ad and what came before it


class UnreadableError(Exception):
    """A frame that promises TCP, or what may carry it, and breaks the promise; the message names the reason."""


class NestedError(UnreadableError):
    """A frame of more headers in one another than are read: named in quotes of ICMP errors as well."""


class Walk:
    """One frame on its way through the layers.

    `vlan` and `teid` are -1, `network` (scope bytes) is empty until met; the innermost stays. `addresses` (source and target together),
    `ttl`, `ip_id` are the innermost IP header's; `checkable` says whether its addresses are the pseudo-header's,
    `oversized` whether its packet is larger than Ethernet's. `quoted` is the ICMP error that quotes what is read now,
    in the form of QUOTED rows, or -1; `unread` the encapsulation that was met and is not read, or empty.
    """

    __slots__ = (
        "addresses",
        "checkable",
        "depth",
        "fragments",
        "frame",
        "interface",
        "ip_id",
        "network",
        "notes",
        "out",
        "oversized",
        "problems",
        "quoted",
        "tally",
        "teid",
        "time_ns",
        "ttl",
        "unread",
        "vlan",
    )

    def __init__(self, problems: Problems, tally: Tally, fragments: Reassembler) -> None:
        self.problems, self.tally, self.fragments = problems, tally, fragments

    def begin(self, out: SegmentBlock, frame: int, time_ns: int, interface: int) -> None:
        """Stand before a new frame."""
        self.out, self.frame, self.time_ns, self.interface = out, frame, time_ns, interface
        self.vlan = self.teid = self.quoted = self.ip_id = -1
        self.notes = self.depth = self.ttl = 0
        self.addresses, self.network, self.unread = b"", b"", ""
        self.checkable, self.oversized = True, False

    def enter(self, handler: "Handler", data: bytes, wire: int) -> None:
        """Let a link or network header be read inside of what was read so far. Who may come upon another of its kind is called so.

        What needs IP around it (TCP, UDP, tunnels) is called directly: IP is counted.
        """
        self.deeper()
        handler(self, data, wire)

    def deeper(self) -> None:
        """Count another header inside of those before."""
        self.depth += 1
        if self.depth > MAX_HEADERS:
            raise NestedError(f"more than {MAX_HEADERS} headers in one another: what is behind them is not read")

    def begin_again(self, notes: int, depth: int, quoted: int) -> None:
        """Stand before the next of several frames in one, which know nothing of each other but lie equally deep."""
        self.begin(self.out, self.frame, self.time_ns, self.interface)
        self.notes, self.depth, self.quoted = notes, depth, quoted

    def scope(self) -> bytes:
        """Scope bytes of the tunnels passed so far."""
        return self.network + scope_bytes(SCOPE_TEID, 0) if self.teid >= 0 else self.network


def shallow(kind: Any) -> Any:
    """Make of a dpkt class one that reads its fixed header alone: dpkt knows the fields, the walk what follows."""
    return type(kind)(
        kind.__name__,
        (kind,),
        {
            "__init__": dpkt.dpkt.Packet.__init__,
            "unpack": dpkt.dpkt.Packet.unpack,
            "__hdr__": kind.__hdr__,
        },
    )


def fields(kind: Any, data: bytes, at: int = 0) -> Any:
    """Read the fixed header of a (shallow) dpkt class at an offset; raises dpkt.NeedData where it is cut."""
    return kind(data[at : at + kind.__hdr_len__])


def need(data: bytes, size: int) -> None:
    """Raise dpkt.NeedData where fewer bytes were captured."""
    if len(data) < size:
        raise dpkt.NeedData


def nested(handler: Handler) -> Handler:
    """Let a handler be entered (see Walk.enter)."""

    def read(walk: Walk, data: bytes, wire: int) -> None:
        walk.enter(handler, data, wire)

    return read


def in_a_row(at: int, what: str) -> None:
    """Raise NestedError where another tag of four bytes would be one too many."""
    if at >= 4 * MAX_TAGS:
        raise NestedError(f"more than {MAX_TAGS} {what} in a row: what is behind them is not read")


def by_ethertype(walk: Walk, kind: int, data: bytes, wire: int) -> None:
    """Go on with what an Ethernet type announces; VLAN tags on the way are noted. Unknown types hold no TCP."""
    at = 0
    while kind in VLAN_TYPES:
        in_a_row(at, "VLAN tags")
        tag = fields(_VLAN_TAG, data, at)
        walk.vlan = tag.id or walk.vlan
        kind = tag.type
        at += 4
    handler = ETHERTYPES.get(LENGTHS if at and kind <= LONGEST_LENGTH else kind)
    if handler:
        walk.enter(handler, data[at:], wire - at)
    else:
        walk.unread = unread.ETHERTYPES.get(kind, "")


_VLAN_TAG = shallow(dpkt.ethernet.VLANtag8021Q)
