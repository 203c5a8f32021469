"""Where a capture was taken, told from the two legs of a handshake (DESIGN 3, Handshake)."""

from array import array
from typing import Any

from tcptrace_py.model import words
from tcptrace_py.model.growing import longer
from tcptrace_py.model.live import COPY, STRAY, Connection, Segment, client_of
from tcptrace_py.model.segments import ACK, IPV6_KEY, RST, SYN
from tcptrace_py.model.seq import ahead
from tcptrace_py.model.verdict import NO_WAYS, View

CLEAR_RATIO = 4  # one leg this many times the other: the capture stood at the quick answerer
LOCAL_NS = 300_000  # below this both sides are as good as at the capture point


class Legs:
    """SYN to SYN/ACK (outward from the capture point to the server and back) and SYN/ACK to ACK, in ns; and both sides' TTLs."""

    __slots__ = ("client", "client_ttl", "server_ttl", "to_client_ns", "to_server_ns")

    def __init__(self) -> None:
        self.client: int
        self.client_ttl: int  # of the SYN
        self.server_ttl: int  # of the SYN/ACK
        self.to_server_ns: int
        self.to_client_ns: int


def _legs_of(syn: Segment, synack: Segment, answer: Segment) -> Legs:
    own = Legs.__new__(Legs)  # compiled, this is no call of Python's
    own.client, own.client_ttl, own.server_ttl = syn.side, syn.ttl, synack.ttl
    own.to_server_ns, own.to_client_ns = max(synack.time_ns - syn.time_ns, 0), max(answer.time_ns - synack.time_ns, 0)
    return own


def legs(connection: Connection) -> Legs | None:
    """Both legs of an ordinary handshake in which nothing was repeated (Karn's rule); None of any other."""
    log = connection.log
    if connection.plain and len(log) > 2:
        syn, synack, answer = log[0], log[1], log[2]
        if syn.flags & 0x17 == SYN and synack.flags & 0x17 == SYN | ACK and not answer.flags & SYN and answer.side == 0:
            return _legs_of(syn, synack, answer)
    return _searched_legs(connection)


def _searched_legs(connection: Connection) -> Legs | None:
    if connection.self_connect:
        return None
    syn = synack = None
    for segment in connection.log:
        if segment.marks & (COPY | STRAY):
            continue
        if syn is None:
            syn = segment
            if syn.flags & (SYN | ACK | RST) != SYN:
                return None
        elif synack is None:
            synack = segment
            if synack.flags & (SYN | ACK | RST) != SYN | ACK or syn.side == synack.side or ahead(synack.ack, syn.seq) < 1:
                return None
        elif segment.flags & SYN:
            return None
        elif segment.side == syn.side:
            if segment.flags & (RST | ACK) != ACK or segment.seq != synack.ack:  # further on: the ACK itself is not there
                return None
            return _legs_of(syn, synack, segment)
    return None


def first_ttl(connection: Connection, number: int) -> int:
    """TTL of the first segment of a side that is no RST; 0 without one."""
    for segment in connection.log:
        if segment.side == number and not segment.flags & RST and not segment.marks & (COPY | STRAY):
            return segment.ttl
    return 0


def _far_below(near_ns: int, far_ns: int) -> bool:
    """Whether one leg is less than a CLEAR_RATIOth of the other: no product, which 64 bits may not hold."""
    return near_ns <= (far_ns - 1) // CLEAR_RATIO


UNKNOWN_ROUND_TRIP_NS = 50_000_000  # what is assumed to have crossed, where no handshake tells
MOST_LEG_NS = 1 << 57  # of a round trip, four years: a damaged clock says more, and multiples of it must have 64 bits
SAMPLES = 15  # handshakes kept for each pair of hosts, the earliest
PAIR_WORDS = 3 * SAMPLES
GROWTH = 8
NOWHERE, LOCAL, UNCLEAR, AT_CLIENT, AT_SERVER, BETWEEN = range(6)  # what one handshake says
NAMES = (None, None, None, "client", "server", "middle")
FAR = (False, False)
NEAR = (FAR, (True, True), FAR, (True, False), (False, True), FAR)  # which sides receive what is captured as soon as it is


