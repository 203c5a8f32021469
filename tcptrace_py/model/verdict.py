"""What the reasoning says of one connection, in terms of its log: what `states` hands to `findings`.

Everything refers to log indices, never to times, so that the verdict on one textbook connection serves for all others
that went the same way. NOWHERE stands for "not captured" or "did not happen".
"""

from .state import Basis, State

NOWHERE = -1
NAMED, BETWEEN, UNTOLD = range(3)  # who sent a RST: the side that it names, neither of the two, one that cannot be told
OBSERVED, ASSUMED, INFERRED, CLOCK = range(4)  # bases as numbers: their places in BASES
BASES = tuple(Basis)
STATES = tuple(State)
CLOSED = State.CLOSED
RESENT_NS = 190_000_000  # Linux waits 200 ms and a round trip, or three of these, before it sends again (RFC 6298, TCP_RTO_MIN)
NO_WAYS = (0, 0)  # of a host of which nothing else is known
MORE_GRACE_NS = 2_000_000  # what a host needs to answer, and a clock to be off


class View:
    """The capture point: which sides are near it (their receipts are seen as they happen), and the round trip in ns."""

    __slots__ = ("name", "near", "other_ways", "round_trip_ns", "skew_ns", "ways")

    def __init__(
        self,
        name: str | None,
        near: tuple[bool, bool],
        round_trip_ns: int,
        skew_ns: int = 0,
        ways: tuple[int, int] = NO_WAYS,
        other_ways: tuple[int, int] = NO_WAYS,
    ) -> None:
        self.name = name  # client, server, middle; None: unclear
        self.near = near
        self.round_trip_ns = round_trip_ns
        self.skew_ns = skew_ns  # how much longer side 1's segments travel to the capture point than side 0's
        # By how many hops segments of side 0's host and side 1's came, as bits, in all connections and in those of the side's port
        # as a service; 0: not known.
        self.ways = ways
        self.other_ways = other_ways

    def ways_of(self, number: int) -> tuple[int, int]:
        """The same of a side, by its number."""
        return self.other_ways if number else self.ways

    def leg_ns(self, number: int) -> int:
        """From the capture point to a side and back; 0 where it is not clear where that stood."""
        if self.name is None:
            return 0
        half_ns = self.round_trip_ns // 2
        return half_ns + self.skew_ns if number else half_ns - self.skew_ns

    def grace_ns(self) -> int:
        """How long after a segment the far side may still be captured without knowing it: one and a half round trips."""
        return self.round_trip_ns * 3 // 2 + MORE_GRACE_NS


class Opening:
    """The handshake: its segments as the client sent and answered them."""

    __slots__ = (
        "ack",
        "ack_of",
        "fast_open",
        "first_syn",
        "last_syn",
        "refusal",
        "simultaneous",
        "syn_repeats",
        "synack",
        "synack_repeats",
    )

    def __init__(self) -> None:
        self.first_syn = NOWHERE
        self.last_syn = NOWHERE  # the last SYN before the SYN/ACK
        self.synack = NOWHERE
        self.ack = NOWHERE  # the first segment that acknowledges the SYN/ACK
        self.ack_of = NOWHERE  # the last SYN/ACK before it
        self.refusal = NOWHERE  # the RST that answers the SYN
        self.syn_repeats = 0
        self.synack_repeats = 0
        self.simultaneous = False
        self.fast_open = False


class Step:
    """A state entered: on which log index, how firmly, and why (a row of the table in words; RFC 9293 section)."""

    __slots__ = ("basis_code", "index", "reason", "state_code")

    def __init__(self) -> None:
        self.state_code: int
        self.index: int
        self.basis_code: int
        self.reason: str

    @property
    def state(self) -> State:
        """The state entered."""
        return STATES[self.state_code]

    @property
    def basis(self) -> Basis:
        """What the transition rests on."""
        return BASES[self.basis_code]


def step_to(state: int, index: int, basis: int, reason: str) -> Step:
    """A step: a function, since compiled it is called with C numbers, and calls nothing of Python's."""
    step = Step.__new__(Step)
    step.state_code = state
    step.index = index
    step.basis_code = basis
    step.reason = reason
    return step


