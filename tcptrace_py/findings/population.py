"""How many there are at once: from intervals to the peak and what is left at the end, in bounded memory.

Intervals come in roughly by their end. `fold` settles everything before a moment, so that only the intervals of the last
while are kept one by one; of what is settled there remains, for each second, the most and what was left at its end.
An interval that turns up later than that (a connection that was open for long) is added to the seconds that it spans.
"""

from array import array
from bisect import bisect_left, bisect_right, insort

from tcptrace_py.model.clock import SECOND_NS


class Population:
    """Intervals of time (ns). Counts are exact but for a latecomer's first and last second, where one more may be counted."""

    __slots__ = ("begins", "count", "ends", "folded_ns", "level", "seconds", "settled")

    def __init__(self) -> None:
        self.begins = array("q")
        self.ends = array("q")
        self.count = 0
        self.level = 0  # how many there are at folded_ns
        self.folded_ns = -(1 << 62)
        self.seconds: list[int] = []  # seconds with events that are settled, in order
        self.settled: dict[int, list[int]] = {}  # second -> most in it, first moment (ns) of that, left at its end

    def add(self, begin_ns: int, end_ns: int) -> None:
        """Count one from `begin_ns` until just before `end_ns`."""
        self.count += 1
        if begin_ns < self.folded_ns:
            if begin_ns < end_ns:
                self._add_late(begin_ns, end_ns)
            return
        self.begins.append(begin_ns)
        self.ends.append(end_ns)

    def fold(self, until_ns: int) -> None:
        """Settle everything before a moment."""
        if until_ns <= self.folded_ns:
            return
        begins, ends = sorted(self.begins), sorted(self.ends)
        last_begin, last_end = bisect_left(begins, until_ns), bisect_left(ends, until_ns)
        if last_begin or last_end:
            self._settle(begins[:last_begin], ends[:last_end])
            self.begins, self.ends = array("q", begins[last_begin:]), array("q", ends[last_end:])
        self.folded_ns = until_ns

    def _settle(self, begins: list[int], ends: list[int]) -> None:
        gone = 0
        level = self.level
        for begin_ns in begins:
            while gone < len(ends) and ends[gone] <= begin_ns:
                level -= 1
                self._note(ends[gone], level + 1, level)
                gone += 1
            level += 1
            self._note(begin_ns, level - 1, level)
        for end_ns in ends[gone:]:
            level -= 1
            self._note(end_ns, level + 1, level)
        self.level = level

    def _note(self, time_ns: int, before: int, level: int) -> None:
        """The level changed; a second's most is at least the level that it began with."""
        second = time_ns // SECOND_NS
        row = self.settled.get(second)
        if row is None:
            carried = before > level and time_ns > second * SECOND_NS
            self.settled[second] = [before, second * SECOND_NS, level] if carried else [level, time_ns, level]
            if not self.seconds or second > self.seconds[-1]:
                self.seconds.append(second)
            else:
                insort(self.seconds, second)
            return
        if level > row[0]:
            row[0], row[1] = level, time_ns
        row[2] = level

    def _add_late(self, begin_ns: int, end_ns: int) -> None:
        """One more in every second that it spans, as far as those are settled; what is left of it is counted as the rest."""
        first = begin_ns // SECOND_NS
        at = bisect_left(self.seconds, first)
        if at == len(self.seconds) or self.seconds[at] != first:
            before = self.settled[self.seconds[at - 1]][2] if at else 0
            self.seconds.insert(at, first)
            self.settled[first] = [before, begin_ns, before]
        last_ns = min(end_ns, self.folded_ns)
        last = last_ns // SECOND_NS
        for second in self.seconds[at:bisect_right(self.seconds, last)]:
            row = self.settled[second]
            if second < last or end_ns >= self.folded_ns:
                row[0] += 1
                row[2] += 1
            else:
                row[0] += 1
        if end_ns >= self.folded_ns:
            self.level += 1
            self.ends.append(end_ns)

    def peak(self) -> tuple[int, int | None]:
        """Most at once and the first moment at which it was so; (0, None) of nothing."""
        best, best_at = 0, None
        for second in self.seconds:
            most, at_ns, _ = self.settled[second]
            if most > best:
                best, best_at = most, at_ns
        begins, ends = sorted(self.begins), sorted(self.ends)
        level, gone = self.level, 0
        for begin_ns in begins:
            while gone < len(ends) and ends[gone] <= begin_ns:
                level -= 1
                gone += 1
            level += 1
            if level > best:
                best, best_at = level, begin_ns
        return best, best_at

    def at(self, time_ns: int) -> int:
        """How many there are at a moment that is not settled yet."""
        return self.level + sum(begin <= time_ns for begin in self.begins) - sum(end <= time_ns for end in self.ends)
