"""The page of `time-wait` for people: verdict, picture, what to do; then the ledger that it rests on."""

from collections.abc import Sequence
from itertools import groupby

from tcptrace_py.model.clock import SECOND_NS
from tcptrace_py.model.diagnosis import Advice, Diagnosis, HostLedger
from tcptrace_py.model.finding import ABOUT_TIME_WAIT, Code, Finding
from tcptrace_py.model.results import Analysis
from tcptrace_py.outputs.blocks import Blocks, Heading, Note, Picture
from tcptrace_py.outputs.units import count, human, some
from tcptrace_py.outputs.view import View
from tcptrace_py.outputs.views.findings import finding_notes
from tcptrace_py.outputs.views.parts import problem_notes, title

from .advice import words
from .picture import picture
from .tables import ledger, neighbours, port_budgets
from .verdict import address, stuck, verdict

MOST_HOSTS = 2  # so many get a paragraph and a picture
PRESSING = "spread-over-addresses"  # advice that is given where ports are short, or will be
MOST_FINDINGS = 5
WORTH_A_LOOK = 0.25  # of the gravest host's peak: a smaller host gets a line in the ledger only
WORTH_A_PICTURE = 10  # at once: fewer are no curve
ELSEWHERE = "Let clients not take the same ports again so soon: that TIME_WAIT refuses them. See tcpstates help refused-by-time-wait."
LINUX_NS = 60 * SECOND_NS
LIMITING = frozenset(("coarse-clock", "filtered", "sampled", "one-sided", "acked-unseen", "time-backwards", "no-timestamps", "midstream"))


def blocks(diagnosis: Diagnosis, analysis: Analysis, view: View) -> Blocks:
    """Build the page."""
    yield from title(analysis)
    yield from problem_notes([p for p in analysis.capture.problems if p.damaged or p.code in LIMITING])
    told = tuple(finding for finding in analysis.findings if finding.code in ABOUT_TIME_WAIT and not _is_in_verdict(finding))
    yield from finding_notes(analysis, told, view.limit or MOST_FINDINGS)
    if not diagnosis.entered:
        yield Heading("Verdict")
        yield Note(_nobody(analysis))
        yield from _stuck(diagnosis)
        yield from neighbours(diagnosis, view)
        return
    yield from _verdict(diagnosis, view)
    yield from _advice(diagnosis, told)
    yield from ledger(diagnosis, view)
    yield from port_budgets(diagnosis, view)
    yield from neighbours(diagnosis, view)
    yield from _counting(diagnosis, analysis)


def _is_in_verdict(finding: Finding) -> bool:
    """Whether the verdict says it in its own words: of ports, where they ran out towards one service."""
    if finding.code == Code.PORTS_EXHAUSTED:
        return finding.server is not None
    return finding.code in (Code.TIME_WAIT_PILEUP, Code.NO_KEEP_ALIVE, Code.CONNECTION_LEAK)


def _nobody(analysis: Analysis) -> str:
    summary = analysis.summary
    if not summary.connections:
        return "No TCP connection was found."
    ends = sorted(((number, name) for name, number in summary.patterns.items() if number), reverse=True)
    if summary.connections == 1:
        told = f"the only connection here: {_ENDS[ends[0][1]]}"
    else:
        parts = ", ".join(f"{count(number)} {_ENDS[name]}" for number, name in ends)
        told = f"of the {some(summary.connections, 'connection')} here {parts}"
    seen = "was seen to enter" if summary.patterns.get("unknown") else "entered"
    return f"No address {seen} TIME_WAIT. The side that closes first does, once both have closed; {told}."


_ENDS = {
    "rst": "ended by a reset, which leaves none",
    "none": "without a close",
    "half-closed": "closed by one side only",
    "unfinished-close": "with a FIN that was never acknowledged",
    "four-way": "closed, but not so that it shows who kept it",
    "simultaneous": "closed by both at once",
    "unknown": "whose end was not captured",
}


def _stuck(diagnosis: Diagnosis) -> Blocks:
    yield from (Note(text) for text in stuck(diagnosis))


def _shown(diagnosis: Diagnosis) -> Sequence[HostLedger]:
    first = diagnosis.hosts[0]
    return [host for host in diagnosis.hosts[:MOST_HOSTS] if host is first or host.peak >= WORTH_A_LOOK * first.peak]


