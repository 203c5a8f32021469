# cython: boundscheck=False, wraparound=False
# (compiled: rows come from this module alone, and a block's columns are as long as its count says)
"""Textbook connections as words, from their SYN until nothing can change them any more.

Nearly every connection opens, talks and closes in order, and then waits a minute and more for stragglers that do not come.
One row of two tables holds all of it, as long as it is open: the numbers of both sides, and the segments that decide states.
That is 676 bytes where objects take 4 kB. When it has closed, a record of 490 bytes is made of the row (resting.py), and one of
less than 100 where nothing but the SYN came for a while (an *attempt*); one of 190 where it was answered and no more came.

`run` takes in what continues such a connection, in one pass over local names, and is long for that reason alone. It declines
whatever else comes: then the table asks for the `Connection` that the row stands for (`release`), which is as it would be
had it been one from its SYN on (tests/flows/test_textbook.py), and reasons on with that. What is asked of a connection that
ended by the book is read from its record.

Numbers that stay below 2^32 are in `narrow`, the others in `wide`. Rows are a ring, linked both ways by row numbers in the order
of their SYNs; it begins and ends with a row of its own, RING. Records are in the order of the last segments.
"""

from array import array

from tcptrace_py.model import words
from tcptrace_py.model.clock import SECOND_NS
from tcptrace_py.model.live import (
    AT_ITS_CLIENT,
    BUDGET,
    CLOSING,
    MOST_LARGEST,
    OLDER_IDS,
    OPENING,
    QUIET,
    SILENCE_NS,
    Connection,
    Segment,
    Side,
)
from tcptrace_py.model.segments import ACK, FIN, HEADER_CUT, OPT_TIMESTAMPS, QUOTED, RST, SYN, Columns, reverse_key
from tcptrace_py.model.seq import HALF, MASK

from . import places, resting
from .places import NONE
from .streams import RESTING_MASK, StreamIndex

LONG_NS = 30 * SECOND_NS  # what settles levels looks for connections at rest that were open for longer
MOST_LOGGED = 12  # segments that a row has room for
MOST_SPAN_NS = 1 << 39  # from the first of them to the last
MOST_NS = 4_000_000_000 * SECOND_NS  # seconds of a time are to fit 32 bits
MOST_TURNS = 1 << 29
MOST_PAYLOAD, MOST_INTERFACE, MOST_VLAN = 1 << 20, 1 << 11, 1 << 12
MOST_ASIDE = 1 << 10  # interfaces that the record of an attempt has room for
RING = 0  # the row that is the ring's beginning and end, and none of its own
BIAS = 1 << 15  # what is added to budgets, which may be negative
KIND_BITS, KIND = 3, 7  # lowest bits of a record's number: in which queue it stands
FIRST_LONE = 3  # kind of the first of the queues of lone segments
FIRST_ROWS = 64
FIRST_PLACES = 1 << 13  # a power of two

# A row of `wide`: the connection, then both sides.
START, END, FIRST_FRAME, LAST_FRAME, SIGNATURE, HISTORY, PAUSE_NS, SURVIVED_NS, ANSWER_NS = range(9)
LAST_NS, DATA_NS, IDS, PACKETS, PAYLOAD = range(5)
WIDE_SIDES, WIDE_SIDE, WIDE_ROW = 9, 5, 19
# A row of `narrow`: the connection, both sides, then the log.
NEXT, BEFORE, STATE, BUDGET_LEFT, LOOKED_AT, STREAM, VLAN_SCALES, TEID, TURNS, WAIT_FRAME, LARGEST = range(11)
NEXT_SEQ, MAX_ACK, LAST_SEQ, LAST_TSVAL, LAST_FLAGS, LAST_ID = range(6)  # above the window and the IP ID: flags, interface
SIDES, SIDE_WORDS, LOG, LOG_WORDS, ROW_WORDS = 11, 6, 23, resting.LOG_WORDS, 131
# Bits of STATE; the phase is in the lowest two. Those of a side are shifted by its number.
PHASE, ANSWERED, HAS_TEID, SPEAKER = 3, 1 << 2, resting.HAS_TEID, 1 << 4  # SPEAKER: the other side spoke last
CLOSED, SPOKEN, LETTERS = 1 << 8, 1 << 10, 12  # it sent its FIN, it sent an ACK; 8 bits for each side's letters
LOGGED = resting.LOGGED  # the highest four bits count the segments in the log
SYN_ACK = SYN | ACK
TALKER = 3  # of TURNS, above which they are counted: who sent data last, 1 more than its number

RECORD_HEAD = resting.HEAD_WORDS
MOST_GONE = 1 << 12  # records handed on that may stand before those that wait
ASIDE_NS = SECOND_NS  # a SYN is answered within this, or sent again
CROWD = 1 << 14  # open rows above which SYNs are put aside as soon as possible

_NO_WORDS, _NO_WIDE = array("I"), array("q")


class Queue:
    """Records in the order in which they were laid down, by number. A record's place moves up when those before it are gone."""

    __slots__ = ("first", "kind", "over", "records")

    def __init__(self, kind: int) -> None:
        self.kind = kind  # the lowest bits of its records' numbers
        self.records: list[bytes] = []  # empty: it was taken out
        self.first = 1  # number of the first of them
        self.over = 0  # so many of them, at the front, were taken out

    def add(self, record: bytes) -> int:
        """Lay a record down; returns its number, which is never 0."""
        self.records.append(record)
        return (self.first + len(self.records) - 1) << KIND_BITS | self.kind

    def place(self, number: int) -> int:
        """Where the record of this number stands; -1: it is gone, or of another kind, or there is none."""
        at = (number >> KIND_BITS) - self.first & RESTING_MASK >> KIND_BITS
        return at if number and number & KIND == self.kind and at < len(self.records) and self.records[at] else -1

    def drop(self, at: int) -> None:
        """Take out the record at this place."""
        self.records[at] = b""

    def longest(self) -> int:
        """Place of the record that rests longest; -1: there is none. Places that were known before may be others."""
        records, at = self.records, self.over
        while at < len(records) and not records[at]:
            at += 1
        if at > MOST_GONE and at > len(records) // 2:  # seldom: what is left moves up
            del records[:at]
            self.first += at
            at = 0
        self.over = at
        return at if at < len(records) else -1


