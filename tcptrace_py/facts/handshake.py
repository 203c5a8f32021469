"""How a connection was opened, as its client saw it."""

from tcptrace_py.model.live import Segment
from tcptrace_py.model.results import Handshake
from tcptrace_py.model.segments import ACK, RST
from tcptrace_py.model.state import State
from tcptrace_py.model.verdict import NOWHERE, Verdict


def handshake(verdict: Verdict, log: list[Segment]) -> Handshake:
    """Kind, outcome and the latencies of both legs (ns).

    A segment further on also proves the handshake, but not when: the ACK was lost, or a filter left it out.
    """
    opening = verdict.opening
    to_synack = to_ack = total = None
    if opening.synack >= 0 and opening.last_syn >= 0:
        to_synack = log[opening.synack].time_ns - log[opening.last_syn].time_ns
    if opening.synack >= 0 and opening.ack >= 0 and log[opening.ack].seq == log[opening.synack].ack:
        to_ack = max(log[opening.ack].time_ns - log[opening.ack_of].time_ns, 0)
        if opening.last_syn >= 0:  # else the SYN was captured behind its answer: no clock for it
            total = max(log[opening.ack].time_ns - log[opening.first_syn].time_ns, 0)
    if opening.simultaneous and not verdict.self_connect:
        to_ack, total = None, to_synack and log[opening.synack].time_ns - log[opening.first_syn].time_ns
    return Handshake(kind(verdict), outcome(verdict, log), to_synack, to_ack, total, opening.syn_repeats, opening.synack_repeats)


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


def outcome(verdict: Verdict, log: list[Segment]) -> str:
    """completed, refused, unanswered, aborted, half-open or not-captured."""
    opening = verdict.opening
    if opening.first_syn < 0:
        return "not-captured"
    if verdict.entered(verdict.client, State.ESTABLISHED) >= 0:
        return "completed"
    if opening.refusal >= 0:
        return "refused"
    if opening.synack < 0:
        server = 1 - verdict.client
        answered = any(s.side == server and s.flags & (ACK | RST) == ACK for s in log)
        return "not-captured" if answered and verdict.paths[server][0].state == State.ESTABLISHED else "unanswered"
    return "aborted" if verdict.fatal != NOWHERE else "half-open"
