"""What `time-wait` keeps beside the sums of every analysis: columns of numbers, a row for each connection and each stay.

How many there are at once, ports and their ranges are no matter of these: they stand in the analysis (`occupancy`).
"""

from array import array

from tcptrace_py.model import columns
from tcptrace_py.model.clock import NEVER_NS, SECOND_NS
from tcptrace_py.model.diagnosis import Series
from tcptrace_py.model.results import Connection, Scope
from tcptrace_py.model.state import State

from .occupancy import Occupancy, counts_at
from .rhythm import Rhythm, median, rhythm

POINTS = 240
STEPS_NS = tuple(digit * 10**power for power in range(6, 15) for digit in (1, 2, 5))
UNOPENED, OPEN = State.LISTEN, State.ESTABLISHED  # states up to these come before a connection is opened, is closed
ServiceKey = tuple[str, str, int, Scope | None]  # client, server, server's port, network
HostKey = tuple[str, Scope | None]
# Numbers of a service: how its connections were closed, what TIME_WAIT that left, whether they use timestamps.
COUNTS = 9
CLIENT_FIRST, SERVER_FIRST, BOTH, RESETS, UNCLOSED, WAITS_CLIENT, WAITS_SERVER, STAMPED, PLAIN = range(COUNTS)
UNKNOWN = -1


class Group:
    """Connections of one service: sorted beginnings, lengths and bytes (in any order, where they are known), numbers."""

    __slots__ = ("counts", "lifetimes_ns", "payloads", "starts_ns")

    def __init__(self, starts_ns: "array[int]", lifetimes_ns: "array[int]", payloads: "array[int]", counts: "array[int]") -> None:
        self.starts_ns = array("q", sorted(starts_ns))
        self.lifetimes_ns = sorted([length for length in lifetimes_ns if length != UNKNOWN])
        self.payloads = sorted([size for size in payloads if size != UNKNOWN])
        self.counts = counts

    def closes(self) -> tuple[int, int, int, int, int, int, int]:
        """How they were closed, and what TIME_WAIT that left at clients and server."""
        n = self.counts
        return n[CLIENT_FIRST], n[SERVER_FIRST], n[BOTH], n[RESETS], n[UNCLOSED], n[WAITS_CLIENT], n[WAITS_SERVER]

    def rhythm(self) -> Rhythm:
        """Why they come."""
        return rhythm(self.starts_ns, self.lifetimes_ns or [0], self.payloads)

    def per_s(self) -> float | None:
        """How many a second."""
        span = self.starts_ns[-1] - self.starts_ns[0]
        return (len(self.starts_ns) - 1) * SECOND_NS / span if span else None

    def lifetime_p50_ns(self) -> int | None:
        """How long they were open, typically."""
        return median(self.lifetimes_ns)

    def payload_p50_bytes(self) -> int | None:
        """What they carried, typically."""
        return median(self.payloads)


class Connections:
    """Every connection, by the service that it goes to and the address that it comes from."""

    __slots__ = ("closes_ns", "counts", "numbers", "opened", "payloads", "service", "starts_ns")

    def __init__(self) -> None:
        self.numbers: dict[ServiceKey, int] = {}  # in order of first arrival
        self.counts = array("q")
        self.service = array("i")
        self.starts_ns, self.closes_ns, self.payloads = array("q"), array("q"), array("q")
        self.opened = array("b")

    def add(self, connection: Connection, key: ServiceKey) -> None:
        """Take in one connection."""
        number = self.numbers.get(key)
        if number is None:
            number = self.numbers[key] = len(self.numbers)
            self.counts.frombytes(bytes(8 * COUNTS))
        at = number * COUNTS
        self.counts[at + _closer(connection)] += 1
        for stay in connection.time_wait:
            self.counts[at + (WAITS_CLIENT if stay.side == "client" else WAITS_SERVER)] += 1
        if connection.timestamps is not None:
            self.counts[at + (STAMPED if connection.timestamps else PLAIN)] += 1
        server = connection.server_side
        known = not any(anomaly.code == "acked-unseen" for anomaly in connection.anomalies)  # else nobody knows how much
        self.service.append(number)
        self.starts_ns.append(connection.start_ns)
        self.closes_ns.append(began_to_close(connection))
        self.payloads.append(connection.client_side.payload_bytes + (server.payload_bytes if server else 0) if known else UNKNOWN)
        self.opened.append(connection.handshake.outcome in ("completed", "not-captured"))

    def groups(self, group_of: "array[int]", count: int) -> "Groups":
        """Connections by group; `group_of` says into which of `count` groups a service's go."""
        return Groups(self, group_of, count)

    def most_open(self, end_ns: int) -> "array[int]":
        """Of each service, how many were open at once, TIME_WAIT left out, at the most."""
        open_ = Occupancy()
        for _ in self.numbers:
            open_.kind(open_.row())
        service, starts_ns, closes_ns, opened = self.service, self.starts_ns, self.closes_ns, self.opened
        for at in range(len(service)):
            if opened[at]:
                open_.add(starts_ns[at], closes_ns[at], service[at])
        open_.finish(end_ns)
        return open_.peak


