"""Connections that took a four-tuple again while the old one was still known: pairs of rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tcptrace_py.facts.table import MISSING

from . import trouble_columns as column

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .evidence import Evidence

MOST_BEFORE = 8  # connections of the four-tuple before: one that was known until then is the last one, or a stray behind it


def taken_again(evidence: Evidence) -> Iterator[tuple[int, int]]:
    """The old connection, which a RST ended or met, and the new one, whose SYN came before that RST and had to be sent again."""
    starts, ends, resets = evidence.wide(column.START), evidence.wide(column.END), evidence.wide(column.RESET_AT)
    repeats, claimed = evidence.narrow(column.SYN_REPEATS), evidence.claimed
    for every in evidence.of_one_tuple:
        rows = [row for row in every if not claimed[row]]
        for at, new in enumerate(rows):
            for old in reversed(rows[max(at - MOST_BEFORE, 0) : at]) if repeats[new] > 0 else ():
                if starts[old] < starts[new] and resets[old] != MISSING and starts[new] <= resets[old] <= ends[new]:
                    yield old, new
                    break
