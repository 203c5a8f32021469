"""Which incarnation of a four-tuple a segment belongs to, and when the next one begins (DESIGN 3.4, net/ipv4/tcp_minisocks.c).

A bare SYN tells by its number. Where the SYN was not captured the numbers of what follows tell: a segment with two numbers that
cannot be the old connection's *waits*, and the next one that goes on from it or answers it says that there is another
connection. What nothing confirms is a leftover of an incarnation before, or forged, and is given back to the old connection.
"""

from tcptrace_py.model.live import BUDGET, STRAY, Connection, Side, begins_with_syn
from tcptrace_py.model.segments import ACK, FIN, HEADER_CUT, OPT_TIMESTAMPS, RST, SYN, Columns
from tcptrace_py.model.seq import ahead
from tcptrace_py.model.state import State

from .scopes import NEAR_BYTES

A_FEW_BYTES = 1 << 16  # so far behind a SYN leftovers of its connection are looked for, and stray data of its sender behind a FIN
PASSES_NS = 5_000_000  # so long a box takes at most that hands a packet on
LEAST_WINDOW = 32768  # whatever a side said of its window, twice as much may be on its way
MOST_SCALE = 14  # of a window, RFC 7323 2.3
TOO_MANY_BYTES = 1 << 30  # of a side: its numbers may have come round to its initial one


def acceptable(side: Side, columns: Columns, i: int, states: tuple[State, State]) -> bool:
    """Whether a SYN with a new number begins a new incarnation at once."""
    mine, theirs = states[side.number], states[side.peer.number]
    if theirs == State.TIME_WAIT:
        tsval = latest_tsval(side.connection, side.number)
        if tsval >= 0 and columns.options[i] & OPT_TIMESTAMPS and columns.tsval[i] != tsval:
            return ahead(columns.tsval[i], tsval) > 0
        return ahead(columns.seq[i], side.next_seq) > 0
    if mine == State.TIME_WAIT:
        return theirs in (State.CLOSED, State.LISTEN)
    return mine in (State.CLOSED, State.SYN_SENT, State.LISTEN) and theirs in (
        State.CLOSED,
        State.LISTEN,
        State.SYN_SENT,
        State.SYN_RECEIVED,
    )


def are_over(states: tuple[State, State]) -> bool:
    """Whether neither side has more of a connection than TIME_WAIT."""
    one, other = states
    return one in (State.CLOSED, State.LISTEN, State.TIME_WAIT) and other in (State.CLOSED, State.LISTEN, State.TIME_WAIT)


def answers_as_before(side: Side, columns: Columns, i: int) -> bool:
    """Whether a segment is a pure ACK of everything in a connection that was closed: what TIME_WAIT answers a SYN with."""
    return (
        columns.flags[i] & (SYN | ACK | RST | FIN) == ACK
        and not columns.payload[i]
        and side.fin_seen
        and side.peer.fin_seen
        and (columns.seq[i] == side.next_seq and columns.ack[i] == side.peer.next_seq)
    )


def is_answered(side: Side, after: int, behind: int) -> bool:
    """Whether a SYN/ACK in the log acknowledges a SYN of this side by one of these numbers."""
    for segment in side.connection.log:
        if segment.side != side.number and segment.flags & (SYN | ACK | RST) == SYN | ACK and segment.ack in (after, behind):
            return True
    return False


def refuses_another(connection: Connection, after: int, behind: int) -> bool:
    """Whether a connection is nothing but a RST that acknowledges another SYN than the one with these numbers: a leftover."""
    log = connection.log
    if not log:
        return False
    segment = log[len(log) - 1]
    return segment.flags & (RST | ACK) == RST | ACK and segment.ack not in (after, behind)


def is_of_earlier(side: Side, columns: Columns, i: int) -> bool:
    """Whether a bare SYN is one of an earlier incarnation's, delivered late: its number, and no newer timestamp."""
    if side.isn == columns.seq[i]:
        return False
    connection = side.connection
    isn, rows = int(columns.seq[i]).to_bytes(4), connection.earlier
    for at in range(0, len(rows), 8):
        if rows[at : at + 4] == isn and (
            not columns.options[i] & OPT_TIMESTAMPS or ahead(columns.tsval[i], int.from_bytes(rows[at + 4 : at + 8])) <= 0
        ):
            return True
    return False


