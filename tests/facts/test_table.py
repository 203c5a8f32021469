"""Tables of columns."""

from __future__ import annotations

from array import array
from random import Random

import pytest

from tcptrace_py.facts.table import Table, ranked


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


@pytest.mark.parametrize("count", [0, 1, 2, 47, 48, 49, 255, 1023, 1024, 3000])
@pytest.mark.parametrize("most", [1, 200, 1 << 20, 1 << 62])
def test_values_are_ranked_and_equal_ones_stay_as_they_stand(count: int, most: int) -> None:
    of = Random(f"{count} {most}")
    values, names = [of.randrange(-most, most) for _ in range(count)], [7 * number for number in range(count)]
    order = sorted(range(count), key=values.__getitem__)
    sorted_names, ranks = ranked(array("q", values), array("q", names))
    assert list(sorted_names) == [names[row] for row in order]
    assert [order[rank] for rank in ranks] == list(range(count))


def table_of(wide: list[int], narrow: list[int], small: list[int]) -> Table:
    """Each second column holds these."""
    table = Table(2, 2, 2, 1)
    for values in zip(wide, narrow, small, strict=True):
        row = table.row()
        for columns, value in zip((table.wide, table.narrow, table.small), values, strict=True):
            columns[table.capacity + row] = value
    return table


def test_rows_are_found_by_what_stands_in_them() -> None:
    table = table_of([5, 0, -3, 5, 1 << 40], [0, 80, 65535, 80, 1], [0, 1, -1, 2, 1])
    ports, kinds, without = bytearray(1 << 16), bytearray(256), bytes([0, 1, 0, 0, 0])
    ports[80] = ports[65535] = kinds[1] = kinds[255] = 1
    assert table.with_port(1, ports) == [1, 2, 3]
    assert table.with_small(1, bytes(kinds), without) == [2, 4]
    assert table.with_narrow(1, without) == [2, 3, 4]
    assert table.with_wide(1, without) == [0, 3, 4]
    assert table.among([4, 3, 1], 1, bytes(kinds)) == [4, 1]
    assert table.between([4, 3, 2, 1], 1, 0, 5) == [3, 1]


def test_rows_are_grouped_by_what_stands_in_them() -> None:
    table = table_of([5, 0, -1, 5, 1 << 40], [0, 80, -1, 80, 1], [0] * 5)
    assert table.grouped(1, [4, 3, 2, 1, 0]) == {1: [4], 80: [3, 1], -1: [2], 0: [0]}
    assert table.grouped(1, [0, 3, 2, 1, 4], is_wide=True) == {5: [0, 3], -1: [2], 0: [1], 1 << 40: [4]}
    assert table.grouped(1, [], is_wide=True) == {}
