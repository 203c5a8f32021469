"""Frames that were written out of order, put in order by their stamps as they are read.

Where several queues of a network card, several threads or several interfaces write one file, frames come some milliseconds
late: their stamps are right, their places are not. A frame that is behind by less than WINDOW_NS, and by no more than
MOST_FRAMES frames, is put where its stamp says; of equal stamps the file's order stands. Where the clock steps back by more, the
file's order is right and the stamps are not: a new *run* begins there, which is put in order by itself. What comes out hangs on
the frames alone, not on how they were cut into blocks.

Blocks that are in order are held until no later frame can come before theirs, and are handed on as they are.
"""

from array import array
from bisect import bisect_right
from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

from tcptrace_py.model import columns, words
from tcptrace_py.model.frames import FrameBlock
from tcptrace_py.model.problems import Problems

from .columns import BLOCK_FRAMES, rows_of
from .section import TIME_MIN_NS

WINDOW_NS = 200_000_000  # the longest delayed ACK that systems use (RFC 1122 4.2.3.2 allows 500 ms); ntpd sets no clock by less than 128 ms
MOST_FRAMES = BLOCK_FRAMES  # so that what is left over of blocks that were out of order is one at most
OUT_OF_ORDER = (
    f"frames written behind others with later stamps, by less than {WINDOW_NS // 1_000_000} ms, as several queues of a network "
    "card do: they are put in order by their stamps"
)
COLUMNS = ("time_ns", "offset", "captured", "wire", "link", "interface", "frame")


class BlockFacts(NamedTuple):
    """What the frames of a block have in common: their earliest and latest time, whether times ascend, bytes, and link types."""

    least_ns: int
    most_ns: int
    ascends: bool
    captured_bytes: int
    links: set[int]


def facts_of(block: FrameBlock) -> BlockFacts:
    """See `BlockFacts`, of a block that is not empty."""
    times_ns, count = block.time_ns, block.count
    one = columns.least(block.link, count) == columns.most(block.link, count)
    return BlockFacts(
        columns.least(times_ns, count),
        columns.most(times_ns, count),
        not columns.descents(times_ns, count),
        columns.total(block.captured, count),
        {block.link[0]} if one else set(block.link[:count]),
    )


class Order:
    """Takes the blocks of a capture in the order of its frames, and gives them in the order of their stamps."""

    def __init__(self, problems: Problems) -> None:
        self._problems = problems
        self._held: list[FrameBlock] = []  # rows of the latest run, in order
        self._held_count = 0
        self._latest_ns = self._given_ns = TIME_MIN_NS  # in the run, and of it in what was handed on

    def take(self, block: FrameBlock) -> Iterator[FrameBlock]:
        """Take the next block, which is not empty; give what no later frame can come before."""
        if block.time_ns[0] < self._latest_ns or columns.descents(block.time_ns, block.count):
            yield from self._put_in_order(block)
        else:
            self._hold(block)
        while self._held and (
            _last_ns(self._held[0]) <= self._latest_ns - WINDOW_NS or self._held_count - self._held[0].count >= MOST_FRAMES
        ):
            yield self._hand_on()

    def rest(self) -> Iterator[FrameBlock]:
        """Give what is held: no more frames come."""
        while self._held:
            yield self._hand_on()

    def _hold(self, block: FrameBlock) -> None:
        self._held.append(block)
        self._held_count += block.count
        self._latest_ns = _last_ns(block)

    def _hand_on(self) -> FrameBlock:
        block = self._held.pop(0)
        self._held_count -= block.count
        self._given_ns = _last_ns(block)
        return block

    def _put_in_order(self, block: FrameBlock) -> Iterator[FrameBlock]:
        """Take a block that is out of order, in itself or with what is held."""
        parts, before = [*self._held, block], self._held_count
        times_ns, frames = array("q"), array("q")
        for part in parts:
            times_ns.extend(part.time_ns)
            frames.extend(part.numbers())
        runs, late, first_late = runs_of(times_ns, frames, before, self._latest_ns, self._given_ns)
        begin = runs[-1]  # of the latest run
        if late:
            self._problems.add("out-of-order", OUT_OF_ORDER, frame=first_late, count=late)
            yield from self._sorted(parts, frames, times_ns, runs)
            return
        yield from self.rest()  # clocks were set, and no frame is moved
        if begin > before:
            yield rows_of(block, 0, begin - before)
            block = rows_of(block, begin - before, block.count)
        self._begin_run(block)

    def _sorted(self, parts: list[FrameBlock], frames: "array[int]", times_ns: "array[int]", runs: "array[int]") -> Iterator[FrameBlock]:
        """Give the rows of blocks in order, run by run, up to those of the last run before which a later frame may come."""
        count, begin = len(frames), runs[-1]
        order = array("i")
        for start, end in pairwise((*runs, count)):
            if columns.descents(times_ns[start:end], end - start):
                rows = columns.in_order(times_ns[start:end], end - start)[: end - start]
                order.extend([start + row for row in rows])
            else:
                order.extend(range(start, end))
        whole = _joined(parts, frames)
        for name in COLUMNS:
            picked = array("q", bytes(8 * count))
            columns.pick(getattr(whole, name), order, 0, picked, count)
            setattr(whole, name, picked)
        latest_ns = whole.time_ns[count - 1]
        given = max(bisect_right(whole.time_ns, latest_ns - WINDOW_NS, begin), count - MOST_FRAMES)
        if begin:
            self._given_ns = TIME_MIN_NS
        if given > begin:
            self._given_ns = whole.time_ns[given - 1]
        self._held, self._held_count = [], 0
        for start in range(0, given, BLOCK_FRAMES):
            yield _part(whole, start, min(start + BLOCK_FRAMES, given))
        self._hold(_joined([_part(whole, given, count)]))

    def _begin_run(self, block: FrameBlock) -> None:
        self._given_ns = TIME_MIN_NS
        self._hold(block)


