"""Textbook connections in an interpreter: their segments wait until the connection has closed, and are looked at all at once.

For an interpreter every look at a row of the textbook, or at an attribute, costs more than what is done with it. So the segments
of a connection that began with an ordinary SYN are gathered as they come, packed; when both sides have closed, one pass over
local names (`_read`) tells whether it went by the book, and then all that is told of it. They wait on, for stragglers.

Whatever else happens on the four-tuple (a SYN, a RST, more segments than MOST_WAITING, half a minute), and whatever does not
go by the book in that pass, makes an object of it: the table is given the segments again, in their order (`release`). It would
have come to the same had it had them at once: nothing else hangs on them but the numbers of streams, and the index of streams
is told of the SYN and the SYN/ACK when they come.
"""

from array import array
from collections import deque
from collections.abc import Iterable, Iterator
from struct import Struct
from typing import TYPE_CHECKING

from tcptrace_py.model.clock import SECOND_NS
from tcptrace_py.model.live import SILENCE_NS
from tcptrace_py.model.segments import (
    ACK,
    FIN,
    HARMLESS,
    HEADER_CUT,
    OPT_TIMESTAMPS,
    QUOTED,
    REPLAYED,
    RST,
    SYN,
    Columns,
    SegmentBlock,
    reverse_key,
)
from tcptrace_py.model.seq import HALF, MASK

if TYPE_CHECKING:
    from .table import FlowTable

MOST_WAITING = 40  # segments; who has more to say is better off as an object
MOST_WAITING_S = SILENCE_NS // SECOND_NS
UNUSUAL = SYN | FIN | RST
UNFIT = QUOTED | HEADER_CUT
A, B = 1, 2  # sides, as bits

# A segment that waits: the hash of its key, then a number of each column of REPLAYED, packed.
SELDOM = ("teid", "vlan")  # -1 in all rows of blocks that are not odd
_ROW = Struct("=q" + "".join(getattr(SegmentBlock(0), name).typecode for name in REPLAYED))
_READ = Struct("=2q16x5Ii3I20x")  # of it the hash, time_ns, and flags to notes
ROW_BYTES = _ROW.size
_ORDINARY = _ROW.pack(0, *[-1 if name in SELDOM else 0 for name in REPLAYED])


class Waiting(list[bytes]):
    """Segments of a connection in their order, the SYN first; none where it is at rest, or an object."""

    __slots__ = ("alert", "closed", "end_ns", "first_frame", "isn", "key", "packed", "peer_key", "signature", "slot", "start_ns", "stream",
                 "times_ns")

    def __init__(self, row: bytes, columns: Columns, i: int, peer_key: bytes, slot: int) -> None:
        self.append(row)
        self.key = columns.key[i]
        self.peer_key = peer_key
        self.isn, self.start_ns, self.first_frame = columns.seq[i], columns.time_ns[i], columns.frame[i]
        self.slot = slot  # in the index of streams
        self.closed = 0  # sides that sent their FIN
        self.alert = True  # the next segment is not only to wait: an answer is due, or both sides have closed
        self.packed: bytes | None = None
        self.stream: int
        # Of a connection at rest, as `Connection` and its log would have it:
        self.end_ns: int
        self.signature: int
        self.times_ns: list[int]  # of the logged segments

    def sender(self, index: int) -> int:
        """Side of the logged segment of this index, of a connection at rest."""
        return self.signature >> 6 * (len(self.times_ns) - 1 - index) + 5 & 1


