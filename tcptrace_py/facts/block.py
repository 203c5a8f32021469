"""A block of the tables of facts: some thousand connections, with their states, stays, resets and anomalies.

What repeats from row to row is kept once for each block and named by its number: addresses, scopes, histories, paths (which
states, in which order, how firmly known, why), sentences. A block stands for itself: it can be written to a file and read
again, here or elsewhere (`packed`, `unpacked`).
"""

from array import array
from collections.abc import Sequence
from typing import Any

from tcptrace_py.model import words
from tcptrace_py.model.addresses import text
from tcptrace_py.model.results import Scope, TwoScopes
from tcptrace_py.model.state import Basis, State

from .table import Table

ROWS = 2048  # connections of a full block
VERSION = 5
_MAGIC = b"tcpstates facts\n"

# Columns of connections, by width. Times and durations are nanoseconds. A self-connect has a client's side only: the server's
# numbers are 0, its path -1.
START, END, FIRST_FRAME, LAST_FRAME, SYN_TO_SYNACK, SYNACK_TO_ACK, HANDSHAKE, CLOSE = range(8)
CLIENT_PACKETS, CLIENT_BYTES, SERVER_PACKETS, SERVER_BYTES = range(8, 12)
RELEASED = 12  # when the client's port was free again
ANSWER, WAIT, WAIT_FRAME, STALL, SURVIVED, FINAL_IDLE = range(13, 19)  # the longest each, but for the last (facts.waits)
# Of both sides: how long its window was closed, how long the repeats went on that nobody answered, and bytes never acknowledged.
CLIENT_CLOSED, SERVER_CLOSED, CLIENT_UNANSWERED_NS, SERVER_UNANSWERED_NS, CLIENT_UNACKNOWLEDGED, SERVER_UNACKNOWLEDGED = range(19, 25)
WIDE_COLUMNS = 25
(
    STREAM,
    CLIENT,
    SERVER,
    CLIENT_PORT,
    SERVER_PORT,
    SCOPE,
    HISTORY,
    SYN_REPEATS,
    SYNACK_REPEATS,
    CLIENT_REPEATS,
    CLIENT_FIN_REPEATS,
    SERVER_REPEATS,
    SERVER_FIN_REPEATS,
) = range(13)
# Where its rows of other tables begin, and how many they are; how many states there are is said by the paths (-1: no such side).
CLIENT_PATH, SERVER_PATH, ENTRIES_AT, STAYS_AT, RESETS_AT, RESETS, ANOMALIES_AT, ANOMALIES, ENDING_RESET = range(13, 22)
# Of both sides: repeats that nobody answered, payloads in bytes (the largest that arrived, the smallest that did not), bytes missing
# below what was acknowledged selectively, and how often its window was closed for long.
(
    EXCHANGES,
    CLIENT_UNANSWERED,
    SERVER_UNANSWERED,
    CLIENT_LARGEST,
    SERVER_LARGEST,
    CLIENT_LOST,
    SERVER_LOST,
    CLIENT_MISSING,
    SERVER_MISSING,
    CLIENT_LONG_CLOSES,
    SERVER_LONG_CLOSES,
) = range(22, 33)
NARROW_COLUMNS = 33
VANTAGE, MIDSTREAM, TIMESTAMPS, KIND, OUTCOME, PATTERN, SEGMENTS, FIRST_FIN, STAYS = range(9)
CENSORED = 9  # its close was in flight when the capture ended
SMALL_COLUMNS = 10
# Columns of the states that a side entered, in the order of its path; the client's come first.
ENTERED, ENTRY_FRAME = range(2)
# Columns of stays in TIME_WAIT.
STAY_ENTERED, STAY_EXPIRES, STAY_ENDED = range(3)
STAY_RESTARTS = 0
STAY_SIDE, STAY_BASIS, STAY_ENDED_BY = range(3)
# Columns of resets.
RESET_FRAME, RESET_AT = range(2)
RESET_EVIDENCE = 0
RESET_BY, RESET_CAUSE, RESET_CONFIDENCE = range(3)
# Columns of anomalies.
ANOMALY_FRAME = 0
ANOMALY_CODE, ANOMALY_EXPLANATION = range(2)

