"""The port budget: local ports of one client address that are taken towards one service, against its range.

A port is taken while the client's side is open or in TIME_WAIT; a server's TIME_WAIT takes none. The limit holds for each
(client address, server address, server port), not for the host (net/ipv4/inet_hashtables.c, __inet_hash_connect).
"""

from array import array
from collections.abc import Iterable, Iterator
from heapq import merge

from tcptrace_py.facts.views import place_of
from tcptrace_py.model.addresses import packed, scope_of, text
from tcptrace_py.model.clock import SECOND_NS
from tcptrace_py.model.profiles import Profiles
from tcptrace_py.model.results import Connection, Exhaustion, PortBudget, PortBudgets, Scope
from tcptrace_py.model.segments import SCOPE_GRE, SCOPE_VNI, scope_bytes

from .accounts import Account, Accounts, late_ns
from .occupancy import ANY_PORT
from .port_use import FEWEST, PortRange, PortTotals, believed, believed_ports, exhaustion_of, is_ordinary, is_within, range_of
from .singles import HELD as HELD_ONLY
from .singles import is_alive, told
from .vantage import Vantages

STOPPED = 4  # silence at the end, for more than such a part of the time before: that is not how it goes on
SUSTAINED = 100  # connections, over a second or longer, that make a rate worth going on from
Client = tuple[bytes, bytes]  # address, scope
Found = tuple[PortRange, Exhaustion | None]


class Budgets(PortBudgets):
    """The budgets of accounts that are closed: each is made when it is asked for."""

    def __init__(self, accounts: Accounts) -> None:
        super().__init__()
        self.made = None
        self._accounts = accounts
        use = accounts.occupancy.ports
        own = [
            (account, range_of(use, account.number, _totals(account, accounts)))
            for account in self._rows()
            if not is_ordinary(use, account.number)
        ]
        self._own = {account.number: found for account, found in own}
        self._shown = _shown(own)
        self._near: dict[float, list[PortBudget]] = {}  # what was asked before

    def _rows(self) -> list[Account]:
        """Accounts that are objects by now."""
        return [account for account in self._accounts.rows.values() if account.connections]

    def __len__(self) -> int:
        return len(self._rows()) + self._accounts.singles.alive

    def every(self) -> list[PortBudget]:
        """All of them."""
        if self.made is None:
            self._unpack()
            self.made = sorted(map(self._budget, self._rows()), key=_most_used)
        return self.made

    def __iter__(self) -> Iterator[PortBudget]:
        """All of them, in the same order as `every`; those of accounts of one connection are made as they come."""
        if self.made is not None or self._shown:
            return iter(self.every())
        return merge(sorted(map(self._budget, self._rows()), key=_most_used), _lone(self._accounts), key=_most_used)

    def near(self, ratio: float) -> list[PortBudget]:
        """Those of which so much of the range was used, and those that are alarming."""
        known = self._near.get(ratio)
        if known is not None:
            return known
        every = bool(self._shown)
        if ratio * min(FEWEST, self._accounts.least_ports) <= 1:  # one port may be so much of a range
            self._unpack()
        found = map(
            self._budget,
            [account for account in self._rows() if every or account.number in self._own or may_be_near(account, self._accounts, ratio)],
        )
        near = sorted([budget for budget in found if budget.used_ratio >= ratio or budget.is_alarming], key=_most_used)
        self._near[ratio] = near
        return near

    def of(self, keys: Iterable[tuple[str, str, int, Scope | None]]) -> Iterator[PortBudget]:
        """Those of some clients and services."""
        known: dict[str, bytes] = {}  # addresses, packed
        return (self._budget(self._accounts.named(account_name(*key, known))) for key in keys)

    def _unpack(self) -> None:
        """Make objects of accounts of one connection."""
        if self._accounts.singles.alive:
            self._accounts.unpack_all()

    def _budget(self, account: Account) -> PortBudget:
        accounts, tunnel = self._accounts, account.client.scope
        scope = scope_of(tunnel) if tunnel else None
        found = self._own.get(account.number)
        if found is None:
            found = believed(accounts.occupancy.ports, account.number), None
        if self._shown:
            found = _as_elsewhere(account, accounts, found, self._shown)
        return _budget(account, accounts, scope, found[0], found[1])


