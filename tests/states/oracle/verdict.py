"""What the reasoning says of one connection, in terms of its log: what `states` hands to `findings`.

Everything refers to log indices, never to times, so that the verdict on one textbook connection serves for all others
that went the same way. NOWHERE stands for "not captured" or "did not happen".
"""

from tcptrace_py.model.state import Basis, State
from tcptrace_py.model.verdict import View

NOWHERE = -1


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

    __slots__ = ("basis", "index", "reason", "state")

    def __init__(self, state: State, index: int, basis: Basis, reason: str) -> None:
        self.state = state
        self.index = index
        self.basis = basis
        self.reason = reason


class StayMarks:
    """A stay in TIME_WAIT: entered, restarted, killed."""

    __slots__ = ("basis", "entered", "killed", "restarts", "side")

    def __init__(self, side: int, entered: int, basis: Basis) -> None:
        self.side = side
        self.entered = entered
        self.basis = basis
        self.restarts: list[int] = []
        self.killed = NOWHERE


class ResetMarks:
    """A RST: whether its receiver obeys its numbers, whether the close was complete before, which segment it answers."""

    __slots__ = ("acceptable", "answers", "in_window", "index", "late", "origin")

    def __init__(self, index: int, *, acceptable: bool, in_window: bool, late: bool, answers: int, origin: int) -> None:
        self.index = index
        self.acceptable = acceptable
        self.in_window = in_window  # of a synchronized receiver: RFC 5961's case for a challenge ACK
        self.late = late
        self.answers = answers
        self.origin = origin


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


class Verdict:
    """Both sides' paths and everything that the findings rest on. Sides by number: 0 sent the first captured segment."""

    __slots__ = (
        "client",
        "close",
        "ending_unseen",
        "fatal",
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
        self.ending_unseen = False
        self.midstream = False
        self.self_connect = False
        self.fatal = NOWHERE  # the RST that ended the connection
        self.resets: list[ResetMarks] = []
        self.paths: tuple[list[Step], list[Step]] = ([], [])  # of a self-connect only the first
        self.stays: list[StayMarks] = []
        self.unexpected: list[tuple[int, str]] = []  # log index, what the table has no row for

    def final(self, number: int) -> State:
        """State in which the log leaves a side."""
        path = self.paths[number]
        return path[-1].state if path else State.CLOSED

    def entered(self, number: int, state: State) -> int:
        """Log index on which a side entered a state; NOWHERE if it never did, or before the capture."""
        for step in self.paths[number]:
            if step.state == state:
                return step.index
        return NOWHERE
