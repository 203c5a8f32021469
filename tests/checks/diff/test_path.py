"""`diff A B --same-traffic`: what fails, with which exit code, and what every format says of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import jsonschema
import pytest

from samples.make import FOLDER
from samples.path.way import Way
from tcptrace_py.checks.diff.path import Bearable, same_traffic
from tcptrace_py.cli import main
from tcptrace_py.model.report import Severity, Status
from tests.captures import with_clock_of
from tests.checks import test_verdicts as formats
from tests.findings.path.points import compared, of_way, strangers

if TYPE_CHECKING:
    from tcptrace_py.model.report import Outcome, Report

A, B = (str(FOLDER / "path" / f"{name}.pcap") for name in ("client", "server"))
NAT = [str(FOLDER / "path" / f"recorded-nat-loss.{name}.pcap.xz") for name in ("client", "server")]
WRITTEN = same_traffic(compared(A, B), Bearable())


def outcome(report: Report, name: str) -> Outcome:
    return next(each for each in report.outcomes if each.name == name)


def test_what_fails() -> None:
    assert {each.name: (each.status, each.severity) for each in WRITTEN.outcomes if each.status is not Status.PASSED} == {
        "capture-quality": (Status.FAILED, Severity.ERROR),  # the server's misses a request
        "paired": (Status.FAILED, Severity.ERROR),
        "loss": (Status.FAILED, Severity.ERROR),
        "made-up": (Status.FAILED, Severity.ERROR),
        "resets-lost": (Status.FAILED, Severity.WARNING),
        "altered": (Status.FAILED, Severity.NOTE),
    }


MEASURED = {
    "capture-quality": [(B, "acked-unseen", 1, False, [], ("connections with segments that were acknowledged but never "
                         "captured: the capture lost frames"))],
    "paired": [("", "connections only in A", 1, False, [7], "1 answered-between"),
               ("", "connections only in B", 0, True, [], "")],
    "loss": [("A to B", "packets lost", 5 / 66, False, [1, 3], "5 of 66: 4 SYN, 1 data; in B: tcp.stream eq 1, tcp.stream eq 3"),
             ("B to A", "packets lost", 2 / 50, False, [2, 6], "2 of 50: 1 ACK, 1 RST; in B: tcp.stream eq 2, tcp.stream eq 5")],
    "made-up": [("at A", "RSTs that nobody sent", 1, False, [5], "1 in the server's name; in B: tcp.stream eq 4"),
                ("at B", "RSTs that nobody sent", 1, False, [5], "1 in the client's name; in B: tcp.stream eq 4")],
    "resets-lost": [("A to B", "RSTs lost", 0, True, [], ""),
                    ("B to A", "RSTs lost", 1, False, [6], "in B: tcp.stream eq 5")],
    "transit": [],
    "altered": [("", "MSS 1460 made 1380 (client's, A to B)", 11, False, [0], "e.g. 198.51.100.20:80")],
}  # fmt: skip


@pytest.mark.parametrize("name", MEASURED)
def test_what_is_measured(name: str) -> None:
    measures = outcome(WRITTEN, name).measures
    assert [
        (each.subject, each.what, each.value, each.holds, [connection.id for connection in each.worst], each.note) for each in measures
    ] == MEASURED[name]


def test_the_same_with_the_captures_exchanged() -> None:
    """Connections of B alone have no row in A to look at: their streams are in the note."""
    turned = same_traffic(compared(B, A), Bearable())
    assert [(each.value, each.worst, each.note) for each in outcome(turned, "paired").measures] == [
        (0, (), ""), (1, (), "1 answered-between; in B: tcp.stream eq 7"),
    ]  # fmt: skip
    assert [(each.subject, each.value) for each in outcome(turned, "loss").measures] == [
        ("A to B", 2 / 50), ("B to A", 5 / 66),
    ]  # fmt: skip


@pytest.mark.parametrize(("flags", "kinds"), [("FA", ["RST", "RST", "FIN"]), ("R", ["RST", "RST"])])
def test_made_up_fins_are_told_where_there_are_any(flags: str, kinds: list[str], tmp_path: Path) -> None:
    way = Way()
    talk = way.talk()
    talk.open()
    talk.exchange()
    with way.seen("B"):
        talk.client.send(flags, after=5.0)
    measures = outcome(same_traffic(of_way(way, tmp_path), Bearable()), "made-up").measures
    assert [each.what.partition("s ")[0] for each in measures] == kinds
    assert [each.subject for each in measures if not each.holds] == ["at B"]


def test_only_a_span_of_time(capsys: pytest.CaptureFixture[str]) -> None:
    """A connection starts every three seconds; B's clock is 2.5 s ahead, so its first two begin before the span."""
    span = ["--from", "2026-01-02T03:04:10Z", "--to", "2026-01-02T03:04:12Z", "--max-loss", "100%", "--format", "json"]
    assert main.main(["diff", A, B, "--same-traffic", *span]) == 1
    path = json.loads(capsys.readouterr().out)["path"]
    assert [row["client"]["port"] for row in path["only_in_one"]] == [40002, 20001]


