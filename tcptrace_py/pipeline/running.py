"""The way of the data in one process, block by block."""

import gc
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from tcptrace_py.capture import open_captures
from tcptrace_py.decode import Decoder
from tcptrace_py.findings.hosts import hosts
from tcptrace_py.findings.ports import budgets
from tcptrace_py.findings.quality import Quality
from tcptrace_py.flows.table import FlowTable
from tcptrace_py.model import columns
from tcptrace_py.model.clock import SECOND_NS
from tcptrace_py.model.frames import FrameBlock
from tcptrace_py.model.problems import Problems
from tcptrace_py.model.profiles import Profile, Profiles
from tcptrace_py.model.results import Analysis, CaptureInfo, Connection, ProfileRow
from tcptrace_py.model.selection import Selection

from .collecting import Collector
from .replaying import Replayer

DEFAULT_IDLE_S = 86400.0  # a connection may be silent for long: keep-alive is off by default, and two hours apart where it is on


def run(captures: str | os.PathLike[str] | Sequence[str | os.PathLike[str]], *, selection: Selection | None = None,
        profiles: Profiles | None = None, idle_s: float | None = None, check_checksums: bool = False,
        progress: Callable[[int, int | None], None] | None = None, keep_rows: bool = True, slowest: int = 5,
        each: Callable[[Connection], None] | None = None) -> Analysis:
    """Analyse captures as one. See `tcptrace_py.analyze` for the arguments and what it raises.

    Without `keep_rows` the result lists no connections, only what adds up and the digest with its `slowest` ones.

    KeyboardInterrupt ends the reading; what was read so far is analysed and the result says `interrupted`.
    """
    profiles = profiles or Profiles()
    problems = Problems()
    replayer = Replayer(profiles)
    collector = Collector(replayer, profiles, keep_rows=keep_rows, slowest=slowest, each=each)
    table = FlowTable(replayer.states_of, collector.take, linger_ns=replayer.longest_ns + 10 * SECOND_NS,
                      idle_ns=round((DEFAULT_IDLE_S if idle_s is None else idle_s) * SECOND_NS), selection=selection or Selection(),
                      retire_record=None if keep_rows else collector.take_record)
    paths = [captures] if isinstance(captures, str | os.PathLike) else list(captures)
    reader = open_captures(paths, problems, progress=progress)
    decoder = Decoder(problems, check_checksums=check_checksums)
    info = CaptureInfo(files=reader.files)
    interrupted = False
    segments = None
    with few_collections():
        try:
            for frames in reader.blocks():
                _count(info, collector.quality, frames)
                segments = decoder.decode(frames, segments)
                table.feed(segments)
                collector.settle(table.clock_ns, table.older)
        except KeyboardInterrupt:
            interrupted = True
        decoder.finish()
        end_ns = info.end_ns or 0
        table.finish(end_ns)
        collector.finish(end_ns)
    info.segments, info.duplicates = table.segments, table.duplicates
    collector.quality.report(problems, duplicates=table.duplicates, stragglers=(table.stragglers, table.first_straggler))
    info.problems = problems.rows()
    return Analysis(profile_rows(profiles), info, collector.totals.result(collector.accounts), hosts(collector.accounts),
                    budgets(collector.accounts), collector.rows, interrupted, collector.digest)


@contextmanager
def few_collections() -> Iterator[None]:
    """Let Python look for cyclic garbage rarely: connections are taken apart by hand, and there are millions of objects to look at."""
    before = gc.get_threshold()
    gc.set_threshold(1_000_000, 1000, 1000)
    try:
        yield
    finally:
        gc.set_threshold(*before)


def _count(info: CaptureInfo, quality: Quality, frames: FrameBlock) -> None:
    """Packets, the span of time of the capture, and whether its clock ever stepped back."""
    if not frames.count:
        return
    info.packets += frames.count
    first, last = columns.least(frames.time_ns, frames.count), columns.most(frames.time_ns, frames.count)
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
    return ProfileRow(hosts, profile.name, profile.time_wait_s, profile.ephemeral_ports)
