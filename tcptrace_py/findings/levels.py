"""How many there are at once: from intervals to peaks and to what is left, in memory that follows what is pending.

An interval's begin and end come in whenever they are known, and wait here until everything before a moment is known:
`settle` then takes them in order of time. What is settled leaves nothing but each row's level and its most so far. That
is exact in whatever order and whatever portions they come; one that begins before what is settled counts from there.

Of an interval that is told very late, the early part is told apart (`add_early`): it counts if nothing was settled till
the end, which is so of every capture that is not large, and else it does not.
"""

from array import array
from collections.abc import Sequence

from tcptrace_py.model import columns
from tcptrace_py.model.growing import longer

NEVER_NS = (1 << 63) - 1
NO_ROW = -1
MANY = 1 << 18  # begins and ends that may wait before they are settled
EARLY_WITHIN = MANY // 2  # begins with which nothing was settled before the end, however the work was shared


class Levels:
    """Rows that go up and down. A *kind* of interval raises up to three rows at once (a host's, a service's, the whole's)."""

    __slots__ = ("begin_count", "begin_kinds", "begins_ns", "early", "end_count", "end_kinds", "ends_ns", "first", "level", "peak",
                 "peak_ns", "second", "settled_ns", "third", "total")

    def __init__(self) -> None:
        self.begins_ns, self.begin_kinds = array("q", bytes(512)), array("i", bytes(256))
        self.ends_ns, self.end_kinds = array("q", bytes(512)), array("i", bytes(256))
        self.begin_count = self.end_count = 0
        self.total = 0  # begins ever taken in
        self.early = array("q")  # begin, end and kind of early parts
        self.first, self.second, self.third = array("i"), array("i"), array("i")  # rows of each kind
        self.level, self.peak, self.peak_ns = array("q"), array("q"), array("q")
        self.settled_ns = -(1 << 62)

    def row(self) -> int:
        """Make a new row."""
        self.level.append(0)
        self.peak.append(0)
        self.peak_ns.append(0)
        return len(self.level) - 1

    def kind(self, first: int, second: int = NO_ROW, third: int = NO_ROW) -> int:
        """Make a new kind of interval, which raises these rows."""
        self.first.append(first)
        self.second.append(second)
        self.third.append(third)
        return len(self.first) - 1

    def add(self, begin_ns: int, end_ns: int, kind: int) -> None:
        """Count one from `begin_ns` until just before `end_ns`; NEVER_NS: until the capture's end."""
        if begin_ns < end_ns:
            self.begin(begin_ns, kind)
            if end_ns != NEVER_NS:
                self.end(end_ns, kind)

    def add_early(self, begin_ns: int, end_ns: int, kind: int) -> None:
        """Count one from `begin_ns` until just before `end_ns`, if it is not too late for that when all is told."""
        if self.total < EARLY_WITHIN:
            self.early.extend((begin_ns, end_ns, kind))

    def finish(self, end_ns: int) -> None:
        """All is told, of a capture that ends then: settle it."""
        if self.total < EARLY_WITHIN:
            for at in range(0, len(self.early), 3):
                self.add(self.early[at], self.early[at + 1], self.early[at + 2])
        self.early = array("q")
        self.settle(end_ns + 1)

    def begin(self, time_ns: int, kind: int) -> None:
        """One more from now on."""
        at = self.begin_count
        if at == len(self.begins_ns):
            self.begins_ns, self.begin_kinds = longer(self.begins_ns), longer(self.begin_kinds)
        self.begins_ns[at] = time_ns
        self.begin_kinds[at] = kind
        self.begin_count = at + 1
        self.total += 1

    def end(self, time_ns: int, kind: int) -> None:
        """One less from now on; its begin was told before."""
        at = self.end_count
        if at == len(self.ends_ns):
            self.ends_ns, self.end_kinds = longer(self.ends_ns), longer(self.end_kinds)
        self.ends_ns[at] = time_ns
        self.end_kinds[at] = kind
        self.end_count = at + 1

    @property
    def pending(self) -> int:
        """How much waits to be settled."""
        return self.begin_count + self.end_count

    def release(self) -> "tuple[array[int], array[int], array[int], array[int], array[int]]":
        """Give away what is pending, for another process to `take`: begins and their kinds, ends and theirs, early parts."""
        found = (array("q", bytes(self.begins_ns[:self.begin_count])), array("i", bytes(self.begin_kinds[:self.begin_count])),
                 array("q", bytes(self.ends_ns[:self.end_count])), array("i", bytes(self.end_kinds[:self.end_count])),
                 self.early)
        self.early = array("q")
        self.begin_count = self.end_count = 0
        return found

    def take(self, told: "tuple[array[int], array[int], array[int], array[int], array[int]]", kinds: "array[int]") -> None:
        """Take in what another process released; `kinds` says what its kinds are called here."""
        begins_ns, begin_kinds, ends_ns, end_kinds, early = told
        for at in range(0, len(early), 3):
            self.add_early(early[at], early[at + 1], kinds[early[at + 2]])
        begins, ends = len(begins_ns), len(ends_ns)
        while self.begin_count + begins > len(self.begins_ns):
            self.begins_ns, self.begin_kinds = longer(self.begins_ns), longer(self.begin_kinds)
        while self.end_count + ends > len(self.ends_ns):
            self.ends_ns, self.end_kinds = longer(self.ends_ns), longer(self.end_kinds)
        to_ns, to_kinds, base = self.begins_ns, self.begin_kinds, self.begin_count
        for at in range(begins):
            to_ns[base + at], to_kinds[base + at] = begins_ns[at], kinds[begin_kinds[at]]
        to_ns, to_kinds, base = self.ends_ns, self.end_kinds, self.end_count
        for at in range(ends):
            to_ns[base + at], to_kinds[base + at] = ends_ns[at], kinds[end_kinds[at]]
        self.begin_count += begins
        self.total += begins
        self.end_count += ends

    def settle(self, until_ns: int) -> None:
        """Take in everything that happened before a moment: all of it must have been told."""
        if until_ns <= self.settled_ns:
            return
        begins_ns, begin_kinds, begins = columns.take_below(self.begins_ns, self.begin_kinds, self.begin_count, until_ns)
        ends_ns, end_kinds, ends = columns.take_below(self.ends_ns, self.end_kinds, self.end_count, until_ns)
        self.begin_count -= begins
        self.end_count -= ends
        self._play(begins_ns, begin_kinds, begins, ends_ns, end_kinds, ends)
        self.settled_ns = until_ns

    def _play(self, begins_ns: Sequence[int], begin_kinds: Sequence[int], begin_count: int,
              ends_ns: Sequence[int], end_kinds: Sequence[int], end_count: int) -> None:
        """Go through begins and ends, each in order of time; at one moment ends come first."""
        first, second, third = self.first, self.second, self.third
        level, peak, peak_ns = self.level, self.peak, self.peak_ns
        settled_ns = self.settled_ns
        gone = 0
        for at in range(begin_count):
            time_ns = begins_ns[at]
            if time_ns < settled_ns:  # noqa: PLR1730 - a call less
                time_ns = settled_ns
            while gone < end_count and ends_ns[gone] <= time_ns:
                kind = end_kinds[gone]
                level[first[kind]] -= 1
                if second[kind] >= 0:
                    level[second[kind]] -= 1
                if third[kind] >= 0:
                    level[third[kind]] -= 1
                gone += 1
            kind = begin_kinds[at]
            row = first[kind]
            level[row] = now = level[row] + 1
            if now > peak[row]:
                peak[row], peak_ns[row] = now, time_ns
            row = second[kind]
            if row >= 0:
                level[row] = now = level[row] + 1
                if now > peak[row]:
                    peak[row], peak_ns[row] = now, time_ns
            row = third[kind]
            if row >= 0:
                level[row] = now = level[row] + 1
                if now > peak[row]:
                    peak[row], peak_ns[row] = now, time_ns
        for at in range(gone, end_count):
            kind = end_kinds[at]
            level[first[kind]] -= 1
            if second[kind] >= 0:
                level[second[kind]] -= 1
            if third[kind] >= 0:
                level[third[kind]] -= 1

    def peak_of(self, row: int) -> tuple[int, int | None]:
        """Most at once and the first moment (ns) at which it was so; (0, None) of nothing. Settled ones alone count."""
        return self.peak[row], self.peak_ns[row] if self.peak[row] else None
