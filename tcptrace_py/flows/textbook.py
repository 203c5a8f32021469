# cython: boundscheck=False, wraparound=False
# (compiled: rows come from this module alone, and a block's columns are as long as its count says)
"""Textbook connections as narrow, from their SYN until nothing can change them any more.

Nearly every connection opens, talks and closes in order, and then waits a minute and more for stragglers that do not come.
One row of two tables holds all of it: the numbers of both sides, and the segments that decide states. It is 640 bytes where
objects take 4 kB, and whoever serves a thousand connections a second has sixty thousand of them in TIME_WAIT.

`run` takes in what continues such a connection, in one pass over local names, and is long for that reason alone. It declines
whatever else comes: then the table asks for the `Connection` that the row stands for (`release`), which is as it would be
had it been one from its SYN on (tests/flows/test_textbook.py), and reasons on with that. What is asked of a connection that
ended by the book is read from its row.

Numbers that stay below 2^32 are in `narrow`, the others in `wide`. Rows wait in two rings, linked both ways by row numbers: open
ones in the order of their SYNs, those at rest (closed) in the order of their last segments. Each ring begins and ends with a
row of its own, OPEN and REST.
"""

from array import array

from tcptrace_py.model import columns
from tcptrace_py.model.clock import SECOND_NS
from tcptrace_py.model.live import (
    BUDGET,
    CLOSING,
    LAST_IDS,
    OPENING,
    QUIET,
    SILENCE_NS,
    Connection,
    Segment,
    Side,
)
from tcptrace_py.model.segments import ACK, FIN, HEADER_CUT, OPT_TIMESTAMPS, QUOTED, SYN, Columns, reverse_key
from tcptrace_py.model.seq import HALF, MASK

from . import places
from .streams import StreamIndex

LONG_NS = 30 * SECOND_NS  # what settles levels looks for connections at rest that were open for longer
MOST_LOGGED = 12  # segments that a row has room for
MOST_SPAN_NS = 1 << 39  # from the first of them to the last
MOST_NS = 4_000_000_000 * SECOND_NS  # seconds of a time are to fit 32 bits
MOST_PAYLOAD, MOST_INTERFACE, MOST_VLAN = 1 << 20, 1 << 11, 1 << 12
OPEN, REST = 0, 1  # rows that stand for both rings' ends
NONE = 0  # no row
BIAS = 1 << 15  # what is added to budgets, which may be negative
FIRST_ROWS = 64
FIRST_PLACES = 1 << 13  # a power of two

# A row of `wide`: the connection, then both sides.
START, END, FIRST_FRAME, LAST_FRAME, SIGNATURE, HISTORY = range(6)
LAST_NS, DATA_NS, IDS, PACKETS, PAYLOAD = range(5)
WIDE_SIDES, WIDE_SIDE, WIDE_ROW = 6, 5, 16
# A row of `narrow`: the connection, both sides, then the log.
NEXT, BEFORE, STATE, BUDGET_LEFT, LOOKED_AT, STREAM, VLAN_SCALES, TEID = range(8)
NEXT_SEQ, MAX_ACK, LAST_SEQ, LAST_TSVAL, LAST_LOOK, LAST_ID = range(6)
SIDES, SIDE_WORDS, LOG, LOG_WORDS, ROW_WORDS = 8, 6, 20, 9, 128
# Bits of STATE; the phase is in the lowest two. Those of a side are shifted by its number.
PHASE, ANSWERED, ALIVE, RESTING, HAS_TEID = 3, 1 << 2, 1 << 3, 1 << 4, 1 << 5
CLOSED, SPOKEN, LETTERS = 1 << 8, 1 << 10, 12  # it sent its FIN, it sent an ACK; 8 bits for each side's letters
LOGGED = 28  # the highest four bits count the segments in the log
SYN_ACK = SYN | ACK

_NO_WORDS, _NO_WIDE = array("I"), array("q")


