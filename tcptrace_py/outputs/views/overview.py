"""The default page: capture quality, causes, the summary, services, hosts, ports near their ceiling, what was slow or broke, what next."""

from tcptrace_py.model.digest import FEW, Digest, TroubleGroup
from tcptrace_py.model.explained import BY_RULE, HARMLESS
from tcptrace_py.model.finding import Code
from tcptrace_py.model.results import Analysis, Connection, Summary
from tcptrace_py.outputs.blocks import Blocks, Column, Grid, Heading, Note, more_text
from tcptrace_py.outputs.phrases import (
    NO_OUTWARD_LEG,
    OUTCOMES,
    VANTAGES,
    display_filter,
    percentiles,
    tally,
    time_wait_words,
)
from tcptrace_py.outputs.units import count, service, share, some
from tcptrace_py.outputs.view import View

from .detail import detail
from .findings import finding_notes, hides, withheld_note
from .next_steps import next_steps
from .parts import (
    ADDRESSES,
    connection_grid,
    facts,
    filter_note,
    host_grid,
    is_dated,
    is_timed,
    none_found,
    port_grid,
    problem_notes,
    service_grid,
    slow_grid,
    title,
)
from .strip import strip

TOP = SLOWEST = 5
IN_DETAIL = 2  # so few connections are shown state by state
NEAR_CEILING = 0.5
SLOW_NS = 100_000_000  # a handshake that takes less is felt by nobody
SLOWER = 3  # times the median
# Troubles that may only look so where something is withheld.
HIDDEN_BY = {"unanswered": "handshake-outcome", "half-open": "handshake-outcome", "half-closed": "teardown", "unfinished-close": "teardown"}
WIDE = 100  # columns from which on display filters are spelled out in a list that needs much room


def blocks(analysis: Analysis, view: View) -> Blocks:
    """Build the page; of so few connections that each is shown in full, totals would only say it again."""
    limit = view.limit or TOP
    digest = view.digest(analysis, limit)
    yield from title(analysis, ends=True)
    yield from _quality(analysis, limit)
    if analysis.summary.connections == 0:
        yield none_found(analysis, view)
        return
    yield from withheld_note(analysis)
    yield from finding_notes(analysis, analysis.findings, limit)
    if not view.streams and analysis.summary.connections > IN_DETAIL:
        yield from _totals(analysis, digest, limit)
    yield from filter_note(view, digest.count, analysis)
    yield from _connections(analysis, digest, view)
    yield from next_steps(analysis, digest, _groups(analysis, digest))


def _totals(analysis: Analysis, digest: Digest, limit: int) -> Blocks:
    is_short = any(row.because == "short-capture" for row in analysis.withheld)
    yield from _summary(analysis, digest, hides(analysis), is_short=is_short)
    services = analysis.summary.services
    if analysis.summary.connections > FEW and services:
        yield Heading("Services")
        yield service_grid(services, limit)
    yield Heading("Hosts", ADDRESSES)
    yield host_grid(analysis.hosts, limit)
    near = analysis.ports.near(NEAR_CEILING)
    if near:
        yield Heading("Local ports near their ceiling", "from one client address to one service")
        yield port_grid(near, limit)


def _quality(analysis: Analysis, limit: int) -> Blocks:
    problems = analysis.capture.problems
    if not problems:
        if analysis.capture.segments:
            yield Note("Capture quality: nothing cut, missing, doubled or out of order.", "quiet")
        return
    harmless = list(dict.fromkeys(problem.code for problem in problems if problem.code in HARMLESS))
    telling = [problem for problem in problems if problem.code not in HARMLESS]
    if not telling:
        yield Note(f"Capture quality: nothing that matters; {', '.join(harmless)} (tcpstates help explains it).", "quiet")
        return
    yield Heading("Capture quality")
    yield from problem_notes(telling[:limit])
    if harmless:
        yield Note(f"Harmless: {', '.join(harmless)} (tcpstates help explains it).", "quiet", "•")
    more = more_text(len(telling), limit, "--show problems")
    if more:
        yield Note(more, "quiet")


def _summary(analysis: Analysis, digest: Digest, hidden: frozenset[str], *, is_short: bool) -> Blocks:
    summary = analysis.summary
    yield Heading("Summary")
    rising = "; still rising: the capture is shorter than a stay" if is_short and summary.time_wait.at_end else ""
    held = f"{time_wait_words(summary)}{rising}"
    in_flight = f"; {count(summary.closes_in_flight)} in flight when the capture ended" if summary.closes_in_flight else ""
    yield facts(
        ("Connections", tally(summary.outcomes, OUTCOMES)),
        *([("Handshake", "not known: see above")] if "handshake-latency" in hidden else handshake_words(summary)),
        ("Close", f"{tally(summary.patterns, {'none': 'with no close seen', 'unknown': 'whose end was not seen'})}{in_flight}"),
        ("Closed first", _who_first(digest)),
        ("Resets", tally(summary.reset_causes)),
        ("Sent again", _sent_again(summary)),
        ("TIME_WAIT", held),
        ("Oddities", _odd(digest)),
    )


def _odd(digest: Digest) -> str:
    """How many segments no rule explains, and how many tell of probes, closed windows, errors or holes."""
    odd, noted = 0, 0
    for group in digest.anomalies.values():
        if group.code in BY_RULE:
            noted += group.count
        else:
            odd += group.count
    parts = [f"{some(odd, 'segment')} that no rule explains" if odd else "", f"{some(noted, 'segment')} to be noted" if noted else ""]
    return f"{'; '.join(filter(None, parts))}: --show problems" if odd or noted else ""


