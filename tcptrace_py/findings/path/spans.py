"""Which part of the time each capture covers, as far as the other one proves that it does not."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from tcptrace_py.model.segments import FIN, RST

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tcptrace_py.model.path import Clock, Columns, Pair, Point

    from .match import Sightings

MARGIN_NS = 1_000_000


class Coverage(NamedTuple):
    """A capture's span on its own clock; None where nothing says that it had not begun, or that it had ended.

    A capture whose last packets were all lost looks like one that ended early. It did if the other one holds later
    segments that came from beyond it, which it lacks: they must have passed it.
    """

    from_ns: int | None
    until_ns: int | None
    offset: Clock
    is_b: bool

    def covers(self, time_ns: int) -> bool:
        """Whether a moment on the *other* capture's clock lies within."""
        here = self.here(time_ns)
        return (self.from_ns is None or here >= self.from_ns) and (self.until_ns is None or here <= self.until_ns)

    def here(self, time_ns: int) -> int:
        """A moment on the other capture's clock on this one's."""
        if self.is_b:
            return self.offset.to_b(time_ns)
        return time_ns - (self.offset.to_b(time_ns) - time_ns)  # the drift over an offset's length is nothing


def coverages(
    points: tuple[Point, Point], clock: Clock, pairs: Sequence[tuple[Pair, int, tuple[Sightings, Sightings]]]
) -> tuple[Coverage, Coverage]:
    """What each capture covers. `pairs` come with the point near their client and what both points saw of them."""
    first, last = _witnesses(points, pairs)
    found = []
    for point in (0, 1):
        capture, span = points[point].capture, Coverage(None, None, clock, point == 1)
        begin, end = capture.start_ns or 0, capture.end_ns or 0
        came, went = first[point], last[point]
        early = came is not None and span.here(came) < begin - MARGIN_NS
        late = went is not None and span.here(went) - (clock.bound_ns or 0) > end + MARGIN_NS
        found.append(Coverage(begin if early else None, end if late else None, clock, point == 1))
    return found[0], found[1]


def _witnesses(
    points: tuple[Point, Point], pairs: Sequence[tuple[Pair, int, tuple[Sightings, Sightings]]]
) -> tuple[list[int | None], list[int | None]]:
    """For each point when the other one first and last captured what must have passed it and is not in its capture."""
    first: list[int | None] = [None, None]
    last: list[int | None] = [None, None]
    for pair, near, seen in pairs:
        for side in (0, 1):
            passed = near ^ side  # the point that this side's segments pass first; the other one bears witness
            other = 1 - passed
            rows, columns = pair.rows(other, side), points[other].columns
            old, new = first[passed], last[passed]
            row = _plain(columns, rows)
            if row is not None and (old is None or columns.time_ns[row] < old) and _alone(seen[side], other, row):
                first[passed] = columns.time_ns[row]
            row = _plain(columns, reversed(rows))
            if row is not None and (new is None or columns.time_ns[row] > new) and _alone(seen[side], other, row):
                last[passed] = columns.time_ns[row]
    return first, last


def _plain(columns: Columns, rows: Iterable[int]) -> int | None:
    """The first row that may bear witness. A lone RST or FIN proves nothing: it may have been made on the way."""
    return next((row for row in rows if not columns.flags[row] & (RST | FIN)), None)


def _alone(seen: Sightings, point: int, row: int) -> bool:
    """Whether a row has no counterpart."""
    if row in (seen.b if point else seen.a):
        return False
    return not any(row in group.rows(point) and group.rows(1 - point) for group in seen.unsure)
