"""tcpstates query: the tables, by SQL."""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING

import click

from tcptrace_py.cli import page
from tcptrace_py.cli.command import Command
from tcptrace_py.cli.destination import Destination, output_options
from tcptrace_py.cli.reading import Reading, cluster_options, reading_options, size_bytes
from tcptrace_py.model.errors import UsageError
from tcptrace_py.outputs import rows

if TYPE_CHECKING:
    from collections.abc import Sequence

APART_BYTES = 16 << 20  # of captures, from which on memory counts for more than a sixth of a second


@click.command(
    "query",
    cls=Command,
    usage="CAPTURE...|TABLES SQL",
    epilog="""\b
Examples:
  tcpstates query web.pcap "SELECT server, count(*) FROM connections GROUP BY server"
  tcpstates query web.pcap "SELECT id, handshake_ms FROM connections ORDER BY handshake_ms DESC LIMIT 5" --format csv
  tcpstates query web.pcap "SELECT side, state, max(duration_s) FROM transitions GROUP BY ALL"
  tcpstates analyze "day/*.pcap" --tables day-tables
  tcpstates query day-tables "SELECT server, count(*) FROM connections GROUP BY server"
""",
)
@reading_options
@cluster_options
@click.option(
    "--format",
    "format_name",
    type=click.Choice(rows.FORMATS),
    help="How to print the rows. Default: by the ending of --output's FILE, else table.",
)
@output_options
def command(*, reading: Reading, format_name: str | None, destination: Destination) -> int:
    """Ask the captures, or the tables that were made of them, in SQL.

    TABLES is a folder or URL that `tcpstates analyze --tables` wrote: the answers are those of the captures, which are not
    read again. SQL is one statement, the last argument. The tables are connections, hosts, ports, transitions, time_wait, findings and
    intervals; `tcpstates help columns` explains their columns. Needs the extra `sql` (pip install 'tcptrace-py[sql]'). The
    statement sees these tables and nothing else.
    """
    from tcptrace_py.checks import sql

    *captures, statement = reading.captures
    if not captures:
        raise UsageError(_missing(statement))
    reading.captures = captures
    (sql.verify_apart if _is_apart(captures) else sql.verify)(statement)
    form = page.format_for(destination.path, format_name, rows.FORMATS, "table")
    output = destination.output(captures)
    if (tables := reading.tables) is not None:
        found = tables.query(statement)
        page.emit(lambda out: rows.write(found.columns, found.rows, form, out), output)
        return reading.exit_code_of(tables.problems, interrupted=tables.interrupted)
    result = reading.analyze()
    reading.list_soon(result)
    found = sql.Database(result).query(statement)
    page.emit(lambda out: rows.write(found.columns, found.rows, form, out), output)
    return reading.exit_code(result)


def _is_apart(captures: Sequence[str]) -> bool:
    """Whether the statement is looked at in a process of its own, so that DuckDB's memory is free for the reading."""
    can_fork = sys.platform.startswith("linux") and threading.active_count() == 1
    return can_fork and "duckdb" not in sys.modules and size_bytes(captures) >= APART_BYTES


def _missing(statement: str) -> str:
    if " " in statement:
        return 'no capture: tcpstates query CAPTURE "SELECT ..."'
    return f'no statement: tcpstates query {statement} "SELECT ..."'
