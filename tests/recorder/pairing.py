"""Which accounts belong to one connection: both sockets, the request, and when the incarnation was at either host."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.recorder.wire import ACK, SYN, Endpoint, Segment

if TYPE_CHECKING:
    from tests.recorder.account import Account
    from tests.recorder.lives import Mini, Reset, Sock

MILLISECOND = 1_000_000
SYNACK_NS = 2 * MILLISECOND  # a SYN+ACK leaves within this of its request's timer's start
CUT_NS = 1000  # captures cut their times to microseconds
EVER = 1 << 62
Tuple = tuple[Endpoint, Endpoint]


@dataclass
class Evidence:
    """All that was recorded, before it is put together. `wires` by host; relay: [s, source, target, action, kind]."""

    scenario: str
    account: Account
    wires: dict[str, list[Segment]]
    host_of: dict[str, str]
    logs: list[dict[str, Any]]
    samples: list[dict[str, Any]]
    relay: list[list[Any]]
    nat: dict[Endpoint, Endpoint] = field(default_factory=dict)  # (client's address, port) -> as the server sees it


@dataclass(eq=False)
class Pair:
    """One connection before it is written down. `b` may be a socket, a lone request or nothing.

    `window` says from when to when (ns) what a host sends on this four-tuple is of this incarnation.
    """

    a: Sock
    b: Sock | None = None
    request: Mini | None = None
    twin: bool = False
    isn: int | None = None
    incarnation: int = 0
    window: dict[str, tuple[int, int]] = field(default_factory=dict)
    ghosts: int = 0

    @property
    def own(self) -> bool:
        """A self-connect."""
        return self.a.local == self.a.remote

    def span(self, host: str | None) -> tuple[int, int]:
        """The incarnation's window at a host; empty where it never was."""
        return self.window.get(host or "", (0, 0))


