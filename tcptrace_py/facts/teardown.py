"""How a connection ended: pattern, who closed first, how long it took."""

from tcptrace_py.model.live import Connection, Segment
from tcptrace_py.model.segments import ACK, FIN
from tcptrace_py.model.seq import ahead
from tcptrace_py.model.state import State
from tcptrace_py.model.verdict import Opening, Verdict
from tcptrace_py.model.vocabulary import Pattern, numbers

from .block import CENSORED, CLOSE, ENDING_RESET, FIRST_FIN, PATTERN, RESET_FRAME, RESETS, RESETS_AT, SEGMENTS, Block
from .table import MISSING

PATTERNS = numbers(Pattern)
ALIKE = 32  # round trips of a connection differ by less than this part, as a rule
CLOSED, FIN_WAIT_2, TIME_WAIT = State.CLOSED, State.FIN_WAIT_2, State.TIME_WAIT


def write_teardown(block: Block, row: int, live: Connection, verdict: Verdict, in_flight: bool) -> None:
    """Write the close of a connection, whose resets are written, into its row; `in_flight`: when the capture ended."""
    log, table = live.log, block.connections
    narrow, small, size = table.narrow, table.small, table.capacity
    first, how = first_fin(live, verdict), "rst"
    narrow[ENDING_RESET * size + row], small[SEGMENTS * size + row] = -1, -1
    if verdict.fatal >= 0:
        segment = log[_first_abort(verdict, log)]
        narrow[ENDING_RESET * size + row] = _reset_of(block, row, segment.frame)
    else:
        how = pattern(verdict)
        if how == "four-way" and first >= 0:
            small[SEGMENTS * size + row] = _segments(verdict, first)
    small[PATTERN * size + row], small[CENSORED * size + row] = PATTERNS[how], in_flight
    small[FIRST_FIN * size + row] = -1 if first < 0 else first != verdict.client
    table.wide[CLOSE * size + row] = _duration_ns(verdict, log)


def _reset_of(block: Block, row: int, frame: int) -> int:
    """Row of the connection's reset that stands in this frame; -1 where there is none."""
    table, resets = block.connections, block.resets
    at = table.narrow[RESETS_AT * table.capacity + row]
    for reset in range(at, at + table.narrow[RESETS * table.capacity + row]):
        if resets.wide[RESET_FRAME * resets.capacity + reset] == frame:
            return reset
    return -1


def _first_abort(verdict: Verdict, log: list[Segment]) -> int:
    """Log index of the RST that left first, where both sides aborted before they had the other's; else of the one that ended it."""
    first = verdict.fatal
    for marks in verdict.resets:
        reset, earliest = log[marks.index], log[first]
        if (
            marks.index > first
            and marks.acceptable
            and reset.side != earliest.side
            and (_left_ns(verdict, reset) < _left_ns(verdict, earliest))
        ):
            first = marks.index
    return first


def _left_ns(verdict: Verdict, segment: Segment) -> int:
    """When a segment left, on the clock of side 0's segments at the capture point."""
    return segment.time_ns - (verdict.view.skew_ns if segment.side == 1 else 0)


def pattern(verdict: Verdict) -> str:
    """The teardown pattern of a connection that no reset ended."""
    close = verdict.close
    if verdict.ending_unseen:
        return "unknown"
    if verdict.self_connect:
        if not close.fins[0]:
            return "none"
        return "simultaneous" if verdict.stays else "unfinished-close"
    if not close.fins[0] and not close.fins[1]:
        return "none"
    if not close.fins[0] or not close.fins[1]:
        return "half-closed"
    if not (close.acknowledged[0] and close.acknowledged[1]):
        return "unfinished-close"
    return "four-way" if close.second[0] or close.second[1] else "simultaneous"


def first_fin(live: Connection, verdict: Verdict) -> int:
    """Number of the side whose FIN left first; -1 without FINs, or where the capture cannot tell."""
    if verdict.ending_unseen:
        return -1
    log, close = live.log, verdict.close
    one, other = close.first(0), close.first(1)
    if verdict.self_connect:
        return 0 if one >= 0 else -1
    if one < 0 and other < 0:
        return -1
    if one < 0 or other < 0:
        number = 0 if one >= 0 else 1
        silent = live.side(1 - number)
        if verdict.fin_hidden or not (silent.syn_seen or silent.payload_bytes):
            return -1  # its FIN may lie before the capture, or in a gap
        return number
    if close.second[0]:
        return 1
    if close.second[1]:
        return 0
    return _left_first(verdict, log, one, other)


