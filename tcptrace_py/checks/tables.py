"""An analysis as tables of an SQL database: connections, hosts, ports, transitions, time_wait.

Times are timestamps in UTC, durations numbers with their unit in the column's name; NULL is unknown or absent. `id` is
the connection's in every table.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tcptrace_py.model.results import Analysis, Connection, Host, PortBudget, Scope, StateEntry, Stay

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Column(NamedTuple):
    """A column: its name, its SQL type, what it says, and how a row's object gives it."""

    name: str
    type: str
    meaning: str
    value: Callable[[Any], Any]


class Table(NamedTuple):
    """A table: its name, what a row is, its columns, and where the rows come from."""

    name: str
    meaning: str
    columns: tuple[Column, ...]
    rows: Callable[[Analysis], Iterator[Any]]


def _at(time_ns: int | None) -> str | None:
    if time_ns is None:
        return None
    seconds, rest = divmod(time_ns, 1_000_000_000)
    return f"{(_EPOCH + timedelta(seconds=seconds)).strftime('%Y-%m-%d %H:%M:%S')}.{rest:09d}"


def _ms(duration_ns: int | None) -> float | None:
    return None if duration_ns is None else duration_ns / 1_000_000


def _scope(scope: Scope | None) -> str | None:
    if scope is None:
        return None
    parts = (("vlan", scope.vlan), ("vni", scope.vni), ("teid", scope.teid))
    return " ".join(f"{name} {number}" for name, number in parts if number is not None) or None


def _side(role: str) -> tuple[Column, ...]:
    """The columns about one side."""

    def of(name: str, kind: str, meaning: str, pick: Callable[[Any], Any]) -> Column:
        def value(connection: Connection) -> Any:
            side = connection.client_side if role == "client" else connection.server_side
            return None if side is None else pick(side)

        return Column(f"{role}_{name}", kind, meaning, value)

    return (
        of("packets", "BIGINT", f"segments the {role} sent", lambda side: side.packets),
        of("payload_bytes", "BIGINT", f"distinct bytes the {role} sent", lambda side: side.payload_bytes),
        of("retransmissions", "BIGINT", f"segments the {role} sent again", lambda side: side.retransmissions),
        of("fin_retransmissions", "BIGINT", f"FINs the {role} sent again", lambda side: side.fin_retransmissions),
        of("final_state", "VARCHAR", f"the {role}'s state at the capture's end", lambda side: side.final_state.name),
    )


def _reset(pick: Callable[[Any], Any]) -> Callable[[Connection], Any]:
    return lambda c: None if c.teardown.reset is None else pick(c.teardown.reset)


CONNECTIONS = (
    Column("id", "BIGINT", "number of the connection, in order of first frames", lambda c: c.id),
    Column("stream", "BIGINT", "Wireshark's tcp.stream", lambda c: c.stream),
    Column("client", "VARCHAR", "address of the client", lambda c: c.client.address),
    Column("client_port", "INTEGER", "its port", lambda c: c.client.port),
    Column("server", "VARCHAR", "address of the server", lambda c: c.server.address),
    Column("server_port", "INTEGER", "its port", lambda c: c.server.port),
    Column("scope", "VARCHAR", "VLAN, VNI and TEID of the first segment; only the VNI tells connections apart", lambda c: _scope(c.scope)),
    Column("started", "TIMESTAMP_NS", "time of the first frame", lambda c: _at(c.start_ns)),
    Column("ended", "TIMESTAMP_NS", "time of the last frame", lambda c: _at(c.end_ns)),
    Column("duration_s", "DOUBLE", "from the first frame to the last", lambda c: (c.end_ns - c.start_ns) / 1e9),
    Column("first_frame", "BIGINT", "Wireshark's frame.number of the first frame", lambda c: c.first_frame),
    Column("last_frame", "BIGINT", "and of the last", lambda c: c.last_frame),
    Column("vantage", "VARCHAR", "where it was captured: client, server, middle", lambda c: c.vantage),
    Column("midstream", "BOOLEAN", "whether it began before the capture", lambda c: c.midstream),
    Column("history", "VARCHAR", "Zeek's letters, upper case from the client", lambda c: c.history),
    Column("kind", "VARCHAR", "kind of the handshake", lambda c: c.handshake.kind),
    Column("outcome", "VARCHAR", "outcome of the handshake", lambda c: c.handshake.outcome),
    Column(
        "syn_to_synack_ms", "DOUBLE", "from the last SYN to the SYN/ACK", lambda c: _ms(c.handshake.syn_to_synack_ns)
    ),
    Column("synack_to_ack_ms", "DOUBLE", "from the SYN/ACK to the ACK", lambda c: _ms(c.handshake.synack_to_ack_ns)),
    Column("handshake_ms", "DOUBLE", "from the first SYN to the ACK", lambda c: _ms(c.handshake.total_ns)),
    Column("syn_retransmissions", "BIGINT", "SYNs sent again", lambda c: c.handshake.syn_retransmissions),
    Column("synack_retransmissions", "BIGINT", "SYN/ACKs sent again", lambda c: c.handshake.synack_retransmissions),
    Column("pattern", "VARCHAR", "teardown pattern", lambda c: c.teardown.pattern),
    Column("first_fin", "VARCHAR", "side whose FIN left first", lambda c: c.teardown.first_fin),
    Column("teardown_ms", "DOUBLE", "how long the close took", lambda c: _ms(c.teardown.duration_ns)),
    Column("reset_by", "VARCHAR", "side whose RST ended it", _reset(lambda reset: reset.by)),
    Column("reset_cause", "VARCHAR", "why", _reset(lambda reset: reset.cause)),
    *_side("client"),
    *_side("server"),
    Column(
        "anomalies",
        "VARCHAR",
        "codes of what no rule explains, apart by spaces",
        lambda c: " ".join(anomaly.code for anomaly in c.anomalies),
    ),
)

