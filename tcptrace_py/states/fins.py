"""Both FINs: which copy of each arrived, and who had the other's before its own (RFC 9293 3.6, 3.10.7.4)."""

from tcptrace_py.model.live import AHEAD, GAP, REPEAT, SKIPPED, Segment
from tcptrace_py.model.segments import ACK, FIN, OPT_DSACK, OPT_TIMESTAMPS, RST, SYN
from tcptrace_py.model.seq import ahead
from tcptrace_py.model.verdict import NOWHERE, RESENT_NS

from .evidence import Evidence, Half

BEFORE_WINDOW = -1  # a FIN at the SYN's own number: its peer drops it, and acknowledges no more than the SYN (RFC 9293 3.10.7.4, first)
UNASKED = -2  # a question whose answer is kept, before it is asked
MOST_SKIPPED = 3  # IP IDs between two segments of a sender that goes on by one: more are other connections'
DELAYED_ACK_NS = 40_000_000  # so long Linux waits with an ACK (TCP_DELACK_MIN)


def find_fins(evidence: Evidence) -> None:
    """Both sides' FINs, and the first segments that acknowledge them."""
    a, b = evidence.a, evidence.b
    _find_own(evidence, a)
    _find_own(evidence, b)
    a.cover, b.cover = _first_cover(evidence, a, b), _first_cover(evidence, b, a)
    a.acknowledged, b.acknowledged = _first_covering(evidence, a), _first_covering(evidence, b)


def _find_own(evidence: Evidence, mine: Half) -> None:
    """A side's FINs in the order of sending. Only one sequence number can be the FIN's: the first captured decides.

    Without ACK it is dropped (RFC 9293 3.10.7.4, fifth): a scanner's probe. On a SYN/ACK it counts (3.10.7.3, fourth).
    """
    mine.closed_second = mine.fin_taken = UNASKED
    for i in mine.sent:
        segment = evidence.log[i]
        if segment.flags & (FIN | RST | ACK) == FIN | ACK:
            if mine.fin_end < 0:
                mine.fin_end = segment.end
                side = evidence.connection.side(mine.number)
                mine.beyond_fin = max(ahead(side.next_seq, segment.end), 0)
                if side.syn_seen and not segment.flags & SYN and ahead(segment.end, side.isn) == 1:
                    mine.beyond_fin = BEFORE_WINDOW
            if segment.end == mine.fin_end:
                mine.fins.append(i)


def _first_cover(evidence: Evidence, mine: Half, peer: Half) -> int:
    if peer.fin_end >= 0:
        for i in mine.sent:
            if evidence.covers(evidence.log[i], peer):
                return i
    return NOWHERE


def _first_covering(evidence: Evidence, mine: Half) -> int:
    if mine.fin_end >= 0:
        for i in range(len(evidence.log)):
            if evidence.covers(evidence.log[i], mine):
                return i
    return NOWHERE


# -- who closed second ------------------------------------------------------------------------------------------------


def closed_second(evidence: Evidence, mine: Half) -> bool:
    """Whether the side had the peer's FIN before it sent its own: from CLOSE_WAIT (RFC 9293 3.6, case 2), not at once with it."""
    if mine.closed_second == UNASKED:
        peer = evidence.half(1 - mine.number)
        mine.closed_second = _closed_second(evidence, mine)
        if mine.closed_second and mine.fins and mine.cover > peer.cover and _closed_second(evidence, peer):
            mine.closed_second = 0  # both cannot have waited for the other: what is captured late of a FIN was sent again
    return mine.closed_second > 0


def _closed_second(evidence: Evidence, mine: Half) -> bool:
    peer, cover = evidence.half(1 - mine.number), mine.cover
    if not peer.fins:
        return False
    if not mine.fins:
        return cover >= 0 or fin_taken(evidence, peer) >= 0
    if cover < 0:
        return False
    fin_at, cover_at = position(mine.sent, mine.fins[0]), position(mine.sent, cover)
    if cover_at > fin_at:
        return False
    segment = evidence.log[cover]
    if cover_at < fin_at and not segment.flags & FIN and segment.seq == mine.fin_end:
        # Its FIN was sent before and lost, unless it answers a repetition of the peer's: a D-SACK says so (RFC 2883); where
        # there is no SACK, one lost FIN explains a repetition better than two. A segment that the peer's FIN overtook also
        # calls for a pure ACK, whatever was sent before (RFC 9293 3.10.7.4, first).
        if segment.options & OPT_DSACK or _was_overtaken(evidence, peer, cover):
            return True
        repeats = 0
        for i in peer.fins:
            if i < cover:
                repeats += 1
        return repeats > 1 and not evidence.both_send_sack()
    return not (cover_at == fin_at and _sent_again_alone(evidence, mine, peer))


def crossing_is_unseen(evidence: Evidence) -> bool:
    """Whether FINs are taken to have crossed since one seems lost on its way, and the capture lacks frames: that may be one of them."""
    a, b = evidence.a, evidence.b
    if a.cover < 0 or b.cover < 0 or closed_second(evidence, a) or closed_second(evidence, b):
        return False
    return (_seems_lost(a) and _lacks_frames(evidence, b)) or (_seems_lost(b) and _lacks_frames(evidence, a))


