# cython: auto_pickle=True
"""The whole capture in numbers: everything is counted in integers, so that the order of adding up cannot show."""

from tcptrace_py.model.addresses import text
from tcptrace_py.model.results import Service, Summary, TimeWaitTotals
from tcptrace_py.model.vocabulary import Cause, Outcome, Pattern, Vantage

from .accounts import Account, Accounts
from .percentiles import Values

OUTCOMES, PATTERNS, CAUSES = tuple(map(str, Outcome)), tuple(map(str, Pattern)), tuple(map(str, Cause))
VANTAGES = (*map(str, Vantage), "unknown")
COMPLETED, UNKNOWN = OUTCOMES.index("completed"), VANTAGES.index("unknown")


class Totals:
    """Counts over connections, by the numbers of their words."""

    def __init__(self) -> None:
        self.connections = self.censored = 0
        self.outcomes, self.patterns, self.causes = [0] * len(OUTCOMES), [0] * len(PATTERNS), [0] * len(CAUSES)
        self.latencies = [Values() for _ in VANTAGES]

    def add(self, outcome: int, pattern: int, cause: int, censored: bool, count: int) -> None:
        """Count connections that went the same way; `cause`: of the reset that ended them, -1: none."""
        if censored:
            self.censored += count
        self.connections += count
        self.outcomes[outcome] += count
        self.patterns[pattern] += count
        if cause >= 0:
            self.causes[cause] += count

    def latencies_of(self, outcome: int, vantage: int) -> Values | None:
        """Where the handshake times are added up of connections that were captured there; None where they do not count."""
        return self.latencies[vantage if vantage >= 0 else UNKNOWN] if outcome == COMPLETED else None

    def merge(self, other: "Totals") -> None:
        """Take in another part of the capture."""
        self.connections += other.connections
        self.censored += other.censored
        for mine, others in ((self.outcomes, other.outcomes), (self.patterns, other.patterns), (self.causes, other.causes)):
            for number, count in enumerate(others):
                mine[number] += count
        for values, more in zip(self.latencies, other.latencies, strict=True):
            values.merge(more)

    def result(self, accounts: Accounts, services: tuple[Service, ...]) -> Summary:
        """The summary, with the services that it lists, and their handshakes. The accounts are closed."""
        times = {(text(address), port): values for (address, port), values in accounts.handshakes.items()}
        for service in services:
            if (service.address, service.port) in times:
                service.handshake = times[service.address, service.port].latency()
        occupancy = accounts.occupancy
        peak, peak_at = occupancy.peak_of(accounts.stays_row)
        entered = sum(account.stays_client + account.stays_server for account in accounts.rows.values())
        waits = TimeWaitTotals(entered, peak, peak_at, occupancy.level[accounts.stays_row])
        by_vantage = {name: values.latency() for name, values in zip(VANTAGES, self.latencies, strict=True) if values.count}
        every = Values.joined(self.latencies).latency()
        outcomes, patterns, causes = (
            dict(zip(names, counts, strict=True))
            for names, counts in ((OUTCOMES, self.outcomes), (PATTERNS, self.patterns), (CAUSES, self.causes))
        )
        of_handshakes = sum(account.syn_repeats + account.synack_repeats for account in accounts.rows.values())
        again = of_handshakes + sum(account.repeats for account in accounts.rows.values())
        segments = sum(account.packets for account in accounts.rows.values())
        for _, count, account in accounts.packed():
            of_handshakes += count * (account.syn_repeats + account.synack_repeats)
            again += count * (account.syn_repeats + account.synack_repeats + account.repeats)
            segments += count * account.packets
        return Summary(
            self.connections, outcomes, every, by_vantage, patterns, causes, waits, self.censored, again, of_handshakes, services, segments
        )


def services_of(accounts: Accounts) -> list[Service]:
    """Every service: sums over accounts. What resets a connection that was not described is its server."""
    services: dict[tuple[str, int], Service] = {}
    for _, count, account in accounts.packed():
        _add_account(services, account, count)
    for account in accounts.rows.values():
        _add_account(services, account, 1)
    return list(services.values())


def _add_account(services: dict[tuple[str, int], Service], account: Account, times: int) -> None:
    """Add an account to its service, as often as there are such."""
    key = account.server.name, account.port
    service = services.get(key)
    if service is None:
        service = services[key] = Service(*key)
    service.connections += times * account.connections
    service.segments += times * account.packets
    service.retransmissions += times * (account.repeats + account.syn_repeats + account.synack_repeats)
    if account.simultaneous:
        service.simultaneous += times * account.simultaneous
    if account.client_first:
        service.client_first += times * (account.client_first - account.simultaneous_client)
    if account.server_first:
        service.server_first += times * (account.server_first - account.simultaneous_server)
    if account.resets:
        service.resets_by_client += times * account.resets_client
        service.resets_by_server += times * (account.resets - account.resets_client - account.resets_others)
        service.resets_by_others += times * account.resets_others
    if account.stays_client:
        service.time_wait_client += times * account.stays_client
    if account.stays_server:
        service.time_wait_server += times * account.stays_server