def _sent_again(summary: Summary) -> str:
    """Segments that repeat others; empty for none."""
    again, of_handshakes = summary.retransmissions, summary.handshake_retransmissions
    if not again:
        return ""
    opening = "" if not of_handshakes else f", {'all' if of_handshakes == again else count(of_handshakes)} of them SYN or SYN/ACK"
    return f"{some(again, 'segment')} ({share(again, summary.segments)}){opening}"


def handshake_words(summary: Summary) -> list[tuple[str, str]]:
    """Latency percentiles at each vantage, and what a server-side capture cannot know."""
    seen = {name: latency for name, latency in summary.latency_by_vantage.items() if latency.count}
    if len(seen) > 1:
        texts = [
            f"{percentiles(latency)} ({count(latency.count)} seen {VANTAGES.get(name, name)})"
            for name, latency in sorted(seen.items(), key=lambda row: -row[1].count)
        ]
    else:
        where = "".join(f", seen {VANTAGES.get(name, name)}" for name in seen if name != "unknown")
        texts = [percentiles(summary.latency) + where]
    if "server" in seen:
        texts.append(NO_OUTWARD_LEG)
    return [("" if i else "Handshake", text) for i, text in enumerate(texts)]


def _who_first(digest: Digest) -> str:
    services = digest.services.values()
    sides = {"client": sum(s.client_first for s in services), "server": sum(s.server_first for s in services)}
    both = sum(s.simultaneous for s in services)
    whole = sum(sides.values()) + both
    if whole < FEW:
        return ""
    parts = [f"the {side} {share(number, whole)}" for side, number in sorted(sides.items(), key=lambda row: -row[1]) if number]
    of = f" (of {count(whole)} with a FIN)" if whole < digest.count else ""
    return ", ".join([*parts, f"both at once {share(both, whole)}"] if both else parts) + of


def _connections(analysis: Analysis, digest: Digest, view: View) -> Blocks:
    """Few connections one by one; of many the slowest and the broken."""
    limit = view.limit or TOP
    if digest.count <= IN_DETAIL:
        for connection in digest.shown():
            yield from detail(connection, timed=is_timed(analysis))
        return
    if digest.count <= FEW:
        wide = view.width >= WIDE
        yield Heading("Connections", "" if wide else "display filter: tcp.stream eq STREAM")
        yield connection_grid(digest.shown(), dated=is_dated(analysis), filters=wide, timed=is_timed(analysis))
        return
    hidden = hides(analysis)
    slowest = [row for row in digest.slowest(limit) if is_slow(row, analysis.summary) and is_timed(analysis)]
    if slowest and "handshake-latency" not in hidden:
        yield Heading("Slowest handshakes")
        yield slow_grid(slowest)
    groups = _groups(analysis, digest)
    if groups:
        troubled = digest.troubled if len(groups) == len(digest.troubles) else sum(group.count for group in groups)
        yield Heading("Broken connections", f"{count(troubled)} of {count(digest.count)}, by service")
        yield _trouble_grid(groups, limit)
        meant = sum(finding.connections for finding in analysis.findings if finding.code == Code.RESET_BY_DESIGN)
        if meant and not view.filtered and len(groups) == len(digest.troubles):
            yield Note(f"{count(meant)} of them were reset by design, as said above: nothing is broken there.", "plain")
        if analysis.intervals is not None and not view.filtered and len(groups) == len(digest.troubles):
            line = strip(analysis.intervals, dated=is_dated(analysis))
            if line:
                yield Note(line, "plain")
    elif _all_went_well(analysis):
        yield Note("Every connection was opened at once and closed by both sides.", "quiet")


def is_slow(connection: Connection, summary: Summary) -> bool:
    """Whether a handshake is worth a look: something was sent again, or it took long, and far longer than most."""
    handshake, median_ns = connection.handshake, summary.latency.p50_ns
    if handshake.syn_retransmissions or handshake.synack_retransmissions:
        return True
    return handshake.total_ns is not None and handshake.total_ns >= max(SLOW_NS, SLOWER * (median_ns or 0))


def _groups(analysis: Analysis, digest: Digest) -> list[TroubleGroup]:
    """Connections that are known to have gone wrong, by service."""
    hidden = hides(analysis)
    return [group for group in digest.groups() if HIDDEN_BY.get(group.trouble.code) not in hidden]


def _all_went_well(analysis: Analysis) -> bool:
    """Whether every connection is known to have been opened and closed by the book; stalls in between are not looked for."""
    summary = analysis.summary
    closed = summary.patterns.get("four-way", 0) + summary.patterns.get("simultaneous", 0)
    return (
        closed == summary.outcomes.get("completed", 0) == summary.connections
        and not analysis.findings
        and not (hides(analysis) & {"handshake-outcome", "teardown"})
    )


def _trouble_grid(groups: list[TroubleGroup], limit: int) -> Grid:
    columns = (
        Column("count", right=True),
        Column("what happened"),
        Column("service", least=17),
        Column("clients", drop=1, least=15),
        Column("look up the first"),
        Column("all of them", drop=2),
    )
    rows = (
        (
            count(group.count),
            group.trouble.words,
            service(group.address, group.port),
            min(group.clients) if len(group.clients) == 1 else some(len(group.clients), "address", "addresses"),
            display_filter(group.stream),
            group.trouble.options,
        )
        for group in groups[:limit]
    )
    return Grid(columns, rows, more_text(len(groups), limit, "--show connections --connections notable"))
