"""What adds up, by who connects where: an account for each client address, server address, server port and scope.

Hosts, services and port budgets are sums over accounts; how many there are at once stands in rows of the `occupancy`.
"""

from array import array
from collections.abc import Callable, Iterator

from tcptrace_py.facts.block import (
    ANSWER,
    CLIENT_LARGEST,
    CLIENT_PACKETS,
    CLIENT_REPEATS,
    END,
    ENDING_RESET,
    EXCHANGES,
    FINAL_IDLE,
    FIRST_FIN,
    HANDSHAKE,
    OUTCOME,
    PATTERN,
    RELEASED,
    RESET_BY,
    SERVER_PACKETS,
    SERVER_REPEATS,
    START,
    STAY_ENDED_BY,
    STAY_ENTERED,
    STAY_RESTARTS,
    STAY_SIDE,
    STAYS,
    STAYS_AT,
    SURVIVED,
    SYN_REPEATS,
    SYNACK_REPEATS,
    Block,
)
from tcptrace_py.facts.table import MISSING
from tcptrace_py.facts.time_wait import KILLED, REUSED, until_ns
from tcptrace_py.model import words
from tcptrace_py.model.addresses import text
from tcptrace_py.model.clock import NEVER_NS, SECOND_NS
from tcptrace_py.model.live import AS_WAITING, hop_bit
from tcptrace_py.model.profiles import Profiles
from tcptrace_py.model.segments import IPV4_KEY, IPV6_KEY, local_port
from tcptrace_py.model.verdict import BETWEEN, NAMED
from tcptrace_py.model.vocabulary import Outcome, Pattern, Role

from .occupancy import NONE, Occupancy
from .outline import COUNTED, IDLE_CLOSE_NS
from .percentiles import Values
from .singles import FEW, IPV4_NAME, IPV6_NAME, TOLD, WAITS, Singles, Told, service_of, unpacked
from .singles import HELD as HELD_ONLY
from .vantage import Pair, Vantages

RST, SIMULTANEOUS = list(Pattern).index(Pattern.RST), list(Pattern).index(Pattern.SIMULTANEOUS)
COMPLETED = list(Outcome).index(Outcome.COMPLETED)
CLIENT, SERVER = list(Role).index(Role.CLIENT), list(Role).index(Role.SERVER)
STAYS_WITHIN_NS = 20 * SECOND_NS  # what of a stay lies longer before its connection's last segment is told as early (Occupancy)
CLIENT_SIDE, SERVER_SIDE = 0, 1
NOBODY = -2  # number of an account that has no part in `PortUse`
LATE = 4  # the last such part of the time, of one TIME_WAIT at most, tells the present rate


HELD, CLIENT_STAYS, SERVER_STAYS = range(3)  # what an account's kinds of intervals count
PACKS = True  # accounts of one connection are packed; tests hold objects against them


class HostRow:
    """An address in a scope (both packed): its number among all, the row of its stays in TIME_WAIT (NONE: it has had none)."""

    __slots__ = ("_name", "address", "number", "row", "scope")

    def __init__(self, address: bytes, scope: bytes, number: int) -> None:
        self.address = address
        self.scope = scope
        self.number = number
        self.row = NONE
        self._name: str | None = None

    @property
    def name(self) -> str:
        """The address in words."""
        if self._name is None:
            self._name = text(self.address)
        return self._name


