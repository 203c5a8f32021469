"""What the rules about states that must not last share: the longest stay, and who stayed too long."""

from __future__ import annotations

from dataclasses import dataclass
from operator import mul
from typing import TYPE_CHECKING

from tcptrace_py.model.report import Measure, Unit

from . import params
from .measure import Worst, at_most
from .rows import ROLES, both

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tcptrace_py.model.state import State

    from .facts import Facts


@dataclass(frozen=True)
class Longest:
    """How long a side may stay in the state."""

    limit: int = params.duration("longest stay that is borne", required=True)


def longest(facts: Facts, limits: Longest, state: State) -> Iterator[Measure]:
    """Hold the longest stay of any side in scope against the limit; a stay that outlives the capture counts so far."""
    most_ns, worst = 0, Worst(facts.store)
    for rows in facts.rows():
        lasted_ns = [0] * rows.count
        for role in ROLES:
            looked_at = both(rows.chosen, rows.looked_at(role))
            lasted_ns = list(map(max, lasted_ns, map(mul, rows.longest_ns(role, state, facts.end_ns), looked_at)))
        most_ns = max(most_ns, *lasted_ns)
        worst.add(rows, [row for row, stay_ns in enumerate(lasted_ns) if stay_ns > limits.limit], lasted_ns)
    if facts.count:
        yield at_most(f"longest stay in {state.name}", most_ns, limits.limit, Unit.NS, worst)
