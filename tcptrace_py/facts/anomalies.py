"""What no rule of the connection explains, by name."""

from dataclasses import replace

from tcptrace_py.model.live import AHEAD, COPY, DELAYED, REFUSED, STRAY, Connection, Segment
from tcptrace_py.model.results import Anomaly
from tcptrace_py.model.segments import ACK, FIN, RST, SYN
from tcptrace_py.model.seq import ahead
from tcptrace_py.model.state import State
from tcptrace_py.model.verdict import Verdict

CLOSED = State.CLOSED
AGAIN = "the SYN of this connection once more, after its answer had come"
ICMP = {
    (4, 3): "unreachable",
    (4, 11): "time exceeded",
    (4, 12): "parameter problem",
    (4, 4): "source quench",
    (4, 5): "redirect",
    (6, 1): "unreachable",
    (6, 2): "packet too big",
    (6, 3): "time exceeded",
    (6, 4): "parameter problem",
}

FRAGMENTATION_NEEDED = (4, 3, 4)  # of the kind "unreachable", but the destination is reached: path MTU discovery (RFC 1191)


def anomalies(live: Connection, verdict: Verdict) -> list[Anomaly]:
    """Anomalies in order of their frames."""
    found: list[Anomaly] = []
    if live.anomalies:
        found = [Anomaly(*item) for item in live.anomalies]
    for index in range(len(live.log)):
        segment = live.log[index]
        if not segment.marks & COPY or segment.marks & DELAYED:
            _of_segment(found, live, verdict, index, segment)
    for index, what in verdict.unexpected:
        segment = live.log[index]
        found.append(Anomaly("unexpected-event", segment.frame, f"{what}: RFC 9293 has no transition for it"))
    if live.icmp:
        found += [_icmp(frame, kind) for frame, kind in live.icmp]
    if len(found) > 1:
        found.sort(key=_frame)
    rare = live.a.rare
    if rare is not None:
        _count_more(found, "stray-syn", rare.more_stray_syns)
        _count_more(found, "old-incarnation-segment", rare.more_strays)
    return found


def _frame(anomaly: Anomaly) -> int:
    return anomaly.frame


def _count_more(found: list[Anomaly], code: str, more: int) -> None:
    """Say with the last anomaly of a kind how many others there were."""
    if not more:
        return
    last = next((i for i in range(len(found) - 1, -1, -1) if found[i].code == code), None)
    if last is not None:
        found[last] = replace(found[last], explanation=f"{found[last].explanation}; {more} more of them came later")


def _of_segment(found: list[Anomaly], live: Connection, verdict: Verdict, index: int, segment: Segment) -> None:
    flags, frame, marks = segment.flags, segment.frame, segment.marks
    if flags & (SYN | FIN | ACK) == SYN | FIN:
        found.append(Anomaly("syn-fin", frame, "SYN and FIN in one segment: no stack sends that"))
    elif flags & (SYN | RST) == SYN | RST or flags & (FIN | RST) == FIN | RST or not flags & (SYN | RST | ACK):
        found.append(Anomaly("bad-flags", frame, "a combination of flags that RFC 9293 knows no use for: dropped, and sent as a probe"))
    if marks & REFUSED:
        return
    if marks & STRAY:
        found.append(_of_stray(live, segment))
        return
    if marks & AHEAD:
        found.append(Anomaly("acked-unseen", frame, "it acknowledges what the capture does not hold"))
    if flags & RST:
        _of_reset(found, live, verdict, index, segment)
        return
    if flags & SYN:
        if not flags & ACK and _is_repeated_late(live, verdict, index, segment):
            found.append(Anomaly("old-duplicate-syn", frame, AGAIN))
        return
    if segment.payload and _after_own_fin(live, verdict, segment):
        found.append(Anomaly("data-after-fin", frame, "data beyond its sender's FIN"))
    if not marks & COPY:
        _after_close(found, live, verdict, index, segment)


def _of_stray(live: Connection, segment: Segment) -> Anomaly:
    """A segment whose numbers are none of this connection's, or that came when nobody had a use for them."""
    side, peer = live.side(segment.side), live.side(1 - segment.side)
    if segment.flags & (SYN | ACK) == SYN and side.syn_seen and segment.seq == side.isn:
        return Anomaly("old-duplicate-syn", segment.frame, AGAIN)
    if segment.flags & (SYN | ACK) == SYN and not live.earlier:
        return Anomaly("stray-syn", segment.frame, "a SYN with another initial number that nothing answered")
    if segment.flags & (SYN | ACK) == SYN:
        return Anomaly("old-duplicate-syn", segment.frame, "a SYN of an earlier connection of this four-tuple, once more")
    if segment.flags & SYN and peer.syn_seen and ahead(segment.ack, peer.isn) != 1:
        return Anomaly("synack-wrong-ack", segment.frame, "it acknowledges another number than its peer's SYN had")
    return Anomaly("old-incarnation-segment", segment.frame, "its numbers belong to no part of this connection")


