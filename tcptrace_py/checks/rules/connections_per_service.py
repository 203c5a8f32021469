"""A pool is really used: one client makes few connections to one service.

Breaks: a pool of ten is configured, and a code path opens its own connection for every query.

Mend: find the caller that bypasses the pool: its connections are the short ones; or the pool's idle timeout is shorter
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
from tcptrace_py.checks.measure import Tallies, at_most, largest, service
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
    counted = Tallies()
    for connection in facts.connections:
        subject = f"{connection.client.address} to {service(connection.server.address, connection.server.port)}"
        counted.add(subject, connection, connection.start_ns, connection.end_ns)
    found = counted.finish()
    if limits.max is not None:
        yield from largest(
            at_most("connections", tally.count, limits.max, Unit.COUNT, tally.worst, subject=subject)
            for subject, tally in found.items()
        )
    if limits.max_at_once is not None:
        yield from largest(
            at_most("connections at once", tally.peak, limits.max_at_once, Unit.COUNT, tally.worst, subject=subject)
            for subject, tally in found.items()
        )
