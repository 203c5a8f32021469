"""Which RSTs their receivers obey, which one ended the connection, and when each side learnt of it (RFC 9293 3.5.3, 3.10.7; RFC 5961)."""

from tcptrace_py.model.live import COPY, REPEAT, STRAY, Connection, Segment, hop_bit, hops
from tcptrace_py.model.segments import ACK, FIN, OPT_TIMESTAMPS, RST, SYN
from tcptrace_py.model.seq import ahead
from tcptrace_py.model.verdict import ASSUMED, BETWEEN, NAMED, NOWHERE, OBSERVED, RESENT_NS, UNTOLD, ResetMarks

from .evidence import Evidence, Half, Happening, happened
from .machine import GOT_ACK_OF_FIN, GOT_FIN, GOT_RST, SENT_RST

LOST_IN_A_ROW = 2  # RSTs that did not arrive before the last: then that one is not assumed to have arrived either


def fatal_reset(evidence: Evidence) -> int:
    """The RST that ended the connection; NOWHERE if none did. Late and unacceptable ones are not it."""
    for i in evidence.resets:
        if i == evidence.opening.refusal:
            return i
        if _acceptable(evidence, i) and not _ends_nothing(evidence, i) and not _went_on(evidence, i) and not _is_late(evidence, i):
            return i
    return NOWHERE


def reset_marks(evidence: Evidence) -> list[ResetMarks]:
    """Every RST with what its numbers say."""
    marks: list[ResetMarks] = []
    for index in evidence.resets:
        late = index != evidence.fatal and _is_late(evidence, index)
        marks.append(
            ResetMarks(
                index,
                _acceptable(evidence, index),
                in_window(evidence.connection, evidence.log[index]),
                late,
                answers(evidence.log, index),
                origin(evidence, index),
            )
        )
    return marks


def answers(log: list[Segment], index: int) -> int:
    """The segment that a RST answers: the latest of its peer's whose acknowledgement number it bears (RFC 9293 3.10.7.1)."""
    reset = log[index]
    for i in range(index - 1, -1, -1):
        segment = log[i]
        if (
            segment.side == 1 - reset.side
            and segment.flags & ACK
            and segment.ack == reset.seq
            and not (segment.flags & RST and not segment.marks & (COPY | STRAY))
        ):
            return i
    return NOWHERE


# -- whether it is obeyed ---------------------------------------------------------------------------------------------


def _acceptable(evidence: Evidence, index: int) -> bool:
    """Whether a RST's numbers are such that its receiver obeys (RFC 9293 3.10.7, RFC 5961 3.2)."""
    if evidence.self_connect:
        return True
    reset = evidence.log[index]
    mine, theirs = evidence.half(reset.side), evidence.half(1 - reset.side)
    sender, receiver = evidence.connection.side(mine.number), evidence.connection.side(theirs.number)
    if receiver.syn_seen and not receiver.synack_seen and not _heard_before(evidence, index, mine, theirs):
        return reset.flags & ACK > 0 and 1 <= ahead(reset.ack, receiver.isn) <= ahead(receiver.next_seq, receiver.isn)
    peer_ack = own_next = sacked_end = -1
    context = reset.context
    if context is not None:
        peer_ack, own_next, sacked_end = context.peer_ack, context.own_next, context.sacked_end
    near = theirs.near and peer_ack >= 0
    if not sender.has_seq or (not (near and ahead(reset.seq, peer_ack) < 0) and _acknowledges(evidence.log, theirs, reset.seq)):
        return True
    if (
        near
        and 0 <= theirs.acknowledged < index
        and in_window(evidence.connection, reset)
        and (receiver.last_ns <= reset.time_ns and evidence.says_nothing_more(theirs, index))
    ):
        # tcp_timewait_state_process(): what is left of an orphan in FIN_WAIT_2 obeys any RST in its window. It sent nothing
        # more, not even the challenge ACK that a RST at another number asks for.
        return True
    if sacked_end >= 0 and reset.seq == sacked_end and evidence.may_send_sack():
        return True  # tcp_validate_incoming(): at the end of what was selectively acknowledged
    if peer_ack >= 0 and ahead(reset.seq, peer_ack) == -1 and 0 <= mine.acknowledged < index:
        return True  # tcp_reset_check(): at the number of the FIN that it follows
    if peer_ack < 0 and sender.syn_seen:
        peer_ack = sender.isn
    if own_next < 0:
        own_next = sender.next_seq
    return (peer_ack < 0 or ahead(reset.seq, peer_ack) >= 0) and ahead(reset.seq, own_next) <= 0


