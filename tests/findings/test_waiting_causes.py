"""Causes that hang on how time went by: pauses, sizes, repeats, reuse."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tcptrace_py import analyze
from tests.findings.test_causes import only
from tests.flows.forms import later
from tests.ladder import PORT, SERVICE, START_NS, ladder
from tests.wire import write

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tests.ladder import Seg

GREETED = "0 C S\n0.01 S SA\n0.02 C A\n0.1 C PA len=100\n0.14 S PA len=200\n0.15 C A"


def after(pause_s: float, *lines: str) -> str:
    """A connection that was silent for so long since its first exchange; lines have their times behind the pause."""
    return GREETED + "".join(f"\n{0.15 + pause_s + float(line.split()[0]):.6f} {line.split(maxsplit=1)[1]}" for line in lines)


ANSWERED = ("0 C PA len=100", "0.01 S PA len=200", "0.02 C A")
REFUSED = ("0 C PA len=100", "0.01 S R seq=201")
SILENCE = ("0 C PA len=100", "0.3 C PA seq=101 len=100", "0.9 C PA seq=101 len=100", "2.1 C PA seq=101 len=100")


def sessions(*kinds: tuple[tuple[str, ...], Sequence[float]], apart_s: float = 40) -> list[Seg]:
    """Connections that pause for so long, one after another, and then go on as their kind does."""
    texts = [after(pause_s, *lines) for lines, pauses in kinds for pause_s in pauses]
    return [segment for n, text in enumerate(texts) for segment in later(ladder(text, port=PORT + n), apart_s * n)]


@pytest.mark.parametrize(
    ("fatal", "by", "said"),
    [
        pytest.param(REFUSED, "server", "the server forgot it.", id="reset"),
        pytest.param(("0 S PA len=200", "0.01 C R seq=101"), "client", "the client forgot it.", id="reset by the client"),
        pytest.param(SILENCE, "between", "something between the two ends forgot it.", id="silence"),
    ],
)
def test_pauses_above_a_limit_are_fatal(fatal: tuple[str, ...], by: str, said: str) -> None:
    finding = only(sessions((ANSWERED, (2, 5, 14, 17.5)), (fatal, (21, 24, 29))), "idle-timeout")
    assert finding is not None
    assert (finding.connections, finding.of, finding.confidence) == (3, 7, "high")
    assert finding.details == {"survived_s": 17.5, "fatal_s": 21, "by": by}
    assert finding.explanation == f"Pauses of up to 17.50 s are survived, from 21.00 s on the connection is dead: {said}"


@pytest.mark.parametrize(
    "segments",
    [
        pytest.param(sessions((ANSWERED, (2, 30)), (REFUSED, (21, 24, 29))), id="a longer pause was survived"),
        pytest.param(sessions((ANSWERED, (2, 17)), (REFUSED, (21, 24))), id="two may be chance"),
        pytest.param(sessions((ANSWERED, (2, 17)), (("0 S R seq=201",), (21, 24, 29))), id="nothing was asked"),
        pytest.param(sessions((ANSWERED, (2, 17)), (("0 S FA", "0.01 C A", "0.02 C FA", "0.03 S A"), (21, 24, 29))), id="closed with FINs"),
        pytest.param(sessions((ANSWERED, (2, 17)), (SILENCE[:2], (21, 24, 29))), id="one repeat is in flight"),
        pytest.param(sessions((ANSWERED, (2, 17)), ((*SILENCE[:2], "0.5 C R"), (21, 24, 29))), id="who asked gave up at once"),
        pytest.param(sessions((REFUSED, (0.1, 0.3, 0.5)), (REFUSED, (21, 24, 29))), id="pauses have nothing to do with it"),
        pytest.param(sessions((("0.1 C PA len=100",), (21, 24, 29))), id="cut behind the request"),
    ],
)
def test_what_only_looks_like_an_idle_timeout_is_not(segments: list[Seg]) -> None:
    assert only(segments, "idle-timeout") is None


def test_an_event_that_may_have_ended_them_all_lowers_the_confidence() -> None:
    """All pauses that were fatal lie around one moment: a server that was started again looks the same."""
    finding = only(sessions((ANSWERED, (2, 17)), (REFUSED, (21, 24, 29)), apart_s=1), "idle-timeout")
    assert finding is not None
    assert finding.confidence == "medium"
    assert only(sessions((ANSWERED, (2, 5)), (REFUSED, (21, 24, 29)), apart_s=1), "idle-timeout") is None


LARGE = "".join(f"\n{at} C PA seq=101 len=1300" for at in (0.5, 1.1, 2.3))
HOLE = GREETED + "\n0.2 C PA len=1300\n0.2 C PA len=400\n0.21 S A ack=101 sack=1401,1801" + LARGE
FITS = GREETED + "\n0.2 C PA len=900\n0.21 S A\n0.3 C FA\n0.31 S FA\n0.32 C A"


def test_large_segments_are_lost_and_small_ones_arrive() -> None:
    segments = [*ladder(FITS), *ladder(HOLE, port=PORT + 1), *ladder(HOLE, port=PORT + 2)]
    finding = only(segments, "path-mtu")
    assert finding is not None
    assert (finding.connections, finding.of, finding.confidence) == (2, 3, "high")
    assert finding.details == {"largest_passed_bytes": 900, "smallest_lost_bytes": 1300}
    assert only(segments, "stalled") is None


@pytest.mark.parametrize(
    ("segments", "stalled"),
    [
        pytest.param([*ladder(FITS.replace("900", "1300")), *ladder(HOLE, port=PORT + 1)], 1, id="as large a one arrived"),
        pytest.param([*ladder(FITS), *ladder(HOLE.replace(" sack=1401,1801", ""), port=PORT + 1)], 1, id="nothing says that they did"),
        pytest.param([*ladder(FITS), *ladder(HOLE.replace(LARGE, LARGE[: LARGE.rindex("\n")]), port=PORT + 1)], 0, id="two repeats only"),
        pytest.param([*ladder(FITS), *ladder(HOLE + "\n2.4 S A", port=PORT + 1)], 0, id="it came through at last"),
    ],
)
def test_what_only_looks_like_a_small_mtu_is_not(segments: list[Seg], stalled: int) -> None:
    assert only(segments, "path-mtu") is None
    finding = only(segments, "stalled")
    assert (0 if finding is None else finding.connections) == stalled


SPLIT = (
    GREETED
    + "\n0.2 C PA len=1300\n0.201 C PA len=400\n0.202 C PA len=1300\n0.203 C PA len=300\n0.21 S A ack=101 sack=1401,1801"
    + "\n0.211 S A ack=101 sack=3101,3401"
    + LARGE
)  # an upload of which two large segments are lost; the small ones between and behind them arrive
BEFORE = "\n0.16 C PA len=1300\n0.17 S A"


@pytest.mark.parametrize("times", [1, 2])
@pytest.mark.parametrize(("fits", "passed"), [(FITS, 900), ("", None)])
def test_several_large_segments_of_a_connection_are_lost(times: int, fits: str, passed: int | None) -> None:
    segments = [*ladder(fits), *(segment for n in range(times) for segment in ladder(SPLIT, port=PORT + 1 + n))]
    finding = only(segments, "path-mtu")
    assert finding is not None
    assert (finding.connections, finding.confidence) == (times, "medium")
    assert finding.details == {"largest_passed_bytes": passed, "smallest_lost_bytes": 1300}
    assert finding.evidence[2] == "no segment of that size from the client was ever acknowledged in order"
    assert only(segments, "stalled") is None


@pytest.mark.parametrize(
    "segments",
    [
        pytest.param(ladder(SPLIT.replace("\n0.2 ", BEFORE + "\n0.2 ").replace("=101", "=1401").replace(
            "1401,1801", "2701,3101").replace("3101,3401", "4401,4701")), id="an outage: one of the size was acknowledged before"),
        pytest.param([*ladder(FITS.replace("900", "1300")), *ladder(SPLIT, port=PORT + 1)], id="one passed in another connection"),
        pytest.param(ladder(SPLIT)[3:], id="the capture begins too late to know"),
        pytest.param(ladder(SPLIT.replace(" sack=1401,1801", "").replace(" sack=3101,3401", "")), id="nothing says what arrived"),
        pytest.param(ladder(SPLIT.replace("0.1 C PA len=100\n0.14 S PA len=200\n0.15 C A", "").replace("=101", "=1").replace(
            "1401,1801", "1301,1701").replace("3101,3401", "3001,3301")), id="nothing was acknowledged at all"),
    ],
)  # fmt: skip
def test_what_only_looks_like_several_that_do_not_fit_is_not(segments: list[Seg]) -> None:
    assert only(segments, "path-mtu") is None
    assert only(segments, "stalled") is not None


def test_repeats_within_a_second_may_still_be_answered() -> None:
    segments = ladder(SPLIT.replace("0.5 ", "0.3 ").replace("1.1 ", "0.5 ").replace("2.3 ", "0.9 "))
    assert only(segments, "path-mtu") is None
    assert only(segments, "stalled") is None


BEHIND = GREETED + "\n0.2 C PA seq=2701 len=300\n0.21 S A ack=101 sack=2701,3001\n6 S FA ack=101"
FILLED = BEHIND.replace("\n6 S", "\n0.9 C PA seq=101 len=1300\n0.91 C PA seq=1401 len=1300\n0.92 S A ack=3001\n6 S").replace(
    "FA ack=101", "FA"
)


def held(text: str, *, arrived: int = 900, times: int = 2) -> list[Seg]:
    """Captured at the receiver: connections that lack something, and one in which so large a segment arrived."""
    fits = ladder(FITS.replace("900", str(arrived)))
    return [*fits, *(segment for number in range(times) for segment in ladder(text, port=PORT + 1 + number))]


def test_large_segments_never_reach_the_receiver_and_small_ones_do() -> None:
    finding = only(held(BEHIND), "path-mtu")
    assert finding is not None
    assert (finding.connections, finding.of, finding.confidence) == (2, 3, "medium")
    assert finding.details == {"largest_passed_bytes": 900, "smallest_lost_bytes": None}


@pytest.mark.parametrize(
    "segments",
    [
        pytest.param(held(BEHIND, times=1), id="one connection"),
        pytest.param(held(BEHIND, arrived=1448), id="a full one arrived"),
        pytest.param(held(FILLED), id="it came when it was sent again"),
        pytest.param(held(BEHIND.replace("2701", "1001").replace("3001", "1301"), arrived=300), id="not a full segment is missing"),
        pytest.param(held(BEHIND.replace("\n6 S", "\n1.2 S")), id="it may be sent again yet"),
        pytest.param(held(GREETED + "\n6 S FA ack=101"), id="a slow sender"),
        pytest.param(held(GREETED + "\n0.2 C PA len=900\n0.21 S A win=0\n6 S FA"), id="a closed window"),
    ],
)
def test_what_a_receiver_only_takes_for_a_small_mtu_is_not(segments: list[Seg]) -> None:
    assert only(segments, "path-mtu") is None


def test_data_that_nobody_answers_is_stalled() -> None:
    finding = only(ladder(after(0.1, *SILENCE)), "stalled")
    assert finding is not None
    assert finding.details == {"longest_s": 2.1, "repeats": 3}
    assert finding.first_at_ns == START_NS + 250_000_000  # when the data was sent first, not when the connection began
    assert finding.last_at_ns == START_NS + 2_350_000_000


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(after(0.1, *SILENCE[:3]), id="two repeats: the next is not due yet"),
        pytest.param(after(0.1, *SILENCE, "2.2 S A"), id="acknowledged at last"),
        pytest.param("\n".join(line for line in after(0.1, *SILENCE).splitlines() if " S" not in line), id="one direction only"),
        pytest.param(after(0.1, "0 S A win=0", "0.3 C A seq=100", "0.9 C A seq=100", "2.1 C A seq=100"), id="probes of a window"),
    ],
)
def test_what_only_looks_stalled_is_not(text: str) -> None:
    assert only(ladder(text), "stalled") is None


def test_a_window_that_stays_closed_is_a_slow_reader() -> None:
    text = GREETED + "\n0.2 C PA len=500\n0.21 S A win=0\n2.71 S A\n2.72 C PA len=5\n2.73 S A"
    finding = only(ladder(text), "slow-reader")
    assert finding is not None
    assert (finding.details, finding.severity) == ({"stalls": 1, "longest_s": 2.5, "side": "server"}, "warning")


@pytest.mark.parametrize("opens", ["0.9 S A", ""])  # soon; or the capture ends
def test_a_window_that_opens_soon_is_none(opens: str) -> None:
    assert only(ladder(f"{GREETED}\n0.2 C PA len=500\n0.21 S A win=0\n{opens}"), "slow-reader") is None


def test_a_window_that_is_closed_for_a_few_round_trips_is_none() -> None:
    far = "0 C S\n0.6 S SA\n0.61 C A\n0.7 C PA len=500\n1.3 S A win=0\n2.9 S A\n3 C PA len=5\n3.6 S A"
    assert only(ladder(far), "slow-reader") is None


def used(exchanges: int, closer: str = "C", idle_s: float = 0) -> str:
    """A connection with so many exchanges, 20 ms each, and closed by one of the two at once, or after a pause."""
    lines = ["0 C S", "0.001 S SA", "0.002 C A"]
    for n in range(exchanges):
        lines += [f"{0.01 + n * 0.02:.3f} C PA len=10", f"{0.02 + n * 0.02:.3f} S PA len=20"]
    end_s, other = 0.021 + exchanges * 0.02 + idle_s, "S" if closer == "C" else "C"
    return "\n".join([*lines, f"{end_s:.3f} {closer} FA", f"{end_s + 0.001:.3f} {other} FA", f"{end_s + 0.002:.3f} {closer} A"])


def fleet(*kinds: tuple[int, str], apart_s: float = 0.03) -> list[Seg]:
    """Connections (how many, and what they are) that begin one after another, mixed."""
    texts = [text for count, text in kinds for _ in range(count)]
    order = sorted(range(len(texts)), key=lambda n: n * 7919 % len(texts))
    return [segment for n, at in enumerate(order) for segment in later(ladder(texts[at], port=PORT + n), apart_s * n)]


def test_a_pool_that_is_too_small() -> None:
    finding = only(fleet((90, used(1)), (10, used(8))), "pool-too-small")
    assert finding is not None
    assert (finding.connections, finding.of, finding.severity) == (90, 100, "warning")
    assert finding.details["exchanges_per_connection_max"] == 8
    assert finding.details["connections_at_once"] in range(3, 9)
    assert only(fleet((90, used(1)), (10, used(8))), "no-keep-alive") is None
    assert only(fleet((90, used(1)), (10, used(8)), apart_s=0.5), "pool-too-small") is None  # never two at once


def test_a_pool_of_a_few_whose_connections_are_used_again_as_often_as_not() -> None:
    finding = only(fleet((44, used(1)), (20, used(2)), (36, used(8))), "pool-too-small")
    assert finding is not None
    assert (finding.connections, finding.of) == (44, 100)


@pytest.mark.parametrize(
    "segments",
    [
        pytest.param(fleet((90, used(1, "S")), (10, used(8, "S"))), id="the server closes first"),
        pytest.param(fleet((20, used(1)), (80, used(8))), id="most are used again"),
        pytest.param(fleet((90, used(1, idle_s=2)), (10, used(8, idle_s=2)), apart_s=0.5), id="the client gives up idle ones"),
        pytest.param(fleet((20, used(1)), (10, used(8))), id="few connections"),
        pytest.param(fleet((100, used(1))), id="none is used again"),
        pytest.param(fleet((90, used(1)), (10, used(8)), apart_s=0.0005), id="as many as there are at once"),
    ],
)
def test_what_only_looks_like_a_small_pool_is_not(segments: list[Seg]) -> None:
    assert only(segments, "pool-too-small") is None


def test_every_exchange_has_a_connection_of_its_own() -> None:
    finding = only(fleet((60, used(1))), "no-keep-alive")
    assert finding is not None
    assert (finding.connections, finding.details["exchanges_per_connection_max"]) == (60, 1)
    assert only(fleet((59, used(1)), (1, used(2))), "no-keep-alive") is None  # used again, once
    assert only(fleet((40, used(1))), "no-keep-alive") is None  # few
    assert only(fleet((60, used(0))), "no-keep-alive") is None  # without data


IDLE_CLOSE = ("0 S FA", "0.01 C A", "0.02 C FA", "0.03 S A")
CROSSED = ("0 S FA", "0.001 C PA len=100 ack=201", "0.011 S R seq=202")


def test_requests_that_cross_the_fin_of_a_server() -> None:
    finding = only(sessions((IDLE_CLOSE, (5, 5.01, 5.02)), (CROSSED, (5.005, 5))), "keep-alive-race")
    assert finding is not None
    assert (finding.connections, finding.of, finding.confidence) == (2, 5, "high")
    assert finding.details == {"server_idle_close_s": 5.01}  # from its last data, 10 ms before the client's ACK


@pytest.mark.parametrize(
    "segments",
    [
        pytest.param(sessions((IDLE_CLOSE, (5, 5.01, 5.02))), id="no request is lost"),
        pytest.param(sessions((IDLE_CLOSE, (3, 5, 9)), (CROSSED, (5, 5.005))), id="its idle times differ"),
        pytest.param(sessions((IDLE_CLOSE, (5, 5.01, 5.02)), (CROSSED, (0.05,))), id="closed without a pause"),
        pytest.param(sessions((CROSSED, (5, 5.005))), id="nothing tells when the server closes"),
    ],
)
def test_what_only_looks_like_a_race_is_not(segments: list[Seg]) -> None:
    assert only(segments, "keep-alive-race") is None


# -- no-answer ------------------------------------------------------------------------------------------------------------------------

ASKED = "0 C S\n0.001 S SA\n0.002 C A\n0.003 C PA len=20\n0.004 S A\n"
REPLY = ASKED + "0.01 S PA len=90\n0.011 C A\n0.02 C FA\n0.021 S FA\n0.022 C A\n"
SLOW_REPLY = ASKED + "14 S PA len=90\n14.01 C A\n"


def asked(waiting: str, *, answered: int = 8, waits: int = 4, others: str = REPLY, until_s: float = 30) -> list[Seg]:
    """Connections whose requests are answered, those whose are not, and one more that ends the capture."""
    texts = [(others, n, PORT + n) for n in range(answered)] + [(waiting, n + 0.5, 50000 + n) for n in range(waits)]
    return [segment for text, at_s, port in [*texts, (REPLY, until_s, 60000)] for segment in later(ladder(text, port=port), at_s)]


@pytest.mark.parametrize(
    ("waiting", "severity", "gave_up", "longest_s"),
    [
        pytest.param(ASKED, "warning", 0, 29.518, id="still waiting"),
        pytest.param(ASKED + "12 C RA\n", "problem", 4, 11.996, id="reset"),
        pytest.param(ASKED + "13 C FA\n13.001 S A\n", "problem", 4, 12.997, id="closed"),
    ],
)
def test_requests_that_are_acknowledged_and_never_answered(waiting: str, severity: str, gave_up: int, longest_s: float) -> None:
    finding = only(asked(waiting), "no-answer")
    assert finding is not None
    assert (finding.severity, finding.confidence, finding.connections, finding.of) == (severity, "medium", 4, 13)
    assert (finding.details["gave_up"], finding.details["longest_s"]) == (gave_up, longest_s)
    assert ("4 clients gave up" in finding.evidence[0]) is bool(gave_up)
    assert ("4 still waited when the capture ended" in finding.evidence[0]) is not bool(gave_up)
    went_on = "" if "FA" in waiting else "; of those that went on, none was silent for a second"
    assert finding.evidence[1] == f"9 connections to the service were answered{went_on}"


def test_no_answer_for_longer_than_any_silence_that_ended() -> None:
    finding = only(asked(ASKED + "17 C RA\n", others=SLOW_REPLY), "no-answer")
    assert finding is not None
    assert finding.evidence[1] == "9 connections to the service were answered; of those that went on, none was silent for more than 14.0 s"


@pytest.mark.parametrize(
    "segments",
    [
        pytest.param(asked(ASKED, until_s=8), id="the capture ends too soon"),
        pytest.param(asked(ASKED + "5 C RA\n"), id="an impatient client"),
        pytest.param(asked(ASKED, waits=2), id="two may be chance"),
        pytest.param(asked(ASKED, answered=2), id="a service that seldom answers"),
        pytest.param(asked(ASKED, others=ASKED), id="a service that only listens"),
        pytest.param(asked(ASKED + "12 C RA\n", others=SLOW_REPLY), id="long polling"),
        pytest.param(asked(ASKED + "12 S RA\n"), id="the server resets"),
        pytest.param(asked(ASKED.replace("0.004 S A\n", "")), id="not acknowledged"),
        pytest.param(asked(ASKED.replace("0.003 C PA len=20\n0.004 S A\n", "")), id="nothing was asked"),
        pytest.param(asked(SLOW_REPLY), id="answered late"),
    ],
)
def test_what_only_looks_like_no_answer_is_not(segments: list[Seg]) -> None:
    assert only(segments, "no-answer") is None


OPENED = "0 C S\n0.001 S SA\n0.002 C A\n"
TALKED = "".join(f"{n}.003 C PA len=20\n{n}.004 S A\n{n}.01 S PA len=90\n{n}.011 C A\n" for n in range(4))
BEATS = ASKED + "".join(f"{at}.003 C PA len=8\n{at}.004 S A\n" for at in (5, 10, 15))
TRIED_AGAIN = ASKED + "".join(f"{at}.003 C PA len=1400\n{at}.0031 C PA len=300\n{at}.004 S A\n" for at in (4, 9))
OFTEN = ASKED + "".join(f"{at * 0.9 + 0.003} C PA len=8\n{at * 0.9 + 0.004} S A\n" for at in range(1, 16))
ONE = ASKED + "0.9 C PA len=8\n0.901 S A\n"  # a request in two pieces

UPLOAD = ASKED + "".join(f"{at / 4} C PA len=1000\n{at / 4 + 0.01} S A\n" for at in range(1, 40)) + "14 C PA len=10\n14.01 S A\n"


@pytest.mark.parametrize(
    ("waiting", "waited_s"),
    [
        pytest.param(BEATS + "18 C RA\n", 17.997, id="signs of life, then a reset"),
        pytest.param(BEATS + "18 C FA\n18.001 S A\n", 17.997, id="signs of life, then a FIN"),
        pytest.param(TRIED_AGAIN + "14.003 C RA\n", 14, id="asked three times"),
    ],
)
@pytest.mark.parametrize("others", [REPLY, SLOW_REPLY.replace("14", "13")])
def test_clients_that_send_more_while_nothing_comes_back(waiting: str, waited_s: float, others: str) -> None:
    finding = only(asked(waiting, others=others), "no-answer")
    assert finding is not None
    assert (finding.severity, finding.confidence, finding.connections, finding.of) == ("problem", "medium", 4, 13)
    assert finding.details == {"shortest_s": waited_s, "longest_s": waited_s, "gave_up": 4}
    assert finding.evidence[1] == (
        "9 connections to the service were answered; 4 clients sent more while nothing came back, and no answer took so long"
    )


@pytest.mark.parametrize(
    "segments",
    [
        pytest.param(asked(BEATS + "18 C RA\n", others=SLOW_REPLY.replace("14", "19")), id="other answers take as long"),
        pytest.param(asked(BEATS, until_s=19), id="nobody gave up"),
        pytest.param(asked(BEATS + "15.2 C RA\n"), id="the client closes behind its last piece"),
        pytest.param(asked(BEATS + "18 S RA\n"), id="the server resets"),
        pytest.param(asked(BEATS + "16 S FA\n16.001 C A\n18 C RA\n"), id="the server closed"),
        pytest.param(asked(BEATS + "17 S PA len=9\n17.001 C A\n18.1 C RA\n"), id="answered at last"),
        pytest.param(asked(ASKED.replace("0.003 C PA len=20\n", "").replace("0.004 S A\n", "") + BEATS[len(ASKED):] + "18 C RA\n",
                           others=SLOW_REPLY), id="the first request was not captured, and what came later waited for less"),
        pytest.param(asked(BEATS.split("10.003")[0] + "7 C RA\n"), id="impatient clients"),
        pytest.param(asked(OFTEN + "17 C RA\n"), id="many small pieces"),
        pytest.param(asked(ONE + "12.1 C FA\n12.101 S A\n", others=SLOW_REPLY), id="one request, and silence as long as others survived"),
        pytest.param(asked(UPLOAD + "17 C RA\n"), id="an upload that is broken off"),
        pytest.param(asked(BEATS.replace("15.004 S A\n", "") + "18 C RA\n"), id="not acknowledged"),
        pytest.param(asked(OPENED + TALKED + BEATS[len(ASKED):] + "18 C RA\n"), id="behind answers, nobody knows since when"),
        pytest.param(asked(BEATS + "18 C RA\n", waits=2), id="two may be chance"),
        pytest.param(asked(BEATS + "18 C RA\n", answered=3), id="a service that seldom answers"),
    ],
)  # fmt: skip
def test_what_only_looks_as_if_more_was_sent_in_vain_is_not(segments: list[Seg]) -> None:
    assert only(segments, "no-answer") is None


AGAIN = "4.003 C PA len=20\n4.004 S A\n"  # a fifth request, which is acknowledged
PAUSED = TALKED.replace("\n3.", "\n23.")  # the client had nothing to ask for 20 s


@pytest.mark.parametrize(
    ("waiting", "severity", "gave_up", "longest_s"),
    [
        pytest.param(OPENED + TALKED + AGAIN, "warning", 0, 25.518, id="still waiting"),
        pytest.param(OPENED + TALKED + AGAIN + "16 C RA\n", "problem", 4, 11.996, id="reset"),
        pytest.param(OPENED + TALKED + AGAIN + "17 C FA\n17.001 S A\n", "problem", 4, 12.997, id="closed"),
    ],
)
def test_a_later_request_of_a_connection_that_was_used_before(waiting: str, severity: str, gave_up: int, longest_s: float) -> None:
    for others in (REPLY, OPENED + TALKED):
        finding = only(asked(waiting, others=others), "no-answer")
        assert finding is not None
        assert (finding.severity, finding.confidence, finding.connections, finding.of) == (severity, "medium", 4, 13)
        assert (finding.details["gave_up"], finding.details["longest_s"]) == (gave_up, longest_s)


def test_a_later_request_where_no_other_connection_is_answered() -> None:
    """All that a pool holds wait; what each was answered before says that the service answers."""
    finding = only(asked(OPENED + TALKED + AGAIN, answered=0), "no-answer")
    assert finding is not None
    assert (finding.connections, finding.of) == (4, 5)


def test_a_later_request_of_connections_that_began_before_the_capture() -> None:
    """A server's port tells who asks; where it does not, a server that spoke last may be taken for a client that asked."""
    segments = asked(TALKED + AGAIN)
    finding = only(segments, "no-answer")
    assert finding is not None
    assert finding.connections == 4
    high = [replace(segment, key=segment.key.replace(SERVICE.to_bytes(2, "big"), (8080).to_bytes(2, "big"))) for segment in segments]
    assert only(high, "no-answer") is None


