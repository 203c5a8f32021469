"""The way of the data, from bytes to facts, in one place."""

import os
from collections.abc import Callable, Sequence

from .capture import open_captures
from .decode import Decoder
from .findings import vantage
from .findings.connections import describe
from .flows.table import SECOND_NS, FlowTable
from .model.live import Connection as Live
from .model.problems import Problems
from .model.profiles import Profiles
from .model.results import Analysis, CaptureInfo, Connection, Latency, Summary, TimeWaitTotals
from .model.segments import key_parts
from .model.state import State
from .model.verdict import Verdict, View
from .states.evidence import client_of
from .states.replay import judge as judge_log

DEFAULT_IDLE_S = 7500.0
UNKNOWN_ROUND_TRIP_NS = 50_000_000


class Judge:
    """Replays connections as they end, with what is known of the capture point from all handshakes of the same hosts."""

    def __init__(self, profiles: Profiles) -> None:
        self.profiles = profiles
        self.pairs: dict[tuple[bytes, bytes], list[tuple[int, int]]] = {}
        self.end_ns = 0

    def view(self, live: Live) -> View:
        """Where the capture stood for this connection: by its own handshake, else by its hosts' other ones."""
        own = vantage.legs(live)
        to = [0, 0]
        name = None
        if own is not None:
            to[1 - own.client], to[own.client] = own.to_server_ns, own.to_client_ns
        pair = None if own is not None and max(to) >= vantage.LOCAL_NS else self._pair(live)
        if own is None and pair is None:
            return View(None, (False, False), UNKNOWN_ROUND_TRIP_NS)
        if own is None or (pair is not None and max(to) < vantage.LOCAL_NS):
            assert pair is not None
            to = list(pair)
        where = vantage.vantage(to[1], to[0])  # of side 0 as the client
        near = (True, True) if max(to) < vantage.LOCAL_NS else (where == "client", where == "server")
        if where in ("client", "server"):
            side = 0 if where == "client" else 1
            name = "client" if side == client_of(live) else "server"
        elif where == "middle":
            name = "middle"
        return View(name, near, to[0] + to[1], (to[1] - to[0]) // 2)

    def _pair(self, live: Live) -> tuple[int, int] | None:
        source, target, *_ = key_parts(live.a.key)
        rows = self.pairs.get((min(source, target), max(source, target)))
        if not rows:
            return None
        low = sorted(row[0] for row in rows)[len(rows) // 2]
        high = sorted(row[1] for row in rows)[len(rows) // 2]
        return (low, high) if source <= target else (high, low)

    def learn(self, live: Live) -> None:
        """Take a connection's handshake in among those of its hosts."""
        own = vantage.legs(live)
        if own is None:
            return
        source, target, *_ = key_parts(live.side(own.client).key)
        row = (own.to_client_ns, own.to_server_ns) if source <= target else (own.to_server_ns, own.to_client_ns)
        rows = self.pairs.setdefault((min(source, target), max(source, target)), [])
        if len(rows) < 99:
            rows.append(row)

    def states_of(self, live: Live, time_ns: int) -> tuple[State, State]:
        """Both sides' states at a moment, by number."""
        verdict = judge_log(live, self.view(live))
        return (self._at(live, verdict, 0, time_ns), self._at(live, verdict, 1, time_ns))

    def _at(self, live: Live, verdict: Verdict, number: int, time_ns: int) -> State:
        state = verdict.final(number)
        if state != State.TIME_WAIT:
            return state
        stay = next(stay for stay in verdict.stays if stay.side == number)
        since = live.log[stay.restarts[-1] if stay.restarts else stay.entered].time_ns
        length = max(profile.time_wait_ns for profile in (self.profiles.default, *self.profiles.by_address.values()))
        return State.TIME_WAIT if time_ns - since <= length else State.CLOSED


def run(captures: Sequence[str | os.PathLike[str]], *, selection: object = None, profiles: Profiles | None = None,
        idle_s: float | None = None, check_checksums: bool = False,
        progress: Callable[[int, int | None], None] | None = None) -> Analysis:
    """Analyse captures as one. See `tcptrace_py.analyze` for the arguments."""
    profiles = profiles or Profiles()
    problems = Problems()
    judge = Judge(profiles)
    ended: list[Live] = []

    def retire(live: Live) -> None:
        judge.learn(live)
        ended.append(live)

    longest = max(profile.time_wait_ns for profile in (profiles.default, *profiles.by_address.values()))
    table = FlowTable(judge.states_of, retire, linger_ns=longest + 10 * SECOND_NS,
                      idle_ns=round((idle_s or DEFAULT_IDLE_S) * SECOND_NS), problems=problems)
    reader = open_captures(captures, problems, progress=progress)
    decoder = Decoder(problems, check_checksums=check_checksums)
    info = CaptureInfo(files=reader.files)
    for frames in reader.blocks():
        info.packets += frames.count
        if frames.count:
            info.start_ns = min(frames.time_ns[0], info.start_ns if info.start_ns is not None else frames.time_ns[0])
            info.end_ns = max(max(frames.time_ns[:frames.count]), info.end_ns or 0)
        table.feed(decoder.decode(frames))
    decoder.finish()
    table.finish()
    judge.end_ns = info.end_ns or 0
    ended.sort(key=lambda live: live.first_frame)
    rows: list[Connection] = [describe(live, judge_log(live, judge.view(live)), number, profiles, judge.end_ns)
                              for number, live in enumerate(ended)]
    info.segments, info.duplicates = table.segments, table.duplicates
    info.problems = problems.rows()
    summary = Summary(len(rows), {}, Latency(0), {}, {}, {}, TimeWaitTotals())
    return Analysis([], info, summary, [], [], rows)
