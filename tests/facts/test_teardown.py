"""Closes: each pattern, who was first, how long it took."""

from __future__ import annotations

from typing import Any

import pytest

from tests.ladder import CLOSE, HANDSHAKE, SERVER_CLOSE, play

OPEN = HANDSHAKE + "0.03 S A\n"
SIMULTANEOUS = "1 C FA\n1.001 S FA ack=1\n1.02 C A\n1.021 S A"

# ladder, pattern, segments, first_fin, duration in ms
CLOSES = [
    ("client first", OPEN + CLOSE, "four-way", 4, "client", 30),
    ("server first", OPEN + SERVER_CLOSE, "four-way", 4, "server", 30),
    ("merged", OPEN + "1 C FA\n1.01 S FA\n1.02 C A", "four-way", 3, "client", 20),
    (
        "ACK lost before the capture, the FIN carries it",
        OPEN + "1 C FA\n1.01 S A\n1.02 S FA\n1.03 C A",
        "four-way",
        4,
        "client",
        30,
    ),
    ("half-closed for a minute", OPEN + "1 C FA\n1.01 S A\n61 S FA\n61.01 C A", "four-way", 4, "client", 60_010),
    ("simultaneous", OPEN + SIMULTANEOUS, "simultaneous", None, "client", 21),
    ("half-closed", OPEN + "1 C FA\n1.01 S A", "half-closed", None, "client", None),
    ("half-closed, never acknowledged", OPEN + "1 S FA\n2 S FA seq=1", "half-closed", None, "server", None),
    ("last ACK never captured", OPEN + "1 C FA\n1.01 S FA\n1.5 S FA seq=1", "unfinished-close", None, "client", None),
    ("neither FIN acknowledged", OPEN + "1 C FA\n1.001 S FA ack=1", "unfinished-close", None, "client", None),
    ("one direction only: who was first is not known", "0 C S\n0.02 C A ack=1\n1 C FA", "unknown", None, None, None),
    ("one direction only: whether the other closed is not known", "0 C S\n0.02 C A ack=1\n1 C PA len=5", "unknown", None, None, None),
    ("one direction only, its RST ended it", "0 C S\n0.02 C A ack=1\n1 C RA", "rst", None, None, 0),
    ("one direction only, a RST behind the FIN may be late", "0 C S\n0.02 C A ack=1\n1 C FA\n1.1 C R", "unknown", None, None, None),
    ("one direction only, goes on behind a RST", "0 C S\n0.02 C A ack=1\n1 C R\n3 C PA len=5", "unknown", None, None, None),
    ("of the other opening nothing: it may have closed before", "0 C S\n1 C FA ack=1\n1.01 S A seq=1", "unknown", None, None, None),
    ("of the other opening nothing, but data", "0 C S\n1 C FA ack=1\n1.01 S PA seq=1 len=3", "half-closed", None, "client", None),
    ("begun before, nothing but acknowledgements", "0 C A seq=1 ack=1\n0.01 S A seq=1", "unknown", None, None, None),
    ("begun before, data one way", "0 C PA seq=1 ack=1 len=5\n0.01 S A seq=1", "none", None, None, None),
    ("open", OPEN, "none", None, None, None),
    ("never opened", "0 C S\n1 C S seq=0", "none", None, None, None),
    ("half-open", "0 C S\n0.01 S SA", "none", None, None, None),
    ("reset while open", OPEN + "1 C RA", "rst", None, None, 0),
    ("reset behind a FIN", OPEN + "1 C FA\n1.01 S A\n1.5 S RA", "rst", None, "client", 500),
    (
        "reset by who may have closed first: its RST is behind its own numbers",
        OPEN + "1 S FA\n1.01 C RA seq=2 ack=1",
        "unknown",
        None,
        None,
        None,
    ),
    ("refused", "0 C S\n0.01 S RA", "rst", None, None, 0),
    ("RST behind a complete close", OPEN + CLOSE + "2 S R seq=2", "four-way", 4, "client", 30),
    (
        "RST of a simultaneous close's other side, late",
        OPEN + SIMULTANEOUS + "\n2 S R seq=2",
        "simultaneous",
        None,
        "client",
        21,
    ),
    (
        "begun before the capture",
        "0 C PA seq=1 ack=1 len=5\n0.1 S PA seq=1 len=3\n1 C FA\n1.01 S A\n1.02 S FA\n1.03 C A",
        "four-way",
        4,
        "client",
        30,
    ),
    (
        "begun before, one silent side may have closed before",
        "0 C FA seq=1 ack=1\n0.01 S A seq=1",
        "unknown",
        None,
        None,
        None,
    ),
    (
        "begun before, the other side still sends",
        "0 C FA seq=1 ack=1\n0.01 S A seq=1\n1 S PA len=5\n1.01 C A",
        "half-closed",
        None,
        "client",
        None,
    ),
]


