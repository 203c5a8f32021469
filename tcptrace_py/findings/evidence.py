"""What causes are looked for in: connections in trouble, in columns, and what adds up by who connects where.

A cause groups rows by what it is about (a service, a client and a service), decides, and makes its findings here. A row whose
cause is named is `claimed`: causes that are asked later leave it out.
"""

from __future__ import annotations

from array import array
from functools import cache, cached_property
from itertools import compress, pairwise
from typing import TYPE_CHECKING, Any, TypeVar

from tcptrace_py.facts.table import MISSING
from tcptrace_py.model.addresses import text
from tcptrace_py.model.clock import NEVER_NS, SECOND_NS
from tcptrace_py.model.finding import Finding, Gravity
from tcptrace_py.model.vocabulary import Outcome, numbers

from . import trouble_columns as column
from .accounts import client_of
from .occupancy import ANY_PORT
from .singles import service_of as packed_service
from .twins import SeenTwice

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence

    from tcptrace_py.model.finding import Code, Withheld
    from tcptrace_py.model.profiles import Profiles
    from tcptrace_py.model.results import CaptureInfo, PortBudget, PortBudgets, Summary

    from .accounts import Account, Accounts
    from .hosts import CountedHosts
    from .occupancy import Held
    from .timeline import Timeline
    from .troubled import Troubled

    Key = TypeVar("Key", bound=Hashable)

Service = tuple[str, int, bytes]  # address, port and scope of a server
Pair = tuple[str, str, bytes]  # addresses of a client and a server, and their scope
REPEATS, PATIENCE_NS = 3, SECOND_NS  # sent again so often, for so long, in vain: less may still be answered
BUSY = 50  # connections of a client to a service with an exchange: so many tell how it uses connections
PRESSED = 0.5  # of the ports: the overview lists those anyway
MOST_TOGETHER = 4  # connections, on the average, that begin one right behind the other and are hit by what does not hit all
MOST_STREAMS = 20  # that a display filter names one by one
MOST_ACCOUNTS = 4096  # that are kept to be looked at again
MOST_FRAMES = 10_000  # of a finding, by which its connections are known again
GRAVITIES = tuple(map(str, Gravity))
UNANSWERED, IN_PROGRESS = numbers(Outcome)["unanswered"], numbers(Outcome)["in-progress"]


