"""Closed textbook connections at rest: bytes instead of objects, for as long as they wait for stragglers.

Whoever serves a thousand connections a second has sixty thousand in TIME_WAIT. Nearly none of them hears of a segment
again: a few hundred bytes hold all that is known of one. `fold` and `unfold` lose nothing; what is asked of a connection
that ends as it rests (`key`, `time_ns`) is read from the bytes.

A record is words of 32 bits in the machine's order (numbers of 64 bits take two, the lower first): the connection, both
sides as far as the log does not tell, each logged segment, then the key of the side that spoke first.
"""

from array import array

from tcptrace_py.model import words
from tcptrace_py.model.live import LAST_IDS, Connection, Segment, Side
from tcptrace_py.model.segments import ACK, FIN, SYN, reverse_key
from tcptrace_py.model.seq import MASK

MOST_SEGMENTS = 64
HEAD_WORDS, SIDE_WORDS = 15, 6
COUNT, END, START, FIRST_FRAME, SIGNATURE = 0, 1, 3, 5, 7  # where what is asked of a record stands
MICRO = 1 << 23  # times since the start are in microseconds, one word each; else in nanoseconds, two words each
WHOLE = 1 << 22  # every segment is in the log: what is known of the sides follows from it
SHORT_WORDS = 9  # of a segment; LONG_WORDS with a time of two
SHORT_NS = 4_000_000_000_000  # so long a connection may be for times in microseconds
MOST_PAYLOAD, MOST_INTERFACE = 1 << 20, 1 << 11
_scratch = array("I", bytes(4 * (HEAD_WORDS + 2 * SIDE_WORDS + (SHORT_WORDS + 1) * MOST_SEGMENTS)))


def can_rest(connection: Connection) -> bool:
    """Whether a closed connection is so ordinary that a record holds all of it."""
    a, b = connection.a, connection.b
    return bool(
        connection.plain and not connection.earlier and connection.anomalies is None and connection.icmp is None
        and connection.shadow is None
        and connection.reused_by is None and connection.announced < 0 and connection.stream >= 0 and connection.idle_ns == 0
        and a.holes is None and b.holes is None and a.rare is None and b.rare is None and a.last_seq >= 0 and b.last_seq >= 0
        and a.packets <= MASK and b.packets <= MASK and a.payload_bytes <= MASK and b.payload_bytes <= MASK
        and connection.last_frame - connection.first_frame <= MASK and connection.history <= MASK
        and connection.start_ns >= 0 and 2 < len(connection.log) <= MOST_SEGMENTS and connection.vlan < 4096
        and a.syn_seen and b.syn_seen and a.spoke and b.spoke and not a.window_zero and not b.window_zero)


def fold(connection: Connection) -> bytes | None:
    """Record of a connection that can rest; None if a number in its log is too large for one, or the log does not tell enough."""
    record = _scratch
    log, start_ns, first = connection.log, connection.start_ns, connection.first_frame
    a, b = connection.a, connection.b
    short = connection.end_ns - start_ns < SHORT_NS
    for segment in log:
        if segment.payload >= MOST_PAYLOAD or segment.interface >= MOST_INTERFACE:
            return None
        if (segment.time_ns - start_ns) % 1000:
            short = False
    whole = a.packets + b.packets == len(log)
    if not _told_by(connection, whole):
        return None
    record[0] = len(log)
    record[1], record[2] = connection.end_ns & MASK, connection.end_ns >> 32
    record[3], record[4] = start_ns & MASK, start_ns >> 32
    record[5], record[6] = first & MASK, first >> 32
    record[7], record[8] = connection.signature & MASK, connection.signature >> 32
    record[9] = connection.last_frame - first
    record[10] = connection.stream
    record[11] = connection.history
    record[12] = connection.vlan + 1 | a.window_scale + 1 << 13 | b.window_scale + 1 << 22
    record[13] = connection.teid & MASK
    record[14] = (connection.budget + 32768 | connection.phase << 16 | connection.settled << 18 | (connection.teid < 0) << 19
                  | (WHOLE if whole else 0) | (MICRO if short else 0))
    at = HEAD_WORDS
    if not whole:
        _fold_side(record, at, a)
        _fold_side(record, at + SIDE_WORDS, b)
        at += 2 * SIDE_WORDS
    for segment in log:
        since_ns = segment.time_ns - start_ns
        if short:
            record[at] = since_ns // 1000
        else:
            record[at], record[at + 1] = since_ns & MASK, since_ns >> 32
            at += 1
        record[at + 1] = segment.frame - first
        record[at + 2] = segment.seq
        record[at + 3] = segment.ack
        record[at + 4] = segment.tsval
        record[at + 5] = segment.tsecr
        record[at + 6] = segment.payload | segment.interface << 20 | segment.side << 31
        record[at + 7] = segment.window | segment.flags << 16
        record[at + 8] = segment.ip_id + 1 | segment.ttl << 17 | segment.options << 25
        at += SHORT_WORDS
    return words.joined(record, at, a.key)


def _told_by(connection: Connection, whole: bool) -> bool:
    """Whether what is known of both sides follows from the log, but for what counts segments where some are not in it."""
    _retell(connection.log, _spare.a, _spare.b)
    return _alike(connection.a, _spare.a, whole) and _alike(connection.b, _spare.b, whole)


def _alike(side: Side, other: Side, whole: bool) -> bool:
    if whole and (side.packets != other.packets or side.payload_bytes != other.payload_bytes or side.last_data_ns != other.last_data_ns
                  or side.recent_ids != other.recent_ids):
        return False
    return (side.isn == other.isn and side.next_seq == other.next_seq and side.max_ack == other.max_ack
            and side.window == other.window and side.last_ns == other.last_ns and side.last_seq == other.last_seq
            and side.last_tsval == other.last_tsval and side.last_ip_id == other.last_ip_id and side.last_flags == other.last_flags
            and side.last_interface == other.last_interface and side.synack_seen == other.synack_seen)


