"""What no rule of the connection explains, by name."""

from dataclasses import replace

from tcptrace_py.model.live import AHEAD, COPY, DELAYED, REFUSED, STRAY, Connection, Segment
from tcptrace_py.model.results import Anomaly
from tcptrace_py.model.segments import ACK, FIN, RST, SYN
from tcptrace_py.model.seq import ahead
from tcptrace_py.model.state import State
from tcptrace_py.model.verdict import Verdict

ICMP = {
    (4, 3): "unreachable", (4, 11): "time exceeded", (4, 12): "parameter problem", (4, 4): "source quench", (4, 5): "redirect",
    (6, 1): "unreachable", (6, 2): "packet too big", (6, 3): "time exceeded", (6, 4): "parameter problem",
}


def anomalies(live: Connection, verdict: Verdict) -> list[Anomaly]:
    """Anomalies in order of their frames."""
    found = [Anomaly(*item) for item in live.anomalies or ()]
    for index, segment in enumerate(live.log):
        if not segment.marks & COPY or segment.marks & DELAYED:
            found += [Anomaly(code, segment.frame, why) for code, why in _of_segment(live, verdict, index, segment)]
    found += [Anomaly("unexpected-event", live.log[index].frame, f"{what}: RFC 9293 has no transition for it")
              for index, what in verdict.unexpected]
    found += [_icmp(frame, kind) for frame, kind in live.icmp or ()]
    found.sort(key=lambda item: item.frame)
    rare = live.a.rare
    if rare is not None:
        _count_more(found, "stray-syn", rare.more_stray_syns)
        _count_more(found, "old-incarnation-segment", rare.more_strays)
    return found


def _count_more(found: list[Anomaly], code: str, more: int) -> None:
    """Say with the last anomaly of a kind how many others there were."""
    last = next((i for i in range(len(found) - 1, -1, -1) if found[i].code == code), None)
    if more and last is not None:
        found[last] = replace(found[last], explanation=f"{found[last].explanation}; {more} more of them came later")


def _of_segment(live: Connection, verdict: Verdict, index: int, segment: Segment) -> list[tuple[str, str]]:
    flags = segment.flags
    found: list[tuple[str, str]] = []
    if flags & (SYN | FIN) == SYN | FIN:
        found.append(("syn-fin", "SYN and FIN in one segment: no stack sends that"))
    elif flags & (SYN | RST) == SYN | RST or flags & (FIN | RST) == FIN | RST or not flags & (SYN | RST | ACK):
        found.append(("bad-flags", "a combination of flags that RFC 9293 knows no use for"))
    if segment.marks & REFUSED:
        return found
    if segment.marks & STRAY and flags & (SYN | ACK) == SYN:
        return [*found, ("old-duplicate-syn", "a SYN of an earlier connection of this four-tuple, delivered late")]
    if segment.marks & STRAY and flags & SYN and ahead(segment.ack, live.side(1 - segment.side).isn) != 1:
        return [*found, ("synack-wrong-ack", "it acknowledges another number than its peer's SYN had")]
    if segment.marks & STRAY:
        found.append(("old-incarnation-segment", "its numbers belong to no part of this connection"))
        return found
    if segment.marks & AHEAD:
        found.append(("acked-unseen", "it acknowledges what the capture does not hold"))
    if flags & RST:
        found += _of_reset(verdict, index, segment)
    elif flags & SYN:
        found += _of_syn(live, verdict, index, segment)
    elif segment.payload and _after_own_fin(live, verdict, segment):
        found.append(("data-after-fin", "data beyond its sender's FIN"))
    if not flags & (RST | SYN) and not segment.marks & COPY:
        found += _after_close(live, verdict, index, segment)
    return found


def _after_close(live: Connection, verdict: Verdict, index: int, segment: Segment) -> list[tuple[str, str]]:
    """A segment of a side that was CLOSED, later than it could have been sent before."""
    if verdict.fatal >= 0:
        if index > verdict.fatal and _knew_of_reset(live, verdict, segment):
            if segment.payload:
                return [("data-after-rst", "data, though its sender's connection had been reset before")]
            return [("segment-after-close", "its sender's connection had been reset before")]
        return []
    path = verdict.paths[segment.side]
    closed = path[-1].state == State.CLOSED and len(path) > 1 and path[-1].index >= 0
    if closed and index > path[-1].index and not segment.flags & FIN and (
            segment.time_ns > live.log[path[-1].index].time_ns + verdict.view.grace_ns()):
        return [("segment-after-close", "its sender had closed and had its FIN acknowledged before")]
    return []


def _of_reset(verdict: Verdict, index: int, segment: Segment) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    if segment.payload:
        found.append(("rst-with-data", f"a RST that carries {segment.payload} bytes (RFC 9293, 3.5.3, allows an explanation)"))
    marks = next((m for m in verdict.resets if m.index == index), None)
    if marks is None or index == verdict.fatal or marks.late:
        return found
    if not marks.acceptable and marks.in_window:
        found.append(("challenge-ack-candidate", "in the window but not at the number expected: RFC 5961 answers it with a challenge ACK"))
    elif not marks.acceptable:
        found.append(("rst-ignored", "its numbers are none that its receiver obeys"))
    elif verdict.fatal < 0 or index < verdict.fatal:
        found.append(("rst-ignored", "its receiver went on as if it had not come"))
    return found


def _of_syn(live: Connection, verdict: Verdict, index: int, segment: Segment) -> list[tuple[str, str]]:
    side, opening = live.side(segment.side), verdict.opening
    if not segment.flags & ACK:
        if segment.seq == side.isn and opening.ack >= 0 and index > opening.ack and segment.side == verdict.client:
            return [("old-duplicate-syn", "the SYN of this connection once more, after its answer had come")]
        return []
    return []


def _after_own_fin(live: Connection, verdict: Verdict, segment: Segment) -> bool:
    fins = verdict.close.fins[segment.side]
    return bool(fins) and ahead(segment.end, live.log[fins[0]].end) > 0


def _knew_of_reset(live: Connection, verdict: Verdict, segment: Segment) -> bool:
    """Later than a segment could be that its sender sent before it knew of the reset."""
    reset = live.log[verdict.fatal]
    grace_ns = 0 if reset.side == segment.side else verdict.view.grace_ns()
    return segment.time_ns > reset.time_ns + grace_ns


def _icmp(frame: int, kind: int) -> Anomaly:
    version, number, code = kind >> 16, kind >> 8 & 255, kind & 255
    name = ICMP.get((version, number), f"type {number}")
    return Anomaly("icmp-unreachable" if name == "unreachable" else "icmp-error", frame,
                   f"an ICMPv{version} error quotes a segment of this connection: {name}, code {code}")
