"""Queries over an analysis: an embedded DuckDB (the extra `sql`) with the tables of `tables`."""

from __future__ import annotations

import signal
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from tcptrace_py.facts import arrow
from tcptrace_py.model.errors import UsageError
from tcptrace_py.model.report import Measure, Origin, Outcome, Severity, Status, Unit

from .measure import WORST
from .tables import TABLES, Listed, streams

if TYPE_CHECKING:
    from collections.abc import Iterator
    from multiprocessing.connection import Connection as Sender

    from tcptrace_py.facts.fields import TableOfFacts
    from tcptrace_py.model.results import Analysis, Connection

CODE = "SQL"
SHOWN = 5  # rows that a failed query quotes
REMEDY = 'Look at the rows: `tcpstates query CAPTURE "..."` prints them all.'


class NoMemoryError(UsageError):
    """A statement needs more memory than DuckDB may take."""


class Rows(NamedTuple):
    """What a query returned."""

    columns: list[str]
    rows: list[tuple[Any, ...]]


@dataclass(frozen=True)
class Query:
    """A rule in SQL: it fails if its query returns more than `most` rows."""

    name: str
    query: str
    most: int
    message: str
    severity: Severity
    origin: Origin

    def run(self, database: Database, *, allow_empty: bool = False) -> Outcome:
        """Run it; rows with an `id` or a `stream` lead to their connections. Raises UsageError where it fails."""
        count = database.analysis.summary.connections
        if not count and not allow_empty:
            return self._outcome(Status.UNMATCHED, 0, (), "no TCP connection at all was there to be checked")
        try:
            found = database.query(self.query)
        except UsageError as error:
            raise UsageError(f"{self.origin}: {self.name}: {error}") from None
        rows = len(found.rows)
        measure = Measure(
            "rows",
            rows,
            self.most,
            Unit.COUNT,
            rows <= self.most,
            offenders=rows,
            worst=tuple(self._connections(database.analysis, found)),
            note="; ".join(_row_text(found.columns, row) for row in found.rows[:SHOWN]),
        )
        return self._outcome(Status.PASSED if measure.holds else Status.FAILED, count, (measure,))

    def _connections(self, analysis: Analysis, found: Rows) -> list[Connection]:
        """The connections that its rows lead to. Raises UsageError for names of them that can be none."""
        for key in ("id", "stream"):
            if key in found.columns:
                values = [row[found.columns.index(key)] for row in found.rows]
                if any(isinstance(value, list | dict) for value in values):
                    raise UsageError(f"{self.origin}: {self.name}: query: the column {key} holds lists, not the number of a connection")
                wanted = set(values)
                return [connection for connection in analysis.connections if getattr(connection, key) in wanted][:WORST]
        return []

    def _outcome(self, status: Status, count: int, measures: tuple[Measure, ...], message: str = "") -> Outcome:
        title = self.message or f"The query {self.name} returns {f'at most {self.most}' if self.most else 'no'} rows."
        return Outcome(
            CODE,
            self.name,
            title,
            self.severity,
            status,
            self.origin,
            "all connections",
            count,
            measures,
            message,
            REMEDY,
        )


class Database:
    """The tables of an analysis, each filled when it is first asked for.

    In memory they take `arrow.MOST_MB` at most, unless a statement needs more: then they are filled anew, and DuckDB takes what there is.
    """

    def __init__(self, analysis: Analysis) -> None:
        self.analysis = analysis
        self._database: Any = None
        self._empty: dict[str, arrow.Stream] = {}
        self._most_mb: int | None = arrow.MOST_MB

    def query(self, statement: str) -> Rows:
        """Run a statement. Raises UsageError for what DuckDB does not understand or has no room for, or without DuckDB."""
        try:
            return self._run(statement)
        except NoMemoryError:
            if self._most_mb is None:
                raise
            self._database.close()
            self._database = self._most_mb = None
            return self._run(statement)

    def _run(self, statement: str) -> Rows:
        if self._database is None:
            self._database = arrow.database("SQL", self._most_mb)
            for table in TABLES:
                self._database.execute(definition(table))
            self._empty = dict(streams(self.analysis))
            confine(self._database)
        for name in self._empty.keys() & _read_by(self._database, statement):
            with _told():
                arrow.scan(self._database, self._empty.pop(name), f"INSERT INTO {name} SELECT * FROM stream")  # noqa: S608 - a table of ours
        return execute(self._database, statement)


