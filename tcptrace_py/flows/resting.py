"""Closed textbook connections at rest: bytes, for as long as they wait for stragglers.

Whoever serves a thousand connections a second has sixty thousand of them in TIME_WAIT. Nearly none hears of a segment again:
some 490 bytes hold all that is known of one, and what is asked of one that ends as it rests is read from them.

SYNs that nobody answers are as many as anybody likes to forge: they rest as well, in less than 100 bytes each.

A record is made of a row of the textbook, and becomes one again (textbook.py): words of 32 bits in the machine's order (numbers
of 64 bits take two, the lower first). The connection comes first, then both sides as far as the log does not tell (WHOLE: it
does), the logged segments as the row has them, and last the key of the side that sent the SYN.
"""

from struct import Struct
from typing import TYPE_CHECKING

from tcptrace_py.model import words
from tcptrace_py.model.closed import Closed
from tcptrace_py.model.segments import OPT_TIMESTAMPS, Columns
from tcptrace_py.model.seq import MASK

if TYPE_CHECKING:
    from array import array

START, END, FIRST_FRAME, LAST_FRAME, SIGNATURE, HISTORY, PAUSE_NS, SURVIVED_NS, ANSWER_NS = range(0, 18, 2)  # of 64 bits, as the row's
STATE, BUDGET_LEFT, STREAM, VLAN_SCALES, TEID, TURNS, WAIT_FRAME, LARGEST = range(18, 26)
HEAD_WORDS, SIDES_WORDS, LOG_WORDS = 26, 32, 9
LOGGED = 28  # bits of STATE above
HAS_TEID = 1 << 3  # of STATE
SIDE_WIDE, SIDE_DATA, SIDE_PACKETS = 10, 2, 6  # words of a side that are 64 bits wide; its last data, its packets, then its bytes
PAYLOAD_MASK = (1 << 20) - 1
WHOLE = 1 << 31  # of BUDGET_LEFT: every segment is in the log, from which all that is known of the sides follows


def logged(record: bytes) -> int:
    """How many segments are logged."""
    return words.word(record, STATE) >> LOGGED


def log_at(record: bytes, index: int) -> int:
    """Where the words of the logged segment of this index begin; those behind the last one are the key's."""
    return HEAD_WORDS + (0 if words.word(record, BUDGET_LEFT) & WHOLE else SIDES_WORDS) + LOG_WORDS * index


def key(record: bytes) -> bytes:
    """Key of the side that sent the SYN."""
    return words.behind(record, 4 * log_at(record, logged(record)))


def start_ns(record: bytes) -> int:
    """When its SYN was captured."""
    return words.wide(record, START)


def end_ns(record: bytes) -> int:
    """When its last segment was captured."""
    return words.wide(record, END)


def first_frame(record: bytes) -> int:
    """Frame of its SYN."""
    return words.wide(record, FIRST_FRAME)


def signature(record: bytes) -> int:
    """Its signature, as `Connection` has it."""
    return words.wide(record, SIGNATURE)


def time_ns(record: bytes, index: int) -> int:
    """When the logged segment of this index was captured."""
    at = log_at(record, index)
    low, high = words.word(record, at), words.word(record, at + 7) >> 25
    return words.wide(record, START) + (low | high << 32)


def ttl(record: bytes, index: int) -> int:
    """TTL of the logged segment of this index."""
    return words.word(record, log_at(record, index) + 8) >> 17 & 0xFF


def sender(record: bytes, index: int) -> int:
    """Side of the logged segment of this index."""
    return words.word(record, log_at(record, index) + 6) >> 31


def packets(record: bytes) -> int:
    """How many segments both sides sent."""
    if words.word(record, BUDGET_LEFT) & WHOLE:
        return logged(record)
    return words.wide(record, HEAD_WORDS + SIDE_PACKETS) + words.wide(record, HEAD_WORDS + SIDE_WIDE + SIDE_PACKETS)


def survived_ns(record: bytes) -> int:
    """The longest silence after which both sides spoke."""
    return words.wide(record, SURVIVED_NS)


def answer_ns(record: bytes) -> int:
    """The longest time until the side that did not send the SYN answered data of the other."""
    return words.wide(record, ANSWER_NS)


def exchanges(record: bytes) -> int:
    """How often data of the side that did not send the SYN came right behind data of the other."""
    turns = words.word(record, TURNS)
    return (turns >> 2) + 1 >> 1 if turns & 3 == 2 else turns >> 3


def largest(record: bytes) -> int:
    """Payloads of both sides' largest segments, 16 bits each, the lower ones for the side that sent the SYN."""
    return words.word(record, LARGEST)


def asked_ns(record: bytes) -> int:
    """When data was captured last; 0: never."""
    if words.word(record, BUDGET_LEFT) & WHOLE:
        for index in range(logged(record) - 1, -1, -1):
            if words.word(record, log_at(record, index) + 6) & PAYLOAD_MASK:
                return time_ns(record, index)
        return 0
    return max(words.wide(record, HEAD_WORDS + SIDE_DATA), words.wide(record, HEAD_WORDS + SIDE_WIDE + SIDE_DATA))


