"""The page of `time-wait` for people: verdict, picture, what to do; then the ledger that it rests on."""

from collections.abc import Sequence
from itertools import groupby

from tcptrace_py.model.clock import SECOND_NS
from tcptrace_py.model.diagnosis import Advice, Diagnosis, HostLedger, Neighbour, ServerLedger, ServiceLedger
from tcptrace_py.model.results import Analysis
from tcptrace_py.outputs.blocks import Blocks, Column, Grid, Heading, Note, Picture, more_text
from tcptrace_py.outputs.units import clock, count, human, scope_text, service, share, some
from tcptrace_py.outputs.view import View
from tcptrace_py.outputs.views.parts import ADDRESSES, problem_notes, title

from .advice import words
from .picture import picture
from .verdict import WORDS, address, alarming, number_text, stuck, verdict

TOP = 8
MOST_HOSTS = 2  # so many get a paragraph and a picture
WORTH_A_LINE = 0.01  # of the ports, or of all TIME_WAIT
WORTH_A_LOOK = 0.25  # of the gravest host's peak: a smaller host gets a line in the ledger only
WORTH_A_PICTURE = 10  # at once: fewer are no curve
LINUX_NS = 60 * SECOND_NS
LIMITING = frozenset(("one-sided", "acked-unseen", "time-backwards", "no-timestamps", "midstream"))
MEANINGS = {
    "CLOSE_WAIT": "the other side has closed, the program here has not. If it never does, it leaks: no timer ends it",
    "FIN_WAIT_1": "this host has closed, and its FIN is not acknowledged",
    "FIN_WAIT_2": "this host has closed and waits for the other side to close",
    "CLOSING": "both closed at once, and this host's FIN is not acknowledged",
    "LAST_ACK": "this host's FIN, the second, is not acknowledged",
    "SYN_RECEIVED": "the ACK of the SYN/ACK is missing, or the accept queue is full",
    "SYN_SENT": "no answer to the SYN reaches this host",
    "half-open": "this host believes in a connection that the other side no longer has",
}


def blocks(diagnosis: Diagnosis, analysis: Analysis, view: View) -> Blocks:
    """Build the page."""
    yield from title(analysis)
    yield from problem_notes([p for p in analysis.capture.problems if p.damaged or p.code in LIMITING])
    if not diagnosis.entered:
        yield Heading("Verdict")
        yield Note(_nobody(analysis))
        yield from _stuck(diagnosis)
        yield from _neighbours(diagnosis, view)
        return
    yield from _verdict(diagnosis, view)
    yield from _advice(diagnosis)
    yield from _ledger(diagnosis, view)
    yield from _ports(diagnosis, view)
    yield from _neighbours(diagnosis, view)
    yield from _counting(diagnosis)


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
    return f"No address entered TIME_WAIT. The side that closes first does, once both have closed; {told}."


