"""Limits and clocks: a time that is shorter than a step of the clock passes no limit that is shorter, too."""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING

import pytest

from tcptrace_py import analyze
from tcptrace_py.checks import config, engine
from tcptrace_py.checks.diff.compare import Tolerance, diff
from tcptrace_py.checks.diff.seen import of_analysis, of_document
from tcptrace_py.checks.sql import Database
from tcptrace_py.cli import main
from tcptrace_py.model.clock import coarser_step_ns
from tcptrace_py.model.report import Measure, Status, Unit
from tests.captures import with_clock_of
from tests.ladder import CLIENT, PORT, SERVER, ladder
from tests.wire import write

if TYPE_CHECKING:
    from pathlib import Path

    from tests.ladder import Seg

MS, FAR, OTHER = 1_000_000, "10.0.0.9", "10.0.0.3"
TALK = (
    "0 C S\n0.0013013 S SA\n0.0021 C A\n0.0312 C PA len=5\n0.0324 S PA len=5\n0.0327 C A win=0\n0.0329 C A\n"
    "0.0331 C PA len=9\n0.0333 C PA len=9 seq=6\n0.0335 S A\n0.0512 C FA\n0.0523 S A\n0.0541 S FA\n0.0553 C A\n"
)
SLOW = "0 C S\n0.012 S SA\n0.034 C A\n0.051 C PA len=5\n0.093 S PA len=5\n0.11 C A\n0.13 C FA\n0.17 S FA\n0.19 C A\n"
RULES = ("handshake-latency", "answer-time", "stalls", "closed-windows", "fin-wait-2", "last-ack", "close-wait")


@pytest.fixture
def capture(tmp_path: Path) -> Path:
    """To one service what takes 3 ms and less, to another more that takes longer: nothing is withheld on the whole."""
    segments: list[Seg] = []
    for number in range(7):
        segments += ladder(TALK, port=PORT + number) if number < 3 else ladder(SLOW, port=PORT + number, client=FAR, server=OTHER)
    spread = sorted(segments, key=lambda segment: segment.time_ns)
    return write(tmp_path / "fine.pcap", spread)


def _rule(name: str, limit: str, host: str | None = None) -> str:
    key, client = "p50" if name in RULES[:2] else "limit", name in ("closed-windows", "fin-wait-2")
    return f"[rules.{name}]\nhosts = '{host or (CLIENT if client else SERVER)}'\n{key} = '{limit}'"


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize(
    ("step_ms", "limit", "allow", "status"),
    [
        (0, "5ms", False, Status.PASSED),  # as it was
        (0, "50us", False, Status.FAILED),
        (10, "5ms", False, Status.UNMEASURABLE),
        (10, "5ms", True, Status.PASSED),
        (10, "10ms", False, Status.PASSED),
        (10, "1s", False, Status.PASSED),
    ],
)
def test_a_limit_shorter_than_the_clocks_step(
    rule: str, step_ms: int, limit: str, allow: bool, status: Status, capture: Path, tmp_path: Path
) -> None:
    path = with_clock_of(capture, tmp_path / "steps.pcap", step_ms * MS) if step_ms else capture
    analysis = analyze(path)
    assert not any(row.because == "coarse-clock" for row in analysis.withheld)
    report = engine.run(analysis, config.loads(_rule(rule, limit)), allow_unmeasurable=allow)
    outcome = report.outcomes[1]
    assert (outcome.status, outcome.fails) == (status, status is not Status.PASSED)
    if step_ms and limit == "5ms":
        assert not outcome.measures  # none that could be taken for one that holds
        assert outcome.message.startswith("not measurable, which is allowed: " if allow else "not measurable: ")
        assert "the clock goes in steps of 10 ms, and the limit is 5 ms" in outcome.message


def test_what_is_longer_than_two_steps_fails(capture: Path, tmp_path: Path) -> None:
    analysis = analyze(with_clock_of(capture, tmp_path / "steps.pcap", 10 * MS))
    for rule in ("handshake-latency", "answer-time"):
        assert engine.run(analysis, config.loads(_rule(rule, "5ms", OTHER))).outcomes[1].status is Status.FAILED


