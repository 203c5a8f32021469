"""What an analysis says, as typed objects: the same facts as the document of `--format json`.

Times are integer nanoseconds since 1970-01-01T00:00:00Z and durations integer nanoseconds; None is unknown or absent.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, TypeVar, overload

from .finding import Finding, Withheld
from .problems import Problem
from .profiles import PROFILES, Profile, Profiles
from .state import Basis, State

if TYPE_CHECKING:
    from .digest import Digest


Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One end of a connection: address in text form, port."""

    address: str
    port: int


@dataclass(frozen=True, slots=True)
class Scope:
    """Where a segment was: VLAN, network (of VXLAN, GENEVE, NVGRE, LISP), endpoint of a GTP-U tunnel, GRE key, interface.

    The network makes equal addresses others: `vni` or `gre_key`. The interface is named where it alone tells two connections apart.
    """

    vlan: int | None = None
    vni: int | None = None
    teid: int | None = None
    gre_key: int | None = None
    interface: int | None = None

    @property
    def ways(self) -> "tuple[Scope | None, ...]":
        """The scopes of both directions, where they differ."""
        return (self,)

    @property
    def network(self) -> "Scope | None":
        """The part that makes addresses others."""
        return None if self.vni is None and self.gre_key is None else Scope(vni=self.vni, gre_key=self.gre_key)


@dataclass(frozen=True, slots=True)
class TwoScopes:
    """The scopes of a connection whose two directions were captured in different ones, each by its sender.

    `first` is who was captured first, of all connections of these two ends: its network is the one under which both hosts are counted.
    """

    client: Scope | None
    server: Scope | None
    first: str = "client"

    @property
    def ways(self) -> tuple[Scope | None, ...]:
        """Both scopes, the client's first."""
        return self.client, self.server

    @property
    def network(self) -> Scope | None:
        """The network under which its hosts are counted."""
        return None if self.of_first is None else self.of_first.network

    @property
    def of_first(self) -> Scope | None:
        """The scope of the direction that was captured first, by which the connection is known."""
        return self.client if self.first == "client" else self.server


@dataclass(frozen=True, slots=True)
class StateEntry:
    """A state and how it was entered. `reason` is the table's row in words, with its RFC 9293 section."""

    state: State
    at_ns: int | None
    frame: int | None
    basis: Basis
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Handshake:
    """How a connection was opened, as its client saw it."""

    kind: str | None  # three-way, simultaneous, self-connect, fast-open; None where no SYN was answered
    outcome: str  # completed, a word of `vocabulary.Outcome`
    syn_to_synack_ns: int | None  # from the last SYN before the SYN/ACK
    synack_to_ack_ns: int | None
    total_ns: int | None  # from the first SYN to the ACK
    syn_retransmissions: int
    synack_retransmissions: int


@dataclass(frozen=True, slots=True)
class Reset:
    """A RST, why it was sent, and what speaks for that."""

    by: str  # client, server, between (neither of the two), unknown
    cause: str | None  # None where it came from between
    confidence: str  # high, medium, low
    frame: int
    at_ns: int
    evidence: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Teardown:
    """How a connection ended."""

    pattern: str  # four-way, simultaneous, rst, half-closed, unfinished-close, none, unknown
    segments: int | None = None
    first_fin: str | None = None  # client, server
    duration_ns: int | None = None
    reset: Reset | None = None
    censored: bool = False  # in flight when the capture ended


@dataclass(frozen=True, slots=True)
class Course:
    """How time went by in a connection. An exchange is data of the server's right behind data of the client's."""

    exchanges: int = 0
    longest_answer_ns: int | None = None  # from the last new data of a request to the first of its answer
    longest_wait_ns: int | None = None  # without anything but repeats and probes
    longest_wait_frame: int | None = None  # that ended it; the last frame, where none did
    longest_stall_ns: int | None = 0  # from when something was sent first until it was acknowledged, of what was sent again
    idle_survived_ns: int | None = None  # the longest silence after which both sides spoke
    idle_before_end_ns: int | None = None  # before the first FIN, the RST, or what nobody answered any more


