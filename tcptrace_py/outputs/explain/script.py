"""The segments of a ladder in the order and detail in which they are told: arrows, folds, waits, states between segments.

Text and diagram share it, so that both say the same.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from tcptrace_py.model.ladder import (
    AFTER_GAP,
    AGAIN_ACK,
    COPY,
    FILLS_GAP,
    LATE_COPY,
    MOST_MARKED,
    MOST_WAITS,
    PROBE,
    SENT_AGAIN,
    STRAY,
    UNSEEN,
    WINDOW_FULL,
    WINDOW_PROBE,
    DrawnSegment,
    Run,
)
from tcptrace_py.model.live import SYN_MET_TIME_WAIT
from tcptrace_py.model.results import Connection, StateEntry
from tcptrace_py.model.segments import ACK, FIN, RST, SYN
from tcptrace_py.outputs.units import human, size, some

MATTERS_NS = 100_000_000  # a wait shorter than this is not pointed out, whatever the round trip
ROUND_TRIPS = 4  # nor is one of fewer round trips
FEWEST = 4  # segments from which on a run is folded


@dataclass(slots=True)
class Arrow:
    """A segment, with the states that its sender and its receiver enter with it, and what is remarkable about it."""

    segment: DrawnSegment
    client: list[StateEntry] = field(default_factory=list)
    server: list[StateEntry] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Fold:
    """A run of plain segments, told as one."""

    run: Run
    remarks: list[str]


@dataclass(slots=True)
class Wait:
    """A delay that matters, in words."""

    words: str


@dataclass(slots=True)
class Change:
    """States entered without a segment of this connection: before the first, or by a clock."""

    at_ns: int | None
    client: list[StateEntry] = field(default_factory=list)
    server: list[StateEntry] = field(default_factory=list)


Item = Arrow | Fold | Wait | Change
_IN_A_FOLD = {  # one, several
    AGAIN_ACK: ("repeated acknowledgement", "repeated acknowledgements"),
    SENT_AGAIN: ("sent again", "sent again"),
    COPY: ("captured twice", "captured twice"),
    FILLS_GAP: ("filling a gap", "filling gaps"),
    AFTER_GAP: ("behind a gap", "behind gaps"),
    LATE_COPY: ("arrived twice", "arrived twice"),
    PROBE: ("keep-alive probe", "keep-alive probes"),
    WINDOW_PROBE: ("window probe", "window probes"),
    UNSEEN: ("acknowledging what was never captured", "acknowledging what was never captured"),
    WINDOW_FULL: ("with window 0", "with window 0"),
    STRAY: ("of no part of this connection", "of no part of this connection"),
}


def script(connection: Connection, segments: Sequence[DrawnSegment | Run], *, full: bool = False, timed: bool = True) -> list[Item]:
    """Everything that is told of a connection, in order. `full`: nothing is folded. `timed`: waits are pointed out."""
    by_frame, apart = _changes(connection, {segment.sent.frame for segment in segments if isinstance(segment, DrawnSegment)})
    remarks = _remarks(connection)
    waits = _waits(connection, segments) if timed else {}
    marked = 0
    items: list[Item] = [Change(None, *_initial(connection))]
    run: list[DrawnSegment | Run] = []
    for segment in segments:
        if isinstance(segment, Run):
            run.append(segment)
            continue
        frame = segment.sent.frame
        while apart and apart[0].at_ns is not None and apart[0].at_ns < segment.sent.time_ns and not by_frame.get(frame):
            items += _folded(run, full=full)
            run = []
            items.append(apart.pop(0))
        told = remarks.pop(frame, [])
        notes = list(dict.fromkeys([*_words(segment, _refused_in(connection, segment)), *told]))
        loud = segment.remarkable or bool(told)
        marked += loud
        quiet = marked > MOST_MARKED if loud else not segment.sent.flags & (SYN | FIN | RST)
        plain = quiet and frame not in by_frame
        if plain and id(segment) not in waits and not full:
            run.append(segment)
            continue
        items += _folded(run, full=full)
        run = []
        if id(segment) in waits:
            items.append(Wait(waits[id(segment)]))
        items.append(Arrow(segment, *by_frame.pop(frame, ([], [])), notes))
    return [*items, *_folded(run, full=full), *apart]


def _initial(connection: Connection) -> tuple[list[StateEntry], list[StateEntry]]:
    """States from before the first event."""
    server = connection.server_side
    return (
        [entry for entry in connection.client_side.states if entry.at_ns is None],
        [] if server is None else [entry for entry in server.states if entry.at_ns is None],
    )


ByFrame = dict[int, tuple[list[StateEntry], list[StateEntry]]]


def _changes(connection: Connection, frames: set[int]) -> tuple[ByFrame, list[Change]]:
    """States by the frame they were entered with; those entered without one of ours, in order of time."""
    found: ByFrame = {}
    apart: list[Change] = []
    for index, side in enumerate((connection.client_side, connection.server_side)):
        latest = 0  # a receipt may be captured before what proves the state before it: it is shown behind that
        for entry in side.states if side is not None else ():
            if entry.at_ns is None:
                continue
            if entry.frame is not None and entry.frame in frames:
                latest = max(latest, entry.frame)
                found.setdefault(latest, ([], []))[index].append(entry)
            else:
                change = Change(entry.at_ns)
                (change.server if index else change.client).append(entry)
                apart.append(change)
    return found, sorted(apart, key=lambda change: change.at_ns or 0)


def _remarks(connection: Connection) -> dict[int, list[str]]:
    """What the analysis says of single frames."""
    found: dict[int, list[str]] = {}
    for reset in connection.resets:
        evidence = f" ({', '.join(reset.evidence)})" if reset.evidence else ""
        what = "reset from between" if reset.cause is None else f"reset: {reset.cause}"
        found.setdefault(reset.frame, []).append(f"{what}, {reset.confidence} confidence{evidence}")
    for anomaly in connection.anomalies:
        if anomaly.code not in ("keep-alive-probe", "zero-window-probe", "acked-unseen", "zero-window"):
            found.setdefault(anomaly.frame, []).append(anomaly.explanation)
    return found


def _refused_in(connection: Connection, segment: DrawnSegment) -> int:
    """The frame in which the old connection's TIME_WAIT answered this SYN, before it was sent again; 0: in none."""
    if not segment.sent.flags & SYN:
        return 0
    answers = [anomaly.frame for anomaly in connection.anomalies if anomaly.code == SYN_MET_TIME_WAIT]
    return next((frame for frame in answers if segment.sent.frame < frame and (segment.again_in is None or frame < segment.again_in)), 0)


