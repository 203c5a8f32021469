"""Questions about whole columns, each in one call.

Here they go through what is quickest in an interpreter; `columns.pxd` has the same as inline C loops for whom it is
compiled with (called through the module, as Cython does not let one name be imported and cimported).
"""

from array import array
from itertools import accumulate, islice
from operator import gt, lt
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


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


def equal(column: "array[int]", count: int, value: int) -> int:
    """How many of the first `count` values are this one."""
    return column[:count].count(value)


def total(column: "array[int]", count: int) -> int:
    """Sum of the first `count` values."""
    return sum(column[:count])


def sums_before(column: "array[int]", sums: "array[int]", count: int) -> None:
    """Write into the first `count` rows of `sums` what all rows of `column` before them add up to."""
    sums[:count] = array("q", accumulate(column[: max(count - 1, 0)], initial=0))[:count]


def pick(column: "array[int]", rows: "Sequence[int]", first: int, picked: "array[int]", count: int) -> None:
    """Write into the first `count` rows of `picked` what stands in the rows of `column` that `rows` names from its `first` one on."""
    picked[:count] = array("q", [column[row] for row in rows[first : first + count]])


def take_below(keys: "array[int]", values: "array[int]", count: int, limit: int) -> "tuple[Sequence[int], Sequence[int], int]":
    """Take out the rows of two columns, among the first `count`, whose key is below a limit.

    Gives their keys and values in order of the keys and, of equal ones, of the values (no shorter than that), and how many they
    are. The others come first then, in any order.
    """
    rows = sorted([(key, values[row]) for row, key in enumerate(keys[:count]) if key < limit])
    if rows:
        left = [row for row, key in enumerate(keys[:count]) if key >= limit]
        keys[: len(left)] = array("q", map(keys.__getitem__, left))
        values[: len(left)] = array("q", map(values.__getitem__, left))
    return [key for key, _ in rows], [value for _, value in rows], len(rows)


def grouped(groups: "array[int]", count: int) -> "tuple[Sequence[int], Sequence[int]]":
    """Where each of `count` groups begins and the last one ends, and the rows in order of their groups, else as they are."""
    order = sorted(range(len(groups)), key=groups.__getitem__)
    sizes = [0] * (count + 1)
    for group in groups:
        sizes[group + 1] += 1
    return list(accumulate(sizes)), order


def in_order(column: "array[int]", count: int) -> "Sequence[int]":
    """Numbers of the first `count` rows (the sequence may be longer) in order of their values, equal ones as they stand."""
    return array("i", sorted(range(count), key=column.__getitem__))


def picked(column: "array[int]", order: "Sequence[int]") -> "array[int]":
    """The values of these rows."""
    return array("q", map(column.__getitem__, order))
