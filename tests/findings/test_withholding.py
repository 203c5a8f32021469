"""What a capture cannot tell is withheld, by name; what the rest proves is kept."""

from __future__ import annotations

import csv
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tcptrace_py import analyze
from tcptrace_py.checks import config, engine
from tcptrace_py.checks.diff import seen
from tcptrace_py.checks.sql import Database
from tcptrace_py.cli import main
from tcptrace_py.findings.withholding import withheld
from tcptrace_py.model.finding import Finding
from tcptrace_py.model.problems import Problem
from tcptrace_py.model.profiles import Profiles
from tcptrace_py.model.report import Status
from tcptrace_py.model.results import CaptureInfo, Latency
from tcptrace_py.outputs.phrases import percentiles
from tcptrace_py.pipeline import run
from tests.captures import with_clock_of
from tests.flows.forms import later
from tests.ladder import CLOSE, HANDSHAKE, PORT, ladder, play
from tests.pieces import share_in_pieces
from tests.thorough import every
from tests.wire import write

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).parent / "withheld"
SAMPLES = Path(__file__).parents[2] / "samples"
STACKS = Path(__file__).parents[1] / "stacks"


@pytest.mark.parametrize(
    ("name", "problem", "withheld"),
    [
        ("syn-fin-rst.pcap", "filtered", {"handshake-latency", "times", "teardown"}),
        ("syns.pcap.xz", "filtered", {"handshake-latency", "times", "teardown", "handshake-outcome", "time-wait"}),
        ("clock-stands.pcap.xz", "coarse-clock", {"handshake-latency", "times"}),
        ("clock-of-seconds.pcap.xz", "coarse-clock", {"handshake-latency", "times"}),
    ],
)
def test_what_a_problem_hides_is_withheld(name: str, problem: str, withheld: set[str]) -> None:
    result = analyze([HERE / name])
    assert [row.code for row in result.capture.problems if row.code in ("filtered", "sampled", "coarse-clock", "acked-unseen")] == [problem]
    assert {row.what for row in result.withheld if row.because == problem} == withheld
    assert result.summary.latency.count == 0


@pytest.mark.parametrize(("every", "is_sampled"), [(1, False), (3, True), (4, True)])
def test_one_packet_in_several_hides_outcomes_closes_and_time_wait(every: int, is_sampled: bool, tmp_path: Path) -> None:
    exchange = "0.3 C PA len=50\n0.31 S PA len=99\n0.32 C A\n0.4 C PA len=50\n0.41 S PA len=99\n0.42 C A\n"
    whole = sorted(
        (segment for n in range(40) for segment in later(ladder(HANDSHAKE + exchange + CLOSE, port=40000 + n), n * 0.11)),
        key=lambda segment: segment.time_ns,
    )
    result = analyze(write(tmp_path / "a.pcap", whole[::every]))
    assert any(problem.code == "sampled" for problem in result.capture.problems) is is_sampled
    hidden = {row.what for row in result.withheld if row.because == "sampled"}
    assert hidden == ({"handshake-outcome", "teardown", "time-wait"} if is_sampled else set())
    for rule in ("unanswered-handshakes", "left-open", "half-open-handshakes"):
        (outcome,) = engine.run(result, config.loads(f"[rules.{rule}]"), allow=["acked-unseen", "one-sided"]).outcomes[1:]
        assert (outcome.status is Status.UNMEASURABLE) is is_sampled
    assert not (is_sampled and [finding for finding in result.findings if finding.severity == "problem"])


def test_findings_are_a_table_of_sql() -> None:
    result = analyze([HERE.parent / "recorded" / "blackout.pcap.xz"])
    rows = Database(result).query("SELECT code, severity, server, server_port, connections FROM findings").rows
    assert rows
    assert list(map(tuple, rows)) == [(f.code, f.severity, f.server, f.server_port, f.connections) for f in result.findings]


