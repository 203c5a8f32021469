"""Rows of 32-bit words that are found by a key: millions of small facts, at the bytes that they have and some six more each."""

from array import array

from tcptrace_py.model import words

from .growing import words_of
from .seq import MASK

FIRST_ROWS = 64
KEY = 1  # the words of a row: its hash, its key, and then what is kept
_KEY = KEY  # for this module: compiled, it is a C number


class PackedRows:
    """Rows in the order in which they were entered, and an open-addressing table of their numbers.

    Keys are bytes of one length, a multiple of four. Their hash is Python's own, which nobody outside can foretell.
    """

    __slots__ = ("_kept", "_size", "_table", "count", "key_words", "row_words", "rows")

    def __init__(self, key_words: int, kept_words: int) -> None:
        self.key_words = key_words
        self.row_words = _KEY + key_words + kept_words
        self.count = 0
        self._kept = array("I", bytes(4 * self.row_words * FIRST_ROWS))
        self.rows = self._kept
        self._size = 2 * FIRST_ROWS
        self._table = words_of(self._size)  # numbers of rows plus one; 0: free

    def find(self, key: bytes) -> int:
        """The row with this key; -1: there is none."""
        row = self._table[self._slot(key, hash(key) & MASK)]
        return row - 1

    def enter(self, key: bytes) -> int:
        """A new row with a key that none has; what is kept in it is 0."""
        if 4 * self.count >= 3 * self._size:
            self._widen()
        row, mixed = self.count, hash(key) & MASK
        if (row + 1) * self.row_words > len(self.rows):
            more = bytes(4 * self.row_words * (row // 4 + FIRST_ROWS))
            self.rows = array("I")  # nobody else looks at them now: they may move
            self._kept.frombytes(more)
            self.rows = self._kept
        rows, at = self.rows, row * self.row_words
        rows[at] = mixed
        for index in range(self.key_words):
            rows[at + _KEY + index] = words.word(key, index)
        self._table[self._slot(key, mixed)] = row + 1
        self.count = row + 1
        return row

    def key(self, row: int) -> bytes:
        """The key of a row."""
        return words.taken(self.rows, row * self.row_words + _KEY, self.key_words)

    def _slot(self, key: bytes, mixed: int) -> int:
        """Where in the table the key's row stands, or would stand."""
        table, rows, last = self._table, self.rows, self._size - 1
        slot = mixed * self._size >> 32
        while table[slot]:
            at = (table[slot] - 1) * self.row_words
            if rows[at] == mixed:
                index = 0
                while index < self.key_words and rows[at + _KEY + index] == words.word(key, index):
                    index += 1
                if index == self.key_words:
                    break
            slot = slot + 1 if slot < last else 0
        return slot

    def _widen(self) -> None:
        self._size += self._size // 2
        self._table = words_of(self._size)
        table, rows, last = self._table, self.rows, self._size - 1
        for row in range(self.count):
            slot = rows[row * self.row_words] * self._size >> 32
            while table[slot]:
                slot = slot + 1 if slot < last else 0
            table[slot] = row + 1
