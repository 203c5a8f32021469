"""check, rules and query on the command line: exit codes, where rules come from, what is written where."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from samples.make import FOLDER
from tcptrace_py.checks import docs, registry
from tcptrace_py.checks.rules.capture_quality import PROBLEMS
from tcptrace_py.cli import main

ROOT = Path(__file__).parents[2]
GOOD, BAD, CUT, EMPTY = (str(FOLDER / name) for name in ("fin-on-the-ack.pcap", "syn-refused.pcap", "cut-tail.pcap", "no-tcp.pcap"))
LOST = str(FOLDER / "acknowledged-but-not-captured.pcap")


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Away from any pyproject.toml."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")


@pytest.mark.parametrize(("args", "code"), [
    ([GOOD, "--forbid", "rst"], 0),
    ([BAD, "--forbid", "rst"], 1),
    ([BAD, "--forbid", "unanswered"], 0),
    ([GOOD, "--max-handshake-p99", "1s", "--max-time-wait", "1000"], 0),
    ([GOOD, "--max-handshake-p99", "1us"], 1),
    ([CUT, "--forbid", "rst"], 3),
    ([CUT, "--forbid", "rst", "--allow-damaged"], 0),
    ([CUT, "--max-handshake", "1us"], 1),
    ([CUT, "--max-handshake", "1us", "--allow-damaged"], 1),
    ([LOST, "--forbid", "rst"], 1),
    ([LOST, "--forbid", "rst", "--allow", "acked-unseen"], 0),
    ([EMPTY, "--forbid", "rst"], 1),
    ([EMPTY, "--forbid", "rst", "--allow-empty"], 0),
    ([GOOD, "--forbid", "rst", "--port", "1"], 1),
    ([GOOD], 2),
    ([GOOD, "--forbid", "rts"], 2),
    ([GOOD, "--forbid", "rst", "--allow", "everything"], 2),
    ([GOOD, "--max-time-wait", "-1"], 2),
    ([GOOD, "--rules", "missing.toml"], 2),
    ([GOOD, "--forbid", "rst", "--report", "junit"], 2),
    ([GOOD, "--forbid", "rst", "--report", "xml=x"], 2),
    ([GOOD, "--forbid", "rst", "--report", "json=/nonexistent/x"], 2),
    (["missing.pcap", "--forbid", "rst"], 2),
    (["--forbid", "rst"], 2),
])  # fmt: skip
def test_exit_codes(args: list[str], code: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["check", *args]) == code
    out, err = capsys.readouterr()
    assert bool(err) == (code in (2, 3) or CUT in args or "--port" in args)
    assert ("all checks hold" in out) == (code == 0)


def test_interruption_is_130(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    from tcptrace_py.cli.reading import Reading

    analyzed = Reading.analyze

    def interrupted(self: Reading) -> object:
        result = analyzed(self)
        result.interrupted = True
        return result

    monkeypatch.setattr(Reading, "analyze", interrupted)
    assert main.main(["check", BAD, "--forbid", "rst"]) == 130
    assert "FAIL" in capsys.readouterr().out


def test_rules_come_from_files_options_and_pyproject(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.toml").write_text("[rules.refused-handshakes]\nports = 80\n")
    assert main.main(["check", BAD, "--rules", "a.toml", "--forbid", "rst"]) == 1
    out = capsys.readouterr().out
    assert "TS102 refused-handshakes\n  a.toml:1; port 80\n" in out
    assert "TS302 teardown-pattern\n  --forbid rst\n" in out
    assert main.main(["check", BAD, "--rules", "a.toml", "--rules", "a.toml", "--format", "json"]) == 1
    assert len(json.loads(capsys.readouterr().out)["checks"]) == 3
    (tmp_path / "pyproject.toml").write_text("[tool.tcpstates.rules.refused-handshakes]\n")
    assert main.main(["check", BAD]) == 1
    assert "\n  pyproject.toml:1\n" in capsys.readouterr().out
    (tmp_path / "a.toml").write_text("[rules.refused-handshake]\n")
    assert main.main(["check", BAD, "--rules", "a.toml"]) == 2
    assert "a.toml:1: there is no rule 'refused-handshake'; did you mean 'refused-handshakes'?" in capsys.readouterr().err


def test_reports_are_written_beside_the_verdict(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        main.main(
            [
                "check",
                BAD,
                "--forbid",
                "rst",
                "--report",
                "junit=v.xml",
                "--report",
                "sarif=v.sarif",
                "--report",
                "markdown=v.md",
                "-o",
                "v.txt",
            ]
        )
        == 1
    )
    assert capsys.readouterr().out == ""
    begins = {"v.xml": "<?xml", "v.sarif": "{", "v.md": "# ", "v.txt": FOLDER.as_posix()}
    for name, begin in begins.items():
        assert (tmp_path / name).read_text("utf-8").startswith(begin), name


def test_rules_are_listed_and_explained(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["rules"]) == 0
    out = capsys.readouterr().out
    assert all(rule.CODE in out and rule.NAME in out for rule in registry.all_rules())
    assert all(len(line) <= 100 for line in out.splitlines())
    for name in ("TS305", "ts305", "close-wait"):
        assert main.main(["rules", name]) == 0
        assert capsys.readouterr().out == docs.section(registry.find("TS305"))
    assert main.main(["rules", "close-wiat"]) == 2
    assert "did you mean 'close-wait'?" in capsys.readouterr().err


def test_files_of_rules_are_checked_without_a_capture(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.toml").write_text("[rules.resets]\n")
    assert main.main(["rules", "--check", "a.toml"]) == 0
    assert capsys.readouterr().out == "a.toml: 1 check\n"
    (tmp_path / "a.toml").write_text("[rules.resets]\nmx = 1\n[rules.reset]\n")
    assert main.main(["rules", "--check", "a.toml"]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert [line[:19] for line in lines] == ["tcpstates: a.toml:2", "tcpstates: a.toml:3"]


def test_the_page_of_rules_is_current() -> None:
    page = (ROOT / "docs" / "rules.md").read_text("utf-8")
    assert page == docs.page(), "run: python -m tcptrace_py.checks.docs > docs/rules.md"


def test_problems_that_can_be_allowed_are_offered() -> None:
    assert "acked-unseen" in PROBLEMS
    assert "one-sided" in PROBLEMS


@pytest.mark.parametrize(("form", "text"), [
    ("table", "  id  outcome\n----  ---------\n   0  refused\n"), ("csv", "id,outcome\n0,refused\n"),
    ("markdown", "|   id | outcome   |\n|-----:|:----------|\n|    0 | refused   |\n"),
    ("json", '[\n {\n  "id": 0,\n  "outcome": "refused"\n }\n]\n'),
])  # fmt: skip
def test_queries(form: str, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["query", BAD, "SELECT id, outcome FROM connections", "--format", form]) == 0
    assert capsys.readouterr().out == text


def test_queries_of_nothing_and_of_times(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["query", BAD, "SELECT id FROM connections WHERE false"]) == 0
    assert capsys.readouterr().out.split() == ["id", "----"]
    assert main.main(["query", BAD, "SELECT started, vantage FROM connections", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["started"].startswith("2026-01-02 03:04:05")
    assert main.main(["query", CUT, "SELECT 1"]) == 3


@pytest.mark.parametrize(("args", "words"), [
    ([BAD], "no statement"), (["SELECT 1"], "no capture"), ([BAD, "SELECT x FROM connections"], "Binder Error"),
    ([BAD, "COPY connections TO '/tmp/x.csv'"], "disabled"),
])  # fmt: skip
def test_queries_that_make_no_sense(args: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["query", *args]) == 2
    assert words in capsys.readouterr().err


def test_help_of_check_imports_no_rule() -> None:
    code = (
        "import sys; from tcptrace_py.cli import main; main.main(['check', '--help']);"
        "print(*[m for m in sys.modules if m.startswith('tcptrace_py.checks.')], file=sys.stderr)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert run.stderr.split() == ["tcptrace_py.checks.shorthands"]
