"""What a rule looks at: the connections in its scope, and the few facts about the capture that it needs beside them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from tcptrace_py.model.results import profiles_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from tcptrace_py.model.results import Analysis, CaptureInfo, Connection, PortBudget, Side, Stay
    from tcptrace_py.model.state import State

    from .scope import Scope


@dataclass(frozen=True)
class Facts:
    """An analysis seen through a scope. Rules read it as often as they like and change nothing."""

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

    @cached_property
    def connections(self) -> Iterable[Connection]:
        """The connections in scope; they can be iterated as often as needed."""
        if self.scope.takes_all:
            return self.analysis.connections
        start_ns = self.analysis.capture.start_ns
        return [connection for connection in self.analysis.connections if self.scope.takes(connection, start_ns)]

    @cached_property
    def ports(self) -> Sequence[PortBudget]:
        """Local ports that the connections in scope hold."""
        if self.scope.takes_all:
            return self.analysis.ports
        from tcptrace_py.pipeline import budgets_of  # noqa: PLC0415 - long to import, and seldom needed

        return budgets_of(self.connections, profiles_of(self.analysis.profiles), self.end_ns)

    def sides(self, connection: Connection) -> Iterator[tuple[str, Side]]:
        """The sides of a connection whose own behaviour is looked at, with their roles."""
        for role, side, end in (
            ("client", connection.client_side, connection.client),
            ("server", connection.server_side, connection.server),
        ):
            if side is not None and self.scope.looks_at(role, end.address):
                yield role, side

    def stays(self, connection: Connection) -> Iterator[Stay]:
        """The stays in TIME_WAIT that are looked at."""
        if self.scope.looks_at_all:
            return iter(connection.time_wait)
        looked_at = {role for role, _ in self.sides(connection)}
        return (stay for stay in connection.time_wait if stay.side in looked_at)


def established(connection: Connection) -> bool:
    """Whether a connection was open at some time, as far as can be known."""
    return connection.handshake.outcome in ("completed", "not-captured")


def durations_ns(side: Side, state: State, end_ns: int) -> Iterator[int]:
    """How long a side stayed in a state, each time; up to the capture's end if it was still there."""
    if state.name not in side.path.split():
        return
    steps = side.steps
    for (entered, at_ns, *_), following in zip(steps, (*steps[1:], None), strict=True):
        if entered != state or at_ns is None:
            continue
        until_ns = end_ns if following is None else following[1]
        if until_ns is not None:
            yield until_ns - at_ns
