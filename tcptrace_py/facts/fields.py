"""The tables of facts, field by field: name, type, unit, meaning, and where in a block it stands.

What reads columns takes them from here: SQL, Arrow, and the pages of the docs about them.
"""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, NamedTuple

from tcptrace_py.model.endpoints import scope_text
from tcptrace_py.model.state import State
from tcptrace_py.model.vocabulary import Cause, Confidence, EndedBy, Kind, Outcome, Pattern, Role, Vantage

from . import arrow
from . import block as at
from .cells import counts, divided, of_side, small, without
from .table import MISSING, Table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from .block import Block

    Cells = arrow.Cells
    Read = Callable[[Block], arrow.Cells]

_FORMATS = {
    "BIGINT": arrow.INT64, "INTEGER": arrow.INT32, "TIMESTAMP_NS": arrow.TIMESTAMP_NS, "DOUBLE": arrow.FLOAT64, "BOOLEAN": arrow.BOOL,
    "VARCHAR": arrow.INT32,
}  # fmt: skip


class Field(NamedTuple):
    """A field: its name, its SQL type, what it says (with the unit in the name), and its cells in a block.

    `null` is the number that stands for NULL in the cells; of a VARCHAR these are numbers of words. `json` says where a
    connection has it in the JSON document, where that is not the name: keys with dots between, a number for
    an item of a list, a star for each item; a hyphen where the document leaves it to the reader.
    """

    name: str
    type: str
    meaning: str
    cells: Read
    null: int | None = None
    json: str = ""

    @property
    def path(self) -> str:
        """Where a connection has it in the JSON document."""
        return self.json or self.name

    @property
    def column(self) -> arrow.Column:
        """The field as a column of Arrow."""
        coded = self.type == "VARCHAR"
        nullable = self.type == "DOUBLE"
        return arrow.Column(self.name, _FORMATS[self.type], nullable, -1 if coded else self.null, coded)


class TableOfFacts(NamedTuple):
    """A table: its name, what a row is, its fields, and how many rows a block has."""

    name: str
    meaning: str
    columns: tuple[Field, ...]
    rows: Callable[[Block], int]

    def stream(self, blocks: Callable[[], Iterable[Block]]) -> arrow.Stream:
        """All rows of some blocks; `blocks` is called for each reading."""

        def batches() -> Iterator[arrow.Batch]:
            for block in blocks():
                yield arrow.Batch(self.rows(block), [field.cells(block) for field in self.columns])

        return arrow.Stream([field.column for field in self.columns], batches)


def _wide(table: Table, column: int) -> array[int]:
    return table.wide[column * table.capacity : column * table.capacity + table.count]


def _narrow(table: Table, column: int) -> array[int]:
    return table.narrow[column * table.capacity : column * table.capacity + table.count]


def _listed(column: array[int]) -> list[int]:
    """A column, which may be a view of memory, for whoever goes through it here."""
    return memoryview(column).tolist()


def _ms(durations_ns: array[int]) -> arrow.Values:
    return divided(durations_ns, 1_000_000)


def _words(codes: Sequence[int], words: Sequence[object]) -> arrow.Coded:
    return arrow.Coded(codes if isinstance(codes, array) else array("i", codes), arrow.Text.of([str(word) for word in words]))


def _of_texts(texts: Sequence[str | None]) -> arrow.Coded:
    """Cells of text that repeat, as numbers of words."""
    numbers: dict[str, int] = {}
    codes = array("i", [-1 if text is None else numbers.setdefault(text, len(numbers)) for text in texts])
    return _words(codes, list(numbers))


# -- connections --------------------------------------------------------------------------------------------------------


def _number(column: int) -> Read:
    return lambda block: _wide(block.connections, column)


def _count(column: int) -> Read:
    return lambda block: _narrow(block.connections, column)


def _word(column: int, words: Sequence[object]) -> Read:
    return lambda block: _words(small(block.connections, column), words)