class Gathered:
    """Connections whose segments wait, and those at rest, by the keys of both directions."""

    def __init__(self, table: "FlowTable") -> None:
        self.table = table
        self.streams = table.streams
        self.waiting: dict[bytes, Waiting] = {}
        self.begun: list[Waiting] = []  # since the table's clock last moved on by a second
        self.seconds: deque[tuple[int, list[Waiting]]] = deque()  # those begun before, by that second
        self.resting: deque[Waiting] = deque()  # in the order in which they closed; some may have become objects

    def feed(self, columns: Columns, block: SegmentBlock) -> None:
        """Take in a block of segments; those of objects are the table's to take."""
        find, side_of, take = self.waiting.get, self.table.sides.get, self.table.take
        order: Iterable[int] = range(block.count)
        if columns.me >= 0:
            order = [i for i, owner in enumerate(columns.owner[:block.count]) if owner == columns.me]
        keys, all_flags = columns.key, columns.flags
        rows = b""  # all of the block, made where one is needed: in long transfers none is
        for i in order:
            key = keys[i]
            waiting = find(key)
            if waiting is not None:
                rows = rows or _rows_of(block)
                row = rows[i * ROW_BYTES:i * ROW_BYTES + ROW_BYTES]
                if waiting.alert or all_flags[i] & UNUSUAL or len(waiting) == MOST_WAITING:
                    self._look(waiting, columns, i, row)
                else:
                    waiting.append(row)
                continue
            side = side_of(key)
            if side is None and all_flags[i] & 0x17 == SYN:
                rows = rows or _rows_of(block)
                if self._begin(columns, i, rows[i * ROW_BYTES:i * ROW_BYTES + ROW_BYTES]):
                    continue
            take(columns, i, side)

    def _begin(self, columns: Columns, i: int, row: bytes) -> bool:
        """Let the SYN of a four-tuple that no connection holds wait; False if it is no ordinary one."""
        key = columns.key[i]
        if columns.payload[i] or columns.notes[i] & ~HARMLESS:
            return False
        reverse = reverse_key(key)
        if hash(key) == hash(reverse):
            return False  # a socket connects to itself; of others, rows would not tell their direction
        streams = self.streams
        streams.frame = columns.frame[i]
        waiting = Waiting(row, columns, i, reverse, streams.slot(key, reverse))
        waiting.stream = streams.note(waiting.slot, key, SYN, waiting.isn, columns.ack[i])
        self.waiting[key] = self.waiting[reverse] = waiting
        self.begun.append(waiting)
        return True

    def _look(self, waiting: Waiting, columns: Columns, i: int, row: bytes) -> None:
        """Take in a segment that may be more than one to wait."""
        key, kind, count = columns.key[i], columns.flags[i] & 0x17, len(waiting)
        if count == 1:
            if (kind == SYN | ACK and key == waiting.peer_key and columns.ack[i] == (waiting.isn + 1) & MASK and columns.window[i]
                    and not columns.payload[i] and not columns.notes[i] & UNFIT
                    and 0 <= columns.time_ns[i] - waiting.start_ns < SILENCE_NS):
                waiting.append(row)
                waiting.alert = False
                self.streams.note(waiting.slot, key, SYN | ACK, columns.seq[i], columns.ack[i])
                return
        elif 1 < count < MOST_WAITING:
            if kind == ACK | FIN:
                waiting.append(row)
                waiting.closed |= A if key == waiting.key else B
                waiting.alert = waiting.closed == A | B
                return
            if kind == ACK:
                waiting.append(row)
                if waiting.closed == A | B:
                    self._close(waiting)
                return
        self.release(waiting)
        self.table.take(columns, i, self.table.sides.get(key))

    def _close(self, waiting: Waiting) -> None:
        """Both sides have closed: lay the connection to rest if it has ended by the book."""
        packed = b"".join(waiting)
        ended = _read(waiting, packed)
        if ended is None:
            self.release(waiting)
        elif ended:
            waiting.packed = packed
            waiting.clear()
            self.resting.append(waiting)
            self.streams.mark_over(waiting.slot)

    def release(self, waiting: Waiting) -> None:
        """Make an object of a connection: the table takes its segments."""
        table, now_ns = self.table, self.table.now_ns
        del self.waiting[waiting.key], self.waiting[waiting.peer_key]
        hashes, *numbers = zip(*_ROW.iter_unpack(waiting.packed or b"".join(waiting)), strict=True)
        waiting.packed = None
        waiting.clear()
        of_opener = hash(waiting.key)
        block = SegmentBlock(len(hashes))
        block.count = len(hashes)
        block.key = [waiting.key if value == of_opener else waiting.peer_key for value in hashes]
        for name, values in zip(REPLAYED, numbers, strict=True):
            column = getattr(block, name)
            column[:] = array(column.typecode, values)
        columns = Columns(block)
        table.open_object(columns, 0, waiting.peer_key, waiting.stream, block.count > 1)
        for i in range(1, block.count):
            table.take(columns, i, table.sides.get(block.key[i]))
        table.now_ns = now_ns

    def ended(self, until_ns: int) -> Iterator[Waiting]:
        """Connections at rest that have heard of nothing since a moment, one by one: the caller is to `leave` or `hand_on` each."""
        resting = self.resting
        while resting:
            waiting = resting[0]
            if waiting.packed is not None:
                if waiting.end_ns >= until_ns:
                    return
                yield waiting
            resting.popleft()

    def leave(self, waiting: Waiting) -> None:
        """Take out a connection at rest of which all is told."""
        del self.waiting[waiting.key], self.waiting[waiting.peer_key]
        waiting.packed = None

    def hand_on(self, waiting: Waiting) -> None:
        """Take out a connection at rest, as an object that has ended."""
        self.release(waiting)
        self.table.forget(self.table.sides[waiting.key].connection)

    def sweep(self, now_s: int) -> None:
        """Make objects of the connections that have waited for long; the table's clock has moved on to this second."""
        if self.begun:
            self.seconds.append((now_s, self.begun))
            self.begun = []
        while self.seconds and self.seconds[0][0] < now_s - MOST_WAITING_S:
            self._release_all(self.seconds.popleft()[1])

    def release_older(self, than_ns: int) -> None:
        """Make objects of the connections that have not ended and whose SYN came before a moment."""
        self._release_all([waiting for waiting in self.waiting.values() if waiting and waiting.start_ns < than_ns])

    def _release_all(self, several: list[Waiting]) -> None:
        for waiting in several:
            if waiting:  # else it is at rest, or an object already
                self.release(waiting)


