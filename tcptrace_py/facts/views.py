"""Rows of the tables as the typed objects of the results: made where somebody looks at one, read from its columns.

A view answers like the object that it stands for, and costs next to nothing to make; what it is asked for is read then. It
is good for as long as its block keeps the row: `plain` makes a copy of its own.
"""

from dataclasses import fields
from typing import Any

from tcptrace_py.model.results import (
    Anomaly,
    Connection,
    Course,
    Delivery,
    Endpoint,
    Handshake,
    Reset,
    Scope,
    Side,
    StateEntry,
    Stay,
    Teardown,
    TwoScopes,
)
from tcptrace_py.model.seq import MASK
from tcptrace_py.model.state import Basis, State
from tcptrace_py.model.vocabulary import Cause, Confidence, EndedBy, Kind, Outcome, Pattern, Role, Vantage

from .block import (
    ANOMALIES,
    ANOMALIES_AT,
    ANOMALY_CODE,
    ANOMALY_EXPLANATION,
    ANOMALY_FRAME,
    ANSWER,
    BASES,
    CENSORED,
    CLIENT,
    CLIENT_BYTES,
    CLIENT_CLOSED,
    CLIENT_FIN_REPEATS,
    CLIENT_LARGEST,
    CLIENT_LONG_CLOSES,
    CLIENT_LOST,
    CLIENT_MISSING,
    CLIENT_PACKETS,
    CLIENT_PATH,
    CLIENT_PORT,
    CLIENT_REPEATS,
    CLIENT_UNACKNOWLEDGED,
    CLIENT_UNANSWERED,
    CLIENT_UNANSWERED_NS,
    CLOSE,
    END,
    ENDING_RESET,
    ENTERED,
    ENTRIES_AT,
    ENTRY_FRAME,
    EXCHANGES,
    FINAL_IDLE,
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
    STALL,
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
    SURVIVED,
    SYN_REPEATS,
    SYN_TO_SYNACK,
    SYNACK_REPEATS,
    SYNACK_TO_ACK,
    TIMESTAMPS,
    VANTAGE,
    WAIT,
    WAIT_FRAME,
    Block,
    Entry,
)
from .table import MISSING, Table

KINDS, OUTCOMES, PATTERNS, CAUSES = tuple(Kind), tuple(Outcome), tuple(Pattern), tuple(Cause)
UNSEEN = PATTERNS.index(Pattern.UNKNOWN)
CONFIDENCES, ROLES, VANTAGES, ENDINGS = tuple(Confidence), tuple(Role), tuple(Vantage), tuple(EndedBy)


_NAMES: dict[type, list[str]] = {}  # of the fields of what views stand for, in the order of its arguments


def plain(view: Any) -> Any:
    """A view's result as an object that stands for itself, and so with all that hangs on it; other objects as they are."""
    if type(view) is tuple:
        return tuple([plain(each) for each in view])
    kind = getattr(type(view), "stands_for", None)
    if kind is None:
        return view
    names = _NAMES.get(kind)
    if names is None:
        names = _NAMES[kind] = [field.name for field in fields(kind)]
    return kind(*[plain(getattr(view, name)) for name in names])


def connection(block: Block, row: int, identifier: int = 0) -> Connection:
    """A row as a connection."""
    return ConnectionView(block, row, identifier)  # type: ignore[return-value] # it passes for one


def _wide(table: Table, column: int, row: int) -> int:
    return table.wide[column * table.capacity + row]


def _known(table: Table, column: int, row: int) -> int | None:
    value = table.wide[column * table.capacity + row]
    return None if value == MISSING else value


def _told(table: Table, column: int, row: int) -> int | None:
    """The time between two segments: none is 0, but less than the clock tells apart."""
    return _known(table, column, row) or None


def _narrow(table: Table, column: int, row: int) -> int:
    return table.narrow[column * table.capacity + row]


def _counted(table: Table, column: int, row: int) -> int | None:
    value = table.narrow[column * table.capacity + row]
    return None if value < 0 else value


def _small(table: Table, column: int, row: int) -> int:
    return table.small[column * table.capacity + row]


