"""The formats of `time-wait`: each says the same facts, and is imported only when it is asked for."""

from collections.abc import Callable, Iterable
from dataclasses import fields
from typing import Any, TextIO, TypeVar

from tcptrace_py.model.diagnosis import (
    Diagnosis,
    HostLedger,
    Neighbour,
    ServerLedger,
    ServiceLedger,
)
from tcptrace_py.model.results import Analysis, Exhaustion, PortBudget, Scope
from tcptrace_py.outputs.foreign import cell
from tcptrace_py.outputs.view import View

from .document import document, host_row, neighbour_row, population_rows, server_row, service_row
from .page import blocks

Row = TypeVar("Row")


def write(name: str, diagnosis: Diagnosis, analysis: Analysis, view: View, out: TextIO, *, table: str = "services") -> None:
    """Print the diagnosis in one of `FORMATS`; `table` is what csv holds, one of `TABLES`."""
    if name == "json":
        import json  # noqa: PLC0415

        json.dump(document(diagnosis, analysis), out, indent=1, allow_nan=False)
        out.write("\n")
    elif name == "csv":
        _csv(table, diagnosis, out)
    elif name == "markdown":
        from tcptrace_py.outputs.formats import markdown  # noqa: PLC0415

        markdown.write_blocks(blocks(diagnosis, analysis, view), out)
    else:
        from tcptrace_py.outputs.formats import table as table_format  # noqa: PLC0415

        table_format.write_blocks(blocks(diagnosis, analysis, view), view, out)


_ROWS: dict[str, Callable[[Diagnosis], Iterable[dict[str, Any]]]] = {
    "services": lambda d: (service_row(service) for service in d.services),
    "servers": lambda d: (server_row(server) for server in d.servers),
    "hosts": lambda d: ({k: v for k, v in host_row(host).items() if k != "population"} for host in d.hosts),
    "population": population_rows,
    "neighbours": lambda d: (neighbour_row(neighbour) for neighbour in d.neighbours),
}


def _csv(table: str, diagnosis: Diagnosis, out: TextIO) -> None:
    """Flat columns, always the same: what is nested gets its keys joined; the unknown is an empty cell."""
    import csv  # noqa: PLC0415

    writer = csv.DictWriter(out, columns(table), lineterminator="\n", restval="", extrasaction="ignore")
    writer.writeheader()
    for row in _ROWS[table](diagnosis):
        writer.writerow({key: "" if value is None else cell(value) for key, value in _flat(row)})


def columns(table: str) -> list[str]:
    """Names of a table's columns, those of what may be absent too."""
    ports = _blank(PortBudget, scope=Scope(), port_range=(1, 2), exhaustion=_blank(Exhaustion))
    whole: dict[str, dict[str, Any]] = {
        "services": service_row(_blank(ServiceLedger, scope=Scope(), timestamps=(0, 0), ports=ports)),
        "servers": server_row(_blank(ServerLedger, scope=Scope())),
        "hosts": host_row(_blank(HostLedger, scope=Scope(), series=None)),
        "population": {"address": "", "at": "", "time_wait": 0},
        "neighbours": neighbour_row(_blank(Neighbour, scope=Scope())),
    }
    return [key for key, _ in _flat(whole[table]) if key != "population"]


def _blank(kind: type[Row], **known: Any) -> Row:
    return kind(**({field.name: 0 for field in fields(kind)} | known))  # type: ignore[arg-type]


def _flat(row: dict[str, Any], prefix: str = "") -> Iterable[tuple[str, Any]]:
    for key, value in row.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{key}_")
        elif isinstance(value, list):
            yield prefix + key, "-".join(map(str, value))
        else:
            yield prefix + key, str(value).lower() if isinstance(value, bool) else value
