"""What each address did, as client and as server, and its TIME_WAIT ledger. It counts addresses: one may be many hosts."""

from array import array
from collections.abc import Iterator
from heapq import merge, nsmallest

from tcptrace_py.model import columns, words
from tcptrace_py.model.addresses import scope_of, text
from tcptrace_py.model.clock import NEVER_NS
from tcptrace_py.model.packed import KEY, PackedRows
from tcptrace_py.model.results import Host, Hosts, HostTimeWait
from tcptrace_py.model.seq import MASK

from .accounts import Accounts, HostRow
from .singles import began_ns, facts_of, is_alive

# Sums over a host's accounts, as client (those with _C) and as server, and when its first and its last connection began.
OPENED, SERVED, CLOSED_FIRST, ENTERED_C, ENTERED_S, RESTARTED, REUSED, KILLED, FIRST, LAST, ITSELF = range(11)
WORDS = 11
# Words of a host of packed accounts only, behind these three counts: the times take two, the lower one first.
FIRST_LOW, LAST_LOW, PACKED_WORDS = 3, 5, 7


class CountedHosts(Hosts):
    """The hosts of accounts that are closed: each is made when it is asked for."""

    def __init__(self, accounts: Accounts) -> None:
        super().__init__()
        self.made = None
        self.occupancy = accounts.occupancy
        self._accounts = accounts
        self._others: tuple[PackedRows, PackedRows] | None = None
        self._count()

    def _count(self) -> None:
        """Sum up for the hosts that have accounts that are objects."""
        accounts = self._accounts
        self.rows: list[HostRow] = list(accounts.hosts.values())
        self.sums = sums(accounts)
        self._counted = len(accounts.rows)
        add_singles(accounts, self.sums, None)

    @property
    def others(self) -> tuple[PackedRows, PackedRows]:
        """The hosts that have packed accounts only, counted when they are asked for: of a flood these are as many as its segments."""
        if self._others is None:
            if self._counted != len(self._accounts.rows):  # objects were made of packed ones meanwhile
                self._count()
            self._others = PackedRows(1, PACKED_WORDS), PackedRows(4, PACKED_WORDS)
            add_singles(self._accounts, self.sums, self._others)
        return self._others

    def __len__(self) -> int:
        return sum(packed.count for packed in self.others) + len(self.rows)

    def every(self) -> list[Host]:
        """All of them."""
        if self.made is None:
            others = [_other(packed, row) for packed in self.others for row in range(packed.count)]
            self.made = sorted([*others, *map(self._host, self.rows)], key=_most_at_once)
        return self.made

    def __iter__(self) -> Iterator[Host]:
        """All of them, in the same order as `every`; those that are nothing but attempts are made as they come."""
        if self.made is not None:
            return iter(self.made)
        others = self.others  # before the rows: those may be more behind it
        return merge(sorted(map(self._host, self.rows), key=_most_at_once), *map(_in_order, others), key=_most_at_once)

    def busiest(self, most: int | None) -> list[Host]:
        """At most so many (None: all), those that entered TIME_WAIT most often first."""
        if most is None or most >= len(self):
            return super().busiest(most)
        others = self.others
        found = [self._host(host) for host in nsmallest(most, self.rows, key=self._busiest)]
        if len(found) < most or not found[-1].time_wait.entered:
            found.extend(_other(packed, row) for packed in others for row in most_connections(packed, most))
        return Hosts(found).busiest(most)

    def holding(self) -> list[Host]:
        """Those that entered TIME_WAIT."""
        found = (self._host(host) for host in self.rows if host.row >= 0)
        return sorted((host for host in found if host.time_wait.entered), key=_most_at_once)

    def connections_of(self, host: HostRow) -> int:
        """How many connections it had a part in; those with itself are one each."""
        at, of = host.number * WORDS, self.sums
        return of[at + OPENED] + of[at + SERVED] - of[at + ITSELF]

    def entered_as_client(self, host: HostRow) -> int:
        """How often it entered TIME_WAIT as a client."""
        return self.sums[host.number * WORDS + ENTERED_C]

    def that_opened(self, least: float) -> list[HostRow]:
        """Those that opened at least so many connections; who made one attempt only is not looked at."""
        return [host for host in self.rows if self.sums[host.number * WORDS + OPENED] >= least]

    def _busiest(self, host: HostRow) -> tuple[int, int, int, bytes]:
        at, of = host.number * WORDS, self.sums
        return -of[at + ENTERED_C] - of[at + ENTERED_S], -of[at + CLOSED_FIRST], -of[at + OPENED] - of[at + SERVED], host.address

    def _host(self, host: HostRow) -> Host:
        own = self.sums[host.number * WORDS : (host.number + 1) * WORDS].tolist()
        opened, served, first, as_client, as_server, restarted, reused, killed, first_ns, last_ns, _ = own
        peak, peak_at = self.occupancy.peak_of(host.row)
        waits = HostTimeWait(
            as_client + as_server, as_client, as_server, peak, peak_at, self.occupancy.level_of(host.row), restarted, reused, killed
        )
        times_ns = (first_ns, last_ns) if first_ns != NEVER_NS else (None, None)
        return Host(host.name, scope_of(host.scope), opened, served, first, waits, *times_ns)