class Account:
    """Connections of one client address to one service. Pairs of counts are the client's and the server's.

    Most accounts of a large capture hold one connection or a few, and addresses may be forged: what only some need (a row for
    stays in TIME_WAIT, the pair of hosts) is made when it is needed. NONE until then.
    """

    __slots__ = (
        "answered",
        "client",
        "client_first",
        "client_stay_kind",
        "client_wait_ns",
        "client_ways",
        "connections",
        "first_ns",
        "handshakes",
        "held_kind",
        "held_row",
        "idle_close_least_ns",
        "idle_close_most_ns",
        "idle_closes",
        "idle_closes_client",
        "killed_client",
        "killed_server",
        "largest_client",
        "largest_server",
        "last_ns",
        "longest_answer_ns",
        "most_exchanges",
        "name",
        "number",
        "packets",
        "pair",
        "port",
        "recent",
        "refusals",
        "repeats",
        "resets",
        "resets_client",
        "resets_others",
        "restarted_client",
        "restarted_server",
        "reused",
        "reused_client",
        "reused_server",
        "server",
        "server_first",
        "server_stay_kind",
        "server_wait_ns",
        "server_ways",
        "simultaneous",
        "simultaneous_client",
        "simultaneous_server",
        "stays_client",
        "stays_server",
        "survived_ns",
        "syn_repeats",
        "synack_repeats",
        "waits_row",
    )

    def __init__(self, name: bytes, client: HostRow, server: HostRow, port: int) -> None:
        self.name = name
        self.client = client
        self.server = server
        self.port = port
        self.pair: Pair | None = None
        self.handshakes: Values | None = None  # of all accounts of this service
        self.client_ways = self.server_ways = 0  # by how many hops segments came from either, as bits
        self.refusals: dict[int, int] | None = None  # by the bit of the hops that its RST came over: how many were not described
        self.connections = 0
        self.first_ns = NEVER_NS
        self.last_ns = -NEVER_NS
        self.client_first = self.server_first = 0  # who closed first
        self.simultaneous = self.simultaneous_client = self.simultaneous_server = 0  # all; those where one's FIN is stamped first
        self.resets = 0
        self.resets_client = self.resets_others = 0  # those of the client, and those of neither side or nobody known
        self.packets = self.syn_repeats = self.synack_repeats = 0
        self.repeats = 0  # segments sent again, those of handshakes apart
        self.answered = self.reused = 0  # connections with an exchange, and with more than one
        self.most_exchanges = 0  # of one connection (facts.waits)
        self.survived_ns = 0  # the longest silence that a connection survived
        self.longest_answer_ns = 0  # from a request's last new data to the first of its answer
        self.largest_client = self.largest_server = 0  # the largest payload of those that sent nothing in vain
        self.idle_closes = 0  # that the server closed first, IDLE_CLOSE_NS and more after the last data; how long at least and at most
        self.idle_close_least_ns, self.idle_close_most_ns = NEVER_NS, 0
        self.idle_closes_client = 0  # that the client closed first, so late
        self.stays_client = self.stays_server = 0  # stays in TIME_WAIT
        self.restarted_client = self.restarted_server = 0
        self.reused_client = self.reused_server = 0
        self.killed_client = self.killed_server = 0
        self.client_wait_ns = self.server_wait_ns = 0  # how long TIME_WAIT lasts there
        self.recent = 0  # stays at the client that began in the last part of the time (findings.ports)
        self.number = 0  # in `PortUse`
        self.held_row = self.waits_row = NONE
        self.held_kind = self.client_stay_kind = self.server_stay_kind = NONE


