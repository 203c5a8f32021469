"""One connection in the few facts that everything which adds up is made of.

A textbook connection needs no description: the outline of the first one that went the same way holds what the order of
segments decides, and its own log holds the times.
"""

from typing import TYPE_CHECKING

from tcptrace_py.model.clock import SECOND_NS
from tcptrace_py.model.live import Connection as Live
from tcptrace_py.model.results import Connection, Stay
from tcptrace_py.model.state import State
from tcptrace_py.model.trouble import trouble_of
from tcptrace_py.model.verdict import Verdict

from .levels import NEVER_NS

if TYPE_CHECKING:
    from tcptrace_py.facts.writing import Shape

    from .percentiles import Values

STAYS_WITHIN_NS = 20 * SECOND_NS  # what of a stay lies longer before its connection's last segment is told as early (Levels)
EXPIRED, REUSED, KILLED, LEFT = 0, 1, 2, 3  # how a stay ended; LEFT: cut off by the capture's end
HOW = {"expired": EXPIRED, "reused": REUSED, "killed": KILLED, "capture-end": LEFT}


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

    `announced` is the kind under which its port was counted as held when the connection was old already, or -1.
    """

    __slots__ = ("announced", "cause", "earliest_ns", "first_fin", "outcome", "pattern", "released_ns", "start_ns", "stays", "total_ns",
                 "vantage")

    def __init__(self, live: Live) -> None:
        self.announced = live.announced
        self.start_ns = live.start_ns
        self.earliest_ns = live.end_ns - STAYS_WITHIN_NS
        self.outcome = ""
        self.pattern = ""
        self.cause: str | None = None
        self.vantage = "unknown"
        self.first_fin = -1
        self.total_ns = -1
        self.released_ns = NEVER_NS
        self.stays: list[StayFacts] = []


NEVER_OPENED = ("refused", "unanswered")


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


def from_row(live: Live, row: Connection) -> Facts:
    """Facts of a described connection."""
    facts = Facts(live)
    facts.outcome, facts.pattern = row.handshake.outcome, row.teardown.pattern
    facts.cause = row.teardown.reset.cause if row.teardown.reset is not None else None
    facts.vantage = row.vantage or "unknown"
    facts.first_fin = ("client", "server").index(row.teardown.first_fin) if row.teardown.first_fin else -1
    if row.handshake.total_ns is not None:
        facts.total_ns = row.handshake.total_ns
    for stay in row.time_wait:
        end_ns = stay_end_ns(stay)
        facts.stays.append(StayFacts(stay.side == "server", stay.entered_ns, end_ns, HOW[stay.ended_by], stay.restarts > 0))
        if stay.side == "client":
            facts.released_ns = end_ns
    last = row.client_side.states[-1]
    if facts.released_ns == NEVER_NS and last.state == State.CLOSED and last.at_ns is not None:
        facts.released_ns = max(last.at_ns, row.start_ns)
    return facts


def stay_end_ns(stay: Stay) -> int:
    """When a stay ends or would: one that outlives the capture ends as its profile says."""
    return stay.ended_at_ns if stay.ended_at_ns is not None else stay.expires_ns
