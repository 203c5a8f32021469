"""The formats of `time-wait`: each says the same facts."""

import csv
import json
from collections.abc import Callable, Iterable
from typing import Any, TextIO

from tcptrace_py.model.diagnosis import Diagnosis
from tcptrace_py.model.results import Analysis
from tcptrace_py.outputs.formats import markdown
from tcptrace_py.outputs.formats import table as table_format
from tcptrace_py.outputs.view import View

from .document import document, host_row, neighbour_row, population_rows, server_row, service_row
from .page import blocks


def write(
    name: str, diagnosis: Diagnosis, analysis: Analysis, view: View, out: TextIO, *, table: str = "services"
) -> None:
    """Print the diagnosis in one of `FORMATS`; `table` is what csv holds, one of `TABLES`."""
    if name == "json":
        json.dump(document(diagnosis, analysis), out, indent=1, allow_nan=False)
        out.write("\n")
    elif name == "csv":
        _csv(_ROWS[table](diagnosis), out)
    elif name == "markdown":
        markdown.write_blocks(blocks(diagnosis, analysis, view), out)
    else:
        table_format.write_blocks(blocks(diagnosis, analysis, view), view, out)


_ROWS: dict[str, Callable[[Diagnosis], Iterable[dict[str, Any]]]] = {
    "services": lambda d: (service_row(service) for service in d.services),
    "servers": lambda d: (server_row(server) for server in d.servers),
    "hosts": lambda d: ({k: v for k, v in host_row(host).items() if k != "population"} for host in d.hosts),
    "population": population_rows,
    "neighbours": lambda d: (neighbour_row(neighbour) for neighbour in d.neighbours),
}


def _csv(rows: Iterable[dict[str, Any]], out: TextIO) -> None:
    """Flat columns: what is nested gets its keys joined; the unknown is an empty cell."""
    writer = None
    for row in rows:
        flat = dict(_flat(row))
        if writer is None:
            writer = csv.DictWriter(out, list(flat), lineterminator="\n", restval="")
            writer.writeheader()
        writer.writerow({key: "" if value is None else value for key, value in flat.items()})


def _flat(row: dict[str, Any], prefix: str = "") -> Iterable[tuple[str, Any]]:
    for key, value in row.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{key}_")
        elif isinstance(value, list):
            yield prefix + key, "-".join(map(str, value))
        else:
            yield prefix + key, str(value).lower() if isinstance(value, bool) else value
