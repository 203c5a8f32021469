"""Exit codes, streams and start-up of the command line; the analysis itself is stood in for."""

import io
import json
import os
import subprocess
import sys
import tomllib
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import tcptrace_py
from tcptrace_py.cli import main, page, progress, reading
from tcptrace_py.model import faults
from tcptrace_py.model.errors import CaptureError
from tcptrace_py.model.results import Analysis
from tcptrace_py.model.state import State
from tests.outputs import factory

ROOT = Path(__file__).parents[2]
Run = Callable[..., Any]


@pytest.fixture
def analyses(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Let the pipeline return `analysis` or raise `error`, and keep what it was asked."""
    asked: dict[str, Any] = {"analysis": factory.few(), "error": None}

    def run(captures: object, **options: object) -> Analysis:
        asked.update(captures=captures, **options)
        if asked["error"] is not None:
            raise asked["error"]
        return asked["analysis"]  # type: ignore[no-any-return]

    monkeypatch.setitem(sys.modules, "tcptrace_py.pipeline", types.SimpleNamespace(run=run))
    monkeypatch.setenv("COLUMNS", "100")
    return asked


def test_done_is_0_and_results_go_to_standard_output(analyses: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["analyze", "a.pcap", "b.pcap"]) == 0
    out, err = capsys.readouterr()
    assert "web.pcap" in out
    assert err == ""
    assert analyses["captures"] == ["a.pcap", "b.pcap"]


def test_a_capture_without_tcp_is_0(analyses: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    analyses["analysis"] = factory.empty()
    assert main.main(["analyze", "a.pcap"]) == 0
    assert "No TCP connection" in capsys.readouterr().out


def test_damage_is_3_unless_allowed(analyses: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    analyses["analysis"] = factory.busy()
    assert main.main(["analyze", "a.pcap", "--format", "json"]) == 3
    out, err = capsys.readouterr()
    assert len(json.loads(out)["connections"]) == 300
    assert "byte 48213" in err
    assert main.main(["analyze", "a.pcap", "--allow-damaged"]) == 0


def test_interruption_prints_what_there_is_and_is_130(analyses: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    analyses["analysis"] = factory.analysis([factory.connection(i) for i in range(3)], interrupted=True)
    assert main.main(["analyze", "a.pcap"]) == 130
    out, err = capsys.readouterr()
    assert "3 completed" in out
    assert "interrupted" in err


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (CaptureError("a.pcap: no capture"), 2, "a.pcap: no capture"),
        (KeyboardInterrupt(), 130, "interrupted"),
        (ValueError("surprise"), 70, "internal error: ValueError: surprise"),
        (BrokenPipeError(), 0, ""),
    ],
)
def test_errors_have_codes_of_their_own(
    *,
    error: BaseException,
    code: int,
    words: str,
    analyses: dict[str, Any],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv(faults.DEBUG_VARIABLE, raising=False)
    monkeypatch.setattr(main, "_drop_output", lambda: None)
    analyses["error"] = error
    assert main.main(["analyze", "a.pcap"]) == code
    err = capsys.readouterr().err
    assert words in err
    assert "Traceback" not in err


def test_tracebacks_are_shown_on_request(
    analyses: dict[str, Any], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(faults.DEBUG_VARIABLE, "1")
    analyses["error"] = ValueError("surprise")
    assert main.main(["analyze", "a.pcap"]) == 70
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ([], "Usage"),
        (["analyze"], "CAPTURE"),
        (["analyse", "a.pcap"], "Did you mean 'analyze'?"),
        (["pyproject.toml"], "tcpstates analyze pyproject.toml"),
        (["zzz"], "There is: analyze"),
        (["analyze", "a.pcap", "--formt", "json"], "--format"),
        (["analyze", "a.pcap", "--format", "xml"], "markdown"),
        (["analyze", "a.pcap", "--port", "99999"], "65535"),
        (["analyze", "a.pcap", "--port", "90-80"], "80-90"),
        (["analyze", "a.pcap", "--host", "10.0.0.0/8"], "--net 10.0.0.0/8"),
        (["analyze", "a.pcap", "--host", "example.org"], "names are not looked up"),
        (["analyze", "a.pcap", "--net", "10.0.0.0/99"], "no network"),
        (["analyze", "a.pcap", "--from", "noon"], "2026-03-01T10:00:00Z"),
        (["analyze", "a.pcap", "--from", "20", "--to", "10"], "--from must lie before --to"),
        (["analyze", "a.pcap", "--os", "beos"], "linux"),
        (["analyze", "a.pcap", "--time-wait", "-1"], "between 0 and"),
        (["analyze", "a.pcap", "--idle", "0"], "0"),
        (["analyze", "a.pcap", "--show", "hosts", "--format", "json"], "--show and --limit"),
        (["analyze", "a.pcap", "-o", "/nonexistent/x.json"], "cannot write /nonexistent/x.json"),
    ],
)
def test_usage_errors_are_2_and_say_what_would_be_right(
    args: list[str], words: str, analyses: dict[str, Any], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    assert main.main(args) == 2
    assert words in capsys.readouterr().err


def test_options_reach_the_analysis(analyses: dict[str, Any]) -> None:
    assert (
        main.main(
            [
                "analyze",
                "-",
                "--host",
                "10.0.0.1",
                "--port",
                "80,8000-8100",
                "--from",
                "1970-01-01T00:00:01Z",
                "--os",
                "macos",
                "--os",
                "2001:db8:0::1=windows",
                "--time-wait",
                "7",
                "--port-range",
                "1000-1999",
                "--idle",
                "1.5",
                "--check-checksums",
            ]
        )
        == 0
    )
    selection, profiles = analyses["selection"], analyses["profiles"]
    assert (selection.hosts, selection.ports, selection.from_ns) == (("10.0.0.1",), ((80, 80), (8000, 8100)), 10**9)
    assert (profiles.default.name, profiles.default.time_wait_s, profiles.default.ephemeral_ports) == ("macos", 7.0, (1000, 1999))
    assert profiles.of("2001:db8::1").name == "windows"
    assert (analyses["idle_s"], analyses["check_checksums"]) == (1.5, True)


@pytest.mark.parametrize(
    ("args", "keeps"),
    [
        (["--format", "json"], True),
        (["--format", "json", "--connections", "none"], False),
        (["--format", "csv", "--connections", "none"], False),
        (["--format", "json", "--connections", "none", "--teardown", "rst"], True),  # to say so where none is chosen
        ([], False),
        (["--show", "connections"], True),
    ],
)
def test_connections_are_kept_where_they_are_listed(args: list[str], keeps: bool, analyses: dict[str, Any]) -> None:
    main.main(["analyze", "a.pcap", *args])
    assert analyses["keep_rows"] == keeps


def test_output_files_appear_whole_and_choose_their_format(analyses: dict[str, Any], tmp_path: Path) -> None:
    for name, begin in (("a.json", "{"), ("a.jsonl", '{"record"'), ("a.csv", "id,"), ("a.md", "# "), ("a.txt", "web.pcap")):
        assert main.main(["analyze", "a.pcap", "-o", str(tmp_path / name)]) == 0
        assert (tmp_path / name).read_text("utf-8").startswith(begin)
    (tmp_path / "old.json").write_text("old")

    def broken() -> Any:
        yield factory.connection()
        raise ValueError("in the middle")

    analyses["analysis"].connections = broken()
    assert main.main(["analyze", "a.pcap", "-o", str(tmp_path / "old.json")]) == 70
    assert (tmp_path / "old.json").read_text() == "old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.csv", "a.json", "a.jsonl", "a.md", "a.txt", "old.json"]


def test_colour_only_where_it_belongs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert not page.takes_colour(None, None)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    assert page.takes_colour(None, None)
    assert not page.takes_colour(None, "file")
    monkeypatch.setenv("TERM", "dumb")
    assert not page.takes_colour(None, None)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("NO_COLOR", "1")
    assert not page.takes_colour(None, None)
    assert page.takes_colour(True, None)


def test_progress_only_on_a_terminal_after_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    now = [100.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    for stream, shown in ((Terminal(), True), (io.StringIO(), False)):
        monkeypatch.setattr(sys, "stderr", stream)
        with progress.Progress() as bar:
            bar(1, 100)
            assert stream.getvalue() == ""
            now[0] += 2
            bar(25_000_000, 100_000_000)
            assert ("25 %" in stream.getvalue()) == shown
        assert stream.getvalue().endswith("\r\x1b[K") == shown


def tcpstates(*args: str, code: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    """A fresh interpreter: `python -m tcptrace_py`, or `code` with the arguments."""
    start = ["-c", code] if code else ["-m", "tcptrace_py"]
    return subprocess.run(
        [sys.executable, *start, *args],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
    )


HEAVY = {"dpkt", "tabulate", "importlib.metadata", "email", "difflib", "http", "asyncio", "multiprocessing", "subprocess", "tempfile"}
HELP = HEAVY | {"pathlib", "ipaddress", "tcptrace_py.model.results", "tcptrace_py.pipeline", "tcptrace_py.checks.engine"}
ANALYSIS = HEAVY | {
    "json",
    "csv",
    "lzma",
    "bz2",
    "zlib",
    "tcptrace_py.checks",
    "tcptrace_py.ladder",
    "tcptrace_py.extraction",
    "tcptrace_py.decode.general",
    "tcptrace_py.findings.diagnosis",
}


@pytest.mark.parametrize(
    ("line", "spared"),
    [
        ("--help", HELP),
        ("--version", HELP),
        ("analyze --help", HELP),
        ("check --help", HELP),
        ("analyze samples/three-way-handshake.pcap", ANALYSIS),
        ("analyze samples/close-wait-never-closes.pcap", ANALYSIS),
        ("time-wait samples/three-way-handshake.pcap", HEAVY | {"json", "csv", "lzma"}),
    ],
)
def test_start_up_imports_no_more_than_is_needed(line: str, spared: set[str]) -> None:
    """A ten-packet capture within 0.15 s of CPU, help within 0.1 s: what takes the time is what is imported."""
    code = (
        "import sys, click; before = set(sys.modules); from tcptrace_py.cli import main;"
        "status = main.main(sys.argv[1:]);"
        "print(status, *set(sys.modules) - before, file=sys.stderr)"
    )
    status, *imported = tcpstates(*line.split(), code=code).stderr.split()
    assert status == "0"
    assert spared.intersection(imported) == set()


def test_the_package_imports_nothing_of_its_own() -> None:
    light = tcpstates(code="import sys, tcptrace_py; print(sum(m.startswith('tcptrace_py') for m in sys.modules))")
    assert light.stdout.split() == ["1"]


def test_a_closed_pipe_ends_quietly() -> None:
    code = (
        "import sys, types; from tests.outputs import factory; from tcptrace_py.cli import main;"
        "sys.modules['tcptrace_py.pipeline'] = types.SimpleNamespace(run=lambda *a, **k: factory.busy());"
        "main.run()"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
    for form in ("json", "table"):
        line = f'"{sys.executable}" -c "{code}" analyze x --format {form} --allow-damaged | head -n 1; echo "${{PIPESTATUS[0]}}"'
        shell = subprocess.run(
            line, shell=True, executable="/bin/bash", capture_output=True, text=True, cwd=ROOT, check=False, env=environment
        )
        lines = shell.stdout.splitlines()
        assert lines[-1] == "0"
        assert len(lines) == 2
        assert "Traceback" not in shell.stderr
        assert "Exception ignored" not in shell.stderr


def test_version_says_whether_it_is_compiled() -> None:
    result = tcpstates("--version")
    assert result.stdout.startswith(f"tcpstates {tcptrace_py.__version__} (")
    assert ("compiled" in result.stdout) == tcptrace_py._compiled()
    assert ("interpreted" in result.stdout) != tcptrace_py._compiled()
    assert tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"] == tcptrace_py.__version__


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        ("tcpstates an", "analyze"),
        ("tcpstates analyze x --tear", "--teardown"),
        ("tcpstates analyze x --teardown unf", "unfinished-close"),
        ("tcpstates analyze x --os mac", "macos"),
        ("tcpstates analyze x --cause data", "data-after-close"),
        ("tcpstates help idle-time", "idle-timeout"),
    ],
)
def test_completion(words: str, wanted: str) -> None:
    result = tcpstates(_TCPSTATES_COMPLETE="bash_complete", COMP_WORDS=words, COMP_CWORD=str(len(words.split()) - 1))
    assert [line.partition(",")[2] for line in result.stdout.splitlines()] == [wanted]
    assert "complete" in tcpstates(_TCPSTATES_COMPLETE="bash_source").stdout


def test_states_can_be_named() -> None:
    help_text = tcpstates("analyze", "--help", COLUMNS="200").stdout
    assert all(state.name in help_text for state in State)


def test_the_package_offers_what_it_names() -> None:
    for name in tcptrace_py.__all__:
        assert getattr(tcptrace_py, name) is not None
    assert set(tcptrace_py.__all__) == set(tcptrace_py._HOMES)
    with pytest.raises(AttributeError):
        tcptrace_py.nothing  # noqa: B018


@pytest.mark.parametrize(("is_compiled", "least_bytes", "said"), [(False, 100, 1), (True, 100, 0), (False, 1 << 30, 0)])
def test_a_large_capture_in_the_interpreted_form_is_remarked_once(
    is_compiled: bool, least_bytes: int, said: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tcptrace_py._compiled", lambda: is_compiled)
    monkeypatch.setattr(reading, "LARGE_BYTES", least_bytes)
    monkeypatch.setattr(reading, "_is_said", False)
    for _ in range(2):
        assert main.main(["analyze", str(ROOT / "samples" / "three-way-handshake.pcap")]) == 0
    assert capsys.readouterr().err.count("the engine is not compiled here") == said


@pytest.mark.slow
@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252"])
@pytest.mark.parametrize(
    "words",
    [
        ["analyze", "samples/close-wait-never-closes.pcap"],
        ["explain", "samples/last-ack-lost.pcap", "0"],
        ["time-wait", "samples/pile-up-on-a-server.pcap.xz"],
        ["check", "samples/syn-refused.pcap", "--forbid", "rst"],
        ["help", "states"],
    ],
    ids=lambda words: words[0],
)
def test_no_character_is_printed_as_its_number(words: list[str], encoding: str) -> None:
    run = subprocess.run(
        [sys.executable, "-m", "tcptrace_py", *words],
        capture_output=True,
        cwd=ROOT,
        check=False,
        env={**os.environ, "PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"},
    )
    assert run.returncode in {0, 1}
    assert len(run.stdout) > 100
    assert b"\\u" not in run.stdout