class Textbook:
    """All textbook connections, by row. Both directions of those that are open have a place, 2 * row + side."""

    def __init__(self, streams: StreamIndex) -> None:
        self.streams = streams
        self.places: places.Places = {}
        self.table = array("i", bytes(4 * FIRST_PLACES))
        self.keys: list[bytes] = []  # by place
        self.open_rows = 0
        self.stopped_at = NONE  # place of the side whose segment `run` declined; NONE: that of no open row
        self.row = 0  # of the block, that `run` came to
        self._narrow_kept, self._wide_kept = array("I"), array("q")
        self.narrow, self.wide = self._narrow_kept, self._wide_kept
        self.records = Queue(0)  # connections that have closed
        self.attempts = Queue(1)  # SYNs that nobody has answered
        self.half_open = Queue(2)  # those that were answered, and no more came
        # Lone segments, of which no row can be made: those that end a connection, that may begin one, and others.
        self.lone = [Queue(3), Queue(4), Queue(5)]
        self.whole = Queue(6)  # closed connections that do not go by the book
        self._queues = [self.records, self.attempts, self.half_open, *self.lone, self.whole]
        self.was_announced, self.attempt_key = False, b""  # the attempt that was taken out last
        self.announced = 0  # so many attempts, from the first one ever, were named by `older_attempts`
        self._asked, self._asked_from, self._asked_to = array("i", bytes(4 * FIRST_ROWS)), 0, 0  # rows whose SYN may be without an answer
        self.long_lived = 0  # connections at rest that were open for longer than LONG_NS
        self._out = array("I", bytes(4 * (RECORD_HEAD + resting.SIDES_WORDS + LOG_WORDS * 16)))  # where a record is put together
        self.used = 0  # rows that were ever used
        self.free = NONE  # first of those that are free again, linked by NEXT
        self._new()
        self.narrow[NEXT] = self.narrow[BEFORE] = RING

    # -- a segment --------------------------------------------------------------------------------------------------

    def run(self, block: Columns, first: int) -> int:
        """Take in rows of a block from `first` on; return the first that does not continue a textbook connection, or the count."""
        narrow, wide, keys, streams = self.narrow, self.wide, self.keys, self.streams
        known, table = self.places, self.table
        for i in range(first, block.count):
            if block.owner[i] != block.me and block.me >= 0:
                continue
            self.row = i
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
            if (
                not 0 <= silent_ns < SILENCE_NS
                or not window
                or block.notes[i] & (QUOTED | HEADER_CUT)
                or payload >= MOST_PAYLOAD
                or interface >= MOST_INTERFACE
                or not 0 <= frames <= MASK
            ):
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
                if (
                    not state & ANSWERED
                    or seq != narrow[mine + NEXT_SEQ]
                    or not (payload or fresh or fin)
                    or not fresh <= (peer_next - max_ack) & MASK < HALF
                    or (state & CLOSED << number and (payload or fin))
                    or ((tsval - narrow[mine + LAST_TSVAL]) & MASK >= HALF and block.options[i] & OPT_TIMESTAMPS)
                ):
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
            elif (
                flags == SYN_ACK
                and number
                and not state & ANSWERED
                and phase == OPENING
                and ack == peer_next
                and not payload
                and wide[far + WIDE_SIDES + PACKETS] == 1
                and block.vlan[i] + 1 == narrow[at + VLAN_SCALES] & 0x1FFF
                and block.teid[i] == (narrow[at + TEID] if state & HAS_TEID else -1)
            ):
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
                    number << 5 | (flags & SYN) << 3 | fin << 3 | (payload > 0) << 2 | (2 if covers_fin else 1)
                )
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
            pause_ns = wide[far + PAUSE_NS]
            if silent_ns > pause_ns and silent_ns > wide[far + SURVIVED_NS]:
                narrow[at + WAIT_FRAME] = frames
            if (state & SPEAKER != 0) != number:
                state ^= SPEAKER
                wide[far + SURVIVED_NS] = max(wide[far + SURVIVED_NS], pause_ns)
                wide[far + PAUSE_NS] = silent_ns
            elif silent_ns > pause_ns:
                wide[far + PAUSE_NS] = silent_ns
            narrow[at + STATE] = state
            narrow[at + BUDGET_LEFT] = budget + BIAS
            narrow[mine + NEXT_SEQ] = end
            narrow[mine + MAX_ACK] = ack
            narrow[mine + LAST_SEQ] = seq
            narrow[mine + LAST_TSVAL] = tsval
            narrow[mine + LAST_FLAGS] = window | block.flags[i] << 16
            narrow[mine + LAST_ID] = ip_id + 1 | interface << 17
            wide[my_wide + IDS] = (ids & OLDER_IDS) << 16 | ip_id & 0xFFFF
            wide[my_wide + LAST_NS] = wide[far + END] = time_ns
            wide[far + LAST_FRAME] = block.frame[i]
            wide[my_wide + PACKETS] += 1
            if payload:
                turns = narrow[at + TURNS]
                if turns & TALKER != number + 1:
                    if turns & TALKER:
                        turns += TALKER + 1
                        asked_ns = time_ns - wide[far + WIDE_SIDES + DATA_NS]
                        if number and asked_ns > wide[far + ANSWER_NS]:
                            wide[far + ANSWER_NS] = asked_ns
                    narrow[at + TURNS] = turns & ~TALKER | number + 1
                if payload > narrow[at + LARGEST] >> 16 * number & MOST_LARGEST:
                    narrow[at + LARGEST] = (
                        narrow[at + LARGEST] & ~(MOST_LARGEST << 16 * number) | (min(MOST_LARGEST, payload)) << 16 * number
                    )
                wide[my_wide + PAYLOAD] += payload
                wide[my_wide + DATA_NS] = time_ns
            if letter == 2:
                narrow[peers + MAX_ACK] = seq
                narrow[at + VLAN_SCALES] |= block.window_scale[i] + 1 << 22
                streams.note(streams.slot(key, keys[place ^ 1]), key, SYN_ACK, seq, ack)
            elif closed:
                self._lay_down(row, streams.slot(key, keys[place ^ 1]))
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
        self._enter(row, key, reverse)
        wide[far + START] = wide[far + END] = wide[far + WIDE_SIDES + LAST_NS] = block.time_ns[i]
        wide[far + FIRST_FRAME] = wide[far + LAST_FRAME] = block.frame[i]
        wide[far + SIGNATURE] = 1 << 6 | SYN << 3
        wide[far + HISTORY] = wide[far + WIDE_SIDES + PACKETS] = 1
        wide[far + WIDE_SIDES + IDS] = block.ip_id[i] & 0xFFFF
        narrow[at + STATE] = OPENING | 1 << 1 << LETTERS | 1 << LOGGED | (HAS_TEID if teid >= 0 else 0)
        narrow[at + LOOKED_AT] = block.time_ns[i] // SECOND_NS
        narrow[at + BUDGET_LEFT] = BIAS + BUDGET
        narrow[at + STREAM] = self.streams.note(slot, key, SYN, seq, block.ack[i])
        narrow[at + VLAN_SCALES] = block.vlan[i] + 1 | block.window_scale[i] + 1 << 13
        narrow[at + TEID] = teid & MASK
        mine = at + SIDES
        narrow[mine + NEXT_SEQ] = (seq + 1) & MASK
        narrow[mine + LAST_SEQ] = narrow[mine + SIDE_WORDS + MAX_ACK] = seq
        narrow[mine + LAST_TSVAL] = block.tsval[i]
        narrow[mine + LAST_FLAGS] = block.window[i] | block.flags[i] << 16
        narrow[mine + LAST_ID] = block.ip_id[i] + 1 | block.interface[i] << 17
        narrow[mine + SIDE_WORDS + LAST_ID] = 1
        log = at + LOG
        narrow[log] = narrow[log + 1] = 0
        narrow[log + 2], narrow[log + 3] = seq, block.ack[i]
        narrow[log + 4], narrow[log + 5] = block.tsval[i], block.tsecr[i]
        narrow[log + 6] = block.interface[i] << 20
        narrow[log + 7] = block.window[i] | block.flags[i] << 16
        narrow[log + 8] = block.ip_id[i] + 1 | block.ttl[i] << 17 | block.options[i] << 25
        if self._asked_to == len(self._asked):
            self._make_room()
        self._asked[self._asked_to] = row
        self._asked_to += 1
        return True

    def _make_room(self) -> None:
        """Rows whose SYN may be without an answer move up, or get more room."""
        waiting = self._asked[self._asked_from : self._asked_to]
        more = max(2 * len(waiting), FIRST_ROWS)
        self._asked = array("i", bytes(4 * more))
        self._asked[: len(waiting)] = waiting
        self._asked_from, self._asked_to = 0, len(waiting)

    def place(self, key: bytes) -> int:
        """Place of a key that an open row has; NONE without one."""
        return places.find(self.places, self.table, self.keys, key)

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
        row = self.narrow[NEXT]
        while row != RING:
            places.enter(self.places, self.table, self.keys, self.keys[2 * row], 2 * row)
            places.enter(self.places, self.table, self.keys, self.keys[2 * row + 1], 2 * row + 1)
            row = self.narrow[row * ROW_WORDS + NEXT]

    def _lay_down(self, row: int, slot: int) -> None:
        """A connection has closed: make a record of it. `slot`: its tuple's in the index of streams."""
        if self.rests(slot):
            return  # the same tuple through another tunnel rests there: this one is looked at again when it is silent
        self._keep(self._record(row, self.keys[2 * row]), slot)
        self._take_out(row)

    def _keep(self, record: bytes, slot: int) -> None:
        self.streams.lay_down(slot, self.records.add(record))
        self.long_lived += resting.end_ns(record) - resting.start_ns(record) > LONG_NS

    def put_aside(self, until_ns: int) -> None:
        """Let SYNs rest that came before a moment and have no answer; where rows are a crowd, all that have none."""
        asked, wide, narrow = self._asked, self.wide, self.narrow
        while self._asked_from < self._asked_to:
            row = asked[self._asked_from]
            at, far = row * ROW_WORDS, row * WIDE_ROW
            is_open = len(self.keys[2 * row]) > 0
            if is_open and wide[far + START] >= until_ns and self.open_rows <= CROWD:
                return
            self._asked_from += 1
            if is_open and narrow[at + STATE] >> LOGGED == 1 and not narrow[at + STATE] & HAS_TEID and self._is_bare(at):
                slot = self.streams.slot(self.keys[2 * row], self.keys[2 * row + 1])
                if not self.rests(slot):
                    self.streams.put_aside(slot, self.attempts.add(self._attempt(at, far, self.keys[2 * row])))
                    self._take_out(row)
            elif is_open and narrow[at + STATE] >> LOGGED == 2 and not narrow[at + STATE] & (HAS_TEID | SPOKEN | SPOKEN << 1):
                slot = self.streams.slot(self.keys[2 * row], self.keys[2 * row + 1])
                if not self.rests(slot):
                    self.streams.put_aside(slot, self.half_open.add(self._record(row, self.keys[2 * row])))
                    self._take_out(row)

    def _is_bare(self, at: int) -> bool:
        """Whether the SYN of a row has nothing that the record of an attempt has no place for."""
        narrow, log = self.narrow, at + LOG
        return narrow[log + 3] == 0 == narrow[log + 5] and narrow[log + 6] >> 20 < MOST_ASIDE

    def _attempt(self, at: int, far: int, key: bytes) -> bytes:
        """Record of a row that has nothing but a SYN."""
        narrow, wide, out, log = self.narrow, self.wide, self._out, at + LOG
        start_ns, frame = wide[far + START], wide[far + FIRST_FRAME]
        out[resting.ATTEMPT_START], out[resting.ATTEMPT_START + 1] = start_ns & MASK, start_ns >> 32 & MASK
        out[resting.ATTEMPT_FRAME], out[resting.ATTEMPT_FRAME + 1] = frame & MASK, frame >> 32 & MASK
        out[resting.ATTEMPT_STREAM] = narrow[at + STREAM]
        out[resting.ATTEMPT_VLAN] = narrow[at + VLAN_SCALES] | narrow[log + 6] >> 20 << 22
        out[resting.ATTEMPT_SEQ], out[resting.ATTEMPT_TSVAL] = narrow[log + 2], narrow[log + 4]
        out[resting.ATTEMPT_LOOK], out[resting.ATTEMPT_ID] = narrow[log + 7], narrow[log + 8]
        return words.joined(out, resting.ATTEMPT_WORDS, key)

    def _again(self, record: bytes) -> int:
        """A row that is as that of an attempt was."""
        row = self._new()
        narrow, wide = self.narrow, self.wide
        at, far = row * ROW_WORDS, row * WIDE_ROW
        log, packed, scales = at + LOG, words.word(record, resting.ATTEMPT_VLAN) >> 22, (1 << 22) - 1
        for word in range(at, at + LOG):
            narrow[word] = 0
        wide[far + START] = wide[far + END] = words.wide(record, resting.ATTEMPT_START)
        wide[far + FIRST_FRAME] = wide[far + LAST_FRAME] = words.wide(record, resting.ATTEMPT_FRAME)
        wide[far + SIGNATURE], wide[far + HISTORY] = 1 << 6 | SYN << 3, 1
        wide[far + PAUSE_NS] = wide[far + SURVIVED_NS] = wide[far + ANSWER_NS] = 0
        narrow[at + STATE] = OPENING | 1 << 1 << LETTERS | 1 << LOGGED
        narrow[at + LOOKED_AT] = wide[far + START] // SECOND_NS
        narrow[at + BUDGET_LEFT] = BIAS + BUDGET
        narrow[at + STREAM], narrow[at + VLAN_SCALES] = (
            words.word(record, resting.ATTEMPT_STREAM),
            (words.word(record, resting.ATTEMPT_VLAN) & scales),
        )
        narrow[log] = narrow[log + 1] = narrow[log + 3] = narrow[log + 5] = 0
        narrow[log + 2], narrow[log + 4] = words.word(record, resting.ATTEMPT_SEQ), words.word(record, resting.ATTEMPT_TSVAL)
        narrow[log + 6] = packed << 20
        narrow[log + 7], narrow[log + 8] = words.word(record, resting.ATTEMPT_LOOK), words.word(record, resting.ATTEMPT_ID)
        self._retell(at, far, 1)
        narrow[at + SIDES + SIDE_WORDS + MAX_ACK], narrow[at + SIDES + SIDE_WORDS + LAST_ID] = narrow[log + 2], 1
        return row

    def recall(self, slot: int, key: bytes, reverse: bytes, time_ns: int) -> bool:
        """Go on, with a segment that has this key, with what rests on its tuple: an attempt that it answers, or one that was answered.

        False if there is none such.
        """
        number = self.streams.resting(slot)
        at = self.half_open.place(number)
        if at >= 0:
            return self._recall_half_open(at, key, reverse, time_ns)
        at = self.attempts.place(number)
        record = self.attempts.records[at] if at >= 0 else b""
        if (
            not record
            or self.attempts.first + at < self.announced
            or resting.attempt_key(record) != reverse
            or not (0 <= time_ns - resting.attempt_start_ns(record) < SILENCE_NS)
        ):
            return False
        self.attempts.drop(at)
        self._enter(self._again(record), reverse, key)
        return True

    def _recall_half_open(self, at: int, key: bytes, reverse: bytes, time_ns: int) -> bool:
        record = self.half_open.records[at]
        own = resting.key(record)
        if own not in (key, reverse) or not 0 <= time_ns - resting.end_ns(record) < SILENCE_NS:
            return False
        self.half_open.drop(at)
        row = self._row_of(record)
        self.narrow[row * ROW_WORDS + LOOKED_AT] = self.wide[row * WIDE_ROW + END] // SECOND_NS
        self._enter(row, own, reverse if own == key else key)
        return True

    def _enter(self, row: int, key: bytes, reverse: bytes) -> None:
        """A row is that of an open connection from now on."""
        self.open_rows += 1
        if 4 * self.open_rows > len(self.table):  # two places each, and half of the table free
            self._widen()
        places.enter(self.places, self.table, self.keys, key, 2 * row)
        places.enter(self.places, self.table, self.keys, reverse, 2 * row + 1)
        self._link(row)

    def _take_out(self, row: int) -> None:
        """Give the row of an open connection back."""
        places.leave(self.places, self.table, self.keys, 2 * row)
        places.leave(self.places, self.table, self.keys, 2 * row + 1)
        self._unlink(row)
        self.open_rows -= 1
        self._drop(row)

    def _drop(self, row: int) -> None:
        self.keys[2 * row] = self.keys[2 * row + 1] = b""
        self.narrow[row * ROW_WORDS + NEXT] = self.free
        self.free = row

    def _link(self, row: int) -> None:
        """Put a row last into the ring."""
        narrow = self.narrow
        last = narrow[BEFORE]
        narrow[row * ROW_WORDS + NEXT], narrow[row * ROW_WORDS + BEFORE] = RING, last
        narrow[last * ROW_WORDS + NEXT] = narrow[BEFORE] = row

    def _unlink(self, row: int) -> None:
        narrow = self.narrow
        after, before = narrow[row * ROW_WORDS + NEXT], narrow[row * ROW_WORDS + BEFORE]
        narrow[before * ROW_WORDS + NEXT], narrow[after * ROW_WORDS + BEFORE] = after, before

    def release(self, row: int) -> Connection:
        """Give an open row back, and make its connection of it."""
        connection = self.connection(row)
        self._take_out(row)
        return connection

    # -- at rest ----------------------------------------------------------------------------------------------------

    def rests(self, slot: int) -> bool:
        """Whether the record is there that the index of streams names for a tuple."""
        number = self.streams.resting(slot)
        if number <= 0:
            return False
        queue = self._queues[number & KIND]
        return queue.place(number) >= 0

    def wake(self, slot: int, key: bytes) -> Connection | None:
        """Take the connection at rest on this four-tuple out, as an object again; None if there is none."""
        number = self.streams.resting(slot)
        at = self.records.place(number)
        if at >= 0:
            record = self.records.records[at]
            if resting.key(record) not in (key, reverse_key(key)):
                return None
            self._forget(at, record)
            return self.unfold(record)
        at = self.half_open.place(number)
        if at >= 0:
            record = self.half_open.records[at]
            if resting.key(record) not in (key, reverse_key(key)):
                return None
            self.half_open.drop(at)
            return self.unfold(record)
        at = self.attempts.place(number)
        if at < 0 or resting.attempt_key(self.attempts.records[at]) not in (key, reverse_key(key)):
            return None
        connection = self.unfold_attempt(self.attempts.records[at])
        if self.attempts.first + at < self.announced:
            connection.announced = AT_ITS_CLIENT
        self.attempts.drop(at)
        return connection

    def _forget(self, at: int, record: bytes) -> None:
        self.records.drop(at)
        self.long_lived -= resting.end_ns(record) - resting.start_ns(record) > LONG_NS

    def over(self, until_ns: int) -> bytes | None:
        """Take out the record that rests longest, if it has heard of nothing since a moment; else None."""
        at = self.records.longest()
        record = self.records.records[at] if at >= 0 else b""
        if not record or resting.end_ns(record) >= until_ns:
            return None
        self._forget(at, record)
        return record

    def attempt_over(self, until_ns: int) -> bytes | None:
        """Take out the attempt that rests longest, if its SYN came before a moment; else None.

        `was_announced` and `attempt_key` are about it.
        """
        at = self.attempts.longest()
        record = self.attempts.records[at] if at >= 0 else b""
        if not record or resting.attempt_start_ns(record) >= until_ns:
            return None
        self.was_announced = self.attempts.first + at < self.announced
        self.attempts.drop(at)
        key = self.attempt_key = resting.attempt_key(record)
        self.streams.mark_over(self.streams.slot(key, reverse_key(key)))
        return record

    def half_open_over(self, until_ns: int) -> list[bytes]:
        """Take out those half-open ones that have heard of nothing since a moment."""
        found: list[bytes] = []
        at, records = self.half_open.longest(), self.half_open.records
        while 0 <= at < len(records):
            record = records[at]
            if record:
                if resting.start_ns(record) >= until_ns:
                    break  # so are those behind it
                if resting.end_ns(record) < until_ns:
                    self.half_open.drop(at)
                    key = resting.key(record)
                    self.streams.mark_over(self.streams.slot(key, reverse_key(key)))
                    found.append(record)
            at += 1
        return found

    def put_lone(self, columns: Columns, i: int, slot: int, stream: int, patience: int) -> bool:
        """Let the only segment of a connection rest, among those of this patience; False if its tuple has something that rests."""
        if self.rests(slot):
            return False
        queue = self.lone[patience]
        self.streams.put_aside(slot, queue.add(resting.lone(columns, i, stream, self._out, columns.key[i])))
        return True

    def wake_lone(self, slot: int, key: bytes) -> bytes | None:
        """Take out the lone segment that rests on this four-tuple; None if there is none."""
        number = self.streams.resting(slot)
        kind = number & KIND
        if kind < FIRST_LONE:
            return None
        queue = self._queues[kind]
        at = queue.place(number)
        if at < 0:
            return None
        record = queue.records[at]
        if resting.lone_key(record) not in (key, reverse_key(key)):
            return None
        queue.drop(at)
        return record

    def lone_over(self, patience: int, until_ns: int) -> bytes | None:
        """Take out the lone segment of this patience that rests longest, if it came before a moment; else None."""
        queue = self.lone[patience]
        at = queue.longest()
        record = queue.records[at] if at >= 0 else b""
        if not record or resting.lone_ns(record) >= until_ns:
            return None
        queue.drop(at)
        return record

    def lone_older(self, than_ns: int) -> list[bytes]:
        """Take out all lone segments of before a moment."""
        found: list[bytes] = []
        for queue in self.lone:
            for at, record in enumerate(queue.records):
                if record and resting.lone_ns(record) < than_ns:
                    queue.drop(at)
                    found.append(record)
        return found

    def put_whole(self, slot: int, record: bytes) -> bool:
        """Let a closed connection rest that was packed as a whole (`resting.whole`); False if its tuple has something that rests."""
        if self.rests(slot):
            return False
        self.streams.put_aside(slot, self.whole.add(record))
        return True

    def put_ended(self, columns: Columns, i: int, place: int) -> bool:
        """Let the open row with this place rest with the RST that ends it; False if its numbers are not the very next ones."""
        row, number = place >> 1, place & 1
        at, far, key = row * ROW_WORDS, row * WIDE_ROW, self.keys[2 * row]
        narrow, wide = self.narrow, self.wide
        mine, peers = at + SIDES + number * SIDE_WORDS, at + SIDES + (1 - number) * SIDE_WORDS
        state, flags, ack, time_ns = narrow[at + STATE], columns.flags[i] & 0x17, columns.ack[i], columns.time_ns[i]
        acks = flags & ACK
        if flags & ~ACK != RST or columns.payload[i] or state & HAS_TEID or not 0 <= time_ns - wide[far + END] < SILENCE_NS:
            return False
        if number and not state & ANSWERED:
            if not acks or ack != narrow[peers + NEXT_SEQ]:
                return False
        elif columns.seq[i] != narrow[mine + NEXT_SEQ]:
            return False
        elif acks:
            max_ack = narrow[mine + MAX_ACK]
            if not state & ANSWERED or not (ack - max_ack) & MASK <= (narrow[peers + NEXT_SEQ] - max_ack) & MASK < HALF:
                return False
        slot = self.streams.slot(key, self.keys[2 * row + 1])
        if self.rests(slot):
            return False
        attempted = state >> LOGGED == 1 and self._is_bare(at)
        before = self._attempt(at, far, key) if attempted else self._record(row, key)
        reset = resting.lone(columns, i, narrow[at + STREAM], self._out, b"")
        content = resting.ended(reset, before, number * resting.BY_PEER | attempted * resting.ATTEMPTED)
        if not state & ANSWERED:
            self.streams.note(slot, columns.key[i], flags, columns.seq[i], ack)
        start_ns = wide[far + START]
        self._take_out(row)
        return self.put_whole(slot, resting.whole(start_ns, time_ns, key, content))

    def before_end(self, content: bytes) -> Connection:
        """The connection that a RST ended (`resting.ended`), as it was before."""
        before = resting.before_reset(content)
        return self.unfold_attempt(before) if content[0] & resting.ATTEMPTED else self.unfold(before)

    def wake_whole(self, slot: int, key: bytes) -> bytes | None:
        """Take out what was packed of the closed connection on this four-tuple; None if there is none."""
        at = self.whole.place(self.streams.resting(slot))
        if at < 0:
            return None
        record = self.whole.records[at]
        if resting.whole_key(record) not in (key, reverse_key(key)):
            return None
        self.whole.drop(at)
        return resting.whole_content(record)

    def whole_over(self, until_ns: int) -> bytes | None:
        """Take out what was packed of the one that rests longest, if it has heard of nothing since a moment; else None."""
        at = self.whole.longest()
        record = self.whole.records[at] if at >= 0 else b""
        if not record or words.wide(record, resting.WHOLE_END) >= until_ns:
            return None
        self.whole.drop(at)
        return resting.whole_content(record)

    def whole_older(self, than_ns: int) -> list[bytes]:
        """Take out what was packed of those that began before a moment."""
        found: list[bytes] = []
        for at, record in enumerate(self.whole.records):
            if record and words.wide(record, resting.WHOLE_START) < than_ns:
                self.whole.drop(at)
                found.append(resting.whole_content(record))
        return found

    def unfold_attempt(self, record: bytes) -> Connection:
        """The connection of an attempt."""
        row = self._again(record)
        self.keys[2 * row] = resting.attempt_key(record)
        connection = self.connection(row)
        self._drop(row)
        return connection

    def older_attempts(self, than_ns: int) -> list[bytes]:
        """Attempts whose SYN came before a moment and that were not named here before."""
        found, attempts = [], self.attempts
        at = max(self.announced - attempts.first, 0)
        while at < len(attempts.records):
            record = attempts.records[at]
            if record:
                if resting.attempt_start_ns(record) >= than_ns:
                    break
                found.append(record)
            at += 1
        self.announced = attempts.first + at
        return found

    def wake_older(self, than_ns: int) -> list[Connection]:
        """Take out those at rest that were open for long, or are half-open, and whose SYN came before a moment."""
        found: list[Connection] = []
        for at, record in enumerate(self.half_open.records):
            if record and resting.start_ns(record) < than_ns:
                self.half_open.drop(at)
                found.append(self.unfold(record))
        if self.long_lived:
            for at, record in enumerate(self.records.records):
                if record and resting.start_ns(record) < than_ns and (resting.end_ns(record) - resting.start_ns(record) > LONG_NS):
                    self._forget(at, record)
                    found.append(self.unfold(record))
        return found

    def _record(self, row: int, key: bytes) -> bytes:
        """Record of a row whose connection has closed."""
        narrow, wide, out = self.narrow, self.wide, self._out
        at, far = row * ROW_WORDS, row * WIDE_ROW
        count = narrow[at + STATE] >> LOGGED
        whole = wide[far + WIDE_SIDES + PACKETS] + wide[far + WIDE_SIDES + WIDE_SIDE + PACKETS] == count
        for index in range(WIDE_SIDES):
            number = wide[far + index]
            out[2 * index], out[2 * index + 1] = number & MASK, number >> 32 & MASK
        out[resting.STATE] = narrow[at + STATE]
        out[resting.BUDGET_LEFT] = narrow[at + BUDGET_LEFT] | (resting.WHOLE if whole else 0)
        out[resting.STREAM], out[resting.VLAN_SCALES] = narrow[at + STREAM], narrow[at + VLAN_SCALES]
        out[resting.TEID] = narrow[at + TEID]
        out[resting.TURNS], out[resting.WAIT_FRAME], out[resting.LARGEST] = (
            narrow[at + TURNS],
            narrow[at + WAIT_FRAME],
            narrow[at + LARGEST],
        )
        put = RECORD_HEAD
        if not whole:
            for index in range(WIDE_SIDES, WIDE_ROW):
                number = wide[far + index]
                out[put], out[put + 1] = number & MASK, number >> 32 & MASK
                put += 2
            for index in range(at + SIDES, at + LOG):
                out[put] = narrow[index]
                put += 1
        for index in range(at + LOG, at + LOG + count * LOG_WORDS):
            out[put] = narrow[index]
            put += 1
        return words.joined(out, put, key)

    def unfold(self, record: bytes) -> Connection:
        """The connection of a record, as it was."""
        row = self._row_of(record)
        self.keys[2 * row] = resting.key(record)
        connection = self.connection(row)
        self._drop(row)
        return connection

    def _row_of(self, record: bytes) -> int:
        """A row that is as that of a record was; nothing leads to it yet."""
        row = self._new()
        narrow, wide = self.narrow, self.wide
        at, far, count = row * ROW_WORDS, row * WIDE_ROW, resting.logged(record)
        for index in range(WIDE_SIDES):
            wide[far + index] = words.wide(record, 2 * index)
        narrow[at + STATE] = words.word(record, resting.STATE)
        narrow[at + BUDGET_LEFT] = words.word(record, resting.BUDGET_LEFT) & ~resting.WHOLE
        narrow[at + STREAM], narrow[at + VLAN_SCALES] = words.word(record, resting.STREAM), words.word(record, resting.VLAN_SCALES)
        narrow[at + TEID] = words.word(record, resting.TEID)
        narrow[at + TURNS], narrow[at + WAIT_FRAME] = words.word(record, resting.TURNS), words.word(record, resting.WAIT_FRAME)
        narrow[at + LARGEST] = words.word(record, resting.LARGEST)
        put = resting.log_at(record, 0)
        for index in range(count * LOG_WORDS):
            narrow[at + LOG + index] = words.word(record, put + index)
        if put == RECORD_HEAD:
            self._retell(at, far, count)
        else:
            put = RECORD_HEAD
            for index in range(WIDE_SIDES, WIDE_ROW):
                wide[far + index] = words.wide(record, put)
                put += 2
            for index in range(at + SIDES, at + LOG):
                narrow[index] = words.word(record, put)
                put += 1
        return row

    def _retell(self, at: int, far: int, count: int) -> None:
        """What a log that holds every segment says of both sides."""
        narrow, wide = self.narrow, self.wide
        for index in range(far + WIDE_SIDES, far + WIDE_ROW):
            wide[index] = 0
        for index in range(count):
            log = at + LOG + index * LOG_WORDS
            packed, look = narrow[log + 6], narrow[log + 7]
            number, payload, flags = packed >> 31, packed & MOST_PAYLOAD - 1, look >> 16 & 0x1FF
            mine, my_wide = at + SIDES + number * SIDE_WORDS, far + WIDE_SIDES + number * WIDE_SIDE
            low, high, ip_id = narrow[log], look >> 25, narrow[log + 8] & 0x1FFFF
            wide[my_wide + LAST_NS] = wide[far + START] + (low | high << 32)
            if payload:
                wide[my_wide + DATA_NS] = wide[my_wide + LAST_NS]
            wide[my_wide + IDS] = (wide[my_wide + IDS] & OLDER_IDS) << 16 | ip_id - 1 & 0xFFFF
            wide[my_wide + PACKETS] += 1
            wide[my_wide + PAYLOAD] += payload
            narrow[mine + NEXT_SEQ] = (narrow[log + 2] + payload + (flags & SYN > 0) + (flags & FIN)) & MASK
            if flags & ACK:
                narrow[mine + MAX_ACK] = narrow[log + 3]
            if flags & SYN and number:  # its peer, which sent a SYN alone, has acknowledged nothing
                narrow[at + SIDES + MAX_ACK] = narrow[log + 2]
            narrow[mine + LAST_SEQ], narrow[mine + LAST_TSVAL] = narrow[log + 2], narrow[log + 4]
            narrow[mine + LAST_FLAGS] = look & (1 << 25) - 1
            narrow[mine + LAST_ID] = ip_id | (packed >> 20 & MOST_INTERFACE - 1) << 17

    # -- what waits -------------------------------------------------------------------------------------------------

    def silent(self, since_ns: int) -> int:
        """An open row that has heard of nothing since a moment (a second more or less); NONE where there is none, or it comes later."""
        narrow, since_s = self.narrow, since_ns // SECOND_NS
        row = narrow[NEXT]
        while row != RING and narrow[row * ROW_WORDS + LOOKED_AT] < since_s:
            end_ns = self.wide[row * WIDE_ROW + END]
            if end_ns < since_ns:
                return row
            narrow[row * ROW_WORDS + LOOKED_AT] = end_ns // SECOND_NS + 1
            self._unlink(row)
            self._link(row)
            row = narrow[NEXT]
        return NONE

    def older(self, than_ns: int) -> list[int]:
        """Open rows whose SYN came before a moment."""
        found, row = [], self.narrow[NEXT]
        while row != RING:
            if self.wide[row * WIDE_ROW + START] < than_ns:
                found.append(row)
            row = self.narrow[row * ROW_WORDS + NEXT]
        return found

    def in_order(self) -> list[tuple[int, int]]:
        """First frame and number of each open row, in order of first frame."""
        found, row = [], self.narrow[NEXT]
        while row != RING:
            found.append((self.wide[row * WIDE_ROW + FIRST_FRAME], row))
            row = self.narrow[row * ROW_WORDS + NEXT]
        return sorted(found)

    # -- what a row says --------------------------------------------------------------------------------------------

    def connection(self, row: int) -> Connection:
        """What the row stands for."""
        narrow, wide = self.narrow, self.wide
        at, far, key = row * ROW_WORDS, row * WIDE_ROW, self.keys[2 * row]
        reverse = self.keys[2 * row + 1] or reverse_key(key)  # the very object that the next segment is likely to bring
        connection = Connection(key, reverse, wide[far + START], wide[far + FIRST_FRAME])
        a, b, state = connection.a, connection.b, narrow[at + STATE]
        connection.end_ns, connection.last_frame = wide[far + END], wide[far + LAST_FRAME]
        connection.signature, connection.history = wide[far + SIGNATURE], wide[far + HISTORY]
        connection.stream, connection.budget = narrow[at + STREAM], narrow[at + BUDGET_LEFT] - BIAS
        connection.phase, connection.settled = state & PHASE, state & ANSWERED != 0
        packed = narrow[at + VLAN_SCALES]
        connection.vlan, a.window_scale, b.window_scale = (packed & 0x1FFF) - 1, (packed >> 13 & 0x1FF) - 1, (packed >> 22) - 1
        connection.teid = narrow[at + TEID] if state & HAS_TEID else -1
        log = connection.log = [self._segment(row, index) for index in range(state >> LOGGED)]
        connection.speaker, connection.progress_ns = int(state & SPEAKER != 0), connection.end_ns
        connection.heard_ns = connection.end_ns
        connection.pause_ns, connection.survived_ns = wide[far + PAUSE_NS], wide[far + SURVIVED_NS]
        connection.wait_ns = max(connection.pause_ns, connection.survived_ns)
        if connection.wait_ns:
            connection.wait_frame = connection.first_frame + narrow[at + WAIT_FRAME]
        connection.turns, connection.talker = narrow[at + TURNS] >> 2, (narrow[at + TURNS] & TALKER) - 1
        b.answer_ns = wide[far + ANSWER_NS]
        a.largest, b.largest = narrow[at + LARGEST] & MOST_LARGEST, narrow[at + LARGEST] >> 16
        self._tell(row, a, state)
        self._tell(row, b, state)
        a.has_seq = a.syn_seen = True
        b.has_seq = b.syn_seen = b.synack_seen = b.has_ack = connection.settled
        a.has_ack = a.spoke
        syn = log[0]
        a.isn = syn.seq
        connection.asked_ns = max(a.last_data_ns, b.last_data_ns)
        if connection.settled:
            synack = log[1]
            b.isn = synack.seq
        else:
            b.last_seq = -1
        return connection

    def _tell(self, row: int, side: Side, state: int) -> None:
        narrow, wide, number = self.narrow, self.wide, side.number
        at, far = row * ROW_WORDS + SIDES + number * SIDE_WORDS, row * WIDE_ROW + WIDE_SIDES + number * WIDE_SIDE
        side.next_seq, side.max_ack, side.last_seq = narrow[at + NEXT_SEQ], narrow[at + MAX_ACK], narrow[at + LAST_SEQ]
        side.last_tsval = narrow[at + LAST_TSVAL]
        side.window, side.last_flags = narrow[at + LAST_FLAGS] & 0xFFFF, narrow[at + LAST_FLAGS] >> 16
        packed = narrow[at + LAST_ID]
        side.last_ip_id, side.last_interface = (packed & 0x1FFFF) - 1, packed >> 17
        side.last_ns, side.last_data_ns, side.recent_ids = wide[far + LAST_NS], wide[far + DATA_NS], wide[far + IDS]
        side.packets, side.payload_bytes = wide[far + PACKETS], wide[far + PAYLOAD]
        side.fin_seen, side.spoke = state & CLOSED << number != 0, state & SPOKEN << number != 0
        side.history_bits = state >> (LETTERS + 8 * number) & 0xFF

    def _segment(self, row: int, index: int) -> Segment:
        narrow, segment = self.narrow, Segment.__new__(Segment)  # compiled, this is no call of Python's
        segment.marks, segment.context = 0, None
        at = row * ROW_WORDS + LOG + index * LOG_WORDS
        low, high = narrow[at], narrow[at + 7] >> 25
        segment.time_ns = self.wide[row * WIDE_ROW + START] + (low | high << 32)
        segment.frame = self.wide[row * WIDE_ROW + FIRST_FRAME] + narrow[at + 1]
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
        """Lay a closed object to rest; False if it is not ordinary enough. `slot`: see `open`."""
        if not _can_rest(connection) or self.rests(slot):
            return False
        row = self._new()
        narrow, wide, log = self.narrow, self.wide, connection.log
        at, far = row * ROW_WORDS, row * WIDE_ROW
        a, b, start_ns, first = connection.a, connection.b, connection.start_ns, connection.first_frame
        wide[far + START], wide[far + END] = start_ns, connection.end_ns
        wide[far + FIRST_FRAME], wide[far + LAST_FRAME] = first, connection.last_frame
        wide[far + SIGNATURE], wide[far + HISTORY] = connection.signature, connection.history
        narrow[at + STATE] = (
            connection.phase
            | ANSWERED
            | CLOSED
            | CLOSED << 1
            | SPOKEN
            | SPOKEN << 1
            | (HAS_TEID if connection.teid >= 0 else 0)
            | (SPEAKER if connection.speaker else 0)
            | a.history_bits << LETTERS
            | b.history_bits << LETTERS + 8
            | len(log) << LOGGED
        )
        narrow[at + BUDGET_LEFT], narrow[at + STREAM] = connection.budget + BIAS, connection.stream
        narrow[at + VLAN_SCALES] = connection.vlan + 1 | a.window_scale + 1 << 13 | b.window_scale + 1 << 22
        narrow[at + TEID] = connection.teid & MASK
        narrow[at + TURNS] = connection.turns << 2 | connection.talker + 1
        narrow[at + WAIT_FRAME] = connection.wait_frame - first if connection.wait_ns else 0
        narrow[at + LARGEST] = a.largest | b.largest << 16
        wide[far + PAUSE_NS], wide[far + SURVIVED_NS], wide[far + ANSWER_NS] = connection.pause_ns, connection.survived_ns, b.answer_ns
        self._note(row, a)
        self._note(row, b)
        for index, segment in enumerate(log):
            since_ns, number = segment.time_ns - start_ns, segment.side
            put = at + LOG + index * LOG_WORDS
            narrow[put], narrow[put + 1] = since_ns & MASK, segment.frame - first
            narrow[put + 2], narrow[put + 3], narrow[put + 4], narrow[put + 5] = segment.seq, segment.ack, segment.tsval, segment.tsecr
            narrow[put + 6] = segment.payload | segment.interface << 20 | number << 31
            narrow[put + 7] = segment.window | segment.flags << 16 | since_ns >> 32 << 25
            narrow[put + 8] = segment.ip_id + 1 | segment.ttl << 17 | segment.options << 25
        self._keep(self._record(row, a.key), slot)
        self._drop(row)
        return True

    def _note(self, row: int, side: Side) -> None:
        narrow, wide, number = self.narrow, self.wide, side.number
        at, far = row * ROW_WORDS + SIDES + number * SIDE_WORDS, row * WIDE_ROW + WIDE_SIDES + number * WIDE_SIDE
        narrow[at + NEXT_SEQ], narrow[at + MAX_ACK], narrow[at + LAST_SEQ] = side.next_seq, side.max_ack, side.last_seq
        narrow[at + LAST_TSVAL], narrow[at + LAST_FLAGS] = side.last_tsval, side.window | side.last_flags << 16
        narrow[at + LAST_ID] = side.last_ip_id + 1 | side.last_interface << 17
        wide[far + LAST_NS], wide[far + DATA_NS], wide[far + IDS] = side.last_ns, side.last_data_ns, side.recent_ids
        wide[far + PACKETS], wide[far + PAYLOAD] = side.packets, side.payload_bytes


