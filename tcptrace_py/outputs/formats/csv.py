"""`--format csv`: one line for each connection, for spreadsheets and dataframes; the columns of the SQL table `connections`."""

import csv
from collections.abc import Callable, Iterable
from typing import Any, TextIO

from tcptrace_py.facts import arrow
from tcptrace_py.facts.block import Block
from tcptrace_py.facts.fields import CONNECTIONS, Field
from tcptrace_py.facts.store import MOST_READ
from tcptrace_py.facts.views import place_of
from tcptrace_py.model.results import Analysis
from tcptrace_py.outputs.foreign import cell
from tcptrace_py.outputs.units import decimal, rfc3339
from tcptrace_py.outputs.view import View

SUMMARY = "a line for each connection, flat, for spreadsheets"
FOR_PEOPLE = False
BINARY = False

_BOOLEANS = ("false", "true")
_TEXT_OF: dict[str, Callable[[Any], Any]] = {"DOUBLE": decimal, "TIMESTAMP_NS": rfc3339, "BOOLEAN": _BOOLEANS.__getitem__}


def write(analysis: Analysis, view: View, out: TextIO) -> None:
    """Write the header and a line for each connection; the unknown is an empty cell."""
    out.writelines(_lines([[field.name for field in CONNECTIONS.columns]]))
    # Lines are made a block at a time. Blocks that are read lately are kept, as in the store: connections are nearly in order in them.
    made: dict[int, tuple[Block, list[str]]] = {}
    for connection in view.listed(analysis):
        block, row = place_of(connection)
        found = made.get(id(block))
        if found is None:
            if len(made) >= MOST_READ:
                del made[next(iter(made))]
            cells = [_texts(field, block) for field in CONNECTIONS.columns]
            found = made[id(block)] = block, [f"{line}\n" for line in map(",".join, zip(*cells, strict=True))]
        out.write(found[1][row])


def _lines(rows: Iterable[Iterable[Any]]) -> list[str]:
    lines = _Lines()
    csv.writer(lines, lineterminator="\n").writerows(rows)
    return lines


class _Lines(list[str]):
    """What `csv.writer` writes to: it writes a row at a time."""

    write = list.append


def _texts(field: Field, block: Block) -> list[str]:
    """The cells of a field as CSV has them, quoted where they must be, "" for NULL."""
    cells, rows = field.cells(block), CONNECTIONS.rows(block)
    if isinstance(cells, arrow.Coded):
        words = [row[:-2] for row in _lines((cell(word), "") for word in cells.words.texts())]  # only they may need quotes
        return [words[code] if code >= 0 else "" for code in memoryview(cells.codes)[:rows].tolist()]
    assert not isinstance(cells, arrow.Text | arrow.Texts)
    values, validity = cells if isinstance(cells, arrow.Values) else (cells, None)
    numbers = memoryview(values)[:rows].tolist()
    texts = list(map(str, map(_TEXT_OF[field.type], numbers) if field.type in _TEXT_OF else numbers))
    if validity is not None:
        return [text if there else "" for text, there in zip(texts, arrow.is_given(validity, rows), strict=True)]
    return texts if field.null is None else ["" if number == field.null else text for text, number in zip(texts, numbers, strict=True)]
