"""Evidence through the table: one state path for each side, in terms of log indices."""

from tcptrace_py.model.live import COPY, DELAYED, REFUSED, REPEAT, STRAY, Connection, Segment
from tcptrace_py.model.segments import ACK, FIN, OPT_TIMESTAMPS, RST, SYN
from tcptrace_py.model.seq import MASK, ahead
from tcptrace_py.model.state import Basis, State
from tcptrace_py.model.verdict import BETWEEN, View
from tcptrace_py.states.machine import Event, reason, step

from .evidence import Evidence, Happening
from .verdict import NOWHERE, StayMarks, Step, Verdict

BEFORE = "its state before the first event"
MIRRORED_NS = 20_000_000  # mirror ports and `-i any` show a frame twice well within this
ANSWER_NS = 1_000_000  # TIME_WAIT answers at once
ACK_EVENTS = (Event.GOT_ACK_OF_SYN, Event.GOT_SYN_ACK)


def judge(connection: Connection, view: View) -> Verdict:
    """Reason about a connection's log and replay it: both paths, the stays in TIME_WAIT, what the table has no row for."""
    evidence = Evidence(connection, view)
    verdict = Verdict(view, evidence.client, evidence.opening, evidence.close())
    verdict.midstream = not connection.a.syn_seen and not connection.b.syn_seen
    verdict.self_connect = connection.self_connect
    verdict.ending_unseen = evidence.ending_unseen
    verdict.fatal = evidence.fatal
    verdict.resets = evidence.reset_marks()
    for number in (0,) if connection.self_connect else (0, 1):
        verdict.paths[number].extend(_walk(evidence, number, verdict))
        stay = _stay(evidence, number, verdict.paths[number])
        if stay is not None:
            verdict.stays.append(stay)
    return verdict


def _walk(evidence: Evidence, number: int, verdict: Verdict) -> list[Step]:
    opening = evidence.opening_events(number)
    path = [_start(evidence, number, opening)]
    for event, index, basis in opening if evidence.ending_unseen else _in_order(evidence, number, opening):
        row = step(path[-1].state, event)
        if event == Event.GOT_ACK_OF_FIN and path[-1].state == State.CLOSING and _refused(evidence, number, index):
            row = step(State.CLOSING, Event.SENT_RST)  # aborted before, which sends nothing in CLOSING
        if row is not None:
            path.append(Step(row[2], index, basis, reason(row)))
        elif path[-1].state not in (State.CLOSED, State.LISTEN) and event not in ACK_EVENTS:
            verdict.unexpected.append((index, f"{event.name} in {path[-1].state.name}"))
    return path


def _start(evidence: Evidence, number: int, opening: list[Happening]) -> Step:
    """CLOSED for an opener or a port that refused, LISTEN for who answered a SYN; mid-stream what evidence allows."""
    connection = evidence.connection
    if opening:
        if opening[0][0] == Event.GOT_SYN_ACK:
            return Step(State.SYN_SENT, evidence.opening.synack, Basis.ASSUMED, "its SYN was answered; the SYN itself was not captured")
        state = State.LISTEN if opening[0][0] == Event.SENT_SYN_ACK else State.CLOSED
        return Step(state, NOWHERE, Basis.INFERRED, BEFORE)
    side, peer = connection.side(number), connection.side(1 - number)
    if not side.syn_seen and not peer.syn_seen:
        open_before = side.spoke or peer.has_ack
    elif not side.packets:  # corrected: its peer speaks, so it had answered
        open_before = peer.spoke
    else:  # its peer's SYN was captured, its own was missed: mid-stream for it if its words acknowledge that SYN
        open_before = side.spoke and evidence.opening.synack < 0 and _answered(evidence, number)
    if not open_before:
        seen = side.syn_seen or peer.syn_seen
        return Step(State.CLOSED, NOWHERE, Basis.INFERRED if seen else Basis.ASSUMED, BEFORE)
    first = next((i for i in evidence.indices[number] if not evidence.log[i].flags & RST), NOWHERE)
    return Step(State.ESTABLISHED, first, Basis.ASSUMED, "it spoke as an open connection does; its opening was not captured")


def _answered(evidence: Evidence, number: int) -> bool:
    log, peer = evidence.log, evidence.connection.side(1 - number)
    return any(
        not log[i].flags & (SYN | RST) and log[i].flags & ACK and ahead(log[i].ack, (peer.isn + 1) & MASK) >= 0
        for i in evidence.indices[number]
    )


def _in_order(evidence: Evidence, number: int, opening: list[Happening]) -> list[Happening]:
    """Opening, close and RST of one side in the order in which they happened to it."""
    events = opening + evidence.closing_events(number)
    fins = evidence.fins[number]
    on_synack = bool(fins) and bool(evidence.log[fins[0]].flags & SYN)  # corrected: that FIN left with the SYN/ACK
    if (evidence.opening.fast_open or on_synack) and opening and opening[-1][0] == Event.GOT_ACK_OF_SYN:
        own_fin = next((e for e in events if e[0] == Event.SENT_FIN), None)
        if own_fin is not None and not evidence.closed_second(number) and not evidence.sent_knowing(own_fin[1], opening[-1][1]):
            events.remove(opening[-1])  # it closed in SYN_RECEIVED; the acknowledgement of its SYN changes nothing later
    for position, happening in evidence.reset_events(number):
        events = [e for e in events if _before_reset(evidence, number, e, position)]
        events.append(happening)
    return events


