"""The way of the data, block by block: read here, and decoded, replayed and added up here or in processes that share the work."""

import gc
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from itertools import count
from typing import TYPE_CHECKING, Any, NamedTuple

from tcptrace_py.capture import BLOCK_FRAMES, MOST_FRAMES, open_captures
from tcptrace_py.capture.reader import EndReadingError
from tcptrace_py.decode import NOT_READ, UNKNOWN_LINK, Decoder
from tcptrace_py.findings.evidence import Evidence
from tcptrace_py.findings.hosts import hosts
from tcptrace_py.findings.naming import findings
from tcptrace_py.findings.openings import EVERYTHING, MOST, Openings
from tcptrace_py.findings.ports import budgets
from tcptrace_py.findings.quality import Quality
from tcptrace_py.findings.twins import SeenTwice, seen_twice
from tcptrace_py.findings.withholding import answers_lack, withheld, without_withheld
from tcptrace_py.flows.table import FlowTable
from tcptrace_py.model.clock import SECOND_NS
from tcptrace_py.model.errors import NO_NAMES, NotSharedError
from tcptrace_py.model.faults import Faults
from tcptrace_py.model.first_frames import FirstFrames
from tcptrace_py.model.frames import FrameBlock
from tcptrace_py.model.growing import give_back
from tcptrace_py.model.problems import Problems
from tcptrace_py.model.profiles import Profile, Profiles
from tcptrace_py.model.results import Analysis, CaptureInfo, Connection, ProfileRow
from tcptrace_py.model.selection import Selection
from tcptrace_py.model.seq import MASK

from .collecting import DEFAULT_MB, Collector
from .content import PACKING
from .haste import EXPLANATION, PASSED_OVER, Haste
from .replaying import Replayer
from .worthwhile import first_share, useful_jobs

if TYPE_CHECKING:
    from tcptrace_py.findings.vantage import Pair
    from tcptrace_py.flows.table import Observer
    from tcptrace_py.model.segments import SegmentBlock

    from .jobs import Workers

MOST_SERVICES = 100  # are listed in the summary
FEW_YOUNG = 5_000  # objects that an analysis left, which are looked through at once: 0.2 ms
MANY = 1 << 16  # connections of an analysis, behind which free memory is given back: a few milliseconds
EACH_COLLECTED = 50  # analyses of one program, after which it looks for cyclic garbage
DEFAULT_IDLE_S = 86400.0  # a connection may be silent for long: keep-alive is off by default, and two hours apart where it is on


class Directory:
    """What it takes to find connections again that were only added up: the frames that begin them and streams, by number."""

    def __init__(self) -> None:
        self.connections = FirstFrames()
        self.streams = FirstFrames()
        self.pairs: dict[bytes, Pair] = {}  # what handshakes told of each pair of hosts (findings.vantage)
        self.ways: dict[bytes, int] = {}  # and how far off hosts and services are
        self.selection = Selection()  # what was taken in

    @property
    def is_clear(self) -> bool:
        """Whether each frame names one connection, and one stream: a frame may hold several segments."""
        return not self.connections.repeated and not self.streams.repeated