@pytest.mark.parametrize(
    ("text", "pattern", "segments", "first", "duration_ms"),
    [case[1:] for case in CLOSES],
    ids=[case[0] for case in CLOSES],
)
def test_closes(text: str, pattern: str, segments: int | None, first: str | None, duration_ms: int | None) -> None:
    close = play(text).row.teardown
    duration_ns = None if duration_ms is None else duration_ms * 1_000_000
    assert (close.pattern, close.segments, close.first_fin, close.duration_ns) == (
        pattern,
        segments,
        first,
        duration_ns,
    )


def test_fins_captured_in_the_other_order_than_they_left() -> None:
    """At the server, fifty milliseconds away: the client's FIN left first though the server's is captured before it."""
    far = "0 C S\n0.0001 S SA\n0.05 C A\n0.06 S A\n"
    close = play(far + "1.000 S FA\n1.010 C FA ack=1\n1.0101 S A\n1.050 C A").row.teardown
    assert (close.pattern, close.first_fin) == ("simultaneous", "client")


FAR_CLIENT = "0 C S\n0.0001 S SA\n0.06 C A\n0.09 C PA len=20\n0.0901 S A\n"
ACK_MISSING = FAR_CLIENT.replace("0.06 C A\n", "")
HANDSHAKE_MISSING = "0.06 C A seq=1 ack=1\n0.09 C PA seq=1 ack=1 len=20\n0.0901 S A seq=1\n"


@pytest.mark.parametrize(
    ("before", "client_s", "first"),
    [
        (FAR_CLIENT, 1.0305, None),  # both within 0.6 ms, and round trips of 60 ms are not more alike
        (FAR_CLIENT, 1.029, None),
        (FAR_CLIENT, 1.010, "client"),
        (FAR_CLIENT, 1.045, "server"),
        (ACK_MISSING, 1.0305, None),  # the data waited for its program: it says nothing of the leg
        (ACK_MISSING, 1.010, None),
        (ACK_MISSING, 1.045, "server"),
        (HANDSHAKE_MISSING, 1.0305, None),
        (HANDSHAKE_MISSING, 1.010, None),
        (HANDSHAKE_MISSING, 1.045, "server"),
    ],
)
def test_of_fins_that_crossed_the_first_is_told_where_the_legs_are_known(before: str, client_s: float, first: str | None) -> None:
    """At the server, whose FIN leaves at 1 s; the client's, thirty milliseconds away, is captured at `client_s`."""
    fins = [f"{client_s} C FA ack=1", f"{client_s + 0.0001} S A", "1.060 C A", "1.000 S FA"]
    close = play(before + "\n".join(sorted(fins, key=lambda line: float(line.split()[0])))).row.teardown
    assert (close.pattern, close.first_fin) == ("simultaneous", first)


def test_of_fins_that_crossed_without_acknowledgements_none_was_first() -> None:
    assert play(ACK_MISSING + "1 S FA\n1.045 C FA ack=1").row.teardown.first_fin is None


@pytest.mark.parametrize("text", ["0 C S\n0.02 C A ack=1\n1 C FA\n1.1 C A seq=2 ack=2", "0 C FA seq=1 ack=1\n0.01 S A seq=1"])
def test_what_was_not_seen_is_no_state(text: str) -> None:
    """The FIN may have been the first or the second: no state behind it is told, nobody entered TIME_WAIT, and nobody did not."""
    row = play(text).row
    assert row.server_side is not None
    assert [side.states[-1].state.name for side in (row.client_side, row.server_side)] == ["ESTABLISHED"] * 2
    assert (row.client_side.final_state, row.server_side.final_state, row.time_wait) == (None, None, ())


def test_self_connect() -> None:
    opened = "0 C S\n0.1 C SA seq=0 ack=1\n0.2 C A seq=1 ack=1\n"
    here: dict[str, Any] = {"client": "127.0.0.1", "server": "127.0.0.1", "port": 80}
    assert play(opened, **here).row.teardown.pattern == "none"
    closed = play(opened + "1 C FA seq=1 ack=1\n1.1 C A seq=2 ack=2", **here).row.teardown
    assert (closed.pattern, closed.first_fin, closed.segments) == ("simultaneous", "client", None)
    assert play(opened + "1 C FA seq=1 ack=1", **here).row.teardown.pattern == "unfinished-close"


def test_patterns_are_counted_once_for_each_connection() -> None:
    text = OPEN + CLOSE + "0 C2 S\n0.01 S2 RA\n5 C3 S\n5.01 S3 SA\n5.02 C3 A"
    summary = play(text).summary
    assert summary.patterns == {
        "four-way": 1,
        "simultaneous": 0,
        "rst": 1,
        "half-closed": 0,
        "unfinished-close": 0,
        "none": 1,
        "unknown": 0,
    }
    assert {cause: count for cause, count in summary.reset_causes.items() if count} == {"refused": 1}
