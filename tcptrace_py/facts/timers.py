"""Sides whose last word nobody answered: in flight when the capture ended, or given up.

Who waits for an answer sends again, each time after a longer while (RFC 6298 5.5). As long as that is not due, nothing is decided: an
attempt or a close is in flight. When it is overdue by half, the side has given up, and was CLOSED when it was due. A FIN_WAIT_2 and a
CLOSE_WAIT wait for a program: no timer that an observer knows ends them.

All of this hangs on times, which verdicts do not hold: textbook connections share theirs.
"""

from tcptrace_py.model.clock import NEVER_NS, SECOND_NS
from tcptrace_py.model.live import COPY, STRAY, Connection, Side
from tcptrace_py.model.segments import FIN, RST, SYN
from tcptrace_py.model.state import State
from tcptrace_py.model.verdict import Verdict

from .table import MISSING

SYN_SENT, SYN_RECEIVED, ESTABLISHED, CLOSE_WAIT = State.SYN_SENT, State.SYN_RECEIVED, State.ESTABLISHED, State.CLOSE_WAIT
FIN_WAIT_1, CLOSING, LAST_ACK = State.FIN_WAIT_1, State.CLOSING, State.LAST_ACK
FIRST_REPEAT_NS = SECOND_NS  # RFC 6298 2.1, 2.4: at first a second; Linux repeats a FIN sooner, which its repeats then show
ROUND_TRIPS = 3  # and no less than these (RFC 6298 2.2: SRTT + 4 * SRTT / 2)
LATE = 16  # a repeat may come this part of its distance late: Linux's timers round up, SYNs came up to 3 % later
LONGEST_NS = 120 * SECOND_NS  # between two repeats: TCP_RTO_MAX of Linux; others have less
FARTHEST_NS = 1 << 60  # some 36 years: what is farther apart is of a wrong clock, and sums of it would leave 64 bits


def gives_up_ns(live: Connection, verdict: Verdict, number: int, known_ns: int) -> int:
    """When a side gave up, in a capture that is known up to `known_ns`; NEVER_NS: it has not, MISSING: it waits for no answer."""
    if not waits(live, verdict, number):
        return MISSING
    side, wait_ns = live.side(number), _repeat_ns(live, verdict, number)
    due_ns = side.last_ns + wait_ns
    successor = live.reused_by
    if successor is not None:
        return max(min(due_ns, successor.start_ns), side.last_ns)
    return NEVER_NS if known_ns <= overdue_ns(side.last_ns, wait_ns) else due_ns


def due_until_ns(last_ns: int, wait_ns: int) -> int:
    """Until when a repeat that was to come `wait_ns` after the last one may just be coming."""
    return last_ns + wait_ns + wait_ns // LATE


def overdue_ns(last_ns: int, wait_ns: int) -> int:
    """When a repeat that was to come `wait_ns` after the last one is overdue by half."""
    return last_ns + wait_ns + wait_ns // 2


def waits(live: Connection, verdict: Verdict, number: int) -> bool:
    """Whether a side waits for an answer: for that of its SYN or its FIN, or of data that it has sent again."""
    if verdict.self_connect and number:
        return False
    state, side, peer = verdict.final_code(number), live.side(number), live.side(1 - number)
    if state in (SYN_SENT, SYN_RECEIVED, FIN_WAIT_1, CLOSING, LAST_ACK):
        return side.packets > 0
    if state not in (ESTABLISHED, CLOSE_WAIT) or verdict.ending_unseen:
        return False
    rare = side.rare  # in one direction only, nobody knows what came back
    return rare is not None and rare.unanswered > 0 and peer.packets > 0


def is_in_flight(live: Connection, verdict: Verdict, known_ns: int) -> bool:
    """Whether an attempt or a close may still come to its end, in a capture that is known up to `known_ns`."""
    return is_attempt_in_flight(live, verdict, known_ns) or is_close_in_flight(live, verdict, known_ns)


def is_attempt_in_flight(live: Connection, verdict: Verdict, known_ns: int) -> bool:
    """Whether a SYN or a SYN/ACK may still be answered."""
    for number in range(2):
        state = verdict.final_code(number)
        if state in (SYN_SENT, SYN_RECEIVED) and _is_side_in_flight(live, verdict, number, known_ns):
            return True
    return False


