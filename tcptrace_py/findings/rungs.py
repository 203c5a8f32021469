"""What each segment of one connection is: new, sent again, a copy, a probe, ahead of something missing.

The flow table knows the same while it runs and keeps of it only what decides states; here every segment gets its
marks, by the same rules (flows/table.py: what tells copies apart stands there).
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice

from tcptrace_py.model.ladder import (
    AFTER_GAP,
    AGAIN_ACK,
    COPY,
    FILLS_GAP,
    LATE_COPY,
    PROBE,
    SENT_AGAIN,
    STRAY,
    UNSEEN,
    WINDOW_FULL,
    WINDOW_PROBE,
    Rung,
    Sent,
)
from tcptrace_py.model.segments import ACK, FIN, RST, SYN
from tcptrace_py.model.seq import MASK, ahead

COPY_NS = 100_000_000  # below every minimum retransmission timeout
MIRROR_NS = 500_000  # a second capture of the same frame follows at once
FAR = 1 << 28  # numbers further apart than any window belong to another connection
RECENT = 16  # segments of a side that a copy is looked for among
HEAD = 10_000  # segments among which a SYN is looked for, and what else numbers count from
REMEMBERED = 20_000  # segments of a side that a repetition is looked for among


class _Side:
    def __init__(self) -> None:
        self.base: int | None = None  # relative numbers count from here
        self.next: int | None = None
        self.ack: int | None = None
        self.window = -1
        self.fin: int | None = None  # the number of its FIN
        self.syn = False
        self.holes: list[tuple[int, int]] = []
        self.first: dict[int, Rung] = {}  # by sequence number: the latest segment that began there
        self.recent: list[Sent] = []
        self.zero = False
        self.asked = False  # by a probe, and not answered yet
        self.probed: int | None = None  # where the byte of a window probe ends


def rungs(segments: Iterable[Sent]) -> Iterator[Rung]:
    """Give every segment its marks; `segments` are one connection's in capture order.

    A rung learns of what comes later (`again_in`) after it was given.
    """
    segments = iter(segments)
    head = list(islice(segments, HEAD))
    sides = {True: _Side(), False: _Side()}
    _bases(head, sides)
    lone = not any(not sent.from_client for sent in head) and _meets_itself(head)
    before_ns: int | None = None
    for sent in chain(head, segments):
        side = sides[sent.from_client]
        peer = side if lone else sides[not sent.from_client]
        rung = Rung(sent, _relative(sent.seq, side.base), _relative(sent.ack, peer.base) if sent.flags & ACK else None)
        rung.delay_ns = 0 if before_ns is None else sent.time_ns - before_ns
        before_ns = sent.time_ns if before_ns is None else max(before_ns, sent.time_ns)
        if not sent.cut:
            rung.marks = tuple(_marks(rung, side, peer, alone=lone))
        yield rung


def _meets_itself(segments: Sequence[Sent]) -> bool:
    """Whether one side's segments acknowledge each other: a self-connect has but one."""
    return any(sent.flags & (SYN | ACK) == SYN | ACK for sent in segments) and any(
        sent.flags & (SYN | ACK) == SYN for sent in segments
    )


def _bases(segments: Sequence[Sent], sides: dict[bool, _Side]) -> None:
    """Relative numbers: a SYN is 0; of a side without one, the first number that is seen or acknowledged is 1."""
    for sent in segments:
        side = sides[sent.from_client]
        if sent.flags & SYN and side.base is None and not sent.cut:
            side.base = sent.seq
    for sent in segments:
        side, peer = sides[sent.from_client], sides[not sent.from_client]
        if side.base is None and not sent.cut and not sent.flags & RST:
            side.base = (sent.seq - 1) & MASK
        if peer.base is None and sent.flags & ACK and not sent.cut and not sent.flags & RST:
            peer.base = (sent.ack - 1) & MASK


def _relative(number: int, base: int | None) -> int:
    """Signed, so that what lies before the base (a keep-alive's byte) reads -1."""
    return number if base is None else ahead(number, base)


def _marks(rung: Rung, side: _Side, peer: _Side, *, alone: bool) -> list[str]:
    sent = rung.sent
    copied = _copied(side, sent)
    side.recent.append(sent)
    del side.recent[:-RECENT]
    if copied is not None:
        rung.of, rung.after_ns = copied.frame, sent.time_ns - copied.time_ns
        return [COPY if sent.time_ns - copied.time_ns <= COPY_NS else LATE_COPY]
    if sent.flags & RST:
        return []
    if side.next is not None and not sent.flags & SYN and abs(ahead(sent.seq, side.next)) > FAR:
        return [STRAY]
    if sent.flags & (SYN | ACK) == SYN and side.syn and sent.seq != side.base:
        return [STRAY]
    if sent.payload == 1 and sent.seq == side.next and peer.zero and not sent.flags & FIN:
        side.probed = sent.end
        side.asked = True
        return [WINDOW_PROBE]
    marks = _sequence(rung, side)
    if marks == [PROBE]:
        side.asked = True
        marks = [WINDOW_PROBE] if peer.zero else marks
    if sent.flags & ACK:
        marks += _acknowledges(sent, side, peer, plain=not marks and not alone)
    if not sent.window and not sent.flags & (SYN | FIN):
        marks += [] if side.zero else [WINDOW_FULL]
        side.zero = True
    elif sent.window:
        side.zero = False
    return marks


