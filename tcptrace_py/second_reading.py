"""The second reading: an analysis keeps no segments, so captures are read again for those of chosen connections.

The flow table runs once more, over the chosen four-tuples alone, and an observer is told what it makes of each of their
segments: `ladder`, `points` and `extraction` are such observers. As the four-tuples are replayed whole, from the front and by the
same table, it makes of them what it made of them the first time.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from .capture import MOST_FRAMES, open_captures
from .capture.columns import rows_of
from .decode import Decoder
from .model import words
from .model.addresses import packed
from .model.errors import NotSharedError
from .model.first_frames import FirstFrames
from .model.problems import Problems
from .model.profiles import Profiles
from .model.segments import IPV6_KEY, plain_key, reverse_key
from .model.selection import Selection
from .pipeline.haste import over_in
from .pipeline.partition import tell_owners
from .pipeline.running import Directory, Machinery, few_collections, run

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from .flows.table import Observer
    from .model.frames import FrameBlock
    from .model.reference import Reference
    from .model.results import Analysis, Connection, ConnectionList
    from .model.segments import SegmentBlock

    Captures = Sequence[str | os.PathLike[str]]
    Progress = Callable[[int, int | None], None]

STILL_S = 0.1  # of the processor's time: so long each reading may go on after a Ctrl-C that came in the first
PIECE = 500  # frames, between which it is asked then whether that time is over
CHOSEN, OTHERS = 0, 1  # to the decoder and the flow table, what was not chosen is another process's


@dataclass(frozen=True)
class Options:
    """What decides, besides the captures, which connection a segment belongs to: to be the same in both readings."""

    selection: Selection = field(default_factory=Selection)
    profiles: Profiles = field(default_factory=Profiles)
    idle_s: float | None = None
    check_checksums: bool = False
    memory_mb: int | None = None


def observe(
    captures: Captures,
    tuples: frozenset[bytes] | None,
    observer: Observer,
    options: Options,
    *,
    until_frame: int | None = None,
    joined: list[tuple[int, ...]] | None = None,
    progress: Progress | None = None,
) -> Iterator[FrameBlock]:
    """Replay these four-tuples (`tuples_of`; None: all) with an observer (`flows.table.FlowTable`).

    Yields each block of frames when the observer was told of its segments, up to about the frame `until_frame`. `joined`: see `Decoder`.
    """
    machinery = Machinery(selection=options.selection, profiles=options.profiles, idle_s=options.idle_s, keep_rows=False, slowest=0,
                          memory_mb=options.memory_mb,
                          observer=observer)  # fmt: skip
    table = machinery.table
    table.retire = lambda live, _known_ns: live.dissolve()  # nobody asks what became of it
    for frames, segments in _blocks(captures, tuples, options, until_frame=until_frame, joined=joined, progress=progress):
        table.feed(segments)
        yield frames


def find(
    captures: Captures,
    wanted: Iterable[Reference],
    options: Options,
    *,
    jobs: int | None = 1,
    slowest: int = 5,
    progress: Progress | None = None,
) -> Analysis:
    """Analyse captures, of which only some connections are described; all others are added up.

    The result's `connections` are those of the four-tuples that are wanted, each with its `id` and `stream` among all. They may be
    more than were wanted: see `Reference.among`.
    """
    directory = Directory()

    def read(*, keep_rows: bool) -> Analysis:
        return run(captures, selection=options.selection, profiles=options.profiles, idle_s=options.idle_s, memory_mb=options.memory_mb,
                   check_checksums=options.check_checksums, progress=progress, keep_rows=keep_rows, slowest=slowest, jobs=jobs,
                   directory=None if keep_rows else directory)  # fmt: skip

    try:
        analysis = read(keep_rows=False)
    except NotSharedError:  # there is no calling streams by their frames
        return read(keep_rows=True)
    if not directory.is_clear:
        return read(keep_rows=True)
    again = _Again(captures, directory, replace(options, selection=directory.selection), analysis, progress)
    with few_collections():
        analysis.connections = again.described(again.tuples(wanted))
    analysis.capture.problems += again.problems.rows()
    return analysis


def tuples_of(connections: Iterable[Connection]) -> frozenset[bytes]:
    """Four-tuples of connections as their segments carry them, both ways and in any scope."""
    return frozenset(key for connection in connections for key in _both_ways(
        (connection.client.address, connection.client.port), (connection.server.address, connection.server.port)))  # fmt: skip


def _both_ways(one: tuple[str, int], other: tuple[str, int]) -> tuple[bytes, bytes]:
    key = packed(one[0]) + packed(other[0]) + one[1].to_bytes(2) + other[1].to_bytes(2)
    return key, reverse_key(key)


def _blocks(
    captures: Captures,
    tuples: frozenset[bytes] | None,
    options: Options,
    *,
    until_frame: int | None = None,
    joined: list[tuple[int, ...]] | None = None,
    progress: Progress | None = None,
    ends_soon: Callable[[], bool] | None = None,
) -> Iterator[tuple[FrameBlock, SegmentBlock]]:
    """Frames and their segments; of those that were not chosen little is decoded. `ends_soon`: whether the time for it is over.

    What is behind the frame `until_frame` is left out, and not read; where frames were out of order, what cannot have been put before it.
    """
    problems = Problems()  # they were reported with the analysis
    decoder = Decoder(problems, check_checksums=options.check_checksums, joined=joined)
    owners = array("i", [OTHERS]) * words.BUCKETS
    for key in tuples or ():
        owners[words.bucket(key, 4 if len(key) < IPV6_KEY else 16)] = CHOSEN
    if tuples is not None:
        decoder.share(owners, CHOSEN, lambda: None)
    segments: SegmentBlock | None = None
    blocks = open_captures(list(captures), problems, progress=progress).blocks()
    for frames in blocks if ends_soon is None else _pieces(blocks, ends_soon):
        last_frame = until_frame
        if until_frame is not None and problems.has("out-of-order"):
            last_frame = until_frame + MOST_FRAMES
        if last_frame is not None and frames.first_frame > last_frame:
            return
        segments = decoder.decode(frames, segments)
        if tuples is not None:
            tell_owners(segments, owners, CHOSEN)
            _leave_out(segments, tuples, last_frame)
        yield frames, segments


def _pieces(blocks: Iterator[FrameBlock], is_over: Callable[[], bool]) -> Iterator[FrameBlock]:
    """Blocks in small pieces, until the time is over."""
    for block in blocks:
        for at in range(0, block.count, PIECE):
            if is_over():
                return
            yield rows_of(block, at, min(at + PIECE, block.count))


def _leave_out(segments: SegmentBlock, tuples: frozenset[bytes], until_frame: int | None) -> None:
    """Of the rows that may have been chosen, leave out those that were not: other tuples of the same bucket."""
    for i, owner in enumerate(segments.owner[: segments.count]):
        if owner == CHOSEN and (plain_key(segments.key[i]) not in tuples or (until_frame is not None and segments.frame[i] > until_frame)):
            segments.owner[i] = OTHERS
            segments.foreign += 1


class _Again:
    """Reads captures again for connections that were only added up."""

    def __init__(self, captures: Captures, directory: Directory, options: Options, analysis: Analysis, progress: Progress | None) -> None:
        self.captures = captures
        self.directory = directory
        self.options = options
        self.end_ns, self.withheld = analysis.capture.end_ns or 0, analysis.withheld
        self.problems = Problems()  # of this reading alone: all others were reported with the analysis
        self.until_frame = analysis.capture.packets if analysis.interrupted else None
        self.progress = None if analysis.interrupted else progress
        self.interrupted = analysis.interrupted

    def tuples(self, wanted: Iterable[Reference]) -> frozenset[bytes]:
        """Four-tuples of wanted connections, where there are any."""
        found: set[bytes] = set()
        frames: set[int | None] = set()
        for which in wanted:
            if which.ends is not None:
                found.update(_both_ways(*which.ends))
            elif which.id is not None:
                frames.add(self.directory.connections.frame(which.id))
            elif which.stream is not None:
                frames.add(self.directory.streams.frame(which.stream))
        return frozenset(found | self._tuples_in({frame for frame in frames if frame is not None}))

    def _tuples_in(self, frames: set[int]) -> set[bytes]:
        """Four-tuples of the segments in these frames."""
        found: set[bytes] = set()
        for block, segments in _blocks(
            self.captures,
            None,
            self.options,
            until_frame=max(frames, default=0),
            progress=self.progress,
            ends_soon=over_in(STILL_S) if self.interrupted else None,
        ):
            if not frames.isdisjoint(block.numbers()):
                keys = (plain_key(segments.key[i]) for i in range(segments.count) if segments.frame[i] in frames)
                found.update(key for one in keys for key in (one, reverse_key(one)))
        return found

    def described(self, tuples: frozenset[bytes]) -> ConnectionList:
        """All connections of these four-tuples, by first frame."""
        options, directory = self.options, self.directory
        machinery = Machinery(
            selection=options.selection,
            profiles=options.profiles,
            idle_s=options.idle_s,
            keep_rows=True,
            slowest=0,
            memory_mb=options.memory_mb,
        )
        table, collector = machinery.table, machinery.collector
        table.streams.openers = FirstFrames()  # streams are called by frames, as in the directory
        end_ns, read_to, read_ns = self.end_ns, 0, 0
        if tuples:
            for frames, segments in _blocks(
                self.captures,
                tuples,
                options,
                until_frame=self.until_frame,
                progress=self.progress,
                ends_soon=over_in(STILL_S) if self.interrupted else None,
            ):
                table.feed(segments)
                if self.interrupted:
                    read_to = max(read_to, *frames.numbers())
                    read_ns = max(read_ns, *frames.time_ns[: frames.count])
        if read_to and self.until_frame is not None and read_to < self.until_frame:
            end_ns = min(end_ns, read_ns)  # nobody knows here what came later: what is described was as it was then
        table.finish(end_ns)
        vantages = collector.replayer.vantages
        vantages.pairs, vantages.ways = directory.pairs, directory.ways
        collector.finish(end_ns)
        collector.rows.rename_streams(directory.streams.rank)
        machinery.faults.report(self.problems, directory.connections.rank)
        collector.rows.number_anew(directory.connections.rank)
        collector.rows.withhold(self.withheld)
        return collector.rows