def _seems_lost(mine: Half) -> bool:
    """Whether what shows that a side had not closed second is not its FIN, but what stands before or on the first copy of it."""
    return position(mine.sent, mine.cover) <= position(mine.sent, mine.fins[0])


def _lacks_frames(evidence: Evidence, peer: Half) -> bool:
    """Whether something came to a side that was not captured, or one near the capture sent more behind its FIN than that has."""
    for segment in evidence.log:
        if segment.marks & AHEAD:
            return True
    acknowledged, answer = evidence.log[peer.acknowledged], evidence.log[peer.cover]
    if acknowledged.flags & FIN and without_socket(evidence, peer, answer):
        return True  # its FIN was acknowledged before that
    return peer.near and _skips(evidence, peer)


def _skips(evidence: Evidence, mine: Half) -> bool:
    """Whether IP IDs say that a side sent one or two segments just behind its FIN that were not captured."""
    fin, nearest = evidence.log[mine.fins[0]], MOST_SKIPPED + 1
    for i in mine.indices:
        segment = evidence.log[i]
        if segment.ip_id > fin.ip_id:
            nearest = min(nearest, segment.ip_id - fin.ip_id)
    return fin.ip_id > 0 and 1 < nearest <= MOST_SKIPPED


def without_socket(evidence: Evidence, mine: Half, answer: Segment) -> bool:
    """Whether IP ID 0 tells that only TIME_WAIT's remainder of a socket sent this, as Linux has it from FIN_WAIT_2 on."""
    if answer.ip_id:
        return False
    for i in mine.fins:
        segment = evidence.log[i]
        if segment.ip_id <= 0:
            return False
    return True


def _was_overtaken(evidence: Evidence, closer: Half, before: int) -> bool:
    """Whether a segment from before a side's FIN was captured behind it, and before this log index."""
    fin = closer.fins[0]
    for i in closer.indices:
        segment = evidence.log[i]
        if fin < i < before and not segment.flags & (FIN | SYN | RST) and not segment.payload and ahead(segment.seq, closer.fin_end) < 0:
            return True
    return False


def position(order: list[int], index: int) -> int:
    """Place of a log index in a list of them."""
    for place in range(len(order)):
        at = order[place]
        if at == index:
            return place
    return NOWHERE


def _sent_again_alone(evidence: Evidence, mine: Half, peer: Half) -> bool:
    """Whether a FIN that covers the peer's is a later copy: its sender's IP IDs count two segments lost before the capture.

    They left before the peer's FIN came again: its own FIN, and the ACK that it owed to the peer's, so CLOSING. In
    CLOSE_WAIT only a FIN later than a delayed ACK makes two of them, and that is sent again later than the peer's; or one of
    the two answered what the peer's FIN had overtaken.
    """
    cover, theirs, round_trip_ns = mine.cover, peer.fins, evidence.view.round_trip_ns
    answer = evidence.log[cover]
    if not answer.marks & SKIPPED or mine.near or _was_overtaken(evidence, peer, cover):
        return False
    if len(theirs) > 1 and theirs[1] < cover and evidence.sent_knowing(cover, theirs[1]):
        return False
    waited_ns = answer.time_ns - evidence.time(theirs[0]) - round_trip_ns
    return RESENT_NS < waited_ns < max(RESENT_NS + round_trip_ns, 3 * round_trip_ns) + 2 * DELAYED_ACK_NS  # once, not twice


# -- which FIN arrived ------------------------------------------------------------------------------------------------


def fin_taken(evidence: Evidence, mine: Half) -> int:
    """Log index of the copy of a side's FIN that its peer took; NOWHERE if none arrived as far as is known."""
    if mine.fin_taken == UNASKED:
        mine.fin_taken = _fin_taken(evidence, mine) if mine.fins else NOWHERE
    return mine.fin_taken


def _fin_taken(evidence: Evidence, mine: Half) -> int:
    log, peer = evidence.log, evidence.half(1 - mine.number)
    cover = peer.cover
    if cover < 0:
        return _uncovered_fin(evidence, mine, peer)
    arrived = [i for i in mine.fins if i < cover]
    if peer.near:
        return _least(arrived or mine.fins[:1])
    if len(arrived) < 2:
        return arrived[0] if arrived else mine.fins[0]
    answer = log[cover]
    if answer.options & OPT_TIMESTAMPS and not answer.flags & RST:
        return _named_fin(log, arrived, answer)
    last, soonest_ns = NOWHERE, evidence.view.leg_ns(peer.number) // 5 * 4  # what comes sooner answers an earlier one
    for i in arrived:
        if answer.time_ns - evidence.time(i) >= soonest_ns:
            last = i
    return last if last >= 0 else arrived[0]


def _named_fin(log: list[Segment], arrived: list[int], answer: Segment) -> int:
    """The copy whose timestamp the answer echoes (RFC 7323 4.3); a D-SACK answers a second one, so the first was taken."""
    first = arrived[0]
    if answer.options & OPT_DSACK:
        return first
    last = NOWHERE
    for i in arrived:
        segment = log[i]
        if segment.tsval == answer.tsecr:
            return i
        if ahead(answer.tsecr, segment.tsval) >= 0:
            last = i
    return last if last >= 0 else first


