"""Stream numbers as Wireshark 4.0.17 gives them, so that a user can go straight to the packet.

Wireshark (epan/dissectors/packet-tcp.c) opens a stream for every four-tuple it has not met, and another one when a bare
SYN comes whose sequence number differs from the base number that it holds for that direction. A direction's base number
comes from its first segment (a SYN's own number, else one less), or from the first acknowledgement by the peer; a SYN/ACK
replaces it. It knows no tunnels' scope, it spends numbers on segments quoted in ICMP errors, and it gives none to a
segment of whose header fewer than 16 bytes are there.
"""

from array import array

from tcptrace_py.model import words
from tcptrace_py.model.segments import ACK, IPV4_KEY, IPV6_KEY, SYN
from tcptrace_py.model.seq import MASK

FIRST_SIZE = 1 << 12
KNOWN_LOW, KNOWN_HIGH, OVER = 1, 2, 4


class StreamIndex:
    """Every four-tuple ever seen: its latest stream number and both directions' base numbers.

    It is the one thing that grows with the capture, so it is compact: an open-addressing table of 25 bytes a slot, at most
    four fifths full (31 to 63 bytes a tuple). A tuple is known by 64 bits of its hash; two of n tuples share them with a
    probability of about n^2 / 2^65.
    """

    def __init__(self) -> None:
        self.count = 0  # streams
        self.tuples = 0
        self._size = FIRST_SIZE
        self._make()

    def _make(self) -> None:
        self._hashes = array("q", bytes(8 * self._size))  # 0: free
        self._stream = array("I", bytes(4 * self._size))
        self._base_low = array("I", bytes(4 * self._size))
        self._base_high = array("I", bytes(4 * self._size))
        self._known = array("B", bytes(self._size))
        self._resting = array("I", bytes(4 * self._size))  # number of the record of a connection at rest; 0: none

    def slot(self, key: bytes, reverse: bytes) -> int:
        """Slot of a four-tuple, given in both directions; a new tuple opens a new stream. Valid until the next new tuple."""
        low = min(reverse, key)
        if len(low) != IPV4_KEY and len(low) != IPV6_KEY:
            low = low[:IPV4_KEY] if len(low) < IPV6_KEY else low[:IPV6_KEY]
        fingerprint = hash(low) or 1
        slot = self._find(fingerprint)
        if self._hashes[slot] == 0:
            if self.tuples * 5 >= self._size * 4:
                self._grow()
                slot = self._find(fingerprint)
            self._hashes[slot] = fingerprint
            self._stream[slot] = self.count
            self.count += 1
            self.tuples += 1
        return slot

    def _find(self, fingerprint: int) -> int:
        """Where this hash stands, or would stand."""
        mask = self._size - 1
        slot = fingerprint & mask
        hashes = self._hashes
        while hashes[slot] != 0 and hashes[slot] != fingerprint:
            slot = (slot + 1) & mask
        return slot

    def _grow(self) -> None:
        hashes, stream, low, high, known = self._hashes, self._stream, self._base_low, self._base_high, self._known
        resting = self._resting
        before = self._size
        self._size = before * 2
        self._make()
        for old in range(before):
            if hashes[old] != 0:
                slot = self._find(hashes[old])
                self._hashes[slot] = hashes[old]
                self._stream[slot], self._known[slot] = stream[old], known[old]
                self._base_low[slot], self._base_high[slot] = low[old], high[old]
                self._resting[slot] = resting[old]

    def note(self, slot: int, key: bytes, flags: int, seq: int, ack: int) -> int:
        """Take in a segment; returns the stream it belongs to."""
        if is_high(key):
            mine, other, mine_known, other_known = self._base_high, self._base_low, KNOWN_HIGH, KNOWN_LOW
        else:
            mine, other, mine_known, other_known = self._base_low, self._base_high, KNOWN_LOW, KNOWN_HIGH
        known = self._known[slot]
        if flags & SYN and known & mine_known and mine[slot] != seq:
            if flags & ACK:
                mine[slot] = seq
            else:
                self._stream[slot] = self.count
                self.count += 1
                known &= OVER
        if not known & mine_known:
            mine[slot] = seq if flags & SYN else (seq - 1) & MASK
            known |= mine_known
        if flags & ACK and not known & other_known:
            other[slot] = (ack - 1) & MASK
            known |= other_known
        self._known[slot] = known
        return self._stream[slot]

    def note_quoted(self, slot: int, key: bytes, flags: int, seq: int) -> None:
        """Take in a segment quoted by ICMP: it may begin a stream, but first numbers it does not set."""
        if is_high(key):
            mine, mine_known = self._base_high, KNOWN_HIGH
        else:
            mine, mine_known = self._base_low, KNOWN_LOW
        if flags & SYN and self._known[slot] & mine_known and mine[slot] != seq:
            if flags & ACK:
                mine[slot] = seq
            else:
                self._stream[slot] = self.count
                self.count += 1
                self._known[slot] &= OVER

    def settled(self, slot: int) -> bool:
        """Whether both base numbers are known, so that only a bare SYN can open another stream."""
        return self._known[slot] & 3 == KNOWN_LOW | KNOWN_HIGH

    def mark_over(self, key: bytes, reverse: bytes) -> None:
        """Remember that a connection of this four-tuple has ended."""
        self._known[self.slot(key, reverse)] |= OVER

    def lay_down(self, key: bytes, reverse: bytes, number: int) -> None:
        """Remember that the tuple's connection has ended and rests in the record of this number (modulo 2^32)."""
        slot = self.slot(key, reverse)
        self._known[slot] |= OVER
        self._resting[slot] = number & MASK

    def resting(self, slot: int) -> int:
        """Number of the record of the tuple's latest connection at rest; 0: none. The record may be gone."""
        return self._resting[slot]

    def is_over(self, key: bytes, reverse: bytes) -> bool:
        """Whether a connection of this four-tuple has ended before."""
        return self._known[self.slot(key, reverse)] & OVER != 0

    def stream(self, slot: int) -> int:
        """Latest stream number of a four-tuple."""
        return self._stream[slot]


def is_high(key: bytes) -> bool:
    """Whether the opposite direction of a key sorts before it."""
    return words.is_high(key, 4 if len(key) < IPV6_KEY else 16)
