"""How many there are at once: from intervals to the peak and what is left at the end."""

from array import array


class Population:
    """Intervals of time (ns), as two columns; adds up with others by joining the columns."""

    __slots__ = ("begins", "ends")

    def __init__(self) -> None:
        self.begins = array("q")
        self.ends = array("q")

    def add(self, begin_ns: int, end_ns: int) -> None:
        """Count one from `begin_ns` until just before `end_ns`."""
        self.begins.append(begin_ns)
        self.ends.append(end_ns)

    def merge(self, other: "Population") -> None:
        """Take in the intervals of another part of the capture."""
        self.begins.extend(other.begins)
        self.ends.extend(other.ends)

    def peak(self) -> tuple[int, int | None]:
        """Most at once and the first moment at which it was so; (0, None) of nothing."""
        begins, ends = sorted(self.begins), sorted(self.ends)
        best, best_at, gone = 0, None, 0
        for here, begin in enumerate(begins):
            while gone < len(ends) and ends[gone] <= begin:
                gone += 1
            if here + 1 - gone > best:
                best, best_at = here + 1 - gone, begin
        return best, best_at

    def at(self, time_ns: int) -> int:
        """How many there are at a moment."""
        return sum(begin <= time_ns for begin in self.begins) - sum(end <= time_ns for end in self.ends)
