"""What the commands do that look for single connections, beside what is tried of all commands."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import tcptrace_py.api
from tcptrace_py import analyze
from tcptrace_py.cli import page, reading
from tcptrace_py.cli.main import main
from tcptrace_py.cli.reading import INTERRUPTED, Reading
from tcptrace_py.model.problems import Problem
from tcptrace_py.pipeline.haste import PASSED_OVER

SAMPLES = Path(__file__).parents[2] / "samples"


@pytest.mark.parametrize("command", [["extract", "-o", "out.pcap"], ["analyze"]])
def test_ctrl_c_before_the_stream_came_reads_nothing_once_more(
    command: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """What was read has no such stream: what there is in the rest is not looked for any more."""
    monkeypatch.chdir(tmp_path)
    found = Reading.find

    def interrupted(self: Reading, *args: Any, **how: Any) -> Any:
        result = found(self, *args, **how)
        result.interrupted = True
        return result

    def refused(*_: Any, **__: Any) -> None:
        raise AssertionError("the captures are read once more")

    monkeypatch.setattr(Reading, "find", interrupted)
    monkeypatch.setattr(Reading, "analyze", refused)
    assert main([command[0], str(SAMPLES / "close-wait-never-closes.pcap"), "--stream", "77", *command[1:]]) == 130
    assert "interrupted" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


NAT = [str(SAMPLES / "path" / f"recorded-nat-loss.{name}.pcap.xz") for name in ("client", "server")]


def test_a_stream_behind_a_translation_is_said_to_be_counted_in_front_of_it(capsys: pytest.CaptureFixture[str]) -> None:
    streams = {connection.stream for connection in analyze(NAT).connections if connection.stream is not None}
    behind = min(set(range(max(streams))) - streams)
    chosen = "behind it --host 10.78.35.254 chooses them"
    assert main(["explain", *NAT, f"stream:{behind}"]) == 2
    assert chosen in capsys.readouterr().err
    assert main(["analyze", *NAT, "--stream", str(behind), "--format", "csv"]) == 0
    assert chosen in capsys.readouterr().err
    assert main(["explain", *NAT, f"stream:{behind}", "--host", "10.78.35.254"]) == 0
    assert "10.78.35.254" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (
            ["--from", "2031-01-01T00:00:00Z"],
            "no connection of 3 matches; the capture goes from 2026-01-02 03:04:05.000 to 2026-01-02 03:04:27.087 UTC; nothing is written",
        ),
        (["--port", "9"], "no connection matches --port 9; there are connections to 198.51.100.20:80 (3)"),
        (["--teardown", "rst"], "no connection of 3 matches --teardown rst; teardowns: half-closed (2), four-way (1); nothing is written"),
    ],
)
def test_extract_says_what_there_is_where_nothing_matches(
    options: list[str], said: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert main(["extract", str(SAMPLES / "close-wait-never-closes.pcap"), *options, "-o", str(tmp_path / "out.pcap")]) == 1
    err = capsys.readouterr().err
    assert said in err
    assert "of 0" not in err
    assert not list(tmp_path.iterdir())


def test_ctrl_c_is_answered_before_a_long_document_is_written(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    read, said = tcptrace_py.api.analyze, []

    def interrupted(*captures: Any, **how: Any) -> Any:
        result = read(*captures, **how)
        result.interrupted = True
        return result

    monkeypatch.setattr(tcptrace_py.api, "analyze", interrupted)
    monkeypatch.setattr(page, "emit", lambda _write, _output: said.append(capsys.readouterr().err))
    assert main(["analyze", str(SAMPLES / "close-wait-never-closes.pcap"), "-o", str(tmp_path / "a.json")]) == 130
    assert said == [f"tcpstates: {INTERRUPTED}\n"]
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("form", ["json", "jsonl", "csv"])
def test_a_list_behind_ctrl_c_ends_where_the_time_does(
    form: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What was written is whole but for connections, and standard error says that there are more."""
    analyzed = Reading.analyze

    def interrupted(self: Reading, **how: Any) -> Any:
        result = analyzed(self, **how)
        result.interrupted = True
        result.capture.problems.append(Problem(PASSED_OVER, 1234, "connections were still to be judged", None, damaged=False))
        return result

    monkeypatch.setattr(Reading, "analyze", interrupted)
    command = ["analyze", str(SAMPLES / "close-wait-never-closes.pcap"), "--format", form]
    assert main(command) == 130
    out, err = capsys.readouterr()
    assert _listed(form, out) == 3
    assert "1,234 connections could not be judged in time (passed-over)" in err
    assert "not all" not in err
    monkeypatch.setattr(reading, "LISTS_S", -1.0)
    assert main(command) == 130
    out, err = capsys.readouterr()
    assert _listed(form, out) == 0
    assert "not all of 3 connections are listed" in err


def _listed(form: str, out: str) -> int:
    """How many connections a document lists that is whole otherwise."""
    if form == "json":
        document = json.loads(out)
        assert document["interrupted"]
        assert document["summary"]["connections"] == 3
        return len(document["connections"])
    lines = out.splitlines()
    if form == "csv":
        return len(lines) - 1
    records = [json.loads(line)["record"] for line in lines]
    assert (records[0], records[-1]) == ("header", "trailer")
    return len(records) - 2


def test_a_query_behind_ctrl_c_says_what_it_was_not_given(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("duckdb")
    analyzed = Reading.analyze

    def interrupted(self: Reading, **how: Any) -> Any:
        result = analyzed(self, **how)
        result.interrupted = True
        return result

    monkeypatch.setattr(Reading, "analyze", interrupted)
    monkeypatch.setattr(reading, "LISTS_S", -1.0)
    assert main(["query", str(SAMPLES / "close-wait-never-closes.pcap"), "SELECT count(*) AS n FROM connections", "--format", "csv"]) == 130
    out, err = capsys.readouterr()
    assert out == "n\n0\n"
    assert "not all of 3 connections are listed" in err
