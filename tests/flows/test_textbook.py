"""Textbook connections as rows: nothing of them is lost, and nobody can tell that they were no objects."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tcptrace_py.capture import open_captures
from tcptrace_py.decode import Decoder
from tcptrace_py.flows import table as flow_table
from tcptrace_py.model.problems import Problems
from tcptrace_py.model.segments import INCOMING, OPTIONS_CUT, OUTGOING, PAYLOAD_CUT, SCOPE_VNI, scope_bytes
from tcptrace_py.pipeline import run
from tests.flows.forms import OBJECTS, OBSERVED, ROWS, alike, blocks_of, connections, keep_as, later
from tests.ladder import CLOSE, HANDSHAKE, SECOND_NS, SERVER_CLOSE, START_NS, Seg, ladder, segment_block, table_of
from tests.thorough import every, some
from tests.traffic import lossy, traffic

NO_CONNECTION = ("empty.pcap", "not-a-capture.pcap")
SAMPLES = some(path for path in sorted((Path(__file__).parents[2] / "samples").glob("*.pcap*")) if path.name not in NO_CONNECTION)
SHARE = every(6, SAMPLES, 2)


def test_nothing_is_lost() -> None:
    rested = {}
    for path in SAMPLES:
        problems = Problems()
        decoder = Decoder(problems)
        rested[path.name] = alike([decoder.decode(block) for block in open_captures([str(path)], problems).blocks()], ROWS)
    assert rested["buildup-health-checks.server.pcap.xz"] > 100
    assert sum(map(bool, rested.values())) > 40


BEHIND_ITS_FIN = """
    1.000 C FA
    1.020 S FA id=3
    1.040 S A seq=1 id=2
    1.060 C A
