"""One connection in the few facts that everything which adds up is made of.

A textbook connection needs no description: the outline of the first one that went the same way holds what the order of
segments decides, and its own log holds the times.
"""

from typing import TYPE_CHECKING

from tcptrace_py.facts.time_wait import EXPIRED, KILLED, REUSED
from tcptrace_py.model.clock import NEVER_NS, SECOND_NS
from tcptrace_py.model.live import Connection as Live
from tcptrace_py.model.live import begins_with_syn, client_of
from tcptrace_py.model.results import Connection
from tcptrace_py.model.segments import local_port
from tcptrace_py.model.state import State
from tcptrace_py.model.trouble import trouble_of
from tcptrace_py.model.verdict import Verdict

from .occupancy import ANY_PORT

if TYPE_CHECKING:
    from tcptrace_py.facts.writing import Shape

    from .percentiles import Values

STAYS_WITHIN_NS = 20 * SECOND_NS  # what of a stay lies longer before its connection's last segment is told as early (Occupancy)
HOW = {"expired": EXPIRED, "reused": REUSED, "killed": KILLED, "capture-end": EXPIRED}


class StayFacts:
    """A stay in TIME_WAIT: whose, from when to when (ns; what outlives the capture ends as its profile says)."""

    __slots__ = ("by_server", "end_ns", "entered_ns", "how", "restarted")

    def __init__(self, by_server: bool, entered_ns: int, end_ns: int, how: int, restarted: bool) -> None:
        self.by_server = by_server
        self.entered_ns = entered_ns
        self.end_ns = end_ns
        self.how = how
        self.restarted = restarted


class Facts:
    """What is counted of one connection. `total_ns` is -1 where the handshake has no time; `first_fin` 0 client, 1 server, -1.

    `announced` is the kind (of `Occupancy`) under which its port was counted as held when the connection was old already, or
    -1; COUNTED: all of it was counted before. `port` is the client's, ANY_PORT where the capture began later than it.
    """

    __slots__ = ("announced", "cause", "earliest_ns", "first_fin", "outcome", "pattern", "port", "released_ns", "start_ns", "stays",
                 "total_ns", "vantage")

    def __init__(self, start_ns: int, end_ns: int, port: int, announced: int = -1) -> None:
        self.announced = announced
        self.port = port
        self.start_ns = start_ns
        self.earliest_ns = end_ns - STAYS_WITHIN_NS
        self.outcome = ""
        self.pattern = ""
        self.cause: str | None = None
        self.vantage = "unknown"
        self.first_fin = -1
        self.total_ns = -1
        self.released_ns = NEVER_NS
        self.stays: list[StayFacts] = []


NEVER_OPENED = ("refused", "unanswered")
COUNTED = -2


def port_to_count(live: Live) -> int:
    """The client's port, if the capture shows when it was taken; else ANY_PORT: when it was first seen says nothing."""
    return local_port(live.side(client_of(live)).key) if begins_with_syn(live) else ANY_PORT


class Outline:
    """What a textbook connection's signature decides: everything but addresses and times."""

    __slots__ = ("ack", "alike", "cause", "client", "client_stay", "client_tail", "count", "first_fin", "first_syn", "latencies",
                 "outcome", "pattern", "server_stay", "shape", "trouble", "vantage")

    def __init__(self, row: Connection, verdict: Verdict) -> None:
        opening = verdict.opening
        self.count = 0  # connections that it served for
        self.shape: Shape | None = None  # what their rows have in common
        self.latencies: Values | None = None  # where their handshakes' times are added up
        self.client = verdict.client
        self.outcome = row.handshake.outcome
        self.pattern = row.teardown.pattern
        self.vantage = row.vantage or "unknown"
        self.first_fin = ("client", "server").index(row.teardown.first_fin) if row.teardown.first_fin else -1
        timed = row.handshake.total_ns is not None and opening.first_syn >= 0 and opening.ack >= 0
        self.first_syn = opening.first_syn if timed else -1
        self.ack = opening.ack
        # Log indices at which the client's and the server's stays in TIME_WAIT begin; -1: it has none.
        entries = {marks.side: _latest(verdict, marks.side) for marks in verdict.stays}
        self.client_stay = entries.get(verdict.client, -1)
        self.server_stay = entries.get(1 - verdict.client, -1)
        # A port is free again when its side is CLOSED; behind TIME_WAIT the stay's end says when.
        path = verdict.paths[verdict.client]
        self.client_tail = path[-1].index if path[-1].state == State.CLOSED else -1
        self.cause = row.teardown.reset.cause if row.teardown.reset is not None else None
        self.trouble = trouble_of(row)
        # Only what can be said of all alike, and only what does not hang on which FIN was stamped first.
        self.alike = (self.trouble is None or self.trouble.code in NEVER_OPENED) and not row.anomalies and (
            row.teardown.pattern != "simultaneous" and row.handshake.kind != "simultaneous") and all(
            not marks.restarts and marks.killed < 0 for marks in verdict.stays)


def _latest(verdict: Verdict, number: int) -> int:
    """Log index of the latest segment on a path: a path's times never decrease."""
    return max(step.index for step in verdict.paths[number])


def from_row(row: Connection, port: int, announced: int = -1) -> Facts:
    """Facts of a described connection; for `port` and `announced` see there."""
    facts = Facts(row.start_ns, row.end_ns, port, announced)
    facts.outcome, facts.pattern = row.handshake.outcome, row.teardown.pattern
    facts.cause = row.teardown.reset.cause if row.teardown.reset is not None else None
    facts.vantage = row.vantage or "unknown"
    facts.first_fin = ("client", "server").index(row.teardown.first_fin) if row.teardown.first_fin else -1
    if row.handshake.total_ns is not None:
        facts.total_ns = row.handshake.total_ns
    for stay in row.time_wait:
        facts.stays.append(StayFacts(stay.side == "server", stay.entered_ns, stay.until_ns, HOW[stay.ended_by], stay.restarts > 0))
    facts.released_ns = row.port_released_ns
    return facts
