"""What `time-wait` reads off the tables of facts: columns of numbers, a row for each connection and each stay.

How many there are at once, ports and their ranges are no matter of these: they stand in the analysis (`occupancy`).
"""

from array import array
from typing import TYPE_CHECKING

from tcptrace_py.facts.block import (
    ANOMALIES,
    ANOMALIES_AT,
    ANOMALY_CODE,
    CLIENT,
    CLIENT_BYTES,
    CLIENT_PATH,
    ENTERED,
    ENTRIES_AT,
    EXCHANGES,
    FIRST_FIN,
    MIDSTREAM,
    OUTCOME,
    PATTERN,
    SCOPE,
    SERVER,
    SERVER_BYTES,
    SERVER_PORT,
    START,
    STAY_ENDED,
    STAY_ENTERED,
    STAY_EXPIRES,
    STAY_SIDE,
    STAYS,
    STAYS_AT,
    TIMESTAMPS,
    Block,
)
from tcptrace_py.facts.table import MISSING
from tcptrace_py.model import columns
from tcptrace_py.model.addresses import packed, text
from tcptrace_py.model.clock import NEVER_NS, SECOND_NS
from tcptrace_py.model.diagnosis import Series
from tcptrace_py.model.packed import Numbered
from tcptrace_py.model.results import Scope, TwoScopes
from tcptrace_py.model.state import State
from tcptrace_py.model.vocabulary import Outcome, Pattern

from .occupancy import NONE, Occupancy, counts_at
from .usage import FEW, TOO_FEW, Usage, usage

if TYPE_CHECKING:
    from collections.abc import Sequence

POINTS = 240
TOGETHER = 1 << 16  # rows among which the lowest are looked for at a time: there may be as many as connections
STEPS_NS = tuple(digit * 10**power for power in range(6, 15) for digit in (1, 2, 5))
UNOPENED, OPEN = State.LISTEN, State.ESTABLISHED  # states up to these come before a connection is opened, is closed
ServiceKey = tuple[str, str, int, Scope | None]  # client, server, server's port, network
PackedService = tuple[bytes, bytes, int, int]  # the same, not in words
HostKey = tuple[str, Scope | None]
NO_NETWORK = -1
GRE_KEYS = 1 << 32  # networks from here on are keys of GRE
PORT_BITS = 16
TAIL = 8  # bytes of a name behind the addresses: the port and the network
FOUR_WORDS, SIXTEEN_WORDS = (2 * 4 + TAIL) // 4, (2 * 16 + TAIL) // 4  # of names
# Numbers of a group: how its connections were closed, what TIME_WAIT that left, whether they use timestamps, and how many of them
# carry more than one exchange.
COUNTS = 10
CLIENT_FIRST, SERVER_FIRST, BOTH, RESETS, UNCLOSED, WAITS_CLIENT, WAITS_SERVER, STAMPED, PLAIN, REUSED = range(COUNTS)
# The same of a connection, in the bits of one number: how it was closed, then these, then the stays that it left on either side.
CLOSE_BITS, IS_STAMPED, IS_PLAIN, IS_REUSED, IS_OPENED = 7, 1 << 3, 1 << 4, 1 << 5, 1 << 6
CLIENT_SHIFT, SERVER_SHIFT, STAY_BITS = 8, 16, 0xFF
UNKNOWN = -1
COMPLETED, NOT_CAPTURED = tuple(Outcome).index(Outcome.COMPLETED), tuple(Outcome).index(Outcome.NOT_CAPTURED)
SIMULTANEOUS, RST = tuple(Pattern).index(Pattern.SIMULTANEOUS), tuple(Pattern).index(Pattern.RST)
NO_STEP = -1
ACKED_UNSEEN = "acked-unseen"


