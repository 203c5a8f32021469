"""Why a RST was sent: cause, confidence, and what speaks for it (DESIGN 3)."""

from tcptrace_py.model.live import COPY, STRAY, Connection, Context, Segment, hop_bit, hops
from tcptrace_py.model.segments import ACK, FIN, RST, SYN
from tcptrace_py.model.seq import ahead
from tcptrace_py.model.state import State
from tcptrace_py.model.verdict import BETWEEN, NAMED, ResetMarks, Verdict
from tcptrace_py.model.vocabulary import Cause, Confidence, Role, numbers

from .block import ENDING_RESET, RESET_AT, RESET_BY, RESET_CAUSE, RESET_CONFIDENCE, RESET_EVIDENCE, RESET_FRAME, Block

SOON_NS = 50_000_000  # within this of incoming data a program that closes with data unread is likely
ANSWERED_NS = 1_000_000_000  # beyond this and a round trip a RST answers nothing: who has no socket answers at once

ESTABLISHED = State.ESTABLISHED
CAUSES, CONFIDENCES, ROLES = numbers(Cause), numbers(Confidence), numbers(Role)

Judgement = tuple[str | None, str, list[str]]  # cause, confidence, evidence


def write_resets(block: Block, live: Connection, verdict: Verdict) -> None:
    """Write every RST of a connection into the block, in capture order."""
    for marks in verdict.resets:
        _write(block, live, verdict, marks)


def _write(block: Block, live: Connection, verdict: Verdict, marks: ResetMarks) -> None:
    segment = live.log[marks.index]
    context = segment.context or Context()
    cause, confidence, proof = _cause(live, verdict, marks, segment, context)
    by = "client" if segment.side == verdict.client else "server"
    ttl = _usual_ttl(live, segment.side)
    others, _ = verdict.view.ways_of(segment.side)
    if marks.origin != NAMED:
        goes_on = _goes_on(live, marks)
        proof = [line for line in proof if line.startswith("answers")]
        if ttl:
            proof.append(f"TTL {segment.ttl}, its sender's other segments {ttl}")
        else:
            proof.append(f"TTL {segment.ttl}, {hops(segment.ttl)} hops; its sender's other connections came over {_ways(others)}")
        if marks.origin == BETWEEN:
            by, cause, confidence = "between", None, "high" if goes_on else "medium"
            if goes_on:
                proof.append("its sender went on sending")
        else:
            by, confidence = "unknown", "low"
    elif ttl and hops(ttl) != hops(segment.ttl) and others & hop_bit(segment.ttl):
        proof.append(f"TTL {segment.ttl}, its sender's other segments {ttl}; its other connections came both ways")
    if context.idle_ns:
        proof.append(f"idle {context.idle_ns / 1e9:.0f} s before")
    if not marks.acceptable and not verdict.had_left(segment.side, marks.index):
        proof.append("its numbers are not what the receiver expects")
    table = block.resets
    row = table.row()
    size = table.capacity
    table.wide[RESET_FRAME * size + row], table.wide[RESET_AT * size + row] = segment.frame, segment.time_ns
    table.narrow[RESET_EVIDENCE * size + row] = block.evidence.number(tuple(proof))
    table.small[RESET_BY * size + row] = ROLES[by]
    table.small[RESET_CAUSE * size + row] = -1 if cause is None else CAUSES[cause]
    table.small[RESET_CONFIDENCE * size + row] = CONFIDENCES[confidence]


def ending_cause(block: Block, row: int) -> int:
    """Number of the cause of the reset that ended a connection; -1 where none did."""
    table, resets = block.connections, block.resets
    at = table.narrow[ENDING_RESET * table.capacity + row]
    return -1 if at < 0 else resets.small[RESET_CAUSE * resets.capacity + at]


def _usual_ttl(live: Connection, number: int) -> int:
    """TTL of a side's latest other segment; 0 if there is none."""
    log = live.log
    for i in range(len(log) - 1, -1, -1):
        segment = log[i]
        if segment.side == number and not segment.flags & RST and not segment.marks & (COPY | STRAY):
            return segment.ttl
    return 0


def _ways(bits: int) -> str:
    """The numbers of hops that these bits stand for."""
    return " or ".join([str(number) for number in range(64) if bits >> number & 1])


def _goes_on(live: Connection, marks: ResetMarks) -> bool:
    """Whether the side that a RST names sent anything else behind it."""
    log = live.log
    reset = log[marks.index]
    for i in range(marks.index + 1, len(log)):
        segment = log[i]
        if (
            segment.side == reset.side
            and not segment.flags & RST
            and not segment.marks & (COPY | STRAY)
            and (segment.time_ns > reset.time_ns)
        ):
            return True
    return False