@pytest.mark.parametrize(
    "segments",
    [
        pytest.param(asked(OPENED + TALKED), id="the server spoke last"),
        pytest.param(asked(OPENED + TALKED + "4.003 S PA len=50\n4.004 C A\n"), id="a server that pushes"),
        pytest.param(
            asked(OPENED + PAUSED.replace("23.", "20.") + "20.1 C PA len=20\n20.101 S A\n", until_s=34), id="a longer pause before"
        ),
        pytest.param(
            asked(OPENED + TALKED + AGAIN + "18 S PA len=90\n18.01 C A\n18.1 C PA len=9\n18.11 S A\n", until_s=31), id="long polling"
        ),
        pytest.param(asked(OPENED + TALKED.split("2.003")[0] + "2.003 C PA len=900\n2.004 S A\n"), id="an upload behind a login"),
        pytest.param(asked(OPENED + TALKED + AGAIN.replace("4.004 S A\n", "")), id="not acknowledged"),
        pytest.param(asked(OPENED + TALKED + AGAIN, until_s=12), id="the capture ends too soon"),
        pytest.param(asked(OPENED + TALKED + AGAIN + "9 C RA\n"), id="an impatient client"),
        pytest.param(asked(OPENED + TALKED + AGAIN, waits=2), id="two may be chance"),
    ],
)
def test_what_only_looks_like_a_later_request_in_vain_is_not(segments: list[Seg]) -> None:
    assert only(segments, "no-answer") is None