def _read_by(database: Any, statement: str) -> set[str]:
    """Tables that a statement reads, as DuckDB says; all of them where it does not say, or where statements are about tables."""
    import duckdb  # noqa: PLC0415 - an extra

    every = {table.name for table in TABLES}
    try:
        named = {name.rpartition(".")[2].strip('"').lower() for name in database.get_table_names(statement)}
    except duckdb.Error:  # several statements, PIVOT, or none that it understands
        return every
    return every if not named & every or "duckdb_" in statement.lower() else named


def verify(statement: str) -> None:
    """See whether a statement makes sense, without any data. Raises UsageError."""
    _verify(_open(), statement)


def verify_apart(statement: str) -> None:
    """The same in a process of its own, which is forked: DuckDB takes 45 MB, which who reads a large capture meanwhile has not."""
    from multiprocessing import get_context  # noqa: PLC0415 - for large captures only

    context = get_context("fork")
    answers, answer = context.Pipe(duplex=False)
    process = context.Process(target=_answer, args=(statement, answer), daemon=True)
    process.start()
    answer.close()
    try:
        wrong = answers.recv()
    except EOFError:
        wrong = "the process that looks at the statement ended early"
    finally:  # Ctrl-C, too: amid a statement it hears of nothing else
        process.kill()
        process.join()
        answers.close()
    if wrong is not None:
        raise UsageError(wrong)


def _answer(statement: str, answer: Sender) -> None:
    """Tell what is wrong with a statement, None if nothing is."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # who waits for the answer hears of it
    try:
        verify(statement)
    except UsageError as error:
        answer.send(str(error))
    else:
        answer.send(None)


def verify_rule(statement: str) -> None:
    """See whether a statement makes sense as a rule. Raises UsageError."""
    database = _open()
    _one_select(database, statement)
    _verify(database, statement)


def _verify(database: Any, statement: str) -> None:
    for table in TABLES:
        database.execute(definition(table))
    confine(database)
    execute(database, statement)


def _open() -> Any:
    return arrow.database("SQL")


def definition(table: Listed | TableOfFacts) -> str:
    """The statement that makes a table, without rows."""
    columns = ", ".join(f'"{column.name}" {column.type}' for column in table.columns)
    return f"CREATE TABLE {table.name} ({columns})"


def confine(database: Any) -> None:
    """Let statements see the tables and nothing else: no files, no network."""
    database.execute("SET enable_external_access = false; SET lock_configuration = true")


def _one_select(database: Any, statement: str) -> None:
    """A rule counts rows: what returns none by its nature would hold for ever."""
    import duckdb  # noqa: PLC0415 - an extra

    try:
        kinds = [each.type for each in database.extract_statements(statement)]
    except duckdb.Error as error:
        raise UsageError(str(error)) from None
    if len(kinds) != 1 or kinds[0] not in (duckdb.StatementType.SELECT, duckdb.StatementType.MULTI):  # MULTI: PIVOT
        raise UsageError("a rule's query is one SELECT: the rule fails for each row that it returns")


def execute(database: Any, statement: str) -> Rows:
    """Run a statement. Raises UsageError for whatever DuckDB complains of."""
    with _told(), arrow.signals_behind(database):
        result = database.execute(statement)
        return Rows([column[0] for column in result.description or []], result.fetchall())


@contextmanager
def _told() -> Iterator[None]:
    """Raise UsageError for whatever DuckDB complains of, NoMemoryError where it may take no more."""
    import duckdb  # noqa: PLC0415 - an extra

    try:
        yield
    except duckdb.OutOfMemoryException as error:
        raise NoMemoryError(str(error)) from None
    except duckdb.Error as error:
        raise UsageError(str(error)) from None


def _row_text(columns: list[str], row: tuple[Any, ...]) -> str:
    return ", ".join(f"{name} {value}" for name, value in zip(columns, row, strict=True))
