"""The flow table: which connection a segment belongs to, what it does to its side's sequence space, what is worth a log entry.

Hot module. `feed` takes the plain in-order segment of an open connection in one pass over local names, because that is
what nearly every segment of a long transfer is; everything else goes through `_examine`. What decides states is *logged*
on the connection (`model.live.Segment`): the handshake, the close, and whatever is odd; the quiet middle is only counted.
"""

from collections.abc import Callable

from ..model.live import AHEAD, CLOSING, COPY, GAP, OPENING, PROBE, QUIET, REPEAT, STRAY, Connection, Segment, Side
from ..model.segments import (
    ACK,
    FIN,
    HEADER_CUT,
    OPT_TIMESTAMPS,
    QUOTED,
    RST,
    SYN,
    SegmentBlock,
)
from ..model.selection import Selection
from ..model.seq import MASK, ahead
from ..model.state import State
from .streams import StreamIndex

SECOND_NS = 1_000_000_000
OPENING_IDLE_NS = 300 * SECOND_NS  # a SYN that nobody answered is given up by every system before that
COPY_NS = 100_000_000  # below every minimum retransmission timeout (RFC 6298; Linux TCP_RTO_MIN 200 ms)
MIRROR_NS = 500_000  # a second capture of the same frame follows at once
BUDGET = 24  # unremarkable segments that are logged after each remarkable one
LOG_LIMIT = 2000  # remarkable segments of one connection that are logged
RECENT = 8  # a side's plain segments that are remembered to know copies by

StatesOf = Callable[[Connection, int], tuple[State, State]]
Retire = Callable[[Connection], None]


