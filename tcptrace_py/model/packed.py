"""Rows of 32-bit words that are found by a key: millions of small facts, at the bytes that they have and some six more each."""

import sys
from array import array

from tcptrace_py.model import words

from .growing import longer, words_of
from .seq import MASK

FIRST_ROWS = 64
KEY = 1  # the words of a row: its hash, its key, and then what is kept
_KEY = KEY  # for this module: compiled, it is a C number
LITTLE = sys.byteorder == "little"


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

    def place(self, key: bytes) -> int:
        """The row with this key; if there was none it is a new one, the last, and what is kept in it is 0."""
        if 5 * self.count >= 3 * self._size:  # fuller than this, a key that is not there takes many looks
            self._widen()
        row, mixed = self.count, hash(key) & MASK
        slot = self._slot(key, mixed)
        if self._table[slot]:
            return self._table[slot] - 1
        if (row + 1) * self.row_words > len(self.rows):
            more = bytes(4 * self.row_words * (row // 4 + FIRST_ROWS))
            self.rows = array("I")  # nobody else looks at them now: they may move
            self._kept.frombytes(more)
            self.rows = self._kept
        rows, at = self.rows, row * self.row_words
        rows[at] = mixed
        for index in range(self.key_words):
            rows[at + _KEY + index] = words.word(key, index)
        self._table[slot] = row + 1
        self.count = row + 1
        return row

    def close(self) -> None:
        """Neither find nor enter any more: rows are all that is left."""
        self._table = words_of(0)

    def key(self, row: int) -> bytes:
        """The key of a row."""
        return words.taken(self.rows, row * self.row_words + _KEY, self.key_words)

    def leading(self, row: int, word: int) -> int:
        """A word of a row's key, as it counts where keys are compared as bytes."""
        found = self.rows[row * self.row_words + _KEY + word]
        return (found & 0xFF) << 24 | (found & 0xFF00) << 8 | found >> 8 & 0xFF00 | found >> 24 if LITTLE else found

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


class Numbered:
    """Numbers for keys, from 0 on in the order in which they come. A key has one of two lengths: what addresses of both kinds make."""

    __slots__ = ("_places", "count", "long", "short")

    def __init__(self, short_words: int, long_words: int) -> None:
        self.count = 0
        self.short, self.long = PackedRows(short_words, 1), PackedRows(long_words, 1)
        self._places = array("i", bytes(4 * FIRST_ROWS))  # of each key: its row << 1, and 1 if it is a long one

    def number(self, key: bytes) -> int:
        """Number of a key, a new one where it has none."""
        is_long = len(key) > 4 * self.short.key_words
        packed = self.long if is_long else self.short
        number, known = self.count, packed.count
        row = packed.place(key)
        if row < known:
            return packed.rows[row * packed.row_words + _KEY + packed.key_words]
        packed.rows[row * packed.row_words + _KEY + packed.key_words] = number
        if number == len(self._places):
            self._places = longer(self._places)
        self._places[number] = row << 1 | is_long
        self.count = number + 1
        return number

    def find(self, key: bytes) -> int:
        """Number of a key; -1: it has none."""
        packed = self.long if len(key) > 4 * self.short.key_words else self.short
        row = packed.find(key)
        return -1 if row < 0 else packed.rows[row * packed.row_words + _KEY + packed.key_words]

    def key(self, number: int) -> bytes:
        """The key that has a number."""
        place = self._places[number]
        return (self.long if place & 1 else self.short).key(place >> 1)

    def leading(self, number: int, word: int) -> int:
        """A word of the key that has a number, as it counts where keys are compared as bytes."""
        place = self._places[number]
        packed = self.long if place & 1 else self.short
        return packed.leading(place >> 1, word)

    def middle(self, number: int) -> int:
        """The word that the second address of a key begins with, where two addresses come first."""
        return 4 if self._places[number] & 1 else 1
