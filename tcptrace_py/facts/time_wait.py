"""Stays in TIME_WAIT with their times: how long each lasted under the owner's profile, and how it ended."""

from tcptrace_py.model.clock import NEVER_NS
from tcptrace_py.model.live import Connection
from tcptrace_py.model.results import Stay
from tcptrace_py.model.verdict import StayMarks, Verdict

EXPIRED, REUSED, KILLED = 0, 1, 2  # how a stay ends, if nothing more comes
WORDS = ("expired", "reused", "killed")


def how_it_ends(expires_ns: int, killed_ns: int, reused_ns: int) -> int:
    """How a stay ends that a RST meets at `killed_ns` and a new SYN at `reused_ns` (NEVER_NS: none does)."""
    if killed_ns <= expires_ns:
        return KILLED
    return REUSED if reused_ns <= expires_ns else EXPIRED


def end_of_stay(entered_ns: int, expires_ns: int, killed_ns: int, reused_ns: int) -> int:
    """When it ends. The SYN may have come before it was entered: it was refused then, and taken when it came again."""
    how = how_it_ends(expires_ns, killed_ns, reused_ns)
    if how == EXPIRED:
        return expires_ns
    return max(killed_ns if how == KILLED else reused_ns, entered_ns)


def stays(live: Connection, verdict: Verdict, lengths_ns: tuple[int, int], end_ns: int) -> list[Stay]:
    """The connection's stays, the client's first. `lengths_ns`: TIME_WAIT of client and server."""
    client = [_stay(live, verdict, marks, lengths_ns[0], end_ns) for marks in verdict.stays if marks.side == verdict.client]
    server = [_stay(live, verdict, marks, lengths_ns[1], end_ns) for marks in verdict.stays if marks.side != verdict.client]
    return client + server


def _stay(live: Connection, verdict: Verdict, marks: StayMarks, length_ns: int, end_ns: int) -> Stay:
    log, path = live.log, verdict.paths[marks.side]
    segment = log[marks.entered]
    entered = segment.time_ns
    for step in path:  # far from a side a receipt may be captured before what proves the state before it
        if step.index >= 0:
            segment = log[step.index]
            entered = max(entered, segment.time_ns)
    expires = entered + length_ns
    restarts = 0
    for index in marks.restarts:
        segment = log[index]
        if segment.time_ns <= expires:
            expires = max(segment.time_ns + length_ns, expires)
            restarts += 1
    killed = reused = NEVER_NS
    if marks.killed >= 0:
        segment = log[marks.killed]
        killed = segment.time_ns
    reused_by = live.reused_by
    if reused_by is not None:
        reused = reused_by.start_ns
    how = how_it_ends(expires, killed, reused)
    name = "client" if marks.side == verdict.client else "server"
    if how == EXPIRED and expires > end_ns:
        return Stay(name, entered, marks.basis, expires, restarts, None, "capture-end", True)
    return Stay(name, entered, marks.basis, expires, restarts, end_of_stay(entered, expires, killed, reused), WORDS[how], False)