class Groups:
    """The columns of all connections, those of one group next to each other."""

    __slots__ = ("counts", "edges", "lifetimes_ns", "payloads", "starts_ns")

    def __init__(self, rows: Connections, group_of: "array[int]", count: int) -> None:
        self._arrange(rows, group_of, count)
        self._sum_up(rows, group_of, count)

    def _arrange(self, rows: Connections, group_of: "array[int]", count: int) -> None:
        size = len(rows.service)
        lifetimes_ns, groups = array("q", bytes(8 * size)), array("i", bytes(4 * size))
        service, starts_ns, closes_ns, lifetimes, to_groups = rows.service, rows.starts_ns, rows.closes_ns, lifetimes_ns, groups
        for at in range(size):
            lifetimes[at] = UNKNOWN if closes_ns[at] == NEVER_NS else closes_ns[at] - starts_ns[at]
            to_groups[at] = group_of[service[at]]
        self.edges, order = columns.grouped(groups, count)
        self.starts_ns, self.payloads = columns.picked(rows.starts_ns, order), columns.picked(rows.payloads, order)
        self.lifetimes_ns = columns.picked(lifetimes_ns, order)

    def _sum_up(self, rows: Connections, group_of: "array[int]", count: int) -> None:
        self.counts = array("q", bytes(8 * COUNTS * count))
        to, counts = self.counts, rows.counts
        for number in range(len(rows.numbers)):
            here, there = number * COUNTS, group_of[number] * COUNTS
            for word in range(COUNTS):
                to[there + word] += counts[here + word]

    def of(self, group: int) -> Group:
        """One group."""
        low, high = self.edges[group], self.edges[group + 1]
        return Group(self.starts_ns[low:high], self.lifetimes_ns[low:high], self.payloads[low:high], self.numbers(group))

    def size(self, group: int) -> int:
        """How many connections are in it."""
        return self.edges[group + 1] - self.edges[group]

    def numbers(self, group: int) -> "array[int]":
        """Its COUNTS numbers."""
        return self.counts[group * COUNTS:(group + 1) * COUNTS]

    def time_wait(self, group: int) -> int:
        """How many stays in TIME_WAIT they left, on either side."""
        return self.counts[group * COUNTS + WAITS_CLIENT] + self.counts[group * COUNTS + WAITS_SERVER]


class Stays:
    """Every stay in TIME_WAIT, by the address that holds it."""

    def __init__(self) -> None:
        self.numbers: dict[HostKey, int] = {}
        self.host = array("i")
        self.entered_ns, self.until_ns = array("q"), array("q")
        self.before = array("q")  # of each host: stays whose beginning was not captured

    def add(self, connection: Connection, scope: Scope | None) -> None:
        """Take in the stays of one connection; `scope`: the network that makes its addresses others."""
        for stay in connection.time_wait:
            key = (connection.client.address if stay.side == "client" else connection.server.address), scope
            number = self.numbers.get(key)
            if number is None:
                number = self.numbers[key] = len(self.numbers)
                self.before.append(0)
            self.before[number] += connection.midstream and stay.entered_ns <= connection.start_ns
            self.host.append(number)
            self.entered_ns.append(stay.entered_ns)
            self.until_ns.append(stay.until_ns)

    def by_host(self) -> "StaysByHost":
        """The stays of each host."""
        return StaysByHost(self)


class StaysByHost:
    """The columns of all stays, those of one host next to each other."""

    def __init__(self, rows: Stays) -> None:
        self.hosts = rows.numbers
        self.edges, order = columns.grouped(rows.host, len(rows.numbers))
        self.entered_ns, self.until_ns = columns.picked(rows.entered_ns, order), columns.picked(rows.until_ns, order)

    def entered(self, key: HostKey) -> "array[int]":
        """When they were entered, in order."""
        number = self.hosts[key]
        return array("q", sorted(self.entered_ns[self.edges[number]:self.edges[number + 1]]))

    def series(self, key: HostKey, start_ns: int, end_ns: int) -> Series:
        """How many there were, a round step apart, at most about POINTS points and the end."""
        end_ns = max(end_ns, start_ns)
        step = next((step for step in STEPS_NS if step * POINTS >= end_ns - start_ns), STEPS_NS[-1])
        moments = [*range(start_ns, end_ns, step), end_ns]
        number = self.hosts[key]
        low, high = self.edges[number], self.edges[number + 1]
        return Series(start_ns, end_ns, step, tuple(counts_at(moments, self.entered_ns[low:high], self.until_ns[low:high])))


def _closer(connection: Connection) -> int:
    """Which of the COUNTS says how it was closed."""
    teardown = connection.teardown
    if teardown.pattern == "simultaneous":
        return BOTH
    if teardown.pattern == "rst":
        return RESETS
    return {"client": CLIENT_FIRST, "server": SERVER_FIRST}.get(teardown.first_fin or "", UNCLOSED)


def began_to_close(connection: Connection) -> int:
    """When the client's side left ESTABLISHED (ns); NEVER_NS if it was open at the capture's end."""
    opened = False
    for state, at_ns, _, _ in connection.client_side.steps:
        if state > OPEN or (opened and state <= UNOPENED):
            return connection.start_ns if at_ns is None else max(at_ns, connection.start_ns)
        opened = opened or state > UNOPENED
    return NEVER_NS
