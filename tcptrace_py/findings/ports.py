"""The port budget: local ports of one client address that are taken towards one service, against its ephemeral range.

A port is taken while the client's side is open or in TIME_WAIT; a server's TIME_WAIT takes none. The limit holds for each
(client address, server address, server port), not for the host (net/ipv4/inet_hashtables.c, __inet_hash_connect).
"""

from tcptrace_py.model.profiles import Profiles
from tcptrace_py.model.results import Connection, PortBudget, Scope
from tcptrace_py.model.state import State

from .hosts import tunnel
from .population import Population
from .summary import stay_end

NEVER_NS = (1 << 63) - 1


class _Row:
    __slots__ = ("connections", "first_ns", "held", "last_ns", "waits")

    def __init__(self) -> None:
        self.connections = 0
        self.first_ns = NEVER_NS
        self.last_ns = 0
        self.held = Population()
        self.waits = Population()


class Ports:
    """Budgets by client address, server address, server port and scope, taken in one connection at a time."""

    def __init__(self, profiles: Profiles) -> None:
        self.profiles = profiles
        self.rows: dict[tuple[str, str, int, Scope | None], _Row] = {}

    def add(self, connection: Connection) -> None:
        """Take in one connection."""
        key = (connection.client.address, connection.server.address, connection.server.port, tunnel(connection.scope))
        row = self.rows.get(key)
        if row is None:
            row = self.rows[key] = _Row()
        row.connections += 1
        row.first_ns = min(row.first_ns, connection.start_ns)
        row.last_ns = max(row.last_ns, connection.start_ns)
        row.held.add(connection.start_ns, _released(connection))
        for stay in connection.time_wait:
            if stay.side == "client":
                row.waits.add(stay.entered_ns, stay_end(stay))

    def result(self, end_ns: int) -> list[PortBudget]:
        """All budgets, the most used first."""
        budgets = [self._budget(key, row, end_ns) for key, row in self.rows.items()]
        return sorted(budgets, key=lambda b: (-b.used_ratio, -b.connections, b.client, b.server, b.server_port, str(b.scope)))

    def _budget(self, key: tuple[str, str, int, Scope | None], row: _Row, end_ns: int) -> PortBudget:
        client, server, port, scope = key
        profile = self.profiles.of(client)
        peak, peak_at = row.held.peak()
        waiting = row.waits.peak()[0]
        span_s = (row.last_ns - row.first_ns) / 1e9
        rate = (row.connections - 1) / span_s if row.connections > 1 and span_s > 0 else None
        ceiling = profile.port_count / profile.time_wait_s if profile.time_wait_s else None
        exhausted = None
        if rate is not None and ceiling is not None and waiting and rate * len(row.waits.begins) / row.connections > ceiling:
            exhausted = max(profile.port_count - row.held.at(end_ns), 0) / rate
        return PortBudget(client, server, port, scope, row.connections, peak, waiting, peak_at, profile.ephemeral_ports,
                          peak / profile.port_count, rate, ceiling, exhausted)


def _released(connection: Connection) -> int:
    """When the client's port was free again (ns); never, as far as the capture tells, if its side was still open."""
    for stay in connection.time_wait:
        if stay.side == "client":
            return stay_end(stay)
    side = connection.client_side
    last = side.states[-1]
    if side.final_state == State.CLOSED and last.at_ns is not None:
        return max(last.at_ns, connection.start_ns)
    return NEVER_NS
