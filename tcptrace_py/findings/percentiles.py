"""Percentiles in bounded memory, the same in whatever order values come; and distances that are all alike."""

from array import array
from typing import Any

from tcptrace_py.model import columns
from tcptrace_py.model.growing import longer
from tcptrace_py.model.results import Latency

EXACT = 1 << 17  # so many values are kept one by one
FIRST_BYTES = 64
PRECISION = 11  # bits of a value that count beyond that: within 0.05 %
STEADY = 0.8  # of the distances between times: so many are alike where something is done at a constant period


class Values:
    """Durations (ns). Up to EXACT of them percentiles are exact; beyond, all but least and most are rounded to 0.05 %."""

    __slots__ = ("count", "exact", "kept", "least", "most", "rounded")

    def __init__(self) -> None:
        self.count = 0
        self.exact = array("q", bytes(FIRST_BYTES))
        self.kept = 0  # of them hold values
        self.least = 0
        self.most = 0
        self.rounded: dict[int, int] = {}

    def add(self, value: int) -> None:
        """Take in one value."""
        if not self.count or value < self.least:
            self.least = value
        self.most = max(self.most, value)
        self.count += 1
        self._keep(value)

    def _keep(self, value: int) -> None:
        if self.kept == len(self.exact):
            self.exact = longer(self.exact)
        self.exact[self.kept] = value
        self.kept += 1
        if self.kept > EXACT:
            self._round_off()

    def merge(self, other: "Values") -> None:
        """Take in all values of another part of the capture."""
        if not other.count:
            return
        self.least = min(self.least, other.least) if self.count else other.least
        self.most = max(self.most, other.most)
        self.count += other.count
        for near, number in other.rounded.items():
            self.rounded[near] = self.rounded.get(near, 0) + number
        for at in range(other.kept):
            self._keep(other.exact[at])

    def _round_off(self) -> None:
        rounded = self.rounded
        for at in range(self.kept):
            near = rough(self.exact[at])
            rounded[near] = rounded.get(near, 0) + 1
        self.kept = 0

    @classmethod
    def joined(cls, parts: "list[Values]") -> "Values":
        """All values of several, as if they had been taken in together."""
        whole = cls()
        for part in parts:
            whole.merge(part)
        return whole

    def latency(self) -> Latency:
        """Least, percentiles by nearest rank (the value at position ceil(p * count)), most."""
        if not self.count:
            return Latency(0)
        ranks = {percent: max(-(-percent * self.count // 100), 1) for percent in (50, 90, 99)}
        found: dict[int, int] = {}
        if self.count <= EXACT:
            order = columns.in_order(self.exact, self.kept)
            found = {percent: self.exact[order[rank - 1]] for percent, rank in ranks.items()}
            return Latency(self.count, self.least, found[50], found[90], found[99], self.most)
        self._round_off()
        passed = 0
        for value, number in sorted(self.rounded.items()):
            passed += number
            for percent, rank in ranks.items():
                if percent not in found and passed >= rank:
                    found[percent] = min(max(value, self.least), self.most)
        return Latency(self.count, self.least, found[50], found[90], found[99], self.most)

    def __reduce__(self) -> tuple[Any, ...]:
        return _again, (self.count, self.least, self.most, bytes(self.exact[: self.kept]), self.rounded)


def _again(count: int, least: int, most: int, exact: bytes, rounded: dict[int, int]) -> Values:
    values = Values()
    values.count, values.least, values.most, values.rounded = count, least, most, rounded
    values.exact, values.kept = array("q", exact or bytes(FIRST_BYTES)), len(exact) // 8
    return values


def rough(value: int) -> int:
    """A value with PRECISION significant bits, rounded to the middle of what it stands for."""
    spare = value.bit_length() - PRECISION
    return value if spare <= 0 else (value >> spare << spare) + (1 << spare >> 1)


def steady_ns(times_ns: "array[int]", lag: int, least_ns: int, within_percent: int) -> int:
    """The median of the distances from each of these times (sorted) to the one `lag` places behind it, if they are constant.

    That is if it is `least_ns` or more, and STEADY of them differ from it by no more than so many percent of it; else 0.
    """
    count, longer_ones, near = len(times_ns) - lag, 0, 0
    for at in range(count):
        longer_ones += times_ns[at + lag] - times_ns[at] >= least_ns
    if count <= 0 or longer_ones * 2 < count:  # so is the middle one then
        return 0
    apart_ns = array("q", bytes(8 * count))
    values_ns = apart_ns  # compiled, this is a view
    for at in range(count):
        values_ns[at] = times_ns[at + lag] - times_ns[at]
    middle_ns = values_ns[columns.in_order(apart_ns, count)[(count - 1) // 2]]
    most_ns = middle_ns // 100 * within_percent
    for at in range(count):
        near += abs(values_ns[at] - middle_ns) <= most_ns
    return middle_ns if middle_ns >= least_ns and near >= STEADY * count else 0
