"""The way of the data, from bytes to facts, in one place.

    capture   bytes        -> blocks of frames
    decode    frames       -> blocks of segments
    flows     segments     -> connections, each with a log of what may decide its states
    states    log          -> verdict: both sides' paths
    findings  verdict      -> facts: handshake, teardown, resets, TIME_WAIT, hosts, ports
"""

import os
from collections.abc import Callable, Sequence

from .capture import open_captures
from .decode import Decoder
from .findings.connections import describe
from .findings.hosts import Hosts
from .findings.ports import Ports
from .findings.quality import Quality
from .findings.summary import Totals
from .findings.vantage import Vantages
from .flows.table import SECOND_NS, FlowTable
from .model.frames import FrameBlock
from .model.live import Connection as Live
from .model.problems import Problems
from .model.profiles import Profile, Profiles
from .model.results import Analysis, CaptureInfo, Connection, ProfileRow
from .model.selection import Selection
from .model.state import State
from .model.verdict import Verdict, View
from .states.replay import judge

DEFAULT_IDLE_S = 86400.0  # a connection may be silent for long: keep-alive is off by default, and two hours apart where it is on


class Replayer:
    """Judges connections as they end.

    The verdict on a textbook connection depends on nothing but the order of its segments, so it is reasoned out once
    and kept by its signature. A connection whose own handshake does not tell where the capture stood, and whose
    verdict may depend on that, waits until all handshakes between its hosts are known.
    """

    def __init__(self, profiles: Profiles) -> None:
        self.longest_ns = max(profile.time_wait_ns for profile in (profiles.default, *profiles.by_address.values()))
        self.vantages = Vantages()
        self.templates: dict[tuple[int, tuple[bool, bool], str | None], Verdict] = {}

    def verdict(self, live: Live) -> Verdict:
        """The verdict on a connection by what is known now."""
        view = self.vantages.view(live)
        if not live.plain:
            return judge(live, view)
        key = (live.signature, view.near, view.name)
        known = self.templates.get(key)
        if known is None:
            known = self.templates[key] = judge(live, view)
        return known

    def must_wait(self, live: Live) -> bool:
        """Whether handshakes that are still to come may change the verdict."""
        return not live.plain and not self.vantages.clear(live)

    def states_of(self, live: Live, time_ns: int) -> tuple[State, State]:
        """Both sides' states at a moment, by number."""
        verdict = self.verdict(live)
        return (self._at(live, verdict, 0, time_ns), self._at(live, verdict, 1, time_ns))

    def _at(self, live: Live, verdict: Verdict, number: int, time_ns: int) -> State:
        state = verdict.final(number)
        if state != State.TIME_WAIT:
            return state
        stay = next(stay for stay in verdict.stays if stay.side == number)
        if stay.killed >= 0:
            return State.CLOSED
        since = live.log[stay.restarts[-1] if stay.restarts else stay.entered].time_ns
        return State.TIME_WAIT if time_ns - since <= self.longest_ns else State.CLOSED


class Collector:
    """Takes connections as they end and adds them up."""

    def __init__(self, replayer: Replayer, profiles: Profiles) -> None:
        self.replayer = replayer
        self.profiles = profiles
        self.waiting: list[Live] = []
        self.rows: list[Connection] = []
        self.totals = Totals()
        self.hosts = Hosts()
        self.ports = Ports(profiles)
        self.quality = Quality()
        self.open: list[Live] = []

    def take(self, live: Live) -> None:
        """A connection has ended, or the capture has: keep it until its verdict can be given."""
        self.replayer.vantages.learn(live)
        self.open.append(live)

    def conclude(self, end_ns: int) -> None:
        """Give every verdict; the capture is known up to `end_ns`."""
        for identifier, live in enumerate(sorted(self.open, key=lambda live: live.first_frame)):
            row = describe(live, self.replayer.verdict(live), identifier, self.profiles, end_ns)
            self.rows.append(row)
            self.totals.add(row)
            self.hosts.add(row)
            self.ports.add(row)
            self.quality.add(live)
        self.open.clear()


def run(captures: str | os.PathLike[str] | Sequence[str | os.PathLike[str]], *, selection: Selection | None = None,
        profiles: Profiles | None = None, idle_s: float | None = None, check_checksums: bool = False,
        progress: Callable[[int, int | None], None] | None = None) -> Analysis:
    """Analyse captures as one. See `tcptrace_py.analyze` for the arguments and what it raises.

    KeyboardInterrupt ends the reading; what was read so far is analysed and the result says `interrupted`.
    """
    profiles = profiles or Profiles()
    problems = Problems()
    replayer = Replayer(profiles)
    collector = Collector(replayer, profiles)
    table = FlowTable(replayer.states_of, collector.take, linger_ns=replayer.longest_ns + 10 * SECOND_NS,
                      idle_ns=round((DEFAULT_IDLE_S if idle_s is None else idle_s) * SECOND_NS), selection=selection or Selection())
    paths = [captures] if isinstance(captures, str | os.PathLike) else list(captures)
    reader = open_captures(paths, problems, progress=progress)
    decoder = Decoder(problems, check_checksums=check_checksums)
    info = CaptureInfo(files=reader.files)
    interrupted = False
    try:
        for frames in reader.blocks():
            _count(info, collector.quality, frames)
            table.feed(decoder.decode(frames))
    except KeyboardInterrupt:
        interrupted = True
    decoder.finish()
    table.finish()
    end_ns = info.end_ns or 0
    collector.conclude(end_ns)
    info.segments, info.duplicates = table.segments, table.duplicates
    collector.quality.report(problems, duplicates=table.duplicates, stragglers=(table.stragglers, table.first_straggler))
    info.problems = problems.rows()
    return Analysis(profile_rows(profiles), info, collector.totals.result(end_ns), collector.hosts.result(end_ns),
                    collector.ports.result(end_ns), collector.rows, interrupted)


def _count(info: CaptureInfo, quality: Quality, frames: FrameBlock) -> None:
    """Packets, the span of time of the capture, and whether its clock ever stepped back."""
    if not frames.count:
        return
    info.packets += frames.count
    times = frames.time_ns[:frames.count]
    first, last = min(times), max(times)
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


__all__ = ["DEFAULT_IDLE_S", "View", "run"]
