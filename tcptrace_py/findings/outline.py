"""What all textbook connections of one signature have in common: what the order of their segments decides.

Such a connection needs no description: the outline of the first one that went the same way serves for it, and its own log
holds the times.
"""

from array import array
from typing import TYPE_CHECKING

from tcptrace_py.facts.block import CENSORED, FIRST_FIN, HANDSHAKE, OUTCOME, PATTERN, VANTAGE, Block
from tcptrace_py.facts.resets import ending_cause
from tcptrace_py.facts.table import MISSING
from tcptrace_py.facts.views import connection
from tcptrace_py.model.clock import SECOND_NS
from tcptrace_py.model.live import Connection as Live
from tcptrace_py.model.live import begins_with_syn, client_of
from tcptrace_py.model.segments import local_port
from tcptrace_py.model.state import State
from tcptrace_py.model.trouble import trouble_of
from tcptrace_py.model.verdict import Verdict

from .occupancy import ANY_PORT

if TYPE_CHECKING:
    from tcptrace_py.facts.writing import Shape

    from .percentiles import Values

NEVER_OPENED = ("refused", "unanswered")
COUNTED = -2  # in the place of the kind under which a port was counted as held: all of it was
IDLE_CLOSE_NS = SECOND_NS  # who closes after so long without data closes because nothing came


def port_to_count(live: Live) -> int:
    """The client's port, if the capture shows when it was taken; else ANY_PORT: when it was first seen says nothing."""
    return local_port(live.side(client_of(live)).key) if begins_with_syn(live) else ANY_PORT


class Outline:
    """What a textbook connection's signature decides: everything but addresses and times. Words are numbers, -1: none."""

    __slots__ = (
        "ack",
        "alike",
        "cause",
        "censored",
        "client",
        "client_stay",
        "client_tail",
        "count",
        "fins",
        "first_fin",
        "first_syn",
        "latencies",
        "outcome",
        "pattern",
        "server_stay",
        "shape",
        "trouble",
        "vantage",
    )

    def __init__(self, block: Block, row: int, verdict: Verdict) -> None:
        table, opening, first = block.connections, verdict.opening, connection(block, row)
        small, size = table.small, table.capacity
        self.count = 0  # connections that it served for
        self.shape: Shape | None = None  # what their rows have in common
        self.latencies: Values | None = None  # where their handshakes' times are added up
        self.client = verdict.client
        self.outcome, self.pattern = small[OUTCOME * size + row], small[PATTERN * size + row]
        self.censored = small[CENSORED * size + row] != 0
        self.vantage, self.first_fin = small[VANTAGE * size + row], small[FIRST_FIN * size + row]
        timed = table.wide[HANDSHAKE * size + row] != MISSING and opening.first_syn >= 0 and opening.ack >= 0
        self.first_syn = opening.first_syn if timed else -1
        self.ack = opening.ack
        self.fins = array("i", [min(copies) for copies in verdict.close.fins if copies])  # log indices
        # Log indices at which the client's and the server's stays in TIME_WAIT begin; -1: it has none.
        entries = {marks.side: _latest(verdict, marks.side) for marks in verdict.stays}
        self.client_stay = entries.get(verdict.client, -1)
        self.server_stay = entries.get(1 - verdict.client, -1)
        # A port is free again when its side is CLOSED; behind TIME_WAIT the stay's end says when.
        path = verdict.paths[verdict.client]
        self.client_tail = path[-1].index if path[-1].state == State.CLOSED else -1
        self.cause = ending_cause(block, row)
        self.trouble = trouble_of(first)
        # Only what can be said of all alike, and only what does not hang on which FIN was stamped first.
        self.alike = (
            (self.trouble is None or self.trouble.code in NEVER_OPENED)
            and not first.anomalies
            and (first.teardown.pattern != "simultaneous" and first.handshake.kind != "simultaneous")
            and all(not marks.restarts and marks.killed < 0 for marks in verdict.stays)
        )


def _latest(verdict: Verdict, number: int) -> int:
    """Log index of the latest segment on a path: a path's times never decrease."""
    return max(step.index for step in verdict.paths[number])