class Group:
    """Connections of one group: rows `low` to `high` of the columns of what was gathered, each of which is sorted within a group."""

    __slots__ = ("_columns", "counts", "high", "low")

    def __init__(self, columns_: "Gathered", place: int) -> None:
        self._columns = columns_
        self.low = columns_.edges[place]
        self.high = columns_.edges[place + 1]
        self.counts = columns_.counts[place * COUNTS : (place + 1) * COUNTS]

    def closes(self) -> tuple[int, int, int, int, int, int, int]:
        """How they were closed, and what TIME_WAIT that left at clients and server."""
        n = self.counts
        return n[CLIENT_FIRST], n[SERVER_FIRST], n[BOTH], n[RESETS], n[UNCLOSED], n[WAITS_CLIENT], n[WAITS_SERVER]

    def time_wait(self) -> int:
        """How many stays in TIME_WAIT they left, on either side."""
        return self.counts[WAITS_CLIENT] + self.counts[WAITS_SERVER]

    def timestamps(self) -> tuple[int, int]:
        """How many use timestamps at both ends, and how many do not; of the rest it is unknown."""
        return self.counts[STAMPED], self.counts[PLAIN]

    def usage(self) -> Usage:
        """Why they come."""
        if self.high - self.low < FEW:
            return TOO_FEW
        of, low, high = self._columns, self.low, self.high
        lifetimes_ns = _copy(of.lifetimes_ns[_known(of.lifetimes_ns, low, high) : high])
        payloads = _copy(of.payloads[_known(of.payloads, low, high) : high])
        return usage(_copy(of.starts_ns[low:high]), lifetimes_ns or [0], payloads, is_reused=self.counts[REUSED] > 0)

    def per_s(self) -> float | None:
        """How many a second; None for one burst."""
        span = self.span_ns()
        return (self.high - self.low - 1) * SECOND_NS / span if span >= SECOND_NS else None

    def span_ns(self) -> int:
        """From the first beginning to the last."""
        return self._columns.starts_ns[self.high - 1] - self._columns.starts_ns[self.low]

    def lifetime_p50_ns(self) -> int | None:
        """How long they were open, typically; None where that is less than the clock tells."""
        return _middle(self._columns.lifetimes_ns, self.low, self.high) or None

    def payload_p50_bytes(self) -> int | None:
        """What they carried, typically."""
        return _middle(self._columns.payloads, self.low, self.high)


def _copy(column: "array[int]") -> "array[int]":
    return array("q", bytes(column))


def _known(column: "array[int]", low: int, high: int) -> int:
    """Where in these rows of a sorted column what is known begins."""
    while low < high and column[low] == UNKNOWN:
        low += 1
    return low


