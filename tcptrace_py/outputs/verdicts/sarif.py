"""`--format sarif`: SARIF 2.1.0 (OASIS), for code scanning: a failure points at the line that asked for it."""

import json
from hashlib import sha256
from typing import TextIO
from urllib.parse import quote

from tcptrace_py import __version__
from tcptrace_py.model.report import Measure, Outcome, Report, Status
from tcptrace_py.outputs.document import Row
from tcptrace_py.outputs.view import View

from . import _phrases as phrases

SUMMARY = "SARIF 2.1.0, for GitHub code scanning and editors"
SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def write(report: Report, view: View, out: TextIO) -> None:  # noqa: ARG001 - a document has no width
    """Print the document."""
    out.write(json.dumps(document(report), indent=1, allow_nan=False) + "\n")


def document(report: Report) -> Row:
    """The log: one run, its rules, a result for each failing measure."""
    rules = {phrases.rule_id(outcome): outcome for outcome in report.outcomes}
    index = {name: number for number, name in enumerate(rules)}
    results = [result for outcome in report.outcomes for result in _results(report, outcome, index)]
    run = {
        "tool": {
            "driver": {
                "name": "tcpstates",
                "semanticVersion": __version__,
                "rules": [_rule(name, outcome) for name, outcome in rules.items()],
            }
        },
        "invocations": [
            {
                "executionSuccessful": not report.interrupted,
                "toolExecutionNotifications": [_notification(outcome) for outcome in report.outcomes if outcome.status is Status.DAMAGED],
            }
        ],
        "columnKind": "unicodeCodePoints",
        "results": results,
    }
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def _rule(name: str, outcome: Outcome) -> Row:
    return {
        "id": name,
        "name": outcome.name,
        "shortDescription": {"text": outcome.title},
        "help": {"text": outcome.remedy},
        "defaultConfiguration": {"level": outcome.severity.value},
    }


def _notification(outcome: Outcome) -> Row:
    return {"level": "error", "message": {"text": outcome.message}, "descriptor": {"id": phrases.rule_id(outcome)}}


def _results(report: Report, outcome: Outcome, index: dict[str, int]) -> list[Row]:
    if outcome.status is Status.FAILED:
        return [_result(report, outcome, index, phrases.sentence(measure), measure) for measure in outcome.measures if not measure.holds]
    if outcome.status in (Status.UNMATCHED, Status.UNMEASURABLE, Status.DAMAGED):
        return [_result(report, outcome, index, outcome.message, None)]
    return []


def _result(report: Report, outcome: Outcome, index: dict[str, int], text: str, measure: Measure | None) -> Row:
    name = phrases.rule_id(outcome)
    worst = measure.worst if measure is not None else ()
    if worst:
        text = f"{text}. First to look at: {phrases.look(worst[0])} ({phrases.explain(report, worst[0])})"
    same = (name, outcome.scope, *((measure.what, measure.subject) if measure else (outcome.status.value,)))
    return {
        "ruleId": name,
        "ruleIndex": index[name],
        "level": outcome.severity.value if outcome.status is not Status.DAMAGED else "error",
        "message": {"text": text or outcome.title},
        "locations": [_location(report, outcome)],
        "partialFingerprints": {"tcpstates/v1": sha256("|".join(same).encode("utf-8", "backslashreplace")).hexdigest()},
        "properties": {"displayFilters": [phrases.look(connection) for connection in worst]},
    }


def _location(report: Report, outcome: Outcome) -> Row:
    """The line that asked for the check; for an option the capture, as a result must be somewhere."""
    origin = outcome.origin
    path = origin.file or (report.capture.files[0].path if report.capture.files else "capture")
    place: Row = {"artifactLocation": {"uri": quote(path.replace("\\", "/"), errors="backslashreplace")}}
    place["region"] = {"startLine": origin.line or 1}
    return {"physicalLocation": place}
