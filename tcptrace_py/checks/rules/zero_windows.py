"""Receivers keep up: none closes its window.

A window of 0 says that the receiving program does not read as fast as its peer sends.

Breaks: a consumer that does other work between reads; its peer stands still and waits for a window.

Fix: the side named is the one that does not read: look at what its program does meanwhile (a lock, a slow disk, a
full thread pool); a larger buffer only delays it.

TOML:

    [rules.zero-windows]
    ports = 5672
    role = "client"
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tcptrace_py.checks.measure import Allowance, counted
from tcptrace_py.checks.rows import both, either
from tcptrace_py.facts.block import HISTORY

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tcptrace_py.checks.facts import Facts
    from tcptrace_py.checks.rows import Mask, Rows
    from tcptrace_py.model.report import Measure

CODE, NAME = "TS204", "zero-windows"
NEEDS = ("times",)  # withheld where bare ACKs were not captured
IN_SPITE_OF = ("coarse-clock",)  # it counts, and measures no time
Limits = Allowance
LETTERS = {"client": "W", "server": "w"}  # in the history of a connection


def check(facts: Facts, limits: Allowance) -> Iterator[Measure]:
    """Count connections of which a side in scope announced a window of 0."""

    def closed(rows: Rows) -> Mask:
        histories, found = rows.narrow(HISTORY), []
        for role, letter in LETTERS.items():
            closed_its = [letter in str(history) for history in rows.block.histories.values]
            found.append(both(rows.looked_at(role), bytes([closed_its[number] for number in histories])))
        return either(*found)

    return counted(facts, limits, "connections in which a receiver closed its window", bad=closed)