def test_a_verdict_says_less_than_a_step_and_no_0(capture: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, rules = str(with_clock_of(capture, tmp_path / "steps.pcap", 10 * MS)), tmp_path / "rules.toml"
    rules.write_text(_rule("handshake-latency", "20ms"))
    assert main.main(["check", path, "--rules", str(rules)]) == 0
    assert "p50 of completed handshakes: less than 10 ms, limit 20 ms" in " ".join(capsys.readouterr().out.split())
    assert main.main(["check", path, "--rules", str(rules), "--format", "json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["checks"][1]["measures"][0]["measured_ms"], document["capture"]["clock_step_ms"]) == (None, 10)


@pytest.mark.parametrize(
    ("step_ns", "value", "limit", "told"),
    [
        (None, 0, 1, True),
        (0, 0, 10**12, False),  # a clock that stands tells nothing
        (10, 0, 9, False),
        (10, 10, 9, False),  # may be 1, over a step of the clock
        (10, 20, 9, True),  # is more than 10
        (10, 0, 10, True),
        (10, 10, 10, True),
    ],
)
def test_what_a_clock_tells(step_ns: int | None, value: int, limit: int, told: bool) -> None:
    measure = Measure("", value, limit, Unit.NS, holds=value <= limit, step_ns=step_ns)
    assert measure.is_told is told
    assert Measure("", value, limit, Unit.COUNT, holds=True, step_ns=step_ns).is_told
    assert measure.is_below_step is (step_ns is not None and value == 0)


def test_a_clock_that_stands_in_few_frames_tells_no_time(tmp_path: Path) -> None:
    """Too few to call the clock too coarse, and no reason to call a handshake short."""
    analysis = analyze(write(tmp_path / "three.pcap", ladder("0 C S\n0 S SA\n0 C A\n")))
    outcome = engine.run(analysis, config.loads("[rules.handshake-latency]\np50 = '1s'")).outcomes[1]
    assert outcome.status is Status.UNMEASURABLE
    assert "the clock stands, all packets have the same time" in outcome.message


@pytest.mark.parametrize(("one", "other", "coarser"), [(None, None, None), (None, 5, 5), (7, 5, 7), (0, 5, 0), (None, 0, 0)])
def test_the_coarser_of_two_clocks(one: int | None, other: int | None, coarser: int | None) -> None:
    assert coarser_step_ns(one, other) == coarser_step_ns(other, one) == coarser


@pytest.mark.parametrize("step_ms", [0, 10])
def test_a_comparison_of_times_below_the_step(step_ms: int, capture: Path, tmp_path: Path) -> None:
    """Against a capture, and against what was saved of one."""
    path = with_clock_of(capture, tmp_path / "steps.pcap", step_ms * MS) if step_ms else capture
    analysis = analyze(path)
    saved = of_document("saved.json", json.dumps(analysis.to_document()).encode())
    for base in (of_analysis("base", analysis), saved):
        outcomes = {outcome.name: outcome for outcome in diff(base, of_analysis("new", analysis), Tolerance()).outcomes}
        for name in ("handshake-latency", "answer-time"):
            assert outcomes[name].status is (Status.UNMEASURABLE if step_ms else Status.PASSED)
            assert [measure.subject for measure in outcomes[name].measures] == ["10.0.0.2:80"] * (not step_ms) + ["10.0.0.3:80"]
        allowed = diff(base, of_analysis("new", analysis), Tolerance(), allow_unmeasurable=True)
        assert not any(outcome.fails for outcome in allowed.outcomes)


def test_what_got_slower_by_steps_fails_in_spite_of_the_clock(tmp_path: Path) -> None:
    def traffic(talk: str, name: str) -> Path:
        rows = [segment for number in range(9) for segment in ladder(talk, port=PORT + number)]
        other = [segment for number in range(10) for segment in ladder(SLOW, port=PORT + number, server=OTHER)]
        return write(tmp_path / name, sorted(rows + other, key=lambda segment: segment.time_ns))

    base, new = traffic(TALK, "base.pcap"), traffic(SLOW, "new.pcap")
    old, late = (analyze(with_clock_of(path, path.with_suffix(".steps"), 10 * MS)) for path in (base, new))
    report = diff(of_analysis("base", old), of_analysis("new", late), Tolerance())
    outcome = next(outcome for outcome in report.outcomes if outcome.name == "handshake-latency")
    assert outcome.status is Status.FAILED
    assert any("was less than the clock tells of 9" in measure.note for measure in outcome.measures)


CLOSES = "0 C S\n0.02 S SA\n0.04 C A\n0.05 C FA\n0.05 S FA\n0.05 C A\n", "0 C S\n0.02 S SA\n0.04 C A\n0.06 C R\n"


def test_a_close_that_is_shorter_than_the_clock_tells_has_no_time(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    segments = ladder(CLOSES[0]) + ladder(CLOSES[1], port=PORT + 1) + ladder(SLOW, port=PORT + 2)
    path = write(tmp_path / "a.pcap", sorted(segments, key=lambda segment: segment.time_ns))
    analysis = analyze(path)
    assert [row.teardown.duration_ns for row in analysis.connections] == [None, 0, 60 * MS]  # a RST alone lasts no time
    document = analysis.to_document()
    assert [row["teardown"]["duration_ms"] for row in document["connections"]] == [None, 0, 60]
    rows = Database(analysis).query("SELECT teardown_ms FROM connections ORDER BY id").rows
    assert [value for (value,) in rows] == [None, 0, 60]
    assert main.main(["analyze", str(path), "-o", str(tmp_path / "rows.csv")]) == 0
    with (tmp_path / "rows.csv").open() as file:
        assert [row["teardown_ms"] and float(row["teardown_ms"]) for row in csv.DictReader(file)] == ["", 0, 60]
    capsys.readouterr()
    for command in (["explain", str(path), "stream:0"], ["analyze", str(path), "--port", "40000"]):
        assert main.main(command) == 0
        told = capsys.readouterr().out
        assert "four-way" in told or "a full close" in told
        assert "in 0 s" not in told
        assert ", 0 s" not in told


def test_a_silence_before_the_end_that_is_shorter_than_the_clock_tells_has_no_time(tmp_path: Path) -> None:
    ends = ("0.06 C FA\n", "0.08 C FA\n")
    segments = [
        segment for n, end in enumerate(ends) for segment in ladder("0 C S\n0.02 S SA\n0.04 C A\n0.06 C PA len=5\n" + end, port=PORT + n)
    ]
    path = write(tmp_path / "a.pcap", sorted(segments, key=lambda segment: segment.time_ns))
    analysis = analyze(path)
    assert [row.course.idle_before_end_ns for row in analysis.connections] == [None, 20 * MS]
    rows = Database(analysis).query("SELECT idle_before_end_ms FROM connections ORDER BY id").rows
    assert [value for (value,) in rows] == [None, 20]
