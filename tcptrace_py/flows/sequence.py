# cython: boundscheck=False, wraparound=False
"""What a segment does to its side's sequence numbers (RFC 9293 3.4, 3.8.4, 3.10.7): new, behind a gap, repeated, a probe, a stray."""

from tcptrace_py.model.live import AHEAD, CLOSING, GAP, OPENING, PROBE, REPEAT, STRAY, Side
from tcptrace_py.model.segments import ACK, FIN, OPT_TIMESTAMPS, RST, SYN, Columns
from tcptrace_py.model.seq import MASK, ahead

from .copies import COPY_NS
from .incarnations import MOST_SCALE, latest_tsval, room

PLAUSIBLE_BYTES = 1 << 20  # of an opener: so much may have been sent behind its SYN and not captured before its peer's first segment
MOST_HOLES = 256  # of a side's sequence space that are remembered


def is_stray(side: Side, peer: Side, columns: Columns, i: int, end: int) -> bool:
    """Whether a segment's numbers lie outside everything that this connection can be about (RFC 9293 3.10.7.4).

    A capture that missed much looks the same for one segment; the next one in a row is believed.
    """
    flags, seq = columns.flags[i], columns.seq[i]
    if flags & (SYN | RST):
        return False
    if not side.has_seq:
        # RFC 9293 3.10.7.3, first: in SYN_SENT it is no answer, but of an old connection's, and is itself answered by a RST
        return bool(
            flags & ACK
            and peer.syn_seen
            and not peer.spoke
            and not peer.synack_seen
            and peer is not side
            and not 0 < ahead(columns.ack[i], peer.isn) < PLAUSIBLE_BYTES
        )
    beyond = ahead(seq, side.next_seq)
    before_opening = side.syn_seen and side.payload_bytes < 1 << 30 and ahead(seq, side.isn) < 0
    if beyond <= room(peer, MOST_SCALE) and not before_opening:
        return False
    if side.syn_seen and not side.spoke and peer is not side and _goes_on_elsewhere(side, seq):
        return False
    rare = side.needs_rare()
    tsval = latest_tsval(side.connection, side.number)
    if seq == rare.stray_next and not (tsval >= 0 and columns.options[i] & OPT_TIMESTAMPS and ahead(columns.tsval[i], tsval) < 0):
        rare.stray_next = -1
        return False
    rare.stray_next = end
    return True


def unseen(peer: Side, columns: Columns, i: int) -> int:
    """AHEAD if the segment acknowledges what was never captured: beyond the peer's last byte, or across a hole."""
    ack = columns.ack[i]
    if columns.flags[i] & (ACK | RST | SYN) != ACK or not peer.has_seq:
        return 0
    if ahead(ack, peer.next_seq) > 0:
        if peer.rare is not None and peer.rare.probe_end == ack:  # the byte of a window probe was accepted
            peer.next_seq = ack
            peer.payload_bytes += 1
            return 0
        if peer.rare is not None and peer.rare.stray_next == ack:
            _adopt(peer)  # received, so it was this connection's: what lies before it was not captured
        else:
            return AHEAD
    if peer.holes is not None and ahead(peer.holes[0][1], ack) <= 0:
        peer.holes = [hole for hole in peer.holes if ahead(hole[1], ack) > 0] or None
        return AHEAD
    return 0


def _adopt(side: Side) -> None:
    """Take a side's latest stray segment for what it is: the first behind a gap in the capture.

    Its bytes stay uncounted: whoever was told of it as a stray (`observer`) has counted none.
    """
    connection, rare = side.connection, side.needs_rare()
    log = connection.log
    for at in range(len(log) - 1, -1, -1):
        segment = log[at]
        if segment.side != side.number or segment.end != rare.stray_next or not segment.marks & STRAY:
            continue
        segment.marks = segment.marks & ~STRAY | GAP
        rare.stray_next = -1
        _add_hole(side, segment.seq)
        side.next_seq = segment.end
        side.last_ns = max(side.last_ns, segment.time_ns)
        if segment.payload:
            side.last_data_ns = max(side.last_data_ns, segment.time_ns)
        if segment.flags & FIN:
            side.fin_seen = True
            connection.phase = CLOSING
        if not side.has_ack or ahead(segment.ack, side.max_ack) > 0:
            side.max_ack = segment.ack
        side.has_ack = side.spoke = True
        return


