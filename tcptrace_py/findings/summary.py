"""The whole capture in numbers: everything is counted in integers, so that the order of adding up cannot show."""

from heapq import nsmallest

from tcptrace_py.model.addresses import text
from tcptrace_py.model.results import ServiceTotals, Summary, TimeWaitTotals
from tcptrace_py.model.vocabulary import Cause, Outcome, Pattern, Vantage

from .accounts import Accounts
from .percentiles import Values

OUTCOMES, PATTERNS, CAUSES = tuple(map(str, Outcome)), tuple(map(str, Pattern)), tuple(map(str, Cause))
VANTAGES = (*map(str, Vantage), "unknown")
COMPLETED, UNKNOWN = OUTCOMES.index("completed"), VANTAGES.index("unknown")

MOST_SERVICES = 100  # are kept
NO_MORE = (0,) * 7  # of what is counted besides connections and segments


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

    def result(self, accounts: Accounts) -> Summary:
        """The summary. The accounts are closed."""
        occupancy = accounts.occupancy
        peak, peak_at = occupancy.peak_of(accounts.stays_row)
        entered = sum(account.stays_client + account.stays_server for account in accounts.rows.values())
        waits = TimeWaitTotals(entered, peak, peak_at, occupancy.level[accounts.stays_row])
        by_vantage = {name: values.latency() for name, values in zip(VANTAGES, self.latencies, strict=True) if values.count}
        every = Values.joined(self.latencies).latency()
        outcomes, patterns, causes = (dict(zip(names, counts, strict=True)) for names, counts in (
            (OUTCOMES, self.outcomes), (PATTERNS, self.patterns), (CAUSES, self.causes)))
        of_handshakes = sum(account.syn_repeats + account.synack_repeats for account in accounts.rows.values())
        again = of_handshakes + sum(account.repeats for account in accounts.rows.values())
        return Summary(self.connections, outcomes, every, by_vantage, patterns, causes, waits, self.censored, again, of_handshakes,
                       busiest(accounts))


def busiest(accounts: Accounts) -> tuple[ServiceTotals, ...]:
    """Services with the most connections, as many as are kept: sums over accounts. What resets an undescribed one is its server."""
    found: dict[tuple[bytes, int], list[int]] = {}
    for packed, count in accounts.singles.services().items():
        found[packed[:-2], int.from_bytes(packed[-2:])] = [count, count, *NO_MORE]
    for account in accounts.rows.values():
        row = found.get((account.server.address, account.port))
        if row is None:
            row = found[account.server.address, account.port] = [0, 0, *NO_MORE]
        row[0] += account.connections
        row[1] += account.packets
        if account.client_first or account.server_first or account.simultaneous:
            row[2] += account.client_first - account.simultaneous_client
            row[3] += account.server_first - account.simultaneous_server
            row[4] += account.simultaneous
        if account.resets:
            row[5] += account.resets_client
            row[6] += account.resets - account.resets_client - account.resets_others
            row[7] += account.resets_others
        row[8] += account.repeats + account.syn_repeats + account.synack_repeats
    ranked = nsmallest(MOST_SERVICES, found.items(), key=lambda item: (-item[1][0], item[0]))
    return tuple(ServiceTotals(text(address), port, *row) for (address, port), row in ranked if row[0])
