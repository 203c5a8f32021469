"""Why a RST was sent: cause, confidence, and what speaks for it (DESIGN 3)."""

from ..model.live import Segment
from ..model.results import Reset
from ..model.segments import ACK, FIN, SYN
from ..model.state import State
from ..states.replay import Replay

IDLE_NS = 60_000_000_000  # an idle time that middleboxes are known to cut (AWS: 350 s; many: 60 s and up)


def resets(replay: Replay) -> list[Reset]:
    """Every RST of a connection, in capture order."""
    return [_judge(replay, i) for i in replay.evidence.resets]


def _judge(replay: Replay, index: int) -> Reset:
    evidence = replay.evidence
    segment = evidence.log[index]
    cause, confidence, proof = _cause(replay, index, segment)
    by = "client" if segment.side == replay.client else "server"
    side = evidence.connection.side(segment.side)
    if side.packets > 1 and side.ttl and segment.ttl and abs(side.ttl - segment.ttl) > 1 and cause != "refused":
        proof.append(f"TTL {segment.ttl}, its sender's other segments {side.ttl}")
        if not evidence.acceptable(index) or abs(side.ttl - segment.ttl) > 2:
            by, confidence = "unknown", "low"
    if segment.gap_ns > IDLE_NS:
        proof.append(f"idle {segment.gap_ns / 1e9:.0f} s before")
    if not evidence.acceptable(index):
        proof.append("its numbers are not what the receiver expects")
    return Reset(by, cause, confidence, segment.frame, segment.time_ns, tuple(proof))


def _cause(replay: Replay, index: int, segment: Segment) -> tuple[str, str, list[str]]:
    evidence = replay.evidence
    log, number = evidence.log, segment.side
    opening = evidence.opening
    if index == opening.refusal:
        return "refused", "high", ["answers the SYN"]
    if evidence.fatal != index and evidence._complete_before(index):  # noqa: SLF001
        return "late", "high", ["the close was complete"]
    path = replay.paths[number]
    established = any(item.state == State.ESTABLISHED for item in path)
    opener = number == replay.client
    if opening.first_syn >= 0 and not established:
        if opening.synack >= 0 and (opener or not segment.flags & ACK):
            return "aborted-handshake", "high", ["behind the SYN/ACK, before any other segment of its sender"]
        return "no-socket", "medium", ["its sender had no such connection"]
    answered = next((i for i in range(index - 1, -1, -1) if log[i].side != number and log[i].flags & ACK
                     and log[i].ack == segment.seq), None)
    own_fin = min(evidence.fins[number], default=None)
    if own_fin is not None and own_fin < index:
        return _after_own_fin(replay, index, answered)
    if not segment.flags & ACK:
        return _without_ack(replay, index, answered)
    if segment.peer_unread:
        return "abort-unread-data", "high", [f"{segment.peer_unread} bytes of the peer's were captured but not acknowledged before"]
    behind_ns = segment.time_ns - segment.peer_data_ns if segment.peer_data_ns else None
    if behind_ns is not None and behind_ns < 50_000_000 + evidence.view.round_trip_ns and segment.gap_ns < 50_000_000 + evidence.view.round_trip_ns:
        return "abort-unread-data", "low", [f"{behind_ns / 1e6:.1f} ms behind incoming data; SO_LINGER 0 looks the same"]
    return "abort", "medium", ["RST/ACK at the next sequence number; close() with unread data looks the same"]


def _after_own_fin(replay: Replay, index: int, answered: int | None) -> tuple[str, str, list[str]]:
    evidence = replay.evidence
    log = evidence.log
    segment = log[index]
    if answered is not None and (log[answered].payload or any(
            log[i].payload for i in evidence.indices[1 - segment.side] if i < index and i > min(evidence.fins[segment.side]))):
        crossed = log[answered].time_ns - evidence.time(min(evidence.fins[segment.side])) < evidence.view.round_trip_ns
        return "data-after-close", "high", ["request crossed the close"] if crossed else ["data came after it had closed"]
    data = [i for i in evidence.indices[1 - segment.side] if log[i].payload and min(evidence.fins[segment.side]) < i < index]
    if data or segment.peer_unread:
        return "data-after-close", "medium", ["data came after it had closed"]
    if not segment.flags & ACK:
        return "no-socket", "medium", ["its sender had given the closed connection up"]
    return "abort", "low", ["RST behind its own FIN"]


def _without_ack(replay: Replay, index: int, answered: int | None) -> tuple[str, str, list[str]]:
    evidence = replay.evidence
    if answered is None:
        return "no-socket", "low", ["no segment was captured that it answers"]
    what = evidence.log[answered]
    kind = "FIN" if what.flags & FIN else "data" if what.payload else "SYN/ACK" if what.flags & SYN else "ACK"
    return "no-socket", "high", [f"answers the {kind} of frame {what.frame}"]
