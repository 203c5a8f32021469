"""What was rewritten on the way: addresses and ports, options of SYNs, sequence numbers, TTL, IP IDs."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from tcptrace_py.model.path import SERVER, Alteration, Columns, Pair, Syn, Translation
from tcptrace_py.model.segments import OPT_FAST_OPEN, OPT_SACK_OK, OPT_TIMESTAMPS, OPT_WSCALE, SYN

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tcptrace_py.model.results import Connection, Endpoint

    from .match import Passage

OPTIONS = (
    (OPT_WSCALE, "window-scale", "window scale"),
    (OPT_TIMESTAMPS, "timestamps", "timestamps"),
    (OPT_SACK_OK, "sack-permitted", "SACK permitted"),
    (OPT_FAST_OPEN, "fast-open", "Fast Open"),
)
ROLES = ("client", "server")
FEW = 8  # ports named for a translation
LOOKED_AT = 64  # segments of a side that are compared one by one


class Changes:
    """Counts what was changed, over all pairs."""

    def __init__(self, columns: tuple[Columns, Columns]) -> None:
        self.columns = columns
        self.seen: Counter[tuple[str, str]] = Counter()
        self.first: dict[tuple[str, str], tuple[Connection, Connection]] = {}
        self.addresses: dict[tuple[str, str, str], list[tuple[int, int]]] = {}

    def add(self, pair: Pair, both: tuple[Passage, Passage], near: int) -> None:
        """Take in a pair whose client's segments pass point `near` first."""
        for side, found in enumerate(both):
            self._ends(pair, side)
            point = near ^ side
            for code, text in self._changed(pair, side, point, found):
                place = f"{ROLES[side]}'s, {'AB'[point]} to {'AB'[1 - point]}"
                change = code, f"{text} ({place})"
                self.seen[change] += 1
                self.first.setdefault(change, (pair.a.connection, pair.b.connection))

    def _ends(self, pair: Pair, side: int) -> None:
        a, b = _end(pair.a.connection, side), _end(pair.b.connection, side ^ pair.swapped)
        if a != b:
            self.addresses.setdefault((ROLES[side], a.address, b.address), []).append((a.port, b.port))

    def _changed(self, pair: Pair, side: int, point: int, found: Passage) -> Iterator[tuple[str, str]]:
        sent, came = pair.syn(point, side), pair.syn(1 - point, side)
        if sent is not None and came is not None:
            yield from _of_syn(sent, came)
        if found.readdressed:
            yield "addresses", "some segments bear other addresses than the rest"
        here, there = self.columns[point], self.columns[1 - point]
        rows = list(zip(found.near[:LOOKED_AT], found.far[:LOOKED_AT], strict=True))
        if any(here.ip_id[a] != there.ip_id[b] for a, b in rows):
            yield "ip-id", "IP IDs are rewritten"
        if any(here.window[a] != there.window[b] for a, b in rows if not here.flags[a] & SYN):
            yield "window", "windows are rewritten"
        stamped = any(here.tsval[a] and not there.tsval[b] for a, b in rows if not here.flags[a] & SYN)
        if stamped and (sent is None or came is None):
            yield "timestamps", "timestamps taken out"
        hops = Counter(here.ttl[a] - there.ttl[b] for a, b in rows)
        if hops and (most := hops.most_common(1)[0][0]):
            yield "ttl", f"TTL {abs(most)} {'lower' if most > 0 else 'higher'}"

    def translations(self) -> list[Translation]:
        """Rewritten addresses, those of the most connections first."""
        rows = [
            Translation(role, a, b, len(ports), sum(one != other for one, other in ports), tuple(ports[:FEW]))
            for (role, a, b), ports in self.addresses.items()
        ]
        return sorted(rows, key=lambda row: (-row.connections, row.role, row.a, row.b))

    def alterations(self) -> list[Alteration]:
        """Everything else, what most connections show first."""
        return [
            Alteration(code, text, count, self.first[code, text])
            for (code, text), count in sorted(self.seen.items(), key=lambda item: (-item[1], item[0]))
        ]


def _of_syn(sent: Syn, came: Syn) -> Iterator[tuple[str, str]]:
    for bit, code, name in OPTIONS:
        if sent.options & bit and not came.options & bit:
            yield code, f"{name} taken out"
        elif came.options & bit and not sent.options & bit:
            yield code, f"{name} put in"
    if sent.options & came.options & OPT_WSCALE and sent.window_scale != came.window_scale:
        yield "window-scale", f"window scale {sent.window_scale} made {came.window_scale}"
    if sent.mss != came.mss and (sent.mss or came.mss):
        yield "mss", f"MSS {sent.mss or 'absent'} made {came.mss or 'absent'}"
    if sent.seq != came.seq:
        yield "sequence-numbers", "sequence numbers are shifted"


def _end(connection: Connection, side: int) -> Endpoint:
    return connection.server if side == SERVER else connection.client