def test_one_direction_hides_handshakes_closes_and_time_wait() -> None:
    result = analyze([STACKS / "one-sided-first-closer.pcap"])
    assert {row.what for row in result.withheld if row.because == "one-sided"} == {"handshake-outcome", "teardown", "time-wait"}


def test_a_few_of_one_direction_hide_nothing_of_the_others() -> None:
    lone = ladder("0 C9 S\n0.02 C9 A ack=1\n")
    played = play([*lone, *ladder(HANDSHAKE + CLOSE), *ladder(HANDSHAKE + CLOSE, port=41000), *ladder(HANDSHAKE + CLOSE, port=42000)])
    info = CaptureInfo(files=[], problems=[Problem("one-sided", 1, "why", 1, damaged=False)])
    assert not {row.because for row in withheld(info, played.summary, played.ports, Profiles())} & {"one-sided"}


def test_two_fins_tell_who_holds_time_wait_though_acks_were_filtered() -> None:
    result = analyze([HERE / "syn-fin-rst.pcap"])
    closed = [row for row in result.connections if row.teardown.pattern == "unfinished-close"]
    assert closed
    assert all([stay.side for stay in row.time_wait] == [row.teardown.first_fin] for row in closed)


@pytest.mark.parametrize(
    "name", ["recorded-unanswered", "syn-unanswered", "recorded-syn-lost", "reset-forged", "recorded-server-closes-first"]
)
def test_other_captures_are_neither_filtered_nor_of_a_coarse_clock(name: str) -> None:
    result = analyze([SAMPLES / f"{name}.pcap"])
    assert not {row.because for row in result.withheld} & {"filtered", "sampled", "coarse-clock"}


def test_it_is_the_same_in_several_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    share_in_pieces(monkeypatch, lambda: 40)
    for name in ("syn-fin-rst.pcap", "syns.pcap.xz"):
        alone, shared = (analyze([HERE / name], jobs=jobs, keep_rows=False) for jobs in (1, 3))
        assert (alone.withheld, alone.capture.problems, alone.findings) == (shared.withheld, shared.capture.problems, shared.findings)


@pytest.mark.parametrize("given", [False, True])
def test_the_default_range_of_ports_is_an_assumption(given: bool) -> None:
    profiles = Profiles.named("linux", {}, port_range=(32768, 60999)) if given else Profiles()
    reasons = {row.because for row in analyze([SAMPLES / "recorded-client-closes-first.pcap"], profiles=profiles).withheld}
    assert ("unknown-port-range" in reasons) is not given
    assert "short-capture" in reasons


