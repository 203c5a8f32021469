"""Time is counted in integer nanoseconds."""

SECOND_NS = 1_000_000_000
