"""How a connection ended: pattern, who closed first, how long it took."""

from tcptrace_py.model.live import Connection, Segment
from tcptrace_py.model.results import Reset, Teardown
from tcptrace_py.model.state import State
from tcptrace_py.model.verdict import Verdict

SIDES = ("client", "server")


def teardown(live: Connection, verdict: Verdict, resets: list[Reset]) -> Teardown:
    """The close of a connection. `resets` are all its resets, as `findings.resets` judged them."""
    log = live.log
    first = first_fin(live, verdict)
    name = None if first is None else SIDES[0 if first == verdict.client else 1]
    if verdict.fatal >= 0:
        frame = log[_first_abort(verdict, log)].frame
        reset = next((r for r in resets if r.frame == frame), None)
        return Teardown("rst", None, name, _duration(verdict, log), reset)
    how = pattern(verdict)
    segments = _segments(verdict, first) if how == "four-way" and first is not None else None
    return Teardown(how, segments, name, _duration(verdict, log), None)


def _first_abort(verdict: Verdict, log: list[Segment]) -> int:
    """Log index of the RST that left first, where both sides aborted before they had the other's; else of the one that ended it."""

    def left(index: int) -> int:
        return log[index].time_ns - (verdict.view.skew_ns if log[index].side == 1 else 0)

    first = verdict.fatal
    for marks in verdict.resets:
        reset = log[marks.index]
        if marks.acceptable and reset.side != log[first].side and left(marks.index) < left(first):
            first = marks.index
    return first


def pattern(verdict: Verdict) -> str:
    """The teardown pattern of a connection that no reset ended."""
    close = verdict.close
    if verdict.self_connect:
        if not close.fins[0]:
            return "none"
        return "simultaneous" if verdict.stays else "unfinished-close"
    if not close.fins[0] and not close.fins[1]:
        return "none"
    if not close.fins[0] or not close.fins[1]:
        return "half-closed"
    if not all(close.acknowledged):
        return "unfinished-close"
    return "four-way" if any(close.second) else "simultaneous"


def first_fin(live: Connection, verdict: Verdict) -> int | None:
    """Number of the side whose FIN left first; None without FINs, or where the other's may lie before the capture."""
    fins, log = verdict.close.fins, live.log
    present = [number for number in (0, 1) if fins[number]]
    if verdict.self_connect:
        return 0 if fins[0] else None
    if not present:
        return None
    if len(present) == 1:
        silent = live.side(1 - present[0])
        return None if verdict.midstream and not silent.last_data_ns else present[0]
    for number in (0, 1):
        if verdict.close.second[number]:
            return 1 - number
    left = [log[min(fins[number])].time_ns for number in (0, 1)]
    return 0 if left[0] <= left[1] - verdict.view.skew_ns else 1


def _segments(verdict: Verdict, first: int) -> int:
    """4, or 3 where one segment brought the ACK of the first FIN and the second FIN, as the first closer saw it."""
    at_once = verdict.entered(first, State.FIN_WAIT_2) == verdict.entered(first, State.TIME_WAIT)
    return 3 if at_once else 4


def _duration(verdict: Verdict, log: list[Segment]) -> int | None:
    """From the first FIN or RST to the last segment that completes the close, in ns; None where that is not (yet) so."""
    starts = [min(copies) for copies in verdict.close.fins if copies]
    if verdict.fatal >= 0:
        begin = min(log[i].time_ns for i in (*starts, verdict.fatal))
        return max(log[verdict.fatal].time_ns - begin, 0)
    if not starts or (len(starts) < 2 and not verdict.self_connect):
        return None
    done = [log[step.index].time_ns for path in verdict.paths for step in path[1:]
            if step.index >= 0 and step.state in (State.TIME_WAIT, State.CLOSED)]
    return max(max(done) - min(log[i].time_ns for i in starts), 0) if done else None