"""  # the acknowledgement that was sent before the FIN is captured behind it


CROSSED_FINS = "1.000 C FA\n1.001 S FA ack=1\n1.020 C A\n1.021 S A"
ANSWERS_ALONE = "0.020 S SA\n0.030 C SA seq=0"  # their SYNs were not captured
TWO_SKIPPED = "0.1 C A len=5 id=7\n0.2 C A len=5 id=4\n0.3 C A len=5 id=5\n1.0 C FA id=8\n1.1 S A"  # or not: 7 came out of order
ONE_ID = "0 C S id=1\n0.001 S SA id=1\n0.002 C A id=1\n0.003 S PA len=7 id=1\n0.004 S PA len=4 id=1"  # to evade a detector
SAME_ID = "0.1 C PA len=5 id=9\n0.1 S A\n0.1001 C FA id=9\n0.2 S A"  # a FIN is no copy of what had none


@given(st.one_of(traffic, lossy()), st.lists(st.integers(1, 60)))
@example(ladder(HANDSHAKE, BEHIND_ITS_FIN), [])
@example(ladder(HANDSHAKE, CROSSED_FINS), [])
@example(ladder(ANSWERS_ALONE), [])
@example(ladder(HANDSHAKE, TWO_SKIPPED), [])
@example(ladder(HANDSHAKE, SAME_ID), [])
@example(ladder(ONE_ID), [])
@example(ladder(HANDSHAKE, CLOSE), [3])
def test_nothing_is_lost_of_any_traffic(segments: list[Seg], cuts: list[int]) -> None:
    edges = [0, *sorted({cut for cut in cuts if cut < len(segments)}), len(segments)]
    alike([segment_block(segments[begin:end], begin + 1) for begin, end in itertools.pairwise(edges)], ROWS, OBSERVED)


def test_as_many_as_there_are() -> None:
    """More rows than there is room for at first; they close in another order than they opened, some before others open."""
    whole = [ladder(HANDSHAKE, CLOSE if port % 2 else SERVER_CLOSE, port=port) for port in range(20000, 23000)]
    order = sorted(range(2500), key=lambda n: n * 7919 % 2500)
    parts = [
        *(segments[:3] for segments in whole[:2500]),
        *(whole[n][3:] for n in order[:700]),
        *(later(segments[:3], 2) for segments in whole[2500:]),
        *(later(whole[n][3:], 3) for n in order[700:2000]),
    ]
    assert alike(blocks_of([segment for part in parts for segment in part], 4096), ROWS) == 2000


TALK = "\n".join(f"{seconds} C A len=10\n{seconds}.1 S A len=10" for seconds in range(20, 200, 20))


def test_a_connection_that_talks_stays_a_row() -> None:
    """As long as it is never silent for half a minute, whatever its age and that of others."""
    segments = ladder(HANDSHAKE, TALK) + later(ladder(CLOSE, isns=(1090, 9090)), 199)
    others = [segment for n in range(40) for segment in later(ladder(HANDSHAKE, CLOSE, port=50000 + n), 5 * n)]
    mixed = sorted(segments + others, key=lambda segment: segment.time_ns)
    assert alike(blocks_of(mixed, 16), ROWS) == 40
    whole = ladder(HANDSHAKE, TALK, "200 C FA\n200.01 S A\n200.02 S FA\n200.03 C A")
    assert alike(blocks_of(sorted(whole + others, key=lambda segment: segment.time_ns), 16), ROWS) == 41


def test_older_ones_are_told() -> None:
    """Open ones that began before a moment, and those at rest that were open for long: their begins must not come in late."""
    long = ladder(HANDSHAKE, TALK, "200 C FA\n200.01 S A\n200.02 S FA\n200.03 C A")
    short = later(ladder(HANDSHAKE, CLOSE, port=50001), 150)
    still = later(ladder(HANDSHAKE, port=50002), 180)
    table = table_of([])
    keep_as(table, ROWS)
    table.feed(segment_block(sorted(long + short + still, key=lambda segment: segment.time_ns)))
    assert [live.first_frame for live in table.older(START_NS + 100 * SECOND_NS)] == [1]
    assert len(table.older(START_NS + 190 * SECOND_NS)) == 2


def test_what_says_nothing_leaves_it_in_the_book() -> None:
    """Who sent a frame (Linux cooked capture), and payloads cut short."""
    segments = ladder(HANDSHAKE, "0.1 C A len=5\n0.2 S A len=5", CLOSE)
    cooked = [replace(segment, notes=INCOMING if n % 2 else OUTGOING | PAYLOAD_CUT) for n, segment in enumerate(segments)]
    assert alike([segment_block(cooked)], ROWS) == 1
    assert alike([segment_block([replace(segments[0], notes=OPTIONS_CUT), *segments[1:]])], ROWS) == 0


@pytest.mark.parametrize(
    ("name", "value"),
    [("interface", 1 << 11), ("vlan", 1 << 12), ("teid", 1 << 32), ("time_ns", 5_000_000_000 * SECOND_NS), ("time_ns", -1)],
)
def test_what_does_not_fit_is_no_row(name: str, value: int) -> None:
    block = segment_block(ladder(HANDSHAKE, CLOSE))
    getattr(block, name)[0] = value
    assert alike([block], ROWS) == 0


@pytest.mark.parametrize("before", [(1 << 31) - 4, (1 << 32) - 4, (1 << 33) - 4])
def test_frames_beyond_32_bits_are_as_all_others(before: int) -> None:
    """Behind so many: rows, records of all kinds and objects tell the frames that the same segments have elsewhere, moved by as many."""
    parts = [ladder(HANDSHAKE, "0.1 C A len=5\n0.2 S A len=5", CLOSE), ladder("0.01 C S", port=40001)]
    parts += [ladder("0.02 C S\n0.03 S SA", port=40002), ladder("0.04 C S\n0.05 S RA", port=40003), ladder("0.06 C R seq=1", port=40004)]
    segments = sorted((segment for part in parts for segment in part), key=lambda segment: segment.time_ns)
    plain, _ = connections([segment_block(segments, 1)], OBJECTS)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(flow_table, "LONE_CROWD", -1)
        found, rested = connections([segment_block(segments[:6], before + 1), segment_block(segments[6:], before + 7)], ROWS)
    assert rested == 3
    assert [frames_of(live) for live in found] == [[frame + before for frame in frames_of(live)] for live in plain]


def frames_of(live: dict[str, Any]) -> list[int]:
    """First and last frame, that behind the longest wait, and those of the log."""
    return [live["first_frame"], live["last_frame"], *[segment["frame"] for segment in live["log"]]]


def test_the_same_tuple_in_two_tunnels() -> None:
    """They share a slot of the index of streams: one's stragglers are not the other's own."""
    plain = ladder(HANDSHAKE, CLOSE, "1.5 S FA seq=1 id=9")
    tunnelled = [replace(segment, key=segment.key + scope_bytes(SCOPE_VNI, 7)) for segment in later(plain, 0.001)]
    mixed = sorted(plain + tunnelled, key=lambda segment: segment.time_ns)
    assert alike(blocks_of(mixed, 5), ROWS) <= 1


def facts(path: Path) -> str:
    analysis = run(str(path), keep_rows=False)
    digest = analysis.digest
    assert digest is not None
    return repr((analysis.summary, analysis.hosts, analysis.ports, analysis.capture, digest.groups(), digest.slowest(), digest.busiest()))


@pytest.fixture(scope="module")
def objects() -> list[str]:
    """What is said of samples where connections are objects from their SYN on."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(flow_table, "BY_THE_BOOK", False)
        return [facts(path) for path in SHARE]


@pytest.mark.parametrize("awake", [1 << 60, -1], ids=["rows", "objects laid to rest as rows"])
def test_nobody_can_tell(awake: int, objects: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flow_table, "AWAKE", awake)
    monkeypatch.setattr(flow_table, "LONE_CROWD", awake)
    for path, before in zip(SHARE, objects, strict=True):
        assert facts(path) == before, path.name


@given(traffic)
@example(ladder(HANDSHAKE, CLOSE, "1.1 C A"))
def test_objects_rest_and_wake_as_they_were(segments: list[Seg]) -> None:
    plain, _ = connections([segment_block(segments)], OBJECTS)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(flow_table, "AWAKE", -1)
        laid, _ = connections(blocks_of(segments, 3), ROWS)
    assert laid == plain


def test_an_object_that_closes_by_the_book_is_laid_to_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    """An acknowledgement that says nothing new makes an object of a row, and nothing else."""
    segments = ladder(HANDSHAKE, "0.05 C A", CLOSE)
    plain, _ = connections([segment_block(segments)], OBJECTS)
    monkeypatch.setattr(flow_table, "AWAKE", -1)
    assert connections(blocks_of(segments, 3), ROWS) == (plain, 1)
