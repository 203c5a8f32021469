"""What each address did, as client and as server, and its TIME_WAIT ledger. It counts addresses: one may be many hosts."""

from collections.abc import Iterable

from tcptrace_py.model.addresses import scope_of
from tcptrace_py.model.results import Host, HostTimeWait

from .accounts import Account, Accounts, HostRow
from .occupancy import Occupancy


def hosts(accounts: Accounts) -> list[Host]:
    """All hosts, those with the most TIME_WAIT first. The accounts are closed."""
    as_client: dict[int, list[Account]] = {}
    as_server: dict[int, list[Account]] = {}
    for account in accounts.rows.values():
        as_client.setdefault(account.client.number, []).append(account)
        as_server.setdefault(account.server.number, []).append(account)
    found = [_host(host, as_client.get(host.number, ()), as_server.get(host.number, ()), accounts.occupancy)
             for host in accounts.hosts.values()]
    return sorted(found, key=lambda h: (-h.time_wait.peak, -h.time_wait.entered, -h.connections_as_client - h.connections_as_server,
                                        h.address, str(h.scope)))


def _host(host: HostRow, as_client: Iterable[Account], as_server: Iterable[Account], occupancy: Occupancy) -> Host:
    entered_as_client = sum(account.stays_client for account in as_client)
    entered_as_server = sum(account.stays_server for account in as_server)
    restarted = sum([account.restarted_client for account in as_client]) + sum([account.restarted_server for account in as_server])
    reused = sum([account.reused_client for account in as_client]) + sum([account.reused_server for account in as_server])
    killed = sum([account.killed_client for account in as_client]) + sum([account.killed_server for account in as_server])
    peak, peak_at = occupancy.peak_of(host.row)
    waits = HostTimeWait(entered_as_client + entered_as_server, entered_as_client, entered_as_server, peak, peak_at,
                         occupancy.level_of(host.row), restarted, reused, killed)
    return Host(host.name, scope_of(host.scope), sum(account.connections for account in as_client),
                sum(account.connections for account in as_server),
                sum(account.client_first for account in as_client) + sum(account.server_first for account in as_server), waits)
