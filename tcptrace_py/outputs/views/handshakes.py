"""--show handshakes: outcomes, latency where it was seen, and the handshakes themselves, the slowest first."""

from tcptrace_py.model.results import Analysis, Latency
from tcptrace_py.outputs.blocks import Blocks, Column, Grid, Heading, Note, more_text
from tcptrace_py.outputs.phrases import NO_OUTWARD_LEG, OUTCOMES, VANTAGES
from tcptrace_py.outputs.units import count, human, share
from tcptrace_py.outputs.view import View

from .parts import filter_note, slow_grid, title

SLOWEST = 10_000  # sorting needs them all at hand


def blocks(analysis: Analysis, view: View) -> Blocks:
    """Outcomes, percentiles, list."""
    summary = analysis.summary
    limit = view.limit or SLOWEST
    digest = view.digest(analysis, limit)
    yield from title(analysis)
    yield Heading("Outcomes", "as the client saw them")
    outcomes = [(name, number) for name, number in summary.outcomes.items() if number]
    yield Grid(
        (Column("connections", right=True), Column("share", right=True), Column("outcome")),
        ((count(number), share(number, summary.connections), OUTCOMES.get(name, name)) for name, number in outcomes),
    )
    if summary.latency.count:
        yield Heading("Latency", "from the first SYN to the ACK")
        yield _latency_grid(summary.latency, summary.latency_by_vantage)
        if summary.latency_by_vantage.get("server", Latency(0)).count:
            yield Note(NO_OUTWARD_LEG, "quiet")
    yield from filter_note(view, digest.count, analysis)
    slowest = digest.slowest(limit)
    if slowest and all(row.what != "handshake-latency" for row in analysis.withheld):
        yield Heading("Handshakes", "the slowest first")
        yield slow_grid(slowest, more_text(digest.timed, len(slowest), "--limit N"))


def _latency_grid(every: Latency, by_vantage: dict[str, Latency]) -> Grid:
    seen = [(VANTAGES.get(name, name), latency) for name, latency in by_vantage.items() if latency.count]
    rows = [*seen, ("all", every)] if len(seen) != 1 else seen
    titles = ("completed", "fastest", "median", "p90", "p99", "slowest")
    return Grid(
        (Column("seen"), *(Column(name, right=True) for name in titles)),
        (
            (
                name,
                count(latency.count),
                *(human(value or None) for value in (latency.min_ns, latency.p50_ns, latency.p90_ns, latency.p99_ns, latency.max_ns)),
            )
            for name, latency in rows
        ),
    )
