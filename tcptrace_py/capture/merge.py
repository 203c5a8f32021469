"""Several files as one capture, in the order in which `mergecap` writes them.

At each step the file whose next frame is the earliest gives it; of equal times the later file on the command line goes
first (wiretap/merge.c takes any time not after the best so far); a file's own order is kept, and a frame that
steps back in time follows the one before it at once. It is a stable sort by the latest time so far in each file.

Files are opened when their first frame is due. Where only one is due its blocks are handed on as they are; where
several are, what is known to come before the rest of all of them is sorted together.
"""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator
from heapq import heapify, heappop
from itertools import accumulate

from tcptrace_py.model import columns
from tcptrace_py.model.frames import FrameBlock

from .columns import BLOCK_FRAMES, rows_of
from .interfaces import Interfaces, Numbers
from .section import TIME_MIN_NS

COLUMNS = ("time_ns", "offset", "captured", "wire", "link", "interface")
Place = tuple[int, int]  # latest time so far, and minus the file's index: compares as frames come in the merged capture


class Input:
    """One file among several: the time of its first frame (a guess may be too early), and how to get its blocks.

    `blocks` takes the numbers of its interfaces, where they are not known already.
    """

    def __init__(self, head_ns: int, blocks: Callable[..., Iterator[FrameBlock]]) -> None:
        self.head_ns = head_ns
        self.order = 0  # minus the index among the inputs
        self.block = FrameBlock(b"", 1)
        self.row = 0
        self._make = blocks
        self._blocks: Iterator[FrameBlock] = iter(())
        self._before_ns = TIME_MIN_NS  # latest time in the blocks before
        self._last_ns = TIME_MIN_NS  # and in this one
        self._keys: array[int] | None = None
        self._interfaces: Interfaces | None = None
        self._numbers: Numbers | None = None

    @property
    def head(self) -> Place:
        """Where the first frame comes."""
        return self.head_ns, self.order

    def open(self, interfaces: Interfaces | None) -> bool:
        """Get the first block; False where there is none."""
        if interfaces is None:
            self._blocks = self._make()
        else:
            self._interfaces, self._numbers = interfaces, interfaces.begin(self.head)
            self._blocks = self._make(self._numbers)
        return self.advance()

    def advance(self) -> bool:
        """Get the next block; False at the file's end."""
        block = next(self._blocks, None)
        self.block, self.row, self._keys = block or FrameBlock(b"", 1), 0, None
        self._before_ns = self._last_ns
        if block is not None:
            self._last_ns = max(self._before_ns, columns.most(block.time_ns, block.count))
        if self._interfaces is not None and self._numbers is not None and self._numbers.waiting:
            self._wait(self._interfaces, self._numbers)
        return block is not None

    def _wait(self, interfaces: Interfaces, numbers: Numbers) -> None:
        """Say where interfaces come that were described since the block before: behind rows of this one, or before all of them."""
        for at in numbers.waiting:
            row = numbers.behind[at] - self.block.first_frame
            latest_ns = self.keys[row] if self.block.count and row >= 0 else self._before_ns
            interfaces.wait((latest_ns, self.order), at, numbers)
        numbers.waiting.clear()

    def settle(self, start: int, end: int) -> None:
        """Put the numbers of interfaces that waited into rows that are taken."""
        if self._numbers is not None and self._numbers.any_waited:
            interface, described = self.block.interface, self._numbers.described
            for row in range(start, end):
                if interface[row] < 0:
                    interface[row] = described[-1 - interface[row]][0]

    @property
    def last(self) -> Place:
        """Where the block's last frame comes."""
        return self._last_ns, self.order

    @property
    def keys(self) -> "array[int]":
        """The latest time so far, for every row."""
        if self._keys is None:
            times_ns, count = self.block.time_ns, self.block.count
            if times_ns[0] < self._before_ns or columns.descents(times_ns, count):  # else the times are the keys
                times_ns = array("q", accumulate(times_ns, max, initial=self._before_ns))[1:]
            self._keys = times_ns
        return self._keys

    def rows_up_to(self, limit: Place) -> int:
        """The row after the last one that does not come after `limit`."""
        if limit >= self.last:
            return self.block.count
        find = bisect_right if self.order <= limit[1] else bisect_left
        return find(self.keys, limit[0], self.row)

    def close(self) -> None:
        """Close the file under the blocks."""
        close = getattr(self._blocks, "close", None)
        if close:
            close()


def merge(inputs: Iterable[Input], interfaces: Interfaces | None = None) -> Iterator[FrameBlock]:
    """Blocks in merged order, numbered from 1. `interfaces`: where their numbers are not known already."""
    waiting = list(inputs)
    for index, one in enumerate(waiting):
        one.order = -index
    next_frame = 1
    for block in _merged(waiting, interfaces):
        block.first_frame = next_frame
        next_frame += block.count
        yield block


def _merged(inputs: list[Input], interfaces: Interfaces | None) -> Iterator[FrameBlock]:
    waiting = [(one.head, one) for one in inputs]
    heapify(waiting)
    due: list[Input] = []
    try:
        while due or waiting:
            limit = min((one.last for one in due), default=None)
            if waiting and (limit is None or waiting[0][0] <= limit):
                _place, one = heappop(waiting)
                if one.open(interfaces):
                    due.append(one)
                continue
            if limit is not None:
                if interfaces is not None:
                    interfaces.settle(limit)
                yield from _due_up_to(limit, due)
                due = [one for one in due if one.row < one.block.count or one.advance()]
    finally:
        for one in due:
            one.close()


def _due_up_to(limit: Place, due: list[Input]) -> Iterator[FrameBlock]:
    """Take all rows that do not come after `limit`."""
    parts = [(one, one.row, end) for one in due if (end := one.rows_up_to(limit)) > one.row]
    for one, start, end in parts:
        one.settle(start, end)
        one.row = end
    if len(parts) == 1:
        one, start, end = parts[0]
        yield one.block if start == 0 and end == one.block.count else rows_of(one.block, start, end)
        return
    yield from _sorted(sorted(parts, key=lambda part: part[0].order))


def _sorted(parts: list[tuple[Input, int, int]]) -> Iterator[FrameBlock]:
    """Blocks of the rows of several files, which come in the order in which equal times stand."""
    keys = array("q")
    pieces: list[bytes] = []
    found = tuple(array("q") for _column in COLUMNS)
    shift_bytes = 0
    for one, start, end in parts:
        block = one.block
        keys.extend(one.keys[start:end])
        low, high = block.offset[start], block.offset[end - 1] + block.captured[end - 1]
        pieces.append(block.data[low:high])
        moved = array("q", [offset + shift_bytes - low for offset in block.offset[start:end]])
        shift_bytes += high - low
        for name, column in zip(COLUMNS, found, strict=True):
            column.extend(moved if name == "offset" else getattr(block, name)[start:end])
    data = b"".join(pieces)
    order = columns.in_order(keys, len(keys))
    for first in range(0, len(keys), BLOCK_FRAMES):
        block = FrameBlock(data, 1)
        block.count = min(len(keys) - first, BLOCK_FRAMES)
        for name, column in zip(COLUMNS, found, strict=True):
            picked = array("q", bytes(8 * block.count))
            columns.pick(column, order, first, picked, block.count)
            setattr(block, name, picked)
        yield block
