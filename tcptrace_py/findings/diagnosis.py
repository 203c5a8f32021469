"""The diagnosis behind `time-wait`: one pass over an analysis' connections, then what follows from the sums."""

from bisect import bisect_right
from collections.abc import Container, Iterable, Sequence
from heapq import nsmallest
from math import inf

from tcptrace_py.facts.block import Block
from tcptrace_py.facts.store import Connections
from tcptrace_py.model.addresses import text
from tcptrace_py.model.clock import SECOND_NS
from tcptrace_py.model.diagnosis import Diagnosis, HostLedger, ServerLedger, ServiceLedger
from tcptrace_py.model.finding import Code
from tcptrace_py.model.profiles import Profiles
from tcptrace_py.model.results import Analysis, Host, PortBudget, profiles_of

from .advice import advise, warn
from .ledger import Groups, HostKey, PackedService, Services, Stays, Texts, scope_of_network, server_of, service_of
from .neighbours import Neighbours, stuck_ns
from .quality import EXPLANATIONS

MOST_CURVES = 50  # hosts, the gravest, whose population is told over time
MOST_SERVICES = 20_000  # the gravest: a port scan makes a service of every port
MOST_LONE = 1_000  # of them may be one connection that left no TIME_WAIT: a flood makes one of each address that it forges


class Ledger:
    """Everything that is read off the tables of facts: `add` every block, then `finish`."""

    def __init__(self) -> None:
        self.services = Services()
        self.stays = Stays()
        self.neighbours = Neighbours()

    def add(self, block: Block) -> None:
        """Take in the connections of a block."""
        first = len(self.services.service)
        self.services.add(block)
        self.stays.add(block)
        self.neighbours.add(block, self.services.service[first:])

    def finish(self, analysis: Analysis, profiles: Profiles, *, from_ns: int | None = None, to_ns: int | None = None) -> Diagnosis:
        """Say what follows. `from_ns` and `to_ns` bound what was taken in, where that is not the whole capture."""
        start_ns, end_ns = analysis.capture.start_ns or 0, analysis.capture.end_ns or 0
        start_ns = min(max(start_ns, from_ns or 0), end_ns)
        end_ns = max(min(end_ns, end_ns if to_ns is None else to_ns), start_ns)
        held = analysis.summary.time_wait
        # First, and let go of: of a flood this is as much as the rest.
        neighbours, self.neighbours = self.neighbours.result(self.services, start_ns, end_ns), Neighbours()
        services = self._services(analysis, end_ns)
        servers = self._servers(held.entered)
        if any(row.what == "times" and row.because == "coarse-clock" for row in analysis.withheld):
            for service in services:
                service.lifetime_p50_ns = None
            for server in servers:
                server.lifetime_p50_ns = None
        hosts = self._hosts(_ordered(analysis.hosts.holding(), analysis.ports.near(inf)), profiles, (start_ns, end_ns))
        known = analysis.capture.start_ns is not None
        return Diagnosis(
            start_ns if known else None,
            end_ns if known else None,
            held.entered,
            held.peak,
            held.peak_at_ns,
            held.at_end,
            sum(host.before for host in hosts),
            sum(host.outlive for host in hosts),
            hosts,
            services,
            servers,
            len(self.services.service) - sum(service.connections for service in services),
            neighbours,
            stuck_ns(start_ns, end_ns),
            tuple(advise(services, servers, profiles)),
            tuple(warn(hosts, services, profiles)),
            frozenset(row.what for row in analysis.withheld),
        )

    def _hosts(self, ranked: Sequence[Host], profiles: Profiles, span_ns: tuple[int, int]) -> tuple[HostLedger, ...]:
        """The hosts that hold TIME_WAIT, with the curves of the gravest."""
        stays, found = self.stays.by_host(), []
        for place, host in enumerate(ranked):
            key, held, profile = (host.address, host.scope), host.time_wait, profiles.of(host.address)
            entered = stays.entered(key)
            found.append(HostLedger(
                host.address, host.scope, held.entered, held.entered_as_client, held.entered_as_server, held.peak, held.peak_at_ns,
                held.at_end, self.stays.before[stays.hosts[key]], held.at_end, held.stays_restarted, held.stays_reused,
                held.stays_killed, _build_up_per_s(entered, held.peak_at_ns), entered[0], entered[-1], profile.name,
                profile.time_wait_ns, stays.series(key, *span_ns) if place < MOST_CURVES else None))  # fmt: skip
        return tuple(found)

    def _services(self, analysis: Analysis, end_ns: int) -> tuple[ServiceLedger, ...]:
        """The gravest of them, as many as are kept apart."""
        rows = self.services
        groups = rows.groups(None, len(rows))
        cut = any(p.code == "snapped" and p.explanation != EXPLANATIONS["snapped"] for p in analysis.capture.problems)
        entered = analysis.summary.time_wait.entered
        alarms = {service_of(ports.client, ports.server, ports.server_port, ports.scope): ports for ports in analysis.ports.near(inf)}
        alarming = {rows.number_of(key) for key in alarms} - {-1}
        keys = {number: rows.key(number) for number in alarming.union(groups.first(rows.names, MOST_SERVICES))}

        small = {(row.client, row.server, row.server_port) for row in analysis.findings if row.code == Code.POOL_TOO_SMALL}

        def gravity(number: int) -> tuple[bool, float, int, int, PackedService]:
            """Exhausted ports first, then those that will be, the soonest first, then the most TIME_WAIT, then the lowest addresses."""
            alarm = alarms.get(keys[number]) if alarms else None
            left_s = inf if alarm is None or alarm.exhausted_in_s is None else alarm.exhausted_in_s
            return (alarm is None or alarm.exhaustion is None, left_s, -groups.waits[number], -groups.sizes[number], keys[number])

        texts, found = Texts(), []
        gravest = _few_lone(groups, nsmallest(MOST_SERVICES, keys, key=gravity), alarming)
        named = [texts.service(keys[number]) for number in gravest]
        gathered = groups.gather(gravest)
        every = zip(named, gathered.groups(), gathered.most_open(end_ns), analysis.ports.of(named), strict=True)
        for key, group, open_at_once, ports in every:
            why, (stamped, plain) = group.usage(), group.timestamps()
            pattern = "pool-too-small" if why.pattern == "reused" and key[:3] in small else why.pattern
            found.append(ServiceLedger(
                *key, ports.connections, *group.closes(), _share(group.time_wait(), entered), pattern, why.period_ns,
                why.burst, group.lifetime_p50_ns(), group.payload_p50_bytes(), open_at_once, group.per_s(), group.span_ns(),
                # Frames were cut inside TCP's header: that no timestamps were seen does not say that there were none.
                (stamped, 0 if cut else plain), ports))  # fmt: skip
        return tuple(found)

    def _servers(self, entered: int) -> tuple[ServerLedger, ...]:
        """Services, whoever opens connections to them: those with the most TIME_WAIT, as many as are kept apart."""
        rows = self.services
        names, group_of = rows.by_server()
        groups = rows.groups(group_of, names.count)

        def most(number: int) -> tuple[int, int, tuple[bytes, int, int]]:
            return -groups.waits[number], -groups.sizes[number], server_of(names.key(number))

        found = []
        gravest = _few_lone(groups, nsmallest(MOST_SERVICES, groups.first(names, MOST_SERVICES), key=most))
        for number, group in zip(gravest, groups.gather(gravest).groups(), strict=True):
            server, port, network = server_of(names.key(number))
            why = group.usage()
            found.append(ServerLedger(
                # A service has one client.
                text(server), port, scope_of_network(network), groups.services[number], groups.sizes[number], *group.closes(),
                _share(group.time_wait(), entered), why.pattern,
                why.period_ns, why.burst, group.lifetime_p50_ns(), group.per_s()))  # fmt: skip
        return tuple(found)


