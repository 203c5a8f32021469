"""The way of the data, from bytes to facts, in one place.

* capture: bytes to blocks of frames
* decode: frames to blocks of segments
* flows: segments to connections, each with a log of what may decide its states
* states: a log to a verdict, both sides' paths
* findings: verdicts to facts: handshake, teardown, resets, TIME_WAIT, hosts, ports
"""

import gc
import os
from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from .capture import open_captures
from .decode import Decoder
from .findings.connections import describe
from .findings.facts import Facts, Outline, from_outline, from_row
from .findings.hosts import Hosts
from .findings.ports import Ports
from .findings.quality import Quality
from .findings.summary import Totals
from .findings.vantage import Legs, Vantages, legs
from .flows.table import FlowTable
from .model.addresses import text
from .model.clock import SECOND_NS
from .model.digest import Digest, Service
from .model.frames import FrameBlock
from .model.live import Connection as Live
from .model.problems import Problems
from .model.profiles import Profile, Profiles
from .model.results import Analysis, CaptureInfo, Connection, ProfileRow
from .model.segments import key_parts
from .model.selection import Selection
from .model.state import State
from .model.verdict import Verdict
from .states.replay import judge

SETTLE_NS = 60 * SECOND_NS  # connections that end turn up within this, beyond the longest TIME_WAIT
DEFAULT_IDLE_S = 86400.0  # a connection may be silent for long: keep-alive is off by default, and two hours apart where it is on


class Template:
    """The verdict on all textbook connections of one signature, and the outline of the first one."""

    __slots__ = ("outline", "verdict")

    def __init__(self, verdict: Verdict) -> None:
        self.verdict = verdict
        self.outline: Outline | None = None