def _before_reset(evidence: Evidence, number: int, happening: Happening, position: int) -> bool:
    event, index, _ = happening
    if index > position or _met_no_socket(evidence, number, index):
        return False
    if (
        evidence.log[evidence.fatal].side == number
        and evidence.origin(evidence.fatal) != BETWEEN
        and (  # corrected: a third's
            event in (Event.GOT_FIN, Event.GOT_ACK_OF_FIN)
        )
    ):
        return _known_to_resetter(evidence, happening)
    return True


def _met_no_socket(evidence: Evidence, number: int, index: int) -> bool:
    """Whether a RST answers the segment, so that the fatal RST had overtaken it on its way: there was no socket any more."""
    segment, fatal = evidence.log[index], evidence.log[evidence.fatal]
    if number in (segment.side, fatal.side) or evidence.view.near[number] or segment.payload:
        return False  # data ends what the program has closed: its socket was there
    late = segment.time_ns + evidence.view.round_trip_ns * 3 // 2 + 2_000_000
    if not any(
        evidence.log[i].flags & (RST | ACK) == RST and evidence.log[i].seq == segment.ack and evidence.log[i].time_ns <= late
        for i in evidence.resets
        if i > index
    ):
        return False
    return all(evidence.log[i].ack != segment.ack or evidence.log[i].flags & RST or i == index for i in evidence.indices[segment.side])


def _refused(evidence: Evidence, number: int, index: int) -> bool:
    """Whether the side's next segment is a RST without ACK at the number that this one acknowledges: it had no socket for it."""
    log = evidence.log
    answer = next((i for i in evidence.indices[number] if i > index), NOWHERE)
    return (
        answer >= 0
        and log[answer].flags & (RST | ACK) == RST
        and log[answer].seq == log[index].ack
        and (log[answer].time_ns - log[index].time_ns <= evidence.view.round_trip_ns * 3 // 2 + 2_000_000)
    )


def _known_to_resetter(evidence: Evidence, happening: Happening) -> bool:
    """Had the sender of the RST received this before? Its acknowledgement, or the segment it answers, tells."""
    event, index, basis = happening
    fatal = evidence.log[evidence.fatal]
    if basis == Basis.OBSERVED:
        return True
    if event == Event.GOT_FIN:
        return evidence.covers(fatal, 1 - fatal.side)
    if evidence.view.near[fatal.side]:
        return True
    if fatal.options & OPT_TIMESTAMPS and evidence.log[index].options & OPT_TIMESTAMPS:
        return ahead(fatal.tsecr, evidence.log[index].tsval) >= 0
    if fatal.flags & ACK:
        return evidence.time(evidence.fatal) - evidence.time(index) > evidence.view.round_trip_ns
    return ahead(fatal.seq, evidence.fin_end[fatal.side]) >= 0


def _stay(evidence: Evidence, number: int, path: list[Step]) -> StayMarks | None:
    """The side's stay in TIME_WAIT; what restarts and kills it: tcp_timewait_state_process() in tcp_minisocks.c."""
    entry = next((item for item in path if item.state == State.TIME_WAIT), None)
    if entry is None:
        return None
    log = evidence.log
    stay = StayMarks(number, entry.index, entry.basis)
    if path[-1].state == State.CLOSED:  # the RST that ended the connection found it here
        stay.killed = path.pop().index
        return stay
    if evidence.connection.self_connect:
        return stay
    expected, outlived = evidence.connection.side(1 - number).next_seq, 0
    for i in range(entry.index + 1, len(log)):
        segment = log[i]
        if segment.side == number:
            continue
        if segment.flags & RST:
            late = segment.time_ns + evidence._grace_ns()
            answers = any(k > i and log[k].time_ns > late and log[k].flags & (ACK | RST | SYN) == ACK for k in evidence.indices[number])
            if stay.killed < 0 and segment.seq == expected and outlived < 2:  # corrected: who still answers obeyed no RST
                outlived += answers
                stay.killed = stay.killed if answers else i
        elif segment.time_ns > log[entry.index].time_ns and _restarts(evidence, i):
            stay.restarts.append(i)
    return stay


def _restarts(evidence: Evidence, index: int) -> bool:
    """An acknowledgement of any kind, or a SYN that PAWS rejects; a mirror's copy did not arrive twice."""
    segment = evidence.log[index]
    if segment.flags & (SYN | ACK) == SYN:
        older = segment.marks & REFUSED or (segment.marks & (REPEAT | DELAYED | STRAY) and segment.options & OPT_TIMESTAMPS)
        return bool(older)
    if not segment.flags & ACK:
        return False
    return (
        not segment.marks & COPY or bool(segment.marks & DELAYED) or (_by_network(evidence.log, index) or _answered_again(evidence, index))
    )


def _answered_again(evidence: Evidence, index: int) -> bool:
    """Whether a copy was answered by another segment than the first was."""
    copy = evidence.log[index]
    answer = next((s for s in evidence.log[index + 1 :] if s.side != copy.side), None)
    return (
        answer is not None
        and answer.flags & (ACK | RST | SYN) == ACK
        and not answer.marks & COPY
        and (answer.time_ns - copy.time_ns <= evidence.view.round_trip_ns + ANSWER_NS)
    )


def _by_network(log: list[Segment], index: int) -> bool:
    """Whether a copy came later than a mirror makes one: then the network made it, and it arrived.

    What it is a copy of may have been too plain for the log: then it is older than its sender's FIN.
    """
    copy = log[index]
    for i in range(index - 1, -1, -1):
        first = log[i]
        if first.side == copy.side and (
            first.flags & FIN or (first.seq == copy.seq and first.ip_id == copy.ip_id and first.flags == copy.flags)
        ):
            return first.interface == copy.interface and copy.time_ns - first.time_ns > MIRRORED_NS
    return False
