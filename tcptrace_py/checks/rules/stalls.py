"""What is sent gets through: nothing is sent again for long.

Of what a side had to send again, the time from when it was sent first until it was acknowledged, or until it was sent
last, where nobody acknowledged it. One fast retransmission takes a round trip or two; a second and more is a path that
lost several in a row, or leads nowhere.

Breaks: a firewall forgets an idle connection and drops what comes next; the client sends its request again and again.

Fix: `explain` shows the connection. If it stands still after a pause, something on the path forgot it (keep-alives
that are shorter than the pause help); if large segments are lost and small ones arrive, the path's MTU is smaller.

TOML:

    [rules.stalls]
    limit = "2s"
"""

from __future__ import annotations

from operator import mul
from typing import TYPE_CHECKING

from tcptrace_py.checks.lingering import Longest, longest_of
from tcptrace_py.facts.block import STALL

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tcptrace_py.checks.facts import Facts
    from tcptrace_py.model.report import Measure

CODE, NAME = "TS206", "stalls"
NEEDS = ("times",)
Limits = Longest


def check(facts: Facts, limits: Longest) -> Iterator[Measure]:
    """Hold the longest stall of any connection against the limit."""
    if not facts.withholds_times():
        yield from longest_of(facts, limits, "longest stall", lambda rows: list(map(mul, rows.wide(STALL), rows.chosen)))
