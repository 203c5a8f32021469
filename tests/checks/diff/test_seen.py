"""Columns of what is compared: what goes in comes out, and what is not known takes no room."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcptrace_py.checks.diff.seen import NONE, Known, Row, Rows, Seen

COMPLETED = Seen("completed", "four-way", "client", None, False, False, (), False, 1, None)
REFUSED = COMPLETED._replace(outcome="refused", pattern="none", first_fin=None)


@given(st.lists(st.none() | st.integers(0, 1 << 62)))
def test_numbers_come_out_as_they_went_in(values: list[int | None]) -> None:
    known = Known()
    for value in values:
        known.append(value)
    assert list(known) == [NONE if value is None else value for value in values]


@pytest.mark.parametrize(
    "rows",
    [
        [],
        [Row(REFUSED, None, None)] * 3,
        [Row(REFUSED, None, None), Row(COMPLETED, 5, None, 1), Row(COMPLETED, None, 7, 2)],
        [Row(COMPLETED, 5, 0, 0), Row(REFUSED, None, None, 1)],
    ],
)
def test_rows_come_out_as_they_went_in(rows: list[Row]) -> None:
    assert (list(Rows(rows)), len(Rows(rows))) == (rows, len(rows))


def test_times_of_those_that_have_some() -> None:
    rows = Rows([Row(REFUSED, None, None, 0), Row(COMPLETED, 5, None, 1), Row(COMPLETED, 9, 7, 2)])
    assert rows.times_ns("total_ns", lambda seen: seen.outcome == "completed") == [5, 9]
    assert rows.times_ns("answer_ns", lambda _: True) == [7]
    assert rows.offenders(lambda _: True, above_ns=5).worst == (2,)
    assert rows.offenders(lambda _: True).analysed == 3
