"""The states that people take for TIME_WAIT: who sits in them, towards which service, for how long.

Half-closing is legitimate and takes its time, so a state counts from a second on; at the end of a short capture from a
tenth of it on, but no less than ten milliseconds. What a capture's end cuts off is as old as the capture says, never
older. Where the capture left segments out (one direction only, a filter for SYN, FIN and RST), states that a bare ACK
ends would seem to last: only those count there that end with a FIN.
"""

from array import array
from collections.abc import Sequence
from heapq import nsmallest
from itertools import accumulate

from tcptrace_py.facts.block import (
    ANOMALIES,
    ANOMALIES_AT,
    ANOMALY_CODE,
    CLIENT_PACKETS,
    CLIENT_PATH,
    ENTERED,
    ENTRIES_AT,
    OUTCOME,
    SERVER_PACKETS,
    SERVER_PATH,
    Block,
    Entry,
)
from tcptrace_py.facts.table import MISSING
from tcptrace_py.model import columns
from tcptrace_py.model.diagnosis import Neighbour
from tcptrace_py.model.growing import longer, zeros
from tcptrace_py.model.state import State
from tcptrace_py.model.vocabulary import Outcome

from .ledger import ACKED_UNSEEN, PackedService, Services, Texts, lowest

STUCK_NS = 1_000_000_000
LEAST_NS = 10_000_000
WATCHED = frozenset(
    (
        State.CLOSE_WAIT,
        State.FIN_WAIT_1,
        State.FIN_WAIT_2,
        State.CLOSING,
        State.LAST_ACK,
        State.SYN_RECEIVED,
        State.SYN_SENT,
    )
)
ENDED_BY_FIN = frozenset((State.CLOSE_WAIT, State.FIN_WAIT_2))
HALF_OPEN = len(State)  # one side is established, the other's socket is gone
NAMES = (*(state.name for state in State), "half-open")
MOST_ROWS = 10_000  # the most frequent
MOST_KEPT = 1 << 16  # of which these are looked for, or twice as many as are alike
FIRST_ROOM = 64  # states that lasted
BITS = 28  # of a service's number, and of a server's
ROLES = ("client", "server")
BY_SERVER = 16  # added to the number of a state that a server is in
STILL = 32  # added to that of one that a side is in at the capture's end
WHAT = 31  # without it
OPEN, CLOSED = int(State.ESTABLISHED), int(State.CLOSED)
UNANSWERED, COMPLETED, NOT_CAPTURED, IN_PROGRESS = map(
    tuple(Outcome).index, (Outcome.UNANSWERED, Outcome.COMPLETED, Outcome.NOT_CAPTURED, Outcome.IN_PROGRESS)
)


