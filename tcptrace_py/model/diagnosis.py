"""What `time-wait` says, as typed objects: who holds TIME_WAIT, since when, why, how near the ceiling, what to do.

Times are integer nanoseconds since 1970-01-01T00:00:00Z and durations integer nanoseconds; None is unknown or absent.
It counts addresses: one may be many hosts behind NAT or a balancer.
"""

from dataclasses import dataclass, field

from .results import PortBudget, Scope

# Why the connections of one client to one service come and go as they do (`ServiceLedger.pattern`).
PATTERNS = {
    "short": "a new connection for each exchange, no keep-alive",
    "reused": "short and not kept open, though some carry more than one exchange",
    "health-check": "opened at a constant period, as health checks are",
    "pool-too-small": "used again, but fewer are kept than are in use at once",
    "pool-unused": "short connections beside long ones to the same service: a pool that is passed by",
    "bursts": "many at once, then a pause",
    "without-data": "opened and closed without any data",
    "long": "kept open for long",
    "few": "too few to tell",
}


@dataclass(frozen=True, slots=True)
class Series:
    """How many there were at `start_ns` + i * `step_ns`; the last number is that of `end_ns`, the capture's end."""

    start_ns: int
    end_ns: int
    step_ns: int
    counts: tuple[int, ...]

    def moment_ns(self, index: int) -> int:
        """When a number was so."""
        return min(self.start_ns + index * self.step_ns, self.end_ns)


@dataclass(slots=True)
class HostLedger:
    """TIME_WAIT of one address. `before`: stays whose beginning was not captured; `outlive`: not over at its end."""

    address: str
    scope: Scope | None
    entered: int
    entered_as_client: int
    entered_as_server: int
    peak: int
    peak_at_ns: int | None
    at_end: int
    before: int
    outlive: int
    restarted: int
    reused: int
    killed: int
    per_s: float | None  # entered a second, from the first until the peak
    first_ns: int | None  # when the first was entered
    last_ns: int | None  # and the last
    profile: str
    time_wait_ns: int
    series: Series | None  # of the gravest hosts only


@dataclass(slots=True)
class ServiceLedger:
    """All connections of one client address to one service (server address and port)."""

    client: str
    server: str
    server_port: int
    scope: Scope | None
    connections: int
    client_first: int
    server_first: int
    both_at_once: int
    resets: int
    unclosed: int
    time_wait_client: int
    time_wait_server: int
    share: float  # of all stays entered, 0 to 1
    pattern: str
    period_ns: int | None  # of health checks and bursts
    burst: int | None  # connections of a typical burst, or of a period of checks
    lifetime_p50_ns: int | None
    payload_p50_bytes: int | None
    peak_open: int  # most open at once, TIME_WAIT left out
    per_s: float | None
    span_ns: int  # from the first connection's beginning to the last's
    timestamps: tuple[int, int]  # connections with TCP timestamps at both ends, and without; of the rest it is unknown
    ports: PortBudget

    @property
    def time_wait(self) -> int:
        """Stays that these connections left, on either side."""
        return self.time_wait_client + self.time_wait_server


@dataclass(slots=True)
class ServerLedger:
    """All connections to one service, whoever opened them."""

    server: str
    server_port: int
    scope: Scope | None
    clients: int
    connections: int
    client_first: int
    server_first: int
    both_at_once: int
    resets: int
    unclosed: int
    time_wait_client: int
    time_wait_server: int
    share: float  # of all stays entered, 0 to 1
    pattern: str
    period_ns: int | None
    burst: int | None
    lifetime_p50_ns: int | None
    per_s: float | None

    @property
    def time_wait(self) -> int:
        """Stays that these connections left, on either side."""
        return self.time_wait_client + self.time_wait_server


@dataclass(slots=True)
class Neighbour:
    """Connections in a state that people take for TIME_WAIT: on one host, towards or from one service."""

    state: str
    address: str
    role: str  # client, server: of the address
    peer: str  # the service, or the address of the client
    server: str
    server_port: int
    count: int
    still: int  # of them at the capture's end
    longest_ns: int
    clients: int
    scope: Scope | None = None


@dataclass(frozen=True, slots=True)
class Advice:
    """One thing to do (or not to), for a client and a service where it is about such; `numbers` are this capture's.

    `system` is the client's operating system by its profile; `others`: of so many more services the same can be said.
    """

    code: str
    client: str | None = None
    server: str | None = None
    server_port: int | None = None
    numbers: dict[str, int | float] = field(default_factory=dict)
    system: str = ""
    others: int = 0


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """Everything `time-wait` says. Hosts and services come with the gravest first."""

    start_ns: int | None
    end_ns: int | None
    entered: int
    peak: int
    peak_at_ns: int | None
    at_end: int
    before: int
    outlive: int
    hosts: tuple[HostLedger, ...]
    services: tuple[ServiceLedger, ...]
    servers: tuple[ServerLedger, ...]
    left_out: int  # connections of (client, service) pairs beyond those that are kept apart
    neighbours: tuple[Neighbour, ...]
    stuck_ns: int  # how long a state must last to be counted among them
    advice: tuple[Advice, ...]
    dont: tuple[Advice, ...]
    withheld: frozenset[str] = frozenset()  # conclusions that the capture does not bear (Analysis.withheld)