@pytest.mark.parametrize(
    ("name", "rule", "status"),
    [
        ("clock-stands.pcap.xz", "handshake-latency]\nmax = '1ms'", Status.UNMEASURABLE),
        ("syns.pcap.xz", "unanswered-handshakes]", Status.UNMEASURABLE),
        ("syns.pcap.xz", "left-open]", Status.UNMEASURABLE),
        ("syn-fin-rst.pcap", "teardown-pattern]\nallow = ['unfinished-close', 'none']", Status.UNMEASURABLE),
        ("syns.pcap.xz", "time-wait-count]\nmax = 5", Status.UNMEASURABLE),
        ("syns.pcap.xz", "refused-handshakes]", Status.PASSED),
        ("syn-fin-rst.pcap", "port-budget]\nmax_used = '50%'", Status.UNMEASURABLE),
        ("clock-of-seconds.pcap.xz", "stalls]\nlimit = '1s'", Status.UNMEASURABLE),
        ("clock-of-seconds.pcap.xz", "closed-windows]\nlimit = '1s'", Status.UNMEASURABLE),
        ("clock-stands.pcap.xz", "answer-time]\np99 = '1s'", Status.UNMEASURABLE),
        ("clock-stands.pcap.xz", "close-wait]\nlimit = '1s'", Status.UNMEASURABLE),
        ("clock-stands.pcap.xz", "resets]", Status.PASSED),
        ("syn-fin-rst.pcap", "stalls]\nlimit = '1s'", Status.UNMEASURABLE),
        ("syn-fin-rst.pcap", "exchanges]", Status.UNMEASURABLE),
        ("syn-fin-rst.pcap", "data-retransmissions]\nmax_share = '1%'", Status.UNMEASURABLE),
        ("syn-fin-rst.pcap", "zero-windows]", Status.UNMEASURABLE),
        ("clock-of-seconds.pcap.xz", "data-retransmissions]\nmax_share = '1%'", Status.PASSED),
        ("clock-of-seconds.pcap.xz", "zero-windows]", Status.PASSED),
        ("syn-fin-rst.pcap", "closes-first]\nside = 'client'", Status.PASSED),  # two FINs tell
        ("syns.pcap.xz", "closes-first]\nside = 'server'", Status.UNMEASURABLE),
        ("clock-stands.pcap.xz", "finding]", Status.UNMEASURABLE),
        ("syn-fin-rst.pcap", "finding]", Status.UNMEASURABLE),
    ],
)
def test_a_check_of_what_is_withheld_is_not_measurable(name: str, rule: str, status: Status) -> None:
    result, checks = analyze([HERE / name]), config.loads(f"[rules.{rule}")
    assert engine.run(result, checks).outcomes[-1].status is status
    assert engine.run(result, checks, allow_unmeasurable=True).outcomes[-1].status is not Status.UNMEASURABLE


def test_what_a_rule_finds_stands_whatever_else_is_withheld() -> None:
    result = analyze([HERE / "syn-fin-rst.pcap"])
    cause = Finding("injected-reset", "problem", "high", None, None, None, 1, 1, 0, 0, 1, "tcp", {}, "why", ())
    (outcome,) = engine.run(replace(result, findings=(cause,)), config.loads("[rules.finding]")).outcomes[1:]
    assert outcome.status is Status.FAILED


@pytest.mark.parametrize("rule", ["stalls]\nlimit = '1s'", "close-wait]\nlimit = '1s'", "handshake-latency]\np99 = '1s'"])
def test_where_that_is_allowed_nothing_is_measured(rule: str) -> None:
    outcome = engine.run(analyze([HERE / "clock-stands.pcap.xz"]), config.loads(f"[rules.{rule}"), allow_unmeasurable=True).outcomes[-1]
    assert (outcome.status, outcome.measures) == (Status.PASSED, ())
    assert outcome.message.startswith("not measurable, which is allowed: ")


NO_TIMES = {
    "syn_to_synack_ms", "synack_to_ack_ms", "total_ms", "duration_ms", "longest_answer_ms", "longest_wait_ms", "longest_stall_ms",
    "idle_survived_ms", "idle_before_end_ms", "unanswered_ms", "window_closed_ms",
}  # fmt: skip
OF_THE_FILTER = {"syn_to_synack_ms", "duration_ms"}  # between segments that a filter by flags passes