@dataclass(frozen=True, slots=True)
class Delivery:
    """What became of what one side sent, and how long its own window was closed. None: not to be known."""

    unacknowledged_bytes: int | None = 0  # never acknowledged
    unanswered_repeats: int | None = 0  # sent again, in vain, until the end
    unanswered_ns: int | None = 0  # from when that was sent first until it was sent last
    largest_payload_bytes: int | None = None  # of a segment that arrived
    smallest_lost_bytes: int | None = None  # payload of the smallest segment sent again in vain where the acknowledgements end
    missing_bytes: int = 0  # below what the peer had acknowledged selectively
    window_closed_ns: int | None = 0  # the longest time for which its own window was closed
    long_window_closes: int = 0  # how often that was for a second or longer


@dataclass(frozen=True, slots=True)
class Side:
    """What one side sent and which states it passed."""

    packets: int
    payload_bytes: int
    retransmissions: int
    fin_retransmissions: int
    final_state: State | None  # None where what was captured cannot tell
    states: tuple[StateEntry, ...]
    delivery: Delivery = Delivery()

    @property
    def path(self) -> str:
        """Names of the states in order, apart by spaces."""
        return " ".join([entry.state.name for entry in self.states])

    @property
    def final_state_name(self) -> str | None:
        """Name of the state at the capture's end; None where what was captured cannot tell."""
        return None if self.final_state is None else self.final_state.name

    @property
    def steps(self) -> "list[tuple[State, int | None, int | None, Basis]]":
        """The states as plain tuples: the state, when (ns) and on which frame it was entered, and how firmly that is known."""
        return [(entry.state, entry.at_ns, entry.frame, entry.basis) for entry in self.states]


@dataclass(frozen=True, slots=True)
class Stay:
    """One stay in TIME_WAIT. `ended_by`: expired, reused, killed, capture-end (then censored, ended_at_ns None)."""

    side: str
    entered_ns: int
    basis: Basis
    expires_ns: int
    restarts: int
    ended_at_ns: int | None
    ended_by: str
    censored: bool

    @property
    def until_ns(self) -> int:
        """When it ended, or would: one that outlives the capture ends as its profile says."""
        return self.expires_ns if self.ended_at_ns is None else self.ended_at_ns


@dataclass(frozen=True, slots=True)
class Anomaly:
    """Something a segment did that no rule of the connection explains, by name."""

    code: str
    frame: int
    explanation: str


@dataclass(slots=True)
class Connection:
    """One incarnation of a four-tuple. Its `id` is known when all connections are."""

    id: int
    stream: int | None  # Wireshark's tcp.stream of the first frame; None where Wireshark gives that frame none
    client: Endpoint
    server: Endpoint
    scope: Scope | TwoScopes | None
    start_ns: int
    end_ns: int
    first_frame: int
    last_frame: int
    vantage: str | None  # client, server, middle: said only where it is clear
    midstream: bool
    history: str  # Zeek's letters, upper case from the client
    handshake: Handshake
    teardown: Teardown
    resets: tuple[Reset, ...]
    client_side: Side
    server_side: Side | None  # None: a self-connect has one side
    time_wait: tuple[Stay, ...]
    anomalies: tuple[Anomaly, ...]
    course: Course = Course()
    timestamps: bool | None = None  # whether both sides sent the TCP timestamps option; None where no header shows it

    def detached(self) -> "Connection":
        """Return the connection as an object that is good for ever."""
        return self

    @property
    def network(self) -> Scope | None:
        """The part of its scope that makes its addresses others: its network, not its VLAN tag or tunnel endpoint."""
        return None if self.scope is None else self.scope.network


@dataclass(slots=True)
class FileInfo:
    """One input file and how much of it could be read."""

    path: str
    format: str  # pcap, pcapng
    packets: int = 0
    truncated: bool = False


@dataclass(slots=True)
class CaptureInfo:
    """What was read, and its quality.

    `clock_step_ns` is what all its times are apart by multiples of: a time between two frames that is shorter is 0. None where that is
    a microsecond or less, 0 where all times are one.
    """

    files: list[FileInfo] = field(default_factory=list)
    packets: int = 0
    segments: int = 0
    duplicates: int = 0
    start_ns: int | None = None
    end_ns: int | None = None
    problems: list[Problem] = field(default_factory=list)
    clock_step_ns: int | None = None


@dataclass(frozen=True, slots=True)
class Latency:
    """Percentiles of completed handshakes' total time (nearest rank), in nanoseconds; None where there is none."""

    count: int
    min_ns: int | None = None
    p50_ns: int | None = None
    p90_ns: int | None = None
    p99_ns: int | None = None
    max_ns: int | None = None