def read(record: bytes, into: Closed) -> None:
    """Tell all that a record says of its connection as a whole."""
    count = logged(record)
    first, last = words.wide(record, START), words.wide(record, FIRST_FRAME)
    into.key, into.start_ns, into.end_ns = key(record), first, words.wide(record, END)
    into.first_frame, into.last_frame, into.history = last, words.wide(record, LAST_FRAME), words.wide(record, HISTORY)
    into.stream = words.word(record, STREAM)
    into.vlan = (words.word(record, VLAN_SCALES) & 0x1FFF) - 1
    into.teid = words.word(record, TEID) if words.word(record, STATE) & HAS_TEID else -1
    into.log = count
    packets, payloads, stamped = 0, 0, 0  # of the side that did not send the SYN; bits of the sides with timestamps
    own_payloads = 0
    for index in range(count):
        at = log_at(record, index)
        low, high, packed = words.word(record, at), words.word(record, at + 7) >> 25, words.word(record, at + 6)
        into.times_ns[index] = first + (low | high << 32)
        into.frames[index] = last + words.word(record, at + 1)
        side = packed >> 31
        packets += side
        if side:
            payloads += packed & PAYLOAD_MASK
        else:
            own_payloads += packed & PAYLOAD_MASK
        if words.word(record, at + 8) >> 25 & OPT_TIMESTAMPS:
            stamped |= 1 << side
    into.timestamps = 1 if stamped == 3 else 0
    into.asked_ns = asked_ns(record)
    into.answer_ns = words.wide(record, ANSWER_NS)
    into.pause_ns, into.survived_ns = words.wide(record, PAUSE_NS), words.wide(record, SURVIVED_NS)
    into.turns, into.talker = words.word(record, TURNS) >> 2, (words.word(record, TURNS) & 3) - 1
    into.wait_frame, into.largest = words.word(record, WAIT_FRAME), words.word(record, LARGEST)
    if words.word(record, BUDGET_LEFT) & WHOLE:
        into.packets_0, into.packets_1, into.payload_0, into.payload_1 = count - packets, packets, own_payloads, payloads
        return
    into.packets_0, into.payload_0 = words.wide(record, HEAD_WORDS + SIDE_PACKETS), words.wide(record, HEAD_WORDS + SIDE_PACKETS + 2)
    into.packets_1 = words.wide(record, HEAD_WORDS + SIDE_WIDE + SIDE_PACKETS)
    into.payload_1 = words.wide(record, HEAD_WORDS + SIDE_WIDE + SIDE_PACKETS + 2)


# The record of an attempt: a SYN that nobody has answered yet. Words; the rest of what a row says follows from them.
ATTEMPT_START, ATTEMPT_FRAME, ATTEMPT_STREAM, ATTEMPT_VLAN, ATTEMPT_SEQ, ATTEMPT_TSVAL, ATTEMPT_LOOK, ATTEMPT_ID = 0, 2, 4, 5, 6, 7, 8, 9
ATTEMPT_WORDS = 10


# The record of the only segment of a connection that did not begin by the book: words of a block's row, of which those that may be
# -1 are one more. The connection is made of it once more.
LONE_TIME, LONE_FRAME, LONE_STREAM, LONE_SEQ, LONE_ACK, LONE_FLAGS, LONE_WINDOW, LONE_PAYLOAD = 0, 2, 4, 5, 6, 7, 8, 9
LONE_OPTIONS, LONE_TSVAL, LONE_TSECR, LONE_TTL, LONE_NOTES, LONE_INTERFACE, LONE_ID, LONE_SCALE, LONE_VLAN, LONE_SACK = range(10, 20)
LONE_WORDS = 20


def lone(columns: Columns, i: int, stream: int, out: "array[int]", key: bytes) -> bytes:
    """Record of a row of a block, with this key behind it; `out` has room for its words."""
    time_ns, frame = columns.time_ns[i], columns.frame[i]
    out[LONE_TIME], out[LONE_TIME + 1], out[LONE_FRAME], out[LONE_FRAME + 1] = time_ns & MASK, time_ns >> 32, frame & MASK, frame >> 32
    out[LONE_STREAM], out[LONE_SEQ], out[LONE_ACK], out[LONE_FLAGS] = stream, columns.seq[i], columns.ack[i], columns.flags[i]
    out[LONE_WINDOW], out[LONE_PAYLOAD], out[LONE_OPTIONS] = columns.window[i], columns.payload[i], columns.options[i]
    out[LONE_TSVAL], out[LONE_TSECR], out[LONE_TTL] = columns.tsval[i], columns.tsecr[i], columns.ttl[i]
    out[LONE_NOTES], out[LONE_INTERFACE], out[LONE_ID] = columns.notes[i], columns.interface[i], columns.ip_id[i] + 1
    out[LONE_SCALE], out[LONE_VLAN], out[LONE_SACK] = columns.window_scale[i] + 1, columns.vlan[i] + 1, columns.sack_left[i]
    return words.joined(out, LONE_WORDS, key)


