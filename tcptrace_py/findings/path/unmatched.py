"""What became of the segments that only one of the two points saw."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from typing import TYPE_CHECKING

from tcptrace_py.model.path import CLIENT, Columns, Forged, Pair, Point
from tcptrace_py.model.segments import ACK, FIN, OPT_TIMESTAMPS, RST, SYN
from tcptrace_py.model.seq import add, ahead

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .match import Passage
    from .spans import Coverage

SLACK_BYTES = 60  # of options that come and go
USUAL_BYTES = 1460  # of an Ethernet segment, where no SYN says otherwise


class Fate:
    """One side's segments in packets: sent, lost, arrived without being captured, captured without having been sent."""

    __slots__ = ("forged", "lost", "lost_frames", "lost_kinds", "resets_lost", "sent", "uncaptured", "unsent")

    def __init__(self) -> None:
        self.sent = self.lost = self.uncaptured = self.unsent = 0
        self.lost_frames: list[int] = []
        self.lost_kinds: Counter[str] = Counter()  # packets by what they bore
        self.resets_lost: list[int] = []
        self.forged: list[Forged] = []


def fate_of(
    points: tuple[Point, Point],
    pair: Pair,
    side: int,
    near: int,
    found: Passage,
    coverage: tuple[Coverage, Coverage],
) -> Fate:
    """Say what became of a side's segments; `near` is the point that they pass first."""
    fate = Fate()
    here, there = points[near].columns, points[1 - near].columns
    unit = _unit(pair)
    fate.sent = sum(_packets(here.payload[row], unit) for rows in (found.near, found.cut) for row in rows)
    arrived = _Arrivals(points, pair, side, near)
    for row in sorted(found.missing, key=lambda row: -here.time_ns[row]):
        if not coverage[1 - near].covers(here.time_ns[row]):
            continue
        missing = _packets(found.missing_bytes.get(row, here.payload[row]), unit)
        fate.sent += _packets(here.payload[row], unit)
        if arrived.proves(here, row):
            fate.uncaptured += missing
            continue
        fate.lost += missing
        fate.lost_kinds[_kind(here.flags[row], here.payload[row])] += missing
        fate.lost_frames.append(here.frame[row])
        if here.flags[row] & RST:
            fate.resets_lost.append(row)
    fate.lost_frames.reverse()
    for row in found.extra:
        if coverage[near].covers(there.time_ns[row]):
            if there.flags[row] & (RST | FIN) and not there.payload[row]:
                fate.forged.append(_forged(points, pair, side, near, row, found))
            else:
                fate.unsent += _packets(there.payload[row], unit)
    return fate


def _kind(flags: int, payload: int) -> str:
    """What a segment is, in a word."""
    if flags & SYN:
        return "SYN/ACK" if flags & ACK else "SYN"
    if flags & RST:
        return "RST"
    return "data" if payload else "FIN" if flags & FIN else "ACK"


def _unit(pair: Pair) -> int:
    """Payload of a full packet: the smaller MSS, less the timestamps (RFC 6691)."""
    syns = [syn for point in (0, 1) for side in (0, 1) if (syn := pair.syn(point, side)) is not None]
    sizes = [syn.mss for syn in syns if syn.mss]
    stamps = bool(syns) and all(syn.options & OPT_TIMESTAMPS for syn in syns)
    return max((min(sizes) if sizes else USUAL_BYTES) - (12 if stamps else 0), 1)


