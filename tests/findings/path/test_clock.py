"""Clocks aligned by what passed both points: the truth lies within the bound, whatever the way is like."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcptrace_py.findings.path.clock import Bounds
from tcptrace_py.model.clock import SECOND_NS
from tcptrace_py.model.path import Clock

START = 1_772_359_200 * SECOND_NS
MS = 1_000_000


def aligned(delays: list[tuple[bool, int]], *, offset_ns: int = 0, drift: float = 0.0, every_ns: int = MS) -> Clock:
    """Segments one after the other, each with its direction and time under way."""
    bounds = Bounds(START, START + every_ns * len(delays))
    for number, (from_a, delay_ns) in enumerate(delays):
        sent_ns = START + number * every_ns
        a_ns, true_b_ns = (sent_ns, sent_ns + delay_ns) if from_a else (sent_ns + delay_ns, sent_ns)
        b_ns = true_b_ns + offset_ns + round(drift * (true_b_ns - START))
        bounds.add(from_a, a_ns, b_ns - a_ns)
    return bounds.clock()


DELAYS = st.lists(st.tuples(st.booleans(), st.integers(0, 10**9)), min_size=2, max_size=60)


@given(DELAYS, st.integers(-(10**15), 10**15))
def test_no_way_leads_out_of_the_bound(delays: list[tuple[bool, int]], offset_ns: int) -> None:
    clock = aligned(delays, offset_ns=offset_ns)
    assert clock.steady
    if clock.bound_ns is None:
        assert not all(clock.samples)
    else:
        assert abs(clock.offset_ns - offset_ns) <= clock.bound_ns + 1


@given(st.integers(-(10**18), 10**18), st.integers(0, 10**8))
def test_a_way_that_takes_as_long_both_ways_gives_the_offset_itself(offset_ns: int, delay_ns: int) -> None:
    clock = aligned([(True, delay_ns), (False, delay_ns), (True, delay_ns + 5)], offset_ns=offset_ns)
    assert abs(clock.offset_ns - offset_ns) <= 1
    assert clock.bound_ns == delay_ns


@pytest.mark.parametrize("drift", [40e-6, -40e-6, 2e-6, 0.0])
def test_drift_is_found_in_a_long_capture(drift: float) -> None:
    delays = [(number % 2 == 0, 5 * MS + number * 7919 % MS) for number in range(3000)]
    clock = aligned(delays, offset_ns=3 * SECOND_NS, drift=drift, every_ns=100 * MS)
    assert clock.drift == pytest.approx(drift, abs=2e-6)
    middle_ns = clock.at_ns - START
    assert abs(clock.offset_ns - 3 * SECOND_NS - drift * middle_ns) < 0.5 * MS


def test_a_short_capture_says_nothing_of_drift() -> None:
    assert aligned([(number % 2 == 0, 5 * MS) for number in range(90)], drift=40e-6).drift == 0.0


def test_a_clock_that_was_set_is_noticed() -> None:
    bounds = Bounds(START, START + 4 * SECOND_NS)
    for number, offset_ns in enumerate((0, 0, SECOND_NS, SECOND_NS)):
        for from_a, delay_ns in ((True, MS), (False, -MS)):
            bounds.add(from_a, START + number * SECOND_NS, offset_ns + delay_ns)
    assert not bounds.clock().steady


def test_one_direction_alone_gives_no_bound() -> None:
    clock = aligned([(True, 7 * MS), (True, 9 * MS)], offset_ns=100 * MS)
    assert (clock.offset_ns, clock.bound_ns) == (107 * MS, None)


def test_nothing_at_all() -> None:
    clock = Bounds(START, START).clock()
    assert (clock.offset_ns, clock.bound_ns, clock.samples) == (0, None, (0, 0))


def test_moments_of_a_are_told_on_bs_clock() -> None:
    clock = Clock(offset_ns=1000, drift=0.5, at_ns=100)
    assert [clock.to_b(time_ns) for time_ns in (100, 300)] == [1100, 1400]
