"""`--format github`: workflow commands that GitHub turns into annotations at the lines that asked for the checks."""

from typing import TextIO

from tcptrace_py.model.report import Outcome, Report, Severity, Status
from tcptrace_py.outputs.foreign import line
from tcptrace_py.outputs.units import printable
from tcptrace_py.outputs.view import View

from . import _phrases as phrases

SUMMARY = "annotations of a GitHub workflow"
_COMMANDS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "notice"}


def write(report: Report, view: View, out: TextIO) -> None:  # noqa: ARG001 - a log has no width
    """Print a command for each outcome that does not hold, and the verdict in words."""
    for outcome in report.outcomes:
        if outcome.status is not Status.PASSED:
            out.write(_command(report, outcome) + "\n")
    out.write(line(f"{phrases.captures(report)}: {phrases.tally(report)}") + "\n")


def _command(report: Report, outcome: Outcome) -> str:
    properties = {"title": f"{outcome.code} {outcome.name}"}
    if outcome.origin.file:
        properties = {"file": outcome.origin.file, "line": str(outcome.origin.line or 1), **properties}
    told = [*phrases.sentences(outcome)]
    first = next((measure.worst[0] for measure in outcome.measures if not measure.holds and measure.worst), None)
    if first is not None:
        told += [phrases.look(first), phrases.explain(report, first)]
    listed = ",".join(f"{name}={_property(value)}" for name, value in properties.items())
    return f"::{_COMMANDS[outcome.severity]} {listed}::{_data(chr(10).join(map(printable, told)))}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(printable(text)).replace(":", "%3A").replace(",", "%2C")
