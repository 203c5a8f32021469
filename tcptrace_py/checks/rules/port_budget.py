"""Enough local ports are left towards each service.

A client address has its ephemeral range (28,232 ports on Linux) for each service address and port, not for each
connection: a port is taken while the client's side is open or in TIME_WAIT. The range is the profile's (`--os`,
`--port-range`).

Breaks: short connections at more than 470 a second from one address to one service, if the client closes first.

Mend: reuse connections; else spread over more destination or source addresses, then widen the range.

TOML:

    [rules.port-budget]
    max_used = "50%"
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tcptrace_py.checks import params
from tcptrace_py.checks.facts import left_ns
from tcptrace_py.checks.measure import Tally, at_most, largest, service
from tcptrace_py.model.report import Measure, Unit
from tcptrace_py.model.state import State

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tcptrace_py.checks.facts import Facts
    from tcptrace_py.model.results import Connection, Scope

CODE, NAME = "TS403", "port-budget"
NEVER_NS = (1 << 63) - 1


@dataclass(frozen=True)
class Limits:
    """How much of the range may be taken."""

    max_used: float = params.ratio("so large a share of the range may be taken at once", required=True)


def check(facts: Facts, limits: Limits) -> Iterator[Measure]:
    """The share of the range that is taken at the peak, for each client address and service."""
    found: dict[tuple[str, str, int, Scope | None], Tally] = {}
    for connection in facts.connections:
        server = connection.server
        key = (connection.client.address, server.address, server.port, connection.scope)
        found.setdefault(key, Tally()).add(connection, connection.start_ns, _released_ns(connection))
    return largest(_measure(facts, limits, key[0], service(key[1], key[2]), tally) for key, tally in found.items())


def _measure(facts: Facts, limits: Limits, client: str, towards: str, tally: Tally) -> Measure:
    low, high = facts.profile(client).ephemeral_ports
    peak, ports = tally.peak(), high - low + 1
    return at_most(
        "share of local ports taken at once",
        peak / ports,
        limits.max_used,
        Unit.RATIO,
        tally.worst,
        subject=f"{client} to {towards}",
        note=f"{peak} of {ports} ports",
    )


def _released_ns(connection: Connection) -> int:
    """When the client's port was free again; never, as far as the capture tells, if its side was still open."""
    for stay in connection.time_wait:
        if stay.side == "client":
            return left_ns(stay)
    last = connection.client_side.states[-1]
    return last.at_ns if last.state == State.CLOSED and last.at_ns is not None else NEVER_NS
