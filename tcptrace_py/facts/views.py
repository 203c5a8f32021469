"""Rows of the tables as the typed objects of the results: made where somebody looks at one, read from its columns.

A view answers like the object that it stands for, and costs next to nothing to make; what it is asked for is read then. It
is good for as long as its block keeps the row: `plain` makes a copy of its own.
"""

# mypy: disable-error-code="override,misc"
# (what a view answers is read from columns, so that none of it can be set)

from dataclasses import fields
from typing import Any

from tcptrace_py.model.results import (
    Anomaly,
    Connection,
    Endpoint,
    Handshake,
    Reset,
    Scope,
    Side,
    StateEntry,
    Stay,
    Teardown,
)
from tcptrace_py.model.state import Basis, State
from tcptrace_py.model.vocabulary import Cause, Confidence, EndedBy, Kind, Outcome, Pattern, Role, Vantage

from .block import (
    ANOMALIES,
    ANOMALIES_AT,
    ANOMALY_CODE,
    ANOMALY_EXPLANATION,
    ANOMALY_FRAME,
    BASES,
    CLIENT,
    CLIENT_BYTES,
    CLIENT_FIN_REPEATS,
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
    RESET_AT,
    RESET_BY,
    RESET_CAUSE,
    RESET_CONFIDENCE,
    RESET_EVIDENCE,
    RESET_FRAME,
    RESETS,
    RESETS_AT,
    SCOPE,
    SEGMENTS,
    SERVER,
    SERVER_BYTES,
    SERVER_FIN_REPEATS,
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
    Entry,
)
from .table import MISSING, Table

KINDS, OUTCOMES, PATTERNS, CAUSES = tuple(Kind), tuple(Outcome), tuple(Pattern), tuple(Cause)
CONFIDENCES, ROLES, VANTAGES, ENDINGS = tuple(Confidence), tuple(Role), tuple(Vantage), tuple(EndedBy)


def plain(view: Any) -> Any:
    """A view's result as an object that stands for itself; other objects as they are."""
    kind = getattr(view, "stands_for", None)
    if kind is None:
        return view
    return kind(**{field.name: plain(getattr(view, field.name)) for field in fields(kind)})


def _wide(table: Table, column: int, row: int) -> int | None:
    value = table.wide[column * table.capacity + row]
    return None if value == MISSING else value


class _View:
    """What all views share: where they read, and that they are as good as what they stand for."""

    __slots__ = ()
    stands_for: type

    @property
    def __class__(self) -> type:
        """The result's own class, by which dataclasses are compared, copied with changes, and checked."""
        return self.stands_for

    def __hash__(self) -> int:
        return hash(plain(self))

    def __repr__(self) -> str:
        return repr(plain(self))

    def __reduce__(self) -> tuple[Any, ...]:
        return plain, (plain(self),)


class HandshakeView(_View, Handshake):
    """The handshake of a row."""

    __slots__ = ("_row", "_table")
    stands_for = Handshake
    __setattr__ = object.__setattr__

    def __init__(self, table: Table, row: int) -> None:
        self._table = table
        self._row = row

    @property
    def kind(self) -> str | None:
        """three-way, simultaneous, self-connect, fast-open; None where no SYN was answered."""
        number = self._table.small[KIND * self._table.capacity + self._row]
        return None if number < 0 else KINDS[number]

    @property
    def outcome(self) -> str:
        """What came of it, as the client saw it."""
        return OUTCOMES[self._table.small[OUTCOME * self._table.capacity + self._row]]

    @property
    def syn_to_synack_ns(self) -> int | None:
        """From the last SYN before the SYN/ACK to it."""
        return _wide(self._table, SYN_TO_SYNACK, self._row)

    @property
    def synack_to_ack_ns(self) -> int | None:
        """From the SYN/ACK to the ACK."""
        return _wide(self._table, SYNACK_TO_ACK, self._row)

    @property
    def total_ns(self) -> int | None:
        """From the first SYN to the ACK."""
        return _wide(self._table, HANDSHAKE, self._row)

    @property
    def syn_retransmissions(self) -> int:
        """SYNs sent again."""
        return self._table.narrow[SYN_REPEATS * self._table.capacity + self._row]

    @property
    def synack_retransmissions(self) -> int:
        """SYN/ACKs sent again."""
        return self._table.narrow[SYNACK_REPEATS * self._table.capacity + self._row]


