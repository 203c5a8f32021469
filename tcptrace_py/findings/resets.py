"""Why a RST was sent: cause, confidence, and what speaks for it (DESIGN 3)."""

from ..model.live import Connection, Segment
from ..model.results import Reset
from ..model.segments import ACK, FIN, SYN
from ..model.state import State
from ..model.verdict import NOWHERE, ResetMarks, Verdict

IDLE_NS = 60_000_000_000  # an idle time that middleboxes are known to cut (AWS: 350 s; many: 60 s and up)


def resets(live: Connection, verdict: Verdict) -> list[Reset]:
    """Every RST of a connection, in capture order."""
    return [_judge(live, verdict, marks) for marks in verdict.resets]


def _judge(live: Connection, verdict: Verdict, marks: ResetMarks) -> Reset:
    segment = live.log[marks.index]
    cause, confidence, proof = _cause(live, verdict, marks, segment)
    by = "client" if segment.side == verdict.client else "server"
    side = live.side(segment.side)
    if side.packets > 1 and side.ttl and segment.ttl and abs(side.ttl - segment.ttl) > 1 and cause != "refused":
        proof.append(f"TTL {segment.ttl}, its sender's other segments {side.ttl}")
        if not marks.acceptable or abs(side.ttl - segment.ttl) > 2:
            by, confidence = "unknown", "low"
    if segment.gap_ns > IDLE_NS:
        proof.append(f"idle {segment.gap_ns / 1e9:.0f} s before")
    if not marks.acceptable:
        proof.append("its numbers are not what the receiver expects")
    return Reset(by, cause, confidence, segment.frame, segment.time_ns, tuple(proof))


def _cause(live: Connection, verdict: Verdict, marks: ResetMarks, segment: Segment) -> tuple[str, str, list[str]]:
    number, opening = segment.side, verdict.opening
    if marks.index == opening.refusal:
        return "refused", "high", ["answers the SYN"]
    if marks.late:
        return "late", "high", ["the close was complete"]
    established = any(step.state == State.ESTABLISHED for step in verdict.paths[number])
    if opening.first_syn >= 0 and not established:
        if opening.synack >= 0 and (number == verdict.client or not segment.flags & ACK):
            return "aborted-handshake", "high", ["behind the SYN/ACK, before any other segment of its sender"]
        return "no-socket", "medium", ["its sender had no such connection"]
    own_fin = min(verdict.close.fins[number], default=NOWHERE)
    if 0 <= own_fin < marks.index:
        return _after_own_fin(live, verdict, marks, own_fin)
    if not segment.flags & ACK:
        return _without_ack(live, marks)
    if segment.peer_unread:
        return "abort-unread-data", "high", [f"{segment.peer_unread} bytes of the peer's were captured but not acknowledged before"]
    soon_ns = 50_000_000 + verdict.view.round_trip_ns
    if segment.peer_data_ns and segment.time_ns - segment.peer_data_ns < soon_ns and segment.gap_ns < soon_ns:
        behind_ms = (segment.time_ns - segment.peer_data_ns) / 1e6
        return "abort-unread-data", "low", [f"{behind_ms:.1f} ms behind incoming data; SO_LINGER 0 looks the same"]
    return "abort", "medium", ["RST/ACK at the next sequence number; close() with unread data looks the same"]


def _after_own_fin(live: Connection, verdict: Verdict, marks: ResetMarks, own_fin: int) -> tuple[str, str, list[str]]:
    log, segment = live.log, live.log[marks.index]
    data = [i for i in range(own_fin, marks.index) if log[i].side != segment.side and log[i].payload]
    if data:
        crossed = log[data[0]].time_ns - log[own_fin].time_ns < verdict.view.round_trip_ns
        return "data-after-close", "high", ["request crossed the close" if crossed else "data came after it had closed"]
    if segment.peer_unread:
        return "data-after-close", "medium", ["data came after it had closed"]
    if not segment.flags & ACK:
        return "no-socket", "medium", ["its sender had given the closed connection up"]
    return "abort", "low", ["RST behind its own FIN"]


def _without_ack(live: Connection, marks: ResetMarks) -> tuple[str, str, list[str]]:
    if marks.answers < 0:
        return "no-socket", "low", ["no segment was captured that it answers"]
    what = live.log[marks.answers]
    name = "FIN" if what.flags & FIN else "data" if what.payload else "SYN/ACK" if what.flags & SYN else "ACK"
    return "no-socket", "high", [f"answers the {name} of frame {what.frame}"]
