"""What comes from outside is shown and never obeyed, in every format and at every place where it may come."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
import unicodedata
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcptrace_py.cli import main
from tcptrace_py.outputs import foreign, verdicts
from tcptrace_py.outputs.formats.markdown import escape
from tcptrace_py.outputs.units import printable
from tests.thorough import paired

from .test_inputs import INPUTS

SAMPLE = Path(__file__).parents[2] / "samples" / "syn-refused.pcap"
NASTY = {
    "escape sequence": "\x1b[31mevil\x1b]0;title\x07",
    "end of line": "a\n::error::pwned\r\n::warning file=x::y",
    "command": "::error::pwned",
    "old command": "##[error]pwned",
    "cell": "a|b`c<b>d</b>[e](f)&lt;",
    "formula": '=HYPERLINK("http://x")',
    "bidi": "abc\u202egnp.exe\u2066",
    "separators": "a\u2028b\u2029c\x85d",
}
NO_UTF_8 = "bad\udcff\udc80"
COMMAND = re.compile(r"^\s*::[a-z-]*[g-z-]|##\[", re.IGNORECASE)


def harmless(text: str, *, lines: bool = True) -> None:
    """Nothing in it steers a terminal, a log or a reader's eye; `lines`: a log may hold it line by line."""
    for char in text:
        assert char == "\n" or unicodedata.category(char) not in ("Cc", "Cf", "Cs", "Zl", "Zp"), repr(char)
    text.encode()
    assert not lines or not any(COMMAND.search(line) for line in text.split("\n")), text


def toml(text: str) -> str:
    return json.dumps(text)


KINDS = [*NASTY, "no UTF-8"]


@pytest.fixture(params=KINDS)
def named(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[str, str]:
    """A file of a nasty name, which is where it is looked for, and a text of the kind."""
    text = NASTY.get(request.param, NO_UTF_8)
    monkeypatch.chdir(tmp_path)
    name = text.replace("/", "_") + ".pcap"
    try:
        shutil.copy(SAMPLE, name)
    except (OSError, UnicodeError):
        pytest.skip("no file can be named so")
    if not any(entry.name == name for entry in Path().iterdir()):
        pytest.skip("the system names it otherwise")
    return name, text if request.param in NASTY else "x"


@pytest.mark.parametrize(("named", "form"), paired(KINDS, verdicts.names()), indirect=["named"])
def test_verdicts(named: tuple[str, str], form: str, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("duckdb")
    name, text = named
    plain = text.replace('"', "").replace("'", "")
    query = f"""SELECT id, '{plain}' AS "{plain}" FROM connections"""
    Path("rules.toml").write_text(f"[[sql]]\nname = {toml(text)}\nmessage = {toml(text)}\nquery = {toml(query)}\n")
    assert main.main(["check", name, "--rules", "rules.toml", "--forbid", "refused", "--format", form]) == 1
    out, _ = capsys.readouterr()
    harmless(out, lines=form in ("text", "markdown"))
    if form == "junit":
        suite = ET.fromstring(out)
        assert len(suite.findall(".//testcase")) == 3
    elif form in ("json", "sarif"):
        document = json.loads(out)
        assert json.dumps(document, ensure_ascii=False).encode()
    elif form == "github":
        *annotations, last = out.rstrip("\n").split("\n")
        assert [annotation.partition(" ")[0] for annotation in annotations] == ["::error", "::error"]
        harmless(last)


@pytest.mark.parametrize(
    "command",
    [
        ["analyze"],
        ["analyze", "--show", "connections"],
        ["analyze", "--format", "markdown"],
        ["analyze", "--format", "csv"],
        ["time-wait"],
        ["time-wait", "--format", "markdown"],
    ],
)
def test_pages(command: list[str], named: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main([command[0], named[0], *command[1:]]) == 0
    harmless(capsys.readouterr().out)


@pytest.mark.parametrize("command", [["analyze", "--format", "json"], ["analyze", "--format", "jsonl"], ["time-wait", "--format", "json"]])
def test_documents(command: list[str], named: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main([command[0], named[0], *command[1:]]) == 0
    out = capsys.readouterr().out
    for line in out.splitlines() if "jsonl" in command else [out]:
        assert json.dumps(json.loads(line), ensure_ascii=False).encode()


@pytest.mark.parametrize(("kind", "form"), paired(NASTY, ["table", "markdown", "csv", "json"]))
def test_queries(kind: str, form: str, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("duckdb")
    text = NASTY[kind].replace("'", "").replace('"', "")
    assert main.main(["query", str(SAMPLE), f"""SELECT '{text}' AS "{text}", 5 AS b""", "--format", form]) == 0
    out, _ = capsys.readouterr()
    if form == "json":
        assert json.loads(out) == [{text: text, "b": 5}]
        return
    harmless(out)
    if form == "csv":
        assert all(len(row) == 2 and not row[0].startswith("=") for row in csv.reader(io.StringIO(out)))
    if form == "markdown":
        assert {len(re.findall(r"(?<!\\)\|", row)) for row in out.strip().split("\n")} == {3}


def test_errors_about_a_file(named: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    Path(named[0]).write_bytes(b"nothing")
    assert main.main(["analyze", named[0]]) == 2
    harmless(capsys.readouterr().err)


def test_an_input_that_names_its_column_so() -> None:
    pytest.importorskip("duckdb")
    for form in ("text", "github", "markdown"):
        assert main.main(["check", str(SAMPLE), "--rules", str(INPUTS / "07-column-name.toml"), "--format", form]) == 1


def test_a_stream_that_two_connections_bear_is_told_apart(capsys: pytest.CaptureFixture[str]) -> None:
    path = str(INPUTS / "12-two-scopes.pcap")
    assert main.main(["check", path, "--forbid", "rst"]) == 1
    (command,) = [line.split("look")[1].split() for line in capsys.readouterr().out.splitlines() if line.strip().startswith("look ")]
    assert command[-1] == "1"
    assert main.main([*command[1:]]) == 0
    assert "RST" in capsys.readouterr().out


@given(st.text(st.characters(), max_size=30) | st.text("\x1b\n\r:#[]=|-+@aerow \u202e", max_size=30))
def test_texts(text: str) -> None:
    for shown in (foreign.cell(text), escape(printable(text)), foreign.line(printable(text))):
        harmless(shown, lines=False)
        assert "\n" not in shown
    assert not COMMAND.search(foreign.line(printable(text)))
    assert foreign.cell(text)[:1] not in ("=", "@")


@given(st.ip_addresses())
def test_addresses_are_left_as_they_are(address: object) -> None:
    assert foreign.line(f"  {address}  {address}") == f"  {address}  {address}"
    assert foreign.cell(str(address)) == str(address)
