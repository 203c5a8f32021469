"""Columns that grow."""

from array import array


def longer(column: "array[int]", part: int = 2) -> "array[int]":
    """A column that begins with these values and has room for some more: one for every `part` of them."""
    typecode = "q" if column.itemsize == 8 else "i"
    return array(typecode, bytes(column)) + array(typecode, bytes(column.itemsize * (len(column) // part)))