class Book:
    """One recording's evidence, indexed and paired."""

    def __init__(self, evidence: Evidence) -> None:
        self.evidence = evidence
        self.witness: Counter[str] = Counter()
        self.by_tuple: dict[str, dict[Tuple, list[Segment]]] = {}
        for host, wire in evidence.wires.items():
            index = self.by_tuple[host] = defaultdict(list)
            for segment in wire:
                index[segment.source, segment.target].append(segment)
        self.resets: dict[Tuple, list[Reset]] = defaultdict(list)
        for reset in evidence.account.resets:
            self.resets[reset.source, reset.target].append(reset)
        self.samples: dict[Tuple, list[dict[str, Any]]] = defaultdict(list)
        for sample in evidence.samples:
            self.samples[tuple(sample["local"]), tuple(sample["remote"])].append(sample)
        self.requests = [m for m in evidence.account.minis if m.kind == "request"]
        self._tie_requests()
        self.pairs = self._pairs()

    def sent(self, host: str | None, source: Endpoint, target: Endpoint) -> list[Segment]:
        """Give what was captured at a host from source to target."""
        return self.by_tuple.get(host or "", {}).get((source, target), [])

    def host(self, endpoint: Endpoint) -> str | None:
        """Say which host an address is of."""
        return self.evidence.host_of.get(endpoint[0])

    def outside(self, endpoint: Endpoint) -> Endpoint:
        """Say what NAT made of a client's endpoint."""
        return self.evidence.nat.get(endpoint, endpoint)

    def _tie_requests(self) -> None:
        """Requests without a child: tied by the SYN+ACK that left right after the timer's start."""
        wires = self.evidence.wires
        synacks = [s for host, wire in wires.items() for s in wire if s.flags & (SYN | ACK) == SYN | ACK and self.host(s.source) == host]
        synacks.sort(key=lambda s: s.t_ns)
        taken: set[int] = set()
        for mini in (m for m in self.requests if m.local):  # a SYN+ACK belongs to one request only
            begin, ends = mini.starts[0][0] - CUT_NS, (mini.local, mini.remote)
            first = bisect_left(synacks, begin, key=lambda s: s.t_ns)
            near = range(first, bisect_left(synacks, begin + SYNACK_NS, key=lambda s: s.t_ns))
            taken.update([i for i in near if (synacks[i].source, synacks[i].target) == ends and i not in taken][:1])
        for mini in sorted((m for m in self.requests if m.local is None), key=lambda m: m.starts[0][0]):
            start = mini.starts[0][0] - CUT_NS
            free = [i for i, s in enumerate(synacks) if i not in taken and start <= s.t_ns < start + SYNACK_NS]
            mini.tied_by = "synack" if free else "nothing"
            if free:
                taken.add(free[0])
                mini.local, mini.remote = synacks[free[0]].source, synacks[free[0]].target

    def _pairs(self) -> list[Pair]:
        known = self.evidence.host_of
        socks = [s for s in self.evidence.account.socks if s.local[0] in known]
        actives = sorted((s for s in socks if not s.passive), key=lambda s: s.born_ns)
        pairs: list[Pair] = []
        twins: set[int] = set()
        for sock in actives:
            if id(sock) in twins:
                continue
            pair = Pair(sock)
            other = self._twin_of(sock, actives)
            if other:
                pair.b, pair.twin = other, True
                twins.add(id(other))
            pairs.append(pair)
        self._number(pairs)
        silent = [p for p in pairs if p.isn is None and p.a.end == "closed"]  # connect() failed before it sent anything
        self.witness["never_sent"] = len(silent)
        pairs = [p for p in pairs if p not in silent]
        self._number(pairs)
        self._add_passives(pairs, [s for s in socks if s.passive])
        return pairs

    @staticmethod
    def _twin_of(sock: Sock, actives: list[Sock]) -> Sock | None:
        """The other end of a simultaneous open: it called connect() while this one lived and was not yet connected."""
        if sock.local == sock.remote:
            return None
        limit = min(sock.closed_ns or EVER, sock.entered("ESTABLISHED") or EVER)
        for other in actives:
            if (other.local, other.remote) == (sock.remote, sock.local) and sock.born_ns < other.born_ns < limit:
                return other
        return None

    def _number(self, pairs: list[Pair]) -> None:
        """Incarnations, initial sequence numbers, and from when to when each was at either host."""
        groups: dict[Any, list[Pair]] = defaultdict(list)
        for pair in pairs:
            groups[frozenset((pair.a.local, pair.a.remote))].append(pair)
        for group in groups.values():
            group.sort(key=lambda p: p.a.born_ns)
            for i, pair in enumerate(group):
                pair.incarnation = i
                limit = group[i + 1].a.born_ns if i + 1 < len(group) else EVER
                sent = self.sent(self.host(pair.a.local), pair.a.local, pair.a.remote)
                syns = (s.seq for s in sent if s.flags & (SYN | ACK) == SYN and pair.a.born_ns - MILLISECOND <= s.t_ns < limit)
                pair.isn = next(syns, None)
            for host in self.evidence.wires:
                self._windows(group, host)

    def _windows(self, group: list[Pair], host: str) -> None:
        starts = []
        for pair in group:
            if self.host(pair.a.local) == host:
                starts.append(pair.a.born_ns - MILLISECOND // 10)
                continue
            source = self.outside(pair.a.local)
            arrivals = [s.t_ns for s in self.sent(host, source, pair.a.remote) if s.flags & (SYN | ACK) == SYN and s.seq == pair.isn]
            if pair.b and pair.twin:
                arrivals.append(pair.b.born_ns - MILLISECOND // 10)
            starts.append(min(arrivals, default=-1))
        for i, pair in enumerate(group):
            later = [t for t in starts[i + 1 :] if t >= 0]
            pair.window[host] = (starts[i], min(later, default=EVER)) if starts[i] >= 0 else (0, 0)

    def _add_passives(self, pairs: list[Pair], passives: list[Sock]) -> None:
        """Give each passive socket and lone request to the incarnation whose SYN it answered."""
        groups: dict[Any, list[Pair]] = defaultdict(list)
        for pair in pairs:
            groups[pair.a.remote, self.outside(pair.a.local)].append(pair)
        answers: list[tuple[int, Endpoint, Endpoint, Sock | None, Mini | None]] = [
            (s.request.starts[0][0] if s.request else s.born_ns, s.local, s.remote, s, s.request) for s in passives
        ]
        answers += [(m.starts[0][0], m.local, m.remote, None, m) for m in self.requests if m.child is None and m.local and m.remote]
        for t, local, remote, sock, request in sorted(answers, key=lambda x: x[0]):
            host = self.host(local)
            mine = [p for p in groups.get((local, remote), []) if p.span(host)[0] <= t < p.span(host)[1]]
            if not mine:
                self.witness["answers_without_connection"] += self.host(local) is not None
                continue
            pair = mine[-1]
            if pair.b is None and sock is not None and pair.request is not None:
                pair.ghosts += 1  # an earlier request of the same SYN came to nothing
                pair.request = None
            if pair.b is not None or pair.request is not None:
                pair.ghosts += 1
                continue
            pair.b, pair.request = sock, request
