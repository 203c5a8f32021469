"""Reads a data set: its tables, by SQL, as those of an analysis.

DuckDB sees the parts through a file system of ours that knows these files alone, reads them in ranges, and writes nothing.
"""

from __future__ import annotations

import json
import threading
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from tcptrace_py.capture.remote import why
from tcptrace_py.checks import sql
from tcptrace_py.checks.tables import TABLES
from tcptrace_py.facts import arrow
from tcptrace_py.facts.block import VERSION as BLOCKS_VERSION
from tcptrace_py.model.datasets import MANIFEST
from tcptrace_py.model.digest import Digest
from tcptrace_py.model.errors import CaptureError, UsageError
from tcptrace_py.model.problems import Problem

from . import facts, manifest
from .place import Place

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import TypeVar

    from tcptrace_py.checks.tables import Listed
    from tcptrace_py.facts.fields import TableOfFacts
    from tcptrace_py.model.results import Analysis

    Answer = TypeVar("Answer")

SCHEME = "tables"


class Tables:
    """The tables of a data set. `problems`: of the captures that it was made of, and of itself: parts that are not as they were written."""

    def __init__(self, path: str) -> None:
        """Open it. Raises CaptureError for what is none, one of a newer version, and where it cannot be read."""
        self._place = Place(path)
        content = self._place.read(MANIFEST)
        try:
            self._manifest = manifest.parse(content)
        except CaptureError as error:
            raise CaptureError(f"{self._place.name}: {error}") from None
        self._parts, damage = self._whole_parts()
        self.problems = [*self._manifest.problems, *damage]
        self.interrupted = self._manifest.interrupted
        self._database: Any = None
        self._failures: list[Exception] = []

    def _whole_parts(self) -> tuple[dict[str, list[manifest.Part]], list[Problem]]:
        """The parts that are there as they were written, by table; and what is to be said of the others."""
        sizes = self._place.sizes([part for parts in self._manifest.parts.values() for part in parts])
        whole: dict[str, list[manifest.Part]] = {}
        damage = []
        for table in TABLES:
            whole[table.name] = []
            for part in self._manifest.parts.get(table.name, ()):
                if sizes.get(part.path) == part.size_bytes:
                    whole[table.name].append(part)
                    continue
                what = "is not as it was written" if part.path in sizes else "is missing"
                damage.append(_damage(f"{self._place.name}/{part.path}: this part {what}; its {part.rows:,} rows are left out"))
        return whole, damage

    def analysis(self, *, slowest: int | None = 5) -> Analysis:
        """The analysis that was written, with a digest of so many of the slowest handshakes, for which all connections are looked at.

        None: without it. Raises CaptureError where the facts are damaged, or of another version.
        """
        index = self._index
        analysis = facts.restored(self._place.name, index, self._place.reader(self._manifest.facts.blocks))
        if slowest is not None:
            analysis.digest = Digest.of(analysis.connections, slowest)
        return analysis

    @property
    def span(self) -> facts.Span:
        """What the analysis was bounded by. Raises as `analysis` does."""
        return facts.span_of(self._place.name, self._index)

    @cached_property
    def _index(self) -> dict[str, Any]:
        name, files = self._place.name, self._manifest.facts
        if (files.version, files.blocks_version) != (facts.VERSION, BLOCKS_VERSION):
            raise CaptureError(
                f"{name}: its facts are of version {files.version}.{files.blocks_version}, and this tcpstates reads "
                f"{facts.VERSION}.{BLOCKS_VERSION}: `tcpstates query` reads its tables, and the captures can be analysed again"
            )
        index = self._place.read(files.index)
        if facts.digest(index) != files.digest:
            raise CaptureError(f"{name}: its facts are damaged: their index is not as it was written")
        found: dict[str, Any] = json.loads(index)
        return found

    def query(self, statement: str) -> sql.Rows:
        """Run a statement. Raises UsageError for what DuckDB does not understand, CaptureError for parts that are damaged."""
        if self._database is None:
            self._database = self._opened()
        try:
            return sql.execute(self._database, statement)
        except UsageError as error:
            raise self._cause(error) from None

    def _opened(self) -> Any:
        database = arrow.database("SQL")
        sizes = {part.path: part.size_bytes for parts in self._parts.values() for part in parts}
        database.register_filesystem(_files(self._place, sizes, self._failures))
        for table in TABLES:
            try:
                sql.execute(database, self._definition(table))
            except UsageError as error:
                raise CaptureError(f"{self._place.name}: the table {table.name} cannot be read: {self._cause(error)}") from None
        database.execute(f"SET allowed_directories = ['{SCHEME}://']")
        sql.confine(database)
        return database

    def _definition(self, table: Listed | TableOfFacts) -> str:
        """A view of the parts. A column that is newer than they are is NULL, and a table is empty."""
        parts, there = self._parts[table.name], self._manifest.columns.get(table.name, {})
        if not parts:
            return sql.definition(table)
        columns = ", ".join(
            f'"{column.name}"::{column.type} AS "{column.name}"' if column.name in there else f'NULL::{column.type} AS "{column.name}"'
            for column in table.columns
        )
        files = ", ".join(f"'{SCHEME}://{part.path}'" for part in parts)
        return f"CREATE VIEW {table.name} AS SELECT {columns} FROM read_parquet([{files}])"  # noqa: S608 - names of ours

    def _cause(self, error: UsageError) -> Exception:
        """What a statement failed of."""
        if self._failures:
            failure = self._failures.pop()
            self._failures.clear()
            return failure if isinstance(failure, UsageError) else CaptureError(f"{self._place.name}: {why(failure, self._place.path)}")
        if f"{SCHEME}://" in str(error):
            return CaptureError(f"{self._place.name}: a part is damaged: {str(error).partition(chr(10))[0]}")
        return error


