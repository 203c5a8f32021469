"""The worked example: the rules catch each fault of the service, and let the repaired one pass."""

import os
import re
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from samples.ci import service
from samples.ci.service import AFTER, BEFORE, Behaviour
from tcptrace_py import analyze
from tcptrace_py.checks import config, engine
from tests.kernel import needs_recording

ROOT = Path(__file__).parents[2]
CI = ROOT / "samples" / "ci"


def failing(capture: str) -> dict[str, float]:
    """The rules that fail, with what they measured."""
    report = engine.run(analyze(CI / capture), config.load(CI / "tcpstates.toml"))
    return {outcome.name: outcome.measures[0].value for outcome in report.outcomes if outcome.fails}


def test_each_fault_is_caught() -> None:
    reads, uploads = service.READS, service.UPLOADS
    assert failing("before.pcap") == {"connections-per-service": reads + uploads, "closes-first": reads,
                                      "time-wait-count": reads, "resets": uploads}  # fmt: skip


def test_the_repaired_service_passes() -> None:
    assert failing("after.pcap") == {}


@pytest.mark.parametrize("behaviour", [BEFORE, AFTER])
def test_the_services_own_test_sees_no_difference(behaviour: Behaviour, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every answer comes, so that nothing but the traffic tells."""
    import socket

    with socket.create_server(("127.0.0.1", 0)) as listener:
        monkeypatch.setattr(service, "PORT", listener.getsockname()[1])
        threading.Thread(target=service.serve, args=(listener, behaviour), daemon=True).start()
        assert service.exercise("127.0.0.1", behaviour) >= service.READS
        listener.shutdown(socket.SHUT_RDWR)


@pytest.mark.kernel
def test_it_can_be_recorded_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    needs_recording("tcpdump")
    from samples.ci import record

    monkeypatch.setattr(record, "FOLDER", tmp_path)
    record.main()
    checks = config.load(CI / "tcpstates.toml")
    verdicts = [engine.run(analyze(tmp_path / name), checks).verdict for name in ("before.pcap", "after.pcap")]
    assert verdicts == ["failed", "passed"]


def action() -> str:
    """The script of the GitHub action's last step."""
    text = (ROOT / ".github" / "actions" / "tcpstates" / "action.yml").read_text("utf-8")
    return "\n".join(line.strip() for line in text.rpartition("run: |\n")[2].splitlines())


@pytest.mark.parametrize(
    ("captures", "rules", "arguments", "code"),
    [
        ("before.p*", "tcpstates.toml", "", 1),
        ("after.pcap", "tcpstates.toml", "--forbid rst --allow-damaged", 0),
        ("before.pcap after.pcap", "", "--forbid open", 0),
        ("after.pcap", "missing file.toml", "", 2),
    ],
)
def test_the_github_action_runs(captures: str, rules: str, arguments: str, code: int, tmp_path: Path) -> None:
    program = tmp_path / "tcpstates"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m tcptrace_py "$@"\n')
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    environment = {**os.environ, "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}", "PYTHONPATH": str(ROOT),
                   "CAPTURES": captures, "RULES": rules, "ARGUMENTS": arguments, "JUNIT": str(tmp_path / "v.xml"),
                   "SARIF": str(tmp_path / "v.sarif"), "GITHUB_STEP_SUMMARY": str(tmp_path / "summary.md")}  # fmt: skip
    run = subprocess.run(["bash", "-e", "-c", action()], cwd=CI, env=environment, capture_output=True, text=True, check=False)
    assert run.returncode == code, run.stderr
    assert run.stdout.startswith("::error file=tcpstates.toml,line=") == (code == 1)
    assert (tmp_path / "summary.md").exists() == (tmp_path / "v.xml").exists() == (tmp_path / "v.sarif").exists() == (code < 2)


def test_the_pre_commit_hook_holds_each_capture_alone() -> None:
    entry = re.findall(r"entry: python (.*)\n", (ROOT / ".pre-commit-hooks.yaml").read_text("utf-8"))
    assert entry == ["-m tcptrace_py.cli.hook"]
    for names, code in ((["after.pcap"], 0), (["before.pcap", "after.pcap"], 1)):
        command = [sys.executable, *entry[0].split(), "--rules tcpstates.toml", *names]
        run = subprocess.run(command, cwd=CI, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, check=False)
        assert run.returncode == code
