"""The tables of `time-wait`: hosts, services, who closed first and why, local ports, states that are taken for it."""

from collections.abc import Sequence

from tcptrace_py.model.diagnosis import Diagnosis, HostLedger, Neighbour, ServerLedger, ServiceLedger
from tcptrace_py.outputs.blocks import Blocks, Column, Grid, Heading, Note, more_text
from tcptrace_py.outputs.phrases import full_in, port_range
from tcptrace_py.outputs.units import clock, count, human, scope_text, service, share, some
from tcptrace_py.outputs.view import View
from tcptrace_py.outputs.views.parts import ADDRESSES

from .verdict import WORDS, address, number_text

TOP = 8
WORTH_A_LINE = 0.01  # of the ports, or of all TIME_WAIT
MEANINGS = {
    "CLOSE_WAIT": "the other side has closed, the program here has not. If it never does, it leaks: no timer ends it",
    "FIN_WAIT_1": "this host has closed, and its FIN is not acknowledged",
    "FIN_WAIT_2": "this host has closed and waits for the other side to close. On Linux tcp_fin_timeout ends orphaned ones",
    "CLOSING": "both closed at once, and this host's FIN is not acknowledged",
    "LAST_ACK": "this host's FIN, the second, is not acknowledged",
    "SYN_RECEIVED": "the ACK of the SYN/ACK is missing, or the accept queue is full",
    "SYN_SENT": "no answer to the SYN reaches this host",
    "half-open": "this host believes in a connection that the other side no longer has",
}


def ledger(diagnosis: Diagnosis, view: View) -> Blocks:
    """Who holds TIME_WAIT and which services leave it, with the share of each host, service, closer and cause."""
    several = sum(host.entered >= WORTH_A_LINE * diagnosis.entered for host in diagnosis.hosts) > 1
    if several:
        yield Heading("Who holds TIME_WAIT", ADDRESSES)
        yield _host_grid(diagnosis, view)
    yield Heading("Who leaves TIME_WAIT", "by service" if several else ADDRESSES)
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
        if len(ranked) > 1 and ranked[1][1] >= WORTH_A_LINE * whole:
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


def port_budgets(diagnosis: Diagnosis, view: View) -> Blocks:
    """Local ports of each client towards each service, against their range."""
    every = [s for s in diagnosis.services if s.time_wait_client]
    rows = sorted((s for s in every if s.ports.used_ratio >= WORTH_A_LINE or s.ports.is_alarming), key=lambda s: -s.ports.used_ratio)
    if not rows:
        if len(every) > 1:
            most = share(max(s.ports.peak_held for s in every), every[0].ports.port_count)
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
    return (
        row.client,
        service(row.server, row.server_port),
        count(ports.peak_held),
        count(ports.port_count),
        port_range(ports),
        share(min(ports.peak_held, ports.port_count), ports.port_count),
        count(max(ports.port_count - ports.held_at_end, 0)),
        number_text(ports.connections_per_s),
        number_text(ports.ceiling_per_s),
        full_in(ports),
    )


def neighbours(diagnosis: Diagnosis, view: View) -> Blocks:
    """States that people take for TIME_WAIT: on which host, how many, for how long."""
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
        address(row.address, row.scope),
        row.role,
        service(row.server, row.server_port),
        count(row.count),
        count(row.still),
        human(row.longest_ns),
    )