def _verdict(diagnosis: Diagnosis, view: View) -> Blocks:
    yield Heading("Verdict")
    shown = _shown(diagnosis)
    for host in shown:
        for text in verdict(host, diagnosis):
            yield Note(text, "bad" if "RAN OUT" in text or " run out " in text else "plain")
    yield from _stuck(diagnosis)
    rest = diagnosis.hosts[len(shown) :]
    if rest:
        held = sum(host.entered for host in rest)
        yield Note(f"{some(len(rest), 'other address', 'other addresses')} entered {count(held)} in all.", "quiet")
    for host in shown:
        lines = picture(host, _ceiling(host, diagnosis), view.width - 2, view.picture)
        if lines and host.peak >= WORTH_A_PICTURE and host.peak * 2 >= shown[0].peak:
            yield Heading(f"TIME_WAIT at {address(host.address, host.scope)}")
            yield Picture(lines)


def _ceiling(host: HostLedger, diagnosis: Diagnosis) -> int | None:
    """The ports of a host whose TIME_WAIT lies towards one service, nearly all of it; several have no one ceiling."""
    mine = [s for s in diagnosis.services if (s.client, s.scope) == (host.address, host.scope) and s.time_wait_client]
    if not mine:
        return None
    most = max(mine, key=lambda s: s.time_wait_client)
    return most.ports.port_count if most.time_wait_client * 10 >= host.entered * 9 else None


def _advice(diagnosis: Diagnosis, findings: Sequence[Finding]) -> Blocks:
    refuses = any(finding.code == Code.REFUSED_BY_TIME_WAIT for finding in findings)
    needed = any(advice.code == PRESSING for advice in diagnosis.advice)
    if diagnosis.advice:
        yield Heading(
            "What to do",
            "in this order" if needed else "if you want less TIME_WAIT",
        )
        yield from _items(diagnosis.advice)
    else:
        yield Heading("What to do")
        yield Note(ELSEWHERE if refuses else "Nothing about TIME_WAIT.")
    if diagnosis.dont:
        yield Heading("What not to do", words(diagnosis.dont[0]).link)
        for advice in diagnosis.dont:
            yield Note(words(advice).text, "plain", "•")


def _items(advice: Sequence[Advice]) -> Blocks:
    """Numbered; what is said of several services is said in full once."""
    for number, (_, group) in enumerate(groupby(advice, key=lambda item: item.code), 1):
        items = list(group)
        first, *rest = (words(item) for item in items)
        others = sum(item.others for item in items)
        same = [said.again for said in rest] + ([f"{some(others, 'more of the kind', 'more of the kind')}"] if others else [])
        also = f" Also: {'; '.join(same)}." if same else ""
        yield Note(f"{first.text}{also} Price: {first.price}. ({first.link})", "plain", f"{number}.")


def _counting(diagnosis: Diagnosis, analysis: Analysis) -> Blocks:
    yield Heading("How this is counted")
    models = sorted({(host.profile, host.time_wait_ns) for host in diagnosis.hosts})
    told = "; ".join(f"{name}, {human(length)} of TIME_WAIT" for name, length in models)
    wheel = ""
    if ("linux", LINUX_NS) in models:
        wheel = (
            " Linux's timer wheel rounds up: stays last up to 62 s (64 s at HZ 1000), so real numbers are 3 to 7 % "
            "higher once stays run out."
        )
    yield Note(f"Model: {told}.{wheel} Another: --os, --time-wait, --port-range.", "quiet")
    span_ns, longest_ns = (diagnosis.end_ns or 0) - (diagnosis.start_ns or 0), max(length for _, length in models)
    bound = f"for its first {human(longest_ns)} the" if span_ns > longest_ns else "all"
    whole = (analysis.capture.start_ns, analysis.capture.end_ns) == (diagnosis.start_ns, diagnosis.end_ns)
    what = "The capture" if whole else "The part of the capture that was looked at"
    begun = f" {some(diagnosis.before, 'stay')} began before it." if diagnosis.before else ""
    left = f" {some(diagnosis.outlive, 'stay')} had not ended by its end." if diagnosis.outlive else ""
    lasts = (
        f"{what} lasts {human(span_ns)}." if span_ns or "times" not in diagnosis.withheld else "Its clock does not tell how long it lasts."
    )
    yield Note(
        f"{lasts} What was in TIME_WAIT before it is not in it: {bound} numbers are lower bounds.{begun}{left}",
        "quiet",
    )