def _acknowledges(log: list[Segment], mine: Half, number: int) -> bool:
    """Whether some segment of a side has this acknowledgement number."""
    for i in mine.indices:
        segment = log[i]
        if segment.flags & ACK and segment.ack == number:
            return True
    return False


def in_window(connection: Connection, reset: Segment) -> bool:
    """Whether a RST lies in the window that its receiver had last offered."""
    receiver = connection.side(1 - reset.side)
    if not receiver.has_ack:
        return False
    room = receiver.window << max(receiver.window_scale, 0)
    return 0 <= ahead(reset.seq, receiver.max_ack) < max(room, 1)


def _heard_before(evidence: Evidence, index: int, mine: Half, theirs: Half) -> bool:
    """Whether the receiver of a RST had left SYN_SENT: its peer had sent a SYN, or it acknowledged something."""
    for i in mine.indices:
        if i >= index:
            break
        segment = evidence.log[i]
        if segment.flags & SYN:
            return True
    for i in theirs.indices:
        if i >= index:
            break
        segment = evidence.log[i]
        if segment.flags & (ACK | RST) == ACK:
            return True
    return False


def _ends_nothing(evidence: Evidence, index: int) -> bool:
    """An opener's answer to a segment that does not belong to its attempt (RFC 9293 3.10.7.3, figures 8 and 9): it goes on.

    It has a RST for a SYN/ACK with a wrong timestamp as well (tcp_rcv_synsent_state_process()), and answers the next one.
    """
    log = evidence.log
    reset = log[index]
    sender = evidence.connection.side(reset.side)
    if reset.flags & ACK or not sender.syn_seen or sender.synack_seen:
        return False
    answered_later = False
    for i in evidence.half(reset.side).indices:
        segment = log[i]
        if segment.flags & (SYN | RST | ACK) == ACK:
            if i < index:
                return False  # its attempt had succeeded
            answered_later = True
            break
    if not 1 <= ahead(reset.seq, sender.isn) <= max(ahead(sender.next_seq, sender.isn), 1):
        return True
    return answered_later and _answered_anew(evidence, index)


def _answered_anew(evidence: Evidence, index: int) -> bool:
    """Whether a RST's receiver sent a SYN/ACK behind it."""
    reset = evidence.log[index]
    for i in evidence.half(1 - reset.side).indices:
        segment = evidence.log[i]
        if i > index and segment.flags & (SYN | ACK | RST) == SYN | ACK:
            return True
    return False


def _went_on(evidence: Evidence, index: int) -> bool:
    """Whether both sides took no notice of a RST: it was forged, or meant for something else."""
    reset, log = evidence.log[index], evidence.log
    late = reset.time_ns + evidence.view.grace_ns()
    receiver, sender = evidence.connection.side(1 - reset.side), evidence.connection.side(reset.side)
    if sender.last_ns <= reset.time_ns:
        return False
    if _is_answered_behind(evidence, index):
        return True
    if receiver.last_ns <= late:
        return False
    receiver_on = not receiver.last_flags & RST and receiver.last_ns > late
    sender_on = not sender.last_flags & RST and sender.last_ns > late
    for i in range(index + 1, len(log)):
        if receiver_on and sender_on:
            return True
        segment = log[i]
        if segment.marks & (COPY | STRAY) or segment.flags & RST:
            continue
        if segment.side != reset.side:
            receiver_on = receiver_on or segment.time_ns > late
        elif not segment.marks & REPEAT and segment.time_ns > reset.time_ns:
            sender_on = True
    return receiver_on and sender_on


def _is_answered_behind(evidence: Evidence, index: int) -> bool:
    """Whether a RST's sender sent data or its FIN behind it, beyond its number, for the first time, and its receiver acknowledged that."""
    reset, log = evidence.log[index], evidence.log
    sent = NOWHERE
    for i in range(index + 1, len(log)):
        segment = log[i]
        if segment.marks & (COPY | STRAY) or segment.flags & RST:
            continue
        if segment.side == reset.side:
            if (
                sent < 0
                and (segment.payload or segment.flags & FIN)
                and not segment.marks & REPEAT
                and segment.time_ns > reset.time_ns
                and ahead(segment.end, reset.seq) > 0
            ):
                sent = i
        elif sent >= 0 and segment.flags & ACK:
            first = log[sent]
            if ahead(segment.ack, first.end) >= 0:
                return True
    return False


