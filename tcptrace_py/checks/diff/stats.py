"""The three tests that tell a change from noise, each one-sided: how likely a rise at least this large is by chance."""

from collections.abc import Sequence
from math import comb, erfc, exp, lgamma, sqrt


def rank_sum(base: Sequence[float], new: Sequence[float]) -> float:
    """Mann-Whitney U by its normal approximation, with corrections for ties and continuity.

    The chance that values like `new` come out as far above `base` if both are of one kind. Good from about eight values
    on each side (Mann and Whitney, 1947); 1.0 where one is empty or all values are equal.
    """
    if not base or not new:
        return 1.0
    ordered = sorted([(value, 0) for value in base] + [(value, 1) for value in new])
    total, ranks, ties, at = len(ordered), 0.0, 0.0, 0
    while at < total:
        end = at
        while end < total and ordered[end][0] == ordered[at][0]:
            end += 1
        same = end - at
        ranks += (at + 1 + end) / 2 * sum(group for _, group in ordered[at:end])
        ties += same**3 - same
        at = end
    n, m = len(base), len(new)
    mean = n * m / 2
    variance = n * m / 12 * (total + 1 - ties / (total * (total - 1)))
    if variance <= 0:
        return 1.0
    u = ranks - m * (m + 1) / 2
    return erfc((u - mean - 0.5) / sqrt(variance) / sqrt(2)) / 2


def fisher(base_hits: int, base_total: int, new_hits: int, new_total: int) -> float:
    """Fisher's exact test: the chance of at least `new_hits` among the new ones if both shares are equal."""
    hits, total = base_hits + new_hits, base_total + new_total
    whole = _log_comb(total, new_total)
    most = min(hits, new_total)
    return min(
        sum(
            exp(_log_comb(hits, k) + _log_comb(total - hits, new_total - k) - whole)
            for k in range(new_hits, most + 1)
            if new_total - k <= total - hits
        ),
        1.0,
    )


def rise(base: int, new: int) -> float:
    """The chance of at least `new` events out of all if both captures have the same rate (a binomial test at 1/2)."""
    total = base + new
    if total > 1000:  # the normal approximation is good to many digits there
        return erfc((new - 0.5 - total / 2) / (sqrt(total) / 2) / sqrt(2)) / 2
    return float(sum(comb(total, k) for k in range(new, total + 1)) / 2**total)


def _log_comb(n: int, k: int) -> float:
    return lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1)
