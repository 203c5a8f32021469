"""Connections are closed by the end of the capture.

Judged are connections that were established; open are those without any FIN or RST.

Breaks: a test ends without closing its client: the connections stay until the process dies, in production for ever.

Fix: close clients where they are made (a context manager, `defer`, try-with-resources); `idle` leaves alone what was
still at work when the capture stopped.

TOML:

    [rules.left-open]
    idle = "5s"
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tcptrace_py.checks import params
from tcptrace_py.checks.facts import established
from tcptrace_py.checks.measure import Allowance, counted
from tcptrace_py.checks.rows import both
from tcptrace_py.facts.block import END, PATTERN
from tcptrace_py.model.vocabulary import Pattern

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tcptrace_py.checks.facts import Facts
    from tcptrace_py.checks.rows import Mask, Rows
    from tcptrace_py.model.report import Measure

CODE, NAME = "TS304", "left-open"
NEEDS = ("teardown",)


@dataclass(frozen=True)
class Limits(Allowance):
    """How many, and which of them count."""

    idle: int | None = params.duration("count only those that were silent for so long at the end")


def check(facts: Facts, limits: Limits) -> Iterator[Measure]:
    """Count connections without any close."""

    def left(rows: Rows) -> Mask:
        latest_ns = facts.end_ns - (limits.idle or 0)
        return both(rows.are(PATTERN, Pattern.NONE), bytes([end_ns <= latest_ns for end_ns in rows.wide(END)]))

    return counted(facts, limits, "connections left open", judged=established, bad=left)
