"""A pool is really used: one client makes few connections to one service.

Breaks: a pool of ten is configured, and a code path opens its own connection for every query.

Fix: find the caller that bypasses the pool: its connections are the short ones; or the pool's idle timeout is shorter
than the pause between two requests.

TOML:

    [rules.connections-per-service]
    ports = 5432
    max = 10
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tcptrace_py.checks import params
from tcptrace_py.checks.measure import Found, Tallies, largest, service
from tcptrace_py.checks.rows import picked
from tcptrace_py.facts.block import CLIENT, END, START
from tcptrace_py.model.errors import UsageError
from tcptrace_py.model.report import Measure, Unit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tcptrace_py.checks.facts import Facts

CODE, NAME = "TS404", "connections-per-service"


@dataclass(frozen=True)
class Limits:
    """At least one of them."""

    max: int | None = params.count("so many connections at most, from one client address to one service")
    max_at_once: int | None = params.count("so many at most that are open at the same time")

    def __post_init__(self) -> None:
        if self.max is None and self.max_at_once is None:
            raise UsageError(f"{NAME} needs a limit: max or max_at_once")
        if self.max is not None and self.max_at_once is not None and self.max_at_once > self.max:
            raise UsageError("max_at_once cannot be exceeded before max is: let it be the smaller limit")


def check(facts: Facts, limits: Limits) -> Iterator[Measure]:
    """Connections from each client address to each service: in all, and at once."""
    counted = Tallies[tuple[str, str, int]](facts)
    for rows in facts.rows():
        address, starts_ns, ends_ns = rows.block.address, rows.wide(START), rows.wide(END)
        clients, chosen = rows.narrow(CLIENT), picked(rows.chosen)
        counted.add(
            rows,
            (
                ((address(clients[row]), *ends), row, starts_ns[row], ends_ns[row])
                for row, ends in zip(chosen, rows.ends(chosen), strict=True)
            ),
        )
    found = [(f"{client} to {service(server, port)}", tally) for (client, server, port), tally in counted.finish()]
    if limits.max is not None:
        every = (Found(subject, tally.number, tally.worst) for subject, tally in found)
        yield from largest("connections", limits.max, Unit.COUNT, every)
    if limits.max_at_once is not None:
        at_once = (Found(subject, tally.peak, tally.worst) for subject, tally in found)
        yield from largest("connections at once", limits.max_at_once, Unit.COUNT, at_once)
