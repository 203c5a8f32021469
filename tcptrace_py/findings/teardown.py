"""How a connection ended: pattern, who closed first, how long it took."""

from ..model.results import Reset, Teardown
from ..model.state import State
from ..states.evidence import NOWHERE
from ..states.replay import Replay

SIDES = ("client", "server")


def teardown(replay: Replay, resets: list[Reset]) -> Teardown:
    """The close of a connection. `resets` are all its resets, as `findings.resets` judged them."""
    evidence = replay.evidence
    fatal = evidence.fatal
    first = _first_fin(replay)
    name = None if first is None else SIDES[0 if first == replay.client else 1]
    if fatal >= 0:
        frame = evidence.log[fatal].frame
        reset = next((r for r in resets if r.frame == frame), None)
        return Teardown("rst", None, name, _duration(replay), reset)
    pattern = _pattern(replay)
    segments = _segments(replay, first) if pattern == "four-way" and first is not None else None
    return Teardown(pattern, segments, name, _duration(replay), None)


def _pattern(replay: Replay) -> str:
    evidence = replay.evidence
    fins = evidence.fins
    if evidence.connection.self_connect:
        if not fins[0]:
            return "none"
        return "simultaneous" if any(s.state == State.TIME_WAIT for s in replay.paths[0]) else "unfinished-close"
    if not fins[0] and not fins[1]:
        return "none"
    if not fins[0] or not fins[1]:
        return "half-closed"
    acknowledged = [_was_acknowledged(replay, number) for number in (0, 1)]
    if not all(acknowledged):
        return "unfinished-close"
    if evidence.closed_second(0) or evidence.closed_second(1):
        return "four-way"
    return "simultaneous"


def _was_acknowledged(replay: Replay, number: int) -> bool:
    evidence = replay.evidence
    return any(evidence.covers(evidence.log[i], number) for i in evidence.indices[1 - number])


def _first_fin(replay: Replay) -> int | None:
    """Number of the side whose FIN left first; None without FINs, or where the other's may lie before the capture."""
    evidence = replay.evidence
    fins = evidence.fins
    if evidence.connection.self_connect:
        return 0 if fins[0] else None
    present = [number for number in (0, 1) if fins[number]]
    if not present:
        return None
    if len(present) == 1:
        number = present[0]
        silent = evidence.connection.side(1 - number)
        if replay.midstream and not silent.last_data_ns:
            return None
        return number
    for number in (0, 1):
        if evidence.closed_second(number):
            return 1 - number
    left = [evidence.time(min(fins[number])) for number in (0, 1)]
    return 0 if left[0] <= left[1] + evidence.view.skew_ns else 1


def _segments(replay: Replay, first: int) -> int:
    """4, or 3 where one segment brought the ACK of the first FIN and the second FIN, as the first closer saw it."""
    path = replay.paths[first]
    at = {item.state: item.index for item in path}
    return 3 if at.get(State.FIN_WAIT_2, NOWHERE) == _fin_arrival(replay, first) else 4


def _fin_arrival(replay: Replay, first: int) -> int:
    return replay.evidence.fin_taken(1 - first)


def _duration(replay: Replay) -> int | None:
    """From the first FIN or RST to the last segment that completes the close, in ns; None without either."""
    evidence = replay.evidence
    starts = [min(f) for f in evidence.fins if f]
    if evidence.fatal >= 0:
        starts.append(evidence.fatal)
    if not starts:
        return None
    begin = min(evidence.time(i) for i in starts)
    if evidence.fatal >= 0:
        return max(evidence.time(evidence.fatal) - begin, 0)
    done = [evidence.time(item.index) for path in replay.paths.values() for item in path
            if item.index >= 0 and item.state in (State.TIME_WAIT, State.CLOSED)]
    if len([f for f in evidence.fins if f]) < 2 and not evidence.connection.self_connect:
        return None
    return max(max(done) - begin, 0) if done else None
