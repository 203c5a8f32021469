# cython: boundscheck=False, wraparound=False
# (compiled: rows come from this module alone, and a block's columns are as long as its count says)
"""Textbook connections as words, from their SYN until nothing can change them any more.

Nearly every connection opens, talks and closes in order, and then waits a minute and more for stragglers that do not come.
One row of two tables holds all of it: the numbers of both sides, and the segments that decide states. It is 640 bytes where
objects take 4 kB, and whoever serves a thousand connections a second has sixty thousand of them in TIME_WAIT.

`run` takes in what continues such a connection, in one pass over local names, and is long for that reason alone. It declines
whatever else comes: then the table asks for the `Connection` that the row stands for (`release`), which is as it would be
had it been one from its SYN on (tests/flows/test_textbook.py), and reasons on with that. What is asked of a connection that
ended by the book is read from its row.

Numbers that stay below 2^32 are in `words`, the others in `wide`. Rows wait in two queues, linked by row numbers: `young` ones
in the order of their SYNs, those at `rest` (closed) in the order of their last segments.
"""

from array import array

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

from .streams import StreamIndex

YOUNG_NS = 30 * SECOND_NS  # for so long a connection may be open as a row: what settles levels counts on rows being no older
MOST_LOGGED = 12  # segments that a row has room for
MOST_SPAN_NS = 1 << 39  # from the first of them to the last
MOST_PAYLOAD, MOST_INTERFACE, MOST_VLAN = 1 << 20, 1 << 11, 1 << 12
NONE = MASK  # no row
BIAS = 1 << 15  # what is added to budgets, which may be negative
FIRST_ROWS = 64

# A row of `wide`: the connection, then both sides.
START, END, FIRST_FRAME, LAST_FRAME, SIGNATURE, HISTORY = range(6)
LAST_NS, DATA_NS, IDS, PACKETS, PAYLOAD = range(5)
WIDE_SIDES, WIDE_SIDE, WIDE_ROW = 6, 5, 16
# A row of `words`: the connection, both sides, then the log.
NEXT_YOUNG, NEXT_REST, STATE, BUDGET_LEFT, LOGGED, STREAM, VLAN_SCALES, TEID = range(8)
NEXT_SEQ, MAX_ACK, LAST_SEQ, LAST_TSVAL, LAST_LOOK, LAST_ID = range(6)
SIDES, SIDE_WORDS, LOG, LOG_WORDS, ROW_WORDS = 8, 6, 20, 9, 128
# Bits of STATE; the phase is in the lowest two. Those of a side are shifted by its number.
PHASE, ANSWERED, ALIVE, RESTING, IN_YOUNG, IN_REST, HAS_TEID = 3, 1 << 2, 1 << 3, 1 << 4, 1 << 5, 1 << 6, 1 << 7
CLOSED, SPOKEN, LETTERS = 1 << 8, 1 << 10, 12  # it sent its FIN, it sent an ACK; 8 bits for each side's letters
SYN_ACK = SYN | ACK

_NO_WORDS, _NO_WIDE = array("I"), array("q")