class _View:
    """What all views share: they pass for what they stand for, without being derived from it (a C type cannot be)."""

    __slots__ = ()
    stands_for: Any = object

    @property  # type: ignore[misc] # read only
    def __class__(self) -> type:
        """The result's own class, by which dataclasses are compared, copied with changes, and checked."""
        kind: type = self.stands_for
        return kind

    def __eq__(self, other: object) -> bool:
        return bool(plain(self) == plain(other))

    def __hash__(self) -> int:
        return hash(plain(self))

    def __repr__(self) -> str:
        return repr(plain(self))

    def __reduce__(self) -> tuple[Any, ...]:
        return plain, (plain(self),)


class EndpointView(_View):
    """An end of a row."""

    __slots__ = ("_address", "_block", "port")
    stands_for = Endpoint
    __dataclass_fields__ = Endpoint.__dataclass_fields__

    def __init__(self, block: Block, address: int, port: int) -> None:
        self._block = block
        self._address = address
        self.port = port

    @property
    def address(self) -> str:
        """The address as text."""
        return self._block.address(self._address)


class HandshakeView(_View):
    """The handshake of a row."""

    __slots__ = ("_row", "_table")
    stands_for = Handshake
    __dataclass_fields__ = Handshake.__dataclass_fields__

    def __init__(self, table: Table, row: int) -> None:
        self._table = table
        self._row = row

    @property
    def kind(self) -> str | None:
        """three-way, simultaneous, self-connect, fast-open; None where no SYN was answered."""
        number = _small(self._table, KIND, self._row)
        return None if number < 0 else KINDS[number]

    @property
    def outcome(self) -> str:
        """What came of it, as the client saw it."""
        return OUTCOMES[_small(self._table, OUTCOME, self._row)]

    @property
    def syn_to_synack_ns(self) -> int | None:
        """From the last SYN before the SYN/ACK to it."""
        return _told(self._table, SYN_TO_SYNACK, self._row)

    @property
    def synack_to_ack_ns(self) -> int | None:
        """From the SYN/ACK to the ACK."""
        return _told(self._table, SYNACK_TO_ACK, self._row)

    @property
    def total_ns(self) -> int | None:
        """From the first SYN to the ACK."""
        return _told(self._table, HANDSHAKE, self._row)

    @property
    def syn_retransmissions(self) -> int:
        """SYNs sent again."""
        return _narrow(self._table, SYN_REPEATS, self._row)

    @property
    def synack_retransmissions(self) -> int:
        """SYN/ACKs sent again."""
        return _narrow(self._table, SYNACK_REPEATS, self._row)


class TeardownView(_View):
    """The close of a row."""

    __slots__ = ("_block", "_row")
    stands_for = Teardown
    __dataclass_fields__ = Teardown.__dataclass_fields__

    def __init__(self, block: Block, row: int) -> None:
        self._block = block
        self._row = row

    @property
    def pattern(self) -> str:
        """How it went."""
        return PATTERNS[_small(self._block.connections, PATTERN, self._row)]

    @property
    def segments(self) -> int | None:
        """3 or 4 of a four-way close."""
        number = _small(self._block.connections, SEGMENTS, self._row)
        return None if number < 0 else number

    @property
    def first_fin(self) -> str | None:
        """Side whose FIN left first."""
        number = _small(self._block.connections, FIRST_FIN, self._row)
        return None if number < 0 else ROLES[number]

    @property
    def duration_ns(self) -> int | None:
        """From the first FIN or RST to the last segment that completes the close: 0 only of a RST alone (see `_told`)."""
        if self.pattern == Pattern.RST and self.first_fin is None:
            return _known(self._block.connections, CLOSE, self._row)
        return _told(self._block.connections, CLOSE, self._row)

    @property
    def censored(self) -> bool:
        """Whether it was in flight when the capture ended."""
        return _small(self._block.connections, CENSORED, self._row) != 0

    @property
    def reset(self) -> Reset | None:
        """The reset that ended the connection."""
        at = _narrow(self._block.connections, ENDING_RESET, self._row)
        return None if at < 0 else _reset(self._block, at)