def _words(segment: DrawnSegment, refused_in: int = 0) -> list[str]:
    """The marks of a segment in words."""
    before = f", {human(segment.after_ns)} before" if segment.after_ns else ""
    ago = f"frame {segment.of}{before}" if segment.of is not None else ""
    texts = {
        SENT_AGAIN: f"sent again: first in {ago}" if ago else "sent again",
        FILLS_GAP: "fills the gap: lost before the capture, or overtaken",
        AFTER_GAP: "something before this is missing here",
        COPY: f"captured twice: {ago}",
        LATE_COPY: f"arrived twice: {ago}",
        PROBE: "keep-alive probe: is the other side still there?",
        WINDOW_PROBE: "window probe: has the other side room again?",
        UNSEEN: "acknowledges what was never captured",
        AGAIN_ACK: "the same acknowledgement again",
        WINDOW_FULL: "window 0: it has no room for more",
        STRAY: "its numbers belong to no part of this connection",
    }
    words = [texts[mark] for mark in segment.marks]
    refusal = [f"the old connection's TIME_WAIT answered it, with the old numbers: frame {refused_in}"] if refused_in else []
    if segment.again_in is not None and SENT_AGAIN in segment.marks:
        return [f"{', '.join(words)}; and again in frame {segment.again_in}", *refusal]
    if segment.again_in is not None and not refused_in:
        words.append(f"lost, or its ACK late: sent again in frame {segment.again_in}")
    return [*words, *refusal]


