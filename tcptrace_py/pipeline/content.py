# cython: wraparound=False
"""All that a connection holds, as bytes: some 100 of one that was never answered, where its objects take 2.5 kB.

What a connection holds is named once, for both ways: each value is carried through a Carrier, which writes it down and gives it
back, or gives what was written instead of it. Numbers are written as what they differ by from the usual, in as few bytes as that
takes; of those that are usual a bit is left.
"""

import marshal
from typing import Any

from tcptrace_py.model.live import OPENING, Connection, Context, Rare, Segment, Side
from tcptrace_py.model.segments import ACK, reverse_key

VERSION = 2  # of marshal's format: it looks for no objects that occur twice
LAST = 0x80  # of the bits in a byte
MOST_BYTES = 10  # of a number
ROOM = 500  # bytes, enough for most connections
LOW = 0xFFFFFFFF


class Carrier:
    """Writes values one after the other, or reads them: without content it writes."""

    __slots__ = ("_at", "_bit", "_data", "_end", "_mask", "_mask_at", "_reads", "_written")

    def __init__(self, content: bytes | None = None) -> None:
        self._written = bytearray(ROOM if content is None else 0)
        self._end = 0  # of what is written
        self._reads = content is not None
        self._data = b"" if content is None else content
        self._at = 0  # of the byte that is read next
        self._bit = LAST  # that was written or read
        self._mask = 0  # the bits among which it was read
        self._mask_at = 0  # or where those are that are written

    def number(self, value: int, usual: int) -> int:
        """A signed number of 64 bits."""
        if not self.flag(value != usual):
            return usual
        if self._reads:
            return usual + self._difference()
        self._put(value - usual)
        return value

    def flag(self, value: bool) -> bool:
        """Yes or no: the next bit."""
        bit = self._bit << 1
        if bit > LAST:
            bit = 1
            if self._reads:
                self._mask = self._data[self._at]
                self._at += 1
            else:
                self._make_room(1)
                self._mask_at = self._end
                self._end += 1
        self._bit = bit
        if self._reads:
            return self._mask & bit != 0
        if value:
            self._written[self._mask_at] |= bit
        return value

    def _put(self, difference: int) -> None:
        """Write down in groups of seven bits, the lowest first; a negative number as its complement, with 1 as its lowest bit."""
        code = ~difference if difference < 0 else difference
        code = code << 1 | (difference < 0)
        self._make_room(MOST_BYTES)
        while code > 0x7F:
            self._written[self._end] = code & 0x7F | 0x80
            self._end += 1
            code >>= 7
        self._written[self._end] = code
        self._end += 1

    def _make_room(self, count: int) -> None:
        if self._end + count > len(self._written):
            self._written.extend(bytes(len(self._written) + count))

    def all_written(self) -> bytes:
        """What was written."""
        return bytes(self._written[: self._end])

    def _difference(self) -> int:
        code = shift = 0
        byte = 0x80
        while byte & 0x80:
            byte = self._data[self._at]
            self._at += 1
            code |= (byte & 0x7F) << shift
            shift += 7
        difference = code >> 1
        return ~difference if code & 1 else difference

    def word(self, value: int) -> int:
        """An unsigned number of 64 bits, usually small: by its halves."""
        high, low = self.number(value >> 32, 0), self.number(value & LOW, 0)
        value = high
        return value << 32 | low

    def time(self, value: int, start_ns: int) -> int:
        """A time that is 0 where there is none, else near another."""
        if not self.flag(value != 0):
            return 0
        return self.number(value, start_ns)

    def raw(self, value: bytes) -> bytes:
        """Bytes."""
        length = self.number(len(value), 0)
        if not length:
            return b""
        if self._reads:
            self._at += length
            return self._data[self._at - length : self._at]
        self._make_room(length)
        self._written[self._end : self._end + length] = value
        self._end += length
        return value

    def thing(self, value: Any) -> Any:
        """Any other value, or None."""
        if not self.flag(value is not None):
            return None
        if self._reads:
            return marshal.loads(self.raw(b""))  # noqa: S302 - this process wrote it
        self.raw(marshal.dumps(value, VERSION))
        return value


def content(live: Connection) -> bytes:
    """All that a connection holds; of the next incarnation, what is asked of it.

    What is told by the objects that belong to a connection stands beside them; what it was judged to be is reasoned out again.
    The key of the side that was captured first is in front, behind its length in a byte.
    """
    key, other = live.a.key, live.b.key
    carrier = Carrier()
    carrier.raw(b"" if other == reverse_key(key) else other)
    carrier.number(live.start_ns, 0)
    carrier.number(live.first_frame, 0)
    carrier.number(len(live.log), 0)
    for segment in live.log:
        carrier.flag(segment.context is not None)
    carrier.flag(live.a.rare is not None)
    carrier.flag(live.b.rare is not None)
    after = live.reused_by
    carrier.flag(after is not None)
    if after is not None:
        carrier.number(after.start_ns, live.start_ns)
        carrier.number(after.first_frame, live.first_frame)
    _carry(carrier, live)
    return bytes((len(key),)) + key + carrier.all_written()