def _middle(column: "array[int]", low: int, high: int) -> int | None:
    """The middle one of what is known (the lower of two), in these rows of a sorted column; None of nothing."""
    low = _known(column, low, high)
    return None if low == high else column[(low + high - 1) // 2]


class Services:
    """Every connection, by the service that it goes to and the address that it comes from."""

    __slots__ = ("_servers", "closes_ns", "names", "natures", "payloads", "service", "starts_ns")

    def __init__(self) -> None:
        self.names = Numbered(FOUR_WORDS, SIXTEEN_WORDS)  # as bytes they sort as the services do, if their addresses are of one kind
        self.service, self.natures = array("i"), array("i")
        self.starts_ns, self.closes_ns, self.payloads = array("q"), array("q"), array("q")
        self._servers: tuple[Numbered, array[int]] | None = None  # what `by_server` said, as long as it holds

    def add(self, block: Block) -> None:
        """Take in the connections of a block."""
        self._servers = None
        first, rows = len(self.service), block.connections.count
        for numbers in (self.service, self.natures):
            numbers.frombytes(bytes(4 * rows))
        for column in (self.starts_ns, self.closes_ns, self.payloads):
            column.frombytes(bytes(8 * rows))
        self._number(block, first)
        self._note(block, first)

    def _number(self, block: Block, first: int) -> None:
        """Say of each connection which service's it is."""
        table, service, names = block.connections, self.service, self.names
        narrow, size, networks = table.narrow, table.capacity, networks_of(block)
        addresses: list[bytes] = block.addresses.values  # type: ignore[assignment]
        ends: dict[int, bytes] = {}  # of names, by server, port and scope as the block has them
        for row in range(table.count):
            server, port, scope = narrow[SERVER * size + row], narrow[SERVER_PORT * size + row], narrow[SCOPE * size + row]
            where = (server * len(networks) + scope + 1) << PORT_BITS | port
            end = ends.get(where)
            if end is None:
                end = ends[where] = addresses[server] + _tail(port, networks[scope])
            service[first + row] = names.number(addresses[narrow[CLIENT * size + row]] + end)

    def __len__(self) -> int:
        return self.names.count

    def key(self, number: int) -> PackedService:
        """The service of this number."""
        return _service(self.names.key(number))

    def lowest(self, numbers: "array[int]", begin: int, count: int) -> PackedService:
        """The one with the lowest client of some services of one server: those of so many numbers from `begin` on, which may repeat."""
        least = self.names.key(numbers[begin])
        for at in range(begin + 1, begin + count):
            if numbers[at] != numbers[at - 1]:
                least = min(least, self.names.key(numbers[at]))
        return _service(least)

    def number_of(self, service: PackedService) -> int:
        """The number of a service; -1: it has none."""
        client, server, port, network = service
        return self.names.find(client + server + _tail(port, network))

    def by_server(self) -> "tuple[Numbered, array[int]]":
        """Servers, ports and networks, whoever connects there (`server_of`), and which of these each service's is."""
        if self._servers is not None:
            return self._servers
        servers, made = Numbered(FOUR_WORDS - 1, SIXTEEN_WORDS - 4), array("i", bytes(4 * len(self)))
        found = made  # compiled, a view of it
        for number in range(len(made)):
            name = self.names.key(number)
            found[number] = servers.number(name[(len(name) - TAIL) // 2 :])
        self._servers = servers, made
        return self._servers

    def _note(self, block: Block, first: int) -> None:
        """Note what connections are like, and their times."""
        table, stays, anomalies = block.connections, block.stays, block.anomalies
        wide, narrow, small, size = table.wide, table.narrow, table.small, table.capacity
        entries, sides, codes = block.entries.wide, stays.small, anomalies.narrow
        unseen = block.texts.find(ACKED_UNSEEN)
        closing = [_closing_step(block, number) for number in range(len(block.paths.values))]
        natures, starts_ns, closes_ns, payloads = self.natures, self.starts_ns, self.closes_ns, self.payloads
        for row in range(table.count):
            to, pattern, first_fin = first + row, small[PATTERN * size + row], small[FIRST_FIN * size + row]
            if pattern == SIMULTANEOUS:
                nature = BOTH
            elif pattern == RST:
                nature = RESETS
            elif first_fin >= 0:
                nature = SERVER_FIRST if first_fin else CLIENT_FIRST
            else:
                nature = UNCLOSED
            begin = narrow[STAYS_AT * size + row]
            for stay in range(begin, begin + small[STAYS * size + row]):
                nature += 1 << (SERVER_SHIFT if sides[STAY_SIDE * stays.capacity + stay] else CLIENT_SHIFT)
            stamped, outcome = small[TIMESTAMPS * size + row], small[OUTCOME * size + row]
            if stamped >= 0:
                nature |= IS_STAMPED if stamped else IS_PLAIN
            if narrow[EXCHANGES * size + row] > 1:
                nature |= IS_REUSED
            if outcome in (COMPLETED, NOT_CAPTURED):
                nature |= IS_OPENED
            natures[to] = nature
            start_ns = wide[START * size + row]
            starts_ns[to] = start_ns
            step = closing[narrow[CLIENT_PATH * size + row]]
            if step == NO_STEP:
                closes_ns[to] = NEVER_NS
            else:
                at_ns = entries[ENTERED * block.entries.capacity + narrow[ENTRIES_AT * size + row] + step]
                closes_ns[to] = max(at_ns, start_ns)  # MISSING is less than any time
            payloads[to] = wide[CLIENT_BYTES * size + row] + wide[SERVER_BYTES * size + row]
            begin = narrow[ANOMALIES_AT * size + row]
            for anomaly in range(begin, begin + narrow[ANOMALIES * size + row]):
                if codes[ANOMALY_CODE * anomalies.capacity + anomaly] == unseen:
                    payloads[to] = UNKNOWN  # nobody knows how much

    def groups(self, group_of: "array[int] | None", count: int) -> "Groups":
        """Connections by group; `group_of` says into which of `count` groups a service's go. None: each service is one."""
        return Groups(self, group_of, count)


class Groups:
    """Of all groups how many services and connections are in them and how many stays in TIME_WAIT these left; more of the gravest."""

    __slots__ = ("_group_of", "_rows", "services", "sizes", "waits")

    def __init__(self, rows: Services, group_of: "array[int] | None", count: int) -> None:
        """`group_of`: see `Services.groups`."""
        self._rows, self._group_of = rows, group_of
        self.services, self.sizes, self.waits = (array("i", bytes(4 * count)) for _ in range(3))
        self._sum_up()

    def _sum_up(self) -> None:
        services, sizes, waits, natures, group_of = self.services, self.sizes, self.waits, self._rows.natures, self._group_of
        for number in range(len(self._rows)):
            services[number if group_of is None else group_of[number]] += 1
        groups = self._of_connections()
        for at in range(len(groups)):
            sizes[groups[at]] += 1
            waits[groups[at]] += (natures[at] >> CLIENT_SHIFT & STAY_BITS) + (natures[at] >> SERVER_SHIFT & STAY_BITS)

    def _of_connections(self) -> "array[int]":
        """The group of each connection."""
        service = self._rows.service
        if self._group_of is None:
            return service
        groups = array("i", bytes(4 * len(service)))
        _compose(service, self._group_of, groups)
        return groups

    def first(self, names: Numbered, most: int) -> "array[int]":
        """The groups with the most TIME_WAIT, of others those with the most connections, then those with the lowest of these names.

        At most so many and, of names alike in their first 32 bits, some more that may come as well.
        """
        size, sizes, waits = names.count, self.sizes, self.waits
        leading, weights = array("q", bytes(8 * size)), array("q", bytes(8 * size))
        firsts, ranks = leading, weights
        for number in range(size):
            stays = waits[number]  # compiled, a number of 64 bits
            ranks[number] = -(stays << 31 | sizes[number])
            firsts[number] = names.leading(number, 0)
        return lowest([leading, weights], most)

    def gather(self, numbers: "list[int]") -> "Gathered":
        """The columns of the connections of these groups: as many as are told, while a crowd has a group for each connection."""
        place_of = array("i", [NONE]) * len(self.sizes)
        for place, number in enumerate(numbers):
            place_of[number] = place
        size, put = sum([self.sizes[number] for number in numbers]), 0
        rows, places = array("i", bytes(4 * size)), array("i", bytes(4 * size))
        groups, to_rows, to_places, wanted = self._of_connections(), rows, places, place_of
        for at in range(len(groups)):
            if wanted[groups[at]] != NONE:
                to_rows[put], to_places[put] = at, wanted[groups[at]]
                put += 1
        return Gathered(self._rows, rows, places, len(numbers))

    def is_lone(self, group: int) -> bool:
        """Whether it is one connection that left no TIME_WAIT."""
        return self.sizes[group] == 1 and not self.waits[group]


class Gathered:
    """The columns of the connections of some groups, those of one group next to each other; groups have their places here as numbers."""

    __slots__ = ("_places", "_rows", "_services", "counts", "edges", "lifetimes_ns", "payloads", "starts_ns")

    def __init__(self, services: Services, rows: "array[int]", places: "array[int]", count: int) -> None:
        """`rows` are those of the connections, `places` says which group of `count` each is in."""
        self._services, self._rows, self._places = services, rows, places
        self.counts = array("i", bytes(4 * COUNTS * count))
        self._count()
        self._arrange(rows, count)

    def _arrange(self, rows: "array[int]", count: int) -> None:
        services = self._services
        starts_ns, closes_ns = columns.picked(services.starts_ns, rows), columns.picked(services.closes_ns, rows)
        lifetimes, starts, closes = closes_ns, starts_ns, closes_ns
        for at in range(len(rows)):
            lifetimes[at] = UNKNOWN if closes[at] == NEVER_NS else closes[at] - starts[at]
        self.lifetimes_ns = self._sorted(closes_ns, count)
        self.starts_ns = self._sorted(starts_ns, count)
        self.payloads = self._sorted(columns.picked(services.payloads, rows), count)

    def _count(self) -> None:
        counts, natures, rows, places = self.counts, self._services.natures, self._rows, self._places
        for index in range(len(rows)):
            nature, at = natures[rows[index]], COUNTS * places[index]
            counts[at + (nature & CLOSE_BITS)] += 1
            counts[at + WAITS_CLIENT] += nature >> CLIENT_SHIFT & STAY_BITS
            counts[at + WAITS_SERVER] += nature >> SERVER_SHIFT & STAY_BITS
            counts[at + STAMPED] += nature & IS_STAMPED != 0
            counts[at + PLAIN] += nature & IS_PLAIN != 0
            counts[at + REUSED] += nature & IS_REUSED != 0

    def _sorted(self, column: "array[int]", count: int) -> "array[int]":
        """The values of a column, those of one group next to each other and in order."""
        order, groups_of = columns.in_order(column, len(column))[: len(column)], array("i", bytes(4 * len(column)))
        _compose(order, self._places, groups_of)
        self.edges, places = columns.grouped(groups_of, count)
        _compose(places, order, groups_of)
        return columns.picked(column, groups_of)

    def groups(self) -> list[Group]:
        """All of them, in their order."""
        return [Group(self, place) for place in range(len(self.counts) // COUNTS)]

    def most_open(self, end_ns: int) -> list[int]:
        """Of each group, how many were open at once, TIME_WAIT left out, at the most."""
        open_, services, rows, places = Occupancy(), self._services, self._rows, self._places
        levels = [open_.row() for _ in range(len(self.counts) // COUNTS)]
        kind_of = array("i", [open_.kind(level) for level in levels])
        natures, starts_ns, closes_ns, kinds = services.natures, services.starts_ns, services.closes_ns, kind_of
        for index in range(len(rows)):
            at = rows[index]
            if natures[at] & IS_OPENED:
                open_.add(starts_ns[at], closes_ns[at], kinds[places[index]])
        open_.finish(end_ns)
        return [open_.peak[level] for level in levels]


class Stays:
    """Every stay in TIME_WAIT, by the address that holds it."""

    def __init__(self) -> None:
        self.numbers: dict[tuple[bytes, int], int] = {}  # of hosts, by address and network, packed
        self.host = array("i")
        self.entered_ns, self.until_ns = array("q"), array("q")
        self.before = array("q")  # of each host: stays whose beginning was not captured

    def add(self, block: Block) -> None:
        """Take in the stays of a block."""
        table, stays, numbers = block.connections, block.stays, self.numbers
        wide, narrow, small, size = table.wide, table.narrow, table.small, table.capacity
        times, sides, room = stays.wide, stays.small, stays.capacity
        networks, first = networks_of(block), len(self.host)
        addresses: list[bytes] = block.addresses.values  # type: ignore[assignment]
        self.host.frombytes(bytes(4 * stays.count))
        self.entered_ns.frombytes(bytes(8 * stays.count))
        self.until_ns.frombytes(bytes(8 * stays.count))
        host, to_entered_ns, to_until_ns = self.host, self.entered_ns, self.until_ns
        for row in range(table.count):
            begin = narrow[STAYS_AT * size + row]
            for stay in range(begin, begin + small[STAYS * size + row]):
                holder = SERVER if sides[STAY_SIDE * room + stay] else CLIENT
                key = addresses[narrow[holder * size + row]], networks[narrow[SCOPE * size + row]]
                number = numbers.get(key)
                if number is None:
                    number = numbers[key] = len(numbers)
                    self.before.append(0)
                entered_ns, until_ns = times[STAY_ENTERED * room + stay], times[STAY_ENDED * room + stay]
                if small[MIDSTREAM * size + row] and entered_ns <= wide[START * size + row]:
                    self.before[number] += 1
                host[first + stay] = number
                to_entered_ns[first + stay] = entered_ns
                to_until_ns[first + stay] = times[STAY_EXPIRES * room + stay] if until_ns == MISSING else until_ns

    def by_host(self) -> "StaysByHost":
        """The stays of each host."""
        return StaysByHost(self)


class StaysByHost:
    """The columns of all stays, those of one host next to each other."""

    def __init__(self, rows: Stays) -> None:
        texts = Texts()
        self.hosts = {(texts[address], scope_of_network(network)): number for (address, network), number in rows.numbers.items()}
        self.edges, order = columns.grouped(rows.host, len(rows.numbers))
        self.entered_ns, self.until_ns = columns.picked(rows.entered_ns, order), columns.picked(rows.until_ns, order)

    def entered(self, key: HostKey) -> "array[int]":
        """When they were entered, in order."""
        number = self.hosts[key]
        return array("q", sorted(self.entered_ns[self.edges[number] : self.edges[number + 1]]))

    def series(self, key: HostKey, start_ns: int, end_ns: int) -> Series:
        """How many there were, a round step apart, at most about POINTS points and the end."""
        end_ns = max(end_ns, start_ns)
        step = next((step for step in STEPS_NS if step * POINTS >= end_ns - start_ns), STEPS_NS[-1])
        moments = [*range(start_ns, end_ns, step), end_ns]
        number = self.hosts[key]
        low, high = self.edges[number], self.edges[number + 1]
        return Series(start_ns, end_ns, step, tuple(counts_at(moments, self.entered_ns[low:high], self.until_ns[low:high])))


class Texts(dict[bytes, str]):
    """Addresses in words, each made once."""

    def __missing__(self, address: bytes) -> str:
        self[address] = words = text(address)
        return words

    def service(self, key: PackedService) -> ServiceKey:
        """A service in words."""
        client, server, port, network = key
        return self[client], self[server], port, scope_of_network(network)


def networks_of(block: Block) -> list[int]:
    """The network of each of a block's scopes, which makes addresses others, or NO_NETWORK; the last one stands for no scope."""
    scopes: list[Scope | TwoScopes] = block.scopes.values  # type: ignore[assignment]
    return [*(_network(scope.network) for scope in scopes), NO_NETWORK]


def _network(scope: Scope | None) -> int:
    """A network as a number."""
    if scope is None or (scope.vni is None and scope.gre_key is None):
        return NO_NETWORK
    return scope.vni if scope.vni is not None else GRE_KEYS + (scope.gre_key or 0)


def scope_of_network(network: int) -> Scope | None:
    """A network in words."""
    if network == NO_NETWORK:
        return None
    return Scope(vni=network) if network < GRE_KEYS else Scope(gre_key=network - GRE_KEYS)


def service_of(client: str, server: str, port: int, scope: Scope | None) -> PackedService:
    """A service, packed."""
    return packed(client), packed(server), port, _network(scope)


def _tail(port: int, network: int) -> bytes:
    """Port, whether there is a network (1: it has a number, 2: a GRE key) and which."""
    if network == NO_NETWORK:
        return (port << 8).to_bytes(4) + bytes(4)
    kind, number = divmod(network, GRE_KEYS)
    return (port << 8 | kind + 1).to_bytes(4) + number.to_bytes(4)


def _service(name: bytes) -> PackedService:
    size = (len(name) - TAIL) // 2
    port, network = _port_and_network(name)
    return name[:size], name[size : 2 * size], port, network


def server_of(name: bytes) -> tuple[bytes, int, int]:
    """A server of `Services.by_server`: its address, its port and its network."""
    port, network = _port_and_network(name)
    return name[: len(name) - TAIL], port, network


def _port_and_network(name: bytes) -> tuple[int, int]:
    """What the tail of a name says."""
    at = len(name) - TAIL
    port, kind = name[at + 1] << 8 | name[at + 2], name[at + 3]
    return port, (kind - 1) * GRE_KEYS + int.from_bytes(name[at + 4 :]) if kind else NO_NETWORK


def lowest(keys: "Sequence[array[int]]", most: int) -> "array[int]":
    """The rows with the lowest keys, the last one's first, in order: so many, and those whose keys are the same as the last one's."""
    found, begin, count = array("i"), 0, len(keys[0])
    while begin < count:
        end = min(begin + max(TOGETHER, len(found)), count)  # where many are alike, as many are looked through again as are new
        found.extend(range(begin, end))
        found, begin = _lowest(keys, found, most), end
    return found


def _lowest(keys: "Sequence[array[int]]", order: "array[int]", most: int) -> "array[int]":
    """The same of these rows."""
    for key in keys:
        _compose(columns.in_order(columns.picked(key, order), len(order)), order, placed := array("i", bytes(4 * len(order))))
        order = placed
    end = min(most, len(order))
    while 0 < end < len(order) and all(key[order[end]] == key[order[end - 1]] for key in keys):
        end += 1
    return order[:end]


def _compose(rows: "Sequence[int]", of: "Sequence[int]", into: "array[int]") -> None:
    """Write into `into` what stands in the rows of `of` that `rows` names."""
    for at in range(len(into)):
        into[at] = of[rows[at]]


def _closing_step(block: Block, path: int) -> int:
    """At which step of a path a side leaves ESTABLISHED; NO_STEP if it was open at the capture's end."""
    opened = False
    for step, (state, _, _) in enumerate(block.path(path)):
        if state > OPEN or (opened and state <= UNOPENED):
            return step
        opened = opened or state > UNOPENED
    return NO_STEP
