"""What the verdict on a connection hangs on, as a name: those of one name are reasoned out once.

Many connections that do not go by the book left it where nothing is decided: data came twice or was missed, a RST ended them
in order. Of those the rules ask for nothing but which segments the log has, in which order, and near whom it was captured.
A name holds that. It is refused wherever a rule would look at a time, a number or a mark that it does not hold:
`tests/states/test_signature.py` holds each verdict to that of `replay.judge`.
"""

from array import array

from tcptrace_py.model import words
from tcptrace_py.model.live import Connection, Segment, Side, hops
from tcptrace_py.model.segments import ACK, FIN, OPT_DSACK, OPT_TIMESTAMPS, RST, SYN
from tcptrace_py.model.seq import ahead
from tcptrace_py.model.verdict import NAMED, NOWHERE, ResetMarks, View

from .resets import answers, in_window

MOST_LOGGED = 28  # segments of a log that has a name
WORDS = MOST_LOGGED // 4 + 1
SEVERAL = -2  # ways by which a side's segments came
# A letter of the name is a segment: the highest bits of its flags are not in it, these are.
PAYLOAD, COVERS, SECOND = 1 << 5, 1 << 6, 1 << 7  # it bears data, acknowledges the peer's FIN, comes from side 1
KINDS = SYN | FIN | RST | ACK

_NAME = array("I", bytes(4 * WORDS))


class Progress:
    """A side as far as the log was read."""

    __slots__ = ("ack", "cover", "end", "fin", "first_stamp", "hops", "side", "stamp")

    def __init__(self) -> None:
        self.side: Side
        self.end: int  # the sequence number behind what was sent
        self.ack: int  # what it has acknowledged
        self.fin = self.cover = NOWHERE  # places of its FIN and of the first segment that covers the peer's
        self.hops = NOWHERE  # what its TTLs have lost on the way; NOWHERE: not known
        self.first_stamp: int
        self.stamp = 0  # of its segments, the latest counted from the first


def _begun(side: Side, segment: Segment, ack: int) -> Progress:
    """A side behind its first segment: a function, since compiled it is called with C numbers."""
    progress = Progress()
    progress.side = side
    progress.end, progress.ack = segment.end, ack
    progress.first_stamp = segment.tsval
    if segment.ttl:
        progress.hops = hops(segment.ttl)
    return progress


def signature(connection: Connection, view: View) -> bytes:
    """The name of what its verdict hangs on besides the view's times; empty where that is more than a name holds."""
    log = connection.log
    count = len(log)
    if not 3 <= count <= MOST_LOGGED or not _is_opened(connection):
        return b""
    syn, synack = log[0], log[1]
    a, b = _begun(connection.a, syn, synack.end), _begun(connection.b, synack, syn.end)
    resets = fins = 0
    name, word, before_ns = _NAME, SYN | (SECOND | SYN | ACK) << 8, synack.time_ns
    for index in range(2, count):
        segment = log[index]
        if segment.side:
            mine, theirs = b, a
        else:
            mine, theirs = a, b
        letter = segment.flags & KINDS | (SECOND if segment.side else 0) | (PAYLOAD if segment.payload else 0)
        if segment.flags & SYN or segment.marks or segment.time_ns < before_ns or (fins and segment.time_ns == before_ns):
            return b""
        if segment.flags & ACK and ahead(segment.ack, theirs.side.next_seq) > 0:
            return b""
        covers = segment.flags & ACK > 0 and theirs.side.fin_seen and segment.ack == theirs.side.next_seq
        if segment.flags & RST:
            before = log[index - 1]
            if fins == 2 or (resets and (before.side != segment.side or mine.fin >= 0)) or not _obeyed(log, index, mine):
                return b""
            if mine.fin >= 0 and theirs.cover >= 0 and not view.near[segment.side]:
                return b""  # whether it knew that its FIN had arrived hangs on times
            covers = covers and mine.fin < 0
            resets += 1
        elif resets or not _is_in_order(segment, mine):
            return b""
        elif segment.flags & FIN:
            mine.fin = index
            fins += 1
        if covers:
            letter |= COVERS
            if mine.cover < 0:
                mine.cover = index
        if not index & 3:
            word = 0
        word |= letter << ((index & 3) << 3)
        name[index >> 2] = word
        before_ns = segment.time_ns
    if a.side.fin_seen != (a.fin >= 0) or b.side.fin_seen != (b.fin >= 0):
        return b""
    last = log[count - 1]
    ender = connection.side(last.side)
    if resets and not ender.last_flags & RST:
        return b""
    crossing = 0
    if fins == 2:
        crossing = _crossing(log, a, b)
        if crossing < 0:
            return b""
    used = (count + 3) >> 2
    name[used] = count | crossing << 8 | (1 << 16 if view.near[0] else 0) | (1 << 17 if view.near[1] else 0)
    return words.joined(name, used + 1, b"")


