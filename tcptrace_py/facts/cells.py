# cython: boundscheck=False, wraparound=False
# (compiled: rows are those of the table itself, and columns that go together are equally long)
"""Cells made of whole columns of a table, as Arrow takes them: each in one call."""

from array import array

from tcptrace_py.model.growing import zeros

from . import arrow
from .table import MISSING, Table

_EXACT = 1 << 53  # up to here C divides two whole numbers as Python does: both are doubles


def small(table: Table, column: int) -> "array[int]":
    """A small column in the width of numbers of words."""
    cells, values, begin = zeros("i", table.count), table.small, column * table.capacity
    to = cells  # compiled, this is a view
    for row in range(table.count):
        to[row] = values[begin + row]
    return cells


def counts(table: Table, column: int) -> "array[int]":
    """A narrow column of numbers, MISSING where there is none."""
    cells, values, begin = zeros("q", table.count), table.narrow, column * table.capacity
    to = cells
    for row in range(table.count):
        number = values[begin + row]
        to[row] = MISSING if number < 0 else number
    return cells


def without(numbers: "array[int]", value: int) -> "array[int]":
    """These numbers, MISSING in place of a value."""
    cells = zeros("q", len(numbers))
    to = cells
    for row in range(len(numbers)):
        number = numbers[row]
        to[row] = MISSING if number == value else number
    return cells


def of_side(numbers: "array[int]", table: Table, path: int) -> "array[int]":
    """These numbers, MISSING where there is no such side: its column of paths says so."""
    cells, paths, begin = zeros("q", len(numbers)), table.narrow, path * table.capacity
    to = cells
    for row in range(len(numbers)):
        to[row] = MISSING if paths[begin + row] < 0 else numbers[row]
    return cells


def divided(numbers: "array[int]", by: int) -> "arrow.Values":
    """Fractions of a unit; NULL where a number is MISSING."""
    count = len(numbers)
    cells, flags = array("d", bytes(8 * count)), bytearray(count)
    to, given = cells, flags
    missing = False
    for row in range(count):
        number = numbers[row]
        if number == MISSING:
            missing = True
            continue
        given[row] = 1
        to[row] = number / by if -_EXACT < number < _EXACT else _quotient(number, by)
    return arrow.Values(cells, arrow.as_bitmap(bytes(flags)) if missing else None)


def _quotient(number: int, by: int) -> float:
    return number / by