def _retell(log: list[Segment], a: Side, b: Side) -> None:
    """What a log in which everything came in order says of both sides."""
    for side in (a, b):
        side.packets = side.payload_bytes = side.recent_ids = side.last_data_ns = 0
        side.synack_seen = False
    for segment in log:
        side = b if segment.side else a
        side.packets += 1
        side.payload_bytes += segment.payload
        side.last_ns, side.last_seq, side.last_flags = segment.time_ns, segment.seq, segment.flags
        side.last_ip_id, side.last_interface, side.last_tsval = segment.ip_id, segment.interface, segment.tsval
        side.recent_ids = (side.recent_ids << 16 | segment.ip_id & 0xFFFF) & LAST_IDS
        side.window, side.next_seq = segment.window, segment.end
        if segment.flags & ACK:
            side.max_ack = segment.ack
        if segment.flags & SYN:
            side.isn = segment.seq
            side.synack_seen = segment.flags & ACK > 0
        if segment.payload:
            side.last_data_ns = segment.time_ns


def _fold_side(record: "array[int]", at: int, side: Side) -> None:
    record[at] = side.packets
    record[at + 1] = side.payload_bytes
    record[at + 2], record[at + 3] = side.last_data_ns & MASK, side.last_data_ns >> 32
    record[at + 4], record[at + 5] = side.recent_ids & MASK, side.recent_ids >> 32


def unfold(record: bytes) -> Connection:
    """The connection of a record, as it was."""
    own_key, first = key(record), first_frame(record)
    connection = Connection(own_key, reverse_key(own_key), words.wide(record, START), first)
    a, b = connection.a, connection.b
    connection.end_ns, connection.last_frame = words.wide(record, END), first + words.word(record, 9)
    connection.stream, connection.signature = words.word(record, 10), signature(record)
    connection.history = words.word(record, 11)
    packed = words.word(record, 12)
    connection.vlan, a.window_scale, b.window_scale = (packed & 0x1FFF) - 1, (packed >> 13 & 0x1FF) - 1, (packed >> 22 & 0x1FF) - 1
    bits = words.word(record, 14)
    connection.teid = -1 if bits >> 19 & 1 else words.word(record, 13)
    connection.budget, connection.phase, connection.settled = (bits & 0xFFFF) - 32768, bits >> 16 & 3, bits >> 18 & 1 == 1
    for index in range(words.word(record, COUNT)):
        connection.log.append(_segment(record, index, first))
    _retell(connection.log, a, b)
    if not bits & WHOLE:
        _unfold_side(record, HEAD_WORDS, a)
        _unfold_side(record, HEAD_WORDS + SIDE_WORDS, b)
    for side in (a, b):
        side.has_seq = side.has_ack = side.spoke = side.syn_seen = side.fin_seen = True
    letters = connection.history
    while letters:
        side = b if letters >> 3 & 1 else a
        side.history_bits |= 1 << (letters & 7)
        letters >>= 4
    return connection


def _unfold_side(record: bytes, at: int, side: Side) -> None:
    side.packets, side.payload_bytes = words.word(record, at), words.word(record, at + 1)
    side.last_data_ns, side.recent_ids = words.wide(record, at + 2), words.wide(record, at + 4)


def _place(record: bytes, index: int) -> int:
    """Where the words of this segment begin behind those of its time, less one."""
    bits = words.word(record, 14)
    return (HEAD_WORDS + (0 if bits & WHOLE else 2 * SIDE_WORDS) + (SHORT_WORDS if bits & MICRO else SHORT_WORDS + 1) * index
            + (0 if bits & MICRO else 1))


def _segment(record: bytes, index: int, first: int) -> Segment:
    segment = Segment()
    at = _place(record, index)
    segment.time_ns, segment.frame = time_ns(record, index), first + words.word(record, at + 1)
    segment.seq, segment.ack = words.word(record, at + 2), words.word(record, at + 3)
    segment.tsval, segment.tsecr = words.word(record, at + 4), words.word(record, at + 5)
    packed = words.word(record, at + 6)
    segment.payload, segment.interface, segment.side = packed & MOST_PAYLOAD - 1, packed >> 20 & MOST_INTERFACE - 1, packed >> 31
    packed = words.word(record, at + 7)
    segment.window, segment.flags = packed & 0xFFFF, packed >> 16
    packed = words.word(record, at + 8)
    segment.ip_id, segment.ttl, segment.options = (packed & 0x1FFFF) - 1, packed >> 17 & 0xFF, packed >> 25
    segment.end = (segment.seq + segment.payload + (segment.flags & SYN > 0) + (segment.flags & FIN)) & MASK
    return segment


def key(record: bytes) -> bytes:
    """Key of the side that spoke first."""
    bits = words.word(record, 14)
    return record[4 * (_place(record, words.word(record, COUNT)) - (0 if bits & MICRO else 1)):]


def signature(record: bytes) -> int:
    """The connection's signature."""
    return words.wide(record, SIGNATURE)


def first_frame(record: bytes) -> int:
    """Its first frame."""
    return words.wide(record, FIRST_FRAME)


def time_ns(record: bytes, index: int) -> int:
    """When the logged segment of this index was captured."""
    at = _place(record, index)
    since_ns = words.word(record, at) * 1000 if words.word(record, 14) & MICRO else words.wide(record, at - 1)
    return words.wide(record, START) + since_ns


_spare = Connection(bytes(12), bytes(12), 0, 0)
