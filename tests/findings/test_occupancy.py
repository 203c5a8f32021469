"""Peaks against a model that counts at every moment, settled early or not."""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from tcptrace_py.findings.occupancy import Occupancy, counts_at
from tcptrace_py.model.clock import NEVER_NS
from tests.ladder import SECOND_NS

if TYPE_CHECKING:
    from random import Random


Span = tuple[int, int]
TICK_NS = SECOND_NS // 4
MOMENTS = range(26)  # in ticks

spans = st.tuples(st.integers(0, 16), st.integers(0, 8)).map(lambda pair: (pair[0], pair[0] + pair[1]))
intervals = st.lists(spans, max_size=12)


def occupancy(many: list[Span], *, settle: int | None = None) -> Occupancy:
    found = Occupancy()
    kind = found.kind(found.row())
    for begin, end in many:
        found.add(begin * TICK_NS, end * TICK_NS, kind)
    if settle is not None:
        found.settle(settle * TICK_NS)
    return found


def count_at(many: list[Span], tick: int) -> int:
    return sum(begin <= tick < end for begin, end in many)


def peak_of(many: list[Span]) -> tuple[int, int | None]:
    counts = [count_at(many, tick) for tick in MOMENTS]
    best = max(counts)
    return best, counts.index(best) * TICK_NS if best else None


END = MOMENTS[-1]


@given(intervals)
def test_peak_is_the_most_at_any_moment_and_the_first_such(many: list[Span]) -> None:
    assert occupancy(many, settle=END).peak_of(0) == peak_of(many)


@given(intervals, st.sampled_from(MOMENTS))
def test_how_many_at_a_moment(many: list[Span], tick: int) -> None:
    assert occupancy(many, settle=tick).level[0] == count_at(many, tick - 1)


@given(intervals, st.randoms(use_true_random=True))
def test_order_does_not_show(many: list[Span], random: Random) -> None:
    shuffled = sorted(many, key=lambda _: random.random())
    assert occupancy(shuffled, settle=END).peak_of(0) == occupancy(many, settle=END).peak_of(0)


@given(intervals, st.lists(st.sampled_from(MOMENTS), max_size=4))
def test_settling_what_has_been_told_changes_nothing(many: list[Span], moments: list[int]) -> None:
    found = occupancy(many)
    for tick in sorted(moments):
        found.settle(tick * TICK_NS)
    found.settle(END * TICK_NS)
    assert found.peak_of(0) == peak_of(many)
    assert found.pending == 0


@given(intervals, intervals)
def test_a_kind_raises_all_its_rows(ones: list[Span], others: list[Span]) -> None:
    found = Occupancy()
    whole, one, other = found.row(), found.row(), found.row()
    for spans_of, kind in ((ones, found.kind(whole, one)), (others, found.kind(whole, other))):
        for begin, end in spans_of:
            found.add(begin * TICK_NS, end * TICK_NS, kind)
    found.settle(END * TICK_NS)
    assert [found.peak_of(row) for row in (whole, one, other)] == [peak_of(ones + others), peak_of(ones), peak_of(others)]


def test_a_latecomer_counts_from_what_is_settled() -> None:
    found = occupancy([(0, 4)], settle=10)
    found.add(2 * TICK_NS, 12 * TICK_NS, 0)
    found.settle(END * TICK_NS)
    assert found.peak_of(0) == (1, 0)
    found = occupancy([], settle=10)
    found.add(2 * TICK_NS, 12 * TICK_NS, 0)
    found.settle(END * TICK_NS)
    assert found.peak_of(0) == (1, 10 * TICK_NS)


@given(intervals, st.sampled_from(MOMENTS))
def test_early_parts_count_like_the_rest_when_nothing_was_settled(many: list[Span], tick: int) -> None:
    """However an interval is cut at a moment, and whichever process took the early part in."""
    one, other = Occupancy(), Occupancy()
    for whole in (one, other):
        assert whole.kind(whole.row()) == 0
    for begin, end in many:
        one.add(max(begin, tick) * TICK_NS, end * TICK_NS, 0)
        if begin < tick:
            other.add_early(begin * TICK_NS, min(tick, end) * TICK_NS, 0)
    one.take(other.release(), array("i", [0]))
    one.finish(END * TICK_NS)
    assert (one.peak_of(0), one.level[0]) == (peak_of(many), 0)