class Machinery:
    """What replays and adds up a capture, or a part of it."""

    def __init__(
        self,
        *,
        selection: Selection | None,
        profiles: Profiles,
        idle_s: float | None,
        keep_rows: bool,
        slowest: int,
        each: Callable[[Connection], None] | None = None,
        observer: "Observer | None" = None,
        most_openings: int = 0,
        memory_mb: int | None = None,
    ) -> None:
        replayer = Replayer(profiles)
        self.faults = Faults()
        self.collector = Collector(
            replayer,
            profiles,
            keep_rows=keep_rows,
            slowest=slowest,
            each=each,
            faults=self.faults,
            memory_mb=DEFAULT_MB if memory_mb is None else memory_mb,
            left_out=frozenset() if selection is None else selection.left_out_openings,
        )
        self.collector.openings = Openings(most_openings)
        self.table = FlowTable(
            replayer.states_of,
            self.collector.take,
            linger_ns=replayer.longest_ns + 10 * SECOND_NS,
            idle_ns=round((DEFAULT_IDLE_S if idle_s is None else idle_s) * SECOND_NS),
            selection=selection or Selection(),
            retire_records=self.collector.take_records,
            observer=observer,
            faults=self.faults,
            packing=PACKING if observer is None else None,
        )

    def result(self, profiles: Profiles, info: CaptureInfo, problems: Problems, twins: SeenTwice, *, interrupted: bool) -> Analysis:
        """What it all comes to."""
        collector, table = self.collector, self.table
        info.segments, info.duplicates = table.segments, table.duplicates
        info.clock_step_ns = collector.quality.clock_step_ns
        accounts = collector.accounts
        summary = collector.totals.result(accounts, tuple(collector.digest.busiest(MOST_SERVICES)))
        every_host, every_budget = hosts(accounts), budgets(accounts)
        collector.quality.report(
            problems,
            summary,
            duplicates=table.duplicates,
            stragglers=(table.stragglers, table.first_straggler),
            answers_lack=lambda: answers_lack(collector.troubled, info.end_ns or 0),
        )
        if table.segments:
            problems.leave_out(NOT_READ)
            problems.forgive(UNKNOWN_LINK)  # another interface's frames
        if collector.passed_over:
            problems.add(PASSED_OVER, EXPLANATION, count=collector.passed_over)
        info.problems = problems.rows()
        kept_back = withheld(info, summary, every_budget, profiles, shows_fins=collector.quality.shows_fins)
        summary = without_withheld(summary, kept_back)
        collector.rows.withhold(kept_back)
        evidence = Evidence(
            info, summary, accounts, collector.troubled, collector.held, every_host, every_budget, profiles, kept_back, twins,
            collector.timeline,
        )  # fmt: skip
        found = findings(evidence, self.faults)
        self.faults.report(problems, collector.first_frames.rank)
        info.problems = problems.rows()
        return Analysis(
            profile_rows(profiles),
            info,
            summary,
            every_host,
            every_budget,
            collector.rows,
            interrupted,
            collector.digest,
            found,
            kept_back,
            collector.timeline.result(),
        )


def run(
    captures: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    *,
    selection: Selection | None = None,
    profiles: Profiles | None = None,
    idle_s: float | None = None,
    check_checksums: bool = False,
    progress: Callable[[int, int | None], None] | None = None,
    keep_rows: bool = True,
    slowest: int = 5,
    each: Callable[[Connection], None] | None = None,
    jobs: int | None = 1,
    directory: Directory | None = None,
    memory_mb: int | None = None,
) -> Analysis:
    """Analyse captures as one. See `tcptrace_py.analyze` for the arguments and what it raises.

    Without `keep_rows` the result lists no connections, only what adds up and the digest with its `slowest` ones. `directory`
    is filled, for who wants to find single ones again.

    Where connections were captured twice, the captures are read again, if they can be, without what is behind: each counts once
    then (findings.twins). Not with `each`, whose caller was shown all of them.

    KeyboardInterrupt ends the reading; what was read so far is analysed and the result says `interrupted`.
    """
    profiles = profiles or Profiles()
    paths = [captures] if isinstance(captures, str | os.PathLike) else list(captures)

    chosen = selection or Selection()

    def read(asked: int | None, selected: Selection, most_openings: int) -> Reading:
        def machinery() -> Machinery:
            return Machinery(
                selection=selected,
                profiles=profiles,
                idle_s=idle_s,
                keep_rows=keep_rows,
                slowest=slowest,
                each=each,
                most_openings=most_openings,
                memory_mb=memory_mb,
            )

        return _read(paths, machinery, progress, asked, directory, check_checksums=check_checksums)

    def analysis(asked: int | None) -> Analysis:
        found = analysed(lambda selected, most: read(asked, selected, most), chosen, profiles, again=each is None)
        if found.summary.connections > MANY:
            give_back()  # for whoever goes on with what was found
        return found

    if each is not None or (jobs is None and keep_rows):
        jobs = 1
    try:
        return analysis(jobs)
    except NotSharedError:
        return analysis(1)


