"""A capture of one file or of many, cut by time into ranges that can be read apart, anywhere, and give the same frames.

A cut is a moment T: in the order of the merged capture (`merge`) the frames before it are those whose file had no time of T or later
so far. It is *clean* where no frame behind it is earlier than T: then neither merging nor putting in order (`ordering`) looks beyond
it. `heads` says of each stretch of a file whether its times ascend; what of a stretch that is cut comes before T is found by
reading that stretch (`Cuts.open_questions`).
"""

from array import array
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

from tcptrace_py.model.errors import CaptureError
from tcptrace_py.model.frames import FrameBlock
from tcptrace_py.model.problems import Problems

from .eras import Eras
from .file import CaptureFile, Mark
from .heads import Head
from .interfaces import Known, numbered
from .merge import Input, merge
from .ordering import Order
from .section import TIME_MIN_NS

FEWEST = 0.5  # of the wanted size, that a range has at least
ENOUGH = 0.75  # and where it is cut if it can be between two stretches of all files


class Slice(NamedTuple):
    """Frames of one file, `first` to `end` (exclusive) by its own numbers; where to begin to read, and the numbers of its interfaces."""

    path: str
    first: int
    end: int
    mark: Mark | None
    interfaces: tuple[int, ...]

    def blocks(self, problems: Problems) -> Iterator[FrameBlock]:
        """Them, by their own numbers."""
        try:
            file = CaptureFile(self.path)
        except CaptureError as error:  # it could be read when it was looked at
            problems.add("read-error", str(error), damaged=True)
            return iter(())
        return file.rows(self.first, self.end, self.mark, self.interfaces, problems)


@dataclass(frozen=True, slots=True)
class Range:
    """What is read at once: its place among all, the number of its first frame, how many it has, and where they are."""

    number: int
    first_frame: int
    frames: int
    captured_bytes: int
    slices: tuple[Slice, ...]
    from_ns: int

    def blocks(self, problems: Problems) -> Iterator[FrameBlock]:
        """Its frames as blocks, merged and in order, with the numbers that they have in the whole capture."""
        order, eras, next_frame = Order(problems), Eras(self.first_frame - 1), self.first_frame
        for block in self._merged(problems):
            block.first_frame = next_frame
            next_frame += block.count
            yield from eras.cut(order.take(block))
        yield from eras.cut(order.rest())

    def _merged(self, problems: Problems) -> Iterator[FrameBlock]:
        inputs = [Input(self.from_ns, partial(one.blocks, problems)) for one in self.slices]
        return self.slices[0].blocks(problems) if len(inputs) == 1 else merge(inputs)


class Question(NamedTuple):
    """How many frames of a stretch that is cut come before the cut (`heads.rows_before`)."""

    path: str
    mark: Mark | None
    first: int
    end: int
    time_ns: int


class Cuts:
    """Where the files of a capture are cut, for ranges of about so many captured bytes."""

    def __init__(self, heads: Sequence[Head], range_bytes: int) -> None:
        self._heads = heads
        self.times_ns = _chosen(heads, range_bytes)
        self._places = [[_place(head, time_ns) for time_ns in self.times_ns] for head in heads]

    def open_questions(self) -> list[Question]:
        """What has to be known before there are `ranges`."""
        return [
            Question(head.path, head.mark_before(place), head.first[place], head.first[place + 1], time_ns)
            for head, places in zip(self._heads, self._places, strict=True)
            for place, time_ns in zip(places, self.times_ns, strict=True)
            if _is_cut(head, place, time_ns)
        ]

    def ranges(self, answers: Sequence[int]) -> list[Range]:
        """The ranges, in order. `answers` are those to `open_questions`."""
        given = iter(answers)
        bounds = [
            [
                1,
                *(
                    next(given) if _is_cut(head, place, time_ns) else head.first[place]
                    for place, time_ns in zip(places, self.times_ns, strict=True)
                ),
                head.first[-1],
            ]
            for head, places in zip(self._heads, self._places, strict=True)
        ]
        interfaces, found, next_frame = _interfaces(self._heads), list[Range](), 1
        for number, from_ns in enumerate((TIME_MIN_NS, *self.times_ns)):
            slices, captured_bytes = [], 0
            for head, bound, numbers in zip(self._heads, bounds, interfaces, strict=True):
                first, end = bound[number], bound[number + 1]
                if first < end:
                    stretch = bisect_left(head.first, first + 1) - 1
                    slices.append(Slice(head.path, first, end, head.mark_before(stretch), numbers))
                    captured_bytes += sum(head.captured_bytes[stretch : bisect_left(head.first, end)])
            frames = sum(one.end - one.first for one in slices)
            if frames:
                found.append(Range(len(found), next_frame, frames, captured_bytes, tuple(slices), from_ns))
            next_frame += frames
        return found