SLEPT = REPLY.replace("0.02 C FA\n0.021 S FA\n0.022 C A\n", "28 C PA len=20\n28.004 S A\n28.01 S PA len=90\n28.011 C A\n")  # idle for 28 s
TIMED_OUT = OPENED + TALKED + AGAIN + "16.1 C FA\n16.101 S A\n"  # a limit of 12.1 s
SLEPT_BEFORE = OPENED + TALKED.replace("\n3.", "\n23.") + AGAIN.replace("4.", "24.") + "36.1 C RA\n"


@pytest.mark.parametrize("waiting", [ASKED + "12.1 C FA\n12.101 S A\n", ASKED + "12.1 C RA\n", TIMED_OUT, SLEPT_BEFORE])
def test_clients_that_give_up_after_one_time_though_longer_silences_were_survived(waiting: str) -> None:
    finding = only(asked(waiting, others=SLEPT, until_s=50), "no-answer")
    assert finding is not None
    assert (finding.severity, finding.confidence, finding.connections, finding.details["gave_up"]) == ("problem", "medium", 4, 4)
    assert finding.details["shortest_s"] == pytest.approx(12.097, abs=0.001)
    assert finding.evidence[1].endswith("connections to the service were answered; their clients end others after no silence, and no "
                                        "answer took half as long")  # fmt: skip