def place(own: Legs | None) -> int:
    """What a handshake says of the capture point: one of the six above."""
    return NOWHERE if own is None else place_of(own.to_server_ns, own.to_client_ns)


def place_of(to_server_ns: int, to_client_ns: int) -> int:
    """Say the same of a handshake's two legs."""
    if to_server_ns < LOCAL_NS and to_client_ns < LOCAL_NS:
        return LOCAL
    if _far_below(to_client_ns, to_server_ns):
        return AT_CLIENT
    if _far_below(to_server_ns, to_client_ns):
        return AT_SERVER
    return BETWEEN if min(to_server_ns, to_client_ns) >= LOCAL_NS else UNCLEAR


class Samples:
    """Handshakes of pairs of hosts that had several: for each pair SAMPLES times first frame, low leg, high leg (ns)."""

    __slots__ = ("rows", "used")

    def __init__(self) -> None:
        self.rows = array("q")
        self.used = 0

    def place(self) -> int:
        """Where the numbers of a new pair begin."""
        at = self.used
        if at + PAIR_WORDS > len(self.rows):
            grown = longer(self.rows, GROWTH)
            grown.frombytes(bytes(8 * PAIR_WORDS))
            self.rows = grown
        self.used += PAIR_WORDS
        return at


class Pair:
    """Two hosts: the legs of the earliest handshakes between them, towards the host with the lower address and the other."""

    __slots__ = ("base", "count", "high_ns", "latest", "low_ns", "medians", "samples")

    def __init__(self, samples: Samples) -> None:
        self.samples = samples
        self.base = -1  # where its handshakes stand there, once there is more than one: most pairs of a flood have no other
        self.count = 0
        self.low_ns = self.high_ns = 0  # legs of the only one
        self.latest = 0  # the latest first frame among them
        self.medians: tuple[int, int] | None = None  # of both legs, once they were asked for

    def learn(self, first_frame: int, low_ns: int, high_ns: int) -> None:
        """Take a handshake in, by its connection's first frame."""
        if self.count == SAMPLES:
            if first_frame > self.latest:
                return
            self._drop_latest()
        self.medians = None
        if self.count == 0:
            self.low_ns, self.high_ns = low_ns, high_ns
        else:
            if self.count == 1 and self.base < 0:
                self._find_room()
            rows, at = self.samples.rows, self.base + 3 * self.count
            rows[at], rows[at + 1], rows[at + 2] = first_frame, low_ns, high_ns
        self.count += 1
        self.latest = max(self.latest, first_frame)

    def _find_room(self) -> None:
        """The only handshake is the first of several from now on."""
        self.base = self.samples.place()
        rows, at = self.samples.rows, self.base
        rows[at], rows[at + 1], rows[at + 2] = self.latest, self.low_ns, self.high_ns

    def _drop_latest(self) -> None:
        rows, last = self.samples.rows, self.base + 3 * (self.count - 1)
        self.count -= 1
        before = 0
        for at in range(self.base, last, 3):
            if rows[at] == self.latest:  # the last one takes its place
                rows[at], rows[at + 1], rows[at + 2] = rows[last], rows[last + 1], rows[last + 2]
            before = max(before, rows[at])
        self.latest = before

    def merge(self, other: "Pair") -> None:
        """Take in the same pair's handshakes from another part of the capture."""
        rows = other.handshakes()
        for at in range(0, len(rows), 3):
            self.learn(rows[at], rows[at + 1], rows[at + 2])

    def handshakes(self) -> "array[int]":
        """First frame, low leg, high leg (ns) of each handshake."""
        if self.base < 0:
            return array("q", (self.latest, self.low_ns, self.high_ns) if self.count else ())
        return array("q", bytes(self.samples.rows[self.base : self.base + 3 * self.count]))

    def legs_ns(self) -> tuple[int, int] | None:
        """Medians of both legs; None where no handshake is known."""
        if not self.count:
            return None
        if self.medians is None:
            rows = self.handshakes()
            self.medians = sorted(rows[1::3])[self.count // 2], sorted(rows[2::3])[self.count // 2]
        return self.medians

    def __reduce__(self) -> tuple[Any, ...]:
        return _again, (self.handshakes(),)


def _again(rows: "array[int]") -> Pair:
    pair = Pair(Samples())
    for at in range(0, len(rows), 3):
        pair.learn(rows[at], rows[at + 1], rows[at + 2])
    return pair


class Vantages:
    """Where the capture stood, for each pair of hosts, from the handshakes between them; and how far off hosts and services are.

    `ways`, by an address or an address and port: by how many hops their segments came, as bits, once all connections are known.
    """

    def __init__(self) -> None:
        self.pairs: dict[bytes, Pair] = {}
        self.ways: dict[bytes, int] = {}
        self.samples = Samples()

    def pair(self, one: bytes, other: bytes) -> Pair:
        """Row of two hosts, in either order."""
        name = one + other if one <= other else other + one
        pair = self.pairs.get(name)
        if pair is None:
            pair = self.pairs[name] = Pair(self.samples)
        return pair

    def know(self, pairs: dict[bytes, Pair]) -> None:
        """Take in what another part of the capture knows of pairs of hosts."""
        for name, pair in pairs.items():
            known = self.pairs.get(name)
            if known is None:
                known = self.pairs[name] = Pair(self.samples)
            known.merge(pair)

    def take_ways(self, ways: dict[bytes, int]) -> None:
        """Take in how far off hosts and services are, as a part of the capture has it."""
        for name, bits in ways.items():
            self.ways[name] = self.ways.get(name, 0) | bits

    def clear(self, own: Legs | None) -> bool:
        """Whether a connection's own handshake tells where the capture stood."""
        return place(own) >= AT_CLIENT

    def view(self, live: Connection, own: Legs | None, settled: bool = False) -> View:
        """Where the capture stood for this connection: by its own handshake, else, once all are known, by its hosts' other ones."""
        size = _address_bytes(live)
        a_ways = b_ways = NO_WAYS
        if self.ways and settled:
            a_ways, b_ways = self._ways(live.a.key, size), self._ways(live.b.key, size)
        to_a = to_b = 0  # there and back between the capture point and side 0, side 1
        if own is not None:
            to_a, to_b = own.to_client_ns, own.to_server_ns
            if own.client == 1:
                to_a, to_b = to_b, to_a
        if to_a < LOCAL_NS and to_b < LOCAL_NS:
            legs_ns = self._legs_ns(live, size) if settled else None
            if legs_ns is None and own is None:
                return View(None, FAR, UNKNOWN_ROUND_TRIP_NS, 0, a_ways, b_ways)
            if legs_ns is not None:
                to_a, to_b = legs_ns
        at = place_of(to_b, to_a)  # named as if side 0 were the client
        name = NAMES[at]
        if at in (AT_CLIENT, AT_SERVER) and client_of(live) == 1:
            name = NAMES[AT_SERVER if at == AT_CLIENT else AT_CLIENT]
        near = NEAR[at]
        return View(name, near, min(to_a, MOST_LEG_NS) + min(to_b, MOST_LEG_NS), (to_b - to_a) // 2, a_ways, b_ways)

    def _ways(self, key: bytes, size: int) -> tuple[int, int]:
        """By how many hops segments came from the sender's address, and from its port there as a service."""
        address = words.within(key, 0, size)
        return self.ways.get(address, 0), self.ways.get(address + words.within(key, 2 * size, 2), 0)

    def _legs_ns(self, live: Connection, size: int) -> tuple[int, int] | None:
        """Medians of the legs to side 0 and side 1, from all handshakes of their hosts; None where none is known."""
        source, target = words.within(live.a.key, 0, size), words.within(live.b.key, 0, size)
        pair = self.pairs.get(source + target if source <= target else target + source)
        legs_ns = None if pair is None else pair.legs_ns()
        return legs_ns if legs_ns is None or source <= target else (legs_ns[1], legs_ns[0])


def _address_bytes(live: Connection) -> int:
    return 4 if len(live.a.key) < IPV6_KEY else 16
