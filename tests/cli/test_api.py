"""The Python API: what `analyze` returns beside the facts."""

import sys
import types
from pathlib import Path

import pytest

from tcptrace_py import Analysis, Result, analyze
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
    assert repr(result) == "<Result web.pcap: connections 5 (3 completed, 1 refused, 1 unanswered), capture problems 0>"


def test_document_is_that_of_the_json_format(result: Result) -> None:
    found = result.to_document()
    assert found["schema"] == "tcpstates/analysis/1"
    assert [row["stream"] for row in found["connections"]] == [0, 1, 2, 3, 4]
