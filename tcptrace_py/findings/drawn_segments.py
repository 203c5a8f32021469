"""What each segment of one connection is: new, sent again, a copy, a probe, ahead of something missing.

The flow table alone follows the sequence numbers (flows/table.py); here is told, segment by segment, what it made of them.
"""

from collections import deque
from collections.abc import Iterable
from itertools import islice

from tcptrace_py.model import live
from tcptrace_py.model.addresses import key_of
from tcptrace_py.model.ladder import (
    AFTER_GAP,
    AGAIN_ACK,
    COPY,
    FILLS_GAP,
    LATE_COPY,
    PROBE,
    SENT_AGAIN,
    STRAY,
    UNSEEN,
    WINDOW_FULL,
    WINDOW_PROBE,
    DrawnSegment,
    Sent,
)
from tcptrace_py.model.results import Connection
from tcptrace_py.model.segments import (
    ACK,
    FIN,
    HEADER_CUT,
    OPT_TIMESTAMPS,
    QUOTED,
    RST,
    SYN,
    SegmentBlock,
    plain_key,
    reverse_key,
)
from tcptrace_py.model.seq import MASK, ahead

RECENT = 16  # segments of a side that a copy is looked for among
HEAD = 10_000  # segments among which a SYN is looked for, and what else numbers count from
REMEMBERED = 20_000  # segments of a side that a repetition is looked for among


class _Side:
    """A side as the flow table left it after the segment before, and which segments may be named again."""

    def __init__(self) -> None:
        self.base: int | None = None  # relative numbers count from here
        self.next_seq: int | None = None
        self.max_ack: int | None = None
        self.window = -1
        self.holes: list[tuple[int, int]] | None = None
        self.payload_bytes = 0
        self.retransmissions = 0
        self.zero_windows = 0
        self.probe: DrawnSegment | None = None  # its latest
        self.asked = False  # by it, and not answered yet
        self.first: dict[int, DrawnSegment] = {}  # by sequence number: the latest segment that began there
        self.recent: deque[DrawnSegment] = deque(maxlen=RECENT)

    def keep(self, side: live.Side) -> None:
        """Remember how the side stands now."""
        self.next_seq = side.next_seq if side.has_seq else None
        self.max_ack = side.max_ack if side.has_ack else None
        self.window, self.holes, self.payload_bytes = side.window, side.holes, side.payload_bytes
        if side.rare is not None:
            self.retransmissions, self.zero_windows = side.rare.retransmissions, side.rare.zero_windows


