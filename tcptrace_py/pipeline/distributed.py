"""The way of the data through many machines: the same result as in one process, byte for byte.

Who drives looks at nothing but sums. The work is done by an engine (`Engine`: the package `cluster` has one), task by task:

* heads: what each file holds, and in which order (`capture.heads`); the capture is cut into ranges by time (`capture.ranges`);
* decode, replay, conclude: see `stages`. Between decoding and replaying lie the segments, in files that all can reach (`scratch`):
  they outlive the process that wrote them, and are replayed as often as it takes;
* sums: each partition's are added up here as they come.

A range that holds fragments of packets that began before it is decoded again when these are known: fragments are rare.
"""

from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

from tcptrace_py.capture.heads import Head, look_at, rows_before
from tcptrace_py.capture.ranges import Cuts, Question, Range
from tcptrace_py.capture.reader import gather, look_up
from tcptrace_py.decode.fragments import give_up, without_expired
from tcptrace_py.findings.quality import Quality
from tcptrace_py.model.errors import NO_NAMES, CaptureError, NotSharedError
from tcptrace_py.model.problems import Problems
from tcptrace_py.model.results import Analysis, CaptureInfo
from tcptrace_py.model.selection import Selection
from tcptrace_py.model.seq import MASK

from .jobs import FIRST, Known, Part, Sums, add_known, all_needs
from .reports import take_all
from .running import Machinery, Reading, analysed
from .scratch import Piece, WrittenRows
from .stages import MOST_PARTITIONS, Concluded, Decoded, Replayed, Segments, Work, conclude, decode, known_of, needs_of, replay
from .worthwhile import AGGREGATED

if TYPE_CHECKING:
    from tcptrace_py.decode.fragments import Packets

RANGE_BYTES = 64 << 20
Handle = Any


class Engine(Protocol):
    """Carries out functions somewhere, and again where that was lost. A handle stands for a result, and may be given to other tasks."""

    @property
    def workers(self) -> int:
        """How many tasks it carries out at once."""

    def submit(self, stage: str, function: Callable[..., Any], *arguments: Any) -> Handle:
        """Begin a task of a stage."""

    def results(self, handles: Sequence[Handle], sizes: Sequence[int] = ()) -> Iterator[tuple[int, Any]]:
        """Results as they are there, each with its place among the handles; what a task raised is raised.

        `sizes`: how many bytes each task goes through, where that says how long it takes.
        """

    def forget(self, handle: Handle) -> None:
        """Nobody asks for this result any more."""


@dataclass(frozen=True)
class Plan:
    """What a run would do: the files with what they hold, the ranges that they are read in, the partitions of four-tuples."""

    heads: Sequence[Head]
    ranges: Sequence[Range]
    partitions: int
    problems: Problems

    @property
    def packets(self) -> int:
        """Frames in all."""
        return sum(head.info.packets for head in self.heads)

    @property
    def captured_bytes(self) -> int:
        """Bytes of all frames."""
        return sum(sum(head.captured_bytes) for head in self.heads)


def all_results(engine: Engine, handles: Sequence[Handle], sizes: Sequence[int] = ()) -> list[Any]:
    """Results in the order of the handles. `sizes`: see `Engine.results`."""
    found: list[Any] = [None] * len(handles)
    for at, result in engine.results(handles, sizes):
        found[at] = result
        engine.forget(handles[at])
    return found


def plan(paths: Sequence[str], engine: Engine, range_bytes: int, partitions: int | None = None) -> Plan:
    """Look at all files, and cut them into ranges. Raises CaptureError where none can be read."""
    problems, named = Problems(), [look_up(path) for path in paths]
    members = [member for one in named for member in (one.members if one.members is not None else [] if one.failed else [one.path])]
    alone = len(members) == 1
    looks = [engine.submit("heads", _look_at, member, alone) for member in members]
    found = iter(all_results(engine, looks))

    def open_one(_path: str) -> Head:
        head = next(found)
        if isinstance(head, CaptureError):
            raise head
        assert isinstance(head, Head)
        return head

    heads = gather(named, problems, open_one)
    for head in heads:
        problems.merge(head.problems)
    cuts = Cuts(heads, range_bytes)
    answers = [engine.submit("heads", _answer, question) for question in cuts.open_questions()]
    ranges = cuts.ranges(all_results(engine, answers))
    return Plan(heads, ranges, min(partitions or max(2 * engine.workers, 4), MOST_PARTITIONS), problems)


def _look_at(path: str, alone: bool) -> Head | CaptureError:
    try:
        return look_at(path, alone=alone)
    except CaptureError as error:
        return error


def _answer(question: Question) -> int:
    return rows_before(*question)


