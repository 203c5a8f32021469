"""How a connection ended: pattern, who closed first, how long it took."""

from tcptrace_py.model.live import Connection, Segment
from tcptrace_py.model.state import State
from tcptrace_py.model.verdict import Verdict
from tcptrace_py.model.vocabulary import Pattern, numbers

from .block import CENSORED, CLOSE, ENDING_RESET, FIRST_FIN, PATTERN, RESET_FRAME, RESETS, RESETS_AT, SEGMENTS, Block
from .table import MISSING

PATTERNS = numbers(Pattern)
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
    return 0 if _left_ns(verdict, log[one]) <= _left_ns(verdict, log[other]) else 1


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
