"""Grids and notes that more than one view shows."""

from collections.abc import Iterable, Sequence
from os.path import commonpath

from tcptrace_py.model.problems import Problem
from tcptrace_py.model.results import Analysis, Connection, Host, Hosts, PortBudget, Service
from tcptrace_py.outputs.blocks import Blocks, Column, Facts, Grid, Heading, Note, more_text
from tcptrace_py.outputs.occurring import none_picked
from tcptrace_py.outputs.phrases import closed, display_filter, full_in, opened, port_range, retries
from tcptrace_py.outputs.units import clock, count, end, human, printable, scope_text, service, share, size, some
from tcptrace_py.outputs.view import View

ADDRESSES = "by address: behind NAT or a balancer one address may be many hosts"
NAMED_FILES = 3
DATE = len("2026-01-02 ")
SEVERAL_DAYS_NS = 86_400_000_000_000


def title(analysis: Analysis, *, ends: bool = False) -> Blocks:
    """Say what was read, and when it `ends`."""
    capture = analysis.capture
    yield Heading(printable(_names([file.path for file in capture.files])))
    duplicates = f" ({some(capture.duplicates, 'duplicate')} left out)" if capture.duplicates else ""
    sizes = f"{some(capture.packets, 'packet')}, {some(capture.segments, 'TCP segment')}{duplicates}"
    span = ""
    if capture.start_ns is not None and capture.end_ns is not None:
        start, stop = clock(capture.start_ns, dated=True, decimals=0), clock(capture.end_ns, dated=True, decimals=0)
        until = "" if stop == start or not ends else f" to {stop.removeprefix(start[:DATE])}"
        lasted_ns = capture.end_ns - capture.start_ns
        span = f", {human(lasted_ns)} from {start} UTC{until}" if lasted_ns or is_timed(analysis) else f", all stamped {start} UTC"
    yield Note(f"{sizes}, {some(analysis.summary.connections, 'connection')}{span}", "quiet")
    if analysis.interrupted:
        yield Note("Interrupted: this is what was analysed so far.", "bad", "!")


def _names(paths: list[str]) -> str:
    """Name few files one by one, many by their number and the folder that holds them all."""
    if len(paths) <= NAMED_FILES:
        return ", ".join(paths) or "no capture"
    try:
        folder = commonpath(paths)
    except ValueError:  # some are absolute, some not
        folder = ""
    return f"{len(paths)} files{f' in {folder}' if folder else ''}"


def none_note(analysis: Analysis, view: View) -> Blocks:
    """Where no connection passes the filters, say so, and what there is."""
    if view.filtered and analysis.summary.connections and not any(view.chosen(analysis)):
        text = none_picked(analysis, view)
        yield Note(f"{text[0].upper()}{text[1:]}.", "bad", "!")


def filter_note(view: View, shown: int, analysis: Analysis) -> Blocks:
    """Say that the lists hold fewer connections than the summary counts; where it is none, what there is."""
    total = analysis.summary.connections
    if not shown:
        yield from none_note(analysis, view)
    elif view.filtered:
        yield Note(
            f"The lists hold the {count(shown)} of {some(total, 'connection')} that you asked for; "
            "all other numbers count every connection.",
            "quiet",
        )


def none_found(analysis: Analysis, view: View) -> Note:
    """Say that there is no connection at all, or none that was to be analysed."""
    return Note(
        f"No connection matches {view.selected}." if view.selected and analysis.capture.segments else "No TCP connection was found."
    )


def nothing_listed(analysis: Analysis, view: View) -> Blocks:
    """Say why a list of connections is empty."""
    if not analysis.summary.connections:
        yield none_found(analysis, view)
    elif next(view.chosen(analysis), None) is None:
        yield from filter_note(view, 0, analysis)
    elif view.extent == "notable":
        yield Note("None of them went wrong.")


