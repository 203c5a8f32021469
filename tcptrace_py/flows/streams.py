# cython: boundscheck=False, wraparound=False
"""Stream numbers as Wireshark 4.0.17 gives them, so that a user can go straight to the packet.

Wireshark (epan/dissectors/packet-tcp.c) opens a stream for every four-tuple it has not met, and another one when a bare
SYN comes whose sequence number differs from the base number that it holds for that direction. A direction's base number
comes from its first segment (a SYN's own number, else one less), or from the first acknowledgement by the peer; a SYN/ACK
replaces it. It knows no tunnels' scope, it spends numbers on segments quoted in ICMP errors, and it gives none to a
segment of whose header fewer than 16 bytes are there.
"""

from array import array
from typing import TYPE_CHECKING

from tcptrace_py.model import words
from tcptrace_py.model.growing import words_of
from tcptrace_py.model.segments import ACK, IPV4_KEY, IPV6_KEY, SYN
from tcptrace_py.model.seq import MASK

if TYPE_CHECKING:
    from tcptrace_py.model.first_frames import FirstFrames

FIRST_SIZE = 1 << 12
KNOWN_LOW, KNOWN_HIGH, OVER, OPENED = 1, 2, 4, 8  # OPENED: it has a stream
# Words of a slot: the tuple's hash (two words; 0: free), its stream, the base numbers of the direction that sorts lower and of
# the other one, and what is known (bits) below the number of the record of a connection at rest (0: none).
LOW_HASH, HIGH_HASH, STREAM, BASE_LOW, BASE_HIGH, KNOWN = range(6)
SLOT_WORDS = 6
KNOWN_BITS = 4
RESTING_MASK = MASK >> KNOWN_BITS
MANY = 1 << 20  # slots, above which the table grows in smaller steps
_RESTING = RESTING_MASK  # for this module: compiled, it is a C number