def analysed(read: Callable[[Selection, int], "Reading"], chosen: Selection, profiles: Profiles, *, again: bool) -> Analysis:
    """Read, and once more where it takes that (if it may be `again`); what it all comes to.

    `read` is given what to take in, and of how many openings to keep a sample.
    """
    reading = read(chosen, MOST)
    twins, again = reading.twins, again and reading.can_follow
    if twins.twins and twins.is_sample and again:
        reading = read(chosen, EVERYTHING)
        twins = reading.twins
    if twins.twins and again and reading.can_follow:
        reading = read(replace(chosen, left_out=twins.left_out, left_out_openings=twins.left_out_openings), 0)
        twins = replace(twins, counted_once=True)
    if reading.whole.collector.totals.connections > MANY:
        give_back()  # what it took to get there
    with few_collections():
        return reading.whole.result(profiles, reading.info, reading.problems, twins, interrupted=reading.interrupted)


class Reading(NamedTuple):
    """What was read and taken in."""

    whole: Machinery
    info: CaptureInfo
    problems: Problems
    interrupted: bool
    can_follow: bool  # another reading, from the front

    @property
    def twins(self) -> SeenTwice:
        """Connections that are there twice."""
        return seen_twice(self.whole.collector.openings)


def _read(
    paths: Sequence[str | os.PathLike[str]],
    machinery: Callable[[], Machinery],
    progress: Callable[[int, int | None], None] | None,
    asked: int | None,
    directory: Directory | None,
    *,
    check_checksums: bool,
) -> Reading:
    """Read block by block, and hand on. Raises NotSharedError."""
    problems = Problems()
    whole, latest = machinery(), Latest(progress)
    reader = open_captures(paths, problems, progress=None if progress is None else latest, faults=whole.faults)
    info, blocks = CaptureInfo(files=reader.files), reader.blocks()
    with few_collections():
        with ExitStack() as stack:
            decoder = Decoder(problems, check_checksums=check_checksums, faults=whole.faults)
            way: Alone | Workers = Alone(whole, decoder, names_streams=directory is not None)
            haste = Haste(latest.again)
            try:
                frames = next(blocks, None)
                if frames is not None and asked != 1 and (count := useful_jobs(asked, reader, frames)) > 1:
                    way = stack.enter_context(
                        _workers(
                            count,
                            whole,
                            machinery,
                            problems,
                            first_share=first_share(reader, count),
                            check_checksums=check_checksums,
                            tells_pairs=directory is not None,
                        )
                    )
                while frames is not None:
                    count_frames(info, whole.collector.quality, frames)
                    way.take(frames)
                    frames = None  # its memory is of use for the next one
                    frames = next(blocks, None)
            except KeyboardInterrupt:
                haste.ask()
            way.finish(whole.table.selection.ends_ns(info.end_ns or 0), haste)
        if directory is not None:
            assert way.openers is not None
            directory.connections, directory.streams = whole.collector.first_frames, way.openers
            vantages = whole.collector.replayer.vantages
            directory.pairs, directory.ways, directory.selection = vantages.pairs, vantages.ways, whole.table.selection
    return Reading(whole, info, problems, haste.asked, not (haste.asked or reader.once))


class Latest:
    """Progress as it was told last, to be told again while what was read is concluded: so Ctrl-C is heard there, too."""

    def __init__(self, tell: Callable[[int, int | None], None] | None) -> None:
        self._tell = tell
        self._told: tuple[int, int | None] | None = None

    def __call__(self, done: int, total: int | None) -> None:
        """Tell it."""
        self._told = done, total
        if self._tell is not None:
            self._tell(done, total)

    def again(self) -> None:
        """Tell it again."""
        if self._tell is not None and self._told is not None:
            with suppress(EndReadingError):  # of what is over already
                self._tell(*self._told)


