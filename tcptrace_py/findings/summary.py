"""The whole capture in numbers: everything is counted in integers, so that the order of adding up cannot show."""

from tcptrace_py.model.results import Summary, TimeWaitTotals
from tcptrace_py.model.vocabulary import Cause, Outcome, Pattern, Vantage

from .accounts import Accounts
from .facts import Facts
from .percentiles import Values

OUTCOMES, PATTERNS, CAUSES = tuple(map(str, Outcome)), tuple(map(str, Pattern)), tuple(map(str, Cause))
VANTAGES = (*map(str, Vantage), "unknown")


class Totals:
    """Counts over connections, taken in one at a time."""

    def __init__(self) -> None:
        self.connections = 0
        self.outcomes = dict.fromkeys(OUTCOMES, 0)
        self.patterns = dict.fromkeys(PATTERNS, 0)
        self.causes = dict.fromkeys(CAUSES, 0)
        self.latencies = {name: Values() for name in VANTAGES}

    def add(self, facts: Facts) -> None:
        """Take in one connection."""
        self.connections += 1
        self.outcomes[facts.outcome] += 1
        self.patterns[facts.pattern] += 1
        if facts.cause is not None:
            self.causes[facts.cause] += 1
        if facts.total_ns >= 0 and facts.outcome == "completed":
            self.latencies[facts.vantage].add(facts.total_ns)

    def add_many(self, outcome: str, pattern: str, cause: str | None, count: int) -> None:
        """Count textbook connections whose latencies were taken in one by one."""
        self.connections += count
        self.outcomes[outcome] += count
        self.patterns[pattern] += count
        if cause is not None:
            self.causes[cause] += count

    def merge(self, other: "Totals") -> None:
        """Take in another part of the capture."""
        self.connections += other.connections
        for mine, others in ((self.outcomes, other.outcomes), (self.patterns, other.patterns), (self.causes, other.causes)):
            for name, count in others.items():
                mine[name] += count
        for name, values in other.latencies.items():
            self.latencies[name].merge(values)

    def result(self, accounts: Accounts) -> Summary:
        """The summary. The accounts are closed."""
        occupancy = accounts.occupancy
        peak, peak_at = occupancy.peak_of(accounts.stays_row)
        entered = sum(account.stays_client + account.stays_server for account in accounts.rows.values())
        waits = TimeWaitTotals(entered, peak, peak_at, occupancy.level[accounts.stays_row])
        by_vantage = {name: values.latency() for name, values in self.latencies.items() if values.count}
        every = Values.joined(list(self.latencies.values())).latency()
        return Summary(self.connections, self.outcomes, every, by_vantage, self.patterns, self.causes, waits)
