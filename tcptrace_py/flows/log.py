# cython: boundscheck=False, wraparound=False
"""What is remembered of single segments: those that may decide a state, what a RST came upon, and Zeek's letters of all others."""

from tcptrace_py.model.live import AHEAD, BUDGET, CLOSING, QUIET, SKIPPED, STRAY, Context, Segment, Side
from tcptrace_py.model.segments import ACK, FIN, RST, SYN, Columns
from tcptrace_py.model.seq import ahead

from .copies import skipped

LOG_LIMIT = 400  # remarkable segments of one connection that are logged
_LOG_LIMIT = LOG_LIMIT  # for this module: compiled, it is a C number


def log_segment(side: Side, peer: Side, columns: Columns, i: int, end: int, marks: int, context: Context | None) -> None:
    """Remember the segment if it may decide a state."""
    connection = side.connection
    flags = columns.flags[i]
    covers_fin = peer.fin_seen and flags & ACK and columns.ack[i] == peer.next_seq
    if flags & (SYN | FIN | RST) or marks & (AHEAD | STRAY):
        if len(connection.log) >= _LOG_LIMIT:
            if marks & STRAY:
                rare = connection.a.needs_rare()
                rare.more_strays += 1
            return
        connection.budget = BUDGET
    elif connection.phase == QUIET:
        return
    elif not (connection.phase == CLOSING and covers_fin and connection.budget > -BUDGET):
        if connection.budget <= 0:
            return
        connection.budget -= 1
    else:
        connection.budget -= 1
    segment = segment_of(columns, i, side.number, end)
    if flags & FIN and (columns.ip_id[i] - side.recent_ids) & 0xFFFF == 3 and skipped(side.recent_ids, columns.ip_id[i]):
        marks |= SKIPPED
        connection.plain = False
    if flags & (ACK | SYN) == ACK and peer.syn_seen and ahead(columns.ack[i], peer.isn) <= 0:
        connection.plain = False  # it does not acknowledge the SYN: what it says hangs on its number, which no signature has
    segment.marks, segment.context = marks, context
    connection.log.append(segment)
    if connection.plain:
        if connection.signature >> 56:
            connection.plain = False
        else:
            covers = 3 if flags & RST else 0 if not flags & ACK else 2 if covers_fin else 1
            connection.signature = connection.signature << 6 | (
                side.number << 5 | (flags & SYN) << 3 | (flags & FIN) << 3 | (columns.payload[i] > 0) << 2 | covers
            )


def segment_of(columns: Columns, i: int, side: int, end: int) -> Segment:
    """A row of a block as a segment of side 0 or 1; `end`: the sequence number behind everything it carries."""
    segment = Segment.__new__(Segment)  # compiled, this is no call of Python's
    segment.marks, segment.context = 0, None
    segment.time_ns, segment.frame, segment.side = columns.time_ns[i], columns.frame[i], side
    segment.flags, segment.seq, segment.end, segment.ack = columns.flags[i], columns.seq[i], end, columns.ack[i]
    segment.payload, segment.window = columns.payload[i], columns.window[i]
    segment.options, segment.tsval, segment.tsecr = columns.options[i], columns.tsval[i], columns.tsecr[i]
    segment.ip_id, segment.ttl, segment.interface = columns.ip_id[i], columns.ttl[i], columns.interface[i]
    return segment


def context_of(side: Side, peer: Side) -> Context:
    """What a RST came upon."""
    connection = side.connection
    context = Context()
    context.previous_frame, context.previous_ns = connection.last_frame, connection.end_ns
    context.previous_by_peer = peer.last_ns == connection.end_ns and peer.packets > 0
    context.previous_is_data = context.previous_by_peer and peer.last_data_ns == peer.last_ns
    context.peer_ack = peer.max_ack if peer.has_ack else -1
    if side.has_seq:
        context.own_next = side.holes[0][0] if side.holes else side.next_seq
        context.sacked_end = side.rare.sacked_end if side.holes and side.rare is not None else -1
    context.own_ack = side.max_ack if side.has_ack else -1
    context.data_ns = peer.last_data_ns
    if side.has_ack and peer.has_seq:
        context.unread = max(ahead(peer.next_seq, side.max_ack) - (1 if peer.fin_seen else 0), 0)
    return context


def note_letters(side: Side, columns: Columns, i: int) -> None:
    """Zeek's letters for a segment."""
    flags = columns.flags[i]
    if flags & SYN:
        note_letter(side, 2 if flags & ACK else 1)
    if columns.payload[i]:
        note_letter(side, 4)
    if flags & RST:
        note_letter(side, 6)
    elif flags & FIN:
        note_letter(side, 5)
    elif flags & (SYN | ACK) == ACK and not columns.payload[i]:
        note_letter(side, 3)


def note_letter(side: Side, letter: int) -> None:
    """Zeek's letter, once for each side; its case is given when the client is known."""
    connection = side.connection
    if not side.history_bits & 1 << letter:
        side.history_bits |= 1 << letter
        connection.history = connection.history << 4 | side.number << 3 | letter
