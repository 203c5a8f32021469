"""Segments that begin a connection out of the book rest where they are a crowd: nothing of them is lost, and nobody can tell."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tcptrace_py.flows import table as flow_table
from tcptrace_py.model.segments import SCOPE_VNI, scope_bytes
from tests.flows.forms import ROWS, alike, blocks_of, keep_as, later
from tests.ladder import Seg, ladder, play, table_of
from tests.traffic import bruised, lossy, moved, tidy, wild

if TYPE_CHECKING:
    from collections.abc import Iterator

FIRST = (
    "C A seq=1 ack=1",
    "C R seq=1",
    "C RA seq=1 ack=1",
    "S SA",
    "C FA seq=1 ack=1",
    "C PA len=5",
    "S A win=0",
    "C P seq=1 len=3",
    "C S",
)
THEN = ("", "{} S A", "{} C A", "{} C R", "{} S RA", "{} C S seq=0", "{} C S seq=7000", "{} S SA seq=0", "{} C FA", "{} S PA len=7\n{} C A",
        "{} S SA\n{} C R", "{} S SA\n{} C A\n{} S RA", "{} S SA\n{} C RA\n{} S SA", "{} S RA\n{} C S")  # fmt: skip
DELAYS_S = (0.001, 0.3, 2, 29.5, 31, 69, 75, 290, 310, 500, 86399, 86500)
CONNECTIONS = st.lists(
    st.tuples(
        st.sampled_from((0, 1, 70, 100, 400, 90_000)),
        st.sampled_from(FIRST),
        st.sampled_from(THEN),
        st.sampled_from(DELAYS_S),
        st.integers(40000, 40003),
    ),
    min_size=1,
    max_size=12,
)


@pytest.fixture(autouse=True)
def crowd(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flow_table, "LONE_CROWD", -1)
    monkeypatch.setattr(flow_table, "WHOLE_CROWD", -1)


def segments_of(connections: list[tuple[int, str, str, float, int]]) -> list[Seg]:
    found = [
        segment
        for at, first, then, delay_s, port in connections
        for segment in later(ladder(f"0 {first}\n{then.replace('{}', str(delay_s))}", port=port), at)
    ]
    return sorted(found, key=lambda segment: segment.time_ns)


@given(CONNECTIONS, st.integers(1, 7))
def test_nothing_is_lost(connections: list[tuple[int, str, str, float, int]], rows: int) -> None:
    alike(blocks_of(segments_of(connections), rows), ROWS)


@given(st.lists(st.one_of(tidy(), bruised(), wild(), lossy()), min_size=1, max_size=3), st.integers(1, 9))
def test_nothing_is_lost_of_any_traffic(parts: list[list[Seg]], rows: int) -> None:
    segments = sorted(_apart(parts), key=lambda segment: segment.time_ns)
    alike(blocks_of(segments, rows), ROWS)


@given(CONNECTIONS, st.lists(st.sampled_from(("outside", "inside", "both")), min_size=1, max_size=9), st.integers(1, 7))
@example(  # the last segment answers the SYN, though it would also be the one direction of what goes through the tunnel
    [
        (0, "C A seq=1 ack=1", "", 0.001, 40000),
        (0, "C A seq=1 ack=1", "{} S A", 0.3, 40001),
        (0, "S SA", "{} C S seq=0", 0.001, 40001),
        (0, "C A seq=1 ack=1", "{} S A", 0.001, 40000),
    ],
    ["outside", "inside"],
    1,
)
@example(  # a four-tuple is used again in the tunnel of the old connection's other direction, then the old one's time is over
    [
        (0, "C A seq=1 ack=1", "{} S A", 0.001, 40001),
        (90_000, "C A seq=1 ack=1", "", 0.001, 40000),
        (90_000, "C S", "{} S A", 0.001, 40001),
    ],
    ["outside", "inside"],
    1,
)
@example(  # the SYN's other direction belongs to a connection outside of the tunnel
    [
        (0, "C A seq=1 ack=1", "{} C R", 0.001, 40000),
        (0, "C A seq=1 ack=1", "{} C S seq=0", 290, 40000),
        (0, "C A seq=1 ack=1", "{} S A", 290, 40000),
        (100, "C A seq=1 ack=1", "{} S PA len=7\n{} C A", 0.001, 40000),
    ],
    ["outside", "inside", "both"],
    1,
)
def test_nothing_is_lost_of_what_goes_on_in_a_tunnel(
    connections: list[tuple[int, str, str, float, int]], ways: list[str], rows: int
) -> None:
    """A segment at rest is found again where another of its connection, or the same once more, comes through a tunnel."""
    found = []
    for number, segment in enumerate(segments_of(connections)):
        way = ways[number % len(ways)]
        inside = replace(segment, key=segment.key + scope_bytes(SCOPE_VNI, 7), time_ns=segment.time_ns + 50_000 * (way == "both"))
        found += [*([] if way == "inside" else [segment]), *([] if way == "outside" else [inside])]
    alike(blocks_of(sorted(found, key=lambda segment: segment.time_ns), rows), ROWS)


@given(
    st.lists(st.one_of(tidy(), bruised()), min_size=1, max_size=3), st.lists(st.sampled_from(("outside", "both")), min_size=1, max_size=9)
)
def test_closed_ones_at_rest_are_found_again_through_a_tunnel(parts: list[list[Seg]], ways: list[str]) -> None:
    found = []
    for number, segment in enumerate(sorted(_apart(parts), key=lambda segment: segment.time_ns)):
        inside = replace(segment, key=segment.key + scope_bytes(SCOPE_VNI, 7), time_ns=segment.time_ns + 50_000)
        found += [segment, inside] if ways[number % len(ways)] == "both" else [segment]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(flow_table, "AWAKE", -1)
        alike(blocks_of(sorted(found, key=lambda segment: segment.time_ns), 1), ROWS)


def test_a_segment_at_rest_counts_once_where_it_comes_through_a_tunnel_as_well() -> None:
    for first in FIRST:
        table = table_of([])
        keep_as(table, ROWS)
        (outside,) = ladder(f"0 {first}")
        inside = replace(outside, key=outside.key + scope_bytes(SCOPE_VNI, 7), time_ns=outside.time_ns + 50_000)
        for block in blocks_of([outside, inside], 1):
            table.feed(block)
        assert (len({id(side.connection) for side in table.sides.values()}), table.duplicates) == (1, 1), first


def _apart(parts: list[list[Seg]]) -> Iterator[Seg]:
    for number, part in enumerate(parts):
        yield from moved(part, port=41000 + number, later_ns=number * 1_000_000)


def test_refused_ones_rest_packed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flow_table, "AWAKE", -1)
    table = table_of([])
    keep_as(table, ROWS)
    for block in blocks_of([segment for n in range(5) for segment in later(ladder("0 C S\n0.001 S RA", port=50000 + n), n * 0.1)], 1):
        table.feed(block)
    assert not table.sides
    assert [len(record) for record in table.textbook.whole.records if record] == [162] * 5
    assert not [connection for bucket in table.deadlines.values() for connection in bucket]


def test_they_rest_as_words() -> None:
    table = table_of([])
    keep_as(table, ROWS)
    for block in blocks_of([segment for n in range(5) for segment in later(ladder("0 S SA", port=50000 + n), n)], 1):
        table.feed(block)
    assert not table.sides
    assert [len(record) for queue in table.textbook.lone for record in queue.records] == [92] * 5


@given(CONNECTIONS, st.integers(1, 7))
def test_what_a_reset_ends_rests_with_it(connections: list[tuple[int, str, str, float, int]], rows: int) -> None:
    """Each of them began by the book, and was a row until its RST."""
    begun = [(at, "C S", then, delay_s, port) for at, _, then, delay_s, port in connections]
    alike(blocks_of(segments_of(begun), rows), ROWS)


@pytest.mark.parametrize(
    ("course", "count"),
    [
        ("0 C S\n0.001 S RA", 1),
        ("0 C S\n2 S RA", 1),  # it was put aside by then
        ("0 C S\n0.001 S SA\n0.002 C R", 1),
        ("0 C S\n0.001 S SA\n3 C R", 1),
        ("0 C S\n0.001 S SA\n0.002 C A\n0.003 C PA len=5\n0.004 S RA", 1),
        ("0 C S\n0.001 S RA ack=7", 0),  # it answers nothing that was sent
        ("0 C S\n0.001 S SA\n0.002 C R seq=9000", 0),
    ],
)
def test_it_is_packed_where_it_ended_by_its_numbers(course: str, count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flow_table, "WHOLE_CROWD", 1 << 60)
    table = table_of([])
    keep_as(table, ROWS)
    for block in blocks_of(ladder(course), 1):
        table.feed(block)
    assert (len(table.textbook.whole.records), len(table.sides)) == (count, 2 - 2 * count)


@pytest.mark.parametrize("probe", ["F", "FPU", "-"])
@pytest.mark.parametrize("answer", ["", "0.01 S RA seq=-9000 ack={ack}"])
def test_a_scanners_probe_closes_nothing(probe: str, answer: str) -> None:
    """FIN, XMAS and NULL scans: without ACK a FIN is none (RFC 9293 3.10.7.4, fifth), and a closed port answers with 0 (3.10.7.1)."""
    row = play(f"0 C {probe}\n" + answer.format(ack=int("F" in probe))).row
    assert (row.handshake.outcome, row.teardown.first_fin, row.time_wait) == ("not-captured", None, ())
    assert row.teardown.pattern == ("rst" if answer else "none")
    assert [(reset.by, reset.cause) for reset in row.resets] == [("server", "no-socket")] * bool(answer)
    assert [anomaly.code for anomaly in row.anomalies] == ["bad-flags"]
