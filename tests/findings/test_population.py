"""Peaks against a model that counts at every moment, settled early or not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from tcptrace_py.findings.population import Population
from tests.ladder import SECOND_NS

if TYPE_CHECKING:
    from random import Random

Span = tuple[int, int]
TICK_NS = SECOND_NS // 4
MOMENTS = range(26)  # in ticks

spans = st.tuples(st.integers(0, 16), st.integers(0, 8)).map(lambda pair: (pair[0], pair[0] + pair[1]))
intervals = st.lists(spans, max_size=12)


def add(found: Population, span: Span) -> None:
    found.add(span[0] * TICK_NS, span[1] * TICK_NS)


def population(many: list[Span]) -> Population:
    found = Population()
    for span in many:
        add(found, span)
    return found


def count_at(many: list[Span], tick: int) -> int:
    return sum(begin <= tick < end for begin, end in many)


def peak_of(many: list[Span]) -> tuple[int, int | None]:
    counts = [count_at(many, tick) for tick in MOMENTS]
    best = max(counts)
    return best, counts.index(best) * TICK_NS if best else None


@given(intervals)
def test_peak_is_the_most_at_any_moment_and_the_first_such(many: list[Span]) -> None:
    assert population(many).peak() == peak_of(many)


@given(intervals, st.sampled_from(MOMENTS))
def test_how_many_at_a_moment(many: list[Span], tick: int) -> None:
    assert population(many).at(tick * TICK_NS) == count_at(many, tick)


@given(intervals, st.randoms(use_true_random=False))
def test_order_does_not_show(many: list[Span], random: Random) -> None:
    shuffled = sorted(many, key=lambda _: random.random())
    assert population(shuffled).peak() == population(many).peak()


@given(intervals, st.lists(st.sampled_from(MOMENTS), max_size=4))
def test_settling_what_has_begun_changes_nothing(many: list[Span], folds: list[int]) -> None:
    """Intervals in order of their begins, each settled moment behind all of those that begin later."""
    found = Population()
    for begin, end in sorted(many):
        for fold in folds:
            if fold <= begin:
                found.fold(fold * TICK_NS)
        add(found, (begin, end))
    assert found.peak() == peak_of(many)
    assert found.count == len(many)
    for tick in range(max([0, *(begin for begin, _ in many)]), len(MOMENTS)):
        assert found.at(tick * TICK_NS) == count_at(many, tick)


@given(intervals, st.lists(spans, min_size=1, max_size=3), st.sampled_from(MOMENTS))
def test_latecomers_are_never_missed_and_hardly_overcounted(many: list[Span], late: list[Span], fold: int) -> None:
    """Only in a second in which a latecomer begins or ends may there be one more than there was."""
    found = population(many)
    found.fold(fold * TICK_NS)
    for span in late:
        add(found, span)
    everything = many + late
    best, _ = found.peak()
    most = max(
        count_at(everything, tick) + sum(tick // 4 in (begin // 4, end // 4) for begin, end in late if begin < fold)
        for tick in MOMENTS
    )
    assert peak_of(everything)[0] <= best <= most
    assert found.at(25 * TICK_NS) == 0


def test_nothing() -> None:
    assert (Population().peak(), Population().at(5)) == ((0, None), 0)
