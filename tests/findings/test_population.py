"""Peaks against a model that counts at every moment."""

from hypothesis import given
from hypothesis import strategies as st

from tcptrace_py.findings.population import Population

intervals = st.lists(
    st.tuples(st.integers(0, 12), st.integers(0, 6)).map(lambda pair: (pair[0], pair[0] + pair[1])), max_size=12
)


def population(spans: list[tuple[int, int]]) -> Population:
    found = Population()
    for begin, end in spans:
        found.add(begin, end)
    return found


def count_at(spans: list[tuple[int, int]], moment: int) -> int:
    return sum(begin <= moment < end for begin, end in spans)


@given(intervals)
def test_peak_is_the_most_at_any_moment_and_the_first_such(spans: list[tuple[int, int]]) -> None:
    counts = [count_at(spans, moment) for moment in range(20)]
    best = max(counts)
    assert population(spans).peak() == (best, counts.index(best) if best else None)


@given(intervals, st.integers(-1, 20))
def test_how_many_at_a_moment(spans: list[tuple[int, int]], moment: int) -> None:
    assert population(spans).at(moment) == count_at(spans, moment)


@given(intervals, intervals)
def test_parts_add_up(one: list[tuple[int, int]], two: list[tuple[int, int]]) -> None:
    joined = population(one)
    joined.merge(population(two))
    assert joined.peak() == population(two + one).peak()


@given(intervals, st.randoms(use_true_random=False))
def test_order_does_not_show(spans: list[tuple[int, int]], random: object) -> None:
    shuffled = sorted(spans, key=lambda _: random.random())  # type: ignore[attr-defined]
    assert population(shuffled).peak() == population(spans).peak()


def test_nothing() -> None:
    assert (Population().peak(), Population().at(5)) == ((0, None), 0)
