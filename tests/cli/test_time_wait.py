"""`tcpstates time-wait` and `explain` as commands: formats, files, errors, exit codes."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest

from tcptrace_py.cli.main import main

SAMPLES = Path(__file__).parents[2] / "samples"
BUILDUP = str(SAMPLES / "buildup-health-checks.server.pcap.xz")
CLOSE = str(SAMPLES / "simultaneous-close.pcap")
REUSED = str(SAMPLES / "time-wait-reused.pcap")


def test_the_page(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["time-wait", BUILDUP]) == 0
    out, err = capsys.readouterr()
    assert "Verdict" in out
    assert "What to do" in out
    assert err == ""


def test_profiles_shape_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["time-wait", BUILDUP, "--os", "10.77.5.1=windows", "--format", "json"]) == 0
    told = json.loads(capsys.readouterr().out)
    by_address = {host["address"]: host for host in told["hosts"]}
    assert by_address["10.77.5.1"]["time_wait_s"] == 120.0
    assert by_address["10.77.5.2"]["time_wait_s"] == 60.0
    ports = next(s["ports"] for s in told["services"] if s["server_port"] == 9090)
    assert ports["range"] == [49152, 65535]


def test_a_file_by_its_ending(tmp_path: Path) -> None:
    assert main(["time-wait", BUILDUP, "-o", str(tmp_path / "a.json")]) == 0
    assert json.loads((tmp_path / "a.json").read_text())["schema"] == "tcpstates/time-wait/1"
    assert main(["time-wait", BUILDUP, "-o", str(tmp_path / "a.csv"), "--table", "population"]) == 0
    assert (tmp_path / "a.csv").read_text().startswith("address,at,time_wait\n")
    assert main(["time-wait", BUILDUP, "-o", str(tmp_path / "a.md")]) == 0
    assert (tmp_path / "a.md").read_text().startswith("# ")


@pytest.mark.parametrize(
    "arguments",
    [
        ["time-wait", BUILDUP, "--table", "hosts"],
        ["time-wait", BUILDUP, "--limit", "3", "--format", "json"],
        ["time-wait", BUILDUP, "-o", "lines.jsonl"],
        ["time-wait", "nowhere.pcap"],
        ["explain", CLOSE],
        ["explain", CLOSE, "17"],
        ["explain", CLOSE, "tomorrow"],
        ["explain", CLOSE, "10.0.0.7:80-10.0.0.9:81"],
    ],
)
def test_usage_errors(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err


def test_damage_is_said_and_has_its_code(capsys: pytest.CaptureFixture[str]) -> None:
    cut = str(SAMPLES / "cut-tail.pcap")
    assert main(["time-wait", cut]) == 3
    assert main(["explain", cut, "0"]) == 3
    assert main(["time-wait", cut, "--allow-damaged"]) == 0
    assert "cut-tail.pcap" in capsys.readouterr().err


@pytest.mark.parametrize("which", ["0", "stream:0", "192.0.2.10:40000-198.51.100.20:80"])
def test_a_connection_by_each_of_its_names(which: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", CLOSE, which]) == 0
    out = capsys.readouterr().out
    assert "192.0.2.10:40000 → 198.51.100.20:80" in out
    assert "CLOSING" in out
    assert "In words" in out


def test_several_matches_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", REUSED, "192.0.2.10:40000-198.51.100.20:80"]) == 0
    assert "1 more connection matched: ids 1" in capsys.readouterr().out


def test_why_and_mermaid(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["explain", CLOSE, "0", "--why"]) == 0
    assert "(RFC 9293, 3.10.7.4)" in capsys.readouterr().out
    assert main(["explain", CLOSE, "0", "--format", "mermaid", "-o", str(tmp_path / "d.mmd")]) == 0
    assert (tmp_path / "d.mmd").read_text().startswith("sequenceDiagram\n")


def test_standard_input_is_read_twice(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    class Stdin(io.TextIOWrapper):
        def isatty(self) -> bool:
            return False

    monkeypatch.setattr(sys, "stdin", Stdin(io.BytesIO(Path(CLOSE).read_bytes())))
    assert main(["explain", "-", "0"]) == 0
    assert "CLOSING" in capsys.readouterr().out


def test_several_captures_are_one(capsys: pytest.CaptureFixture[str]) -> None:
    parts = [str(SAMPLES / f"rotated-{n}.pcap") for n in (1, 2)]
    assert main(["explain", *parts, "0"]) == 0
    assert "In words" in capsys.readouterr().out
