"""The tests that tell a change from noise, held against counting every case, and against their meaning."""

from fractions import Fraction
from itertools import combinations
from math import comb, isclose
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcptrace_py.checks.diff.stats import fisher, rank_sum, rise


@given(st.integers(0, 12), st.integers(0, 12), st.integers(0, 12), st.integers(0, 12))
def test_fisher_counts_every_table(base_hits: int, base_misses: int, new_hits: int, new_misses: int) -> None:
    base, new, hits = base_hits + base_misses, new_hits + new_misses, base_hits + new_hits
    tables = [comb(hits, k) * comb(base + new - hits, new - k) for k in range(new_hits, min(hits, new) + 1) if new - k <= base + new - hits]
    exact = Fraction(sum(tables), comb(base + new, new))
    assert isclose(fisher(base_hits, base, new_hits, new), exact, abs_tol=1e-9)


@pytest.mark.parametrize(("base", "new", "p"), [((0, 10), (5, 10), 0.016), ((3, 10), (3, 10), 0.686), ((1, 1000), (20, 1000), 1e-5)])
def test_fisher_on_known_tables(base: tuple[int, int], new: tuple[int, int], p: float) -> None:
    assert fisher(*base, *new) == pytest.approx(p, rel=0.3)


@given(st.integers(0, 40), st.integers(0, 40))
def test_rise_counts_every_outcome(base: int, new: int) -> None:
    total = base + new
    exact = Fraction(sum(comb(total, k) for k in range(new, total + 1)), 2**total)
    assert isclose(rise(base, new), exact, abs_tol=1e-12)


def test_rise_is_the_same_beyond_where_it_is_counted() -> None:
    assert rise(480, 520) == pytest.approx(rise(481, 521), rel=0.02)  # 1000 is counted, 1002 approximated
    assert rise(5000, 5000) == pytest.approx(0.5, abs=0.01)
    assert rise(5000, 6000) < 1e-9


def _exact_rank_sum(base: list[float], new: list[float]) -> float:
    """The share of all ways to deal the values out whose sum of ranks is at least as large."""
    values = sorted(base + new)
    ranks = {value: sum(i + 1 for i, other in enumerate(values) if other == value) / values.count(value) for value in values}
    seen = sum(ranks[value] for value in new)
    ways = [sum(ranks[values[i]] for i in chosen) for chosen in combinations(range(len(values)), len(new))]
    return sum(way >= seen for way in ways) / len(ways)


@pytest.mark.parametrize("seed", range(12))
def test_rank_sum_is_near_what_dealing_out_gives(seed: int) -> None:
    random = Random(seed)
    base = [float(random.randint(0, 12)) for _ in range(8)]
    new = [float(random.randint(0, 12) + seed % 4 * 2) for _ in range(8)]
    assert rank_sum(base, new) == pytest.approx(_exact_rank_sum(base, new), abs=0.02)


def test_rank_sum_of_nothing_and_of_equals() -> None:
    assert rank_sum([], [1]) == rank_sum([1], []) == rank_sum([5] * 9, [5] * 9) == 1.0


def test_noise_rarely_passes_for_a_change() -> None:
    """Of captures of one kind about one in a hundred differs at 1 %."""
    random = Random(1)
    runs = [([random.lognormvariate(0, 1) for _ in range(40)], [random.lognormvariate(0, 1) for _ in range(40)]) for _ in range(1000)]
    assert sum(rank_sum(*run) < 0.01 for run in runs) < 25
    assert sum(rank_sum(base, [value * 3 for value in new]) < 0.01 for base, new in runs[:50]) > 45
