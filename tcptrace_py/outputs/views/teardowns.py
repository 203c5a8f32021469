"""--show teardowns: patterns, who closes first at each service, resets with their causes and evidence."""

from collections.abc import Iterator

from tcptrace_py.model.digest import Digest
from tcptrace_py.model.results import Analysis, Connection, Reset, Service
from tcptrace_py.outputs.blocks import Blocks, Column, Grid, Heading, Note, more_text
from tcptrace_py.outputs.phrases import CAUSES, PATTERNS, display_filter
from tcptrace_py.outputs.units import count, end, service, share
from tcptrace_py.outputs.view import View

from .parts import filter_note, title

LISTS_CONNECTIONS = True
MOST_RESETS = 1000


def blocks(analysis: Analysis, view: View) -> Blocks:
    """Patterns, causes, services, resets."""
    summary = analysis.summary
    digest = view.digest(analysis, 0)
    yield from title(analysis)
    yield Heading("Patterns")
    yield _counted(summary.patterns, PATTERNS, summary.connections, "pattern")
    if any(summary.reset_causes.values()):
        yield Heading("Resets that ended a connection")
        yield _counted(summary.reset_causes, CAUSES, sum(summary.reset_causes.values()), "cause")
    yield from filter_note(view, digest.count, analysis)
    yield Heading("Who closes first", "by service")
    yield service_grid(digest, view.limit)
    yield from _resets(analysis, view)


def _counted(counts: dict[str, int], words: dict[str, str], whole: int, name: str) -> Grid:
    rows = sorted(((number, key) for key, number in counts.items() if number), key=lambda row: (-row[0], row[1]))
    columns = (Column("connections", right=True), Column("share", right=True), Column(name), Column("meaning", drop=1, least=30))
    return Grid(columns, ((count(number), share(number, whole), key, words.get(key, "")) for number, key in rows))


def service_grid(digest: Digest, limit: int | None) -> Grid:
    """Services with who closed first."""
    columns = (
        Column("service", least=17),
        Column("connections", right=True),
        Column("client", right=True),
        Column("server", right=True),
        Column("both", right=True),
        Column("reset", right=True),
        Column("TIME_WAIT: client", right=True, drop=1),
        Column("server", right=True, drop=1),
    )
    ranked = digest.busiest()
    shown = ranked[:limit]
    more = more_text(len(ranked) + digest.left_out, len(shown), "--limit N")
    return Grid(columns, (_service_row(row) for row in shown), more)


def _service_row(row: Service) -> tuple[str, ...]:
    numbers = (row.client_first, row.server_first, row.simultaneous, row.resets, row.time_wait_client, row.time_wait_server)
    return (service(row.address, row.port), count(row.connections), *(count(number) if number else "-" for number in numbers))


def _resets(analysis: Analysis, view: View) -> Blocks:
    most = view.limit or MOST_RESETS
    shown: list[tuple[str, ...]] = []
    total = 0
    for connection, reset in _ending_resets(view.chosen(analysis)):
        total += 1
        if len(shown) < most:
            shown.append(_reset_row(connection, reset))
    if shown:
        yield Heading("Resets")
        columns = (
            Column("frame", right=True),
            Column("cause"),
            Column("by"),
            Column("confidence", drop=2),
            Column("client", least=15, drop=1),
            Column("server", least=15),
            Column("display filter"),
            Column("evidence", drop=1, least=24),
        )
        yield Grid(columns, shown, more_text(total, len(shown), "--limit N"))
    else:
        yield Note("No reset ended a connection.", "quiet")


def _ending_resets(connections: Iterator[Connection]) -> Iterator[tuple[Connection, Reset]]:
    for connection in connections:
        if connection.teardown.reset is not None and connection.teardown.pattern == "rst":
            yield connection, connection.teardown.reset


def _reset_row(connection: Connection, reset: Reset) -> tuple[str, ...]:
    return (
        str(reset.frame),
        reset.cause or "-",
        reset.by,
        reset.confidence,
        end(connection.client),
        end(connection.server),
        display_filter(connection.stream),
        "; ".join(reset.evidence),
    )
