"""Causes: what shows one, what nearly does and must not, and what is left when the evidence is cut away."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tcptrace_py import analyze
from tcptrace_py.findings import causes, docs, occupancy
from tcptrace_py.findings.naming import doc_of
from tcptrace_py.model.finding import Code
from tcptrace_py.model.profiles import Profiles
from tests.hostile import generators
from tests.ladder import CLIENT, CLIENT_ISN, PORT, SERVER, SERVICE, START_NS, key_of, ladder, play
from tests.wire import write

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tcptrace_py.model.finding import Finding
    from tests.ladder import Seg

SAMPLES = Path(__file__).parents[2] / "samples"
HERE = Path(__file__).parent / "causes"
OTHER = "10.0.0.99"


def only(segments: Iterable[Seg], code: str, *, end_s: float | None = None) -> Finding | None:
    """The only finding of a code, None where there is none; the overview says the same as where all rows are kept."""
    kept = sorted(segments, key=lambda segment: segment.time_ns)
    found = [finding for finding in play(kept, end_s=end_s).findings if finding.code == code]
    assert found == [finding for finding in play(kept, end_s=end_s, keep_rows=False).findings if finding.code == code]
    assert len(found) < 2
    return found[0] if found else None


@pytest.mark.parametrize("code", Code)
def test_every_code_has_a_file_that_explains_it(code: Code) -> None:
    doc = doc_of(code)
    assert doc.title.endswith(".")
    assert doc.shows
    assert doc.look_alikes
    assert doc.remedy


def test_every_file_is_a_code() -> None:
    files = {path.stem.replace("_", "-") for path in Path(causes.__file__).parent.glob("[a-z]*.py")}
    assert files == set(map(str, Code))
    assert (Path(__file__).parents[2] / "docs" / "findings.md").read_text("utf-8") == docs.page()


@pytest.mark.parametrize(
    ("name", "code", "connections", "details"),
    [
        ("half-translated-synack", "half-translated", 4, {"asked": "10.96.0.29:7800", "answered_from": "10.244.1.189:7800"}),
        ("half-translated-data", "half-translated", 3, {"asked": "10.96.0.50:6379", "answered_from": "10.244.3.9:6379"}),
        ("injected-reset", "injected-reset", 1, {"sender_ttl": 60, "reset_ttl": 128}),
    ],
)
def test_recorded_captures_show_their_cause(name: str, code: str, connections: int, details: dict[str, object]) -> None:
    (path,) = HERE.glob(f"{name}.pcap*")
    (finding,) = [finding for finding in analyze([path]).findings if finding.severity == "problem"]
    assert (finding.code, finding.connections, finding.details, finding.confidence) == (code, connections, details, "high")
    assert finding.first_frame is not None
    assert str(finding.first_frame) != ""


# -- half-translated ------------------------------------------------------------------------------------------------------------------

ASKED = ladder("0 C S\n1 C S seq=0\n3 C S seq=0")


def answered(isn: int = CLIENT_ISN, *, reset: bool = True, port: int = PORT) -> list[Seg]:
    """A SYN/ACK from another address to the same port, and the client's RST."""
    answer = ladder("0.01 S SA\n0.02 C R seq=1" if reset else "0.01 S SA", server=OTHER, isns=(isn, 7000), port=port)
    return [replace(answer[0], ack=(isn + 1) % 2**32), *answer[1:]]


def test_an_answer_from_another_address_with_fitting_numbers_is_half_translated() -> None:
    finding = only([*ASKED, *answered()], "half-translated", end_s=20)
    assert finding is not None
    assert (finding.client, finding.server, finding.server_port, finding.connections) == (CLIENT, SERVER, SERVICE, 1)
    assert finding.details == {"asked": f"{SERVER}:{SERVICE}", "answered_from": f"{OTHER}:{SERVICE}"}