class Evidence:
    """All that an analysis collected, when it is complete. Rows are those of `troubled`, by number: in order of first frames."""

    def __init__(
        self,
        capture: CaptureInfo,
        summary: Summary,
        accounts: Accounts,
        troubled: Troubled,
        held: Held | None,
        hosts: CountedHosts,
        ports: PortBudgets,
        profiles: Profiles,
        withheld: Sequence[Withheld],
        twins: SeenTwice | None = None,
        timeline: Timeline | None = None,
    ) -> None:
        self.capture = capture
        self.summary = summary
        self.accounts = accounts
        self.held = held
        self.hosts = hosts
        self.ports = ports
        self.profiles = profiles
        self.withheld = frozenset(row.what for row in withheld)
        self.twins = twins or SeenTwice()
        self.timeline = timeline
        self.table = troubled.table
        self.count = self.table.count
        self.claimed = bytearray(self.count)
        self.busy = accounts.answering(BUSY)
        self._wide: dict[int, Sequence[int]] = {}
        self._narrow: dict[int, Sequence[int]] = {}
        self._small: dict[int, Sequence[int]] = {}
        self._accounts_at = self.narrow(column.ACCOUNT)
        self._names = troubled.names
        self._accounts: dict[int, Account] = {}  # those that were asked for last, by number
        self._packed: dict[Service, array[int]] | None = None  # places of packed accounts, by service
        self._packed_between: dict[Pair, array[int]] | None = None

    @cached_property
    def of_one_tuple(self) -> list[list[int]]:
        """Rows by account and port, by time, of those where a SYN was sent again and a RST came; claimed ones as well."""
        accounts, ports, starts = self._accounts_at, self.narrow(column.CLIENT_PORT), self.wide(column.START)
        again = self.table.with_narrow(column.SYN_REPEATS, bytes(self.count))
        reset = self.among(self.with_port_of(again), column.RESET_BY, *range(128)) if again else []
        of_reset = {(accounts[row], ports[row]) for row in reset}
        both = [row for row in again if (accounts[row], ports[row]) in of_reset]
        found: dict[tuple[int, int], list[int]] = {(accounts[row], ports[row]): [] for row in both}
        for row in self.with_port_of(both):
            rows = found.get((accounts[row], ports[row]))
            if rows is not None:
                rows.append(row)
        return [sorted(rows, key=starts.__getitem__) for rows in found.values()]

    @cached_property
    def alarming(self) -> list[PortBudget]:
        """Local ports that ran out, or will."""
        return [budget for budget in self.ports.near(PRESSED) if budget.is_alarming]

    @property
    def end_ns(self) -> int:
        """When the capture ended."""
        return self.capture.end_ns or 0

    def wide(self, number: int) -> Sequence[int]:
        """A wide column (`trouble_columns`), a value for each row."""
        found = self._wide.get(number)
        return self._cut(self._wide, self.table.wide, number) if found is None else found

    def narrow(self, number: int) -> Sequence[int]:
        """A narrow column."""
        found = self._narrow.get(number)
        return self._cut(self._narrow, self.table.narrow, number) if found is None else found

    def small(self, number: int) -> Sequence[int]:
        """A small column."""
        found = self._small.get(number)
        return self._cut(self._small, self.table.small, number) if found is None else found

    def _cut(self, kept: dict[int, Sequence[int]], values: array[int], number: int) -> Sequence[int]:
        begin = number * self.table.capacity
        found = kept[number] = memoryview(values)[begin : begin + self.count]
        return found

    def account(self, row: int) -> Account:
        """Who connected where, in a row."""
        number = self._accounts_at[row]
        found = self._accounts.get(number)
        if found is None:
            if len(self._accounts) >= MOST_ACCOUNTS:
                self._accounts.clear()
            found = self._accounts[number] = self.accounts.look_up(self._names[number])
        return found

    def at_once(self, accounts: Sequence[Account]) -> dict[int, int]:
        """How many connections of these accounts were open at once, by `number`; empty where that is not kept.

        A port is held from the SYN until its client's TIME_WAIT, if there is one, has run out. Without that it was open.
        """
        if self.held is None or not accounts:
            return {}
        return self.held.at_once(
            {account.number: account.client_wait_ns if account.stays_client > account.stays_server else 0 for account in accounts}
        )

    def lie_apart(self, rows: Sequence[int], accounts: Looked) -> bool:
        """Whether other connections of these accounts began between those of these rows.

        Those side by side in time may have met an outage, which meets everything. Where it is not kept when each began, others are
        taken to lie between two if so many are likely to by when connections of the whole capture began.
        """
        if self.held is None:
            return self._lie_likely_apart(rows, sum(account.connections for account in accounts))
        starts, ports = self.wide(column.START), self.narrow(column.CLIENT_PORT)
        among, runs, before = {(starts[row], ports[row]) for row in rows}, 0, False
        begins = [(time_ns, port) for time_ns, _, port in self.held.of(accounts.numbers)[0] if port != ANY_PORT]  # that one goes on
        for time_ns, port in sorted([*begins, *accounts.packed_begins()]):
            now = (time_ns, port) in among
            runs += now and not before
            before = now
        return runs * MOST_TOGETHER >= len(rows)

    def _lie_likely_apart(self, rows: Sequence[int], connections: int) -> bool:
        """The same, from counts of connections in intervals of time."""
        if self.timeline is None or not self.summary.connections:
            return False
        starts, begun, share = self.wide(column.START), self.timeline.begun(), connections / self.summary.connections
        before = [begun.until(start_ns) for start_ns in sorted(starts[row] for row in rows)]
        runs = 1 + sum((now - then) * share >= MOST_TOGETHER for then, now in pairwise(before))
        return runs * MOST_TOGETHER >= len(rows)

    def free(self) -> Iterator[int]:
        """Rows whose cause is not named yet."""
        return compress(range(self.count), self.claimed.translate(_marks(0)))

    def free_with(self, number: int, *values: int) -> list[int]:
        """Those with one of these values in a small column."""
        return self.table.with_small(number, _marks(*values), self.claimed)

    def free_that_have(self, number: int) -> list[int]:
        """Those with anything but 0 in a narrow column."""
        return self.table.with_narrow(number, self.claimed)

    def free_above_0(self, number: int) -> list[int]:
        """Those with more than 0 in a wide column."""
        return self.table.with_wide(number, self.claimed)

    def among(self, rows: list[int], number: int, *values: int) -> list[int]:
        """Those of these rows with one of these values in a small column."""
        return self.table.among(rows, number, _marks(*values))

    def between(self, rows: list[int], number: int, least: int, most: int = NEVER_NS) -> list[int]:
        """Those of these rows with such a value in a wide column, both bounds included."""
        return self.table.between(rows, number, least, most)

    def with_port_of(self, rows: Iterable[int]) -> list[int]:
        """Rows whose client's port is that of one of these, claimed ones as well."""
        ports, wanted = self.narrow(column.CLIENT_PORT), bytearray(1 << 16)
        for row in rows:
            wanted[ports[row] & 0xFFFF] = 1
        return self.table.with_port(column.CLIENT_PORT, wanted)

    def by_value(self, rows: list[int], number: int) -> Iterable[list[int]]:
        """Rows by what a wide column holds."""
        return self.table.grouped(number, rows, is_wide=True).values()

    def by_service(self, rows: Iterable[int]) -> dict[Service, list[int]]:
        """Rows by server, port and scope, in order of first frames."""
        return self.grouped(rows, service_of)

    def by_account(self, rows: Iterable[int]) -> dict[bytes, list[int]]:
        """Rows by who connected where."""
        return self.grouped(rows, lambda account: account.name)

    def grouped(self, rows: Iterable[int], key: Callable[[Account], Key]) -> dict[Key, list[int]]:
        """Rows by something of their accounts, in order of first frames."""
        found: dict[Key, list[int]] = {}
        for members in self.table.grouped(column.ACCOUNT, rows if isinstance(rows, list) else list(rows)).values():
            found.setdefault(key(self.account(members[0])), []).extend(members)
        for members in found.values():
            members.sort()
        return found

    def accounts_of(self, service: Service) -> Looked:
        """Accounts of a service."""
        if self._packed is None:
            self._packed = {}
            for place, name in self._packed_names():
                server, port = _server_of(name)
                self._packed.setdefault((text(server), port, b""), array("q")).append(place)
        return Looked(self.accounts, self._by_service.get(service, []), self._packed.get(service, ()))

    @cached_property
    def _by_service(self) -> dict[Service, list[Account]]:
        return _indexed(self.accounts, service_of)

    def accounts_between(self, pair: Pair) -> Looked:
        """Accounts of a client at a server, of a client that is in trouble."""
        if self._packed_between is None:
            self._packed_between, clients = {}, set(map(client_of, self._names))
            for place, name in self._packed_names():
                client, (server, _) = client_of(name), _server_of(name)
                if client in clients:
                    self._packed_between.setdefault((text(client), text(server), b""), array("q")).append(place)
        return Looked(self.accounts, self._by_pair.get(pair, []), self._packed_between.get(pair, ()))

    def _packed_names(self) -> Iterator[tuple[int, bytes]]:
        """Places of packed accounts, and their names."""
        singles = self.accounts.singles
        return ((place, singles.name(place)) for place in singles.places())

    @cached_property
    def _by_pair(self) -> dict[Pair, list[Account]]:
        return _indexed(self.accounts, pair_of)

    def is_syn_in_vain(self, row: int) -> bool:
        """Whether nobody answered a SYN: to the end, or, where the attempt was in flight then, at least its first one."""
        outcome = self.small(column.OUTCOME)[row]
        return outcome == UNANSWERED or (
            outcome == IN_PROGRESS and self.narrow(column.SYN_REPEATS)[row] > 0 and self.wide(column.SERVER_ISN)[row] == MISSING
        )

    def syns_in_vain(self) -> list[int]:
        """Rows of such SYNs whose cause is not named yet."""
        return [row for row in self.free_with(column.OUTCOME, UNANSWERED, IN_PROGRESS) if self.is_syn_in_vain(row)]

    def repeats_in_vain(self, row: int, number: int) -> int:
        """How often a side sent data again until the end and nothing of it was acknowledged (0: client, 1: server)."""
        return self.narrow(column.CLIENT_UNANSWERED + number)[row] if self.wide(column.CLIENT_UNACKNOWLEDGED + number)[row] > 0 else 0

    def stands_still(self, row: int, number: int) -> bool:
        """Whether it did so often enough, and for long enough, that the answer is not merely late."""
        return self.repeats_in_vain(row, number) >= REPEATS and self.wide(column.CLIENT_UNANSWERED_NS + number)[row] >= PATIENCE_NS

    def in_vain_ns(self, rows: Sequence[int], number: int | None = None) -> tuple[int, int]:
        """From when until when data was sent in vain in these rows, by a side or by either."""
        numbers = range(2) if number is None else (number,)
        ends_ns = {row: self._last_sent_ns(row) for row in rows}
        lasted_ns = [self.wide(column.CLIENT_UNANSWERED_NS + number) for number in numbers]
        begins = [
            ends_ns[row] - lasted[row]
            for row in rows
            for lasted, side in zip(lasted_ns, numbers, strict=True)
            if self.repeats_in_vain(row, side)
        ]
        return min(begins), max(ends_ns[row] for row in rows)

    def _last_sent_ns(self, row: int) -> int:
        """When the last segment of a row came, but for a reset that ended it."""
        end_ns, behind_ns = self.wide(column.END)[row], self.wide(column.RESET_BEHIND)[row]
        return end_ns - behind_ns if self.wide(column.RESET_AT)[row] == end_ns and behind_ns > 0 else end_ns

    @cached_property
    def lossy(self) -> int:
        """Connections of which the capture lacks segments: they were acknowledged."""
        return sum(problem.count for problem in self.capture.problems if problem.code == "acked-unseen")

    def connections_to(self, service: Service) -> int:
        """All connections to a service."""
        return sum(account.connections for account in self._by_service.get(service, [])) + self._packed_count.get(service, 0)

    @cached_property
    def _packed_count(self) -> dict[Service, int]:
        """How many accounts of each service are packed."""
        found: dict[Service, int] = {}
        for name, count in self.accounts.singles.services().items():
            server, port, _ = packed_service(name)
            service = text(server), port, b""
            found[service] = found.get(service, 0) + count
        return found

    def found_at(
        self,
        service: Service,
        code: Code,
        severity: Gravity,
        confidence: str,
        rows: Sequence[int],
        *,
        explanation: str,
        details: dict[str, Any] | None = None,
        evidence: Iterable[str] = (),
        of: int | None = None,
        span_ns: tuple[int, int] | None = None,
    ) -> Finding:
        """The same of a service: of all connections to it unless `of` says otherwise, and of the client if there is but one."""
        clients = {self.account(row).client.name for row in rows}
        return self.found(
            code,
            severity,
            confidence,
            rows,
            of=self.connections_to(service) if of is None else of,
            explanation=explanation,
            details=details,
            evidence=evidence,
            client=clients.pop() if len(clients) == 1 else None,
            server=service[0],
            server_port=service[1],
            span_ns=span_ns,
        )

    def found(
        self,
        code: Code,
        severity: Gravity,
        confidence: str,
        rows: Sequence[int],
        *,
        of: int,
        explanation: str,
        details: dict[str, Any] | None = None,
        evidence: Iterable[str] = (),
        client: str | None = None,
        server: str | None = None,
        server_port: int | None = None,
        span_ns: tuple[int, int] | None = None,
        connections: int | None = None,
    ) -> Finding:
        """Make a finding that rests on these rows; their cause is named then.

        `span_ns` are first and last time, else when the first and the last of the connections began.
        """
        first, starts, streams = self.wide(column.FIRST_FRAME), self.wide(column.START), self.narrow(column.STREAM)
        frames = sorted(first[row] for row in rows)
        for row in rows:
            self.claimed[row] = 1
        begun = sorted(starts[row] for row in rows)
        first_ns, last_ns = span_ns or ((begun[0], begun[-1]) if begun else (None, None))
        return Finding(
            str(code), str(severity), confidence, client, server, server_port, len(rows) if connections is None else connections, of,
            first_ns, last_ns, frames[0] if frames else None,
            display_filter([streams[row] for row in rows], client, server, server_port), details or {}, explanation, tuple(evidence),
            tuple(frames[:MOST_FRAMES]))  # fmt: skip


