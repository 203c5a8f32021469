"""From a connection and the verdict on it to a row of the tables: where log indices become times and frames."""

from array import array

from tcptrace_py.model import words
from tcptrace_py.model.addresses import scope_of, text
from tcptrace_py.model.clock import NEVER_NS
from tcptrace_py.model.closed import Closed
from tcptrace_py.model.live import LETTERS, STRAY
from tcptrace_py.model.live import Connection as Live
from tcptrace_py.model.live import Side as LiveSide
from tcptrace_py.model.profiles import Profiles
from tcptrace_py.model.results import Anomaly, Scope, TwoScopes
from tcptrace_py.model.segments import IPV6_KEY, OPT_TIMESTAMPS, RST, key_parts
from tcptrace_py.model.seq import HALF, MASK
from tcptrace_py.model.state import State
from tcptrace_py.model.verdict import NOWHERE, StayMarks, Step, Verdict
from tcptrace_py.model.vocabulary import EndedBy, Outcome, Vantage, numbers

from .anomalies import anomalies
from .block import (
    ANOMALIES,
    ANOMALIES_AT,
    ANOMALY_CODE,
    ANOMALY_EXPLANATION,
    ANOMALY_FRAME,
    CENSORED,
    CLIENT,
    CLIENT_PACKETS,
    CLIENT_PATH,
    CLIENT_PORT,
    CLIENT_REPEATS,
    CLOSE,
    END,
    ENDING_RESET,
    ENTERED,
    ENTRIES_AT,
    ENTRY_FRAME,
    FIRST_FIN,
    FIRST_FRAME,
    HANDSHAKE,
    HISTORY,
    KIND,
    LAST_FRAME,
    MIDSTREAM,
    OUTCOME,
    PATTERN,
    RELEASED,
    RESETS,
    RESETS_AT,
    SCOPE,
    SEGMENTS,
    SERVER,
    SERVER_PACKETS,
    SERVER_PATH,
    SERVER_PORT,
    SERVER_REPEATS,
    START,
    STAY_BASIS,
    STAY_ENDED,
    STAY_ENDED_BY,
    STAY_ENTERED,
    STAY_EXPIRES,
    STAY_RESTARTS,
    STAY_SIDE,
    STAYS,
    STAYS_AT,
    STREAM,
    SYN_REPEATS,
    SYN_TO_SYNACK,
    SYNACK_REPEATS,
    SYNACK_TO_ACK,
    TIMESTAMPS,
    VANTAGE,
    Block,
)
from .handshake import write_handshake
from .resets import write_resets
from .table import MISSING, Table
from .teardown import write_teardown
from .time_wait import CAPTURE_END, EXPIRED, released_ns, write_stays
from .timers import FIRST_REPEAT_NS, gives_up_ns, is_attempt_in_flight, is_close_in_flight, may_be_in_flight, overdue_ns
from .waits import write_waits, write_waits_like

_TIME_WAIT = State.TIME_WAIT
_VANTAGES = numbers(Vantage)
UNANSWERED = numbers(Outcome)["unanswered"]
ENDINGS = tuple(map(str, EndedBy))


