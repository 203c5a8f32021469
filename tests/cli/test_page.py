"""Which format a file's ending asks for, in every command that writes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tcptrace_py.cli import main
from tcptrace_py.cli.page import format_for
from tcptrace_py.model.errors import UsageError

FORMATS = ("table", "markdown", "json")
SAMPLE = str(Path(__file__).parents[2] / "samples" / "three-way-handshake.pcap")
COMMANDS = {
    "analyze": ["analyze", SAMPLE],
    "time-wait": ["time-wait", SAMPLE],
    "query": ["query", SAMPLE, "SELECT 1"],
    "explain": ["explain", SAMPLE, "0"],
    "check": ["check", SAMPLE, "--forbid", "rst"],
    "diff": ["diff", SAMPLE, SAMPLE],
    "extract": ["extract", SAMPLE],
}


@pytest.mark.parametrize(
    ("path", "asked", "form"),
    [
        (None, None, "table"),
        ("a", None, "table"),
        ("a.txt", None, "table"),
        ("A.JSON", None, "json"),
        ("a.b/c", None, "table"),
        ("a.md", None, "markdown"),
        ("a.json", "table", "table"),
        ("a.xlsx", "json", "json"),
        ("/dev/null", None, "table"),
    ],
)
def test_format(path: str | None, asked: str | None, form: str) -> None:
    assert format_for(path, asked, FORMATS, "table") == form


@pytest.mark.parametrize("name", ["a.xlsx", "a.csv", "a.json.gz"])
def test_an_ending_that_asks_for_nothing(name: str) -> None:
    with pytest.raises(UsageError, match=r"names no format: take one of .txt, .log, .md, .markdown, .json, or --format"):
        format_for(name, None, FORMATS, "table")


def test_what_may_be_meant() -> None:
    with pytest.raises(UsageError, match=r"did you mean '.json'"):
        format_for("a.jsn", None, FORMATS, "table")


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_refuses_it_and_writes_nothing(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "out.xlsx"
    assert main.main([*COMMANDS[name], "-o", str(path)]) == 2
    assert "the ending .xlsx names no format" in capsys.readouterr().err
    assert not path.exists()


@pytest.mark.parametrize(
    ("name", "ending", "begins"),
    [
        ("explain", ".mmd", "sequenceDiagram"),
        ("check", ".xml", "<?xml"),
        ("check", ".sarif", "{"),
        ("query", ".json", "["),
        ("query", ".csv", "1"),
        ("time-wait", ".csv", "client"),
        ("analyze", ".md", "# "),
    ],
)
def test_the_ending_chooses(name: str, ending: str, begins: str, tmp_path: Path) -> None:
    path = tmp_path / f"out{ending}"
    assert main.main([*COMMANDS[name], "-o", str(path)]) == 0
    assert path.read_text().lstrip().startswith(begins)
