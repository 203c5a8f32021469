"""Connections as batches of columns in the order of their ids, in which their blocks are not: they go through a temporary file.

What of a block belongs to the same thousands of ids is written there; then these are read one after the other. So it takes the memory
of two such pieces, and time for each row, however much the blocks are mixed.
"""

from __future__ import annotations

import marshal
from array import array
from operator import itemgetter
from typing import TYPE_CHECKING, Any, NamedTuple

from . import arrow
from .fields import CONNECTIONS
from .store import Connections, Scratch

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    from .block import Block

    Pick = Callable[[Any], Sequence[int]]

MOST_SORTED = 80_000  # connections that DuckDB may put in order, which takes 1.4 kB for each
TOGETHER = 13  # bits of an id: so many connections, 8,192, make a batch
NO_WORDS = b"", b""
COLUMNS = tuple(field.column for field in CONNECTIONS.columns)
CODES = {arrow.INT32: "i", arrow.INT64: "q", arrow.TIMESTAMP_NS: "q", arrow.FLOAT64: "d", arrow.BOOL: "B"}


class Cells(NamedTuple):
    """Some rows of a column: its numbers, a byte for each that is 0 for NULL (or nothing), and of words where they end, and their text."""

    numbers: bytes
    given: bytes
    ends: bytes
    text: bytes


def are_many(connections: Connections) -> bool:
    """Whether this takes much less memory than to let DuckDB put them in order."""
    return len(connections) > MOST_SORTED


def stream(connections: Connections, wanted: Collection[int] | None = None) -> arrow.Stream:
    """All connections, or those with wanted ids, as a table of the columns of CONNECTIONS. Its batches raise CaptureError without room."""
    return arrow.Stream(COLUMNS, lambda: _batches(connections, wanted))


def _batches(connections: Connections, wanted: Collection[int] | None) -> Iterator[arrow.Batch]:
    scratch, places = Scratch(), dict[int, list[tuple[int, int]]]()
    for block in connections.blocks():
        rows_of: dict[int, list[int]] = {}
        for row, number in enumerate(block.ids):
            if wanted is None or number in wanted:
                rows_of.setdefault(number >> TOGETHER, []).append(row)
        cells = [field.cells(block) for field in CONNECTIONS.columns] if rows_of else []
        for piece, rows in rows_of.items():
            data = marshal.dumps((_ids(block, rows), *(tuple(_part(*each, rows)) for each in zip(COLUMNS, cells, strict=True))))
            places.setdefault(piece, []).append(scratch.append(data))
    for piece in sorted(places):
        yield _batch([marshal.loads(scratch.read(*place)) for place in places.pop(piece)])  # noqa: S302 - this process wrote it


def _ids(block: Block, rows: list[int]) -> bytes:
    return array("q", [block.ids[row] for row in rows]).tobytes()


def _part(column: arrow.Column, cells: arrow.Cells, rows: list[int]) -> Cells:
    """Some rows of a column of a block."""
    code = CODES[column.format]
    if isinstance(cells, arrow.Coded):
        return _words(array(code, _chosen(cells.codes, code, rows)), cells.words)
    assert not isinstance(cells, arrow.Text | arrow.Texts)
    values, validity = cells if isinstance(cells, arrow.Values) else (cells, None)
    given = b"" if validity is None else _chosen(bytes(arrow.is_given(validity, len(memoryview(values)))), "B", rows)
    return Cells(_chosen(values, code, rows), given, *NO_WORDS)


def _chosen(values: arrow.Buffer, code: str, rows: list[int]) -> bytes:
    """The values of these rows."""
    view = memoryview(values)
    if rows[-1] - rows[0] == len(rows) - 1:
        return bytes(view[rows[0] : rows[-1] + 1])
    return array(code, itemgetter(*rows)(view)).tobytes()


def _words(codes: array[int], words: arrow.Text) -> Cells:
    """Codes and their words; of many words only those that occur."""
    ends, text = array("i", bytes(memoryview(words.offsets).cast("B"))), bytes(words.data)
    if len(ends) - 1 > len(codes):
        new = {code: number for number, code in enumerate(sorted(set(codes) - {-1}))}
        found = [text[ends[code] : ends[code + 1]] for code in new]
        codes = array("i", [-1 if code == -1 else new[code] for code in codes])
        ends, text = _ends(found), b"".join(found)
    return Cells(codes.tobytes(), b"", ends.tobytes(), text)


def _ends(words: list[bytes]) -> array[int]:
    ends, end = array("i", [0]), 0
    for word in words:
        end += len(word)
        ends.append(end)
    return ends


def _batch(parts: list[tuple[bytes, ...]]) -> arrow.Batch:
    """A batch of what several blocks have of it."""
    parts.sort(key=lambda part: int.from_bytes(part[0][:8], "little"))
    ids = array("q", b"".join([part[0] for part in parts]))
    pick = None
    if any(ids[at] > ids[at + 1] for at in range(len(ids) - 1)):
        pick = itemgetter(*sorted(range(len(ids)), key=ids.__getitem__))
    counts = [len(part[0]) // 8 for part in parts]
    columns = [_column(column, [Cells(*part[number]) for part in parts], counts, pick) for number, column in enumerate(COLUMNS, 1)]
    return arrow.Batch(len(ids), columns)


def _column(column: arrow.Column, parts: list[Cells], counts: list[int], pick: Pick | None) -> arrow.Cells:
    code = CODES[column.format]
    if column.coded:
        codes, words = _joined(parts)
        return arrow.Coded(codes if pick is None else array("i", pick(codes)), words)
    numbers = array(code, b"".join([part.numbers for part in parts]))
    if pick is not None:
        numbers = array(code, pick(numbers))
    if not any(part.given for part in parts):
        return arrow.Values(numbers)
    given = b"".join([part.given or b"\1" * count for part, count in zip(parts, counts, strict=True)])
    return arrow.Values(numbers, arrow.as_bitmap(given if pick is None else bytes(pick(given))))


def _joined(parts: list[Cells]) -> tuple[array[int], arrow.Text]:
    """Codes of several blocks as those of their words together, each block's behind the others', unless all have the same."""
    first = parts[0]
    if all((part.ends, part.text) == (first.ends, first.text) for part in parts):
        return array("i", b"".join([part.numbers for part in parts])), arrow.Text(array("i", first.ends), first.text)
    codes, ends, text = array("i"), array("i", [0]), 0
    for part in parts:
        before = len(ends) - 1
        codes.extend([code if code == -1 else code + before for code in array("i", part.numbers)])
        ends.extend([end + text for end in array("i", part.ends)[1:]])
        text += len(part.text)
    return codes, arrow.Text(ends, b"".join([part.text for part in parts]))