class TeardownView(_View, Teardown):
    """The close of a row."""

    __slots__ = ("_block", "_row")
    stands_for = Teardown
    __setattr__ = object.__setattr__

    def __init__(self, block: Block, row: int) -> None:
        self._block = block
        self._row = row

    @property
    def pattern(self) -> str:
        """How it went."""
        table = self._block.connections
        return PATTERNS[table.small[PATTERN * table.capacity + self._row]]

    @property
    def segments(self) -> int | None:
        """3 or 4 of a four-way close."""
        table = self._block.connections
        number = table.small[SEGMENTS * table.capacity + self._row]
        return None if number < 0 else number

    @property
    def first_fin(self) -> str | None:
        """Side whose FIN left first."""
        table = self._block.connections
        number = table.small[FIRST_FIN * table.capacity + self._row]
        return None if number < 0 else ROLES[number]

    @property
    def duration_ns(self) -> int | None:
        """From the first FIN or RST to the last segment that completes the close."""
        return _wide(self._block.connections, CLOSE, self._row)

    @property
    def reset(self) -> Reset | None:
        """The reset that ended the connection."""
        table = self._block.connections
        at = table.narrow[ENDING_RESET * table.capacity + self._row]
        return None if at < 0 else _reset(self._block, at)


class SideView(_View, Side):
    """One side of a row; `_first` is 0 for the client, 1 for the server."""

    __slots__ = ("_block", "_row", "_server")
    stands_for = Side
    __setattr__ = object.__setattr__

    def __init__(self, block: Block, row: int, server: bool) -> None:
        self._block = block
        self._row = row
        self._server = server

    @property
    def packets(self) -> int:
        """Segments that it sent."""
        table = self._block.connections
        return table.wide[(SERVER_PACKETS if self._server else CLIENT_PACKETS) * table.capacity + self._row]

    @property
    def payload_bytes(self) -> int:
        """Distinct bytes that it sent."""
        table = self._block.connections
        return table.wide[(SERVER_BYTES if self._server else CLIENT_BYTES) * table.capacity + self._row]

    @property
    def retransmissions(self) -> int:
        """Segments that repeat SYN, FIN or data."""
        table = self._block.connections
        return table.narrow[(SERVER_REPEATS if self._server else CLIENT_REPEATS) * table.capacity + self._row]

    @property
    def fin_retransmissions(self) -> int:
        """FINs among them."""
        table = self._block.connections
        return table.narrow[(SERVER_FIN_REPEATS if self._server else CLIENT_FIN_REPEATS) * table.capacity + self._row]

    @property
    def final_state(self) -> State:
        """State at the capture's end."""
        return self._path()[-1][0]

    @property
    def states(self) -> tuple[StateEntry, ...]:
        """States that it entered."""
        entries, at = self._block.entries, self._first_entry()
        return tuple([
            StateEntry(state, _wide(entries, ENTERED, at + step), _wide(entries, ENTRY_FRAME, at + step), basis, why)
            for step, (state, basis, why) in enumerate(self._path())])

    @property
    def path(self) -> str:
        """Names of the states in order, apart by spaces."""
        table = self._block.connections
        return self._block.path_names(table.narrow[(SERVER_PATH if self._server else CLIENT_PATH) * table.capacity + self._row])

    @property
    def steps(self) -> list[tuple[State, int | None, int | None, Basis]]:
        """The states as plain tuples."""
        entries, at = self._block.entries, self._first_entry()
        return [(state, _wide(entries, ENTERED, at + step), _wide(entries, ENTRY_FRAME, at + step), basis)
                for step, (state, basis, _) in enumerate(self._path())]

    def _first_entry(self) -> int:
        """Row of its first state."""
        block, table = self._block, self._block.connections
        at = table.narrow[ENTRIES_AT * table.capacity + self._row]
        return at + len(block.path(table.narrow[CLIENT_PATH * table.capacity + self._row])) if self._server else at

    def _path(self) -> tuple[Entry, ...]:
        table = self._block.connections
        return self._block.path(table.narrow[(SERVER_PATH if self._server else CLIENT_PATH) * table.capacity + self._row])