def is_rewritten(side: Side, columns: Columns, i: int) -> bool:
    """Whether a SYN with another number is the packet of just before: a box on the way gave it one, and was captured on both sides.

    Its IP ID tells, or its timestamp, or that it came over a router.
    """
    if side.connection.split or side.packets != 1 or side.peer.packets or not 0 <= columns.time_ns[i] - side.last_ns < PASSES_NS:
        return False
    if side.last_ip_id == columns.ip_id[i] > 0:
        return True
    if side.last_tsval and columns.tsval[i]:
        return side.last_tsval == columns.tsval[i]
    return side.connection.log[0].ttl != columns.ttl[i]


def latest_tsval(connection: Connection, number: int) -> int:
    """The latest timestamp that a side is known to have sent; -1 without the option."""
    log = connection.log
    for i in range(len(log) - 1, -1, -1):
        segment = log[i]
        if segment.side == number and segment.options & OPT_TIMESTAMPS and not segment.flags & RST and not segment.marks & STRAY:
            return segment.tsval
    return -1


# -- a SYN, or its answer, that was not captured -----------------------------------------------------------------------


def room(side: Side, scale: int) -> int:
    """How far a side's window lets its peer go beyond what was captured of that one; `scale`: of a window that none is known of."""
    return max(side.window << (side.window_scale if side.window_scale >= 0 else scale), LEAST_WINDOW) * 2


def is_foreign(side: Side, columns: Columns, i: int) -> bool:
    """Whether a segment, other than a bare SYN or a RST, has numbers that are not of this connection nor near those."""
    connection, peer, flags, seq, ack = side.connection, side.peer, columns.flags[i], columns.seq[i], columns.ack[i]
    if flags & (ACK | RST) != ACK or columns.notes[i] & HEADER_CUT or connection.self_connect or not (side.has_seq or peer.spoke):
        return False
    if flags & SYN:
        if seq == side.isn if side.syn_seen else not _is_outside(side, seq):
            return False
        answers = 0 < ahead(ack, peer.isn) <= ahead(peer.next_seq, peer.isn) if peer.syn_seen else not _is_outside(peer, ack)
        if answers and not (side.fin_seen and peer.fin_seen):  # else its peer opened with the same number again: a device that started anew
            return False
    elif not (
        _is_far_behind_fin(side, seq)
        or _is_far_behind_fin(peer, ack)
        or (_is_outside(side, seq) and _is_outside(peer, ack))
        or (flags & FIN and is_passed(side, columns, i))
    ):
        return False
    rows = connection.earlier
    for at in range(0, len(rows), 8):
        isn = int.from_bytes(rows[at : at + 4])
        if 0 <= ahead(seq, isn) < A_FEW_BYTES or 0 <= ahead(ack, isn) < A_FEW_BYTES:
            return False
    return True


def is_passed(side: Side, columns: Columns, i: int) -> bool:
    """Whether a FIN has a number that both sides have gone beyond: nothing follows a FIN, so that it is no FIN of this connection.

    The two legs of a transparent proxy begin with numbers that are near each other: both are made of one four-tuple (RFC 6528).
    """
    if not columns.flags[i] & FIN or side.fin_seen or not (side.has_seq and side.peer.has_ack):
        return False
    end = columns.seq[i] + columns.payload[i] + 1
    return ahead(side.next_seq, end) > 0 and ahead(side.peer.max_ack, end) > 0


def _is_far_behind_fin(side: Side, number: int) -> bool:
    """Whether a number lies so far behind a side's FIN that the other one of its segment says nothing.

    Linux goes 65,537 behind it when a SYN ends TIME_WAIT (tcp_timewait_state_process()).
    """
    return side.fin_seen and ahead(number, side.next_seq) >= A_FEW_BYTES


