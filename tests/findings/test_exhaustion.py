"""Ports that run out, and what only looks like it."""

from __future__ import annotations

from array import array
from random import Random
from typing import TYPE_CHECKING

import pytest

from tcptrace_py.findings.curve import Curve
from tcptrace_py.findings.exhaustion import Ports, Range, judge
from tcptrace_py.model.profiles import PROFILES, Profile

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tcptrace_py.model.diagnosis import Exhaustion

S = 1_000_000_000
MS = 1_000_000
WAIT = 60 * S
NARROW = Profile("linux", 60.0, (40000, 40999))


def judged(
    taken: Iterable[tuple[int, int, int]], end_ns: int, profile: Profile = PROFILES["linux"], waits: float = 1.0
) -> tuple[Range, Exhaustion | None]:
    """`taken`: port, from, until."""
    rows = sorted(taken, key=lambda row: row[1])
    held = Curve()
    for _, start, until in rows:
        held.add(start, until)
    held.sort()
    ports, starts, released = (array("q", column) for column in zip(*rows, strict=True))
    return judge(Ports(ports, starts, released, round(waits * len(rows))), held, profile, end_ns)


def picked(low: int, high: int, step_ns: int, *, by_kernel: bool = True) -> list[tuple[int, int, int]]:
    """All ports of a range, each kept in TIME_WAIT: as Linux gives them out, or in any order."""
    order = list(range(low, high + 1))
    Random(1).shuffle(order)
    if by_kernel:
        order.sort(key=lambda port: (port - low) % 2)
    return [(port, i * step_ns, i * step_ns + WAIT) for i, port in enumerate(order)]


def test_a_range_of_its_own_fills_and_nothing_more_comes() -> None:
    known, full = judged(picked(40000, 40999, 5 * MS), 20 * S)
    assert (known.low, known.high, known.known_from) == (40000, 40999, "capture")
    assert full is not None
    assert full.at_ns == pytest.approx(5 * S, rel=0.05)
    assert full.before_per_s == pytest.approx(200, rel=0.05)


def test_the_same_range_by_profile() -> None:
    known, full = judged(picked(40000, 40999, 5 * MS), 20 * S, NARROW)
    assert (known.low, known.high, known.known_from) == (40000, 40999, "profile")
    assert full is not None


def test_a_known_range_without_a_free_port_is_exhausted_even_if_the_capture_ends_there() -> None:
    rows = picked(40000, 40999, 5 * MS)
    assert judged(rows, 5 * S, NARROW)[1] is not None
    assert judged(rows[:-15], 5 * S, NARROW)[1] is None


def test_ports_are_taken_again_as_they_come_free() -> None:
    first = picked(40000, 40999, 5 * MS)
    again = [(port, until + 2 * S, until + 2 * S + WAIT) for port, _, until in first]
    _, full = judged(first + again, 67 * S)
    assert full is not None
    assert full.taken_again > 900
    assert full.into_time_wait == 0


def test_syns_into_time_wait_are_counted() -> None:
    """With tcp_tw_reuse a port is taken from TIME_WAIT about a second old: the stay ends there."""
    rows = []
    for port, start, _ in picked(40000, 40999, 5 * MS):
        rows += [(port, start, start + 6 * S), (port, start + 6 * S, start + 6 * S + WAIT)]
    _, full = judged(rows, 20 * S)
    assert full is not None
    assert full.into_time_wait > 900


TURNS = [(40000 + i % 1000, i * S // 10, i * S // 10 + 9 * S) for i in range(3000)]
QUIET_RANGES = [
    ("given out one by one, then a pause", [(40000 + i, i * MS, i * MS + WAIT) for i in range(1000)], 20 * S, 1.0),
    ("a range with gaps", picked(40000, 40999, 5 * MS, by_kernel=False)[:900], 20 * S, 1.0),
    ("still growing when the capture ends", picked(40000, 40999, 5 * MS, by_kernel=False), 5 * S, 1.0),
    ("a load generator's own ports, then it stops", picked(40000, 40999, 5 * MS, by_kernel=False), 20 * S, 1.0),
    ("few ports", picked(40000, 40049, 5 * MS), 20 * S, 1.0),
    ("held by open connections, not by TIME_WAIT", picked(40000, 40999, 5 * MS, by_kernel=False), 20 * S, 0.1),
    ("the kernel's, of a range whose second half it has not begun", picked(40000, 40999, 5 * MS)[:500], 3 * S, 1.0),
    ("of one parity, but with gaps", [p for i, p in enumerate(picked(40000, 40999, 5 * MS)) if i % 9], 5 * S, 1.0),
    ("rotated through, each long free", TURNS, 300 * S, 1.0),
]  # fmt: skip


@pytest.mark.parametrize(("rows", "end_ns", "waits"), [c[1:] for c in QUIET_RANGES], ids=[c[0] for c in QUIET_RANGES])
def test_what_only_looks_like_it(rows: list[tuple[int, int, int]], end_ns: int, waits: float) -> None:
    known, full = judged(rows, end_ns, waits=waits)
    assert full is None
    assert (known.low, known.high, known.known_from) == (32768, 60999, "profile")


@pytest.mark.parametrize("low", [40000, 20001])
@pytest.mark.parametrize(("taken", "waits", "ran_out"), [(1000, 1.0, True), (900, 1.0, False), (1000, 0.1, False)])
def test_linux_shows_its_range_by_the_order_of_ports(low: int, taken: int, waits: float, ran_out: bool) -> None:
    """The second parity begins when the first is used up: no port needs to come again."""
    rows = picked(low, low + 999, 5 * MS)[:taken]
    known, full = judged(rows, rows[-1][1] + MS, waits=waits)
    assert (known.low, known.high, known.known_from) == (low, low + 999, "capture")
    assert (full is not None) == ran_out
    assert full is None or full.after_per_s is None


def test_whoever_binds_first_gets_the_other_parity_first() -> None:
    rows = [(80999 - port, start, until) for port, start, until in picked(40000, 40999, 5 * MS)]
    known, full = judged(rows, 20 * S)
    assert (known.low, known.high) == (40000, 40999)
    assert full is not None


def test_ports_outside_the_profile_speak_for_another_range() -> None:
    known, full = judged(picked(1100, 64000, 10 * MS)[:2000], 60 * S)
    assert full is None
    assert known.known_from == "capture"
    assert known.low < 1200
    assert known.high > 63900
