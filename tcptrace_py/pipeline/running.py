"""The way of the data in one process, block by block."""

import gc
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from tcptrace_py.capture import open_captures
from tcptrace_py.capture.columns import BLOCK_FRAMES
from tcptrace_py.capture.ranges import OutOfOrdinaryError, ranged_file
from tcptrace_py.decode import Decoder
from tcptrace_py.findings.hosts import hosts
from tcptrace_py.findings.ports import budgets
from tcptrace_py.findings.quality import Quality, span_ns
from tcptrace_py.flows.table import FlowTable
from tcptrace_py.model.clock import SECOND_NS
from tcptrace_py.model.first_frames import FirstFrames
from tcptrace_py.model.frames import FrameBlock
from tcptrace_py.model.problems import Problems
from tcptrace_py.model.profiles import Profile, Profiles
from tcptrace_py.model.results import Analysis, CaptureInfo, Connection, ProfileRow
from tcptrace_py.model.selection import Selection

from .collecting import Collector
from .replaying import Replayer
from .worthwhile import decompresses_beside, useful_jobs

if TYPE_CHECKING:
    from tcptrace_py.findings.vantage import Pair
    from tcptrace_py.flows.table import Observer
    from tcptrace_py.model.segments import SegmentBlock

DEFAULT_IDLE_S = 86400.0  # a connection may be silent for long: keep-alive is off by default, and two hours apart where it is on


class Directory:
    """What it takes to find connections again that were only added up: the frames that begin them and streams, by number."""

    def __init__(self) -> None:
        self.connections = FirstFrames()
        self.streams = FirstFrames()
        self.pairs: dict[bytes, Pair] = {}  # what handshakes told of each pair of hosts (findings.vantage)

    @property
    def is_clear(self) -> bool:
        """Whether each frame names one connection, and one stream: a frame may hold several segments."""
        return not self.connections.repeated and not self.streams.repeated


class Machinery:
    """What replays and adds up a capture, or a part of it."""

    def __init__(self, *, selection: Selection | None, profiles: Profiles, idle_s: float | None, keep_rows: bool, slowest: int,
                 each: Callable[[Connection], None] | None = None, observer: "Observer | None" = None) -> None:
        replayer = Replayer(profiles)
        self.collector = Collector(replayer, profiles, keep_rows=keep_rows, slowest=slowest, each=each)
        self.table = FlowTable(
            replayer.states_of, self.collector.take, linger_ns=replayer.longest_ns + 10 * SECOND_NS,
            idle_ns=round((DEFAULT_IDLE_S if idle_s is None else idle_s) * SECOND_NS), selection=selection or Selection(),
            retire_records=self.collector.take_records, observer=observer)

    def result(self, profiles: Profiles, info: CaptureInfo, problems: Problems, *, interrupted: bool) -> Analysis:
        """What it all comes to."""
        collector, table = self.collector, self.table
        info.segments, info.duplicates = table.segments, table.duplicates
        collector.quality.report(problems, duplicates=table.duplicates, stragglers=(table.stragglers, table.first_straggler))
        info.problems = problems.rows()
        return Analysis(profile_rows(profiles), info, collector.totals.result(collector.accounts), hosts(collector.accounts),
                        budgets(collector.accounts), collector.rows, interrupted, collector.digest)


def run(captures: str | os.PathLike[str] | Sequence[str | os.PathLike[str]], *, selection: Selection | None = None,
        profiles: Profiles | None = None, idle_s: float | None = None, check_checksums: bool = False,
        progress: Callable[[int, int | None], None] | None = None, keep_rows: bool = True, slowest: int = 5,
        each: Callable[[Connection], None] | None = None, jobs: int | None = 1, directory: Directory | None = None) -> Analysis:
    """Analyse captures as one. See `tcptrace_py.analyze` for the arguments and what it raises.

    Without `keep_rows` the result lists no connections, only what adds up and the digest with its `slowest` ones. `directory`
    is filled, for who wants to find single ones again.

    KeyboardInterrupt ends the reading; what was read so far is analysed and the result says `interrupted`.
    """
    profiles = profiles or Profiles()
    paths = [captures] if isinstance(captures, str | os.PathLike) else list(captures)

    def machinery() -> Machinery:
        return Machinery(selection=selection, profiles=profiles, idle_s=idle_s, keep_rows=keep_rows, slowest=slowest, each=each)

    if jobs != 1 and each is None and not (jobs is None and keep_rows):
        count = useful_jobs(jobs, paths)
        if count > 1:
            from . import jobs as parallel  # noqa: PLC0415 - only large captures need it

            with few_collections(), suppress(OutOfOrdinaryError):
                return _in_parts(parallel, machinery, paths[0], count, profiles, progress, directory,
                                 check_checksums=check_checksums)
    return _from_the_front(machinery(), paths, profiles, progress, directory, check_checksums=check_checksums,
                           beside=decompresses_beside(jobs))