class SideView(_View):
    """One side of a row; `_server`: the server's."""

    __slots__ = ("_block", "_row", "_server")
    stands_for = Side
    __dataclass_fields__ = Side.__dataclass_fields__

    def __init__(self, block: Block, row: int, server: bool) -> None:
        self._block = block
        self._row = row
        self._server = server

    @property
    def packets(self) -> int:
        """Segments that it sent."""
        return _wide(self._block.connections, SERVER_PACKETS if self._server else CLIENT_PACKETS, self._row)

    @property
    def payload_bytes(self) -> int:
        """Distinct bytes that it sent."""
        return _wide(self._block.connections, SERVER_BYTES if self._server else CLIENT_BYTES, self._row)

    @property
    def retransmissions(self) -> int:
        """Segments that repeat SYN, FIN or data."""
        return _narrow(self._block.connections, SERVER_REPEATS if self._server else CLIENT_REPEATS, self._row)

    @property
    def fin_retransmissions(self) -> int:
        """FINs among them."""
        return _narrow(self._block.connections, SERVER_FIN_REPEATS if self._server else CLIENT_FIN_REPEATS, self._row)

    @property
    def final_state(self) -> State | None:
        """State at the capture's end; None where what was captured cannot tell."""
        if _small(self._block.connections, PATTERN, self._row) == UNSEEN:
            return None
        return self._path()[-1][0]

    @property
    def final_state_name(self) -> str | None:
        """Name of that state."""
        state = self.final_state
        return None if state is None else state.name

    @property
    def states(self) -> tuple[StateEntry, ...]:
        """States that it entered."""
        entries, at = self._block.entries, self._first_entry()
        return tuple(
            [
                StateEntry(state, _known(entries, ENTERED, at + step), _known(entries, ENTRY_FRAME, at + step), basis, why)
                for step, (state, basis, why) in enumerate(self._path())
            ]
        )

    @property
    def path(self) -> str:
        """Names of the states in order, apart by spaces."""
        return self._block.path_names(_narrow(self._block.connections, SERVER_PATH if self._server else CLIENT_PATH, self._row))

    @property
    def steps(self) -> list[tuple[State, int | None, int | None, Basis]]:
        """The states as plain tuples."""
        entries, at = self._block.entries, self._first_entry()
        return [
            (state, _known(entries, ENTERED, at + step), _known(entries, ENTRY_FRAME, at + step), basis)
            for step, (state, basis, _) in enumerate(self._path())
        ]

    @property
    def delivery(self) -> "DeliveryView":
        """What became of what it sent."""
        return DeliveryView(self._block.connections, self._row, self._server)

    def _first_entry(self) -> int:
        """Row of its first state."""
        block = self._block
        at = _narrow(self._block.connections, ENTRIES_AT, self._row)
        return at + len(block.path(_narrow(self._block.connections, CLIENT_PATH, self._row))) if self._server else at

    def _path(self) -> tuple[Entry, ...]:
        return self._block.path(_narrow(self._block.connections, SERVER_PATH if self._server else CLIENT_PATH, self._row))


class DeliveryView(_View):
    """What became of what one side of a row sent; `_role`: 0 for the client's, 1 for the server's."""

    __slots__ = ("_role", "_row", "_table")
    stands_for = Delivery
    __dataclass_fields__ = Delivery.__dataclass_fields__

    def __init__(self, table: Table, row: int, role: int) -> None:
        self._table = table
        self._row = row
        self._role = role

    @property
    def unacknowledged_bytes(self) -> int | None:
        """Bytes that were never acknowledged."""
        return _known(self._table, CLIENT_UNACKNOWLEDGED + self._role, self._row)

    @property
    def unanswered_repeats(self) -> int | None:
        """Segments sent again at the end, in vain."""
        return _counted(self._table, CLIENT_UNANSWERED + self._role, self._row)

    @property
    def unanswered_ns(self) -> int | None:
        """From when that was sent first until it was sent last."""
        return _known(self._table, CLIENT_UNANSWERED_NS + self._role, self._row)

    @property
    def largest_payload_bytes(self) -> int | None:
        """Payload of the largest segment."""
        return _counted(self._table, CLIENT_LARGEST + self._role, self._row)

    @property
    def smallest_lost_bytes(self) -> int | None:
        """Payload of the smallest segment sent again in vain."""
        return _counted(self._table, CLIENT_LOST + self._role, self._row)

    @property
    def missing_bytes(self) -> int:
        """Bytes missing below what was acknowledged selectively."""
        return _narrow(self._table, CLIENT_MISSING + self._role, self._row)

    @property
    def window_closed_ns(self) -> int | None:
        """The longest time for which its own window was closed."""
        return _known(self._table, CLIENT_CLOSED + self._role, self._row)

    @property
    def long_window_closes(self) -> int:
        """How often that was for long."""
        return _narrow(self._table, CLIENT_LONG_CLOSES + self._role, self._row)


