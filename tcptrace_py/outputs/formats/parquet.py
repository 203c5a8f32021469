"""`--format parquet`: a row for each connection, with the columns of the SQL table `connections`; DuckDB (extra `sql`) writes it."""

from contextlib import closing
from pathlib import Path
from shutil import copyfileobj
from tempfile import TemporaryDirectory
from typing import TextIO

from tcptrace_py.facts import arrow, in_order
from tcptrace_py.facts.fields import CONNECTIONS
from tcptrace_py.facts.store import Connections
from tcptrace_py.model.errors import UsageError
from tcptrace_py.model.results import Analysis
from tcptrace_py.outputs.view import View

SUMMARY = "a row for each connection, typed, for dataframes and databases (extra sql)"
FOR_PEOPLE = False
BINARY = True
GROUP_ROWS = 20_480  # of more, that are in memory before they are written


def write(analysis: Analysis, view: View, out: TextIO) -> None:
    """Write the bytes of a Parquet file to the buffer of `out`. Raises UsageError without DuckDB, and where it has no room."""
    connections = analysis.connections
    if not isinstance(connections, Connections):
        raise TypeError("only the analysis of a capture has tables")
    arrow.need("--format parquet")
    import duckdb  # noqa: PLC0415 - an extra, and there

    ids = {row.id for row in view.listed(analysis)} if view.filtered or view.extent != "all" else None
    are_many = in_order.are_many(connections)
    try:
        with TemporaryDirectory(prefix="tcpstates-") as folder:
            made = Path(folder) / "connections.parquet"
            try:
                _make(made, connections, ids, are_many=are_many, most_mb=arrow.MOST_MB if are_many else None)
            except duckdb.OutOfMemoryException:
                if not are_many:
                    raise
                _make(made, connections, ids, are_many=True, most_mb=None)  # long texts: it takes what there is
            with made.open("rb") as table:
                copyfileobj(table, out.buffer)
    except (duckdb.IOException, duckdb.OutOfMemoryException) as error:
        raise UsageError(f"no room to make the table: {error} (TMPDIR says where temporary files are written)") from None


def _make(made: Path, connections: Connections, ids: set[int] | None, *, are_many: bool, most_mb: int | None) -> None:
    """Let DuckDB write the file, in order of first frames, however many processes it took."""
    with closing(arrow.database("--format parquet", most_mb)) as database:
        if are_many:
            stream, rows, layout = in_order.stream(connections, ids), "FROM stream", f"FORMAT parquet, ROW_GROUP_SIZE {GROUP_ROWS}"
        else:
            stream, rows, layout = CONNECTIONS.stream(connections.blocks), "FROM stream ORDER BY id", "FORMAT parquet"
            if ids is not None:
                database.execute("CREATE TABLE chosen AS SELECT unnest(?::BIGINT[]) AS id", [list(ids)])
                rows = "FROM stream WHERE id IN (FROM chosen) ORDER BY id"
        name = str(made).replace("'", "''")
        arrow.scan(database, stream, f"COPY ({rows}) TO '{name}' ({layout})")
