"""When connections began, and the broken ones among them: counts in equal intervals of time."""

from array import array
from bisect import bisect_right
from itertools import accumulate

from tcptrace_py.model.clock import SECOND_NS
from tcptrace_py.model.results import Intervals

MS = SECOND_NS // 1000
MINUTE, HOUR = 60 * SECOND_NS, 3600 * SECOND_NS
# Lengths as logs are read by, each so many times the one before it: what was counted in one adds up to the next.
LENGTHS_NS = (
    MS, 10 * MS, 100 * MS, 500 * MS, SECOND_NS, 5 * SECOND_NS, 10 * SECOND_NS, 30 * SECOND_NS, MINUTE, 5 * MINUTE, 10 * MINUTE,
    30 * MINUTE, HOUR, 6 * HOUR, 24 * HOUR, 10 * 24 * HOUR, 100 * 24 * HOUR, 1000 * 24 * HOUR, 10_000 * 24 * HOUR,
)  # fmt: skip
MOST = 60  # intervals in the end: what a line of a terminal holds. Of the last length, no times lie so far apart
ROOM = 512  # intervals while connections come


class Begun:
    """How many connections had begun by when, spread evenly over each interval; `rows`: ascending numbers of intervals, with counts."""

    def __init__(self, length_ns: int, rows: list[tuple[int, int]]) -> None:
        self.length_ns = length_ns
        self.numbers = [number for number, _ in rows]
        self.counts = [count for _, count in rows]
        self.before = list(accumulate(self.counts, initial=0))

    def until(self, time_ns: int) -> float:
        """About how many began before a moment."""
        place = bisect_right(self.numbers, time_ns // self.length_ns)
        if not place or self.numbers[place - 1] != time_ns // self.length_ns:
            return self.before[place]
        return self.before[place - 1] + self.counts[place - 1] * (time_ns % self.length_ns) / self.length_ns


class Timeline:
    """Counts by interval, from UTC's beginning on, so that they end where a clock's do. The order of telling does not show."""

    __slots__ = ("_broken", "_connections", "_first", "_length", "_length_ns")

    def __init__(self) -> None:
        self._length, self._length_ns = 0, LENGTHS_NS[0]
        self._first = 0  # number of the first interval that there is room for
        self._clear()

    def _clear(self) -> None:
        self._connections, self._broken = array("q", bytes(8 * ROOM)), array("q", bytes(8 * ROOM))

    def add(self, start_ns: int, broken: int) -> None:
        """Count a connection."""
        place = start_ns // self._length_ns - self._first
        if not 0 <= place < ROOM:
            self._make_room(start_ns)
            place = start_ns // self._length_ns - self._first
        self._connections[place] += 1
        self._broken[place] += broken

    def _make_room(self, time_ns: int) -> None:
        """Move what is counted, and add it up to longer intervals where they are too many."""
        length, rows = self.parcel()
        self._clear()
        self._fit(length, [number * LENGTHS_NS[length] for number, _, _ in rows] + [time_ns])
        self._take(length, rows)

    def _fit(self, length: int, times_ns: list[int]) -> None:
        """Set length and place so that there is room for these times, and as much before as behind them."""
        first_ns, last_ns = min(times_ns), max(times_ns)
        while last_ns // LENGTHS_NS[length] - first_ns // LENGTHS_NS[length] >= ROOM:
            length += 1
        self._length, self._length_ns = length, LENGTHS_NS[length]
        first, last = first_ns // self._length_ns, last_ns // self._length_ns
        self._first = first - (ROOM - 1 - (last - first)) // 2

    def _take(self, length: int, rows: list[tuple[int, int, int]]) -> None:
        """Add what was counted in intervals of another length."""
        times = self._length_ns // LENGTHS_NS[length]
        for number, connections, broken in rows:
            place = number // times - self._first
            self._connections[place] += connections
            self._broken[place] += broken

    def parcel(self) -> tuple[int, list[tuple[int, int, int]]]:
        """All of it, for another process: number of the length, then a number of an interval, connections and broken ones."""
        return self._length, [
            (self._first + place, self._connections[place], self._broken[place]) for place in range(ROOM) if self._connections[place]
        ]

    def take(self, parcel: tuple[int, list[tuple[int, int, int]]]) -> None:
        """Take in another part of the capture."""
        length, rows = self.parcel()
        other, others = parcel
        times_ns = [number * LENGTHS_NS[length] for number, _, _ in rows] + [number * LENGTHS_NS[other] for number, _, _ in others]
        if times_ns:
            self._clear()
            self._fit(max(length, other), times_ns)
            self._take(length, rows)
            self._take(other, others)

    def begun(self) -> "Begun":
        """How many connections had begun by when."""
        length, rows = self.parcel()
        return Begun(LENGTHS_NS[length], [(number, connections) for number, connections, _ in rows])

    def result(self) -> Intervals | None:
        """The intervals, of the shortest length of which MOST suffice; None without a connection."""
        length, rows = self.parcel()
        if not rows:
            return None
        first, last = rows[0][0], rows[-1][0]
        final, times = length, 1
        while last // times - first // times >= MOST:
            final += 1
            times = LENGTHS_NS[final] // LENGTHS_NS[length]
        connections, broken = [0] * (last // times - first // times + 1), [0] * (last // times - first // times + 1)
        for number, more, more_broken in rows:
            connections[number // times - first // times] += more
            broken[number // times - first // times] += more_broken
        return Intervals(first // times * LENGTHS_NS[final], LENGTHS_NS[final], tuple(connections), tuple(broken))