def _is_opened(connection: Connection) -> bool:
    """Whether a connection was opened by one SYN and one SYN/ACK that acknowledges it, without data, and all of it was captured."""
    a, b, log = connection.a, connection.b, connection.log
    syn, synack = log[0], log[1]
    return (
        not connection.self_connect
        and syn.flags & KINDS == SYN
        and synack.side == 1
        and synack.flags & KINDS == SYN | ACK
        and not (syn.payload or synack.payload or syn.marks or synack.marks)
        and synack.ack == syn.end
        and synack.time_ns >= syn.time_ns
        and syn.seq == a.isn
        and synack.seq == b.isn
        and a.syn_seen
        and b.syn_seen
        and b.synack_seen
        and not a.synack_seen
        and not a.holes
        and not b.holes
        and not (a.has_ack and ahead(a.max_ack, b.next_seq) > 0)
        and not (b.has_ack and ahead(b.max_ack, a.next_seq) > 0)
    )


def _is_in_order(segment: Segment, mine: Progress) -> bool:
    """Whether a side's next logged segment is an ordinary one: behind all that it sent, going back in nothing; behind its FIN bare."""
    stamp = ahead(segment.tsval, mine.first_stamp)
    if (
        not segment.flags & ACK
        or ahead(segment.seq, mine.end) < 0
        or ahead(segment.ack, mine.ack) < 0
        or (mine.fin >= 0 and (segment.end != mine.end))
        or (segment.flags & FIN and segment.end != mine.side.next_seq)
        or (segment.options & OPT_TIMESTAMPS and stamp < mine.stamp)
    ):
        return False
    mine.end, mine.ack = segment.end, segment.ack
    if segment.options & OPT_TIMESTAMPS:
        mine.stamp = stamp
    if segment.ttl:
        way = hops(segment.ttl)
        mine.hops = way if mine.hops in (NOWHERE, way) else SEVERAL
    return True


def _obeyed(log: list[Segment], index: int, mine: Progress) -> bool:
    """Whether a RST stands just behind all that its sender sent, came the way of the rest, and answers nothing of its own."""
    reset = log[index]
    context = reset.context
    if reset.seq != mine.side.next_seq or mine.hops < 0 or (reset.ttl and hops(reset.ttl) != mine.hops):
        return False
    if context is not None and (
        (context.peer_ack >= 0 and ahead(reset.seq, context.peer_ack) < 0)
        or (context.own_next >= 0 and ahead(reset.seq, context.own_next) > 0)
    ):
        return False
    if not reset.flags & ACK:  # numbers of both sides may be equal by chance
        for segment in log:
            if segment.side == reset.side and segment.flags & ACK and segment.ack == reset.seq:
                return False
    return True


def _crossing(log: list[Segment], a: Progress, b: Progress) -> int:
    """What else the order of two FINs hangs on, where they crossed; -1 where it is not clear that they did."""
    first, second = a, b
    if b.fin < a.fin:
        first, second = b, a
    if 0 <= second.cover <= second.fin:
        return -1 if 0 <= first.cover <= first.fin else 0
    if 0 <= first.cover <= first.fin:
        return -1
    return 1 | _answer(log, a, b) << 1 | _answer(log, b, a) << 3


def _answer(log: list[Segment], mine: Progress, theirs: Progress) -> int:
    """Of what a side covers its peer's FIN by: 1, it has IP ID 0, unlike its own FIN; 2, it echoes what came before that FIN."""
    if mine.cover < 0:
        return 0
    answer, own, fin = log[mine.cover], log[mine.fin], log[theirs.fin]
    older = answer.options & fin.options & OPT_TIMESTAMPS and not answer.options & OPT_DSACK and ahead(answer.tsecr, fin.tsval) < 0
    return (answer.ip_id == 0 and own.ip_id > 0) | (2 if older else 0)


def marks_of(connection: Connection) -> list[ResetMarks]:
    """What `resets.reset_marks` says of the RSTs of a connection that has a name."""
    marks: list[ResetMarks] = []
    log = connection.log
    for index in range(len(log)):
        segment = log[index]
        if segment.flags & RST:
            marks.append(ResetMarks(index, True, in_window(connection, segment), False, answers(log, index), NAMED))
    return marks