def _lone(accounts: Accounts) -> Iterator[PortBudget]:
    """The budgets of accounts of one connection, in order. They say what the account would, were it an object."""
    profiles, end_ns = accounts.profiles, accounts.end_ns
    texts: dict[bytes, str] = {}  # of servers
    by_ratio: dict[float, array[int]] = {}
    packed_rows = accounts.singles.four, accounts.singles.sixteen

    def ends(place: int) -> tuple[str, str, int]:
        name = packed_rows[place & 1].key(place >> 1)
        size = len(name) // 2 - 2
        server = name[size : 2 * size]
        if server not in texts:
            texts[server] = text(server)
        return text(name[:size]), texts[server], name[2 * size] << 8 | name[2 * size + 1]

    def by_name(place: int) -> str:
        client, server, port = ends(place)
        return f"{client}\0{server}\0{port:05}"

    for which, packed_ in enumerate(packed_rows):
        for row in range(packed_.count):
            if is_alive(packed_, row):
                _, port, start_ns, released_ns = told(packed_, row)
                if not port & HELD_ONLY:
                    low, high = (profiles.of(ends(row << 1 | which)[0]) if profiles.by_address else profiles.default).ephemeral_ports
                    by_ratio.setdefault((start_ns < released_ns) / (high - low + 1), array("q")).append(row << 1 | which)
    for ratio in sorted(by_ratio, reverse=True):
        for place in array("q", sorted(by_ratio.pop(ratio), key=by_name)):
            client, server, server_port = ends(place)
            profile = profiles.of(client) if profiles.by_address else profiles.default
            _, _, start_ns, released_ns = told(packed_rows[place & 1], place >> 1)
            (low, high), taken, wait_ns = profile.ephemeral_ports, start_ns < released_ns, profile.time_wait_ns
            yield PortBudget(
                client,
                server,
                server_port,
                None,
                1,
                int(taken),
                0,
                start_ns if taken else None,
                (low, high),
                "option" if profile.ports_given else "profile",
                int(taken and released_ns > end_ns),
                None,
                (high - low + 1) * SECOND_NS / wait_ns if wait_ns else None,
                None,
            )


def may_be_near(account: Account, accounts: Accounts, ratio: float) -> bool:
    """Whether a budget of an ordinary range is worth a look: by far most accounts hold few ports."""
    occupancy, held = accounts.occupancy, account.held_row
    if account.connections >= SUSTAINED:
        return True
    return bool((occupancy.peak[held] if held >= 0 else 0) >= ratio * believed_ports(occupancy.ports, account.number))


def budgets(accounts: Accounts) -> PortBudgets:
    """All budgets. The accounts are closed."""
    return Budgets(accounts)


def _most_used(budget: PortBudget) -> tuple[float, int, str, str, int, str, int, int]:
    """Where a budget stands among others; what was held tells apart those whose scopes have no name (GTP-U)."""
    which = budget.client, budget.server, budget.server_port, str(budget.scope)
    return -budget.used_ratio, -budget.connections, *which, budget.peak_at_ns or 0, budget.peak_time_wait


def budgets_of(connections: Iterable[Connection], profiles: Profiles, end_ns: int) -> PortBudgets:
    """The budgets of described connections alone, in a capture that ends then: of those that somebody chose."""
    accounts, names = Accounts(profiles, Vantages()), dict[tuple[str, str, int, Scope | None], bytes]()
    known: dict[str, bytes] = {}
    for connection in connections:
        client, server, scope = connection.client, connection.server, connection.network
        key = client.address, server.address, server.port, scope
        name = names.get(key)
        if name is None:
            name = names[key] = account_name(*key, known)
        port = client.port if connection.history[:1] == "S" else ANY_PORT
        block, row = place_of(connection)
        accounts.add(accounts.named(name), block, row, port, -1)
    accounts.close(end_ns)
    return budgets(accounts)