def lone_key(record: bytes) -> bytes:
    """Key of the side that sent it."""
    return words.behind(record, 4 * LONE_WORDS)


def lone_ns(record: bytes) -> int:
    """When it was captured."""
    return words.wide(record, LONE_TIME)


def lone_stream(record: bytes) -> int:
    """Its stream."""
    return words.word(record, LONE_STREAM)


def read_lone(record: bytes, columns: Columns) -> None:
    """Make the first row of a block of the record."""
    columns.key[0], columns.time_ns[0], columns.frame[0] = lone_key(record), lone_ns(record), words.wide(record, LONE_FRAME)
    columns.seq[0], columns.ack[0], columns.flags[0] = (
        words.word(record, LONE_SEQ),
        words.word(record, LONE_ACK),
        words.word(record, LONE_FLAGS),
    )
    columns.window[0], columns.payload[0] = words.word(record, LONE_WINDOW), words.word(record, LONE_PAYLOAD)
    columns.options[0], columns.tsval[0] = words.word(record, LONE_OPTIONS), words.word(record, LONE_TSVAL)
    columns.tsecr[0], columns.ttl[0], columns.notes[0] = (
        words.word(record, LONE_TSECR),
        words.word(record, LONE_TTL),
        words.word(record, LONE_NOTES),
    )
    columns.interface[0], columns.sack_left[0] = words.word(record, LONE_INTERFACE), words.word(record, LONE_SACK)
    ip_id, scale, vlan = words.word(record, LONE_ID), words.word(record, LONE_SCALE), words.word(record, LONE_VLAN)
    columns.ip_id[0], columns.window_scale[0], columns.vlan[0], columns.teid[0] = ip_id - 1, scale - 1, vlan - 1, -1


def attempt_key(record: bytes) -> bytes:
    """Key of the side that sent the SYN."""
    return words.behind(record, 4 * ATTEMPT_WORDS)


def attempt_start_ns(record: bytes) -> int:
    """When the SYN was captured."""
    return words.wide(record, ATTEMPT_START)


def attempt_frame(record: bytes) -> int:
    """Frame of the SYN."""
    return words.wide(record, ATTEMPT_FRAME)


def attempt_stream(record: bytes) -> int:
    """Its stream."""
    return words.word(record, ATTEMPT_STREAM)


def attempt_seq(record: bytes) -> int:
    """Its sequence number."""
    return words.word(record, ATTEMPT_SEQ)


def read_attempt(record: bytes, into: Closed) -> None:
    """Tell all that the record of an attempt says of its connection as a whole."""
    into.key = attempt_key(record)
    into.start_ns = into.end_ns = into.times_ns[0] = attempt_start_ns(record)
    into.first_frame = into.last_frame = into.frames[0] = attempt_frame(record)
    into.history, into.log, into.stream = 1, 1, attempt_stream(record)
    into.vlan, into.teid = (words.word(record, ATTEMPT_VLAN) & 0x1FFF) - 1, -1
    into.packets_0, into.packets_1, into.payload_0, into.payload_1 = 1, 0, 0, 0
    into.answer_ns = into.asked_ns = into.pause_ns = into.survived_ns = 0
    into.turns = into.wait_frame = into.largest = 0
    into.talker = -1
    into.timestamps = 0 if words.word(record, ATTEMPT_ID) >> 25 & OPT_TIMESTAMPS == 0 else -1


# The record of a closed connection that does not go by the book: words, the length of its key in a byte, the key, and all that it
# holds, as whoever packs it does.
WHOLE_END, WHOLE_START, WHOLE_WORDS = 0, 2, 4  # of 64 bits each
_WHOLE = Struct("=qqB")


def whole(first_ns: int, last_ns: int, side_key: bytes, content: bytes) -> bytes:
    """Record of a connection that began and ended then, with the key of one of its sides."""
    return _WHOLE.pack(last_ns, first_ns, len(side_key)) + side_key + content


def whole_key(record: bytes) -> bytes:
    """Key of one of its sides."""
    return record[_WHOLE.size : _WHOLE.size + record[4 * WHOLE_WORDS]]


def whole_content(record: bytes) -> bytes:
    """What was packed."""
    return record[_WHOLE.size + record[4 * WHOLE_WORDS] :]


# What such a record holds where a RST ended what goes by the book until then: a byte of these bits, the words of the RST, without its
# key, and the record of what was before. What else is packed begins with a larger byte.
BY_PEER, ATTEMPTED, MOST_ENDED = 1, 2, 3  # not the side that sent the SYN sent the RST; what was before is an attempt


def ended(reset: bytes, before: bytes, bits: int) -> bytes:
    """What is packed of a connection that a RST ended."""
    return bytes((bits,)) + reset + before


def is_ended(content: bytes) -> bool:
    """Whether what was packed is of that kind."""
    return content[0] <= MOST_ENDED


def reset_of(content: bytes) -> bytes:
    """The words of the RST."""
    return content[1 : 1 + 4 * LONE_WORDS]


def before_reset(content: bytes) -> bytes:
    """The record of what was before."""
    return content[1 + 4 * LONE_WORDS :]