@dataclass(frozen=True, slots=True)
class TimeWaitTotals:
    """TIME_WAIT over all hosts: stays entered, most at once and when, still there at the capture's end."""

    entered: int = 0
    peak: int = 0
    peak_at_ns: int | None = None
    at_end: int = 0


@dataclass(slots=True)
class Service:
    """What connections to a server address and port add up to: who closed first, who reset them, what was sent again."""

    address: str
    port: int
    connections: int = 0
    segments: int = 0
    client_first: int = 0
    server_first: int = 0
    simultaneous: int = 0
    resets_by_client: int = 0
    resets_by_server: int = 0
    resets_by_others: int = 0  # by neither side, or nobody knows by whom
    retransmissions: int = 0
    time_wait_client: int = 0  # stays of its clients
    time_wait_server: int = 0
    handshake: Latency = Latency(0)  # of those that the summary lists, and unless it is withheld

    @property
    def resets(self) -> int:
        """Connections that a reset ended."""
        return self.resets_by_client + self.resets_by_server + self.resets_by_others


@dataclass(frozen=True, slots=True)
class Summary:
    """The whole capture in numbers; every count is over connections."""

    connections: int
    outcomes: dict[str, int]
    latency: Latency
    latency_by_vantage: dict[str, Latency]  # client, server, middle, unknown
    patterns: dict[str, int]
    reset_causes: dict[str, int]
    time_wait: TimeWaitTotals
    closes_in_flight: int = 0  # when the capture ended
    retransmissions: int = 0  # segments that repeat SYN, FIN or data
    handshake_retransmissions: int = 0  # those of them that repeat a SYN or SYN/ACK
    services: tuple[Service, ...] = ()  # those with the most connections
    segments: int = 0  # of these connections, duplicates left out


@dataclass(slots=True)
class HostTimeWait:
    """TIME_WAIT of one address."""

    entered: int = 0
    entered_as_client: int = 0
    entered_as_server: int = 0
    peak: int = 0
    peak_at_ns: int | None = None
    at_end: int = 0
    stays_restarted: int = 0
    stays_reused: int = 0
    stays_killed: int = 0


@dataclass(slots=True)
class Host:
    """One address: what it did as client and as server."""

    address: str
    scope: Scope | None
    connections_as_client: int
    connections_as_server: int
    closed_first: int
    time_wait: HostTimeWait
    first_ns: int | None = None  # when the first of its connections began
    last_ns: int | None = None  # and the last


class Rows(Sequence[Row]):
    """Rows of a result, in its order: a sequence whose rows may be made only when somebody goes through them (`every`)."""

    def __init__(self, rows: Iterable[Row] = ()) -> None:
        self.made: list[Row] | None = list(rows)

    def every(self) -> list[Row]:
        """All of them."""
        return self.made or []

    def __len__(self) -> int:
        return len(self.every())

    @overload
    def __getitem__(self, at: int) -> Row: ...

    @overload
    def __getitem__(self, at: slice) -> list[Row]: ...

    def __getitem__(self, at: int | slice) -> Row | list[Row]:
        return self.every()[at]

    def __iter__(self) -> Iterator[Row]:
        return iter(self.every())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment] # as of a list

    def __repr__(self) -> str:
        return repr(self.every())


class Hosts(Rows[Host]):
    """Hosts, those with the most TIME_WAIT at once first."""

    def busiest(self, most: int | None) -> list[Host]:
        """At most so many (None: all), those that entered TIME_WAIT most often first, of others those with the lowest addresses."""
        from .addresses import packed  # noqa: PLC0415 - it needs what is above

        def rank(host: Host) -> tuple[int, int, int, bytes]:
            entered, connections = host.time_wait.entered, host.connections_as_client + host.connections_as_server
            return -entered, -host.closed_first, -connections, packed(host.address)

        return sorted(self.every(), key=rank)[:most]

    def holding(self) -> list[Host]:
        """Those that entered TIME_WAIT."""
        return [host for host in self.every() if host.time_wait.entered]