def _is_side_in_flight(live: Connection, verdict: Verdict, number: int, known_ns: int) -> bool:
    """Whether a side waits for an answer, and its next repeat may still come."""
    if live.reused_by is not None or not waits(live, verdict, number):
        return False
    side = live.side(number)
    return known_ns <= due_until_ns(side.last_ns, _repeat_ns(live, verdict, number))


def is_close_in_flight(live: Connection, verdict: Verdict, known_ns: int) -> bool:
    """Whether a close that is not complete goes on: a FIN may still be acknowledged, or came just now and its peer may close as well."""
    if verdict.fatal >= 0 or not is_close_incomplete(verdict):
        return False
    if _is_side_in_flight(live, verdict, 0, known_ns) or _is_side_in_flight(live, verdict, 1, known_ns):
        return True
    if live.reused_by is not None or waits(live, verdict, 0) or waits(live, verdict, 1):
        return False
    return known_ns <= due_until_ns(max(live.a.last_ns, live.b.last_ns), _first_ns(live, verdict))


def is_close_incomplete(verdict: Verdict) -> bool:
    """Whether there are FINs, and one of the two or of their acknowledgements was not captured."""
    close = verdict.close
    if verdict.ending_unseen or not (close.fins[0] or close.fins[1]):
        return False
    if verdict.self_connect:
        return not verdict.stays
    return not (close.fins[0] and close.fins[1] and close.acknowledged[0] and close.acknowledged[1])


def may_be_in_flight(verdict: Verdict) -> bool:
    """Whether what hangs on no times lets an attempt or a close be in flight."""
    for number in range(2):
        state = verdict.final_code(number)
        if state in (SYN_SENT, SYN_RECEIVED):
            return True
    return verdict.fatal < 0 and is_close_incomplete(verdict)


def _repeat_ns(live: Connection, verdict: Verdict, number: int) -> int:
    """How long after a side's last segment its next repeat is due: its distances double, as far as it is known."""
    side, state = live.side(number), verdict.final_code(number)
    first_ns = FIRST_REPEAT_NS if state in (SYN_SENT, SYN_RECEIVED) else _first_ns(live, verdict)
    widest_ns = _widest_ns(live, side, state)
    return min(max(2 * widest_ns, first_ns), max(widest_ns, LONGEST_NS))


def _widest_ns(live: Connection, side: Side, state: int) -> int:
    """The longest time between two of the segments that a side sent while it waited, the last of them included; 0 of one."""
    rare = side.rare
    if rare is None or not rare.unanswered:
        return 0
    if state in (ESTABLISHED, CLOSE_WAIT):  # of data the log holds little: so much of the whole the last of doubling distances takes
        doublings = min(rare.unanswered, 30)
        whole_ns = min(max(rare.repeated_ns - rare.unanswered_since_ns, 0), FARTHEST_NS)
        return (whole_ns + whole_ns // ((1 << doublings) - 1)) // 2  # 2^(n-1) of 2^n - 1 parts
    before_ns, widest_ns, begins = -1, 0, SYN if state in (SYN_SENT, SYN_RECEIVED) else FIN
    for segment in live.log:
        if (
            segment.side != side.number
            or segment.marks & (COPY | STRAY)
            or segment.flags & RST
            or (before_ns < 0 and not segment.flags & begins)
            or not (segment.flags & (SYN | FIN) or segment.payload)
        ):
            continue
        if before_ns >= 0:
            widest_ns = max(widest_ns, segment.time_ns - before_ns)
        before_ns = segment.time_ns
    if before_ns >= 0:
        widest_ns = max(widest_ns, rare.repeated_ns - before_ns)
    return min(widest_ns, FARTHEST_NS)


def _first_ns(live: Connection, verdict: Verdict) -> int:
    """When at first something is sent again, by the round trip that the connection's own handshake shows."""
    opening, log = verdict.opening, live.log
    if opening.last_syn < 0 or opening.synack < 0 or opening.ack < 0 or opening.ack_of < 0:
        return FIRST_REPEAT_NS
    syn, synack, answered, answer = log[opening.last_syn], log[opening.synack], log[opening.ack_of], log[opening.ack]
    there_ns, back_ns = max(synack.time_ns - syn.time_ns, 0), max(answer.time_ns - answered.time_ns, 0)
    return max(FIRST_REPEAT_NS, min(ROUND_TRIPS * (min(there_ns, LONGEST_NS) + min(back_ns, LONGEST_NS)), LONGEST_NS))
