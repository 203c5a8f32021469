"""The whole capture in numbers: everything is counted in integers, so that the order of adding up cannot show."""

from array import array

from tcptrace_py.model.results import Connection, Latency, Stay, Summary, TimeWaitTotals

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
        self.latencies: dict[str, array[int]] = {name: array("q") for name in VANTAGES}
        self.stays = Population()

    def add(self, connection: Connection) -> None:
        """Take in one connection."""
        self.connections += 1
        self.outcomes[connection.handshake.outcome] += 1
        self.patterns[connection.teardown.pattern] += 1
        if connection.teardown.reset is not None:
            self.causes[connection.teardown.reset.cause] += 1
        if connection.handshake.outcome == "completed" and connection.handshake.total_ns is not None:
            self.latencies[connection.vantage or "unknown"].append(connection.handshake.total_ns)
        for stay in connection.time_wait:
            self.stays.add(stay.entered_ns, stay_end(stay))

    def result(self, end_ns: int) -> Summary:
        """The summary; `end_ns` is the capture's end."""
        every: list[int] = []
        for values in self.latencies.values():
            every.extend(values)
        peak, peak_at = self.stays.peak()
        waits = TimeWaitTotals(len(self.stays.begins), peak, peak_at, self.stays.at(end_ns))
        by_vantage = {name: latency(values) for name, values in self.latencies.items() if values}
        return Summary(self.connections, self.outcomes, latency(every), by_vantage, self.patterns, self.causes, waits)


def stay_end(stay: Stay) -> int:
    """When a stay ends or would: one that outlives the capture ends as its profile says."""
    return stay.ended_at_ns if stay.ended_at_ns is not None else stay.expires_ns


def latency(values: "array[int] | list[int]") -> Latency:
    """Percentiles by nearest rank: the value at position ceil(p * count)."""
    if not values:
        return Latency(0)
    ordered = sorted(values)
    count = len(ordered)

    def rank(percent: int) -> int:
        return ordered[max(-(-percent * count // 100) - 1, 0)]

    return Latency(count, ordered[0], rank(50), rank(90), rank(99), ordered[-1])
