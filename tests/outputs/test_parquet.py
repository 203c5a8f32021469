"""`--format parquet`: what csv says, with types."""

from __future__ import annotations

import csv
import io
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tcptrace_py.api import analyze
from tcptrace_py.cli import main
from tcptrace_py.facts import arrow, in_order
from tcptrace_py.facts.fields import CONNECTIONS
from tcptrace_py.outputs.formats import parquet
from tcptrace_py.outputs.registry import named
from tcptrace_py.outputs.units import decimal, rfc3339
from tcptrace_py.outputs.view import View

from . import factory

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tcptrace_py.model.results import Analysis

duckdb = pytest.importorskip("duckdb")

SAMPLES = Path(__file__).parents[2] / "samples"
TELLING = ("close-wait-never-closes.pcap", "vxlans-with-the-same-tuple.pcap", "syn-refused.pcap", "self-connect.pcap", "data-lost.pcap")
THREE = str(SAMPLES / "close-wait-never-closes.pcap")


def written(analysis: Analysis, view: View, path: Path) -> Path:
    with path.open("wb") as out:
        text = io.TextIOWrapper(out, encoding="utf-8", write_through=True)
        named("parquet").write(analysis, view, text)
        text.detach()
    return path


def cells(path: Path) -> list[list[str]]:
    """What the file holds, as csv has it."""
    types = [field.type for field in CONNECTIONS.columns]
    columns = ", ".join(f"epoch_ns({field.name})" if field.type == "TIMESTAMP_NS" else field.name for field in CONNECTIONS.columns)
    rows = duckdb.sql(f"SELECT {columns} FROM '{path}'").fetchall()
    return [[as_csv(kind, value) for kind, value in zip(types, row, strict=True)] for row in rows]


def as_csv(kind: str, value: Any) -> str:
    if value is None:
        return ""
    shown: dict[str, Callable[[Any], Any]] = {"TIMESTAMP_NS": rfc3339, "DOUBLE": decimal, "BOOLEAN": lambda flag: str(flag).lower()}
    return str(shown.get(kind, str)(value))


def lines(analysis: Analysis, view: View) -> list[list[str]]:
    out = io.StringIO()
    named("csv").write(analysis, view, out)
    return list(csv.reader(io.StringIO(out.getvalue())))[1:]


@pytest.mark.parametrize(
    "view", [View(), View(extent="none"), View(extent="notable"), View(patterns=frozenset({"rst"})), View(streams=frozenset({0, 2}))]
)
def test_it_says_what_csv_says(view: View, tmp_path: Path) -> None:
    analyses = [factory.busy(), factory.few(), factory.empty(), *(analyze(SAMPLES / name) for name in TELLING)]
    for number, analysis in enumerate(analyses):
        assert cells(written(analysis, view, tmp_path / f"{number}.parquet")) == lines(analysis, view)


def test_types_are_those_of_sql(tmp_path: Path) -> None:
    path = written(factory.few(), View(), tmp_path / "few.parquet")
    described = duckdb.sql(f"DESCRIBE SELECT * FROM '{path}'").fetchall()
    assert [(row[0], row[1]) for row in described] == [(field.name, field.type) for field in CONNECTIONS.columns]


@pytest.mark.parametrize("options", [[], ["--jobs", "2"], ["--stream", "2"], ["--teardown", "four-way"]])
def test_the_command_writes_a_file_by_its_ending(options: list[str], tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    assert main.main(["analyze", THREE, "-o", str(path), *options]) == 0
    rows = duckdb.sql(f"SELECT id, pattern FROM '{path}'").fetchall()
    every = [(0, "half-closed"), (1, "half-closed"), (2, "four-way")]
    assert [pattern for _, pattern in rows] == [pattern for _, pattern in (every[2:] if len(rows) == 1 else every)]
    assert len(rows) == (1 if options and options[0] != "--jobs" else 3)


def test_it_is_nothing_for_a_terminal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    assert main.main(["analyze", THREE, "--format", "parquet"]) == 2
    assert "name a file with -o" in capsys.readouterr().err


@pytest.mark.parametrize("view", [View(), View(patterns=frozenset({"rst", "four-way"}))], ids=["all", "chosen"])
def test_many_are_written_as_few_are(view: View, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(in_order, "TOGETHER", 1)  # batches of two connections
    for name in TELLING:
        analysis, files = analyze(SAMPLES / name), []
        for most in (len(analysis), 0):
            monkeypatch.setattr(in_order, "MOST_SORTED", most)
            files.append(str(written(analysis, view, tmp_path / f"{name}-{most}.parquet")))
        few, many = (duckdb.sql(f"FROM '{file}'") for file in files)
        assert (many.columns, many.types, many.fetchall()) == (few.columns, few.types, few.fetchall())


def test_what_needs_more_memory_gets_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scan, limits = arrow.scan, []

    def short_of_memory(database: Any, *args: Any) -> None:
        limits.append(database.sql("SELECT current_setting('memory_limit')").fetchall()[0][0])
        if len(limits) == 1:
            raise duckdb.OutOfMemoryException("no more")
        scan(database, *args)

    analysis = analyze(THREE)
    before = cells(written(analysis, View(), tmp_path / "before.parquet"))
    monkeypatch.setattr(in_order, "MOST_SORTED", 0)
    monkeypatch.setattr(arrow, "scan", short_of_memory)
    assert cells(written(analysis, View(), tmp_path / "behind.parquet")) == before
    assert limits[0].startswith("61.0") and len(limits) == 2 and limits[1] != limits[0]  # noqa: PT018 - 64 MB, in MiB


def test_without_duckdb_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "duckdb", None)
    assert main.main(["analyze", THREE, "-o", str(tmp_path / "a.parquet")]) == 2
    assert "--format parquet needs DuckDB: pip install 'tcptrace-py[sql]'" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_no_room_for_it_is_an_error_that_says_where(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    @contextmanager
    def nowhere(prefix: str) -> Iterator[str]:
        yield str(tmp_path / prefix / "not there")

    monkeypatch.setattr(parquet, "TemporaryDirectory", nowhere)
    assert main.main(["analyze", THREE, "-o", str(tmp_path / "a.parquet")]) == 2
    assert "TMPDIR says where" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