@pytest.mark.parametrize(
    "segments",
    [
        pytest.param([*ASKED, *answered(isn=CLIENT_ISN + 1000)], id="other numbers"),
        pytest.param([*ASKED, *answered(port=PORT + 1)], id="another port"),
        pytest.param(ASKED, id="no answer captured"),
        pytest.param([*ladder("0 C S\n0.01 S SA\n0.02 C A\n1 C R seq=1"), *answered()], id="the client was answered as well"),
        pytest.param(
            [
                *ASKED,
                *(
                    replace(
                        segment,
                        key=key_of(CLIENT, PORT, OTHER, SERVICE)
                        if segment.key[:4] == key_of(CLIENT, 1, SERVER, 1)[:4]
                        else key_of(OTHER, SERVICE, CLIENT, PORT),
                    )
                    for segment in ladder("0 C S\n0.01 S SA\n0.02 C A")
                ),
            ],
            id="both sides of a NAT",
        ),
    ],
)
def test_what_only_looks_half_translated_is_not(segments: list[Seg]) -> None:
    assert only(segments, "half-translated", end_s=20) is None


# -- injected-reset -------------------------------------------------------------------------------------------------------------------

OPEN = """
    0 C S ttl=64
    0.01 S SA ttl=52
    0.02 C A ttl=64
    0.10 C PA len=100 ttl=64
    0.11 S A ttl=52
    0.12 S PA len=50 ttl=52
    0.13 C A ttl=64
"""


def test_a_reset_with_another_ttl_whose_sender_goes_on_is_injected() -> None:
    finding = only(ladder(OPEN + "0.2 S R ttl=61\n0.25 S PA len=50 ttl=52"), "injected-reset")
    assert finding is not None
    assert (finding.details, finding.confidence) == ({"sender_ttl": 52, "reset_ttl": 61}, "high")


@pytest.mark.parametrize("end", ["0.2 S R ttl=52", "0.2 S RA ttl=52", "0.2 C R ttl=64"])
def test_a_reset_of_the_side_itself_is_not(end: str) -> None:
    assert only(ladder(OPEN + end), "injected-reset") is None


def test_where_the_reset_is_all_there_is_nothing_is_said() -> None:
    assert only(ladder("0.2 S R seq=5 ttl=61"), "injected-reset") is None


# -- many connections of one client ---------------------------------------------------------------------------------------------------

WHOLE = """
    0 C S
    0.001 S SA
    0.002 C A
    0.003 C PA len=20
    0.004 S A
    0.005 S PA len=200
    0.006 C A
    0.010 C FA
    0.011 S FA
    0.012 C A
"""
CHECK = WHOLE[: WHOLE.index("    0.010")] + "    0.007 C RA\n"
CUT = WHOLE[: WHOLE.index("    0.006")] + "    0.0051 S RA\n    0.0061 C A\n    0.0062 S R seq=201\n"


def at(second: float, text: str, port: int, *, client: str = CLIENT, server: str = SERVER) -> list[Seg]:
    """A connection that begins then."""
    segments = ladder(text, client=client, port=port, server=server)
    return [replace(segment, time_ns=segment.time_ns + round(second * 1e9)) for segment in segments]


def many(times: Iterable[float], text: str, *, port: int = 40000, server: str = SERVER) -> list[Seg]:
    """Connections that begin then, each from the next port."""
    return [segment for number, second in enumerate(times) for segment in at(second, text, port + number, server=server)]


def later(text: str, seconds: float) -> str:
    """The same ladder behind a SYN that was lost."""
    lines = [line.split(maxsplit=1) for line in text.strip().splitlines()]
    return "0 C S\n" + "\n".join(f"{float(when) + seconds:.4f} {what}{' seq=0' if what == 'C S' else ''}" for when, what in lines)


# -- syn-loss -------------------------------------------------------------------------------------------------------------------------


def lossy(syns: int, *, whole: int = 100, data: bool = False) -> list[Seg]:
    repeated = WHOLE.replace("0.004 S A", "0.0031 C PA seq=1 len=20\n    0.004 S A")
    return [
        *many((n / 10 for n in range(whole)), repeated if data else WHOLE),
        *many((n / 10 for n in range(syns)), later(WHOLE, 1), port=50000),
    ]


