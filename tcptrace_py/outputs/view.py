"""What a reader asked to see of an analysis: never what is counted, only what is listed and how."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tcptrace_py.model.trouble import trouble_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tcptrace_py.model.digest import Digest
    from tcptrace_py.model.results import Analysis, Connection, Reset

SHOWS = ("connections", "hosts", "handshakes", "teardowns", "time-wait", "problems")
EXTENTS = ("all", "notable", "none")


@dataclass(frozen=True, slots=True)
class View:
    """Filters (an empty one lets everything through), the view and its extent, and the page it is printed on.

    `show` is one of SHOWS, or None for the overview; `extent` one of EXTENTS; `limit` the most rows of a list (None:
    what suits the view); `width` the columns of the page; `picture` how curves are drawn: bars, curve or none; `selected`
    the options that chose what was analysed at all, as text.
    """

    show: str | None = None
    extent: str = "all"
    limit: int | None = None
    outcomes: frozenset[str] = frozenset()
    patterns: frozenset[str] = frozenset()
    states: frozenset[str] = frozenset()
    final_states: frozenset[str] = frozenset()
    reset_by: frozenset[str] = frozenset()
    causes: frozenset[str] = frozenset()
    streams: frozenset[int] = frozenset()
    width: int = 80
    colour: bool = False
    picture: str = "bars"
    selected: str = ""

    @property
    def filtered(self) -> bool:
        """Whether some connections are left out of the lists."""
        return bool(self.outcomes or self.patterns or self.states or self.final_states or self.reset_by or self.causes or self.streams)

    def picks(self, connection: Connection) -> bool:
        """Whether a connection passes the filters; `extent` is asked elsewhere."""
        if self.streams and connection.stream not in self.streams:
            return False
        if self.patterns and connection.teardown.pattern not in self.patterns:
            return False
        if self.outcomes and connection.handshake.outcome not in self.outcomes:
            return False
        if (self.reset_by or self.causes) and not any(self._picks_reset(reset) for reset in connection.resets):
            return False
        sides = [side for side in (connection.client_side, connection.server_side) if side is not None]
        if self.final_states and not any(side.final_state_name in self.final_states for side in sides):
            return False
        return not self.states or any(name in self.states for side in sides for name in side.path.split())

    def _picks_reset(self, reset: Reset) -> bool:
        """Whether one reset is of the senders and the causes that are asked for."""
        return (not self.reset_by or reset.by in self.reset_by) and (not self.causes or reset.cause in self.causes)

    def digest(self, analysis: Analysis, slowest: int) -> Digest:
        """Digest of the connections that pass the filters; the one made on the way where that is all of them."""
        from tcptrace_py.model.digest import Digest  # noqa: PLC0415 - a view is made before it is known that there is anything to see

        ready = analysis.digest
        if ready is not None and not self.filtered and ready.most_slow >= slowest:
            return ready
        return Digest.of(self.chosen(analysis), slowest=slowest)

    def chosen(self, analysis: Analysis) -> Iterator[Connection]:
        """Yield connections that pass the filters, in the analysis' order."""
        if not self.filtered:
            return iter(analysis.connections)
        return (connection for connection in analysis.connections if self.picks(connection))

    def listed(self, analysis: Analysis) -> Iterator[Connection]:
        """Yield connections that a document lists: those chosen, within `extent`."""
        if self.extent == "none":
            return iter(())
        chosen = self.chosen(analysis)
        if self.extent == "all":
            return chosen
        return (connection for connection in chosen if trouble_of(connection) is not None)
