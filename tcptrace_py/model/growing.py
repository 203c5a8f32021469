"""Columns that grow."""

from array import array


def longer(column: "array[int]") -> "array[int]":
    """A column that begins with these values and has room for half as many again."""
    typecode = "q" if column.itemsize == 8 else "i"
    return array(typecode, bytes(column)) + array(typecode, bytes(column.itemsize * (len(column) // 2)))
