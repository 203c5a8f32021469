"""What was in flight when the capture ended, and what a timer ended: never broken the one, never open for ever the other."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tcptrace_py.facts.timers import LONGEST_NS
from tcptrace_py.model.clock import SECOND_NS
from tcptrace_py.model.state import Basis, State
from tcptrace_py.model.trouble import trouble_of
from tests.ladder import CLOSE, HANDSHAKE, START_NS, ladder, play
from tests.thorough import examples
from tests.traffic import CLOSES, MIDDLES, OPENINGS, traffic

if TYPE_CHECKING:
    from tcptrace_py.model.results import Connection, Side

OPEN = HANDSHAKE + "0.03 S A\n"
LINUX_SYNS = "0 C S\n1 C S seq=0\n2 C S seq=0\n3 C S seq=0\n4 C S seq=0\n6 C S seq=0\n"
SIMULTANEOUS = OPEN + "1 C FA\n1.001 S FA ack=1\n"
DATA_IN_VAIN = OPEN + "1 C PA len=10\n1.2 C PA seq=1 len=10\n1.6 C PA seq=1 len=10\n2.4 C PA seq=1 len=10\n"
MANY_IN_VAIN = OPEN + "1 C PA len=10\n" + "".join(f"{3 + 2 * number} C PA seq=1 len=10\n" for number in range(31))

# ladder, when the capture ends, outcome, whether the close is censored, where client and server are then (@: since when, by a clock)
ENDS = [
    ("a SYN that may come again", "0 C S", 1.05, "in-progress", False, "SYN_SENT", "CLOSED"),
    ("a SYN that is late", "0 C S", 1.4, "unanswered", False, "SYN_SENT", "CLOSED"),
    ("a SYN that did not come again", "0 C S", 1.6, "unanswered", False, "CLOSED@1", "CLOSED"),
    ("SYNs apart by doubling distances", "0 C S\n1 C S seq=0\n3 C S seq=0", 7.2, "in-progress", False, "SYN_SENT", "CLOSED"),
    ("the same, overdue by half", "0 C S\n1 C S seq=0\n3 C S seq=0", 9.1, "unanswered", False, "CLOSED@7", "CLOSED"),
    ("Linux repeats at first each second", LINUX_SYNS, 10.2, "in-progress", False, "SYN_SENT", "CLOSED"),
    ("the same, given up", LINUX_SYNS, 12.1, "unanswered", False, "CLOSED@10", "CLOSED"),
    ("an attempt behind another one", "0 C S\n0.5 C S isn=500000", 60, "unanswered", False, "CLOSED@0.5", "CLOSED"),
    ("a SYN/ACK that may come again", "0 C S\n0.01 S SA", 0.9, "in-progress", False, "SYN_SENT", "SYN_RECEIVED"),
    ("half-open for good", "0 C S\n0.01 S SA\n1.01 S SA seq=0", 9, "half-open", False, "CLOSED@1", "CLOSED@3.01"),
    ("the server still tries", "0 C S\n0.01 S SA\n1.01 S SA seq=0", 3.1, "in-progress", False, "CLOSED@1", "SYN_RECEIVED"),
    ("aborted is over", "0 C S\n0.01 S SA\n0.02 C R seq=1", 0.02, "aborted", False, "CLOSED", "CLOSED"),
    ("a FIN that may come again", OPEN + "1 C FA", 2.05, "completed", True, "FIN_WAIT_1", "CLOSE_WAIT"),
    ("a FIN that is late", OPEN + "1 C FA", 2.4, "completed", False, "FIN_WAIT_1", "CLOSE_WAIT"),
    ("a FIN that did not", OPEN + "1 C FA", 2.6, "completed", False, "CLOSED@2", "CLOSE_WAIT"),
    ("its repeats show when the next is due", OPEN + "1 C FA\n1.8 C FA seq=1\n3.4 C FA seq=1", 6.7, "completed", True,
     "FIN_WAIT_1", "ESTABLISHED"),
    ("given up by them", OPEN + "1 C FA\n1.8 C FA seq=1\n3.4 C FA seq=1", 8.3, "completed", False, "CLOSED@6.6", "ESTABLISHED"),
    ("a probe of the tail comes sooner", OPEN + "1 C FA\n1.02 C FA seq=1", 2.05, "completed", True, "FIN_WAIT_1", "ESTABLISHED"),
    ("a long way: three round trips", "0 C S\n0.5 S SA\n1 C A\n1.01 C FA", 4.1, "completed", True, "FIN_WAIT_1", "CLOSE_WAIT"),
    ("the last ACK is on its way", OPEN + "1 C FA\n1.01 S FA", 1.02, "completed", True, "TIME_WAIT", "LAST_ACK"),
    ("the last ACK never came", OPEN + "1 C FA\n1.01 S FA", 9, "completed", False, "TIME_WAIT", "CLOSED@2.01"),
    ("both closed at once", SIMULTANEOUS, 1.1, "completed", True, "CLOSING", "CLOSING"),
    ("and heard nothing more", SIMULTANEOUS, 9, "completed", False, "CLOSED@2", "CLOSED@2.001"),
    ("closed by one side just now", OPEN + "1 C FA\n1.01 S A", 1.5, "completed", True, "FIN_WAIT_2", "CLOSE_WAIT"),
    ("closed by one side long ago", OPEN + "1 C FA\n1.01 S A", 1000, "completed", False, "FIN_WAIT_2", "CLOSE_WAIT"),
    ("complete", OPEN + CLOSE, 2, "completed", False, "TIME_WAIT", "CLOSED"),
    ("open and silent", OPEN, 1000, "completed", False, "ESTABLISHED", "ESTABLISHED"),
    ("data sent once, and not acknowledged", OPEN + "1 C PA len=10", 1000, "completed", False, "ESTABLISHED", "ESTABLISHED"),
    ("data is sent again and again", DATA_IN_VAIN, 4.7, "completed", False, "ESTABLISHED", "ESTABLISHED"),
    ("until the sender gives up", DATA_IN_VAIN, 60, "completed", False, "CLOSED@4", "ESTABLISHED"),
    ("more often than numbers of 64 bits double", MANY_IN_VAIN, 120, "completed", False, "ESTABLISHED", "ESTABLISHED"),
    ("until the sender gives up then", MANY_IN_VAIN, 157, "completed", False, "CLOSED@125", "ESTABLISHED"),
    ("in one direction nobody knows what came back", "0 C S\n0.02 C A ack=1\n0.1 C PA len=5\n0.3 C PA seq=1 len=5", 60, "completed", False,
     "ESTABLISHED", "ESTABLISHED"),
]  # fmt: skip


def where(side: Side | None) -> str:
    """A side's last state; since when, if a clock brought it there."""
    assert side is not None
    last = side.states[-1]
    if last.basis != Basis.CLOCK or last.state != State.CLOSED or last.at_ns is None:
        return last.state.name
    assert last.frame is None
    return f"{last.state.name}@{(last.at_ns - START_NS) / 1e9:g}"