class Run:
    """One analysis. Its files are in `folder`, which is to be removed when nobody reads the result's connections any more."""

    def __init__(self, planned: Plan, engine: Engine, work: Work) -> None:
        self._plan = planned
        self._engine = engine
        self._work = work
        self._decoded: list[Decoded] = []
        self._known: dict[int, Decoded] = {}
        self._done: Callable[[int, Decoded], None] = lambda _number, _decoded: None

    def remember(self, known: dict[int, Decoded], done: Callable[[int, Decoded], None]) -> None:
        """These ranges were decoded before; `done` is to be told of each other one."""
        self._known, self._done = known, done

    def analysis(self) -> Analysis:
        """Do it all. Raises NotSharedError where only one process can."""
        heads = self._plan.heads
        if any(not AGGREGATED.isdisjoint(head.links) for head in heads):
            raise NotSharedError("there are frames that may hold several segments")
        if self._plan.packets >= MASK:
            raise NotSharedError(NO_NAMES)
        self._decoded = self._decode()
        return analysed(self._read, self._work.selection, self._work.profiles, again=True)

    # -- decoding -----------------------------------------------------------------------------------------------------

    def _decode(self) -> list[Decoded]:
        engine, work, ranges = self._engine, self._work, self._plan.ranges
        found = dict(self._known)
        missing = [span for span in ranges if span.number not in found]
        handles = [engine.submit("decode", decode, work, span, None) for span in missing]
        for at, result in engine.results(handles, [span.captured_bytes for span in missing]):
            engine.forget(handles[at])
            found[missing[at].number] = result
            self._done(missing[at].number, result)
        decoded = [found[span.number] for span in ranges]
        before: Packets = {}
        for at, span in enumerate(ranges):
            one = decoded[at]
            if one.packets is not None:
                if before and not (one.seen is not None and one.seen.goes_without(before)):
                    (decoded[at],) = all_results(engine, [engine.submit("decode", decode, work, span, before)])
                    before = {}
                one = decoded[at]
                before = without_expired(before | (one.packets or {}), one.info.end_ns or 0, one.problems)
        if before:
            give_up(before, decoded[-1].problems)
        return decoded

    # -- replaying ----------------------------------------------------------------------------------------------------

    def _read(self, selected: Selection, most_openings: int) -> Reading:
        """Replay what was decoded, and add it all up."""
        engine, work = self._engine, replace(self._work, selection=selected, most_openings=most_openings)
        whole, problems, info = work.machinery(), Problems(), CaptureInfo(files=[head.info for head in self._plan.heads])
        problems.merge(self._plan.problems)
        for head in self._plan.heads:
            whole.faults.merge(head.faults)
        for decoded in self._decoded:
            _follow(info, whole.collector.quality, decoded)
            problems.merge(decoded.problems)
            whole.faults.merge(decoded.faults)
        end_ns = selected.ends_ns(info.end_ns or 0)
        part = _first_part(whole, problems)
        sums = Sums(part, {})
        partitions = range(work.partitions)
        handles = [
            engine.submit("replay", replay, work, partition, [Segments(one.name, one.pieces[partition]) for one in self._decoded], end_ns)
            for partition in partitions
        ]
        self._wait_for(handles)
        known = self._exchange(handles)
        told = []
        for at, replayed in engine.results([engine.submit("sums", _without_known, handle) for handle in handles]):
            told.append((1 + at, self._add(sums, 1 + at, replayed), replayed.reports))
            part.collector.take_refusals(replayed.refusals)
        take_all(sums, told)
        part.collector.settle_before_waiting(end_ns)
        part.learn(known)
        waited = [
            engine.submit("conclude", conclude, work, partition, handle, known, end_ns)
            for partition, handle in zip(partitions, handles, strict=True)
        ]
        part.collector.add_up()
        for at, concluded in engine.results(waited):
            whose = 1 + len(handles) + at
            take_all(sums, [(whose, self._add(sums, whose, concluded), concluded.reports)])
        for handle in (*handles, *waited):
            engine.forget(handle)
        part.collector.rename_streams(part.openers.rank)
        part.collector.close(end_ns)
        return Reading(whole, info, problems, interrupted=False, can_follow=True)

    def _wait_for(self, handles: Sequence[Handle]) -> None:
        """Until all partitions are replayed."""
        sizes = [sum(piece.size for one in self._decoded for piece in one.pieces[number]) for number in range(len(handles))]
        for _ in self._engine.results([self._engine.submit("replay", nothing_of, handle) for handle in handles], sizes):
            pass

    def _exchange(self, handles: Sequence[Handle]) -> Known:
        """What all partitions together know of the hosts of which one of them needs to know more."""
        engine = self._engine
        asked = all_needs(theirs for _, theirs in engine.results([engine.submit("exchange", needs_of, handle) for handle in handles]))
        known: Known = {}, {}
        for _, more in engine.results([engine.submit("exchange", known_of, handle, asked) for handle in handles]):
            add_known(known, more)
        return known

    def _add(self, sums: Sums, whose: int, found: Replayed | Concluded) -> Callable[[Piece], bytes]:
        """Take in what adds up of a partition, but for its reports; how these are read."""
        read = self._work.folder.reader(found.name)
        sums.open(whose, WrittenRows(read, found.rows))
        sums.add(whose, found.state)
        return read


def nothing_of(_replayed: Replayed) -> None:
    """Says that it is there."""


def _without_known(replayed: Replayed) -> Replayed:
    """What adds up of a partition."""
    return replace(replayed, needs=(set(), set()), known=({}, {}), frames=array("q"), waiting=[], kinds=([], bytearray()))


def _first_part(whole: Machinery, problems: Problems) -> Part:
    """The part that all others are added to; nothing is replayed in it."""
    return Part(
        FIRST, array("i"), whole.table, whole.collector, whole.faults, problems, check_checksums=False, fragments_before=lambda: None
    )


def _follow(info: CaptureInfo, quality: Quality, decoded: Decoded) -> None:
    """Take in a range that comes behind the others."""
    quality.follow(decoded.quality)
    info.packets += decoded.info.packets
    for name, choose in (("start_ns", min), ("end_ns", max)):
        known, more = getattr(info, name), getattr(decoded.info, name)
        if more is not None:
            setattr(info, name, more if known is None else choose(known, more))
