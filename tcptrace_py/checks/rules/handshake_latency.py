"""Handshakes complete within a limit.

From the first SYN to the ACK that completes the handshake, so that a SYN that had to be sent again shows up as the
second that the user waited. Percentiles are nearest ranks over completed handshakes. Captured at the server, the time
that the SYN needs to get there is not in them: compare like with like, and see `vantage`.

Breaks: a listener whose accept queue overflows drops SYNs, and a few in a hundred clients wait one second and more.

Fix: look at the slowest first: a multiple of a second is a SYN or SYN/ACK sent again (accept queue, firewall, loss);
a time near the others' doubled or tripled is distance or load. Raise the listener's backlog, or accept faster.

TOML:

    [rules.handshake-latency]
    ports = 443
    p50 = "20ms"
    p99 = "50ms"
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tcptrace_py.checks import params
from tcptrace_py.checks.rows import both, picked
from tcptrace_py.checks.timing import percentiles, require_in_order
from tcptrace_py.facts.block import HANDSHAKE, OUTCOME, VANTAGE
from tcptrace_py.facts.table import MISSING
from tcptrace_py.model.vocabulary import Outcome, Vantage

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tcptrace_py.checks.facts import Facts
    from tcptrace_py.checks.rows import Mask, Rows
    from tcptrace_py.model.report import Measure

CODE, NAME = "TS101", "handshake-latency"
NEEDS = ("handshake-latency",)
CAPTURED = {
    Vantage.CLIENT: ", captured at the client",
    Vantage.MIDDLE: ", captured between client and server",
    Vantage.SERVER: ", captured at the server: the SYN's way there is not in it",
}


@dataclass(frozen=True)
class Limits:
    """At least one of them."""

    p50: int | None = params.duration("half of the handshakes complete within this time")
    p90: int | None = params.duration("nine in ten of them do")
    p99: int | None = params.duration("99 in a hundred do")
    max: int | None = params.duration("all of them do")
    vantage: str = params.word("count only handshakes captured there", ("client", "server", "middle", "any"), default="any")

    def __post_init__(self) -> None:
        require_in_order(self, NAME)


def check(facts: Facts, limits: Limits) -> Iterator[Measure]:
    """A measure for each percentile that has a limit."""
    vantages = set[int]()

    def timed(rows: Rows) -> tuple[Sequence[int], list[int]]:
        completed = picked(both(rows.chosen, _counts(rows, limits.vantage)))
        vantages.update(map(rows.small(VANTAGE).__getitem__, completed))
        return rows.wide(HANDSHAKE), completed

    return percentiles(facts, limits, "completed handshakes", timed, lambda: _words(vantages))


def _counts(rows: Rows, vantage: str) -> Mask:
    """Completed handshakes that have a time and were captured there."""
    counts = both(rows.are(OUTCOME, Outcome.COMPLETED), bytes([total_ns != MISSING for total_ns in rows.wide(HANDSHAKE)]))
    return counts if vantage == "any" else both(counts, rows.are(VANTAGE, Vantage(vantage)))


def _words(vantages: set[int]) -> str:
    """Say where they were captured, if it is known of all of them."""
    (vantage, *others) = vantages
    return "" if others or vantage < 0 else CAPTURED[tuple(Vantage)[vantage]]
