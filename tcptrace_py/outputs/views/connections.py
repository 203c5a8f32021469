"""--show connections: a line for each connection, in the order of their first frames."""

from itertools import chain, islice

from tcptrace_py.model.results import Analysis
from tcptrace_py.outputs.blocks import Blocks, Heading, Note
from tcptrace_py.outputs.view import View

from .detail import detail
from .parts import connection_grid, is_dated, is_timed, nothing_listed, title

LISTS_CONNECTIONS = True


def blocks(analysis: Analysis, view: View) -> Blocks:
    """Build the list; a single stream that was asked for is shown in full below its line."""
    yield from title(analysis)
    left_out = "left out by --limit" if view.limit else ""
    yield Heading("Connections", "display filter: tcp.stream eq STREAM")
    rows = iter(view.listed(analysis))
    first = next(rows, None)
    if first is None:
        yield from nothing_listed(analysis, view)
        return
    yield connection_grid(islice(chain([first], rows), view.limit), dated=is_dated(analysis), timed=is_timed(analysis))
    rest = sum(1 for _ in rows)
    if rest:
        yield Note(f"… and {rest:,} more {left_out}", "quiet")
    if view.streams:
        for connection in view.listed(analysis):
            yield from detail(connection, timed=is_timed(analysis))
