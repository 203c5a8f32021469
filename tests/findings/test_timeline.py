"""Connections by when they began: whatever the order, and however many processes counted."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcptrace_py.findings.timeline import LENGTHS_NS, MOST, Timeline
from tcptrace_py.model.results import Intervals

MS, S = 10**6, 10**9
FAR_NS = (1 << 62) - 1  # as far as times of captures go
near = st.integers(0, 100 * S)
begun = st.lists(st.tuples(st.one_of(near, st.integers(-FAR_NS, FAR_NS)), st.booleans()), max_size=60)


def counted(rows: list[tuple[int, bool]]) -> Timeline:
    timeline = Timeline()
    for time_ns, broken in rows:
        timeline.add(time_ns, broken)
    return timeline


def test_about_how_many_had_begun_by_when() -> None:
    timeline = counted([(n * S, False) for n in range(1000)] + [(3000 * S, True)])
    until = timeline.begun().until
    assert (until(-5 * S), until(0), until(5000 * S)) == (0, 0, 1001)
    assert until(2000 * S) == 1000
    assert [round(until(n * S)) for n in (10, 105, 500)] == [10, 105, 500]
    assert Timeline().begun().until(7) == 0


def test_each_length_is_so_many_of_the_one_before() -> None:
    assert all(long % short == 0 for short, long in itertools.pairwise(LENGTHS_NS))
    assert 2 * FAR_NS // LENGTHS_NS[-1] + 2 <= MOST


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([], None),
        ([(5 * S, True)], Intervals(5 * S, MS, (1,), (1,))),
        ([(5 * S, False), (5 * S + 59 * MS, True)], Intervals(5 * S, MS, (1, *[0] * 58, 1), (0, *[0] * 58, 1))),
        ([(5 * S, False), (5 * S + 60 * MS, True)], Intervals(5 * S, 10 * MS, (1, 0, 0, 0, 0, 0, 1), (0, 0, 0, 0, 0, 0, 1))),
        ([(7 * S, False), (125 * S, True), (8 * S, True)], Intervals(5 * S, 5 * S, (2, *[0] * 23, 1), (1, *[0] * 23, 1))),
        ([(-MS, True), (0, False)], Intervals(-MS, MS, (1, 1), (1, 0))),
    ],
)
def test_counts(rows: list[tuple[int, bool]], expected: Intervals | None) -> None:
    assert counted(rows).result() == expected


def test_many_short_ones_become_longer_ones_on_the_way() -> None:
    rows = [(number * 3 * MS, number % 7 == 0) for number in range(20_000)]
    assert counted(rows).result() == Intervals(0, S, (334, 333, 333) * 20, counted(rows[::-1]).result().broken)  # type: ignore[union-attr]


@given(begun, st.randoms(use_true_random=True), st.integers(0, 60))
def test_neither_order_nor_parts_show(rows: list[tuple[int, bool]], random: object, at: int) -> None:
    whole = counted(rows).result()
    shuffled = sorted(rows, key=lambda _: random.random())  # type: ignore[attr-defined]
    one, other = counted(shuffled[:at]), counted(shuffled[at:])
    one.take(other.parcel())
    assert one.result() == whole
    if whole is not None:
        assert sum(whole.connections) == len(rows)
        assert sum(whole.broken) == sum(broken for _, broken in rows)
        assert len(whole.connections) <= MOST
        for time_ns, _ in rows:
            assert whole.connections[(time_ns - whole.start_ns) // whole.length_ns] > 0
