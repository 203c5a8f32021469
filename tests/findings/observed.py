"""Ladders of connections that were never in a file: a flow table is fed with segments, and one connection observed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tcptrace_py.findings.drawn_segments import DrawnSegments
from tests.ladder import segment_block, table_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tcptrace_py.model.ladder import DrawnSegment
    from tcptrace_py.model.results import Connection
    from tests.ladder import Seg


def drawn_segments(segments: Sequence[Seg], connection: Connection, among: Sequence[Connection]) -> list[DrawnSegment]:
    """All drawn of a connection, which `among` holds with the others of its four-tuple."""
    drawn = DrawnSegments(connection, [other for other in among if other is not connection])
    table_of([], observer=drawn).feed(segment_block(segments))
    return drawn.ready(last=True)