class Shape:
    """What all textbook connections of one template have in common: everything but addresses, times and counts.

    Made of the row of the first of them. What hangs on times is told by log indices; -1: there is none.
    """

    __slots__ = (
        "ack",
        "ack_of",
        "basis",
        "begins",
        "client_path",
        "completes",
        "first_fin",
        "first_syn",
        "history",
        "kind",
        "last_syn",
        "letters",
        "midstream",
        "named_in",
        "outcome",
        "pattern",
        "segments",
        "server_path",
        "stay_side",
        "synack",
        "timed",
        "vantage",
    )

    def __init__(self, verdict: Verdict, block: Block, row: int) -> None:
        table, opening, close = block.connections, verdict.opening, verdict.close
        small, size = table.small, table.capacity
        self.vantage, self.midstream = small[VANTAGE * size + row], small[MIDSTREAM * size + row]
        self.kind, self.outcome, self.pattern = small[KIND * size + row], small[OUTCOME * size + row], small[PATTERN * size + row]
        self.segments, self.first_fin = small[SEGMENTS * size + row], small[FIRST_FIN * size + row]
        self.first_syn, self.last_syn, self.synack = opening.first_syn, opening.last_syn, opening.synack
        self.ack, self.ack_of = opening.ack, opening.ack_of
        if table.wide[SYN_TO_SYNACK * size + row] == MISSING:
            self.last_syn = -1
        if table.wide[SYNACK_TO_ACK * size + row] == MISSING:
            self.ack_of = -1
        self.timed = table.wide[HANDSHAKE * size + row] != MISSING
        self.begins = array("i", [min(copies) for copies in close.fins if copies])
        timed = table.wide[CLOSE * size + row] != MISSING
        self.completes = array(
            "i",
            [
                step.index
                for path in verdict.paths
                for step in path[1:]
                if timed and step.index >= 0 and step.state in (State.TIME_WAIT, State.CLOSED)
            ],
        )
        client = verdict.client
        self.client_path, self.server_path = _Path(verdict, client), _Path(verdict, 1 - client)
        if self.outcome == UNANSWERED:
            self.client_path.give_up(verdict.giving_up)
        self.letters, self.history, self.named_in = 0, -1, 0  # of the last one: its history, the number of that in a block, which one
        self.stay_side, self.basis = -1, -1
        for marks in verdict.stays:
            self.stay_side, self.basis = marks.side != client, marks.basis_code


class _Path:
    """A side's path: the log index of each of its steps, and the step behind TIME_WAIT, or behind a SYN, when its time has run out."""

    __slots__ = ("closes", "expired", "expired_number", "gives_up", "indices", "named_in", "number", "steps")

    def __init__(self, verdict: Verdict, number: int) -> None:
        self.named_in = 0  # the block, by the writer's count, in which it has these numbers
        self.number = self.expired_number = -1  # the second with the step `expired` behind it; -1: none yet
        self.steps = verdict.paths[number]
        self.indices = array("i", [step.index for step in self.steps])
        self.closes = self.steps[-1].state == State.CLOSED and self.steps[-1].index >= 0
        self.gives_up = False
        self.expired: Step | None = None
        for marks in verdict.stays:
            if marks.side == number:
                self.expired = marks.exits["expired"]

    def give_up(self, by_state: dict[int, Step]) -> None:
        """The side's SYN was sent once and never answered."""
        self.expired = by_state.get(self.steps[-1].state_code)
        self.gives_up = self.expired is not None


