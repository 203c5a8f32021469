"""An analysis as tables of an SQL database: connections, hosts, ports, transitions, time_wait, findings, intervals, broken.

Times are timestamps in UTC, durations numbers with their unit in the column's name; NULL is unknown or absent. `id` is
the connection's in every table. What is a row of the tables of facts is described there (`facts.fields`).
"""

from __future__ import annotations

import json
from array import array
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

from tcptrace_py.facts import arrow
from tcptrace_py.facts.block import ROWS
from tcptrace_py.facts.fields import CONNECTIONS, STAYS, TRANSITIONS
from tcptrace_py.facts.store import Connections
from tcptrace_py.model.digest import broken
from tcptrace_py.model.endpoints import scope_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from tcptrace_py.model.results import Analysis


class Column(NamedTuple):
    """A column of hosts, ports or findings: its name, its SQL type, what it says, and how a row's object gives it."""

    name: str
    type: str
    meaning: str
    value: Callable[[Any], Any]


class Listed(NamedTuple):
    """A table of which there are few rows: its name, what a row is, its columns, and where the rows come from."""

    name: str
    meaning: str
    columns: tuple[Column, ...]
    rows: Callable[[Analysis], Sequence[Any]]

    def stream(self, analysis: Analysis) -> arrow.Stream:
        """All rows."""
        return arrow.Stream(
            [arrow.Column(column.name, _FORMATS[column.type], nullable=True) for column in self.columns],
            lambda: map(self._batch, _parts(self.rows(analysis))),
        )

    def _batch(self, rows: Sequence[Any]) -> arrow.Batch:
        return arrow.Batch(len(rows), [_cells(column.type, [column.value(row) for row in rows]) for column in self.columns])


def _parts(rows: Iterable[Any]) -> Iterator[Sequence[Any]]:
    """So many at once that few are objects at the same time."""
    left = iter(rows)
    while part := list(islice(left, ROWS)):
        yield part


_FORMATS = {
    "VARCHAR": arrow.TEXT, "BIGINT": arrow.INT64, "INTEGER": arrow.INT32, "DOUBLE": arrow.FLOAT64, "BOOLEAN": arrow.BOOL,
    "TIMESTAMP_NS": arrow.TIMESTAMP_NS,
}  # fmt: skip
_CODES = {"BIGINT": "q", "INTEGER": "i", "DOUBLE": "d", "BOOLEAN": "B", "TIMESTAMP_NS": "q"}


def _cells(kind: str, values: list[Any]) -> arrow.Cells:
    if kind == "VARCHAR":
        return arrow.Text.of(values)
    return arrow.Values(array(_CODES[kind], [value or 0 for value in values]), arrow.present(values))


HOSTS = (
    Column("address", "VARCHAR", "the address; one may be many hosts", lambda h: h.address),
    Column("scope", "VARCHAR", "the tunnel's network, where there is one", lambda h: scope_text(h.scope) or None),
    Column("connections_as_client", "BIGINT", "connections it opened", lambda h: h.connections_as_client),
    Column("connections_as_server", "BIGINT", "connections opened to it", lambda h: h.connections_as_server),
    Column("closed_first", "BIGINT", "connections it closed first", lambda h: h.closed_first),
    Column("time_wait_entered", "BIGINT", "stays in TIME_WAIT", lambda h: h.time_wait.entered),
    Column("time_wait_as_client", "BIGINT", "of them as client", lambda h: h.time_wait.entered_as_client),
    Column("time_wait_as_server", "BIGINT", "of them as server", lambda h: h.time_wait.entered_as_server),
    Column("time_wait_peak", "BIGINT", "most at once", lambda h: h.time_wait.peak),
    Column("time_wait_at_end", "BIGINT", "there at the capture's end", lambda h: h.time_wait.at_end),
    Column("first_at", "TIMESTAMP_NS", "when the first of its connections began", lambda h: h.first_ns),
    Column("last_at", "TIMESTAMP_NS", "when the last of them began", lambda h: h.last_ns),
)

PORTS = (
    Column("client", "VARCHAR", "address of the client", lambda p: p.client),
    Column("server", "VARCHAR", "address of the server", lambda p: p.server),
    Column("server_port", "INTEGER", "its port", lambda p: p.server_port),
    Column("connections", "BIGINT", "connections from the one to the other", lambda p: p.connections),
    Column("peak_held", "BIGINT", "local ports taken at once at the most", lambda p: p.peak_held),
    Column("peak_time_wait", "BIGINT", "TIME_WAIT among them at once at the most", lambda p: p.peak_time_wait),
    Column("range_low", "INTEGER", "lowest port of the range", lambda p: p.port_range[0]),
    Column("range_high", "INTEGER", "highest port of the range", lambda p: p.port_range[1]),
    Column(
        "range_from",
        "VARCHAR",
        "option: it was given; traffic: the capture shows it; profile: the default; unknown: all from 1024 on",
        lambda p: p.range_from,
    ),
    Column("held_at_end", "BIGINT", "local ports taken at the capture's end", lambda p: p.held_at_end),
    Column("exhausted", "BOOLEAN", "whether they ran out", lambda p: p.exhaustion is not None),
    Column("used_ratio", "DOUBLE", "share of the range taken at the peak", lambda p: p.used_ratio),
    Column("connections_per_s", "DOUBLE", "new connections a second", lambda p: p.connections_per_s),
    Column("ceiling_per_s", "DOUBLE", "so many a second could go on for ever", lambda p: p.ceiling_per_s),
    Column("exhausted_in_s", "DOUBLE", "time until no port is left at this rate", lambda p: p.exhausted_in_s),
)

