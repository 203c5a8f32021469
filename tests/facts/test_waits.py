"""How time went by in a connection, and what never arrived."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given

from tcptrace_py.model.segments import reverse_key
from tests.ladder import CLOSE, HANDSHAKE, Seg, ladder, play
from tests.traffic import traffic

MS, S = 1_000_000, 1_000_000_000
OPENED = HANDSHAKE  # until 0.02 s
ASKED = "0.1 C PA len=10\n0.14 S PA len=20\n0.15 C A"  # and answered after 40 ms
STALLED = """
    0.1 C PA len=1000
    0.1 C PA len=1000
    0.1 C PA len=300
    0.12 S A ack=1 sack=2001,2301
    0.3 C PA seq=1 len=1000
    0.7 C PA seq=1 len=1000
    1.5 C PA seq=1 len=1000
"""
NOTHING_LEFT = {"unacknowledged_bytes": 0, "unanswered_repeats": 0, "unanswered_ns": 0, "smallest_lost_bytes": None, "missing_bytes": 0}

COURSES: list[tuple[str, dict[str, Any]]] = [
    (ASKED, {"exchanges": 1, "longest_answer_ns": 40 * MS, "longest_wait_ns": 80 * MS, "longest_wait_frame": 4}),
    (ASKED, {"idle_survived_ns": 80 * MS}),
    ("0.1 S PA len=9\n0.2 C PA len=9\n0.5 S PA len=9\n0.6 C PA len=9", {"exchanges": 1, "longest_answer_ns": 300 * MS}),  # a greeting
    ("0.1 C PA len=9\n0.2 C PA len=9\n0.5 S PA len=9\n0.6 S PA len=9", {"exchanges": 1, "longest_answer_ns": 300 * MS}),
    ("0.1 C PA len=9\n0.15 S A\n0.2 C PA len=9", {"exchanges": 0, "longest_answer_ns": None}),  # nobody answered
    # What was sent again was asked when it was sent first; the repeat ends no wait.
    ("0.1 C PA len=9\n0.5 C PA seq=1 len=9\n0.6 S PA len=9", {
        "exchanges": 1, "longest_answer_ns": 500 * MS, "longest_wait_ns": 500 * MS, "longest_wait_frame": 6, "longest_stall_ns": 500 * MS}),
    # A pause ends with whatever is captured, and is survived when the other side speaks again.
    ("9 C PA len=9\n9.01 S A", {"idle_survived_ns": 9 * S - 20 * MS, "idle_before_end_ns": None}),
    ("9 C PA len=9\n9.01 S R", {"idle_survived_ns": 10 * MS, "idle_before_end_ns": 9 * S - 20 * MS}),
    ("9 C PA len=9\n9.2 C PA seq=1 len=9\n30 C PA seq=1 len=9", {
        "idle_survived_ns": 10 * MS, "idle_before_end_ns": 9 * S - 20 * MS, "longest_stall_ns": 21 * S, "longest_wait_ns": 21 * S}),
    ("9 S R", {"idle_before_end_ns": 9 * S - 20 * MS}),
    (f"{ASKED}\n5.14 S FA\n5.15 C A\n5.16 C FA\n5.17 S A", {"idle_before_end_ns": 5 * S}),
    # Probes cut a silence in two; only the first of them ends a pause.
    ("1 C PA len=5\n1.01 S A\n8 C A seq=5\n8.01 S A\n16 C A seq=5\n16.01 S A", {"idle_survived_ns": 8 * S - 10 * MS}),
    ("1 C PA len=5\n1.01 S A\n4 C A seq=5\n14 C A seq=5\n24 C A seq=5\n34 C R", {"idle_before_end_ns": 3 * S - 10 * MS}),
]  # fmt: skip

DELIVERIES: list[tuple[str, str, dict[str, Any]]] = [
    ("client", f"{ASKED}\n{CLOSE}", dict(NOTHING_LEFT, largest_payload_bytes=10)),
    ("server", f"{ASKED}\n{CLOSE}", dict(NOTHING_LEFT, largest_payload_bytes=20)),
    ("client", "0.1 C PA len=7\n0.2 C FA", dict(NOTHING_LEFT, unacknowledged_bytes=7, largest_payload_bytes=None)),
    ("client", STALLED, {"unacknowledged_bytes": 2300, "unanswered_repeats": 3, "unanswered_ns": 1400 * MS, "smallest_lost_bytes": 1000,
                             "missing_bytes": 2000, "largest_payload_bytes": None}),
    ("client", f"{STALLED}\n1.52 S A ack=2301", dict(NOTHING_LEFT, largest_payload_bytes=1000)),  # and came through at last
    # The last segment sent again as a probe (TLP) lies not where the acknowledgements end, and says nothing of sizes.
    ("client", "0.1 C PA len=1000\n0.1 C PA len=300\n0.2 C PA seq=1001 len=300", {"unanswered_repeats": 1, "smallest_lost_bytes": None}),
    ("server", "0.1 C PA len=9\n0.12 S A win=0\n3.12 S A", {"window_closed_ns": 3 * S, "long_window_closes": 1}),
    ("server", "0.1 C PA len=9\n0.12 S A win=0\n0.13 S A\n0.2 C A len=5\n0.21 S A win=0\n0.91 S A",
     {"window_closed_ns": 700 * MS, "long_window_closes": 0}),
    ("server", "0.1 C PA len=9\n0.12 S A win=0\n5.12 C A seq=9", {"window_closed_ns": 5 * S, "long_window_closes": 1}),  # to the end
]  # fmt: skip


@pytest.mark.parametrize(("text", "facts"), COURSES)
def test_course(text: str, facts: dict[str, Any]) -> None:
    (row,) = play(ladder(OPENED, text)).rows
    assert {name: getattr(row.course, name) for name in facts} == facts


@pytest.mark.parametrize(("role", "text", "facts"), DELIVERIES)
def test_delivery(role: str, text: str, facts: dict[str, Any]) -> None:
    (row,) = play(ladder(OPENED, text)).rows
    delivery = getattr(row, f"{role}_side").delivery
    assert {name: getattr(delivery, name) for name in facts} == facts


def test_a_reset_alone_acknowledges_nothing() -> None:
    (row,) = play(ladder("0.1 C PA len=10\n0.2 S R seq=1")).rows
    assert row.client_side.delivery.unacknowledged_bytes == 10


def test_one_direction_tells_nothing_of_what_arrived() -> None:
    (row,) = play(ladder("0.1 C PA len=10\n0.4 C PA seq=0 len=10")).rows
    assert (row.client_side.delivery.unacknowledged_bytes, row.client_side.delivery.unanswered_repeats) == (None, None)


def _answers_at_once(segments: list[Seg]) -> bool:
    """Whether data and the data that answers it bear one time, so that the clock does not tell how long that took."""
    sent = {(segment.time_ns, segment.key) for segment in segments if segment.payload}
    return any((time_ns, reverse_key(key)) in sent for time_ns, key in sent)


@given(traffic)
def test_nothing_lasts_longer_than_its_connection(segments: list[Seg]) -> None:
    for row in play(segments).rows:
        lasted_ns, course = row.end_ns - row.start_ns, row.course
        spans = (
            course.longest_answer_ns,
            course.longest_wait_ns,
            course.longest_stall_ns,
            course.idle_survived_ns,
            course.idle_before_end_ns,
        )
        assert all(span is None or 0 <= span <= lasted_ns for span in spans)
        assert course.exchanges or course.longest_answer_ns is None
        assert course.longest_answer_ns or not course.exchanges or _answers_at_once(segments)
        for side in filter(None, (row.client_side, row.server_side)):
            delivery = side.delivery
            assert 0 <= (delivery.unacknowledged_bytes or 0) <= side.payload_bytes
            assert 0 <= (delivery.unanswered_repeats or 0) <= side.retransmissions
            assert 0 <= (delivery.unanswered_ns or 0) <= lasted_ns
            assert delivery.window_closed_ns is not None
            assert 0 <= delivery.window_closed_ns <= lasted_ns
            assert (delivery.long_window_closes > 0) == (delivery.window_closed_ns >= S)
            assert delivery.largest_payload_bytes is None or delivery.unacknowledged_bytes == 0
