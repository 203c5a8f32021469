"""The index of streams in an interpreter: a dictionary, the quickest that it has, says which slot a four-tuple has.

It takes some 150 bytes a tuple where the table of `streams.py` takes 30 to 38; nothing is ever moved, so slots stay valid.
"""

from array import array

from tcptrace_py.model.segments import IPV4_KEY, IPV6_KEY

from .streams import SLOT_WORDS, StreamIndex

_NO_SLOT = array("I", bytes(4 * SLOT_WORDS))


class TupleIndex(StreamIndex):
    """Every four-tuple ever seen, by the bytes of the direction that sorts lower."""

    def __init__(self) -> None:
        super().__init__()
        self._slots: dict[bytes, int] = {}
        self._words = self._table = array("I")

    def slot(self, key: bytes, reverse: bytes) -> int:
        """Slot of a four-tuple, given in both directions; to look at one opens no stream."""
        low = min(reverse, key)
        if len(low) != IPV4_KEY and len(low) != IPV6_KEY:
            low = low[:IPV4_KEY] if len(low) < IPV6_KEY else low[:IPV6_KEY]
        slot = self._slots.get(low)
        if slot is None:
            slot = self._slots[low] = len(self._words)
            self._words.extend(_NO_SLOT)
            self.tuples += 1
        return slot
