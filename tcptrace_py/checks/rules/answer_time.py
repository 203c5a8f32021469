"""Requests are answered within a limit.

Of each connection the longest time from the last new data of a request to the first data of its answer, as it was
captured: a request that had to be sent again counts from its first sending. Percentiles are nearest ranks over the
connections in which the server answered at all.

Breaks: a server whose thread pool is full lets one request in a hundred wait for five seconds; handshakes stay quick.

Fix: look at the slowest: if data was sent again meanwhile (`data-retransmissions`, `stalls`), it is the path; if not,
the server took so long. A long poll or a push stream waits by design: give its port a limit of its own.

TOML:

    [rules.answer-time]
    ports = 443
    p99 = "500ms"
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tcptrace_py.checks import params
from tcptrace_py.checks.rows import picked
from tcptrace_py.checks.timing import percentiles, require_in_order
from tcptrace_py.facts.block import ANSWER
from tcptrace_py.facts.table import MISSING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tcptrace_py.checks.facts import Facts
    from tcptrace_py.checks.rows import Rows
    from tcptrace_py.model.report import Measure

CODE, NAME = "TS205", "answer-time"
NEEDS = ("times",)


@dataclass(frozen=True)
class Limits:
    """At least one of them."""

    p50: int | None = params.duration("half of the connections are answered within this time")
    p90: int | None = params.duration("nine in ten of them are")
    p99: int | None = params.duration("99 in a hundred are")
    max: int | None = params.duration("all of them are")

    def __post_init__(self) -> None:
        require_in_order(self, NAME)


def check(facts: Facts, limits: Limits) -> Iterator[Measure]:
    """A measure for each percentile that has a limit."""

    def timed(rows: Rows) -> tuple[Sequence[int], list[int]]:
        answers_ns = rows.wide(ANSWER)
        return answers_ns, [row for row in picked(rows.chosen) if answers_ns[row] != MISSING]

    return percentiles(facts, limits, "longest answers", timed)