def _is_late(evidence: Evidence, index: int) -> bool:
    """Whether both FINs had been acknowledged before this RST: then it is late and ended nothing.

    One with ACK comes from a socket: what counts is whether that one knew its own FIN to be acknowledged.
    """
    reset = evidence.log[index]
    mine, theirs = evidence.half(reset.side), evidence.half(1 - reset.side)
    if not 0 <= mine.acknowledged < index:
        return False
    if 0 <= theirs.acknowledged < index:
        return not reset.flags & ACK or evidence.self_connect or evidence.sent_knowing(index, mine.acknowledged)
    return reset.flags & ACK > 0 and evidence.covers(reset, theirs)


# -- who sent it ------------------------------------------------------------------------------------------------------


def origin(evidence: Evidence, index: int) -> int:
    """Who sent a RST: NAMED, or BETWEEN where it came another way than what its named sender sends, which went on or is further off.

    The way is told by the hops that the TTL has lost: RSTs may begin with another TTL than segments of a socket (255 against 64).
    The other connections of the host that it names count where they are known, whoever their other ends are: what came by them is one
    of its ways, and where nothing else of it was captured here, they are all that a RST can be held against.
    """
    reset = evidence.log[index]
    if evidence.self_connect or not reset.ttl:
        return NAMED
    mine = evidence.half(reset.side)
    usual, goes_on = -1, False
    for i in mine.indices:
        segment = evidence.log[i]
        if segment.flags & RST or not segment.ttl:
            continue
        if usual >= 0 and usual != hops(segment.ttl):
            return NAMED  # its segments come in more ways than one
        usual = hops(segment.ttl)
        goes_on = goes_on or (i > index and segment.time_ns > reset.time_ns)
    others, at_port = evidence.view.ways_of(reset.side)
    if usual < 0:
        return origin_of_lone(hop_bit(reset.ttl), others, at_port if index == evidence.opening.refusal else others)
    own = hops(reset.ttl)
    if own == usual or (others & hop_bit(reset.ttl) and not goes_on):
        return NAMED
    return BETWEEN if goes_on or own < usual else UNTOLD


def origin_of_lone(own: int, others: int, at_port: int) -> int:
    """Who sent a RST of whose named sender nothing else was captured in its connection, by bits of hops (see `hop_bit`).

    It is from between where it came over fewer hops than all else of its sender. One that refuses is held against connections of the
    same port (`at_port`) as well: a closed port may be that of a router that hands other ports on to hosts behind it.
    """
    if not own or not others or others & own:
        return NAMED
    return BETWEEN if at_port and not others & own - 1 else UNTOLD


def asks_others(connection: Connection) -> bool:
    """Whether who sent a RST hangs on what else came from the host that it names: it came another way than the rest, or alone."""
    if connection.self_connect:
        return False
    for reset in connection.log:
        if reset.flags & RST and reset.ttl and not reset.marks & (COPY | STRAY):
            alike = False
            for segment in connection.log:
                if (
                    segment.side == reset.side
                    and not segment.flags & RST
                    and segment.ttl
                    and not segment.marks & (COPY | STRAY)
                    and (hops(segment.ttl) == hops(reset.ttl))
                ):
                    alike = True
                    break
            if not alike:
                return True
    return False


# -- whom it touches, and when ----------------------------------------------------------------------------------------


def reset_event(evidence: Evidence, number: int) -> Happening | None:
    """What the fatal RST, or its own abort, is to a side; None without one. `takes_effect` says when.

    A third's RST is nothing to the side that it names. Data and FINs sent on say that a RST did not arrive: a later one did.
    """
    if evidence.fatal < 0:
        return None
    reset = evidence.log[evidence.fatal]
    if reset.side == number and not evidence.fatal_by_third:
        return happened(SENT_RST, evidence.fatal, OBSERVED)
    if reset.side != number:
        own = _own_abort(evidence, evidence.half(number))
        if own >= 0:
            return happened(SENT_RST, own, OBSERVED)
    index = _arrived(evidence, evidence.half(number))
    return happened(GOT_RST, index, ASSUMED) if index >= 0 else None


