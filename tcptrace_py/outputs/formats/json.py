"""`--format json`: the analysis document, one row of each list on a line of its own, written as it is read."""

import json
from collections.abc import Iterable, Iterator
from typing import TextIO

from tcptrace_py.model.results import Analysis
from tcptrace_py.outputs.connection_text import connection_text
from tcptrace_py.outputs.document import head
from tcptrace_py.outputs.view import View

SUMMARY = "the analysis document, for programs (schema tcpstates/analysis/1)"
FOR_PEOPLE = False
BINARY = False

_encode = json.JSONEncoder(ensure_ascii=True, allow_nan=False, separators=(", ", ": ")).encode


def write(analysis: Analysis, view: View, out: TextIO) -> None:
    """Write the document without ever holding more than one connection's row."""
    out.write("{\n")
    for key, value in head(analysis).items():
        if isinstance(value, list | Iterator):
            _write_list(key, map(_encode, value), out)
            out.write(",\n")
        else:
            out.write(f"{_encode(key)}: {_encode(value)},\n")
    _write_list("connections", map(connection_text, view.listed(analysis)), out)
    out.write("\n}\n")


def _write_list(key: str, rows: Iterable[str], out: TextIO) -> None:
    out.write(f"{_encode(key)}: [")
    before = "\n"
    for row in rows:
        out.write(f"{before} {row}")
        before = ",\n"
    out.write("]")
