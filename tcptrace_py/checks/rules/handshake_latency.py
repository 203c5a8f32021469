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

from collections import Counter
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from tcptrace_py.checks import params
from tcptrace_py.checks.measure import Worst, at_most
from tcptrace_py.model.errors import UsageError
from tcptrace_py.model.report import Measure, Unit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tcptrace_py.checks.facts import Facts
    from tcptrace_py.model.results import Connection

CODE, NAME = "TS101", "handshake-latency"
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
        given = [(name, value) for name in RANKS if (value := getattr(self, name)) is not None]
        if not given:
            raise UsageError(f"{NAME} needs a limit: {', '.join(RANKS)}")
        for (low, less), (high, more) in pairwise(given):
            if less > more:
                raise UsageError(f"{low} cannot be exceeded before {high} is: let {low} be the smaller limit")


def check(facts: Facts, limits: Limits) -> Iterator[Measure]:
    """A measure for each percentile that has a limit."""
    timed = [connection for connection in facts.connections if _counts(connection, limits.vantage)]
    if not timed:
        return
    times = sorted(_total_ns(connection) for connection in timed)
    for name, percent in RANKS.items():
        limit = getattr(limits, name)
        if limit is None:
            continue
        worst = Worst()
        for connection in timed:
            if _total_ns(connection) > limit:
                worst.add(connection, _total_ns(connection))
        value = times[max(-(-percent * len(times) // 100) - 1, 0)]
        yield at_most(
            f"{name} of completed handshakes",
            value,
            limit,
            Unit.NS,
            worst,
            note=f"{len(timed)} of them{_vantages(timed)}",
        )


def _counts(connection: Connection, vantage: str) -> bool:
    handshake = connection.handshake
    return (
        handshake.outcome == "completed" and handshake.total_ns is not None and vantage in ("any", connection.vantage)
    )


def _total_ns(connection: Connection) -> int:
    return connection.handshake.total_ns or 0


def _vantages(timed: list[Connection]) -> str:
    """Say where they were captured, if it is known of all of them."""
    where = Counter(connection.vantage for connection in timed)
    name = next(iter(where))
    if len(where) > 1 or name is None:
        return ""
    return {
        "client": ", captured at the client",
        "middle": ", captured between client and server",
        "server": ", captured at the server: the SYN's way there is not in it",
    }[name]
