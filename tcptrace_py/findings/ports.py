"""The port budget: local ports of one client address that are taken towards one service, against its ephemeral range.

A port is taken while the client's side is open or in TIME_WAIT; a server's TIME_WAIT takes none. The limit holds for each
(client address, server address, server port), not for the host (net/ipv4/inet_hashtables.c, __inet_hash_connect).
"""

from tcptrace_py.model.addresses import scope_of, text
from tcptrace_py.model.profiles import Profiles
from tcptrace_py.model.results import PortBudget

from .facts import NEVER_NS, Facts
from .population import Population


class Row:
    """Counts of one budget."""

    __slots__ = ("connections", "first_ns", "held", "last_ns", "waits")

    def __init__(self) -> None:
        self.connections = 0
        self.first_ns = NEVER_NS
        self.last_ns = 0
        self.held = Population()
        self.waits = Population()


Key = tuple[bytes, bytes, int, bytes]


class Ports:
    """Budgets by client address, server address, server port and scope, taken in one connection at a time."""

    def __init__(self, profiles: Profiles) -> None:
        self.profiles = profiles
        self.rows: dict[Key, Row] = {}

    def add(self, facts: Facts) -> None:
        """Take in one connection."""
        key = (facts.client, facts.server, facts.server_port, facts.scope)
        row = self.rows.get(key)
        if row is None:
            row = self.rows[key] = Row()
        row.connections += 1
        row.first_ns = min(row.first_ns, facts.start_ns)
        row.last_ns = max(row.last_ns, facts.start_ns)
        row.held.add(facts.start_ns, facts.released_ns)
        for stay in facts.stays:
            if not stay.by_server:
                row.waits.add(stay.entered_ns, stay.end_ns)

    def fold(self, until_ns: int) -> None:
        """Settle what lies before a moment."""
        for row in self.rows.values():
            row.held.fold(until_ns)
            row.waits.fold(until_ns)

    def result(self, end_ns: int) -> list[PortBudget]:
        """All budgets, the most used first."""
        budgets = [self._budget(key, row, end_ns) for key, row in self.rows.items()]
        return sorted(budgets, key=lambda b: (-b.used_ratio, -b.connections, b.client, b.server, b.server_port, str(b.scope)))

    def _budget(self, key: Key, row: Row, end_ns: int) -> PortBudget:
        client, server = text(key[0]), text(key[1])
        profile = self.profiles.of(client)
        peak, peak_at = row.held.peak()
        waiting = row.waits.peak()[0]
        span_s = (row.last_ns - row.first_ns) / 1e9
        rate = (row.connections - 1) / span_s if row.connections > 1 and span_s > 0 else None
        ceiling = profile.port_count / profile.time_wait_s if profile.time_wait_s else None
        exhausted = None
        if rate is not None and ceiling is not None and waiting and rate * row.waits.count / row.connections > ceiling:
            exhausted = max(profile.port_count - row.held.at(end_ns), 0) / rate
        return PortBudget(client, server, key[2], scope_of(key[3]), row.connections, peak, waiting, peak_at, profile.ephemeral_ports,
                          peak / profile.port_count, rate, ceiling, exhausted)