def _damage(explanation: str) -> Problem:
    return Problem("unreadable-file", 1, explanation, None, damaged=True)


class _File:
    """A file that several threads read, each at its own place: DuckDB's seek and read belong together."""

    closed = False

    def __init__(self, opened: Callable[[], Any], note: Callable[[Exception], None]) -> None:
        self._opened, self._note = opened, note
        self._of_thread = threading.local()
        self._all: list[Any] = []

    def _file(self) -> Any:
        file = getattr(self._of_thread, "file", None)
        if file is None:
            file = self._of_thread.file = self._opened()
            self._all.append(file)
        return file

    def seek(self, at: int, whence: int = 0) -> int:
        """Go to a place."""
        return self._asked(lambda: int(self._file().seek(at, whence)))

    def tell(self) -> int:
        """Where it is."""
        return self._asked(lambda: int(self._file().tell()))

    def read(self, most_bytes: int = -1) -> bytes:
        """What is there."""
        return self._asked(lambda: bytes(self._file().read(most_bytes)))

    def _asked(self, ask: Callable[[], Answer]) -> Answer:
        try:
            return ask()
        except Exception as error:
            self._note(error)
            raise

    def close(self) -> None:
        """Close it for all threads."""
        for file in self._all:
            file.close()


def _files(place: Place, sizes: Mapping[str, int], failures: list[Exception]) -> Any:
    """A file system of these files alone, to be read. What fails is noted: DuckDB would tell of it in a traceback."""
    from fsspec.spec import AbstractFileSystem  # noqa: PLC0415 - an extra

    class Files(AbstractFileSystem):  # type: ignore[misc]
        protocol = SCHEME
        cachable = False

        def _path(self, path: str) -> str | None:
            path = path.removeprefix(f"{SCHEME}://")
            return path if path in sizes else None

        def open(self, path: str, mode: str = "rb", **_settings: Any) -> _File:
            found = self._path(path)
            if found is None or mode != "rb":
                failures.append(UsageError("a statement reads the tables of a data set, and writes nothing to it"))
                raise PermissionError(path)
            return _File(place.opener(found), failures.append)

        def glob(self, path: str, **_settings: Any) -> list[str]:
            found = self._path(path)
            return [] if found is None else [found]

        def info(self, path: str, **_settings: Any) -> dict[str, Any]:
            found = self._path(path)
            if found is None:
                raise FileNotFoundError(path)
            return {"name": found, "size": sizes[found], "type": "file"}

        def exists(self, path: str, **_settings: Any) -> bool:
            return self._path(path) is not None

        def modified(self, path: str) -> datetime:  # noqa: ARG002 - it never is
            return datetime(1970, 1, 1, tzinfo=UTC)

    return Files()