@pytest.mark.parametrize(("loss", "fails"), [(5 / 66, False), (5 / 66 - 1e-9, True), (0.0, True), (1.0, False)])
def test_loss_up_to_what_is_borne(loss: float, fails: bool) -> None:
    report = same_traffic(compared(A, B), Bearable(loss))
    assert outcome(report, "loss").fails is fails


def test_time_under_way_up_to_what_is_borne() -> None:
    facts = compared(*NAT)
    assert facts.ways[0].transit is not None
    p99_ns = facts.ways[0].transit.p99_ns
    assert p99_ns is not None
    for limit_ns, fails in ((p99_ns, False), (p99_ns - 1, True), (None, False)):
        assert outcome(same_traffic(facts, Bearable(1.0, limit_ns)), "transit").fails is fails


def test_captures_of_different_traffic_never_pass(tmp_path: Path) -> None:
    report = same_traffic(strangers(tmp_path), Bearable(1.0))
    assert outcome(report, "paired").status is Status.UNMATCHED
    assert report.verdict == "failed"


def test_a_damaged_capture_never_passes() -> None:
    cut = str(FOLDER / "cut-tail.pcap")
    facts = compared(cut, cut)
    assert same_traffic(facts, Bearable()).verdict == "damaged"
    assert same_traffic(facts, Bearable(), allow_damaged=True).verdict == "passed"


@pytest.mark.parametrize(
    ("args", "code"),
    [
        ([A, B], 1),
        ([A, A], 0),
        ([*NAT], 1),
        ([*NAT, "--max-loss", "3%"], 0),
        ([*NAT, "--max-loss", "3%", "--max-transit", "30ms"], 0),
        ([*NAT, "--max-loss", "3%", "--max-transit", "15ms"], 1),
        ([*NAT, "--max-loss", "3"], 2),
        ([str(FOLDER / "one-sided.pcap")] * 2, 1),
        ([str(FOLDER / "one-sided.pcap"), str(FOLDER / "one-sided.pcap"), "--allow", "one-sided"], 0),
        ([A, A, "--allow", "nothing"], 2),
        ([A], 2),
        ([A, str(FOLDER / "empty.pcap")], 2),
        ([A, str(FOLDER / "no-tcp.pcap")], 1),
        ([A, A, "--port", "7"], 1),
        ([str(FOLDER / "cut-tail.pcap")] * 2, 3),
        ([str(FOLDER / "cut-tail.pcap"), str(FOLDER / "cut-tail.pcap"), "--allow-damaged"], 0),
    ],
)
def test_exit_codes(args: list[str], code: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["diff", "--same-traffic", *args]) == code
    assert ("all checks hold" in capsys.readouterr().out) == (code == 0)


