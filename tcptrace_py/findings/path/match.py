"""Which segment at one point is which at the other.

A segment is known by its numbers, flags, length, window, timestamps and IP ID. What a box on the way rewrites is left out
where little is found with it. Equal segments that cannot be told apart (a sender without timestamps or IP IDs that sends
again) go by time. What is then left of data goes by the sequence numbers covered: offloading cuts and joins segments
between a capture and the wire.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from tcptrace_py.model.segments import ACK, FIN, SYN
from tcptrace_py.model.seq import MASK, ahead

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from tcptrace_py.model.path import Columns, Pair

    Rows = Iterable[int]
    Name = tuple[int, ...]

MIRROR_NS = 500_000  # a second capture of the same segment follows at once
COPY_NS = 100_000_000  # below every retransmission timeout (RFC 6298; Linux TCP_RTO_MIN 200 ms)


class Equals(NamedTuple):
    """Rows at A and at B of segments that look alike; `identified`: its IP ID says that they are one segment."""

    a: list[int]
    b: list[int]
    identified: bool

    def rows(self, point: int) -> list[int]:
        """Rows at a point."""
        return self.b if point else self.a


class Sightings:
    """The segments of one side of a pair: what was seen at both points, once each, and what needs more thought."""

    __slots__ = ("a", "b", "shift", "unsure")

    def __init__(self, shift: int) -> None:
        self.a, self.b = array("I"), array("I")  # rows of the same segments
        self.unsure: list[Equals] = []
        self.shift = shift  # B's sequence numbers minus A's

    def certain(self, columns: tuple[Columns, Columns]) -> Iterator[tuple[int, int]]:
        """Yield rows at A and at B of one and the same segment, the first where a mirror port shows it twice."""
        yield from zip(self.a, self.b, strict=True)
        for group in self.unsure:
            if group.a and group.b and (group.identified or all(map(_at_once, columns, (group.a, group.b)))):
                yield group.a[0], group.b[0]


def sightings(columns: tuple[Columns, Columns], pair: Pair, side: int) -> Sightings:
    """Look for the segments of a side at both points."""
    shift, peer_shift = _shift(pair, side), _shift(pair, 1 - side)
    rows = pair.rows(0, side), pair.rows(1, side)
    least = min(len(rows[0]), len(rows[1]))
    best: tuple[int, dict[Name, Equals]] = (-1, {})
    for fields in (_whole, _without_id, _bare):
        groups = _groups(columns, rows, fields, (shift, peer_shift))
        found = sum(1 for group in groups.values() if group.a and group.b)
        if found > best[0]:
            best = found, groups
        if 2 * found >= least:
            break
    seen = Sightings(shift)
    for group in best[1].values():
        if len(group.a) == len(group.b) == 1:
            seen.a.append(group.a[0])
            seen.b.append(group.b[0])
        else:
            seen.unsure.append(group)
    return seen


def _at_once(columns: Columns, rows: list[int]) -> bool:
    return columns.time_ns[rows[-1]] - columns.time_ns[rows[0]] < MIRROR_NS


def _shift(pair: Pair, side: int) -> int:
    """How much a box on the way adds to a side's sequence numbers; 0 where its SYN is not at both points."""
    a, b = pair.syn(0, side), pair.syn(1, side)
    return 0 if a is None or b is None else (b.seq - a.seq) & MASK


def _groups(
    columns: tuple[Columns, Columns],
    rows: tuple[Rows, Rows],
    fields: Callable[[Columns, int], Name],
    shifts: tuple[int, int],
) -> dict[Name, Equals]:
    groups: dict[Name, Equals] = {}
    shift, peer_shift = shifts
    for point, (here, mine) in enumerate(zip(columns, rows, strict=True)):
        for row in mine:
            name = fields(here, row)
            if point and (shift or peer_shift):
                ack = (name[1] - peer_shift) & MASK if here.flags[row] & ACK else name[1]
                name = ((name[0] - shift) & MASK, ack, *name[2:])
            group = groups.get(name)
            if group is None:
                identified = fields is _whole and here.ip_id[row] > 0
                group = groups[name] = Equals([], [], identified)
            group.rows(point).append(row)
    return groups


def _whole(c: Columns, i: int) -> Name:
    return (
        c.seq[i], c.ack[i], c.flags[i], c.payload[i], c.window[i], c.tsval[i], c.tsecr[i], c.sack[i], c.ip_id[i]
    )  # fmt: skip


def _without_id(c: Columns, i: int) -> Name:
    return c.seq[i], c.ack[i], c.flags[i], c.payload[i], c.tsval[i], c.tsecr[i]


def _bare(c: Columns, i: int) -> Name:
    return c.seq[i], c.ack[i], c.flags[i], c.payload[i]


class Passage:
    """One side's segments on their way from the point near their sender (`near`) to the other (`far`).

    `near` and `far` are rows of the same segments; `missing` are rows at the near point that nothing at the far one
    answers to, `extra` the other way round, `cut` rows at the near point that arrived in other pieces. `missing_bytes`
    says of a missing row how much of it is missing, where not all is.
    """

    __slots__ = ("copied", "cut", "extra", "far", "missing", "missing_bytes", "near", "readdressed")

    def __init__(self) -> None:
        self.near, self.far = array("I"), array("I")
        self.missing: list[int] = []
        self.extra: list[int] = []
        self.missing_bytes: dict[int, int] = {}
        self.cut: list[int] = []
        self.copied = 0
        self.readdressed = 0  # those that are at the other point under other addresses than the rest


