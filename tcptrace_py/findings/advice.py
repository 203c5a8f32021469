"""What to do about TIME_WAIT, in the order of docs/time-wait.md: each rule says when it applies and with which numbers.

Rules see ledgers only, so that a table of cases can hold them. A server's TIME_WAIT is harmless: it gets advice only on
what is worth having anyway (fewer handshakes), and never alarm.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from tcptrace_py.model.diagnosis import Advice, HostLedger, ServerLedger, ServiceLedger
from tcptrace_py.model.profiles import PROFILES, Profile, Profiles

SOME = 10  # stays in TIME_WAIT that a service left, for anything to be said of them
MANY = 100  # connections from which on reuse is worth a word, and TIME_WAIT is noticed at all
PRESSED = 0.5  # of the ports: from here on Linux connect() slows down
WIDEST = (1024, 65535)  # below are the ports that need privileges
WIDER = 1.2  # times as many ports make it worth while
CROWD = 1000  # TIME_WAIT on a server that makes people ask
CRAWLERS = 5  # so few addresses
CRAWLED = 0.5  # ... behind so much of it
SHORT = ("short", "reused", "pool-too-small", "pool-unused", "bursts", "without-data")
MOST_SUBJECTS = 3  # services that one kind of advice names


def advise(services: Sequence[ServiceLedger], servers: Sequence[ServerLedger], profiles: Profiles) -> Iterator[Advice]:
    """All advice that fits, in the order in which it is given; of each kind for the gravest services only."""
    held, short = [service for service in services if service.time_wait >= SOME], [service for service in services if pressed(service)]
    rules = ((_reuse, held), (_check_less, held), (_close_first, short), (_spread, short), (_widen, short), (_tw_reuse, short))
    for rule, candidates in rules:
        found = [advice for service in candidates for advice in rule(service, profiles.of(service.client))]
        named, others = found[:MOST_SUBJECTS], found[MOST_SUBJECTS:]
        yield from named[:-1]
        yield from (replace(advice, others=len(others)) for advice in named[-1:])
        if rule is _reuse:
            yield from _reuse_by_crowd(services, servers)
    yield from _limit(services, servers)
    for service in services[:MOST_SUBJECTS]:
        yield from _shorten(service, profiles.of(service.client))


def pressed(service: ServiceLedger) -> bool:
    """Whether the client's ports towards the service are short, or will be."""
    ports = service.ports
    return ports.is_alarming or (ports.used_ratio >= PRESSED and service.time_wait_client * 2 >= service.connections)


def _about(code: str, service: ServiceLedger, **numbers: int | float) -> Advice:
    return Advice(code, service.client, service.server, service.server_port, numbers)


def _reuse(service: ServiceLedger, _: Profile) -> Iterator[Advice]:
    pool = max(service.peak_open, 1)
    saves = service.connections >= 2 * pool
    scanned = service.pattern == "without-data" and not pressed(service)  # a scanner has no use for a connection that stays
    if service.pattern in SHORT and not scanned and service.time_wait >= MANY and saves:
        yield _about("reuse-connections", service, connections=service.connections, pool=pool)


def _reuse_by_crowd(services: Sequence[ServiceLedger], servers: Sequence[ServerLedger]) -> Iterator[Advice]:
    """Many clients, none of which opens much: the service as a whole."""
    told = {(service.server, service.server_port, service.scope) for service in services if service.time_wait >= MANY}
    found = 0
    for row in servers:
        crowd = row.clients > 1 and row.time_wait >= MANY and row.connections >= 2 * row.clients
        if crowd and row.pattern in SHORT and (row.server, row.server_port, row.scope) not in told:
            numbers: dict[str, int | float] = {
                "connections": row.connections,
                "addresses": row.clients,
                "pool": row.clients,
            }
            yield Advice("reuse-connections", None, row.server, row.server_port, numbers)
            found += 1
            if found == MOST_SUBJECTS:
                return


def _check_less(service: ServiceLedger, profile: Profile) -> Iterator[Advice]:
    if service.pattern == "health-check" and service.period_ns and service.connections and service.per_s is not None:
        per_stay = service.time_wait / service.connections
        held = service.per_s * profile.time_wait_s * per_stay
        checks = service.burst or 1
        yield _about("check-less-often", service, checks=checks, period_s=service.period_ns / 1e9, held=max(round(held), 1))


def _close_first(service: ServiceLedger, _: Profile) -> Iterator[Advice]:
    if service.client_first > service.server_first:
        yield _about("who-closes-first", service, client_first=service.client_first, connections=service.connections)


