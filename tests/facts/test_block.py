"""Blocks of facts: what is written comes back, from memory and from bytes, and what is no block is refused."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcptrace_py.facts.block import VERSION, Block, unpacked
from tcptrace_py.facts.table import MISSING, Table
from tcptrace_py.facts.views import connection, plain
from tcptrace_py.model.results import Anomaly, Connection, Course, Delivery, Scope, Side, TwoScopes
from tests.facts.handmade import kept
from tests.outputs import factory

MADE = [
    factory.connection(0),
    factory.failed(1, "refused"),
    factory.failed(2, "unanswered"),
    factory.aborted(3, by="unknown", evidence=("idle 351 s before", "TTL 63")),
    factory.connection(
        4,
        stream=None,
        scope=Scope(7, 9, None, None, 2),
        vantage=None,
        timestamps=True,
        midstream=True,
        anomalies=(Anomaly("stray-syn", 44, "a SYN"), Anomaly("stray-syn", 45, "a SYN")),
    ),
    factory.connection(5, total_ns=None, server_side=None, time_wait=()),
    factory.connection(
        6,
        course=Course(3, 40_000_000, 2_000_000_000, 17, 900_000_000, 1_500_000_000, 250_000_000),
        client_side=replace(factory.connection(6).client_side, delivery=Delivery(455, 3, 1_400_000_000, None, 1448, 2896)),
    ),
    factory.connection(
        7, client_side=replace(factory.connection(7).client_side, delivery=Delivery(None, None, None, 520, None, 0, 6_900_000_000, 2))
    ),
    factory.connection(8, scope=TwoScopes(Scope(gre_key=2**32 - 1), None, "server")),
]


def test_what_is_written_is_read() -> None:
    assert [plain(view) for view in kept(MADE)] == MADE


def test_a_view_is_as_good_as_what_it_stands_for() -> None:
    view = next(iter(kept(MADE)))
    assert isinstance(view, Connection)
    assert view == MADE[0]
    assert MADE[0] == view
    assert view != MADE[1]
    assert view.client_side == MADE[0].client_side
    assert hash(view.handshake) == hash(MADE[0].handshake)
    assert repr(view) == repr(MADE[0])
    assert replace(view, stream=7) == replace(MADE[0], stream=7)
    assert view.detached() == MADE[0]
    assert type(view.detached()) is Connection
    assert type(view) is not Connection
    assert [field.name for field in fields(view)] == [field.name for field in fields(Connection)]


@pytest.mark.parametrize("made", MADE, ids=lambda made: made.handshake.outcome)
def test_a_detached_connection_needs_no_block(made: Connection) -> None:
    block = next(kept([made]).blocks())
    copy = connection(block, 0, made.id).detached()
    for table in (block.connections, block.entries, block.stays, block.resets, block.anomalies):
        for column in (table.wide, table.narrow, table.small):
            for at in range(len(column)):
                column[at] = 1
    assert copy == made


@pytest.mark.parametrize("made", MADE, ids=lambda made: made.handshake.outcome)
def test_short_ways_say_the_same(made: Connection) -> None:
    view = next(iter(kept([made])))
    for mine, theirs in ((view.client_side, made.client_side), (view.server_side, made.server_side)):
        if theirs is None:
            assert mine is None
            continue
        assert isinstance(mine, Side)
        assert (mine.path, mine.steps) == (theirs.path, theirs.steps)
        assert mine.path.split() == [entry.state.name for entry in theirs.states]
        assert mine.steps == [(entry.state, entry.at_ns, entry.frame, entry.basis) for entry in theirs.states]


def test_packed_and_unpacked() -> None:
    block = next(kept(MADE).blocks())
    again = unpacked(block.packed())
    again.ids = block.ids
    assert [plain(connection(again, row, row)) for row in range(len(MADE))] == MADE
    assert again.packed() == block.packed()


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "not a block of facts"),
        (b"tcpstates fact\n" + bytes(64), "not a block of facts"),
        (Block(1).packed().replace(f'"version":{VERSION}'.encode(), b'"version":9'), "version 9: this program reads version 5"),
    ],
)
def test_what_is_no_block_is_refused(data: bytes, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        unpacked(data)


def test_a_cut_block_is_refused() -> None:
    data = next(kept(MADE).blocks()).packed()
    with pytest.raises(ValueError, match="cut short"):
        unpacked(data[:-8])


@given(
    st.lists(st.tuples(st.integers(-2, 2), st.integers(-1, 2), st.integers(-128, 127), st.booleans()), max_size=20), st.integers(-128, 127)
)
def test_rows_are_found_by_what_stands_in_a_column(rows: list[tuple[int, int, int, bool]], wanted: int) -> None:
    table = Table(2, 2, 2, 4)
    for wide, narrow, small, _ in rows:
        row = table.row()
        table.wide[1 * table.capacity + row] = wide
        table.narrow[1 * table.capacity + row] = narrow
        table.small[1 * table.capacity + row] = small
    without = bytearray(left_out for *_, left_out in rows)
    marks = bytes(byte in (wanted & 0xFF, 3) for byte in range(256))
    kept = [(row, wide, narrow, small) for row, (wide, narrow, small, left_out) in enumerate(rows) if not left_out]
    assert table.with_wide(1, without) == [row for row, wide, _, _ in kept if wide > 0]
    assert table.with_narrow(1, without) == [row for row, _, narrow, _ in kept if narrow]
    assert table.with_small(1, marks, without) == [row for row, _, _, small in kept if small in (wanted, 3)]
    some = [row for row, *_ in kept]
    assert table.among(some, 1, marks) == table.with_small(1, marks, without)
    assert table.between(some, 1, -1, 1) == [row for row, wide, _, _ in kept if -1 <= wide <= 1]
    assert table.between(some, 1, 1, 0) == []
    groups = table.grouped(1, some)
    assert groups == {value: [row for row, _, narrow, _ in kept if narrow == value] for value in {narrow for _, _, narrow, _ in kept}}
    assert list(groups) == list(dict.fromkeys(narrow for _, _, narrow, _ in kept))  # in order of their first rows


@given(
    st.lists(st.tuples(st.integers(MISSING, -MISSING - 1), st.integers(-(1 << 31), (1 << 31) - 1), st.integers(-128, 127)), max_size=40),
    st.integers(1, 5),
)
def test_a_table_keeps_its_rows_as_it_grows(rows: list[tuple[int, int, int]], capacity: int) -> None:
    table = Table(2, 1, 3, capacity)
    for wide, narrow, small in rows:
        row = table.row()
        table.wide[1 * table.capacity + row] = wide
        table.narrow[row] = narrow
        table.small[2 * table.capacity + row] = small
    again = Table(2, 1, 3, 1)
    assert again.unpack(memoryview(table.packed()), 0, table.count) == len(table.packed())
    for each in (table, again):
        size = each.capacity
        assert each.count == len(rows)
        assert [(each.wide[size + row], each.narrow[row], each.small[2 * size + row]) for row in range(len(rows))] == rows