class Textbook:
    """All textbook connections, by row. `places` has both directions of those that are open, as 2 * row + side."""

    def __init__(self, streams: StreamIndex) -> None:
        self.streams = streams
        self.places: dict[bytes, int] = {}
        self.keys: list[bytes] = []  # by row: of the side that sent the SYN
        self._words_kept, self._wide_kept = array("I"), array("q")
        self.words, self.wide = self._words_kept, self._wide_kept
        self.used = 0  # rows that were ever used
        self.free = NONE  # first of those that are free again, linked by NEXT_YOUNG
        self.young = self.last_young = self.rest = self.last_rest = NONE

    # -- a segment --------------------------------------------------------------------------------------------------

    def run(self, block: Columns, first: int) -> int:
        """Take in rows of a block from `first` on; return the first that does not continue a textbook connection, or the count."""
        words, wide, places, keys, streams = self.words, self.wide, self.places, self.keys, self.streams
        for i in range(first, block.count):
            place = places.get(block.key[i])
            if place is None:
                return i
            row = place >> 1
            number = place & 1
            at, far = row * ROW_WORDS, row * WIDE_ROW
            mine, peers = at + SIDES + number * SIDE_WORDS, at + SIDES + (1 - number) * SIDE_WORDS
            my_wide = far + WIDE_SIDES + number * WIDE_SIDE
            state, flags, time_ns = words[at + STATE], block.flags[i] & 0x17, block.time_ns[i]
            seq, ack, payload, window, ip_id = block.seq[i], block.ack[i], block.payload[i], block.window[i], block.ip_id[i]
            interface, tsval, ids = block.interface[i], block.tsval[i], wide[my_wide + IDS]
            silent_ns, since_ns = time_ns - wide[far + END], time_ns - wide[far + START]
            peer_next, frames = words[peers + NEXT_SEQ], block.frame[i] - wide[far + FIRST_FRAME]
            if (not 0 <= silent_ns < SILENCE_NS or not window or block.notes[i] & (QUOTED | HEADER_CUT) or payload >= MOST_PAYLOAD
                    or interface >= MOST_INTERFACE or not 0 <= frames <= MASK):
                return i
            phase = state & PHASE
            budget = words[at + BUDGET_LEFT] - BIAS
            fin = flags & FIN
            covers_fin = closed = False
            logged = phase != QUIET
            if flags & ~FIN == ACK:
                # In order, new in something, nothing missing: what an open connection consists of.
                max_ack = words[mine + MAX_ACK]
                fresh = (ack - max_ack) & MASK
                if (not state & ANSWERED or seq != words[mine + NEXT_SEQ] or not (payload or fresh or fin)
                        or not fresh <= (peer_next - max_ack) & MASK < HALF or (state & CLOSED << number and (payload or fin))
                        or ((tsval - words[mine + LAST_TSVAL]) & MASK >= HALF and block.options[i] & OPT_TIMESTAMPS)):
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
                    closed = covers_fin and state & CLOSED << number != 0 and words[peers + MAX_ACK] == end
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
                count = words[at + LOGGED]
                if count == MOST_LOGGED or wide[far + SIGNATURE] >> 56 or since_ns >= MOST_SPAN_NS:
                    return i
                words[at + LOGGED] = count + 1
                wide[far + SIGNATURE] = wide[far + SIGNATURE] << 6 | (
                    number << 5 | (flags & SYN) << 3 | fin << 3 | (payload > 0) << 2 | (2 if covers_fin else 1))
                log = at + LOG + count * LOG_WORDS
                words[log] = since_ns & MASK
                words[log + 1] = frames
                words[log + 2] = seq
                words[log + 3] = ack
                words[log + 4] = tsval
                words[log + 5] = block.tsecr[i]
                words[log + 6] = payload | interface << 20 | number << 31
                words[log + 7] = window | block.flags[i] << 16 | since_ns >> 32 << 25
                words[log + 8] = ip_id + 1 | block.ttl[i] << 17 | block.options[i] << 25
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
            words[at + STATE] = state
            words[at + BUDGET_LEFT] = budget + BIAS
            words[mine + NEXT_SEQ] = end
            words[mine + MAX_ACK] = ack
            words[mine + LAST_SEQ] = seq
            words[mine + LAST_TSVAL] = tsval
            words[mine + LAST_LOOK] = window | block.flags[i] << 16
            words[mine + LAST_ID] = ip_id + 1 | interface << 17
            wide[my_wide + IDS] = (ids << 16 | ip_id & 0xFFFF) & LAST_IDS
            wide[my_wide + LAST_NS] = wide[far + END] = time_ns
            wide[far + LAST_FRAME] = block.frame[i]
            wide[my_wide + PACKETS] += 1
            if payload:
                wide[my_wide + PAYLOAD] += payload
                wide[my_wide + DATA_NS] = time_ns
            if letter == 2:
                words[peers + MAX_ACK] = seq
                words[at + VLAN_SCALES] |= block.window_scale[i] + 1 << 22
                streams.note(streams.slot(block.key[i], keys[row]), block.key[i], SYN_ACK, seq, ack)
            elif closed:
                self._lay_down(row, block.key[i])
        return block.count

    # -- from SYN to rest -------------------------------------------------------------------------------------------

    def open(self, block: Columns, i: int, slot: int, reverse: bytes) -> bool:
        """Begin a connection with the ordinary SYN of a four-tuple that no connection holds; False if a row cannot hold it.

        `slot` is the tuple's in the index of streams, `reverse` the key of the answers.
        """
        key, seq, teid = block.key[i], block.seq[i], block.teid[i]
        if block.interface[i] >= MOST_INTERFACE or block.vlan[i] >= MOST_VLAN or block.time_ns[i] < 0 or teid > MASK or key == reverse:
            return False
        row = self._new()
        at, far = row * ROW_WORDS, row * WIDE_ROW
        words, wide = self.words, self.wide
        for word in range(at, at + LOG):
            words[word] = 0
        for word in range(far, far + WIDE_ROW):
            wide[word] = 0
        self.keys[row] = key
        self.places[key], self.places[reverse] = 2 * row, 2 * row + 1
        wide[far + START] = wide[far + END] = wide[far + WIDE_SIDES + LAST_NS] = block.time_ns[i]
        wide[far + FIRST_FRAME] = wide[far + LAST_FRAME] = block.frame[i]
        wide[far + SIGNATURE] = 1 << 6 | SYN << 3
        wide[far + HISTORY] = wide[far + WIDE_SIDES + PACKETS] = 1
        wide[far + WIDE_SIDES + IDS] = block.ip_id[i] & 0xFFFF
        words[at + NEXT_YOUNG] = words[at + NEXT_REST] = NONE
        words[at + STATE] = OPENING | ALIVE | IN_YOUNG | 1 << 1 << LETTERS | (HAS_TEID if teid >= 0 else 0)
        words[at + BUDGET_LEFT] = BIAS + BUDGET
        words[at + STREAM] = self.streams.note(slot, key, SYN, seq, block.ack[i])
        words[at + VLAN_SCALES] = block.vlan[i] + 1 | block.window_scale[i] + 1 << 13
        words[at + TEID] = teid & MASK
        words[at + LOGGED] = 1
        mine = at + SIDES
        words[mine + NEXT_SEQ] = (seq + 1) & MASK
        words[mine + LAST_SEQ] = words[mine + SIDE_WORDS + MAX_ACK] = seq
        words[mine + LAST_TSVAL] = block.tsval[i]
        words[mine + LAST_LOOK] = block.window[i] | block.flags[i] << 16
        words[mine + LAST_ID] = block.ip_id[i] + 1 | block.interface[i] << 17
        words[mine + SIDE_WORDS + LAST_ID] = 1
        log = at + LOG
        words[log] = words[log + 1] = 0
        words[log + 2], words[log + 3] = seq, block.ack[i]
        words[log + 4], words[log + 5] = block.tsval[i], block.tsecr[i]
        words[log + 6] = block.interface[i] << 20
        words[log + 7] = block.window[i] | block.flags[i] << 16
        words[log + 8] = block.ip_id[i] + 1 | block.ttl[i] << 17 | block.options[i] << 25
        self.streams.hold(slot, row + 1)
        if self.last_young == NONE:
            self.young = row
        else:
            words[self.last_young * ROW_WORDS + NEXT_YOUNG] = row
        self.last_young = row
        return True

    def _new(self) -> int:
        """A row that nothing uses."""
        row = self.free
        if row != NONE:
            self.free = self.words[row * ROW_WORDS + NEXT_YOUNG]
            return row
        if self.used == len(self.keys):
            more = max(self.used // 4, FIRST_ROWS)
            self.words, self.wide = _NO_WORDS, _NO_WIDE  # nobody else looks at them now: they may move
            self._words_kept.frombytes(bytes(4 * ROW_WORDS * more))
            self._wide_kept.frombytes(bytes(8 * WIDE_ROW * more))
            self.words, self.wide = self._words_kept, self._wide_kept
            self.keys.extend([b""] * more)
        self.used += 1
        return self.used - 1

    def _lay_down(self, row: int, key: bytes) -> None:
        """A connection has closed: from now on its row is found by the index of streams alone."""
        del self.places[key], self.places[reverse_key(key)]
        self._queue(row)

    def _queue(self, row: int) -> None:
        words = self.words
        words[row * ROW_WORDS + STATE] |= RESTING | IN_REST
        words[row * ROW_WORDS + NEXT_REST] = NONE
        if self.last_rest == NONE:
            self.rest = row
        else:
            words[self.last_rest * ROW_WORDS + NEXT_REST] = row
        self.last_rest = row

    def holder(self, slot: int) -> int:
        """Row that the index of streams names for a tuple, if it is in use; it may have become another tuple's."""
        row = self.streams.held(slot) - 1
        if not 0 <= row < self.used or not self.words[row * ROW_WORDS + STATE] & ALIVE:
            return NONE
        return row

    def is_of(self, row: int, key: bytes) -> bool:
        """Whether a key is one of a row's connection."""
        return self.keys[row] in (key, reverse_key(key))

    def is_of_slot(self, row: int, slot: int) -> bool:
        """Whether this slot of the index of streams is that of a row's tuple."""
        key = self.keys[row]
        return self.streams.slot(key, reverse_key(key)) == slot

    def release(self, row: int) -> Connection:
        """Give a row back, and make its connection of it."""
        connection = self.connection(row)
        if not self.words[row * ROW_WORDS + STATE] & RESTING:
            del self.places[connection.a.key], self.places[connection.b.key]
        self._bury(row)
        return connection

    def _bury(self, row: int) -> None:
        """Nothing is left to say of a row's connection; it is used again once it has left the queues."""
        at = row * ROW_WORDS
        self.words[at + STATE] &= MASK & ~ALIVE
        self.keys[row] = b""
        self._free(row)

    def _free(self, row: int) -> None:
        at = row * ROW_WORDS
        if not self.words[at + STATE] & (ALIVE | IN_YOUNG | IN_REST):
            self.words[at + NEXT_YOUNG] = self.free
            self.free = row

    # -- what waits -------------------------------------------------------------------------------------------------

    def aged(self, until_ns: int) -> int:
        """The next row whose SYN came before a moment and that has not closed; NONE where there is none. Each is given once."""
        words = self.words
        while self.young != NONE:
            row = self.young
            at = row * ROW_WORDS
            state = words[at + STATE]
            if state & ALIVE and self.wide[row * WIDE_ROW + START] >= until_ns:
                break
            self.young = words[at + NEXT_YOUNG]
            if self.young == NONE:
                self.last_young = NONE
            words[at + STATE] = state & (MASK & ~IN_YOUNG)
            if not state & ALIVE:
                self._free(row)
            elif not state & RESTING:
                return row
        return NONE

    def over(self, until_ns: int) -> int:
        """The next row at rest that has heard of nothing since a moment; NONE where there is none. Each is given once."""
        words = self.words
        while self.rest != NONE:
            row = self.rest
            at = row * ROW_WORDS
            state = words[at + STATE]
            if state & ALIVE and self.wide[row * WIDE_ROW + END] >= until_ns:
                break
            self.rest = words[at + NEXT_REST]
            if self.rest == NONE:
                self.last_rest = NONE
            words[at + STATE] = state & (MASK & ~IN_REST)
            if state & ALIVE:
                return row
            self._free(row)
        return NONE

    def older(self, than_ns: int) -> list[int]:
        """Rows whose SYN came before a moment and that have not closed."""
        found, row = [], self.young
        while row != NONE:
            state = self.words[row * ROW_WORDS + STATE]
            if state & ALIVE and not state & RESTING and self.wide[row * WIDE_ROW + START] < than_ns:
                found.append(row)
            row = self.words[row * ROW_WORDS + NEXT_YOUNG]
        return found

    def left(self) -> list[int]:
        """All rows in use."""
        return [row for row in range(self.used) if self.words[row * ROW_WORDS + STATE] & ALIVE]

    def drop(self, row: int) -> None:
        """All is said of a connection at rest."""
        self._bury(row)

    # -- what a row says --------------------------------------------------------------------------------------------

    def rests(self, row: int) -> bool:
        """Whether a connection has closed."""
        return self.words[row * ROW_WORDS + STATE] & RESTING != 0

    def start_ns(self, row: int) -> int:
        """When its SYN was captured."""
        return self.wide[row * WIDE_ROW + START]

    def first_frame(self, row: int) -> int:
        """Frame of its SYN."""
        return self.wide[row * WIDE_ROW + FIRST_FRAME]

    def logged(self, row: int) -> int:
        """How many segments are logged."""
        return self.words[row * ROW_WORDS + LOGGED]

    def signature(self, row: int) -> int:
        """Its signature, as `Connection` has it."""
        return self.wide[row * WIDE_ROW + SIGNATURE]

    def time_ns(self, row: int, index: int) -> int:
        """When the logged segment of this index was captured."""
        at = row * ROW_WORDS + LOG + index * LOG_WORDS
        low, high = self.words[at], self.words[at + 7] >> 25
        return self.wide[row * WIDE_ROW + START] + (low | high << 32)

    def sender(self, row: int, index: int) -> int:
        """Side of the logged segment of this index."""
        return self.words[row * ROW_WORDS + LOG + index * LOG_WORDS + 6] >> 31

    def connection(self, row: int) -> Connection:
        """What the row stands for."""
        words, wide = self.words, self.wide
        at, far, key = row * ROW_WORDS, row * WIDE_ROW, self.keys[row]
        connection = Connection(key, reverse_key(key), wide[far + START], wide[far + FIRST_FRAME])
        a, b, state = connection.a, connection.b, words[at + STATE]
        connection.end_ns, connection.last_frame = wide[far + END], wide[far + LAST_FRAME]
        connection.signature, connection.history = wide[far + SIGNATURE], wide[far + HISTORY]
        connection.stream, connection.budget = words[at + STREAM], words[at + BUDGET_LEFT] - BIAS
        connection.phase, connection.settled = state & PHASE, state & ANSWERED != 0
        packed = words[at + VLAN_SCALES]
        connection.vlan, a.window_scale, b.window_scale = (packed & 0x1FFF) - 1, (packed >> 13 & 0x1FF) - 1, (packed >> 22) - 1
        connection.teid = words[at + TEID] if state & HAS_TEID else -1
        connection.log.extend([self._segment(row, index) for index in range(words[at + LOGGED])])
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
        words, wide, number = self.words, self.wide, side.number
        at, far = row * ROW_WORDS + SIDES + number * SIDE_WORDS, row * WIDE_ROW + WIDE_SIDES + number * WIDE_SIDE
        side.next_seq, side.max_ack, side.last_seq = words[at + NEXT_SEQ], words[at + MAX_ACK], words[at + LAST_SEQ]
        side.last_tsval = words[at + LAST_TSVAL]
        side.window, side.last_flags = words[at + LAST_LOOK] & 0xFFFF, words[at + LAST_LOOK] >> 16
        packed = words[at + LAST_ID]
        side.last_ip_id, side.last_interface = (packed & 0x1FFFF) - 1, packed >> 17
        side.last_ns, side.last_data_ns, side.recent_ids = wide[far + LAST_NS], wide[far + DATA_NS], wide[far + IDS]
        side.packets, side.payload_bytes = wide[far + PACKETS], wide[far + PAYLOAD]
        side.fin_seen, side.spoke = state & CLOSED << number != 0, state & SPOKEN << number != 0
        side.history_bits = state >> (LETTERS + 8 * number) & 0xFF

    def _segment(self, row: int, index: int) -> Segment:
        words, segment = self.words, Segment()
        at = row * ROW_WORDS + LOG + index * LOG_WORDS
        segment.time_ns, segment.frame = self.time_ns(row, index), self.wide[row * WIDE_ROW + FIRST_FRAME] + words[at + 1]
        segment.seq, segment.ack, segment.tsval, segment.tsecr = words[at + 2], words[at + 3], words[at + 4], words[at + 5]
        packed = words[at + 6]
        segment.payload, segment.interface, segment.side = packed & MOST_PAYLOAD - 1, packed >> 20 & MOST_INTERFACE - 1, packed >> 31
        packed = words[at + 7]
        segment.window, segment.flags = packed & 0xFFFF, packed >> 16 & 0x1FF
        packed = words[at + 8]
        segment.ip_id, segment.ttl, segment.options = (packed & 0x1FFFF) - 1, packed >> 17 & 0xFF, packed >> 25
        segment.end = (segment.seq + segment.payload + (segment.flags & SYN > 0) + (segment.flags & FIN)) & MASK
        return segment

    # -- objects that closed by the book ----------------------------------------------------------------------------

    def adopt(self, connection: Connection, slot: int) -> bool:
        """Lay a closed connection that is no row to rest as one; False if it is not ordinary enough. `slot`: see `open`."""
        if not _can_rest(connection) or self.holder(slot) != NONE:
            return False
        row = self._new()
        words, wide, log = self.words, self.wide, connection.log
        at, far = row * ROW_WORDS, row * WIDE_ROW
        a, b, start_ns, first = connection.a, connection.b, connection.start_ns, connection.first_frame
        self.keys[row] = a.key
        wide[far + START], wide[far + END] = start_ns, connection.end_ns
        wide[far + FIRST_FRAME], wide[far + LAST_FRAME] = first, connection.last_frame
        wide[far + SIGNATURE], wide[far + HISTORY] = connection.signature, connection.history
        words[at + STATE] = (
            connection.phase | ANSWERED | ALIVE | CLOSED | CLOSED << 1 | SPOKEN | SPOKEN << 1 | (HAS_TEID if connection.teid >= 0 else 0)
            | a.history_bits << LETTERS | b.history_bits << LETTERS + 8)
        words[at + BUDGET_LEFT], words[at + LOGGED], words[at + STREAM] = connection.budget + BIAS, len(log), connection.stream
        words[at + VLAN_SCALES] = connection.vlan + 1 | a.window_scale + 1 << 13 | b.window_scale + 1 << 22
        words[at + TEID] = connection.teid & MASK
        self._note(row, a)
        self._note(row, b)
        for index, segment in enumerate(log):
            since_ns = segment.time_ns - start_ns
            put = at + LOG + index * LOG_WORDS
            words[put], words[put + 1] = since_ns & MASK, segment.frame - first
            words[put + 2], words[put + 3], words[put + 4], words[put + 5] = segment.seq, segment.ack, segment.tsval, segment.tsecr
            words[put + 6] = segment.payload | segment.interface << 20 | segment.side << 31
            words[put + 7] = segment.window | segment.flags << 16 | since_ns >> 32 << 25
            words[put + 8] = segment.ip_id + 1 | segment.ttl << 17 | segment.options << 25
        self.streams.hold(slot, row + 1)
        self._queue(row)
        return True

    def _note(self, row: int, side: Side) -> None:
        words, wide, number = self.words, self.wide, side.number
        at, far = row * ROW_WORDS + SIDES + number * SIDE_WORDS, row * WIDE_ROW + WIDE_SIDES + number * WIDE_SIDE
        words[at + NEXT_SEQ], words[at + MAX_ACK], words[at + LAST_SEQ] = side.next_seq, side.max_ack, side.last_seq
        words[at + LAST_TSVAL], words[at + LAST_LOOK] = side.last_tsval, side.window | side.last_flags << 16
        words[at + LAST_ID] = side.last_ip_id + 1 | side.last_interface << 17
        wide[far + LAST_NS], wide[far + DATA_NS], wide[far + IDS] = side.last_ns, side.last_data_ns, side.recent_ids
        wide[far + PACKETS], wide[far + PAYLOAD] = side.packets, side.payload_bytes


def _can_rest(connection: Connection) -> bool:
    """Whether a closed connection is so ordinary that a row holds all of it."""
    a, b, log = connection.a, connection.b, connection.log
    if not (connection.plain and connection.anomalies is None and connection.icmp is None and connection.shadow is None
            and connection.reused_by is None and not connection.earlier and connection.announced < 0 and connection.stream >= 0
            and connection.idle_ns == 0 and connection.start_ns >= 0 and connection.vlan < MOST_VLAN and connection.teid <= MASK
            and connection.settled and 2 < len(log) <= MOST_LOGGED and connection.last_frame - connection.first_frame <= MASK
            and a.holes is None and b.holes is None and a.rare is None and b.rare is None and not a.window_zero and not b.window_zero
            and a.fin_seen and b.fin_seen and a.spoke and b.spoke and not a.synack_seen and b.synack_seen
            and a.isn == log[0].seq and b.isn == log[1].seq and a.last_interface < MOST_INTERFACE and b.last_interface < MOST_INTERFACE):
        return False
    return all(
        segment.payload < MOST_PAYLOAD and segment.interface < MOST_INTERFACE and 0 <= segment.time_ns - connection.start_ns < MOST_SPAN_NS
        and segment.frame >= connection.first_frame and not segment.marks and segment.context is None
        for segment in log) and log[0].flags & SYN_ACK == SYN and log[1].flags & SYN_ACK == SYN_ACK and log[1].side == 1
