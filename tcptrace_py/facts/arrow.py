"""Columns for whoever speaks Arrow's PyCapsule interface (DuckDB, polars, pandas, pyarrow).

The consumer reads our buffers where they are; `arrow_structs` holds them until it lets go. No library is needed for it.
"""

from __future__ import annotations

import signal
import struct
import sys
import threading
from array import array
from contextlib import contextmanager
from functools import cache
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias, TypeVar

from tcptrace_py.model.errors import UsageError

from .arrow_structs import NULLABLE, Node, Reading, address, array_node, schema_capsule, schema_node, stream_capsule

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator, Sequence, Sized
    from mmap import mmap
    from types import FrameType

INT8, INT16, INT32, INT64 = "c", "s", "i", "l"
UINT8, UINT16, UINT32, UINT64 = "C", "S", "I", "L"
FLOAT64, BOOL = "g", "b"
TIMESTAMP_NS = "tsn:"  # UTC, but without saying so: DuckDB has no nanoseconds in types with a time zone
TEXT, TEXTS = "u", "+l"
WIDE = {  # Arrow's format of what has a width -> that of `struct`
    INT8: "b", INT16: "h", INT32: "i", INT64: "q", UINT8: "B", UINT16: "H", UINT32: "I", UINT64: "Q",
    FLOAT64: "d", BOOL: "B", TIMESTAMP_NS: "q",
}  # fmt: skip
Buffer: TypeAlias = "array[Any] | bytes | bytearray | memoryview | mmap"
ENDING = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))  # signals that may end a command
MOST_MB = 64  # of tables in memory, before DuckDB writes them to a temporary file
_DIGITS = b"0" + b"1" * 255
_NOT = b"\1" + bytes(255)


class Column(NamedTuple):
    """A column: its name, its format, whether cells may be NULL, and a value that stands for NULL (the same bits, for a float).

    If `coded`, the cells are numbers (INT32) of words that come with each batch.
    """

    name: str
    format: str
    nullable: bool = False
    null: float | None = None
    coded: bool = False

    @property
    def has_null(self) -> bool:
        """Whether a cell may be NULL."""
        return self.nullable or self.null is not None


class Values(NamedTuple):
    """Cells of a width: numbers, times, or for BOOL a byte each, 0 for false. A bit of `validity`, lowest first, is 0 for NULL."""

    values: Buffer
    validity: Buffer | None = None


class Text(NamedTuple):
    """Cells of text, in UTF-8: that of row i is `data[offsets[i]:offsets[i + 1]]`; offsets are INT32 and do not decrease."""

    offsets: Buffer
    data: Buffer
    validity: Buffer | None = None

    @classmethod
    def of(cls, texts: Sequence[str | None]) -> Text:
        """From strings, None for NULL. Raises OverflowError for more than 2 GiB."""
        encoded = [b"" if text is None else text.encode("utf-8", "backslashreplace") for text in texts]
        return cls(_offsets(encoded), b"".join(encoded), present(texts))

    def texts(self) -> list[str]:
        """The cells as strings, "" for NULL."""
        data, offsets = bytes(self.data), list(self.offsets)
        return [data[begin:end].decode() for begin, end in pairwise(offsets)]


class Coded(NamedTuple):
    """Cells of text as numbers (INT32) of the batch's words, counted from 0; no word is NULL."""

    codes: Buffer
    words: Text
    validity: Buffer | None = None


class Texts(NamedTuple):
    """Cells that are lists of text: that of row i has the items from `offsets[i]` up to `offsets[i + 1]`."""

    offsets: Buffer
    items: Text
    validity: Buffer | None = None

    @classmethod
    def of(cls, lists: Sequence[Sequence[str | None] | None]) -> Texts:
        """From lists of strings, None for NULL. Raises OverflowError for more than 2 GiB."""
        items = Text.of([text for texts in lists for text in texts or ()])
        return cls(_offsets([texts or () for texts in lists]), items, present(lists))


Cells: TypeAlias = "Buffer | Values | Text | Coded | Texts"
Kind = TypeVar("Kind", Text, Coded, Texts)


class Batch(NamedTuple):
    """Some rows: how many, and for each column its cells (a buffer alone is `Values`).

    The consumer reads the buffers where they are: until it lets go they must not change, and an `array` refuses to grow. They may
    be longer than the rows need. Their sizes are checked, what is in them is not: offsets and numbers of words must be right.
    """

    rows: int
    columns: Sequence[Cells]


