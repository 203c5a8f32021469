"""The same traffic captured at two points of its way, A and B: what is kept of each capture, and what comparing says.

`Columns`, `Track` and `Point` hold what was read; everything from `Clock` on is said of it. Times are integer nanoseconds
on the clock of the capture that they come from; durations integer nanoseconds; None is unknown.
"""

from __future__ import annotations

from array import array
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .clock import coarser_step_ns

if TYPE_CHECKING:
    from .results import CaptureInfo, Connection, Latency

CLIENT, SERVER = 0, 1  # sides of a connection: an index into pairs
A, B = 0, 1  # points: an index into pairs


class Columns:
    """Segments of a capture that belong to its connections, in capture order; about 60 bytes each."""

    __slots__ = ("ack", "flags", "frame", "interface", "ip_id", "payload", "sack", "seq", "time_ns", "tsecr", "tsval", "ttl", "window")

    def __init__(self) -> None:
        self.time_ns, self.frame = array("q"), array("q")
        self.seq, self.ack, self.payload, self.window = (array("I") for _ in range(4))
        self.tsval, self.tsecr, self.sack = (array("I") for _ in range(3))
        self.ip_id = array("i")  # -1: none
        self.flags, self.interface = array("H"), array("H")
        self.ttl = array("B")


@dataclass(slots=True)
class Syn:
    """What a side's first SYN bore, as captured here."""

    seq: int
    options: int  # bits of model.segments
    mss: int | None
    window_scale: int  # -1: none
    ttl: int
    ip_id: int
    tsval: int


class Track:
    """A connection at one point: the rows of its segments in `Columns`, by the side that sent them."""

    __slots__ = ("connection", "rows", "syns")

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.rows = (array("I"), array("I"))
        self.syns: list[Syn | None] = [None, None]


@dataclass(slots=True)
class Point:
    """A capture: its connections with their segments."""

    name: str
    capture: CaptureInfo
    columns: Columns = field(default_factory=Columns)
    tracks: list[Track] = field(default_factory=list)


@dataclass(slots=True)
class Pair:
    """A connection at both points. `swapped`: who is client at A is server at B (a guess where neither saw a SYN)."""

    a: Track
    b: Track
    by: str  # what they were paired by
    swapped: bool = False

    def track(self, point: int) -> Track:
        """The connection at a point."""
        return self.b if point else self.a

    def rows(self, point: int, side: int) -> array[int]:
        """Rows at a point of the side that A takes for the client (0) or server (1)."""
        return self.b.rows[side ^ self.swapped] if point else self.a.rows[side]

    def syn(self, point: int, side: int) -> Syn | None:
        """First SYN of a side, as A names the sides."""
        return self.b.syns[side ^ self.swapped] if point else self.a.syns[side]


@dataclass(frozen=True, slots=True)
class Clock:
    """How B's clock runs against A's: B shows `offset_ns` more than A at A's time `at_ns`, and gains `drift` a second.

    The offset lies within `bound_ns` of the truth whatever the way is like, as no segment arrives before it is sent, and
    is exact where the quickest segments take equally long both ways. `bound_ns` is None where segments of one direction
    alone were paired: then the quickest of them is taken to need no time. `steady`: one offset (and drift) fits all.
    Where nothing was paired, or a clock is too coarse, nothing is known (`is_known`).
    """

    offset_ns: int = 0
    bound_ns: int | None = None
    drift: float = 0.0
    at_ns: int = 0
    samples: tuple[int, int] = (0, 0)  # paired segments from A to B, from B to A
    steady: bool = True

    @property
    def is_known(self) -> bool:
        """Whether anything tells how the clocks stand to each other."""
        return any(self.samples)

    def to_b(self, time_ns: int) -> int:
        """A moment of A's clock on B's."""
        return time_ns + self.offset_ns + (round(self.drift * (time_ns - self.at_ns)) if self.drift else 0)


