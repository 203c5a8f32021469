"""Percentiles against their definition, and what rounding may cost where there are very many values."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcptrace_py.findings import percentiles
from tcptrace_py.findings.percentiles import Values


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
