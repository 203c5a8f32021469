"""The stages of a distributed run: functions of what they are given, which any process may carry out, and again if it must.

* `decode`: a range of the capture to segments, written piece by piece for the partition of four-tuples that each belongs to;
* `replay`: all segments of one partition to connections; what waits for the hosts' other connections is written down;
* `conclude`: what waited, when all partitions together know of its hosts.

What comes out of `replay` and `conclude` adds up as the parts of one machine's run do (`jobs.Sums`): each is such a part.
"""

from array import array
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from struct import Struct
from typing import TYPE_CHECKING, NamedTuple

from tcptrace_py.capture.ranges import Range
from tcptrace_py.decode import Decoder
from tcptrace_py.findings.quality import Quality
from tcptrace_py.model.faults import Faults
from tcptrace_py.model.first_frames import FrameList
from tcptrace_py.model.problems import Problems
from tcptrace_py.model.profiles import Profiles
from tcptrace_py.model.results import CaptureInfo
from tcptrace_py.model.selection import Selection
from tcptrace_py.model.words import BUCKETS

from .jobs import Known, Needs, Part, Report, State, all_needs, shared_areas
from .partition import ROW_MOST_BYTES, AreaFullError, check, pack, tell_owners
from .reports import Told, packed
from .running import Machinery, count_frames, few_collections
from .scratch import Folder, Outgoing, Piece, Rows, ScratchError

if TYPE_CHECKING:
    from tcptrace_py.decode.fragments import Packets, Seen
    from tcptrace_py.model.segments import SegmentBlock

MOST_PARTITIONS = BUCKETS
HELD_BYTES = 32 << 20  # of segments that wait to be written
REPORT_EVENTS = 1 << 16  # begins and ends of intervals, and packed accounts, that wait to be reported
NOT_OURS = "scratch files: there are segments that no stage wrote so"
BLOCK_HEAD = Struct("<IIqqI")  # rows; how many times follow, and these (FlowTable.feed); bytes of the rows