def _from_the_front(machinery: Machinery, paths: Sequence[str | os.PathLike[str]], profiles: Profiles,
                    progress: Callable[[int, int | None], None] | None, directory: Directory | None, *, check_checksums: bool,
                    beside: bool) -> Analysis:
    """All in this process, block by block; `beside`: but for decompression."""
    problems = Problems()
    reader = open_captures(paths, problems, progress=progress, beside=beside)
    decoder = Decoder(problems, check_checksums=check_checksums)
    info = CaptureInfo(files=reader.files)
    collector, table = machinery.collector, machinery.table
    if directory is not None:
        table.streams.openers = directory.streams
    interrupted = False
    segments: SegmentBlock | None = None
    frames: FrameBlock | None
    with few_collections():
        try:
            for frames in reader.blocks():
                _count(info, collector.quality, frames)
                segments = decoder.decode(frames, segments)
                table.feed(segments)
                if frames.count < BLOCK_FRAMES:
                    segments = None  # the last one, or a small one
                collector.settle(table.clock_ns, table.older)
        except KeyboardInterrupt:
            interrupted = True
        segments = frames = None  # their memory is better used for what follows
        decoder.finish()
        end_ns = table.selection.ends_ns(info.end_ns or 0)
        table.finish(end_ns)
        collector.finish(end_ns)
        if directory is not None:
            collector.rename_streams(directory.streams.rank)
            directory.connections, directory.pairs = collector.first_frames, collector.replayer.vantages.pairs
    return machinery.result(profiles, info, problems, interrupted=interrupted)


def _in_parts(parallel: Any, machinery: Callable[[], Machinery], path: str | os.PathLike[str], count: int, profiles: Profiles,
              progress: Callable[[int, int | None], None] | None, directory: Directory | None, *, check_checksums: bool) -> Analysis:
    """In several processes. Raises OutOfOrdinaryError where the capture has to be read from the front."""
    parts = []
    for number in range(count):
        own = machinery()
        parts.append(parallel.Part(number, count, ranged_file(os.fspath(path)), own.table, own.collector,
                                   check_checksums=check_checksums, tells_pairs=directory is not None))
        if number == 0:
            first = own
    parallel.run_parts(parts, progress)
    if directory is not None:
        directory.connections, directory.streams = parts[0].collector.first_frames, parts[0].openers
        directory.pairs = parts[0].collector.replayer.vantages.pairs
    problems = Problems()
    reader = open_captures([path], problems)  # for what it says of the file
    problems.merge(parts[0].problems)
    info = parts[0].info
    info.files = reader.files
    info.files[0].packets = info.packets
    return first.result(profiles, info, problems, interrupted=parts[0].interrupted)


@contextmanager
def few_collections() -> Iterator[None]:
    """Let Python look for cyclic garbage rarely: connections are taken apart by hand, and there are millions of objects to look at."""
    before = gc.get_threshold()
    gc.set_threshold(50_000_000, 1000, 1000)
    try:
        yield
    finally:
        gc.freeze()
        gc.unfreeze()  # what there is counts as old now: else the next few objects would set off a search through all of it
        gc.set_threshold(*before)


def _count(info: CaptureInfo, quality: Quality, frames: FrameBlock) -> None:
    """Packets, the span of time of the capture, and whether its clock ever stepped back."""
    if not frames.count:
        return
    info.packets += frames.count
    first, last = span_ns(frames)
    quality.frames(frames)
    info.start_ns = first if info.start_ns is None else min(first, info.start_ns)
    info.end_ns = last if info.end_ns is None else max(last, info.end_ns)


def profile_rows(profiles: Profiles) -> list[ProfileRow]:
    """The profiles that were used, the default first."""
    by_profile: dict[Profile, list[str]] = {}
    for address, profile in profiles.by_address.items():
        by_profile.setdefault(profile, []).append(address)
    rows = [_row("*", profiles.default)]
    return rows + [_row(tuple(sorted(addresses)), profile) for profile, addresses in by_profile.items()]


def _row(hosts: str | tuple[str, ...], profile: Profile) -> ProfileRow:
    return ProfileRow(hosts, profile.name, profile.time_wait_s, profile.ephemeral_ports, profile.ports_given)
