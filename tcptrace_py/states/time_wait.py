"""Stays in TIME_WAIT: what restarts and kills them, as Linux has it: tcp_timewait_state_process() in tcp_minisocks.c."""

from tcptrace_py.model.live import COPY, DELAYED, REFUSED, REPEAT, STRAY, Segment
from tcptrace_py.model.segments import ACK, FIN, OPT_TIMESTAMPS, RST, SYN
from tcptrace_py.model.state import State
from tcptrace_py.model.verdict import ASSUMED, CLOCK, NOWHERE, StayMarks, Step, step_to

from .evidence import Evidence
from .machine import CLOSED, TIME_WAIT, Event, reason, step

MIRRORED_NS = 20_000_000  # mirror ports and `-i any` show a frame twice well within this
ENOUGH_OUTLIVED = 2  # RSTs behind which it still answers: one may have been lost, of a second its system lets none end it
ANSWER_NS = 1_000_000  # TIME_WAIT answers at once


def _leaving(event: Event, basis: int) -> Step:
    row = step(State.TIME_WAIT, event)
    assert row is not None
    return step_to(row[2], NOWHERE, basis, reason(row))


# The steps that lead out of it. How long a stay lasts under its owner's profile, and with it which of them comes first,
# is known where the profiles are: each stay has them with it.
EXITS = {
    "killed": _leaving(Event.GOT_RST, ASSUMED),
    "reused": _leaving(Event.NEW_SYN, ASSUMED),
    "expired": _leaving(Event.TWO_MSL, CLOCK),
}


def find_stay(evidence: Evidence, number: int, path: list[Step]) -> StayMarks | None:
    """A side's stay in TIME_WAIT; None if its path leads through none. A RST that ended it leaves the path, and is its `killed`.

    What restarts it is told also behind that RST: whether its owner obeys one is known where the profiles are.
    """
    stay: StayMarks | None = None
    for entry in path:
        if entry.state_code == TIME_WAIT:
            stay = StayMarks(number, entry.index, entry.basis_code, EXITS)
            break
    if stay is None:
        return None
    last = path[len(path) - 1]
    if last.state_code == CLOSED:  # the RST that ended the connection found it here
        path.pop()
        stay.killed = last.index
        return stay
    if evidence.self_connect:
        return stay
    log, peer = evidence.log, evidence.connection.side(1 - number)
    entered_ns = evidence.time(stay.entered)
    outlived = 0
    for i in range(stay.entered + 1, len(log)):
        segment = log[i]
        if segment.side == number:
            continue
        if segment.flags & RST:
            if stay.killed < 0 and outlived < ENOUGH_OUTLIVED and segment.seq == peer.next_seq:
                if _outlives(evidence, number, i):
                    outlived += 1
                else:
                    stay.killed = i
        elif segment.time_ns > entered_ns and _restarts(evidence, i):
            stay.restarts.append(i)
    return stay


def _outlives(evidence: Evidence, number: int, index: int) -> bool:
    """Whether the owner of a stay still answers behind a RST: its system lets none end TIME_WAIT (RFC 1337, 3)."""
    late = evidence.time(index) + evidence.view.grace_ns()
    for i in evidence.half(number).indices:
        segment = evidence.log[i]
        if i > index and segment.time_ns > late and segment.flags & (ACK | RST | SYN) == ACK:
            return True
    return False


def _restarts(evidence: Evidence, index: int) -> bool:
    """An acknowledgement of any kind, or a SYN that PAWS rejects (RFC 7323 5); a mirror's copy did not arrive twice."""
    segment = evidence.log[index]
    if segment.flags & (SYN | ACK) == SYN:
        return segment.marks & REFUSED > 0 or (segment.marks & (REPEAT | DELAYED | STRAY) > 0 and segment.options & OPT_TIMESTAMPS > 0)
    if not segment.flags & ACK:
        return False
    return not segment.marks & COPY or segment.marks & DELAYED > 0 or (_by_network(evidence.log, index) or _answered_again(evidence, index))


def _answered_again(evidence: Evidence, index: int) -> bool:
    """Whether a copy was answered by another segment than the first was."""
    log = evidence.log
    copy = log[index]
    for i in range(index + 1, len(log)):
        answer = log[i]
        if answer.side != copy.side:
            return (
                answer.flags & (ACK | RST | SYN) == ACK
                and not answer.marks & COPY
                and (answer.time_ns - copy.time_ns <= evidence.view.round_trip_ns + ANSWER_NS)
            )
    return False


def _by_network(log: list[Segment], index: int) -> bool:
    """Whether a copy came later than a mirror makes one: then the network made it, and it arrived.

    What it is a copy of may have been too plain for the log: then it is older than its sender's FIN.
    """
    copy = log[index]
    for i in range(index - 1, -1, -1):
        first = log[i]
        if first.side == copy.side and (
            first.flags & FIN or (first.seq == copy.seq and first.ip_id == copy.ip_id and first.flags == copy.flags)
        ):
            return first.interface == copy.interface and copy.time_ns - first.time_ns > MIRRORED_NS
    return False