def _can_rest(connection: Connection) -> bool:
    """Whether a closed connection is so ordinary that a row holds all of it."""
    a, b, log = connection.a, connection.b, connection.log
    if not (
        connection.plain
        and connection.anomalies is None
        and connection.icmp is None
        and connection.shadow is None
        and connection.predecessor is None
        and connection.reused_by is None
        and not connection.earlier
        and connection.announced < 0
        and connection.stream >= 0
        and not connection.split
        and connection.back is None
        and connection.aliases is None
        and connection.idle_ns == 0
        and connection.progress_ns == connection.end_ns
        and connection.stall_ns == 0
        and connection.wait_ns == max(connection.pause_ns, connection.survived_ns)
        and connection.asked_ns == max(a.last_data_ns, b.last_data_ns)
        and connection.turns < MOST_TURNS
        and 0 <= connection.start_ns < MOST_NS
        and connection.vlan < MOST_VLAN
        and connection.teid <= MASK
        and connection.settled
        and 2 < len(log) <= MOST_LOGGED
        and connection.last_frame - connection.first_frame <= MASK
        and a.holes is None
        and b.holes is None
        and a.rare is None
        and b.rare is None
        and not a.window_zero
        and not b.window_zero
        and a.fin_seen
        and b.fin_seen
        and a.spoke
        and b.spoke
        and not a.synack_seen
        and b.synack_seen
        and a.isn == log[0].seq
        and b.isn == log[1].seq
        and a.last_interface < MOST_INTERFACE
        and b.last_interface < MOST_INTERFACE
    ):
        return False
    return (
        all(
            segment.payload < MOST_PAYLOAD
            and segment.interface < MOST_INTERFACE
            and 0 <= segment.time_ns - connection.start_ns < MOST_SPAN_NS
            and segment.frame >= connection.first_frame
            and not segment.marks
            and segment.context is None
            for segment in log
        )
        and log[0].flags & SYN_ACK == SYN
        and log[1].flags & SYN_ACK == SYN_ACK
        and log[1].side == 1
    )
