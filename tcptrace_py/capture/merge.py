"""Several files as one capture, in the order in which `mergecap` writes them.

At each step the file whose next frame is the earliest gives it; of equal times the later file on the command line goes
first (wiretap/merge.c takes any time that is not after the best so far); a file's own order is kept.
Runs from one file are handed on as they are; only where files truly interleave are frames copied together.
"""

from collections.abc import Callable, Iterable, Iterator
from heapq import heapify, heappop, heappush

from tcptrace_py.model.frames import FrameBlock

from .columns import BLOCK_FRAMES, rows_of

LONG_RUN = 512  # rows from which a run is worth a block of its own
JOINED_BYTES = 1 << 20


class Input:
    """One file among several: the time of its first frame (a guess may be too early), and how to get its blocks."""

    def __init__(self, head_ns: int, blocks: Callable[[], Iterator[FrameBlock]]) -> None:
        self.head_ns = head_ns
        self._make = blocks
        self._blocks: Iterator[FrameBlock] | None = None
        self.block = FrameBlock(b"", 1)
        self.row = 0
        self._max_ns = 0

    def ready(self) -> bool:
        """Make sure that `block` holds `row`; False at the file's end."""
        if self.row < self.block.count:
            return True
        if self._blocks is None:
            self._blocks = self._make()
        block = next(self._blocks, None)
        if block is None:
            return False
        self.block, self.row = block, 0
        self._max_ns = max(block.time_ns)
        return True

    def run_end(self, bound_ns: int | None) -> int:
        """Row after the last that comes before `bound_ns` is passed (None: all of the block)."""
        count = self.block.count
        if bound_ns is None or self._max_ns <= bound_ns:
            return count
        times = self.block.time_ns
        end = self.row + 1
        while end < count and times[end] <= bound_ns:
            end += 1
        return end

    def close(self) -> None:
        """Close the file under the blocks."""
        close = getattr(self._blocks, "close", None)
        if close:
            close()


class _Joined:
    """A block under construction from short runs of several files."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._size_bytes = 0
        self._block = FrameBlock(b"", 0)

    @property
    def full(self) -> bool:
        """Whether it should be handed on."""
        return self._block.count >= BLOCK_FRAMES - LONG_RUN or self._size_bytes >= JOINED_BYTES

    def add(self, source: FrameBlock, start: int, end: int) -> None:
        """Copy rows start to end (exclusive)."""
        block = self._block
        for row in range(start, end):
            offset, captured = source.offset[row], source.captured[row]
            self._parts.append(source.data[offset:offset + captured])
            block.offset.append(self._size_bytes)
            self._size_bytes += captured
        block.time_ns.extend(source.time_ns[start:end])
        block.captured.extend(source.captured[start:end])
        block.wire.extend(source.wire[start:end])
        block.link.extend(source.link[start:end])
        block.interface.extend(source.interface[start:end])
        block.count += end - start

    def take(self) -> FrameBlock:
        """Hand over the block and begin another."""
        block = self._block
        block.data = b"".join(self._parts)
        self._parts, self._size_bytes, self._block = [], 0, FrameBlock(b"", 0)
        return block

    def __len__(self) -> int:
        return self._block.count


def merge(inputs: Iterable[Input]) -> Iterator[FrameBlock]:
    """Blocks in merged order, numbered from 1."""
    next_frame = 1
    for block in _merged(list(inputs)):
        block.first_frame = next_frame
        next_frame += block.count
        yield block


def _merged(inputs: list[Input]) -> Iterator[FrameBlock]:
    heads = [(one.head_ns, -index) for index, one in enumerate(inputs)]
    heapify(heads)
    joined = _Joined()
    try:
        while heads:
            time_ns, minus_index = heappop(heads)
            one = inputs[-minus_index]
            if not one.ready():
                continue
            if one.block.time_ns[one.row] != time_ns:  # the head was a guess
                heappush(heads, (one.block.time_ns[one.row], minus_index))
                continue
            end = one.run_end(_bound(heads, minus_index))
            is_long = end - one.row >= LONG_RUN
            if not is_long:
                joined.add(one.block, one.row, end)
            if len(joined) and (is_long or joined.full):
                yield joined.take()
            if is_long:
                yield _rows(one.block, one.row, end)
            one.row = end
            if one.ready():
                heappush(heads, (one.block.time_ns[one.row], minus_index))
        if len(joined):
            yield joined.take()
    finally:
        for one in inputs:
            one.close()


def _bound(heads: list[tuple[int, int]], minus_index: int) -> int | None:
    """Tell up to which time this file goes first."""
    if not heads:
        return None
    time_ns, other = heads[0]
    return time_ns if minus_index < other else time_ns - 1


def _rows(block: FrameBlock, start: int, end: int) -> FrameBlock:
    return block if start == 0 and end == block.count else rows_of(block, start, end)