class DrawnSegments:
    """Observes a flow table and makes the segments of one connection's ladder.

    `others` are the other connections on its four-tuple: a SYN that comes over this connection and begins none of them
    is shown as a stray.
    """

    def __init__(self, connection: Connection, others: Iterable[Connection] = ()) -> None:
        self.key = key_of(connection.client, connection.server)  # whatever tunnels its segments came through
        self.reverse = reverse_key(self.key)
        self.alone = connection.server_side is None
        self.first_frame, self.last_frame, self.end_ns = connection.first_frame, connection.last_frame, connection.end_ns
        self.begun = {other.first_frame for other in others}
        self.live: live.Connection | None = None
        self.sides = (_Side(), _Side())  # the server's, the client's: by `Sent.from_client`
        self.made: list[DrawnSegment] = []  # and not handed out yet
        self.has_bases = False
        self.before_ns: int | None = None
        self.unseen: list[DrawnSegment] = []  # that acknowledge what may yet come

    def __call__(self, side: live.Side | None, block: SegmentBlock, i: int, marks: int) -> None:
        """Take in a row as the flow table took it (`flows.table.FlowTable`)."""
        if side is None or block.notes[i] & QUOTED or self._is_later(block, i):
            return
        key, connection = plain_key(side.key), side.connection
        if key not in (self.key, self.reverse):
            return
        from_client = key == self.key
        if connection is self.live or connection.first_frame == self.first_frame:
            self.live = connection
            self._forget_unseen(side)
            segment = self._segment(block, i, from_client=from_client)
            segment.marks = self._marks(segment, side, marks)
            segment.counted = marks & (live.COPY | live.DELAYED) != live.COPY
            self.sides[from_client].keep(side)
            if not self.alone:
                self.sides[not from_client].keep(side.peer)
        elif self.live is not None and self.live.shadow is connection and connection.first_frame not in self.begun:
            segment = self._segment(block, i, from_client=from_client)
            segment.marks = self._copied(segment, marks) if marks & live.COPY else (STRAY,)
            is_given_back = not live.begins_with_syn(connection) or live.opens_as_before(self.live, connection)
            segment.counted = is_given_back and not marks & live.COPY

    def _forget_unseen(self, side: live.Side) -> None:
        """Take back that something was never captured where it was captured just behind its acknowledgement (`Rare.early_ns`)."""
        peer = side if self.alone else side.peer
        if self.unseen and not any(one.rare is not None and one.rare.early_ns for one in (side, peer)):
            missing = {segment.frame for segment in side.connection.log if segment.marks & live.AHEAD}
            for segment in self.unseen:
                if segment.sent.frame not in missing:
                    segment.marks = tuple(mark for mark in segment.marks if mark != UNSEEN)
            self.unseen.clear()

    def _is_later(self, block: SegmentBlock, i: int) -> bool:
        """Whether a row comes behind the connection's last segment, which in a capture out of order need not have the last frame."""
        return block.frame[i] > self.last_frame and block.time_ns[i] >= self.end_ns

    def ready(self, *, last: bool = False) -> list[DrawnSegment]:
        """DrawnSegments made since the last call; the first ones when it is clear what numbers count from (`last`: nothing more comes).

        A segment learns of what comes later (`again_in`) after it was given.
        """
        if not self.has_bases:
            if len(self.made) < HEAD and not last:
                return []
            self.has_bases = True
            self._set_bases()
        made, self.made = self.made, []
        for segment in made:
            side = self.sides[segment.sent.from_client]
            peer = side if self.alone else self.sides[not segment.sent.from_client]
            segment.seq = _relative(segment.sent.seq, side.base)
            segment.ack = _relative(segment.sent.ack, peer.base) if segment.sent.flags & ACK else None
        return made

    def _segment(self, block: SegmentBlock, i: int, *, from_client: bool) -> DrawnSegment:
        sent = Sent(block.frame[i], block.time_ns[i], from_client, block.flags[i] & 0xFF, block.seq[i], block.ack[i], block.payload[i],
                    block.window[i], block.ip_id[i], block.tsval[i] if block.options[i] & OPT_TIMESTAMPS else None,
                    block.interface[i], bool(block.notes[i] & HEADER_CUT))  # fmt: skip
        segment = DrawnSegment(sent, sent.seq, None)
        segment.delay_ns = 0 if self.before_ns is None else sent.time_ns - self.before_ns
        self.before_ns = sent.time_ns if self.before_ns is None else max(self.before_ns, sent.time_ns)
        self.made.append(segment)
        return segment

    def _marks(self, segment: DrawnSegment, side: live.Side, marks: int) -> tuple[str, ...]:
        """What the flow table found, by its marks and by what it changed."""
        sent, before = segment.sent, self.sides[segment.sent.from_client]
        self._tell_new_bytes(segment, side)
        if marks & live.COPY:
            return self._copied(segment, marks)
        before.recent.append(segment)
        if marks & live.STRAY:
            return (STRAY,)
        found = []
        if marks & live.PROBE:
            before.asked = True
            before.probe = segment
            found.append(WINDOW_PROBE if (side if self.alone else side.peer).window_zero else PROBE)
        if side.rare is not None and side.rare.retransmissions > before.retransmissions:
            self._again(segment)
            found.append(SENT_AGAIN)
        if before.holes and side.holes != before.holes and before.next_seq is not None and ahead(sent.seq, before.next_seq) < 0:
            found.append(FILLS_GAP)
        elif marks & live.GAP and before.next_seq is not None and ahead(sent.seq, before.next_seq) > 0:
            found.append(AFTER_GAP)
        if (sent.payload or sent.flags & (SYN | FIN)) and not marks & live.PROBE and not sent.flags & RST:
            self._remember(segment)
        if marks & live.AHEAD and (before.max_ack is None or ahead(sent.ack, before.max_ack) > 0):
            found.append(UNSEEN)
            self.unseen.append(segment)
        elif not found and self._is_same_ack(sent, side):
            found.append(AGAIN_ACK)
        if side.rare is not None and side.rare.zero_windows > before.zero_windows:
            found.append(WINDOW_FULL)
        return tuple(found)

    def _tell_new_bytes(self, segment: DrawnSegment, side: live.Side) -> None:
        """Say what new payload the flow table has counted: the segment's own, or the byte of the peer's probe that it accepts."""
        own, peers = self.sides[segment.sent.from_client], self.sides[not segment.sent.from_client]
        segment.new_bytes = side.payload_bytes - own.payload_bytes
        if peers.probe is not None and not self.alone:
            peers.probe.new_bytes += side.peer.payload_bytes - peers.payload_bytes

    def _copied(self, segment: DrawnSegment, marks: int) -> tuple[str, ...]:
        """Name the segment that this one is a second capture of."""
        sent, side = segment.sent, self.sides[segment.sent.from_client]
        found = [other for other in (side.first.get(sent.seq), *side.recent) if other is not None and _is_copy(sent, other.sent)]
        if found:
            segment.of, segment.after_ns = found[-1].sent.frame, sent.time_ns - found[-1].sent.time_ns
        return (LATE_COPY,) if marks & live.DELAYED else (COPY,)

    def _again(self, segment: DrawnSegment) -> None:
        """Name the segment that this one repeats, where one began at the same number."""
        earlier = self.sides[segment.sent.from_client].first.get(segment.sent.seq)
        if earlier is not None:
            segment.of, segment.after_ns = earlier.sent.frame, segment.sent.time_ns - earlier.sent.time_ns
            earlier.again_in = segment.sent.frame

    def _remember(self, segment: DrawnSegment) -> None:
        first = self.sides[segment.sent.from_client].first
        first[segment.sent.seq] = segment
        if len(first) > 2 * REMEMBERED:
            for seq in list(islice(first, REMEMBERED)):
                del first[seq]

    def _is_same_ack(self, sent: Sent, side: live.Side) -> bool:
        """Whether it acknowledges the same once more, and no probe asked for that."""
        before, peers = self.sides[sent.from_client], self.sides[not sent.from_client]
        if (self.alone or sent.payload or sent.flags & (ACK | SYN | FIN | RST) != ACK or not side.peer.has_seq
                or (sent.ack, sent.window) != (before.max_ack, before.window)):  # fmt: skip
            return False
        asked, peers.asked = peers.asked, False
        return not asked

    def _set_bases(self) -> None:
        """Relative numbers: a SYN is 0; of a side without one, the first number that is seen or acknowledged is 1."""
        head = [segment.sent for segment in self.made if not segment.sent.cut and STRAY not in segment.marks]
        for sent in head:
            side = self.sides[sent.from_client]
            if sent.flags & SYN and side.base is None:
                side.base = sent.seq
        for sent in head:
            side, peer = self.sides[sent.from_client], self.sides[not sent.from_client]
            if side.base is None and not sent.flags & RST:
                side.base = (sent.seq - 1) & MASK
            if peer.base is None and sent.flags & ACK and not sent.flags & RST:
                peer.base = (sent.ack - 1) & MASK


def _relative(number: int, base: int | None) -> int:
    """Signed, so that what lies before the base (a keep-alive's byte) reads -1."""
    return number if base is None else ahead(number, base)


def _is_copy(sent: Sent, other: Sent) -> bool:
    """Whether a segment that is a copy may be one of this: the same numbers, or the same IP ID."""
    same = (sent.seq, sent.end, sent.flags, sent.ip_id) == (other.seq, other.end, other.flags, other.ip_id)
    return same or (sent.ip_id > 0 and sent.ip_id == other.ip_id)
