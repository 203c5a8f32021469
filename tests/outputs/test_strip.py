"""The line that shows where in a capture connections broke."""

from __future__ import annotations

import pytest

from tcptrace_py.model.results import Intervals
from tcptrace_py.outputs.views.strip import strip

S = 10**9
NOON_NS = 1_700_049_600 * S


@pytest.mark.parametrize(
    ("broken", "length_ns", "dated", "expected"),
    [
        ((0, 0, 0), S, False, ""),
        ((4, 4), S, False, ""),  # too short for a line
        ((0, 8, 1, 4), S, False, "They began -█▁▄ in intervals of 1 s; most from 12:00:01 on: 8 of 20."),
        ((0, 0, 1), S // 10, False, "They began --█ in intervals of 100 ms; most from 12:00:00.200 on: 1 of 20."),
        ((1000, 1, 0), 60 * S, True, "They began █▁- in intervals of 60 s; most from 2023-11-15 12:00:00 on: 1,000 of 20."),
    ],
)
def test_marks(broken: tuple[int, ...], length_ns: int, dated: bool, expected: str) -> None:
    assert strip(Intervals(NOON_NS, length_ns, (20,) * len(broken), broken), dated=dated) == expected
