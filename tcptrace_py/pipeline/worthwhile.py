"""Whether several processes help with some captures: to be told before anything is loaded that they need."""

import os
import sys
from collections.abc import Sequence

from tcptrace_py.capture.ranges import ranged_file

LEAST_BYTES = 24 << 20  # below that starting processes costs more than they save
MOST_MEAN_BYTES = 512  # of records: with longer ones most of the time goes into copying them, which a second process hardly shortens
MOST_JOBS = 16
# Link types whose frames hold at most one segment, so that a frame names a stream: all but 802.11's, which may aggregate.
LINKS = frozenset((0, 1, 12, 14, 101, 108, 113, 228, 229, 276))


def useful_jobs(asked: int | None, paths: Sequence[str | os.PathLike[str]]) -> int:
    """How many processes to use for these captures: as many as asked for, or what helps."""
    wanted = _wanted(asked)
    if wanted < 2 or len(paths) != 1:
        return 1
    file = ranged_file(os.fspath(paths[0]))
    if file is None or file.link not in LINKS or file.size_bytes < 2 * file.piece_bytes:
        return 1
    if asked is None and (file.size_bytes < LEAST_BYTES or file.mean_bytes > MOST_MEAN_BYTES):
        return 1
    return min(wanted, MOST_JOBS, file.size_bytes // file.piece_bytes)


def decompresses_beside(asked: int | None) -> bool:
    """Whether a process of its own is to decompress large inputs: only where several were asked for (docs/benchmark.md)."""
    return asked is not None and _wanted(asked) > 1


def _wanted(asked: int | None) -> int:
    if not sys.platform.startswith("linux"):  # processes are forked, which only there is safe and cheap
        return 1
    return (len(os.sched_getaffinity(0)) or 1) if asked is None else asked
