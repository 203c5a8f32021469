"""The right side closes first: it is the one that keeps TIME_WAIT.

Judged are connections with a FIN, simultaneous closes apart.

Breaks: a server that ends each connection after one answer holds a TIME_WAIT for each of its clients' connections; a
proxy that closes first towards its database uses up its own ports.

Fix: turn keep-alive on at the side that closes, or let the other side's idle timeout be the shorter one.

TOML:

    [rules.closes-first]
    side = "client"
    ports = 80
    max_share = "1%"
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tcptrace_py.checks import params
from tcptrace_py.checks.measure import Allowance, counted
from tcptrace_py.checks.rows import both, neither
from tcptrace_py.facts.block import FIRST_FIN, PATTERN
from tcptrace_py.model.vocabulary import Pattern, Role

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tcptrace_py.checks.facts import Facts
    from tcptrace_py.model.report import Measure

CODE, NAME = "TS303", "closes-first"
NEEDS = ("time-wait",)  # withheld where FINs are missing
IN_SPITE_OF = ("short-capture",)  # it asks who closed, and not what is to come
OTHER = {"client": "server", "server": "client"}
SIDES = (Role.CLIENT, Role.SERVER)


@dataclass(frozen=True)
class Limits(Allowance):
    """Who, and how many exceptions there may be."""

    side: str = params.word("side that must close first", ("client", "server"))


def check(facts: Facts, limits: Limits) -> Iterator[Measure]:
    """Count connections that the other side closed first."""
    other = OTHER[limits.side]
    return counted(
        facts,
        limits,
        f"connections that the {other} closed first",
        judged=lambda rows: both(rows.are(FIRST_FIN, *SIDES), neither(rows.are(PATTERN, Pattern.SIMULTANEOUS))),
        bad=lambda rows: rows.are(FIRST_FIN, Role(other)),
    )