class StayMarks:
    """A stay in TIME_WAIT: entered, restarted, killed. `exits` are the steps that may end it: `killed`, `reused`, `expired`."""

    __slots__ = ("basis_code", "entered", "exits", "killed", "restarts", "side")

    def __init__(self, side: int, entered: int, basis: int, exits: dict[str, Step]) -> None:
        self.side = side
        self.entered = entered
        self.basis_code = basis
        self.exits = exits
        self.restarts: list[int] = []
        self.killed = NOWHERE

    @property
    def basis(self) -> Basis:
        """What the entry rests on."""
        return BASES[self.basis_code]


class ResetMarks:
    """A RST: whether its receiver obeys its numbers, whether the close was complete before, which segment it answers, who sent it."""

    __slots__ = ("acceptable", "answers", "in_window", "index", "late", "origin")

    def __init__(self, index: int, acceptable: bool, in_window: bool, late: bool, answers: int, origin: int) -> None:
        self.index = index
        self.acceptable = acceptable
        self.in_window = in_window  # of a synchronized receiver: RFC 5961's case for a challenge ACK
        self.late = late
        self.answers = answers
        self.origin = origin  # NAMED, BETWEEN, UNTOLD


class Close:
    """The FINs of both sides: every copy, which copy is acknowledged, who had the other's before its own."""

    __slots__ = ("acknowledged", "fins", "second", "taken")

    def __init__(
        self, fins: tuple[list[int], list[int]], acknowledged: tuple[bool, bool], second: tuple[bool, bool], taken: tuple[int, int]
    ) -> None:
        self.fins = fins  # by side, in order of sending
        self.acknowledged = acknowledged  # by side: some captured segment of the peer covers its FIN
        self.second = second  # by side: it had the peer's FIN before it sent its own
        self.taken = taken  # by side: the copy of its FIN that the peer took

    def first(self, number: int) -> int:
        """Log index of a side's first FIN in capture order; NOWHERE without one."""
        first = NOWHERE
        copies = self.fins[number]
        for index in copies:
            if first < 0 or index < first:
                first = index
        return first


class Verdict:
    """Both sides' paths and everything that the findings rest on. Sides by number: 0 sent the first captured segment."""

    __slots__ = (
        "client",
        "close",
        "ending_unseen",
        "fatal",
        "fin_hidden",
        "giving_up",
        "midstream",
        "opening",
        "paths",
        "resets",
        "self_connect",
        "stays",
        "unexpected",
        "view",
    )

    def __init__(self, view: View, client: int, opening: Opening, close: Close) -> None:
        self.view = view
        self.client = client
        self.opening = opening
        self.close = close
        self.midstream = False
        self.self_connect = False
        self.ending_unseen = False  # what was captured cannot tell how it ended: paths stop before its close
        self.fin_hidden = False  # only one side's FIN was captured, and the end of what the other one sent was not
        self.fatal = NOWHERE  # the RST that ended the connection
        self.resets: list[ResetMarks] = []
        self.paths: tuple[list[Step], list[Step]] = ([], [])  # of a self-connect only the first
        self.stays: list[StayMarks] = []
        self.giving_up: dict[int, Step] = {}  # by a state that a timer ends where nobody answers: the step out of it
        self.unexpected: list[tuple[int, str]] = []  # log index, what the table has no row for

    def of_another(self, view: View, resets: list[ResetMarks]) -> "Verdict":
        """The same verdict on a connection that went the same way, seen from there: paths and stays are shared."""
        other = Verdict(view, self.client, self.opening, self.close)
        other.midstream, other.self_connect = self.midstream, self.self_connect
        other.ending_unseen, other.fin_hidden = self.ending_unseen, self.fin_hidden
        other.fatal, other.resets = self.fatal, resets
        other.paths, other.stays, other.giving_up, other.unexpected = self.paths, self.stays, self.giving_up, self.unexpected
        return other

    def final(self, number: int) -> State:
        """State in which the log leaves a side."""
        return STATES[self.final_code(number)]

    def final_code(self, number: int) -> int:
        """The same state as a number."""
        path = self.paths[number]
        if not path:
            return 0
        step = path[len(path) - 1]
        return step.state_code

    def had_left(self, number: int, index: int) -> bool:
        """Whether a side's path had come to CLOSED before a log index."""
        path = self.paths[number]
        if not path:
            return False
        step = path[len(path) - 1]
        return step.state_code == CLOSED and 0 <= step.index < index

    def entered(self, number: int, state: int) -> int:
        """Log index on which a side entered a state; NOWHERE if it never did, or before the capture."""
        path = self.paths[number]
        for step in path:
            if step.state_code == state:
                return step.index
        return NOWHERE