def _least(indices: list[int]) -> int:
    least = indices[0]
    for i in indices:
        least = min(least, i)
    return least


def fin_accepted(evidence: Evidence, mine: Half) -> int:
    """Log index of the segment by which a side's peer got to its FIN: the FIN, or the data that had been missing before it."""
    peer = evidence.half(1 - mine.number)
    taken, cover = fin_taken(evidence, mine), peer.cover
    if taken < 0 or cover < 0:
        return taken
    log, first, gap = evidence.log, _least(mine.fins), False
    answer, segment = log[cover], log[first]
    gap = segment.marks & GAP > 0
    later: list[int] = []
    for i in mine.indices:
        segment = log[i]
        if first < i < cover and segment.payload:
            later.append(i)
            gap = gap or segment.marks & GAP > 0
    if not later:
        return taken
    last = later[len(later) - 1]
    if peer.near:
        return last if gap else taken
    stamped = answer.options & OPT_TIMESTAMPS > 0
    if stamped:
        segment = log[taken]
        if answer.tsecr == segment.tsval:
            return taken
        for i in later:
            segment = log[i]
            if segment.tsval == answer.tsecr:
                return i
    if _waits_for_data(evidence, peer, first) or (
        not stamped and answer.time_ns - evidence.time(taken) >= evidence.view.round_trip_ns + 2 * DELAYED_ACK_NS
    ):
        for place in range(len(later) - 1, -1, -1):
            i = later[place]
            if answer.time_ns - evidence.time(i) >= evidence.view.round_trip_ns * 4 // 5:
                return max(i, taken)
    return taken


def _waits_for_data(evidence: Evidence, peer: Half, fin: int) -> bool:
    """Whether the peer of a FIN's sender answers it, by the time, and does not acknowledge it: data before it is missing."""
    for i in peer.indices:
        segment = evidence.log[i]
        if (
            segment.flags & (ACK | RST | SYN) == ACK
            and fin < i < peer.cover
            and (segment.time_ns - evidence.time(fin) >= evidence.view.round_trip_ns * 9 // 10)
        ):
            return True
    return False


def _uncovered_fin(evidence: Evidence, mine: Half, peer: Half) -> int:
    """A FIN that nothing acknowledges: assumed to have arrived, unless it was repeated in vain or answered by a RST."""
    fins, fatal = mine.fins, evidence.fatal
    first = _least(fins)
    segment = evidence.log[first]
    gap = segment.marks & GAP > 0
    if evidence.refuses_at(peer, first) or mine.beyond_fin == BEFORE_WINDOW:
        return NOWHERE
    if fatal > first:
        reset = evidence.log[fatal]
        if reset.side == peer.number:
            return NOWHERE  # the RST's acknowledgement would cover the FIN if it had been received
    if len(fins) == 1 and evidence.covers(segment, peer) and _is_filtered(evidence):
        return first  # what is missing before and behind it was filtered, not lost
    if not peer.near:
        return NOWHERE if gap or len(fins) > 1 else first
    if evidence.connection.side(mine.number).holes:
        return NOWHERE  # data before it is missing
    if len(fins) == 1:
        return first
    return _most(fins) if gap else NOWHERE


def _is_filtered(evidence: Evidence) -> bool:
    """Whether both SYNs and both FINs were captured and not one segment without SYN, FIN or RST, which every connection has."""
    connection = evidence.connection
    if not (connection.a.syn_seen and connection.b.syn_seen):
        return False
    for segment in evidence.log:  # noqa: SIM110 - compiled, a generator would be another function
        if not segment.flags & (SYN | FIN | RST):
            return False
    return True


def _most(indices: list[int]) -> int:
    most = NOWHERE
    for i in indices:
        most = max(most, i)
    return most


def fin_acknowledged(evidence: Evidence, mine: Half) -> int:
    """Log index of the segment by which a side learnt that its FIN had arrived; NOWHERE if it never did."""
    log, peer = evidence.log, evidence.half(1 - mine.number)
    covering: list[int] = []
    for i in peer.sent:
        segment = log[i]
        if evidence.covers(segment, mine) and not segment.flags & RST:
            covering.append(i)
    if not covering:
        return NOWHERE
    if mine.near:
        return _least(covering)
    for i in covering:
        if not _repeats_unknowing(evidence, mine, i):
            return i
    return NOWHERE


def _repeats_unknowing(evidence: Evidence, mine: Half, received: int) -> bool:
    """Whether a side sends its FIN again so long behind the acknowledgement of it that this cannot have come.

    BSD's tcp_output() has the FIN on every segment from FIN_WAIT_1, CLOSING and LAST_ACK: on the one that is the ACK of the
    peer's FIN it says nothing.
    """
    for place in range(1, len(mine.fins)):
        i = mine.fins[place]
        segment = evidence.log[i]
        if i == mine.cover:
            continue
        if i > received and segment.marks & REPEAT and evidence.not_crossing(received, i):
            return True
    return False