class Stream:
    """A table that can be read any number of times: its columns, and a function that makes its batches anew for each reading.

    Batches are asked for one at a time, from whatever thread the consumer has. An exception of theirs ends the reading: the
    consumer has its message, and `failure` is the exception of the last reading that failed.
    """

    def __init__(self, columns: Sequence[Column], batches: Callable[[], Iterable[Batch]]) -> None:
        """Raises ValueError for a column that cannot be."""
        self.columns = tuple(columns)
        self.batches = batches
        self.failure: BaseException | None = None
        self._schema()

    def __arrow_c_schema__(self) -> Any:
        """A capsule of the schema."""
        return schema_capsule(self._schema())

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        """A capsule of a new reading; it has this schema, whichever is requested."""
        return stream_capsule(Reading(self._schema, self._nodes(), self._failed))

    def _schema(self) -> Node:
        return schema_node("+s", "", 0, [_column_schema(column) for column in self.columns])

    def _nodes(self) -> Generator[Node, None, None]:
        for batch in self.batches():
            yield _batch_node(self.columns, batch)

    def _failed(self, error: BaseException) -> None:
        self.failure = error


def need(purpose: str) -> None:
    """See whether there is DuckDB, without loading it: that takes 45 MB. Raises UsageError, with the purpose, without the extra `sql`."""
    from importlib.util import find_spec  # noqa: PLC0415 - long to import

    if find_spec("duckdb") is None:
        raise _missing(purpose)


def _missing(purpose: str) -> UsageError:
    return UsageError(f"{purpose} needs DuckDB: pip install 'tcptrace-py[sql]'")


def database(purpose: str, most_mb: int | None = None) -> Any:
    """A new database of DuckDB, in memory: of at most so many MB, beyond which it writes to a temporary file (None: of most there is).

    It takes some 20 ms. Raises UsageError, with the purpose, without the extra `sql` or a folder for temporary files.
    """
    try:
        import duckdb  # noqa: PLC0415 - an extra
    except ImportError:
        raise _missing(purpose) from None
    from secrets import token_hex  # noqa: PLC0415 - long to import, both
    from tempfile import gettempdir  # noqa: PLC0415

    # DuckDB makes the folder when something does not fit into memory, and removes it; without this, it is .tmp of where one is.
    try:
        config: dict[str, Any] = {"temp_directory": f"{gettempdir()}/tcpstates-{token_hex(8)}"}
    except OSError as error:
        raise UsageError(f"{purpose} needs a folder for temporary files: {error}") from None
    if most_mb is not None:
        config["memory_limit"] = f"{most_mb}MB"
    return duckdb.connect(":memory:", config=config)


def scan(connection: Any, stream: Stream, statement: str) -> None:
    """Run a statement of SQL that reads the table `stream` once, and to its end: CREATE TABLE AS, INSERT, COPY.

    Afterwards there is no such table. What the stream's batches raise is raised.
    """
    import duckdb  # noqa: PLC0415 - an extra, and there

    stream.failure = None
    with signals_behind(connection):
        connection.register("stream", stream)
        try:
            connection.execute(statement)
        except duckdb.Error:
            if stream.failure is not None:
                raise stream.failure from None
            raise
        finally:
            connection.unregister("stream")


def run(connection: Any, statement: str) -> None:
    """Run a statement of SQL that reads what is there already, and gives nothing."""
    with signals_behind(connection):
        connection.execute(statement)


@contextmanager
def signals_behind(connection: Any) -> Iterator[None]:
    """Let a signal end the statement whose handler raises something (Ctrl-C, and SIGTERM where a command cleans up), and raise it behind.

    Amid a function that C code calls it would be printed and lost, and the statement would go on.
    """
    raised: list[BaseException] = []
    handlers: dict[int, Any] = {}

    def stop(number: int, frame: FrameType | None) -> None:
        try:
            handlers[number](number, frame)
        except BaseException as error:  # noqa: BLE001 - whatever it is
            raised.append(error)
            connection.interrupt()

    if threading.current_thread() is threading.main_thread():
        for number in ENDING:
            if callable(handler := signal.getsignal(number)):
                handlers[number] = handler
                signal.signal(number, stop)
    try:
        yield
    finally:
        for number, handler in handlers.items():
            if signal.getsignal(number) is stop:  # else it had enough
                signal.signal(number, handler)
        if raised:
            raise raised[0] from None


def _column_schema(column: Column) -> Node:
    name, format_ = column.name, column.format
    if format_ not in (*WIDE, TEXT, TEXTS):
        raise ValueError(f"column {name}: no format {format_!r}")
    if column.coded and format_ != INT32:
        raise ValueError(f"column {name}: numbers of words have the format {INT32!r}")
    if column.null is not None:
        _bits_of(column)
    children = [schema_node(TEXT, "item", NULLABLE)] if format_ == TEXTS else []
    dictionary = schema_node(TEXT, "", 0) if column.coded else None
    return schema_node(format_, name, NULLABLE if column.has_null else 0, children, dictionary)


def _bits_of(column: Column) -> bytes:
    """The value that stands for NULL as it is in a buffer."""
    try:
        return struct.pack("=" + WIDE[column.format], column.null)
    except (KeyError, struct.error):
        raise ValueError(f"column {column.name}: {column.null!r} cannot stand for NULL") from None


def _batch_node(columns: tuple[Column, ...], batch: Batch) -> Node:
    if len(batch.columns) != len(columns):
        raise ValueError(f"a batch has {len(batch.columns)} columns, its stream {len(columns)}")
    children = []
    for column, cells in zip(columns, batch.columns, strict=True):
        try:
            children.append(_cells_node(column, cells, batch.rows))
        except (TypeError, ValueError) as error:
            raise ValueError(f"column {column.name}: {error}") from error
    return array_node(batch.rows, 0, [None], children)