@dataclass(frozen=True, slots=True)
class Exhaustion:
    """That a client's local ports towards one service ran out, and by what it shows."""

    at_ns: int  # when 98 in 100 ports were taken
    full_ns: int  # how long, from then on, no fewer than 94 in 100 ports were taken
    before_per_s: float | None  # new connections a second until then
    after_per_s: float | None  # and from then on; None where the capture ends there
    taken_again: int  # connections from a port that had been free for a moment only
    into_time_wait: int  # connections from a port whose TIME_WAIT was not over


@dataclass(slots=True)
class PortBudget:
    """Local ports of one client address towards one service (server address and port): those open or in TIME_WAIT.

    `range_from` says where the range is from: `option` (who ran the analysis gave it), `traffic` (the capture shows it),
    `profile` (the operating system's default, an assumption), `unknown` (all from 1024 on: some lie beyond the default, and where they
    end was not seen). `filling_per_s` are those that keep their port in TIME_WAIT,
    at present and over so long; both None where ports will do.
    """

    client: str
    server: str
    server_port: int
    scope: Scope | None
    connections: int
    peak_held: int
    peak_time_wait: int
    peak_at_ns: int | None
    port_range: tuple[int, int]
    range_from: str
    held_at_end: int
    connections_per_s: float | None
    ceiling_per_s: float | None
    exhausted_in_s: float | None
    exhaustion: Exhaustion | None = None
    filling_per_s: float | None = None
    filling_over_ns: int | None = None

    @property
    def port_count(self) -> int:
        """How many ports the range has."""
        return self.port_range[1] - self.port_range[0] + 1

    @property
    def used_ratio(self) -> float:
        """Peak against the range, 0 to 1 (more where ports outside the range were used)."""
        return self.peak_held / self.port_count

    @property
    def is_alarming(self) -> bool:
        """Whether the ports ran out or will."""
        return self.exhaustion is not None or self.exhausted_in_s is not None


class PortBudgets(Rows[PortBudget]):
    """Budgets, the most used first."""

    def of(self, keys: Iterable[tuple[str, str, int, Scope | None]]) -> Iterator[PortBudget]:
        """Those of some clients and services: client, server, server's port, network."""
        by_key = {(budget.client, budget.server, budget.server_port, budget.scope): budget for budget in self.every()}
        return (by_key[key] for key in keys)

    def near(self, ratio: float) -> list[PortBudget]:
        """Those of which so much of the range was used, and those that are alarming."""
        return [budget for budget in self.every() if budget.used_ratio >= ratio or budget.is_alarming]


@dataclass(slots=True)
class ProfileRow:
    """A profile and the hosts it was applied to ("*" for all others)."""

    hosts: str | tuple[str, ...]
    name: str
    time_wait_s: float
    ephemeral_ports: tuple[int, int]
    ports_given: bool = False  # the range is the user's, not the system's default


def profiles_of(rows: Iterable[ProfileRow]) -> Profiles:
    """The profiles that an analysis was made with."""
    default, by_address = Profiles().default, {}
    for row in rows:
        named = PROFILES.get(row.name)
        profile = Profile(
            row.name, row.time_wait_s, row.ephemeral_ports, row.ports_given, named is not None and named.ignores_rst_in_time_wait
        )
        if row.hosts == "*":
            default = profile
        else:
            by_address.update(dict.fromkeys(row.hosts, profile))
    return Profiles(default, by_address)


@dataclass(frozen=True, slots=True)
class Intervals:
    """Connections by when they began: counts in equal intervals, the first from `start_ns` on, and the broken ones among them."""

    start_ns: int
    length_ns: int
    connections: tuple[int, ...]
    broken: tuple[int, ...]


class ConnectionList(Protocol):
    """Connections in order of first frame, to be read as a list: some may have to be read back from a temporary file."""

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[Connection]: ...

    @overload
    def __getitem__(self, at: int, /) -> Connection: ...

    @overload
    def __getitem__(self, at: slice, /) -> list[Connection]: ...


@dataclass(slots=True)
class Analysis:
    """Everything an analysis says. `connections` can be read more than once, in order of first frame."""

    profiles: list[ProfileRow]
    capture: CaptureInfo
    summary: Summary
    hosts: Hosts
    ports: PortBudgets
    connections: ConnectionList
    interrupted: bool = False
    digest: "Digest | None" = None  # of all connections, where it was made on the way
    findings: tuple[Finding, ...] = ()  # causes, the worst first
    withheld: tuple[Withheld, ...] = ()  # what the capture cannot tell
    intervals: Intervals | None = None  # when connections began; None without any
