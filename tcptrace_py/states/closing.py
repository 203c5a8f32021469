"""A side's close as machine events, in the order in which they happened to it (RFC 9293 3.6, 3.10.4, 3.10.7.4)."""

from tcptrace_py.model.live import AHEAD, GAP, Segment
from tcptrace_py.model.segments import ACK, FIN, OPT_DSACK, OPT_TIMESTAMPS, RST, SYN
from tcptrace_py.model.seq import ahead
from tcptrace_py.model.verdict import ASSUMED, NOWHERE, OBSERVED, Close

from .evidence import Evidence, Half, Happening, happened
from .fins import closed_second, crossing_is_unseen, fin_accepted, fin_acknowledged, fin_taken, position, without_socket
from .machine import GOT_ACK_OF_FIN, GOT_FIN, SENT_FIN

NEAR_BYTES = 1 << 16  # a RST so far beyond what was captured of its sender left behind something that was not


def close_of(evidence: Evidence) -> Close:
    """The FINs, for the findings."""
    a, b = evidence.a, evidence.b
    return Close(
        (a.fins, b.fins),
        (_is_acknowledged(evidence, a, b), _is_acknowledged(evidence, b, a)),
        (closed_second(evidence, a), closed_second(evidence, b)),
        (fin_taken(evidence, a), fin_taken(evidence, b)),
    )


def ending_is_unseen(evidence: Evidence) -> bool:
    """Whether what was captured cannot tell how the connection ended: one direction only, or what may begin between the FINs.

    What was not captured is unknown, not absent: whose FIN left first, or whether one left at all. The RST of a side that sent
    no FIN ended the connection whatever its peer did, unless that side went on as if it had not sent it. Where a side's FIN was
    acknowledged and its peer sent neither data nor a FIN, that peer's FIN may lie before the capture: a RST then came late.
    Nor can it tell whether two FINs crossed, where that rests on what was lost and the capture lacks frames; or which FINs belong
    together, where both connections of a transparent proxy began before the capture.
    """
    if evidence.self_connect:
        return False
    connection, fatal, log = evidence.connection, evidence.fatal, evidence.log
    a, b = connection.a, connection.b
    if not a.packets or not b.packets:
        seen = evidence.half(0 if a.packets else 1)
        if fatal < 0:
            side = connection.side(seen.number)
            return side.has_ack  # what it acknowledges, its peer has sent
        last = log[seen.sent[len(seen.sent) - 1]]
        return len(seen.fins) > 0 or not last.flags & RST
    if evidence.a.fins and evidence.b.fins:
        return fatal < 0 and (crossing_is_unseen(evidence) or _closes_twice(evidence))
    closer = evidence.a if evidence.a.fins else evidence.b
    if (fatal < 0 or 0 <= closer.acknowledged < fatal) and may_hide_fin(evidence):
        return True
    if closer.fins:
        silent = b if closer.number == 0 else a
        return not silent.syn_seen and not silent.payload_bytes and (fatal < 0 or 0 <= closer.acknowledged < fatal)
    return fatal < 0 and not (a.syn_seen or b.syn_seen or a.payload_bytes or b.payload_bytes)


def _closes_twice(evidence: Evidence) -> bool:
    """Whether a side's FINs of two numbers came by two interfaces, of a connection whose handshake does not tell which is its own."""
    if evidence.connection.a.syn_seen and evidence.connection.b.syn_seen:
        return False
    for segment in evidence.log:
        mine = evidence.half(segment.side)
        if segment.flags & (FIN | RST | ACK) == FIN | ACK and segment.end != mine.fin_end:
            fin = evidence.log[mine.fins[0]]
            if segment.interface != fin.interface:
                return True
    return False


def may_hide_fin(evidence: Evidence) -> bool:
    """Whether one side's FIN was captured, and of the other's last numbers only that there were some: one may have been its FIN's."""
    if (len(evidence.a.fins) > 0) == (len(evidence.b.fins) > 0) or evidence.self_connect:
        return False
    mine = evidence.b if evidence.a.fins else evidence.a
    side, peer = evidence.connection.side(mine.number), evidence.connection.side(1 - mine.number)
    if not side.has_seq:
        return False
    if (peer.has_ack and ahead(peer.max_ack, side.next_seq) > 0) or (side.holes and side.holes[-1][1] == side.next_seq):
        return True
    for i in mine.indices:
        segment = evidence.log[i]
        if segment.flags & RST:
            if 0 < ahead(segment.seq, side.next_seq) < NEAR_BYTES and segment.flags & ACK:
                return True
        elif segment.marks & GAP and segment.seq == side.next_seq:
            return True
    for i in evidence.half(1 - mine.number).indices:
        segment = evidence.log[i]
        if segment.marks & AHEAD and segment.ack == side.next_seq:
            return True
    return False


def _is_acknowledged(evidence: Evidence, mine: Half, peer: Half) -> bool:
    for i in peer.indices:  # noqa: SIM110 - compiled, a generator would be another function
        if evidence.covers(evidence.log[i], mine):
            return True
    return False


