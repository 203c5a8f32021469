"""Columns that grow."""

from array import array


def longer(column: "array[int]", part: int = 2) -> "array[int]":
    """A column that begins with these values and has room for some more: one for every `part` of them."""
    grown = array("q" if column.itemsize == 8 else "i")
    grown.frombytes(memoryview(column).cast("B"))
    grown.frombytes(bytes(grown.itemsize * (len(column) // part)))
    return grown
