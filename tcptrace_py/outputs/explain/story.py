"""The connection in a paragraph: who opened, how long it took and where, who closed, what it left, what was odd."""

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise

from tcptrace_py.model.ladder import AFTER_GAP, COPY, FILLS_GAP, LATE_COPY, UNSEEN, DrawnSegment, Run, marks_of
from tcptrace_py.model.results import Connection, Handshake, Side, Stay, Teardown
from tcptrace_py.model.segments import ACK, RST, SYN
from tcptrace_py.model.state import Basis, State
from tcptrace_py.outputs.phrases import CAUSES, VANTAGES, handshake_legs
from tcptrace_py.outputs.units import clock, end, human, size, some

from .script import MATTERS_NS, Arrow, Item, Wait

UNANSWERED = ("unanswered", "refused-by-time-wait", "in-progress")  # outcomes of an attempt of which nothing came back
_OVER = frozenset((State.CLOSED, State.LISTEN, State.TIME_WAIT))


def story(connection: Connection, segments: Sequence[DrawnSegment | Run], items: Sequence[Item], end_ns: int, *, timed: bool = True) -> str:
    """The paragraph; `end_ns` is the capture's end. `timed`: the clock tells apart what is measured."""
    marks = marks_of(segments)
    sentences = [
        _opened(connection, segments),
        *_handshake(connection, timed=timed),
        *_talk(connection, marks),
        *(_longest_wait(connection, items) if timed else ()),
        *_closed(connection, timed=timed),
        *_gave_up(connection),
        *(_stay(stay, connection) for stay in connection.time_wait),
        *_stuck(connection, end_ns),
        *_odd(connection, marks),
    ]
    return " ".join(sentences)


def _opened(connection: Connection, segments: Sequence[DrawnSegment | Run]) -> str:
    client, server, at = end(connection.client), end(connection.server), clock(connection.start_ns)
    if connection.server_side is None:
        return f"At {at} {client} connected to itself: one socket is both ends."
    if connection.handshake.kind == "simultaneous":
        return f"At {at} {client} and {server} opened at the same time: their SYNs crossed."
    if connection.midstream:
        return f"The capture begins in mid-connection; {client} is taken for the client, {server} for the server."
    if connection.handshake.outcome == "not-captured":
        return _began(connection, segments)
    return f"At {at} {client} opened a connection to {server}."


def _began(connection: Connection, segments: Sequence[DrawnSegment | Run]) -> str:
    """With what a connection begins of which no SYN was captured."""
    first = next(iter(segments), None)
    sent = None if first is None else (first.first if isinstance(first, Run) else first).sent
    ends = end(connection.client), end(connection.server)
    sender, receiver = ends if sent is None or sent.from_client else ends[::-1]
    what = "a segment without SYN, and nothing before it was captured"
    if sent is not None and not sent.cut and sent.flags & (SYN | RST):
        opens = "a SYN, and what answered it belongs to an older connection"
        what = "a RST, and nothing before it was captured"
        if sent.flags & SYN:
            what = "a SYN/ACK, and no SYN of this connection was captured" if sent.flags & ACK else opens
    return f"At {clock(connection.start_ns)} {sender} sent {receiver} {what}."


def _handshake(connection: Connection, *, timed: bool) -> Iterator[str]:
    handshake = connection.handshake
    syns = some(handshake.syn_retransmissions + 1, "SYN") if handshake.syn_retransmissions else ""
    lasted_ns = connection.end_ns - connection.start_ns
    told = {
        "refused": "It was refused: a RST answered the SYN.",
        "unanswered": f"Nobody answered {f'its {syns}' if syns else 'the SYN'}{f' in {human(lasted_ns)}' if syns and lasted_ns else ''}.",
        "refused-by-time-wait": f"The TIME_WAIT of the old connection from this port met {f'its {syns}' if syns else 'its SYN'}"
        f"{f' in {human(lasted_ns)}' if syns and lasted_ns else ''}: none got through.",
        "aborted": "The handshake was broken off by a RST.",
        "half-open": "The SYN/ACK was never acknowledged.",
        "in-progress": f"When the capture ended, {'its SYN/ACK' if handshake.kind else syns or 'its SYN'} had no answer yet: in progress.",
    }
    if handshake.outcome in told:
        yield told[handshake.outcome]
    elif handshake.outcome == "completed" and not timed:
        yield f"The handshake was completed{f', with {syns}' if syns else ''}; the clock is too coarse to tell how long it took."
    elif handshake.outcome == "completed" and handshake.total_ns is not None:
        legs = _legs(handshake, connection.vantage)
        yield f"The handshake took {human(handshake.total_ns)}{legs}{f', with {syns}' if syns else ''}."
        lost = _lost_to_retries(handshake)
        if lost:
            what = "a SYN or SYN/ACK" if handshake.synack_retransmissions else "a SYN"
            yield f"{human(lost)} of that went by until {what} was sent again and answered."
    if handshake.synack_retransmissions:
        yield f"The SYN/ACK was sent {some(handshake.synack_retransmissions, 'more time')}."


