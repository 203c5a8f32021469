"""Stream numbers as Wireshark 4.0.17 gives them, so that a user can go straight to the packet.

Wireshark (epan/dissectors/packet-tcp.c) opens a stream for every four-tuple it has not met, and another one when a bare
SYN comes whose sequence number differs from the base number that it holds for that direction. A direction's base number
comes from its first segment (a SYN's own number, else one less), or from the first acknowledgement by the peer; a SYN/ACK
replaces it. It knows no tunnels' scope, it spends numbers on segments quoted in ICMP errors, and it gives none to a
segment of whose header fewer than 16 bytes are there.
"""

from array import array

from tcptrace_py.model.segments import ACK, IPV4_KEY, IPV6_KEY, SYN
from tcptrace_py.model.seq import MASK


class StreamIndex:
    """Every four-tuple ever seen: its latest stream number and both directions' base numbers (-1: none yet)."""

    def __init__(self) -> None:
        self._slots: dict[bytes, int] = {}
        self._stream = array("q")
        self._base_low = array("q")
        self._base_high = array("q")
        self.count = 0

    def slot(self, key: bytes, reverse: bytes) -> int:
        """Slot of a four-tuple, given in both directions; a new tuple opens a new stream."""
        low = min(key, reverse)
        if len(low) != IPV4_KEY and len(low) != IPV6_KEY:
            low = low[:IPV4_KEY] if len(low) < IPV6_KEY else low[:IPV6_KEY]
        slot = self._slots.get(low)
        if slot is None:
            slot = self._slots[low] = len(self._stream)
            self._stream.append(self.count)
            self._base_low.append(-1)
            self._base_high.append(-1)
            self.count += 1
        return slot

    @property
    def tuples(self) -> int:
        """How many four-tuples there are."""
        return len(self._stream)

    def note(self, slot: int, key: bytes, flags: int, seq: int, ack: int) -> int:
        """Take in a segment; returns the stream it belongs to."""
        mine, other = self._base_low, self._base_high
        if is_high(key):
            mine, other = other, mine
        if flags & SYN and not flags & ACK and mine[slot] >= 0 and mine[slot] != seq:
            self._stream[slot] = self.count
            self.count += 1
            mine[slot] = other[slot] = -1
        elif flags & SYN and flags & ACK and mine[slot] >= 0:
            mine[slot] = seq
        if mine[slot] < 0:
            mine[slot] = seq if flags & SYN else (seq - 1) & MASK
        if other[slot] < 0 and flags & ACK:
            other[slot] = (ack - 1) & MASK
        return self._stream[slot]

    def note_quoted(self, slot: int, key: bytes, flags: int, seq: int) -> None:
        """Take in a segment quoted by ICMP: it may begin a stream, but first numbers it does not set."""
        mine, other = (self._base_high, self._base_low) if is_high(key) else (self._base_low, self._base_high)
        if flags & SYN and mine[slot] >= 0 and mine[slot] != seq:
            if not flags & ACK:
                self._stream[slot] = self.count
                self.count += 1
                other[slot] = -1
                mine[slot] = -1
            else:
                mine[slot] = seq

    def settled(self, slot: int) -> bool:
        """Whether both base numbers are known, so that only a bare SYN can open another stream."""
        return self._base_low[slot] >= 0 and self._base_high[slot] >= 0

    def stream(self, slot: int) -> int:
        """Latest stream number of a four-tuple."""
        return self._stream[slot]


def is_high(key: bytes) -> bool:
    """Whether the opposite direction of a key sorts before it."""
    size = 4 if len(key) < IPV6_KEY else 16
    ports = 2 * size
    source, target = key[:size], key[size:ports]
    if source != target:
        return source > target
    return key[ports:ports + 2] > key[ports + 2:ports + 4]
