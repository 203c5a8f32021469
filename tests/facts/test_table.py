"""Tables of columns."""

from __future__ import annotations

from tcptrace_py.facts.table import Table


def test_rows_are_where_they_were_when_there_is_room_for_more() -> None:
    table = Table(2, 3, 1, 2)
    for number in range(40):
        row = table.row()
        for values, columns in ((table.wide, 2), (table.narrow, 3), (table.small, 1)):
            for column in range(columns):
                values[column * table.capacity + row] = 10 * column + number
        if number == 20:
            table.make_room(21)
    assert (table.count, table.capacity) == (40, 42)
    for values, columns in ((table.wide, 2), (table.narrow, 3), (table.small, 1)):
        for column in range(columns):
            begin = column * table.capacity
            assert list(values[begin : begin + table.count]) == [10 * column + number for number in range(40)]
