"""`--format parquet`: a row for each connection, with the columns of the SQL table `connections`; DuckDB (extra `sql`) writes it."""

from pathlib import Path
from shutil import copyfileobj
from tempfile import TemporaryDirectory
from typing import TextIO

from tcptrace_py.facts import arrow
from tcptrace_py.facts.fields import CONNECTIONS
from tcptrace_py.facts.store import Connections
from tcptrace_py.model.errors import UsageError
from tcptrace_py.model.results import Analysis
from tcptrace_py.outputs.view import View

SUMMARY = "a row for each connection, typed, for dataframes and databases (extra sql)"
FOR_PEOPLE = False
BINARY = True


def write(analysis: Analysis, view: View, out: TextIO) -> None:
    """Write the bytes of a Parquet file to the buffer of `out`. Raises UsageError without DuckDB, and where it has no room."""
    connections = analysis.connections
    if not isinstance(connections, Connections):
        raise TypeError("only the analysis of a capture has tables")
    database = arrow.database("--format parquet")
    import duckdb  # noqa: PLC0415 - an extra, and there

    chosen = ""
    if view.filtered or view.extent != "all":
        database.execute("CREATE TABLE chosen AS SELECT unnest(?::BIGINT[]) AS id", [[row.id for row in view.listed(analysis)]])
        chosen = "WHERE id IN (FROM chosen)"
    try:
        with TemporaryDirectory(prefix="tcpstates-") as folder:
            made = Path(folder) / "connections.parquet"
            name = str(made).replace("'", "''")
            # In order of first frames, however many processes it took.
            arrow.scan(
                database, CONNECTIONS.stream(connections.blocks), f"COPY (FROM stream {chosen} ORDER BY id) TO '{name}' (FORMAT parquet)"
            )
            with made.open("rb") as table:
                copyfileobj(table, out.buffer)
    except duckdb.IOException as error:
        raise UsageError(f"no temporary file for the table: {error} (TMPDIR says where it is written)") from None
