"""What a rule looks at: the connections in its scope, and the few facts about the capture that it needs beside them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from tcptrace_py.facts.block import OUTCOME
from tcptrace_py.facts.store import Connections
from tcptrace_py.facts.views import connection
from tcptrace_py.model.results import profiles_of
from tcptrace_py.model.vocabulary import Outcome

from .rows import Mask, Rows, neither, picked

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tcptrace_py.model.results import Analysis, CaptureInfo, Connection, PortBudget

    from .scope import Scope


@dataclass(frozen=True)
class Facts:
    """An analysis seen through a scope. Rules read it as often as they like and change nothing.

    Raises TypeError for an analysis whose connections are not kept as tables.
    """

    analysis: Analysis
    scope: Scope

    @property
    def capture(self) -> CaptureInfo:
        """What was read, all of it: quality has no scope."""
        return self.analysis.capture

    @property
    def end_ns(self) -> int:
        """Time up to which it is known that nothing more happened."""
        return self.analysis.capture.end_ns or 0

    def withholds_times(self, *because: str) -> bool:
        """Whether the capture cannot tell how long anything but a handshake took; for one of these problems, where any is given."""
        return any(row.what == "times" and (not because or row.because in because) for row in self.analysis.withheld)

    @property
    def store(self) -> Connections:
        """Where the connections are kept."""
        if not isinstance(self.analysis.connections, Connections):
            raise TypeError("the connections of this analysis are not kept as tables")
        return self.analysis.connections

    def rows(self) -> Iterator[Rows]:
        """The connections, block by block, with those in scope as the `chosen` ones of each."""
        return (Rows(block, self.scope, self.analysis.capture.start_ns) for block in self.store.blocks())

    @cached_property
    def count(self) -> int:
        """How many connections are in scope."""
        return len(self.store) if self.scope.takes_all else sum(rows.chosen.count(1) for rows in self.rows())

    @cached_property
    def ports(self) -> Sequence[PortBudget]:
        """Local ports that the connections in scope hold."""
        if self.scope.takes_all:
            return self.analysis.ports
        from tcptrace_py.pipeline import budgets_of  # noqa: PLC0415 - long to import, and seldom needed

        return budgets_of(self._connections(), profiles_of(self.analysis.profiles), self.end_ns)

    def _connections(self) -> Iterator[Connection]:
        return (connection(rows.block, row) for rows in self.rows() for row in picked(rows.chosen))


def captured(rows: Rows) -> Mask:
    """Connections whose handshake is in the capture."""
    return neither(rows.are(OUTCOME, Outcome.NOT_CAPTURED))


def concluded(rows: Rows) -> Mask:
    """Those of them that were not in flight when the capture ended."""
    return neither(rows.are(OUTCOME, Outcome.NOT_CAPTURED, Outcome.IN_PROGRESS))


def in_progress(rows: Rows) -> Mask:
    """Connections whose handshake was in flight when the capture ended."""
    return rows.are(OUTCOME, Outcome.IN_PROGRESS)


def established(rows: Rows) -> Mask:
    """Connections that were open at some time, as far as can be known."""
    return rows.are(OUTCOME, Outcome.COMPLETED, Outcome.NOT_CAPTURED)
