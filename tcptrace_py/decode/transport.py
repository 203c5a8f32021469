"""TCP headers to rows, and what ICMP errors quote of them."""

import dpkt

from tcptrace_py.model.segments import (
    HEADER_CUT,
    OPTIONS_CUT,
    PAYLOAD_CUT,
    QUOTED,
    SHORT_HEADER,
)

from .options import parse_options
from .quality import LEAVE_OUT
from .walk import ETHERTYPES, PROTOCOLS, UnreadableError, Walk, fields, shallow

_TCP, _ICMP = shallow(dpkt.tcp.TCP), shallow(dpkt.icmp.ICMP)

# Errors that quote a packet: unreachable, source quench, redirect, time exceeded, parameter problem (RFC 792); IPv6's
# unreachable, too big, time exceeded, parameter problem (RFC 4443).
_ERRORS, _ERRORS6 = (3, 4, 5, 11, 12), (1, 2, 3, 4)
_NESTED = "ICMP errors that quote an ICMP error, which no host may send (RFC 1122 3.2.2): what that one quotes is not read"

_FIELD_ENDS = (18, 16, 14, 12, 8, 4)  # checksum, window, offset and flags, acknowledgment, sequence number, ports


def tcp(walk: Walk, data: bytes, wire: int) -> None:
    """TCP: one row (RFC 9293 section 3.1)."""
    if wire < 20 and walk.quoted < 0:
        raise UnreadableError("IP packet too short for a TCP header")
    kept = 20 if len(data) >= 20 else next((end for end in _FIELD_ENDS if len(data) >= end), 0)
    if not kept:
        raise dpkt.NeedData
    head = fields(_TCP, data[:kept].ljust(20, b"\0"))
    content = head.off * 4
    notes = (HEADER_CUT if kept >= 16 else HEADER_CUT | SHORT_HEADER) if kept < 20 else 0
    if kept < 14:
        content = wire  # unknown: what lies behind the cut reads 0
    elif content < 20:
        raise UnreadableError("TCP header length below 20 bytes")
    elif content > wire and walk.quoted < 0:
        raise UnreadableError("TCP header longer than its packet")
    payload = max(0, wire - content)
    if len(data) < content and not notes:
        notes = OPTIONS_CUT
    if payload and len(data) < content + payload:
        notes |= PAYLOAD_CUT
    if walk.quoted < 0:
        notes |= _checked(walk, notes, data, wire)
        if notes < 0:
            return
    _write(walk, head, data[20:content], payload, notes)


def _checked(walk: Walk, notes: int, data: bytes, wire: int) -> int:
    """Say what the tally has to know of a segment; give more notes, or LEAVE_OUT."""
    tally, frame = walk.tally, walk.frame
    verdict = 0
    if notes & (HEADER_CUT | OPTIONS_CUT):
        tally.count("snapped", frame)
    elif len(data) >= wire and walk.checkable and frame <= tally.looked_at_to:
        verdict = tally.check(walk.addresses, data[:wire], frame)
    # Loopback has no network card; large segments are its usual ones.
    if walk.oversized and walk.addresses[0] != 127 and verdict != LEAVE_OUT:
        tally.count("offloaded", frame)
    return verdict


def _write(walk: Walk, head: "dpkt.tcp.TCP", options: bytes, payload: int, notes: int) -> None:
    out, n = walk.out, walk.out.count
    if n == len(out.frame):
        out.reserve(n + 64)
    out.key[n] = walk.addresses + head.sport.to_bytes(2, "big") + head.dport.to_bytes(2, "big") + walk.scope()
    out.frame[n], out.time_ns[n], out.interface[n] = walk.frame, walk.time_ns, walk.interface
    out.seq[n], out.ack[n], out.flags[n], out.window[n] = head.seq, head.ack, head.flags, head.win
    out.payload[n], out.checksum[n] = payload, head.sum
    out.ip_id[n], out.ttl[n], out.vlan[n], out.teid[n] = walk.ip_id, walk.ttl, walk.vlan, walk.teid
    (out.options[n], out.window_scale[n], out.tsval[n], out.tsecr[n], out.sack_left[n], out.sack_right[n]) = parse_options(
        options, 0, len(options), head.ack
    )
    if walk.quoted >= 0:
        notes |= QUOTED
        out.window[n] = walk.quoted
    out.notes[n] = notes | walk.notes
    out.owner[n] = -1
    out.odd = True
    out.count = n + 1


def icmp(walk: Walk, data: bytes, wire: int) -> None:
    """ICMP: errors quote the packet that they answer, at least eight bytes behind its IP header (RFC 792)."""
    _quote(walk, data, wire, 4, _ERRORS)


def icmp6(walk: Walk, data: bytes, wire: int) -> None:
    """ICMPv6: as much of the packet as fits the minimum MTU (RFC 4443 section 2.4)."""
    _quote(walk, data, wire, 6, _ERRORS6)


def _quote(walk: Walk, data: bytes, wire: int, version: int, errors: tuple[int, ...]) -> None:
    head = fields(_ICMP, data)
    if head.type not in errors:
        return
    if walk.quoted >= 0:
        walk.problems.add("nested-icmp", _NESTED, frame=walk.frame)
        return
    walk.quoted = version << 16 | head.type << 8 | head.code
    walk.enter(ETHERTYPES[0x0800 if version == 4 else 0x86DD], data[8:], wire - 8)


PROTOCOLS.update({1: icmp, 6: tcp, 58: icmp6})