class Looked:
    """Some accounts, to go through as often as one likes. What is packed of them is there only as long as somebody looks at it."""

    __slots__ = ("_accounts", "_objects", "_places")

    def __init__(self, accounts: Accounts, objects: Sequence[Account], places: Sequence[int]) -> None:
        self._accounts = accounts
        self._objects = objects
        self._places = places

    def __len__(self) -> int:
        return len(self._objects) + len(self._places)

    def __iter__(self) -> Iterator[Account]:
        yield from self._objects
        for place in self._places:
            yield self._accounts.look_up(self._accounts.singles.name(place))

    @property
    def numbers(self) -> set[int]:
        """Numbers of those that are not packed."""
        return {account.number for account in self._objects}

    def packed_begins(self) -> Iterator[tuple[int, int]]:
        """When the connections of those that are packed began, and their ports."""
        singles = self._accounts.singles
        for place in self._places:
            port = singles.look_up(singles.name(place))
            if port >= 0:
                yield singles.start_ns, port & 0xFFFF


def _server_of(name: bytes) -> tuple[bytes, int]:
    """Address and port of the server of a packed account."""
    return name[len(client_of(name)) : -2], int.from_bytes(name[-2:], "big")


@cache
def _marks(*values: int) -> bytes:
    """For `bytes.translate`: 1 where a column of 8 bits has one of these values."""
    found = bytearray(256)
    for value in values:
        found[value & 0xFF] = 1
    return bytes(found)


def service_of(account: Account) -> Service:
    """Whom its connections go to."""
    return account.server.name, account.port, account.server.scope


def pair_of(account: Account) -> Pair:
    """Between whom they are."""
    return account.client.name, account.server.name, account.server.scope


def _indexed(accounts: Accounts, key: Callable[[Account], Key]) -> dict[Key, list[Account]]:
    found: dict[Key, list[Account]] = {}
    for account in accounts.rows.values():
        found.setdefault(key(account), []).append(account)
    return found


def display_filter(streams: Iterable[int], client: str | None, server: str | None, port: int | None) -> str:
    """Wireshark's display filter for some connections: by streams where they are few, else by what they have in common."""
    numbers = sorted(set(streams))
    if numbers and numbers[0] >= 0 and len(numbers) == 1:
        return f"tcp.stream eq {numbers[0]}"
    if numbers and numbers[0] >= 0 and len(numbers) <= MOST_STREAMS:
        return f"tcp.stream in {{{', '.join(map(str, numbers))}}}"
    parts = [f"ip{'v6' if ':' in address else ''}.addr == {address}" for address in (client, server) if address is not None]
    if port is not None:
        parts.append(f"tcp.port == {port}")
    return " && ".join(parts)