def _cells_node(column: Column, cells: Cells, rows: int) -> Node:
    if column.format == TEXT:
        return _text_node(_expect(Text, cells), rows, nullable=column.has_null)
    if column.format == TEXTS:
        lists = _expect(Texts, cells)
        offsets = _view(lists.offsets, rows + 1, INT32)
        nulls, validity = _given(lists.validity, rows, nullable=column.has_null)
        return array_node(rows, nulls, [validity, offsets], [_text_node(lists.items, _last(offsets), nullable=True)])
    if column.coded:
        numbers, words, bitmap = _expect(Coded, cells)
        dictionary = _text_node(words, len(memoryview(words.offsets).cast("B")) // 4 - 1, nullable=False)
    else:
        numbers, bitmap = cells if isinstance(cells, Values) else Values(_expect_buffer(cells))
        dictionary = None
    values = _view(numbers, rows, column.format)
    if bitmap is None and column.null is not None:
        nulls, validity = _found(values, rows, _bits_of(column))
    else:
        nulls, validity = _given(bitmap, rows, nullable=column.has_null)
    if column.format == BOOL:
        values = memoryview(as_bitmap(bytes(values)))
    return array_node(rows, nulls, [validity, values], (), dictionary)


def _expect(kind: type[Kind], cells: Cells) -> Kind:
    if not isinstance(cells, kind):
        raise TypeError(f"{kind.__name__} is needed, not {type(cells).__name__}")
    return cells


def _expect_buffer(cells: Cells) -> Buffer:
    if isinstance(cells, tuple):
        raise TypeError(f"Values or a buffer is needed, not {type(cells).__name__}")
    return cells


def _text_node(text: Text, rows: int, *, nullable: bool) -> Node:
    offsets = _view(text.offsets, rows + 1, INT32)
    nulls, validity = _given(text.validity, rows, nullable=nullable)
    return array_node(rows, nulls, [validity, offsets, _view(text.data, _last(offsets), UINT8)])


def _view(buffer: Buffer, count: int, format_: str) -> memoryview:
    """So many values of a buffer, as bytes; a copy only of what does not begin where such a value may."""
    view, width = memoryview(buffer), struct.calcsize(WIDE[format_])
    if view.itemsize not in (1, width):
        raise ValueError(f"values of {view.itemsize} bytes, {width} are needed")
    part = view.cast("B")[: count * width]
    if len(part) < count * width:
        raise ValueError(f"{len(part)} bytes, {count * width} are needed")
    return memoryview(bytes(part)) if address(part) % width else part


def _last(offsets: memoryview) -> int:
    last = int.from_bytes(offsets[-4:], sys.byteorder, signed=True)
    if last < 0:
        raise ValueError(f"offsets that end at {last}")
    return last


def _offsets(parts: Iterable[Sized]) -> array[int]:
    return array("i", accumulate(map(len, parts), initial=0))


def _given(validity: Buffer | None, rows: int, *, nullable: bool) -> tuple[int, memoryview | None]:
    """How many cells are NULL (-1: not counted), and the bitmap that says which are not."""
    if validity is None:
        return 0, None
    if not nullable:
        raise ValueError("NULL in a column that has none")
    return -1, _view(validity, -(-rows // 8), UINT8)


def _found(values: memoryview, rows: int, null: bytes) -> tuple[int, memoryview | None]:
    """The same from a value that stands for NULL.

    All rows at once: whether they have the value's highest byte, and so on while there is one that has. A loop over the rows
    takes four times as long, and fifty times if none is NULL.
    """
    data, width, found = bytes(values), len(null), -1
    for place in range(width) if sys.byteorder == "big" else reversed(range(width)):
        found &= int.from_bytes(data[place::width].translate(_is(null[place])), "big")
        if not found:
            return 0, None
    flags = found.to_bytes(rows, "big")
    return flags.count(1), memoryview(as_bitmap(flags.translate(_NOT)))


@cache
def _is(byte: int) -> bytes:
    return bytes(other == byte for other in range(256))


def as_bitmap(flags: bytes) -> bytes:
    """A bit for each byte that is not 0, lowest first: as digits of a number, which are read at once."""
    return int(flags[::-1].translate(_DIGITS) or b"0", 2).to_bytes(-(-len(flags) // 8), "little")


def present(cells: Sequence[Any]) -> bytes | None:
    """The bitmap that says which cells are not None; None where all are not."""
    return as_bitmap(bytes(cell is not None for cell in cells)) if None in cells else None


def is_given(validity: Buffer, rows: int) -> list[bool]:
    """For each cell whether it is not NULL, from the bitmap."""
    digits = f"{int.from_bytes(validity, 'little'):0{rows}b}"
    return [digit == "1" for digit in digits[: -rows - 1 : -1]]