def connection(content: bytes) -> Connection:
    """The connection again."""
    key = first_key(content)
    carrier = Carrier(content[1 + len(key) :])
    other = carrier.raw(b"") or reverse_key(key)
    start_ns, first_frame = carrier.number(0, 0), carrier.number(0, 0)
    live = Connection(key, other, start_ns, first_frame)
    for _ in range(carrier.number(0, 0)):
        segment = blank_segment()
        live.log.append(segment)
        if carrier.flag(False):
            segment.context = Context()
    if carrier.flag(False):
        live.a.needs_rare()
    if carrier.flag(False):
        live.b.needs_rare()
    if carrier.flag(False):
        after_ns, after_frame = carrier.number(0, start_ns), carrier.number(0, first_frame)
        live.reused_by = Connection(key, other, after_ns, after_frame)
        live.reused_by.dissolve()
    _carry(carrier, live)
    return live


def first_key(content: bytes) -> bytes:
    """The key of the side that was captured first."""
    return content[1 : 1 + content[0]]


PACKING = content, connection


def blank_segment() -> Segment:
    """A segment of nothing: interpreted, a new one lacks what is to be filled in."""
    segment = Segment()
    segment.time_ns = segment.frame = segment.side = segment.flags = segment.seq = segment.end = segment.ack = segment.payload = 0
    segment.window = segment.options = segment.tsval = segment.tsecr = segment.ip_id = segment.ttl = segment.interface = 0
    return segment


def _carry(carrier: Carrier, live: Connection) -> None:
    """Carry what a connection holds, where all its parts are there already."""
    _carry_connection(carrier, live, live.start_ns)
    for side in (live.a, live.b):
        _carry_side(carrier, side, live.start_ns)
        if side.rare is not None:
            _carry_rare(carrier, side.rare, live.start_ns)
    time_ns, frame = live.start_ns, live.first_frame
    for segment in live.log:
        _carry_segment(carrier, segment, time_ns, frame, live)
        time_ns, frame = segment.time_ns, segment.frame
        if segment.context is not None:
            _carry_context(carrier, segment.context, time_ns, frame)


def _carry_connection(carrier: Carrier, live: Connection, start_ns: int) -> None:
    live.aliases = carrier.thing(live.aliases)
    live.announced = carrier.number(live.announced, -1)
    live.anomalies = carrier.thing(live.anomalies)
    live.asked_ns = carrier.time(live.asked_ns, start_ns)
    live.back = carrier.thing(live.back)
    live.budget = carrier.number(live.budget, 32)
    live.by_interface = carrier.flag(live.by_interface)
    live.came = carrier.thing(live.came)
    live.due = carrier.number(live.due, 0)
    live.earlier = carrier.raw(live.earlier)
    live.end_ns = carrier.number(live.end_ns, start_ns)
    live.heard_ns = carrier.number(live.heard_ns, start_ns)
    live.history = carrier.word(live.history)
    live.icmp = carrier.thing(live.icmp)
    live.idle_ns = carrier.number(live.idle_ns, 0)
    live.idle_until_ns = carrier.time(live.idle_until_ns, start_ns)
    live.last_frame = carrier.number(live.last_frame, live.first_frame)
    live.pause_ns = carrier.number(live.pause_ns, 0)
    live.phase = carrier.number(live.phase, OPENING)
    live.plain = not carrier.flag(not live.plain)
    live.progress_ns = carrier.number(live.progress_ns, start_ns)
    live.settled = carrier.flag(live.settled)
    live.signature = carrier.word(live.signature)
    live.speaker = carrier.number(live.speaker, -1)
    live.split = carrier.raw(live.split)
    live.stall_ns = carrier.number(live.stall_ns, 0)
    live.stream = carrier.number(live.stream, 0)
    live.survived_ns = carrier.number(live.survived_ns, 0)
    live.talker = carrier.number(live.talker, -1)
    live.teid = carrier.number(live.teid, -1)
    live.turns = carrier.number(live.turns, 0)
    live.vlan = carrier.number(live.vlan, -1)
    live.wait_frame = carrier.number(live.wait_frame, 0)
    live.wait_ns = carrier.number(live.wait_ns, 0)