def test_syns_that_are_lost_among_segments_that_are_not() -> None:
    finding = only(lossy(12), "syn-loss")
    assert finding is not None
    assert (finding.connections, finding.of, finding.severity) == (12, 112, "problem")
    assert finding.details == {"syns_lost": 12, "syns": 124, "others_lost": 0, "others": 112 * 8}


def test_syns_of_many_clients_that_are_lost() -> None:
    """Each connects once."""
    times = [(n / 10, WHOLE) for n in range(100)] + [(n / 10 + 0.05, later(WHOLE, 1)) for n in range(12)]
    segments = [segment for n, (second, text) in enumerate(times) for segment in at(second, text, PORT, client=f"10.0.9.{n}")]
    finding = only(segments, "syn-loss")
    assert finding is not None
    assert (finding.connections, finding.of) == (12, 112)


def outages(lasts_s: float, *begins_s: float) -> list[Seg]:
    """Connections every 100 ms; those that begin in an outage get through at their second SYN, and nothing else is on its way."""
    late = [n / 10 for n in range(300) if any(begin <= n / 10 < begin + lasts_s for begin in begins_s)]
    whole = [n / 10 for n in range(300) if n / 10 not in late]
    return [*many(whole, WHOLE), *many(late, later(WHOLE, 1), port=50000)]


@pytest.mark.parametrize(
    "scene",
    [
        pytest.param(lambda: lossy(5), id="few"),
        pytest.param(lambda: lossy(12, data=True), id="data is lost as well"),
        pytest.param(lambda: lossy(0), id="none"),
        pytest.param(lambda: outages(1.5, 10), id="an outage"),
        pytest.param(lambda: outages(0.8, 5, 15, 25), id="several"),
    ],
)
def test_other_losses_are_no_loss_of_syns(scene: Callable[[], list[Seg]]) -> None:
    assert only(scene(), "syn-loss") is None


def scattered(lost: int, *, seconds: int = 300) -> list[Seg]:
    """Connections every 100 ms, and of so many others, evenly between them, the first SYN is lost."""
    late = [n * seconds / lost + 0.05 for n in range(lost)]
    return [*many((n / 10 for n in range(10 * seconds)), WHOLE, port=1000), *many(late, later(WHOLE, 1), port=50000)]