def _after_close(found: list[Anomaly], live: Connection, verdict: Verdict, index: int, segment: Segment) -> None:
    """A segment of a side that was CLOSED, later than it could have been sent before."""
    if verdict.fatal >= 0:
        if index > verdict.fatal and _knew_of_reset(live, verdict, segment) and verdict.had_left(segment.side, index):
            if segment.payload:
                found.append(Anomaly("data-after-rst", segment.frame, "data, though its sender's connection had been reset before"))
            else:
                found.append(Anomaly("segment-after-close", segment.frame, "its sender's connection had been reset before"))
        return
    path = verdict.paths[segment.side]
    if len(path) < 2 or segment.flags & FIN:
        return
    last = path[len(path) - 1]
    if last.state_code == CLOSED and 0 <= last.index < index:
        closing = live.log[last.index]
        if segment.time_ns > closing.time_ns + verdict.view.grace_ns():
            found.append(Anomaly("segment-after-close", segment.frame, "its sender had closed and had its FIN acknowledged before"))


def _of_reset(found: list[Anomaly], live: Connection, verdict: Verdict, index: int, segment: Segment) -> None:
    frame, marks = segment.frame, None
    if segment.payload:
        found.append(
            Anomaly("rst-with-data", frame, f"a RST that carries {segment.payload} bytes (RFC 9293, 3.5.3, allows an explanation)")
        )
    for mark in verdict.resets:
        if mark.index == index:
            marks = mark
            break
    if marks is None or index == verdict.fatal or marks.late or _is_answer_of_none(live, verdict, index, segment):
        return
    if not marks.acceptable and marks.in_window:
        found.append(
            Anomaly(
                "challenge-ack-candidate", frame, "in the window but not at the number expected: RFC 5961 answers it with a challenge ACK"
            )
        )
    elif not marks.acceptable:
        found.append(Anomaly("rst-ignored", frame, "its numbers are none that its receiver obeys"))
    elif verdict.fatal < 0 or index < verdict.fatal:
        found.append(Anomaly("rst-ignored", frame, "its receiver went on as if it had not come"))


def _is_answer_of_none(live: Connection, verdict: Verdict, index: int, segment: Segment) -> bool:
    """Whether a RST is what a host sends that no longer has the connection, at a number that its peer acknowledged (RFC 9293, 3.10.7.1).

    Not every acknowledgement is in the log.
    """
    side = live.side(segment.side)
    return (
        not segment.flags & ACK
        and verdict.had_left(segment.side, index)
        and ahead(segment.seq, side.isn) > 0
        and ahead(side.next_seq, segment.seq) >= 0
    )


def _is_repeated_late(live: Connection, verdict: Verdict, index: int, segment: Segment) -> bool:
    side, opening = live.side(segment.side), verdict.opening
    return segment.seq == side.isn and 0 <= opening.ack < index and segment.side == verdict.client and opening.first_syn < index


def _after_own_fin(live: Connection, verdict: Verdict, segment: Segment) -> bool:
    fins = verdict.close.fins[segment.side]
    if not fins:
        return False
    fin = live.log[fins[0]]
    return ahead(segment.end, fin.end) > 0


def _knew_of_reset(live: Connection, verdict: Verdict, segment: Segment) -> bool:
    """Later than a segment could be that its sender sent before it knew of the reset."""
    reset = live.log[verdict.fatal]
    grace_ns = 0 if reset.side == segment.side else verdict.view.grace_ns()
    return segment.time_ns > reset.time_ns + grace_ns


def _icmp(frame: int, kind: int) -> Anomaly:
    version, number, code = kind >> 16, kind >> 8 & 255, kind & 255
    name = "too big" if (version, number, code) == FRAGMENTATION_NEEDED else ICMP.get((version, number), f"type {number}")
    return Anomaly(
        "icmp-unreachable" if name == "unreachable" else "icmp-error",
        frame,
        f"an ICMPv{version} error quotes a segment of this connection: {name}, code {code}",
    )