def _duration_ms(column: int) -> Read:
    return lambda block: _ms(_wide(block.connections, column))


def _between_ms(column: int) -> Read:
    """Times between two segments: none is 0, but less than the clock tells apart."""
    return lambda block: _ms(without(_wide(block.connections, column), 0))


def _close_ms(block: Block) -> Cells:
    """How long closes took: none that two segments made took 0; a RST alone does."""
    table = block.connections
    reset = tuple(Pattern).index(Pattern.RST)
    rows = zip(_listed(_wide(table, at.CLOSE)), small(table, at.PATTERN), small(table, at.FIRST_FIN), strict=True)
    known = [MISSING if duration_ns == 0 and (pattern != reset or first >= 0) else duration_ns for duration_ns, pattern, first in rows]
    return _ms(array("q", known))


def _address(column: int) -> Read:
    def cells(block: Block) -> Cells:
        return _words(_narrow(block.connections, column), [block.address(n) for n in range(len(block.addresses.values))])

    return cells


def _scope(block: Block) -> Cells:
    return _words(_narrow(block.connections, at.SCOPE), [scope_text(scope) for scope in block.scopes.values])  # type: ignore[arg-type]


def _final_state(column: int) -> Read:
    def cells(block: Block) -> Cells:
        finals = [path[-3] for path in block.paths.values]  # type: ignore[index]
        numbers, patterns = _listed(_narrow(block.connections, column)), small(block.connections, at.PATTERN)
        return _words(
            [finals[number] if number >= 0 and how != UNSEEN else -1 for number, how in zip(numbers, patterns, strict=True)], NAMES
        )

    return cells


def _path_names(column: int) -> Read:
    """The states of a side, in order; NULL where there is no such side."""

    def cells(block: Block) -> Cells:
        return _words(_narrow(block.connections, column), [block.path_names(number) for number in range(len(block.paths.values))])

    return cells


def _segments(block: Block) -> Cells:
    return small(block.connections, at.SEGMENTS)


def _of_server(column: int, *, wide: bool = False) -> Read:
    """A number of the server's side; NULL where there is none."""

    def cells(block: Block) -> Cells:
        table = block.connections
        return of_side(_wide(table, column) if wide else counts(table, column), table, at.SERVER_PATH)

    return cells


def _of_client(column: int) -> Read:
    return lambda block: counts(block.connections, column)


def _of_side(column: int, *, client: bool, wide: bool = False, divided_by: int = 0) -> Read:
    """A number of a side, that of the client in this column, of the server in the next; NULL where it is not known, or no such side."""

    def cells(block: Block) -> Cells:
        table, at_column = block.connections, column + (not client)
        numbers = _wide(table, at_column) if wide else counts(table, at_column)
        if not client:
            numbers = of_side(numbers, table, at.SERVER_PATH)
        return divided(numbers, divided_by) if divided_by else numbers

    return cells


def _of_reset(column: int, words: Sequence[object]) -> Read:
    def cells(block: Block) -> Cells:
        of_resets = small(block.resets, column)
        return _words([of_resets[row] if row >= 0 else -1 for row in _listed(_narrow(block.connections, at.ENDING_RESET))], words)

    return cells


def _duration_s(block: Block) -> Cells:
    starts, ends = _wide(block.connections, at.START), _wide(block.connections, at.END)
    known = [end - start if block.is_timed else MISSING for start, end in zip(_listed(starts), _listed(ends), strict=True)]
    return divided(array("q", known), 1_000_000_000)


def _anomalies(block: Block) -> Cells:
    codes = _narrow(block.anomalies, at.ANOMALY_CODE)
    texts = block.texts.values
    begins, how_many = (_listed(_narrow(block.connections, column)) for column in (at.ANOMALIES_AT, at.ANOMALIES))
    return _of_texts(
        [
            " ".join(str(texts[codes[row]]) for row in range(begin, begin + count)) if count else ""
            for begin, count in zip(begins, how_many, strict=True)
        ]
    )


