"""The whole capture in numbers: everything is counted in integers, so that the order of adding up cannot show."""

from tcptrace_py.model.results import Summary, TimeWaitTotals

from .facts import Facts
from .percentiles import Values
from .population import Population

OUTCOMES = ("completed", "refused", "unanswered", "aborted", "half-open", "not-captured")
PATTERNS = ("four-way", "simultaneous", "rst", "half-closed", "unfinished-close", "none")
CAUSES = ("refused", "no-socket", "aborted-handshake", "abort", "abort-unread-data", "data-after-close", "late")
VANTAGES = ("client", "server", "middle", "unknown")


class Totals:
    """Counts over connections, taken in one at a time."""

    def __init__(self) -> None:
        self.connections = 0
        self.outcomes = dict.fromkeys(OUTCOMES, 0)
        self.patterns = dict.fromkeys(PATTERNS, 0)
        self.causes = dict.fromkeys(CAUSES, 0)
        self.latencies = {name: Values() for name in VANTAGES}
        self.stays = Population()

    def add(self, facts: Facts) -> None:
        """Take in one connection."""
        self.connections += 1
        self.outcomes[facts.outcome] += 1
        self.patterns[facts.pattern] += 1
        if facts.cause is not None:
            self.causes[facts.cause] += 1
        if facts.total_ns >= 0 and facts.outcome == "completed":
            self.latencies[facts.vantage].add(facts.total_ns)
        for stay in facts.stays:
            self.stays.add(stay.entered_ns, stay.end_ns)

    def fold(self, until_ns: int) -> None:
        """Settle what lies before a moment."""
        self.stays.fold(until_ns)

    def result(self, end_ns: int) -> Summary:
        """The summary; `end_ns` is the capture's end."""
        peak, peak_at = self.stays.peak()
        waits = TimeWaitTotals(self.stays.count, peak, peak_at, self.stays.at(end_ns))
        by_vantage = {name: values.latency() for name, values in self.latencies.items() if values.count}
        every = Values.joined(list(self.latencies.values())).latency()
        return Summary(self.connections, self.outcomes, every, by_vantage, self.patterns, self.causes, waits)
