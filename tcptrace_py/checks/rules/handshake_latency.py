"""Handshakes complete within a limit.

From the first SYN to the ACK that completes the handshake, so that a SYN that had to be sent again shows up as the
second that the user waited. Percentiles are nearest ranks over completed handshakes. Captured at the server, the time
that the SYN needs to get there is not in them: compare like with like, and see `vantage`.

Breaks: a listener whose accept queue overflows drops SYNs, and a few in a hundred clients wait one second and more.

Mend: look at the slowest first: a multiple of a second is a SYN or SYN/ACK sent again (accept queue, firewall, loss);
a time near the others' doubled or tripled is distance or load. Raise the listener's backlog, or accept faster.

TOML:

    [rules.handshake-latency]
    ports = 443
    p50 = "20ms"
    p99 = "50ms"
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from tcptrace_py.checks import params
from tcptrace_py.checks.measure import Worst, at_most
from tcptrace_py.checks.rows import both, picked
from tcptrace_py.facts.block import HANDSHAKE, OUTCOME, VANTAGE
from tcptrace_py.facts.table import MISSING
from tcptrace_py.model.errors import UsageError
from tcptrace_py.model.report import Measure, Unit
from tcptrace_py.model.vocabulary import Outcome, Vantage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tcptrace_py.checks.facts import Facts
    from tcptrace_py.checks.rows import Mask, Rows

CODE, NAME = "TS101", "handshake-latency"
NEEDS = ("handshake-latency",)
CAPTURED = {
    Vantage.CLIENT: ", captured at the client",
    Vantage.MIDDLE: ", captured between client and server",
    Vantage.SERVER: ", captured at the server: the SYN's way there is not in it",
}
RANKS = {"p50": 50, "p90": 90, "p99": 99, "max": 100}


@dataclass(frozen=True)
class Limits:
    """At least one of them."""

    p50: int | None = params.duration("half of the handshakes complete within this time")
    p90: int | None = params.duration("nine in ten of them do")
    p99: int | None = params.duration("99 in a hundred do")
    max: int | None = params.duration("all of them do")
    vantage: str = params.word(
        "count only handshakes captured there", ("client", "server", "middle", "any"), default="any"
    )

    def __post_init__(self) -> None:
        require_in_order(self, NAME)


def check(facts: Facts, limits: Limits) -> Iterator[Measure]:
    """A measure for each percentile that has a limit."""
    asked = {name: limit for name in RANKS if (limit := getattr(limits, name)) is not None}
    worst = {name: Worst(facts.store) for name in asked}
    times, vantages = array("q"), set[int]()
    for rows in facts.rows():
        total_ns, timed = rows.wide(HANDSHAKE), picked(both(rows.chosen, _counts(rows, limits.vantage)))
        times.extend([total_ns[row] for row in timed])
        vantages.update(map(rows.small(VANTAGE).__getitem__, timed))
        for name, limit in asked.items():
            worst[name].add(rows, [row for row in timed if total_ns[row] > limit], total_ns)
    in_order = sorted(times)
    for name, limit in asked.items() if in_order else ():
        note = f"{len(in_order)} of them{_words(vantages)}"
        yield at_most(f"{name} of completed handshakes", percentile(in_order, name), limit, Unit.NS, worst[name], note=note)


def require_in_order(limits: object, name: str) -> None:
    """Raise UsageError unless there is a limit for one of RANKS, and higher ranks have no lower ones."""
    given = [(rank, value) for rank in RANKS if (value := getattr(limits, rank)) is not None]
    if not given:
        raise UsageError(f"{name} needs a limit: {', '.join(RANKS)}")
    for (low, less), (high, more) in pairwise(given):
        if less > more:
            raise UsageError(f"{low} cannot be exceeded before {high} is: let {low} be the smaller limit")


def percentile(in_order: list[int], name: str) -> int:
    """Nearest rank, by its name in RANKS, of sorted values."""
    return in_order[max(-(-RANKS[name] * len(in_order) // 100) - 1, 0)]


def _counts(rows: Rows, vantage: str) -> Mask:
    """Completed handshakes that have a time and were captured there."""
    counts = both(rows.are(OUTCOME, Outcome.COMPLETED), bytes([total_ns != MISSING for total_ns in rows.wide(HANDSHAKE)]))
    return counts if vantage == "any" else both(counts, rows.are(VANTAGE, Vantage(vantage)))


def _words(vantages: set[int]) -> str:
    """Say where they were captured, if it is known of all of them."""
    (vantage, *others) = vantages
    return "" if others or vantage < 0 else CAPTURED[tuple(Vantage)[vantage]]
