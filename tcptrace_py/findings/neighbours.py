"""The states that people take for TIME_WAIT: who sits in them, towards which service, for how long.

Half-closing is legitimate and takes its time, so a state counts from a second on; at the end of a short capture from a
tenth of it on, but no less than ten milliseconds. What a capture's end cuts off is as old as the capture says, never
older. Where the capture left segments out (one direction only, a filter for SYN, FIN and RST), states that a bare ACK
ends would seem to last: only those count there that end with a FIN.
"""

from array import array

from tcptrace_py.model.diagnosis import Neighbour
from tcptrace_py.model.results import Connection, Scope, Side
from tcptrace_py.model.state import State

STUCK_NS = 1_000_000_000
LEAST_NS = 10_000_000
WATCHED = frozenset(
    (
        State.CLOSE_WAIT,
        State.FIN_WAIT_1,
        State.FIN_WAIT_2,
        State.CLOSING,
        State.LAST_ACK,
        State.SYN_RECEIVED,
        State.SYN_SENT,
    )
)
ENDED_BY_FIN = frozenset((State.CLOSE_WAIT, State.FIN_WAIT_2))
HALF_OPEN = "half-open"  # one side is established, the other's socket is gone
MOST_ROWS = 10_000
MOST_CLIENTS = 1_000


def stuck_ns(start_ns: int, end_ns: int) -> int:
    """How long a state must last at the capture's end to count."""
    return min(STUCK_NS, max(LEAST_NS, (end_ns - start_ns) // 10))


class _Row:
    __slots__ = ("clients", "count", "longest", "since")

    def __init__(self) -> None:
        self.count = self.longest = 0  # of those that are over
        self.since: array[int] = array("q")  # when those were entered that lasted until the capture's end
        self.clients: set[str] = set()


class Neighbours:
    """Counts by state, host and service, taken in one connection at a time."""

    def __init__(self) -> None:
        self.rows: dict[tuple[str, str, str, int, str, Scope | None], _Row] = {}

    def add(self, connection: Connection, scope: Scope | None) -> None:
        """Take in one connection; `scope`: the network that makes its addresses others."""
        watched = ENDED_BY_FIN if _lacks_segments(connection) else WATCHED
        for role, side in (("client", connection.client_side), ("server", connection.server_side)):
            if side is not None and (side.packets or watched is WATCHED):
                self._side(connection, scope, role, side, watched)
        one, other = connection.client_side, connection.server_side
        if other is not None:
            finals = {one.final_state, other.final_state}
            if finals == {State.CLOSED, State.ESTABLISHED} and connection.handshake.outcome in (
                "completed",
                "not-captured",
            ):
                role = "client" if one.final_state == State.ESTABLISHED else "server"
                gone = other if role == "client" else one
                since = gone.steps[-1][1]
                if since is not None:
                    self._count(connection, scope, role, HALF_OPEN, since, None)

    def _side(
        self, connection: Connection, scope: Scope | None, role: str, side: Side, watched: frozenset[State]
    ) -> None:
        steps = side.steps
        for number, (state, at_ns, _, _) in enumerate(steps, 1):
            if state not in watched or at_ns is None:
                continue
            until = steps[number][1] if number < len(steps) else None
            if until is None or until - at_ns >= STUCK_NS:
                self._count(connection, scope, role, state.name, at_ns, until)

    def _count(
        self, connection: Connection, scope: Scope | None, role: str, state: str, since_ns: int, until_ns: int | None
    ) -> None:
        key = (
            state,
            role,
            connection.server.address,
            connection.server.port,
            connection.client.address if role == "client" else "",
            scope,
        )
        row = self.rows.get(key)
        if row is None:
            if len(self.rows) >= MOST_ROWS:
                return
            row = self.rows[key] = _Row()
        if until_ns is None:
            row.since.append(since_ns)
        else:
            row.count += 1
            row.longest = max(row.longest, until_ns - since_ns)
        if len(row.clients) < MOST_CLIENTS:
            row.clients.add(connection.client.address)

    def result(self, start_ns: int, end_ns: int) -> tuple[Neighbour, ...]:
        """All rows, the most frequent first; the capture lasts from `start_ns` to `end_ns`."""
        found = []
        least = stuck_ns(start_ns, end_ns)
        for (state, role, server, port, client, scope), row in self.rows.items():
            still = [end_ns - since for since in row.since if end_ns - since >= least]
            if not still and not row.count:
                continue
            peer = server if role == "client" else min(row.clients)
            found.append(
                Neighbour(
                    state,
                    client or server,
                    role,
                    peer,
                    server,
                    port,
                    row.count + len(still),
                    len(still),
                    max(row.longest, *still) if still else row.longest,
                    len(row.clients),
                    scope,
                )
            )
        return tuple(sorted(found, key=lambda n: (-n.count, -n.longest_ns, n.state, n.address, n.server_port, str(n.scope))))


def _lacks_segments(connection: Connection) -> bool:
    """Whether the capture holds one direction only, or less than was acknowledged."""
    client, server = connection.client_side, connection.server_side
    if server is not None and connection.handshake.outcome != "unanswered" and not (client.packets and server.packets):
        return True
    return any(anomaly.code == "acked-unseen" for anomaly in connection.anomalies)
