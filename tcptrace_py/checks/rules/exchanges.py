"""Connections are used again: few carry less than a number of exchanges.

An exchange is data of the server right behind data of the client. Connections without any are not judged.

Breaks: a library was upgraded and no longer reuses connections; each request costs a handshake and leaves a TIME_WAIT.

Fix: see whether keep-alive is on at both sides (`closes-first` tells who ends it), and whether the client's pool keeps
as many idle connections as it uses at once.

TOML:

    [rules.exchanges]
    ports = 8080
    least = 2
    max_share = "20%"
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tcptrace_py.checks import params
from tcptrace_py.checks.measure import Allowance, counted
from tcptrace_py.facts.block import EXCHANGES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tcptrace_py.checks.facts import Facts
    from tcptrace_py.model.report import Measure

CODE, NAME = "TS106", "exchanges"
NEEDS = ("times",)  # withheld where data was not captured
IN_SPITE_OF = ("coarse-clock",)  # it counts, and measures no time


@dataclass(frozen=True)
class Limits(Allowance):
    """How many connections may carry fewer."""

    least: int = params.count("so many exchanges at least", default=2)


def check(facts: Facts, limits: Limits) -> Iterator[Measure]:
    """Count the connections that carry fewer exchanges, of those that carry any."""
    return counted(
        facts,
        limits,
        f"connections with fewer than {limits.least} exchanges",
        bad=lambda rows: bytes([number < limits.least for number in rows.narrow(EXCHANGES)]),
        judged=lambda rows: rows.some(EXCHANGES, EXCHANGES),
    )