def test_what_it_cannot_take(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["diff", A, B, "--max-loss", "1%"]) == 2
    assert "go with --same-traffic" in capsys.readouterr().err
    for option in (["--threshold", "25%"], ["--strict"]):
        assert main.main(["diff", A, B, "--same-traffic", *option]) == 2
        assert f"{option[0]} is for BASE and NEW" in capsys.readouterr().err
    assert main.main(["analyze", A, "--format", "json", "-o", str(tmp_path / "a.json")]) == 0
    assert main.main(["diff", str(tmp_path / "a.json"), B, "--same-traffic"]) == 2
    assert "holds no segments" in capsys.readouterr().err


def test_only_what_is_selected(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["diff", A, B, "--same-traffic", "--port", "40001", "--port", "20001", "--format", "json"]) == 1
    path = json.loads(capsys.readouterr().out)["path"]
    assert [row["a"]["client"]["port"] for row in path["connections"]] == [40001]


def test_every_format_is_valid() -> None:
    schema = json.loads((Path(main.__file__).parents[1] / "schema" / "verdict-1.json").read_text("utf-8"))
    document = json.loads(formats.printed("json", WRITTEN))
    jsonschema.Draft202012Validator(schema).validate(document)
    assert document["path"]["a_to_b"]["lost"] == 5
    formats.junit().validate(formats.printed("junit", WRITTEN))
    formats.SARIF.validate(json.loads(formats.printed("sarif", WRITTEN)))


@pytest.mark.parametrize("form", ["text", "markdown"])
def test_the_page_says_where_to_look_in_both_captures(form: str) -> None:
    page = formats.printed(form, WRITTEN, width=200).replace("\\", "")
    for words in ("Most lost", "Made up on the way", "Where time goes", "Addresses rewritten", "In one capture only",
                  "203.0.113.5", "40000 as 20000", "A 56", "no SYN of it came to B", "gains 40 µs a second",
                  "tcp.stream eq 6", "tcp.stream eq 5"):  # fmt: skip
        assert words in page


@pytest.mark.parametrize("step_ns", [0, 1_000_000_000])
@pytest.mark.parametrize("coarse", ["A", "B", "AB"])
def test_a_clock_that_is_too_coarse_tells_no_times(step_ns: int, coarse: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Counts stay, and so do the sides, which hops tell; every time is null, and a limit for one is not measurable."""
    captures = {"A": A, "B": B}
    paths = [str(with_clock_of(Path(path), tmp_path / f"{at}.pcap", step_ns)) if at in coarse else path for at, path in captures.items()]
    for names, sides in ((paths, coarse), (paths[::-1], coarse if coarse == "AB" else "BA".replace(coarse, ""))):
        assert main.main(["diff", *names, "--same-traffic", "--format", "json"]) == 1
        path = json.loads(capsys.readouterr().out)["path"]
        assert path["clients_on_side"] == ({"a": 11, "b": 0} if names == paths else {"a": 0, "b": 11})
        assert "".join(path["clock"]["coarse"]) == sides
        assert [path["clock"][name] for name in ("offset_ms", "bound_ms", "drift_ppm", "steady")] == [None] * 4
        assert {path[way]["transit_ms"] for way in ("a_to_b", "b_to_a")} == {None}
        assert {row["count"] for row in path["latency_ms"].values()} == {0}
        assert {row["p50"] for row in path["latency_ms"].values()} == {None}
        assert {row["round_trip_ms"] for row in path["connections"]} == {None}
        assert (path["a_to_b"]["lost"], path["b_to_a"]["lost"]) == ((5, 2) if names == paths else (2, 5))
    main.main(["diff", *paths, "--same-traffic"])
    page = capsys.readouterr().out
    assert {"A": "A's is", "B": "B's is", "AB": "both are"}[coarse] + " too coarse for what is measured: no time between" in page
    assert " 0 s" not in page
    assert "Where time goes" not in page
    transit = ["--same-traffic", "--max-transit", "1s", "--format", "json"]
    for more, status in (((), "unmeasurable"), (("--allow-unmeasurable",), "passed")):
        main.main(["diff", *paths, *transit, *more])
        outcome = next(row for row in json.loads(capsys.readouterr().out)["checks"] if row["name"] == "transit")
        assert (outcome["status"], outcome["message"].count("times is withheld (coarse-clock)")) == (status, len(coarse))
