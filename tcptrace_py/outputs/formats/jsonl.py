"""`--format jsonl`: the same facts in lines, each with its "record": a header, the connections, a trailer."""

import json
from collections.abc import Iterable, Iterator
from typing import TextIO

from tcptrace_py.model.results import Analysis
from tcptrace_py.outputs.connection_text import connection_text
from tcptrace_py.outputs.document import head
from tcptrace_py.outputs.view import View

SUMMARY = "a line for each connection, for bulk (schema tcpstates/analysis-lines/1)"
FOR_PEOPLE = False
BINARY = False
SCHEMA = "tcpstates/analysis-lines/1"

_IN_HEADER = ("generator", "profiles")
_encode = json.JSONEncoder(ensure_ascii=True, allow_nan=False, separators=(", ", ": ")).encode


def write(analysis: Analysis, view: View, out: TextIO) -> None:
    """Write the lines; readers must not rely on the order of the connections."""
    facts = head(analysis)
    header = {key: facts[key] for key in _IN_HEADER}
    trailer = {key: value for key, value in facts.items() if key not in (*_IN_HEADER, "schema")}
    out.write(_encode({"record": "header", "schema": SCHEMA, **header}) + "\n")
    out.writelines(f'{{"record": "connection", {connection_text(connection)[1:]}\n' for connection in view.listed(analysis))
    out.write('{"record": "trailer"')
    for key, value in trailer.items():
        out.write(f", {_encode(key)}: ")
        if isinstance(value, Iterator):
            _write_list(value, out)
        else:
            out.write(_encode(value))
    out.write("}\n")


def _write_list(rows: Iterable[object], out: TextIO) -> None:
    """Write a list row by row: there may be as many as there are connections."""
    before = "["
    for row in rows:
        out.write(before + _encode(row))
        before = ", "
    out.write("]" if before == ", " else "[]")