def stuck_ns(start_ns: int, end_ns: int) -> int:
    """How long a state must last at the capture's end to count."""
    return min(STUCK_NS, max(LEAST_NS, (end_ns - start_ns) // 10))


class _Watched:
    """The steps of some paths into some of the states, and the states' numbers: those of one path next to each other."""

    __slots__ = ("edges", "states", "steps")

    def __init__(self, paths: Sequence[Sequence[Entry]], states: frozenset[State]) -> None:
        found = [[(step, int(state)) for step, (state, _, _) in enumerate(path) if state in states] for path in paths]
        self.edges = array("i", [0, *accumulate(map(len, found))])
        self.steps = array("i", [step for steps in found for step, _ in steps])
        self.states = array("i", [state for steps in found for _, state in steps])


class Neighbours:
    """Every time that a side was in such a state for long, in columns: which state, of whose connection, how long."""

    __slots__ = ("count", "lasted_ns", "service", "what")

    def __init__(self) -> None:
        self.count = 0
        self.what, self.service = array("b", bytes(FIRST_ROOM)), array("i", bytes(4 * FIRST_ROOM))
        self.lasted_ns = array("q", bytes(8 * FIRST_ROOM))  # STILL: since when it does

    def add(self, block: Block, service: Sequence[int]) -> None:
        """Take in the connections of a block; `service` says which one's each is (`Services`)."""
        table, anomalies = block.connections, block.anomalies
        wide, narrow, small, size = table.wide, table.narrow, table.small, table.capacity
        entries, room, codes = block.entries.wide, ENTERED * block.entries.capacity, anomalies.narrow
        unseen = block.texts.find(ACKED_UNSEEN)
        paths = [block.path(number) for number in range(len(block.paths.values))]
        every, by_fin = _Watched(paths, WATCHED), _Watched(paths, ENDED_BY_FIN)
        last, final = array("i", [len(path) - 1 for path in paths]), array("i", [int(path[-1][0]) for path in paths])
        lasts, finals = last, final  # compiled, views of them
        for row in range(table.count):
            client, server = narrow[CLIENT_PATH * size + row], narrow[SERVER_PATH * size + row]
            sent, answered, outcome = wide[CLIENT_PACKETS * size + row], wide[SERVER_PACKETS * size + row], small[OUTCOME * size + row]
            lacks = server >= 0 and outcome not in (UNANSWERED, IN_PROGRESS) and (sent == 0 or answered == 0)  # one direction
            at = narrow[ANOMALIES_AT * size + row]
            for anomaly in range(at, at + narrow[ANOMALIES * size + row]):
                if codes[ANOMALY_CODE * anomalies.capacity + anomaly] == unseen:
                    lacks = True  # or what was acknowledged
            watched = by_fin if lacks else every
            at = room + narrow[ENTRIES_AT * size + row]
            if sent > 0 or not lacks:
                for place in range(watched.edges[client], watched.edges[client + 1]):
                    step = watched.steps[place]
                    self._look(entries, at + step, step == lasts[client], watched.states[place], service[row])
            if server < 0:
                continue
            behind = at + lasts[client] + 1
            if answered > 0 or not lacks:
                for place in range(watched.edges[server], watched.edges[server + 1]):
                    step = watched.steps[place]
                    self._look(entries, behind + step, step == lasts[server], watched.states[place] + BY_SERVER, service[row])
            if outcome in (COMPLETED, NOT_CAPTURED):
                if finals[client] == OPEN and finals[server] == CLOSED:
                    self._note(entries[behind + lasts[server]], HALF_OPEN + STILL, service[row])
                elif finals[client] == CLOSED and finals[server] == OPEN:
                    self._note(entries[at + lasts[client]], HALF_OPEN + BY_SERVER + STILL, service[row])

    def _look(self, entries: Sequence[int], at: int, at_end: bool, what: int, service: int) -> None:
        """Note a state that lasted: entered at a row of the entries, left at the next one, if the side was not in it `at_end`."""
        until_ns = MISSING if at_end else entries[at + 1]
        if until_ns == MISSING:
            self._note(entries[at], what + STILL, service)
        elif entries[at] != MISSING and until_ns - entries[at] >= STUCK_NS:
            self._note(until_ns - entries[at], what, service)

    def _note(self, lasted_ns: int, what: int, service: int) -> None:
        """`lasted_ns`: see there."""
        if lasted_ns == MISSING:
            return
        at = self.count
        if at == len(self.what):
            self.what, self.service, self.lasted_ns = longer(self.what), longer(self.service), longer(self.lasted_ns)
        self.what[at], self.service[at], self.lasted_ns[at] = what, service, lasted_ns
        self.count = at + 1

    def result(self, services: Services, start_ns: int, end_ns: int) -> tuple[Neighbour, ...]:
        """MOST_ROWS rows, the most frequent first. The capture lasts from `start_ns` to `end_ns`."""
        rows, texts = _Rows(self, services, stuck_ns(start_ns, end_ns), end_ns), Texts()
        found = [rows.neighbour(row, texts) for row in nsmallest(MOST_ROWS, rows.first(MOST_ROWS), key=rows.rank)]
        found.sort(key=lambda n: (-n.count, -n.longest_ns, n.state, n.address, n.server_port, str(n.scope), n.role, n.server))
        return tuple(found)


class _Rows:
    """Times that some side was in a state towards one service, summed up: how many, of them at the end, the longest, for which clients.

    As many as there are connections, where each is of another client: only the most frequent are kept while the rest is summed up.
    """

    __slots__ = ("begins", "clients", "count", "counts", "longest_ns", "numbers", "room", "services", "still", "what")

    def __init__(self, noted: Neighbours, services: Services, least_ns: int, end_ns: int) -> None:
        """What lasts at the capture's end counts if it does for `least_ns`."""
        self.services = services
        self.count, self.room = 0, MOST_KEPT
        self.what, self.longest_ns = array("b", bytes(self.room)), array("q", bytes(8 * self.room))
        self.begins, self.counts, self.still, self.clients = (array("i", bytes(4 * self.room)) for _ in range(4))
        self.numbers = array("i", bytes(4 * noted.count))
        self._sum_up(noted, services.by_server()[1], least_ns, end_ns)

    def _sum_up(self, noted: Neighbours, server_of: "array[int]", least_ns: int, end_ns: int) -> None:
        whats, service, lasted, servers, put, last = noted.what, noted.service, noted.lasted_ns, server_of, 0, -1
        numbers, keys = self.numbers, zeros("q", noted.count)
        names = keys  # a state, whose it is (a service's by its client, or a server's), the service: in this order
        for at in range(noted.count):
            kind = whats[at] & WHAT
            whose = servers[service[at]] if kind >= BY_SERVER else service[at]
            names[at] = (kind << BITS | whose) << BITS | service[at]
        order = columns.in_order(keys, len(keys))
        rows = order
        for place in range(noted.count):
            at = rows[place]
            still = whats[at] & STILL != 0
            lasted_ns = end_ns - lasted[at] if still else lasted[at]
            if still and lasted_ns < least_ns:
                continue
            if last < 0 or names[at] >> BITS != last >> BITS:
                if self.count == self.room:
                    put = self._keep(MOST_ROWS)
                row = self.count
                self.count = row + 1
                self.begins[row], self.what[row] = put, whats[at] & WHAT
                self.counts[row] = self.still[row] = self.clients[row] = self.longest_ns[row] = 0
            numbers[put] = service[at]
            put += 1
            self.clients[row] += names[at] != last
            last = names[at]
            self.counts[row] += 1
            self.still[row] += still
            self.longest_ns[row] = max(self.longest_ns[row], lasted_ns)

    def _keep(self, most: int) -> int:
        """Keep the rows that `first` gives; how many services are left in `numbers`."""
        put = 0
        for to, row in enumerate(sorted(self.first(most))):
            begin, count = self.begins[row], self.counts[row]
            for at in range(count):
                self.numbers[put + at] = self.numbers[begin + at]
            self.begins[to], self.counts[to], self.what[to], self.longest_ns[to] = put, count, self.what[row], self.longest_ns[row]
            self.still[to], self.clients[to] = self.still[row], self.clients[row]
            put, self.count = put + count, to + 1
        if 2 * self.count > self.room:  # many are alike
            self._widen()
        return put

    def _widen(self) -> None:
        self.room *= 2
        self.what, self.longest_ns = longer(self.what, 1), longer(self.longest_ns, 1)
        self.begins, self.counts = longer(self.begins, 1), longer(self.counts, 1)
        self.still, self.clients = longer(self.still, 1), longer(self.clients, 1)

    def first(self, most: int) -> "array[int]":
        """The most frequent ones, of others those that lasted longest, then those with the lowest addresses: so many, or some more."""
        names, kinds, begins, numbers = self.services.names, self.what, self.begins, self.numbers
        size = self.count
        leading, spans, sizes = [array("q", bytes(8 * size)) for _ in range(3)]
        to_leading, to_spans, to_sizes, longest_ns, counts = leading, spans, sizes, self.longest_ns, self.counts
        for row in range(size):
            number = numbers[begins[row]]
            to_leading[row] = names.leading(number, names.middle(number) if kinds[row] >= BY_SERVER else 0)
            to_spans[row], to_sizes[row] = -longest_ns[row], -counts[row]
        return lowest([leading, spans, sizes], most)

    def key(self, row: int) -> PackedService:
        """The service, of several the one with the lowest address."""
        return self.services.lowest(self.numbers, self.begins[row], self.counts[row])

    def rank(self, row: int) -> tuple[int, int, bytes, str, PackedService]:
        """What comes first."""
        key, what = self.key(row), self.what[row]
        client, server, *_ = key
        return -self.counts[row], -self.longest_ns[row], server if what >= BY_SERVER else client, NAMES[what % BY_SERVER], key

    def neighbour(self, row: int, texts: Texts) -> Neighbour:
        """One of them in words."""
        client, server, port, scope = texts.service(self.key(row))
        by_server = self.what[row] >= BY_SERVER
        address, peer = (server, client) if by_server else (client, server)
        return Neighbour(
            NAMES[self.what[row] % BY_SERVER],
            address,
            ROLES[by_server],
            peer,
            server,
            port,
            self.counts[row],
            self.still[row],
            self.longest_ns[row],
            self.clients[row],
            scope,
        )
