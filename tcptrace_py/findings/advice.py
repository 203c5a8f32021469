"""What to do about TIME_WAIT, in the order of docs/time-wait.md: each rule says when it applies and with which numbers.

Rules see ledgers only, so that a table of cases can hold them. A server's TIME_WAIT is harmless: it gets advice only on
what is worth having anyway (fewer handshakes), and never alarm.
"""

from collections.abc import Iterator, Sequence

from tcptrace_py.model.diagnosis import Advice, HostLedger, ServiceLedger
from tcptrace_py.model.profiles import PROFILES, Profile, Profiles

MANY = 100  # connections from which on reuse is worth a word, and TIME_WAIT is noticed at all
PRESSED = 0.5  # of the ports: from here on Linux connect() slows down
WIDEST = (1024, 65535)  # below are the ports that need privileges
CROWD = 1000  # TIME_WAIT on a server that makes people ask
CRAWLERS = 5  # so few addresses
CRAWLED = 0.5  # ... behind so much of it
SHORT = ("short", "pool-unused", "bursts", "without-data")
MOST_SUBJECTS = 3  # services that one kind of advice names


def advise(services: Sequence[ServiceLedger], profiles: Profiles) -> Iterator[Advice]:
    """All advice that fits, in the order in which it is given; of each kind for the gravest services only."""
    for rule in (_reuse, _check_less, _close_first, _spread, _widen, _tw_reuse):
        found = 0
        for service in services:
            if found < MOST_SUBJECTS:
                for advice in rule(service, profiles.of(service.client)):
                    found += 1
                    yield advice
        if rule is _reuse:
            yield from _reuse_by_crowd(services)
    yield from _limit(services)
    for service in services[:MOST_SUBJECTS]:
        yield from _shorten(service, profiles.of(service.client))


def pressed(service: ServiceLedger) -> bool:
    """Whether the client's ports towards the service are short, or will be."""
    ports = service.ports
    return (
        ports.exhaustion is not None
        or ports.exhausted_in_ns is not None
        or (ports.used >= PRESSED and service.time_wait_client * 2 >= service.connections)
    )


def _about(code: str, service: ServiceLedger, **numbers: int | float) -> Advice:
    return Advice(code, service.client, service.server, service.server_port, numbers)


def _reuse(service: ServiceLedger, _: Profile) -> Iterator[Advice]:
    if service.pattern in SHORT and service.pattern != "without-data" and service.time_wait >= MANY:
        yield _about("reuse-connections", service, connections=service.connections, pool=max(service.peak_open, 1))


def _reuse_by_crowd(services: Sequence[ServiceLedger]) -> Iterator[Advice]:
    """Many clients, none of which opens much: the service as a whole."""
    crowds: dict[tuple[str, int], list[ServiceLedger]] = {}
    for service in services:
        if service.pattern in (*SHORT, "few") and service.pattern != "without-data" and service.time_wait < MANY:
            crowds.setdefault((service.server, service.server_port), []).append(service)
    for (server, port), crowd in crowds.items():
        connections = sum(service.connections for service in crowd)
        if sum(service.time_wait for service in crowd) >= MANY and connections >= 2 * len(crowd):
            numbers = {"connections": connections, "addresses": len(crowd)}
            yield Advice("reuse-connections", None, server, port, {**numbers, "pool": len(crowd)})


def _check_less(service: ServiceLedger, profile: Profile) -> Iterator[Advice]:
    if service.pattern == "health-check" and service.period_ns and service.connections and service.time_wait >= 10:
        per_stay = service.time_wait / service.connections
        held = service.per_s * profile.time_wait_s * per_stay if service.per_s is not None else 0.0
        yield _about("check-less-often", service, period_s=service.period_ns / 1e9, held=max(round(held), 1))


def _close_first(service: ServiceLedger, _: Profile) -> Iterator[Advice]:
    if pressed(service) and service.client_first > service.server_first:
        yield _about("who-closes-first", service, client_first=service.client_first, connections=service.connections)


def _spread(service: ServiceLedger, profile: Profile) -> Iterator[Advice]:
    if pressed(service):
        yield _about(
            "spread-over-addresses", service, addresses=_addresses(service, profile), ports=service.ports.count
        )


def _addresses(service: ServiceLedger, profile: Profile) -> int:
    """How many addresses would carry the present rate with half of their ports."""
    ceiling = service.ports.ceiling_per_s
    if ceiling is None or service.ports.per_s is None or not profile.time_wait_s:
        return 2
    return max(2, -(-round(2 * service.ports.per_s) // max(int(ceiling), 1)))


def _widen(service: ServiceLedger, profile: Profile) -> Iterator[Advice]:
    count, most = service.ports.count, WIDEST[1] - WIDEST[0] + 1
    if pressed(service) and count < most:
        per_s = most / profile.time_wait_s if profile.time_wait_s else 0.0
        usual = PROFILES.get(profile.name, profile).port_count
        yield _about(
            "widen-the-port-range",
            service,
            ports=count,
            most=most,
            per_s=per_s,
            usual=usual,
            needed_per_s=service.ports.per_s or 0.0,
        )


def _tw_reuse(service: ServiceLedger, profile: Profile) -> Iterator[Advice]:
    if pressed(service) and profile.name == "linux":
        yield _about("tcp_tw_reuse", service, ports=service.ports.count)


def _limit(services: Sequence[ServiceLedger]) -> Iterator[Advice]:
    """A few addresses behind most of a server's TIME_WAIT, with short connections without end."""
    totals: dict[tuple[str, int], int] = {}
    for service in services:
        key = (service.server, service.server_port)
        totals[key] = totals.get(key, 0) + service.time_wait_server
    for (server, port), whole in totals.items():
        if whole < CROWD:
            continue
        of_it = sorted(
            (s for s in services if (s.server, s.server_port) == (server, port) and s.pattern in SHORT),
            key=lambda s: -s.time_wait_server,
        )[:CRAWLERS]
        heavy = [s for s in of_it if s.time_wait_server * CRAWLERS * 2 >= whole]
        part = sum(s.time_wait_server for s in heavy)
        if heavy and part >= CRAWLED * whole:
            yield Advice(
                "limit-requests",
                heavy[0].client,
                server,
                port,
                {"addresses": len(heavy), "share": part / whole, "per_s": sum(s.per_s or 0.0 for s in heavy)},
            )


def _shorten(service: ServiceLedger, profile: Profile) -> Iterator[Advice]:
    if pressed(service) and profile.name in ("windows", "macos", "freebsd"):
        code = "TcpTimedWaitDelay" if profile.name == "windows" else "net.inet.tcp.msl"
        yield _about(
            "shorten-time-wait", service, windows=int(code == "TcpTimedWaitDelay"), time_wait_s=profile.time_wait_s
        )


def warn(hosts: Sequence[HostLedger], services: Sequence[ServiceLedger], profiles: Profiles) -> Iterator[Advice]:
    """What not to do, where people would be tempted: there is much TIME_WAIT on a system that has these knobs."""
    clients = {service.client for service in services if pressed(service)}
    tempted = [host for host in hosts if host.peak >= CROWD or host.address in clients]
    if any(profiles.of(host.address).name == "linux" for host in tempted):
        yield from (Advice("tcp_tw_recycle"), Advice("tcp_fin_timeout"), Advice("tcp_max_tw_buckets"))
        if clients:
            yield Advice("so_linger")
