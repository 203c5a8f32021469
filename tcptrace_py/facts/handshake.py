"""How a connection was opened, as its client saw it."""

from tcptrace_py.model.live import Connection, Segment, refused_by_time_wait
from tcptrace_py.model.segments import ACK, RST
from tcptrace_py.model.state import State
from tcptrace_py.model.verdict import NOWHERE, Verdict
from tcptrace_py.model.vocabulary import Kind, Outcome, numbers

from .block import HANDSHAKE, KIND, OUTCOME, SYN_REPEATS, SYN_TO_SYNACK, SYNACK_REPEATS, SYNACK_TO_ACK
from .table import MISSING, Table

ESTABLISHED = State.ESTABLISHED
KINDS, OUTCOMES = numbers(Kind), numbers(Outcome)


def write_handshake(table: Table, row: int, live: Connection, verdict: Verdict, in_flight: bool) -> None:
    """Write kind, outcome and the latencies of both legs (ns) into a row of the connections; `in_flight`: it may still be answered.

    A segment further on also proves the handshake, but not when: the ACK was lost, or a filter left it out.
    """
    opening, log, size = verdict.opening, live.log, table.capacity
    to_synack_ns = to_ack_ns = total_ns = MISSING
    if opening.synack >= 0:
        synack = log[opening.synack]
        if opening.last_syn >= 0:
            first, last = log[opening.first_syn], log[opening.last_syn]
            to_synack_ns = synack.time_ns - last.time_ns
        if opening.ack >= 0:
            answer = log[opening.ack]
            if answer.seq == synack.ack:
                answered = log[opening.ack_of]
                to_ack_ns = max(answer.time_ns - answered.time_ns, 0)
                if opening.last_syn >= 0:  # else the SYN was captured behind its answer: no clock for it
                    total_ns = max(answer.time_ns - first.time_ns, 0)
        if opening.simultaneous and not verdict.self_connect:
            to_ack_ns = MISSING
            total_ns = synack.time_ns - first.time_ns if to_synack_ns != MISSING else MISSING
    how = kind(verdict)
    table.small[KIND * size + row] = -1 if how is None else KINDS[how]
    table.small[OUTCOME * size + row] = OUTCOMES[outcome(live, verdict, in_flight)]
    table.wide[SYN_TO_SYNACK * size + row] = to_synack_ns
    table.wide[SYNACK_TO_ACK * size + row] = to_ack_ns
    table.wide[HANDSHAKE * size + row] = total_ns
    table.narrow[SYN_REPEATS * size + row] = opening.syn_repeats
    table.narrow[SYNACK_REPEATS * size + row] = opening.synack_repeats


def kind(verdict: Verdict) -> str | None:
    """three-way, simultaneous, self-connect or fast-open; None where no SYN was answered."""
    opening = verdict.opening
    if opening.synack < 0 or opening.first_syn < 0:
        return None
    if verdict.self_connect:
        return "self-connect"
    if opening.simultaneous:
        return "simultaneous"
    return "fast-open" if opening.fast_open else "three-way"


def outcome(live: Connection, verdict: Verdict, in_flight: bool) -> str:
    """How the attempt went: a word of `Outcome`."""
    opening, log = verdict.opening, live.log
    if opening.first_syn < 0:
        return "not-captured"
    if verdict.entered(verdict.client, ESTABLISHED) >= 0:
        return "completed"
    if opening.refusal >= 0:
        return "refused"
    if opening.synack < 0:
        refused_in = refused_by_time_wait(live)
        if refused_in > 0 and not (in_flight and refused_in < live.last_frame):
            return "refused-by-time-wait"
        if _acknowledges(log, 1 - verdict.client):
            path = verdict.paths[1 - verdict.client]
            start = path[0]
            if start.state_code == ESTABLISHED:
                return "not-captured"
        return "in-progress" if in_flight else "unanswered"
    if verdict.fatal != NOWHERE:
        return "aborted"
    return "in-progress" if in_flight else "half-open"


def _acknowledges(log: list[Segment], number: int) -> bool:
    for segment in log:  # noqa: SIM110 - compiled, a generator would be another function
        if segment.side == number and segment.flags & (ACK | RST) == ACK:
            return True
    return False