def times_of(value: Any) -> Iterator[tuple[str, Any]]:
    """Keys that say how long something took, with their values."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key.endswith("_ms") and not isinstance(inner, dict):
                yield key, inner
            yield from times_of(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from times_of(inner)


@pytest.mark.parametrize("name", ["clock-stands.pcap.xz", "clock-of-seconds.pcap.xz", "syn-fin-rst.pcap"])
def test_a_time_that_is_withheld_is_null_in_every_format(name: str, tmp_path: Path) -> None:
    result, kept = analyze([HERE / name]), OF_THE_FILTER if name.startswith("syn") else set()
    document = result.to_document()
    found = list(times_of(document["connections"]))
    assert {key for key, _ in found} == NO_TIMES
    assert {key for key, value in found if value is not None} == kept
    assert main.main(["analyze", str(HERE / name), "-o", str(tmp_path / "rows.csv")]) == 0
    rows = list(csv.DictReader((tmp_path / "rows.csv").open()))
    given = {key for row in rows for key, value in row.items() if value and (key.endswith("_ms") or key == "duration_s")}
    assert given == ({"syn_to_synack_ms", "teardown_ms", "duration_s"} if kept else set())
    if not kept:
        assert set(Database(result).query("SELECT duration_s FROM transitions").rows) == {(None,)}
    path = tmp_path / "saved.json"
    path.write_text(json.dumps(document))
    for traffic in (seen.of_analysis(name, result), seen.of_document(str(path), path.read_bytes())):
        every = [row for rows in traffic.services.values() for row in rows]
        assert {(row.total_ns, row.answer_ns, row.seen.stalls) for row in every} == {(None, None, None)}


NO_TIME = re.compile(r"(?<![\d.,:])[+-]?0(\.0+)? (s|ms|µs|ns)\b|\b0\.0{3,}\b")
ONE, PILE = str(SAMPLES / "recorded-client-closes-first.pcap"), str(HERE / "clock-stands.pcap.xz")
PAGES = (
    ["analyze", "IN"], ["analyze", "IN", "--show", "connections"], ["analyze", "IN", "--show", "handshakes"],
    ["analyze", "IN", "--show", "teardowns"], ["analyze", "IN", "--show", "hosts"],
    ["analyze", "IN", "--show", "time-wait"], ["analyze", "IN", "--format", "markdown"], ["time-wait", "IN"],
    ["explain", "IN", "stream:0"], ["explain", "IN", "stream:0", "--why"], ["explain", "IN", "stream:0", "--format", "mermaid"],
    ["check", "IN", "--max-handshake-p99", "1ms"], ["check", "IN", "--max-handshake-p99", "1ms", "--allow-unmeasurable"],
    ["diff", "IN", "IN"],
    ["query", "IN", "SELECT * FROM connections"], ["query", "IN", "SELECT * FROM transitions"],
)  # fmt: skip


COARSE = [(capture, step_ns) for capture in (ONE, PILE) for step_ns in (0, 10_000_000, 1_000_000_000)]


@pytest.fixture(scope="module", params=COARSE, ids=lambda of: f"{Path(of[0]).name} in steps of {of[1]} ns")
def coarse(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str | None:
    """A capture by a coarse clock; None where that is fine enough for it: of 10 ms, where most handshakes take longer."""
    capture, step_ns = request.param
    path = with_clock_of(Path(capture), tmp_path_factory.mktemp("coarse") / "coarse.pcap", step_ns)
    if any(row.because == "coarse-clock" for row in analyze(path).withheld):
        return str(path)
    assert (capture, step_ns) == (ONE, 10_000_000)
    return None


@pytest.mark.parametrize("page", every(3, PAGES), ids=" ".join)
def test_a_clock_that_is_too_coarse_tells_no_time_of_0(page: list[str], coarse: str | None, capsys: pytest.CaptureFixture[str]) -> None:
    """Nor does a fine one of any but single segments."""
    if coarse is None:
        return
    path = coarse
    assert main.main([path if word == "IN" else word for word in page]) in (0, 1)
    told = capsys.readouterr().out
    assert told
    assert not NO_TIME.findall(told)
    assert "three-way in" not in told


LEG_OF_0 = ladder("0 C S\n0.01 S SA\n0.01 C A\n0.03 C PA len=5\n0.03 S PA len=5\n0.04 C A\n") + ladder(
    "0.2 C S\n0.2 S SA\n0.2 C A\n", port=PORT + 1
)
WHOLE = [segment for n in range(2, 6) for segment in ladder("1 C S\n1.01 S SA\n1.03 C A\n", port=PORT + n)]


def test_a_time_below_the_step_of_a_clock_is_no_time(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where most handshakes take longer, the others' times are unknown: single ones, and the fastest."""
    path = write(tmp_path / "a.pcap", LEG_OF_0 + WHOLE)
    result = analyze(path)
    assert not any(row.because == "coarse-clock" for row in result.withheld)
    first, second = (row.handshake for row in list(result.connections)[:2])
    assert (first.syn_to_synack_ns, first.synack_to_ack_ns, first.total_ns) == (10_000_000, None, 10_000_000)
    assert (second.syn_to_synack_ns, second.synack_to_ack_ns, second.total_ns) == (None, None, None)
    assert next(iter(result.connections)).course.longest_answer_ns is None
    document = result.to_document()
    told = dict(times_of(document["connections"][0]))
    assert (told["syn_to_synack_ms"], told["synack_to_ack_ms"], told["total_ms"], told["longest_answer_ms"]) == (10, None, 10, None)
    assert document["summary"]["handshake"]["latency_ms"]["min"] is None
    rows = (
        Database(result).query("SELECT syn_to_synack_ms, synack_to_ack_ms, handshake_ms, longest_answer_ms FROM connections LIMIT 2").rows
    )
    assert list(map(tuple, rows)) == [(10, None, 10, None), (None, None, None, None)]
    pages = {page: _told(capsys, [str(path) if word == "IN" else word for word in page]) for page in map(tuple, PAGES[:5])}
    assert percentiles(result.summary.latency) == "up to 30 ms, median 30 ms"
    assert "10 ms        10 ms      -  10.0.0.1:40000" in pages["analyze", "IN", "--show", "handshakes"]
    assert not re.findall(r"(?<![\d.,:])0 s\b", pages["analyze", "IN", "--show", "handshakes"])
    story = _told(capsys, ["explain", str(path), "stream:0"])
    assert "The handshake took 10 ms (10 ms to the SYN/ACK, seen" in " ".join(story.split())


