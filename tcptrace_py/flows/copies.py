# cython: boundscheck=False, wraparound=False
"""Whether a segment was captured before: by a mirror port that doubles, on another interface, or held up and doubled by the network."""

from tcptrace_py.model.live import COPY, DELAYED, STRAY, Side
from tcptrace_py.model.segments import ACK, FIN, HEADER_CUT, OPT_TIMESTAMPS, RST, SYN, Columns
from tcptrace_py.model.seq import MASK, ahead

from .scopes import MIRROR_NS

COPY_NS = 100_000_000  # below every minimum retransmission timeout (RFC 6298; Linux TCP_RTO_MIN 200 ms)
RESENT_SYN_NS = 900_000_000  # a SYN is sent again after a second at the earliest (RFC 6298 2.1), by some stacks with the same timestamp
MOST_BEHIND = 64  # IP IDs: so far behind a sender's latest segment a copy of one of its earlier ones is looked for
_COPY_NS = COPY_NS  # for this module: compiled, it is a C number


def copy_marks(side: Side, columns: Columns, i: int, joined: int) -> int:
    """COPY if this is a segment captured before, once more, which its sender did not send again; DELAYED if it was long under way.

    A sender gives every retransmission a new IP ID; where it gives none (0, or IPv6), or the same to different segments
    (RFC 6864 4.1), the time tells: a copy comes before any timer could have run, and nothing came in between that calls
    for the same answer again. Of what is not logged only the ID and the end of the latest segment are known. `joined`: the frame whose
    segment joined what came through one tunnel to what came through another, or outside.
    """
    if columns.notes[i] & HEADER_CUT:
        return 0
    seq, ip_id, ack = columns.seq[i], columns.ip_id[i], columns.ack[i]
    flags, payload, window, tsval = columns.flags[i], columns.payload[i], columns.window[i], columns.tsval[i]
    end = (seq + payload + (1 if flags & (SYN | FIN) else 0)) & MASK
    if (
        seq == side.last_seq
        and (end == side.next_seq or not flags & (SYN | ACK | RST))  # which moves nothing on, and is not logged (_sequence)
        and flags == side.last_flags
        and ip_id == side.last_ip_id
        and ack == (side.max_ack if flags & ACK else ack)
        and window == side.window
        and tsval == side.last_tsval
        and _acknowledged_last(side, ack)
        and _same_again(side, columns, i, side.last_ns, side.last_interface, joined)
    ):
        return COPY if columns.time_ns[i] - side.last_ns <= _COPY_NS else COPY | DELAYED
    log = side.connection.log
    for at in range(len(log) - 1, -1, -1):
        segment = log[at]
        if (
            segment.side == side.number
            and segment.seq == seq
            and segment.ip_id == ip_id
            and segment.flags == flags
            and segment.ack == ack
            and segment.payload == payload
            and segment.window == window
            and segment.tsval == columns.tsval[i]
            and _same_again(side, columns, i, segment.time_ns, segment.interface, joined)
        ):
            return segment.marks & STRAY | (COPY if columns.time_ns[i] - segment.time_ns <= _COPY_NS else COPY | DELAYED)
    if (
        ip_id > 0
        and not flags & (SYN | FIN | RST)
        and columns.time_ns[i] - side.last_ns < _COPY_NS  # those are all in the log
        and not (ip_id == side.last_ip_id and seq != side.last_seq)
        and _ids_tell(side)
        and _is_old_id(side.recent_ids, ip_id, payload > 0)
    ):
        return 0 if _brings(side, seq, end, ack, flags) else COPY
    return 0


def _same_again(side: Side, columns: Columns, i: int, before_ns: int, interface: int, joined: int) -> bool:
    """Whether the second of two equal segments is a copy of the first."""
    if columns.ip_id[i] > 0 and _ids_tell(side):
        return True
    gap_ns = columns.time_ns[i] - before_ns
    if gap_ns > _COPY_NS:  # hardly a clock stands still for so long
        return gap_ns < RESENT_SYN_NS and bool(columns.flags[i] & SYN and columns.options[i] & OPT_TIMESTAMPS)
    if columns.interface[i] != interface or columns.frame[i] == joined:
        return True
    if columns.flags[i] & RST:
        return _has_copies(side) or _has_copies(side.peer)  # tcp_v4_send_reset(): one for each segment, all with ID 0
    if columns.payload[i] or columns.flags[i] & FIN:
        return bool(columns.options[i] & OPT_TIMESTAMPS) or gap_ns < MIRROR_NS
    if columns.flags[i] & SYN and not columns.flags[i] & ACK:
        return True
    peer = side.peer
    answered = peer.last_ns > before_ns and peer.last_seq >= 0
    return not answered and (gap_ns < MIRROR_NS or columns.flags[i] & SYN > 0)


def _acknowledged_last(side: Side, ack: int) -> bool:
    """Whether a side's latest segment had this number, where it may have had another than the highest that it acknowledged."""
    log = side.connection.log
    for at in range(len(log) - 1, -1, -1):
        segment = log[at]
        if segment.side == side.number:
            return segment.time_ns != side.last_ns or segment.ack == ack
    return True


def _ids_tell(side: Side) -> bool:
    """Whether a side's latest segments, copies left out, have IP IDs of their own: then the same ID means the same segment.

    Zero is no ID, and does not speak against the others (Linux: SYN/ACK, RST, TIME_WAIT).
    """
    ids = side.recent_ids
    last, before, third = ids & 0xFFFF, ids >> 16 & 0xFFFF, ids >> 32 & 0xFFFF
    if side.packets < 2 or (last == before and last):
        return False
    return side.packets < 3 or not third or third not in (last, before)


def _has_copies(side: Side) -> bool:
    """Whether segments of a side were captured twice."""
    return side.rare is not None and side.rare.copies > 0


def _is_old_id(recent_ids: int, ip_id: int, carries: bool) -> bool:
    """Whether a segment with this IP ID left before the latest one: it has one of the last three, or they are counted and it is behind.

    The latter says nothing of what carries nothing: a pure acknowledgement may be overtaken, and then tells nothing new.
    """
    last, before, third = recent_ids & 0xFFFF, recent_ids >> 16 & 0xFFFF, recent_ids >> 32 & 0xFFFF
    if ip_id in (last, before, third):
        return True
    return carries and third > 0 and (before - third) & 0xFFFF == (last - before) & 0xFFFF == 1 and (last - ip_id) & 0xFFFF < MOST_BEHIND


def _brings(side: Side, seq: int, end: int, ack: int, flags: int) -> bool:
    """Whether a segment says anything new. A copy does not: what it was copied from would have said it before."""
    if ahead(end, side.next_seq) > 0:
        return side.rare is None or side.rare.probe_end != end
    return bool(flags & ACK and (not side.has_ack or ahead(ack, side.max_ack) > 0)) or any(
        ahead(end, left) > 0 > ahead(seq, right) for left, right in side.holes or ()
    )


def skipped(recent_ids: int, ip_id: int) -> bool:
    """Whether the IP IDs count just two segments that were sent before this one and not captured; none came out of order."""
    least = 0xFFFF
    while recent_ids:
        if recent_ids & 0xFFFF:
            least = min(least, (ip_id - recent_ids) & 0xFFFF)
        recent_ids >>= 16
    return least == 3
