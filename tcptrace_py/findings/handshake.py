"""How a connection was opened, as its client saw it."""

from ..model.results import Handshake
from ..model.segments import ACK, RST
from ..model.state import State
from ..states.evidence import NOWHERE
from ..states.replay import Replay


def handshake(replay: Replay) -> Handshake:
    """Kind, outcome and the latencies of both legs (ns)."""
    evidence = replay.evidence
    opening, log = evidence.opening, evidence.log
    answered = opening.synack >= 0
    outcome = _outcome(replay)
    to_synack = to_ack = total = None
    if answered and opening.last_syn >= 0 and not (opening.simultaneous and not evidence.connection.self_connect and opening.ack < 0):
        to_synack = log[opening.synack].time_ns - log[opening.last_syn].time_ns
    if answered and opening.ack >= 0 and log[opening.ack].time_ns >= log[opening.synack].time_ns:
        last = _last_synack_before(replay)
        to_ack = log[opening.ack].time_ns - log[last].time_ns
    if opening.first_syn >= 0 and opening.ack >= 0 and answered:
        total = max(log[opening.ack].time_ns - log[opening.first_syn].time_ns, 0)
    return Handshake(_kind(replay), outcome, to_synack, to_ack, total, opening.syn_repeats, opening.synack_repeats)


def _last_synack_before(replay: Replay) -> int:
    opening, log = replay.evidence.opening, replay.evidence.log
    first = log[opening.synack]
    last = opening.synack
    for i in range(opening.synack, opening.ack):
        if log[i].side == first.side and log[i].flags == first.flags and log[i].seq == first.seq:
            last = i
    return last


def _kind(replay: Replay) -> str | None:
    opening = replay.evidence.opening
    if replay.evidence.connection.self_connect:
        return "self-connect" if opening.synack >= 0 else None
    if opening.synack < 0:
        return None
    if opening.simultaneous:
        return "simultaneous"
    if opening.first_syn < 0:
        return None
    return "fast-open" if opening.fast_open else "three-way"


def _outcome(replay: Replay) -> str:
    evidence = replay.evidence
    opening = evidence.opening
    if opening.first_syn < 0:
        return "not-captured"
    if replay.entered(replay.client, State.ESTABLISHED):
        return "completed"
    if opening.refusal >= 0:
        return "refused"
    if opening.synack < 0:
        other = 1 - replay.client
        spoke = any(evidence.log[i].flags & ACK and not evidence.log[i].flags & RST for i in evidence.indices[other])
        return "not-captured" if spoke and replay.paths[other][0].state == State.ESTABLISHED else "unanswered"
    if evidence.fatal != NOWHERE:
        return "aborted"
    return "half-open"
