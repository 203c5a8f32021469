"""The TIME_WAIT ledger: by host and by (client, server, server port), taken in one connection at a time.

It keeps a few dozen bytes a connection (when, how long, which port), never the connections.
"""

from array import array
from bisect import bisect_right

from tcptrace_py.model.clock import SECOND_NS
from tcptrace_py.model.diagnosis import HostLedger, PortLedger, ServerLedger, ServiceLedger
from tcptrace_py.model.profiles import Profile
from tcptrace_py.model.results import Connection, Scope, Side
from tcptrace_py.model.state import State

from .curve import Curve, median
from .exhaustion import Ports, judge
from .rhythm import Rhythm, rhythm

NEVER_NS = (1 << 63) - 1
STOPPED = 4  # silence at the end, for more than such a part of the time before: that is not how it goes on
LATE = 4  # the last such part of the time tells the present rate
SUSTAINED = 100  # connections, over a second or longer, that make a rate worth going on from
_BEFORE_CLOSE = frozenset((State.CLOSED, State.LISTEN, State.SYN_SENT, State.SYN_RECEIVED, State.ESTABLISHED))
_OPENING = frozenset((State.CLOSED, State.LISTEN))


class HostRow:
    """Stays of one address."""

    __slots__ = ("as_client", "as_server", "before", "killed", "restarted", "reused", "stays")

    def __init__(self) -> None:
        self.as_client = self.as_server = self.before = 0
        self.restarted = self.reused = self.killed = 0
        self.stays = Curve()

    def add(self, connection: Connection, role: str) -> None:
        """Take in the connection's stays on the side that plays this role."""
        for stay in connection.time_wait:
            if stay.side != role:
                continue
            self.as_client += role == "client"
            self.as_server += role == "server"
            self.before += connection.midstream and stay.entered_ns <= connection.start_ns
            self.restarted += stay.restarts > 0
            self.reused += stay.ended_by == "reused"
            self.killed += stay.ended_by == "killed"
            self.stays.add(stay.entered_ns, stay.expires_ns if stay.ended_at_ns is None else stay.ended_at_ns)

    def result(self, key: tuple[str, Scope | None], profile: Profile, end_ns: int) -> HostLedger:
        """The finished row."""
        self.stays.sort()
        peak, peak_at = self.stays.peak()
        there = self.stays.at(end_ns)  # what has not ended by then outlives the capture
        return HostLedger(
            key[0],
            key[1],
            len(self.stays),
            self.as_client,
            self.as_server,
            peak,
            peak_at,
            there,
            self.before,
            there,
            self.restarted,
            self.reused,
            self.killed,
            _build_up_per_s(self.stays, peak_at),
            self.stays.begins[0] if len(self.stays) else None,
            self.stays.begins[-1] if len(self.stays) else None,
            profile.name,
            profile.time_wait_ns,
            None,
        )


class ServerRow:
    """Connections to one service."""

    __slots__ = (
        "both",
        "client_first",
        "clients",
        "lifetimes",
        "payloads",
        "resets",
        "server_first",
        "starts",
        "unclosed",
        "waits_client",
        "waits_server",
    )

    def __init__(self) -> None:
        self.client_first = self.server_first = self.both = self.resets = self.unclosed = 0
        self.waits_client = self.waits_server = 0
        self.clients: set[str] = set()
        self.starts: array[int] = array("q")
        self.lifetimes: array[int] = array("q")
        self.payloads: array[int] = array("q")

    def add(self, connection: Connection) -> None:
        """Take in one connection."""
        self._closed(connection)
        self.clients.add(connection.client.address)
        closes = began_to_close(connection)
        self.starts.append(connection.start_ns)
        if closes < NEVER_NS:
            self.lifetimes.append(closes - connection.start_ns)
        server = connection.server_side
        if not any(anomaly.code == "acked-unseen" for anomaly in connection.anomalies):  # else nobody knows how much
            self.payloads.append(connection.client_side.payload_bytes + (server.payload_bytes if server else 0))
        for stay in connection.time_wait:
            self.waits_client += stay.side == "client"
            self.waits_server += stay.side == "server"

    def _closed(self, connection: Connection) -> None:
        teardown = connection.teardown
        if teardown.pattern == "simultaneous":
            self.both += 1
        elif teardown.pattern == "rst":
            self.resets += 1
        elif teardown.first_fin == "client":
            self.client_first += 1
        elif teardown.first_fin == "server":
            self.server_first += 1
        else:
            self.unclosed += 1

    def closers(self) -> tuple[int, int, int, int, int, int, int]:
        """How they were closed, and what TIME_WAIT that left at clients and server."""
        return (
            self.client_first,
            self.server_first,
            self.both,
            self.resets,
            self.unclosed,
            self.waits_client,
            self.waits_server,
        )

    def share(self, entered: int) -> float:
        """Their part of all stays."""
        return (self.waits_client + self.waits_server) / entered if entered else 0.0

    def rhythm(self) -> Rhythm:
        """Why they come; `starts` sorted."""
        return rhythm(self.starts, self.lifetimes or array("q", [0]), self.payloads)

    def per_s(self) -> float | None:
        """How many a second; `starts` sorted."""
        span = self.starts[-1] - self.starts[0]
        return (len(self.starts) - 1) * SECOND_NS / span if span else None

    def total(self, key: tuple[str, int, Scope | None], entered: int) -> ServerLedger:
        """The finished row; `entered` are all stays of the capture."""
        self.starts = array("q", sorted(self.starts))
        kind = self.rhythm()
        return ServerLedger(
            *key,
            len(self.clients),
            len(self.starts),
            *self.closers(),
            self.share(entered),
            kind.pattern,
            kind.period_ns,
            kind.burst,
            median(self.lifetimes),
            self.per_s(),
        )