class FlowTable:
    """Connections alive, by four-tuple as each side's segments carry it.

    `states_of(connection, time_ns)` tells the two sides' states as far as known; `retire(connection)` is called once
    for each connection, when nothing can change it any more. `linger_ns` is how long a closed connection waits for
    stragglers (longer than any TIME_WAIT), `idle_ns` how long an open one may be silent.
    """

    def __init__(self, states_of: StatesOf, retire: Retire, *, linger_ns: int, idle_ns: int, selection: Selection) -> None:
        self.states_of = states_of
        self.retire = retire
        self.linger_ns = linger_ns
        self.idle_ns = idle_ns
        self.selection = selection
        self.sides: dict[bytes, Side] = {}
        self.streams = StreamIndex()
        self.segments = 0
        self.duplicates = 0
        self.stragglers = 0
        self.first_straggler = 0
        self.deadlines: dict[int, list[Connection]] = {}
        self.clock_ns = 0
        self.last_ns = 0

    def feed(self, block: SegmentBlock) -> None:
        """Take in a block of segments, in capture order."""
        sides = self.sides
        keys, flags_column, seq_column, ack_column = block.key, block.flags, block.seq, block.ack
        payload_column, time_column, frame_column = block.payload, block.time_ns, block.frame
        window_column, id_column, checksum_column, notes_column = block.window, block.ip_id, block.checksum, block.notes
        for i in range(block.count):
            side = sides.get(keys[i])
            if side is not None and flags_column[i] & 0x17 == ACK and notes_column[i] & 3 == 0:
                connection = side.connection
                seq = seq_column[i]
                if connection.phase == QUIET and seq == side.next_seq:
                    payload, ack, time_ns = payload_column[i], ack_column[i], time_column[i]
                    peer = side.peer
                    fresh = (ack - side.max_ack) & MASK
                    if (fresh <= (peer.next_seq - side.max_ack) & MASK < 0x80000000 and (payload or fresh) and window_column[i]
                            and 0 <= time_ns - connection.end_ns < OPENING_IDLE_NS):
                        if payload:
                            side.next_seq = (seq + payload) & MASK
                            side.payload_bytes += payload
                            side.last_data_ns = time_ns
                            if not side.history_bits & 8:
                                self._history(side, 8, "d")
                        elif not side.history_bits & 4:
                            self._history(side, 4, "a")
                        side.max_ack = ack
                        side.packets += 1
                        side.last_ns = time_ns
                        side.last_seq, side.last_ack, side.last_payload = seq, ack, payload
                        side.last_flags, side.last_window = flags_column[i], window_column[i]
                        side.last_ip_id, side.last_checksum = id_column[i], checksum_column[i]
                        side.last_interface = block.interface[i]
                        side.window_zero = False
                        connection.end_ns = time_ns
                        connection.last_frame = frame_column[i]
                        if side.packets >= RECENT:
                            if side.recent is None:
                                side.recent = {}
                            side.recent[side.packets & 15] = seq << 16 | id_column[i]
                        continue
            self._examine(block, i, side)
        if block.count:
            self.segments += block.count
            self._sweep(block)

    # -- which connection -------------------------------------------------------------------------------------------

    def _examine(self, block: SegmentBlock, i: int, side: Side | None) -> None:
        """Everything that is not a plain segment of an open connection."""
        key, flags, time_ns = block.key[i], block.flags[i], block.time_ns[i]
        notes = block.notes[i]
        if notes & QUOTED:
            self._quoted(block, i, side)
            return
        before = self.streams.tuples
        slot = self.streams.slot(key) if side is None else side.connection.slot
        if side is None or flags & SYN or not self.streams.settled(slot):
            self.streams.note(slot, key, flags, block.seq[i], block.ack[i])
        known = side is not None or slot < before
        if side is not None and self._is_over(side.connection, time_ns) and not self._continues(side, block, i):
            self.forget(side.connection)
            side = None
        if not self.selection.takes_all and not (
                self.selection.matches_time(time_ns) and (side is not None or self.selection.matches_key(key))):
            return
        if side is None:
            if known and not flags & SYN and not block.payload[i]:
                self.stragglers += 1
                self.first_straggler = self.first_straggler or block.frame[i]
                return
            side = self._admit(block, i, slot).a
        else:
            if side.connection.shadow is not None:
                side = self._between_incarnations(side, block, i)
            elif flags & (SYN | ACK | RST | FIN) == SYN:
                side = self._bare_syn(side, block, i, slot)
        if notes & HEADER_CUT:
            self._count(side, block, i)
            return
        self._account(side, block, i)

    def _quoted(self, block: SegmentBlock, i: int, side: Side | None) -> None:
        """An ICMP error quotes a segment: evidence, and one of Wireshark's stream numbers."""
        self.streams.slot(block.key[i])
        self.segments -= 1
        if side is not None:
            side.connection.plain = False
            side.connection.icmp.append((block.time_ns[i], block.frame[i], block.window[i], side.number))

    def _is_over(self, connection: Connection, time_ns: int) -> bool:
        """Whether a connection's time had run out before this moment; a function of its own segments alone."""
        silent_ns = time_ns - connection.end_ns
        if silent_ns <= self.linger_ns:
            return False
        return silent_ns > self._patience_ns(connection)

    def _continues(self, side: Side, block: SegmentBlock, i: int) -> bool:
        """Whether a segment after a long silence goes on exactly where its side stopped (or its clock jumped)."""
        if block.flags[i] & SYN:
            return False
        if side.has_seq:
            return block.seq[i] == side.next_seq
        return side.peer.has_ack and block.seq[i] == side.peer.max_ack

    def _patience_ns(self, connection: Connection) -> int:
        """How long a connection may be silent before it is taken to be over."""
        if connection.phase == CLOSING and finished(connection):
            return self.linger_ns
        return OPENING_IDLE_NS if connection.phase == OPENING and self.idle_ns > OPENING_IDLE_NS else self.idle_ns

    def _admit(self, block: SegmentBlock, i: int, slot: int) -> Connection:
        """Begin a connection with this segment, and enter it into the table."""
        connection = self._begin(block, i, slot)
        self._enlist(connection)
        return connection

    def _begin(self, block: SegmentBlock, i: int, slot: int) -> Connection:
        connection = Connection(block.key[i], block.time_ns[i], block.frame[i])
        connection.slot = slot
        connection.stream = self.streams.stream(slot)
        connection.vlan, connection.teid = block.vlan[i], block.teid[i]
        return connection

    def _enlist(self, connection: Connection) -> None:
        self.sides[connection.b.key] = connection.b
        self.sides[connection.a.key] = connection.a
        self._schedule(connection)

    def forget(self, connection: Connection) -> None:
        """Take a connection out of the table and hand it on."""
        for side in (connection.b, connection.a):
            if self.sides.get(side.key) is side:
                del self.sides[side.key]
        shadow = connection.shadow
        connection.shadow = None
        if shadow is not None and not self._worth_keeping(connection, shadow):
            for segment in shadow.log:
                connection.anomalies.append(("stray-syn", segment.frame, "a SYN with another initial number that nothing answered"))
            shadow = None
        self.retire(connection)
        if shadow is not None:
            self.retire(shadow)

    def _worth_keeping(self, connection: Connection, shadow: Connection) -> bool:
        """An unanswered SYN over a dying connection is an attempt of its own if its sender's old socket was gone."""
        sender = connection.a if connection.a.key == shadow.a.key else connection.b
        states = self.states_of(connection, shadow.start_ns)
        if states[sender.number] not in (State.CLOSED, State.TIME_WAIT):
            return False
        if shadow.a.packets > 1:
            return True
        if sender.tsval_known and shadow.a.tsval_known:
            return ahead(shadow.a.tsval, sender.tsval) > 0
        return ahead(shadow.a.isn, sender.next_seq) > 0

    # -- incarnations -----------------------------------------------------------------------------------------------

    def _bare_syn(self, side: Side, block: SegmentBlock, i: int, slot: int) -> Side:
        """A bare SYN on a known four-tuple: the side that it belongs to, of the old connection or of a new one."""
        connection, peer, seq = side.connection, side.peer, block.seq[i]
        if side.syn_seen and seq == side.isn:
            return side
        if not side.has_seq and not (peer.has_ack and peer.max_ack != (seq + 1 + block.payload[i]) & MASK and peer.max_ack != (seq + 1) & MASK):
            return side  # its first segment: an answer (simultaneous open), or captured behind its answer
        if side.has_seq and not side.syn_seen and ahead(side.next_seq, seq) in range(1, 65536) and connection.phase == OPENING:
            return side  # captured behind later segments of its own
        if self._acceptable(side, block, i):
            successor = self._begin(block, i, slot)
            connection.reused_by = successor
            self.forget(connection)
            self._enlist(successor)
            return successor.a
        shadow = self._begin(block, i, slot)
        connection.shadow = shadow
        connection.phase = CLOSING
        connection.plain = False
        return shadow.a

    def _acceptable(self, side: Side, block: SegmentBlock, i: int) -> bool:
        """Whether a SYN with a new number begins a new incarnation at once (DESIGN 3.4, net/ipv4/tcp_minisocks.c)."""
        states = self.states_of(side.connection, block.time_ns[i])
        mine, theirs = states[side.number], states[side.peer.number]
        if theirs == State.TIME_WAIT:
            if side.tsval_known and block.options[i] & OPT_TIMESTAMPS:
                return ahead(block.tsval[i], side.tsval) > 0
            return ahead(block.seq[i], side.next_seq) > 0
        if mine == State.TIME_WAIT:
            return theirs in (State.CLOSED, State.LISTEN)
        return mine in (State.CLOSED, State.SYN_SENT, State.LISTEN) and theirs in (
            State.CLOSED, State.LISTEN, State.SYN_SENT, State.SYN_RECEIVED)

    def _between_incarnations(self, side: Side, block: SegmentBlock, i: int) -> Side:
        """While a SYN waits for an answer on a tuple whose old connection still lives: whose is this segment?"""
        connection = side.connection
        shadow = connection.shadow
        assert shadow is not None
        flags, seq = block.flags[i], block.seq[i]
        from_caller = side.key == shadow.a.key
        if from_caller and flags & (SYN | ACK | RST | FIN) == SYN:
            if seq != shadow.a.isn:
                for segment in shadow.log:
                    connection.anomalies.append(("stray-syn", segment.frame, "a SYN with another initial number that nothing answered"))
                connection.shadow = None
                return self._bare_syn(side, block, i, connection.slot)
            if self._acceptable(side, block, i):
                self._promote(connection, shadow)
            return shadow.a
        answers = block.ack[i] in ((shadow.a.isn + 1) & MASK, shadow.a.next_seq)
        if not from_caller and flags & ACK and flags & (SYN | RST) and answers:
            self._promote(connection, shadow)
            return shadow.b
        return side

    def _promote(self, connection: Connection, shadow: Connection) -> None:
        """The waiting SYN was answered: the new incarnation takes over the tuple."""
        connection.shadow = None
        connection.reused_by = shadow
        self.forget(connection)
        self._enlist(shadow)

    # -- what it does to its side -----------------------------------------------------------------------------------

    def _count(self, side: Side, block: SegmentBlock, i: int) -> None:
        side.packets += 1
        side.last_ns = block.time_ns[i]
        side.connection.end_ns = max(side.connection.end_ns, block.time_ns[i])
        side.connection.last_frame = block.frame[i]

    def _account(self, side: Side, block: SegmentBlock, i: int) -> None:
        """Sequence space, counters, history and log of one segment that is not plain."""
        connection, peer = side.connection, side.peer
        if connection.self_connect:
            peer = side
        flags, seq, payload, time_ns = block.flags[i], block.seq[i], block.payload[i], block.time_ns[i]
        end = (seq + payload + (1 if flags & SYN else 0) + (1 if flags & FIN else 0)) & MASK
        marks = 0
        if self._is_copy(side, block, i):
            self.duplicates += 1
            side.copies += 1
            marks = COPY
        else:
            side.packets += 1
            self._letters(side, block, i)
            marks = STRAY if self._is_stray(side, peer, block, i, end) else self._sequence(side, peer, block, i, end)
        previous_ns = connection.end_ns
        in_order = time_ns >= connection.end_ns
        if in_order:
            connection.end_ns = time_ns
        if time_ns < connection.start_ns:
            connection.start_ns = time_ns
        connection.last_frame = block.frame[i]
        if flags & (ACK | RST) == ACK and not marks & STRAY and peer.has_seq and ahead(block.ack[i], peer.next_seq) > 0:
            marks |= AHEAD
        if marks or not in_order or flags & RST or block.notes[i]:
            connection.plain = False
        self._log(side, peer, block, i, end, marks, time_ns - previous_ns)
        self._after(side, block, i, marks)

    def _is_stray(self, side: Side, peer: Side, block: SegmentBlock, i: int, end: int) -> bool:
        """Whether a segment's numbers lie outside everything that this connection can be about (RFC 9293 3.10.7.4).

        A capture that missed much looks the same for one segment; the next one in a row is believed.
        """
        flags, seq = block.flags[i], block.seq[i]
        if not side.has_seq or flags & (SYN | RST) or side.connection.phase == OPENING and not side.spoke and not side.syn_seen:
            return False
        beyond = ahead(seq, side.next_seq)
        room = max(peer.last_window << (peer.window_scale if peer.window_scale >= 0 else 14), 32768) * 2
        before_opening = side.syn_seen and side.payload_bytes < 1 << 30 and ahead(seq, side.isn) < 0
        if (beyond <= room and not before_opening) or seq == side.stray_next:
            side.stray_next = -1
            return False
        side.stray_next = end
        return True

    def _letters(self, side: Side, block: SegmentBlock, i: int) -> None:
        flags = block.flags[i]
        if flags & SYN:
            self._history(side, 2, "h") if flags & ACK else self._history(side, 1, "s")
        if flags & RST:
            self._history(side, 32, "r")
        elif flags & FIN:
            self._history(side, 16, "f")
        if block.payload[i]:
            self._history(side, 8, "d")
        elif flags & (SYN | FIN | RST | ACK) == ACK:
            self._history(side, 4, "a")

    def _history(self, side: Side, bit: int, letter: str) -> None:
        """Zeek's letter, once for each side; its case is given when the client is known."""
        if not side.history_bits & bit:
            side.history_bits |= bit
            side.connection.history.append(letter + ("01"[side.number]))

    def _is_copy(self, side: Side, block: SegmentBlock, i: int) -> bool:
        """Whether this is a segment captured before, once more: a mirror port's, `-i any`'s or the network's own copy.

        A sender gives every retransmission a new IP ID; where it gives none (0, or IPv6), the time tells: a copy comes
        before any timer could have run, and nothing came in between that calls for the same answer again.
        """
        if side.last_seq < 0 or block.notes[i] & HEADER_CUT:
            return False
        seq, ip_id, time_ns = block.seq[i], block.ip_id[i], block.time_ns[i]
        flags, payload, ack = block.flags[i], block.payload[i], block.ack[i]
        if (seq == side.last_seq and ack == side.last_ack and flags == side.last_flags and payload == side.last_payload
                and block.window[i] == side.last_window and ip_id == side.last_ip_id):
            return self._same_again(side, block, i, side.last_ns, side.last_interface)
        if ip_id > 0 and side.recent is not None and seq << 16 | ip_id in side.recent.values():
            return True
        for segment in reversed(side.connection.log):
            if (segment.side == side.number and segment.seq == seq and segment.ip_id == ip_id and segment.flags == flags
                    and segment.ack == ack and segment.payload == payload and segment.window == block.window[i]):
                return self._same_again(side, block, i, segment.time_ns, segment.interface)
        return False

    def _same_again(self, side: Side, block: SegmentBlock, i: int, before_ns: int, interface: int) -> bool:
        """Of two equal segments: is the second a copy of the first?"""
        if block.ip_id[i] > 0:
            return True
        gap_ns = block.time_ns[i] - before_ns
        if gap_ns > COPY_NS:
            return False
        if block.interface[i] != interface:
            return True
        if block.payload[i] or block.flags[i] & FIN:
            return bool(block.options[i] & OPT_TIMESTAMPS) or gap_ns < MIRROR_NS
        if block.flags[i] & SYN and not block.flags[i] & ACK:
            return True
        peer = side.peer
        answered = peer.last_ns > before_ns and peer.last_seq >= 0
        return not answered and (gap_ns < MIRROR_NS or block.flags[i] & SYN > 0)

    def _sequence(self, side: Side, peer: Side, block: SegmentBlock, i: int, end: int) -> int:
        """Move the side's sequence numbers on; returns the marks that its segment earns."""
        flags, seq, payload = block.flags[i], block.seq[i], block.payload[i]
        marks = 0
        if flags & SYN:
            if not side.syn_seen:
                side.syn_seen = True
                side.isn = seq
                if not side.has_seq or ahead(end, side.next_seq) > 0:
                    side.next_seq = end
                side.has_seq = True
                side.payload_bytes += payload
            elif seq == side.isn:
                marks |= REPEAT
                if not (flags & ACK and not side.synack_seen):
                    side.retransmissions += 1
                if ahead(end, side.next_seq) > 0:
                    side.payload_bytes += payload
                    side.next_seq = end
            if flags & ACK:
                side.synack_seen = True
        elif flags & RST:
            pass  # a RST has no place in the sender's own sequence space (RFC 9293 3.10.7.1)
        elif not side.has_seq:
            side.has_seq = True
            side.next_seq = end
            side.payload_bytes += payload
        elif payload or flags & FIN:
            marks |= self._coverage(side, seq, payload, end, flags)
            if marks & PROBE:
                self._probe(side, peer, block, i)
        elif ahead(seq, side.next_seq) > 0:
            marks |= GAP
            if side.holes is None:
                side.holes = []
            side.holes.append((side.next_seq, seq))
            side.next_seq = seq
        elif seq == (side.next_seq - 1) & MASK and payload == 0 and side.connection.phase != OPENING and not side.fin_seen:
            marks |= PROBE
            self._probe(side, peer, block, i)
        if flags & FIN and not flags & (SYN | RST):
            if side.fin_seen and marks & REPEAT:
                side.fin_repeats += 1
            side.fin_seen = True
        if not flags & RST:
            if flags & ACK:
                if not side.has_ack or ahead(block.ack[i], side.max_ack) > 0:
                    side.max_ack = block.ack[i]
                side.has_ack = True
                if not flags & SYN:
                    side.spoke = True
            if flags & SYN and block.window_scale[i] >= 0:
                side.window_scale = block.window_scale[i]
        if block.options[i] & OPT_TIMESTAMPS and not flags & RST and (not side.tsval_known or ahead(block.tsval[i], side.tsval) > 0):
            side.tsval = block.tsval[i]
            side.tsval_known = True
        return marks

    def _probe(self, side: Side, peer: Side, block: SegmentBlock, i: int) -> None:
        """A segment below the window that asks for an answer: of a zero window, or of a silent peer."""
        side.probes += 1
        code = "zero-window-probe" if peer.window_zero else "keep-alive-probe"
        if all(anomaly[0] != code for anomaly in side.connection.anomalies):
            why = "it asks whether the peer has room again" if peer.window_zero else "it asks whether the peer is still there"
            side.connection.anomalies.append((code, block.frame[i], why))

    def _coverage(self, side: Side, seq: int, payload: int, end: int, flags: int) -> int:
        """Data or a FIN: new, filling a hole, or repeated."""
        beyond = ahead(seq, side.next_seq)
        if beyond == 0:
            side.payload_bytes += payload
            side.next_seq = end
            return 0
        if beyond > 0:
            if side.holes is None:
                side.holes = []
            if len(side.holes) < 256:
                side.holes.append((side.next_seq, seq))
            side.payload_bytes += payload
            side.next_seq = end
            return GAP
        if payload <= 1 and beyond == -1 and not flags & FIN and end == side.next_seq and not side.fin_seen:
            # a byte below the window that was sent before (RFC 9293 3.8.4, 3.8.6.1)
            return PROBE
        fresh = max(ahead(end, side.next_seq), 0)
        filled = self._fill(side, seq, (seq + payload) & MASK) if side.holes else 0
        fresh_payload = max(fresh - (1 if flags & FIN else 0), 0)
        side.payload_bytes += filled + fresh_payload
        if fresh > 0:
            side.next_seq = end
        new_fin = flags & FIN and not side.fin_seen
        if filled >= payload > 0 or (payload == 0 and new_fin):
            return GAP
        if fresh > 0 and fresh_payload + filled >= payload:
            return 0
        side.retransmissions += 1
        return REPEAT

    def _fill(self, side: Side, start: int, end: int) -> int:
        """Bytes of the side's holes that this segment covers; they are holes no longer."""
        filled = 0
        kept: list[tuple[int, int]] = []
        for left, right in side.holes or ():
            low = start if ahead(start, left) > 0 else left
            high = end if ahead(right, end) > 0 else right
            if ahead(high, low) <= 0:
                kept.append((left, right))
                continue
            filled += ahead(high, low)
            if ahead(low, left) > 0:
                kept.append((left, low))
            if ahead(right, high) > 0:
                kept.append((high, right))
        side.holes = kept or None
        return filled

    # -- log --------------------------------------------------------------------------------------------------------

    def _log(self, side: Side, peer: Side, block: SegmentBlock, i: int, end: int, marks: int, gap_ns: int) -> None:
        """Remember the segment if it may decide a state."""
        connection = side.connection
        flags = block.flags[i]
        remarkable = flags & (SYN | FIN | RST) or marks & (AHEAD | STRAY)
        if remarkable:
            if len(connection.log) >= LOG_LIMIT:
                return
            connection.budget = BUDGET
        else:
            if connection.phase == QUIET:
                return
            news = (connection.phase == CLOSING and flags & ACK and peer.fin_seen and block.ack[i] == peer.next_seq
                    and side.last_ack != block.ack[i])
            if news:
                connection.budget = BUDGET
            elif connection.budget <= 0:
                return
            else:
                connection.budget -= 1
        segment = Segment()
        segment.time_ns, segment.frame, segment.side = block.time_ns[i], block.frame[i], side.number
        segment.flags, segment.seq, segment.end, segment.ack = flags, block.seq[i], end, block.ack[i]
        segment.payload, segment.window = block.payload[i], block.window[i]
        segment.options, segment.tsval, segment.tsecr = block.options[i], block.tsval[i], block.tsecr[i]
        segment.sack_left, segment.sack_right = block.sack_left[i], block.sack_right[i]
        segment.ip_id, segment.ttl, segment.interface = block.ip_id[i], block.ttl[i], block.interface[i]
        segment.marks = marks
        segment.gap_ns = gap_ns
        if flags & RST:
            segment.peer_data_ns = peer.last_data_ns
            if side.has_ack and peer.has_seq:
                segment.peer_unread = max(ahead(peer.next_seq, side.max_ack), 0)
        connection.log.append(segment)
        if connection.plain:
            covers = 2 if peer.fin_seen and block.ack[i] == peer.next_seq else 1
            code = (side.number << 5 | (1 if flags & SYN else 0) << 4 | (1 if flags & FIN else 0) << 3
                    | (1 if block.payload[i] else 0) << 2 | (covers if flags & ACK else 0))
            if connection.signature >> 60:
                connection.plain = False
            connection.signature = connection.signature << 6 | code

    def _after(self, side: Side, block: SegmentBlock, i: int, marks: int) -> None:
        """Remember the segment as its side's last, and move the connection's phase on."""
        connection = side.connection
        flags = block.flags[i]
        if marks & STRAY:
            return
        side.last_ns = block.time_ns[i]
        if block.payload[i]:
            side.last_data_ns = block.time_ns[i]
        side.last_seq, side.last_ack, side.last_flags = block.seq[i], block.ack[i], flags
        side.last_payload, side.last_window, side.last_ip_id = block.payload[i], block.window[i], block.ip_id[i]
        side.last_checksum, side.last_interface = block.checksum[i], block.interface[i]
        if not flags & RST:
            side.ttl = block.ttl[i]
            if not block.window[i] and not flags & (SYN | FIN) and not marks & COPY:
                if not side.window_zero:
                    self._history(side, 64, "w")
                    side.zero_windows += 1
                    if side.zero_windows == 1:
                        connection.anomalies.append(("zero-window", block.frame[i], "it has no room for more data"))
                side.window_zero = True
            elif block.window[i]:
                side.window_zero = False
        if flags & (FIN | RST):
            connection.phase = CLOSING
        elif connection.phase == OPENING and ((side.spoke and side.peer.spoke) or connection.budget <= 0):
            connection.phase = QUIET

    # -- time -------------------------------------------------------------------------------------------------------

    def _schedule(self, connection: Connection) -> None:
        """Look at the connection again when its patience may have run out."""
        second = (connection.end_ns + self._patience_ns(connection)) // SECOND_NS + 1
        bucket = self.deadlines.get(second)
        if bucket is None:
            self.deadlines[second] = [connection]
        else:
            bucket.append(connection)

    def _sweep(self, block: SegmentBlock) -> None:
        """Retire what is over. The clock is the earlier of a block's last two stamps, so that one wild stamp moves nothing."""
        last = block.count - 1
        self.clock_ns = min(block.time_ns[last], block.time_ns[last - 1] if last else self.last_ns or block.time_ns[last])
        self.last_ns = block.time_ns[last]
        now = (self.clock_ns - 10 * SECOND_NS) // SECOND_NS
        for second in sorted(second for second in self.deadlines if second <= now):
            for connection in self.deadlines.pop(second):
                if self.sides.get(connection.a.key) is not connection.a and self.sides.get(connection.b.key) is not connection.b:
                    continue
                if self._is_over(connection, now * SECOND_NS):
                    self.forget(connection)
                else:
                    self._schedule(connection)

    def finish(self) -> None:
        """The capture has ended: hand on everything that is left, in order of the first frame."""
        rest = {id(side.connection): side.connection for side in self.sides.values()}
        for connection in sorted(rest.values(), key=lambda c: c.first_frame):
            self.forget(connection)


def finished(connection: Connection) -> bool:
    """Whether nothing more is to be expected of a connection: reset, or both FINs acknowledged."""
    a, b = connection.a, connection.b
    if connection.self_connect:
        return a.fin_seen and a.max_ack == a.next_seq
    if any(segment.flags & RST for segment in connection.log[-8:]):
        return True
    return a.fin_seen and b.fin_seen and a.max_ack == b.next_seq and b.max_ack == a.next_seq
