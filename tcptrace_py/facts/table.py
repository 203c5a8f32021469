# cython: boundscheck=False, wraparound=False
# (compiled: rows are those of the table itself, and no row is asked for that is not there)
"""A table of typed columns: rows by number, each column in one piece.

A table has columns of three widths: 64 bits (`wide`), 32 bits (`narrow`) and 8 bits (`small`). A column is named by its number
among those of its width, and its value in a row stands at `column * capacity + row`, so that each column is one piece of memory,
as Arrow wants it. MISSING stands for what is unknown in a wide column, -1 in the others.
"""

from array import array

from tcptrace_py.model import columns
from tcptrace_py.model.growing import zeros

MISSING = -(1 << 63)


class Table:
    """Columns with room for `capacity` rows, of which `count` are filled."""

    __slots__ = ("capacity", "count", "narrow", "narrow_columns", "small", "small_columns", "wide", "wide_columns")

    def __init__(self, wide_columns: int, narrow_columns: int, small_columns: int, capacity: int) -> None:
        self.wide_columns = wide_columns
        self.narrow_columns = narrow_columns
        self.small_columns = small_columns
        self.capacity = capacity
        self.count = 0
        self.wide = zeros("q", capacity * wide_columns)
        self.narrow = zeros("i", capacity * narrow_columns)
        self.small = zeros("b", capacity * small_columns)

    def row(self) -> int:
        """Make a new row; its columns hold whatever stood there."""
        if self.count == self.capacity:
            self.make_room(2 * self.capacity)
        self.count += 1
        return self.count - 1

    def with_small(self, column: int, wanted: bytes, without: "bytes | bytearray") -> list[int]:
        """Rows whose value in a small column is wanted (256 bytes, by its 8 bits), but for those that are marked in `without`."""
        small, begin, found = self.small, column * self.capacity, []
        for row in range(self.count):
            if wanted[small[begin + row] & 0xFF] and not without[row]:
                found.append(row)  # noqa: PERF401 - compiled, this is a loop in C
        return found

    def with_narrow(self, column: int, without: "bytes | bytearray") -> list[int]:
        """Rows with anything but 0 in a narrow column, but for those that are marked in `without`."""
        narrow, begin, found = self.narrow, column * self.capacity, []
        for row in range(self.count):
            if narrow[begin + row] and not without[row]:
                found.append(row)  # noqa: PERF401 - compiled, this is a loop in C
        return found

    def with_wide(self, column: int, without: "bytes | bytearray") -> list[int]:
        """Rows with more than 0 in a wide column, but for those that are marked in `without`."""
        wide, begin, found = self.wide, column * self.capacity, []
        for row in range(self.count):
            if wide[begin + row] > 0 and not without[row]:
                found.append(row)  # noqa: PERF401 - compiled, this is a loop in C
        return found

    def with_port(self, column: int, wanted: "bytes | bytearray") -> list[int]:
        """Rows whose value in a narrow column, of 16 bits, is wanted (65,536 bytes, by value)."""
        narrow, begin, found = self.narrow, column * self.capacity, []
        for row in range(self.count):
            if wanted[narrow[begin + row] & 0xFFFF]:
                found.append(row)  # noqa: PERF401 - compiled, this is a loop in C
        return found

    def among(self, rows: "list[int]", column: int, wanted: bytes) -> list[int]:
        """Those of these rows whose value in a small column is wanted (256 bytes, by its 8 bits)."""
        small, begin, found = self.small, column * self.capacity, []
        for row in rows:
            at = row  # compiled, a C number, beside the object that is appended
            if wanted[small[begin + at] & 0xFF]:
                found.append(row)
        return found

    def between(self, rows: "list[int]", column: int, least: int, most: int) -> list[int]:
        """Those of these rows whose value in a wide column is none below `least` and none above `most`."""
        wide, begin, found = self.wide, column * self.capacity, []
        for row in rows:
            at = row
            if least <= wide[begin + at] <= most:
                found.append(row)
        return found

    def grouped(self, column: int, rows: "list[int]", is_wide: bool = False) -> dict[int, list[int]]:
        """These rows by their values in a narrow column, or in a wide one, each group in their order."""
        wide, narrow, begin = self.wide, self.narrow, column * self.capacity
        found: dict[int, list[int]] = {}
        last, members = -1, None
        for row in rows:
            at = row
            value = wide[begin + at] if is_wide else narrow[begin + at]
            if members is None or value != last:
                last, members = value, found.get(value)
                if members is None:
                    members = found[value] = []
            members.append(row)
        return found

    def make_room(self, capacity: int) -> None:
        """Have room for so many rows, no fewer than there are. Columns of one width move at a time: others are not there twice then."""
        self.wide = self._moved(self.wide, zeros("q", capacity * self.wide_columns), self.wide_columns, capacity)
        self.narrow = self._moved(self.narrow, zeros("i", capacity * self.narrow_columns), self.narrow_columns, capacity)
        self.small = self._moved(self.small, zeros("b", capacity * self.small_columns), self.small_columns, capacity)
        self.capacity = capacity

    def _moved(self, mine: "array[int]", theirs: "array[int]", columns: int, capacity: int) -> "array[int]":
        before, behind = memoryview(mine), memoryview(theirs)
        for column in range(columns):
            at = column * capacity
            behind[at : at + self.count] = before[column * self.capacity : column * self.capacity + self.count]
        return theirs

    def packed(self, first: int = 0, end: int = -1) -> bytes:
        """Rows from `first` up to `end` (-1: all others) as bytes, filled up to a multiple of 8.

        They stand column after column: wide ones, narrow ones, small ones.
        """
        if end < 0:
            end = self.count
        return b"".join(self.pieces(first, end))

    def pieces(self, first: int, end: int) -> list[memoryview | bytes]:
        """The same, still in its pieces: as long as the table stays as it is, so that whoever puts them together copies them once."""
        size = (8 * self.wide_columns + 4 * self.narrow_columns + self.small_columns) * (end - first)
        return [
            *self._filled(self.wide, self.wide_columns, first, end),
            *self._filled(self.narrow, self.narrow_columns, first, end),
            *self._filled(self.small, self.small_columns, first, end),
            bytes(-size % 8),
        ]

    def _filled(self, values: "array[int]", columns: int, first: int, end: int) -> list[memoryview]:
        whole = memoryview(values)
        return [whole[column * self.capacity + first : column * self.capacity + end] for column in range(columns)]

    def unpack(self, data: memoryview, at: int, count: int) -> int:
        """Become a table of so many rows that stand packed from byte `at` on; returns the byte behind them."""
        wide, narrow, small = 8 * count * self.wide_columns, 4 * count * self.narrow_columns, count * self.small_columns
        end = at + wide + narrow + small
        if end > len(data):
            raise ValueError("packed rows are cut short")
        self.capacity = self.count = count
        own = memoryview(bytearray(data[at:end]))
        self.wide = own[:wide].cast("q")  # type: ignore[assignment] # it passes for one
        self.narrow = own[wide : wide + narrow].cast("i")  # type: ignore[assignment] # it passes for one
        self.small = own[wide + narrow :].cast("b")  # type: ignore[assignment] # it passes for one
        return end + -(end - at) % 8


def ranked(values: "array[int]", names: "array[int]") -> "tuple[array[int], array[int]]":
    """Names in order of the values beside them, equal ones as they stand; and the place of each value in that order."""
    count = len(values)
    order = columns.in_order(values, count)
    sorted_names, ranks = array("q", bytes(8 * count)), array("q", bytes(8 * count))
    to_names, to_ranks = sorted_names, ranks  # compiled, these are views
    for rank in range(count):
        row = order[rank]
        to_names[rank] = names[row]
        to_ranks[row] = rank
    return sorted_names, ranks
