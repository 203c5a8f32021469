"""Cells made of whole columns are what a loop over their rows makes."""

from array import array

from hypothesis import given
from hypothesis import strategies as st

from tcptrace_py.facts import cells
from tcptrace_py.facts.arrow import is_given
from tcptrace_py.facts.table import MISSING, Table

WIDE = st.integers(-(1 << 63), (1 << 63) - 1)
NARROW = st.integers(-(1 << 31), (1 << 31) - 1)
SMALL = st.integers(-128, 127)


def table(rows: list[tuple[int, int, int]]) -> Table:
    """A table with a column of each width and another one before it."""
    made = Table(2, 2, 2, len(rows) + 3)
    for row in rows:
        at = made.row()
        for values, value in zip((made.wide, made.narrow, made.small), row, strict=True):
            values[made.capacity + at] = value
    return made


@given(st.lists(st.tuples(WIDE, NARROW, SMALL)))
def test_cells_are_those_of_the_rows(rows: list[tuple[int, int, int]]) -> None:
    made = table(rows)
    assert list(cells.small(made, 1)) == [small for _, _, small in rows]
    assert list(cells.counts(made, 1)) == [MISSING if narrow < 0 else narrow for _, narrow, _ in rows]
    numbers = array("q", [wide for wide, _, _ in rows])
    assert list(cells.of_side(numbers, made, 1)) == [MISSING if narrow < 0 else wide for wide, narrow, _ in rows]


@given(st.lists(st.integers(-3, 3)), st.integers(-3, 3))
def test_a_value_is_taken_out(numbers: list[int], value: int) -> None:
    assert list(cells.without(array("q", numbers), value)) == [MISSING if number == value else number for number in numbers]


@given(st.lists(WIDE | st.integers(-(10**15), 10**15) | st.just(MISSING)), st.sampled_from([1_000_000, 1_000_000_000]))
def test_fractions_are_exact_and_null_where_a_number_is_missing(numbers: list[int], by: int) -> None:
    values, validity = cells.divided(array("q", numbers), by)
    there = [True] * len(numbers) if validity is None else is_given(validity, len(numbers))
    assert there == [number != MISSING for number in numbers]
    assert list(values) == [0.0 if number == MISSING else number / by for number in numbers]