def _few_lone(groups: Groups, numbers: list[int], alarming: Container[int] = ()) -> list[int]:
    """The groups of these numbers, of which the lone ones come last, without those beyond MOST_LONE."""
    lone = 0
    for place, number in enumerate(numbers):
        lone += groups.is_lone(number) and number not in alarming
        if lone > MOST_LONE:
            return numbers[:place]
    return numbers


def _share(stays: int, entered: int) -> float:
    """A service's part of all stays."""
    return stays / entered if entered else 0.0


def _build_up_per_s(entered_ns: Sequence[int], peak_at_ns: int | None) -> float | None:
    """How fast stays were entered, from the first until the peak."""
    if peak_at_ns is None or peak_at_ns <= entered_ns[0]:
        return None
    return (bisect_right(entered_ns, peak_at_ns) - 1) * SECOND_NS / (peak_at_ns - entered_ns[0])


def diagnose(analysis: Analysis, profiles: Profiles | None = None, *, from_ns: int | None = None, to_ns: int | None = None) -> Diagnosis:
    """Say who holds TIME_WAIT, why, how near the ceiling and what to do. `profiles` are those of the analysis.

    `from_ns` and `to_ns` bound what was analysed, where that is not the whole capture. Raises TypeError for an analysis
    whose connections are not kept as tables.
    """
    if not isinstance(analysis.connections, Connections):
        raise TypeError("the connections of this analysis are not kept as tables")
    ledger = Ledger()
    for block in analysis.connections.blocks():
        ledger.add(block)
    return ledger.finish(analysis, profiles or profiles_of(analysis.profiles), from_ns=from_ns, to_ns=to_ns)


def _ordered(hosts: Iterable[Host], alarming: Iterable[PortBudget]) -> list[Host]:
    """Hosts that hold TIME_WAIT: whose ports ran out first, then those whose ports will, then those with the most at once."""
    alarms: dict[HostKey, int] = {}
    for row in alarming:
        key = (row.client, row.scope)
        alarms[key] = max(2 if row.exhaustion else 1, alarms.get(key, 0))
    return sorted(
        hosts,
        key=lambda host: (
            -alarms.get((host.address, host.scope), 0), -host.time_wait.peak, -host.time_wait.entered, host.address, str(host.scope),
        ),
    )  # fmt: skip
