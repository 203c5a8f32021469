"""One connection in full: how it opened and closed, and both sides' states in the order of their entry."""

from collections.abc import Iterable
from itertools import pairwise

from tcptrace_py.model.results import Connection, Handshake, Side, StateEntry, Stay, Teardown
from tcptrace_py.outputs.blocks import Blocks, Column, Grid, Heading, Note
from tcptrace_py.outputs.phrases import CAUSES, OUTCOMES, PATTERNS, VANTAGES, filter_title, handshake_legs, retries
from tcptrace_py.outputs.units import clock, end, human, scope_text, since, size, some

from .parts import facts

FRAMES = 3  # that are named
_ENDINGS = {"expired": "ran out", "reused": "cut short by a new SYN", "killed": "cut short by a RST"}


def detail(connection: Connection, *, timed: bool = True) -> Blocks:
    """Blocks about one connection. `timed`: see `parts.is_timed`."""
    scope = scope_text(connection.scope)
    yield Heading(f"{end(connection.client)} → {end(connection.server)}{f' ({scope})' if scope else ''}", filter_title(connection.stream))
    server = connection.server_side
    yield facts(
        ("Opened", _opening(connection.handshake, connection.vantage, timed=timed)),
        ("Closed", _closing(connection.teardown, timed=timed)),
        ("TIME_WAIT", "; ".join(_stay(stay) for stay in connection.time_wait)),
        ("Client sent", _sent(connection.client_side)),
        ("Server sent", _sent(server) if server is not None else "(the client connected to itself: one socket)"),
    )
    told: dict[tuple[str, str], list[int]] = {}
    for anomaly in connection.anomalies:
        told.setdefault((anomaly.code, anomaly.explanation), []).append(anomaly.frame)
    for (code, explanation), frames in told.items():
        yield Note(f"{_frames(frames)}: {explanation} ({code})", "bad", "•")
    timeline = _timeline(connection, timed=timed)
    yield timeline
    if late := _late(timeline):
        yield Note(
            "Lines go by time: what a segment does to its receiver happens when it arrives there, here frame "
            f"{late[0]} after frame {late[1]}.",
            "quiet",
        )


def _frames(frames: list[int]) -> str:
    """The frames of one kind of anomaly: the first and how many more."""
    named = ", ".join(map(str, frames[:FRAMES]))
    more = f" and {some(len(frames) - FRAMES, 'more frame')}" if len(frames) > FRAMES else ""
    return f"frame{'s' if len(frames) > 1 else ''} {named}{more}"


def _opening(handshake: Handshake, vantage: str | None, *, timed: bool) -> str:
    again = retries(handshake.syn_retransmissions, handshake.synack_retransmissions)
    again = f"; sent again: {again}" if again else ""
    if handshake.outcome != "completed":
        return OUTCOMES.get(handshake.outcome, handshake.outcome) + again
    if not timed:
        return f"{handshake.kind or 'completed'}{again}"
    seen = f", seen {VANTAGES.get(vantage, vantage)}" if vantage else ""
    legs = handshake_legs(handshake, "SYN to SYN/ACK {}", "to ACK {}")
    legs = f" ({legs})" if legs else ""
    took = f" in {human(handshake.total_ns)}" if handshake.total_ns is not None else ""
    return f"{handshake.kind or 'completed'}{took}{legs}{seen}{again}"


def _closing(teardown: Teardown, *, timed: bool) -> str:
    if teardown.reset is not None and teardown.pattern == "rst":
        reset = teardown.reset
        by = "somebody between them" if reset.by in ("between", "unknown") else f"the {reset.by}"
        evidence = f"; {', '.join(reset.evidence)}" if reset.evidence else ""
        if reset.cause is None:
            return f"reset by {by} in frame {reset.frame} (confidence {reset.confidence}{evidence})"
        return (
            f"reset by {by} in frame {reset.frame}: {reset.cause} ({CAUSES.get(reset.cause, reset.cause)}; "
            f"confidence {reset.confidence}{evidence})"
        )
    if teardown.pattern == "none":
        return PATTERNS["none"]
    segments = f" in {teardown.segments} segments" if teardown.segments else ""
    first = f", {teardown.first_fin} first" if teardown.first_fin and teardown.pattern != "simultaneous" else ""
    took = f", {human(teardown.duration_ns)}" if teardown.duration_ns is not None and timed else ""
    meaning = (
        ": in flight when the capture ended"
        if teardown.censored
        else ("" if teardown.pattern == "four-way" else f": {PATTERNS.get(teardown.pattern, '')}")
    )
    return f"{teardown.pattern}{segments}{first}{took}{meaning}"


def _stay(stay: Stay) -> str:
    restarts = f", restarted {some(stay.restarts, 'time')}" if stay.restarts else ""
    ending = (
        f"would end at {clock(stay.expires_ns)}, after the capture"
        if stay.censored
        else f"{_ENDINGS.get(stay.ended_by, stay.ended_by)} at {clock(stay.ended_at_ns)}"
    )
    return f"{stay.side} from {clock(stay.entered_ns)}{restarts}; {ending}"


def _sent(side: Side) -> str:
    again = f", {side.retransmissions} of them again" if side.retransmissions else ""
    return f"{some(side.packets, 'segment')}{again}, {size(side.payload_bytes)}"


def _timeline(connection: Connection, *, timed: bool) -> Grid:
    columns = (Column("since start", right=True), Column("frame", right=True), Column("client"), Column("server"), Column("basis", drop=1))
    return Grid(columns, list(_rows(connection, timed=timed)))


def _late(timeline: Grid) -> tuple[int, int] | None:
    """The first frame that stands behind a later one, and that one."""
    frames = [int(row[1]) for row in timeline.rows if row[1]]
    return next(((after, before) for before, after in pairwise(frames) if after < before), None)


def _rows(connection: Connection, *, timed: bool) -> Iterable[tuple[str, ...]]:
    """List each state entered, on its side, those before any event first; what both enter at one frame is one line."""
    server = connection.server_side
    entries = _merged(list(connection.client_side.states), list(server.states) if server is not None else [])
    line: list[str] | None = None
    last: StateEntry | None = None
    for entry, side in entries:
        if line is not None and last is not None and _together(last, entry) and not line[2 + side]:
            line[2 + side] = entry.state.name
            line[4] = line[4] if entry.basis == last.basis else f"{line[4]}, {entry.basis}"
            continue
        if line is not None:
            yield tuple(line)
        begins = last is None or last.at_ns is None
        after = "" if entry.at_ns is None else since(entry.at_ns - connection.start_ns, timed=timed and begins)
        line = [after, "" if entry.frame is None else str(entry.frame), "", "", str(entry.basis)]
        line[2 + side] = entry.state.name
        last = entry
    if line is not None:
        yield tuple(line)


def _merged(client: list[StateEntry], server: list[StateEntry]) -> Iterable[tuple[StateEntry, int]]:
    """Both sides' states by time, and by frame where times are equal; each side's in their own order."""
    sides = client[::-1], server[::-1]
    while sides[0] or sides[1]:
        heads = [(_place(side[-1]), number) for number, side in enumerate(sides) if side]
        _, number = min(heads)
        yield sides[number].pop(), number


def _place(entry: StateEntry) -> tuple[int, int]:
    return -(1 << 63) if entry.at_ns is None else entry.at_ns, entry.frame or 0


def _together(one: StateEntry, other: StateEntry) -> bool:
    return one.at_ns == other.at_ns and one.frame == other.frame
