"""What a capture cannot tell is withheld, by name; what the rest proves is kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from tcptrace_py import analyze
from tcptrace_py.checks import config, engine
from tcptrace_py.findings.withholding import withheld
from tcptrace_py.model.problems import Problem
from tcptrace_py.model.profiles import Profiles
from tcptrace_py.model.report import Status
from tcptrace_py.model.results import CaptureInfo
from tests.ladder import CLOSE, HANDSHAKE, ladder, play
from tests.pieces import share_in_pieces

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
    ],
)
def test_a_check_of_what_is_withheld_is_not_measurable(name: str, rule: str, status: Status) -> None:
    result, checks = analyze([HERE / name]), config.loads(f"[rules.{rule}")
    assert engine.run(result, checks).outcomes[-1].status is status
    assert engine.run(result, checks, allow_unmeasurable=True).outcomes[-1].status is not Status.UNMEASURABLE
