"""One pass over the connections: what the overview lists, in memory that does not grow with them."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from heapq import heappush, heappushpop, nsmallest

from .addresses import text
from .results import Analysis, Connection, Service
from .segments import key_parts
from .trouble import Trouble, trouble_of

FEW = 12  # so many connections are listed one by one instead of their slowest and their broken
MOST_GROUPS = 20_000  # a port scan makes a service of every port
MOST_CLIENTS = 1_000
MOST_LISTED = 1_000  # groups


@dataclass(slots=True)
class TroubleGroup:
    """Connections to one service that failed in the same way, from when the first began until the last did.

    `stream` and `first_frame` are the first one's by its frame.
    """

    trouble: Trouble
    address: str
    port: int
    stream: int | None
    first_frame: int
    first_at_ns: int
    last_at_ns: int
    count: int = 0
    clients: set[str] = field(default_factory=set)


@dataclass(slots=True)
class AnomalyGroup:
    """Anomalies of one code: how many, and the first by its frame."""

    code: str
    explanation: str
    stream: int | None
    frame: int
    count: int = 0


class Digest:
    """Everything that the overview and the summaries of the other views need to know of single connections.

    Connections may come in any order; the result is the same.
    """

    def __init__(self, slowest: int = 5) -> None:
        self.count = 0
        self.few: list[Connection] = []
        self.troubled = 0
        self.troubles: dict[tuple[str, str, int], TroubleGroup] = {}
        self.services: dict[tuple[str, int], Service] = {}
        self.anomalies: dict[str, AnomalyGroup] = {}
        self.left_out = 0  # connections of services beyond MOST_GROUPS
        self.timed = 0  # connections whose handshake has a time
        self.most_slow = slowest
        self._slow: list[tuple[int, int, Connection]] = []

    @classmethod
    def of(cls, connections: Iterable[Connection], slowest: int = 5) -> "Digest":
        """Digest of these connections; `slowest`: how many of the slowest handshakes to keep."""
        digest = cls(slowest)
        for connection in connections:
            digest.add(connection)
        return digest

    def add(self, connection: Connection) -> None:
        """Take in one connection."""
        total_ns = connection.handshake.total_ns
        if self.takes(total_ns, connection.first_frame):
            self.show(connection)
        self.tell(total_ns)
        self._add_trouble(connection)
        service = self.service(connection.server.address, connection.server.port)
        if service is not None:
            _count_service(service, connection)
        for anomaly in connection.anomalies:
            self.add_anomaly(anomaly.code, anomaly.explanation, connection.stream, anomaly.frame)

    def add_trouble(self, trouble: Trouble, ends: tuple[str, str, int], stream: int | None, first_frame: int, start_ns: int) -> None:
        """Count a connection in trouble; `ends`: its client's and its server's address, the server's port."""
        client, server, port = ends
        group = self._group(trouble, server, port, stream, first_frame, start_ns)
        self._count(group, stream, first_frame, start_ns)
        if len(group.clients) < MOST_CLIENTS:
            group.clients.add(client)

    def add_alike(
        self, trouble: Trouble, key: bytes, count: int, stream: int, first_frame: int, span_ns: tuple[int, int], clients: Iterable[bytes]
    ) -> None:
        """Count connections in one trouble at the service that a key leads to.

        `stream` and `first_frame` are those of the one that began first; clients are packed: few of many addresses are put into words.
        """
        _, target, _, port, _ = key_parts(key)
        name = stream if stream >= 0 else None
        group = self._group(trouble, text(target), port, name, first_frame, span_ns[0])
        self._count(group, name, first_frame, span_ns[0], count)
        group.last_at_ns = max(group.last_at_ns, span_ns[1])
        for client in clients:
            if len(group.clients) >= MOST_CLIENTS:
                break
            group.clients.add(text(client))

    def _count(self, group: TroubleGroup, stream: int | None, first_frame: int, start_ns: int, count: int = 1) -> None:
        self.troubled += count
        group.count += count
        group.first_at_ns, group.last_at_ns = min(group.first_at_ns, start_ns), max(group.last_at_ns, start_ns)
        if first_frame < group.first_frame:
            group.first_frame, group.stream = first_frame, stream

    def _group(self, trouble: Trouble, server: str, port: int, stream: int | None, first_frame: int, start_ns: int) -> TroubleGroup:
        """The group of a service, made on first need."""
        key = (trouble.code, server, port)
        group = self.troubles.get(key)
        if group is None:
            if len(self.troubles) >= 2 * MOST_GROUPS:
                self._drop_groups()
            group = self.troubles[key] = TroubleGroup(trouble, server, port, stream, first_frame, start_ns, start_ns)
        return group

    def tell(self, total_ns: int | None) -> None:
        """Count one connection."""
        self.count += 1
        self.timed += total_ns is not None

    def takes(self, total_ns: int | None, first_frame: int) -> bool:
        """Whether this connection is to be shown by itself, as one of few or one of the slowest."""
        if self.count < FEW:
            return True
        if total_ns is None or total_ns < 0 or self.most_slow <= 0:
            return False
        return len(self._slow) < self.most_slow or (total_ns, -first_frame) > self._slow[0][:2]

    def floor_ns(self) -> int:
        """Return the time below which a handshake is none of the slowest (ns); -1 as long as all are to be shown."""
        if self.count < FEW or (self.most_slow > 0 and len(self._slow) < self.most_slow):
            return -1
        return self._slow[0][0] if self._slow else (1 << 63) - 1

    def show(self, connection: Connection) -> None:
        """Keep a connection that `takes` chose."""
        connection = connection.detached()
        if self.count < FEW:
            self.few.append(connection)
        total_ns = connection.handshake.total_ns
        if total_ns is None or total_ns < 0 or self.most_slow <= 0:
            return
        item = (total_ns, -connection.first_frame, connection)
        if len(self._slow) < self.most_slow:
            heappush(self._slow, item)
        elif item[:2] > self._slow[0][:2]:
            heappushpop(self._slow, item)

    def service(self, address: str, port: int) -> Service | None:
        """Row of a service; None beyond MOST_GROUPS of them."""
        service = self.services.get((address, port))
        if service is None:
            if len(self.services) >= MOST_GROUPS:
                self.left_out += 1
                return None
            service = self.services[address, port] = Service(address, port)
        return service

    def list_services(self, services: Iterable[Service]) -> None:
        """Take services that were counted elsewhere, in place of those counted here: the busiest MOST_GROUPS of them."""
        every = [service for service in services if service.connections]
        kept = nsmallest(MOST_GROUPS, every, key=_busiest)
        self.services = {(service.address, service.port): service for service in kept}
        self.left_out = sum(service.connections for service in every) - sum(service.connections for service in kept)

    def shown(self) -> list[Connection]:
        """All connections, where there are only few, in order of their first frames; none where there are more."""
        return [] if self.count > FEW else sorted(self.few, key=lambda connection: connection.first_frame)

    def slowest(self, most: int | None = None) -> list[Connection]:
        """Return (at most so many of the) connections with the slowest handshakes, the slowest first."""
        return [connection for _, _, connection in sorted(self._slow, key=lambda item: item[:2], reverse=True)][:most]

    def merge(self, other: "Digest") -> None:
        """Take in another part of the capture; services are counted elsewhere then."""
        self.few = [*self.few, *other.few] if self.count + other.count <= FEW else []
        self.count += other.count
        self.timed += other.timed
        self.troubled += other.troubled
        slow = [*self._slow, *other._slow]  # noqa: SLF001 - another of the same
        self._slow = sorted(slow, key=lambda item: item[:2])[-self.most_slow :] if self.most_slow > 0 else []
        for key, group in other.troubles.items():
            mine = self.troubles.get(key)
            if mine is None:
                self.troubles[key] = group
                continue
            mine.count += group.count
            if group.first_frame < mine.first_frame:
                mine.first_frame, mine.stream = group.first_frame, group.stream
            mine.first_at_ns = min(mine.first_at_ns, group.first_at_ns)
            mine.last_at_ns = max(mine.last_at_ns, group.last_at_ns)
            mine.clients |= group.clients
            if len(mine.clients) > MOST_CLIENTS:
                mine.clients = set(sorted(mine.clients)[:MOST_CLIENTS])
        for code, anomalies in other.anomalies.items():
            first = self.anomalies.get(code)
            if first is None:
                self.anomalies[code] = anomalies
                continue
            if anomalies.frame < first.frame:
                first.explanation, first.stream, first.frame = anomalies.explanation, anomalies.stream, anomalies.frame
            first.count += anomalies.count

    def rename_streams(self, stream_of: Callable[[int], int]) -> None:
        """Give other numbers to the streams of everything that is named here."""
        shown: dict[int, Connection] = {id(row): row for row in (*self.few, *self.slowest())}
        for connection in shown.values():
            if connection.stream is not None:
                connection.stream = stream_of(connection.stream)
        groups: list[TroubleGroup | AnomalyGroup] = [*self.troubles.values(), *self.anomalies.values()]
        for group in groups:
            if group.stream is not None:
                group.stream = stream_of(group.stream)

    def groups(self) -> list[TroubleGroup]:
        """Return groups of troubled connections (at most MOST_GROUPS), the largest first."""
        return sorted(self.troubles.values(), key=_largest)[:MOST_GROUPS]

    def busiest(self, most: int | None = None) -> list[Service]:
        """Services (at most so many), that with the most connections first."""
        services = self.services.values()
        return sorted(services, key=_busiest) if most is None else nsmallest(most, services, key=_busiest)

    def _drop_groups(self) -> None:
        """Keep those that would be listed first, so that the order in which they came hardly shows."""
        kept = sorted(self.troubles.items(), key=lambda item: _largest(item[1]))[:MOST_GROUPS]
        self.troubles = dict(kept)

    def _add_trouble(self, connection: Connection) -> None:
        trouble = trouble_of(connection)
        if trouble is None:
            return
        server = connection.server
        self.add_trouble(
            trouble,
            (connection.client.address, server.address, server.port),
            connection.stream,
            connection.first_frame,
            connection.start_ns,
        )

    def add_anomaly(self, code: str, explanation: str, stream: int | None, frame: int) -> None:
        """Count an anomaly of a connection."""
        group = self.anomalies.get(code)
        if group is None:
            group = self.anomalies[code] = AnomalyGroup(code, explanation, stream, frame)
        elif frame < group.frame:
            group.explanation, group.stream, group.frame = explanation, stream, frame
        group.count += 1


def broken(analysis: Analysis) -> list[TroubleGroup]:
    """Groups of troubled connections, as many as documents and tables list."""
    return [] if analysis.digest is None else analysis.digest.groups()[:MOST_LISTED]


def _busiest(service: Service) -> tuple[int, str, int]:
    return -service.connections, service.address, service.port


def _largest(group: TroubleGroup) -> tuple[int, int, str]:
    return -group.count, group.first_frame, group.trouble.code


def _count_service(service: Service, connection: Connection) -> None:
    teardown, reset = connection.teardown, connection.teardown.reset
    service.connections += 1
    for side in (connection.client_side, connection.server_side):
        if side is not None:
            service.segments += side.packets
            service.retransmissions += side.retransmissions
    if teardown.pattern == "rst":
        by = "unknown" if reset is None else reset.by
        service.resets_by_client += by == "client"
        service.resets_by_server += by == "server"
        service.resets_by_others += by not in ("client", "server")
    if teardown.pattern == "simultaneous":
        service.simultaneous += 1
    else:
        service.client_first += teardown.first_fin == "client"
        service.server_first += teardown.first_fin == "server"
    for stay in connection.time_wait:
        service.time_wait_client += stay.side == "client"
        service.time_wait_server += stay.side == "server"