class Replayer:
    """Judges connections as they end.

    The verdict on a textbook connection depends on nothing but the order of its segments, so it is reasoned out once
    and kept by its signature. A connection whose own handshake does not tell where the capture stood, and whose
    verdict may depend on that, waits until all handshakes between its hosts are known.
    """

    def __init__(self, profiles: Profiles) -> None:
        self.longest_ns = max(profile.time_wait_ns for profile in (profiles.default, *profiles.by_address.values()))
        self.vantages = Vantages()
        self.templates: dict[tuple[int, tuple[bool, bool], str | None], Template] = {}

    def template(self, live: Live, own: Legs | None) -> Template | None:
        """Template of a textbook connection; None for any other."""
        if not live.plain:
            return None
        view = self.vantages.view(live, own)
        key = (live.signature, view.near, view.name)
        known = self.templates.get(key)
        if known is None:
            known = self.templates[key] = Template(judge(live, view))
        return known

    def verdict(self, live: Live, *, settled: bool = False) -> Verdict:
        """The verdict on a connection; `settled`: all handshakes of its hosts are known."""
        own = legs(live)
        template = self.template(live, own)
        return judge(live, self.vantages.view(live, own, settled=settled)) if template is None else template.verdict

    def states_of(self, live: Live, time_ns: int) -> tuple[State, State]:
        """Both sides' states at a moment, by number."""
        verdict = live.judged
        if not isinstance(verdict, Verdict) or live.judged_at != len(live.log):
            verdict = self.verdict(live)
            live.judged, live.judged_at = verdict, len(live.log)
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
    """Takes connections as they end and adds them up; describes them one by one only where that is asked for."""

    def __init__(self, replayer: Replayer, profiles: Profiles, *, keep_rows: bool = True, slowest: int = 5,
                 each: Callable[[Connection], None] | None = None) -> None:
        self.replayer = replayer
        self.profiles = profiles
        self.keep_rows = keep_rows
        self.each = each
        self.alike = not keep_rows and each is None  # textbook connections need no description of their own
        self.waiting: list[Live] = []
        self.rows: list[Connection] = []
        self.first_frames = array("q")
        self.totals = Totals()
        self.hosts = Hosts()
        self.ports = Ports(profiles)
        self.quality = Quality()
        self.digest = Digest(slowest)
        self.services: dict[tuple[bytes, int], Service | None] = {}

    def take(self, live: Live, known_ns: int) -> None:
        """A connection has ended, or the capture has, which is known up to `known_ns`: give its verdict, at once if possible."""
        own = legs(live)
        self.replayer.vantages.learn(live, own)
        template = self.replayer.template(live, own)
        if template is not None and template.outline is not None and template.outline.untroubled and self.alike:
            self._add_alike(live, template, known_ns)
        elif template is None and not self.replayer.vantages.clear(own):
            self.waiting.append(live)
        else:
            self._conclude(live, known_ns, template)

    def _add_alike(self, live: Live, template: Template, known_ns: int) -> None:
        """Add up a textbook connection that went like others before."""
        outline = template.outline
        assert outline is not None
        facts = from_outline(live, outline, self.profiles, self._names(live, outline.client), known_ns)
        total_ns = facts.total_ns if facts.total_ns >= 0 else None
        if self.digest.takes(total_ns, live.first_frame):
            self.digest.show(describe(live, template.verdict, 0, self.profiles, known_ns))
        self.digest.tell(total_ns)
        key = (facts.server, facts.server_port)
        service = self.services.get(key)
        if service is None:
            service = self.services[key] = self.digest.service(text(facts.server), facts.server_port)
        if service is not None:
            service.connections += 1
            service.client_first += facts.first_fin == 0
            service.server_first += facts.first_fin == 1
            for stay in facts.stays:
                service.time_wait_client += not stay.by_server
                service.time_wait_server += stay.by_server
        self._add(live, facts)

    def _conclude(self, live: Live, known_ns: int, template: Template | None) -> None:
        """Judge a connection, describe it and add it up. Without a template all handshakes are known, or its own suffices."""
        verdict = template.verdict if template is not None else self.replayer.verdict(live, settled=True)
        row = describe(live, verdict, 0, self.profiles, known_ns)
        if template is not None and template.outline is None:
            template.outline = Outline(row, verdict)
        self.digest.add(row)
        self.quality.add(live)
        if self.keep_rows:
            self.rows.append(row)
        if self.each is not None:
            self.each(row)
        self._add(live, from_row(live, verdict.client, row))

    def _add(self, live: Live, facts: Facts) -> None:
        self.first_frames.append(live.first_frame)
        self.totals.add(facts)
        self.hosts.add(facts)
        self.ports.add(facts)
        live.dissolve()

    def _names(self, live: Live, client: int) -> tuple[str, str] | None:
        if not self.profiles.by_address:
            return None
        source, target, *_ = key_parts(live.side(client).key)
        return text(source), text(target)

    def fold(self, clock_ns: int) -> None:
        """Settle what can hardly change any more, so that memory follows what is alive."""
        until_ns = clock_ns - self.replayer.longest_ns - SETTLE_NS
        self.totals.fold(until_ns)
        self.hosts.fold(until_ns)
        self.ports.fold(until_ns)

    def finish(self, end_ns: int) -> None:
        """The capture has ended: conclude what waits, and number the connections by their first frames."""
        for live in sorted(self.waiting, key=lambda live: live.first_frame):
            self._conclude(live, end_ns, None)
        self.waiting.clear()
        self.rows.sort(key=lambda row: row.first_frame)
        ranked = sorted(self.first_frames)
        for row in (*self.rows, *self.digest.few, *self.digest.slowest()):
            row.id = bisect_left(ranked, row.first_frame)


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
                      idle_ns=round((DEFAULT_IDLE_S if idle_s is None else idle_s) * SECOND_NS), selection=selection or Selection())
    paths = [captures] if isinstance(captures, str | os.PathLike) else list(captures)
    reader = open_captures(paths, problems, progress=progress)
    decoder = Decoder(problems, check_checksums=check_checksums)
    info = CaptureInfo(files=reader.files)
    interrupted = False
    with few_collections():
        try:
            for frames in reader.blocks():
                _count(info, collector.quality, frames)
                table.feed(decoder.decode(frames))
                collector.fold(table.clock_ns)
        except KeyboardInterrupt:
            interrupted = True
        decoder.finish()
        end_ns = info.end_ns or 0
        table.finish(end_ns)
        collector.finish(end_ns)
    info.segments, info.duplicates = table.segments, table.duplicates
    collector.quality.report(problems, duplicates=table.duplicates, stragglers=(table.stragglers, table.first_straggler))
    info.problems = problems.rows()
    return Analysis(profile_rows(profiles), info, collector.totals.result(end_ns), collector.hosts.result(end_ns),
                    collector.ports.result(end_ns), collector.rows, interrupted, collector.digest)


@contextmanager
def few_collections() -> Iterator[None]:
    """Let Python look for cyclic garbage rarely: connections are taken apart by hand, and there are millions of objects to look at."""
    before = gc.get_threshold()
    gc.set_threshold(200_000, 100, 1000)
    try:
        yield
    finally:
        gc.set_threshold(*before)


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
