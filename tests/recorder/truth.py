"""Accounts + wire + logs -> one record a connection, in the lab's format (its README tells what each field means).

Where two sources could disagree, the rarer certainty wins: states and their times come from the kernel alone, counts
of segments from the wire alone, and what neither tells is left null.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any

from tests.recorder.pairing import EVER, MILLISECOND, Book, Pair
from tests.recorder.sides import seconds, side_of
from tests.recorder.verdict import first_fin_of, how_of, opening_of
from tests.recorder.wire import ACK, FIN, RST, SYN, Endpoint, Segment

if TYPE_CHECKING:
    from tests.recorder.lives import Sock

LATE_NS = 100 * MILLISECOND
HELD_UP_S = 0.05


class Teller:
    """Writes a book's connections down."""

    def __init__(self, book: Book) -> None:
        self.book, self.evidence = book, book.evidence
        self.connects: dict[Any, list[dict[str, Any]]] = defaultdict(list)
        self.accepts: dict[Any, list[dict[str, Any]]] = defaultdict(list)
        for entry in self.evidence.logs:
            if entry["what"] == "connect":
                self.connects[tuple(entry["local"]), tuple(entry["remote"])].append(entry)
                self.connects[entry["local"][1], tuple(entry["remote"])].append(entry)  # a failed connect() forgets its address
            elif entry["what"] == "accept":
                self.accepts[tuple(entry["local"]), tuple(entry["remote"])].append(entry)
        self.impaired: dict[Any, list[tuple[float, str]]] = defaultdict(list)
        for t, source, target, action, _ in self.evidence.relay:
            if source is not None:
                self.impaired[tuple(source), tuple(target)].append((t * 1e9, action))

    def records(self) -> list[dict[str, Any]]:
        """All records, by the time of their first event."""
        pairs = sorted(self.book.pairs, key=lambda p: p.a.born_ns)
        return [self._record(i, pair) for i, pair in enumerate(pairs)]

    def _connect_of(self, sock: Sock) -> dict[str, Any] | None:
        """The call that opened a socket: begun before it, ended after. Its thread may be held up in between."""
        born = sock.born_ns / 1e9
        for key in ((sock.local, sock.remote), (sock.local[1], sock.remote), (0, sock.remote)):
            calls = [e for e in self.connects.get(key, []) if -0.0005 <= born - e["t"] <= (e["us"] or 0) / 1e6 + HELD_UP_S]
            if calls:
                return min(calls, key=lambda e: abs(born - e["t"]))
        return None

    def _record(self, number: int, pair: Pair) -> dict[str, Any]:
        a, b, local, remote = pair.a, pair.b, pair.a.local, pair.a.remote
        seen_from_b = self.book.outside(local)
        call = self._connect_of(a)
        hosts = [self.book.host(local), self.book.host(remote)]
        wires = {
            "a": [] if pair.own and hosts[0] is None else self._window(pair, hosts[0], local, remote),
            "b": [] if pair.own else self._window(pair, hosts[1], remote, seen_from_b),
        }
        if pair.ghosts and b:
            wires = _without_ghosts(wires)
        resets = self._resets(wires)
        a_side = side_of(self.book, pair, a, hosts[0])
        assert a_side
        b_side = side_of(self.book, pair, b, hosts[1])
        opened = opening_of(pair, wires, a_side, b_side)
        how = how_of(pair, opened, a_side, b_side, self._first_closer_wire(pair, a_side, b_side, hosts))
        accepted = [e["t"] for e in self.accepts.get((remote, seen_from_b), []) if b and b.born_ns / 1e9 <= e["t"]]
        opened = opened or how
        return {
            "id": number,
            "scenario": self.evidence.scenario,
            "label": call["label"] if call else None,
            "incarnation": pair.incarnation,
            "a": list(local),
            "b": list(remote),
            "hosts": hosts,
            "open": opened,
            "how": how,
            "first_fin": first_fin_of(a_side, b_side),
            "first_rst": min(resets, key=lambda r: r[1])[0] if resets else None,
            "time_wait": [x for x, side in (("a", a_side), ("b", b_side)) if side and side["time_wait"]],
            "connect": self._connect(call, opened),
            "accept_t": round(min(accepted), 6) if accepted and not pair.twin else None,
            "syn_retrans": {"a": a.retrans["SYN_SENT"]} | ({"b": b.retrans["SYN_SENT"]} if pair.twin and b else {}),
            "synack_retrans": self._synacks_resent(pair, remote, seen_from_b),
            "wire": {x: _kinds(wires[x]) for x in "ab"},
            "fin_t": {x: next((seconds(s.t_ns) for s in wires[x] if s.flags & FIN), None) for x in "ab"},
            "resets": [[x, seconds(t), reason] for x, t, reason in resets],
            "link": self._link(pair),
            "a_side": a_side,
            "b_side": b_side,
        } | ({"ghosts": pair.ghosts} if pair.ghosts else {})

    @staticmethod
    def _connect(call: dict[str, Any] | None, opened: str) -> dict[str, Any] | None:
        if call is None:
            return None
        return {"t": round(call["t"], 6), "us": None if opened == "self" else call["us"], "error": call["error"]}

    def _window(self, pair: Pair, host: str | None, source: Endpoint, target: Endpoint) -> list[Segment]:
        """What one side sent in this incarnation, at its own interface."""
        begin, end = pair.span(host)
        return [s for s in self.book.sent(host, source, target) if begin <= s.t_ns < end]

    def _resets(self, wires: dict[str, list[Segment]]) -> list[tuple[str, int, str | None]]:
        """Each RST on the wire, with the kernel's reason where a tracepoint belongs to it."""
        found = [(x, s.t_ns, self._reason(s)) for x, sent in wires.items() for s in sent if s.flags & RST]
        return sorted(found, key=lambda r: r[1])

    def _reason(self, rst: Segment) -> str | None:
        """A RST on behalf of a listener is traced without its target; one by close() after it was transmitted."""
        traced = [r for r in self.book.resets.get((rst.source, rst.target), []) if -MILLISECOND < r.t_ns - rst.t_ns < LATE_NS]
        if not traced:
            nameless = ("::" if ":" in rst.source[0] else "0.0.0.0", 0)
            traced = [r for r in self.book.resets.get((rst.source, nameless), []) if abs(r.t_ns - rst.t_ns) < MILLISECOND]
        return min(traced, key=lambda r: abs(r.t_ns - rst.t_ns)).reason if traced else None

    def _synacks_resent(self, pair: Pair, local: Endpoint, remote: Endpoint) -> int:
        begin, end = pair.span(self.book.host(local))
        traced = [t for t, x, y in self.evidence.account.synacks_resent if (x, y) == (local, remote) and begin <= t < end]
        return len(traced)

    def _link(self, pair: Pair) -> dict[str, int]:
        """Count what the relay did to either side's segments."""
        counts: Counter[str] = Counter()
        remote, outside = pair.a.remote, self.book.outside(pair.a.local)
        for x, ends, host in (
            ("a", (outside, remote), self.book.host(pair.a.local)),
            ("b", (remote, outside), self.book.host(remote)),
        ):
            begin, end = pair.span(host)
            counts.update(f"{x}_{action}" for t, action in self.impaired.get(ends, []) if begin <= t < end)
        return dict(counts)

    def _first_closer_wire(self, pair: Pair, a_side: Any, b_side: Any, hosts: list[str | None]) -> bool | None:
        """At the first closer: was its FIN first acknowledged by the peer's FIN? None: cannot tell."""
        first = first_fin_of(a_side, b_side)
        if first is None or pair.own:
            return None
        outside = self.book.outside(pair.a.local)
        mine, peer = (pair.a.local, pair.a.remote) if first == "a" else (pair.a.remote, outside)
        host = hosts[0] if first == "a" else hosts[1]
        fins = [s for s in self._window(pair, host, mine, peer) if s.flags & FIN]
        if not fins:
            return None
        for s in self._window(pair, host, peer, mine):
            if s.flags & ACK and not s.flags & (SYN | RST) and s.t_ns > fins[0].t_ns and (s.ack - fins[0].end) & 0xFFFFFFFF == 0:
                return bool(s.flags & FIN)
        return None


