"""The benchmark command runs and adds up; how long anything took is nobody's business here."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.bench.__main__ import SCHEMA, main
from tests.bench.captures.store import KINDS, Capture
from tests.bench.measure import BenchmarkError, Command, Run, processes_of, timed
from tests.bench.rounds import Plan, Series, compare, turned
from tests.bench.tools import Tool, ours

ROOT = Path(__file__).parents[2]
MEGA = 1_000_000
TWO_PROCESSES = """
import subprocess, sys, time
held = bytearray(b"x") * 40_000_000
if len(sys.argv) == 1:
    child = subprocess.Popen([sys.executable, __file__, "child"])
    child.wait()
else:
    time.sleep(0.3)
"""


def tool(name: str, *, limited: bool = False) -> Tool:
    return Tool(name, name, lambda path, _scratch, limit: [sys.executable, "-c", f"print({path!r}, {limit})"], limited)


def run(wall_s: float) -> Run:
    return Run(wall_s, wall_s, 0)


def test_ratios_are_taken_within_rounds() -> None:
    one = Series(tool("one"), 100, 100, 0.0, [run(1.0), run(3.0), run(10.0)])
    other = Series(tool("other"), 100, 100, 0.0, [run(2.0), run(9.0), run(20.0)])
    assert other.times_as_long_as(one) == 2.0


def test_ratio_leaves_out_rounds_in_which_one_sat() -> None:
    one = Series(tool("one"), 100, 100, 0.0, [run(1.0), run(1.0)])
    other = Series(tool("other"), 100, 100, 0.0, [run(5.0), None])
    assert other.times_as_long_as(one) == 5.0
    assert Series(tool("none"), 100, 100, 0.0, [None, None]).times_as_long_as(one) is None


def test_extrapolation_counts_the_start_once() -> None:
    assert Series(tool("slow"), 1000, 100, 0.5).at_whole(1.5) == 10.5
    assert Series(tool("slow"), 1000, 1000, 0.5).at_whole(1.5) == 1.5


def test_every_round_begins_with_another() -> None:
    assert [turned("abc", number) for number in range(4)] == [list("abc"), list("bca"), list("cab"), list("abc")]


def test_slow_tools_read_a_part_in_fewer_rounds(tmp_path: Path) -> None:
    path = tmp_path / "capture"
    path.touch()
    capture = Capture(KINDS["short"], path, KINDS["short"].intent(1000))
    done = compare(capture, [tool("tcpstates"), tool("slow", limited=True)], Plan(3, 2, 100), {}, lambda _text: None)
    quick, slow = done["results"]
    assert (quick["packets_read"], len(quick["runs"]), quick["extrapolated"]) == (1000, 3, False)
    assert (slow["packets_read"], len(slow["runs"]), slow["extrapolated"]) == (100, 2, True)
    assert quick["times_as_long_as"] == {"tcpstates": 1.0}
    assert list(slow["times_as_long_as"]) == ["tcpstates"]


def test_failing_command_is_named_with_what_it_said(tmp_path: Path) -> None:
    script = "import sys; print('no such thing', file=sys.stderr); sys.exit(3)"
    with pytest.raises(BenchmarkError, match=r"ended with 3: no such thing"):
        timed(Command((sys.executable, "-c", script), tmp_path))


@pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="needs Linux's smaps_rollup")
def test_memory_is_that_of_all_processes(tmp_path: Path) -> None:
    script = tmp_path / "two.py"
    script.write_text(TWO_PROCESSES)
    # In a small process of its own: until its exec a child counts as large as who starts it, here a test run of any size.
    measure = (
        f"import sys; from pathlib import Path; from tests.bench.measure import Command, memory; "
        f"used = memory(Command((sys.executable, {str(script)!r}), Path({str(tmp_path)!r}))); "
        f"print(used.peak_bytes, used.max_rss_bytes)"
    )
    run = subprocess.run([sys.executable, "-c", measure], cwd=ROOT, capture_output=True, text=True, check=True)
    peak_bytes, max_rss_bytes = map(int, run.stdout.split())
    assert peak_bytes > 80 * MEGA > max_rss_bytes > 40 * MEGA
    assert processes_of(2**22 + 1) == []


@pytest.mark.slow
def test_interpreted_form_is_source_alone(tmp_path: Path) -> None:
    first, *_ = ours(tmp_path)
    assert "(interpreted" in first.about
    assert first.home == tmp_path
    assert not [file for file in tmp_path.rglob("*") if file.suffix in (".so", ".pyd")]


@pytest.mark.slow
@pytest.mark.parametrize("form", [(), ("--interpreted",)], ids=["installed", "interpreted"])
def test_quick_run_prints_a_table(form: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    figures = tmp_path / "figures.json"
    assert main(["--quick", *form, "--peers", "dpkt", "--data", str(tmp_path / "data"), "--json", str(figures)]) == 0
    printed = capsys.readouterr().out.splitlines()
    document = json.loads(figures.read_text())
    assert document["schema"] == SCHEMA
    assert [capture["name"] for capture in document["captures"]] == list(KINDS)
    for name in KINDS:
        begin = next(number for number, line in enumerate(printed) if line.startswith(f"### {name}: "))
        rows = [line.split(" | ")[0].strip("| \\*") for line in printed[begin + 4 : begin + 4 + len(document["tools"])]]
        assert rows == [one["name"] for one in document["tools"]]
        assert rows[0] == "tcpstates"
        assert rows[-1] == "dpkt"


@pytest.mark.parametrize(
    ("args", "complaint"),
    [
        (["--only", "long"], "no such name: long"),
        (["--peers", "wireshark"], "no such name: wireshark"),
        (["--rounds", "0"], "must be positive"),
    ],
)
def test_wrong_options_are_refused(args: list[str], complaint: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(args)
    assert ended.value.code == 2
    assert complaint in capsys.readouterr().err