def problem_notes(problems: Iterable[Problem]) -> Blocks:
    """Each problem of the capture in its own words."""
    for problem in problems:
        where = [f"{count(problem.count)} times"] if problem.count > 1 else []
        if problem.first_frame is not None:
            where.append(f"{'first in ' if where else ''}frame {problem.first_frame}")
        aside = f" ({', '.join(where)})" if where else ""
        tone, mark = ("bad", "!") if problem.damaged else ("plain", "•")
        yield Note(f"{printable(problem.explanation)}{aside}", tone, mark)


def host_grid(hosts: Hosts, limit: int | None, *, full: bool = False) -> Grid:
    """Hosts, those with the most TIME_WAIT first."""
    shown = hosts.busiest(limit)
    columns = [
        Column("host", least=15),
        Column("scope", drop=2),
        Column("opened", right=True),
        Column("served", right=True),
        Column("closed first", right=True),
        Column("TIME_WAIT", right=True),
        Column("peak", right=True),
        Column("peak at", right=True, drop=1),
        Column("at end", right=True),
    ]
    if full:
        columns += [Column(name, right=True, drop=3) for name in ("restarted", "reused", "killed")]
    rows = (_host_row(host, full=full) for host in shown)
    return Grid(tuple(columns), rows, more_text(len(hosts), len(shown), "--show hosts"))


def _host_row(host: Host, *, full: bool) -> tuple[str, ...]:
    held = host.time_wait
    whose = f"{count(held.entered)}{_role(held.entered_as_client, held.entered_as_server)}"
    cells = (
        host.address,
        scope_text(host.scope),
        _number(host.connections_as_client),
        _number(host.connections_as_server),
        _number(host.closed_first),
        whose if held.entered else "-",
        _number(held.peak),
        clock(held.peak_at_ns, decimals=1),
        _number(held.at_end) if held.entered else "-",
    )
    more = (_number(held.stays_restarted), _number(held.stays_reused), _number(held.stays_killed)) if full else ()
    return (*cells, *more)


def _role(as_client: int, as_server: int) -> str:
    if as_client and as_server:
        return f" ({count(as_client)} as client)"
    return " as client" if as_client else " as server" if as_server else ""


def _number(number: int) -> str:
    return count(number) if number else "-"


def port_grid(budgets: Sequence[PortBudget], limit: int | None) -> Grid:
    """Port budgets, which come with the tightest first."""
    shown = budgets[:limit]
    columns = (
        Column("client", least=15),
        Column("service", least=17),
        Column("connections", right=True, drop=2),
        Column("ports held", right=True),
        Column("of", right=True),
        Column("range", drop=4),
        Column("used", right=True),
        Column("TIME_WAIT", right=True, drop=3),
        Column("new per s", right=True, drop=1),
        Column("ceiling per s", right=True, drop=1),
        Column("full in", right=True),
    )
    return Grid(columns, (_port_row(budget) for budget in shown), more_text(len(budgets), len(shown), "--show time-wait"))


def _port_row(budget: PortBudget) -> tuple[str, ...]:
    ports = budget.port_count
    return (
        budget.client,
        service(budget.server, budget.server_port),
        count(budget.connections),
        count(budget.peak_held),
        count(ports),
        port_range(budget),
        share(budget.peak_held, ports),
        count(budget.peak_time_wait),
        _rate(budget.connections_per_s),
        _rate(budget.ceiling_per_s),
        full_in(budget),
    )


def _rate(per_s: float | None) -> str:
    return "-" if per_s is None else f"{per_s:,.0f}" if per_s >= 10 else f"{per_s:.2g}"


def slow_grid(connections: Iterable[Connection], more: str = "") -> Grid:
    """Handshakes with their two legs."""
    columns = (
        Column("took", right=True),
        Column("SYN→SYN/ACK", right=True, drop=1),
        Column("→ACK", right=True, drop=1),
        Column("sent again"),
        Column("client", least=15),
        Column("server", least=15),
        Column("seen at", drop=2),
        Column("display filter"),
    )
    return Grid(columns, (_slow_row(connection) for connection in connections), more)


