"""Two captures of the same traffic, compared: what was lost, where time goes, what was changed or made up on the way."""

from __future__ import annotations

from collections import Counter
from itertools import islice
from statistics import median
from typing import TYPE_CHECKING

from tcptrace_py.findings.percentiles import Values
from tcptrace_py.model.path import CLIENT, SERVER, Clock, Columns, Forged, Pair, Paired, PathFacts, Point, Unpaired, Way

from .changes import Changes
from .clock import Bounds
from .kin import Everywhere, Kin, name_of
from .latency import Collected
from .match import Passage, Sightings, passage, sightings
from .pairs import numbers_of, paired
from .single import explain
from .spans import coverages
from .unmatched import Fate, fate_of

if TYPE_CHECKING:
    from collections.abc import Container, Iterator

FIRST_FRAMES = 5  # of the lost segments of a connection that are named
SLACK_NS = 10_000_000


def compare(a: Point, b: Point) -> PathFacts:
    """Compare two captures; A and B may be anywhere on the way, in either order."""
    return _Comparison(a, b).facts()


class _Comparison:
    """The work, in order: pair, look for segments at both points, align the clocks, follow the segments, sum up."""

    def __init__(self, a: Point, b: Point) -> None:
        self.points = (a, b)
        self.columns = (a.columns, b.columns)
        self.coarse = "".join(name for name, point in zip("AB", self.points, strict=True) if _is_coarse(point))
        pairing = paired(a, b)
        self.pairs, self.left = pairing.pairs, pairing.left
        self.seen = [(self._sightings(pair, CLIENT), self._sightings(pair, SERVER)) for pair in self.pairs]
        self.votes = self._votes()
        self.lean = sum(self.votes[pair.a.connection.client.address] for pair in self.pairs)
        self.clock = self._align()
        self.coverage = coverages(
            self.points,
            self.clock,
            [(pair, self.near(pair, CLIENT), seen) for pair, seen in zip(self.pairs, self.seen, strict=True)],
        )
        self.longest_ns = tuple(self._longest(way) for way in (0, 1))
        self.kin = (Kin(a), Kin(b))
        self.everywhere = (Everywhere(a.columns), Everywhere(b.columns))

    def _sightings(self, pair: Pair, side: int) -> Sightings:
        return sightings(self.columns, pair, side)

    def _votes(self) -> Counter[str]:
        """On whose side of the way hosts are, by address at A: above zero on A's.

        What comes from A's side is later at B by the offset plus its time under way, what comes from B's by the offset
        minus that: the difference tells them apart whatever the clocks say. Where a clock tells nothing, hops do.
        """
        votes: Counter[str] = Counter()
        for pair, seen in zip(self.pairs, self.seen, strict=True):
            client, server = (self._differences(each) for each in seen)
            if client and server:
                sign = _hops(pair) if self.coarse else (median(client) > median(server)) - (median(client) < median(server))
                votes[pair.a.connection.client.address] += sign
                votes[pair.a.connection.server.address] -= sign
        return votes

    def _differences(self, seen: Sightings) -> list[int]:
        ours, theirs = self.columns[0].time_ns, self.columns[1].time_ns
        return [theirs[b] - ours[a] for a, b in islice(seen.certain(self.columns), 99)]

    def near(self, pair: Pair, side: int) -> int:
        """The point that a side's segments pass first."""
        return self.near_of(pair.a.connection.client.address, pair.a.connection.server.address) ^ side

    def near_of(self, client: str, server: str) -> int:
        """The point that a client's segments to a server pass first; as for most where nothing is known of the two."""
        return 0 if (self.votes[client] - self.votes[server] or self.lean) >= 0 else 1

    def _align(self) -> Clock:
        a = self.points[0].capture
        bounds = Bounds(a.start_ns or 0, a.end_ns or 0)
        ours, theirs = self.columns[0].time_ns, self.columns[1].time_ns
        for pair, seen in zip(self.pairs, self.seen, strict=True):
            for side in (CLIENT, SERVER):
                from_a = self.near(pair, side) == 0
                for row, other in seen[side].certain(self.columns):
                    bounds.add(from_a, ours[row], theirs[other] - ours[row])
        return bounds.clock()

    def transit(self, near: int, row: int, other: int) -> int:
        """How long a segment was under way, from its row at the near point to the one at the far; 0 where a clock tells nothing."""
        if self.coarse:
            return 0
        if near == 0:
            return self.columns[1].time_ns[other] - self.clock.to_b(self.columns[0].time_ns[row])
        return self.clock.to_b(self.columns[0].time_ns[other]) - self.columns[1].time_ns[row]

    def _longest(self, way: int) -> int:
        """How long nearly every segment of a direction takes at most, with room."""
        times = Values()
        for pair, seen in zip(self.pairs, self.seen, strict=True):
            side = CLIENT if self.near(pair, CLIENT) == way else SERVER
            for row, other in seen[side].certain(self.columns):
                times.add(self.transit(way, *((row, other) if way == 0 else (other, row))))
        return 2 * (times.latency().p99_ns or 0) + SLACK_NS

    # -- what happened on the way ----------------------------------------------------------------------------------------

    def passages(self) -> Iterator[tuple[Pair, tuple[Passage, Passage]]]:
        """Yield each pair with what became of its client's and its server's segments."""
        for pair, seen in zip(self.pairs, self.seen, strict=True):
            yield pair, (self._passage(pair, seen[CLIENT], CLIENT), self._passage(pair, seen[SERVER], SERVER))

    def _passage(self, pair: Pair, seen: Sightings, side: int) -> Passage:
        near = self.near(pair, side)
        found = passage(
            self.columns,
            seen,
            near,
            lambda row, other: self.transit(near, row, other),
            self.longest_ns[near],
            pair.rows(near, 1 - side),
        )
        self._elsewhere(pair, side, near, found)
        return found

    def _elsewhere(self, pair: Pair, side: int, near: int, found: Passage) -> None:
        """Forget leftovers that stand at the other point too, under another connection of the same four-tuple."""
        here, there = self.columns[near], self.columns[1 - near]
        known = self.kin[1 - near].segments(pair.track(1 - near), side ^ (pair.swapped and near == 0))

        def came(row: int) -> bool:
            others = known.get(name_of(here, row), ())
            if here.ip_id[row] > 0:
                return bool(others)
            return any(-SLACK_NS <= self.transit(near, row, other) <= self.longest_ns[near] for other in others)

        found.missing = [row for row in found.missing if not came(row)]
        sent = self.kin[near].segments(pair.track(near), side ^ (pair.swapped and near == 1))
        old = len(found.extra)
        found.extra = [row for row in found.extra if name_of(there, row) not in sent]
        found.copied += old - len(found.extra)
        self._readdressed(pair, near, found)

    def _readdressed(self, pair: Pair, near: int, found: Passage) -> None:
        """Forget leftovers that stand at the other point under other addresses: a box translated them, and not the rest, or the reverse."""
        if not found.missing and not found.extra:
            return
        own = [{row for side in pair.track(point).rows for row in side} for point in (0, 1)]
        old = len(found.missing) + len(found.extra)
        found.missing = [row for row in found.missing if not self._is_elsewhere(near, row, own[1 - near])]
        found.extra = [row for row in found.extra if not self._is_elsewhere(1 - near, row, own[near])]
        found.readdressed = old - len(found.missing) - len(found.extra)

    def _is_elsewhere(self, point: int, row: int, own: Container[int] = ()) -> bool:
        """Whether a segment is at the other point, about then, in another row than its `own` connection's."""
        longest_ns = max(self.longest_ns) + SLACK_NS
        for other in self.everywhere[1 - point].rows(name_of(self.columns[point], row)):
            if other not in own and abs(self.transit(point, row, other)) <= longest_ns:
                return True
        return False

    def facts(self) -> PathFacts:
        """Everything that is to be said."""
        sums = _Sums(self.columns)
        for pair, both in self.passages():
            fates = self._fates(pair, both)
            near = self.near(pair, CLIENT)
            row = Paired(pair.a.connection, pair.b.connection, pair.by)
            _fill(row, fates)
            round_trip_ns = self._transits(sums.transits, near, both)
            row.round_trip_ns = None if self.coarse else round_trip_ns
            sums.rows.append(row)
            for way, fate in enumerate(fates):
                _sum(sums.ways[way], both[way ^ near], fate)
                sums.forged += fate.forged
            sums.changes.add(pair, both, near)
            sums.times.add(self.columns, pair, both, near, self.transit)
            sums.clients[near] += 1
        return self._facts(sums, self._alone(sums.ways))

    def _facts(self, sums: _Sums, alone: list[Unpaired]) -> PathFacts:
        if not self.coarse:
            for way, values in zip(sums.ways, sums.transits, strict=True):
                way.transit = values.latency()
        a, b = self.points
        return PathFacts(
            (a.name, b.name),
            (a.capture, b.capture),
            (len(a.tracks), len(b.tracks)),
            Clock() if self.coarse else self.clock,
            sums.ways,
            Collected().latencies() if self.coarse else sums.times.latencies(),
            sums.rows,
            alone,
            sorted(sums.forged, key=lambda each: each.at_ns),
            sums.changes.translations(),
            sums.changes.alterations(),
            (sums.clients[0], sums.clients[1]),
            self.coarse,
        )

    def _fates(self, pair: Pair, both: tuple[Passage, Passage]) -> tuple[Fate, Fate]:
        """What became of what was sent from A's side, and from B's."""
        near = self.near(pair, CLIENT)
        first, second = (fate_of(self.points, pair, side, near ^ side, both[side], self.coverage) for side in (0, 1))
        return (first, second) if near == 0 else (second, first)

    def _alone(self, ways: tuple[Way, Way]) -> list[Unpaired]:
        """Connections of one capture; SYNs that never came are losses like others."""
        found = []
        for point, tracks in enumerate(self.left):
            columns = self.points[point].columns
            known = {numbers_of(pair.track(point)) for pair in self.pairs} - {None}
            for track in tracks:
                rows = [row for side in track.rows for row in side]
                if not rows or any(self._is_elsewhere(point, row) for row in rows):
                    continue  # a part of a connection that has other addresses elsewhere
                client, server = track.connection.client.address, track.connection.server.address
                near = self.near_of(client, server)
                again = numbers_of(track) in known
                cause = explain(track, point, near, self.coverage[1 - point], columns.time_ns[min(rows)], known=again)
                found.append(cause)
                if cause.code == "syn-lost":
                    ways[point].sent += len(track.rows[CLIENT])
                    ways[point].lost += len(track.rows[CLIENT])
                    ways[point].lost_kinds["SYN"] += len(track.rows[CLIENT])
        return found

    def _transits(self, transits: tuple[Values, Values], near: int, both: tuple[Passage, Passage]) -> int | None:
        """Collect the times under way; gives the least there and back."""
        least: list[int] = []
        for side, found in enumerate(both):
            way = near ^ side
            times = [self.transit(way, row, other) for row, other in zip(found.near, found.far, strict=True)]
            for took_ns in times:
                transits[way].add(took_ns)
            least += [min(times)] if times else []
        return sum(least) if len(least) == 2 else None