BASES = tuple(Basis)
STATES = tuple(State)
Entry = tuple[State, Basis, str]  # a state, how firmly it is known, and why


class Names:
    """Values by their numbers in a block, each kept once."""

    __slots__ = ("_by_value", "values")

    def __init__(self, values: Sequence[object] = ()) -> None:
        self.values = list(values)
        self._by_value: dict[object, int] | None = None  # None: nobody has asked for a number of any yet, as of most that are unpacked

    def number(self, value: object) -> int:
        """Number of a value, a new one where it has none."""
        numbers = self._by_value
        if numbers is None:
            numbers = self._numbered()
        found = numbers.get(value)
        if found is None:
            found = numbers[value] = len(self.values)
            self.values.append(value)
        return found

    def find(self, value: object) -> int:
        """Number of a value; -1: it has none."""
        return self._numbered().get(value, -1)

    def _numbered(self) -> dict[object, int]:
        if self._by_value is None:
            self._by_value = {value: number for number, value in enumerate(self.values)}
        return self._by_value


class Block:
    """Connections with all that hangs on them. `id` and `stream` are final when all connections of the capture are known."""

    __slots__ = (
        "_address_texts",
        "_entries_of",
        "_path_texts",
        "addresses",
        "anomalies",
        "connections",
        "entries",
        "evidence",
        "histories",
        "ids",
        "is_timed",
        "paths",
        "reasons",
        "resets",
        "scopes",
        "stays",
        "texts",
    )

    def __init__(self, rows: int = ROWS) -> None:
        self.connections = Table(WIDE_COLUMNS, NARROW_COLUMNS, SMALL_COLUMNS, rows)
        self.entries = Table(2, 0, 0, 14 * rows)
        self.stays = Table(3, 1, 3, rows)
        self.resets = Table(2, 1, 3, max(rows // 8, 1))
        self.anomalies = Table(1, 2, 0, max(rows // 8, 1))
        self.addresses, self.scopes, self.histories, self.paths = Names(), Names(), Names(), Names()
        self.reasons, self.texts, self.evidence = Names(), Names(), Names()
        self.ids = array("q")  # of the connections, once they are known
        self.is_timed = True  # its clock tells apart what follows each other (facts.hiding)
        self._entries_of: dict[int, tuple[Entry, ...]] = {}
        self._path_texts: dict[int, str] = {}
        self._address_texts: list[str] = []

    @property
    def size_bytes(self) -> int:
        """About how much memory its rows take."""
        tables = (self.connections, self.entries, self.stays, self.resets, self.anomalies)
        return sum(table.capacity * (8 * table.wide_columns + 4 * table.narrow_columns + table.small_columns) for table in tables)

    def count_names(self) -> int:
        """How many sentences and addresses it has names for."""
        return len(self.addresses.values) + len(self.texts.values) + len(self.evidence.values) + len(self.histories.values)

    def clear(self) -> None:
        """Empty it for new rows."""
        self.connections.count = self.entries.count = self.stays.count = self.resets.count = self.anomalies.count = 0

    def cut(self, rows: int) -> None:
        """Keep so many connections, all of which have their course, and what belongs to them."""
        if rows == 0:
            self.clear()
            return
        table = self.connections
        table.count = rows
        last, size, narrow, small = rows - 1, table.capacity, table.narrow, table.small
        self.stays.count = narrow[STAYS_AT * size + last] + small[STAYS * size + last]
        self.resets.count = narrow[RESETS_AT * size + last] + narrow[RESETS * size + last]
        self.anomalies.count = narrow[ANOMALIES_AT * size + last] + narrow[ANOMALIES * size + last]
        paths = [narrow[column * size + last] for column in (CLIENT_PATH, SERVER_PATH)]
        self.entries.count = narrow[ENTRIES_AT * size + last] + sum(len(self.path(number)) for number in paths if number >= 0)

    def address(self, number: int) -> str:
        """Text of an address by its number."""
        texts = self._address_texts
        while number >= len(texts):
            texts.append(text(self.addresses.values[len(texts)]))  # type: ignore[arg-type]
        return texts[number]

    def path(self, number: int) -> tuple[Entry, ...]:
        """The states of a path by its number, in order."""
        found = self._entries_of.get(number)
        if found is None:
            steps: bytes = self.paths.values[number]  # type: ignore[assignment]
            found = self._entries_of[number] = tuple(
                [(STATES[steps[at]], BASES[steps[at + 1]], str(self.reasons.values[steps[at + 2]])) for at in range(0, len(steps), 3)]
            )
        return found

    def path_names(self, number: int) -> str:
        """Names of the states of a path by its number, apart by spaces."""
        found = self._path_texts.get(number)
        if found is None:
            found = self._path_texts[number] = " ".join([state.name for state, _, _ in self.path(number)])
        return found

    def packed(self) -> bytes:
        """The block as bytes: a line that names the format, the sizes, the names, then the tables."""
        import json  # noqa: PLC0415 - only many connections are packed

        tables = (self.connections, self.entries, self.stays, self.resets, self.anomalies)
        names = json.dumps(
            {
                "version": VERSION,
                "rows": [table.count for table in tables],
                "addresses": _runs(self.addresses.values),  # type: ignore[arg-type]
                "scopes": [_packed_scope(scope) for scope in self.scopes.values],
                "histories": self.histories.values,
                "paths": [value.hex() for value in self.paths.values],  # type: ignore[attr-defined]
                "reasons": self.reasons.values,
                "texts": self.texts.values,
                "evidence": self.evidence.values,
            },
            separators=(",", ":"),
        ).encode()
        head = _MAGIC + len(names).to_bytes(8, "little") + names
        pieces: list[memoryview | bytes] = [head, bytes(-len(head) % 8)]
        for table in tables:
            pieces += table.pieces(0, table.count)
        return b"".join(pieces)


def _runs(values: list[bytes]) -> list[tuple[int, str]]:
    """Addresses, in hexadecimal, those of one size that follow each other in one piece: thousands of them are written and read at once."""
    found, begin = [], 0
    for at in range(1, len(values) + 1):
        size = len(values[begin])
        if at == len(values) or len(values[at]) != size:
            found.append((size, b"".join(values[begin:at]).hex()))
            begin = at
    return found


def _apart(runs: list[tuple[int, str]]) -> list[bytes]:
    """The addresses of these pieces."""
    found = []
    for size, run in runs:
        together = bytes.fromhex(run)
        if size < 1 or len(together) % size:
            raise ValueError("addresses of no size")
        for at in range(0, len(together), size):
            found.append(words.within(together, at, size))  # noqa: PERF401 - compiled, this is a loop in C
    return found


def _packed_scope(scope: object) -> tuple[object, ...]:
    """Its five numbers, or who was captured first and both sides' scopes."""
    if isinstance(scope, TwoScopes):
        return scope.first, *(one and _packed_scope(one) for one in (scope.client, scope.server))
    assert isinstance(scope, Scope)
    return scope.vlan, scope.vni, scope.teid, scope.gre_key, scope.interface


def _scope(values: list[Any]) -> Scope | TwoScopes:
    if isinstance(values[0], str):
        first, client, server = values
        return TwoScopes(client and Scope(*client), server and Scope(*server), first)
    return Scope(*values)


def unpacked(data: bytes) -> Block:
    """Block that was packed. Raises ValueError for anything else."""
    import json  # noqa: PLC0415 - see packed

    if data[: len(_MAGIC)] != _MAGIC:
        raise ValueError("not a block of facts")
    at = len(_MAGIC) + 8
    end = at + int.from_bytes(data[at - 8 : at], "little")
    names = json.loads(data[at:end])
    if names["version"] != VERSION:
        raise ValueError(f"a block of facts of version {names['version']}: this program reads version {VERSION}")
    block = Block(1)
    rest, at = memoryview(data), end + -end % 8
    for table, count in zip((block.connections, block.entries, block.stays, block.resets, block.anomalies), names["rows"], strict=True):
        at = table.unpack(rest, at, count)
    block.addresses = Names(_apart(names["addresses"]))
    block.scopes = Names([_scope(value) for value in names["scopes"]])
    block.histories, block.reasons, block.texts = Names(names["histories"]), Names(names["reasons"]), Names(names["texts"])
    block.paths = Names([bytes.fromhex(value) for value in names["paths"]])
    block.evidence = Names([tuple(value) for value in names["evidence"]])
    return block