def _other(packed: PackedRows, row: int) -> Host:
    """A host of packed accounts only."""
    at = row * packed.row_words + KEY + packed.key_words
    times_ns = _moment(packed.rows, at + FIRST_LOW), _moment(packed.rows, at + LAST_LOW)
    rows = packed.rows
    return Host(text(packed.key(row)), None, rows[at + OPENED], rows[at + SERVED], rows[at + CLOSED_FIRST], HostTimeWait(), *times_ns)


def _in_order(packed: PackedRows) -> Iterator[Host]:
    """The hosts of these rows in order: those with the most connections first, then by their addresses in words."""
    by_count: dict[int, array[int]] = {}
    for row in range(packed.count):
        at = row * packed.row_words + KEY + packed.key_words
        by_count.setdefault(packed.rows[at + OPENED] + packed.rows[at + SERVED], array("i")).append(row)
    for count in sorted(by_count, reverse=True):
        rows = by_count.pop(count)
        for row in array("i", sorted(rows, key=lambda row: text(packed.key(row)))):
            yield _other(packed, row)


def most_connections(packed: PackedRows, most: int) -> list[int]:
    """At most so many of these rows: those with the most connections, of others those with the lowest addresses."""
    counts, leading = array("q", bytes(8 * packed.count)), array("q", [NEVER_NS]) * packed.count
    numbers, firsts, rows = counts, leading, packed.rows  # compiled, views of them
    for row in range(packed.count):
        at = row * packed.row_words + KEY + packed.key_words
        opened, served = rows[at + OPENED], rows[at + SERVED]
        numbers[row] = -opened - served
    if not packed.count:
        return []
    last_place = min(most, packed.count) - 1
    least = numbers[columns.in_order(counts, packed.count)[last_place]]
    chosen = []
    for row in range(packed.count):
        if numbers[row] < least:
            chosen.append(row)
        elif numbers[row] == least:
            firsts[row] = packed.leading(row, 0)
    last = firsts[columns.in_order(leading, packed.count)[last_place]]
    tied = [(packed.key(row), row) for row in range(packed.count) if numbers[row] == least and firsts[row] <= last]
    return chosen + [row for _, row in nsmallest(most - len(chosen), tied)]