HOSTS = (
    Column("address", "VARCHAR", "the address; one may be many hosts", lambda h: h.address),
    Column("scope", "VARCHAR", "the tunnel's network, where there is one", lambda h: _scope(h.scope)),
    Column("connections_as_client", "BIGINT", "connections it opened", lambda h: h.connections_as_client),
    Column("connections_as_server", "BIGINT", "connections opened to it", lambda h: h.connections_as_server),
    Column("closed_first", "BIGINT", "connections it closed first", lambda h: h.closed_first),
    Column("time_wait_entered", "BIGINT", "stays in TIME_WAIT", lambda h: h.time_wait.entered),
    Column("time_wait_as_client", "BIGINT", "of them as client", lambda h: h.time_wait.entered_as_client),
    Column("time_wait_as_server", "BIGINT", "of them as server", lambda h: h.time_wait.entered_as_server),
    Column("time_wait_peak", "BIGINT", "most at once", lambda h: h.time_wait.peak),
    Column("time_wait_at_end", "BIGINT", "there at the capture's end", lambda h: h.time_wait.at_end),
)

PORTS = (
    Column("client", "VARCHAR", "address of the client", lambda p: p.client),
    Column("server", "VARCHAR", "address of the server", lambda p: p.server),
    Column("server_port", "INTEGER", "its port", lambda p: p.server_port),
    Column("connections", "BIGINT", "connections from the one to the other", lambda p: p.connections),
    Column("peak_held", "BIGINT", "local ports taken at once at the most", lambda p: p.peak_held),
    Column("peak_time_wait", "BIGINT", "TIME_WAIT among them at once at the most", lambda p: p.peak_time_wait),
    Column("used_ratio", "DOUBLE", "share of the range taken at the peak", lambda p: p.used_ratio),
    Column("connections_per_s", "DOUBLE", "new connections a second", lambda p: p.connections_per_s),
    Column("ceiling_per_s", "DOUBLE", "so many a second could go on for ever", lambda p: p.ceiling_per_s),
    Column("exhausted_in_s", "DOUBLE", "time until no port is left at this rate", lambda p: p.exhausted_in_s),
)

TRANSITIONS = (
    Column("id", "BIGINT", "the connection's number", lambda t: t.id),
    Column("side", "VARCHAR", "client or server", lambda t: t.side),
    Column("number", "INTEGER", "place in the side's path, from 0", lambda t: t.number),
    Column("state", "VARCHAR", "state entered", lambda t: t.entry.state.name),
    Column("entered", "TIMESTAMP_NS", "when", lambda t: _at(t.entry.at_ns)),
    Column("duration_s", "DOUBLE", "until the next state; NULL for the last", lambda t: t.duration_s),
    Column("frame", "BIGINT", "frame that it rests on", lambda t: t.entry.frame),
    Column("basis", "VARCHAR", "observed, assumed, inferred, clock", lambda t: t.entry.basis.value),
)

TIME_WAIT = (
    Column("id", "BIGINT", "the connection's number", lambda t: t[0].id),
    Column("side", "VARCHAR", "client or server", lambda t: t[1].side),
    Column("host", "VARCHAR", "address that holds it", lambda t: _end(*t).address),
    Column("port", "INTEGER", "its local port", lambda t: _end(*t).port),
    Column("entered", "TIMESTAMP_NS", "when", lambda t: _at(t[1].entered_ns)),
    Column("expires", "TIMESTAMP_NS", "when 2MSL runs out", lambda t: _at(t[1].expires_ns)),
    Column(
        "ended", "TIMESTAMP_NS", "when it ended; NULL where it outlives the capture", lambda t: _at(t[1].ended_at_ns)
    ),
    Column("ended_by", "VARCHAR", "expired, reused, killed, capture-end", lambda t: t[1].ended_by),
    Column("restarts", "INTEGER", "how often 2MSL began anew", lambda t: t[1].restarts),
)


class Transition(NamedTuple):
    """A state that a side of a connection entered."""

    id: int
    side: str
    number: int
    entry: StateEntry
    duration_s: float | None


def _end(connection: Connection, stay: Stay) -> Any:
    return connection.client if stay.side == "client" else connection.server


def _hosts(analysis: Analysis) -> Iterator[Host]:
    return iter(analysis.hosts)


def _ports(analysis: Analysis) -> Iterator[PortBudget]:
    return iter(analysis.ports)


def _transitions(analysis: Analysis) -> Iterator[Transition]:
    for connection in analysis.connections:
        for role, side in (("client", connection.client_side), ("server", connection.server_side)):
            entries = side.states if side is not None else ()
            for number, entry in enumerate(entries):
                until_ns = entries[number + 1].at_ns if number + 1 < len(entries) else None
                known = entry.at_ns is not None and until_ns is not None
                yield Transition(connection.id, role, number, entry, (until_ns - entry.at_ns) / 1e9 if known else None)  # type: ignore[operator]


def _stays(analysis: Analysis) -> Iterator[tuple[Connection, Stay]]:
    return ((connection, stay) for connection in analysis.connections for stay in connection.time_wait)


TABLES = (
    Table("connections", "every connection", CONNECTIONS, lambda analysis: iter(analysis.connections)),
    Table("hosts", "every address", HOSTS, _hosts),
    Table("ports", "local ports of each client address towards each service", PORTS, _ports),
    Table("transitions", "every state that a side entered", TRANSITIONS, _transitions),
    Table("time_wait", "every stay in TIME_WAIT", TIME_WAIT, _stays),
)
