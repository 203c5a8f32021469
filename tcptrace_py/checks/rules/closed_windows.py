"""Receivers read on: no window stays closed for long.

The longest time from a segment that announces a window of 0 to the next one of the same side that opens it; up to the
last segment, where none does. How many connections have a closed window at all is `zero-windows`.

Breaks: a server writes to a slow disk between two reads; its clients stand still for seconds.

Fix: the side named does not read: look at what its program does meanwhile. The path is not to blame.

TOML:

    [rules.closed-windows]
    limit = "1s"
    role = "server"
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tcptrace_py.checks.lingering import Longest, longest_of
from tcptrace_py.checks.rows import ROLES
from tcptrace_py.facts.block import CLIENT_CLOSED

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tcptrace_py.checks.facts import Facts
    from tcptrace_py.model.report import Measure

CODE, NAME = "TS207", "closed-windows"
NEEDS = ("times",)
Limits = Longest


def check(facts: Facts, limits: Longest) -> Iterator[Measure]:
    """Hold the longest closed window of any side in scope against the limit."""
    if not facts.withholds_times():
        yield from longest_of(
            facts, limits, "longest closed window", lambda rows: rows.of_sides(lambda role: rows.wide(CLIENT_CLOSED + ROLES.index(role)))
        )
