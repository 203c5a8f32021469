"""What a file holds, without what is in its frames: how many there are, when, and in which order; where one can begin to read.

Whoever cuts captures into parts that are read apart looks at each file first: a walk over the records' headers.
"""

from array import array
from bisect import bisect_left
from dataclasses import dataclass, field
from itertools import accumulate, islice

from tcptrace_py.model.faults import Faults
from tcptrace_py.model.frames import FrameBlock
from tcptrace_py.model.problems import Problems
from tcptrace_py.model.results import FileInfo

from .file import CaptureFile, Mark, Opened
from .interfaces import Described, Interfaces, Numbers
from .ordering import facts_of
from .section import TIME_MIN_NS

MARK_BYTES = 8 << 20  # between two marks, at least


@dataclass(slots=True)
class Head:
    """One file. It is described in *stretches*, the blocks that it is read in.

    For each: the number of its first frame (and behind the last one, what the next would have), the earliest time, the latest time so
    far, whether its times ascend and none is earlier than one before it, and how many bytes were captured.
    """

    path: str
    info: FileInfo
    size_bytes: int
    head_ns: int  # what a look at its first bytes says of its first frame's time
    interfaces: list[tuple[Described, int | None]] = field(default_factory=list)  # in their order; with `_describe`'s time
    links: set[int] = field(default_factory=set)
    first: "array[int]" = field(default_factory=lambda: array("q", [1]))
    least_ns: "array[int]" = field(default_factory=lambda: array("q"))
    latest_ns: "array[int]" = field(default_factory=lambda: array("q"))
    ordered: bytearray = field(default_factory=bytearray)
    captured_bytes: "array[int]" = field(default_factory=lambda: array("q"))
    marks: dict[int, Mark] = field(default_factory=dict)  # by the stretch that begins there
    problems: Problems = field(default_factory=Problems)
    faults: Faults = field(default_factory=Faults)

    @property
    def stretches(self) -> int:
        """How many there are."""
        return len(self.least_ns)

    def mark_before(self, stretch: int) -> Mark | None:
        """The last place at which one can begin to read for this stretch; None: the beginning."""
        return next((self.marks[at] for at in range(stretch, 0, -1) if at in self.marks), None)

    def _describe(self, numbers: Numbers, block: FrameBlock | None) -> None:
        """Note the interfaces described since the block before: with the latest time of the frames before each, if there are any."""
        if len(self.interfaces) == len(numbers.described):
            return
        latest_ns = [self._latest_ns]
        if block is not None:
            latest_ns += islice(accumulate(block.time_ns, max, initial=self._latest_ns), 1, block.count + 1)
        for (_number, which), behind in islice(zip(numbers.described, numbers.behind, strict=True), len(self.interfaces), None):
            self.interfaces.append((which, latest_ns[behind + 1 - self.first[-1]] if behind else None))

    @property
    def _latest_ns(self) -> int:
        return self.latest_ns[-1] if self.latest_ns else TIME_MIN_NS

    def _add(self, block: FrameBlock) -> None:
        latest_ns = self._latest_ns
        facts = facts_of(block)
        self.first.append(block.first_frame + block.count)
        self.least_ns.append(facts.least_ns)
        self.latest_ns.append(max(latest_ns, facts.most_ns))
        self.ordered.append(facts.ascends and block.time_ns[0] >= latest_ns)
        self.captured_bytes.append(facts.captured_bytes)
        self.links.update(facts.links)


def look_at(path: str, *, alone: bool) -> Head:
    """Walk through a file. `alone`: no other belongs to the capture. Raises CaptureError where it cannot be read at all."""
    file = CaptureFile(path)
    head = Head(path, file.info, file.size_bytes or 0, file.head_ns())
    numbers, marks = Interfaces().begin(), list[Mark | None]()
    marked = 0
    blocks = file.blocks(head.problems, numbers, None if alone else Opened(), head.faults, marks)
    for block in blocks:
        head._describe(numbers, block)  # noqa: SLF001 - its own
        head._add(block)  # noqa: SLF001 - its own
        mark = marks.pop() if marks else None
        if mark is not None and mark.byte >= marked + MARK_BYTES:
            marked = mark.byte
            head.marks[head.stretches] = mark
    head._describe(numbers, None)  # noqa: SLF001 - its own
    return head


def rows_before(path: str, mark: Mark | None, first: int, end: int, time_ns: int) -> int:
    """The first of the frames `first` to `end` (exclusive), whose times ascend, that is not earlier; `end` where all are."""
    for block in CaptureFile(path).rows(first, end, mark, (), Problems()):
        if block.time_ns[block.count - 1] >= time_ns:
            return block.first_frame + bisect_left(block.time_ns, time_ns)
    return end