class ServiceRow(ServerRow):
    """Connections of one client address to one service: their ports too."""

    __slots__ = ("held", "opens", "plain", "ports", "released", "stamped", "waits")

    def __init__(self) -> None:
        super().__init__()
        self.stamped = self.plain = 0
        self.ports: array[int] = array("q")
        self.released: array[int] = array("q")
        self.held, self.opens, self.waits = Curve(), Curve(), Curve()

    def add(self, connection: Connection) -> None:
        """Take in one connection."""
        super().add(connection)
        self.stamped += connection.timestamps is True
        self.plain += connection.timestamps is False
        released = port_released(connection)
        self.ports.append(connection.client.port)
        self.released.append(released)
        self.held.add(connection.start_ns, released)
        if connection.handshake.outcome in ("completed", "not-captured"):
            self.opens.add(connection.start_ns, began_to_close(connection))
        for stay in connection.time_wait:
            if stay.side == "client":
                self.waits.add(stay.entered_ns, stay.expires_ns if stay.ended_at_ns is None else stay.ended_at_ns)

    def result(
        self, key: tuple[str, str, int, Scope | None], profile: Profile, entered: int, end_ns: int
    ) -> ServiceLedger:
        """The finished row; `entered` are all stays of the capture."""
        for curve in (self.held, self.opens, self.waits):
            curve.sort()
        self._order()
        kind = self.rhythm()
        per_s = self.per_s()
        return ServiceLedger(
            *key,
            len(self.starts),
            *self.closers(),
            self.share(entered),
            kind.pattern,
            kind.period_ns,
            kind.burst,
            median(self.lifetimes),
            median(self.payloads),
            self.opens.peak()[0],
            per_s,
            self.starts[-1] - self.starts[0],
            (self.stamped, self.plain),
            self._ports(profile, per_s, end_ns),
        )

    def _order(self) -> None:
        """By beginning: connections come in as they end."""
        order = sorted(range(len(self.starts)), key=lambda i: (self.starts[i], self.ports[i]))
        for name in ("starts", "ports", "released"):
            column = getattr(self, name)
            setattr(self, name, array("q", (column[i] for i in order)))

    def _ports(self, profile: Profile, per_s: float | None, end_ns: int) -> PortLedger:
        known, full = judge(Ports(self.ports, self.starts, self.released, len(self.waits)), self.held, profile, end_ns)
        count = known.high - known.low + 1
        peak, peak_at = self.held.peak()
        if full is not None and full.before_per_s is not None:
            per_s = full.before_per_s
        ceiling = count / profile.time_wait_s if profile.time_wait_s else None
        now = self.held.at(end_ns)
        present = None if full is not None or not self._goes_on(end_ns) else self._keeping(profile, end_ns)
        left = filling = lasted = None
        if present is not None and ceiling is not None and present[0] > ceiling:
            filling, lasted = present
            left = round(max(count - now, 0) / filling * SECOND_NS)
        return PortLedger(
            known.low,
            known.high,
            known.known_from,
            peak,
            self.waits.peak()[0],
            peak_at,
            now,
            per_s,
            ceiling,
            left,
            full,
            filling,
            lasted,
        )

    def _goes_on(self, end_ns: int) -> bool:
        """Whether there is a rate to go on from: enough connections, and no silence at the end."""
        span, came = end_ns - self.starts[0], self.starts[-1] - self.starts[0]
        return len(self.starts) >= SUSTAINED and span >= SECOND_NS and (span - came) * STOPPED <= came

    def _keeping(self, profile: Profile, end_ns: int) -> tuple[float, int]:
        """How many a second keep their port in TIME_WAIT at the client, and over how long (ns) that was so.

        Over all the time, or over its last quarter (of one TIME_WAIT at most) where there are enough: whichever is faster.
        """
        span = end_ns - self.starts[0]
        found = [(len(self.waits) * SECOND_NS / span, span)]
        late = min(span, profile.time_wait_ns) // LATE
        begins = self.waits.begins
        recent = len(begins) - bisect_right(begins, end_ns - late)
        if late >= SECOND_NS and recent >= SUSTAINED:
            found.append((recent * SECOND_NS / late, late))
        return max(found)


def began_to_close(connection: Connection) -> int:
    """When the client's side left ESTABLISHED (ns); NEVER_NS if it was open at the capture's end."""
    opened = False
    for entry in connection.client_side.states:
        if entry.state not in _BEFORE_CLOSE or (opened and entry.state in _OPENING):
            return connection.start_ns if entry.at_ns is None else max(entry.at_ns, connection.start_ns)
        opened = opened or entry.state not in _OPENING
    return NEVER_NS


def port_released(connection: Connection) -> int:
    """When the client's port was free again (ns); NEVER_NS if, as far as the capture tells, it was not."""
    for stay in connection.time_wait:
        if stay.side == "client":
            return stay.expires_ns if stay.ended_at_ns is None else stay.ended_at_ns
    side: Side = connection.client_side
    last = side.states[-1]
    if side.final_state == State.CLOSED and last.at_ns is not None:
        return max(last.at_ns, connection.start_ns)
    return NEVER_NS


def _build_up_per_s(stays: Curve, peak_at_ns: int | None) -> float | None:
    """How fast stays were entered, from the first until the peak."""
    if peak_at_ns is None or peak_at_ns <= stays.begins[0]:
        return None
    entered = sum(begin <= peak_at_ns for begin in stays.begins)
    return (entered - 1) * SECOND_NS / (peak_at_ns - stays.begins[0])
