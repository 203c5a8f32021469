"""Time is counted in integer nanoseconds."""

SECOND_NS = 1_000_000_000
NEVER_NS = (1 << 63) - 1  # the end of what does not end