def passage(
    columns: tuple[Columns, Columns],
    seen: Sightings,
    near: int,
    transit: Callable[[int, int], int],
    longest_ns: int,
    peers: Sequence[int],
) -> Passage:
    """Follow the segments of a side, sent on the side of point `near`.

    `transit(row at near, row at far)` is how long a segment was under way, `longest_ns` how long it may have been.
    `peers` are the peer's rows at the near point.
    """
    here, there = columns[near], columns[1 - near]
    found = Passage()
    found.near, found.far = (seen.a, seen.b) if near == 0 else (seen.b, seen.a)
    found.near, found.far = found.near[:], found.far[:]
    for group in seen.unsure:
        ours, theirs = group.rows(near), group.rows(1 - near)
        if group.identified:
            _match_one(found, ours, theirs)
        elif ours:
            _by_time(found, _distinct(here, ours, peers), theirs, transit, longest_ns)
        else:
            found.extra += _distinct(there, theirs, ())
    if found.missing and found.extra:
        shift = seen.shift if near == 0 else -seen.shift
        _cover(found, here, there, shift, transit)
    return found


def _match_one(found: Passage, ours: list[int], theirs: list[int]) -> None:
    """All of these are one segment."""
    if ours and theirs:
        found.near.append(ours[0])
        found.far.append(theirs[0])
        found.copied += len(theirs) > len(ours)
    elif ours:
        found.missing.append(ours[0])
    else:
        found.extra.append(theirs[0])


def _distinct(columns: Columns, rows: list[int], peers: Sequence[int]) -> list[int]:
    """Rows of equal segments without the copies that a mirror port makes (the rule of the flow table, more simply).

    What the peer's segments came between was sent again: a RST for each of them, say.
    """
    kept: list[int] = []
    for row in rows:
        gap_ns = columns.time_ns[row] - columns.time_ns[kept[-1]] if kept else COPY_NS
        bears = columns.payload[row] or columns.flags[row] & (SYN | FIN)
        near = MIRROR_NS
        if columns.interface[row] != columns.interface[kept[-1] if kept else row] or (bears and columns.tsval[row]):
            near = COPY_NS
        answered = bool(kept) and bisect_left(peers, row) > bisect_left(peers, kept[-1])
        if gap_ns >= near or (answered and not bears):
            kept.append(row)
    return kept


def _by_time(found: Passage, ours: list[int], theirs: list[int], transit: Callable[[int, int], int], longest_ns: int) -> None:
    """Give each arrival the latest departure before it that is still free, if that is not too long ago."""
    least_ns = -longest_ns // 8  # an alignment of clocks has its error
    free: list[int] = []  # departures before the arrival in question that no other has taken
    gone = copies = 0
    for row in theirs:
        while gone < len(ours) and transit(ours[gone], row) >= least_ns:
            free.append(ours[gone])
            gone += 1
        if free and transit(free[-1], row) <= longest_ns:
            found.near.append(free.pop())
            found.far.append(row)
        elif gone:
            copies += 1
        else:
            found.extra.append(row)
    found.copied += copies > 0
    found.missing += [*free, *ours[gone:]]


def _cover(found: Passage, here: Columns, there: Columns, shift: int, transit: Callable[[int, int], int]) -> None:
    """Account for data that was cut or joined between the points, by the sequence numbers that arrived."""
    data = [row for row in found.missing if here.payload[row]]
    arrived = [row for row in found.extra if there.payload[row]]
    if not data or not arrived:
        return
    pieces = _Pieces(there, arrived, here.seq[data[0]] + shift)
    whole: set[int] = set()
    for row in reversed(data):  # what was sent again takes what came last
        begin = pieces.place(here.seq[row] + shift)
        wanted = here.payload[row]
        rest = pieces.take(begin, begin + wanted, partial(transit, row))
        if rest == 0:
            whole.add(row)
        elif rest < wanted:
            found.missing_bytes[row] = rest
    found.cut += sorted(whole)
    found.missing = [row for row in found.missing if row not in whole]
    found.extra = [row for row in found.extra if row not in pieces.used]


class _Pieces:
    """Data that arrived, by sequence numbers relative to some base, and what of it is not accounted for yet."""

    def __init__(self, columns: Columns, rows: list[int], base: int) -> None:
        self.base = base & MASK
        ordered = sorted((self.place(columns.seq[row]), row) for row in rows)
        self.rows = [row for _, row in ordered]
        self.begins = [begin for begin, _ in ordered]
        self.free = [[(begin, begin + columns.payload[row])] for begin, row in ordered]
        self.longest = max((columns.payload[row] for row in rows), default=0)
        self.used: set[int] = set()

    def place(self, seq: int) -> int:
        """Sequence number relative to the base."""
        return ahead(seq & MASK, self.base)

    def take(self, begin: int, end: int, transit: Callable[[int], int]) -> int:
        """Take what arrived of a range after it was sent, the latest first; gives how many bytes did not.

        `transit` says how long a piece was under way.
        """
        wanted = [(begin, end)]
        low, high = bisect_left(self.begins, begin - self.longest), bisect_left(self.begins, end)
        for at in sorted(range(low, high), key=lambda at: -self.rows[at]):
            if wanted and self.free[at] and transit(self.rows[at]) >= -MIRROR_NS:
                left = _without(wanted, self.free[at])
                if left != wanted:
                    self.used.add(self.rows[at])
                    self.free[at], wanted = _without(self.free[at], wanted), left
        return sum(stop - start for start, stop in wanted)


def _without(spans: list[tuple[int, int]], gone: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Spans without what lies in others."""
    for low, high in gone:
        spans = [part for start, stop in spans for part in ((start, min(stop, low)), (max(start, high), stop)) if part[0] < part[1]]
    return spans
