"""Acknowledgements captured just before what they acknowledge, as a card that joins segments or a tap with two ports does it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from tcptrace_py.ladder import ladder as drawn_of
from tcptrace_py.model.ladder import UNSEEN
from tcptrace_py.pipeline import run
from tests.ladder import CLOSE, HANDSHAKE, SERVER_CLOSE, STAMPED, Seg, ladder, path, play
from tests.wire import write

if TYPE_CHECKING:
    from pathlib import Path

DATA = "0.1 C PA len=100\n0.12 S PA len=500\n0.1201 C A\n"
EARLY_NS = 100_000
LADDERS = {
    "client first": HANDSHAKE + DATA + CLOSE,
    "server first": HANDSHAKE + DATA + SERVER_CLOSE,
    "timestamps": STAMPED,
    "three segments": HANDSHAKE + DATA + "1 C FA\n1.01 S FA\n1.03 C A",
    "FIN with data": HANDSHAKE + "0.1 C PA len=100\n0.12 S FPA len=500\n0.121 C A\n0.2 C FA\n0.21 S A",
    "two at once": HANDSHAKE + "0.1 C PA len=100\n0.12 S A len=500\n0.1202 S PA len=500\n0.121 C A\n0.2 C FA\n0.21 S A\n0.3 S FA\n0.31 C A",
    "simultaneous": HANDSHAKE + DATA + "1 C FA\n1.008 S FA seq=501 ack=101\n1.01 S A\n1.018 C A",
}


def verdicts(segments: list[Seg]) -> Any:
    return [(row.handshake.outcome, row.handshake.kind, row.midstream, row.teardown.pattern, row.teardown.first_fin,
             [path(side) for side in (row.client_side, row.server_side) if side], [(stay.side, stay.ended_by) for stay in row.time_wait],
             [anomaly.code for anomaly in row.anomalies]) for row in play(segments).rows]  # fmt: skip


def early(segments: list[Seg]) -> list[list[Seg]]:
    """The same capture as often as a segment is answered at once, each time with one such answer just before it."""
    found = []
    for at in range(1, len(segments)):
        sent, answer = segments[at - 1 : at + 1]
        end = sent.seq + sent.payload + (sent.flags >> 1 & 1) + (sent.flags & 1)
        if sent.key != answer.key and answer.flags & 16 and answer.ack == end != sent.seq:
            found.append([*segments[: at - 1], replace(answer, time_ns=sent.time_ns - EARLY_NS), sent, *segments[at + 1 :]])
    return found


@pytest.mark.parametrize("text", LADDERS.values(), ids=LADDERS)
def test_it_is_one_connection_without_loss(text: str) -> None:
    segments = ladder(text)
    others = early(segments)
    assert len(others) >= 3
    for other in others:
        assert verdicts(other) == verdicts(segments)


def test_two_segments_of_which_both_were_acknowledged_before() -> None:
    segments = ladder(HANDSHAKE + "0.12 S A len=500\n0.1202 S PA len=500\n0.121 C A\n" + CLOSE)
    moved = [*segments[:3], replace(segments[5], time_ns=segments[3].time_ns - EARLY_NS), *segments[3:5], *segments[6:]]
    assert verdicts(moved) == verdicts(segments)


@pytest.mark.parametrize("late_s", [0.15, 3])
def test_what_comes_when_it_would_be_sent_again_was_not_captured_the_first_time(late_s: float) -> None:
    segments = ladder(HANDSHAKE + f"0.1 C A ack=501\n{0.1 + late_s} S PA len=500\n{0.2 + late_s} C A")
    assert [anomaly.code for anomaly in play(segments).row.anomalies] == ["acked-unseen"]


def test_what_its_sender_goes_on_behind_was_not_captured() -> None:
    """A gap tells that it was lost, also where the close follows at once."""
    played = play(HANDSHAKE + "0.1 S A ack=101\n0.11 C FA seq=101\n0.111 S FA\n0.12 C A")
    assert "acked-unseen" in [anomaly.code for anomaly in played.row.anomalies]


def test_explain_says_nothing_of_loss(tmp_path: Path) -> None:
    segments = ladder(HANDSHAKE + DATA + CLOSE)
    moved = [*segments[:4], replace(segments[5], time_ns=segments[4].time_ns - EARLY_NS), segments[4], *segments[6:]]
    for rows, unseen in ((moved, False), (moved[:5] + moved[6:], True)):
        file = str(write(tmp_path / "a.pcap", rows))
        (connection,) = run(file).connections
        assert any(UNSEEN in segment.marks for segment in drawn_of([file], connection)) == unseen
        assert sum(row.code == "acked-unseen" for row in run(file).capture.problems) == int(unseen)