def _read(waiting: Waiting, packed: bytes) -> bool | None:
    """Whether a connection both of whose sides sent a FIN has ended, by the book; None if it went by another.

    By the book is what `FlowTable.take` takes in at once, as what an open connection consists of, and what leaves it a plain one.
    """
    rows = _READ.iter_unpack(packed)
    opener, start_ns, _, seq, _, _, _, ip_id, tsval, _, _ = next(rows)
    _, end_ns, _, isn, ack, _, _, ip_id_b, tsval_b, _, _ = next(rows)
    # Of each side its next number, the number that it acknowledged, its latest timestamp and IP ID.
    a, b = [(seq + 1) & MASK, isn, tsval, ip_id], [(isn + 1) & MASK, ack, tsval_b, ip_id_b]
    signature, times_ns = ((1 << 6 | SYN << 3) << 6 | 1 << 5 | SYN << 3 | 1), [start_ns, end_ns]
    spoken = closed = 0
    quiet = ended = False
    for key, time_ns, flags, seq, ack, payload, window, ip_id, tsval, options, notes in rows:
        if key == opener:
            side, mine, peers, symbol = A, a, b, 0
        else:
            side, mine, peers, symbol = B, b, a, 1 << 5
        fin, acked, to_come = flags & FIN, mine[1], peers[0]
        if (seq != mine[0] or time_ns < end_ns or not window or not flags & ACK or notes & UNFIT
                or ((tsval - mine[2]) & MASK >= HALF and options & OPT_TIMESTAMPS)
                or (ack != to_come and (ack - acked) & MASK > (to_come - acked) & MASK)):
            return None
        covers_fin = ack == to_come and closed & ~side > 0
        if payload or fin:
            if closed & side:
                return None
            symbol |= fin << 3 | (1 << 2 if payload else 0)
        elif ack == acked:
            return None
        if fin:
            if (closed and not covers_fin) or (ip_id - mine[3]) & 0xFFFF == 3:
                return None
            closed |= side
            quiet = False
        end_ns = time_ns
        mine[0], mine[1], mine[2], mine[3] = (seq + payload + fin) & MASK, ack, tsval, ip_id
        if quiet:
            continue  # only counted, not logged
        if signature >> 56:
            return None
        ended = covers_fin and closed == A | B and not fin and peers[1] == mine[0]
        times_ns.append(time_ns)
        signature = signature << 6 | symbol | (2 if covers_fin else 1)
        spoken |= side
        quiet = spoken == A | B and not closed
    if not ended:
        return False
    waiting.end_ns, waiting.signature, waiting.times_ns = end_ns, signature, times_ns
    return True if end_ns - start_ns < SILENCE_NS else None



def _rows_of(block: SegmentBlock) -> bytes:
    """All rows of a block."""
    count = block.count
    area = bytearray(_ORDINARY * count)
    views = {"q": memoryview(area).cast("q"), "I": memoryview(area).cast("I"), "i": memoryview(area).cast("i")}
    views["q"][::ROW_BYTES // 8] = memoryview(array("q", map(hash, block.key[:count])))
    at = 8
    for name in REPLAYED:
        column = getattr(block, name)
        if block.odd or name not in SELDOM:
            views[column.typecode][at // column.itemsize::ROW_BYTES // column.itemsize] = memoryview(column)[:count]
        at += column.itemsize
    return bytes(area)