class ConnectionView(_View, Connection):
    """A row of the connections. Its `id` is set by who knows it."""

    __slots__ = ("_block", "_id", "_row")
    stands_for = Connection

    def __init__(self, block: Block, row: int, identifier: int = 0) -> None:
        self._block = block
        self._row = row
        self._id = identifier

    def detached(self) -> Connection:
        """Return a copy that does not need the block."""
        copy: Connection = plain(self)
        return copy

    @property
    def id(self) -> int:
        """Number of the connection in order of first frames."""
        return self._id

    @id.setter
    def id(self, number: int) -> None:
        self._id = number

    def _wide(self, column: int) -> int:
        table = self._block.connections
        return table.wide[column * table.capacity + self._row]

    def _narrow(self, column: int) -> int:
        table = self._block.connections
        return table.narrow[column * table.capacity + self._row]

    def _small(self, column: int) -> int:
        table = self._block.connections
        return table.small[column * table.capacity + self._row]

    @property
    def stream(self) -> int | None:
        """Wireshark's tcp.stream of the first frame."""
        number = self._narrow(STREAM)
        return None if number < 0 else number

    @property
    def client(self) -> Endpoint:
        """Who sent the first SYN."""
        return Endpoint(self._block.address(self._narrow(CLIENT)), self._narrow(CLIENT_PORT))

    @property
    def server(self) -> Endpoint:
        """The other end."""
        return Endpoint(self._block.address(self._narrow(SERVER)), self._narrow(SERVER_PORT))

    @property
    def scope(self) -> Scope | None:
        """Where the first segment was."""
        number = self._narrow(SCOPE)
        return None if number < 0 else self._block.scopes.values[number]  # type: ignore[return-value]

    @property
    def start_ns(self) -> int:
        """Time of the first frame."""
        return self._wide(START)

    @property
    def end_ns(self) -> int:
        """Time of the last frame."""
        return self._wide(END)

    @property
    def first_frame(self) -> int:
        """First frame."""
        return self._wide(FIRST_FRAME)

    @property
    def last_frame(self) -> int:
        """Last frame."""
        return self._wide(LAST_FRAME)

    @property
    def vantage(self) -> str | None:
        """Where it was captured."""
        number = self._small(VANTAGE)
        return None if number < 0 else VANTAGES[number]

    @property
    def midstream(self) -> bool:
        """Whether it began before the capture."""
        return self._small(MIDSTREAM) != 0

    @property
    def history(self) -> str:
        """Zeek's letters."""
        return str(self._block.histories.values[self._narrow(HISTORY)])

    @property
    def handshake(self) -> Handshake:
        """How it was opened."""
        return HandshakeView(self._block.connections, self._row)

    @property
    def teardown(self) -> Teardown:
        """How it ended."""
        return TeardownView(self._block, self._row)

    @property
    def resets(self) -> tuple[Reset, ...]:
        """Every reset."""
        at, count = self._narrow(RESETS_AT), self._narrow(RESETS)
        return tuple([_reset(self._block, at + number) for number in range(count)]) if count else ()

    @property
    def client_side(self) -> Side:
        """The client's side."""
        return SideView(self._block, self._row, False)

    @property
    def server_side(self) -> Side | None:
        """The server's side."""
        return None if self._narrow(SERVER_PATH) < 0 else SideView(self._block, self._row, True)

    @property
    def time_wait(self) -> tuple[Stay, ...]:
        """Stays in TIME_WAIT."""
        count = self._small(STAYS)
        at = self._narrow(STAYS_AT)
        return tuple([_stay(self._block.stays, at + number) for number in range(count)]) if count else ()

    @property
    def anomalies(self) -> tuple[Anomaly, ...]:
        """What no rule explains."""
        at, count = self._narrow(ANOMALIES_AT), self._narrow(ANOMALIES)
        return tuple([_anomaly(self._block, at + number) for number in range(count)]) if count else ()

    @property
    def timestamps(self) -> bool | None:
        """Whether both sides sent TCP timestamps."""
        number = self._small(TIMESTAMPS)
        return None if number < 0 else number > 0


def place_of(connection: Connection) -> tuple[Block, int]:
    """The block and the row that a connection of an analysis stands for."""
    if not isinstance(connection, ConnectionView):
        raise TypeError("a connection that is no row of a table")
    return connection._block, connection._row  # noqa: SLF001 - it is this module's own


def _reset(block: Block, at: int) -> Reset:
    table = block.resets
    small, size = table.small, table.capacity
    cause = small[RESET_CAUSE * size + at]
    return Reset(
        ROLES[small[RESET_BY * size + at]], None if cause < 0 else CAUSES[cause], CONFIDENCES[small[RESET_CONFIDENCE * size + at]],
        table.wide[RESET_FRAME * size + at], table.wide[RESET_AT * size + at],
        block.evidence.values[table.narrow[RESET_EVIDENCE * size + at]])  # type: ignore[arg-type]


def _stay(table: Table, at: int) -> Stay:
    small, size = table.small, table.capacity
    ended_ns = _wide(table, STAY_ENDED, at)
    return Stay(
        ROLES[small[STAY_SIDE * size + at]], table.wide[STAY_ENTERED * size + at], BASES[small[STAY_BASIS * size + at]],
        table.wide[STAY_EXPIRES * size + at], table.narrow[STAY_RESTARTS * size + at], ended_ns,
        ENDINGS[small[STAY_ENDED_BY * size + at]], ended_ns is None)


def _anomaly(block: Block, at: int) -> Anomaly:
    table, texts = block.anomalies, block.texts.values
    size = table.capacity
    return Anomaly(str(texts[table.narrow[ANOMALY_CODE * size + at]]), table.wide[ANOMALY_FRAME * size + at],
                   str(texts[table.narrow[ANOMALY_EXPLANATION * size + at]]))
