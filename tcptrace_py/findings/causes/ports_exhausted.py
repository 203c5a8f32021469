"""A client has no local port left: connect() fails with EADDRNOTAVAIL, which no capture shows.

Shows: the ports that are open, closing or in TIME_WAIT reach the range. For one service this is counted as in `ports`; where no port is
ever held towards two services at once although many are open (bind() before connect()), all services together use up the one range.

Look-alikes: many ports that serve several services each: a port is taken for each service by itself, and none runs out. A range that
is only the system's default may be wider in truth (`--port-range`).

Do: reuse connections; let the kernel choose the port at connect() (IP_BIND_ADDRESS_NO_PORT where an address must be bound); more
addresses; a wider range.
"""

from collections.abc import Iterator

from tcptrace_py.findings.accounts import Account
from tcptrace_py.findings.evidence import Evidence
from tcptrace_py.findings.occupancy import ANY_PORT
from tcptrace_py.model.endpoints import service
from tcptrace_py.model.finding import Code, Finding, Gravity

FULL = 0.98  # of the range
SHARED = 0.005  # of the connections: so few may seem to share a port, as the end of TIME_WAIT is reckoned
FEWEST_SERVICES = 2


def find(evidence: Evidence) -> Iterator[Finding]:
    """Towards one service, then over all services of an address."""
    full = set()
    for budget in evidence.alarming:
        if budget.exhaustion is None:
            continue
        full.add(budget.client)
        at_ns, (low, high) = budget.exhaustion.at_ns, budget.port_range
        yield evidence.found(
            Code.PORTS_EXHAUSTED, Gravity.PROBLEM, "high" if budget.range_from in ("option", "traffic") else "medium", [],
            of=budget.connections, connections=budget.peak_held, client=budget.client, server=budget.server, server_port=budget.server_port,
            span_ns=(at_ns, at_ns + budget.exhaustion.full_ns),
            details={"taken": budget.peak_held, "of": budget.port_count, "per": "service"},
            evidence=[f"{budget.peak_held:,} of {budget.port_count:,} local ports ({low}-{high}) were taken at once"],
            explanation=f"The local ports of {budget.client} towards {service(budget.server, budget.server_port)} ran out: connect() "
                        "fails there until one is free again.")  # fmt: skip
    yield from _of_addresses(evidence, full)


def _of_addresses(evidence: Evidence, full: set[str]) -> Iterator[Finding]:
    """For each address that opened enough connections, unless its ports towards one service ran out."""
    profiles = (evidence.profiles.default, *evidence.profiles.by_address.values())
    least = FULL * min(profile.port_count for profile in profiles)
    if evidence.held is None or evidence.summary.connections < least:
        return
    many = {host.number for host in evidence.hosts.that_opened(least)}
    by_client: dict[int, list[Account]] = {}
    for account in evidence.accounts.rows.values() if many else ():
        if account.client.number in many:
            by_client.setdefault(account.client.number, []).append(account)
    for accounts in by_client.values():
        if len(accounts) >= FEWEST_SERVICES and accounts[0].client.name not in full:
            yield from _of_address(evidence, accounts)


def _of_address(evidence: Evidence, accounts: list[Account]) -> Iterator[Finding]:
    client, peak_of = accounts[0].client.name, evidence.accounts.occupancy.peak_of
    profile = evidence.profiles.of(client)
    low, high = profile.ephemeral_ports
    size = high - low + 1
    if sum(peak_of(account.held_row)[0] for account in accounts) < FULL * size or evidence.held is None:
        return
    begins, ends = evidence.held.of({account.number for account in accounts})
    holders: dict[int, set[int]] = {}
    level = peak = at = shared = 0
    first_ns = last_ns = 0
    for time_ns, account, port in begins:
        while at < len(ends) and ends[at][0] <= time_ns:
            _, other, free = ends[at]
            holders.get(free, set()).discard(other)
            level -= 1
            at += 1
        level += 1
        if port != ANY_PORT:  # a stay in TIME_WAIT that is told apart goes on with the port of its connection
            holders.setdefault(port, set()).add(account)
            shared += len(holders[port]) > 1
        if level >= FULL * size:
            first_ns, last_ns = first_ns or time_ns, time_ns
        peak = max(peak, level)
    if FULL * size <= peak <= size and shared <= SHARED * len(begins):
        connections = sum(account.connections for account in accounts)
        yield evidence.found(
            Code.PORTS_EXHAUSTED, Gravity.PROBLEM, "high" if profile.ports_given else "medium", [], of=connections, connections=peak,
            client=client, span_ns=(first_ns, last_ns), details={"taken": peak, "of": size, "per": "address"},
            evidence=[f"{peak:,} of {size:,} local ports ({low}-{high}) were taken at once, none towards two of {len(accounts)} services"],
            explanation=f"{client} has no local port left towards any service: each port is taken for all of them at once, as where a "
                        "program binds its address before it connects.")  # fmt: skip