def _time_wait_sides(block: Block) -> Cells:
    sides, begin, found = small(block.stays, at.STAY_SIDE), 0, []
    for count in small(block.connections, at.STAYS):
        found.append(" ".join(dict.fromkeys(_ROLES[side] for side in sides[begin : begin + count])))
        begin += count
    return _of_texts(found)


_ROLES = tuple(map(str, Role))
NAMES = tuple(state.name for state in State)
UNSEEN = tuple(Pattern).index(Pattern.UNKNOWN)
BASES = tuple(str(basis) for basis in at.BASES)


def _side(role: str) -> tuple[Field, ...]:
    """What one side sent, and where it ended."""
    client = role == "client"
    return (
        Field(f"{role}_packets", "BIGINT", f"segments the {role} sent",
              _number(at.CLIENT_PACKETS) if client else _of_server(at.SERVER_PACKETS, wide=True), MISSING, json=f"{role}_side.packets"),
        Field(f"{role}_payload_bytes", "BIGINT", f"distinct bytes the {role} sent",
              _number(at.CLIENT_BYTES) if client else _of_server(at.SERVER_BYTES, wide=True), MISSING, json=f"{role}_side.payload_bytes"),
        Field(f"{role}_retransmissions", "BIGINT", f"segments the {role} sent again",
              _of_client(at.CLIENT_REPEATS) if client else _of_server(at.SERVER_REPEATS), MISSING, json=f"{role}_side.retransmissions"),
        Field(f"{role}_fin_retransmissions", "BIGINT", f"FINs the {role} sent again",
              _of_client(at.CLIENT_FIN_REPEATS) if client else _of_server(at.SERVER_FIN_REPEATS), MISSING,
              json=f"{role}_side.fin_retransmissions"),
        Field(f"{role}_unacknowledged_bytes", "BIGINT", f"bytes the {role} sent that were never acknowledged",
              _of_side(at.CLIENT_UNACKNOWLEDGED, client=client, wide=True), MISSING, json=f"{role}_side.delivery.unacknowledged_bytes"),
        Field(f"{role}_unanswered_repeats", "BIGINT", f"segments the {role} sent again at the end, in vain",
              _of_side(at.CLIENT_UNANSWERED, client=client), MISSING, json=f"{role}_side.delivery.unanswered_repeats"),
        Field(f"{role}_unanswered_ms", "DOUBLE", "from when that was sent first until it was sent last",
              _of_side(at.CLIENT_UNANSWERED_NS, client=client, wide=True, divided_by=1_000_000),
              json=f"{role}_side.delivery.unanswered_ms"),
        Field(f"{role}_largest_payload_bytes", "BIGINT", f"payload of the {role}'s largest segment; NULL unless all it sent arrived",
              _of_side(at.CLIENT_LARGEST, client=client), MISSING, json=f"{role}_side.delivery.largest_payload_bytes"),
        Field(f"{role}_smallest_lost_bytes", "BIGINT", "payload of the smallest segment sent again in vain where acknowledgements end",
              _of_side(at.CLIENT_LOST, client=client), MISSING, json=f"{role}_side.delivery.smallest_lost_bytes"),
        Field(f"{role}_missing_bytes", "BIGINT", "bytes missing at the end below what was acknowledged selectively (SACK)",
              _of_side(at.CLIENT_MISSING, client=client), MISSING, json=f"{role}_side.delivery.missing_bytes"),
        Field(f"{role}_window_closed_ms", "DOUBLE", f"the longest time for which the {role}'s window was closed",
              _of_side(at.CLIENT_CLOSED, client=client, wide=True, divided_by=1_000_000), json=f"{role}_side.delivery.window_closed_ms"),
        Field(f"{role}_long_window_closes", "BIGINT", "how often that was a second or longer",
              _of_side(at.CLIENT_LONG_CLOSES, client=client), MISSING, json=f"{role}_side.delivery.long_window_closes"),
        Field(f"{role}_states", "VARCHAR", f"states the {role} passed, in order, apart by spaces",
              _path_names(at.CLIENT_PATH if client else at.SERVER_PATH), json=f"{role}_side.states.*.state"),
        Field(f"{role}_final_state", "VARCHAR", f"the {role}'s state at the capture's end; NULL where that was not seen",
              _final_state(at.CLIENT_PATH if client else at.SERVER_PATH), json=f"{role}_side.final_state"),
    )  # fmt: skip


