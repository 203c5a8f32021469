"""What each address did, as client and as server, and its TIME_WAIT ledger. It counts addresses: one may be many hosts."""

from tcptrace_py.model.results import Connection, Host, HostTimeWait, Scope

from .population import Population
from .summary import stay_end


class _Row:
    __slots__ = ("as_client", "as_server", "closed_first", "entered", "killed", "restarted", "reused", "stays")

    def __init__(self) -> None:
        self.as_client = self.as_server = self.closed_first = 0
        self.entered = [0, 0]  # as client, as server
        self.restarted = self.reused = self.killed = 0
        self.stays = Population()


class Hosts:
    """Counts by address and scope, taken in one connection at a time."""

    def __init__(self) -> None:
        self.rows: dict[tuple[str, Scope | None], _Row] = {}

    def add(self, connection: Connection) -> None:
        """Take in one connection."""
        scope = tunnel(connection.scope)
        rows = {"client": self._row(connection.client.address, scope), "server": self._row(connection.server.address, scope)}
        rows["client"].as_client += 1
        rows["server"].as_server += 1
        if connection.teardown.first_fin is not None:
            rows[connection.teardown.first_fin].closed_first += 1
        for stay in connection.time_wait:
            row = rows[stay.side]
            row.entered[stay.side == "server"] += 1
            row.restarted += stay.restarts > 0
            row.reused += stay.ended_by == "reused"
            row.killed += stay.ended_by == "killed"
            row.stays.add(stay.entered_ns, stay_end(stay))

    def _row(self, address: str, scope: Scope | None) -> _Row:
        row = self.rows.get((address, scope))
        if row is None:
            row = self.rows[address, scope] = _Row()
        return row

    def result(self, end_ns: int) -> list[Host]:
        """All hosts, those with the most TIME_WAIT first."""
        hosts = [_host(address, scope, row, end_ns) for (address, scope), row in self.rows.items()]
        return sorted(hosts, key=lambda h: (-h.time_wait.peak, -h.time_wait.entered, -h.connections_as_client - h.connections_as_server,
                                            h.address, str(h.scope)))


def tunnel(scope: Scope | None) -> Scope | None:
    """The part of a scope that makes an address another host: its network, not its VLAN tag or tunnel endpoint."""
    return None if scope is None or scope.vni is None else Scope(None, scope.vni, None)


def _host(address: str, scope: Scope | None, row: _Row, end_ns: int) -> Host:
    peak, peak_at = row.stays.peak()
    waits = HostTimeWait(sum(row.entered), row.entered[0], row.entered[1], peak, peak_at, row.stays.at(end_ns),
                         row.restarted, row.reused, row.killed)
    return Host(address, scope, row.as_client, row.as_server, row.closed_first, waits)
