"""Evidence through the table: one state path for each side, in terms of log indices."""

from tcptrace_py.model.live import Connection
from tcptrace_py.model.segments import ACK, RST, SYN
from tcptrace_py.model.seq import MASK, ahead
from tcptrace_py.model.state import State
from tcptrace_py.model.verdict import ASSUMED, BETWEEN, CLOCK, INFERRED, NOWHERE, Step, Verdict, View, step_to

from .closing import close_of, closing_events, ending_is_unseen, may_hide_fin
from .evidence import Evidence, Happening
from .fins import closed_second, find_fins
from .machine import (
    CLOSED,
    CLOSING,
    ESTABLISHED,
    EVENTS,
    GOT_ACK_OF_FIN,
    GOT_ACK_OF_SYN,
    GOT_SYN_ACK,
    LISTEN,
    NEXT,
    REASONS,
    SENT_FIN,
    SENT_RST,
    SENT_SYN_ACK,
    SYN_SENT,
    Event,
    reason,
    step,
    unexpected,
)
from .opening import find_opening, opening_events
from .resets import comes_before, fatal_reset, origin, refused_ack, reset_event, reset_marks, takes_effect
from .time_wait import find_stay

BEFORE = "its state before the first event"


def _giving_up() -> dict[int, Step]:
    """By each state that a timer ends because nobody answers: the step out of it. When it is taken is known where times are."""
    rows = ((state, step(state, Event.GAVE_UP)) for state in State)
    return {int(state): step_to(row[2], NOWHERE, CLOCK, reason(row)) for state, row in rows if row is not None}


GIVING_UP = _giving_up()


def judge(connection: Connection, view: View, resets: bool = True) -> Verdict:
    """Reason about a connection's log and replay it: both paths, the stays in TIME_WAIT, what the table has no row for.

    Without `resets` nothing is said of the RSTs that decided nothing: who only asks for states asks often, and there may be many.
    """
    evidence = Evidence(connection, view)
    evidence.opening = find_opening(evidence)
    find_fins(evidence)
    evidence.fatal = fatal_reset(evidence)
    unseen = ending_is_unseen(evidence)
    if unseen:
        evidence.fatal = NOWHERE
    evidence.fatal_by_third = evidence.fatal >= 0 and origin(evidence, evidence.fatal) == BETWEEN
    verdict = Verdict(view, evidence.client, evidence.opening, close_of(evidence))
    verdict.midstream = not connection.a.syn_seen and not connection.b.syn_seen
    verdict.self_connect = evidence.self_connect
    verdict.ending_unseen = unseen
    verdict.fin_hidden = not unseen and may_hide_fin(evidence)
    verdict.giving_up = GIVING_UP
    verdict.fatal = evidence.fatal
    if resets:
        verdict.resets = reset_marks(evidence)
    for number in range(1 if evidence.self_connect else 2):
        path = verdict.paths[number]
        _walk(evidence, number, verdict, path)
        stay = find_stay(evidence, number, path)
        if stay is not None:
            verdict.stays.append(stay)
    return verdict


def _walk(evidence: Evidence, number: int, verdict: Verdict, path: list[Step]) -> None:
    opening = opening_events(evidence, number)
    here = _start(evidence, number, opening)
    path.append(here)
    for happening in opening if verdict.ending_unseen else _in_order(evidence, number, opening):
        event, state = happening.event, here.state_code
        if event == GOT_ACK_OF_FIN and state == CLOSING and refused_ack(evidence, number, happening.index):
            event = SENT_RST  # aborted before, which sends nothing in CLOSING
        following = NEXT[state * EVENTS + event]
        if following >= 0:
            here = step_to(following, happening.index, happening.basis, REASONS[state * EVENTS + event])
            path.append(here)
        elif state not in (CLOSED, LISTEN) and event not in (GOT_ACK_OF_SYN, GOT_SYN_ACK):
            verdict.unexpected.append((happening.index, unexpected(state, event)))


def _start(evidence: Evidence, number: int, opening: list[Happening]) -> Step:
    """CLOSED for an opener or a port that refused, LISTEN for who answered a SYN; mid-stream what evidence allows."""
    if opening:
        first = opening[0]
        if first.event == GOT_SYN_ACK:
            return step_to(SYN_SENT, evidence.opening.synack, ASSUMED, "its SYN was answered; the SYN itself was not captured")
        return step_to(LISTEN if first.event == SENT_SYN_ACK else CLOSED, NOWHERE, INFERRED, BEFORE)
    connection, mine = evidence.connection, evidence.half(number)
    side, peer = connection.side(number), connection.side(1 - number)
    if not side.syn_seen and not peer.syn_seen:
        open_before = side.spoke or peer.has_ack
    elif not side.packets:  # nothing of it was captured: what its peer says as an open connection shows that it had answered
        open_before = peer.spoke
    else:  # its peer's SYN was captured, its own was missed: mid-stream for it if its words acknowledge that SYN
        open_before = side.spoke and evidence.opening.synack < 0 and _answered(evidence, number)
    if not open_before:
        return step_to(CLOSED, NOWHERE, INFERRED if side.syn_seen or peer.syn_seen else ASSUMED, BEFORE)
    return step_to(
        ESTABLISHED, evidence.first_with(mine.indices, 0, RST), ASSUMED, "it spoke as an open connection does; its opening was not captured"
    )


def _answered(evidence: Evidence, number: int) -> bool:
    peer = evidence.connection.side(1 - number)
    for i in evidence.half(number).indices:
        segment = evidence.log[i]
        if not segment.flags & (SYN | RST) and segment.flags & ACK and ahead(segment.ack, (peer.isn + 1) & MASK) >= 0:
            return True
    return False


def _in_order(evidence: Evidence, number: int, opening: list[Happening]) -> list[Happening]:
    """Opening, close and RST of one side in the order in which they happened to it."""
    closing = closing_events(evidence, number)
    if (
        opening
        and (evidence.opening.fast_open or _fin_on_synack(evidence, number))
        and _closed_before_open(evidence, number, opening, closing)
    ):
        opening = opening[: len(opening) - 1]
    events = opening + closing
    reset = reset_event(evidence, number)
    if reset is None:
        return events
    position = takes_effect(evidence, number, reset)
    before = [happening for happening in events if comes_before(evidence, number, happening, position)]
    before.append(reset)
    return before


def _fin_on_synack(evidence: Evidence, number: int) -> bool:
    mine = evidence.half(number)
    if not mine.fins:
        return False
    segment = evidence.log[mine.fins[0]]
    return segment.flags & SYN > 0


def _closed_before_open(evidence: Evidence, number: int, opening: list[Happening], closing: list[Happening]) -> bool:
    """Whether a side closed in SYN_RECEIVED (RFC 7413 4.1.2): the acknowledgement of its SYN changes nothing later."""
    last = opening[len(opening) - 1]
    if last.event != GOT_ACK_OF_SYN or closed_second(evidence, evidence.half(number)):
        return False
    for happening in closing:
        if happening.event == SENT_FIN:
            return not evidence.sent_knowing(happening.index, last.index)
    return False
