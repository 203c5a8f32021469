"""Where in a capture its broken connections began, in one line."""

from tcptrace_py.model.results import Intervals
from tcptrace_py.outputs.units import clock, count, human

FEWEST = 3  # intervals: with less there is nothing to be seen
NONE, BLOCKS = "-", "▁▂▃▄▅▆▇█"


def strip(intervals: Intervals, *, dated: bool) -> str:
    """A mark for each interval, as high as its share of the most; empty where nothing broke, or the capture is too short."""
    most = max(intervals.broken)
    if not most or len(intervals.broken) < FEWEST:
        return ""
    marks = "".join([BLOCKS[(number * len(BLOCKS) - 1) // most] if number else NONE for number in intervals.broken])
    worst = intervals.broken.index(most)
    at = clock(intervals.start_ns + worst * intervals.length_ns, dated=dated, decimals=0 if intervals.length_ns % 10**9 == 0 else 3)
    return (
        f"They began {marks} in intervals of {human(intervals.length_ns)}; most from {at} on: {count(most)} of "
        f"{count(intervals.connections[worst])}."
    )
