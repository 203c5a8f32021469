"""What the rules about times share: percentiles of what connections took, held against limits."""

from __future__ import annotations

from array import array
from itertools import pairwise
from typing import TYPE_CHECKING

from tcptrace_py.model.errors import UsageError
from tcptrace_py.model.report import Measure, Unit

from .measure import Worst, at_most

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from .facts import Facts
    from .rows import Rows

RANKS = {"p50": 50, "p90": 90, "p99": 99, "max": 100}


def require_in_order(limits: object, name: str) -> None:
    """Raise UsageError unless there is a limit for one of RANKS, and higher ranks have no lower ones."""
    given = list(_given(limits).items())
    if not given:
        raise UsageError(f"{name} needs a limit: {', '.join(RANKS)}")
    for (low, less), (high, more) in pairwise(given):
        if less > more:
            raise UsageError(f"{low} cannot be exceeded before {high} is: let {low} be the smaller limit")


def percentiles(
    facts: Facts, limits: object, what: str, timed: Callable[[Rows], tuple[Sequence[int], list[int]]], note: Callable[[], str] = str
) -> Iterator[Measure]:
    """A measure for each of RANKS that has a limit: nearest ranks of times in ns.

    `timed` gives a time for each row, and the rows that count; `note` is said of them all.
    """
    given = _given(limits)
    worst, every = {name: Worst(facts.store) for name in given}, array("q")
    for rows in facts.rows():
        times_ns, counted = timed(rows)
        every.extend([times_ns[row] for row in counted])
        for name, limit in given.items():
            worst[name].add(rows, [row for row in counted if times_ns[row] > limit], times_ns)
    in_order = sorted(every)
    for name, limit in given.items() if in_order else ():
        value = in_order[max(-(-RANKS[name] * len(in_order) // 100) - 1, 0)]
        told = f"{len(in_order)} of them{note()}"
        yield at_most(f"{name} of {what}", value, limit, Unit.NS, worst[name], note=told, step_ns=facts.capture.clock_step_ns)


def _given(limits: object) -> dict[str, int]:
    return {name: limit for name in RANKS if (limit := getattr(limits, name)) is not None}