def _legs(handshake: Handshake, vantage: str | None) -> str:
    legs = handshake_legs(handshake, "{} to the SYN/ACK", "{} to its ACK")
    seen = f", seen {VANTAGES[vantage]}" if vantage in VANTAGES else ""
    return f" ({legs}{seen})" if legs else ""


def _lost_to_retries(handshake: Handshake) -> int:
    parts = (handshake.total_ns, handshake.syn_to_synack_ns, handshake.synack_to_ack_ns)
    if not handshake.syn_retransmissions or None in parts:
        return 0
    total, out, back = (part or 0 for part in parts)
    return total - out - back


def _talk(connection: Connection, marks: Counter[str]) -> Iterator[str]:
    client, server = connection.client_side, connection.server_side
    if server is None:
        yield f"It sent itself {size(client.payload_bytes)}."
    elif not client.packets or not server.packets:
        if connection.handshake.outcome not in UNANSWERED:
            yield f"Of the {'server' if client.packets else 'client'} nothing was captured."
    elif client.payload_bytes or server.payload_bytes:
        yield f"The client sent {_much(client)}, the server {_much(server)}."
    elif marks[UNSEEN] or marks[AFTER_GAP]:
        yield "No data was captured."  # what is missing may be data, or a FIN: that it is missing is said below
    elif connection.handshake.outcome == "completed":
        yield "No data was sent."


def _longest_wait(connection: Connection, items: Sequence[Item]) -> Iterator[str]:
    """The longest time in which nothing came, or nothing but what had been sent before; what SYNs waited is told already."""
    waits = [(item, after.segment) for item, after in pairwise(items) if isinstance(item, Wait) and isinstance(after, Arrow)]
    item, segment = max(waits, key=lambda pair: pair[1].delay_ns, default=(None, None))
    longest_ns, told_ns = connection.course.longest_wait_ns or 0, 0 if segment is None else segment.delay_ns
    opened = connection.handshake.outcome not in UNANSWERED and longest_ns > (connection.handshake.total_ns or 0)
    if opened and longest_ns > told_ns and longest_ns >= MATTERS_NS and any(map(_again, (connection.client_side, connection.server_side))):
        frame = connection.course.longest_wait_frame
        yield f"The longest wait, up to frame {frame}, was {human(longest_ns)}: nothing came but what had been sent before."
    elif item is not None and segment is not None:
        yield f"The longest wait, before frame {segment.sent.frame}, was {item.words}."


def _much(side: Side) -> str:
    return size(side.payload_bytes) if side.payload_bytes else "nothing"


def _closed(connection: Connection, *, timed: bool) -> Iterator[str]:
    teardown = connection.teardown
    first = teardown.first_fin
    second = "server" if first == "client" else "client"
    flight = " The close was in flight when the capture ended." if teardown.censored else ""
    took = f", in {human(teardown.duration_ns)}" if teardown.duration_ns is not None and timed else ""
    if teardown.pattern == "four-way":
        segments = f" in {teardown.segments} segments" if teardown.segments else ""
        yield f"The {first} closed first, then the {second}: a full close{segments}{took}."
    elif teardown.pattern == "simultaneous":
        both = "Both closed at the same time: their FINs crossed"
        yield f"{'Its one FIN met itself' if connection.server_side is None else both}{took}."
    elif teardown.pattern == "rst" and connection.handshake.outcome != "refused":
        yield _reset(teardown)
    elif teardown.pattern == "half-closed":
        yield f"Only the {first} closed; the {second} had not by the end of the capture.{flight}"
    elif teardown.pattern == "unfinished-close":
        yield f"Both sides closed, but one FIN was not acknowledged.{flight}"
    elif teardown.pattern == "unknown":
        server = connection.server_side
        one_sided = server is None or not server.packets or not connection.client_side.packets
        missing = "one direction" if one_sided else "its beginning" if connection.midstream else "a part of it"
        why = f"{missing} is not in the capture"
        yield f"How it ended and who closed first cannot be told: {why}."
    elif teardown.pattern == "none" and connection.handshake.outcome in ("completed", "not-captured"):
        yield "Nobody had closed by the end of the capture."