class Writer:
    """Writes connections into a block, each as a row with all that hangs on it.

    `begin` exchanges the block between two rows.
    """

    def __init__(self, profiles: Profiles, block: Block) -> None:
        self.profiles = profiles
        self.block = block
        self._blocks = 1  # that it has written
        self._histories: tuple[dict[int, int], dict[int, int]] = ({}, {})  # their numbers in this block, by the number of the client's side
        self._client_gave_up_ns = self._server_gave_up_ns = MISSING  # in the connection that was written last (`timers.gives_up_ns`)
        self.one_profile_ns = -1 if profiles.by_address else profiles.default.time_wait_ns  # TIME_WAIT of every host
        self._one_is_immune = bool(profiles.default.ignores_rst_in_time_wait)  # where there is one profile

    def write(self, live: Live, verdict: Verdict, end_ns: int) -> int:
        """Write a connection, all but its course; `end_ns`: up to then it is known that nothing more came. Returns its row."""
        block, client = self.block, verdict.client
        table = block.connections
        row = table.row()
        wide, narrow, small, size = table.wide, table.narrow, table.small, table.capacity
        own, other = live.side(client), live.side(1 - client)
        self._ends(own.key, live.vlan, live.teid, narrow, size, row)
        if live.back is not None or live.by_interface:
            narrow[SCOPE * size + row] = block.scopes.number(_scopes(live, client))
        wide[START * size + row], wide[END * size + row] = live.start_ns, live.end_ns
        wide[FIRST_FRAME * size + row], wide[LAST_FRAME * size + row] = live.first_frame, max(live.first_frame, live.last_frame)
        narrow[STREAM * size + row] = (live.stream + HALF & MASK) - HALF if live.stream >= 0 else -1  # unsigned
        small[VANTAGE * size + row] = _VANTAGES[verdict.view.name] if verdict.view.name is not None else -1
        small[MIDSTREAM * size + row], small[TIMESTAMPS * size + row] = verdict.midstream, _timestamps(live)

        in_flight = may_be_in_flight(verdict)
        write_handshake(table, row, live, verdict, in_flight and is_attempt_in_flight(live, verdict, end_ns))
        narrow[RESETS_AT * size + row], narrow[RESETS * size + row] = block.resets.count, len(verdict.resets)
        write_resets(block, live, verdict)
        write_teardown(block, row, live, verdict, in_flight and is_close_in_flight(live, verdict, end_ns))
        narrow[STAYS_AT * size + row], small[STAYS * size + row] = block.stays.count, len(verdict.stays)
        if verdict.stays:
            write_stays(
                block,
                live,
                verdict,
                (self._length_ns(own.key, 0), self._length_ns(own.key, 1)),
                (self._is_immune(own.key, 0), self._is_immune(own.key, 1)),
                end_ns,
            )
        self._client_gave_up_ns = gives_up_ns(live, verdict, client, end_ns)
        self._server_gave_up_ns = gives_up_ns(live, verdict, 1 - client, end_ns)
        wide[RELEASED * size + row] = released_ns(block, row, live, verdict, self._client_gave_up_ns)
        write_waits(table, row, live, verdict)
        self._counts(own, wide, narrow, size, row, CLIENT_PACKETS, CLIENT_REPEATS)
        self._counts(other, wide, narrow, size, row, SERVER_PACKETS, SERVER_REPEATS)

        found = anomalies(live, verdict)
        narrow[ANOMALIES_AT * size + row], narrow[ANOMALIES * size + row] = block.anomalies.count, len(found)
        for anomaly in found:
            self._anomaly(anomaly)
        return row

    def write_course(self, live: Live, verdict: Verdict, row: int) -> None:
        """Write the course of the connection that was written last, in this row: its history and the states of both sides."""
        table, entries = self.block.connections, self.block.entries
        narrow, size = table.narrow, table.capacity
        narrow[HISTORY * size + row] = self._history(live.history, verdict.client)
        narrow[ENTRIES_AT * size + row] = entries.count
        narrow[CLIENT_PATH * size + row] = self._path(live, verdict, 0)
        narrow[SERVER_PATH * size + row] = -1 if live.self_connect else self._path(live, verdict, 1)

    def write_like(self, shape: Shape, closed: Closed, end_ns: int) -> int:
        """Write a connection that closed by the book as others did before; see `write`."""
        block = self.block
        table, times_ns = block.connections, closed.times_ns
        row = table.row()
        wide, narrow, small, size = table.wide, table.narrow, table.small, table.capacity
        self._ends(closed.key, closed.vlan, closed.teid, narrow, size, row)
        wide[START * size + row], wide[END * size + row] = closed.start_ns, closed.end_ns
        wide[FIRST_FRAME * size + row], wide[LAST_FRAME * size + row] = closed.first_frame, closed.last_frame
        narrow[STREAM * size + row] = (closed.stream + HALF & MASK) - HALF
        if shape.named_in != self._blocks or shape.letters != closed.history:  # nearly all of one shape have one history
            shape.named_in, shape.letters = self._blocks, closed.history
            shape.history = self._history(closed.history, 0)
        narrow[HISTORY * size + row] = shape.history
        small[VANTAGE * size + row], small[MIDSTREAM * size + row] = shape.vantage, shape.midstream
        small[TIMESTAMPS * size + row] = closed.timestamps
        small[KIND * size + row], small[OUTCOME * size + row] = shape.kind, shape.outcome
        wide[SYN_TO_SYNACK * size + row] = times_ns[shape.synack] - times_ns[shape.last_syn] if shape.last_syn >= 0 else MISSING
        wide[SYNACK_TO_ACK * size + row] = max(times_ns[shape.ack] - times_ns[shape.ack_of], 0) if shape.ack_of >= 0 else MISSING
        wide[HANDSHAKE * size + row] = max(times_ns[shape.ack] - times_ns[shape.first_syn], 0) if shape.timed else MISSING
        narrow[SYN_REPEATS * size + row] = narrow[SYNACK_REPEATS * size + row] = 0
        small[PATTERN * size + row], small[SEGMENTS * size + row] = shape.pattern, shape.segments
        small[CENSORED * size + row] = 0
        small[FIRST_FIN * size + row] = shape.first_fin
        wide[CLOSE * size + row] = self._close_ns(shape, times_ns)
        write_waits_like(table, row, shape.begins, closed)
        narrow[RESETS_AT * size + row], narrow[RESETS * size + row] = block.resets.count, 0
        narrow[ANOMALIES_AT * size + row], narrow[ANOMALIES * size + row] = block.anomalies.count, 0
        narrow[ENDING_RESET * size + row] = -1
        narrow[STAYS_AT * size + row], small[STAYS * size + row] = block.stays.count, shape.stay_side >= 0
        narrow[ENTRIES_AT * size + row] = block.entries.count
        narrow[CLIENT_PATH * size + row] = self._steps(shape, closed, row, 0, end_ns)
        narrow[SERVER_PATH * size + row] = self._steps(shape, closed, row, 1, end_ns)
        wide[CLIENT_PACKETS * size + row], wide[(CLIENT_PACKETS + 1) * size + row] = closed.packets_0, closed.payload_0
        wide[SERVER_PACKETS * size + row], wide[(SERVER_PACKETS + 1) * size + row] = closed.packets_1, closed.payload_1
        narrow[CLIENT_REPEATS * size + row] = narrow[(CLIENT_REPEATS + 1) * size + row] = 0
        narrow[SERVER_REPEATS * size + row] = narrow[(SERVER_REPEATS + 1) * size + row] = 0
        return row

    def _close_ns(self, shape: Shape, times_ns: "array[int]") -> int:
        """From the first FIN to the last segment that completes the close."""
        if not len(shape.completes):
            return MISSING
        begin_ns, end_ns = times_ns[shape.begins[0]], times_ns[shape.completes[0]]
        for at in range(1, len(shape.begins)):
            begin_ns = min(begin_ns, times_ns[shape.begins[at]])
        for at in range(1, len(shape.completes)):
            end_ns = max(end_ns, times_ns[shape.completes[at]])
        return max(end_ns - begin_ns, 0)

    def _steps(self, shape: Shape, closed: Closed, row: int, role: int, end_ns: int) -> int:
        """Write the states of a side, its stay in TIME_WAIT and when its port was free; returns the number of the path."""
        path, entries = shape.server_path if role else shape.client_path, self.block.entries
        latest_ns, frame = MISSING, MISSING
        for at in range(len(path.indices)):
            index = path.indices[at]
            if index < 0:
                self._entry(entries, MISSING, MISSING)
                continue
            latest_ns = max(latest_ns, closed.times_ns[index])
            frame = closed.frames[index]
            self._entry(entries, latest_ns, frame)
        if path.gives_up:
            if end_ns <= overdue_ns(latest_ns, FIRST_REPEAT_NS):
                self._release(row, role, MISSING)
                return self._named(path, expired=False)
            latest_ns += FIRST_REPEAT_NS
            self._entry(entries, latest_ns, MISSING)
            self._release(row, role, latest_ns)
            return self._named(path, expired=True)
        if shape.stay_side != role:
            self._release(row, role, max(latest_ns, closed.start_ns) if path.closes else MISSING)
            return self._named(path, expired=False)
        expires_ns = latest_ns + self._length_ns(closed.key, role)
        self._release(row, role, expires_ns)
        table = self.block.stays
        row = table.row()
        wide, small, size = table.wide, table.small, table.capacity
        wide[STAY_ENTERED * size + row], wide[STAY_EXPIRES * size + row] = latest_ns, expires_ns
        table.narrow[STAY_RESTARTS * size + row] = 0
        small[STAY_SIDE * size + row], small[STAY_BASIS * size + row] = role, shape.basis
        if expires_ns > end_ns:
            wide[STAY_ENDED * size + row], small[STAY_ENDED_BY * size + row] = MISSING, CAPTURE_END
            return self._named(path, expired=False)
        wide[STAY_ENDED * size + row], small[STAY_ENDED_BY * size + row] = expires_ns, EXPIRED
        self._entry(entries, expires_ns, MISSING)
        return self._named(path, expired=True)

    def _release(self, row: int, role: int, time_ns: int) -> None:
        """Write when the client's port was free again."""
        if role == 0:
            table = self.block.connections
            table.wide[RELEASED * table.capacity + row] = time_ns

    def _named(self, path: _Path, expired: bool) -> int:
        """Number of a path, at whose end comes CLOSED where its time has `expired`."""
        if path.named_in != self._blocks:
            path.named_in, path.number, path.expired_number = self._blocks, -1, -1
        known = path.expired_number if expired else path.number
        if known >= 0:
            return known
        steps = bytearray()
        for step in path.steps:
            self._name(steps, step)
        if expired and path.expired is not None:
            self._name(steps, path.expired)
        known = self.block.paths.number(bytes(steps))
        if expired:
            path.expired_number = known
        else:
            path.number = known
        return known

    def _history(self, letters: int, client: int) -> int:
        """Number of a history; `client`: number of the side that is it."""
        named = self._histories[client]
        known = named.get(letters)
        if known is None:
            known = named[letters] = self.block.histories.number(history(letters, client))
        return known

    def begin(self, block: Block) -> None:
        """Go on in another block."""
        self.block = block
        self._blocks += 1
        for known in self._histories:
            known.clear()

    def _ends(self, key: bytes, vlan: int, teid: int, narrow: "array[int]", size: int, row: int) -> None:
        """Addresses, ports and scope; `key` is the client's."""
        block = self.block
        length = 4 if len(key) < IPV6_KEY else 16
        ports = 2 * length
        narrow[CLIENT * size + row] = block.addresses.number(words.within(key, 0, length))
        narrow[SERVER * size + row] = block.addresses.number(words.within(key, length, length))
        narrow[CLIENT_PORT * size + row] = key[ports] << 8 | key[ports + 1]
        narrow[SERVER_PORT * size + row] = key[ports + 2] << 8 | key[ports + 3]
        scope = None
        if len(key) > ports + 4 or vlan >= 0 or teid >= 0:
            scope = scope_of(key[ports + 4 :], vlan, teid)
        narrow[SCOPE * size + row] = -1 if scope is None else block.scopes.number(scope)

    def _length_ns(self, key: bytes, role: int) -> int:
        """How long TIME_WAIT lasts at the client (role 0), whose key this is, or at the server (role 1)."""
        if self.one_profile_ns >= 0:
            return self.one_profile_ns
        client, server, *_ = key_parts(key)
        return self.profiles.of(text(server if role else client)).time_wait_ns

    def _is_immune(self, key: bytes, role: int) -> bool:
        """Whether no RST ends TIME_WAIT at the client (role 0), whose key this is, or at the server (role 1)."""
        if self.one_profile_ns >= 0:
            return self._one_is_immune
        client, server, *_ = key_parts(key)
        return self.profiles.of(text(server if role else client)).ignores_rst_in_time_wait

    def _counts(self, side: LiveSide, wide: "array[int]", narrow: "array[int]", size: int, row: int, packets: int, repeats: int) -> None:
        """What one side sent; the columns of bytes and of repeated FINs stand behind these two."""
        wide[packets * size + row], wide[(packets + 1) * size + row] = side.packets, side.payload_bytes
        rare = side.rare
        narrow[repeats * size + row] = rare.retransmissions if rare is not None else 0
        narrow[(repeats + 1) * size + row] = rare.fin_repeats if rare is not None else 0

    def _path(self, live: Live, verdict: Verdict, role: int) -> int:
        """Write the states of a side, CLOSED behind a stay that ended included; returns the number of their path.

        Far from a side a receipt may be captured before what proves the state before it: it is told no earlier.
        """
        block, entries, log = self.block, self.block.entries, live.log
        number = verdict.client if role == 0 else 1 - verdict.client
        steps = bytearray()
        latest_ns = MISSING
        for step in verdict.paths[number]:
            at_ns, frame = MISSING, MISSING
            if step.index != NOWHERE:
                segment = log[step.index]
                latest_ns = max(latest_ns, segment.time_ns)
                at_ns, frame = latest_ns, segment.frame
            self._name(steps, step)
            self._entry(entries, at_ns, frame)
        if verdict.stays and verdict.final_code(number) == _TIME_WAIT:
            self._leave_time_wait(steps, live, verdict, role)
        gave_up_ns = self._client_gave_up_ns if role == 0 else self._server_gave_up_ns
        if gave_up_ns not in (MISSING, NEVER_NS):
            self._name(steps, verdict.giving_up[verdict.final_code(number)])
            self._entry(entries, max(gave_up_ns, latest_ns), MISSING)
        return block.paths.number(bytes(steps))

    def _leave_time_wait(self, steps: bytearray, live: Live, verdict: Verdict, role: int) -> None:
        """Write the step that ended a side's stay, if one did: the stays of this row are the last that were written."""
        table = self.block.stays
        size, at = table.capacity, table.count - len(verdict.stays)
        for stay in range(at, table.count):
            if table.small[STAY_SIDE * size + stay] != role or table.wide[STAY_ENDED * size + stay] == MISSING:
                continue
            how = ENDINGS[table.small[STAY_ENDED_BY * size + stay]]
            for marks in verdict.stays:
                if (marks.side != verdict.client) == role and how in marks.exits:
                    self._name(steps, marks.exits[how])
                    self._entry(self.block.entries, table.wide[STAY_ENDED * size + stay], _left_at(live, marks, how))

    def _name(self, steps: bytearray, step: Step) -> None:
        """Put a step to a path, as the block names it."""
        steps.append(step.state_code)
        steps.append(step.basis_code)
        steps.append(self.block.reasons.number(step.reason))

    def _entry(self, entries: Table, at_ns: int, frame: int) -> None:
        row = entries.row()
        entries.wide[ENTERED * entries.capacity + row] = at_ns
        entries.wide[ENTRY_FRAME * entries.capacity + row] = frame

    def _anomaly(self, anomaly: Anomaly) -> None:
        table, texts = self.block.anomalies, self.block.texts
        row = table.row()
        table.wide[ANOMALY_FRAME * table.capacity + row] = anomaly.frame
        table.narrow[ANOMALY_CODE * table.capacity + row] = texts.number(anomaly.code)
        table.narrow[ANOMALY_EXPLANATION * table.capacity + row] = texts.number(anomaly.explanation)