@pytest.mark.parametrize(
    ("scene", "confidence"),
    [
        pytest.param(lambda: outages(1.5, 10), None, id="an outage"),
        pytest.param(lambda: outages(0.8, 5, 15, 25), None, id="several"),
        pytest.param(lambda: outages(6, 3), None, id="a long one"),
        pytest.param(lambda: scattered(30), "medium", id="loss"),
    ],
)
def test_outages_among_more_connections_than_are_kept_by_their_begins(
    scene: Callable[[], list[Seg]], confidence: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(occupancy, "MANY", 100)
    finding = only(scene(), "syn-loss")
    assert (finding and finding.confidence) == confidence


# -- accept-queue-full, where all are served at last ----------------------------------------------------------------------------------

NEAR = """
    0 C S
    0.0001 S SA
    0.0200 C A
    0.0201 C PA len=20
    0.0202 S A
    0.0203 S PA len=200
    0.0403 C A
    0.0404 C FA
    0.0405 S FA
    0.0605 C A
"""
IGNORED = (
    NEAR[: NEAR.index("    0.0202")]
    + """
    0.3 C PA seq=1 len=20
    0.9 C PA seq=1 len=20
    1.0001 S SA seq=0 ack=1
    1.0200 C A
    1.5 C PA seq=1 len=20
    1.5001 S A
    1.5002 S PA len=200
    1.52 C A
"""
)


def drained(late: int, ignored: int = 0, *, near: str = NEAR, whole: int = 40) -> list[Seg]:
    """Clients whose SYN was answered at once, when it came again, and whose acknowledgement of the SYN/ACK was not taken at first."""
    return [
        *many((n / 10 for n in range(whole)), near),
        *many((n / 10 for n in range(late)), later(near, 1), port=50000),
        *many((n / 10 for n in range(ignored)), IGNORED, port=55000),
    ]


@pytest.mark.parametrize(("late", "ignored", "confidence"), [(6, 0, "medium"), (6, 4, "high")])
def test_syns_that_reached_the_server_and_were_not_answered_at_first(late: int, ignored: int, confidence: str) -> None:
    finding = only(drained(late, ignored), "accept-queue-full")
    assert finding is not None
    assert (finding.connections, finding.confidence, finding.details) == (late + ignored, confidence, {"queue": None})
    assert f"{late} SYNs of {late} connections" in finding.evidence[0]
    assert only(drained(late, ignored), "syn-loss") is None


@pytest.mark.parametrize(
    "scene",
    [
        pytest.param(lambda: drained(4), id="few"),
        pytest.param(lambda: drained(0, 4), id="no SYN was dropped"),
        pytest.param(lambda: drained(6, near=WHOLE), id="not captured at the server"),
        pytest.param(lambda: drained(6, near=NEAR.replace("0.0001 S", "0.0199 S")), id="at the client, where loss looks the same"),
    ],
)
def test_other_late_answers_show_no_full_queue(scene: Callable[[], list[Seg]]) -> None:
    assert only(scene(), "accept-queue-full") is None


# -- reset-by-design ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("times", "period_s"), [([2.0 * n for n in range(15)], 2.0), ([n + phase for n in range(12) for phase in (0, 0.2, 0.7)], 1 / 3)]
)
def test_checks_of_constant_period_that_reset(times: list[float], period_s: float) -> None:
    finding = only([*many(times, CHECK), *many([0.3, 7.1], WHOLE, port=50000)], "reset-by-design")
    assert finding is not None
    assert (finding.severity, finding.connections, finding.of) == ("note", len(times), len(times) + 2)
    assert finding.details["kind"] == "health-check"
    assert finding.details["period_s"] == pytest.approx(period_s)


SYN_CHECK, ACK_CHECK = "0 C S\n0.002 S SA\n0.003 C R seq=1\n", "0 C S\n0.002 S SA\n0.003 C A\n0.004 C RA\n"


@pytest.mark.parametrize("text", [SYN_CHECK, ACK_CHECK])
def test_checks_that_ask_nothing(text: str) -> None:
    times = [3.5 * n for n in range(12)]
    finding = only([*many(times, text), *many([0.3, 7.1], WHOLE, port=50000)], "reset-by-design")
    assert finding is not None
    assert (finding.severity, finding.connections, finding.of, finding.confidence) == ("note", 12, 14, "medium")
    assert finding.details == {"kind": "health-check", "period_s": pytest.approx(3.5)}
    assert finding.explanation == (
        "10.0.0.1 opens a connection every 3.5 s and resets it without any data, as health checks do: nothing is broken."
    )
    assert finding.evidence == ("the first RST is frame 3, right behind the handshake",) if text == SYN_CHECK else finding.evidence


@pytest.mark.parametrize(
    "segments",
    [
        pytest.param(many([0, 0.3, 1.9, 2.2, 7, 7.7, 11, 30, 31, 40, 41, 90], SYN_CHECK), id="at no period"),
        pytest.param(many([2.0 * n for n in range(8)], SYN_CHECK), id="few"),
        pytest.param(many([5.0 * n for n in range(15)], "0 C S\n1.2 S SA\n1.201 C R seq=1\n"), id="the SYN/ACK came too late"),
        pytest.param(many([5.0 * n for n in range(15)], "0 C S\n1 C S seq=0\n1.02 S SA\n1.021 C R seq=1\n"), id="a SYN sent again"),
        pytest.param(many([5.0 * n for n in range(15)], ACK_CHECK.replace("0.004", "2.004")), id="after a pause"),
        pytest.param(many([5.0 * n for n in range(15)], SYN_CHECK.replace("0.003 C R seq=1", "0.003 S RA")), id="by the server"),
    ],
)
def test_other_resets_without_data_are_no_checks(segments: list[Seg]) -> None:
    assert only(segments, "reset-by-design") is None


