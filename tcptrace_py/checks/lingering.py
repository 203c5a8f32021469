"""What the rules about states that must not last share: the longest stay, and who stayed too long."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tcptrace_py.model.report import Measure, Unit

from . import params
from .measure import Worst, at_most

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tcptrace_py.model.state import State

    from .facts import Facts
    from .rows import Rows


@dataclass(frozen=True)
class Longest:
    """How long a side may stay in the state."""

    limit: int = params.duration("longest stay that is allowed", required=True)


def longest(facts: Facts, limits: Longest, state: State) -> Iterator[Measure]:
    """Hold the longest stay of any side in scope against the limit; a stay that outlives the capture counts so far.

    Nothing where the clock does not tell: a filter by flags leaves what states begin and end with.
    """
    if not facts.withholds_times("coarse-clock"):
        yield from longest_of(
            facts,
            limits,
            f"longest stay in {state.name}",
            lambda rows: rows.of_sides(lambda role: rows.longest_ns(role, state, facts.end_ns)),
        )


def longest_of(facts: Facts, limits: Longest, what: str, lasted_ns: Callable[[Rows], list[int]]) -> Iterator[Measure]:
    """Hold the longest of some durations against the limit; `lasted_ns` gives one for each row, 0 for those that do not count."""
    most_ns, worst = 0, Worst(facts.store)
    for rows in facts.rows():
        found_ns = lasted_ns(rows)
        most_ns = max(most_ns, *found_ns)
        worst.add(rows, [row for row, found in enumerate(found_ns) if found > limits.limit], found_ns)
    if facts.count:
        yield at_most(what, most_ns, limits.limit, Unit.NS, worst, step_ns=facts.capture.clock_step_ns)
