"""Enough local ports are left towards each service.

A client address has its ephemeral range (28,232 ports on Linux) for each service address and port, not for each
connection: a port is taken while the client's side is open or in TIME_WAIT. The range is the one that was given
(`--port-range`), or that the capture shows, or else the profile's (`--os`).

Breaks: short connections at more than 470 a second from one address to one service, if the client closes first.

Fix: reuse connections; else spread over more destination or source addresses, then widen the range.

TOML:

    [rules.port-budget]
    max_used = "50%"
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tcptrace_py.checks import params
from tcptrace_py.checks.measure import Found, Tallies, Tally, largest, service
from tcptrace_py.checks.rows import picked
from tcptrace_py.facts.block import CLIENT, SCOPE
from tcptrace_py.model.report import Measure, Unit
from tcptrace_py.model.results import Scope

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tcptrace_py.checks.facts import Facts
    from tcptrace_py.model.results import PortBudget

CODE, NAME = "TS403", "port-budget"
NEEDS = ("port-budget",)
IN_SPITE_OF = ("short-capture",)  # the limit is for what was captured, not for what is to come
RANGE_FROM = {"option": "given", "traffic": "as the capture shows", "profile": "the default", "unknown": "all that there are"}


@dataclass(frozen=True)
class Limits:
    """How much of the range may be taken."""

    max_used: float = params.ratio("so large a share of the range may be taken at once", required=True)


def check(facts: Facts, limits: Limits) -> Iterator[Measure]:
    """The share of the range that is taken at the peak, for each client address and service."""
    counted = Tallies[tuple[str, str, int, Scope | None]](facts)
    for rows in facts.rows():
        address, networks = rows.block.address, rows.networks
        clients, scopes, chosen = rows.narrow(CLIENT), rows.narrow(SCOPE), picked(rows.chosen)
        counted.add(
            rows,
            (
                ((address(clients[row]), *ends, networks[scopes[row]]), row, 0, 0)
                for row, ends in zip(chosen, rows.ends(chosen), strict=True)
            ),
        )
    behind = dict(counted.finish())
    found = (_found(budget, behind[budget.client, budget.server, budget.server_port, budget.scope]) for budget in facts.ports)
    return largest("share of local ports taken at once", limits.max_used, Unit.RATIO, found)


def _found(budget: PortBudget, behind: Tally) -> Found:
    low, high = budget.port_range
    return Found(
        f"{budget.client} to {service(budget.server, budget.server_port)}",
        budget.used_ratio,
        behind.worst,
        f"{budget.peak_held} of {budget.port_count} ports ({low}-{high}, {RANGE_FROM[budget.range_from]})",
    )
