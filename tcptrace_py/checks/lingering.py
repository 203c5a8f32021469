"""What the rules about states that must not last share: the longest stay, and who stayed too long."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tcptrace_py.model.report import Measure, Unit

from . import params
from .facts import durations_ns
from .measure import Worst, at_most

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
    most_ns, seen, worst = 0, False, Worst()
    for connection in facts.connections:
        seen = True
        own_ns = max(
            (stay_ns for _, side in facts.sides(connection) for stay_ns in durations_ns(side, state, facts.end_ns)),
            default=0,
        )
        most_ns = max(most_ns, own_ns)
        if own_ns > limits.limit:
            worst.add(connection, own_ns)
    if seen:
        yield at_most(f"longest stay in {state.name}", most_ns, limits.limit, Unit.NS, worst)
