"""The manifest of a data set: `tcpstates-tables.json`, in the folder that the parts of the tables are in.

It makes the data set: parts that no manifest names are none of it. The shape is held to `schema/tables-1.json`; additions keep the
number, a changed meaning raises it.
"""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from tcptrace_py.checks.tables import TABLES
from tcptrace_py.model.datasets import MANIFEST
from tcptrace_py.model.errors import CaptureError
from tcptrace_py.model.problems import Problem
from tcptrace_py.outputs.document import generator, head

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tcptrace_py.model.results import Analysis

NAME, VERSION = "tcpstates/tables", 1
SCHEMA = f"{NAME}/{VERSION}"
IN_TABLES = ("schema", "generator", "hosts", "ports", "intervals", "broken")  # of the document: these rows are tables
MOST_BYTES = 1 << 28
_PART = re.compile(r"[a-z_]+/[A-Za-z0-9_-]+\.parquet")  # a file of the folder, whoever wrote the manifest
_OF_FACTS = re.compile(r"facts/[A-Za-z0-9_-]+\.(?:blocks|json)")
_OLD = re.compile(rf"{NAME}/([0-9]{{1,9}})")


@dataclass(frozen=True, slots=True)
class Part:
    """A file of a table: its path in the folder, how many rows it has and how large it is."""

    path: str
    rows: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class FactsFiles:
    """Where the facts are: their blocks, the index of these with its digest; and of which versions both are."""

    index: str
    digest: str
    blocks: str
    version: int
    blocks_version: int


@dataclass(frozen=True)
class Manifest:
    """What a data set holds: for each table the columns with their types, and its parts; and what was wrong with the captures."""

    columns: Mapping[str, Mapping[str, str]]
    parts: Mapping[str, Sequence[Part]]
    facts: FactsFiles
    problems: Sequence[Problem] = ()
    interrupted: bool = False

    @property
    def files(self) -> list[str]:
        """All of them but the manifest."""
        return [*(part.path for parts in self.parts.values() for part in parts), self.facts.index, self.facts.blocks]


def written(analysis: Analysis, parts: Mapping[str, Sequence[Part]], facts: FactsFiles) -> bytes:
    """The manifest of the tables of an analysis. What the tables cannot give back stands in it as in the analysis document."""
    document = {
        "schema": SCHEMA,
        "generator": generator(),
        "tables": {
            table.name: {
                "meaning": table.meaning,
                "rows": sum(part.rows for part in parts[table.name]),
                "columns": [{"name": column.name, "type": column.type, "meaning": column.meaning} for column in table.columns],
                "parts": [{"path": part.path, "rows": part.rows, "bytes": part.size_bytes} for part in parts[table.name]],
            }
            for table in TABLES
        },
        "facts": asdict(facts),
        "analysis": {name: value for name, value in head(analysis).items() if name not in IN_TABLES},
    }
    return json.dumps(document, indent=1).encode() + b"\n"


def parse(content: bytes) -> Manifest:
    """Read a manifest. Raises CaptureError, without its name, for anything else, and for one of a newer version."""
    try:
        document = json.loads(content) if len(content) <= MOST_BYTES else None
    except (ValueError, RecursionError) as error:
        raise CaptureError(f"the manifest {MANIFEST} is damaged: {error}") from None
    if not isinstance(document, dict):
        raise CaptureError(f"the manifest {MANIFEST} is damaged: it is no object of JSON")
    _check_version(document.get("schema"))
    try:
        return _manifest(document)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise CaptureError(f"the manifest {MANIFEST} is damaged: {type(error).__name__}: {error}") from None


def _check_version(schema: object) -> None:
    found = _OLD.fullmatch(schema) if isinstance(schema, str) else None
    if found is None:
        raise CaptureError(f"the manifest {MANIFEST} is damaged: its schema is not {SCHEMA}")
    if int(found[1]) != VERSION:
        raise CaptureError(f"its tables are of version {int(found[1])}, and this tcpstates reads version {VERSION}: a newer one wrote them")


def _manifest(document: dict[str, Any]) -> Manifest:
    columns, parts = {}, {}
    for name, table in document["tables"].items():
        columns[name] = {_text(column["name"]): _text(column["type"]) for column in table["columns"]}
        parts[name] = [_part(row) for row in table["parts"]]
    analysis = document["analysis"]
    problems = [
        Problem(row["code"], row["count"], row["explanation"], row["first_frame"], damaged=bool(row["damaged"]))
        for row in analysis["capture"]["problems"]
    ]
    return Manifest(columns, parts, _facts(document["facts"]), problems, bool(analysis["interrupted"]))


def _facts(row: dict[str, Any]) -> FactsFiles:
    files = FactsFiles(_text(row["index"]), _text(row["digest"]), _text(row["blocks"]), int(row["version"]), int(row["blocks_version"]))
    for path in (files.index, files.blocks):
        if _OF_FACTS.fullmatch(path) is None:
            raise ValueError(f"{path!r} is no file of facts")
    return files


def _part(row: dict[str, Any]) -> Part:
    path = _text(row["path"])
    if _PART.fullmatch(path) is None:
        raise ValueError(f"{path!r} is no part of a table")
    return Part(path, int(row["rows"]), int(row["bytes"]))


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no text")
    return value
