"""Tables of an analysis as a data set: what is written is what was analysed, and what is damaged is said."""

from __future__ import annotations

import dataclasses
import json
import math
import os
import shutil
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

from tcptrace_py.api import Result, analyze
from tcptrace_py.checks import sql
from tcptrace_py.checks.tables import TABLES
from tcptrace_py.cli import main
from tcptrace_py.dataset import facts, manifest, writing
from tcptrace_py.dataset.place import Place, holds_tables
from tcptrace_py.dataset.tables import Tables
from tcptrace_py.dataset.writing import Target
from tcptrace_py.facts import arrow, in_order
from tcptrace_py.facts.fields import TRANSITIONS
from tcptrace_py.model.datasets import MANIFEST
from tcptrace_py.model.errors import CaptureError, UsageError
from tests.capture.serving import Web
from tests.outputs.test_documents import registry, schema, strict

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

duckdb = pytest.importorskip("duckdb")
fsspec = pytest.importorskip("fsspec")

SAMPLES = Path(__file__).parents[2] / "samples"
OTHER = str(SAMPLES / "server-closes-first.pcap")
THREE, CUT = str(SAMPLES / "close-wait-never-closes.pcap"), str(SAMPLES / "cut-tail.pcap")
TELLING = (
    "close-wait-never-closes.pcap", "vxlans-with-the-same-tuple.pcap", "syn-refused.pcap", "self-connect.pcap", "data-lost.pcap",
    "no-tcp.pcap", "cut-tail.pcap", pytest.param("pile-up-on-a-proxy.pcap.xz", marks=pytest.mark.slow),
)  # fmt: skip


@pytest.fixture
def memory() -> Iterator[Any]:
    """The memory file system, empty again afterwards."""
    yield (system := fsspec.filesystem("memory"))
    system.rm("/", recursive=True)


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The tables of a sample, written once and only to be read."""
    folder = tmp_path_factory.mktemp("kept")

    def tables(name: str) -> Path:
        if not (folder / name).exists():
            analyze(SAMPLES / name).write_tables(folder / name)
        return folder / name

    return tables


@pytest.fixture
def three(kept: Callable[[str], Path], tmp_path: Path) -> Path:
    """The tables of a capture with three connections, to be changed."""
    shutil.copytree(kept(Path(THREE).name), tmp_path / "three")
    return tmp_path / "three"


def rows_of(database: sql.Database | Tables, table: str) -> list[tuple[Any, ...]]:
    """All rows of a table, in an order that does not hang on how they were written."""
    found = database.query(f"SELECT * FROM {table} ORDER BY ALL")
    return [tuple(None if isinstance(value, float) and math.isnan(value) else value for value in row) for row in found.rows]


def edited(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Change a manifest."""
    path = folder / MANIFEST
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document))


@pytest.mark.parametrize("name", TELLING)
def test_the_tables_are_those_of_the_captures(name: str, kept: Callable[[str], Path]) -> None:
    result = analyze(SAMPLES / name)
    tables, database = Tables(str(kept(name))), sql.Database(result)
    for table in TABLES:
        assert rows_of(tables, table.name) == rows_of(database, table.name), table.name
        described = f"SELECT column_name, data_type FROM information_schema.columns WHERE table_name = '{table.name}'"
        assert tables.query(described).rows == database.query(described).rows == [(c.name, c.type) for c in table.columns]
    assert tables.problems == result.capture.problems


@pytest.mark.parametrize("name", TELLING)
def test_the_manifest_holds_to_its_schema(name: str, kept: Callable[[str], Path]) -> None:
    result, folder = analyze(SAMPLES / name), kept(name)
    found = json.loads((folder / MANIFEST).read_text())
    jsonschema.Draft202012Validator(strict(schema("tables-1.json")), registry=registry()).validate(found)
    assert found["schema"] == manifest.SCHEMA
    document = result.to_document()
    assert {key: document[key] for key in found["analysis"]} == found["analysis"]
    assert set(document) - set(found["analysis"]) == {*manifest.IN_TABLES, "connections"}
    files = {str(path.relative_to(folder)) for path in folder.rglob("*.*")}
    named = {part["path"] for table in found["tables"].values() for part in table["parts"]}
    assert files == named | {MANIFEST, found["facts"]["index"], found["facts"]["blocks"]}
    assert found["tables"]["connections"]["rows"] == len(result)