def _cause(live: Connection, verdict: Verdict, marks: ResetMarks, segment: Segment, context: Context) -> Judgement:
    number, opening = segment.side, verdict.opening
    if marks.index == opening.refusal:
        return "refused", "high", ["answers the SYN"]
    if marks.late:
        return "late", "high", ["the close was complete"]
    if opening.first_syn >= 0 and not _was_established(verdict, number):
        if 0 <= opening.synack < marks.index:
            return "aborted-handshake", "high", ["behind the SYN/ACK, before any other segment of its sender"]
        return "no-socket", "medium", ["its sender had no such connection"]
    if number == verdict.client and marks.index < verdict.entered(number, ESTABLISHED) and _answers_synack(live, marks):
        return "aborted-handshake", "low", ["answers a SYN/ACK that its sender did not take; its attempt went on"]
    own_fin = verdict.close.first(number)
    if 0 <= own_fin < marks.index:
        return _after_own_fin(live, verdict, marks, own_fin, context)
    if not segment.flags & ACK:
        return _without_ack(live, verdict, marks, segment, context)
    if verdict.had_left(number, marks.index):
        return "no-socket", "high", ["its sender's connection had ended before"]
    if context.own_next < 0 and context.own_ack < 0 and not context.previous_by_peer:
        return "no-socket", "low", ["nothing else of the connection was captured before it"]
    received = min(ahead(segment.ack, context.own_ack), context.unread) if context.own_ack >= 0 else 0
    if received > 0 and context.idle_ns and context.previous_by_peer:
        return "no-socket", "low", ["answers the first segment behind a long silence; close() with unread data looks the same"]
    if received > 0:
        return "abort-unread-data", "medium", [f"it acknowledges {received} bytes that came just before; SO_LINGER 0 looks the same"]
    if not segment.seq and context.own_next < 0 and context.own_ack < 0 and context.previous_by_peer:
        return "no-socket", "high", ["answers the segment before it, as a closed port does"]
    if context.unread:
        return "abort", "medium", [f"{context.unread} bytes of the peer's crossed it"]
    if context.previous_is_data and segment.time_ns - context.data_ns < SOON_NS + verdict.view.round_trip_ns:
        behind_ms = (segment.time_ns - context.data_ns) / 1e6
        return "abort-unread-data", "low", [f"{behind_ms:.1f} ms behind incoming data; SO_LINGER 0 looks the same"]
    return "abort", "medium", ["RST/ACK at the next sequence number; close() with unread data looks the same"]


def _was_established(verdict: Verdict, number: int) -> bool:
    path = verdict.paths[number]
    for step in path:  # noqa: SIM110 - compiled, a generator would be another function
        if step.state_code == ESTABLISHED:
            return True
    return False


def _after_own_fin(live: Connection, verdict: Verdict, marks: ResetMarks, own_fin: int, context: Context) -> Judgement:
    log, segment = live.log, live.log[marks.index]
    fin = log[own_fin]
    for i in range(own_fin, marks.index):
        other = log[i]
        if other.side != segment.side and other.payload:
            crossed = other.time_ns - fin.time_ns < verdict.view.round_trip_ns
            return "data-after-close", "high", ["request crossed the close" if crossed else "data came after it had closed"]
    answered = log[marks.answers] if marks.answers >= 0 else None
    if answered is not None and answered.payload and not segment.flags & ACK:
        return "data-after-close", "high", ["request crossed the close"]
    if context.unread:
        crossed = context.data_ns <= fin.time_ns
        return "data-after-close", "medium", ["request crossed the close" if crossed else "data came after it had closed"]
    if not segment.flags & ACK:
        return "no-socket", "medium", ["its sender had given the closed connection up"]
    if marks.index:
        before = log[marks.index - 1]
        if before.side != segment.side and before.flags & (FIN | RST) == FIN and before.frame == context.previous_frame:
            return "no-socket", "high", [f"answers the FIN of frame {before.frame}, which a socket would acknowledge"]
    return "abort", "low", ["RST behind its own FIN"]


def _answers_synack(live: Connection, marks: ResetMarks) -> bool:
    """Whether a RST without ACK answers a SYN/ACK."""
    reset = live.log[marks.index]
    if reset.flags & ACK or marks.answers < 0:
        return False
    answered = live.log[marks.answers]
    return answered.flags & SYN > 0


def _without_ack(live: Connection, verdict: Verdict, marks: ResetMarks, segment: Segment, context: Context) -> Judgement:
    """A RST without ACK stands at the acknowledgement number of the segment that it answers (RFC 9293 3.10.7.1).

    Where its sender has just acknowledged all that came, there is nothing to answer: its own socket sent it, as Windows, lwIP
    and VxWorks do.
    """
    since_ns = segment.time_ns - ANSWERED_NS - verdict.view.round_trip_ns
    if context.previous_by_peer and context.peer_ack == segment.seq and context.previous_ns >= since_ns:
        name = "data" if context.previous_is_data else "segment"
        return "no-socket", "high", [f"answers the {name} of frame {context.previous_frame}"]
    had_left = verdict.had_left(segment.side, marks.index)
    own_end = segment.seq == context.own_next and context.own_ack >= 0 and not context.unread
    at_its_end = own_end and not had_left and not _owes_ack(live, marks, context)
    if at_its_end and not context.previous_by_peer:
        return "abort", "medium", ["behind its sender's own acknowledgement of all that had come"]
    answers = marks.answers
    if answers >= 0:
        what = live.log[answers]
        if what.time_ns < since_ns:
            answers = -1
    if answers < 0 and had_left:
        return "no-socket", "high", ["its sender's connection had ended before"]
    if answers < 0:
        return "abort" if at_its_end else "no-socket", "low", ["no segment was captured that it answers"]
    what = live.log[answers]
    name = "FIN" if what.flags & FIN else "data" if what.payload else "SYN/ACK" if what.flags & SYN else "ACK"
    return "no-socket", "high", [f"answers the {name} of frame {what.frame}"]


def _owes_ack(live: Connection, marks: ResetMarks, context: Context) -> bool:
    """Whether a RST's sender had not acknowledged its peer's FIN."""
    log = live.log
    reset = log[marks.index]
    for i in range(marks.index):
        segment = log[i]
        if (
            segment.side != reset.side
            and segment.flags & (FIN | RST) == FIN
            and ahead(segment.end, context.own_ack) > 0
            and (not segment.marks & STRAY)
        ):
            return True
    return False
