"""`--format csv`: one line for each connection, for spreadsheets and dataframes; the columns of the SQL table `connections`."""

from typing import Any, TextIO

from tcptrace_py.facts import arrow
from tcptrace_py.facts.block import Block
from tcptrace_py.facts.fields import CONNECTIONS, Field
from tcptrace_py.facts.store import MOST_READ
from tcptrace_py.facts.views import place_of
from tcptrace_py.model.results import Analysis
from tcptrace_py.outputs.foreign import cell
from tcptrace_py.outputs.units import decimals, times, whole_numbers
from tcptrace_py.outputs.view import View

SUMMARY = "a line for each connection, flat, for spreadsheets"
FOR_PEOPLE = False
BINARY = False

_BOOLEANS = ("false", "true")


def write(analysis: Analysis, view: View, out: TextIO) -> None:
    """Write the header and a line for each connection; the unknown is an empty cell."""
    out.write(",".join([field.name for field in CONNECTIONS.columns]) + "\n")
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


def _texts(field: Field, block: Block) -> list[str]:
    """The cells of a field as CSV has them, quoted where they must be, "" for NULL."""
    cells, rows = field.cells(block), CONNECTIONS.rows(block)
    if isinstance(cells, arrow.Coded):
        codes, words = memoryview(cells.codes)[:rows].tolist(), cells.words.texts()
        quoted = {code: _quoted(cell(words[code])) if code >= 0 else "" for code in set(codes)}
        return [quoted[code] for code in codes]
    assert not isinstance(cells, arrow.Text | arrow.Texts)
    values, validity = cells if isinstance(cells, arrow.Values) else (cells, None)
    numbers: list[Any] = memoryview(values)[:rows].tolist()
    if field.type == "DOUBLE":
        return decimals(numbers, None if validity is None else arrow.is_given(validity, rows))
    if field.type == "BOOLEAN":
        return [_BOOLEANS[number] for number in numbers]
    return times(numbers, field.null) if field.type == "TIMESTAMP_NS" else whole_numbers(numbers, field.null)


def _quoted(text: str) -> str:
    """A cell's text, which ends no line, in quotes where it would be taken for two, or for one in quotes (RFC 4180 section 2)."""
    return '"' + text.replace('"', '""') + '"' if "," in text or '"' in text else text