def test_early_parts_of_a_large_capture_are_left_out() -> None:
    found = occupancy([(0, 2), (8, 12)])
    found.add_early(0, TICK_NS, 0)
    found.many = 1
    found.settle_before_waiting(TICK_NS)
    found.finish(END * TICK_NS)
    assert found.peak_of(0) == (1, 0)


def test_nothing_is_settled_before_the_end_while_there_are_few() -> None:
    """So that a latecomer counts from its begin, whoever had settled when."""
    found = occupancy([(0, 4)])
    found.settle_at = 1
    assert not found.is_due
    found.settle_before_waiting(10 * TICK_NS)
    found.add(2 * TICK_NS, 12 * TICK_NS, 0)
    found.finish(END * TICK_NS)
    assert found.peak_of(0) == (2, 2 * TICK_NS)
    found = occupancy([(0, 4)])
    found.settle_at = found.many = 0
    assert found.is_due


@given(intervals, spans, st.sampled_from(MOMENTS))
def test_what_was_counted_and_is_none_is_taken_back(many: list[Span], wrong: Span, tick: int) -> None:
    """A connection was taken for the other side's from its begin on, until it was known better."""
    found = occupancy(many)
    begin, known = wrong[0] * TICK_NS, max(wrong[0], tick) * TICK_NS
    found.begin(begin, 0)
    found.end(known, 0)
    found.add_early(begin, known, 0, sign=-1)
    found.finish(END * TICK_NS)
    assert (found.peak_of(0), found.level[0]) == (peak_of(many), count_at(many, END))


@given(intervals, st.lists(st.sampled_from(MOMENTS), max_size=6))
def test_counts_at_moments(many: list[Span], moments: list[int]) -> None:
    begins, ends = [begin for begin, _ in many], [end for _, end in many]
    assert counts_at(sorted(moments), begins, ends) == [count_at(many, moment) for moment in sorted(moments)]


@given(intervals, st.sampled_from(MOMENTS))
def test_how_many_began_after_a_moment(many: list[Span], tick: int) -> None:
    found = occupancy(many).begun_after(array("q", [tick * TICK_NS]))
    assert list(found) == [sum(begin > tick for begin, end in many if begin < end)]


def test_what_never_ends_is_there_at_the_end() -> None:
    found = Occupancy()
    kind = found.kind(found.row())
    found.add(TICK_NS, NEVER_NS, kind)
    found.begin(2 * TICK_NS, kind)
    found.settle(END * TICK_NS)
    assert (found.level[0], found.peak_of(0)) == (2, (2, 2 * TICK_NS))


@given(st.lists(st.tuples(st.integers(0, 3), spans), max_size=14), st.dictionaries(st.integers(0, 3), st.integers(0, 5), min_size=1))
def test_ports_that_each_account_holds_at_once(taken: list[tuple[int, Span]], waits: dict[int, int]) -> None:
    """Each is given back so long before it is free; what is asked of no account counts for none."""
    found = Occupancy()
    kinds = [found.kind(found.row(), account=number) for number in range(4)]
    for number, (begin, end) in taken:
        found.add(begin * TICK_NS, end * TICK_NS, kinds[number], 1000 + number)
    held = found.held()
    assert held is not None
    own = {number: [(b, e - waits[number]) for n, (b, e) in taken if n == number and b < e] for number in waits}
    expected = {}
    for number, many in own.items():
        changes = sorted([(begin, 1) for begin, _ in many] + [(end, -1) for _, end in many])
        levels = [sum(change for _, change in changes[: at + 1]) for at in range(len(changes))]
        expected[number] = max([0, *levels])
    assert held.at_once({number: ticks * TICK_NS for number, ticks in waits.items()}) == expected
    begins, ends = held.of(set(waits))
    assert begins == sorted((b * TICK_NS, n, 1000 + n) for n, (b, e) in taken if n in waits and b < e)
    assert ends == sorted((e * TICK_NS, n, 1000 + n) for n, (b, e) in taken if n in waits and b < e)
    assert sorted(held.ends_of({kinds[1]})) == sorted((kinds[1], e * TICK_NS) for n, (b, e) in taken if n == 1 and b < e)


def test_many_at_once() -> None:
    many = [(n % 17, n % 17 + n % 5) for n in range(50)]
    assert occupancy(many, settle=END).peak_of(0) == peak_of(many)


def test_nothing() -> None:
    assert occupancy([], settle=END).peak_of(0) == (0, None)
