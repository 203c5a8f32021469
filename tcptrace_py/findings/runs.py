"""Long connections in bounded memory: plain segments of long ago are kept as sums, as a ladder folds them anyway."""

from collections.abc import Iterable
from heapq import heappush, heappushpop

from tcptrace_py.model.ladder import MOST_MARKED, MOST_WAITS, SENT_AGAIN, DrawnSegment, Run
from tcptrace_py.model.segments import FIN, RST, SYN

KEPT = 20_000  # the latest segments are kept one by one: what comes may still tell something of them


def folded(segments: Iterable[DrawnSegment], decided: frozenset[int]) -> list[DrawnSegment | Run]:
    """The segments, long runs of plain ones as sums. `decided`: frames that a ladder tells something of."""
    found: list[DrawnSegment | Run] = []
    latest: list[DrawnSegment] = []
    settle = _Settled(found, decided)
    for segment in segments:
        latest.append(segment)
        if len(latest) >= 2 * KEPT:
            for old in latest[:KEPT]:
                settle.add(old)
            del latest[:KEPT]
    return [*found, *latest]


class _Settled:
    """Puts segments of which nothing new will be learnt into a list, plain ones as runs."""

    def __init__(self, found: list[DrawnSegment | Run], decided: frozenset[int]) -> None:
        self.found = found
        self.decided = decided
        self.marked = 0
        self.longest: list[int] = []  # the longest delays so far

    def add(self, segment: DrawnSegment) -> None:
        """Take in the next one."""
        if self._by_itself(segment):
            self.found.append(segment)
        elif self.found and isinstance(self.found[-1], Run):
            self.found[-1].add(segment)
        else:
            self.found.append(Run.of((segment,)))

    def _by_itself(self, segment: DrawnSegment) -> bool:
        if segment.sent.flags & (SYN | FIN | RST) or segment.sent.frame in self.decided:
            return True
        if segment.remarkable and self.marked < MOST_MARKED:
            self.marked += 1
            return True
        return SENT_AGAIN not in segment.marks and self._is_long(segment.delay_ns)

    def _is_long(self, delay_ns: int) -> bool:
        if len(self.longest) < MOST_WAITS:
            heappush(self.longest, delay_ns)
            return True
        return heappushpop(self.longest, delay_ns) < delay_ns