def _is_outside(side: Side, number: int) -> bool:
    """Whether a number lies outside what a side may have sent, where a capture lacks no more of it than a window holds."""
    if not side.has_seq:  # only its peer was captured
        return side.peer.has_ack and abs(ahead(number, side.peer.max_ack)) >= NEAR_BYTES
    beyond = ahead(number, side.next_seq)
    if beyond > 0:
        return side.fin_seen or beyond > room(side.peer, 0 if side.peer.syn_seen else MOST_SCALE)
    if side.syn_seen and side.payload_bytes < TOO_MANY_BYTES:
        return ahead(number, side.isn) < 0
    return beyond <= -NEAR_BYTES


def is_impossible(side: Side, columns: Columns, i: int) -> bool:
    """Whether no gap in the capture, however large, explains a foreign segment: it lies behind a FIN, or before a SYN."""
    return (
        bool(columns.flags[i] & SYN)
        or _is_never_sent(side, columns.seq[i])
        or _is_never_sent(side.peer, columns.ack[i])
        or is_passed(side, columns, i)
    )


def _is_never_sent(side: Side, number: int) -> bool:
    if ahead(number, side.next_seq) > 0:
        return side.fin_seen
    return side.syn_seen and side.payload_bytes < TOO_MANY_BYTES and ahead(number, side.isn) < 0


def waits_for_second(connection: Connection) -> bool:
    """Whether something foreign waits, of which no SYN was captured, for a segment that says the same."""
    return connection.shadow is not None and not begins_with_syn(connection.shadow)


def goes_on(waiting: Connection, side: Side, columns: Columns, i: int) -> bool:
    """Whether a segment has the numbers of what waits, and not both of a side's connection: sent by the same host, or in answer to it."""
    a, seq, ack = waiting.a, columns.seq[i], columns.ack[i]
    if columns.flags[i] & (ACK | RST) != ACK or columns.notes[i] & HEADER_CUT:
        return False
    if not (_is_outside(side, seq) or _is_outside(side.peer, ack)):
        return False
    if begins_with_syn(waiting):  # and its SYN/ACK was not captured
        return 0 <= ahead(seq if side.key == a.key else ack, a.next_seq) < NEAR_BYTES
    if side.key == a.key:
        return 0 <= ahead(seq, a.last_seq) < NEAR_BYTES and abs(ahead(ack, a.max_ack)) < NEAR_BYTES
    return abs(ahead(ack, a.next_seq)) < NEAR_BYTES and abs(ahead(seq, a.max_ack)) < NEAR_BYTES


def confirms(waiting: Connection, side: Side, columns: Columns, i: int) -> bool:
    """Whether a segment with the numbers of what waits says that there is another connection: its sender's next, or its peer's.

    Two leftovers of an incarnation before may come in a row, with the timestamps of then.
    """
    if side.key != waiting.a.key:
        return True
    end = columns.seq[i] + columns.payload[i] + (columns.flags[i] & FIN)
    tsval = latest_tsval(side.connection, side.number) if columns.options[i] & OPT_TIMESTAMPS else -1
    return ahead(end, waiting.a.next_seq) > 0 and (tsval < 0 or ahead(columns.tsval[i], tsval) >= 0)


def give_back(connection: Connection, waiting: Connection, most: int) -> None:
    """Lay what nothing confirmed to the connection over which it came: as strays, of which no more are logged than `most`.

    The last one may yet be behind a gap in the capture.
    """
    first = connection.a if connection.a.key == waiting.a.key else connection.b
    for segment in waiting.log:
        segment.side = segment.side ^ first.number
        segment.marks |= STRAY
        if len(connection.log) < most:
            connection.log.append(segment)
        else:
            rare = connection.a.needs_rare()
            rare.more_strays += 1
        if not segment.flags & SYN:
            rare = connection.side(segment.side).needs_rare()
            rare.stray_next = segment.end
    if first.number and not first.packets:
        connection.back = waiting.way if waiting.way != connection.way or connection.came is not None else None
    first.packets += waiting.a.packets
    first.peer.packets += waiting.b.packets
    connection.end_ns = max(connection.end_ns, waiting.end_ns)
    connection.last_frame = max(connection.last_frame, waiting.last_frame)
    connection.budget = BUDGET
    connection.plain = False
    waiting.dissolve()