def test_handshakes_below_the_step_count_like_others(tmp_path: Path) -> None:
    """Those that went the same way are described like the first of them."""
    quick, slow = "0 C S\n0 S SA\n0 C A\n0.05 C FA\n0.08 S FA\n0.1 C A\n", "0 C S\n0.02 S SA\n0.04 C A\n0.05 C FA\n0.08 S FA\n0.1 C A\n"
    segments = [segment for number in range(40) for segment in later(ladder(quick if number < 19 else slow, port=PORT + number), number)]
    latency = run(write(tmp_path / "a.pcap", segments), keep_rows=False).summary.latency
    assert (latency.count, latency.min_ns, latency.p50_ns) == (40, 0, 40_000_000)


@pytest.mark.parametrize(
    ("times_ms", "words"),
    [
        ((0,), "too short for the clock"),
        ((0, 0), "too short for the clock each"),
        ((0, 0, 10), "up to 10 ms, median too short for the clock"),
        ((10, 20, 30), "10 ms to 30 ms, median 20 ms"),
        ((0,) * 9 + (10,), "median too short for the clock, p90 too short for the clock, p99 10 ms, slowest 10 ms"),
    ],
)
def test_percentiles_of_times_below_the_step(times_ms: tuple[int, ...], words: str) -> None:
    count = len(times_ms)
    p50_ns, p90_ns, p99_ns = (times_ms[-(-count * rank // 100) - 1] * 1_000_000 for rank in (50, 90, 99))
    latency = Latency(count, times_ms[0] * 1_000_000, p50_ns, p90_ns, p99_ns, times_ms[-1] * 1_000_000)
    assert percentiles(latency) == words


def _told(capsys: pytest.CaptureFixture[str], words: list[str]) -> str:
    assert main.main(words) == 0
    return capsys.readouterr().out


def test_what_no_problem_hides_keeps_its_times() -> None:
    result = analyze([SAMPLES / "recorded-client-closes-first.pcap"])
    assert all(row.handshake.total_ns and row.course.longest_stall_ns is not None for row in result.connections)
