"""Help: whole, in groups, of words as well as of commands; the manual page; completion."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from typing import TYPE_CHECKING

import click
import pytest

from tcptrace_py.cli import command, completion, main

if TYPE_CHECKING:
    from pathlib import Path

CONTEXT = click.Context(main.tcpstates, info_name="tcpstates", **main.tcpstates.context_settings)


def said(capsys: pytest.CaptureFixture[str], *args: str) -> str:
    assert main.main([*args]) == 0
    return capsys.readouterr().out


@pytest.mark.parametrize("width", ["60", "100"])
def test_no_summary_is_cut(width: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("COLUMNS", width)
    listed = " ".join(said(capsys, "--help").partition("Commands:")[2].split())
    assert "..." not in listed
    for name in main.COMMANDS:
        assert re.search(rf"\b{name} \w[^.]*\.", listed)


@pytest.mark.parametrize("name", main.COMMANDS)
def test_every_option_is_in_one_group(name: str) -> None:
    found = main.tcpstates.get_command(CONTEXT, name)
    assert isinstance(found, command.Command)
    options = [parameter for parameter in found.get_params(CONTEXT) if isinstance(parameter, click.Option)]
    grouped = [option.name for _, members in command.grouped(found, CONTEXT) for option in members]
    assert sorted(map(str, grouped)) == sorted(str(option.name) for option in options)


@pytest.mark.parametrize(
    ("name", "usage"),
    [
        ("query", "tcpstates query [OPTIONS] CAPTURE...|TABLES SQL"),
        ("diff", "tcpstates diff [OPTIONS] BASE NEW"),
        ("extract", "tcpstates extract [OPTIONS] CAPTURE... -o FILE"),
        ("explain", "tcpstates explain [OPTIONS] CAPTURE... WHICH"),
    ],
)
def test_usage_lines_can_be_typed(name: str, usage: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert said(capsys, name, "--help").splitlines()[0] == f"Usage: {usage}"


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        ([], ["findings", "rules", "tcpstates help WORD"]),
        (["ports-exhausted"], ["ports-exhausted (finding)", "What shows it", "What to do"]),
        (["refused"], ["refused (outcome)", "refused (cause)"]),
        (["time-wait"], ["Usage: tcpstates time-wait", "TIME_WAIT (state)"]),
        (["states"], ["FIN_WAIT_2", "its FIN is acknowledged"]),
        (["TS302", "snapped"], ["TS302 teardown-pattern (rule)", "snapped (problem)"]),
    ],
)
def test_words_are_explained(words: list[str], wanted: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    out = said(capsys, "help", *words)
    assert [text for text in wanted if text not in out] == []


def test_a_misspelt_word_is_an_error_with_suggestions(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["help", "port-exhausted"]) == 2
    out, err = capsys.readouterr()
    assert (out, "did you mean ports-exhausted" in err) == ("", True)


def test_v_is_the_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert said(capsys, "-V") == said(capsys, "--version")


def test_the_manual_page_has_every_command_and_option(capsys: pytest.CaptureFixture[str]) -> None:
    page = said(capsys, "--man")
    assert page.startswith(".TH TCPSTATES 1")
    plain = page.replace("\\-", "-")
    for name in main.COMMANDS:
        assert f".SH TCPSTATES {name.upper()}" in plain
        found = main.tcpstates.get_command(CONTEXT, name)
        assert found is not None
        for option in found.get_params(CONTEXT):
            assert not isinstance(option, click.Option) or max(option.opts, key=len) in plain
    assert [line for line in page.splitlines() if line.startswith("'")] == []


@pytest.mark.skipif(shutil.which("man") is None, reason="no man here")
def test_the_manual_page_is_understood(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "tcpstates.1"
    file.write_text(said(capsys, "--man"))
    shown = subprocess.run(
        ["man", "--warnings", "-l", str(file)],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "MANPAGER": "cat", "MANWIDTH": "80"},
    )
    assert "SYNOPSIS" in shown.stdout
    assert shown.stderr == ""


@pytest.mark.parametrize("shell", main.SHELLS)
def test_completion_is_installed_by_one_command(
    shell: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("XDG_DATA_HOME", "XDG_CONFIG_HOME", "ZDOTDIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    settings = tmp_path / ".zshrc"
    settings.write_text("alias ll='ls -l'")
    for _ in range(2):  # once more changes nothing
        assert str(completion.file_of(shell)) in said(capsys, "--install-completion", shell)
    assert "_TCPSTATES_COMPLETE" in completion.file_of(shell).read_text()
    lines = settings.read_text().splitlines()
    assert lines[0] == "alias ll='ls -l'"
    assert len(lines) == (2 if shell == "zsh" else 1)


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash here")
def test_bash_takes_what_is_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    said(capsys, "--install-completion", "bash")
    run = subprocess.run(
        ["bash", "-c", f"source '{completion.file_of('bash')}' && complete -p tcpstates"], capture_output=True, text=True, check=True
    )
    assert run.stdout.rstrip().endswith("tcpstates")


def test_completion_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / ".local").write_text("a file where a folder must be")
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert main.main(["--install-completion", "bash"]) == 2
    assert "cannot be written" in capsys.readouterr().err
