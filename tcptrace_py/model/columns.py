"""Questions about whole columns, each in one call.

Here they go through what is quickest in an interpreter; `columns.pxd` has the same as inline C loops for whom it is
compiled with (called through the module, as Cython does not let one name be imported and cimported).
"""

from array import array
from itertools import islice
from operator import gt, lt


def least(column: "array[int]", count: int) -> int:
    """Smallest of the first `count` (at least one) values."""
    return min(column if len(column) == count else column[:count])


def most(column: "array[int]", count: int) -> int:
    """Largest of the first `count` (at least one) values."""
    return max(column if len(column) == count else column[:count])


def descents(column: "array[int]", count: int) -> int:
    """How often a value among the first `count` is smaller than the one before."""
    return sum(map(gt, islice(column, count), islice(column, 1, count)))


def smaller(column: "array[int]", other: "array[int]", count: int) -> int:
    """In how many of the first `count` rows `column` is smaller than `other`."""
    return sum(map(lt, islice(column, count), islice(other, count)))


def order(column: "array[int]", count: int) -> "array[int]":
    """Indices of the first `count` values in order of the values; equal ones stay in their order."""
    return array("i", sorted(range(count), key=column.__getitem__))