def _gave_up(connection: Connection) -> Iterator[str]:
    """Sides that nobody answered, by the clock: TIME_WAIT that ran out is told with its stay."""
    for name, side in (("client", connection.client_side), ("server", connection.server_side)):
        states = () if side is None else side.states[-2:]
        if len(states) == 2 and states[1].basis == Basis.CLOCK and states[0].state != State.TIME_WAIT:
            other = connection.server_side if name == "client" else connection.client_side
            unheard = states[0].state == State.SYN_SENT and other is not None and other.packets > 0
            answer = "did not take the SYN/ACK that was captured" if unheard else f"had no answer in {states[0].state.name}"
            yield f"The {name} gave up at {clock(states[1].at_ns)}: it sent nothing more, and {answer}."


def _reset(teardown: Teardown) -> str:
    reset = teardown.reset
    if reset is None:
        return "A reset ended it."
    by = "Somebody between the two" if reset.by in ("between", "unknown") else f"The {reset.by}"
    evidence = f" (evidence: {', '.join(reset.evidence)})" if reset.evidence else ""
    sure = f"{reset.confidence} confidence{evidence}"
    if reset.cause is None:
        return f"{by} reset it in frame {reset.frame}, {sure}."
    meaning = CAUSES.get(reset.cause, reset.cause)
    return f"{by} reset it in frame {reset.frame}: {reset.cause}, {sure}. That is: {meaning}."


def _stay(stay: Stay, connection: Connection) -> str:
    who = "It" if connection.server_side is None else f"The {stay.side}"
    restarts = f", restarted {'once' if stay.restarts == 1 else some(stay.restarts, 'time')}" if stay.restarts else ""
    ends = {
        "expired": f"it ran out at {clock(stay.ended_at_ns)}",
        "reused": f"a new SYN reused the four-tuple at {clock(stay.ended_at_ns)}",
        "killed": f"a RST killed it at {clock(stay.ended_at_ns)}",
    }
    beyond = f"it lasts beyond the capture, by its profile until {clock(stay.expires_ns)}"
    return f"{who} went into TIME_WAIT at {clock(stay.entered_ns)}{restarts}; {ends.get(stay.ended_by, beyond)}."


def _stuck(connection: Connection, end_ns: int) -> Iterator[str]:
    """States in which the capture's end leaves a side in mid-close."""
    if connection.handshake.outcome in UNANSWERED:
        return
    told = []
    for name, side in (("client", connection.client_side), ("server", connection.server_side)):
        state = None if side is None else side.final_state
        if side is None or state is None or not side.packets or state in _OVER or state == State.ESTABLISHED:
            continue
        last = side.states[-1]
        since = f" (for {human(end_ns - last.at_ns)})" if last.at_ns is not None and end_ns > last.at_ns else ""
        told.append(f"the {name} in {state.name}{since}")
    if told:
        yield f"The capture's end leaves {' and '.join(told)}."


def _odd(connection: Connection, marks: Counter[str]) -> Iterator[str]:
    for name, side in (("client", connection.client_side), ("server", connection.server_side)):
        again = _again(side)
        if again:
            yield f"The {name} sent {some(again, 'segment')} again."
    copies, late = marks[COPY], marks[LATE_COPY]
    if copies:
        yield f"{some(copies, 'frame')} {'was' if copies == 1 else 'were'} captured twice."
    if late:
        yield f"{some(late, 'segment')} arrived twice."
    filled = marks[FILLS_GAP]
    if filled:
        yield f"{some(filled, 'segment')} filled a gap: lost before the capture, or overtaken."
    if marks[UNSEEN]:
        yield "Something was acknowledged that the capture does not hold."
    elif marks[AFTER_GAP] and not filled:
        yield "The numbers leave a gap: something was sent that the capture does not hold."


def _again(side: Side | None) -> int:
    return 0 if side is None else side.retransmissions