class Textbook:
    """All textbook connections, by row. Both directions of those that are open have a place, 2 * row + side."""

    def __init__(self, streams: StreamIndex) -> None:
        self.streams = streams
        self.places: places.Places = {}
        self.table = array("i", bytes(4 * FIRST_PLACES))
        self.keys: list[bytes] = []  # by place; of rows at rest that of the first side alone
        self.open_rows = 0
        self.stopped_at = NONE  # place of the side whose segment `run` declined; NONE: that of no open row
        self._narrow_kept, self._wide_kept = array("I"), array("q")
        self.narrow, self.wide = self._narrow_kept, self._wide_kept
        self.long_lived = 0  # rows at rest that were open for longer than LONG_NS
        self.used = 0  # rows that were ever used
        self.free = NONE  # first of those that are free again, linked by NEXT
        for ring in (OPEN, REST):
            self._new()
            self.narrow[ring * ROW_WORDS + NEXT] = self.narrow[ring * ROW_WORDS + BEFORE] = ring

    # -- a segment --------------------------------------------------------------------------------------------------

    def run(self, block: Columns, first: int) -> int:
        """Take in rows of a block from `first` on; return the first that does not continue a textbook connection, or the count."""
        narrow, wide, keys, streams = self.narrow, self.wide, self.keys, self.streams
        known, table = self.places, self.table
        for i in range(first, block.count):
            if block.owner[i] != block.me and block.me >= 0:
                continue
            key = block.key[i]
            place = places.find(known, table, keys, key)
            self.stopped_at = place
            if place == NONE:
                return i
            row = place >> 1
            number = place & 1
            at, far = row * ROW_WORDS, row * WIDE_ROW
            mine, peers = at + SIDES + number * SIDE_WORDS, at + SIDES + (1 - number) * SIDE_WORDS
            my_wide = far + WIDE_SIDES + number * WIDE_SIDE
            state, flags, time_ns = narrow[at + STATE], block.flags[i] & 0x17, block.time_ns[i]
            seq, ack, payload, window, ip_id = block.seq[i], block.ack[i], block.payload[i], block.window[i], block.ip_id[i]
            interface, tsval, ids = block.interface[i], block.tsval[i], wide[my_wide + IDS]
            silent_ns, since_ns = time_ns - wide[far + END], time_ns - wide[far + START]
            peer_next, frames = narrow[peers + NEXT_SEQ], block.frame[i] - wide[far + FIRST_FRAME]
            if (not 0 <= silent_ns < SILENCE_NS or not window or block.notes[i] & (QUOTED | HEADER_CUT) or payload >= MOST_PAYLOAD
                    or interface >= MOST_INTERFACE or not 0 <= frames <= MASK):
                return i
            phase = state & PHASE
            budget = narrow[at + BUDGET_LEFT] - BIAS
            fin = flags & FIN
            covers_fin = closed = False
            logged = phase != QUIET
            if flags & ~FIN == ACK:
                # In order, new in something, nothing missing: what an open connection consists of.
                max_ack = narrow[mine + MAX_ACK]
                fresh = (ack - max_ack) & MASK
                if (not state & ANSWERED or seq != narrow[mine + NEXT_SEQ] or not (payload or fresh or fin)
                        or not fresh <= (peer_next - max_ack) & MASK < HALF or (state & CLOSED << number and (payload or fin))
                        or ((tsval - narrow[mine + LAST_TSVAL]) & MASK >= HALF and block.options[i] & OPT_TIMESTAMPS)):
                    return i
                peer_closed = state & CLOSED << (1 - number)
                covers_fin = peer_closed != 0 and ack == peer_next
                end = (seq + payload + fin) & MASK
                if fin:
                    if (peer_closed and not covers_fin) or (ip_id - ids) & 0xFFFF == 3:
                        return i
                    phase, budget, logged = CLOSING, BUDGET, True
                    state = state & ~PHASE | CLOSING | CLOSED << number
                elif phase == CLOSING:
                    closed = covers_fin and state & CLOSED << number != 0 and narrow[peers + MAX_ACK] == end
                    logged = budget > (-BUDGET if covers_fin and fresh else 0)
                    budget -= logged
                elif logged:
                    logged = budget > 0
                    budget -= logged
                    if not logged:
                        state = state & ~PHASE | QUIET
                state |= SPOKEN << number
                letter = 4 if payload else 3
            elif (flags == SYN_ACK and number and not state & ANSWERED and phase == OPENING and ack == peer_next and not payload
                  and wide[far + WIDE_SIDES + PACKETS] == 1):
                end = (seq + 1) & MASK
                state |= ANSWERED
                letter = 2
            else:
                return i
            if logged:
                count = state >> LOGGED
                if count == MOST_LOGGED or wide[far + SIGNATURE] >> 56 or since_ns >= MOST_SPAN_NS:
                    return i
                state += 1 << LOGGED
                wide[far + SIGNATURE] = wide[far + SIGNATURE] << 6 | (
                    number << 5 | (flags & SYN) << 3 | fin << 3 | (payload > 0) << 2 | (2 if covers_fin else 1))
                log = at + LOG + count * LOG_WORDS
                narrow[log] = since_ns & MASK
                narrow[log + 1] = frames
                narrow[log + 2] = seq
                narrow[log + 3] = ack
                narrow[log + 4] = tsval
                narrow[log + 5] = block.tsecr[i]
                narrow[log + 6] = payload | interface << 20 | number << 31
                narrow[log + 7] = window | block.flags[i] << 16 | since_ns >> 32 << 25
                narrow[log + 8] = ip_id + 1 | block.ttl[i] << 17 | block.options[i] << 25
                if phase == OPENING and state & SPOKEN and state & SPOKEN << 1:
                    state = state & ~PHASE | QUIET
            letters = state >> (LETTERS + 8 * number)
            if fin:
                if payload and not letters & 1 << 4:
                    state |= 1 << 4 << (LETTERS + 8 * number)
                    wide[far + HISTORY] = wide[far + HISTORY] << 4 | number << 3 | 4
                letter = 5
            if not letters & 1 << letter:
                state |= 1 << letter << (LETTERS + 8 * number)
                wide[far + HISTORY] = wide[far + HISTORY] << 4 | number << 3 | letter
            narrow[at + STATE] = state
            narrow[at + BUDGET_LEFT] = budget + BIAS
            narrow[mine + NEXT_SEQ] = end
            narrow[mine + MAX_ACK] = ack
            narrow[mine + LAST_SEQ] = seq
            narrow[mine + LAST_TSVAL] = tsval
            narrow[mine + LAST_LOOK] = window | block.flags[i] << 16
            narrow[mine + LAST_ID] = ip_id + 1 | interface << 17
            wide[my_wide + IDS] = (ids << 16 | ip_id & 0xFFFF) & LAST_IDS
            wide[my_wide + LAST_NS] = wide[far + END] = time_ns
            wide[far + LAST_FRAME] = block.frame[i]
            wide[my_wide + PACKETS] += 1
            if payload:
                wide[my_wide + PAYLOAD] += payload
                wide[my_wide + DATA_NS] = time_ns
            if letter == 2:
                narrow[peers + MAX_ACK] = seq
                narrow[at + VLAN_SCALES] |= block.window_scale[i] + 1 << 22
                streams.note(streams.slot(key, keys[place - 1]), key, SYN_ACK, seq, ack)
            elif closed:
                self._lay_down(row)
        return block.count

    # -- from SYN to rest -------------------------------------------------------------------------------------------

    def open(self, block: Columns, i: int, slot: int, reverse: bytes) -> bool:
        """Begin a connection with the ordinary SYN of a four-tuple that no connection holds; False if a row cannot hold it.

        `slot` is the tuple's in the index of streams, `reverse` the key of the answers.
        """
        key, seq, teid = block.key[i], block.seq[i], block.teid[i]
        if block.interface[i] >= MOST_INTERFACE or block.vlan[i] >= MOST_VLAN or teid > MASK or not 0 <= block.time_ns[i] < MOST_NS:
            return False
        row = self._new()
        at, far = row * ROW_WORDS, row * WIDE_ROW
        narrow, wide = self.narrow, self.wide
        for word in range(at, at + LOG):
            narrow[word] = 0
        for word in range(far, far + WIDE_ROW):
            wide[word] = 0
        self.open_rows += 1
        if 4 * self.open_rows > len(self.table):  # two places each, and half of the table free
            self._widen()
        places.enter(self.places, self.table, self.keys, key, 2 * row)
        places.enter(self.places, self.table, self.keys, reverse, 2 * row + 1)
        wide[far + START] = wide[far + END] = wide[far + WIDE_SIDES + LAST_NS] = block.time_ns[i]
        wide[far + FIRST_FRAME] = wide[far + LAST_FRAME] = block.frame[i]
        wide[far + SIGNATURE] = 1 << 6 | SYN << 3
        wide[far + HISTORY] = wide[far + WIDE_SIDES + PACKETS] = 1
        wide[far + WIDE_SIDES + IDS] = block.ip_id[i] & 0xFFFF
        narrow[at + STATE] = OPENING | ALIVE | 1 << 1 << LETTERS | 1 << LOGGED | (HAS_TEID if teid >= 0 else 0)
        narrow[at + LOOKED_AT] = block.time_ns[i] // SECOND_NS
        narrow[at + BUDGET_LEFT] = BIAS + BUDGET
        narrow[at + STREAM] = self.streams.note(slot, key, SYN, seq, block.ack[i])
        narrow[at + VLAN_SCALES] = block.vlan[i] + 1 | block.window_scale[i] + 1 << 13
        narrow[at + TEID] = teid & MASK
        mine = at + SIDES
        narrow[mine + NEXT_SEQ] = (seq + 1) & MASK
        narrow[mine + LAST_SEQ] = narrow[mine + SIDE_WORDS + MAX_ACK] = seq
        narrow[mine + LAST_TSVAL] = block.tsval[i]
        narrow[mine + LAST_LOOK] = block.window[i] | block.flags[i] << 16
        narrow[mine + LAST_ID] = block.ip_id[i] + 1 | block.interface[i] << 17
        narrow[mine + SIDE_WORDS + LAST_ID] = 1
        log = at + LOG
        narrow[log] = narrow[log + 1] = 0
        narrow[log + 2], narrow[log + 3] = seq, block.ack[i]
        narrow[log + 4], narrow[log + 5] = block.tsval[i], block.tsecr[i]
        narrow[log + 6] = block.interface[i] << 20
        narrow[log + 7] = block.window[i] | block.flags[i] << 16
        narrow[log + 8] = block.ip_id[i] + 1 | block.ttl[i] << 17 | block.options[i] << 25
        self.streams.hold(slot, row)
        self._link(row, OPEN)
        return True

    def _new(self) -> int:
        """A row that nothing uses."""
        row = self.free
        if row != NONE:
            self.free = self.narrow[row * ROW_WORDS + NEXT]
            return row
        if 2 * self.used == len(self.keys):
            more = max(self.used // 4, FIRST_ROWS)
            self.narrow, self.wide = _NO_WORDS, _NO_WIDE  # nobody else looks at them now: they may move
            self._narrow_kept.frombytes(bytes(4 * ROW_WORDS * more))
            self._wide_kept.frombytes(bytes(8 * WIDE_ROW * more))
            self.narrow, self.wide = self._narrow_kept, self._wide_kept
            self.keys.extend([b""] * (2 * more))
        self.used += 1
        return self.used - 1

    def _widen(self) -> None:
        self.table = array("i", bytes(8 * len(self.table)))
        row = self.narrow[OPEN * ROW_WORDS + NEXT]
        while row != OPEN:
            places.enter(self.places, self.table, self.keys, self.keys[2 * row], 2 * row)
            places.enter(self.places, self.table, self.keys, self.keys[2 * row + 1], 2 * row + 1)
            row = self.narrow[row * ROW_WORDS + NEXT]

    def _take_out(self, row: int) -> None:
        """From now on an open row is found by the index of streams alone."""
        places.leave(self.places, self.table, self.keys, 2 * row)
        places.leave(self.places, self.table, self.keys, 2 * row + 1)
        self.keys[2 * row + 1] = b""
        self.open_rows -= 1

    def _lay_down(self, row: int) -> None:
        """A connection has closed."""
        self._take_out(row)
        self._unlink(row)
        self._link(row, REST)
        self.long_lived += self.wide[row * WIDE_ROW + END] - self.wide[row * WIDE_ROW + START] > LONG_NS

    def _link(self, row: int, ring: int) -> None:
        """Put a row last into a ring."""
        narrow = self.narrow
        last = narrow[ring * ROW_WORDS + BEFORE]
        narrow[row * ROW_WORDS + NEXT], narrow[row * ROW_WORDS + BEFORE] = ring, last
        narrow[last * ROW_WORDS + NEXT] = narrow[ring * ROW_WORDS + BEFORE] = row
        if ring == REST:
            narrow[row * ROW_WORDS + STATE] |= RESTING

    def _unlink(self, row: int) -> None:
        narrow = self.narrow
        after, before = narrow[row * ROW_WORDS + NEXT], narrow[row * ROW_WORDS + BEFORE]
        narrow[before * ROW_WORDS + NEXT], narrow[after * ROW_WORDS + BEFORE] = after, before

    def holder(self, slot: int) -> int:
        """Row that the index of streams names for a tuple, if it is in use; it may have become another tuple's."""
        row = self.streams.held(slot)
        if row >= self.used or not self.narrow[row * ROW_WORDS + STATE] & ALIVE:
            return NONE
        return row

    def is_of(self, row: int, key: bytes) -> bool:
        """Whether a key is one of a row's connection."""
        return self.key(row) in (key, reverse_key(key))

    def is_of_slot(self, row: int, slot: int) -> bool:
        """Whether this slot of the index of streams is that of a row's tuple."""
        key = self.key(row)
        return self.streams.slot(key, reverse_key(key)) == slot

    def release(self, row: int) -> Connection:
        """Give a row back, and make its connection of it."""
        connection = self.connection(row)
        if not self.rests(row):
            self._take_out(row)
        self.drop(row)
        return connection

    def drop(self, row: int) -> None:
        """Give a row back: all is said of its connection."""
        self._unlink(row)
        if self.rests(row):
            self.long_lived -= self.wide[row * WIDE_ROW + END] - self.wide[row * WIDE_ROW + START] > LONG_NS
        self.narrow[row * ROW_WORDS + STATE] = 0
        self.narrow[row * ROW_WORDS + NEXT] = self.free
        self.free = row
        self.keys[2 * row] = self.keys[2 * row + 1] = b""

    # -- what waits -------------------------------------------------------------------------------------------------

    def silent(self, since_ns: int) -> int:
        """An open row that has heard of nothing since a moment (a second more or less); NONE where there is none, or it comes later."""
        narrow, since_s = self.narrow, since_ns // SECOND_NS
        row = narrow[OPEN * ROW_WORDS + NEXT]
        while row != OPEN and narrow[row * ROW_WORDS + LOOKED_AT] < since_s:
            end_ns = self.wide[row * WIDE_ROW + END]
            if end_ns < since_ns:
                return row
            narrow[row * ROW_WORDS + LOOKED_AT] = end_ns // SECOND_NS + 1
            self._unlink(row)
            self._link(row, OPEN)
            row = narrow[OPEN * ROW_WORDS + NEXT]
        return NONE

    def over(self, until_ns: int) -> int:
        """The row that rests longest, if it has heard of nothing since a moment; else NONE."""
        row = self.narrow[REST * ROW_WORDS + NEXT]
        if row == REST or self.wide[row * WIDE_ROW + END] >= until_ns:
            return NONE
        following = self.narrow[row * ROW_WORDS + NEXT]
        columns.fetch_words(self.narrow, following * ROW_WORDS, ROW_WORDS)
        columns.fetch_wide(self.wide, following * WIDE_ROW, WIDE_ROW)
        return row

    def older(self, than_ns: int) -> list[int]:
        """Rows whose SYN came before a moment: open ones, and of those at rest those that were open for long."""
        found = self._older_in(OPEN, than_ns)
        return found + self._older_in(REST, than_ns) if self.long_lived else found

    def _older_in(self, ring: int, than_ns: int) -> list[int]:
        found, row = [], self.narrow[ring * ROW_WORDS + NEXT]
        while row != ring:
            if self.wide[row * WIDE_ROW + START] < than_ns:
                found.append(row)
            row = self.narrow[row * ROW_WORDS + NEXT]
        return found

    # -- what a row says --------------------------------------------------------------------------------------------

    def rests(self, row: int) -> bool:
        """Whether a connection has closed."""
        return self.narrow[row * ROW_WORDS + STATE] & RESTING != 0

    def key(self, row: int) -> bytes:
        """Key of the side that sent the SYN."""
        return self.keys[2 * row]

    def start_ns(self, row: int) -> int:
        """When its SYN was captured."""
        return self.wide[row * WIDE_ROW + START]

    def first_frame(self, row: int) -> int:
        """Frame of its SYN."""
        return self.wide[row * WIDE_ROW + FIRST_FRAME]

    def logged(self, row: int) -> int:
        """How many segments are logged."""
        return self.narrow[row * ROW_WORDS + STATE] >> LOGGED

    def signature(self, row: int) -> int:
        """Its signature, as `Connection` has it."""
        return self.wide[row * WIDE_ROW + SIGNATURE]

    def time_ns(self, row: int, index: int) -> int:
        """When the logged segment of this index was captured."""
        at = row * ROW_WORDS + LOG + index * LOG_WORDS
        low, high = self.narrow[at], self.narrow[at + 7] >> 25
        return self.wide[row * WIDE_ROW + START] + (low | high << 32)

    def sender(self, row: int, index: int) -> int:
        """Side of the logged segment of this index."""
        return self.narrow[row * ROW_WORDS + LOG + index * LOG_WORDS + 6] >> 31

    def connection(self, row: int) -> Connection:
        """What the row stands for."""
        narrow, wide = self.narrow, self.wide
        at, far, key = row * ROW_WORDS, row * WIDE_ROW, self.key(row)
        connection = Connection(key, reverse_key(key), wide[far + START], wide[far + FIRST_FRAME])
        a, b, state = connection.a, connection.b, narrow[at + STATE]
        connection.end_ns, connection.last_frame = wide[far + END], wide[far + LAST_FRAME]
        connection.signature, connection.history = wide[far + SIGNATURE], wide[far + HISTORY]
        connection.stream, connection.budget = narrow[at + STREAM], narrow[at + BUDGET_LEFT] - BIAS
        connection.phase, connection.settled = state & PHASE, state & ANSWERED != 0
        packed = narrow[at + VLAN_SCALES]
        connection.vlan, a.window_scale, b.window_scale = (packed & 0x1FFF) - 1, (packed >> 13 & 0x1FF) - 1, (packed >> 22) - 1
        connection.teid = narrow[at + TEID] if state & HAS_TEID else -1
        connection.log.extend([self._segment(row, index) for index in range(state >> LOGGED)])
        self._tell(row, a, state)
        self._tell(row, b, state)
        a.has_seq = a.syn_seen = True
        b.has_seq = b.syn_seen = b.synack_seen = b.has_ack = connection.settled
        a.has_ack = a.spoke
        a.isn = connection.log[0].seq
        if connection.settled:
            b.isn = connection.log[1].seq
        else:
            b.last_seq = -1
        return connection

    def _tell(self, row: int, side: Side, state: int) -> None:
        narrow, wide, number = self.narrow, self.wide, side.number
        at, far = row * ROW_WORDS + SIDES + number * SIDE_WORDS, row * WIDE_ROW + WIDE_SIDES + number * WIDE_SIDE
        side.next_seq, side.max_ack, side.last_seq = narrow[at + NEXT_SEQ], narrow[at + MAX_ACK], narrow[at + LAST_SEQ]
        side.last_tsval = narrow[at + LAST_TSVAL]
        side.window, side.last_flags = narrow[at + LAST_LOOK] & 0xFFFF, narrow[at + LAST_LOOK] >> 16
        packed = narrow[at + LAST_ID]
        side.last_ip_id, side.last_interface = (packed & 0x1FFFF) - 1, packed >> 17
        side.last_ns, side.last_data_ns, side.recent_ids = wide[far + LAST_NS], wide[far + DATA_NS], wide[far + IDS]
        side.packets, side.payload_bytes = wide[far + PACKETS], wide[far + PAYLOAD]
        side.fin_seen, side.spoke = state & CLOSED << number != 0, state & SPOKEN << number != 0
        side.history_bits = state >> (LETTERS + 8 * number) & 0xFF

    def _segment(self, row: int, index: int) -> Segment:
        narrow, segment = self.narrow, Segment()
        at = row * ROW_WORDS + LOG + index * LOG_WORDS
        segment.time_ns, segment.frame = self.time_ns(row, index), self.wide[row * WIDE_ROW + FIRST_FRAME] + narrow[at + 1]
        segment.seq, segment.ack, segment.tsval, segment.tsecr = narrow[at + 2], narrow[at + 3], narrow[at + 4], narrow[at + 5]
        packed = narrow[at + 6]
        segment.payload, segment.interface, segment.side = packed & MOST_PAYLOAD - 1, packed >> 20 & MOST_INTERFACE - 1, packed >> 31
        packed = narrow[at + 7]
        segment.window, segment.flags = packed & 0xFFFF, packed >> 16 & 0x1FF
        packed = narrow[at + 8]
        segment.ip_id, segment.ttl, segment.options = (packed & 0x1FFFF) - 1, packed >> 17 & 0xFF, packed >> 25
        segment.end = (segment.seq + segment.payload + (segment.flags & SYN > 0) + (segment.flags & FIN)) & MASK
        return segment

    # -- objects that closed by the book ----------------------------------------------------------------------------

    def adopt(self, connection: Connection, slot: int) -> bool:
        """Lay a closed connection that is no row to rest as one; False if it is not ordinary enough. `slot`: see `open`."""
        if not _can_rest(connection) or self.holder(slot) != NONE:
            return False
        row = self._new()
        narrow, wide, log = self.narrow, self.wide, connection.log
        at, far = row * ROW_WORDS, row * WIDE_ROW
        a, b, start_ns, first = connection.a, connection.b, connection.start_ns, connection.first_frame
        self.keys[2 * row] = a.key
        wide[far + START], wide[far + END] = start_ns, connection.end_ns
        wide[far + FIRST_FRAME], wide[far + LAST_FRAME] = first, connection.last_frame
        wide[far + SIGNATURE], wide[far + HISTORY] = connection.signature, connection.history
        narrow[at + STATE] = (
            connection.phase | ANSWERED | ALIVE | CLOSED | CLOSED << 1 | SPOKEN | SPOKEN << 1 | (HAS_TEID if connection.teid >= 0 else 0)
            | a.history_bits << LETTERS | b.history_bits << LETTERS + 8 | len(log) << LOGGED)
        narrow[at + BUDGET_LEFT], narrow[at + STREAM] = connection.budget + BIAS, connection.stream
        narrow[at + VLAN_SCALES] = connection.vlan + 1 | a.window_scale + 1 << 13 | b.window_scale + 1 << 22
        narrow[at + TEID] = connection.teid & MASK
        self._note(row, a)
        self._note(row, b)
        for index, segment in enumerate(log):
            since_ns = segment.time_ns - start_ns
            put = at + LOG + index * LOG_WORDS
            narrow[put], narrow[put + 1] = since_ns & MASK, segment.frame - first
            narrow[put + 2], narrow[put + 3], narrow[put + 4], narrow[put + 5] = segment.seq, segment.ack, segment.tsval, segment.tsecr
            narrow[put + 6] = segment.payload | segment.interface << 20 | segment.side << 31
            narrow[put + 7] = segment.window | segment.flags << 16 | since_ns >> 32 << 25
            narrow[put + 8] = segment.ip_id + 1 | segment.ttl << 17 | segment.options << 25
        self.streams.hold(slot, row)
        self._link(row, REST)
        self.long_lived += connection.end_ns - start_ns > LONG_NS
        return True

    def _note(self, row: int, side: Side) -> None:
        narrow, wide, number = self.narrow, self.wide, side.number
        at, far = row * ROW_WORDS + SIDES + number * SIDE_WORDS, row * WIDE_ROW + WIDE_SIDES + number * WIDE_SIDE
        narrow[at + NEXT_SEQ], narrow[at + MAX_ACK], narrow[at + LAST_SEQ] = side.next_seq, side.max_ack, side.last_seq
        narrow[at + LAST_TSVAL], narrow[at + LAST_LOOK] = side.last_tsval, side.window | side.last_flags << 16
        narrow[at + LAST_ID] = side.last_ip_id + 1 | side.last_interface << 17
        wide[far + LAST_NS], wide[far + DATA_NS], wide[far + IDS] = side.last_ns, side.last_data_ns, side.recent_ids
        wide[far + PACKETS], wide[far + PAYLOAD] = side.packets, side.payload_bytes


def _can_rest(connection: Connection) -> bool:
    """Whether a closed connection is so ordinary that a row holds all of it."""
    a, b, log = connection.a, connection.b, connection.log
    if not (connection.plain and connection.anomalies is None and connection.icmp is None and connection.shadow is None
            and connection.reused_by is None and not connection.earlier and connection.announced < 0 and connection.stream >= 0
            and connection.idle_ns == 0 and 0 <= connection.start_ns < MOST_NS and connection.vlan < MOST_VLAN and connection.teid <= MASK
            and connection.settled and 2 < len(log) <= MOST_LOGGED and connection.last_frame - connection.first_frame <= MASK
            and a.holes is None and b.holes is None and a.rare is None and b.rare is None and not a.window_zero and not b.window_zero
            and a.fin_seen and b.fin_seen and a.spoke and b.spoke and not a.synack_seen and b.synack_seen
            and a.isn == log[0].seq and b.isn == log[1].seq and a.last_interface < MOST_INTERFACE and b.last_interface < MOST_INTERFACE):
        return False
    return all(
        segment.payload < MOST_PAYLOAD and segment.interface < MOST_INTERFACE and 0 <= segment.time_ns - connection.start_ns < MOST_SPAN_NS
        and segment.frame >= connection.first_frame and not segment.marks and segment.context is None
        for segment in log) and log[0].flags & SYN_ACK == SYN and log[1].flags & SYN_ACK == SYN_ACK and log[1].side == 1
