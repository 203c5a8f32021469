"""What explain says of each segment agrees with what the analysis counts, on every sample."""

from __future__ import annotations

from pathlib import Path

import pytest

from tcptrace_py import analyze
from tcptrace_py.ladder import ladder
from tcptrace_py.model.errors import TcpstatesError
from tcptrace_py.model.ladder import COPY, FILLS_GAP, PROBE, SENT_AGAIN, STRAY, UNSEEN, WINDOW_FULL, WINDOW_PROBE
from tcptrace_py.model.which import Which

FOLDER = Path(__file__).parents[2] / "samples"
SAMPLES = sorted(
    path
    for path in FOLDER.iterdir()
    if ".pcap" in path.name and not path.name.startswith(("buildup", "pile", "recorded-pile"))
)


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name)
def test_counts_are_those_of_the_analysis(path: Path) -> None:
    try:
        connections = list(analyze(path).connections)
    except TcpstatesError:
        pytest.skip("no capture at all")
    for connection in connections:
        rungs = ladder([path], connection, Which.of(connection).among(connections))
        for from_client, side in ((True, connection.client_side), (False, connection.server_side)):
            mine = [rung for rung in rungs if rung.sent.from_client == from_client]
            again = sum(SENT_AGAIN in rung.marks for rung in mine)
            # the analysis gives stray SYNs to no connection; the ladder shows them where they came
            sent = sum(COPY not in rung.marks and STRAY not in rung.marks for rung in mine)
            strays = sum(STRAY in rung.marks for rung in mine)
            assert again == (side.retransmissions if side else 0)
            assert sent <= (side.packets if side else 0) <= sent + strays


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
    rungs = ladder([path], connections[0], connections)
    assert mark in {mark for rung in rungs for mark in rung.marks}


def test_a_repeat_names_what_it_repeats() -> None:
    path = FOLDER / "recorded-data-lost.pcap"
    rungs = ladder([path], next(iter(analyze(path).connections)))
    repeat = next(rung for rung in rungs if SENT_AGAIN in rung.marks)
    first = next(rung for rung in rungs if rung.sent.frame == repeat.of)
    assert first.again_in == repeat.sent.frame
    assert (first.seq, first.sent.payload) == (repeat.seq, repeat.sent.payload)
    assert repeat.after_ns == repeat.sent.time_ns - first.sent.time_ns


def test_numbers_are_relative_to_each_sides_first() -> None:
    path = FOLDER / "three-way-handshake.pcap"
    rungs = ladder([path], next(iter(analyze(path).connections)))
    assert [(rung.seq, rung.ack) for rung in rungs[:3]] == [(0, None), (0, 1), (1, 1)]


@pytest.mark.parametrize("sample", ["time-wait-reused", "time-wait-refuses-syn", "segment-of-an-earlier-incarnation"])
def test_incarnations_share_no_segment(sample: str) -> None:
    path = FOLDER / f"{sample}.pcap"
    connections = list(analyze(path).connections)
    assert len(connections) > 1
    seen: set[int] = set()
    for connection in connections:
        frames = {rung.sent.frame for rung in ladder([path], connection, connections)}
        assert frames
        assert not frames & seen
        seen |= frames