def test_a_server_that_resets_behind_each_answer() -> None:
    finding = only(many([0, 1.7, 2.1, 5.5, 6.1, 9.9], CUT), "reset-by-design")
    assert finding is not None
    assert (finding.details, finding.confidence) == ({"kind": "abort-after-answer", "period_s": None}, "medium")


@pytest.mark.parametrize(
    "scene",
    [
        pytest.param(lambda: many([0, 0.3, 1.9, 2.2, 7, 7.7, 11, 30, 31, 40, 41, 90], CHECK), id="at no period"),
        pytest.param(lambda: many([2.0 * n for n in range(8)], CHECK), id="few"),
        pytest.param(lambda: many([2.0 * n for n in range(15)], CHECK.replace("0.007", "5.007")), id="after a pause"),
        pytest.param(
            lambda: [*many([0, 1, 2, 3, 4, 5], CUT), *many([0.5, 1.5, 2.5], WHOLE, port=50000)], id="a server that does so at times"
        ),
    ],
)
def test_other_resets_are_not_by_design(scene: Callable[[], list[Seg]]) -> None:
    assert only(scene(), "reset-by-design") is None


# -- ports-exhausted ------------------------------------------------------------------------------------------------------------------


def bound(ports: int, services: int, *, shared: bool) -> list[Seg]:
    """Connections to several services in turn, each from a port of its own, or from ports that serve all of them."""
    return [segment for number in range(ports) for segment in at(
        number / 10, WHOLE, 1000 + (number // services if shared else number), server=f"10.0.1.{number % services}")]  # fmt: skip


@pytest.mark.parametrize(("ports", "shared", "found"), [(200, False, True), (200, True, False), (150, False, False)])
def test_ports_of_an_address_run_out_where_none_serves_two_services(ports: int, shared: bool, found: bool) -> None:
    profiles = Profiles.named("linux", {}, port_range=(1000, 1199))
    said = [finding for finding in play(bound(ports, 4, shared=shared), profiles=profiles).findings if finding.code == "ports-exhausted"]
    assert [finding.details for finding in said] == ([{"taken": 200, "of": 200, "per": "address"}] if found else [])


# -- flow-limit -----------------------------------------------------------------------------------------------------------------------


def limited(size: int, hold_s: float, every_s: float, count: int, *, loses: bool = True) -> list[Seg]:
    """Attempts at a constant rate, which a box takes only while it holds fewer flows than its size; `loses` False: some at random."""
    held: list[float] = []
    found: list[Seg] = []
    for number in range(count):
        second = number * every_s
        held = [end for end in held if end > second]
        full = len(held) >= size if loses else number % 3 == 1
        if not full:
            held.append(second + 0.012 + hold_s)
        found += at(second, "0 C S\n1 C S seq=0\n3 C S seq=0" if full else WHOLE, 40000 + number)
    return found


def test_a_limit_of_flows_and_how_long_they_are_held() -> None:
    finding = only(limited(25, 20.0, 0.5, 200), "flow-limit", end_s=130)
    assert finding is not None
    assert finding.details["limit"] == 25
    assert finding.details["hold_s"] == pytest.approx(20, abs=1)


def behind(segments: list[Seg], second: float) -> list[Seg]:
    """What a capture that begins later has of them."""
    return [segment for segment in segments if segment.time_ns >= START_NS + second * 1e9]


@pytest.mark.parametrize("cut_s", [4.6, 9.1, 15.3])
def test_a_limit_of_flows_where_some_are_from_before_the_capture(cut_s: float) -> None:
    finding = only(behind(limited(25, 20.0, 0.5, 300), cut_s), "flow-limit", end_s=180)
    assert finding is not None
    assert finding.confidence == "medium"
    assert finding.details["limit"] == pytest.approx(25, abs=2)
    assert finding.details["hold_s"] == pytest.approx(20, abs=2)
    assert "while about " in finding.explanation
    assert finding.evidence[0].endswith("0 contradict; flows from before the capture may have been held as well")


def outage(from_s: float, until_s: float, *, every_s: float = 0.5, count: int = 200) -> list[Seg]:
    """Attempts at a constant rate, of which those in a stretch of time fail."""
    texts = [("0 C S\n1 C S seq=0\n3 C S seq=0" if from_s <= n * every_s < until_s else WHOLE, n) for n in range(count)]
    return [segment for text, n in texts for segment in at(n * every_s, text, 40000 + n)]


@pytest.mark.parametrize(
    "scene",
    [
        pytest.param(lambda: limited(25, 20.0, 0.5, 200, loses=False), id="others fail"),
        pytest.param(lambda: behind(limited(25, 20.0, 0.5, 200, loses=False), 9.1), id="others fail, cut"),
        pytest.param(lambda: outage(30, 50), id="an outage"),
        pytest.param(lambda: [*outage(30, 45), *at(101, WHOLE, 50000)], id="an outage, and one later"),
        pytest.param(lambda: outage(80, 92), id="an outage near the end"),
        pytest.param(lambda: outage(5, 30), id="an outage near the beginning"),
        pytest.param(lambda: behind(outage(80, 92), 3), id="an outage near the end, cut"),
        pytest.param(
            lambda: [*many((n / 2 for n in range(60)), WHOLE), *many((30 + n / 2 for n in range(60)), "0 C S\n1 C S seq=0", port=50000)],
            id="a server that stopped",
        ),
    ],
)
def test_other_silence_is_no_limit_of_flows(scene: Callable[[], list[Seg]]) -> None:
    assert only(scene(), "flow-limit", end_s=130) is None


def lost_acks(segments: list[Seg], times: int) -> list[Seg]:
    """And connections of which the capture lacks segments."""
    text = "0 C S\n0.01 S SA\n0.02 C A\n0.03 C A ack=900\n0.04 C FA\n0.05 S FA\n0.06 C A"
    lossy = many([n / 7 for n in range(times)], text, port=20000, server="10.0.0.3")
    return sorted([*segments, *lossy], key=lambda segment: segment.time_ns)


def test_a_limit_of_flows_where_the_capture_lost_frames(tmp_path: Path) -> None:
    for times, confidence, words in ((0, "high", "exactly while"), (4, "medium", "while about")):
        result = analyze(write(tmp_path / "a.pcap", lost_acks(limited(25, 20.0, 0.5, 200), times)))
        finding = next(row for row in result.findings if row.code == "flow-limit")
        assert (finding.confidence, words in finding.explanation) == (confidence, True)
        assert ("closes are missing and both numbers may be too large" in finding.evidence[0]) is bool(times)


# -- connection-leak ------------------------------------------------------------------------------------------------------------------

LEFT = WHOLE[: WHOLE.index("    0.011")] + "    0.011 S A\n"


def test_connections_that_stay_in_close_wait_leak() -> None:
    finding = only([*many(range(0, 40, 2), LEFT), *many([1, 3], WHOLE, port=50000)], "connection-leak", end_s=120)
    assert finding is not None
    assert (finding.connections, finding.of, finding.confidence) == (20, 22, "high")
    assert finding.details == {"state": "CLOSE_WAIT", "held": 20, "per_s": pytest.approx(0.5)}
    burst = only(many([n / 10 for n in range(20)], LEFT), "connection-leak", end_s=120)
    assert burst is not None
    assert burst.details == {"state": "CLOSE_WAIT", "held": 20, "per_s": None}


@pytest.mark.parametrize(("times", "found"), [(0, True), (2, True), (40, False)])
def test_fins_that_the_capture_lost_are_no_leak(times: int, found: bool, tmp_path: Path) -> None:
    segments = [*many(range(0, 10, 2), LEFT), *many([70], WHOLE, port=50000)]
    result = analyze(write(tmp_path / "a.pcap", lost_acks(segments, times)))
    assert any(row.code == "connection-leak" for row in result.findings) is found


@pytest.mark.parametrize(
    ("text", "end_s"),
    [(LEFT, 45), (LEFT + "    100 S PA len=10\n    100.1 C A", 130), (WHOLE, 120)],
    ids=["short", "still sends", "closed"],
)
def test_a_half_close_is_no_leak(text: str, end_s: float) -> None:
    assert only(many(range(30, 40, 2), text), "connection-leak", end_s=end_s) is None


# -- what recorded samples show -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "code", "details"),
    [
        ("recorded-backlog-overflow", "accept-queue-full", {"queue": 3}),
        ("half-open-connection-discovered", "peer-restarted", {}),
        ("time-wait-refuses-syn", "refused-by-time-wait", {"attempts": 1, "longest_wait_s": 1.04001}),
        pytest.param("pile-up-on-a-proxy", "time-wait-pileup", {"peak": 3500, "levels_off_at": None}, marks=pytest.mark.slow),
    ],
)
def test_samples_show_their_cause(name: str, code: str, details: dict[str, object]) -> None:
    (path,) = SAMPLES.glob(f"{name}.pcap*")
    found = [finding for finding in analyze([path]).findings if finding.code != "no-keep-alive"]  # the pile is made so
    assert [(finding.code, finding.details) for finding in found] == [(code, details)]


def test_a_flood_from_many_addresses_takes_no_ports_of_any(tmp_path: Path) -> None:
    """More attempts than are kept as rows, from more addresses than there are ports: each made one."""
    path = tmp_path / "flood.pcap"
    path.write_bytes(generators.capture("flood", 3000))
    result = analyze(path, profiles=Profiles.named("linux", port_range=(2000, 2009)))
    assert result.summary.connections == len(result.hosts) - 1 == 3000
    assert "ports-exhausted" not in [finding.code for finding in result.findings]


def test_ports_towards_one_service_run_out() -> None:
    (path,) = SAMPLES.glob("buildup-database.client.pcap*")
    problems = [finding for finding in analyze([path]).findings if finding.severity == "problem"]
    assert [finding.code for finding in problems] == ["ports-exhausted", "time-wait-pileup"]
    assert problems[0].details["per"] == "service"


@pytest.mark.parametrize(
    "name",
    [
        "recorded-unanswered",
        "recorded-never-accepted",
        "recorded-syn-lost",
        "port-reused-after-reset",
        "time-wait-reused",
        "reset-late",
        "recorded-half-close",
        "recorded-close-wait-leak",
    ],
)
def test_samples_that_nearly_do_show_no_problem(name: str) -> None:
    (path,) = SAMPLES.glob(f"{name}.pcap*")
    assert [finding.code for finding in analyze([path]).findings if finding.severity == "problem"] == []


# -- what is left when the evidence is cut away ---------------------------------------------------------------------------------------

SERVED = WHOLE[: WHOLE.index("    0.005")]
OVERFLOWN = SERVED.replace("0.004 S A", "0.3 C PA seq=1 len=20\n    1.001 S SA seq=0 ack=1\n    1.002 C A")
SILENT = "0 C S\n1 C S seq=0\n3 C S seq=0"
SPOKEN = "0 C S\n0.01 S SA\n0.02 C A\n0.1 C PA len=20\n0.11 S PA len=90\n0.12 C A"


def backlog(waiting: int, overflown: int) -> list[Seg]:
    """A listener with room for so many handshakes, whose program accepts none."""
    times = [n / 10 for n in range(waiting)]
    return [
        *many(times, SERVED),
        *many([1 + n / 10 for n in range(overflown)], OVERFLOWN, port=41000),
        *many([2 + n / 10 for n in range(5)], SILENT, port=42000),
    ]


def taken_again(isn: int, *, closed: bool) -> list[Seg]:
    """A SYN meets an old connection, whose numbers the answer bears; the client resets that, and comes through the second time."""
    close = "\n1 S FA\n1.01 C A\n1.02 C FA\n1.03 S A" if closed else ""
    old = ladder(SPOKEN + close + f"\n20.01 S A seq={91 + closed} ack={21 + closed}\n20.02 C R seq={21 + closed}")
    new = ladder("20 C S\n21 C S seq=0\n21.01 S SA\n21.02 C A\n22 C FA\n22.01 S FA\n22.02 C A", isns=(isn, 70_000))
    return [*old, *new]


def pool() -> list[Seg]:
    """Nine of ten connections carry one exchange, the others eight, and the client closes all."""
    again = "\n".join(f"{0.01 * n:.3f} C PA len=20\n{0.01 * n + 0.002:.3f} S PA len=200" for n in range(1, 9))
    long = f"0 C S\n0.001 S SA\n0.002 C A\n{again}\n0.1 C FA\n0.101 S FA\n0.102 C A"
    return [segment for n in range(100) for segment in at(n * 0.03, long if n % 10 == 3 else WHOLE, 40000 + n)]


def no(segment: Seg, flag: int) -> bool:
    """Whether a segment lacks a flag."""
    return not segment.flags & flag


def served(segment: Seg) -> bool:
    """Whether a segment is none of the server's with data."""
    return not (segment.payload and segment.key[-4:-2] == SERVICE.to_bytes(2))


CASES = {
    "accept-queue-full": backlog(7, 2),
    "peer-restarted": taken_again(50_000, closed=False),
    "refused-by-time-wait": taken_again(200, closed=True),
    "flow-limit": limited(25, 20.0, 0.5, 200),
    "syn-loss": lossy(12),
    "reset-by-design": many([2.0 * n for n in range(25)], CHECK),
    "connection-leak": many(range(0, 40, 2), LEFT),
    "no-keep-alive": many((n / 10 for n in range(60)), WHOLE),
    "pool-too-small": pool(),
}


@pytest.mark.parametrize(("code", "details"), [
    ("accept-queue-full", {"queue": 7}), ("peer-restarted", {}), ("refused-by-time-wait", {"attempts": 1, "longest_wait_s": 1.02}),
    ("pool-too-small", {"exchanges_per_connection_max": 8, "connections_at_once": 2}),
])  # fmt: skip
def test_the_whole_evidence_shows_the_cause(code: str, details: dict[str, object]) -> None:
    finding = only(CASES[code], code, end_s=130)
    assert finding is not None
    assert (finding.details, finding.confidence) == (details, "medium" if code == "pool-too-small" else "high")


@pytest.mark.parametrize(
    ("code", "keeps", "confidence"),
    [
        pytest.param("accept-queue-full", lambda s: s.flags != 18 or s.time_ns < START_NS + 2e9, "medium", id="backlog: its SYN/ACKs"),
        pytest.param("accept-queue-full", lambda s: s.time_ns > START_NS + 2e9, None, id="backlog: who waits"),
        pytest.param("peer-restarted", lambda s: no(s, 4), None, id="restart: the client's RST"),
        pytest.param("refused-by-time-wait", lambda s: no(s, 4), None, id="TIME_WAIT: the client's RST"),
        pytest.param("refused-by-time-wait", lambda s: no(s, 1), None, id="TIME_WAIT: the FINs"),
        pytest.param("flow-limit", lambda s: no(s, 1), None, id="flow limit: the FINs"),
        pytest.param("syn-loss", lambda s: not s.payload, "medium", id="SYN loss: the other segments"),
        pytest.param("reset-by-design", served, None, id="checks: the answers"),
        pytest.param("connection-leak", lambda s: no(s, 1), None, id="leak: the FINs"),
        pytest.param("no-keep-alive", served, None, id="keep-alive: the answers"),
        pytest.param("pool-too-small", lambda s: no(s, 1), None, id="pool: who closes"),
    ],
)
def test_where_evidence_is_cut_away_less_is_said(code: str, keeps: Callable[[Seg], bool], confidence: str | None) -> None:
    assert only(CASES[code], code, end_s=130) is not None
    kept = [segment for segment in CASES[code] if keeps(segment)]
    assert kept != CASES[code]
    finding = only(kept, code, end_s=130)
    assert (None if finding is None else finding.confidence) == confidence
