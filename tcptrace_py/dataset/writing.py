"""Writes the tables of an analysis as a data set.

Parts have names of their own in each writing, and the manifest is put in place when all of them are there: until then, and after a
failure, what was there stands as it was.
"""

from __future__ import annotations

import secrets
from contextlib import closing
from typing import TYPE_CHECKING, Any

from tcptrace_py.checks.tables import streams
from tcptrace_py.facts import arrow, in_order
from tcptrace_py.facts.block import VERSION as BLOCKS_VERSION
from tcptrace_py.facts.fields import CONNECTIONS
from tcptrace_py.facts.store import Connections
from tcptrace_py.model.datasets import MANIFEST
from tcptrace_py.model.errors import CaptureError, UsageError

from . import facts, manifest
from .place import Place

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tcptrace_py.model.results import Analysis
    from tcptrace_py.model.selection import Selection

PART_ROWS = 1 << 20  # of a full part
ORDER = {"connections": "id", "transitions": "id, side, number", "time_wait": "id, entered, side"}  # others come in theirs


class Target:
    """Where tables are to be written; `force`: tables that are there already may be replaced."""

    def __init__(self, path: str, *, force: bool = False) -> None:
        """Raises UsageError, before there is anything to write, where they cannot or must not be written."""
        arrow.need("--tables")  # or say what is missing before all is read
        try:
            self._place = Place(path)
            self._place.try_to_write()
            self._old = self._old_parts(force=force)
        except CaptureError as error:
            raise UsageError(f"cannot write tables: {error}") from None

    def _old_parts(self, *, force: bool) -> list[str]:
        """Parts that the new ones replace."""
        name = self._place.name
        if not self._place.has_manifest():
            if not self._place.is_empty():
                raise UsageError(f"{name} is no empty folder and holds no tables: nothing in it is written over, name another")
            return []
        if not force:
            raise UsageError(f"{name} holds tables already: name another folder, or give --force")
        return manifest.parse(self._place.read(MANIFEST)).files

    def write(self, analysis: Analysis, selection: Selection | None = None) -> None:
        """Write all tables, and the facts; `selection` is what the analysis was made with.

        Raises UsageError where they cannot be written, TypeError for an analysis that keeps no connections.
        """
        made: list[str] = []
        try:
            token = secrets.token_hex(8)
            parts = self._tables(analysis, token, made)
            files = self._facts(facts.Writer(analysis, facts.Span.of(selection)), token, made)
            self._place.write_manifest(manifest.written(analysis, parts, files))
        except BaseException as error:
            self._place.remove(made)
            if isinstance(error, CaptureError):
                raise UsageError(f"cannot write tables: {error}") from error
            if isinstance(error, OSError):
                raise UsageError(f"cannot write tables: {self._place.name}: {error.strerror or error}") from error
            raise
        self._place.remove(self._old)

    def _tables(self, analysis: Analysis, token: str, made: list[str]) -> dict[str, list[manifest.Part]]:
        """Write all tables, in little memory where that is enough."""
        import duckdb  # noqa: PLC0415 - an extra, and there

        connections = analysis.connections
        assert isinstance(connections, Connections)  # or there are no streams
        orders, tables = dict(ORDER), dict(streams(analysis))
        if in_order.are_many(connections):
            tables[CONNECTIONS.name] = in_order.stream(connections)
            del orders[CONNECTIONS.name]

        def written(most_mb: int | None) -> dict[str, list[manifest.Part]]:
            with closing(arrow.database("--tables", most_mb)) as database:
                return {name: list(self._parts(database, name, stream, orders.get(name), token, made)) for name, stream in tables.items()}

        try:
            return written(arrow.MOST_MB)
        except duckdb.OutOfMemoryException:
            self._place.remove(made)
            made.clear()
            return written(None)

    def _parts(
        self, database: Any, name: str, stream: arrow.Stream, order: str | None, token: str, made: list[str]
    ) -> Iterator[manifest.Part]:
        """Write a table part by part, in an order (None: its own): one part at least, so that each has its columns."""
        import duckdb  # noqa: PLC0415 - an extra, and there

        try:
            arrow.scan(database, stream, f"CREATE TABLE made AS FROM stream {'' if order is None else f'ORDER BY {order}'}")
            (rows,) = database.execute("SELECT count(*) FROM made").fetchone()
            for number, first in enumerate(range(0, max(rows, 1), PART_ROWS)):
                made.append(f"{name}/{token}-{number:06}.parquet")
                yield self._part(database, made[-1], first, min(PART_ROWS, rows - first))
            database.execute("DROP TABLE made")
        except duckdb.IOException as error:
            raise UsageError(f"cannot write tables: {error} (TMPDIR says where temporary files are written)") from None

    def _facts(self, writer: facts.Writer, token: str, made: list[str]) -> manifest.FactsFiles:
        blocks, index = (f"{facts.FOLDER}/{token}.{ending}" for ending in ("blocks", "json"))
        made += [blocks, index]
        with self._place.new_file(blocks) as file, file.open("wb") as out:
            out.writelines(writer.packed())
        digest = facts.new_digest()
        with self._place.new_file(index) as file, file.open("wb") as out:
            for piece in writer.index():
                digest.update(piece)
                out.write(piece)
        return manifest.FactsFiles(index, digest.hexdigest(), blocks, facts.VERSION, BLOCKS_VERSION)

    def _part(self, database: Any, path: str, first: int, rows: int) -> manifest.Part:
        with self._place.new_file(path) as file:
            name = str(file).replace("'", "''")
            arrow.run(
                database,
                f"COPY (FROM made WHERE rowid >= {first} AND rowid < {first + rows}) TO '{name}' (FORMAT parquet, COMPRESSION zstd)",
            )
            return manifest.Part(path, rows, file.stat().st_size)