def _packets(payload: int, unit: int) -> int:
    """Packets that a segment is on the wire; offloaded ones are several. A size that is not quite met is no second one."""
    return -(-payload // unit) if payload > unit + SLACK_BYTES else 1


class _Arrivals:
    """What must have arrived although the far capture lacks it: the peer acknowledged it, and no other copy came."""

    def __init__(self, points: tuple[Point, Point], pair: Pair, side: int, near: int) -> None:
        self.there = points[1 - near].columns
        self.rows = pair.rows(1 - near, side)
        syn, other = pair.syn(near, side), pair.syn(1 - near, side)
        self.shift = 0 if syn is None or other is None else other.seq - syn.seq
        self.acked = self._acked(pair.rows(1 - near, 1 - side))
        self.spans: list[tuple[int, int]] | None = None
        self.base = 0

    def _acked(self, answers: Sequence[int]) -> int | None:
        """Highest number that the peer acknowledged, as the near point names it."""
        columns, best = self.there, None
        for row in answers:
            ack = add(columns.ack[row], -self.shift)
            if columns.flags[row] & (ACK | RST) == ACK and (best is None or ahead(ack, best) > 0):
                best = ack
        return best

    def proves(self, here: Columns, row: int) -> bool:
        """Whether a segment must have come; then it counts as come for those before it."""
        flags = here.flags[row]
        length = here.payload[row] + (1 if flags & SYN else 0) + (1 if flags & FIN else 0)
        if self.acked is None or not length or flags & RST:
            return False
        begin, end = here.seq[row], add(here.seq[row], length)
        if ahead(end, self.acked) > 0:
            return False
        if self.spans is None:
            self.base = begin
            self.spans = self._merged()
        low = ahead(begin, self.base)
        high = low + length
        at = bisect_right(self.spans, (low, 1 << 40)) - 1
        if at >= 0 and self.spans[at][1] >= high:
            return False
        _insert(self.spans, low, high)
        return True

    def _merged(self) -> list[tuple[int, int]]:
        columns, spans = self.there, []
        for row in self.rows:
            flags = columns.flags[row]
            length = columns.payload[row] + (1 if flags & SYN else 0) + (1 if flags & FIN else 0)
            if length and not flags & RST:
                low = ahead(add(columns.seq[row], -self.shift), self.base)
                spans.append((low, low + length))
        return _merge(spans)


def _insert(spans: list[tuple[int, int]], low: int, high: int) -> None:
    """Add a span to others that are apart and in order, and join it with those that it touches."""
    first = last = bisect_left(spans, (low, low))
    if first and spans[first - 1][1] >= low:
        first -= 1
        low = spans[first][0]
    while last < len(spans) and spans[last][0] <= high:
        last += 1
    spans[first:last] = [(low, max(high, spans[last - 1][1]) if last > first else high)]


def _merge(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for low, high in sorted(spans):
        if merged and low <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(high, merged[-1][1])
        else:
            merged.append((low, high))
    return merged


def _forged(points: tuple[Point, Point], pair: Pair, side: int, near: int, row: int, found: Passage) -> Forged:
    """A RST or FIN that its sender's capture lacks: what speaks for it having been made on the way."""
    far = 1 - near
    there = points[far].columns
    evidence = []
    ttls = {there.ttl[other] for other in found.far[:99]}
    other_ttl = bool(ttls) and there.ttl[row] not in ttls
    if other_ttl:
        evidence.append(f"TTL {there.ttl[row]}, its sender's other segments {', '.join(map(str, sorted(ttls)))}")
    ids = [there.ip_id[other] for other in found.far if there.ip_id[other] > 0]
    if ids and there.ip_id[row] >= 0 and min(abs(there.ip_id[row] - other) for other in ids) > 1000:
        evidence.append(f"IP ID {there.ip_id[row]}, far from its sender's others")
    name = "AB"[near]
    whole = not [other for other in found.extra if not there.flags[other] & (RST | FIN)]
    evidence.append(f"{name} captured everything else that its sender sent" if whole else f"{name} misses other segments too")
    client = pair.a.connection, pair.b.connection
    return Forged(
        "RST" if there.flags[row] & RST else "FIN",
        "AB"[far],
        "client" if side == CLIENT else "server",
        client,
        there.frame[row],
        there.time_ns[row],
        "high" if whole and other_ttl else "medium" if whole or other_ttl else "low",
        tuple(evidence),
    )