LONG_POLLED = SLEPT.replace("28.01 S", "42 S").replace("28.011 C", "42.001 C")
CLOSED_IDLE = REPLY.replace("0.02 C FA\n0.021 S FA\n0.022 C A\n", "12.1 C FA\n12.11 S FA\n12.12 C A\n")


@pytest.mark.parametrize(
    "segments",
    [
        pytest.param(
            [*asked(ASKED, others=SLEPT, waits=0, until_s=40), *later(asked(ASKED, answered=0, until_s=25), 15)], id="the capture ended"),
        pytest.param([*asked(ASKED + "12.1 C RA\n", others=SLEPT, until_s=50, waits=2)], id="two"),
        pytest.param(
            [*asked(ASKED + "12.1 C RA\n", others=SLEPT, waits=1), *later(asked(ASKED + "14.1 C RA\n", waits=1, answered=0), 2),
             *later(asked(ASKED + "19.1 C RA\n", waits=1, answered=0, until_s=50), 4)], id="after any time"),
        pytest.param(asked(ASKED + "12.1 C RA\n", others=LONG_POLLED, until_s=60), id="long polling"),
        pytest.param(
            [*asked(ASKED + "12.1 C FA\n12.101 S A\n", others=SLEPT, until_s=50), *later(ladder(CLOSED_IDLE, port=52000), 9)],
            id="idle connections are closed"),
        pytest.param(
            [*asked(ASKED + "12.1 C RA\n", others=SLEPT, until_s=50),
             *later(ladder(REPLY.split("0.02 C")[0] + "12.1 C RA\n", port=52000), 9)], id="idle connections are reset"),
    ],
)  # fmt: skip
def test_what_only_looks_like_a_limit_of_clients_is_not(segments: list[Seg]) -> None:
    assert only(sorted(segments, key=lambda segment: segment.time_ns), "no-answer") is None


