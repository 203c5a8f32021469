"""`--format json`: the verdict document for programs; its shape is held to `schema/verdict-1.json`."""

import json
from typing import TextIO

from tcptrace_py.model.report import Measure, Outcome, Report, Unit
from tcptrace_py.model.results import Connection
from tcptrace_py.outputs.document import Row, capture_row, endpoint_row, generator
from tcptrace_py.outputs.units import ms
from tcptrace_py.outputs.view import View

from . import _phrases as phrases
from ._path import path_row

SUMMARY = "the verdict document, for programs (schema tcpstates/verdict/1)"
SCHEMA = "tcpstates/verdict/1"


def write(report: Report, view: View, out: TextIO) -> None:  # noqa: ARG001 - a document has no width
    """Print the document."""
    out.write(json.dumps(document(report), indent=1, allow_nan=False) + "\n")


def document(report: Report) -> Row:
    """The document as plain dicts and lists."""
    return {
        "schema": SCHEMA,
        "generator": generator(),
        "verdict": report.verdict,
        "interrupted": report.interrupted,
        "capture": capture_row(report.capture),
        "connections": report.connections,
        "checks": [_check(report, outcome) for outcome in report.outcomes],
        **({} if report.path is None else {"path": path_row(report.path)}),
    }


def _check(report: Report, outcome: Outcome) -> Row:
    origin = outcome.origin
    return {
        "code": outcome.code,
        "name": outcome.name,
        "title": outcome.title,
        "severity": outcome.severity.value,
        "status": outcome.status.value,
        "fails": outcome.fails,
        "origin": {"text": origin.text, "file": origin.file, "line": origin.line},
        "scope": outcome.scope,
        "connections": outcome.connections,
        "message": outcome.message,
        "remedy": outcome.remedy,
        "measures": [_measure(report, measure) for measure in outcome.measures],
    }


def _measure(report: Report, measure: Measure) -> Row:
    return {
        "what": measure.what,
        "subject": measure.subject,
        "holds": measure.holds,
        **_numbers(measure),
        "note": measure.note,
        "offenders": measure.offenders,
        "services": [{"service": name, "connections": number} for name, number in measure.groups],
        "worst": [_connection(report, connection) for connection in measure.worst],
    }


def _numbers(measure: Measure) -> Row:
    """Value and limit, the unit in the key."""
    if measure.unit is Unit.NS:
        return {"measured_ms": None if measure.is_below_step else ms(round(measure.value)), "limit_ms": ms(round(measure.limit))}
    if measure.unit is Unit.RATIO:
        return {"measured_ratio": round(measure.value, 6), "limit_ratio": round(measure.limit, 6)}
    return {"measured": round(measure.value), "limit": round(measure.limit)}


def _connection(report: Report, connection: Connection) -> Row:
    return {
        "id": connection.id,
        "stream": connection.stream,
        "client": endpoint_row(connection.client),
        "server": endpoint_row(connection.server),
        "frames": [connection.first_frame, connection.last_frame],
        "display_filter": phrases.look(connection),
        "explain": phrases.explain(report, connection),
    }