def _carry_side(carrier: Carrier, side: Side, start_ns: int) -> None:
    side.isn = carrier.number(side.isn, 0)
    side.answer_ns = carrier.number(side.answer_ns, 0)
    side.fin_seen = carrier.flag(side.fin_seen)
    side.has_ack = carrier.flag(side.has_ack)
    side.has_seq = carrier.flag(side.has_seq)
    side.history_bits = carrier.number(side.history_bits, 0)
    side.holes = carrier.thing(side.holes)
    side.largest = carrier.number(side.largest, 0)
    side.last_data_ns = carrier.time(side.last_data_ns, start_ns)
    side.last_flags = carrier.number(side.last_flags, 0)
    side.last_interface = carrier.number(side.last_interface, 0)
    side.last_ip_id = carrier.number(side.last_ip_id, 0)
    side.last_ns = carrier.time(side.last_ns, start_ns)
    side.last_tsval = carrier.number(side.last_tsval, 0)
    side.max_ack = carrier.number(side.max_ack, 0)
    side.next_seq = carrier.number(side.next_seq, side.isn)
    side.last_seq = carrier.number(side.last_seq, side.isn - 1)
    side.packets = carrier.number(side.packets, 0)
    side.payload_bytes = carrier.number(side.payload_bytes, 0)
    side.recent_ids = carrier.word(side.recent_ids)
    side.spoke = carrier.flag(side.spoke)
    side.syn_seen = carrier.flag(side.syn_seen)
    side.synack_seen = carrier.flag(side.synack_seen)
    side.window = carrier.number(side.window, 0)
    side.window_scale = carrier.number(side.window_scale, -1)
    side.window_zero = carrier.flag(side.window_zero)


def _carry_rare(carrier: Carrier, rare: Rare, start_ns: int) -> None:
    rare.closed_ns = carrier.number(rare.closed_ns, 0)
    rare.closed_since_ns = carrier.time(rare.closed_since_ns, start_ns)
    rare.copies = carrier.number(rare.copies, 0)
    rare.early_ns = carrier.time(rare.early_ns, start_ns)
    rare.fin_repeats = carrier.number(rare.fin_repeats, 0)
    rare.long_closes = carrier.number(rare.long_closes, 0)
    rare.lost_payload = carrier.number(rare.lost_payload, 0)
    rare.more_stray_syns = carrier.number(rare.more_stray_syns, 0)
    rare.more_strays = carrier.number(rare.more_strays, 0)
    rare.probe_end = carrier.number(rare.probe_end, -1)
    rare.probes = carrier.number(rare.probes, 0)
    rare.repeated_ns = carrier.time(rare.repeated_ns, start_ns)
    rare.retransmissions = carrier.number(rare.retransmissions, 0)
    rare.sacked_end = carrier.number(rare.sacked_end, -1)
    rare.sacked_from = carrier.number(rare.sacked_from, -1)
    rare.stray_next = carrier.number(rare.stray_next, -1)
    rare.stray_syns = carrier.number(rare.stray_syns, 0)
    rare.unanswered = carrier.number(rare.unanswered, 0)
    rare.unanswered_since_ns = carrier.time(rare.unanswered_since_ns, start_ns)
    rare.zero_windows = carrier.number(rare.zero_windows, 0)


def _carry_segment(carrier: Carrier, segment: Segment, time_ns: int, frame: int, live: Connection) -> None:
    """`time_ns` and `frame` are those of the segment before."""
    segment.time_ns = carrier.number(segment.time_ns, time_ns)
    segment.frame = carrier.number(segment.frame, frame)
    segment.side = carrier.number(segment.side, 0)
    segment.flags = carrier.number(segment.flags, 0)
    sender = live.side(segment.side)
    segment.seq = carrier.number(segment.seq, sender.isn)
    segment.end = carrier.number(segment.end, segment.seq)
    segment.ack = carrier.number(segment.ack, sender.peer.isn if segment.flags & ACK else 0)
    segment.payload = carrier.number(segment.payload, 0)
    segment.window = carrier.number(segment.window, 0)
    segment.options = carrier.number(segment.options, 0)
    segment.tsval = carrier.number(segment.tsval, 0)
    segment.tsecr = carrier.number(segment.tsecr, 0)
    segment.ip_id = carrier.number(segment.ip_id, 0)
    segment.ttl = carrier.number(segment.ttl, 0)
    segment.interface = carrier.number(segment.interface, 0)
    segment.marks = carrier.number(segment.marks, 0)


def _carry_context(carrier: Carrier, context: Context, time_ns: int, frame: int) -> None:
    context.data_ns = carrier.time(context.data_ns, time_ns)
    context.idle_ns = carrier.number(context.idle_ns, 0)
    context.own_ack = carrier.number(context.own_ack, -1)
    context.own_next = carrier.number(context.own_next, -1)
    context.peer_ack = carrier.number(context.peer_ack, -1)
    context.previous_by_peer = carrier.flag(context.previous_by_peer)
    context.previous_frame = carrier.number(context.previous_frame, frame)
    context.previous_is_data = carrier.flag(context.previous_is_data)
    context.previous_ns = carrier.time(context.previous_ns, time_ns)
    context.sacked_end = carrier.number(context.sacked_end, -1)
    context.unread = carrier.number(context.unread, 0)