_ENDS = {
    "rst": "ended by a reset, which leaves none",
    "none": "without a close",
    "half-closed": "closed by one side only",
    "unfinished-close": "with a FIN that was never acknowledged",
    "four-way": "closed, but not so that it shows who kept it",
    "simultaneous": "closed by both at once",
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
    mine = [s for s in diagnosis.services if s.client == host.address and s.time_wait_client]
    if not mine:
        return None
    most = max(mine, key=lambda s: s.time_wait_client)
    return most.ports.count if most.time_wait_client * 10 >= host.entered * 9 else None


def _advice(diagnosis: Diagnosis) -> Blocks:
    needed = any(alarming(s.ports) for s in diagnosis.services)
    if diagnosis.advice:
        yield Heading(
            "What to do",
            "in this order" if needed else "nothing must be done about TIME_WAIT here; if you want less of it:",
        )
        yield from _items(diagnosis.advice)
    else:
        yield Heading("What to do")
        yield Note("Nothing about TIME_WAIT.")
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


def _ledger(diagnosis: Diagnosis, view: View) -> Blocks:
    if len(diagnosis.hosts) > 1:
        yield Heading("Who holds TIME_WAIT", ADDRESSES)
        yield _host_grid(diagnosis, view)
    yield Heading("Who leaves TIME_WAIT", "by service" if len(diagnosis.hosts) > 1 else ADDRESSES)
    totals = [total for total in diagnosis.servers if total.time_wait]
    crowded = any(total.clients > 1 for total in totals)
    if crowded:
        yield _server_grid(totals, view)
    rows = [s for s in diagnosis.services if s.time_wait]
    if not crowded or rows[0].share >= WORTH_A_LINE:
        shown = rows[: view.limit or TOP]
        yield Grid(_COLUMNS, (_service_row(s) for s in shown), more_text(len(rows), len(shown), "--limit"))
    yield from _shares(totals, diagnosis.entered)
    if diagnosis.left_out and not crowded:
        yield Note(f"{some(diagnosis.left_out, 'connection')} of further services are not in this table.", "quiet")


def _shares(totals: Sequence[ServerLedger], entered: int) -> Blocks:
    """What part of TIME_WAIT each cause and each kind of closer has, where there is more than one."""
    patterns: dict[str, int] = {}
    for total in totals:
        patterns[WORDS[total.pattern]] = patterns.get(WORDS[total.pattern], 0) + total.time_wait
    first = {
        "the client": sum(total.client_first for total in totals),
        "the server": sum(total.server_first for total in totals),
        "both at once": sum(total.both_at_once for total in totals),
    }
    told = (
        ("By pattern", patterns, entered, "of TIME_WAIT"),
        ("By who closed first", first, sum(first.values()), "of these closes"),
    )
    for title_, parts, whole, of in told:
        ranked = sorted(((name, number) for name, number in parts.items() if number), key=lambda part: -part[1])
        if len(ranked) > 1:
            yield Note(f"{title_}: {', '.join(f'{name} {share(number, whole)}' for name, number in ranked)} {of}.")


def _host_grid(diagnosis: Diagnosis, view: View) -> Grid:
    rows = diagnosis.hosts
    shown = rows[: view.limit or TOP]
    columns = (
        Column("host", least=9),
        Column("scope", drop=2),
        Column("as"),
        Column("TIME_WAIT", right=True),
        Column("of all", right=True),
        Column("peak", right=True),
        Column("peak at", right=True, drop=1),
        Column("at end", right=True),
        Column("per s", right=True, drop=3),
    )
    cells = (
        (
            host.address, scope_text(host.scope), _roles(host), count(host.entered), share(host.entered, diagnosis.entered),
            count(host.peak), clock(host.peak_at_ns, decimals=1), count(host.at_end), number_text(host.per_s),
        )
        for host in shown
    )  # fmt: skip
    return Grid(columns, cells, more_text(len(rows), len(shown), "--limit"))


def _roles(host: HostLedger) -> str:
    roles = (("client", host.entered_as_client), ("server", host.entered_as_server))
    told = sorted(((name, number) for name, number in roles if number), key=lambda part: -part[1])
    return ", ".join(f"{name} {share(number, host.entered)}" if len(told) > 1 else name for name, number in told)


_COLUMNS = (
    Column("client", least=9),
    Column("service", least=12),
    Column("scope", drop=2),
    Column("connections", right=True, drop=2),
    Column("closed first"),
    Column("TIME_WAIT", right=True),
    Column("of all", right=True, drop=1),
    Column("open for", right=True, drop=3),
    Column("open at once", right=True, drop=4),
    Column("pattern", least=15),
)


def _server_grid(rows: Sequence[ServerLedger], view: View) -> Grid:
    shown = rows[: view.limit or TOP]
    cells = (
        (
            service(row.server, row.server_port), scope_text(row.scope), count(row.clients), count(row.connections),
            closers(row),
            count(row.time_wait), _part(row.share), human(row.lifetime_p50_ns), _pattern(row),
        )
        for row in shown
    )  # fmt: skip
    columns = (*_COLUMNS[1:3], Column("clients", right=True), *_COLUMNS[3:8], _COLUMNS[9])
    return Grid(columns, cells, more_text(len(rows), len(shown), "--limit"))


def _pattern(row: ServiceLedger | ServerLedger) -> str:
    if row.period_ns is None:
        return WORDS[row.pattern]
    several = f"{row.burst} " if row.pattern == "health-check" and (row.burst or 1) > 1 else ""
    return f"{several}{WORDS[row.pattern]}{'s' if several else ''} every {human(row.period_ns)}"


def _part(part: float) -> str:
    return share(round(part * 1_000_000), 1_000_000)


def _service_row(row: ServiceLedger) -> tuple[str, ...]:
    return (
        row.client, service(row.server, row.server_port), scope_text(row.scope), count(row.connections), closers(row),
        count(row.time_wait), _part(row.share), human(row.lifetime_p50_ns), count(row.peak_open), _pattern(row),
    )  # fmt: skip


def closers(row: ServiceLedger | ServerLedger) -> str:
    """Who closed first, in a cell."""
    parts = (
        ("client", row.client_first),
        ("server", row.server_first),
        ("both", row.both_at_once),
        ("reset", row.resets),
    )
    told = sorted(((name, number) for name, number in parts if number), key=lambda part: -part[1])
    if len(told) == 1 and told[0][1] == row.connections:
        return told[0][0]
    shown = [part for part in told[:2] if part is told[0] or part[1] * 10 >= row.connections]
    return ", ".join(f"{name} {share(number, row.connections)}" for name, number in shown) or "-"


def _ports(diagnosis: Diagnosis, view: View) -> Blocks:
    every = [s for s in diagnosis.services if s.time_wait_client]
    rows = sorted((s for s in every if s.ports.used >= WORTH_A_LINE or alarming(s.ports)), key=lambda s: -s.ports.used)
    if not rows:
        if len(every) > 1:
            most = share(max(s.ports.peak_held for s in every), every[0].ports.count)
            limit = f"even {most[1:]}" if most.startswith("<") else f"more than {most}"
            yield Note(f"No client took {limit} of its local ports towards one service.")
        return
    shown = rows[: view.limit or TOP]
    yield Heading("Local ports", "open or in TIME_WAIT, of one client address towards one service")
    columns = (
        Column("client", least=9),
        Column("service", least=12),
        Column("taken", right=True),
        Column("of", right=True),
        Column("range", drop=2),
        Column("used", right=True),
        Column("left at end", right=True, drop=1),
        Column("new per s", right=True),
        Column("carries", right=True),
        Column("full in", right=True),
    )
    yield Grid(columns, (_port_row(s) for s in shown), more_text(len(rows), len(shown), "--limit"))


def _port_row(row: ServiceLedger) -> tuple[str, ...]:
    ports = row.ports
    full = "RAN OUT" if ports.exhaustion else "-" if ports.exhausted_in_ns is None else human(ports.exhausted_in_ns)
    seen = " (seen)" if ports.range_from == "capture" else ""
    return (
        row.client,
        service(row.server, row.server_port),
        count(ports.peak_held),
        count(ports.count),
        f"{ports.low}-{ports.high}{seen}",
        share(min(ports.peak_held, ports.count), ports.count),
        count(max(ports.count - ports.at_end, 0)),
        number_text(ports.per_s),
        number_text(ports.ceiling_per_s),
        full,
    )


def _neighbours(diagnosis: Diagnosis, view: View) -> Blocks:
    rows = diagnosis.neighbours
    if not rows:
        return
    shown = rows[: view.limit or TOP]
    yield Heading("Not TIME_WAIT, but taken for it", f"in this state for {human(diagnosis.stuck_ns)} or longer")
    columns = (
        Column("state"),
        Column("on host", least=9),
        Column("as"),
        Column("service", least=12),
        Column("count", right=True),
        Column("at end", right=True),
        Column("longest", right=True),
    )
    yield Grid(columns, (_neighbour_row(n) for n in shown), more_text(len(rows), len(shown), "--limit"))
    for state in dict.fromkeys(n.state for n in shown):
        yield Note(f"{state}: {MEANINGS[state]}.", "quiet")


def _neighbour_row(row: Neighbour) -> tuple[str, ...]:
    return (
        row.state,
        row.address,
        row.role,
        service(row.server, row.server_port),
        count(row.count),
        count(row.still),
        human(row.longest_ns),
    )


def _counting(diagnosis: Diagnosis) -> Blocks:
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
    begun = f" {some(diagnosis.before, 'stay')} began before it." if diagnosis.before else ""
    left = f" {some(diagnosis.outlive, 'stay')} had not ended by its end." if diagnosis.outlive else ""
    yield Note(
        f"The capture lasts {human(span_ns)}. What was in TIME_WAIT before it is not in it: {bound} numbers are lower "
        f"bounds.{begun}{left}",
        "quiet",
    )
