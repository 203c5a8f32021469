"""Accounts + wire + logs -> one record a connection, in the lab's format (its README tells what each field means).

Where two sources could disagree, the rarer certainty wins: states and their times come from the kernel alone, counts
of segments from the wire alone, and what neither tells is left null.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from samples.recorder.verdict import first_fin_of, how_of, opening_of
from samples.recorder.wire import ACK, FIN, RST, SYN, Endpoint, Segment

if TYPE_CHECKING:
    from samples.recorder.account import Account, Mini, Reset, Sock

MILLISECOND = 1_000_000
SYNACK_NS = 2 * MILLISECOND  # a SYN+ACK leaves within this of its request's timer's start
RESTART_NS = 50 * MILLISECOND  # two witnesses of one restart of TIME_WAIT differ by less


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


@dataclass
class Pair:
    """One connection before it is written down. `b` may be a socket, a lone request or nothing."""

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


def seconds(t_ns: int | None) -> float | None:
    """Seconds since the epoch, to the microsecond."""
    return None if t_ns is None else round(t_ns / 1e9, 6)


class Book:
    """Puts one recording's evidence together."""

    def __init__(self, evidence: Evidence) -> None:
        self.evidence = evidence
        self.witness: Counter[str] = Counter()
        self.by_tuple: dict[str, dict[tuple[Endpoint, Endpoint], list[Segment]]] = {}
        for host, wire in evidence.wires.items():
            index = self.by_tuple[host] = defaultdict(list)
            for segment in wire:
                index[segment.source, segment.target].append(segment)
        self.resets: dict[tuple[Endpoint, Endpoint], list[Reset]] = defaultdict(list)
        for reset in evidence.account.resets:
            self.resets[reset.source, reset.target].append(reset)
        self._tie_requests()
        self.pairs = self._pairs()

    def sent(self, host: str | None, source: Endpoint, target: Endpoint) -> list[Segment]:
        """What was captured at a host from source to target."""
        return self.by_tuple.get(host or "", {}).get((source, target), [])

    def host(self, endpoint: Endpoint) -> str | None:
        """Which host an address is of."""
        return self.evidence.host_of.get(endpoint[0])

    # Who belongs to whom

    def _tie_requests(self) -> None:
        """Requests without a child: tied by the SYN+ACK that left right after the timer's start."""
        lone = [m for m in self.evidence.account.minis if m.kind == "request" and m.local is None]
        synacks = [s for host in self.evidence.wires for s in self.evidence.wires[host]
                   if s.flags & (SYN | ACK) == SYN | ACK and self.host(s.source) == host]  # fmt: skip
        synacks.sort(key=lambda s: s.t_ns)
        taken: set[int] = set()
        for mini in sorted(lone, key=lambda m: m.starts[0][0]):
            start = mini.starts[0][0]
            for i, s in enumerate(synacks):
                if i not in taken and start <= s.t_ns < start + SYNACK_NS:
                    taken.add(i)
                    mini.local, mini.remote, mini.tied_by = s.source, s.target, "synack"
                    break
            else:
                mini.tied_by = "nothing"

    def _pairs(self) -> list[Pair]:
        known = self.evidence.host_of
        socks = [s for s in self.evidence.account.socks if s.remote[0] in known or s.local[0] in known]
        actives = sorted((s for s in socks if not s.passive and s.local[1]), key=lambda s: s.born_ns)
        self.witness["never_sent"] = sum(1 for s in socks if not s.passive and not s.local[1])
        pairs, twins = [], set()
        for sock in actives:
            if sock.address in twins and any(p.b is sock for p in pairs):
                continue
            pair = Pair(sock)
            if sock.local != sock.remote:
                for other in actives:
                    if (other.local, other.remote) == (sock.remote, sock.local) and sock.born_ns < other.born_ns < (sock.closed_ns or 1 << 62):
                        pair.b, pair.twin = other, True
                        twins.add(other.address)
                        break
            pairs.append(pair)
        self._number(pairs)
        self._add_passives(pairs, [s for s in socks if s.passive])
        return pairs

    def _number(self, pairs: list[Pair]) -> None:
        """Incarnations, initial sequence numbers, and from when to when each was at either host."""
        groups: dict[Any, list[Pair]] = defaultdict(list)
        for pair in pairs:
            groups[frozenset((pair.a.local, self.outside(pair.a.remote)))].append(pair)
        for group in groups.values():
            group.sort(key=lambda p: p.a.born_ns)
            for i, pair in enumerate(group):
                pair.incarnation = i
                limit = group[i + 1].a.born_ns if i + 1 < len(group) else 1 << 62
                for s in self.sent(self.host(pair.a.local), pair.a.local, pair.a.remote):
                    if s.flags & (SYN | ACK) == SYN and pair.a.born_ns - MILLISECOND <= s.t_ns < limit:
                        pair.isn = s.seq
                        break
            for host in self.evidence.wires:
                self._windows(group, host)

    def _windows(self, group: list[Pair], host: str) -> None:
        starts = []
        for pair in group:
            if self.host(pair.a.local) == host:
                starts.append(pair.a.born_ns - 100_000)
                continue
            source = self.outside(pair.a.local)
            arrivals = [s.t_ns for s in self.sent(host, source, pair.a.remote) if s.flags & (SYN | ACK) == SYN and s.seq == pair.isn]
            if pair.b and pair.twin:
                arrivals.append(pair.b.born_ns - 100_000)
            starts.append(min(arrivals, default=-1))
        for i, pair in enumerate(group):
            later = [t for t in starts[i + 1 :] if t >= 0]
            pair.window[host] = (starts[i], min(later, default=1 << 62)) if starts[i] >= 0 else (0, 0)

    def outside(self, endpoint: Endpoint) -> Endpoint:
        """What NAT made of a client's endpoint."""
        return self.evidence.nat.get(endpoint, endpoint)

    def _add_passives(self, pairs: list[Pair], passives: list[Sock]) -> None:
        """Give each passive socket and lone request to the incarnation whose SYN it answered."""
        groups: dict[Any, list[Pair]] = defaultdict(list)
        for pair in pairs:
            groups[pair.a.remote, self.outside(pair.a.local)].append(pair)
        lone = [m for m in self.evidence.account.minis if m.kind == "request" and m.child is None and m.local]
        answers: list[tuple[int, Endpoint, Endpoint, Sock | None, Mini | None]] = [
            (s.request.starts[0][0] if s.request else s.born_ns, s.local, s.remote, s, s.request) for s in passives]  # fmt: skip
        answers += [(m.starts[0][0], m.local, m.remote, None, m) for m in lone if m.local and m.remote]
        for t, local, remote, sock, request in sorted(answers, key=lambda x: x[0]):
            group = groups.get((local, remote), [])
            host = self.host(local)
            mine = [p for p in group if p.window.get(host or "", (0, 0))[0] <= t < p.window.get(host or "", (0, 0))[1]]
            if not mine:
                self.witness["answers_without_connection"] += 1
                continue
            pair = mine[-1]
            if pair.b is not None or (sock is None and pair.request is not None):
                pair.ghosts += 1
                continue
            pair.b, pair.request = sock, request

    # Records

    def records(self) -> list[dict[str, Any]]:
        """All records, by the time of their first event."""
        connects, accepts = self._program_logs()
        pairs = sorted(self.pairs, key=lambda p: p.a.born_ns)
        return [self._record(i, pair, connects, accepts) for i, pair in enumerate(pairs)]

    def _program_logs(self) -> tuple[dict[Any, list[dict[str, Any]]], dict[Any, list[dict[str, Any]]]]:
        connects: dict[Any, list[dict[str, Any]]] = defaultdict(list)
        accepts: dict[Any, list[dict[str, Any]]] = defaultdict(list)
        for entry in self.evidence.logs:
            if entry["what"] == "connect":
                connects[tuple(entry["local"]), tuple(entry["remote"])].append(entry)
                connects[entry["local"][1], tuple(entry["remote"])].append(entry)  # a failed connect() forgets its address
            elif entry["what"] == "accept":
                accepts[tuple(entry["local"]), tuple(entry["remote"])].append(entry)
        return connects, accepts

    def _connect_of(self, sock: Sock, connects: dict[Any, list[dict[str, Any]]]) -> dict[str, Any] | None:
        born = sock.born_ns / 1e9
        for key in ((sock.local, sock.remote), (sock.local[1], sock.remote), (0, sock.remote)):
            near = [e for e in connects.get(key, []) if -0.0005 <= born - e["t"] <= (e["us"] or 50_000) / 1e6 + 0.0005]
            if near:
                return min(near, key=lambda e: abs(born - e["t"]))
        return None

    def _record(self, number: int, pair: Pair, connects: Any, accepts: Any) -> dict[str, Any]:
        a, b, local, remote = pair.a, pair.b, pair.a.local, pair.a.remote
        seen_from_b = self.outside(local)
        call = self._connect_of(a, connects)
        hosts = [self.host(local), self.host(remote)]
        wires = {"a": [] if pair.own and hosts[0] is None else self._window(pair, hosts[0], local, remote),
                 "b": [] if pair.own else self._window(pair, hosts[1], remote, seen_from_b)}  # fmt: skip
        resets = self._resets(pair, wires)
        a_side = self._side(a, None, pair, hosts[0], connects)
        b_side = self._side(b, pair.request, pair, hosts[1], connects) if b or pair.request else None
        opened = opening_of(pair, wires, a_side, b_side)
        how = how_of(pair, opened, a_side, b_side, self._first_closer_wire(pair, a_side, b_side, hosts))
        accepted = [e["t"] for e in accepts.get((remote, seen_from_b), []) if b and b.born_ns / 1e9 <= e["t"]]
        if opened in ("", None):
            opened = how
        return {
            "id": number, "scenario": self.evidence.scenario, "label": call["label"] if call else None,
            "incarnation": pair.incarnation, "a": list(local), "b": list(remote), "hosts": hosts,
            "open": opened, "how": how, "first_fin": first_fin_of(a_side, b_side),
            "first_rst": min(resets, key=lambda r: r[1])[0] if resets else None,
            "time_wait": [x for x, side in (("a", a_side), ("b", b_side)) if side and side["time_wait"]],
            "connect": self._connect(call, opened),
            "accept_t": round(min(accepted), 6) if accepted and not pair.twin else None,
            "syn_retrans": {"a": a.retrans["SYN_SENT"]} | ({"b": b.retrans["SYN_SENT"]} if pair.twin and b else {}),
            "synack_retrans": self._synacks_resent(pair, remote, seen_from_b),
            "wire": {x: _kinds(wires[x]) for x in "ab"},
            "fin_t": {x: next((seconds(s.t_ns) for s in wires[x] if s.flags & FIN), None) for x in "ab"},
            "resets": [[x, seconds(t), reason] for x, t, reason in resets],
            "link": self._link(pair), "a_side": a_side, "b_side": b_side,
        } | ({"ghosts": pair.ghosts} if pair.ghosts else {})  # fmt: skip

    @staticmethod
    def _connect(call: dict[str, Any] | None, opened: str) -> dict[str, Any] | None:
        if call is None:
            return None
        return {"t": round(call["t"], 6), "us": None if opened == "self" else call["us"], "error": call["error"]}

    def _window(self, pair: Pair, host: str | None, source: Endpoint, target: Endpoint) -> list[Segment]:
        """What one side sent in this incarnation, at its own interface."""
        begin, end = pair.window.get(host or "", (0, 0))
        return [s for s in self.sent(host, source, target) if begin <= s.t_ns < end]

    def _resets(self, pair: Pair, wires: dict[str, list[Segment]]) -> list[tuple[str, int, str | None]]:
        """Each RST on the wire, with the kernel's time and reason where a tracepoint belongs to it."""
        found = []
        for x, sent in wires.items():
            for s in sent:
                if s.flags & RST:
                    traced = [r for r in self.resets.get((s.source, s.target), []) if abs(r.t_ns - s.t_ns) < MILLISECOND]
                    best = min(traced, key=lambda r: abs(r.t_ns - s.t_ns), default=None)
                    found.append((x, best.t_ns if best else s.t_ns, best.reason if best else None))
        return sorted(found, key=lambda r: r[1])

    def _synacks_resent(self, pair: Pair, local: Endpoint, remote: Endpoint) -> int:
        begin, end = pair.window.get(self.host(local) or "", (0, 0))
        traced = [t for t, x, y in self.evidence.account.synacks_resent if (x, y) == (local, remote) and begin <= t < end]
        return len(traced)

    def _link(self, pair: Pair) -> dict[str, int]:
        counts: Counter[str] = Counter()
        remote, outside = pair.a.remote, self.outside(pair.a.local)
        for t, source, target, action, _ in self.evidence.relay:
            if source is None:
                continue
            ends = (tuple(source), tuple(target))
            x = "a" if ends == (outside, remote) else "b" if ends == (remote, outside) else None
            if x:
                host = self.host(pair.a.local if x == "a" else remote)
                begin, end = pair.window.get(host or "", (0, 0))
                if begin <= t * 1e9 < end:
                    counts[f"{x}_{action}"] += 1
        return dict(counts)

    def _first_closer_wire(self, pair: Pair, a_side: Any, b_side: Any, hosts: list[str | None]) -> bool | None:
        """At the first closer: was the first segment that acknowledged its FIN the peer's FIN? None: cannot tell."""
        first = first_fin_of(a_side, b_side)
        if first is None or pair.own:
            return None
        outside = self.outside(pair.a.local)
        mine, peer = (pair.a.local, pair.a.remote) if first == "a" else (pair.a.remote, outside)
        host = hosts[0] if first == "a" else hosts[1]
        fins = [s for s in self._window(pair, host, mine, peer) if s.flags & FIN]
        if not fins:
            return None
        for s in self._window(pair, host, peer, mine):
            if s.flags & ACK and not s.flags & (SYN | RST) and s.t_ns > fins[0].t_ns and (s.ack - fins[0].end) & 0xFFFFFFFF == 0:
                return bool(s.flags & FIN)
        return None

    # Sides

    def _side(self, sock: Sock | None, request: Mini | None, pair: Pair, host: str | None, connects: Any) -> dict[str, Any]:
        if sock is None:
            assert request is not None
            return self._request_side(request, pair, host)
        states = [(s, t) for s, t in sock.states]
        if request and states[0][0] == "SYN_RECV":
            states[0] = ("SYN_RECV", request.starts[0][0])
        elif sock.passive and _born_by_cookie(sock):
            states = states[1:]
        end, stay = sock.end, None
        if sock.mini:
            end, stay = self._minisock(sock, sock.mini, states, pair, host)
        return {"role": "passive" if sock.passive else "active", "end": end,
                "states": [[s, seconds(t)] for s, t in states],
                "retrans": dict(sock.retrans), "time_wait": stay, "info": self._info(sock)}  # fmt: skip

    def _minisock(self, sock: Sock, mini: Mini, states: list[tuple[str, int]], pair: Pair, host: str | None) -> tuple[str, Any]:
        """The rest of a side's life after its socket was replaced by a minisock."""
        starts = mini.time_wait_starts
        if not starts:  # FIN_WAIT2 to its end
            if mini.end_ns is None:
                return "open", None
            states.append(("CLOSED", mini.end_ns))
            if mini.end_by == "expired":
                return "timeout", None
            sent = mini.reset_before
            return ("rst_sent" if sent and (sent.source, sent.target) == (sock.local, sock.remote) else "rst_received"), None
        states.append(("TIME_WAIT", starts[0]))
        end_by = None
        if mini.end_ns is not None:
            states.append(("CLOSED", mini.end_ns))
            end_by = "expired" if mini.end_by == "expired" else "reuse" if self._reused(mini, pair, host) else "rst_received"
        sampled = [t for t in self._sampled_restarts(sock, starts[0], mini.end_ns) if all(abs(t - u) > RESTART_NS for u in starts)]
        return "time_wait", {"start": seconds(starts[0]), "restarts": [seconds(t) for t in sorted(starts[1:] + sampled)],
                             "end": seconds(mini.end_ns), "end_by": end_by}  # fmt: skip

    def _reused(self, mini: Mini, pair: Pair, host: str | None) -> bool:
        """Did another incarnation begin at this host at the moment the minisock was taken away?"""
        end = mini.end_ns or 0
        moments = [s.born_ns for s in self.evidence.account.socks if (s.local, s.remote) == (mini.local, mini.remote)]
        moments += [m.starts[0][0] for m in self.evidence.account.minis if m.kind == "request" and (m.local, m.remote) == (mini.local, mini.remote)]
        return any(abs(t - end) < MILLISECOND for t in moments)

    def _sampled_restarts(self, sock: Sock, start_ns: int, end_ns: int | None) -> list[int]:
        """Restarts that only sock_diag saw: the minisock's date of expiry had moved."""
        moved = [round((e["ends"] - 60.0) * 1e9) for e in self.evidence.samples
                 if e["state"] == "TIME_WAIT" and (tuple(e["local"]), tuple(e["remote"])) == (sock.local, sock.remote)
                 and start_ns <= e["t"] * 1e9 <= (end_ns or 1 << 62)]  # fmt: skip
        found: list[int] = []
        for t in sorted(moved):
            if t - start_ns > RESTART_NS and (not found or t - found[-1] > RESTART_NS):
                found.append(t)
        return found

    def _request_side(self, request: Mini, pair: Pair, host: str | None) -> dict[str, Any]:
        states = [("SYN_RECV", request.starts[0][0])]
        end = "open"
        if request.end_ns is not None:
            states.append(("CLOSED", request.end_ns))
            end = "timeout" if request.end_by == "expired" else self._request_end(request, host)
        return {"role": "request", "end": end, "states": [[s, seconds(t)] for s, t in states],
                "retrans": {}, "time_wait": None, "info": None}  # fmt: skip

    def _request_end(self, request: Mini, host: str | None) -> str:
        """What took a request away before its time: a RST that came, one that was sent, or its listener's close."""
        assert request.local
        assert request.remote
        end = request.end_ns or 0
        sent = request.reset_before
        if sent and (sent.source, sent.target) == (request.local, request.remote):
            return "rst_sent"
        came = self.sent(host, request.remote, request.local)
        if any(s.flags & RST and 0 <= end - s.t_ns < MILLISECOND for s in came):
            return "rst_received"
        return "closed"

    def _info(self, sock: Sock) -> dict[str, int] | None:
        if sock.closed_ns is None:
            return None
        closed = sock.closed_ns / 1e9
        for e in self.evidence.samples:
            if e["state"] == "destroyed" and (tuple(e["local"]), tuple(e["remote"])) == (sock.local, sock.remote) and -0.001 < e["t"] - closed < 0.5:
                info = e["info"]
                return info if isinstance(info, dict) else None
        return None


def _born_by_cookie(sock: Sock) -> bool:
    """No request, and ESTABLISHED within the softirq of its birth. Fast Open waits for the handshake's last ACK."""
    established = sock.entered("ESTABLISHED")
    return sock.request is None and established is not None and established - sock.born_ns < MILLISECOND and sock.established_in == sock.born_in


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
