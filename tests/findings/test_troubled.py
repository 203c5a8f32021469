"""Connections in trouble: as many are kept as are wanted, those that began first."""

from __future__ import annotations

import random

from tcptrace_py.findings import trouble_columns as of
from tcptrace_py.findings.accounts import name_of
from tcptrace_py.findings.troubled import UNANSWERED, Troubled


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
            whole.take(other.parcel())
            assert whole.table.capacity <= whole.room
        whole.finish()
        found.append((whole.names, whole.table.packed()))
    assert found[0] == found[1]
