"""Stays in TIME_WAIT with their times: how long each lasted under the owner's profile, and how it ended."""

from tcptrace_py.model.clock import NEVER_NS
from tcptrace_py.model.live import Connection
from tcptrace_py.model.state import State
from tcptrace_py.model.verdict import StayMarks, Verdict
from tcptrace_py.model.vocabulary import EndedBy

from .block import (
    STAY_BASIS,
    STAY_ENDED,
    STAY_ENDED_BY,
    STAY_ENTERED,
    STAY_EXPIRES,
    STAY_RESTARTS,
    STAY_SIDE,
    STAYS_AT,
    Block,
)
from .table import MISSING

EXPIRED, REUSED, KILLED, CAPTURE_END = range(len(EndedBy))  # how a stay ends: the numbers of these words
CLOSED = State.CLOSED


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


def write_stays(
    block: Block, live: Connection, verdict: Verdict, lengths_ns: tuple[int, int], immune: tuple[bool, bool], end_ns: int
) -> None:
    """Write the connection's stays into the block, the client's first.

    `lengths_ns`: TIME_WAIT of client and server; `immune`: no RST ends it there.
    """
    for role in range(2):
        for marks in verdict.stays:
            if (marks.side != verdict.client) == role:
                _write(block, live, verdict, marks, role, lengths_ns[role], immune[role], end_ns)


def _write(
    block: Block, live: Connection, verdict: Verdict, marks: StayMarks, role: int, length_ns: int, immune: bool, end_ns: int
) -> None:
    log, path = live.log, verdict.paths[marks.side]
    segment = log[marks.entered]
    entered_ns = segment.time_ns
    for step in path:  # far from a side a receipt may be captured before what proves the state before it
        if step.index >= 0:
            segment = log[step.index]
            entered_ns = max(entered_ns, segment.time_ns)
    expires_ns = entered_ns + length_ns
    restarts = 0
    killed_ns = reused_ns = NEVER_NS
    if marks.killed >= 0 and not immune:
        segment = log[marks.killed]
        killed_ns = segment.time_ns
    for index in marks.restarts:
        segment = log[index]
        if segment.time_ns <= expires_ns and (killed_ns == NEVER_NS or index < marks.killed):
            expires_ns = max(segment.time_ns + length_ns, expires_ns)
            restarts += 1
    reused_by = live.reused_by
    if reused_by is not None:
        reused_ns = reused_by.start_ns
    how = how_it_ends(expires_ns, killed_ns, reused_ns)
    ended_ns = end_of_stay(entered_ns, expires_ns, killed_ns, reused_ns)
    if how == EXPIRED and expires_ns > end_ns:
        how, ended_ns = CAPTURE_END, MISSING
    table = block.stays
    row = table.row()
    wide, small, size = table.wide, table.small, table.capacity
    wide[STAY_ENTERED * size + row], wide[STAY_EXPIRES * size + row], wide[STAY_ENDED * size + row] = entered_ns, expires_ns, ended_ns
    table.narrow[STAY_RESTARTS * size + row] = restarts
    small[STAY_SIDE * size + row], small[STAY_BASIS * size + row], small[STAY_ENDED_BY * size + row] = role, marks.basis_code, how


def until_ns(block: Block, stay: int) -> int:
    """When a stay ended, or would: one that outlives the capture ends as its profile says."""
    table = block.stays
    ended_ns = table.wide[STAY_ENDED * table.capacity + stay]
    return table.wide[STAY_EXPIRES * table.capacity + stay] if ended_ns == MISSING else ended_ns


def released_ns(block: Block, row: int, live: Connection, verdict: Verdict, gave_up_ns: int) -> int:
    """When the client's port of a connection, whose stays are written, was free again; MISSING if, as far as captured, it was not.

    `gave_up_ns`: when the client gave up (`timers.gives_up_ns`).
    """
    at = block.connections.narrow[STAYS_AT * block.connections.capacity + row]
    for stay in range(at, block.stays.count):
        if block.stays.small[STAY_SIDE * block.stays.capacity + stay] == 0:
            return until_ns(block, stay)
    if gave_up_ns not in (MISSING, NEVER_NS):
        return gave_up_ns
    path, latest_ns = verdict.paths[verdict.client], live.start_ns
    last = path[len(path) - 1]
    if last.state_code != CLOSED or last.index < 0:
        return MISSING
    for step in path:
        if step.index >= 0:
            segment = live.log[step.index]
            latest_ns = max(latest_ns, segment.time_ns)
    return latest_ns