def _copied(side: _Side, sent: Sent) -> Sent | None:
    """The segment that this one is a second capture of, if it is one."""
    for other in reversed(side.recent):
        same = (other.seq, other.end, other.flags, other.ack, other.window, other.ip_id, other.tsval) == (
            sent.seq, sent.end, sent.flags, sent.ack, sent.window, sent.ip_id, sent.tsval)  # fmt: skip
        if not same:
            continue
        if sent.ip_id > 0:
            return other
        gap = sent.time_ns - other.time_ns
        if gap > COPY_NS:
            return None
        if sent.interface != other.interface:
            return other
        if sent.payload or sent.flags & FIN:
            return other if sent.tsval is not None or gap < MIRROR_NS else None
        return other if gap < MIRROR_NS or sent.flags & (SYN | ACK) == SYN else None
    return None


def _sequence(rung: Rung, side: _Side) -> list[str]:
    """Where the segment stands in its side's numbers, which move on."""
    sent = rung.sent
    if side.next is None:
        side.next, side.syn = sent.end, bool(sent.flags & SYN)
        _remember(rung, side)
        return []
    beyond = ahead(sent.seq, side.next)
    carries = sent.payload or sent.flags & (FIN | SYN)
    if not carries:
        if beyond == -1 and side.fin is None:
            return [PROBE]
        if beyond > 0:
            side.holes.append((side.next, sent.seq))
            side.next = sent.seq
            return [AFTER_GAP]
        return []
    if sent.payload == 1 and not sent.flags & FIN and side.fin is None and beyond == -1 and sent.end == side.next:
        return [PROBE]
    marks: list[str] = []
    if beyond > 0:
        side.holes.append((side.next, sent.seq))
        marks.append(AFTER_GAP)
    elif beyond < 0:
        marks.append(_repeats(rung, side))
    if ahead(sent.end, side.next) > 0:
        side.next = sent.end
    if sent.flags & FIN:
        side.fin = sent.end
    side.syn = side.syn or bool(sent.flags & SYN)
    _remember(rung, side)
    return [mark for mark in marks if mark]


def _repeats(rung: Rung, side: _Side) -> str:
    """Data from before: it fills what was missing, or it was sent again."""
    sent = rung.sent
    kept: list[tuple[int, int]] = []
    filled = False
    for low, high in side.holes:
        if ahead(sent.end, low) <= 0 or ahead(high, sent.seq) <= 0:
            kept.append((low, high))
            continue
        filled = True
        if ahead(sent.seq, low) > 0:
            kept.append((low, sent.seq))
        if ahead(high, sent.end) > 0:
            kept.append((sent.end, high))
    side.holes = kept
    if filled:
        return FILLS_GAP
    if sent.flags & SYN and sent.flags & ACK and not side.recent[0].flags & ACK and sent.seq == side.base:
        answered = [other for other in side.recent[:-1] if other.flags & (SYN | ACK) == SYN | ACK]
        if not answered:  # a simultaneous open: the SYN/ACK repeats the SYN's number, as it must
            return ""
    if sent.flags & FIN and side.fin is None and not sent.payload:
        return ""
    earlier = side.first.get(sent.seq)
    if earlier is not None:
        rung.of, rung.after_ns = earlier.sent.frame, sent.time_ns - earlier.sent.time_ns
        earlier.again_in = sent.frame
    return SENT_AGAIN


def _remember(rung: Rung, side: _Side) -> None:
    side.first[rung.sent.seq] = rung
    if len(side.first) > 2 * REMEMBERED:
        for seq in list(islice(side.first, REMEMBERED)):
            del side.first[seq]


def _acknowledges(sent: Sent, side: _Side, peer: _Side, *, plain: bool) -> list[str]:
    marks = []
    if not sent.flags & SYN and peer.next is not None and ahead(sent.ack, peer.next) > 0:
        if sent.ack != peer.probed:
            marks.append(UNSEEN)
        peer.next = sent.ack
    missing = [hole for hole in peer.holes if ahead(hole[1], sent.ack) > 0]
    if len(missing) < len(peer.holes):  # it arrived, and was not captured
        peer.holes = missing
        marks.append(UNSEEN)
    again = plain and not sent.payload and not sent.flags & (SYN | FIN) and sent.ack == side.ack
    if again and sent.window == side.window and peer.next is not None:
        marks += [] if peer.asked else [AGAIN_ACK]
        peer.asked = False
    if side.ack is None or ahead(sent.ack, side.ack) > 0:
        side.ack = sent.ack
    side.window = sent.window
    return marks
