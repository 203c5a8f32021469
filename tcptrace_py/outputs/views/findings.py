"""What went wrong and why, in notes: a cause with its numbers, what speaks for it, and how to look at it."""

from tcptrace_py.model.endpoints import service
from tcptrace_py.model.finding import Finding
from tcptrace_py.model.results import Analysis
from tcptrace_py.outputs.blocks import Blocks, Heading, Note, more_text
from tcptrace_py.outputs.units import clock, count, printable, some

from .parts import is_dated

OPTION = "--format json"


def finding_notes(analysis: Analysis, findings: tuple[Finding, ...], limit: int) -> Blocks:
    """The findings, the worst first, at most so many."""
    if not findings:
        return
    yield Heading("Findings", "the worst first; tcpstates explain shows a connection")
    dated = is_dated(analysis)
    for finding in findings[:limit]:
        yield from _finding(finding, dated=dated)
    more = more_text(len(findings), min(limit, len(findings)), OPTION)
    if more:
        yield Note(more, "quiet")


def hides(analysis: Analysis) -> frozenset[str]:
    """Conclusions that are withheld."""
    return frozenset(row.what for row in analysis.withheld)


def withheld_note(analysis: Analysis) -> Blocks:
    """What is not concluded because of a problem of the capture; what its length or an unknown range hides is said with the numbers."""
    problems = {problem.code for problem in analysis.capture.problems}
    for because in dict.fromkeys(row.because for row in analysis.withheld if row.because in problems):
        why = "the clock is too coarse" if because == "coarse-clock" else f"the capture is {because}"
        hidden = "; ".join(f"{row.what} ({row.explanation})" for row in analysis.withheld if row.because == because)
        yield Note(f"Not concluded, as {why}: {hidden}", "bad", "!")


def tone_of(finding: Finding) -> tuple[str, str]:
    """How a note of it looks, and the mark before it."""
    return ("bad", "!") if finding.severity == "problem" else ("plain", "•")


def _finding(finding: Finding, *, dated: bool) -> Blocks:
    tone, mark = tone_of(finding)
    unsure = "" if finding.confidence == "high" else " (likely, not certain)"
    yield Note(printable(f"{finding.severity} {finding.code}{_place(finding)}{unsure}: {finding.explanation}"), tone, mark)
    yield Note(printable("; ".join([*finding.evidence, _where(finding, dated=dated)])), "quiet", " ")


def _place(finding: Finding) -> str:
    """Whom it is about, where the explanation does not say so."""
    server, client = finding.server, finding.client
    if server is not None and finding.server_port is not None:
        server = service(server, finding.server_port)
    named = [name for name in (client, server) if name is not None and name not in finding.explanation]
    if not named:
        return ""
    return f" from {client} to {server}" if client is not None and server is not None else f" at {named[0]}"


def _where(finding: Finding, *, dated: bool) -> str:
    """How many connections, when, and how to look at them."""
    parts = [f"{count(finding.connections)} of {some(finding.of, 'connection')}"]
    if finding.first_at_ns is not None and finding.last_at_ns is not None:
        first, last = (clock(at_ns, dated=dated, decimals=1) for at_ns in (finding.first_at_ns, finding.last_at_ns))
        parts.append(f"at {first}" if first == last else f"{first} to {last}")
    if finding.display_filter:
        parts.append(finding.display_filter)
    return f"{', '.join(parts)}; tcpstates help {finding.code}"
