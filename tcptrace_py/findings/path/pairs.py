"""Which connection of capture A is which of capture B.

First by what nothing on the way changes: both initial sequence numbers, then one of them where the other was not
captured. Then by the four-tuple, for a firewall that rewrites sequence numbers (the timestamp of the SYN, where it
rewrites addresses too; IP IDs, where it has no timestamp), and for connections that began before a capture by equal segments and by
overlapping numbers.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from tcptrace_py.model.path import CLIENT, SERVER, Pair, Point, Track
from tcptrace_py.model.seq import ahead

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable

    Name = Callable[[Track], Hashable]

NUMBERS = "both initial numbers"
ONE_NUMBER = "one initial number"
TUPLE = "addresses and ports"
STAMP = "timestamps of the SYNs"
SEGMENTS = "equal segments"
IDS = "IP IDs"
ENOUGH_IDS = 3  # segments with the same IP ID, flags, size and window
LOOKED_AT = 32  # segments by which a connection without a handshake is found again


class Pairing:
    """Pairs and what is left over at each point."""

    def __init__(self, a: Point, b: Point) -> None:
        self.points = (a, b)
        self.pairs: list[Pair] = []
        self.left: tuple[list[Track], list[Track]] = (list(a.tracks), list(b.tracks))

    def match(self, by: str, name: Name, other: Name, *, swapped: bool = False) -> None:
        """Pair what `name` calls at A as `other` does at B, in order, where both have equally many of that name."""
        wanted: dict[Hashable, list[Track]] = {}
        for track in self.left[1]:
            if (key := other(track)) is not None:
                wanted.setdefault(key, []).append(track)
        here: dict[Hashable, list[Track]] = {}
        for track in self.left[0]:
            if (key := name(track)) in wanted:
                here.setdefault(key, []).append(track)
        self._take(
            Pair(one, two, by, swapped)
            for key, ours in here.items()
            if len(ours) == len(wanted[key])
            for one, two in zip(ours, wanted[key], strict=True)
        )

    def _take(self, pairs: Iterable[Pair]) -> None:
        found = list(pairs)
        self.pairs += found
        gone = {id(pair.a) for pair in found} | {id(pair.b) for pair in found}
        if gone:
            self.left = tuple([track for track in tracks if id(track) not in gone] for tracks in self.left)  # type: ignore[assignment]

    def by_segments(self) -> None:
        """Pair what has a segment in common: for connections whose handshake neither capture need have."""
        known: dict[tuple[int, ...], tuple[Track, int]] = {}
        for track in self.left[1]:
            for side in (CLIENT, SERVER):
                for name in self._segments(1, track, side):
                    known.setdefault(name, (track, side))
        taken: set[int] = set()
        found = []
        for track in self.left[0]:
            hits = ((side, *known[name]) for side in (CLIENT, SERVER) for name in self._segments(0, track, side) if name in known)
            hit = next((hit for hit in hits if id(hit[1]) not in taken), None)
            if hit is not None:
                taken.add(id(hit[1]))
                found.append(Pair(track, hit[1], SEGMENTS, hit[0] != hit[2]))
        self._take(found)

    def _segments(self, point: int, track: Track, side: int) -> Iterable[tuple[int, ...]]:
        columns = self.points[point].columns
        for row in track.rows[side][:LOOKED_AT]:
            if columns.ack[row] and columns.seq[row]:
                yield (columns.seq[row], columns.ack[row], columns.flags[row], columns.payload[row])

    def by_ids(self) -> None:
        """Pair what has the IP IDs, flags, sizes and windows of most segments in common, where addresses and numbers change."""
        known: dict[tuple[int, ...], list[Track]] = {}
        for track in self.left[1]:
            for name in self._ids(1, track):
                known.setdefault(name, []).append(track)
        taken: set[int] = set()
        found = []
        for track in self.left[0] if known else ():
            names = self._ids(0, track)
            hits = Counter(id(other) for name in names for other in known.get(name, ()))
            tracks = {id(other): other for name in names for other in known.get(name, ())}
            best, count = next((hit for hit in hits.most_common() if hit[0] not in taken), (0, 0))
            if count >= ENOUGH_IDS and 2 * count > min(len(names), len(self._ids(1, tracks[best]))):
                taken.add(best)
                found.append(Pair(track, tracks[best], IDS))
        self._take(found)

    def _ids(self, point: int, track: Track) -> set[tuple[int, ...]]:
        """What the first segments of a connection are known by whose handshake is there: numbers are counted from it."""
        columns = self.points[point].columns
        if None in track.syns:
            return set()
        return {
            (side, columns.ip_id[row], columns.flags[row], columns.payload[row], columns.window[row])
            for side in (CLIENT, SERVER)
            for row in track.rows[side][:LOOKED_AT]
            if columns.ip_id[row] > 0
        }

    def by_overlap(self) -> None:
        """Pair equal four-tuples whose numbers overlap, in both directions that are seen."""
        wanted: dict[Hashable, list[Track]] = {}
        for track in self.left[1]:
            wanted.setdefault(_tuple(track), []).append(track)
        found = []
        for track in self.left[0]:
            for swapped, name in ((False, _tuple(track)), (True, _tuple(track)[::-1])):
                for other in wanted.get(name, ()):
                    if self._overlap(track, other, swapped=swapped):
                        found.append(Pair(track, other, TUPLE, swapped))
                        wanted[name].remove(other)
                        break
                else:
                    continue
                break
        self._take(found)

    def _overlap(self, a: Track, b: Track, *, swapped: bool) -> bool:
        seen = [(_span(self.points[0], a, side), _span(self.points[1], b, side ^ swapped)) for side in (CLIENT, SERVER)]
        both = [(one, two) for one, two in seen if one is not None and two is not None]
        return bool(both) and all(ahead(one[0], two[1]) <= 0 and ahead(two[0], one[1]) <= 0 for one, two in both)

    def absorb(self) -> None:
        """Join what an old duplicate of a SYN raised at one point with the connection that the SYN belongs to."""
        for point in (0, 1):
            owners = {(_tuple(pair.track(point)), _isn(pair.track(point), CLIENT)): pair for pair in self.pairs}
            rest = []
            for track in self.left[point]:
                pair = owners.get((_tuple(track), _isn(track, CLIENT)))
                if pair is None or _isn(track, CLIENT) is None:
                    rest.append(track)
                    continue
                for mine, more in zip(pair.track(point).rows, track.rows, strict=True):
                    mine.extend(more)
                    mine[:] = type(mine)("I", sorted(mine))
            self.left[point][:] = rest


def paired(a: Point, b: Point) -> Pairing:
    """Pair the connections of two captures."""
    pairing = Pairing(a, b)
    for swapped in (False, True):
        pairing.match(NUMBERS, _numbers(CLIENT), _numbers(SERVER if swapped else CLIENT), swapped=swapped)
    for side in (CLIENT, SERVER):
        for swapped in (False, True):
            pairing.match(ONE_NUMBER, _number(side, side), _number(side ^ swapped, side), swapped=swapped)
    pairing.absorb()
    pairing.match(TUPLE, _opened, _opened)
    pairing.match(STAMP, _stamp, _stamp)
    pairing.by_ids()
    pairing.by_segments()
    pairing.by_overlap()
    pairing.pairs.sort(key=lambda pair: pair.a.connection.first_frame)
    return pairing


def _isn(track: Track, side: int) -> int | None:
    syn = track.syns[side]
    return None if syn is None else syn.seq


def _numbers(first: int) -> Name:
    """Both initial numbers, that of side `first` first."""

    def name(track: Track) -> Hashable:
        numbers = (_isn(track, first), _isn(track, 1 - first))
        return None if None in numbers else numbers

    return name


numbers_of = _numbers(CLIENT)


def _number(side: int, named: int) -> Name:
    """One initial number, of the side that is `named` so at A, with the server's port: among many one comes twice."""

    def name(track: Track) -> Hashable:
        isn, connection = _isn(track, side), track.connection
        port = connection.server.port if side == named else connection.client.port
        return None if isn is None else (isn, port)

    return name


def _tuple(track: Track) -> tuple[tuple[str, int], tuple[str, int]]:
    client, server = track.connection.client, track.connection.server
    return (client.address, client.port), (server.address, server.port)


def _opened(track: Track) -> Hashable:
    syn = track.syns[CLIENT]
    return (*_tuple(track), syn.tsval) if syn is not None else None


def _stamp(track: Track) -> Hashable:
    """Timestamps of both SYNs and the first one's IP ID: what is left to go by where addresses and numbers change."""
    syn, synack = track.syns
    if syn is None or synack is None or not (syn.tsval and synack.tsval):
        return None
    return syn.tsval, synack.tsval, syn.ip_id, track.connection.server.port


def _span(point: Point, track: Track, side: int) -> tuple[int, int] | None:
    """First and last sequence number of a side, as captured."""
    rows = track.rows[side]
    if not rows:
        return None
    columns = point.columns
    low = high = columns.seq[rows[0]]
    for row in rows:
        seq = columns.seq[row]
        low = seq if ahead(seq, low) < 0 else low
        high = (seq + columns.payload[row]) & 0xFFFFFFFF if ahead(seq + columns.payload[row], high) > 0 else high
    return low, high