CONNECTIONS = TableOfFacts("connections", "every connection", (
    Field("id", "BIGINT", "number of the connection, in order of first frames", lambda block: block.ids),
    Field("stream", "INTEGER", "Wireshark's tcp.stream", _count(at.STREAM), -1),
    Field("client", "VARCHAR", "address of the client", _address(at.CLIENT), json="client.address"),
    Field("client_port", "INTEGER", "its port", _count(at.CLIENT_PORT), json="client.port"),
    Field("server", "VARCHAR", "address of the server", _address(at.SERVER), json="server.address"),
    Field("server_port", "INTEGER", "its port", _count(at.SERVER_PORT), json="server.port"),
    Field("scope", "VARCHAR", "VLAN, VNI, GRE key, TEID, interface (`client's / server's` where they differ)", _scope),
    Field("started", "TIMESTAMP_NS", "time of the first frame", _number(at.START), json="start"),
    Field("ended", "TIMESTAMP_NS", "time of the last frame", _number(at.END), json="end"),
    Field("duration_s", "DOUBLE", "from the first frame to the last", _duration_s, json="-"),
    Field("first_frame", "BIGINT", "Wireshark's frame.number of the first frame", _number(at.FIRST_FRAME), json="frames.0"),
    Field("last_frame", "BIGINT", "and of the last", _number(at.LAST_FRAME), json="frames.1"),
    Field("vantage", "VARCHAR", "where it was captured: client, server, middle", _word(at.VANTAGE, tuple(Vantage))),
    Field("midstream", "BOOLEAN", "whether it began before the capture",
          lambda block: bytes(small(block.connections, at.MIDSTREAM).tolist())),
    Field("history", "VARCHAR", "Zeek's letters, upper case from the client",
          lambda block: _words(_narrow(block.connections, at.HISTORY), block.histories.values)),
    Field("kind", "VARCHAR", f"kind of the handshake: {', '.join(Kind)}", _word(at.KIND, tuple(Kind)), json="handshake.kind"),
    Field("outcome", "VARCHAR", f"outcome of the handshake: {', '.join(Outcome)}", _word(at.OUTCOME, tuple(Outcome)),
          json="handshake.outcome"),
    Field("syn_to_synack_ms", "DOUBLE", "from the last SYN to the SYN/ACK", _between_ms(at.SYN_TO_SYNACK),
          json="handshake.syn_to_synack_ms"),
    Field("synack_to_ack_ms", "DOUBLE", "from the SYN/ACK to the ACK", _between_ms(at.SYNACK_TO_ACK), json="handshake.synack_to_ack_ms"),
    Field("handshake_ms", "DOUBLE", "from the first SYN to the ACK", _between_ms(at.HANDSHAKE), json="handshake.total_ms"),
    Field("syn_retransmissions", "INTEGER", "SYNs sent again", _count(at.SYN_REPEATS), json="handshake.syn_retransmissions"),
    Field("synack_retransmissions", "INTEGER", "SYN/ACKs sent again", _count(at.SYNACK_REPEATS), json="handshake.synack_retransmissions"),
    Field("pattern", "VARCHAR", f"teardown pattern: {', '.join(Pattern)}", _word(at.PATTERN, tuple(Pattern)), json="teardown.pattern"),
    Field("teardown_segments", "INTEGER", "3 or 4 of a four-way close", _segments, -1, json="teardown.segments"),
    Field("first_fin", "VARCHAR", "side whose FIN left first", _word(at.FIRST_FIN, tuple(Role)), json="teardown.first_fin"),
    Field("teardown_ms", "DOUBLE", "how long the close took", _close_ms, json="teardown.duration_ms"),
    Field("teardown_censored", "BOOLEAN", "whether the close was in flight when the capture ended",
          lambda block: bytes(small(block.connections, at.CENSORED).tolist()), json="teardown.censored"),
    Field("reset_by", "VARCHAR", "side whose RST ended it", _of_reset(at.RESET_BY, tuple(Role)), json="teardown.reset.by"),
    Field("reset_cause", "VARCHAR", "why", _of_reset(at.RESET_CAUSE, tuple(Cause)), json="teardown.reset.cause"),
    Field("reset_confidence", "VARCHAR", "how sure that is: high, medium, low", _of_reset(at.RESET_CONFIDENCE, tuple(Confidence)),
          json="teardown.reset.confidence"),
    Field("exchanges", "INTEGER", "how often data of the server came right behind data of the client", _count(at.EXCHANGES),
          json="course.exchanges"),
    Field("longest_answer_ms", "DOUBLE", "from a request's last new data to the first of its answer", _between_ms(at.ANSWER),
          json="course.longest_answer_ms"),
    Field("longest_wait_ms", "DOUBLE", "longest time without anything but repeats and probes", _duration_ms(at.WAIT),
          json="course.longest_wait_ms"),
    Field("longest_wait_frame", "BIGINT", "frame that ended it; the last one, where none did", _number(at.WAIT_FRAME), MISSING,
          json="course.longest_wait_frame"),
    Field("longest_stall_ms", "DOUBLE", "of what was sent again: from when it was sent first until it was acknowledged",
          _duration_ms(at.STALL), json="course.longest_stall_ms"),
    Field("idle_survived_ms", "DOUBLE", "longest silence after which both sides spoke", _duration_ms(at.SURVIVED),
          json="course.idle_survived_ms"),
    Field("idle_before_end_ms", "DOUBLE", "silence before the first FIN, the RST, or what nobody answered any more",
          _between_ms(at.FINAL_IDLE), json="course.idle_before_end_ms"),
    *_side("client"),
    *_side("server"),
    Field("time_wait_sides", "VARCHAR", "sides that entered TIME_WAIT, apart by spaces", _time_wait_sides, json="time_wait.*.side"),
    Field("anomalies", "VARCHAR", "codes of what is out of the ordinary, apart by spaces", _anomalies, json="anomalies.*.code"),
), lambda block: block.connections.count)  # fmt: skip


