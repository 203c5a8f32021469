"""The Python API: what `analyze` returns beside the facts."""

import sys
import types
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from tcptrace_py import Analysis, Connection, Result, analyze
from tcptrace_py.model.errors import UsageError
from tests.outputs import factory


@pytest.fixture
def result(monkeypatch: pytest.MonkeyPatch) -> Result:
    """A result of the captures a.pcap and b.pcap."""
    asked: list[list[str]] = []

    def run(captures: list[str], **_: object) -> Analysis:
        asked.append(captures)
        return factory.few()

    monkeypatch.setitem(sys.modules, "tcptrace_py.pipeline", types.SimpleNamespace(run=run))
    analyze("a.pcap")
    found = analyze([Path("a.pcap"), "b.pcap"])
    assert asked == [["a.pcap"], ["a.pcap", "b.pcap"]]
    return found


def test_conveniences(result: Result) -> None:
    assert len(result) == 5
    assert [connection.id for connection in result] == [0, 1, 2, 3, 4]
    assert result.connection(3).teardown.pattern == "rst"
    with pytest.raises(KeyError):
        result.connection(99)
    assert [connection.id for connection in result.stream(4)] == [4]
    assert [connection.id for connection in result.where(pattern="rst")] == [1, 3]
    assert [connection.id for connection in result.where(outcome="completed", pattern="rst")] == [3]
    with pytest.raises(UsageError, match="no pattern 'four_way'; did you mean 'four-way'"):
        result.where(pattern="four_way")
    with pytest.raises(UsageError, match="no outcome 'xyzzy'; there are completed, refused"):
        result.where(outcome="xyzzy")
    assert repr(result) == "<Result web.pcap: connections 5 (3 completed, 1 refused, 1 unanswered), capture problems 0>"


def test_document_is_that_of_the_json_format(result: Result) -> None:
    found = result.to_document()
    assert found["schema"] == "tcpstates/analysis/1"
    assert [row["stream"] for row in found["connections"]] == [0, 1, 2, 3, 4]


SAMPLES = Path(__file__).parents[2] / "samples"


def test_what_each_was_given_stays_as_it_was() -> None:
    path = SAMPLES / "buildup-health-checks.server.pcap.xz"
    given: list[Connection] = []
    analyze(path, keep_rows=False, each=given.append)
    kept = {connection.first_frame: connection for connection in analyze(path).connections}
    assert len(given) == len(kept) > 100
    for connection in given:
        assert replace(kept[connection.first_frame], id=connection.id) == connection


@cache
def pile() -> Result:
    """Some thousand connections; nobody may change them."""
    return analyze(SAMPLES / "pile-up-on-a-proxy.pcap.xz")


def test_columns_for_whoever_reads_arrow() -> None:
    duckdb = pytest.importorskip("duckdb")
    result = pile()
    with duckdb.connect() as database:
        database.register("result", result)
        found = database.execute("SELECT count(*), count(DISTINCT client_port), min(outcome) FROM result").fetchall()
    ports = {connection.client.port for connection in result}
    assert found == [(len(result), len(ports), "completed")]
    added_up = analyze(SAMPLES / "pile-up-on-a-proxy.pcap.xz", keep_rows=False)
    added_up.connections = []
    with pytest.raises(TypeError, match="not kept as columns"):
        added_up.__arrow_c_stream__()


def test_connections_are_a_list() -> None:
    result = pile()
    kept = list(result.connections)
    assert result.connections[0] == kept[0]
    assert result.connections[-1] == kept[-1]
    assert result.connections[5:9] == kept[5:9]
    with pytest.raises(IndexError):
        result.connections[len(kept)]


def test_a_data_frame() -> None:
    pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    result = pile()
    frame = result.to_dataframe()
    assert list(frame.columns) == result.to_arrow().column_names
    assert len(frame) == len(result)
    assert set(frame["client_port"]) == {connection.client.port for connection in result}


@pytest.mark.parametrize(("missing", "make"), [("pandas", "to_dataframe"), ("pyarrow", "to_arrow")])
def test_what_is_missing_is_said(missing: str, make: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, missing, None)  # as if it were not installed
    result = analyze(SAMPLES / "three-way-handshake.pcap")
    with pytest.raises(UsageError, match=f"pip install {missing}"):
        getattr(result, make)()


def test_a_table_of_pyarrow() -> None:
    pytest.importorskip("pyarrow")
    result = analyze(SAMPLES / "syn-refused.pcap")
    table = result.to_arrow()
    assert table.num_rows == len(result) == 1
    assert table.column("outcome").to_pylist() == ["refused"]
