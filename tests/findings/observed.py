"""Ladders of connections that were never in a file: a flow table is fed with segments, and one connection observed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tcptrace_py.findings.rungs import Rungs
from tests.ladder import segment_block, table_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tcptrace_py.model.ladder import Rung
    from tcptrace_py.model.results import Connection
    from tests.ladder import Seg


def drawn_rungs(segments: Sequence[Seg], connection: Connection, among: Sequence[Connection]) -> list[Rung]:
    """All rungs of a connection, which `among` holds with the others of its four-tuple."""
    rungs = Rungs(connection, [other for other in among if other is not connection])
    table_of([], observer=rungs).feed(segment_block(segments))
    return rungs.ready(last=True)