def add_singles(accounts: Accounts, numbers: "array[int]", others: tuple[PackedRows, PackedRows] | None) -> None:
    """Add packed accounts to the sums of hosts that have others as well; or, where `others` is given, count there those of the rest."""
    singles, own = accounts.singles, numbers
    counts_others = others is not None
    first_of = array("b", [accounts.closed_first(facts) for facts in singles.facts])  # of facts, who closed first
    closed_first = first_of  # compiled, a view of it
    for kind, packed in enumerate((singles.four, singles.sixteen)):
        rest, size = others[kind] if others is not None else packed, (packed.key_words - 1) // 2
        for side in range(2):  # the client's address comes first, then the server's
            what, last, place = SERVED if side else OPENED, -1, -1
            for row in range(packed.count):
                if not is_alive(packed, row):
                    continue
                at = row * packed.row_words + KEY + side * size
                if last < 0 or not words.same(packed.rows, at, last, size):  # those that follow each other have often one server
                    address, last = words.taken(packed.rows, at, size), at
                    host = accounts.hosts.get(address)
                    if host is not None:
                        place = host.number * WORDS
                    elif counts_others:
                        place = _place(rest, address)
                if (host is None) != counts_others:
                    continue
                start_ns, closed = began_ns(packed, row), closed_first[facts_of(packed, row)] == side
                if counts_others:
                    _add_packed(rest, place, what, closed, start_ns)
                    continue
                own[place + what] += 1
                own[place + CLOSED_FIRST] += closed
                own[place + FIRST], own[place + LAST] = min(own[place + FIRST], start_ns), max(own[place + LAST], start_ns)


def _place(others: PackedRows, address: bytes) -> int:
    """The row of a host of packed accounts only, whose first connection is yet to come where it is a new one."""
    known = others.count
    place = others.place(address)
    if place == known:
        at = place * others.row_words + KEY + others.key_words
        others.rows[at + FIRST_LOW], others.rows[at + FIRST_LOW + 1] = NEVER_NS & MASK, NEVER_NS >> 32
    return place


def _add_packed(others: PackedRows, place: int, what: int, closed: bool, start_ns: int) -> None:
    """Count a connection of a host of packed accounts only; `closed`: it closed first."""
    rows, at = others.rows, place * others.row_words + KEY + others.key_words
    rows[at + what] += 1
    rows[at + CLOSED_FIRST] += closed
    if start_ns < _moment(rows, at + FIRST_LOW):
        rows[at + FIRST_LOW], rows[at + FIRST_LOW + 1] = start_ns & MASK, start_ns >> 32
    if start_ns > _moment(rows, at + LAST_LOW):
        rows[at + LAST_LOW], rows[at + LAST_LOW + 1] = start_ns & MASK, start_ns >> 32


def _moment(rows: "array[int]", at: int) -> int:
    """A time in two words, the lower one first."""
    low, high = rows[at], rows[at + 1]
    return low | high << 32


def hosts(accounts: Accounts) -> CountedHosts:
    """All hosts. The accounts are closed."""
    return CountedHosts(accounts)


def sums(accounts: Accounts) -> "array[int]":
    """WORDS sums for each host, by its number."""
    made = array("q", (*bytes(FIRST), NEVER_NS, -NEVER_NS, 0)) * len(accounts.hosts)
    found = made  # compiled, a view of it
    for account in accounts.rows.values():
        at = account.client.number * WORDS
        found[at + OPENED] += account.connections
        found[at + CLOSED_FIRST] += account.client_first
        found[at + ENTERED_C] += account.stays_client
        found[at + RESTARTED] += account.restarted_client
        found[at + REUSED] += account.reused_client
        found[at + KILLED] += account.killed_client
        found[at + FIRST], found[at + LAST] = min(found[at + FIRST], account.first_ns), max(found[at + LAST], account.last_ns)
        if account.server is account.client:
            found[at + ITSELF] += account.connections
        at = account.server.number * WORDS
        found[at + SERVED] += account.connections
        found[at + CLOSED_FIRST] += account.server_first
        found[at + ENTERED_S] += account.stays_server
        found[at + RESTARTED] += account.restarted_server
        found[at + REUSED] += account.reused_server
        found[at + KILLED] += account.killed_server
        found[at + FIRST], found[at + LAST] = min(found[at + FIRST], account.first_ns), max(found[at + LAST], account.last_ns)
    return made


def _most_at_once(host: Host) -> tuple[int, int, int, str, str, int, int]:
    """Where a host stands among others; times tell apart those whose scopes have no name (GTP-U)."""
    waits, connections = host.time_wait, host.connections_as_client + host.connections_as_server
    return -waits.peak, -waits.entered, -connections, host.address, str(host.scope), host.first_ns or 0, host.last_ns or 0