def account_name(client: str, server: str, port: int, scope: Scope | None, known: dict[str, bytes]) -> bytes:
    """Name of an account (see `Accounts.rows`). `known`: addresses that were packed before, and now these."""
    tunnel = b"" if scope is None else scope_bytes(*((SCOPE_VNI, scope.vni or 0) if scope.gre_key is None else (SCOPE_GRE, scope.gre_key)))
    for address in (client, server):
        if address not in known:
            known[address] = packed(address)
    return known[client] + known[server] + port.to_bytes(2) + tunnel


def _totals(account: Account, accounts: Accounts) -> PortTotals:
    return PortTotals(account.stays_client, accounts.occupancy.peak[account.held_row], account.first_ns, accounts.end_ns)


def _shown(rows: Iterable[tuple[Account, Found]]) -> dict[Client, PortRange]:
    """Ranges of clients whose ports towards some service ran out in sight: the widest, where several are seen."""
    shown: dict[Client, PortRange] = {}
    for account, (own, full) in rows:
        if full is not None and own.known_from == "traffic":
            client = account.client.address, account.client.scope
            shown[client] = max(own, shown.get(client, own), key=lambda known: (known.size, -known.low))
    return shown


def _as_elsewhere(account: Account, accounts: Accounts, found: Found, shown: dict[Client, PortRange]) -> Found:
    """The range of ports is the client's: what shows of it at one service holds for its others."""
    other = shown.get((account.client.address, account.client.scope))
    if other is None or found[0].known_from not in ("profile", "unknown"):
        return found
    use = accounts.occupancy.ports
    if not is_within(use, account.number, other):
        return found
    return other, exhaustion_of(use, account.number, _totals(account, accounts), other)


def _budget(account: Account, accounts: Accounts, scope: Scope | None, known: PortRange, full: Exhaustion | None) -> PortBudget:
    occupancy, wait_ns = accounts.occupancy, account.client_wait_ns
    (peak, peak_at), (waiting, _) = occupancy.peak_of(account.held_row), occupancy.peak_of(account.waits_row)
    held, span_ns = occupancy.level[account.held_row], account.last_ns - account.first_ns
    per_s = (account.connections - 1) * SECOND_NS / span_ns if span_ns >= SECOND_NS else None  # one burst has no rate
    if full is not None and full.before_per_s is not None:
        per_s = full.before_per_s
    ceiling = known.size * SECOND_NS / wait_ns if wait_ns else None
    left = filling = lasted = None
    if full is None and ceiling is not None and _goes_on(account, accounts.end_ns):
        present = _keeping(account, accounts.end_ns)
        if present[0] > ceiling:
            filling, lasted = present
            left = max(known.size - held, 0) / filling
    return PortBudget(
        account.client.name,
        account.server.name,
        account.port,
        scope,
        account.connections,
        peak,
        waiting,
        peak_at,
        (known.low, known.high),
        known.known_from,
        held,
        per_s,
        ceiling,
        left,
        full,
        filling,
        lasted,
    )


def _goes_on(account: Account, end_ns: int) -> bool:
    """Whether there is a rate to go on from: enough connections, and no silence at the end."""
    span_ns, came_ns = end_ns - account.first_ns, account.last_ns - account.first_ns
    return account.connections >= SUSTAINED and span_ns >= SECOND_NS and (span_ns - came_ns) * STOPPED <= came_ns


def _keeping(account: Account, end_ns: int) -> tuple[float, int]:
    """How many a second keep their port in TIME_WAIT at the client, and over how long (ns) that was so.

    Over all the time, or over its last part where there are enough: whichever is faster.
    """
    span_ns, late = end_ns - account.first_ns, late_ns(account, end_ns)
    found = [(account.stays_client * SECOND_NS / span_ns, span_ns)]
    if late >= SECOND_NS and account.recent >= SUSTAINED:
        found.append((account.recent * SECOND_NS / late, late))
    return max(found)
