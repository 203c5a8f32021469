"""`--format junit`: JUnit XML as Jenkins, GitLab and others read it: a test case for each check.

A check that fails the run is a failure; one that had nothing to check, and damaged input, is an error; a warning passes
and says so in its output. The elements and attributes are those of Jenkins' xUnit schema (junit-10.xsd).
"""

from typing import TextIO
from xml.etree.ElementTree import Element, ElementTree, SubElement, indent

from tcptrace_py.model.report import Measure, Outcome, Report, Status
from tcptrace_py.outputs.units import end, printable, rfc3339
from tcptrace_py.outputs.view import View

from . import _phrases as phrases

SUMMARY = "JUnit XML, for Jenkins, GitLab and whatever else reads test reports"


def write(report: Report, view: View, out: TextIO) -> None:  # noqa: ARG001 - XML has no width
    """Print the document."""
    suites = Element("testsuites", _counts(report))
    suites.set("name", "tcpstates")
    suite = SubElement(suites, "testsuite", {**_counts(report), "skipped": "0", "time": "0"})
    suite.set("name", printable(phrases.captures(report)))
    started = rfc3339(report.capture.start_ns)
    if started:
        suite.set("timestamp", started[:19])
    for outcome in report.outcomes:
        _case(suite, report, outcome)
    indent(suites)
    out.write('<?xml version="1.0" encoding="UTF-8"?>\n')
    ElementTree(suites).write(out, encoding="unicode")
    out.write("\n")


def _counts(report: Report) -> dict[str, str]:
    kinds = [_kind(outcome) for outcome in report.outcomes]
    return {"tests": str(len(kinds)), "failures": str(kinds.count("failure")), "errors": str(kinds.count("error"))}


def _kind(outcome: Outcome) -> str | None:
    if outcome.status is Status.DAMAGED or (outcome.fails and outcome.status in (Status.UNMATCHED, Status.UNMEASURABLE)):
        return "error"
    return "failure" if outcome.fails else None


def _case(suite: Element, report: Report, outcome: Outcome) -> None:
    name = outcome.name if outcome.scope == "all connections" else f"{outcome.name} ({outcome.scope})"
    case = SubElement(suite, "testcase", {"classname": f"tcpstates.{outcome.code}", "name": printable(name), "time": "0"})
    kind = _kind(outcome)
    told = "; ".join(phrases.sentences(outcome))
    if kind is not None:
        element = SubElement(case, kind, {"type": outcome.status.value, "message": printable(told)})
        element.text = _text("\n".join(_lines(report, outcome)))
    elif told:
        SubElement(case, "system-out").text = _text(f"{phrases.mark(outcome)}: {told}")


def _lines(report: Report, outcome: Outcome) -> list[str]:
    lines = [printable(outcome.title), f"asked for by {outcome.origin}", *phrases.sentences(outcome)]
    for measure in outcome.measures:
        if not measure.holds:
            lines += _worst(report, measure)
    return [*lines, f"fix: {outcome.remedy}"]


def _worst(report: Report, measure: Measure) -> list[str]:
    lines = [f"{phrases.look(connection)}: {end(connection.client)} to {end(connection.server)}" for connection in measure.worst]
    lines += [text for text in (phrases.offenders(measure), phrases.where(measure)) if text]
    return lines + ([phrases.explain(report, measure.worst[0])] if measure.worst else [])


def _text(text: str) -> str:
    """Text of characters to be seen, in lines: XML 1.0 holds no others."""
    return "\n".join(map(printable, text.split("\n")))
