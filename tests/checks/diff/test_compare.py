"""Two captures compared: what counts as worse, what as noise, which services pair."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from samples.make import FOLDER
from tcptrace_py import analyze
from tcptrace_py.checks.diff import seen
from tcptrace_py.checks.diff.compare import Tolerance, diff
from tcptrace_py.cli import main
from tcptrace_py.model.errors import UsageError
from tcptrace_py.model.report import Report, Status
from tests.checks.scenes import scene

BEFORE, AFTER = str(FOLDER / "ci" / "before.pcap"), str(FOLDER / "ci" / "after.pcap")


def compared(base: list[str], new: list[str], problems: tuple[list[str], list[str]] = ([], []), **tolerance: Any) -> Report:
    sides = [
        seen.of_analysis(name, scene(rows, problems=found))
        for name, rows, found in zip(("base", "new"), (base, new), problems, strict=True)
    ]
    return diff(sides[0], sides[1], Tolerance(**tolerance))


def worse(base: list[str], new: list[str], **tolerance: Any) -> set[str]:
    return {outcome.name for outcome in compared(base, new, **tolerance).outcomes if outcome.fails}


@pytest.mark.parametrize("traffic", [["40 x ok 10ms"], ["20 x ok", "20 x refused"], ["9 x server-first", "3 x reset abort"]])
def test_the_same_again_is_no_worse(traffic: list[str]) -> None:
    assert worse(traffic, traffic) == set()
    assert worse(traffic, traffic, strict=True) == set()


@pytest.mark.parametrize(("base", "new", "names"), [
    (["40 x ok 10ms"], ["40 x ok 30ms"], {"handshake-latency"}),
    (["40 x ok 10ms"], ["40 x ok 12ms"], set()),  # within the threshold
    (["40 x ok 100us"], ["40 x ok 900us"], set()),  # too small to matter
    (["7 x ok 10ms"], ["8 x ok 30ms"], set()),  # too few to tell
    (["8 x ok 10ms"], ["8 x ok 30ms"], {"handshake-latency"}),
    (["8 x ok 10ms"], ["8 x untimed"], set()),  # nothing to compare with
    (["40 x ok", "40 x refused"], ["15 x ok", "65 x refused"], {"handshake-outcomes"}),
    (["40 x ok", "40 x refused"], ["30 x ok", "50 x refused"], set()),  # at the threshold
    (["40 x ok"], ["20 x ok", "20 x refused"], {"handshake-outcomes"}),
    (["40 x ok"], ["39 x ok", "unanswered"], set()),  # noise
    (["40 x ok"], ["20 x ok", "20 x syn-again"], {"syn-retransmissions"}),
    (["40 x ok"], ["20 x ok", "20 x repeats 3 10 client"], {"data-retransmissions"}),
    (["40 x answers 20ms"], ["40 x answers 60ms"], {"answer-time"}),
    (["40 x ok"], ["20 x ok", "20 x stalls 2s"], {"stalls"}),
    (["40 x ok"], ["40 x stalls 900ms"], set()),
    (["40 x exchanges 20"], ["40 x exchanges 1"], {"exchanges"}),
    (["40 x ok"], ["20 x ok", "20 x reset abort-unread-data"], {"resets"}),
    (["40 x ok"], ["20 x ok", "20 x half-closed"], {"teardown-pattern"}),
    (["40 x open"], ["40 x server-first"], {"time-wait", "time-wait-peak"}),
    (["40 x ok"], ["20 x ok", "20 x in-progress"], set()),  # in flight when the capture ended
    (["40 x ok"], ["20 x ok", "20 x closing", "20 x closing unfinished-close"], set()),
    (["40 x half-closed client"], ["40 x half-closed server"], {"closes-first"}),
    (["4 x open"], ["40 x open"], {"connections"}),
    (["40 x open"], ["45 x open"], set()),
    (["40 x open"], ["4 x open"], set()),  # better
    (["40 x ok port=80", "ok port=81"], ["40 x ok port=80"], {"services"}),
    (["40 x ok port=80"], ["40 x ok port=80", "ok port=81"], set()),
])  # fmt: skip
def test_what_is_worse(base: list[str], new: list[str], names: set[str]) -> None:
    assert worse(base, new) == names


def test_chance_explains_nothing_where_it_may_not() -> None:
    assert worse(["9 x ok"], ["8 x ok", "refused"]) == set()
    assert worse(["9 x ok"], ["8 x ok", "refused"], strict=True) == {"handshake-outcomes"}
    assert worse(["5 x ok 10ms"], ["5 x ok 30ms"], strict=True) == {"handshake-latency"}
    assert worse(["40 x ok 10ms"], ["40 x ok 30ms"], threshold=3.0) == set()
    assert worse(["40 x ok 10ms"], ["40 x ok 12ms"], threshold=0.1) == {"handshake-latency"}


def test_what_is_said() -> None:
    outcomes = {outcome.name: outcome for outcome in compared(["40 x ok 10ms"], ["40 x ok 30ms"]).outcomes}
    measure = outcomes["handshake-latency"].measures[0]
    assert (measure.subject, measure.value, measure.limit) == ("10.1.0.9:80", 30_000_000, 12_500_000)
    assert measure.note == "of 40, was 10 ms of 40; by chance alone in less than one of a million runs"
    assert [connection.id for connection in measure.worst] == [0, 1, 2, 3, 4]
    assert str(outcomes["handshake-latency"].origin) == "against base"
    share = next(o for o in compared(["9 x ok"], ["8 x ok", "refused"]).outcomes if o.name == "handshake-outcomes").measures[0]
    assert share.note == "1 of 9, was 0 of 9; by chance alone in 50 % of runs: may be noise"
    share = next(
        o for o in compared(["9 x ok", "in-progress"], ["8 x ok", "refused", "3 x in-progress"]).outcomes if o.name == "handshake-outcomes"
    ).measures[0]
    assert share.note.startswith("1 of 9, was 0 of 9; in flight when the capture ended, left out: 3, was 1; by chance")


@pytest.mark.parametrize(
    ("base", "new", "pairs", "gone", "fresh"),
    [
        (["ok"], ["ok"], 1, 0, 0),
        (["ok server=10.0.0.1"], ["ok server=10.0.0.2"], 1, 0, 0),  # a container has another address in every run
        (["ok port=80"], ["ok port=81"], 0, 1, 1),
        (["ok server=10.0.0.1", "ok server=10.0.0.2"], ["ok server=10.0.0.3"], 0, 2, 1),
        (["ok server=10.0.0.1"], ["ok server=10.0.0.2", "ok server=10.0.0.3"], 0, 1, 2),
        (["ok server=10.0.0.1", "ok server=10.0.0.2"], ["ok server=10.0.0.2", "ok server=10.0.0.3"], 2, 0, 0),
    ],
)
def test_services_pair(base: list[str], new: list[str], pairs: int, gone: int, fresh: int) -> None:
    found = seen.paired(seen.of_analysis("a", scene(base)), seen.of_analysis("b", scene(new)))
    assert [len(each) for each in found] == [pairs, gone, fresh]


def test_what_is_said_of_services() -> None:
    gone = compared(["ok port=80", "ok port=81"], ["ok port=80", "ok port=82"]).outcomes[1]
    assert (gone.status, gone.message) == (Status.FAILED, "new: 10.1.0.9:82")
    assert [(measure.value, measure.limit, measure.note) for measure in gone.measures] == [(1, 0, "10.1.0.9:81")]
    none = compared([], ["ok"]).outcomes[1]
    assert (none.status, none.message) == (Status.UNMATCHED, "no service is in both captures")
    assert none.measures[0].holds
    known = compared(["ok"], ["ok"]).outcomes[1]
    assert (known.status, known.message) == (Status.PASSED, "")


def test_shares_may_rise_by_the_threshold() -> None:
    report = compared(["40 x ok", "40 x refused"], ["30 x ok", "50 x refused"])
    measure = next(outcome for outcome in report.outcomes if outcome.name == "handshake-outcomes").measures[0]
    assert (measure.value, measure.limit, measure.note) == (0.625, 0.625, "50 of 80, was 40 of 80")


def test_nothing_to_compare_is_a_failure() -> None:
    assert worse([], []) == {"services"}
    assert worse(["ok"], []) == {"services"}
    report = compared([], ["ok"])
    assert report.outcomes[1].status is Status.UNMATCHED


def test_captures_that_are_worse_themselves() -> None:
    assert compared(["ok"], ["ok"], ([], ["acked-unseen"])).verdict == "failed"
    assert compared(["ok"], ["ok"], (["acked-unseen"], ["acked-unseen"])).verdict == "passed"
    assert compared(["ok"], ["ok"], ([], ["snapped"])).verdict == "passed"
    assert compared(["ok"], ["ok"], ([], ["!cut-tail"])).verdict == "damaged"
    assert compared(["ok"], ["ok"], (["!cut-tail"], [])).verdict == "damaged"


WITHHELD = Path(__file__).parents[2] / "findings" / "withheld"
STANDS, SECONDS, FILTERED, SYNS = (
    str(WITHHELD / name) for name in ("clock-stands.pcap.xz", "clock-of-seconds.pcap.xz", "syn-fin-rst.pcap", "syns.pcap.xz")
)
OF_TIMES = {"answer-time", "stalls", "finding"}
OF_DATA = {*OF_TIMES, "exchanges", "data-retransmissions", "teardown-pattern"}
OF_CLOSES = {"closes-first", "time-wait", "time-wait-peak"}


@pytest.mark.parametrize(
    ("base", "new", "names"),
    [
        (STANDS, STANDS, {*OF_TIMES, "handshake-latency"}),
        (SECONDS, SECONDS, {*OF_TIMES, "handshake-latency"}),
        (FILTERED, FILTERED, {*OF_DATA, "handshake-latency"}),
        (SYNS, SYNS, {*OF_DATA, *OF_CLOSES, "handshake-latency", "handshake-outcomes"}),
        (AFTER, AFTER, set()),  # a short capture and an unknown range of ports hide nothing that is compared
    ],
)
def test_what_both_captures_withhold_does_not_pass(
    base: str, new: str, names: set[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for side in (base, _saved(base, tmp_path / "base.json")):
        report = diff(_traffic(side), _traffic(new), Tolerance())
        unknown = {outcome.name: outcome for outcome in report.outcomes if outcome.status is Status.UNMEASURABLE}
        assert set(unknown) == names
        assert all(outcome.fails for outcome in unknown.values())
        for outcome in unknown.values():
            assert outcome.message.startswith("not measurable: ")
            assert " is withheld (" in outcome.message
        accepted = diff(_traffic(side), _traffic(new), Tolerance(), allow_unmeasurable=True)
        assert not any(outcome.fails for outcome in accepted.outcomes)
        said = {outcome.name for outcome in accepted.outcomes if outcome.message.startswith("not measurable, which is allowed: ")}
        assert said == {outcome.name for outcome in accepted.outcomes if outcome.name in names and not outcome.measures}
    assert main.main(["diff", base, new]) == (1 if names else 0)
    assert ("not measurable" in capsys.readouterr().out) is bool(names)
    assert main.main(["diff", base, new, "--allow-unmeasurable"]) == 0


def _traffic(path: str) -> seen.Traffic:
    return seen.of_document(path, Path(path).read_bytes()) if path.endswith(".json") else seen.of_analysis(path, analyze(path))


@pytest.mark.parametrize(("base", "new"), [(SECONDS, AFTER), (AFTER, SECONDS)])
def test_what_one_capture_withholds_is_not_compared_either(base: str, new: str) -> None:
    before, after = _traffic(base), _traffic(new)
    for side in (before, after):  # one service
        side.services = {("10.1.0.9", 80): seen.Rows(row for rows in side.services.values() for row in rows)}
    report = diff(before, after, Tolerance())
    (outcome,) = [outcome for outcome in report.outcomes if outcome.name == "handshake-latency"]
    assert (outcome.status, outcome.message.split(": ")[1]) == (Status.UNMEASURABLE, SECONDS)


def test_a_saved_analysis_of_a_version_that_withheld_nothing(tmp_path: Path) -> None:
    document = json.loads(Path(_saved(AFTER, tmp_path / "a.json")).read_text())
    del document["withheld"], document["findings"]
    old = seen.of_document("old.json", json.dumps(document).encode())
    assert (old.withheld, old.causes) == ((), ())


CAUSE = seen.Cause("stalled", "problem", "10.0.0.1", "10.1.0.9", 80, 5, 40, "why")


@pytest.mark.parametrize(("before", "now", "fails"), [
    ((), (CAUSE,), True),
    ((CAUSE,), (), False),  # better
    ((CAUSE,), (CAUSE,), False),
    ((CAUSE,), (replace(CAUSE, client="10.0.0.2"),), False),  # clients have other addresses in every run
    ((CAUSE,), (replace(CAUSE, connections=20),), True),
    ((CAUSE,), (replace(CAUSE, connections=7),), False),  # chance does that
    ((CAUSE,), (replace(CAUSE, connections=10, of=80),), False),  # more traffic, and the same share
    ((replace(CAUSE, code="idle-timeout"),), (CAUSE,), True),
    ((replace(CAUSE, server_port=81),), (CAUSE,), True),
    ((), (replace(CAUSE, severity="warning"),), False),
    ((replace(CAUSE, severity="warning"),), (CAUSE,), False),
    ((), (replace(CAUSE, server=None, server_port=None),), True),
    ((replace(CAUSE, server=None, server_port=None, client="10.0.0.2"),), (replace(CAUSE, server=None, server_port=None),), False),
    ((replace(CAUSE, server_port=None),), (replace(CAUSE, server_port=None),), False),
    ((replace(CAUSE, server="10.1.0.8", server_port=None),), (replace(CAUSE, server_port=None),), True),
    ((), (replace(CAUSE, connections=0, of=0),), True),  # about no single connections
])  # fmt: skip
def test_findings_that_are_new_or_spread(before: tuple[seen.Cause, ...], now: tuple[seen.Cause, ...], fails: bool) -> None:
    base, new = (seen.of_analysis(name, scene(["40 x ok"])) for name in ("base", "new"))
    base.causes, new.causes = before, now
    (outcome,) = [outcome for outcome in diff(base, new, Tolerance()).outcomes if outcome.name == "finding"]
    assert (outcome.status is Status.FAILED) is fails
    assert {measure.what for measure in outcome.measures} == {cause.code for cause in now if cause.severity == "problem"}


def test_findings_of_a_service_whose_address_changed() -> None:
    base, new = (seen.of_analysis(name, scene([f"40 x ok server={address}"])) for name, address in (("a", "10.9.0.1"), ("b", "10.9.0.2")))
    for port in (80, None):
        base.causes = (replace(CAUSE, server="10.9.0.1", server_port=port),)
        new.causes = (replace(CAUSE, server="10.9.0.2", server_port=port),)
        (outcome,) = [outcome for outcome in diff(base, new, Tolerance()).outcomes if outcome.name == "finding"]
        assert outcome.status is Status.PASSED
        (measure,) = outcome.measures
        assert (measure.subject, measure.note) == ("10.9.0.2:80" if port else "10.9.0.2", "was 5 of 40; 5 of 40 connections: why")


def test_a_new_finding_is_told_with_its_connections(capsys: pytest.CaptureFixture[str]) -> None:
    recorded = WITHHELD.parent / "recorded"
    one, other = (str(recorded / name) for name in ("blackout.not.pcap.xz", "blackout.pcap.xz"))
    assert main.main(["diff", one, other, "--allow", "acked-unseen"]) == 1
    told = capsys.readouterr().out
    assert "FAIL  TD601 finding" in told
    assert ": stalled: " in told
    assert "(new: " in told
    assert "by chance" not in told.split("TD601 finding")[1].split("look")[0]
    assert "tcp.stream eq" in told.split("TD601 finding")[1]
    assert main.main(["diff", other, other, "--allow", "acked-unseen"]) == 0


def test_a_finding_stands_whatever_else_is_withheld() -> None:
    base, new = _traffic(FILTERED), _traffic(FILTERED)
    server, port = next(iter(new.services))
    new.causes = (replace(CAUSE, server=server, server_port=port),)
    statuses = {outcome.name: outcome.status for outcome in diff(base, new, Tolerance()).outcomes}
    assert (statuses["finding"], statuses["stalls"]) == (Status.FAILED, Status.UNMEASURABLE)


def _saved(capture: str, path: Path) -> str:
    assert main.main(["analyze", capture, "--format", "json", "--allow-damaged", "-o", str(path)]) == 0
    return str(path)


@pytest.mark.parametrize(
    "name",
    [
        "ci/before.pcap",
        "several-handshakes-ipv6.pcap",
        "self-connect.pcap",
        "data-lost.pcap",
        "syn-lost.pcap",
        "fin-lost.pcap",
        "cut-tail.pcap",
        "syn-unanswered.pcap",
    ],
)
def test_a_saved_analysis_is_as_good_as_its_capture(name: str, tmp_path: Path) -> None:
    capture = str(FOLDER / name)
    if not (FOLDER / name).exists():
        pytest.fail(f"no sample {name}")
    path = _saved(capture, tmp_path / "a.json")
    saved = seen.of_document(path, Path(path).read_bytes())
    fresh = seen.of_analysis(capture, analyze(capture))
    assert {service: list(rows) for service, rows in saved.services.items()} == {
        service: [row._replace(place=None) for row in rows] for service, rows in fresh.services.items()
    }
    assert saved.peaks == fresh.peaks
    assert [problem.code for problem in saved.capture.problems] == [problem.code for problem in fresh.capture.problems]


def _slow(row: dict[str, Any], total_ms: float) -> dict[str, Any]:
    return {**row, "handshake": {**row["handshake"], "outcome": "completed", "total_ms": total_ms}}


def test_documents_that_are_no_analysis(tmp_path: Path) -> None:
    document = json.loads((tmp_path / "a.json").read_text()) if _saved(BEFORE, tmp_path / "a.json") else {}
    for content, words in (
        ("{", "is no saved analysis"),
        ('{"schema": "other/1"}', "but other/1"),
        ("{}", "something else"),
        ('{"schema": "tcpstates/analysis/1"}', "lacks what an analysis holds"),
        (json.dumps({**document, "connections": [_slow(document["connections"][0], 1e14)]}), "lacks what an analysis holds"),
        (json.dumps({**document, "connections": [_slow(document["connections"][0], float("inf"))]}), "lacks what an analysis holds"),
        (json.dumps({**document, "connections": []}), "--connections all"),
        (json.dumps({**document, "interrupted": True}), "was interrupted"),
    ):
        with pytest.raises(UsageError, match=words):
            seen.of_document("x.json", content.encode())


@pytest.mark.parametrize(
    ("args", "code"),
    [
        ([BEFORE, AFTER], 0),
        ([AFTER, BEFORE], 1),
        ([BEFORE, BEFORE], 0),
        ([BEFORE], 2),
        ([BEFORE, AFTER, AFTER], 2),
        ([BEFORE, "missing.pcap"], 2),
        ([BEFORE, AFTER, "--threshold", "lots"], 2),
        ([BEFORE, AFTER, "--strict"], 1),  # one more TIME_WAIT at the client
        ([str(FOLDER / "cut-tail.pcap"), str(FOLDER / "cut-tail.pcap")], 3),
        ([str(FOLDER / "cut-tail.pcap"), str(FOLDER / "cut-tail.pcap"), "--allow-damaged"], 0),
        ([AFTER, BEFORE, "--port", "1"], 1),
        ([str(FOLDER / name) for name in ("three-way-handshake.pcap", "one-sided.pcap")], 1),
        ([str(FOLDER / "three-way-handshake.pcap"), str(FOLDER / "one-sided.pcap"), "--allow", "one-sided"], 1),  # not measurable
        ([str(FOLDER / "three-way-handshake.pcap"), str(FOLDER / "one-sided.pcap"), "--allow", "one-sided", "--allow-unmeasurable"], 0),
    ],
)
def test_exit_codes(args: list[str], code: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["diff", *args]) == code
    assert ("all checks hold" in capsys.readouterr().out) == (code == 0)


def test_saved_documents_on_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    base, new = _saved(AFTER, tmp_path / "base.json"), _saved(BEFORE, tmp_path / "new.json")
    assert main.main(["diff", base, BEFORE]) == 1
    with_captures = capsys.readouterr().out
    assert main.main(["diff", base, new, "--report", f"junit={tmp_path / 'v.xml'}"]) == 1
    assert "connections: 27, limit 1" in capsys.readouterr().out
    assert "tcp.stream eq" in with_captures
    assert "failures" in (tmp_path / "v.xml").read_text()