def _is_coarse(point: Point) -> bool:
    """Whether a capture's clock is too coarse for what is measured."""
    return any(problem.code == "coarse-clock" for problem in point.capture.problems)


def _hops(pair: Pair) -> int:
    """1: a connection's client is on A's side, as its SYN has more hops to live there; -1: on B's; 0: nothing tells."""
    a, b = (pair.syn(point, CLIENT) for point in (0, 1))
    return 0 if a is None or b is None else (a.ttl > b.ttl) - (a.ttl < b.ttl)


class _Sums:
    """What is added up over all pairs."""

    def __init__(self, columns: tuple[Columns, Columns]) -> None:
        self.ways = (Way(), Way())
        self.transits = (Values(), Values())
        self.times = Collected()
        self.changes = Changes(columns)
        self.rows: list[Paired] = []
        self.forged: list[Forged] = []
        self.clients = [0, 0]


def _sum(way: Way, found: Passage, fate: Fate) -> None:
    way.sent += fate.sent
    way.lost += fate.lost
    way.uncaptured += fate.uncaptured
    way.unsent += fate.unsent
    way.resets_lost += len(fate.resets_lost)
    way.copied += found.copied
    way.readdressed += found.readdressed
    way.lost_kinds.update(fate.lost_kinds)
    way.resegmented += len(found.cut) + len(found.missing_bytes)


def _fill(row: Paired, fates: tuple[Fate, Fate]) -> None:
    one, other = fates
    row.sent, row.lost = (one.sent, other.sent), (one.lost, other.lost)
    row.uncaptured, row.unsent = (one.uncaptured, other.uncaptured), (one.unsent, other.unsent)
    row.resets_lost = len(one.resets_lost), len(other.resets_lost)
    row.lost_frames = tuple(one.lost_frames[:FIRST_FRAMES]), tuple(other.lost_frames[:FIRST_FRAMES])
