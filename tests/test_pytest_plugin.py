"""The pytest plugin, as a project that uses it would: fixtures, readable failures, mistakes in rules."""

import os
import subprocess
import sys
import tomllib
from importlib import import_module
from pathlib import Path

import pytest

from samples.make import FOLDER
from tcptrace_py import pytest_plugin
from tcptrace_py.model.errors import UsageError

ROOT = Path(__file__).parents[1]
REFUSED, GOOD, CUT = (str(FOLDER / name) for name in ("syn-refused.pcap", "fin-on-the-ack.pcap", "cut-tail.pcap"))


def run(folder: Path, body: str, *args: str) -> str:
    """Run a file of tests in a fresh pytest that has the plugin; what it prints."""
    (folder / "test_it.py").write_text(f"REFUSED, GOOD, CUT = {REFUSED!r}, {GOOD!r}, {CUT!r}\n{body}")
    command = [sys.executable, "-m", "pytest", "-p", "tcptrace_py.pytest_plugin", "-p", "no:cacheprovider", *args]
    alone = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}  # where it is installed, it would be loaded twice
    return subprocess.run(command, cwd=folder, env=alone, capture_output=True, text=True, check=False).stdout


def test_fixtures_in_a_project(tmp_path: Path) -> None:
    (tmp_path / "rules.toml").write_text("[rules.refused-handshakes]\nseverity = 'warning'\n")
    text = run(
        tmp_path,
        """
def test_passes(tcpstates, assert_capture):
    traffic = tcpstates(REFUSED)
    assert len(traffic) == 1
    assert len(list(traffic.where(outcome="refused"))) == 1
    traffic = assert_capture(GOOD, forbid=["rst"], close_wait={"limit": "9s"})
    assert [connection.teardown.pattern for connection in traffic] == ["four-way"]

def test_warns(assert_capture):
    assert_capture(REFUSED, "rules.toml")

def test_fails(assert_capture):
    assert_capture(REFUSED, handshake_latency={"p99": "50ms"}, refused_handshakes={"ports": 80})

def test_is_damaged(tcpstates):
    tcpstates(CUT).assert_holds(forbid=["rst"])

def test_is_missing(tcpstates):
    tcpstates("missing.pcap")

def test_is_mistaken(assert_capture):
    assert_capture(GOOD, handshake_latenzy={"p99": "50ms"})
""",
    )
    assert "4 failed, 2 passed, 1 warning" in text
    assert "CaptureError: missing.pcap: no such file" in text
    assert "did you mean 'handshake-latency'?" in text
    assert "rules: refused-handshakes; port 80" in text  # where the rule stands
    assert "TrafficWarning: TS102 refused-handshakes: refused handshakes: 1, limit 0" in text
    assert "FAIL  TS102 refused-handshakes" in text
    assert "tcp.stream eq 0" in text
    assert f"tcpstates explain {REFUSED} stream:0" in text
    assert "ends inside the record" in text
    assert "pytest_plugin.py" not in text  # failures point at the test


def test_the_entry_point_names_the_plugin() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert import_module(project["entry-points"]["pytest11"]["tcpstates"]) is pytest_plugin


def test_what_holds_gives_its_report() -> None:
    traffic = pytest_plugin.load(REFUSED)
    assert traffic.assert_holds(forbid=["unanswered"]).verdict == "passed"
    assert traffic.assert_holds(resets=[{"ports": 80}, {"hosts": "192.0.2.10"}]).verdict == "passed"
    assert pytest_plugin.load(CUT).assert_holds(forbid=["rst"], allow_damaged=True).verdict == "passed"
    assert "connections 1 (1 refused)" in repr(traffic)
    assert traffic.capture.packets == 2


@pytest.mark.parametrize(("rules", "words"), [
    ({}, "nothing to check"), ({"forbid": ["rts"]}, "did you mean 'rst'"),
    ({"resets": {"mx": 1}}, "did you mean 'max'"),
    ({"reset": {}}, "did you mean 'resets'"), ({"files": "missing.toml"}, "no such file"),
    ({"forbid": ["rst"], "allow": ["one-side"]}, "did you mean 'one-sided'"),
])  # fmt: skip
def test_mistakes_in_rules_are_errors(rules: dict[str, object], words: str) -> None:
    with pytest.raises(UsageError) as error:
        pytest_plugin.load(GOOD).assert_holds(**rules)  # type: ignore[arg-type]
    assert words in str(error.value)


def test_options_of_the_analysis() -> None:
    traffic = pytest_plugin.hold(GOOD, options={"idle_s": 0.001}, forbid=["rst"])
    assert len(traffic) >= 1


def test_loading_the_plugin_costs_nothing() -> None:
    code = "import sys, pytest; before = set(sys.modules); import tcptrace_py.pytest_plugin;print(*sorted(set(sys.modules) - before))"
    names = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT).stdout.split()
    assert names == ["tcptrace_py", "tcptrace_py.pytest_plugin"]