HELLO = ASKED.replace("len=20", "len=517")


def tls(segments: list[Seg], port: int = 443) -> list[Seg]:
    """The same to another port."""
    return [replace(segment, key=segment.key.replace(SERVICE.to_bytes(2, "big"), port.to_bytes(2, "big"))) for segment in segments]


@pytest.mark.parametrize(("waiting", "gave_up"), [(HELLO, 0), (HELLO + "5.1 C FA\n5.101 S A\n", 4), (HELLO + "6 C RA\n", 4)])
def test_a_first_message_of_tls_that_nobody_answers(waiting: str, gave_up: int) -> None:
    """No other connection is answered either."""
    segments = tls(asked(waiting, answered=0, until_s=9))
    finding = only(segments, "no-answer")
    assert finding is not None
    assert (finding.connections, finding.details["gave_up"], finding.confidence) == (4, gave_up, "medium")
    assert finding.evidence[1] == "port 443 is TLS, whose server answers the first message, and nobody answered it"
    assert only(tls(segments, 443), "stalled") is None


@pytest.mark.parametrize(
    "segments",
    [
        pytest.param(tls(asked(HELLO, answered=0, until_s=8), 8081), id="another port"),
        pytest.param(tls(asked(HELLO + "4 C RA\n", answered=0, until_s=8)), id="an impatient client"),
        pytest.param(tls(asked(HELLO, answered=0, until_s=5)), id="the capture ends too soon"),
        pytest.param(tls(asked(HELLO.replace("517", "20"), answered=0, until_s=8)), id="no message of TLS"),
        pytest.param(tls(asked(HELLO + "6 S PA len=900\n6.1 C A\n", answered=0, until_s=8)), id="answered late"),
        pytest.param(tls(asked(HELLO.replace("0.004 S A\n", ""), answered=0, until_s=8)), id="not acknowledged"),
        pytest.param(tls(asked(HELLO, answered=0, waits=2, until_s=8)), id="two may be chance"),
    ],
)
def test_what_only_looks_like_tls_in_vain_is_not(segments: list[Seg]) -> None:
    assert only(segments, "no-answer") is None


@pytest.mark.parametrize(("waits", "found"), [(4, 0), (5, 1)])
def test_answers_that_the_capture_may_have_lost(waits: int, found: int, tmp_path: Path) -> None:
    lost = [segment for n in range(2) for segment in ladder("0 C S\n0.1 S SA\n0.2 C A\n0.3 C A ack=900", port=61000 + n)]
    path = write(tmp_path / "a.pcap", sorted([*asked(ASKED + "12 C RA\n", waits=waits), *lost], key=lambda segment: segment.time_ns))
    assert [row.code for row in analyze(path).findings].count("no-answer") == found


def test_of_data_in_vain_a_reset_that_gave_up_is_no_repeat() -> None:
    """Where the side gives up with a RST, the finding's times end with its last repeat."""
    finding = only(ladder(after(0.1, *SILENCE, "9 C RA seq=201")), "stalled")
    assert finding is not None
    assert finding.last_at_ns == START_NS + 2_350_000_000
