"""What each address did, as client and as server, and its TIME_WAIT ledger. It counts addresses: one may be many hosts."""

from tcptrace_py.model.addresses import scope_of, text
from tcptrace_py.model.results import Host, HostTimeWait

from .facts import KILLED, REUSED, Facts
from .population import Population


class Row:
    """Counts of one address."""

    __slots__ = ("as_client", "as_server", "closed_first", "entered_as_client", "entered_as_server", "killed", "restarted", "reused",
                 "stays")

    def __init__(self) -> None:
        self.as_client = self.as_server = self.closed_first = 0
        self.entered_as_client = self.entered_as_server = 0
        self.restarted = self.reused = self.killed = 0
        self.stays = Population()


class Hosts:
    """Counts by address and scope (both packed), taken in one connection at a time."""

    def __init__(self) -> None:
        self.rows: dict[tuple[bytes, bytes], Row] = {}

    def add(self, facts: Facts) -> None:
        """Take in one connection."""
        client, server = self._row(facts.client, facts.scope), self._row(facts.server, facts.scope)
        client.as_client += 1
        server.as_server += 1
        if facts.first_fin == 0:
            client.closed_first += 1
        elif facts.first_fin > 0:
            server.closed_first += 1
        for stay in facts.stays:
            if stay.by_server:
                row = server
                row.entered_as_server += 1
            else:
                row = client
                row.entered_as_client += 1
            row.restarted += stay.restarted
            row.reused += stay.how == REUSED
            row.killed += stay.how == KILLED
            row.stays.add(stay.entered_ns, stay.end_ns)

    def fold(self, until_ns: int) -> None:
        """Settle what lies before a moment."""
        for row in self.rows.values():
            row.stays.fold(until_ns)

    def _row(self, address: bytes, scope: bytes) -> Row:
        row = self.rows.get((address, scope))
        if row is None:
            row = self.rows[address, scope] = Row()
        return row

    def result(self, end_ns: int) -> list[Host]:
        """All hosts, those with the most TIME_WAIT first."""
        hosts = [_host(address, scope, row, end_ns) for (address, scope), row in self.rows.items()]
        return sorted(hosts, key=lambda h: (-h.time_wait.peak, -h.time_wait.entered, -h.connections_as_client - h.connections_as_server,
                                            h.address, str(h.scope)))


def _host(address: bytes, scope: bytes, row: Row, end_ns: int) -> Host:
    peak, peak_at = row.stays.peak()
    waits = HostTimeWait(row.stays.count, row.entered_as_client, row.entered_as_server, peak, peak_at, row.stays.at(end_ns),
                         row.restarted, row.reused, row.killed)
    return Host(text(address), scope_of(scope), row.as_client, row.as_server, row.closed_first, waits)
