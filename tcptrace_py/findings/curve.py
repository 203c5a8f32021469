"""Intervals kept one by one, so that a curve can be drawn of how many there were at once and at which moments.

`levels.Levels` settles intervals as it goes and forgets them; here the whole curve is asked for, and pays sixteen bytes
an interval.
"""

from array import array
from bisect import bisect_right
from itertools import pairwise

from tcptrace_py.model.diagnosis import Series

POINTS = 240
STEPS_NS = tuple(digit * 10**power for power in range(6, 15) for digit in (1, 2, 5))


class Curve:
    """How many there are at once; `sort` it after the last `add` and before any question."""

    __slots__ = ("begins", "ends")

    def __init__(self) -> None:
        self.begins: array[int] = array("q")
        self.ends: array[int] = array("q")

    def add(self, begin_ns: int, end_ns: int) -> None:
        """Count one from `begin_ns` until just before `end_ns`."""
        self.begins.append(begin_ns)
        self.ends.append(max(begin_ns, end_ns))

    def sort(self) -> None:
        """Order both columns by time; which end belonged to which beginning is lost."""
        self.begins, self.ends = array("q", sorted(self.begins)), array("q", sorted(self.ends))

    def __len__(self) -> int:
        return len(self.begins)

    def at(self, time_ns: int) -> int:
        """How many there are at a moment."""
        return bisect_right(self.begins, time_ns) - bisect_right(self.ends, time_ns)

    def peak(self) -> tuple[int, int | None]:
        """Most at once and the first moment at which it was so; (0, None) of nothing."""
        best, best_at, gone = 0, None, 0
        for here, begin in enumerate(self.begins):
            while gone < len(self.ends) and self.ends[gone] <= begin:
                gone += 1
            if here + 1 - gone > best:
                best, best_at = here + 1 - gone, begin
        return best, best_at

    def reached(self, level: int) -> int | None:
        """First moment at which there were so many; None if there never were."""
        gone = 0
        for here, begin in enumerate(self.begins):
            while gone < len(self.ends) and self.ends[gone] <= begin:
                gone += 1
            if here + 1 - gone >= level:
                return begin
        return None

    def series(self, start_ns: int, end_ns: int) -> Series:
        """The curve from `start_ns` to `end_ns`, a round step apart, at most about POINTS points and the end."""
        end_ns = max(end_ns, start_ns)
        step = next((step for step in STEPS_NS if step * POINTS >= end_ns - start_ns), STEPS_NS[-1])
        moments = [*range(start_ns, end_ns, step), end_ns]
        return Series(start_ns, end_ns, step, tuple(self.at(moment) for moment in moments))

    def time_above(self, level: int, from_ns: int, to_ns: int) -> int:
        """How long there were at least so many between two moments (ns)."""
        moments = sorted(
            {
                from_ns,
                to_ns,
                *(t for t in self.begins if from_ns < t < to_ns),
                *(t for t in self.ends if from_ns < t < to_ns),
            }
        )
        return sum(after - before for before, after in pairwise(moments) if self.at(before) >= level)


def median(values: "array[int]") -> int | None:
    """The middle one (the lower of two); None of nothing."""
    return sorted(values)[(len(values) - 1) // 2] if values else None