@pytest.mark.parametrize(("text", "end_s", "outcome", "censored", "client", "server"), [case[1:] for case in ENDS],
                         ids=[case[0] for case in ENDS])  # fmt: skip
def test_in_flight_or_given_up(text: str, end_s: float, outcome: str, censored: bool, client: str, server: str) -> None:
    row = play(text, end_s=end_s).rows[0]
    assert (row.handshake.outcome, row.teardown.censored) == (outcome, censored)
    assert (where(row.client_side), where(row.server_side)) == (client, server)


@pytest.mark.parametrize("text", [case[1] for case in ENDS], ids=[case[0] for case in ENDS])
def test_what_is_in_flight_is_not_broken(text: str) -> None:
    last_s = max((segment.time_ns - START_NS) / 1e9 for segment in ladder(text))
    for quiet_s in (0.0, 0.3, 1.2, 5.0, 200.0):
        played = play(text, end_s=last_s + quiet_s)
        for row in played.rows:
            if row.handshake.outcome == "in-progress" or row.teardown.censored:
                assert trouble_of(row) is None or row.handshake.syn_retransmissions
        assert played.summary.closes_in_flight == sum(row.teardown.censored for row in played.rows)


def test_a_port_is_held_until_its_attempt_is_given_up() -> None:
    """Two attempts from two ports, ten seconds apart: no more than one port was ever taken."""
    played = play("0 C S\n10 C2 S", end_s=60)
    (budget,) = list(played.ports)
    assert budget.peak_held == 1
    (budget,) = list(play("0 C S\n0.9 C2 S", end_s=60).ports)
    assert budget.peak_held == 2


def test_attempts_as_records_and_as_rows_are_the_same() -> None:
    """The overview adds up what it does not describe; in flight and given up are apart there as well."""
    text = "\n".join(f"{2 * number} C{number + 1} S" for number in range(40))
    for end_s in (78.2, 79.3, 80.0, 400.0):
        rows, sums = play(text, end_s=end_s), play(text, end_s=end_s, keep_rows=False)
        assert rows.summary == sums.summary
        assert rows.summary.outcomes["in-progress"] == (1 if end_s < 79 else 0)
        assert [budget.peak_held for budget in rows.ports] == [budget.peak_held for budget in sums.ports]


def _sides(row: Connection) -> list[Side]:
    return [side for side in (row.client_side, row.server_side) if side is not None]


@settings(max_examples=examples(200), deadline=None)
@given(traffic, st.sampled_from((0, 1, 5, 200, 2000)))
def test_no_state_that_waits_for_an_answer_outlasts_its_timer(segments: list, quiet_s: int) -> None:
    """Nor does any last beyond the capture's end."""
    last_ns = max((segment.time_ns for segment in segments), default=START_NS)
    played = play(segments, end_s=(last_ns - START_NS) / 1e9 + quiet_s)
    waiting = {State.SYN_SENT, State.SYN_RECEIVED, State.FIN_WAIT_1, State.CLOSING, State.LAST_ACK}
    for row in played.rows:
        for side in _sides(row):
            last = side.states[-1]
            assert last.at_ns is None or last.at_ns <= played.end_ns
            if last.state in waiting and side.packets:
                assert played.end_ns - row.end_ns <= 1.5 * max(LONGEST_NS, row.end_ns - row.start_ns)


ORDERLY = st.tuples(st.sampled_from((*OPENINGS[:1], *OPENINGS[2:5])), st.sampled_from(MIDDLES), st.sampled_from(CLOSES)).map("\n".join)


@settings(max_examples=examples(300), deadline=None)
@given(ORDERLY, st.integers(0, 14), st.floats(0, 1))
def test_a_capture_that_ends_earlier_breaks_nothing(text: str, count: int, part: float) -> None:
    """What the whole capture shows as complete is not broken in one that ends before, at any moment."""
    segments = sorted(ladder(text), key=lambda segment: segment.time_ns)
    whole = play(segments, end_s=200)
    kept = segments[:count]
    if not kept or len(whole.rows) != 1 or trouble_of(whole.row) is not None:
        return
    following_ns = segments[count].time_ns if count < len(segments) else kept[-1].time_ns
    end_ns = kept[-1].time_ns + round(part * (following_ns - kept[-1].time_ns))
    cut = play([replace(segment) for segment in kept], end_s=(end_ns - START_NS) / SECOND_NS)
    for row in cut.rows:
        assert trouble_of(row) is None