def _without_ghosts(wires: dict[str, list[Segment]]) -> dict[str, list[Segment]]:
    """Leave out the SYN+ACKs that answered an old copy of the SYN (they carry another number) and their RSTs."""
    synacks = [s for s in wires["b"] if s.flags & (SYN | ACK) == SYN | ACK]
    ghosts = [s for s in synacks if s.seq != synacks[0].seq]
    answered = {s.ack for s in ghosts}
    begun = min((s.t_ns for s in ghosts), default=EVER)
    refusals = [s for s in wires["a"] if s.flags & (RST | ACK) == RST and s.seq in answered and s.t_ns > begun]
    return {"a": [s for s in wires["a"] if s not in refusals], "b": [s for s in wires["b"] if s not in ghosts]}


def _kinds(sent: list[Segment]) -> dict[str, int]:
    """SYN, SYNACK, FIN and RST segments, each counted if there is any."""
    counts: Counter[str] = Counter()
    for s in sent:
        if s.flags & SYN:
            counts["SYNACK" if s.flags & ACK else "SYN"] += 1
        if s.flags & FIN:
            counts["FIN"] += 1
        if s.flags & RST:
            counts["RST"] += 1
    return {k: counts[k] for k in ("SYN", "SYNACK", "FIN", "RST") if counts[k]}