def advance(side: Side, peer: Side, columns: Columns, i: int, end: int) -> int:
    """Move the side's sequence numbers on; returns the marks that its segment earns."""
    flags, seq, payload = columns.flags[i], columns.seq[i], columns.payload[i]
    marks = 0
    if flags & RST or not flags & (SYN | ACK):
        return 0  # a RST has no place in the sender's own sequence space (RFC 9293 3.10.7.1), nor has what is dropped (3.10.7.4, fifth)
    if flags & SYN:
        marks |= _synchronize(side, peer, columns, i, end)
        if marks & STRAY:
            return marks
    elif not side.has_seq:
        side.has_seq = True
        side.next_seq = end
        side.payload_bytes += payload
    elif payload or flags & FIN:
        marks |= _coverage(side, peer, seq, payload, end, flags)
    elif ahead(seq, side.next_seq) > 0:
        marks |= GAP
        _add_hole(side, seq)
        side.next_seq = seq
    elif seq == (side.next_seq - 1) & MASK and side.connection.phase != OPENING and not side.fin_seen:
        marks |= PROBE
    if marks & PROBE:
        _probe(side, peer, columns.frame[i])
    if flags & FIN and flags & ACK:
        if side.fin_seen and marks & REPEAT:
            rare = side.needs_rare()
            rare.fin_repeats += 1
        side.fin_seen = True
    if flags & ACK:
        if not side.spoke and not flags & SYN and peer.synack_seen and peer is not side:
            _take_answer(peer, columns.ack[i])
        if not side.has_ack or ahead(columns.ack[i], side.max_ack) > 0:
            side.max_ack = columns.ack[i]
        side.has_ack = True
    if flags & (ACK | SYN) == ACK:
        side.spoke = True
    return marks


def _take_answer(side: Side, ack: int) -> None:
    """Of a side's SYN/ACKs with different numbers the one that its peer acknowledges counts (RFC 9293 3.10.7.3)."""
    if ack == (side.isn + 1) & MASK:
        return
    for segment in side.connection.log:
        if (
            segment.side == side.number
            and segment.flags & (SYN | ACK | RST) == SYN | ACK
            and ack in ((segment.seq + 1) & MASK, segment.end)
            and segment.seq != side.isn
            and not side.spoke
        ):
            side.isn = segment.seq
            side.next_seq = segment.end
            side.peer.max_ack = segment.seq
            return


def _goes_on_elsewhere(side: Side, seq: int) -> bool:
    """Whether a side's SYN is not this connection's: its peer acknowledged another number, and it goes on from that one.

    The SYN/ACK that its peer took was not captured, or its SYN came over a connection whose begin was not captured.
    """
    log, number, found = side.connection.log, side.number, False
    for segment in log:
        if segment.side != number and segment.flags & (ACK | RST) == ACK:
            if 0 < ahead(segment.ack, side.isn) < PLAUSIBLE_BYTES:
                return False
            found = found or (segment.ack == seq and not segment.flags & SYN)
    if not found:
        return False
    for segment in log:
        if segment.side == number and segment.flags & SYN:
            segment.marks |= STRAY
    side.syn_seen = side.synack_seen = side.connection.plain = False
    side.next_seq = seq
    return True


def _synchronize(side: Side, peer: Side, columns: Columns, i: int, end: int) -> int:
    flags, seq, ack = columns.flags[i], columns.seq[i], columns.ack[i]
    marks = 0
    if flags & ACK and peer.syn_seen and peer is not side and not 0 < ahead(ack, peer.isn) <= max(ahead(peer.next_seq, peer.isn), 1):
        return STRAY  # it answers no SYN of this connection (RFC 9293 3.10.7.3)
    if side.syn_seen and seq != side.isn and flags & ACK and not peer.has_ack:
        side.syn_seen = False  # answered anew with another number before the first answer was taken
        side.next_seq = end
    if not side.syn_seen:
        side.syn_seen = True
        side.isn = seq
        if not side.has_seq or ahead(end, side.next_seq) > 0:
            side.next_seq = end
            side.payload_bytes += columns.payload[i]
        side.has_seq = True
        if not peer.has_ack:
            peer.max_ack = seq
    elif seq != side.isn:
        return STRAY  # of an earlier incarnation, or the answer to a SYN of it
    else:
        marks |= REPEAT
        if not (flags & ACK and not side.synack_seen):
            rare = side.needs_rare()
            rare.retransmissions += 1
        if ahead(end, side.next_seq) > 0:
            side.payload_bytes += columns.payload[i]
            side.next_seq = end
    if flags & ACK:
        side.synack_seen = True
    if columns.window_scale[i] >= 0:
        side.window_scale = columns.window_scale[i]
    return marks


