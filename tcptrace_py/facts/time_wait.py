"""Stays in TIME_WAIT with their times: how long each lasted under the owner's profile, and how it ended."""

from tcptrace_py.model.live import Connection
from tcptrace_py.model.results import Stay
from tcptrace_py.model.verdict import StayMarks, Verdict


def stays(live: Connection, verdict: Verdict, lengths_ns: tuple[int, int], end_ns: int) -> list[Stay]:
    """The connection's stays, the client's first. `lengths_ns`: TIME_WAIT of client and server."""
    found = sorted(verdict.stays, key=lambda marks: marks.side != verdict.client)
    return [_stay(live, verdict, marks, lengths_ns[0 if marks.side == verdict.client else 1], end_ns) for marks in found]


def _stay(live: Connection, verdict: Verdict, marks: StayMarks, length_ns: int, end_ns: int) -> Stay:
    log = live.log
    entered = max(log[step.index].time_ns for step in verdict.paths[marks.side] if step.index >= 0)
    expires = entered + length_ns
    restarts = 0
    for index in marks.restarts:
        if log[index].time_ns <= expires:
            expires = max(log[index].time_ns + length_ns, expires)
            restarts += 1
    ended, how = None, "capture-end"
    if marks.killed >= 0 and log[marks.killed].time_ns <= expires:
        ended, how = max(log[marks.killed].time_ns, entered), "killed"
    elif live.reused_by is not None and live.reused_by.start_ns <= expires:
        # Its first SYN may have come before: it was refused then, and taken when it came again.
        ended, how = max(live.reused_by.start_ns, entered), "reused"
    elif expires <= end_ns:
        ended, how = expires, "expired"
    name = "client" if marks.side == verdict.client else "server"
    return Stay(name, entered, marks.basis, expires, restarts, ended, how, ended is None)