def _spread(service: ServiceLedger, profile: Profile) -> Iterator[Advice]:
    yield _about("spread-over-addresses", service, addresses=_addresses(service, profile), ports=service.ports.port_count)


def _addresses(service: ServiceLedger, profile: Profile) -> int:
    """How many addresses would carry the present rate with half of their ports."""
    ceiling = service.ports.ceiling_per_s
    if ceiling is None or service.ports.connections_per_s is None or not profile.time_wait_s:
        return 2
    return max(2, -(-round(2 * _keeping_per_s(service)) // max(int(ceiling), 1)))


def _keeping_per_s(service: ServiceLedger) -> float:
    """How many connections a second keep their port in TIME_WAIT: those that the client closes first."""
    if service.ports.filling_per_s is not None:
        return service.ports.filling_per_s
    return (service.ports.connections_per_s or 0.0) * service.time_wait_client / max(service.connections, 1)


def _widen(service: ServiceLedger, profile: Profile) -> Iterator[Advice]:
    count, most = service.ports.port_count, WIDEST[1] - WIDEST[0] + 1
    if count * WIDER <= most:
        per_s = most / profile.time_wait_s if profile.time_wait_s else 0.0
        usual = PROFILES.get(profile.name, profile).port_count
        numbers = {"ports": count, "most": most, "per_s": per_s, "usual": usual}
        advice = _about("widen-the-port-range", service, **numbers, needed_per_s=_keeping_per_s(service))
        yield replace(advice, system=profile.name)


def _tw_reuse(service: ServiceLedger, profile: Profile) -> Iterator[Advice]:
    if profile.name == "linux" and not _unstamped(service):
        stamped, plain = service.timestamps
        yield _about("tcp_tw_reuse", service, ports=service.ports.port_count, with_timestamps=stamped, without=plain)


def _unstamped(service: ServiceLedger) -> bool:
    """Whether connections are known to go without TCP timestamps, as good as all of them."""
    stamped, plain = service.timestamps
    return plain > 9 * stamped


def _limit(services: Sequence[ServiceLedger], servers: Sequence[ServerLedger]) -> Iterator[Advice]:
    """A few addresses behind most of a server's TIME_WAIT, with short connections without end."""
    crowded = {(row.server, row.server_port, row.scope): row for row in servers if row.time_wait_server >= CROWD}
    for key, row in crowded.items():
        mine = [s for s in services if (s.server, s.server_port, s.scope) == key and s.pattern in SHORT]
        first = sorted(mine, key=lambda s: -s.time_wait_server)[:CRAWLERS]
        heavy = [s for s in first if s.time_wait_server * CRAWLERS * 2 >= row.time_wait_server]
        part = sum(s.time_wait_server for s in heavy) / row.time_wait_server
        if heavy and part >= CRAWLED:
            numbers = {"addresses": len(heavy), "share": part, "per_s": _part_of_rate(row, heavy)}
            yield Advice("limit-requests", heavy[0].client, row.server, row.server_port, numbers)


def _part_of_rate(row: ServerLedger, some: Sequence[ServiceLedger]) -> float:
    """How many of the service's connections a second are theirs, over the time in which any came."""
    return (row.per_s or 0.0) * sum(s.connections for s in some) / max(row.connections, 1)


def _shorten(service: ServiceLedger, profile: Profile) -> Iterator[Advice]:
    if pressed(service) and profile.name in ("windows", "macos", "freebsd"):
        code = "TcpTimedWaitDelay" if profile.name == "windows" else "net.inet.tcp.msl"
        advice = _about("shorten-time-wait", service, windows=int(code == "TcpTimedWaitDelay"), time_wait_s=profile.time_wait_s)
        yield replace(advice, system=profile.name)


def warn(hosts: Sequence[HostLedger], services: Sequence[ServiceLedger], profiles: Profiles) -> Iterator[Advice]:
    """What not to do, where people would be tempted: there is much TIME_WAIT on a system that has these knobs."""
    short = [service for service in services if pressed(service)]
    clients = {(service.client, service.scope) for service in short}
    tempted = [host for host in hosts if host.peak >= CROWD or (host.address, host.scope) in clients]
    if any(profiles.of(host.address).name == "linux" for host in tempted):
        yield from (Advice("tcp_tw_recycle"), Advice("tcp_fin_timeout"), Advice("tcp_max_tw_buckets"))
        if clients:
            yield Advice("so_linger")
        if any(_unstamped(service) and profiles.of(service.client).name == "linux" for service in short):
            yield Advice("tcp_tw_reuse_without_timestamps")
