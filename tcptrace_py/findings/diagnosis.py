"""The diagnosis behind `time-wait`: one pass over an analysis' connections, then what follows from the sums."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from math import inf

from tcptrace_py.model.diagnosis import Diagnosis, HostLedger, ServiceLedger
from tcptrace_py.model.profiles import Profile, Profiles
from tcptrace_py.model.results import Analysis, Connection, Scope

from .advice import advise, warn
from .curve import Curve
from .ledger import HostRow, ServerRow, ServiceRow
from .neighbours import Neighbours, stuck_ns
from .quality import EXPLANATIONS

MOST_CURVES = 50  # hosts, the gravest, whose population is told over time
MOST_SERVICES = 20_000  # a port scan makes a service of every port


class Ledger:
    """Everything that one pass adds up: `add` every connection as it ends, then `finish`."""

    def __init__(self) -> None:
        self.hosts: dict[tuple[str, Scope | None], HostRow] = {}
        self.services: dict[tuple[str, str, int, Scope | None], ServiceRow] = {}
        self.servers: dict[tuple[str, int, Scope | None], ServerRow] = {}
        self.neighbours = Neighbours()
        self.left_out = 0

    def add(self, connection: Connection) -> None:
        """Take in one connection."""
        scope = network(connection.scope)
        if connection.time_wait:
            for role, end in (("client", connection.client), ("server", connection.server)):
                if any(stay.side == role for stay in connection.time_wait):
                    self.hosts.setdefault((end.address, scope), HostRow()).add(connection, role)
        server = (connection.server.address, connection.server.port, scope)
        total = self.servers.get(server)
        if total is None and len(self.servers) < MOST_SERVICES:
            total = self.servers[server] = ServerRow()
        if total is not None:
            total.add(connection)
        key = (connection.client.address, *server)
        row = self.services.get(key)
        if row is None and len(self.services) < MOST_SERVICES:
            row = self.services[key] = ServiceRow()
        if row is None:
            self.left_out += 1
        else:
            row.add(connection)
        self.neighbours.add(connection, scope)

    def finish(
        self, analysis: Analysis, profiles: Profiles, *, from_ns: int | None = None, to_ns: int | None = None
    ) -> Diagnosis:
        """Say what follows. `from_ns` and `to_ns` bound what was taken in, where that is not the whole capture."""
        start_ns, end_ns = analysis.capture.start_ns or 0, analysis.capture.end_ns or 0
        start_ns = min(max(start_ns, from_ns or 0), end_ns)
        end_ns = max(min(end_ns, end_ns if to_ns is None else to_ns), start_ns)
        hosts = [row.result(key, profiles.of(key[0]), end_ns) for key, row in self.hosts.items()]
        entered = sum(host.entered for host in hosts)
        ranked = tuple(sorted(self._services(analysis, profiles, entered, end_ns), key=_gravity))
        totals = [row.total(key, entered) for key, row in self.servers.items()]
        servers = tuple(
            sorted(totals, key=lambda t: (-t.time_wait, -t.connections, t.server, t.server_port, str(t.scope)))
        )
        every = Curve()
        for row in self.hosts.values():
            every.begins.extend(row.stays.begins)
            every.ends.extend(row.stays.ends)
        every.sort()
        peak, peak_at = every.peak()
        ordered = _ordered(hosts, ranked)
        drawn = [
            replace(host, series=self.hosts[host.address, host.scope].stays.series(start_ns, end_ns))
            for host in ordered[:MOST_CURVES]
        ]
        ordered = (*drawn, *ordered[MOST_CURVES:])
        known = analysis.capture.start_ns is not None
        return Diagnosis(
            start_ns if known else None,
            end_ns if known else None,
            entered,
            peak,
            peak_at,
            every.at(end_ns),
            sum(host.before for host in hosts),
            sum(host.outlive for host in hosts),
            ordered,
            ranked,
            servers,
            self.left_out,
            self.neighbours.result(start_ns, end_ns),
            stuck_ns(start_ns, end_ns),
            tuple(advise(ranked, servers, profiles)),
            tuple(warn(ordered, ranked, profiles)),
        )

    def _services(
        self, analysis: Analysis, profiles: Profiles, entered: int, end_ns: int
    ) -> Iterator[ServiceLedger]:
        found = [row.result(key, profiles.of(key[0]), entered, end_ns) for key, row in self.services.items()]
        if any(p.code == "snapped" and p.explanation != EXPLANATIONS["snapped"] for p in analysis.capture.problems):
            found = [_options_cut(service) for service in found]
        shown = {(s.client, s.scope): (s.ports.low, s.ports.high) for s in found if s.ports.exhaustion and s.ports.seen}
        for service in found:
            key = (service.client, service.server, service.server_port, service.scope)
            own, row = shown.get((service.client, service.scope)), self.services[key]
            if own is None or service.ports.seen or min(row.ports) < own[0] or max(row.ports) > own[1]:
                yield service
                continue  # else the range of ports is the client's: what shows of it at one service holds for its others
            again = row.result(key, replace(profiles.of(service.client), ephemeral_ports=own), entered, end_ns)
            yield replace(service, ports=replace(again.ports, range_from="capture"))


def diagnose(analysis: Analysis, profiles: Profiles | None = None) -> Diagnosis:
    """Say who holds TIME_WAIT, why, how near the ceiling and what to do. `profiles` are those of the analysis."""
    ledger = Ledger()
    for connection in analysis.connections:
        ledger.add(connection)
    return ledger.finish(analysis, profiles or profiles_of(analysis))


def profiles_of(analysis: Analysis) -> Profiles:
    """The profiles that an analysis was made with."""
    default, by_address = Profiles().default, {}
    for row in analysis.profiles:
        profile = Profile(row.name, row.time_wait_s, row.ephemeral_ports)
        if row.hosts == "*":
            default = profile
        else:
            by_address.update(dict.fromkeys(row.hosts, profile))
    return Profiles(default, by_address)


def _options_cut(service: ServiceLedger) -> ServiceLedger:
    """Frames were cut inside TCP's header: that no timestamps were seen does not say that there were none."""
    return replace(service, timestamps=(service.timestamps[0], 0))


def network(scope: Scope | None) -> Scope | None:
    """The part of a scope that makes an address another host: its network, not its VLAN tag or tunnel endpoint."""
    return None if scope is None or scope.vni is None else Scope(None, scope.vni, None)


def _gravity(service: ServiceLedger) -> tuple[bool, float, int, int, str, str, int, str]:
    """Exhausted ports first, then those that will be, the soonest first, then the most TIME_WAIT."""
    ports = service.ports
    return (
        ports.exhaustion is None,
        inf if ports.exhausted_in_ns is None else ports.exhausted_in_ns,
        -service.time_wait,
        -service.connections,
        service.client,
        service.server,
        service.server_port,
        str(service.scope),
    )


def _ordered(hosts: Iterable[HostLedger], services: Iterable[ServiceLedger]) -> tuple[HostLedger, ...]:
    """Hosts whose ports ran out first, then those whose ports will, then those with the most TIME_WAIT at once."""
    alarms: dict[tuple[str, Scope | None], int] = {}
    for service in services:
        level = 2 if service.ports.exhaustion else int(service.ports.exhausted_in_ns is not None)
        key = (service.client, service.scope)
        alarms[key] = max(level, alarms.get(key, 0))
    return tuple(
        sorted(
            hosts,
            key=lambda host: (
                -alarms.get((host.address, host.scope), 0),
                -host.peak,
                -host.entered,
                host.address,
                str(host.scope),
            ),
        )
    )