class CourseView(_View):
    """How time went by in the connection of a row."""

    __slots__ = ("_row", "_table")
    stands_for = Course
    __dataclass_fields__ = Course.__dataclass_fields__

    def __init__(self, table: Table, row: int) -> None:
        self._table = table
        self._row = row

    @property
    def exchanges(self) -> int:
        """How often data of the server came right behind data of the client."""
        return _narrow(self._table, EXCHANGES, self._row)

    @property
    def longest_answer_ns(self) -> int | None:
        """From a request to its answer."""
        return _told(self._table, ANSWER, self._row)

    @property
    def longest_wait_ns(self) -> int | None:
        """Without anything but repeats and probes."""
        return _known(self._table, WAIT, self._row)

    @property
    def longest_wait_frame(self) -> int | None:
        """Frame that ended it."""
        return _known(self._table, WAIT_FRAME, self._row)

    @property
    def longest_stall_ns(self) -> int | None:
        """From when something was sent first until it was acknowledged."""
        return _known(self._table, STALL, self._row)

    @property
    def idle_survived_ns(self) -> int | None:
        """The longest silence after which both sides spoke."""
        return _known(self._table, SURVIVED, self._row)

    @property
    def idle_before_end_ns(self) -> int | None:
        """The silence before the end."""
        return _told(self._table, FINAL_IDLE, self._row)


class StayView(_View):
    """A row of the stays."""

    __slots__ = ("_row", "_table")
    stands_for = Stay
    __dataclass_fields__ = Stay.__dataclass_fields__
    until_ns = Stay.until_ns

    def __init__(self, table: Table, row: int) -> None:
        self._table = table
        self._row = row

    @property
    def side(self) -> str:
        """Whose it is."""
        return ROLES[_small(self._table, STAY_SIDE, self._row)]

    @property
    def entered_ns(self) -> int:
        """When it was entered."""
        return _wide(self._table, STAY_ENTERED, self._row)

    @property
    def basis(self) -> Basis:
        """How firmly that is known."""
        return BASES[_small(self._table, STAY_BASIS, self._row)]

    @property
    def expires_ns(self) -> int:
        """When 2MSL runs out."""
        return _wide(self._table, STAY_EXPIRES, self._row)

    @property
    def restarts(self) -> int:
        """How often 2MSL began anew."""
        return _narrow(self._table, STAY_RESTARTS, self._row)

    @property
    def ended_at_ns(self) -> int | None:
        """When it ended; None where it outlives the capture."""
        return _known(self._table, STAY_ENDED, self._row)

    @property
    def ended_by(self) -> str:
        """What ended it."""
        return ENDINGS[_small(self._table, STAY_ENDED_BY, self._row)]

    @property
    def censored(self) -> bool:
        """Whether it outlives the capture."""
        return _wide(self._table, STAY_ENDED, self._row) == MISSING


