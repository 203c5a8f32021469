"""What is read of one point of a comparison."""

from __future__ import annotations

from tcptrace_py.model.path import Columns
from tcptrace_py.points import _append
from tests.ladder import ladder, segment_block


def test_frames_beyond_32_bits_are_as_all_others() -> None:
    block, columns = segment_block(ladder("0 C S\n1 S SA"), 1 << 32), Columns()
    for row in range(block.count):
        _append(columns, block, row)
    assert list(columns.frame) == [1 << 32, (1 << 32) + 1]
