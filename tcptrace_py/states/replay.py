"""Evidence through the table: one state path for each side, in terms of log indices."""

from ..model.live import Connection, Segment
from ..model.segments import ACK, FIN, RST, SYN
from ..model.seq import MASK, ahead
from ..model.state import Basis, State
from .evidence import NOWHERE, Evidence, Happening, View
from .machine import Event, Row, step


class Step:
    """A state entered: by which row of the table, on which log index (NOWHERE: none), how firmly."""

    __slots__ = ("basis", "index", "row", "state")

    def __init__(self, state: State, index: int, basis: Basis, row: Row | None) -> None:
        self.state = state
        self.index = index
        self.basis = basis
        self.row = row


class Stay:
    """A stay in TIME_WAIT in log indices: entered, restarted, killed (NOWHERE: not)."""

    __slots__ = ("basis", "entered", "killed", "restarts", "side")

    def __init__(self, side: int, entered: int, basis: Basis) -> None:
        self.side = side
        self.entered = entered
        self.basis = basis
        self.restarts: list[int] = []
        self.killed = NOWHERE


class Replay:
    """Both sides' paths through the machine, what they left in TIME_WAIT, and the events that no row names."""

    def __init__(self, connection: Connection, view: View) -> None:
        self.evidence = Evidence(connection, view)
        self.client = self.evidence.client
        self.midstream = not connection.a.syn_seen and not connection.b.syn_seen
        self.unexpected: list[tuple[int, Event, State]] = []
        numbers = (0,) if connection.self_connect else (0, 1)
        self.paths: dict[int, list[Step]] = {number: self._walk(number) for number in numbers}
        self.stays = [stay for number in numbers if (stay := self._stay(number)) is not None]

    def final(self, number: int) -> State:
        """State in which the log leaves a side."""
        path = self.paths.get(number)
        return path[-1].state if path else State.CLOSED

    def entered(self, number: int, state: State) -> Step | None:
        """The step by which a side entered a state; None if it never did."""
        for item in self.paths.get(number, ()):
            if item.state == state and item.index >= 0:
                return item
        return None

    # -- one side ---------------------------------------------------------------------------------------------------

    def _walk(self, number: int) -> list[Step]:
        evidence = self.evidence
        events = evidence.opening_events(number)
        state = self._start(number, events)
        path = [Step(state, NOWHERE, Basis.ASSUMED if state == State.ESTABLISHED else Basis.INFERRED, None)]
        if state == State.ESTABLISHED:
            first = next((i for i in evidence.indices[number] if not evidence.log[i].flags & RST), NOWHERE)
            path[0].index = first
        for event, index, basis in self._in_order(number, events):
            row = step(path[-1].state, event)
            if row is None:
                if not (path[-1].state in (State.CLOSED, State.LISTEN) or event in (Event.GOT_ACK_OF_SYN, Event.GOT_SYN_ACK)):
                    self.unexpected.append((index, event, path[-1].state))
                continue
            path.append(Step(row[2], index, basis, row))
        return path

    def _start(self, number: int, events: list[Happening]) -> State:
        """CLOSED for an opener or a port that refused, LISTEN for who answered a SYN; mid-stream what evidence allows."""
        evidence = self.evidence
        connection = evidence.connection
        if events:
            return State.LISTEN if events[0][0] == Event.SENT_SYN_ACK else State.CLOSED
        if not connection.a.syn_seen and not connection.b.syn_seen:
            side = connection.side(number)
            alive = side.spoke or (connection.side(1 - number).spoke and not side.packets)
            return State.ESTABLISHED if alive or connection.side(1 - number).has_ack else State.CLOSED
        # The peer opened, and this side was never seen to answer with a SYN: mid-stream for it if it speaks.
        side = connection.side(number)
        return State.ESTABLISHED if side.spoke and evidence.opening.synack < 0 and self._answered(number) else State.CLOSED

    def _answered(self, number: int) -> bool:
        """Whether the side's words acknowledge its peer's SYN: its own SYN/ACK was missed by the capture."""
        log, peer = self.evidence.log, self.evidence.connection.side(1 - number)
        return any(not log[i].flags & (SYN | RST) and log[i].flags & ACK and peer.syn_seen and ahead(log[i].ack, (peer.isn + 1) & MASK) >= 0
                   for i in self.evidence.indices[number])

    def _in_order(self, number: int, opening: list[Happening]) -> list[Happening]:
        """Opening, close and RST of one side in the order in which they happened to it."""
        evidence = self.evidence
        closing = evidence.closing_events(number)
        events = opening + closing
        for position, happening in evidence.reset_events(number):
            before = [e for e in events if self._before_reset(number, e, position)]
            events = [*before, happening]
        return events

    def _before_reset(self, number: int, happening: Happening, position: int) -> bool:
        event, index, _ = happening
        evidence = self.evidence
        if index > position:
            return False
        fatal = evidence.log[evidence.fatal]
        if fatal.side == number and event in (Event.GOT_FIN, Event.GOT_ACK_OF_FIN):
            return self._known_to_resetter(happening)
        return True

    def _known_to_resetter(self, happening: Happening) -> bool:
        """Had the sender of the RST received this before? Its acknowledgement, or the segment it answers, tells."""
        evidence = self.evidence
        event, index, basis = happening
        fatal = evidence.log[evidence.fatal]
        if basis == Basis.OBSERVED:
            return True
        if event == Event.GOT_FIN:
            return evidence.covers(fatal, 1 - fatal.side)
        if evidence.view.near[fatal.side]:
            return True
        if fatal.flags & ACK:
            return evidence.time(evidence.fatal) - evidence.time(index) > evidence.view.round_trip_ns
        return ahead(fatal.seq, evidence.fin_end[fatal.side]) >= 0

    # -- TIME_WAIT --------------------------------------------------------------------------------------------------

    def _stay(self, number: int) -> Stay | None:
        """The side's stay in TIME_WAIT; what restarts and kills it: FACTS, tcp_timewait_state_process()."""
        entry = next((item for item in self.paths[number] if item.state == State.TIME_WAIT), None)
        if entry is None:
            return None
        evidence = self.evidence
        stay = Stay(number, entry.index, entry.basis)
        own = evidence.connection.self_connect
        arrived = self._arrived_with(number, entry.index)
        for i in range(arrived + 1, len(evidence.log)):
            segment = evidence.log[i]
            if (segment.side == number and not own) or stay.killed >= 0:
                continue
            if segment.flags & RST:
                if segment.seq == evidence.connection.side(1 - number).next_seq:
                    stay.killed = i
                    self.paths[number].append(Step(State.CLOSED, i, Basis.ASSUMED, step(State.TIME_WAIT, Event.GOT_RST)))
            elif segment.flags & ACK and not segment.flags & SYN and self._restarts(segment, evidence.log[entry.index], own):
                stay.restarts.append(i)
        return stay

    def _arrived_with(self, number: int, entry: int) -> int:
        """Log index behind which segments reach a side that is already in TIME_WAIT."""
        return entry

    def _restarts(self, segment: Segment, entry: Segment, own: bool) -> bool:
        return segment.time_ns > entry.time_ns and not own and segment.frame != entry.frame


def has_fin(segment: Segment) -> bool:
    """Whether a segment closes."""
    return bool(segment.flags & FIN and not segment.flags & (SYN | ACK) == SYN)