class Alone:
    """What one process does with blocks of frames when there is no other."""

    def __init__(self, machinery: Machinery, decoder: Decoder, *, names_streams: bool) -> None:
        self._collector, self._table = machinery.collector, machinery.table
        self._decoder = decoder
        self._segments: SegmentBlock | None = None
        self.openers: FirstFrames | None = None  # frames that begin streams
        if names_streams:
            self.openers = self._table.streams.openers = FirstFrames()

    def take(self, frames: FrameBlock) -> None:
        """Decode and replay the next block."""
        if self.openers is not None:
            if frames.first_frame + frames.count + MOST_FRAMES > MASK:
                raise NotSharedError(NO_NAMES)
        elif frames.frame:
            self._table.streams.expect_moved()
        segments = self._decoder.decode(frames, self._segments)
        self._collector.quality.segments(segments)
        self._collector.openings.take(segments, self._table.selection)
        self._table.feed(segments)
        if len(segments.frame) >= BLOCK_FRAMES:  # a shorter one could stand beside the one that is made in its place
            self._segments = segments
        self._collector.settle(self._table)

    def finish(self, end_ns: int, haste: Haste) -> None:
        """There are no more blocks, of a capture that ends then."""
        self._collector.haste = haste
        self._segments = None  # its memory is better used for what follows
        self._decoder.finish()
        self._table.finish(end_ns)
        streams = self._table.streams
        first, numbers = streams.moved_from, None if streams.moved is None else streams.numbers()
        del streams
        self._table.clear()
        self._collector.finish(end_ns)
        if self.openers is not None:
            self._collector.rename_streams(self.openers.rank)
        elif numbers is not None:
            self._collector.rename_streams(lambda name: name if name < first else numbers[name - first])


def _workers(
    count: int,
    whole: Machinery,
    machinery: Callable[[], Machinery],
    problems: Problems,
    *,
    first_share: float,
    check_checksums: bool,
    tells_pairs: bool,
) -> "Workers":
    """Start so many workers, which do the same together; the first one has `whole` and `problems`, and adds up there."""
    from .jobs import FIRST, Part, Workers, owners  # noqa: PLC0415 - only large captures need it

    owner_of = owners(count, first_share)

    def part(number: int, fragments_before: Any) -> Part:
        own = whole if number == FIRST else machinery()
        own.collector.share_memory(count)
        return Part(
            number,
            owner_of,
            own.table,
            own.collector,
            own.faults,
            problems if number == FIRST else Problems(),
            check_checksums=check_checksums,
            fragments_before=fragments_before,
            tells_pairs=tells_pairs,
        )

    return Workers(count, part)


_uses = count(1)


@contextmanager
def few_collections() -> Iterator[None]:
    """Let Python look for cyclic garbage rarely: connections are taken apart by hand, and there are millions of objects to look at."""
    if next(_uses) % EACH_COLLECTED == 0:
        gc.collect()  # nothing that was there when an analysis ended is young again: Python itself would never look through it
    before = gc.get_threshold()
    gc.set_threshold(50_000_000, 1000, 1000)
    try:
        yield
    finally:
        if gc.isenabled():
            _count_as_old()
        gc.set_threshold(*before)


def _count_as_old() -> None:
    """Let all that there is count as old: else the next few objects, whatever they are for, would set off a search through it."""
    if gc.get_count()[0] < FEW_YOUNG or gc.get_freeze_count():  # by thawing, the caller's would thaw as well
        gc.collect(1)
    else:
        gc.freeze()
        gc.unfreeze()


def count_frames(info: CaptureInfo, quality: Quality, frames: FrameBlock) -> None:
    """Packets, the span of time of the capture, and whether its clock ever stepped back."""
    if not frames.count:
        return
    info.packets += frames.count
    first, last = quality.frames(frames)
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