FINDINGS = (
    Column("code", "VARCHAR", "the cause, by its name in findings.md", lambda f: f.code),
    Column("severity", "VARCHAR", "problem, warning or note", lambda f: f.severity),
    Column("confidence", "VARCHAR", "high or medium", lambda f: f.confidence),
    Column("client", "VARCHAR", "address of the client that it is about", lambda f: f.client),
    Column("server", "VARCHAR", "address of the server that it is about", lambda f: f.server),
    Column("server_port", "INTEGER", "its port", lambda f: f.server_port),
    Column("connections", "BIGINT", "connections that show it", lambda f: f.connections),
    Column("of", "BIGINT", "connections that could", lambda f: f.of),
    Column("first_at", "TIMESTAMP_NS", "when it was seen first", lambda f: f.first_at_ns),
    Column("last_at", "TIMESTAMP_NS", "when it was seen last", lambda f: f.last_at_ns),
    Column("first_frame", "BIGINT", "the frame to look at first", lambda f: f.first_frame),
    Column("display_filter", "VARCHAR", "Wireshark's display filter for its connections", lambda f: f.display_filter),
    Column("details", "VARCHAR", "its own numbers, as JSON", lambda f: json.dumps(f.details, sort_keys=True)),
    Column("explanation", "VARCHAR", "the cause in a sentence or two", lambda f: f.explanation),
)

FINDINGS_TABLE = Listed("findings", "every cause at every place, the worst first", FINDINGS, lambda analysis: analysis.findings)
INTERVALS = (
    Column("start", "TIMESTAMP_NS", "when it begins", lambda i: i[0]),
    Column("interval_s", "DOUBLE", "how long it is", lambda i: i[1]),
    Column("connections", "BIGINT", "connections that began in it", lambda i: i[2]),
    Column("broken", "BIGINT", "those of them that were not opened at once, not closed, or reset", lambda i: i[3]),
)


BROKEN = (
    Column("code", "VARCHAR", "how: an outcome, a reset's cause, a teardown pattern, or syn-repeated", lambda g: g.trouble.code),
    Column("server", "VARCHAR", "address of the server", lambda g: g.address),
    Column("server_port", "INTEGER", "its port", lambda g: g.port),
    Column("connections", "BIGINT", "how many", lambda g: g.count),
    Column("clients", "BIGINT", "of how many client addresses; more than a thousand are not counted", lambda g: len(g.clients)),
    Column("first_at", "TIMESTAMP_NS", "when the first of them began", lambda g: g.first_at_ns),
    Column("last_at", "TIMESTAMP_NS", "when the last of them began", lambda g: g.last_at_ns),
    Column("stream", "BIGINT", "Wireshark's stream of the first by its frame", lambda g: g.stream),
    Column("first_frame", "BIGINT", "the frame that it begins with", lambda g: g.first_frame),
)


def _intervals(analysis: Analysis) -> list[tuple[int, float, int, int]]:
    found = analysis.intervals
    return (
        []
        if found is None
        else [
            (found.start_ns + number * found.length_ns, found.length_ns / 1e9, *counts)
            for number, counts in enumerate(zip(found.connections, found.broken, strict=True))
        ]
    )


INTERVALS_TABLE = Listed("intervals", "equal intervals of time, by when connections began", INTERVALS, _intervals)
BROKEN_TABLE = Listed("broken", "connections that went wrong, by how and by service, most of them first", BROKEN, broken)
HOSTS_TABLE = Listed("hosts", "every address", HOSTS, lambda analysis: analysis.hosts)
PORTS_TABLE = Listed("ports", "local ports of each client address towards each service", PORTS, lambda analysis: analysis.ports)
TABLES = (CONNECTIONS, HOSTS_TABLE, PORTS_TABLE, TRANSITIONS, STAYS, FINDINGS_TABLE, INTERVALS_TABLE, BROKEN_TABLE)


def streams(analysis: Analysis) -> list[tuple[str, arrow.Stream]]:
    """All tables of an analysis by name, to be read any number of times. Raises TypeError for one that was put together by hand."""
    connections = analysis.connections
    if not isinstance(connections, Connections):
        raise TypeError("only the analysis of a capture has tables")
    return [(table.name, table.stream(analysis) if isinstance(table, Listed) else table.stream(connections.blocks)) for table in TABLES]
