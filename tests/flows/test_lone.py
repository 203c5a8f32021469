"""Segments that begin a connection out of the book rest where they are a crowd: nothing of them is lost, and nobody can tell."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcptrace_py.flows import table as flow_table
from tests.flows.forms import ROWS, alike, blocks_of, keep_as, later
from tests.ladder import Seg, ladder, table_of
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
THEN = ("", "{} S A", "{} C A", "{} C R", "{} S RA", "{} C S seq=0", "{} C S seq=7000", "{} S SA seq=0", "{} C FA", "{} S PA len=7\n{} C A")
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


def _apart(parts: list[list[Seg]]) -> Iterator[Seg]:
    for number, part in enumerate(parts):
        yield from moved(part, port=41000 + number, later_ns=number * 1_000_000)


def test_they_rest_as_words() -> None:
    table = table_of([])
    keep_as(table, ROWS)
    for block in blocks_of([segment for n in range(5) for segment in later(ladder("0 S SA", port=50000 + n), n)], 1):
        table.feed(block)
    assert not table.sides
    assert [len(record) for queue in table.textbook.lone for record in queue.records] == [92] * 5