def closing_events(evidence: Evidence, number: int) -> list[Happening]:
    """Machine events of one side's close, in order; the RST that ends it comes from `resets`."""
    if evidence.self_connect:
        return _own_closing(evidence)
    mine, peer = evidence.half(number), evidence.half(1 - number)
    events: list[Happening] = []
    taken, cover, acknowledged = NOWHERE, NOWHERE, NOWHERE
    if peer.fins:
        taken, cover = fin_accepted(evidence, peer), mine.cover
    got_fin = _got_fin(evidence, mine, taken, cover)
    sent_fin = got_ack = None
    if mine.fins:
        left = _fin_left(evidence.log, mine)
        segment = evidence.log[left]
        sent_fin = happened(SENT_FIN, left, OBSERVED if segment.flags & FIN else ASSUMED)  # what stands behind it shows no moment
        if 0 <= peer.cover < left:
            sent_fin = happened(SENT_FIN, peer.cover, ASSUMED)  # what was captured was sent again: it was acknowledged before
        acknowledged = fin_acknowledged(evidence, mine)
    second = closed_second(evidence, mine)
    if acknowledged >= 0 and acknowledged == taken and cover >= 0 and not second:
        acknowledged, taken = cover, cover  # FIN and ACK in one segment are processed at once: shown when they are answered
    if acknowledged >= 0:
        got_ack = happened(GOT_ACK_OF_FIN, acknowledged, ASSUMED)
    if second and got_fin is not None:
        events.append(got_fin)
    if sent_fin is not None:
        events.append(sent_fin)
    if not second and got_fin is not None and got_ack is not None and not _ack_before_fin(evidence, mine, peer, taken, acknowledged):
        events.append(got_fin)
        events.append(got_ack)
        return events
    if got_ack is not None:
        events.append(got_ack)
    if not second and got_fin is not None:
        events.append(got_fin)
    return events


def _fin_left(log: list[Segment], mine: Half) -> int:
    """The first of the side's segments, in order of sending, that shows its FIN to have left: the FIN, or what stands behind it."""
    for i in mine.sent:
        segment = log[i]
        if not segment.flags & RST and (
            (segment.seq == mine.fin_end and not segment.flags & SYN)
            or (segment.flags & (FIN | ACK) == FIN | ACK and segment.end == mine.fin_end)
        ):
            return i
    return mine.fins[0]


def _got_fin(evidence: Evidence, mine: Half, taken: int, cover: int) -> Happening | None:
    """When the side had the peer's FIN: proved by its own acknowledgement, near it at the FIN's own capture."""
    if cover >= 0:
        if taken >= 0 and mine.near and not (mine.fins and not closed_second(evidence, mine)):
            segment = evidence.log[taken]
            if not segment.marks & GAP and not segment.flags & SYN:
                return happened(GOT_FIN, taken, OBSERVED)
        return happened(GOT_FIN, cover, OBSERVED)
    if taken >= 0:
        return happened(GOT_FIN, taken, ASSUMED)
    return None


def _ack_before_fin(evidence: Evidence, mine: Half, peer: Half, taken: int, acknowledged: int) -> bool:
    """Whether the first ACK of the side's FIN came before the copy of the peer's FIN that it took: FIN_WAIT_2, not CLOSING."""
    if taken in (NOWHERE, acknowledged) or evidence.covers(evidence.log[taken], mine):
        return True
    if mine.near:
        return acknowledged < taken
    if mine.cover >= 0:
        answer = evidence.log[mine.cover]
        if len(peer.fins) == 1 and without_socket(evidence, mine, answer):
            return True
        if answer.options & OPT_TIMESTAMPS and not answer.options & OPT_DSACK and _older_than_all(evidence.log, answer, peer.fins):
            return True  # the FIN's own timestamp was not taken over: its acknowledgement number was old when it came
    return position(peer.sent, acknowledged) < position(peer.sent, taken)


def _older_than_all(log: list[Segment], answer: Segment, fins: list[int]) -> bool:
    """Whether the timestamp that an answer echoes is older than those of all these FINs."""
    for i in fins:
        segment = log[i]
        if not segment.options & OPT_TIMESTAMPS or ahead(answer.tsecr, segment.tsval) >= 0:
            return False
    return True


def _own_closing(evidence: Evidence) -> list[Happening]:
    """A self-connect's one FIN meets itself: FIN_WAIT_1, CLOSING, TIME_WAIT."""
    mine = evidence.a
    events: list[Happening] = []
    if not mine.fins:
        return events
    first = mine.fins[0]
    events.append(happened(SENT_FIN, first, OBSERVED))
    for i in mine.indices:
        segment = evidence.log[i]
        if i > first and segment.flags & ACK and ahead(segment.ack, mine.fin_end) >= 0:
            events.append(happened(GOT_FIN, i, OBSERVED))
            events.append(happened(GOT_ACK_OF_FIN, i, OBSERVED))
            break
    return events
