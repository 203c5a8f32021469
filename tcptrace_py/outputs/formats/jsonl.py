"""`--format jsonl`: the same facts in lines, each with its "record": a header, the connections, a trailer."""

import json
from typing import TextIO

from tcptrace_py.model.results import Analysis
from tcptrace_py.outputs.document import connection_row, head
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
    out.writelines(_encode({"record": "connection", **connection_row(connection)}) + "\n"
                   for connection in view.listed(analysis))
    out.write(_encode({"record": "trailer", **trailer}) + "\n")
