"""What each address did, as client and as server, and its TIME_WAIT ledger. It counts addresses: one may be many hosts."""

from array import array
from heapq import nsmallest

from tcptrace_py.model.addresses import scope_of
from tcptrace_py.model.results import Host, Hosts, HostTimeWait

from .accounts import Accounts, HostRow

# Sums over a host's accounts, as client (those with _C) and as server.
OPENED, SERVED, CLOSED_FIRST, ENTERED_C, ENTERED_S, RESTARTED, REUSED, KILLED = range(8)
WORDS = 8


class CountedHosts(Hosts):
    """The hosts of accounts that are closed: each is made when it is asked for."""

    def __init__(self, accounts: Accounts) -> None:
        super().__init__()
        self.made = None
        self.rows: list[HostRow] = list(accounts.hosts.values())
        self.occupancy = accounts.occupancy
        self.sums = sums(accounts)

    def __len__(self) -> int:
        return len(self.rows)

    def every(self) -> list[Host]:
        """All of them."""
        if self.made is None:
            self.made = sorted(map(self._host, self.rows), key=_most_at_once)
        return self.made

    def busiest(self, most: int | None) -> list[Host]:
        """At most so many (None: all), those that entered TIME_WAIT most often first."""
        if most is None or most >= len(self.rows):
            return super().busiest(most)
        return [self._host(host) for host in nsmallest(most, self.rows, key=self._busiest)]

    def _busiest(self, host: HostRow) -> tuple[int, int, int, str]:
        at, of = host.number * WORDS, self.sums
        return -of[at + ENTERED_C] - of[at + ENTERED_S], -of[at + CLOSED_FIRST], -of[at + OPENED] - of[at + SERVED], host.name

    def _host(self, host: HostRow) -> Host:
        own = self.sums[host.number * WORDS:(host.number + 1) * WORDS].tolist()
        opened, served, first, as_client, as_server, restarted, reused, killed = own
        peak, peak_at = self.occupancy.peak_of(host.row)
        waits = HostTimeWait(as_client + as_server, as_client, as_server, peak, peak_at, self.occupancy.level_of(host.row), restarted,
                             reused, killed)
        return Host(host.name, scope_of(host.scope), opened, served, first, waits)


def hosts(accounts: Accounts) -> Hosts:
    """All hosts. The accounts are closed."""
    return CountedHosts(accounts)


def sums(accounts: Accounts) -> "array[int]":
    """WORDS sums for each host, by its number."""
    made = array("q", bytes(8 * WORDS * len(accounts.hosts)))
    found = made  # compiled, a view of it
    for account in accounts.rows.values():
        at = account.client.number * WORDS
        found[at + OPENED] += account.connections
        found[at + CLOSED_FIRST] += account.client_first
        found[at + ENTERED_C] += account.stays_client
        found[at + RESTARTED] += account.restarted_client
        found[at + REUSED] += account.reused_client
        found[at + KILLED] += account.killed_client
        at = account.server.number * WORDS
        found[at + SERVED] += account.connections
        found[at + CLOSED_FIRST] += account.server_first
        found[at + ENTERED_S] += account.stays_server
        found[at + RESTARTED] += account.restarted_server
        found[at + REUSED] += account.reused_server
        found[at + KILLED] += account.killed_server
    return made


def _most_at_once(host: Host) -> tuple[int, int, int, str, str]:
    waits = host.time_wait
    return -waits.peak, -waits.entered, -host.connections_as_client - host.connections_as_server, host.address, str(host.scope)