# -- states -------------------------------------------------------------------------------------------------------------


def _spread(of_row: Callable[[Block, int], object], of_step: Callable[[object, int, int, int], object]) -> Callable[[Block], list[object]]:
    """For each state of each connection: what `of_step` makes of the connection's value, the side, the step and the path."""

    def values(block: Block) -> list[object]:
        table, paths = block.connections, block.paths.values
        found: list[object] = []
        for row in range(table.count):
            value = of_row(block, row)
            for side, column in ((0, at.CLIENT_PATH), (1, at.SERVER_PATH)):
                number = table.narrow[column * table.capacity + row]
                if number >= 0:
                    found += [of_step(value, side, step, number) for step in range(len(paths[number]) // 3)]  # type: ignore[arg-type]
        return found

    return values


def _of_path(place: int, words: Sequence[object]) -> Read:
    def cells(block: Block) -> Cells:
        paths = block.paths.values
        return _words(_spread(lambda _block, _row: None, lambda _value, _side, step, number: paths[number][3 * step + place])(block), words)  # type: ignore[index,arg-type]

    return cells


def _state_duration(block: Block) -> Cells:
    entered = _listed(_wide(block.entries, at.ENTERED))
    paths: list[bytes] = block.paths.values  # type: ignore[assignment]
    steps: list[int] = _spread(lambda _block, _row: None, lambda _value, _side, step, number: len(paths[number]) // 3 - step - 1)(block)  # type: ignore[assignment]
    known = [
        entered[row + 1] - entered[row] if left and block.is_timed and entered[row] != MISSING and entered[row + 1] != MISSING else MISSING
        for row, left in enumerate(steps)
    ]
    return divided(array("q", known), 1_000_000_000)


TRANSITIONS = TableOfFacts("transitions", "every state that a side entered", (
    Field("id", "BIGINT", "the connection's number",
          lambda block: array("q", _spread(lambda b, row: b.ids[row], lambda value, _side, _step, _number: value)(block))),
    Field("side", "VARCHAR", "client or server",
          lambda block: _words(_spread(lambda _b, _r: None, lambda _v, side, _step, _number: side)(block), tuple(Role))),  # type: ignore[arg-type]
    Field("number", "INTEGER", "place in the side's path, from 0",
          lambda block: array("i", _spread(lambda _b, _r: None, lambda _v, _side, step, _number: step)(block))),
    Field("state", "VARCHAR", "state entered", _of_path(0, NAMES)),
    Field("entered", "TIMESTAMP_NS", "when", lambda block: _wide(block.entries, at.ENTERED), MISSING),
    Field("duration_s", "DOUBLE", "until the next state; NULL for the last", _state_duration),
    Field("frame", "BIGINT", "frame that it rests on", lambda block: _wide(block.entries, at.ENTRY_FRAME), MISSING),
    Field("basis", "VARCHAR", "observed, assumed, inferred, clock", _of_path(1, BASES)),
), lambda block: block.entries.count)  # fmt: skip


# -- stays in TIME_WAIT -------------------------------------------------------------------------------------------------


def _owners(block: Block) -> list[int]:
    """Row of the connection that each stay belongs to."""
    return [row for row, count in enumerate(small(block.connections, at.STAYS)) for _ in range(count)]


def _end_of_stay(client: int, server: int) -> Callable[[Block], list[int]]:
    def values(block: Block) -> list[int]:
        clients, servers = (_listed(_narrow(block.connections, column)) for column in (client, server))
        sides = small(block.stays, at.STAY_SIDE)
        return [servers[row] if side else clients[row] for row, side in zip(_owners(block), sides, strict=True)]

    return values


_HOLDERS, _HELD_PORTS = _end_of_stay(at.CLIENT, at.SERVER), _end_of_stay(at.CLIENT_PORT, at.SERVER_PORT)

STAYS = TableOfFacts("time_wait", "every stay in TIME_WAIT", (
    Field("id", "BIGINT", "the connection's number", lambda block: array("q", [block.ids[row] for row in _owners(block)])),
    Field("side", "VARCHAR", "client or server", lambda block: _words(small(block.stays, at.STAY_SIDE), tuple(Role))),
    Field("host", "VARCHAR", "address that holds it",
          lambda block: _words(_HOLDERS(block), [block.address(n) for n in range(len(block.addresses.values))])),
    Field("port", "INTEGER", "its local port", lambda block: array("i", _HELD_PORTS(block))),
    Field("entered", "TIMESTAMP_NS", "when", lambda block: _wide(block.stays, at.STAY_ENTERED)),
    Field("expires", "TIMESTAMP_NS", "when 2MSL runs out", lambda block: _wide(block.stays, at.STAY_EXPIRES)),
    Field("ended", "TIMESTAMP_NS", "when it ended; NULL where it outlives the capture",
          lambda block: _wide(block.stays, at.STAY_ENDED), MISSING),
    Field("ended_by", "VARCHAR", "expired, reused, killed, capture-end",
          lambda block: _words(small(block.stays, at.STAY_ENDED_BY), tuple(EndedBy))),
    Field("restarts", "INTEGER", "how often 2MSL began anew", lambda block: _narrow(block.stays, at.STAY_RESTARTS)),
), lambda block: block.stays.count)  # fmt: skip

TABLES = (CONNECTIONS, TRANSITIONS, STAYS)