def _left_at(live: Live, marks: StayMarks, how: str) -> int:
    """Frame that ended a stay; MISSING where a clock did."""
    if how == "reused" and live.reused_by is not None:
        return live.reused_by.first_frame
    return live.log[marks.killed].frame if how == "killed" else MISSING


def _scopes(live: Live, client: int) -> Scope | TwoScopes | None:
    """The scope of both directions, or of each; `client`: number of the side that is it."""
    interfaces = [-1, -1]
    if live.by_interface:
        for segment in reversed(live.log):
            interfaces[segment.side] = segment.interface
    first, second = scope_of(*live.way, interfaces[0]), scope_of(*(live.back or live.way), interfaces[1])
    if (live.back is None or live.back == live.way) and interfaces[1] in (-1, interfaces[0]):
        return first
    known = "client" if (live.came is None) == (client == 0) else "server"
    return TwoScopes(second, first, known) if client else TwoScopes(first, second, known)


def _timestamps(live: Live) -> int:
    """Whether both sides use TCP timestamps (RFC 7323), as far as the logged segments show it: 1, 0, or -1. A RST may lack them."""
    first = second = -1
    for segment in live.log:
        if segment.options & OPT_TIMESTAMPS:
            if segment.side == 0:
                first = 1
            else:
                second = 1
            if live.self_connect or (first == 1 and second == 1):
                return 1
        elif not segment.flags & RST and not segment.marks & STRAY:
            if segment.side == 0 and first < 0:
                first = 0
            elif segment.side == 1 and second < 0:
                second = 0
    return 0 if first == 0 or second == 0 else -1


def history(rest: int, client: int) -> str:
    """Zeek's letters: upper case from the client. `rest`: as `Connection.history` has them."""
    letters = []
    while rest:
        letter = LETTERS[rest & 7]
        letters.append(letter if rest >> 3 & 1 == client else letter.lower())
        rest >>= 4
    return "".join(reversed(letters))
