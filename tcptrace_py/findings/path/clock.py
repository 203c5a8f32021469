"""How two captures' clocks stand to each other, from segments that both saw, as NTP does it (RFC 5905 section 8).

A segment from A to B shows B's clock minus A's plus its time under way, one from B to A the same minus its own. So the
offset lies between the largest of the one and the smallest of the other: no way takes less than no time. Its middle is
right where the quickest segments take equally long both ways. A drift tilts both bounds: the tilt at which they lie
furthest apart is taken, as any wrong one brings them nearer.
"""

from __future__ import annotations

from tcptrace_py.model.clock import SECOND_NS
from tcptrace_py.model.path import Clock

BUCKETS = 1024  # of the time that both captures share; the least of each is kept
DRIFT_FROM_NS = 10 * SECOND_NS  # shorter captures say nothing of drift
STEEPEST = 1e-3  # no oscillator is worse
CLEAR = 0.05  # a tilt counts if it widens the gap by so much of it


class Bounds:
    """The differences seen between the clocks: for each bucket of A's time the least from A to B, the most back."""

    def __init__(self, begin_ns: int, end_ns: int) -> None:
        self.begin_ns = begin_ns
        self.span_ns = max(end_ns - begin_ns, 0)
        self.width_ns = self.span_ns // BUCKETS + 1
        self.upper: dict[int, tuple[int, int]] = {}  # bucket -> (difference, A's time)
        self.lower: dict[int, tuple[int, int]] = {}
        self.samples = [0, 0]
        self.base_ns: int | None = None  # the first difference: floats hold what differs from it, not decades

    def add(self, from_a: bool, time_ns: int, difference_ns: int) -> None:
        """Take in one segment: A's time, and B's time minus it."""
        self.samples[not from_a] += 1
        if self.base_ns is None:
            self.base_ns = difference_ns
        difference_ns -= self.base_ns
        bucket = (time_ns - self.begin_ns) // self.width_ns
        side = self.upper if from_a else self.lower
        old = side.get(bucket)
        if old is None or (difference_ns < old[0] if from_a else difference_ns > old[0]):
            side[bucket] = difference_ns, time_ns

    def clock(self) -> Clock:
        """The clocks' relation; all zeros where nothing was seen."""
        samples = self.samples[0], self.samples[1]
        at_ns, base_ns = self.begin_ns + self.span_ns // 2, self.base_ns or 0
        if not all(samples):
            known = min(self.upper.values())[0] if self.upper else max(self.lower.values())[0] if self.lower else 0
            return Clock(base_ns + known, None, 0.0, at_ns, samples)
        low, high = self._gap(0.0, at_ns)
        drift = self._steepest(at_ns) if self.span_ns >= DRIFT_FROM_NS else 0.0
        if drift:
            tilted = self._gap(drift, at_ns)
            if tilted[1] - tilted[0] - (high - low) > CLEAR * max(tilted[1] - tilted[0], 0):
                low, high = tilted
            else:
                drift = 0.0
        offset_ns = base_ns + round((low + high) / 2)
        return Clock(offset_ns, round(abs(high - low) / 2), drift, at_ns, samples, steady=high >= low)

    def _gap(self, drift: float, at_ns: int) -> tuple[float, float]:
        """The bounds of the offset at `at_ns`, if the clock drifts so."""
        high = min(difference - drift * (time_ns - at_ns) for difference, time_ns in self.upper.values())
        low = max(difference - drift * (time_ns - at_ns) for difference, time_ns in self.lower.values())
        return low, high

    def _steepest(self, at_ns: int) -> float:
        """The drift at which the bounds lie furthest apart; their distance is a concave function of it."""
        low, high = -STEEPEST, STEEPEST
        for _ in range(60):
            left, right = low + (high - low) / 3, high - (high - low) / 3
            gaps = [bounds[1] - bounds[0] for bounds in (self._gap(left, at_ns), self._gap(right, at_ns))]
            low, high = (left, high) if gaps[0] < gaps[1] else (low, right)
        return (low + high) / 2
