# cython: boundscheck=False, wraparound=False
"""The flow table: which connection a segment belongs to, and how long connections live.

Hot module. A connection begins as a row of the textbook (`textbook.py`) and stays one as long as it goes by the book. The others
are objects (`model.live`): `take` has the ordinary segments of an open connection in one piece, because that is what nearly all
are, and is long for that reason alone; the rest goes through `_examine`, and then through what is asked of every such segment:
`copies` (was it captured before?), `sequence` (what it does to its side's numbers), `timing` (who waited for whom), `log`. What
decides states is *logged* on the connection (`model.live.Segment`): the handshake, the close, and whatever is odd; the quiet
middle is only counted.
"""

from collections.abc import Callable
from contextlib import suppress

from tcptrace_py.model.clock import SECOND_NS
from tcptrace_py.model.faults import NOWHERE, Faults
from tcptrace_py.model.live import (
    AHEAD,
    BUDGET,
    CLOSING,
    COPY,
    DELAYED,
    LONG_CLOSE_NS,
    OLDER_IDS,
    OPENING,
    QUIET,
    REFUSED,
    REPEAT,
    SILENCE_NS,
    SKIPPED,
    STRAY,
    SYN_MET_TIME_WAIT,
    Connection,
    Side,
    opens_as_before,
    refused,
    refused_by_time_wait,
)
from tcptrace_py.model.segments import (
    ACK,
    FIN,
    HARMLESS,
    HEADER_CUT,
    IPV4_KEY,
    IPV6_KEY,
    OPT_TIMESTAMPS,
    QUOTED,
    RST,
    SHORT_HEADER,
    SYN,
    Columns,
    SegmentBlock,
    plain_key,
    reverse_key,
    scope_part,
)
from tcptrace_py.model.selection import Selection
from tcptrace_py.model.seq import HALF, MASK, ahead
from tcptrace_py.model.state import State

from . import resting
from .copies import copy_marks, skipped
from .incarnations import (
    acceptable,
    answers_as_before,
    are_over,
    confirms,
    give_back,
    goes_on,
    is_answered,
    is_foreign,
    is_impossible,
    is_of_earlier,
    is_rewritten,
    latest_tsval,
    refuses_another,
    waits_for_second,
)
from .log import LOG_LIMIT, context_of, log_segment, note_letter, note_letters, segment_of
from .places import NONE
from .scopes import MOST_TUNNELS, NEAR_BYTES, Router, fits, is_the_same, note_way, scope_at
from .sequence import advance, is_stray, put_before_early, unseen
from .streams import StreamIndex
from .textbook import ASIDE_NS, Textbook
from .timing import answer, course, progress, speak, talk

FOR_EVER_NS = (1 << 63) - 1
OPENING_IDLE_NS = 300 * SECOND_NS  # a SYN that nobody answered is given up by every system before that
CLOCK_JUMP_NS = 365 * 86400 * SECOND_NS  # no silence, but a clock that was set, or a damaged stamp
FIRST_LOOK_NS = 4 * SECOND_NS  # most connections are over by then, and nothing is to hold on to them for longer
LAG_NS = 3 * SECOND_NS  # how far behind the capture's clock connections are looked at
BY_THE_BOOK = True  # what may be a row of the textbook is one; tests hold objects from the start against it
FEW_TUNNELLED = 1 << 12  # beyond so many those that are over are forgotten
AWAKE = 1 << 12  # sides in the table before closed objects are laid to rest: below it that would save nothing
MOST_STRAY_SYNS = 16  # told one by one; of others the number
WHOLE_CROWD = 1 << 17  # above which closed connections that do not go by the book are packed: that takes longer than all else of them
LONE_CROWD = 1 << 14  # sides in the table above which a segment that begins a connection out of the book rests until another comes
ENDS, BEGINS, STAYS = range(3)  # how long it does: as what ended, as what was not answered, as what is open
MOST_LONE_NS = 4_000_000_000 * SECOND_NS  # seconds of a time are to fit 32 bits
EARLIER_BYTES = 32 * 8  # so much of earlier incarnations' SYNs is remembered: one that comes late is no new connection

StatesOf = Callable[[Connection, int], tuple[State, State]]
Retire = Callable[[Connection, int], None]
RetireRecords = Callable[[Textbook, int, int, int], None]
Observer = Callable[[Side | None, SegmentBlock, int, int], None]
Packing = tuple[Callable[[Connection], bytes], Callable[[bytes], Connection]]  # all that a connection holds, and that again


