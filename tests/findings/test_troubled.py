"""Connections in trouble: as many are kept as are wanted, those that began first."""

from __future__ import annotations

import random
from array import array

import pytest

from tcptrace_py.findings import trouble_columns as of
from tcptrace_py.findings.accounts import name_of
from tcptrace_py.findings.troubled import ANY_FRAME, UNANSWERED, Troubled
from tests.ladder import play


def test_those_that_began_first_are_kept_whatever_came_first() -> None:
    troubled, frames = Troubled(300), list(range(1, 2001))
    random.Random(1).shuffle(frames)
    for frame in frames:
        if troubled.wants(frame):
            key = bytes([10, 0, 0, frame % 7, 10, 0, 0, 2]) + (frame % 50000).to_bytes(2) + b"\0P"
            troubled.add_attempt(name_of(key), key, 1000 * frame, frame, frame + 5, frame + 9, UNANSWERED)
    troubled.finish()
    table = troubled.table
    assert table.count == 300
    for row, frame in enumerate(range(1, 301)):
        assert table.wide[of.FIRST_FRAME * table.capacity + row] == frame
        assert table.wide[of.START * table.capacity + row] == 1000 * frame
        assert table.wide[of.CLIENT_ISN * table.capacity + row] == frame + 9
        assert table.narrow[of.STREAM * table.capacity + row] == frame + 5
        assert table.small[of.OUTCOME * table.capacity + row] == UNANSWERED
        name = troubled.names[table.narrow[of.ACCOUNT * table.capacity + row]]
        assert name[3] == frame % 7
    assert len(troubled.names) == 7


def test_few_are_in_order_of_first_frames_as_well() -> None:
    troubled = Troubled(300)
    for frame in (7, 3, 9, 1):
        key = bytes([10, 0, 0, frame, 10, 0, 0, 2]) + (40000).to_bytes(2) + b"\0P"
        troubled.add_attempt(name_of(key), key, 1000 * frame, frame, frame, 0, UNANSWERED)
    troubled.finish()
    table = troubled.table
    assert list(table.wide[of.FIRST_FRAME * table.capacity : of.FIRST_FRAME * table.capacity + 4]) == [1, 3, 7, 9]
    assert [troubled.names[table.narrow[of.ACCOUNT * table.capacity + row]][3] for row in range(4)] == [1, 3, 7, 9]


def test_what_several_parts_kept_comes_to_what_one_would_have_kept() -> None:
    """However many of a part's are among the first ones."""
    found = []
    for parts in (1, 3):
        whole, others = Troubled(300), [Troubled(300) for _ in range(parts)]
        for frame in range(1, 1501):
            key = bytes([10, 0, 0, frame % 7, 10, 0, 0, 2]) + frame.to_bytes(2) + b"\0P"
            others[frame * frame % 11 % parts].add_attempt(name_of(key), key, 1000 * frame, frame, frame, 0, UNANSWERED)
        for other in others:
            for parcel in other.parcels():
                whole.take(parcel)
                assert whole.table.capacity <= whole.room
        whole.finish()
        found.append((whole.names, whole.table.packed()))
    assert found[0] == found[1]


@pytest.mark.parametrize("shares", [(1, 1, 1), (8, 1, 0), (0, 0, 1), (100, 3, 1)], ids=str)
@pytest.mark.parametrize("forth", [True, False], ids=["as they begin", "in any order"])
def test_processes_that_share_keep_what_one_would(shares: tuple[int, ...], forth: bool) -> None:
    """However unequally connections are dealt out; and little more in all, where they end as they begin and are dealt out equally."""
    rng, frames = random.Random(str(shares)), list(range(1, 4001))
    if not forth:
        rng.shuffle(frames)
    bounds = memoryview(bytearray(8 * len(shares))).cast("q")
    one, parts = Troubled(300), [Troubled(300) for _ in shares]
    for number, part in enumerate(parts):
        bounds[number] = ANY_FRAME
        part.share(bounds, number, -(-300 // len(shares)))
    for frame in frames:
        key = bytes([10, 0, 0, frame % 7, 10, 0, 0, 2]) + frame.to_bytes(2) + b"\0P"
        for troubled in (one, rng.choices(parts, shares)[0]):
            if troubled.wants(frame):
                troubled.add_attempt(name_of(key), key, 1000 * frame, frame, frame, 0, UNANSWERED)
    if forth and len(set(shares)) == 1:
        assert max(part.table.capacity for part in parts) <= 300 / len(parts) * 9 / 8 + 64
    for part in parts[1:]:
        for parcel in part.parcels():
            parts[0].take(parcel)
    found = []
    for troubled in (one, parts[0]):
        troubled.finish()
        found.append((troubled.names, troubled.table.packed()))
    assert array("q", found[0][1][: 8 * 300]) == array("q", found[1][1][: 8 * 300])
    assert found[0] == found[1]


def test_attempts_get_the_streams_that_all_get() -> None:
    """They are among the others when all is told, which in several processes is behind this."""
    collector, key = play("0 C S").collector, bytes([10, 0, 0, 1, 10, 0, 0, 2]) + (40000).to_bytes(2) + b"\0P"
    for troubled in (collector.troubled, collector.attempted):
        troubled.add_attempt(name_of(key), key, 0, 1, 5, 0, UNANSWERED)
    collector.rename_streams(lambda stream: stream + 100)
    for table in (collector.troubled.table, collector.attempted.table):
        assert table.narrow[of.STREAM * table.capacity + table.count - 1] == 105