def _slow_row(connection: Connection) -> tuple[str, ...]:
    handshake = connection.handshake
    return (
        human(handshake.total_ns),
        human(handshake.syn_to_synack_ns),
        human(handshake.synack_to_ack_ns),
        retries(handshake.syn_retransmissions, handshake.synack_retransmissions),
        end(connection.client),
        end(connection.server),
        connection.vantage or "",
        display_filter(connection.stream),
    )


def service_grid(services: Sequence[Service], limit: int) -> Grid:
    """Services, those with the most connections first: how long a handshake takes, who closes first, who resets, what is sent again."""
    columns = (
        Column("service", least=17),
        Column("connections", right=True),
        Column("handshake p50, p99"),
        Column("closed first by", least=11),
        Column("reset by", least=10),
        Column("sent again", right=True, drop=1),
    )
    return Grid(columns, (_service_row(row) for row in services[:limit]), more_text(len(services), limit, "--show teardowns"))


def _service_row(row: Service) -> tuple[str, ...]:
    again = f"{count(row.retransmissions)} ({share(row.retransmissions, row.segments)})" if row.retransmissions else "-"
    first = (("the client", row.client_first), ("the server", row.server_first), ("both at once", row.simultaneous))
    resets = (("the client", row.resets_by_client), ("the server", row.resets_by_server), ("neither, or unknown", row.resets_by_others))
    handshake = f"{human(row.handshake.p50_ns or None)}, {human(row.handshake.p99_ns or None)}" if row.handshake.count else "-"
    return (service(row.address, row.port), count(row.connections), handshake, _by_whom(first), _by_whom(resets), again)


def _by_whom(counts: tuple[tuple[str, int], ...]) -> str:
    """Who did something how often, the most first; a dash for nobody."""
    ranked = sorted((row for row in counts if row[1]), key=lambda row: -row[1])
    return ", ".join(f"{who} {count(number)}" for who, number in ranked) or "-"


def connection_grid(
    connections: Iterable[Connection], more: str = "", *, dated: bool = False, filters: bool = False, timed: bool = True
) -> Grid:
    """List connections, a line for each; `filters`: spell out the display filter. `timed`: see `is_timed`."""
    columns = (
        Column("display filter" if filters else "stream", right=not filters),
        Column("start", drop=3),
        Column("client", least=15),
        Column("server", least=15),
        Column("scope", drop=4),
        Column("opened", right=True),
        Column("closed", least=16),
        Column("client is", drop=1),
        Column("server is", drop=1),
        Column("segments", right=True, drop=2),
        Column("bytes", right=True, drop=4),
    )
    return Grid(columns, (_connection_row(connection, dated=dated, filters=filters, timed=timed) for connection in connections), more)


def _connection_row(connection: Connection, *, dated: bool, filters: bool, timed: bool) -> tuple[str, ...]:
    client, server = connection.client_side, connection.server_side
    packets = client.packets + (server.packets if server else 0)
    payload = client.payload_bytes + (server.payload_bytes if server else 0)
    return (
        display_filter(connection.stream) if filters else str(connection.stream),
        clock(connection.start_ns, dated=dated),
        end(connection.client),
        end(connection.server),
        scope_text(connection.scope),
        opened(connection, timed=timed),
        closed(connection),
        client.final_state_name or "-",
        (server.final_state_name or "-") if server else "(itself)",
        count(packets),
        size(payload),
    )


def facts(*rows: tuple[str, str]) -> Facts:
    """Labels with a sentence each; those without one are left out."""
    return Facts(tuple(row for row in rows if row[1]))


def is_timed(analysis: Analysis) -> bool:
    """Whether the clock tells times apart that are as short as those of a handshake."""
    return not any(row.what == "times" and row.because == "coarse-clock" for row in analysis.withheld)


def is_dated(analysis: Analysis) -> bool:
    """Whether times need a date: the capture spans more than a day."""
    capture = analysis.capture
    return capture.start_ns is not None and capture.end_ns is not None and capture.end_ns - capture.start_ns >= SEVERAL_DAYS_NS
