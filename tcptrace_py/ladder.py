"""The second reading behind `explain`: what the flow table makes of each segment of one connection."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .findings.drawn_segments import DrawnSegments
from .findings.runs import folded
from .second_reading import Options, observe, tuples_of

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterator, Sequence

    from .model.ladder import DrawnSegment, Run
    from .model.results import Connection


def ladder(
    captures: Sequence[str | os.PathLike[str]],
    connection: Connection,
    others: Sequence[Connection] = (),
    *,
    options: Options | None = None,
    progress: Callable[[int, int | None], None] | None = None,
) -> list[DrawnSegment]:
    """Return the connection's segments in capture order, each with what it is.

    `captures` and `options` are those of the analysis that `connection` comes from; `others` are the other connections on
    its four-tuple, whose frames may lie between its own. Standard input cannot be read a second time.
    """
    return list(_segments(captures, connection, others, options, progress))


def folded_ladder(
    captures: Sequence[str | os.PathLike[str]],
    connection: Connection,
    others: Sequence[Connection] = (),
    *,
    options: Options | None = None,
    progress: Callable[[int, int | None], None] | None = None,
) -> list[DrawnSegment | Run]:
    """Return the same as `ladder`, long plain runs as their sums: memory does not grow with the connection's length."""
    sides = [side for side in (connection.client_side, connection.server_side) if side is not None]
    decided = {entry.frame for side in sides for entry in side.states if entry.frame is not None}
    decided |= {reset.frame for reset in connection.resets}
    return folded(_segments(captures, connection, others, options, progress), frozenset(decided))


def _segments(
    captures: Sequence[str | os.PathLike[str]],
    connection: Connection,
    others: Sequence[Connection],
    options: Options | None,
    progress: Callable[[int, int | None], None] | None,
) -> Iterator[DrawnSegment]:
    segments = DrawnSegments(connection, [other for other in others if other.first_frame != connection.first_frame])
    for _ in observe(captures, tuples_of((connection,)), segments, options or Options(), until_frame=connection.last_frame,
                     progress=progress):  # fmt: skip
        yield from segments.ready()
    yield from segments.ready(last=True)
