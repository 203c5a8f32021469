"""Why connections come and go as they do, told from when they began, how long they lasted and what they carried."""

from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from tcptrace_py.model.clock import SECOND_NS

from .percentiles import steady_ns

FEW = 5  # fewer connections show no pattern
LAGS = 4  # so many checkers behind one address may share a period
PERIOD_NS = SECOND_NS // 2  # what comes more often than that is no health check
WITHIN_PERCENT = 10  # of the period, so near to it lie most gaps
SMALL_BYTES = 16_384  # health checks ask for little
BURST_PAUSE_NS = 2 * SECOND_NS  # bursts are apart by at least this
BURST_SIZE = 10
REPEATED = 2  # pauses: one makes no habit
LONG_NS = 10 * SECOND_NS  # from this length on a connection counts as kept open
POOLED = 10  # a connection so many times longer than its neighbours is part of a pool


@dataclass(frozen=True, slots=True)
class Usage:
    """A pattern (`model.diagnosis.PATTERNS`); the period of checks and bursts, and how many come in it or in a burst."""

    pattern: str
    period_ns: int | None = None
    burst: int | None = None


TOO_FEW = Usage("few")


def median(values: Sequence[int]) -> int | None:
    """The middle one (the lower of two); None of nothing."""
    return sorted(values)[(len(values) - 1) // 2] if values else None


def usage(starts_ns: "array[int]", lifetimes_ns: Sequence[int], payloads: Sequence[int], *, is_reused: bool = False) -> Usage:
    """The pattern of connections with these beginnings (sorted), lengths and bytes (each in any order).

    Lengths and bytes may be fewer: what the capture does not tell is left out. `is_reused`: some carry more than one exchange.
    """
    if len(starts_ns) < FEW:
        return TOO_FEW
    typical, small = median(lifetimes_ns) or 0, (median(payloads) or 0) <= SMALL_BYTES
    period = _period(starts_ns)
    if period is not None and small and typical <= period[0] // 2:
        return Usage("health-check", *period)
    if payloads and max(payloads) == 0:
        return Usage("without-data")
    bursts = _bursts(starts_ns)
    if bursts is not None:
        return bursts
    if typical >= LONG_NS:
        return Usage("long")
    span = starts_ns[-1] - starts_ns[0]
    pooled = sum(length >= max(POOLED * typical, span // 2, SECOND_NS) for length in lifetimes_ns)
    if 0 < pooled <= len(starts_ns) // 10:
        return Usage("pool-unused")
    return Usage("reused" if is_reused else "short")


def _period(starts: "array[int]") -> tuple[int, int] | None:
    """The constant period, if there is one, and how many connections come in it: trains that share their period."""
    for lag in range(1, LAGS + 1):
        if len(starts) < FEW * lag:
            return None
        period_ns = steady_ns(starts, lag, max(PERIOD_NS, lag * PERIOD_NS // 2), WITHIN_PERCENT)
        if period_ns:
            return period_ns, lag
    return None


def _bursts(starts: "array[int]") -> Usage | None:
    """Bursts: several, each many connections close together, each followed by a pause far longer than itself."""
    cuts = [i for i in range(1, len(starts)) if starts[i] - starts[i - 1] >= BURST_PAUSE_NS]
    if len(cuts) < REPEATED:
        return None
    edges = [0, *cuts, len(starts)]
    sizes = [high - low for low, high in pairwise(edges)]
    lengths = [starts[high - 1] - starts[low] for low, high in pairwise(edges)]
    pauses = [starts[cut] - starts[cut - 1] for cut in cuts]
    if min(sizes) < BURST_SIZE or sum(lengths) * 2 > sum(pauses):
        return None
    apart = array("q", (starts[high] - starts[low] for low, high in pairwise(edges[:-1])))
    return Usage("bursts", median(apart), sorted(sizes)[len(sizes) // 2])
