"""Whether several processes help with some captures: to be told before anything is loaded that they need."""

import os
import sys

from tcptrace_py.capture import CaptureReader
from tcptrace_py.model import columns
from tcptrace_py.model.frames import FrameBlock

LEAST_BYTES = 24 << 20  # below that starting processes costs more than they save
BYTES_EACH = 1 << 19  # and below that there is nothing to share
MOST_MEAN_BYTES = 512  # of frames: with longer ones most of the time goes into copying them, which several processes hardly shorten
MOST_JOBS = 16
# Link types of 802.11, whose frames may hold several segments; where work is shared a frame names a stream.
AGGREGATED = frozenset((105, 119, 127, 163, 192))
# What reading (and decompressing) takes to what replaying takes, about.
READING, DECOMPRESSING = 0.2, 0.6


def first_share(reader: CaptureReader, jobs: int) -> float:
    """How much of a fair share of the four-tuples the process that reads replays, so that it has as much to do as the others."""
    return max(0.0, 1 - (DECOMPRESSING if reader.compressed else READING) * (jobs - 1))


def useful_jobs(asked: int | None, reader: CaptureReader, first: FrameBlock) -> int:
    """How many processes to use for captures whose first frames are these: as many as asked for, or what helps."""
    wanted = _wanted(asked)
    if wanted < 2 or reader.once or not AGGREGATED.isdisjoint(first.link):
        return 1
    if asked is None and (reader.about_bytes < LEAST_BYTES or columns.total(first.captured, first.count) > MOST_MEAN_BYTES * first.count):
        return 1
    return max(1, min(wanted, MOST_JOBS, reader.about_bytes // BYTES_EACH))


def _wanted(asked: int | None) -> int:
    if not sys.platform.startswith("linux"):  # processes are forked, which only there is safe and cheap
        return 1
    return (len(os.sched_getaffinity(0)) or 1) if asked is None else asked