def runs_of(times_ns: "array[int]", frames: "array[int]", before: int, latest_ns: int, given_ns: int) -> "tuple[array[int], int, int]":
    """Where runs begin among rows; how many frames are late without beginning one, and the first of them (0: none).

    The first `before` rows are in order, and of a run whose latest stamp is `latest_ns`; of that run what was stamped up to `given_ns`
    was handed on.
    """
    times, numbers, count = times_ns, frames, len(times_ns)  # compiled, these are plain memory and plain numbers
    window_ns, most_frames = WINDOW_NS, MOST_FRAMES
    runs = array("q", [0])
    late = first_late = 0
    earliest = array("q", frames[:before] or [0])  # lowest number from each row of those before on
    peaks = array("q", bytes(8 * count))  # latest stamp of the run up to each of the others
    for row in range(before - 2, -1, -1):
        earliest[row] = min(earliest[row], earliest[row + 1])
    known, begin = before, before  # rows of the run that are in order, and where its others begin
    for row in range(before, count):
        time_ns = times[row]
        if time_ns < latest_ns:
            overtaken = most_frames + 1
            if time_ns > latest_ns - window_ns and time_ns >= given_ns:
                at = behind(times_ns, time_ns, 0, known)
                overtaken = numbers[row] - (earliest[at] if at < known else numbers[behind(peaks, time_ns, begin, row)])
            if overtaken <= most_frames:
                late += 1
                first_late = first_late or numbers[row]
                peaks[row] = latest_ns
                continue
            if row:
                runs.append(row)
            known, begin, given_ns = 0, row, TIME_MIN_NS
        latest_ns = time_ns
        peaks[row] = time_ns
    return runs, late, first_late


def behind(column: "array[int]", value: int, low: int, high: int) -> int:
    """The first row from `low` on whose value is larger; `high` where none before it is. The values do not descend."""
    while low < high:
        middle = (low + high) // 2
        if column[middle] > value:
            high = middle
        else:
            low = middle + 1
    return low


def _joined(parts: list[FrameBlock], frames: "array[int] | None" = None) -> FrameBlock:
    """Rows of several blocks as one with bytes of its own, which is as long as it gets; `frames` are their numbers where some are moved."""
    size = sum(columns.total(part.captured, part.count) for part in parts)
    area = memoryview(bytearray(size))
    whole, at = FrameBlock(b"", parts[0].first_frame), 0
    for part in parts:
        words.put_frames(area, at, part.data, part.offset, part.captured, part.count)
        at += columns.total(part.captured, part.count)
        whole.count += part.count
        for name in COLUMNS:
            getattr(whole, name).extend(getattr(part, name))
    whole.data = bytes(area)
    whole.offset = array("q", bytes(8 * whole.count))
    columns.sums_before(whole.captured, whole.offset, whole.count)
    if frames is not None:
        whole.frame = frames
    return whole


def _part(whole: FrameBlock, start: int, end: int) -> FrameBlock:
    """Rows of a block that has numbers of its own; they are left out where the rows follow each other in the file as well."""
    part = rows_of(whole, start, end)
    frames, lowest = part.frame, columns.least(whole.frame[start:], whole.count - start)
    if frames[0] == lowest and frames[-1] - lowest == end - start - 1 and not columns.descents(frames, end - start):
        part.frame = array("q")
    part.first_frame = lowest
    return part


def _last_ns(block: FrameBlock) -> int:
    return block.time_ns[block.count - 1]
