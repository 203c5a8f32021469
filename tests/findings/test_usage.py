"""Causes told from when connections began, how long they lasted and what they carried: a table of cases."""

from array import array
from random import Random

import pytest

from tcptrace_py.findings.usage import median, usage

S = 1_000_000_000
MS = 1_000_000


def every(period_ns: int, count: int, jitter_ns: int = 0, start_ns: int = 0) -> list[int]:
    chance = Random(1)
    return [start_ns + i * period_ns + chance.randint(-jitter_ns, jitter_ns) for i in range(count)]


def at_random(count: int, over_ns: int) -> list[int]:
    chance = Random(2)
    return [chance.randint(0, over_ns) for _ in range(count)]


BURSTS = [t for n in range(5) for t in every(2 * MS, 50, start_ns=n * 30 * S)]
CASES = [
    ("few", every(S, 4), 5 * MS, 300, "few"),
    ("a check every second", every(S, 30), 5 * MS, 300, "health-check"),
    ("with some jitter", every(5 * S, 30, jitter_ns=150 * MS), 5 * MS, 300, "health-check"),
    (
        "two checkers behind one address",
        every(2 * S, 30) + every(2 * S, 30, start_ns=300 * MS),
        5 * MS,
        300,
        "health-check",
    ),
    ("a connect and no more, at a period", every(S, 30), 0, 0, "health-check"),
    ("at a period, but it fetches much", every(S, 30), 5 * MS, 9_000_000, "short"),
    ("one after the other without pause", every(10 * MS, 300), 10 * MS, 300, "short"),
    ("at a steady rate, but too fast for a check", every(170 * MS, 300), 5 * MS, 300, "short"),
    ("at random", at_random(300, 60 * S), 5 * MS, 300, "short"),
    ("at random without data", at_random(300, 60 * S), 5 * MS, 0, "without-data"),
    ("bursts", BURSTS, 20 * MS, 300, "bursts"),
    ("one burst is only a beginning", BURSTS[:50], 20 * MS, 300, "short"),
    ("two are no habit yet", BURSTS[:100], 20 * MS, 300, "short"),
    ("long", at_random(40, 600 * S), 40 * S, 300, "long"),
]


@pytest.mark.parametrize(("starts", "length", "payload", "pattern"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_patterns(starts: list[int], length: int, payload: int, pattern: str) -> None:
    number = len(starts)
    found = usage(array("q", sorted(starts)), array("q", [length] * number), array("q", [payload] * number))
    assert found.pattern == pattern


def test_a_pool_that_is_passed_by() -> None:
    starts = sorted([0, 0, *at_random(300, 60 * S)])
    lengths = [60 * S, 55 * S, *[5 * MS] * 300]
    assert usage(array("q", starts), array("q", lengths), array("q", [300] * 302)).pattern == "pool-unused"


def test_periods_and_sizes_are_told() -> None:
    check = usage(array("q", every(2 * S, 30)), array("q", [MS] * 30), array("q", [9] * 30))
    assert check.period_ns == 2 * S
    burst = usage(array("q", BURSTS), array("q", [MS] * 250), array("q", [9] * 250))
    assert (burst.period_ns, burst.burst) == (30 * S, 50)


def test_the_middle_one() -> None:
    assert median([]) is None
    assert median([3, 1, 2]) == 2
    assert median([4, 1, 2, 3]) == 2


def test_connections_that_carry_more_than_one_exchange_do_not_lack_keep_alive() -> None:
    """Short ones; what is long, a check or a burst is called so all the same."""
    shorts = array("q", at_random(300, 60 * S))
    assert usage(shorts, array("q", [5 * MS] * 300), array("q", [300] * 300), is_reused=True).pattern == "reused"
    assert usage(shorts, array("q", [20 * S] * 300), array("q", [300] * 300), is_reused=True).pattern == "long"