def _probe(side: Side, peer: Side, frame: int) -> None:
    """A segment that only asks for an answer: of a zero window, or of a silent peer."""
    code = "zero-window-probe" if peer.window_zero else "keep-alive-probe"
    for anomaly in side.connection.anomalies or ():
        if anomaly[0] == code:
            return
    side.connection.note(
        code, frame, "it asks whether the peer has room again" if peer.window_zero else "it asks whether the peer is still there"
    )


def _add_hole(side: Side, seq: int) -> None:
    if side.holes is None:
        side.holes = []
    if len(side.holes) < MOST_HOLES:
        side.holes.append((side.next_seq, seq))


def _coverage(side: Side, peer: Side, seq: int, payload: int, end: int, flags: int) -> int:
    """Data or a FIN: new, filling a hole, repeated, or a probe (RFC 9293 3.8.4, 3.8.6.1)."""
    beyond = ahead(seq, side.next_seq)
    if (
        payload == 1
        and not flags & FIN
        and not side.fin_seen
        and (
            (beyond == 0 and peer.window_zero)
            or (beyond == -1 and end == side.next_seq and (peer.window_zero or peer.max_ack == side.next_seq))
        )
    ):
        if beyond == 0:
            side.needs_rare().probe_end = end
        return PROBE
    if beyond >= 0:
        if beyond:
            _add_hole(side, seq)
            side.needs_rare().sacked_end = end
        side.payload_bytes += payload
        side.next_seq = end
        return GAP if beyond else 0
    fresh = max(ahead(end, side.next_seq), 0)
    filled = 0
    if side.holes and ahead(end, side.holes[0][0]) > 0 > ahead(seq, side.holes[len(side.holes) - 1][1]):  # holes are in order
        filled = _fill(side, seq, (seq + payload) & MASK)
        if flags & FIN:
            _fill(side, (seq + payload) & MASK, end)  # its FIN's own number is no payload
    fresh_payload = max(fresh - (1 if flags & FIN else 0), 0)
    side.payload_bytes += filled + fresh_payload
    if fresh > 0:
        side.next_seq = end
    new_fin = flags & FIN and not side.fin_seen
    if flags & FIN and side.fin_seen:
        rare = side.needs_rare()
        rare.retransmissions += 1
        return REPEAT
    if filled >= payload > 0 or (payload == 0 and new_fin):
        return GAP
    if fresh > 0 and fresh_payload + filled >= payload:
        return 0
    rare = side.needs_rare()
    rare.retransmissions += 1
    return REPEAT


def _fill(side: Side, start: int, end: int) -> int:
    """Bytes of the side's holes that this segment covers; they are holes no longer."""
    filled = 0
    kept: list[tuple[int, int]] = []
    if side.holes is None:
        return 0
    for hole in side.holes:
        left, right = hole
        low = start if ahead(start, left) > 0 else left
        high = end if ahead(right, end) > 0 else right
        if ahead(high, low) <= 0:
            kept.append(hole)
            continue
        filled += ahead(high, low)
        before, behind = ahead(low, left), ahead(right, high)
        if len(side.holes) >= MOST_HOLES:  # of the two that it may become the larger one is kept
            if before < behind:
                before = 0
            else:
                behind = 0
        if before > 0:
            kept.append((left, low))
        if behind > 0:
            kept.append((high, right))
    if filled:
        side.holes = kept or None
    return filled


def put_before_early(side: Side, peer: Side, time_ns: int) -> None:
    """What was acknowledged before it was captured comes first in the log, where all of it follows at once: nothing was lost.

    It had been sent by then, so its time is that of its acknowledgement. A timer would have sent it again later.
    """
    rare, log = side.needs_rare(), side.connection.log
    if side.holes is not None or not 0 <= time_ns - rare.early_ns <= COPY_NS:
        rare.early_ns = 0
        return
    if ahead(peer.max_ack, side.next_seq) > 0:
        return
    at = len(log)
    for place in range(len(log) - 1, -1, -1):
        segment = log[place]
        if segment.side == peer.number and segment.marks & AHEAD and segment.time_ns >= rare.early_ns:
            segment.marks &= ~AHEAD
            at = place
    late = [segment for segment in log[at:] if segment.side == side.number]
    for segment in late:
        segment.time_ns = min(segment.time_ns, rare.early_ns)
    log[at:] = late + [segment for segment in log[at:] if segment.side != side.number]
    rare.early_ns = 0