def _interfaces(heads: Sequence[Head]) -> list[tuple[int, ...]]:
    """The numbers of each file's interfaces, as they are where all files are read at once."""
    files = []
    for at, head in enumerate(heads):
        end_ns = head.latest_ns[-1] if head.stretches else TIME_MIN_NS
        described = [(which, None if latest_ns is None else (latest_ns, -at)) for which, latest_ns in head.interfaces]
        files.append(Known((head.head_ns, -at), (end_ns, -at), described))
    return [tuple(numbers) for numbers in numbered(files)]


def _place(head: Head, time_ns: int) -> int:
    """The first stretch that does not end before a moment."""
    return bisect_left(head.latest_ns, time_ns)


def _is_cut(head: Head, place: int, time_ns: int) -> bool:
    return place < head.stretches and head.least_ns[place] < time_ns


def _chosen(heads: Sequence[Head], range_bytes: int) -> "array[int]":
    """The moments of the cuts."""
    every, loose = _Spans(), _Spans()  # all stretches; those in which no cut is clean
    closed = _Spans()  # files that can be read from their beginning only: they are cut only where another one begins
    candidates = []
    for head in heads:
        for at in range(head.stretches):
            every.add(head.least_ns[at], head.latest_ns[at], head.captured_bytes[at])
            if head.ordered[at]:
                candidates.append((head.least_ns[at], at > 0))
            else:
                loose.add(head.least_ns[at], head.latest_ns[at], 0)
        if head.stretches and not head.marks:
            closed.add(min(head.least_ns), head.latest_ns[-1], 0)
    chosen, bytes_before = array("q"), 0
    for spans in (every, loose, closed):
        spans.sort()
    for time_ns, inside in sorted(candidates):
        size = every.bytes_before(time_ns) - bytes_before
        if size < FEWEST * range_bytes or loose.over(time_ns) or (inside and closed.over(time_ns)):
            continue
        if size >= range_bytes or (size >= ENOUGH * range_bytes and not every.over(time_ns)):
            chosen.append(time_ns)
            bytes_before += size
    return chosen


class _Spans:
    """Spans of time: how many there are over a cut, which they begin before and end at or behind; and what lies before it."""

    def __init__(self) -> None:
        self._begins, self._ends = list[int](), list[tuple[int, int]]()
        self._bytes = [0]

    def add(self, least_ns: int, latest_ns: int, size_bytes: int) -> None:
        self._begins.append(least_ns)
        self._ends.append((latest_ns, size_bytes))

    def sort(self) -> None:
        self._begins.sort()
        self._ends.sort()
        for _latest_ns, size_bytes in self._ends:
            self._bytes.append(self._bytes[-1] + size_bytes)

    def over(self, time_ns: int) -> int:
        return bisect_left(self._begins, time_ns) - self._ended(time_ns)

    def bytes_before(self, time_ns: int) -> int:
        return self._bytes[self._ended(time_ns)]

    def _ended(self, time_ns: int) -> int:
        return bisect_left(self._ends, (time_ns, -1))