class StreamIndex:
    """Every four-tuple ever seen: its latest stream number and both directions' base numbers.

    What other parts of a capture open is not known where a part of it is replayed: there streams are called by frames.

    It is what grows with the capture (and `FirstFrames`, by a bit a frame), so it is compact: an open-addressing table of 24
    bytes a slot, four fifths full when it grows: by a half, where there are many by a quarter (30 to 38 bytes a tuple then). All of
    a slot stands together, for nearly every look at it misses the cache.
    A tuple is known by 64 bits of its hash; two of n tuples share them with a probability of about n^2 / 2^65.
    """

    def __init__(self) -> None:
        self.openers: FirstFrames | None = None  # where streams are called by the frames that open them: all these frames
        self.frame = 0  # of the segment that is to be noted; matters only where the frames that open streams are kept
        self.moved: array[int] | None = None  # frames that open streams, from stream `moved_from` on: they come out of order
        self.moved_from = 0
        self.count = 0  # streams
        self.tuples = 0
        self._size = FIRST_SIZE
        self._table = words_of(SLOT_WORDS * self._size)

    def slot(self, key: bytes, reverse: bytes) -> int:
        """Slot of a four-tuple, given in both directions. Valid until the next new tuple; to look at one opens no stream."""
        low = reverse if is_high(key) else key
        if len(low) != IPV4_KEY and len(low) != IPV6_KEY:
            low = low[:IPV4_KEY] if len(low) < IPV6_KEY else low[:IPV6_KEY]
        fingerprint = hash(low) or 1
        slot = self._find(fingerprint)
        if self._table[slot] == 0 and self._table[slot + HIGH_HASH] == 0:
            if self.tuples * 5 >= self._size * 4:
                self._grow()
                slot = self._find(fingerprint)
            self._table[slot] = fingerprint & MASK
            self._table[slot + HIGH_HASH] = fingerprint >> 32 & MASK
            self.tuples += 1
        return slot

    def _open(self, slot: int) -> None:
        """Begin another stream of a four-tuple, with no base number known."""
        name = self.count
        self.count += 1
        if self.openers is not None:
            name = self.frame
            self.openers.add(name)
        elif self.moved is not None:
            self.moved.append(self.frame)
        self._table[slot + STREAM] = name & MASK
        self._table[slot + KNOWN] = self._table[slot + KNOWN] & (MASK & ~(KNOWN_LOW | KNOWN_HIGH)) | OPENED

    def expect_moved(self) -> None:
        """From now on frames may come out of order, so that a stream that is opened later may have a lower number (`numbers`)."""
        if self.moved is None:
            self.moved, self.moved_from = array("q"), self.count

    def numbers(self) -> "array[int]":
        """The numbers of the streams from `moved_from` on, by the frames that open them, when all are known."""
        frames = self.moved or array("q")
        numbers = array("q", bytes(8 * len(frames)))
        for number, at in enumerate(sorted(range(len(frames)), key=frames.__getitem__), self.moved_from):
            numbers[at] = number
        return numbers

    def _find(self, fingerprint: int) -> int:
        """Where this hash stands, or would stand."""
        table, last = self._table, (self._size - 1) * SLOT_WORDS
        low, high = fingerprint & MASK, fingerprint >> 32 & MASK
        slot = (low * self._size >> 32) * SLOT_WORDS
        while (table[slot] != low or table[slot + 1] != high) and (table[slot] or table[slot + 1]):
            slot = slot + SLOT_WORDS if slot < last else 0
        return slot

    def _grow(self) -> None:
        before, slots = self._table, self._size
        self._size = size = slots + (slots // 4 if slots > MANY else slots // 2)
        self._table = words_of(SLOT_WORDS * size)
        table, last = self._table, (size - 1) * SLOT_WORDS
        for old in range(0, slots * SLOT_WORDS, SLOT_WORDS):
            low, high = before[old], before[old + 1]
            if low or high:
                slot = (low * size >> 32) * SLOT_WORDS
                while table[slot] or table[slot + 1]:
                    slot = slot + SLOT_WORDS if slot < last else 0
                table[slot], table[slot + 1], table[slot + 2] = low, high, before[old + 2]
                table[slot + 3], table[slot + 4], table[slot + 5] = before[old + 3], before[old + 4], before[old + 5]

    def note(self, slot: int, key: bytes, flags: int, seq: int, ack: int) -> int:
        """Take in a segment; returns the stream it belongs to."""
        if is_high(key):
            mine, other, mine_known, other_known = slot + BASE_HIGH, slot + BASE_LOW, KNOWN_HIGH, KNOWN_LOW
        else:
            mine, other, mine_known, other_known = slot + BASE_LOW, slot + BASE_HIGH, KNOWN_LOW, KNOWN_HIGH
        table = self._table
        self._begin(slot, mine, mine_known, flags, seq)
        known = table[slot + KNOWN]
        if not known & mine_known:
            table[mine] = seq if flags & SYN else (seq - 1) & MASK
            known |= mine_known
        if flags & ACK and not known & other_known:
            table[other] = (ack - 1) & MASK
            known |= other_known
        table[slot + KNOWN] = known
        return table[slot + STREAM]

    def note_quoted(self, slot: int, key: bytes, flags: int, seq: int) -> None:
        """Take in a segment quoted by ICMP: it may begin a stream, but first numbers it does not set."""
        mine, mine_known = (slot + BASE_HIGH, KNOWN_HIGH) if is_high(key) else (slot + BASE_LOW, KNOWN_LOW)
        self._begin(slot, mine, mine_known, flags, seq)

    def _begin(self, slot: int, mine: int, mine_known: int, flags: int, seq: int) -> None:
        """Open a stream if a segment with this sequence number does: the tuple's first one, or a SYN with another number."""
        table = self._table
        known = table[slot + KNOWN]
        if not known & OPENED:
            self._open(slot)
        elif flags & SYN and known & mine_known and table[mine] != seq:
            if flags & ACK:
                table[mine] = seq
            else:
                self._open(slot)

    def settled(self, slot: int) -> bool:
        """Whether both base numbers are known, so that only a bare SYN can open another stream."""
        return self._table[slot + KNOWN] & 3 == KNOWN_LOW | KNOWN_HIGH

    def mark_over(self, slot: int) -> None:
        """Remember that a connection of this four-tuple has ended."""
        self._table[slot + KNOWN] |= OVER

    def lay_down(self, slot: int, number: int) -> None:
        """Remember that the tuple's connection has ended and rests in the record of this number (modulo RESTING_MASK + 1)."""
        known = self._table[slot + KNOWN] & (KNOWN_LOW | KNOWN_HIGH | OPENED) | OVER
        self._table[slot + KNOWN] = known | (number & _RESTING) << KNOWN_BITS

    def put_aside(self, slot: int, number: int) -> None:
        """Remember that the tuple's connection, which is only begun, rests in the record of this number."""
        known = self._table[slot + KNOWN] & (KNOWN_LOW | KNOWN_HIGH | OVER | OPENED)
        self._table[slot + KNOWN] = known | (number & _RESTING) << KNOWN_BITS

    def resting(self, slot: int) -> int:
        """Number of the record of the tuple's latest connection at rest; 0: none. The record may be gone."""
        return self._table[slot + KNOWN] >> KNOWN_BITS

    def is_over(self, slot: int) -> bool:
        """Whether a connection of this four-tuple has ended before."""
        return self._table[slot + KNOWN] & OVER != 0

    def stream(self, slot: int) -> int:
        """Latest stream number of a four-tuple that has one."""
        return self._table[slot + STREAM]


def is_high(key: bytes) -> bool:
    """Whether the opposite direction of a key sorts before it."""
    return words.is_high(key, 4 if len(key) < IPV6_KEY else 16)
