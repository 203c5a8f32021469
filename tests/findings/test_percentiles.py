"""Percentiles against their definition, and what rounding may cost where there are very many values."""

from __future__ import annotations

import math
from array import array
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcptrace_py.findings import percentiles
from tcptrace_py.findings.percentiles import Values, steady_ns


def values_of(numbers: list[int]) -> Values:
    values = Values()
    for number in numbers:
        values.add(number)
    return values


def nearest_rank(numbers: list[int], percent: int) -> int:
    """The smallest value that at least that share of all values does not exceed."""
    return min(v for v in numbers if sum(w <= v for w in numbers) >= math.ceil(percent * len(numbers) / 100))


@given(st.lists(st.integers(0, 1000), min_size=1, max_size=200))
def test_nearest_rank(numbers: list[int]) -> None:
    found = values_of(numbers).latency()
    assert [found.p50_ns, found.p90_ns, found.p99_ns] == [nearest_rank(numbers, percent) for percent in (50, 90, 99)]
    assert (found.count, found.min_ns, found.max_ns) == (len(numbers), min(numbers), max(numbers))


def test_of_nothing() -> None:
    found = Values().latency()
    assert (found.count, found.min_ns, found.p50_ns, found.max_ns) == (0, None, None, None)


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if eight values were very many."""
    monkeypatch.setattr(percentiles, "EXACT", 8)


@pytest.mark.parametrize("seed", range(5))
def test_rounding_costs_little_and_no_order_shows(few: Any, seed: int) -> None:
    from random import Random

    numbers = [Random(seed).randrange(10**5, 10**9) for _ in range(1)] + [
        int(10 ** Random(seed * 99 + n).uniform(4, 10)) for n in range(60)
    ]
    found = values_of(numbers).latency()
    assert found == values_of(sorted(numbers)).latency() == values_of(numbers[::-1]).latency()
    for percent, value in ((50, found.p50_ns), (90, found.p90_ns), (99, found.p99_ns)):
        assert value == pytest.approx(nearest_rank(numbers, percent), rel=0.0005)
    assert (found.min_ns, found.max_ns) == (min(numbers), max(numbers))


@pytest.mark.parametrize(("one", "two"), [(3, 4), (3, 20), (20, 3), (20, 20), (0, 20), (0, 0)])
def test_parts_add_up(few: Any, one: int, two: int) -> None:
    """Parts of a capture joined are what the whole would have been, rounded or not."""
    numbers = [n * n * 1000 + 17 for n in range(one + two)]
    joined = Values.joined([values_of(numbers[:one]), values_of(numbers[one:])]).latency()
    assert joined == values_of(numbers).latency()


PERIODIC = [0, 1000, 2010, 3000, 4000, 4990]
TWO_TRAINS = [0, 400, 1000, 1400, 2000, 2400, 3000, 3400, 4000, 4400]


@pytest.mark.parametrize(
    ("times_ns", "lag", "least_ns", "within_percent", "expected_ns"),
    [
        (PERIODIC, 1, 500, 10, 1000),
        (PERIODIC, 1, 1000, 10, 1000),
        (PERIODIC, 1, 1001, 10, 0),  # too short
        (PERIODIC, 1, 500, 0, 0),  # two of five are exactly alike
        (TWO_TRAINS, 1, 100, 10, 0),  # by turns 400 and 600
        (TWO_TRAINS, 2, 100, 10, 1000),
        ([0, 1000, 2000, 3000, 4000, 9000], 1, 500, 10, 1000),  # four of five are enough
        ([0, 1000, 2000, 3000, 8000, 13000], 1, 500, 10, 0),
        ([0, 1000], 1, 500, 10, 1000),
        ([0, 1000], 2, 500, 10, 0),  # no two of them are so far apart
        ([], 1, 500, 10, 0),
        ([-(1 << 61), 0, 1 << 61], 1, 500, 15, 1 << 61),  # some 73 years
    ],
)
def test_distances_that_are_alike(times_ns: list[int], lag: int, least_ns: int, within_percent: int, expected_ns: int) -> None:
    assert steady_ns(array("q", times_ns), lag, least_ns, within_percent) == expected_ns
