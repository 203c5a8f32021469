"""docs/contributing.md is true: what it says is all that is needed to add something is all that is needed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import tcptrace_py

from .pages import ROOT, blocks

PAGE = ROOT / "docs" / "contributing.md"
ROW, FORMAT, RULE = (block.text for block in blocks(PAGE) if block.kind == "python")


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A copy of the package that may be changed."""
    copy = tmp_path / "tcptrace_py"
    shutil.copytree(Path(tcptrace_py.__file__).parent, copy, ignore=shutil.ignore_patterns("__pycache__", "*.so"))
    return copy


def tcpstates(package: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tcptrace_py", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(package.parent)}
    return subprocess.run(command, cwd=package.parent, env=environment, capture_output=True, text=True, check=False)


def test_a_link_type_is_one_row(package: Path) -> None:
    capture = str(ROOT / "samples" / "unknown-link-type.pcap")
    before = json.loads(tcpstates(package, "analyze", capture, "--format", "json").stdout)
    assert before["connections"] == []
    table = package / "decode" / "linktypes.py"
    opening = "LINKS: dict[int, Handler] = {\n"
    source = table.read_text("utf-8")
    assert source.count(opening) == 1
    table.write_text(source.replace(opening, opening + ROW), "utf-8")
    after = tcpstates(package, "analyze", capture, "--format", "json")
    assert after.returncode == 0, after.stderr
    assert len(json.loads(after.stdout)["connections"]) == 1


def test_an_output_format_is_one_file(package: Path) -> None:
    capture = str(ROOT / "samples" / "server-closes-first.pcap")
    assert tcpstates(package, "analyze", capture, "--format", "pairs").returncode == 2
    (package / "outputs" / "formats" / "pairs.py").write_text(FORMAT, "utf-8")
    run = tcpstates(package, "analyze", capture, "--format", "pairs")
    assert (run.returncode, run.stdout) == (0, "192.0.2.10 198.51.100.20 four-way\n")
    assert "pairs" in tcpstates(package, "analyze", "--help").stdout


def test_a_rule_is_one_file(package: Path) -> None:
    rules = package.parent / "rules.toml"
    rules.write_text("[rules.silent-clients]\nmax = 0\n")
    silent = str(ROOT / "samples" / "closed-without-data.pcap")
    talking = str(ROOT / "samples" / "server-closes-first.pcap")
    assert tcpstates(package, "check", talking, "--rules", str(rules)).returncode == 2
    (package / "checks" / "rules" / "silent_clients.py").write_text(RULE, "utf-8")
    run = tcpstates(package, "check", silent, "--rules", str(rules))
    assert run.returncode == 1, run.stdout + run.stderr
    assert "connections without data from the client" in run.stdout
    assert tcpstates(package, "check", talking, "--rules", str(rules)).returncode == 0
    assert "Clients send something" in tcpstates(package, "rules").stdout


def test_what_the_page_names_is_there() -> None:
    text = PAGE.read_text("utf-8")
    names = """decode/linktypes.py outputs/formats/ checks/rules/ facts/anomalies.py facts/ findings/ model/results.py
               outputs/document.py schema/ states/machine.py"""
    for name in names.split():
        assert f"tcptrace_py/{name}" in text
        assert (Path(tcptrace_py.__file__).parent / name).exists()
