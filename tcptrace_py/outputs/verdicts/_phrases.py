"""What all verdict formats say alike: numbers, sentences, and where to look."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from tcptrace_py.model.report import Severity, Status, Unit
from tcptrace_py.outputs.phrases import display_filter
from tcptrace_py.outputs.units import count, human, printable, some

if TYPE_CHECKING:
    from tcptrace_py.model.report import Measure, Outcome, Report
    from tcptrace_py.model.results import Connection

MARKS = {Status.PASSED: "pass", Status.FAILED: "FAIL", Status.UNMATCHED: "FAIL", Status.UNMEASURABLE: "FAIL", Status.DAMAGED: "DAMAGED"}
VERDICTS = {
    "passed": "all checks hold",
    "failed": "checks failed",
    "damaged": "the input is damaged: what could be read holds, which proves little (--allow-damaged accepts it)",
    "interrupted": "interrupted: what was read so far holds",
}


def mark(outcome: Outcome) -> str:
    """How an outcome is headed: loud if it fails the run."""
    if outcome.status not in (Status.PASSED, Status.DAMAGED) and outcome.severity is not Severity.ERROR:
        return outcome.severity.value
    return MARKS[outcome.status]


def measured(measure: Measure) -> str:
    """The number that was measured, or that it is shorter than the clock tells."""
    if measure.is_below_step:
        return f"less than {human(measure.step_ns)}" if measure.step_ns else "not told"
    return number(measure.value, measure.unit)


def number(value: float, unit: Unit) -> str:
    """A measured number, or a limit, for people."""
    if unit is Unit.NS:
        return human(round(value))
    if unit is Unit.RATIO:
        return f"{100 * value:.3g} %"
    return count(round(value))


def sentence(measure: Measure) -> str:
    """What was measured against its limit: "10.1.0.9: TIME_WAIT at once: 1,204, limit 1,000"."""
    head = f"{printable(measure.subject)}: " if measure.subject else ""
    note = f" ({printable(measure.note)})" if measure.note else ""
    return f"{head}{measure.what}: {measured(measure)}, limit {number(measure.limit, measure.unit)}{note}"


def sentences(outcome: Outcome) -> list[str]:
    """What there is to say: the measures that fail, or all of them if none does, and the message."""
    failing = [measure for measure in outcome.measures if not measure.holds] or list(outcome.measures)
    return [sentence(measure) for measure in failing] + ([printable(outcome.message)] if outcome.message else [])


def where(measure: Measure) -> str:
    """The services at which most offenders were met; empty where there is nothing to tell apart."""
    if not measure.groups or measure.offenders < 2:
        return ""
    listed = ", ".join(f"{name} ({count(number)})" for name, number in measure.groups)
    return f"{'mostly ' if measure.offenders > sum(number for _, number in measure.groups) else ''}at {listed}"


def offenders(measure: Measure) -> str:
    """How many there are beside those listed; empty for none."""
    rest = measure.offenders - len(measure.worst)
    return f"and {some(rest, 'more connection')}" if rest > 0 and measure.worst else ""


def look(connection: Connection) -> str:
    """Wireshark's display filter for a connection; by its frames where Wireshark gives it no stream."""
    if connection.stream is not None:
        return display_filter(connection.stream)
    return f"frame.number in {{{connection.first_frame} .. {connection.last_frame}}}"


def explain(report: Report, connection: Connection) -> str:
    """The command that tells the story of a connection."""
    files = [file.path for file in report.capture.files]
    captures = " ".join(shlex.quote(printable(path)) for path in files) if 0 < len(files) <= 3 else "CAPTURE..."
    named = connection.stream is not None and connection.stream not in report.shared_streams
    which = f"stream:{connection.stream}" if named else str(connection.id)
    return f"tcpstates explain {captures.replace(shlex.quote('standard input'), '-')} {which}"


def captures(report: Report) -> str:
    """What was checked."""
    if report.path is not None:
        return printable(" and ".join(report.path.names))
    return printable(", ".join(file.path for file in report.capture.files[:3])) + (
        f" and {len(report.capture.files) - 3} more files" if len(report.capture.files) > 3 else ""
    )


def rule_id(outcome: Outcome) -> str:
    """What names a rule for programs: its code, for a query its name behind it."""
    return outcome.code if outcome.code != "SQL" else f"SQL/{outcome.name}"


def tally(report: Report) -> str:
    """The verdict in a few words, with its numbers."""
    if report.verdict != "failed":
        return VERDICTS[report.verdict]
    failed = sum(outcome.fails for outcome in report.outcomes)
    return f"{failed} of {some(len(report.outcomes), 'check')} failed"