def _left_first(verdict: Verdict, log: list[Segment], one: int, other: int) -> int:
    """The side whose FIN left first, of two that crossed; -1 where they left closer together than the capture point can tell.

    The connection's own handshake says how long each side's segments were on their way, as exactly as round trips are alike.
    Without it the FINs say it as exactly: the one that was captured later left no earlier than half of the time before, which its
    sender's acknowledgement of the other took.
    """
    first, second, opening = log[one], log[other], verdict.opening
    apart_ns = second.time_ns - first.time_ns
    if _shows_legs(opening, log):
        syn, synack, asked, answer = log[opening.last_syn], log[opening.synack], log[opening.ack_of], log[opening.ack]
        to_server_ns, to_client_ns = max(synack.time_ns - syn.time_ns, 0), max(answer.time_ns - asked.time_ns, 0)
        skew_ns = to_server_ns // 2 - to_client_ns // 2  # so much longer the server's segments travelled
        apart_ns += skew_ns if verdict.client else -skew_ns
        unsure_ns = to_server_ns // ALIKE + to_client_ns // ALIKE
    else:
        answered_ns = _answered_ns(log, first, second) if apart_ns > 0 else _answered_ns(log, second, first)
        if answered_ns < 0:
            return -1
        unsure_ns = answered_ns // 2 + answered_ns // ALIKE
    if -unsure_ns <= apart_ns <= unsure_ns:
        return -1
    return 0 if apart_ns > 0 else 1


def _shows_legs(opening: Opening, log: list[Segment]) -> bool:
    """Whether a handshake shows both legs. Data on what acknowledges the SYN/ACK waited for its program."""
    if opening.last_syn < 0 or opening.synack < 0 or opening.ack < 0 or opening.ack_of < 0 or opening.simultaneous:
        return False
    synack, answer = log[opening.synack], log[opening.ack]
    return not answer.payload and not answer.flags & FIN and answer.ack == synack.end


def _answered_ns(log: list[Segment], fin: Segment, later: Segment) -> int:
    """From a FIN to its acknowledgement by the side whose FIN was captured later; MISSING where it was not captured."""
    for segment in log:
        if segment.side == later.side and segment.time_ns >= later.time_ns and segment.flags & ACK and ahead(segment.ack, fin.end) >= 0:
            return segment.time_ns - fin.time_ns
    return MISSING


def _segments(verdict: Verdict, first: int) -> int:
    """4, or 3 where one segment brought the ACK of the first FIN and the second FIN, as the first closer saw it."""
    at_once = verdict.entered(first, FIN_WAIT_2) == verdict.entered(first, TIME_WAIT)
    return 3 if at_once else 4


def _duration_ns(verdict: Verdict, log: list[Segment]) -> int:
    """From the first FIN or RST to the last segment that completes the close; MISSING where that is not (yet) so, or not seen."""
    if verdict.ending_unseen:
        return MISSING
    starts, begin_ns, done_ns = 0, -1, -1
    for number in range(2):
        index = verdict.close.first(number)
        if index >= 0:
            segment = log[index]
            begin_ns = segment.time_ns if not starts else min(begin_ns, segment.time_ns)
            starts += 1
    if verdict.fatal >= 0:
        segment = log[verdict.fatal]
        return max(segment.time_ns - begin_ns, 0) if starts else 0
    if not starts or (starts < 2 and not verdict.self_connect):
        return MISSING
    done = False
    for path in verdict.paths:
        for place in range(1, len(path)):
            step = path[place]
            if step.index >= 0 and step.state_code in (TIME_WAIT, CLOSED):
                segment = log[step.index]
                done_ns = max(done_ns, segment.time_ns) if done else segment.time_ns
                done = True
    return max(done_ns - begin_ns, 0) if done else MISSING