class ConnectionView(_View):
    """A row of the connections. Its `id` is set by who knows it."""

    __slots__ = ("_block", "_id", "_row")
    stands_for = Connection
    __dataclass_fields__ = Connection.__dataclass_fields__

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

    network = Connection.network

    @property
    def stream(self) -> int | None:
        """Wireshark's tcp.stream of the first frame."""
        number = _narrow(self._block.connections, STREAM, self._row)
        return None if number == -1 else number & MASK

    @property
    def client(self) -> EndpointView:
        """Who sent the first SYN."""
        rows = self._block.connections
        return EndpointView(self._block, _narrow(rows, CLIENT, self._row), _narrow(rows, CLIENT_PORT, self._row))

    @property
    def server(self) -> EndpointView:
        """The other end."""
        rows = self._block.connections
        return EndpointView(self._block, _narrow(rows, SERVER, self._row), _narrow(rows, SERVER_PORT, self._row))

    @property
    def scope(self) -> Scope | TwoScopes | None:
        """Where its segments were."""
        number = _narrow(self._block.connections, SCOPE, self._row)
        return None if number < 0 else self._block.scopes.values[number]  # type: ignore[return-value]

    @property
    def start_ns(self) -> int:
        """Time of the first frame."""
        return _wide(self._block.connections, START, self._row)

    @property
    def end_ns(self) -> int:
        """Time of the last frame."""
        return _wide(self._block.connections, END, self._row)

    @property
    def first_frame(self) -> int:
        """First frame."""
        return _wide(self._block.connections, FIRST_FRAME, self._row)

    @property
    def last_frame(self) -> int:
        """Last frame."""
        return _wide(self._block.connections, LAST_FRAME, self._row)

    @property
    def vantage(self) -> str | None:
        """Where it was captured."""
        number = _small(self._block.connections, VANTAGE, self._row)
        return None if number < 0 else VANTAGES[number]

    @property
    def midstream(self) -> bool:
        """Whether it began before the capture."""
        return _small(self._block.connections, MIDSTREAM, self._row) != 0

    @property
    def history(self) -> str:
        """Zeek's letters."""
        return str(self._block.histories.values[_narrow(self._block.connections, HISTORY, self._row)])

    @property
    def handshake(self) -> HandshakeView:
        """How it was opened."""
        return HandshakeView(self._block.connections, self._row)

    @property
    def teardown(self) -> TeardownView:
        """How it ended."""
        return TeardownView(self._block, self._row)

    @property
    def resets(self) -> tuple[Reset, ...]:
        """Every reset."""
        at, count = _narrow(self._block.connections, RESETS_AT, self._row), _narrow(self._block.connections, RESETS, self._row)
        return tuple([_reset(self._block, at + number) for number in range(count)]) if count else ()

    @property
    def client_side(self) -> SideView:
        """The client's side."""
        return SideView(self._block, self._row, False)

    @property
    def server_side(self) -> SideView | None:
        """The server's side."""
        return None if _narrow(self._block.connections, SERVER_PATH, self._row) < 0 else SideView(self._block, self._row, True)

    @property
    def time_wait(self) -> tuple[StayView, ...]:
        """Stays in TIME_WAIT."""
        count = _small(self._block.connections, STAYS, self._row)
        at = _narrow(self._block.connections, STAYS_AT, self._row)
        return tuple([StayView(self._block.stays, at + number) for number in range(count)]) if count else ()

    @property
    def anomalies(self) -> tuple[Anomaly, ...]:
        """What is out of the ordinary."""
        at, count = _narrow(self._block.connections, ANOMALIES_AT, self._row), _narrow(self._block.connections, ANOMALIES, self._row)
        return tuple([_anomaly(self._block, at + number) for number in range(count)]) if count else ()

    @property
    def course(self) -> CourseView:
        """How time went by."""
        return CourseView(self._block.connections, self._row)

    @property
    def timestamps(self) -> bool | None:
        """Whether both sides sent TCP timestamps."""
        number = _small(self._block.connections, TIMESTAMPS, self._row)
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
        ROLES[small[RESET_BY * size + at]],
        None if cause < 0 else CAUSES[cause],
        CONFIDENCES[small[RESET_CONFIDENCE * size + at]],
        table.wide[RESET_FRAME * size + at],
        table.wide[RESET_AT * size + at],
        block.evidence.values[table.narrow[RESET_EVIDENCE * size + at]],  # type: ignore[arg-type]
    )


def _anomaly(block: Block, at: int) -> Anomaly:
    table, texts = block.anomalies, block.texts.values
    size = table.capacity
    return Anomaly(
        str(texts[table.narrow[ANOMALY_CODE * size + at]]),
        table.wide[ANOMALY_FRAME * size + at],
        str(texts[table.narrow[ANOMALY_EXPLANATION * size + at]]),
    )