def _folded(run: list[DrawnSegment | Run], *, full: bool) -> Iterator[Item]:
    """A run of plain segments: one item, or each by itself where they are few."""
    few = [part for part in run if isinstance(part, DrawnSegment)]
    if full or len(run) == len(few) < FEWEST:
        yield from (Arrow(segment, notes=_words(segment)) for segment in few)
        return
    found = Run.of(run)
    yield Fold(found, [some(count, *_IN_A_FOLD[mark]) for mark, count in found.marks.items()])


def _waits(connection: Connection, segments: Sequence[DrawnSegment | Run]) -> dict[int, str]:
    """The longest delays that matter, by the segment that ended them."""
    handshake = connection.handshake
    round_trip = (handshake.syn_to_synack_ns or 0) + (handshake.synack_to_ack_ns or 0)
    least = max(MATTERS_NS, ROUND_TRIPS * round_trip)
    late = (
        segment
        for segment in segments
        if isinstance(segment, DrawnSegment) and segment.delay_ns >= least and SENT_AGAIN not in segment.marks
    )  # those sent again say it themselves
    longest = sorted(late, key=lambda segment: -segment.delay_ns)[:MOST_WAITS]
    chosen = {id(segment) for segment in longest}
    found: dict[int, str] = {}
    before: DrawnSegment | None = None
    client_spoke: bool | None = None  # whose data came last
    for part in segments:
        if isinstance(part, DrawnSegment) and before is not None and id(part) in chosen:
            found[id(part)] = _reason(before, part, client_spoke)
        before = part.last if isinstance(part, Run) else part
        if before.sent.payload:
            client_spoke = before.sent.from_client
        elif isinstance(part, Run):
            client_spoke = None  # somebody of whom no more is kept
    return found


def _reason(before: DrawnSegment, segment: DrawnSegment, client_spoke: bool | None) -> str:
    """Who kept whom waiting, as far as the two segments around a delay tell, and whose data came last before it."""
    took, sent, last = human(segment.delay_ns), segment.sent, before.sent
    who = "client" if sent.from_client else "server"
    answers = sent.from_client != last.from_client
    if AFTER_GAP in segment.marks or UNSEEN in segment.marks:
        return f"{took} of which the capture lacks something"
    if PROBE in segment.marks or WINDOW_PROBE in segment.marks:
        return f"{took} until the {who} asked again" if before.marks else f"{took} of silence until the {who} asked"
    if sent.flags & RST:
        return f"{took} of silence, then the {who} resets"
    if sent.flags & SYN:
        answer = "answered the SYN" if answers and last.flags & SYN else "sent a SYN/ACK"
        return f"{took} until the {who} {answer if sent.flags & ACK else 'opened'}"
    if sent.flags & FIN:
        return f"{took}: the {who} took so long to close" + (" after the other side's FIN" if last.flags & FIN else "")
    if sent.payload and ((answers and last.payload) or (client_spoke and not sent.from_client)):
        return f"{took}: the {who} took so long to answer"
    if sent.payload:
        return f"{took} in which the {who} sent nothing new"
    if answers and last.flags & SYN:
        return f"{took} until the {who} completed the handshake"
    return f"{took}: the {who} took so long to acknowledge" if answers else f"{took} of silence"


def fold_texts(fold: Fold, *, from_client: bool) -> list[str]:
    """One direction of a fold from wordy to terse: the first that fits is shown; empty if nothing went that way."""
    run = fold.run
    count, resets, others, cut = (sums[from_client] for sums in (run.segments, run.resets, run.others, run.cut))
    if not count:
        return []
    for number, what in ((resets, some(count, "RST")), (run.acks[from_client], some(count, "ACK"))):
        if number == count:
            return [what]
    segments, new_bytes, again = some(count, "segment"), run.payload_bytes[from_client], run.repeated_bytes[from_client] > 0
    rest = [some(resets, "RST") if resets else "", f"{others:,} SYN or FIN" if others else "", f"{cut:,} cut" if cut else ""]
    if cut == count:
        return [f"{segments}, cut", segments]
    kind = " new" if again else ""
    told = [f"{new_bytes:,}{kind} bytes", f"{size(new_bytes)}{kind}"] if new_bytes else ["nothing new" if again else ""]
    return [*(", ".join(filter(None, (segments, much, *rest))) for much in told), segments, f"{count:,}"]