@dataclass(slots=True)
class Way:
    """One direction of the way between the points. Counts are packets: an offloaded segment counts as those it became.

    `sent` were captured at the near point. Of these `lost` never came to the far one; `uncaptured` came, as their answers
    prove, and its capture lacks them. `unsent` were captured at the far point alone. `copied` came more than once. `readdressed`
    were captured at both, at one of them under other addresses than the rest of their connection. `lost_kinds` says what was lost:
    SYN, SYN/ACK, data, FIN, ACK, RST.
    """

    sent: int = 0
    lost: int = 0
    uncaptured: int = 0
    unsent: int = 0
    copied: int = 0
    readdressed: int = 0
    resegmented: int = 0
    resets_lost: int = 0
    lost_kinds: Counter[str] = field(default_factory=Counter)
    transit: Latency | None = None

    @property
    def kinds_lost(self) -> str:
        """What was lost, in words that follow its number: `, all of them SYNs`."""
        kinds = [f"{count:,} {kind}" for kind, count in self.lost_kinds.most_common()]
        if len(kinds) == 1 and self.lost > 1:
            (kind,) = self.lost_kinds
            return f", all of them {kind if kind == 'data' else kind + 's'}"
        return f": {', '.join(kinds)}" if kinds else ""


@dataclass(frozen=True, slots=True)
class Forged:
    """A RST or FIN that one capture shows and that its sender, by the other capture, never sent."""

    kind: str  # RST, FIN
    seen_at: str  # A, B
    said_by: str  # client, server: the side whose addresses it bears
    connections: tuple[Connection, Connection]  # at A, at B
    frame: int
    at_ns: int
    confidence: str
    evidence: tuple[str, ...]


@dataclass(slots=True)
class Paired:
    """What is said of one connection at both points. Pairs of numbers are of A to B, of B to A."""

    a: Connection
    b: Connection
    by: str
    sent: tuple[int, int] = (0, 0)
    lost: tuple[int, int] = (0, 0)
    uncaptured: tuple[int, int] = (0, 0)
    unsent: tuple[int, int] = (0, 0)
    resets_lost: tuple[int, int] = (0, 0)
    lost_frames: tuple[tuple[int, ...], tuple[int, ...]] = ((), ())  # of the capture where they were sent; the first few
    round_trip_ns: int | None = None  # between the points: the quickest each way

    @property
    def all_lost(self) -> int:
        """Packets lost either way."""
        return sum(self.lost)


@dataclass(frozen=True, slots=True)
class Unpaired:
    """A connection of one capture alone, and what that means."""

    at: str  # A, B
    connection: Connection
    code: str  # syn-lost, answered-between, uncaptured, unrelated, other-side, outside
    why: str


@dataclass(frozen=True, slots=True)
class Translation:
    """Addresses that were rewritten on the way: what A saw as `a`, B saw as `b`. `ports`: some of A's and B's."""

    role: str  # client, server
    a: str
    b: str
    connections: int
    ports_changed: int
    ports: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Alteration:
    """Something that was changed on the way other than addresses."""

    code: str
    text: str
    connections: int
    first: tuple[Connection, Connection]


@dataclass(frozen=True, slots=True)
class Latencies:
    """Where time goes, as percentiles; parts of a handshake and of an answer, each from the connections that show it."""

    near: Latency  # handshake: SYN/ACK seen at the near point until the ACK that answers it
    out: Latency  # the SYN from the near point to the far one
    far: Latency  # SYN at the far point until the SYN/ACK there: the server, and the way to it
    back: Latency  # the SYN/ACK from the far point to the near one
    again: Latency  # the rest of the handshake: waiting for a SYN or SYN/ACK to be sent again
    total: Latency  # SYN until ACK at the near point
    answer_near: Latency  # last byte of a request until the first of its answer, at the point near the client
    answer_far: Latency  # the same at the other point


@dataclass(slots=True)
class PathFacts:
    """Everything that comparing two captures of the same traffic says; `coarse`: the points whose clock tells no times (A, B)."""

    names: tuple[str, str]
    captures: tuple[CaptureInfo, CaptureInfo]
    connections: tuple[int, int]
    clock: Clock
    ways: tuple[Way, Way]  # A to B, B to A
    latencies: Latencies
    pairs: list[Paired]
    unpaired: list[Unpaired]
    forged: list[Forged]
    translations: list[Translation]
    alterations: list[Alteration]
    clients_at: tuple[int, int]  # of how many paired connections the client is on A's side, on B's
    coarse: str = ""

    @property
    def clock_step_ns(self) -> int | None:
        """The step of the coarser of the two clocks (`CaptureInfo`)."""
        return coarser_step_ns(*(capture.clock_step_ns for capture in self.captures))