class Accounts:
    """All accounts, by a client's key without its port; hosts, and how many there are at once of what they hold."""

    def __init__(self, profiles: Profiles, vantages: Vantages) -> None:
        self.profiles = profiles
        self.vantages = vantages
        self.end_ns = 0  # the capture's, once it is known
        self.occupancy = Occupancy()
        self.stays_row = self.occupancy.row()  # all stays in TIME_WAIT
        self.rows: dict[bytes, Account] = {}
        self.singles, self.packs = Singles(), PACKS  # those that are no objects yet
        self.refused: list[Account] = []  # objects with refusals whose senders are not known yet
        self.refused_at: set[bytes] = set()  # services, by address and port, at which packed accounts have such
        self.kind_names: list[bytes] = []  # of the accounts that have made kinds of intervals, in the order of these kinds
        self.kind_counts = bytearray()  # and what these count
        default = profiles.default
        self.default_wait_ns, (self.low, self.high), self.given = default.time_wait_ns, default.ephemeral_ports, default.ports_given
        self.hosts: dict[bytes | tuple[bytes, bytes], HostRow] = {}  # by address, and scope where there is one
        self.handshakes: dict[tuple[bytes, int], Values] = {}  # how long those took that were completed, of each server address and port

    def of(self, key: bytes) -> Account:
        """Account of connections whose client's key this is."""
        return self.named(name_of(key))

    def named(self, name: bytes) -> Account:
        """Account by its name: a client's key without its port."""
        account = self.rows.get(name)
        if account is None:
            account = self.rows[name] = self._open(name)
        return account

    def _open(self, name: bytes) -> Account:
        ports = IPV4_KEY - 4 if len(name) < IPV6_KEY - 2 else IPV6_KEY - 4
        source, target, scope = name[: ports // 2], name[ports // 2 : ports], name[ports + 2 :]
        client, server, use = self._host(source, scope), self._host(target, scope), self.occupancy.ports
        account = Account(name, client, server, name[ports] << 8 | name[ports + 1])
        if self.profiles.by_address:
            profile = self.profiles.of(client.name)
            account.client_wait_ns, account.server_wait_ns = profile.time_wait_ns, self.profiles.of(server.name).time_wait_ns
            low, high = profile.ephemeral_ports
            account.number = use.open(low, high, profile.ports_given)
        else:
            account.client_wait_ns = account.server_wait_ns = self.default_wait_ns
            account.number = use.open(self.low, self.high, self.given)
        account.held_row = self.occupancy.row()
        account.held_kind = self._kind(account, HELD, account.held_row, NONE, NONE, account.number)
        if self.singles.alive:
            self._take_over(account)
        return account

    def _take_over(self, account: Account) -> None:
        """What was packed of an account, if anything was, goes into the object."""
        singles = self.singles
        port = singles.take_out(account.name)
        if port < 0:
            return
        if not port & HELD_ONLY:
            facts = singles.facts[singles.found_facts]
            self._unpack(account, singles.start_ns, facts)
            self._refuse_again(account, facts)
            if port & TOLD:
                self._hold_told(account, port, singles.start_ns, singles.released_ns, singles.ended_ns)
        if not port & TOLD:
            self._hold_first(account, port, singles.start_ns, singles.released_ns)

    def _hold_first(self, account: Account, port: int, start_ns: int, released_ns: int) -> None:
        """Count the port of the first connection of an account."""
        self.occupancy.add_first(start_ns, released_ns, account.held_kind, port & 0xFFFF, waits=port & WAITS > 0)

    def _unpack(self, account: Account, start_ns: int, facts: bytes) -> None:
        """Add a packed connection to an account: all but how long its port was held."""
        account.connections += 1
        account.first_ns, account.last_ns = min(account.first_ns, start_ns), max(account.last_ns, start_ns)
        if not facts:
            account.packets += 1  # a SYN
            return
        numbers = array("q", facts)
        for at in range(0, len(numbers), 2):
            place, number = numbers[at], numbers[at + 1]
            if place == REFUSAL:
                continue
            field = FACTS[place]
            if place < len(COUNTS):
                number += getattr(account, field)
            elif place < FIRST_WAYS:
                number = max(number, getattr(account, field))
            elif place < LEAST:
                number |= getattr(account, field)
            else:
                number = min(number, getattr(account, field))
            setattr(account, field, number)

    def _facts(self, account: Account) -> int:
        """What there is to know of an account of one connection besides its times, as a number."""
        return self.singles.number(self._numbers(account).tobytes())

    def _numbers(self, account: Account) -> "array[int]":
        """The same as places among FACTS and, behind each, what stands there."""
        numbers = array("q")
        for place in range(1, len(FACTS)):  # all but that it is one
            number = getattr(account, FACTS[place])
            if number != NO_FACTS[place]:
                numbers.append(place)
                numbers.append(number)
        return numbers

    def closed_first(self, facts: bytes) -> int:
        """The side that closed first of a connection with these facts; -1: neither."""
        account = self._lone(bytes(IPV4_NAME))
        self._unpack(account, 0, facts)
        return CLIENT_SIDE if account.client_first else SERVER_SIDE if account.server_first else NONE

    def look_up(self, name: bytes) -> Account:
        """An account to look at: where it is packed, one that holds what is known but its levels, and nobody else knows of."""
        account = self.rows.get(name)
        if account is None:
            singles = self.singles
            port = singles.look_up(name)
            account = self._lone(name)
            if port >= 0 and not port & HELD_ONLY:
                self._unpack(account, singles.start_ns, singles.facts[singles.found_facts])
        return account

    def _lone(self, name: bytes) -> Account:
        """An account that has no part in anything."""
        ports = IPV4_KEY - 4 if len(name) < IPV6_KEY - 2 else IPV6_KEY - 4
        scope = name[ports + 2 :]
        client, server = HostRow(name[: ports // 2], scope, NONE), HostRow(name[ports // 2 : ports], scope, NONE)
        account = Account(name, client, server, name[ports] << 8 | name[ports + 1])
        account.number = NOBODY
        account.client_wait_ns = account.server_wait_ns = self.default_wait_ns
        if self.profiles.by_address:
            account.client_wait_ns = self.profiles.of(client.name).time_wait_ns
            account.server_wait_ns = self.profiles.of(server.name).time_wait_ns
        return account

    def hold(self, key: bytes, start_ns: int, released_ns: int) -> None:
        """Count the port of an attempt, whose client's key this is, as held until it was given up; the rest comes by `add_attempt`."""
        self._hold_single(name_of(key), local_port(key) | HELD_ONLY, start_ns, released_ns)

    def _hold_single(self, name: bytes, port: int, start_ns: int, released_ns: int) -> None:
        if name in self.rows or not self.packs or not self.singles.enter(name, port, start_ns, released_ns):
            kind = self.named(name).held_kind
            if port & WAITS:
                self.occupancy.begin(start_ns, kind, port & 0xFFFF)
                self.occupancy.end(released_ns, kind)
            else:
                self.occupancy.add(start_ns, released_ns, kind, port & 0xFFFF)

    def hold_packed(self, key: bytes, port: int, start_ns: int, end_ns: int) -> bool:
        """The same of a connection that waits, from its first segment to its last; False if its account is none of one connection."""
        name = name_of(key)
        if not self.packs or start_ns < 0 or name in self.rows:
            return False
        return self.singles.enter(name, port | HELD_ONLY | WAITS, start_ns, end_ns)

    def take(self, key: bytes, block: Block, row: int, port: int, announced: int, end_ns: int) -> None:
        """Take in a described connection, whose client's key this is and whose last segment came then.

        See `add`; `announced` AS_WAITING: its port was counted by `hold_packed`.
        """
        name = name_of(key)
        account = self.rows.get(name)
        if account is None:
            if self.packs and announced in (-1, AS_WAITING) and self._take_single(name, block, row, port, announced, end_ns):
                return
            account = self.named(name)
        if announced == AS_WAITING:
            announced = self._hold_on(account, end_ns)
        self.add(account, block, row, port, announced)

    def _hold_on(self, account: Account, ended_ns: int) -> int:
        """Count a port that was given back with the last segment as if it had not been; under which kind."""
        kind = account.held_kind
        self.occupancy.begin(ended_ns, kind)
        return kind

    def _hold_told(self, account: Account, port: int, start_ns: int, released_ns: int, ended_ns: int) -> None:
        """Count a port until it was released, which another process counts as held until then: see TOLD."""
        if released_ns != ended_ns:
            self._hold(account, start_ns, released_ns, start_ns, self._hold_on(account, ended_ns), port & 0xFFFF)

    def _take_single(self, name: bytes, block: Block, row: int, port: int, announced: int, end_ns: int) -> bool:
        """Take in the only connection of an account as words; False if there is another, or more to know of it."""
        table, singles = block.connections, self.singles
        size = table.capacity
        start_ns, released_ns = table.wide[START * size + row], table.wide[RELEASED * size + row]
        if released_ns == MISSING:
            released_ns = NEVER_NS
        if table.small[STAYS * size + row] or len(name) not in (IPV4_NAME, IPV6_NAME) or start_ns < 0 or released_ns < 0:
            return False
        held = singles.look_up(name)
        if held >= 0 and (announced == -1 or not held & HELD_ONLY or singles.start_ns != start_ns):
            return False
        account = self._lone(name)
        self.add(account, block, row, port, COUNTED)
        facts = self._facts(account)
        if held >= 0:
            singles.conclude(name, start_ns, released_ns, facts)
        elif announced == AS_WAITING:  # it is counted elsewhere, until its last segment
            singles.enter(name, port | TOLD, start_ns, released_ns, facts, end_ns)
        else:
            singles.enter(name, port, start_ns, released_ns, facts)
        return True

    def add_attempt(self, key: bytes, start_ns: int, released_ns: int, was_held: bool) -> None:
        """Take in an attempt that nobody answered; `was_held`: its port was counted by `hold`."""
        self._add_attempt(name_of(key), local_port(key), start_ns, released_ns, was_held)

    def _add_attempt(self, name: bytes, port: int, start_ns: int, released_ns: int, was_held: bool) -> None:
        account = self.rows.get(name)
        if account is None:
            if was_held:
                if self.singles.conclude(name, start_ns, released_ns):
                    return
            elif self.packs and self.singles.enter(name, port, start_ns, released_ns):
                return
            account = self.named(name)
        account.connections += 1
        account.packets += 1
        account.first_ns, account.last_ns = min(account.first_ns, start_ns), max(account.last_ns, start_ns)
        if not was_held:
            self.occupancy.add(start_ns, released_ns, account.held_kind, port)

    def refuse(self, account: Account, way: int, count: int = 1) -> None:
        """Count refusals by the way that their RSTs came: who sent these is known when their host's other connections are."""
        if account.refusals is None:
            account.refusals = {}
            self.refused.append(account)
        account.refusals[way] = account.refusals.get(way, 0) + count

    def _refuse_again(self, account: Account, facts: bytes) -> None:
        """The same of what was packed."""
        way = way_of_refusal(facts)
        if way >= 0:
            self.refuse(account, way)

    def add_refused(self, key: bytes, port: int, start_ns: int, released_ns: int, is_reset: bool, way: int) -> bool:
        """Take in a SYN and its refusal, which came that way; False if its account is none of one connection, or there are too many."""
        name = name_of(key)
        service = name[4:] if len(name) == IPV4_NAME else name[16:]
        if (
            not self.packs
            or start_ns < 0
            or name in self.rows
            or (service not in self.refused_at and len(self.refused_at) >= MOST_REFUSED_AT)
        ):
            return False
        account = self._lone(name)
        account.packets, account.resets = 2, int(is_reset)
        numbers = self._numbers(account)
        numbers.extend((REFUSAL, way))
        if not self.singles.enter(name, port, start_ns, released_ns, self.singles.number(numbers.tobytes())):
            return False
        self.refused_at.add(service)
        return True

    def settle_refused(self, who_refused: Callable[[bytes, int, int], int]) -> int:
        """Settle what is packed of refusals, of which it tells who sent them, by address, port and way; how many came from between."""
        singles, changed, between = self.singles, dict[bytes, int](), 0
        self.refused_at.clear()
        if all(way_of_refusal(facts) < 0 for facts in singles.facts):
            return 0
        for service, count in singles.services().items():
            server, port, number = service_of(service)
            facts = singles.facts[number]
            way = way_of_refusal(facts)
            if way >= 0:
                who = who_refused(server, port, way)
                account = self._lone(bytes(len(server)) + server + port.to_bytes(2, "big"))
                self._unpack(account, 0, facts)
                account.resets_others += who != NAMED
                between += count * (who == BETWEEN)
                changed[service] = self._facts(account)
        singles.change(changed)
        return between

    def take_singles(self, given: Told) -> None:
        """Take in what another process released of its packed accounts."""
        singles = self.singles
        for name, port, start_ns, released_ns, ended_ns, facts in unpacked(given):
            if port & HELD_ONLY:
                self._hold_single(name, port & ~TOLD, start_ns, released_ns)
                continue
            number = singles.number(facts) if facts else FEW
            if name not in self.rows and (
                singles.conclude(name, start_ns, released_ns, number)
                if port & TOLD
                else singles.enter(name, port, start_ns, released_ns, number)
            ):
                continue
            account = self.named(name)
            self._unpack(account, start_ns, facts)
            self._refuse_again(account, facts)
            if not port & TOLD:
                self.occupancy.add(start_ns, released_ns, account.held_kind, port & 0xFFFF)
            else:
                self._hold_told(account, port, start_ns, released_ns, ended_ns)

    @property
    def least_ports(self) -> int:
        """How many ports the smallest range has that some address is said to have."""
        profiles = (self.profiles.default, *self.profiles.by_address.values())
        return min(high - low + 1 for low, high in (profile.ephemeral_ports for profile in profiles))

    def unpack_many(self) -> None:
        """Make objects of the packed accounts of clients that have as many as a host has ports, where it is kept who held which when."""
        if self.occupancy.total + self.singles.alive > self.occupancy.many:
            return
        least, clients = self.least_ports, dict[bytes, list[int]]()
        for place in self.singles.places():
            clients.setdefault(client_of(self.singles.name(place)), []).append(place)
        for places in clients.values():
            if len(places) * 2 >= least:
                for name in [self.singles.name(place) for place in places]:
                    self.named(name)

    def packed(self) -> Iterator[tuple[bytes, int, Account]]:
        """What is packed, by the same facts at the same service: its packed address and port, how many, and an account of one of them."""
        for service, count in self.singles.services().items():
            server, port, facts = service_of(service)
            name = bytes(len(server)) + server + port.to_bytes(2, "big")
            account = self._lone(name)
            self._unpack(account, 0, self.singles.facts[facts])
            yield service[:-8] + service[-8:-6], count, account

    def unpack_all(self) -> None:
        """Make objects of all packed accounts."""
        for name in self.singles.names():
            self.named(name)

    def _host(self, address: bytes, scope: bytes) -> HostRow:
        key = (address, scope) if scope else address
        host = self.hosts.get(key)
        if host is None:
            host = self.hosts[key] = HostRow(address, scope, len(self.hosts))
        return host

    def _kind(self, account: Account, counts: int, first: int, second: int, third: int, ports_of: int) -> int:
        self.kind_names.append(account.name)
        self.kind_counts.append(counts)
        return self.occupancy.kind(first, second, third, ports_of)

    def _waits(self, host: HostRow) -> int:
        """Row of a host's stays in TIME_WAIT."""
        if host.row < 0:
            host.row = self.occupancy.row()
        return host.row

    def client_stays(self, account: Account) -> int:
        """The kind of stays in TIME_WAIT at the client."""
        if account.client_stay_kind < 0:
            account.waits_row = self.occupancy.row()
            waits = self._waits(account.client)
            account.client_stay_kind = self._kind(account, CLIENT_STAYS, self.stays_row, waits, account.waits_row, NONE)
        return account.client_stay_kind

    def server_stays(self, account: Account) -> int:
        """The kind of stays in TIME_WAIT at the server."""
        if account.server_stay_kind < 0:
            account.server_stay_kind = self._kind(account, SERVER_STAYS, self.stays_row, self._waits(account.server), NONE, NONE)
        return account.server_stay_kind

    def kind(self, name: bytes, counts: int) -> int:
        """The kind of an account, by its name, that counts one of HELD, CLIENT_STAYS, SERVER_STAYS."""
        account = self.named(name)
        if counts == HELD:
            return account.held_kind
        return self.client_stays(account) if counts == CLIENT_STAYS else self.server_stays(account)

    def answering(self, least: int) -> list[Account]:
        """Accounts with so many connections, at least, that carry an exchange."""
        found = []
        for account in self.rows.values():
            if account.answered >= least:
                found.append(account)  # noqa: PERF401 - compiled, this is a loop in C
        return found

    def learn(self, account: Account, first_frame: int, to_server_ns: int, to_client_ns: int, client_ttl: int, server_ttl: int) -> None:
        """Take in both legs of a handshake, and with which TTLs it came, of a connection that began with this frame."""
        self.learn_ways(account, client_ttl, server_ttl)
        client, server = account.client.address, account.server.address
        if account.pair is None:
            account.pair = self.vantages.pair(client, server)
        if client <= server:
            account.pair.learn(first_frame, to_client_ns, to_server_ns)
        else:
            account.pair.learn(first_frame, to_server_ns, to_client_ns)

    def learn_ways(self, account: Account, client_ttl: int, server_ttl: int) -> None:
        """Take in with which TTLs segments of both sides came."""
        account.client_ways |= hop_bit(client_ttl)
        account.server_ways |= hop_bit(server_ttl)

    def ways(self) -> dict[bytes, int]:
        """By how many hops segments came, as bits: from each address, and from each port of one as a service."""
        found: dict[bytes, int] = {}
        for account in self.rows.values():
            client, server = account.client.address, account.server.address
            if account.client_ways:
                found[client] = found.get(client, 0) | account.client_ways
            if account.server_ways:
                for name in (server, server + account.port.to_bytes(2, "big")):
                    found[name] = found.get(name, 0) | account.server_ways
        return found

    def add_handshake(self, account: Account, total_ns: int) -> None:
        """Take in how long a completed handshake took."""
        if account.handshakes is None:
            account.handshakes = self.handshakes_of(account.server.address, account.port)
        account.handshakes.add(total_ns)

    def handshakes_of(self, address: bytes, port: int) -> Values:
        """How long the handshakes with a service took that were completed."""
        found = self.handshakes.get((address, port))
        if found is None:
            found = self.handshakes[address, port] = Values()
        return found

    def add_course(
        self,
        account: Account,
        exchanges: int,
        survived_ns: int,
        answer_ns: int,
        largest_client: int,
        largest_server: int,
        first_fin: int,
        idle_ns: int,
    ) -> None:
        """Take in how time went by in a connection; `idle_ns`: between the last data and the FIN of who closed first, else MISSING."""
        if exchanges > 0:
            account.answered += 1
            account.reused += exchanges > 1
            account.most_exchanges = max(account.most_exchanges, exchanges)
        account.survived_ns = max(account.survived_ns, survived_ns)
        account.longest_answer_ns = max(account.longest_answer_ns, answer_ns)
        account.largest_client = max(account.largest_client, largest_client)
        account.largest_server = max(account.largest_server, largest_server)
        if idle_ns < IDLE_CLOSE_NS:
            return
        if first_fin == 1:
            account.idle_closes += 1
            account.idle_close_least_ns = min(account.idle_close_least_ns, idle_ns)
            account.idle_close_most_ns = max(account.idle_close_most_ns, idle_ns)
        elif first_fin == 0:
            account.idle_closes_client += 1

    def add(self, account: Account, block: Block, row: int, port: int, announced: int) -> None:
        """Take in a described connection.

        `port` is the client's, ANY_PORT where the capture began later than it. `announced`: the kind (of `Occupancy`) under
        which its port was counted as held when the connection was old already; -1: it was not; COUNTED: all of it was.
        """
        table = block.connections
        small, size = table.small, table.capacity
        pattern, first_fin, start_ns = small[PATTERN * size + row], small[FIRST_FIN * size + row], table.wide[START * size + row]
        earliest_ns = table.wide[END * size + row] - STAYS_WITHIN_NS
        account.connections += 1
        account.first_ns = min(account.first_ns, start_ns)
        account.last_ns = max(account.last_ns, start_ns)
        account.client_first += first_fin == 0
        account.server_first += first_fin == 1
        if pattern == SIMULTANEOUS:
            account.simultaneous += 1
            account.simultaneous_client += first_fin == 0
            account.simultaneous_server += first_fin == 1
        narrow = table.narrow
        if pattern == RST:
            account.resets += 1
            reset = narrow[ENDING_RESET * size + row]
            by = block.resets.small[RESET_BY * block.resets.capacity + reset] if reset >= 0 else -1
            account.resets_client += by == CLIENT
            account.resets_others += by not in (CLIENT, SERVER)
        total_ns = table.wide[HANDSHAKE * size + row]
        if total_ns >= 0 and small[OUTCOME * size + row] == COMPLETED:
            self.add_handshake(account, total_ns)
        self.add_course(
            account,
            narrow[EXCHANGES * size + row],
            table.wide[SURVIVED * size + row],
            table.wide[ANSWER * size + row],
            narrow[CLIENT_LARGEST * size + row],
            narrow[(CLIENT_LARGEST + 1) * size + row],
            first_fin,
            table.wide[FINAL_IDLE * size + row],
        )
        syns, synacks = narrow[SYN_REPEATS * size + row], narrow[SYNACK_REPEATS * size + row]
        account.packets += table.wide[CLIENT_PACKETS * size + row] + table.wide[SERVER_PACKETS * size + row]
        account.syn_repeats += syns
        account.synack_repeats += synacks
        account.repeats += max(narrow[CLIENT_REPEATS * size + row] + narrow[SERVER_REPEATS * size + row] - syns - synacks, 0)
        if announced != COUNTED:
            released_ns = table.wide[RELEASED * size + row]
            self._hold(account, start_ns, NEVER_NS if released_ns == MISSING else released_ns, earliest_ns, announced, port)
        at = table.narrow[STAYS_AT * size + row]
        for stay in range(at, at + small[STAYS * size + row]):
            self._add_stay(account, block, stay, earliest_ns)

    def _add_stay(self, account: Account, block: Block, stay: int, earliest_ns: int) -> None:
        table, occupancy = block.stays, self.occupancy
        small, size = table.small, table.capacity
        entered_ns, end_ns, how = table.wide[STAY_ENTERED * size + stay], until_ns(block, stay), small[STAY_ENDED_BY * size + stay]
        restarted = table.narrow[STAY_RESTARTS * size + stay] > 0
        if small[STAY_SIDE * size + stay]:
            kind = self.server_stays(account)
            account.stays_server += 1
            account.restarted_server += restarted
            account.reused_server += how == REUSED
            account.killed_server += how == KILLED
        else:
            kind = self.client_stays(account)
            account.stays_client += 1
            account.restarted_client += restarted
            account.reused_client += how == REUSED
            account.killed_client += how == KILLED
        occupancy.add(max(entered_ns, earliest_ns), end_ns, kind)
        if entered_ns < earliest_ns:
            occupancy.add_early(entered_ns, min(earliest_ns, end_ns), kind)

    def _hold(self, account: Account, start_ns: int, released_ns: int, earliest_ns: int, announced: int, port: int) -> None:
        """Count the client's port for as long as it was taken, as far as it was not counted before."""
        occupancy, kind = self.occupancy, account.held_kind
        if announced < 0:
            occupancy.add(start_ns, released_ns, kind, port)
        elif announced == kind:
            if released_ns != NEVER_NS:
                occupancy.end(released_ns, kind, port)
        else:  # it was taken for the other side's: what is too late to be moved stays there
            early_ns = max(start_ns, earliest_ns)
            occupancy.end(early_ns, announced, port)
            occupancy.add_early(start_ns, early_ns, announced, port, -1)
            occupancy.add(early_ns, released_ns, kind, port)
            occupancy.add_early(start_ns, min(early_ns, released_ns), kind, port)

    def close(self, end_ns: int) -> None:
        """All is told, of a capture that ends then: settle what is pending."""
        self.end_ns = end_ns
        since_ns = array("q", [NEVER_NS]) * len(self.occupancy.level)
        waited = []
        for account in self.rows.values():
            if account.waits_row >= 0:
                since_ns[account.waits_row] = end_ns - late_ns(account, end_ns)
                waited.append(account)
        recent = self.occupancy.begun_after(since_ns)
        for account in waited:
            account.recent = recent[account.waits_row]
        self.occupancy.finish(end_ns)


def name_of(key: bytes) -> bytes:
    """Name of the account of connections whose client's key this is."""
    return words.without(key, IPV4_KEY - 4 if len(key) < IPV6_KEY else IPV6_KEY - 4, 2)


def late_ns(account: Account, end_ns: int) -> int:
    """How long the last part of an account's time is, in a capture that ends then."""
    return min(end_ns - account.first_ns, account.client_wait_ns) // LATE


COUNTS = (
    "connections",
    "client_first",
    "server_first",
    "resets",
    "stays_client",
    "stays_server",
    "simultaneous",
    "simultaneous_client",
    "simultaneous_server",
    "restarted_client",
    "restarted_server",
    "reused_client",
    "reused_server",
    "killed_client",
    "killed_server",
    "packets",
    "syn_repeats",
    "synack_repeats",
    "repeats",
    "resets_client",
    "resets_others",
    "answered",
    "reused",
    "idle_closes",
    "idle_closes_client",
)
# What is the most of all parts.
MOST = ("most_exchanges", "survived_ns", "longest_answer_ns", "largest_client", "largest_server", "idle_close_most_ns")
WAYS = ("client_ways", "server_ways")
FACTS = (*COUNTS, *MOST, *WAYS, "idle_close_least_ns")  # what is packed of an account of one connection
NO_FACTS = (0,) * (len(FACTS) - 1) + (NEVER_NS,)
FIRST_WAYS, LEAST = len(COUNTS) + len(MOST), len(FACTS) - 1
REFUSAL = len(FACTS)  # behind all of these: a refusal whose sender is not known yet, and the way that it came
MOST_REFUSED_AT = 1 << 12  # services that have those packed


def way_of_refusal(facts: bytes) -> int:
    """The way by which the refusal of a packed connection came whose sender is not known yet; -1: there is none."""
    numbers = array("q", facts[-16:])
    return numbers[1] if len(numbers) == 2 and numbers[0] == REFUSAL else -1


Counts = tuple[list[bytes], "array[int]", dict[tuple[bytes, int], Values]]


def counts(accounts: Accounts) -> Counts:
    """What another process needs to `add_counts` of these: their names; for each first and last begin, and COUNTS; handshakes."""
    numbers = array("q")
    for account in accounts.rows.values():
        numbers.extend((account.first_ns, account.last_ns, account.idle_close_least_ns))
        numbers.extend([getattr(account, field) for field in COUNTS + MOST])
    return list(accounts.rows), numbers, accounts.handshakes


def add_counts(accounts: Accounts, told: Counts) -> None:
    """Take in another part of the capture. What it holds comes by itself."""
    names, numbers, handshakes = told
    for (address, port), times in handshakes.items():
        accounts.handshakes_of(address, port).merge(times)
    number_at, at = numbers, 0  # compiled, this is a view
    for name in names:
        account = accounts.named(name)
        account.first_ns, account.last_ns = min(account.first_ns, number_at[at]), max(account.last_ns, number_at[at + 1])
        account.idle_close_least_ns = min(account.idle_close_least_ns, number_at[at + 2])
        at += 3
        for field in COUNTS:
            if number_at[at]:
                setattr(account, field, getattr(account, field) + number_at[at])
            at += 1
        for field in MOST:
            if number_at[at]:
                setattr(account, field, max(getattr(account, field), number_at[at]))
            at += 1


def client_of(name: bytes) -> bytes:
    """The packed address of an account's client."""
    return name[: (IPV4_KEY - 4 if len(name) < IPV6_KEY - 2 else IPV6_KEY - 4) // 2]