@pytest.mark.parametrize("most_sorted", [0, 80_000], ids=["put in order beside", "by DuckDB"])
def test_many_rows_make_many_parts_in_order(most_sorted: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(writing, "PART_ROWS", 70)
    monkeypatch.setattr(in_order, "MOST_SORTED", most_sorted)
    result = analyze(SAMPLES / "buildup-bursts.client.pcap.xz")
    result.write_tables(tmp_path / "out")
    parts = manifest.parse((tmp_path / "out" / MANIFEST).read_bytes()).parts["connections"]
    assert len(result) % 70
    assert [part.rows for part in parts] == [70] * (len(result) // 70) + [len(result) % 70]
    ids = []
    for part in parts:
        name = str(tmp_path / "out" / part.path)
        ids += [row[0] for row in arrow.database("a test").execute(f"SELECT id FROM '{name}'").fetchall()]
    assert ids == list(range(len(result)))
    tables, database = Tables(str(tmp_path / "out")), sql.Database(result)
    for table in TABLES:
        assert rows_of(tables, table.name) == rows_of(database, table.name)


@pytest.mark.parametrize("place", ["out", "memory://out", "memory://out/"])
def test_the_commands_write_and_ask(place: str, tmp_path: Path, memory: Any, capsys: pytest.CaptureFixture[str]) -> None:
    folder = place if "://" in place else str(tmp_path / place)
    assert main.main(["analyze", THREE]) == 0
    page = capsys.readouterr().out
    assert main.main(["analyze", THREE, "--tables", folder]) == 0
    assert capsys.readouterr().out == page
    question = "SELECT id, pattern, server_port FROM connections ORDER BY id"
    assert main.main(["query", THREE, question]) == 0
    answer = capsys.readouterr().out
    assert main.main(["query", folder, question]) == 0
    assert capsys.readouterr().out == answer
    assert main.main(["query", folder, question, "-o", str(tmp_path / "a.csv"), "--jobs", "2", "--memory", "5"]) == 0
    assert (tmp_path / "a.csv").read_text().startswith("id,pattern,server_port\n0,half-closed,")


@pytest.mark.parametrize("options", [["--stream", "2"], ["--teardown", "four-way"], ["--jobs", "2"], ["--connections", "none"]])
def test_what_is_listed_does_not_change_the_tables(options: list[str], tmp_path: Path) -> None:
    assert main.main(["analyze", THREE, "--tables", str(tmp_path / "out"), *options]) == 0
    assert Tables(str(tmp_path / "out")).query("SELECT count(*) FROM connections").rows == [(3,)]


def test_damaged_captures_are_told_by_their_tables(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["analyze", CUT, "--tables", str(tmp_path / "out")]) == 3
    capsys.readouterr()
    assert main.main(["query", CUT, "SELECT 1"]) == 3
    told = capsys.readouterr()
    assert main.main(["query", str(tmp_path / "out"), "SELECT 1"]) == 3
    assert capsys.readouterr() == told
    assert main.main(["query", str(tmp_path / "out"), "SELECT 1", "--allow-damaged"]) == 0


def test_an_interrupted_analysis_is_told(three: Path, capsys: pytest.CaptureFixture[str]) -> None:
    edited(three, lambda document: document["analysis"].update(interrupted=True))
    assert main.main(["query", str(three), "SELECT count(*) FROM hosts"]) == 130
    assert "interrupted; this is what was analysed so far" in capsys.readouterr().err


@pytest.mark.parametrize("options", [["--port", "80"], ["--host", "10.0.0.1"], ["--last", "5s"], ["--os", "windows"], ["--idle", "9"]])
def test_options_of_reading_are_refused(options: list[str], three: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["query", str(three), "SELECT 1", *options]) == 2
    assert f"{options[0]} says how captures are read, and these tables were made of them already" in capsys.readouterr().err


def test_tables_are_asked_alone(three: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["query", THREE, str(three), "SELECT 1"]) == 2
    assert "read alone, without captures" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (["explain", "TABLES", "0"], "not captures: analyze, time-wait, check, query and diff read them"),
        (["extract", "TABLES", "-o", "out.pcap"], "not captures: analyze, time-wait, check, query and diff read them"),
        (["extract", "TABLES", "--stream", "0", "-o", "out.pcap"], "not captures"),
        (["diff", "TABLES", THREE, "--same-traffic"], "no segments: --same-traffic takes two captures"),
        (["diff", THREE, "TABLES", "--port", "80"], "--port says how captures are read"),
        (["time-wait", "TABLES", THREE], "read alone"),
    ],
)
def test_commands_that_cannot_be_given_tables_say_so(
    command: list[str], words: str, three: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(three.parent)
    assert main.main([str(three) if word == "TABLES" else word for word in command]) == 2
    assert words in capsys.readouterr().err
    assert sorted(path.name for path in three.parent.iterdir()) == ["three"]


# -- the facts ------------------------------------------------------------------------------------------------------------

RULES = """
[[sql]]
name = "none-goes-wrong"
message = "Nothing goes wrong."
query = "SELECT code FROM broken"
[rules.refused]
[rules.time-wait]
max = 2
"""


@pytest.mark.parametrize("name", TELLING)
def test_an_analysis_comes_back_whole(name: str, kept: Callable[[str], Path]) -> None:
    result, again = analyze(SAMPLES / name), Result.from_tables(kept(name))
    for field in dataclasses.fields(result):
        if field.name not in ("connections", "digest"):
            assert getattr(again, field.name) == getattr(result, field.name), field.name
    assert again.to_document() == result.to_document()
    assert [connection.detached() for connection in again.connections] == [connection.detached() for connection in result.connections]


COMMANDS = (
    ["analyze"], ["analyze", "--show", "handshakes"], ["analyze", "--format", "json"], ["analyze", "--stream", "0", "--format", "csv"],
    ["time-wait"], ["time-wait", "--format", "json"], ["check", "--rules", "rules.toml"],
    ["check", "--forbid", "rst", "--format", "json"], ["diff", "--strict", OTHER],
)  # fmt: skip


@pytest.mark.parametrize("name", TELLING)
def test_commands_say_of_tables_what_they_say_of_captures(
    name: str, kept: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("rules.toml").write_text(RULES)
    tables, capture = str(kept(name)), str(SAMPLES / name)

    def said(command: list[str], path: str) -> tuple[int, str, str]:
        code = main.main([command[0], path, *command[1:]])
        out, err = capsys.readouterr()
        out = out.replace(tables, capture)
        return code, " ".join(out.split()) if command[0] == "diff" else out, err  # which names both, and breaks lines by their length

    for command in COMMANDS:
        assert said(command, tables) == said(command, capture), command


@pytest.mark.parametrize(
    "options", [["--os", "windows", "--port-range", "1024-65535"], ["--from", "+1s", "--to", "+90s"], ["--time-wait", "9"]]
)
def test_tables_keep_how_they_were_made(options: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sample = str(SAMPLES / "time-wait-reused.pcap")
    assert main.main(["time-wait", sample, *options, "--format", "json"]) == 0
    expected = capsys.readouterr().out
    main.main(["analyze", sample, *options, "--tables", str(tmp_path / "out"), "-o", str(tmp_path / "page.txt")])
    assert main.main(["time-wait", str(tmp_path / "out"), "--format", "json"]) == 0
    assert capsys.readouterr().out == expected


def test_tables_can_be_written_of_tables(three: Path, tmp_path: Path) -> None:
    assert main.main(["analyze", str(three), "--tables", str(tmp_path / "again")]) == 0
    assert Result.from_tables(tmp_path / "again").to_document() == Result.from_tables(three).to_document()


def of_facts(folder: Path, ending: str) -> Path:
    """A file of the facts."""
    (path,) = (folder / "facts").glob(f"*.{ending}")
    return path


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda folder: of_facts(folder, "json").unlink(), "no such file"),
        (lambda folder: of_facts(folder, "blocks").unlink(), "no such file"),
        (lambda folder: of_facts(folder, "json").write_bytes(b"{}"), "their index is not as it was written"),
        (lambda folder: of_facts(folder, "blocks").write_bytes(bytes(9999)), "a block is not as it was written"),
        (lambda folder: of_facts(folder, "blocks").write_bytes(b""), "a block is not as it was written"),
        (lambda folder: edited(folder, lambda made: made["facts"].update(version=2)), "of version 2."),
        (lambda folder: edited(folder, lambda made: made["facts"].update(blocks_version=99)), "of version 1.99"),
        (lambda folder: edited(folder, lambda made: made["facts"].update(blocks="../x.blocks")), "is no file of facts"),
    ],
)
@pytest.mark.parametrize("command", [["time-wait"], ["check", "--forbid", "rst"], ["diff", OTHER], ["analyze"]])
def test_damaged_facts_are_named(
    damage: Callable[[Path], object], words: str, command: list[str], three: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    damage(three)
    assert main.main([command[0], str(three), *command[1:]]) == 2
    err = capsys.readouterr().err
    assert f"tcpstates: {three}: " in err
    assert words in err


@pytest.mark.parametrize("change", ["del", "type"])
def test_an_index_of_another_shape_is_named(change: str, three: Path) -> None:
    path = of_facts(three, "json")
    index = json.loads(path.read_bytes())
    if change == "del":
        del index["analysis"]["summary"]["connections"]
    else:
        index["analysis"]["summary"]["connections"] = "3"
    path.write_text(json.dumps(index))
    edited(three, lambda document: document["facts"].update(digest=facts.digest(path.read_bytes())))
    with pytest.raises(CaptureError, match="damaged, or of another version of tcpstates"):
        Result.from_tables(three)


# -- what is there already ------------------------------------------------------------------------------------------------


def test_nothing_is_written_over(three: Path, tmp_path: Path) -> None:
    before = {path: path.read_bytes() for path in three.rglob("*") if path.is_file()}
    with pytest.raises(UsageError, match="holds tables already: name another folder, or give --force"):
        Target(str(three))
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "notes.txt").write_text("mine")
    for force in (False, True):
        with pytest.raises(UsageError, match="no empty folder and holds no tables"):
            Target(str(tmp_path / "other"), force=force)
        with pytest.raises(UsageError, match="is a file"):
            Target(str(tmp_path / "other" / "notes.txt"), force=force)
        with pytest.raises(UsageError, match="there is no folder"):
            Target(str(tmp_path / "no" / "where"), force=force)
    assert {path: path.read_bytes() for path in three.rglob("*") if path.is_file()} == before


