"""Time is counted in integer nanoseconds."""

SECOND_NS = 1_000_000_000
NEVER_NS = (1 << 63) - 1  # the end of what does not end


def coarser_step_ns(one_ns: int | None, other_ns: int | None) -> int | None:
    """The step of the coarser of two clocks (`CaptureInfo`): 0, which stands, is the coarsest, and None the finest."""
    return 0 if 0 in (one_ns, other_ns) else max(one_ns or 0, other_ns or 0) or None