class FlowTable:
    """Connections alive, by four-tuple as each side's segments carry it.

    `states_of(connection, time_ns)` tells the two sides' states as far as known; `retire(connection, known_ns)` is
    called once for each connection, when nothing can change it any more; the capture is known up to `known_ns`.
    `retire_records(textbook, since_ns, unanswered_ns, known_ns)` is the same for all connections at rest that have heard of nothing since a
    moment, and attempts of before another one: it takes their records. Without it they are handed on as all others.
    `linger_ns` is how long a closed connection waits for stragglers (longer than any TIME_WAIT), `idle_ns` how long
    an open one may be silent.
    `observer(side, block, i, marks)` is told of every row as soon as it was taken in: whose it is (None: a straggler's, or
    quoted where no connection is) and what it was found to be (`model.live`). None then takes a shorter way, or is laid to rest.
    What raises is noted in `faults` and left out: a segment, or a connection that is handed on.
    """

    def __init__(
        self,
        states_of: StatesOf,
        retire: Retire,
        *,
        linger_ns: int,
        idle_ns: int,
        selection: Selection,
        retire_records: RetireRecords | None = None,
        observer: Observer | None = None,
        faults: Faults | None = None,
        packing: Packing | None = None,
    ) -> None:
        self.packing = packing
        self.states_of = states_of
        self.faults = faults or Faults()
        self.observer = observer
        self.observed = SegmentBlock(0)  # the block that its rows are of
        self.retire = retire
        self.retire_records = retire_records
        self.linger_ns = linger_ns
        self.idle_ns = idle_ns
        self.selection = selection
        self.takes_all = selection.takes_all
        self.timed = selection.from_ns is not None or selection.to_ns is not None
        self.sides: dict[bytes, Side] = {}  # by `_name`, and by aliases
        self.routers: dict[bytes, Router] = {}  # by both keys of four-tuples on which several live at once
        self.tunnelled: dict[bytes, list[bytes]] = {}  # by plain key: keys in tunnels whose direction may come through another, too
        self.tunnelled_most = FEW_TUNNELLED
        self.joined = 0  # frame that was found to go on with a connection, through another tunnel than those before
        self.streams = StreamIndex()
        self.textbook = Textbook(self.streams)
        self.by_the_book = BY_THE_BOOK and observer is None  # what may be a row of it is one
        self.segments = 0
        self.duplicates = 0
        self.stragglers = 0
        self.first_straggler = 0
        self.deadlines: dict[int, list[Connection]] = {}
        self._looks = True
        self._lone_row: Columns | None = None  # what connections are made of that rested as a segment
        self.closed: list[Connection] = []  # closed in this block
        self.clock_ns = 0
        self.last_ns = 0
        self.now_ns = 0  # up to here the capture is known

    def feed(self, block: SegmentBlock, latest_ns: tuple[int, ...] | None = None) -> None:
        """Take in a block of segments, in capture order.

        `latest_ns`: `block.latest_ns()` of the whole block, where these rows were picked from it (maybe none). Only by these connections
        end: other blocks let rest what may, which nobody can tell.
        """
        columns, count = Columns(block), block.count
        i = 0
        if self.observer is not None:
            self.observed = block  # kept for no other purpose: a block's memory is of use when its rows were taken in
        while i < count:
            i = self._feed(columns, i)
        self.segments += count - block.foreign
        if latest_ns is None:
            latest_ns = block.latest_ns()
        try:
            if latest_ns:
                self._sweep(latest_ns)
            elif count:
                self._lay_to_rest(min(block.time_ns[count - 1], block.time_ns[max(count - 2, 0)]))
        except Exception as error:  # noqa: BLE001 - the next block goes on
            self.faults.note("looking for connections that are over", error)

    def _feed(self, columns: Columns, first: int) -> int:
        """Take in rows of a block from `first` on; give the row behind the last one that was taken in, or that raised."""
        textbook, count, i = self.textbook, columns.count, first
        try:
            while self.observer is not None and i < count:
                if columns.me < 0 or columns.owner[i] == columns.me:
                    self._examine(columns, i, self.sides.get(columns.key[i]))
                i += 1
            while i < count:
                i = textbook.run(columns, i)
                if i < count:
                    if self._recalled(columns, i):
                        continue
                    self.take(columns, i, self.sides.get(columns.key[i]))
                    i += 1
                while i < count:  # objects come in flocks: a long transfer, a capture with losses
                    side = self.sides.get(columns.key[i])
                    if side is not None:
                        self.take(columns, i, side)
                    elif columns.me < 0 or columns.owner[i] == columns.me:
                        break  # it is no other process's
                    i += 1
        except Exception as error:  # noqa: BLE001 - whatever it is, the other segments are taken in
            if self.observer is None and textbook.row > i:
                i = textbook.row
            self._leave_out(columns, i, error)
            i += 1
        return i

    def _leave_out(self, columns: Columns, i: int, error: Exception) -> None:
        """A segment raised this."""
        side = None
        with suppress(TypeError):  # its key may be what is wrong
            side = self.sides.get(columns.key[i])
        self.faults.note("following this segment", error, columns.frame[i], NOWHERE if side is None else side.connection.first_frame)

    def _recalled(self, columns: Columns, i: int) -> bool:
        """Whether a segment goes on with an attempt at rest, or with one that was answered: that is a row of the textbook again."""
        textbook, flags = self.textbook, columns.flags[i] & 0x17
        if textbook.stopped_at != NONE:
            return False
        if flags & RST:
            if len(self.sides) <= LONE_CROWD or not (textbook.attempts.records or textbook.half_open.records):
                return False
        elif not (textbook.attempts.records if flags == SYN | ACK else flags & ~FIN == ACK and textbook.half_open.records):
            return False
        key = columns.key[i]
        reverse = reverse_key(key)
        return textbook.recall(self.streams.slot(key, reverse), key, reverse, columns.time_ns[i])

    def take(self, columns: Columns, i: int, side: Side | None) -> None:
        """Take in a segment of a side, or one that continues no textbook connection, or not by the book."""
        if side is None:
            key = columns.key[i]
            place = self.textbook.stopped_at
            if place != NONE:
                if columns.flags[i] & RST and len(self.sides) > LONE_CROWD and self._put_ended(columns, i, place):
                    return
                connection = self._revive(place >> 1)
                side = connection.b if place & 1 else connection.a
            elif self.routers and key in self.routers:
                self._examine(columns, i, None)
                return
            elif self.takes_all and columns.flags[i] & 0x17 == SYN and not columns.notes[i] & ~HARMLESS and not columns.payload[i]:
                if self._open(columns, i, key):
                    return
                side = self.sides.get(key)
        if side is None or columns.notes[i] & (QUOTED | HEADER_CUT) or self.timed:
            self._examine(columns, i, side)
            return
        flags = columns.flags[i] & 0x17
        connection, peer = side.connection, side.peer
        seq, ack, payload, time_ns = columns.seq[i], columns.ack[i], columns.payload[i], columns.time_ns[i]
        ip_id, tsval = columns.ip_id[i], columns.tsval[i]
        silent_ns = time_ns - connection.end_ns
        if flags & ~FIN == ACK:
            # In order, new in something, nothing missing, and the window is open: what an open connection consists of.
            fresh = (ack - side.max_ack) & MASK
            if not (
                seq == side.next_seq
                and side.has_seq
                and fresh <= (peer.next_seq - side.max_ack) & MASK < HALF
                and (payload or fresh or flags & FIN)
                and peer.has_seq
                and (side.has_ack or side.syn_seen)
                and columns.window[i]
                and not peer.window_zero
                and not side.window_zero
                and 0 <= silent_ns < SILENCE_NS
                and peer.holes is None
                and connection.shadow is None
                and (side.rare is None or not side.rare.early_ns)
                and connection.settled
                and not (side.fin_seen and (payload or flags & FIN))
                and not connection.self_connect
            ):
                self._examine(columns, i, side)
                return
            end = (seq + payload + (flags & FIN)) & MASK
            if payload:
                side.payload_bytes += payload
                side.last_data_ns = time_ns
                talk(side, time_ns, payload)
                letter = 4
            else:
                letter = 3
            if fresh and peer.rare is not None and peer.rare.unanswered:
                answer(peer, time_ns)
            if flags & FIN:
                side.fin_seen = True
                if peer.fin_seen and ack != peer.next_seq:
                    connection.plain = False  # both closed at once: more than the order decides who was in which state
                connection.phase = CLOSING
                connection.budget = BUDGET
                if payload and not side.history_bits & 16:
                    side.history_bits |= 16
                    connection.history = connection.history << 4 | side.number << 3 | 4
                letter = 5
            side.has_ack = side.spoke = True
        elif (
            flags == SYN | ACK
            and not side.has_seq
            and connection.phase == OPENING
            and peer.syn_seen
            and ack == peer.next_seq
            and not payload
            and peer.packets == 1
            and 0 <= silent_ns < SILENCE_NS
            and connection.shadow is None
            and connection.predecessor is None
            and columns.window[i]
        ):
            end = (seq + 1) & MASK
            side.has_seq = side.syn_seen = side.synack_seen = side.has_ack = True
            side.isn = seq
            side.window_scale = columns.window_scale[i]
            if not peer.has_ack:
                peer.max_ack = seq
            self._note_way(side, columns, i)
            letter = 2
            if not connection.settled:
                self.streams.note(self.streams.slot(side.key, peer.key), side.key, SYN | ACK, seq, ack)
                connection.settled = True
        else:
            self._examine(columns, i, side)
            return
        if time_ns - connection.progress_ns > connection.wait_ns:
            connection.wait_ns, connection.wait_frame = time_ns - connection.progress_ns, columns.frame[i]
        connection.progress_ns = time_ns
        quiet_ns = time_ns - connection.heard_ns
        connection.heard_ns = time_ns
        if side.number != connection.speaker or quiet_ns > connection.pause_ns or peer.rare is not None:
            speak(side, peer, quiet_ns)
        side.next_seq = end
        side.max_ack = ack
        side.packets += 1
        side.last_ns = connection.end_ns = time_ns
        side.last_seq, side.last_flags, side.last_ip_id = seq, columns.flags[i], ip_id
        recent_ids = side.recent_ids
        side.recent_ids = (recent_ids & OLDER_IDS) << 16 | ip_id & 0xFFFF
        side.last_interface = columns.interface[i]
        if (tsval - side.last_tsval) & MASK >= HALF and columns.options[i] & OPT_TIMESTAMPS and letter != 2:
            connection.plain = False  # captured out of order: the order of sending is another
        side.last_tsval = tsval
        side.window = columns.window[i]
        connection.last_frame = columns.frame[i]
        if not side.history_bits & 1 << letter:
            side.history_bits |= 1 << letter
            connection.history = connection.history << 4 | side.number << 3 | letter
        if connection.phase == QUIET:
            return
        covers_fin = peer.fin_seen and ack == peer.next_seq
        if not flags & (SYN | FIN):
            if connection.phase == CLOSING:
                if covers_fin and side.fin_seen and peer.max_ack == end:
                    self.closed.append(connection)
                if connection.budget <= (-BUDGET if covers_fin and fresh else 0):
                    return
            elif connection.budget <= 0:
                connection.phase = QUIET
                return
            connection.budget -= 1
        segment = segment_of(columns, i, side.number, end)
        if flags & FIN and (ip_id - recent_ids) & 0xFFFF == 3 and skipped(recent_ids, ip_id):
            segment.marks = SKIPPED
            connection.plain = False
        connection.log.append(segment)
        if connection.plain:
            if connection.signature >> 56:
                connection.plain = False
            else:
                connection.signature = connection.signature << 6 | (
                    side.number << 5 | (flags & SYN) << 3 | (flags & FIN) << 3 | (payload > 0) << 2 | (2 if covers_fin else 1)
                )
        if connection.phase == OPENING and side.spoke and peer.spoke:
            connection.phase = QUIET

    def _open(self, columns: Columns, i: int, key: bytes) -> bool:
        """Begin a connection with an ordinary SYN; False if its tuple has one, which is awake then, or a row cannot hold it."""
        textbook, reverse = self.textbook, reverse_key(key)
        self.streams.frame = columns.frame[i]
        slot = self.streams.slot(key, reverse)
        connection = self._wake(slot, key)
        if connection is not None:
            self._enlist(connection)
            return False
        if (self.tunnelled or _is_tunnelled(key)) and self._through_another(columns, i) is not None:
            return False
        if key == reverse:
            return False  # a socket connects to itself
        if not self.by_the_book:
            self.open_object(columns, i, reverse, self.streams.note(slot, key, SYN, columns.seq[i], columns.ack[i]), False)
        elif not textbook.open(columns, i, slot, reverse):
            return False
        elif self.tunnelled or _is_tunnelled(key):
            self.sides.pop(reverse, None)  # another's, whose other direction comes through a tunnel: it is this one's now
        if _is_tunnelled(key):
            self._await_another(key, reverse)
        return True

    def open_object(self, columns: Columns, i: int, reverse: bytes, stream: int, settled: bool) -> None:
        """Begin a connection, as an object, with an ordinary SYN; `settled`: the index of streams knows of its SYN/ACK."""
        key, time_ns, frame, seq = columns.key[i], columns.time_ns[i], columns.frame[i], columns.seq[i]
        connection = Connection(key, reverse, time_ns, frame)
        connection.stream, connection.settled = stream, settled
        connection.vlan, connection.teid = columns.vlan[i], columns.teid[i]
        connection.budget, connection.history, connection.signature = BUDGET, 1, 1 << 6 | SYN << 3
        connection.b.max_ack = seq
        connection.speaker = 0
        side = connection.a
        side.has_seq = side.syn_seen = True
        side.isn = side.last_seq = seq
        side.next_seq = (seq + 1) & MASK
        side.packets = 1
        side.last_ns = time_ns
        side.history_bits = 2
        side.window_scale = columns.window_scale[i]
        side.last_flags, side.window, side.last_tsval = columns.flags[i], columns.window[i], columns.tsval[i]
        side.last_ip_id, side.last_interface = columns.ip_id[i], columns.interface[i]
        side.recent_ids = columns.ip_id[i] & 0xFFFF
        connection.log.append(segment_of(columns, i, 0, side.next_seq))
        self._enlist(connection)

    def _revive(self, row: int) -> Connection:
        """Go on with a connection that was a row until now."""
        connection = self.textbook.release(row)
        self._enlist(connection)
        return connection

    # -- which connection -------------------------------------------------------------------------------------------

    def _examine(self, columns: Columns, i: int, side: Side | None) -> None:
        """Everything that is not a plain segment of an open connection."""
        key, flags, time_ns, notes = columns.key[i], columns.flags[i], columns.time_ns[i], columns.notes[i]
        self.streams.frame = columns.frame[i]
        if side is None:
            side = self._routed(columns, i) if self.routers else None
            if side is None and not notes & SHORT_HEADER:
                connection = self._wake(self.streams.slot(key, reverse_key(key)), key)
                if connection is not None:
                    self._enlist(connection)
                    side = self.sides[key]
            if side is None and (self.tunnelled or _is_tunnelled(key)):
                side = self._through_another(columns, i)
        if notes & QUOTED:
            self._quoted(columns, i, side)
            if self.observer is not None:
                self.observer(side, self.observed, i, 0)
            return
        self.now_ns = time_ns
        if side is not None and self._is_over(side.connection, time_ns):
            self.forget(side.connection)
            side = None
        if side is not None and side.connection.predecessor is not None:
            side = self._behind_reuse(side, columns, i)
        stream = self._note_stream(columns, i, side)
        if not self.takes_all and not (self.selection.matches_time(time_ns) and (side is not None or self.selection.matches_key(key))):
            return
        if side is None:
            if not flags & SYN and not columns.payload[i] and self.streams.is_over(self.streams.slot(key, reverse_key(key))):
                self.stragglers += 1
                if not self.first_straggler or columns.frame[i] < self.first_straggler:
                    self.first_straggler = columns.frame[i]
                if self.observer is not None:
                    self.observer(None, self.observed, i, 0)
                return
            if len(self.sides) > LONE_CROWD and self._put_lone(columns, i, stream):
                return
            side = self._admit(columns, i, stream).a
        else:
            if flags & (ACK | RST) == RST and not side.peer.packets and (self.tunnelled or _is_tunnelled(key)):
                self._join_answered(side, columns, i)
            side = self._incarnation(side, columns, i, stream)
        marks = 0
        if notes & HEADER_CUT and not flags:
            self._count(side, columns, i)
        else:
            marks = self._account(side, columns, i)
        if self.observer is not None:
            self.observer(side, self.observed, i, marks)

    def _wake(self, slot: int, key: bytes) -> Connection | None:
        """The connection at rest on this four-tuple, as an object again; None if there is none."""
        connection = self.textbook.wake(slot, key)
        if connection is None:
            record = self.textbook.wake_lone(slot, key)
            if record is not None:
                connection = self._of_lone(record)
            elif self.packing is not None:
                record = self.textbook.wake_whole(slot, key)
                if record is not None:
                    connection = self._of_whole(record)
        return connection

    def _let_wake(self, slot: int, key: bytes) -> None:
        """Let the connection that rests on this four-tuple, if there is one, be in the table again."""
        connection = self._wake(slot, key)
        if connection is not None:
            self._enlist(connection)

    def _put_lone(self, columns: Columns, i: int, stream: int) -> bool:
        """Let a segment rest that begins a connection, and may be its only one; False if there is more to it than a row of words."""
        key, flags = columns.key[i], columns.flags[i]
        if (
            self.observer is not None
            or not self.by_the_book
            or self.routers
            or self.tunnelled
            or _is_tunnelled(key)
            or columns.notes[i] & (HEADER_CUT | SHORT_HEADER)
            or columns.teid[i] >= 0
            or stream < 0
            or not 0 <= columns.time_ns[i] < MOST_LONE_NS
        ):
            return False
        reverse = reverse_key(key)
        if key == reverse:
            return False
        patience = ENDS if flags & RST else STAYS if flags & FIN or flags & (SYN | ACK) == ACK else BEGINS
        return self.textbook.put_lone(columns, i, self.streams.slot(key, reverse), stream, patience)

    def _of_lone(self, record: bytes) -> Connection:
        """The connection that a lone segment begins. Nothing leads to it yet."""
        row = self._room()
        resting.read_lone(record, row)
        connection = self._begin(row, 0, row.key[0], resting.lone_stream(record))
        self._looks = False  # when it is to be looked at is said where it is enlisted
        self._account(connection.a, row, 0)
        self._looks = True
        return connection

    def _put_ended(self, columns: Columns, i: int, place: int) -> bool:
        """Let a row of the textbook rest with the RST that ends it; False if there is more to it than words hold."""
        if (
            self.packing is None
            or not self.takes_all
            or self.timed
            or self.routers
            or self.tunnelled
            or _is_tunnelled(columns.key[i])
            or columns.notes[i] & ~HARMLESS
            or columns.teid[i] >= 0
            or not 0 <= columns.time_ns[i] < MOST_LONE_NS
        ):
            return False
        self.streams.frame = columns.frame[i]
        return self.textbook.put_ended(columns, i, place)

    def _of_whole(self, content: bytes) -> Connection:
        """The closed connection of which this was packed. Nothing leads to it yet."""
        assert self.packing is not None
        if not resting.is_ended(content):
            return self.packing[1](content)
        connection, row = self.textbook.before_end(content), self._room()
        side = connection.b if content[0] & resting.BY_PEER else connection.a
        if not connection.settled:
            connection.settled = self.streams.settled(self.streams.slot(side.key, side.peer.key))
        resting.read_lone(resting.reset_of(content), row)
        row.key[0] = side.key
        self._looks = False  # as above
        self._account(side, row, 0)
        self._looks = True
        return connection

    def _room(self) -> Columns:
        """A block of one row, of which a segment that rested is made."""
        row = self._lone_row
        if row is None:
            row = self._lone_row = Columns(SegmentBlock(1))
        return row

    def _retire_lone(self, patience: int, until_ns: int) -> None:
        """Hand on lone segments of this patience that came before a moment."""
        record = self.textbook.lone_over(patience, until_ns)
        while record is not None:
            self.forget(self._of_lone(record))
            record = self.textbook.lone_over(patience, until_ns)

    def _retire_whole(self, until_ns: int) -> None:
        """Hand on closed connections at rest that have heard of nothing since a moment."""
        if self.packing is None:
            return
        content = self.textbook.whole_over(until_ns)
        while content is not None:
            self.forget(self._of_whole(content))
            content = self.textbook.whole_over(until_ns)

    def _note_stream(self, columns: Columns, i: int, side: Side | None) -> int:
        """Keep Wireshark's numbers in step; returns the stream, -1 for a header so cut that Wireshark gives it none."""
        key, flags = columns.key[i], columns.flags[i]
        if columns.notes[i] & SHORT_HEADER or (side is not None and side.connection.settled and not flags & SYN):
            return -1 if side is None else side.connection.stream
        slot = self.streams.slot(key, reverse_key(key) if side is None else side.peer.key)
        stream = self.streams.note(slot, key, flags, columns.seq[i], columns.ack[i])
        if side is not None:
            side.connection.settled = self.streams.settled(slot)
            if side.connection.stream < 0:
                side.connection.stream = stream
        return stream

    def _quoted(self, columns: Columns, i: int, side: Side | None) -> None:
        """An ICMP error quotes a segment: evidence, and one of Wireshark's stream numbers."""
        key = columns.key[i]
        if not columns.notes[i] & SHORT_HEADER:
            slot = self.streams.slot(key, reverse_key(key))
            self.streams.note_quoted(slot, key, columns.flags[i], columns.seq[i])
            if side is not None:
                side.connection.settled = self.streams.settled(slot)
        self.segments -= 1
        if side is not None:
            side.connection.plain = False
            if side.connection.icmp is None:
                side.connection.icmp = []
            side.connection.icmp.append((columns.frame[i], columns.window[i]))

    def _is_over(self, connection: Connection, time_ns: int) -> bool:
        """Whether a connection's time had run out before this moment; a function of its own segments alone."""
        silent_ns = time_ns - connection.end_ns
        if silent_ns <= self.linger_ns or silent_ns > CLOCK_JUMP_NS:
            return False
        return silent_ns > self._patience_ns(connection)

    def _patience_ns(self, connection: Connection) -> int:
        """How long a connection may be silent before it is taken to be over."""
        if connection.phase == CLOSING and finished(connection):
            return self.linger_ns
        unanswered = connection.phase == OPENING and not connection.a.spoke and not connection.b.spoke
        return OPENING_IDLE_NS if unanswered and self.idle_ns > OPENING_IDLE_NS else self.idle_ns

    def _admit(self, columns: Columns, i: int, stream: int) -> Connection:
        """Begin a connection with this segment, and enter it into the table."""
        connection = self._begin(columns, i, columns.key[i], stream)
        router = self.routers.get(columns.key[i]) if self.routers else None
        if router is not None:
            connection.split = router.known[scope_at(columns, i)] = self._another(router, columns.key[i])
            connection.by_interface = router.by_interface
        elif _is_tunnelled(connection.a.key):
            self._await_another(connection.a.key, connection.b.key)
        self._enlist(connection)
        return connection

    def _begin(self, columns: Columns, i: int, key: bytes, stream: int) -> Connection:
        connection = Connection(key, reverse_key(key), columns.time_ns[i], columns.frame[i])
        connection.stream = stream
        connection.vlan, connection.teid = columns.vlan[i], columns.teid[i]
        if columns.key[i] != key:  # known by the network of the other direction, as the incarnation before
            connection.came = scope_part(columns.key[i])
            connection.back = connection.scope, connection.vlan, connection.teid
        return connection

    def _list(self, connection: Connection) -> None:
        """Let both sides be found by their keys; who connects to itself has but one, and is the first side."""
        self.sides[_name(connection.b)] = connection.b
        self.sides[_name(connection.a)] = connection.a

    def _enlist(self, connection: Connection) -> None:
        self._list(connection)
        self._look(connection, (connection.end_ns + FIRST_LOOK_NS) // SECOND_NS + 1)

    def forget(self, connection: Connection) -> None:
        """Take a connection out of the table and hand it on. What that raises is noted: the others go on."""
        try:
            self._forget(connection)
        except Exception as error:  # noqa: BLE001 - whatever it is
            self.faults.note("ending a connection", error, connection.last_frame, connection.first_frame)

    def _forget(self, connection: Connection) -> None:
        self._release(connection)
        for side in (connection.b, connection.a):
            if self.sides.get(_name(side)) is side:
                del self.sides[_name(side)]
        for key in connection.aliases or ():
            side_there = self.sides.get(key)
            if side_there is not None and side_there.connection is connection:  # a later one may have begun on it
                del self.sides[key]
        self.streams.mark_over(self.streams.slot(connection.a.key, connection.b.key))
        shadow = connection.shadow
        if shadow is not None and (waits_for_second(connection) or opens_as_before(connection, shadow)):
            self._give_back(connection, shadow)
            shadow = None
        connection.shadow = None
        if shadow is not None and not self._worth_keeping(connection, shadow):
            self._stray_syns(connection, shadow)
            shadow = None
        self.retire(connection, self.now_ns)
        if shadow is not None:
            self.retire(shadow, self.now_ns)

    def _stray_syns(self, connection: Connection, shadow: Connection) -> None:
        """Name the SYNs that nothing answered with the connection over which they came, and drop them."""
        rare = connection.a.needs_rare()
        told = min(shadow.a.packets, MOST_STRAY_SYNS - rare.stray_syns)
        for segment in [segment for segment in shadow.log if not segment.marks & COPY][:told]:
            connection.note("stray-syn", segment.frame, "a SYN with another initial number that nothing answered")
        rare.stray_syns += told
        rare.more_stray_syns += shadow.a.packets - told
        shadow.dissolve()

    def _worth_keeping(self, connection: Connection, shadow: Connection) -> bool:
        """An unanswered SYN over a dying connection is an attempt of its own if its sender's old socket was gone."""
        sender = connection.a if connection.a.key == shadow.a.key else connection.b
        states = self.states_of(connection, shadow.start_ns)
        if refused_by_time_wait(shadow):
            return True
        if states[sender.number] not in (State.CLOSED, State.TIME_WAIT):
            return False
        if shadow.a.packets > 1:
            return True
        tsval = latest_tsval(connection, sender.number)
        syn = shadow.log[0]
        if tsval >= 0 and syn.options & OPT_TIMESTAMPS and syn.tsval != tsval:
            return ahead(syn.tsval, tsval) > 0
        return ahead(shadow.a.isn, sender.next_seq) > 0

    # -- incarnations -----------------------------------------------------------------------------------------------

    def _incarnation(self, side: Side, columns: Columns, i: int, stream: int) -> Side:
        """The side to which a segment on a known four-tuple belongs: of the connection that the table has, or of another one."""
        connection, is_syn = side.connection, columns.flags[i] & (SYN | ACK | RST | FIN) == SYN
        if is_syn and connection.earlier and is_of_earlier(side, columns, i):
            return side  # an old duplicate: it opens nothing, whatever answers it
        if waits_for_second(connection):
            return self._behind_foreign(side, columns, i, stream)
        if connection.shadow is not None:
            return self._between_incarnations(side, columns, i, stream)
        if is_syn:
            return self._bare_syn(side, columns, i, stream)
        if self._is_elsewhere(side, columns, i):
            other = self._begin(columns, i, side.key, stream)
            self._split(connection, other, columns, i)
            return other.a
        if is_foreign(side, columns, i) and (is_impossible(side, columns, i) or are_over(self.states_of(connection, columns.time_ns[i]))):
            waiting = connection.shadow = self._begin(columns, i, side.key, stream)
            waiting.split = connection.split
            return waiting.a
        return side

    def _behind_foreign(self, side: Side, columns: Columns, i: int, stream: int) -> Side:
        """Whose a segment is that comes while a foreign one waits for a second: of another connection that they are, or of the old one."""
        connection = side.connection
        waiting = connection.shadow
        assert waiting is not None
        if goes_on(waiting, side, columns, i):
            if confirms(waiting, side, columns, i):
                self._promote(connection, waiting, columns, i, may_refuse=False)
            return waiting.a if side.key == waiting.a.key else waiting.b
        connection.shadow = None
        self._give_back(connection, waiting)
        return self._incarnation(side, columns, i, stream)

    def _give_back(self, connection: Connection, waiting: Connection) -> None:
        """Lay what was taken for another connection to this one."""
        swapped = waiting.a.key != connection.a.key
        for shift in range(60, -1, -4):
            letter = waiting.history >> shift & 15
            if letter:
                note_letter(connection.side(letter >> 3 ^ swapped), letter & 7)
        give_back(connection, waiting, LOG_LIMIT)

    def _bare_syn(self, side: Side, columns: Columns, i: int, stream: int) -> Side:
        """A bare SYN on a known four-tuple: the side that it belongs to, of the old connection or of a new one."""
        connection, peer, seq = side.connection, side.peer, columns.seq[i]
        again = side.syn_seen and seq == side.isn
        if again and not self._may_open_again(side, columns, i):
            return side
        after, behind = (seq + 1) & MASK, (seq + 1 + columns.payload[i]) & MASK
        if (
            not side.has_seq
            and (not peer.has_ack or peer.max_ack in (after, behind))
            and (peer.has_seq or stream == connection.stream or not refuses_another(connection, after, behind))
        ):
            return side  # its first segment: an answer (simultaneous open), or captured behind its answer
        if side.has_seq and not side.syn_seen and is_answered(side, after, behind):
            return side  # captured behind the SYN/ACK that acknowledges it, and behind more
        if side.has_seq and not side.syn_seen and 0 < ahead(side.next_seq, seq) < 65536 and connection.phase == OPENING:
            return side  # captured behind later segments of its own
        states = self.states_of(connection, columns.time_ns[i])
        if (
            side.number == 0
            and not connection.self_connect
            and (columns.vlan[i] != connection.vlan or (columns.teid[i] != connection.teid and not are_over(states)))
        ):
            successor = self._begin(columns, i, side.key, stream)
            self._split(connection, successor, columns, i)
            return successor.a
        if not again and acceptable(side, columns, i, states):
            successor = self._begin(columns, i, side.key, stream)
            elsewhere = columns.interface[i] != side.last_interface or is_rewritten(side, columns, i)
            if side.number == 0 and elsewhere and not are_over(states):
                self._split(connection, successor, columns, i)  # both are opened at once, each on its own side of what stands between
            else:
                self._hand_over(connection, successor, may_refuse=states[peer.number] == State.TIME_WAIT)
            return successor.a
        shadow = self._begin(columns, i, side.key, stream)
        shadow.split = connection.split
        connection.shadow = shadow
        connection.phase = CLOSING
        connection.plain = False
        tsval = latest_tsval(connection, side.number)
        if states[peer.number] == State.TIME_WAIT and tsval >= 0 and columns.options[i] & OPT_TIMESTAMPS and columns.tsval[i] != tsval:
            log_segment(side, peer, columns, i, (seq + 1) & MASK, STRAY | REFUSED, None)
        return shadow.a

    def _may_open_again(self, side: Side, columns: Columns, i: int) -> bool:
        """Whether a SYN with the number of before, behind an exchange and a RST, may be another connection's: a device that starts anew."""
        if side.synack_seen or not (side.spoke and side.peer.spoke) or side.connection.self_connect:
            return False
        return self.states_of(side.connection, columns.time_ns[i]) == (State.CLOSED, State.CLOSED)

    def _opened_as_before(self, side: Side, shadow: Connection, columns: Columns, i: int) -> Side:
        """While a SYN with the number of before waits: its SYN/ACK waits with it until its sender acknowledges that.

        A RST says that the SYN was an old duplicate, delivered late (RFC 9293 3.5.2).
        """
        connection, flags = side.connection, columns.flags[i] & (SYN | ACK | RST | FIN)
        if side.key != shadow.a.key and flags == SYN | ACK and columns.ack[i] == shadow.a.next_seq:
            return shadow.b
        if side.key == shadow.a.key and shadow.b.has_seq and flags & (SYN | ACK | RST) == ACK and columns.ack[i] == shadow.b.next_seq:
            self._promote(connection, shadow, columns, i, may_refuse=False)
            return shadow.a
        connection.shadow = None
        self._give_back(connection, shadow)
        return self._incarnation(side, columns, i, connection.stream)

    def _between_incarnations(self, side: Side, columns: Columns, i: int, stream: int) -> Side:
        """While a SYN waits for an answer on a tuple whose old connection still lives: the side to which this segment belongs."""
        connection = side.connection
        shadow = connection.shadow
        assert shadow is not None
        flags, seq = columns.flags[i], columns.seq[i]
        from_caller = side.key == shadow.a.key
        if from_caller and flags & (SYN | ACK | RST | FIN) == SYN:
            if seq != shadow.a.isn:
                connection.shadow = None
                if opens_as_before(connection, shadow):
                    self._give_back(connection, shadow)
                else:
                    self._stray_syns(connection, shadow)
                return self._bare_syn(side, columns, i, stream)
            if acceptable(side, columns, i, self.states_of(connection, columns.time_ns[i])):
                self._promote(connection, shadow, columns, i, may_refuse=refused_by_time_wait(shadow) > 0)
            return shadow.a
        if opens_as_before(connection, shadow):
            return self._opened_as_before(side, shadow, columns, i)
        answers = columns.ack[i] in ((shadow.a.isn + 1) & MASK, shadow.a.next_seq)
        if not from_caller and flags & ACK and flags & (SYN | RST) and answers:
            self._promote(connection, shadow, columns, i, may_refuse=False)
            return shadow.b
        if goes_on(shadow, side, columns, i):
            self._promote(connection, shadow, columns, i, may_refuse=False)
            return shadow.a if from_caller else shadow.b
        if (
            not from_caller
            and connection.end_ns <= shadow.end_ns
            and answers_as_before(side, columns, i)
            and (refused_by_time_wait(shadow) or self.states_of(connection, columns.time_ns[i])[side.number] == State.TIME_WAIT)
        ):
            shadow.plain = False
            shadow.note(SYN_MET_TIME_WAIT, columns.frame[i], "the old connection's TIME_WAIT answered its SYN, with the old numbers")
        return side

    def _promote(self, connection: Connection, shadow: Connection, columns: Columns, i: int, may_refuse: bool) -> None:
        """The waiting SYN was answered, or may be: its incarnation takes over the tuple, or lives beside the old one in another scope."""
        connection.shadow = None
        caller, syn = connection.a if connection.a.key == shadow.a.key else connection.b, shadow.log[0]
        if syn.interface != caller.last_interface and not are_over(self.states_of(connection, columns.time_ns[i])):
            self._split(connection, shadow, columns, i)
        else:
            self._hand_over(connection, shadow, may_refuse)

    def _hand_over(self, connection: Connection, successor: Connection, may_refuse: bool) -> None:
        """The next incarnation takes over the tuple, and remembers the SYNs of those before it.

        `may_refuse`: not every system's TIME_WAIT takes such a SYN. The old connection is kept until the SYN's answer tells.
        """
        connection.reused_by = successor
        successor.split, successor.by_interface, aliases = connection.split, connection.by_interface, connection.aliases
        opener = connection.a if connection.a.syn_seen and not connection.a.synack_seen else connection.b
        if opener.syn_seen:
            row = opener.isn.to_bytes(4) + max(latest_tsval(connection, opener.number), 0).to_bytes(4)
            successor.earlier = connection.earlier[max(len(connection.earlier) - EARLIER_BYTES, 0) :] + row
        if may_refuse:
            successor.predecessor = connection
            self._replace(connection, successor)
            return
        connection.aliases = None
        self.forget(connection)
        self._enlist(successor)
        self._name_elsewhere(successor, aliases)

    def _replace(self, connection: Connection, other: Connection) -> None:
        """Enter another incarnation into the table in a connection's place."""
        for side in (connection.b, connection.a):
            if self.sides.get(_name(side)) is side:
                del self.sides[_name(side)]
        aliases, connection.aliases = connection.aliases, None
        self._enlist(other)
        self._name_elsewhere(other, aliases)

    def _name_elsewhere(self, connection: Connection, aliases: list[bytes] | None) -> None:
        """Enter a connection under its keys in other scopes."""
        connection.aliases = aliases
        for alias in aliases or ():
            self.sides[alias] = connection.a if plain_key(connection.a.key) == plain_key(alias) else connection.b

    def _behind_reuse(self, side: Side, columns: Columns, i: int) -> Side:
        """Whose a segment is that comes behind a SYN which was taken to end the TIME_WAIT of the incarnation before.

        What answers that SYN with the old numbers was still in TIME_WAIT (lwIP and others, RFC 9293 3.10.7.4): the SYN waits, as one
        that is refused by the kernel's rule. Anything else but the SYN once more says that the old incarnation is over.
        """
        connection = side.connection
        before = connection.predecessor
        assert before is not None
        if side.number == 0:
            if columns.flags[i] & (SYN | ACK | RST | FIN) != SYN or columns.seq[i] != side.isn:
                self._release(connection)
            return side
        old = before.a if before.a.key == side.key else before.b
        if side.packets or not answers_as_before(old, columns, i):
            self._release(connection)
            return side
        connection.predecessor = before.reused_by = None
        before.shadow = connection
        before.phase = CLOSING
        before.plain = False
        self._replace(connection, before)
        return old

    def _release(self, connection: Connection) -> None:
        """Hand the incarnation before on, which was kept for as long as its TIME_WAIT might have refused this one's SYN."""
        before, connection.predecessor = connection.predecessor, None
        if before is not None:
            self.forget(before)

    # -- one four-tuple in several scopes -----------------------------------------------------------------------------

    def _routed(self, columns: Columns, i: int) -> Side | None:
        """The side that sent a segment of a four-tuple on which several connections live."""
        router = self.routers.get(columns.key[i])
        if router is None:
            return None
        side = router.find(columns, i, self.sides)
        if side is None and columns.flags[i] & (SYN | ACK | RST | FIN) == SYN:
            return self._to_follow(router, columns, i)
        return side

    def _to_follow(self, router: Router, columns: Columns, i: int) -> Side | None:
        """Of connections that are known by their numbers alone, the first one that is over: a SYN with a new number uses its port again."""
        for suffix in router.living:
            side = self.sides.get(columns.key[i] + suffix)
            if side is not None and are_over(self.states_of(side.connection, columns.time_ns[i])):
                return side
        return None

    def _split(self, connection: Connection, other: Connection, columns: Columns, i: int) -> None:
        """Let a connection live beside another, in the scope of a segment. Neither is a row any more."""
        a, b = connection.a, connection.b
        router = self.routers.get(a.key)
        if router is None:
            router = self.routers[a.key] = self.routers[b.key] = Router()
        if scope_at(columns, i)[1:] == (connection.vlan, connection.teid, a.last_interface):
            router.shared.add(scope_at(columns, i)[1:])
        elif (columns.vlan[i], columns.teid[i]) == (connection.vlan, connection.teid):
            router.by_interface = connection.by_interface = other.by_interface = True
        if not connection.split:
            self.sides.pop(a.key, None)
            self.sides.pop(b.key, None)
            connection.split = router.another()
            self._list(connection)
            router.known[a.key, connection.vlan, connection.teid, a.last_interface] = connection.split
        other.split = router.known[scope_at(columns, i)] = self._another(router, a.key)
        self._enlist(other)

    def _another(self, router: Router, key: bytes) -> bytes:
        """Suffix of one more connection on a four-tuple; the oldest is given up where there are too many."""
        oldest = router.too_many(key, self.sides)
        if oldest is not None:
            self.forget(oldest.connection)
        return router.another()

    def _is_elsewhere(self, side: Side, columns: Columns, i: int) -> bool:
        """Whether a segment that opens nothing came in another scope than its side's others, with numbers of its own."""
        connection = side.connection
        if (
            side.number
            or connection.self_connect
            or columns.flags[i] & (SYN | RST)
            or (columns.vlan[i] == connection.vlan and columns.teid[i] == connection.teid and columns.interface[i] == side.last_interface)
        ):
            return False
        return (
            bool(side.has_seq and columns.flags[i] & ACK)
            and not fits(side, columns, i)
            and (abs(ahead(columns.seq[i], side.next_seq)) >= NEAR_BYTES)
        )

    def _await_another(self, *directions: bytes) -> None:
        """Remember that segments of both directions of a connection in a tunnel may come through another one."""
        for key in directions:
            keys = self.tunnelled.setdefault(plain_key(key), [])
            if len(keys) == MOST_TUNNELS:
                del keys[0]
            keys.append(key)

    def _through_another(self, columns: Columns, i: int) -> Side | None:
        """The side of a connection whose segment came another way than those before.

        That is through another tunnel, or through one where the others came through none, or the other way round: its first one,
        where an overlay has a network for each direction, or one that was captured there once more.
        """
        key, outside = columns.key[i], plain_key(columns.key[i])
        for other in (*self.tunnelled.get(outside, ()), outside):
            if other == key:
                continue
            place, reverse = self.textbook.place(other), reverse_key(other)
            if place == NONE and other not in self.sides:
                slot = self.streams.slot(other, reverse)
                if columns.flags[i] & ACK and self.textbook.recall(slot, other, reverse, columns.time_ns[i]):
                    place = self.textbook.place(other)
                else:
                    self._let_wake(slot, other)
            if place != NONE:
                self._revive(place >> 1)
            side = self.sides.get(other)
            if side is None or side.connection.split or not (is_the_same(side, columns, i) if side.packets else fits(side, columns, i)):
                continue
            connection = side.connection
            if connection.aliases is None:
                connection.aliases = []
            if len(connection.aliases) < 2 * MOST_TUNNELS:
                connection.aliases.append(key)
                self.sides[key] = side
                if side.packets:
                    self.joined = columns.frame[i]
                    if not _is_tunnelled(key):
                        self._name_outside(connection)
                return side
        return None

    def _name_outside(self, connection: Connection) -> None:
        """Let a connection that was captured outside of its tunnels, too, be one of the network outside, whichever came first."""
        a, b = connection.a, connection.b
        outside, back = plain_key(a.key), plain_key(b.key)
        free = self.sides.get(outside, a) is a and self.sides.get(back, b) is b and self.textbook.place(back) == NONE
        if not free or connection.announced >= 0 or connection.shadow is not None or connection.predecessor is not None:
            return
        connection.aliases = [*(key for key in connection.aliases or () if key not in (outside, back)), a.key, b.key]
        a.key, b.key = outside, back
        self.sides[back], self.sides[outside] = b, a
        connection.back = connection.came = None

    def _join_answered(self, side: Side, columns: Columns, i: int) -> None:
        """Join to an attempt what its RST answers, by the number that the RST has from it (RFC 9293 3.5.1, figure 9; 3.10.7.3).

        That is an ACK of an old connection's which was not captured. Where it came through another tunnel, nothing but this
        answer ties it to the attempt.
        """
        outside = plain_key(side.key)
        for key in (*self.tunnelled.get(outside, ()), outside):
            alone = self.sides.get(key)
            if alone is None:
                self._let_wake(self.streams.slot(key, reverse_key(key)), key)
                alone = self.sides.get(key)
            if alone is None or alone is side or alone.packets or alone.peer.packets != 1 or alone.peer.max_ack != columns.seq[i]:
                continue
            connection, asked = side.connection, alone.peer
            if connection.aliases is None:
                connection.aliases = []
            connection.aliases.append(asked.key)
            del self.sides[key]
            self.sides[asked.key] = side.peer
            self._give_back(connection, asked.connection)
            return

    def _tidy_scopes(self) -> None:
        """Forget what is known of four-tuples whose connections are over."""
        for key in [key for key, router in self.routers.items() if not router.lives(key, self.sides)]:
            del self.routers[key]
        if len(self.tunnelled) > self.tunnelled_most:
            for plain, keys in list(self.tunnelled.items()):
                keys[:] = [key for key in keys if key in self.sides or self.textbook.place(key) != NONE]
                if not keys:
                    del self.tunnelled[plain]
            self.tunnelled_most = max(2 * len(self.tunnelled), FEW_TUNNELLED)

    # -- what it does to its side -----------------------------------------------------------------------------------

    def _note_way(self, side: Side, columns: Columns, i: int) -> None:
        """Remember the way of the direction that was captured second; nearly all came by the first one's."""
        connection = side.connection
        if (
            connection.back is not None
            or columns.vlan[i] != connection.vlan
            or columns.teid[i] != connection.teid
            or columns.key[i] != side.key
        ):
            note_way(side, columns, i)

    def _count(self, side: Side, columns: Columns, i: int) -> None:
        """A segment of which only the ports were captured."""
        connection = side.connection
        if side.number and not side.packets:
            self._note_way(side, columns, i)
        side.packets += 1
        side.last_ns = columns.time_ns[i]
        progress(connection, columns.time_ns[i], columns.frame[i])
        connection.end_ns = max(connection.end_ns, columns.time_ns[i])
        connection.heard_ns = max(connection.heard_ns, columns.time_ns[i])
        connection.last_frame = columns.frame[i]
        connection.plain = False

    def _account(self, side: Side, columns: Columns, i: int) -> int:
        """Sequence space, counters, history and log of one segment that is not plain; gives its marks."""
        connection, peer = side.connection, side.peer
        if connection.self_connect:
            peer = side
        if connection.back is not None or (side.number and not side.packets):
            self._note_way(side, columns, i)
        flags, seq, payload, time_ns = columns.flags[i], columns.seq[i], columns.payload[i], columns.time_ns[i]
        end = (seq + payload + (1 if flags & SYN else 0) + (1 if flags & FIN else 0)) & MASK
        marks = copy_marks(side, columns, i, self.joined)
        if marks & COPY:
            rare = side.needs_rare()
            rare.copies += 1
        if marks & (COPY | DELAYED) == COPY:
            self.duplicates += 1
        else:
            side.packets += 1
            if not marks:
                had_bytes, had_ack = side.payload_bytes, side.max_ack if side.has_ack else -1
                had_repeats = side.rare.retransmissions if side.rare is not None else 0
                note_letters(side, columns, i)
                marks = STRAY if is_stray(side, peer, columns, i, end) else advance(side, peer, columns, i, end)
                if not marks & STRAY:
                    told = marks
                    if marks & REPEAT and (side.rare is None or side.rare.retransmissions == had_repeats):
                        told = marks & ~REPEAT  # the SYN of a simultaneous open comes again on its SYN/ACK
                    course(side, peer, columns, i, end, told, had_bytes, had_ack)
                    marks |= unseen(peer, columns, i)
        context = context_of(side, peer) if flags & RST else None
        silent_ns = time_ns - connection.end_ns
        if silent_ns >= SILENCE_NS:
            connection.idle_ns, connection.idle_until_ns = silent_ns, time_ns
        if context is not None and connection.idle_until_ns and time_ns - connection.idle_until_ns < SILENCE_NS:
            context.idle_ns = connection.idle_ns
        if (
            connection.plain
            and not _refuses(side, columns, i, marks)
            and (
                marks
                or silent_ns < 0
                or flags & RST
                or (flags & SYN and payload)
                or flags & (SYN | FIN) == SYN | FIN
                or not flags & (SYN | ACK)
                or columns.notes[i] & ~HARMLESS
                or refused(connection)
                or not (flags & SYN or (connection.a.syn_seen and connection.b.syn_seen))
                or (flags & FIN and peer.fin_seen and columns.ack[i] != peer.next_seq)
                or (not flags & SYN and columns.options[i] & OPT_TIMESTAMPS and ahead(columns.tsval[i], side.last_tsval) < 0)
            )
        ):
            connection.plain = False
        connection.end_ns = max(connection.end_ns, time_ns)
        connection.start_ns = min(connection.start_ns, time_ns)
        log_segment(side, peer, columns, i, end, marks, context)
        if marks & AHEAD and ahead(columns.ack[i], peer.next_seq) > 0:
            rare = peer.needs_rare()
            rare.early_ns = rare.early_ns or time_ns
        elif side.rare is not None and side.rare.early_ns:
            put_before_early(side, peer, time_ns)
        connection.last_frame = columns.frame[i]
        self._after(side, columns, i, marks)
        return marks

    def _after(self, side: Side, columns: Columns, i: int, marks: int) -> None:
        """Remember the segment as its side's last, and move the connection's phase on."""
        connection = side.connection
        flags = columns.flags[i]
        if marks & (STRAY | DELAYED):
            return
        side.last_ns = max(side.last_ns, columns.time_ns[i])
        if marks == COPY:
            return
        if columns.payload[i]:
            side.last_data_ns = columns.time_ns[i]
        side.last_seq, side.last_flags, side.last_ip_id = columns.seq[i], flags, columns.ip_id[i]
        side.recent_ids = (side.recent_ids & OLDER_IDS) << 16 | columns.ip_id[i] & 0xFFFF
        side.last_interface = columns.interface[i]
        side.last_tsval = columns.tsval[i]
        if not flags & RST and not columns.notes[i] & HEADER_CUT:
            side.window = columns.window[i]
            if columns.window[i]:
                if side.window_zero:
                    self._open_window(side, columns.time_ns[i])
            elif not flags & (SYN | FIN):
                if not side.window_zero:
                    note_letter(side, 7)
                    rare = side.needs_rare()
                    rare.closed_since_ns = columns.time_ns[i]
                    rare.zero_windows += 1
                    if rare.zero_windows == 1:
                        connection.note("zero-window", columns.frame[i], "it has no room for more data")
                side.window_zero = True
        if flags & (FIN | RST):
            connection.phase = CLOSING
            if flags & RST and self.packing is not None and len(self.sides) > WHOLE_CROWD and self._take_off(connection):
                self.closed.append(connection)
            else:
                self._schedule(connection)
        elif connection.phase == CLOSING:
            self._schedule(connection)
        elif connection.phase == OPENING and ((side.spoke and side.peer.spoke) or connection.budget <= 0):
            connection.phase = QUIET

    def _open_window(self, side: Side, time_ns: int) -> None:
        side.window_zero = False
        rare = side.needs_rare()
        rare.closed_ns = max(rare.closed_ns, time_ns - rare.closed_since_ns)
        if time_ns - rare.closed_since_ns >= LONG_CLOSE_NS:
            rare.long_closes += 1

    # -- time -------------------------------------------------------------------------------------------------------

    def _schedule(self, connection: Connection) -> None:
        """Look at the connection again when its patience may have run out."""
        self._look(connection, (connection.end_ns + self._patience_ns(connection)) // SECOND_NS + 1)

    def _look(self, connection: Connection, second: int) -> None:
        if second == connection.due or not self._looks:
            return
        connection.due = second
        bucket = self.deadlines.get(second)
        if bucket is None:
            self.deadlines[second] = [connection]
        else:
            bucket.append(connection)

    def _sweep(self, latest_ns: tuple[int, ...]) -> None:
        """Retire what is over. The clock is the earlier of a block's last two stamps, so that one wild stamp moves nothing."""
        last_ns = latest_ns[len(latest_ns) - 1]
        self.clock_ns = min(last_ns, latest_ns[0] if len(latest_ns) > 1 else self.last_ns or last_ns)
        self.last_ns = last_ns
        now = (self.clock_ns - LAG_NS) // SECOND_NS
        self.now_ns = now * SECOND_NS
        self._lay_to_rest(self.clock_ns)
        self._retire_silent()
        for second in sorted(second for second in self.deadlines if second <= now):
            for connection in self.deadlines.pop(second):
                if connection.due != second or self.sides.get(_name(connection.a)) is not connection.a:
                    continue
                if self._is_over(connection, now * SECOND_NS):
                    self.forget(connection)
                else:
                    self._release(connection)
                    self._schedule(connection)
        if self.routers or self.tunnelled:
            self._tidy_scopes()

    def _lay_down(self) -> None:
        """Lay closed connections to rest where there are many; look at the others again when their time has come."""
        closed, self.closed = self.closed, []
        many = self.by_the_book and len(self.sides) > AWAKE
        for connection in closed:
            a, b = connection.a, connection.b
            if connection.due < 0 or self.sides.get(_name(a)) is not a:
                continue
            slot = self.streams.slot(a.key, b.key)
            if not many or not (self.textbook.adopt(connection, slot) or self._put_whole(connection, slot)):
                self._schedule(connection)
                continue
            del self.sides[a.key], self.sides[b.key]
            connection.dissolve()
            connection.log.clear()

    def _take_off(self, connection: Connection) -> bool:
        """Let a connection that was scheduled last be looked at where closed ones are laid to rest; False where another one was."""
        bucket = self.deadlines.get(connection.due)
        if bucket is None or bucket[len(bucket) - 1] is not connection:
            return False
        bucket.pop()
        if not bucket:
            del self.deadlines[connection.due]
        connection.due = 0
        return True

    def _put_whole(self, connection: Connection, slot: int) -> bool:
        """Let a closed connection rest that does not go by the book; False where more than a segment may ask for it, or few are there."""
        a = connection.a
        if (
            self.packing is None
            or len(self.sides) <= WHOLE_CROWD
            or self.routers
            or self.tunnelled
            or _is_tunnelled(a.key)
            or connection.split
            or connection.self_connect
            or connection.shadow is not None
            or connection.predecessor is not None
            or connection.reused_by is not None
            or connection.aliases is not None
            or not finished(connection)
            or self.textbook.rests(slot)
        ):
            return False
        record = resting.whole(connection.start_ns, connection.end_ns, a.key, self.packing[0](connection))
        return self.textbook.put_whole(slot, record)

    def _lay_to_rest(self, clock_ns: int) -> None:
        """Lay closed connections and attempts to rest, and go on with textbook connections that fell silent as with all others."""
        if self.closed:
            self._lay_down()
        textbook, silent_ns = self.textbook, (clock_ns - LAG_NS) // SECOND_NS * SECOND_NS - SILENCE_NS
        row = textbook.silent(silent_ns)
        while row != NONE:
            self._revive(row)
            row = textbook.silent(silent_ns)
        textbook.put_aside(clock_ns - ASIDE_NS)

    def _retire_silent(self) -> None:
        """Hand on those at rest whose time is over."""
        since_ns, unanswered_ns = self.now_ns - self.linger_ns, self.now_ns - min(self.idle_ns, OPENING_IDLE_NS)
        self._retire_rested(since_ns, unanswered_ns)
        self._retire_whole(since_ns)
        self._retire_lone(ENDS, since_ns)
        self._retire_lone(BEGINS, min(since_ns, unanswered_ns))
        self._retire_lone(STAYS, min(since_ns, self.now_ns - self.idle_ns))

    def _retire_rested(self, since_ns: int, unanswered_ns: int) -> None:
        """Hand on the connections at rest that have heard of nothing since a moment, and attempts of before another one."""
        textbook = self.textbook
        if self.retire_records is not None:
            self.retire_records(textbook, since_ns, unanswered_ns, self.now_ns)
            return
        record = textbook.over(since_ns)
        while record is not None:
            self.retire(textbook.unfold(record), self.now_ns)
            record = textbook.over(since_ns)
        for record in textbook.half_open_over(min(since_ns, unanswered_ns)):
            self.retire(textbook.unfold(record), self.now_ns)
        record = textbook.attempt_over(unanswered_ns)
        while record is not None:
            self.retire(textbook.unfold_attempt(record), self.now_ns)
            record = textbook.attempt_over(unanswered_ns)

    def older(self, than_ns: int) -> list[Connection]:
        """Connections that began before a moment and are still in the table."""
        for row in self.textbook.older(than_ns):
            self._revive(row)
        for connection in self.textbook.wake_older(than_ns):
            self._enlist(connection)
        for record in self.textbook.lone_older(than_ns):
            self._enlist(self._of_lone(record))
        if self.packing is not None:
            for record in self.textbook.whole_older(than_ns):
                self._enlist(self._of_whole(record))
        connections = [side.connection for side in self.sides.values() if side.number == 0]
        for connection in tuple(connections):
            if connection.predecessor is not None:
                connections.append(connection.predecessor)
            if connection.shadow is not None and refused_by_time_wait(connection.shadow):
                connections.append(connection.shadow)
        return [connection for connection in connections if connection.start_ns < than_ns]

    def finish(self, end_ns: int) -> None:
        """The capture has ended: hand on everything that is left."""
        self.now_ns = end_ns
        self.textbook.put_aside(FOR_EVER_NS)
        self._retire_rested(FOR_EVER_NS, FOR_EVER_NS)
        self._retire_whole(FOR_EVER_NS)
        for patience in (ENDS, BEGINS, STAYS):
            self._retire_lone(patience, FOR_EVER_NS)
        connections: dict[Connection, None] = {}
        for side in self.sides.values():
            connections[side.connection] = None
        rest = sorted(connections, key=first_frame_of, reverse=True)
        for first_frame, row in self.textbook.in_order():  # one by one: in a flood of SYNs there are many
            while rest and rest[len(rest) - 1].first_frame < first_frame:
                self.forget(rest.pop())
            self.forget(self.textbook.release(row))
        while rest:
            self.forget(rest.pop())

    def clear(self) -> None:
        """Give back all memory: nothing more will be asked but the sums."""
        self.sides.clear()
        self.deadlines.clear()
        self.streams = StreamIndex()
        self.textbook = Textbook(self.streams)


def _name(side: Side) -> bytes:
    """What the table knows a side by: its key, and what tells its connection from others on the four-tuple."""
    connection = side.connection
    return side.key + connection.split if connection.split else side.key


def _is_tunnelled(key: bytes) -> bool:
    """Whether a key has a tunnel's network behind it."""
    return len(key) != IPV4_KEY and len(key) != IPV6_KEY


def first_frame_of(connection: Connection) -> int:
    """The frame that a connection begins with."""
    return connection.first_frame


def finished(connection: Connection) -> bool:
    """Whether nothing more is to be expected of a connection: reset, or both FINs acknowledged."""
    a, b = connection.a, connection.b
    if connection.self_connect:
        return a.fin_seen and a.max_ack == a.next_seq
    if a.fin_seen and b.fin_seen and a.max_ack == b.next_seq and b.max_ack == a.next_seq:
        return True
    log = connection.log
    for i in range(max(len(log) - 8, 0), len(log)):
        segment = log[i]
        if segment.flags & RST:
            return True
    return False


def _refuses(side: Side, columns: Columns, i: int, marks: int) -> bool:
    """Whether a segment is a port's refusal of the one segment before it, a SYN: RST and ACK, by the book (RFC 9293 3.10.7.1)."""
    connection, peer, flags, time_ns = side.connection, side.peer, columns.flags[i], columns.time_ns[i]
    return (
        flags & (SYN | ACK | RST | FIN) == RST | ACK
        and not marks
        and not columns.payload[i]
        and not columns.notes[i] & ~HARMLESS
        and side.number == 1
        and len(connection.log) == 1
        and peer.packets == 1
        and side.packets == 1
        and peer.syn_seen
        and columns.ack[i] == peer.next_seq
        and time_ns >= connection.end_ns
        and time_ns - connection.end_ns < SILENCE_NS
    )