def test_force_replaces_tables_and_leaves_what_else_is_there(three: Path) -> None:
    (three / "notes.txt").write_text("mine")
    old = set(three.rglob("*.parquet"))
    result = analyze(SAMPLES / "syn-refused.pcap")
    result.write_tables(three, force=True)
    assert Tables(str(three)).query("SELECT outcome FROM connections").rows == [("refused",)]
    assert old.isdisjoint(three.rglob("*.parquet"))
    assert (three / "notes.txt").read_text() == "mine"


def test_an_empty_folder_is_taken(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    analyze(THREE).write_tables(tmp_path / "empty")
    assert holds_tables(str(tmp_path / "empty"))


def test_what_needs_more_memory_gets_it(three: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scan, limits = arrow.scan, []

    def short_of_memory(database: Any, *args: Any) -> None:
        limits.append(database.sql("SELECT current_setting('memory_limit')").fetchall()[0][0])
        if len(limits) == 3:  # some tables are written already
            raise duckdb.OutOfMemoryException("no more")
        scan(database, *args)

    monkeypatch.setattr(arrow, "scan", short_of_memory)
    folder = tmp_path / "out"
    analyze(THREE).write_tables(folder)
    assert limits[2].startswith("61.0")  # 64 MB, in MiB
    assert len(limits) == 3 + len(TABLES)
    assert limits[3] != limits[2]
    for table in TABLES:
        assert rows_of(Tables(str(folder)), table.name) == rows_of(Tables(str(three)), table.name)
    named = json.loads((folder / MANIFEST).read_text())
    parts = {part["path"] for table in named["tables"].values() for part in table["parts"]}
    assert {str(path.relative_to(folder)) for path in folder.rglob("*.parquet")} == parts


@pytest.mark.parametrize("folder", ["three", "fresh", "memory://fresh"])
def test_a_failure_leaves_all_as_it_was(folder: str, three: Path, tmp_path: Path, memory: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    before = {path: path.read_bytes() if path.is_file() else b"" for path in tmp_path.rglob("*")}
    place = folder if "://" in folder else str(tmp_path / folder)
    target = Target(place, force=True)

    def full(*_: object) -> None:
        raise CaptureError("no space left")

    monkeypatch.setattr(Place, "write_manifest", full)
    with pytest.raises(UsageError, match="cannot write tables: no space left"):
        target.write(analyze(SAMPLES / "syn-refused.pcap"))
    assert {path: path.read_bytes() if path.is_file() else b"" for path in tmp_path.rglob("*")} == before
    assert memory.find("/") == []


@pytest.mark.parametrize("statement", ["COPY", "CREATE TABLE made"])
def test_ctrl_c_leaves_nothing(statement: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """What was written until then is gone."""
    database = arrow.database

    class Interrupted:
        def __init__(self) -> None:
            self.real = database("a test")

        def __getattr__(self, name: str) -> Any:
            return getattr(self.real, name)

        def execute(self, sql: str) -> Any:
            found = self.real.execute(sql)
            if sql.startswith(statement) and list(tmp_path.rglob("*.parquet")) != []:
                signal.raise_signal(signal.SIGINT)
            return found

    monkeypatch.setattr(arrow, "database", lambda *_how: Interrupted())
    assert main.main(["analyze", THREE, "--tables", str(tmp_path / "out")]) == 130
    assert list(tmp_path.iterdir()) == []
    assert capsys.readouterr().err.strip() == "tcpstates: interrupted"


def test_ctrl_c_ends_a_statement(three: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """DuckDB's own answer to it is an error like any other."""
    timer = threading.Timer(0.5, lambda: os.kill(os.getpid(), signal.SIGINT))
    timer.start()
    assert main.main(["query", str(three), "SELECT sum(a.range * b.range) FROM range(1000000000) a, range(1000000000) b"]) == 130
    timer.join()
    assert capsys.readouterr().err.strip() == "tcpstates: interrupted"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_no_permission_is_named(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(UsageError, match="permission denied"):
        Target(str(tmp_path / "out"))


def test_it_is_told_before_anything_is_read(three: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["analyze", "nowhere.pcap", "--tables", str(three)]) == 2
    assert "holds tables already" in capsys.readouterr().err


@pytest.mark.parametrize("module", ["duckdb", "fsspec.implementations.local"])
@pytest.mark.parametrize("way", ["analyze", "query"])
def test_a_missing_package_is_named(
    module: str, way: str, three: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    args = {"analyze": ["analyze", THREE, "--tables", str(tmp_path / "out")], "query": ["query", str(three), "SELECT 1"]}
    assert main.main(args[way]) == 2
    assert "pip install 'tcptrace-py[sql]'" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


# -- damage ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is damaged"),
        (b"\xff\xfe", "is damaged"),
        (b"[" * 100_000, "is damaged"),
        (b"[]", "is no object"),
        (b"{}", "its schema is not tcpstates/tables/1"),
        (b'{"schema": "tcpstates/analysis/1"}', "its schema is not tcpstates/tables/1"),
        (b'{"schema": "tcpstates/tables/2"}', "of version 2, and this tcpstates reads version 1"),
        (b'{"schema": "tcpstates/tables/1"}', "is damaged: KeyError: 'tables'"),
        (b'{"schema": "tcpstates/tables/1", "tables": []}', "is damaged"),
    ],
)
def test_a_damaged_manifest_is_named(content: bytes, words: str, three: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (three / MANIFEST).write_bytes(content)
    assert main.main(["query", str(three), "SELECT 1"]) == 2
    err = capsys.readouterr().err
    assert err.startswith(f"tcpstates: {three}: ")
    assert words in err


@pytest.mark.parametrize(
    "path", ["../secret.parquet", "/etc/passwd", "connections/../../x.parquet", "connections/x.csv", "a/b/c.parquet", "s3://b/x.parquet", 5]
)
def test_a_manifest_leads_nowhere_else(path: object, three: Path) -> None:
    edited(three, lambda document: document["tables"]["connections"]["parts"][0].update(path=path))
    with pytest.raises(CaptureError, match="is damaged"):
        Tables(str(three))


@pytest.mark.parametrize("damage", ["missing", "cut"])
def test_a_missing_part_is_left_out_and_said(damage: str, three: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (part,) = (three / "transitions").iterdir()
    if damage == "missing":
        part.unlink()
    else:
        part.write_bytes(part.read_bytes()[:-10])
    assert main.main(["query", str(three), "SELECT count(*) AS n FROM connections, (SELECT count(*) FROM transitions)"]) == 3
    out, err = capsys.readouterr()
    assert out.split() == ["n", "---", "3"]
    assert f"{three}/transitions/{part.name}: this part is {'missing' if damage == 'missing' else 'not as it was written'}" in err
    assert main.main(["query", str(three), "SELECT 1", "--allow-damaged"]) == 0


def test_a_part_that_is_no_parquet_is_named(three: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (part,) = (three / "connections").iterdir()
    part.write_bytes(bytes(part.stat().st_size))
    assert main.main(["query", str(three), "SELECT count(*) FROM connections"]) == 2
    assert f"{three}: " in (err := capsys.readouterr().err)
    assert "internal" not in err


def test_columns_and_tables_of_another_version_are_borne(three: Path) -> None:
    """Additions keep the number: what is not there is NULL or empty, what is new is passed over."""

    def older(document: dict[str, Any]) -> None:
        columns = document["tables"]["connections"]["columns"]
        document["tables"]["connections"]["columns"] = [row for row in columns if row["name"] != "vantage"]
        del document["tables"]["broken"]
        document["tables"]["more"] = {"meaning": "", "rows": 0, "columns": [{"name": "x", "type": "GEOMETRY", "meaning": ""}], "parts": []}

    edited(three, older)
    tables = Tables(str(three))
    assert tables.query("SELECT vantage, typeof(vantage) FROM connections WHERE id = 0").rows == [(None, "VARCHAR")]
    assert tables.query("SELECT count(*) FROM broken").rows == [(0,)]


# -- what a statement may do ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "statement",
    [
        "COPY connections TO 'tables://{part}' (FORMAT parquet)",
        "COPY connections TO 'tables://connections/new.parquet' (FORMAT parquet)",
        "COPY connections TO '/tmp/x.parquet' (FORMAT parquet)",
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM read_parquet('s3://bucket/x.parquet')",
        "ATTACH '/tmp/x.db'",
        "SET enable_external_access = true",
        "SET allowed_directories = ['/']",
    ],
)
def test_a_statement_sees_the_tables_and_nothing_else(statement: str, three: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = {path: path.read_bytes() for path in three.rglob("*") if path.is_file()}
    part = next(str(path.relative_to(three)) for path in before if path.parent.name == "connections")
    with pytest.raises((UsageError, CaptureError)) as caught:
        Tables(str(three)).query(statement.format(part=part))
    assert "Traceback" not in str(caught.value)
    assert {path: path.read_bytes() for path in three.rglob("*") if path.is_file()} == before


def test_a_statement_finds_no_other_file_there(three: Path) -> None:
    assert Tables(str(three)).query(f"FROM read_text('tables://{MANIFEST}')").rows == []
    assert Tables(str(three)).query(f"FROM read_text('tables://../three/{MANIFEST}')").rows == []


def test_threads_share_a_part(three: Path) -> None:
    """DuckDB reads one file from several threads: each is to read where it meant to."""
    (part,) = (three / "transitions").iterdir()
    columns = ", ".join(
        f"(random() * 9999)::{c.type} AS {c.name}" for c in TRANSITIONS.columns if c.type in ("BIGINT", "INTEGER", "DOUBLE")
    )
    arrow.database("a test").execute(f"COPY (SELECT {columns} FROM range(1000000)) TO '{part}' (FORMAT parquet)")

    def larger(document: dict[str, Any]) -> None:
        table = document["tables"]["transitions"]
        table["parts"][0]["bytes"] = part.stat().st_size
        table["columns"] = [row for row in table["columns"] if row["type"] in ("BIGINT", "INTEGER", "DOUBLE")]

    edited(three, larger)
    tables = Tables(str(three))
    assert len({tables.query("SELECT count(*), sum(id), max(duration_s), min(frame) FROM transitions").rows[0] for _ in range(10)}) == 1


def test_tables_of_a_web_server(three: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("aiohttp")
    files = {f"/three/{path.relative_to(three)}": path.read_bytes() for path in three.rglob("*.*")}
    with Web(files, ranges=True).serving() as web:
        assert main.main(["query", web.url("/three/"), "SELECT count(*) AS n FROM connections"]) == 0
        assert capsys.readouterr().out.split() == ["n", "---", "3"]
        assert main.main(["time-wait", web.url("/three/")]) == 0
    with Web({}, ranges=True).serving() as web:
        assert not holds_tables(web.url("/three"))
        assert main.main(["query", web.url("/three/"), "SELECT 1"]) == 2


@pytest.mark.slow
def test_tables_in_s3(bucket: str) -> None:
    result = analyze(THREE)
    url = f"s3://{bucket}/tables"
    result.write_tables(url)
    tables, database = Tables(url), sql.Database(result)
    for table in TABLES:
        assert rows_of(tables, table.name) == rows_of(database, table.name)
    with pytest.raises(UsageError, match="holds tables already"):
        result.write_tables(url)
    result.write_tables(url, force=True)
    assert len(fsspec.filesystem("s3").find(f"{bucket}/tables")) == len(TABLES) + 3
    assert Result.from_tables(url).to_document() == result.to_document()
    with pytest.raises(UsageError, match="bucket does not exist"):
        result.write_tables("s3://nosuchbucket/tables")
    with pytest.raises(CaptureError, match="holds the tables of an analysis"):
        analyze(url)