def _arrived(evidence: Evidence, mine: Half) -> int:
    """The first RST to a side, from the fatal one on, behind which it sends neither data nor FIN; NOWHERE if none is known to have come."""
    lost = 0
    for i in evidence.resets:
        reset = evidence.log[i]
        if i < evidence.fatal or reset.side == mine.number or (i != evidence.fatal and not _acceptable(evidence, i)):
            continue
        late, sends_on, repeats = reset.time_ns + evidence.view.grace_ns() + RESENT_NS, False, False
        for at in mine.indices:
            segment = evidence.log[at]
            if at > i and segment.time_ns > late and not segment.flags & RST and (segment.payload or segment.flags & FIN):
                sends_on = True
                repeats = repeats or segment.marks & REPEAT > 0
        if not sends_on:
            return i if lost < LOST_IN_A_ROW else NOWHERE
        lost += repeats
    return NOWHERE


def takes_effect(evidence: Evidence, number: int, reset: Happening) -> int:
    """Log index behind which a side's reset takes effect: of one received, the last segment that it sent without knowing it."""
    mine = evidence.half(number)
    if reset.event == SENT_RST or mine.near:
        return reset.index
    late, position = evidence.time(reset.index) + evidence.view.grace_ns(), reset.index
    for i in mine.indices:
        segment = evidence.log[i]
        if i > reset.index and segment.time_ns <= late and not segment.flags & RST:
            position = i
    return position


def _own_abort(evidence: Evidence, mine: Half) -> int:
    """A RST with ACK behind the peer's: only a socket that did not know of that one sends it, by its own abort."""
    if mine.near or evidence.fatal == evidence.opening.refusal:
        return NOWHERE
    late = evidence.time(evidence.fatal) + evidence.view.grace_ns()
    for i in evidence.resets:
        reset = evidence.log[i]
        if i > evidence.fatal and reset.side == mine.number and reset.flags & ACK and reset.time_ns <= late:
            return i
    return NOWHERE


def comes_before(evidence: Evidence, number: int, happening: Happening, position: int) -> bool:
    """Whether something happened to a side before the reset that takes effect behind this log index."""
    if happening.index > position or _met_no_socket(evidence, number, happening.index):
        return False
    fatal = evidence.log[evidence.fatal]
    return fatal.side != number or evidence.fatal_by_third or _known_to_resetter(evidence, happening, fatal)


def _met_no_socket(evidence: Evidence, number: int, index: int) -> bool:
    """Whether a RST answers the segment, so that the fatal RST had overtaken it on its way: there was no socket any more."""
    log = evidence.log
    segment, fatal = log[index], log[evidence.fatal]
    if number in (segment.side, fatal.side) or evidence.half(number).near or segment.payload:
        return False  # data ends what the program has closed: its socket was there
    if not _answered_by_reset(evidence, index, segment.time_ns + evidence.view.grace_ns()):
        return False
    for i in evidence.half(segment.side).indices:
        other = log[i]
        if other.ack == segment.ack and not other.flags & RST and i != index:
            return False  # the RST may answer that one
    return True


def _answered_by_reset(evidence: Evidence, index: int, until_ns: int) -> bool:
    segment = evidence.log[index]
    for i in evidence.resets:
        reset = evidence.log[i]
        if i > index and reset.flags & ACK == 0 and reset.seq == segment.ack and reset.time_ns <= until_ns:
            return True
    return False


def _known_to_resetter(evidence: Evidence, happening: Happening, fatal: Segment) -> bool:
    """Had the sender of the RST received this before? Its acknowledgement, or the segment it answers, tells."""
    from_fin = happening.event == GOT_FIN
    if (not from_fin and happening.event != GOT_ACK_OF_FIN) or happening.basis == OBSERVED:
        return True
    mine = evidence.half(fatal.side)
    if from_fin:
        return evidence.covers(fatal, evidence.half(1 - mine.number))
    if mine.near:
        return True
    segment = evidence.log[happening.index]
    if fatal.options & segment.options & OPT_TIMESTAMPS:
        return ahead(fatal.tsecr, segment.tsval) >= 0
    if fatal.flags & ACK:
        return fatal.time_ns - segment.time_ns > evidence.view.round_trip_ns
    return ahead(fatal.seq, mine.fin_end) >= 0


def refused_ack(evidence: Evidence, number: int, index: int) -> bool:
    """Whether a side's next segment is a RST without ACK at the number that this one acknowledges: it had no socket for it."""
    log, segment = evidence.log, evidence.log[index]
    for i in evidence.half(number).indices:
        if i > index:
            answer = log[i]
            return (
                answer.flags & (RST | ACK) == RST
                and answer.seq == segment.ack
                and (answer.time_ns - segment.time_ns <= evidence.view.grace_ns())
            )
    return False