@dataclass(frozen=True)
class Work:
    """What is to be done, for all stages."""

    folder: Folder
    partitions: int
    selection: Selection
    profiles: Profiles
    idle_s: float | None
    check_checksums: bool
    keep_rows: bool
    slowest: int
    most_openings: int
    memory_mb: int | None

    def machinery(self) -> Machinery:
        """What replays and adds up."""
        return Machinery(
            selection=self.selection,
            profiles=self.profiles,
            idle_s=self.idle_s,
            keep_rows=self.keep_rows,
            slowest=self.slowest,
            most_openings=self.most_openings,
            memory_mb=self.memory_mb,
        )

    def owner_of(self) -> "array[int]":
        """The partition of each bucket of four-tuples."""
        return array("i", [bucket * self.partitions // BUCKETS for bucket in range(BUCKETS)])


@dataclass
class Decoded:
    """What a range held. `pieces` has for each partition where its segments stand in the file `name`.

    `packets` are those of which fragments may come behind the range's last frame; None: it holds no fragments. `seen` are all that it has
    fragments of.
    """

    name: str
    pieces: list[list[Piece]]
    info: CaptureInfo
    quality: Quality
    problems: Problems
    faults: Faults
    packets: "Packets | None"
    seen: "Seen | None"


class Segments(NamedTuple):
    """Where the segments of a partition are that come from one range."""

    name: str
    pieces: list[Piece]


@dataclass
class Replayed:
    """A partition, replayed. What the pieces say stands in the file `name`.

    `reports` are those of `reports`, `waiting` the parcels of those who wait, `frames` their first frames, and `kinds` what their kinds
    of intervals are: names of accounts, and what each counts.
    """

    needs: Needs
    known: Known
    state: list[State]
    refusals: list[tuple[bytes, dict[int, int]]]
    name: str
    rows: list[Piece]
    reports: list[Piece]
    waiting: list[Piece]
    frames: "array[int]"
    kinds: tuple[list[bytes], bytearray]


@dataclass
class Concluded:
    """What waited, concluded."""

    state: list[State]
    name: str
    rows: list[Piece]
    reports: list[Piece]


def decode(work: Work, span: Range, before: "Packets | None") -> Decoded:
    """Decode a range. `before`: packets in the making that its first frames may belong to."""
    problems, faults, quality, info = Problems(), Faults(), Quality(), CaptureInfo(files=[])
    decoder = Decoder(problems, check_checksums=work.check_checksums, faults=faults)
    owner_of, nobody = work.owner_of(), work.partitions
    decoder.share(owner_of, nobody, lambda: before)
    spare = None
    with work.folder.writing(f"segments-{span.number:06}") as out, few_collections():
        shuffle = _Shuffle(work.partitions, out)
        for frames in span.blocks(problems):
            if not frames.count:
                continue
            count_frames(info, quality, frames)
            segments = decoder.decode(frames, spare)
            tell_owners(segments, owner_of, nobody)
            quality.segments(segments)
            shuffle.take(segments)
            spare = segments
        shuffle.finish()
        packets, seen = decoder.hand_on_fragments(), decoder.fragments_seen()
        decoder.finish(fragments=False)
    return Decoded(out.name, shuffle.pieces, info, quality, problems, faults, packets, seen)


class _Shuffle:
    """Collects the rows of each partition in an area of its own, and writes that where it is full."""

    def __init__(self, partitions: int, out: Outgoing) -> None:
        self.pieces: list[list[Piece]] = [[] for _ in range(partitions)]
        self._areas = shared_areas(partitions, HELD_BYTES // partitions)  # what is not written takes no memory
        self._ends = [0] * partitions  # of what is in them
        self._out = out

    def take(self, segments: "SegmentBlock") -> None:
        latest_ns = segments.latest_ns()
        times_ns = (*latest_ns, 0, 0)[:2]
        for to in range(len(self._areas)):
            rows, end = self._pack(segments, to)
            at = self._ends[to]
            BLOCK_HEAD.pack_into(self._areas[to], at, rows, len(latest_ns), *times_ns, end - at - BLOCK_HEAD.size)
            self._ends[to] = end
        segments.data = b""

    def _pack(self, segments: "SegmentBlock", to: int) -> tuple[int, int]:
        """Write the rows of a partition behind those that are there, and room for their head: how many, and where they end."""
        with suppress(AreaFullError):
            return pack(segments, to, self._areas[to], self._ends[to] + BLOCK_HEAD.size)
        self._write(to)
        most_bytes = BLOCK_HEAD.size + (segments.count + 1) * ROW_MOST_BYTES
        if len(self._areas[to]) < most_bytes:
            self._areas[to] = memoryview(bytearray(most_bytes))
        return pack(segments, to, self._areas[to], BLOCK_HEAD.size)

    def finish(self) -> None:
        for to in range(len(self._areas)):
            self._write(to)

    def _write(self, to: int) -> None:
        if self._ends[to]:
            self.pieces[to].append(self._out.put(self._areas[to][: self._ends[to]]))
        self._ends[to] = 0


def replay(work: Work, partition: int, segments: Iterable[Segments], end_ns: int) -> Replayed:
    """Replay a partition: its segments of all ranges, in order, of a capture that ends then."""
    machinery = work.machinery()
    part = _part(machinery, partition)
    with work.folder.writing(f"rows-{partition:06}") as out, few_collections():
        part.collector.rows.scratch = rows = Rows(out)
        reports = []
        for name, pieces in segments:
            read = work.folder.reader(name)
            for piece in pieces:
                for area, count, latest_ns in _blocks(read(piece)):
                    part.feed(part.unpacked(area, count), latest_ns)
                    if part.untold >= REPORT_EVENTS:
                        reports.append(_written(part, part.tell(), out))
        part.table.finish(end_ns)
        part.table.clear()
        needs, known = all_needs(part.needs()), part.everything_known()
        refusals = part.collector.release_refusals()
        frames, parcels = part.collector.waiting.release()
        waiting = [out.put(parcel) for parcel in parcels]
        reports.append(_written(part, _last_report(part, end_ns), out))
        state = list(part.state())
        accounts = part.collector.accounts
        kinds = (accounts.kind_names, accounts.kind_counts) if frames else ([], bytearray())
    return Replayed(needs, known, state, refusals, out.name, list(rows.pieces.values()), reports, waiting, frames, kinds)


def _written(part: Part, report: Report, out: Outgoing) -> Piece:
    """Write down what is new, and let go of it: what a partition keeps does not grow with the time that it spans."""
    connections, streams = part.collector.first_frames, part.openers
    assert isinstance(connections, FrameList)
    assert isinstance(streams, FrameList)
    return out.put(packed(Told(report, connections.release(), streams.release())))


def _last_report(part: Part, end_ns: int) -> Report:
    """A report when all is told but what waits: that may begin and end as long before the capture's end as is never settled before."""
    return Report(part.told(), part.collector.settled_before_waiting_ns(end_ns))


def conclude(work: Work, partition: int, replayed: Replayed, known: Known, end_ns: int) -> Concluded:
    """Conclude what waited in a partition. `known` is what all partitions know of what it `needs`."""
    part = _part(work.machinery(), partition)
    names, counted = replayed.kinds
    read = work.folder.reader(replayed.name)
    with work.folder.writing(f"waited-{partition:06}") as out, few_collections():
        part.collector.rows.scratch = rows = Rows(out)
        part.learn(known)
        part.collector.waiting.take(
            replayed.frames, map(read, replayed.waiting), lambda kind: int(part.collector.accounts.kind(names[kind], counted[kind]))
        )
        part.conclude_waiting(end_ns)
        reports = [_written(part, _last_report(part, end_ns), out)]
        state = list(part.state())
    return Concluded(state, out.name, list(rows.pieces.values()), reports)


def _part(machinery: Machinery, partition: int) -> Part:
    part = Part(
        1 + partition,  # none of them is jobs.FIRST
        array("i", bytes(4 * BUCKETS)),
        machinery.table,
        machinery.collector,
        machinery.faults,
        Problems(),
        check_checksums=False,
        fragments_before=lambda: None,
    )
    part.openers = part.table.streams.openers = FrameList()
    part.collector.first_frames = FrameList()
    return part


def needs_of(replayed: Replayed) -> Needs:
    """Of which hosts it has to be known more."""
    return replayed.needs


def known_of(replayed: Replayed, needs: Needs) -> Known:
    """What this partition knows of them."""
    pairs, ways = replayed.known
    return {name: pairs[name] for name in needs[0] if name in pairs}, {name: ways[name] for name in needs[1] if name in ways}


def _blocks(data: bytes) -> Iterator[tuple[memoryview, int, tuple[int, ...]]]:
    """The blocks of a piece: where their rows are packed, how many they are, the times of the last ones of the whole block."""
    whole, at = memoryview(bytearray(data)), 0
    while at < len(data):
        if at + BLOCK_HEAD.size > len(data):
            raise ScratchError(NOT_OURS)
        rows, times, one_ns, other_ns, size = BLOCK_HEAD.unpack_from(data, at)
        at += BLOCK_HEAD.size
        if at + size > len(data) or times > 2 or not check(whole[at : at + size], rows):
            raise ScratchError(NOT_OURS)
        yield whole[at : at + size], rows, (one_ns, other_ns)[:times]
        at += size
