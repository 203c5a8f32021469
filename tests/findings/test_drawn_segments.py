"""What explain says of each segment agrees with what the analysis counts, on every sample."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tcptrace_py import analyze
from tcptrace_py.ladder import ladder
from tcptrace_py.model.errors import TcpstatesError
from tcptrace_py.model.ladder import (
    COPY,
    FILLS_GAP,
    LATE_COPY,
    PROBE,
    SENT_AGAIN,
    STRAY,
    UNSEEN,
    WINDOW_FULL,
    WINDOW_PROBE,
    Run,
)
from tcptrace_py.model.reference import Reference
from tcptrace_py.model.segments import ACK, FIN, RST, SYN
from tcptrace_py.model.state import State
from tests.findings.observed import drawn_segments
from tests.ladder import ladder as rungs
from tests.ladder import play
from tests.thorough import every, examples
from tests.traffic import lossy, traffic

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tcptrace_py.model.ladder import DrawnSegment
    from tcptrace_py.model.results import Connection
    from tests.ladder import Seg

FOLDER = Path(__file__).parents[2] / "samples"
SAMPLES = sorted(
    path for path in FOLDER.iterdir() if ".pcap" in path.name and not path.name.startswith(("buildup", "pile", "recorded-pile"))
)


def agree(segments: Sequence[DrawnSegment], connection: Connection) -> None:
    """Raise AssertionError where a ladder shows something else than the analysis counted."""
    for from_client, side in ((True, connection.client_side), (False, connection.server_side)):
        mine = [segment for segment in segments if segment.sent.from_client == from_client]
        again = [segment for segment in mine if SENT_AGAIN in segment.marks]
        shown = (sum(segment.counted for segment in mine), sum(segment.new_bytes for segment in mine), len(again), len(_fins_again(mine)))
        assert shown == ((side.packets, side.payload_bytes, side.retransmissions, side.fin_retransmissions) if side else (0, 0, 0, 0))
    syns = [
        segment
        for segment in segments
        if SENT_AGAIN in segment.marks and segment.sent.flags & (SYN | ACK) == SYN and segment.sent.from_client
    ]
    answered = next((entry.frame for entry in connection.client_side.states if entry.state == State.ESTABLISHED), None)
    if connection.handshake.kind == "three-way" and answered is not None:  # later ones are none of the handshake's
        assert sum(segment.sent.frame < answered for segment in syns) == connection.handshake.syn_retransmissions
    folded = Run.of(segments)
    assert sum(folded.payload_bytes.values()) == sum(s.payload_bytes for s in (connection.client_side, connection.server_side) if s)


def _fins_again(segments: Sequence[DrawnSegment]) -> list[DrawnSegment]:
    """FINs that were sent again: not with data that was, before any FIN."""
    fins = [
        segment
        for segment in segments
        if segment.sent.flags & (FIN | RST | ACK) == FIN | ACK and not {COPY, LATE_COPY, STRAY} & {*segment.marks}
    ]
    return [segment for segment in fins[1:] if SENT_AGAIN in segment.marks]


@pytest.mark.parametrize("path", every(6, SAMPLES, 2), ids=lambda path: path.name)
def test_counts_are_those_of_the_analysis(path: Path) -> None:
    try:
        result = analyze(path)
    except TcpstatesError:
        pytest.skip("no capture at all")
    connections = list(result.connections)
    copies = 0
    for connection in connections:
        segments = ladder([path], connection, Reference.of(connection).among(connections))
        agree(segments, connection)
        copies += sum(COPY in segment.marks for segment in segments)
    assert copies == result.capture.duplicates


@settings(max_examples=examples(300), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.one_of(lossy(), traffic))
def test_counts_are_those_of_the_analysis_whatever_was_damaged(segments: list[Seg]) -> None:
    played = play(segments)
    ladders = [drawn_segments(segments, row, played.rows) for row in played.rows]
    for row, drawn in zip(played.rows, ladders, strict=True):
        agree(drawn, row)
    assert sum(COPY in segment.marks for segments in ladders for segment in segments) == played.table.duplicates


CLOSED = "0 C S\n0.02 S SA\n0.04 C A\n1 C FA\n1.02 S A\n1.04 S FA\n1.06 C A"
RESET = "0 C S\n0.02 S SA\n0.04 C A\n1 C PA len=9\n1.02 S PA len=9\n1.04 C RA"
OVER_ANOTHER = {  # what comes over a connection that is over, with its number of before
    "a SYN": "70 C S seq=0",
    "a SYN, and one with another number": "70 C S seq=0\n71 C S seq=500000",
    "a SYN, once more": "70 C S seq=0\n71 C S seq=0",
    "a SYN and its answer": "70 C S seq=0\n70.02 S SA seq=7000 ack=1",
    "a SYN, its answer, and a RST": "70 C S seq=0\n70.02 S SA seq=7000 ack=1\n70.04 C R seq=1",
    "a SYN, its answer, and another SYN": "70 C S seq=0\n70.02 S SA seq=7000 ack=1\n72 C S seq=500000",
    "an opening": "70 C S seq=0\n70.02 S SA seq=7000 ack=1\n70.04 C A seq=1 ack=7001",
}


@pytest.mark.parametrize("before", [CLOSED, RESET], ids=["closed", "reset"])
@pytest.mark.parametrize("then", OVER_ANOTHER)
def test_what_comes_over_a_connection_is_counted_as_it_is_drawn(before: str, then: str) -> None:
    segments = rungs(f"{before}\n{OVER_ANOTHER[then]}")
    played = play(segments)
    for row in played.rows:
        agree(drawn_segments(segments, row, played.rows), row)
    counted = sum(side.packets for row in played.rows for side in (row.client_side, row.server_side) if side)
    assert counted == len(segments)
    assert not any(anomaly.code == "stray-syn" for row in played.rows for anomaly in row.anomalies)


MARKS = [
    ("recorded-data-lost", SENT_AGAIN),
    ("syn-lost", SENT_AGAIN),
    ("fin-lost", SENT_AGAIN),
    ("data-reordered", FILLS_GAP),
    ("data-lost-before-the-capture", FILLS_GAP),
    ("mirror-duplicates", COPY),
    ("duplicates-ipv6", COPY),
    ("keep-alive", PROBE),
    ("zero-window", WINDOW_FULL),
    ("zero-window-byte-probe", WINDOW_PROBE),
    ("acknowledged-but-not-captured", UNSEEN),
    ("stray-syn-in-connection", STRAY),
]


@pytest.mark.parametrize(("sample", "mark"), MARKS)
def test_marks(sample: str, mark: str) -> None:
    path = FOLDER / f"{sample}.pcap"
    connections = list(analyze(path).connections)
    segments = ladder([path], connections[0], connections)
    assert mark in {mark for segment in segments for mark in segment.marks}


def test_a_repeat_names_what_it_repeats() -> None:
    path = FOLDER / "recorded-data-lost.pcap"
    segments = ladder([path], next(iter(analyze(path).connections)))
    repeat = next(segment for segment in segments if SENT_AGAIN in segment.marks)
    first = next(segment for segment in segments if segment.sent.frame == repeat.of)
    assert first.again_in == repeat.sent.frame
    assert (first.seq, first.sent.payload) == (repeat.seq, repeat.sent.payload)
    assert repeat.after_ns == repeat.sent.time_ns - first.sent.time_ns


def test_numbers_are_relative_to_each_sides_first() -> None:
    path = FOLDER / "three-way-handshake.pcap"
    segments = ladder([path], next(iter(analyze(path).connections)))
    assert [(segment.seq, segment.ack) for segment in segments[:3]] == [(0, None), (0, 1), (1, 1)]


@pytest.mark.parametrize("sample", ["time-wait-reused", "time-wait-refuses-syn", "segment-of-an-earlier-incarnation"])
def test_incarnations_share_no_segment(sample: str) -> None:
    path = FOLDER / f"{sample}.pcap"
    connections = list(analyze(path).connections)
    assert len(connections) > 1
    seen: set[int] = set()
    for connection in connections:
        frames = {segment.sent.frame for segment in ladder([path], connection, connections)}
        assert frames
        assert not frames & seen
        seen |= frames
