"""Connections are not cut off by resets of some causes.

Causes are those of the analysis: `abort` and `abort-unread-data` (close() with data unread, SO_LINGER 0, a crash),
`data-after-close` (a request crossed the close), `no-socket` (a side no longer has the connection),
`aborted-handshake`, `refused`; `late` resets come after a complete close and do no harm.

Breaks: a server closes with part of the request unread: its kernel sends a RST, and the client may lose the answer
that was already on its way.

Fix: `abort` and `abort-unread-data`: read the request to its end (or shut down for writing and drain) before closing;
if it was read, look for SO_LINGER 0 or a process that was killed.
`data-after-close`: let the client close first, or give the server a longer keep-alive than the client.
`no-socket`: who answers so was restarted, had closed long before, or a box in between forgot the connection; where pauses
are to blame, the finding `idle-timeout` says how long they may be.

TOML:

    [rules.resets]
    causes = ["abort-unread-data", "data-after-close"]
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tcptrace_py.checks import params
from tcptrace_py.checks.measure import Allowance, counted
from tcptrace_py.checks.rows import values
from tcptrace_py.facts.block import ENDING_RESET, RESET_BY, RESET_CAUSE, RESETS, RESETS_AT
from tcptrace_py.model.vocabulary import Cause, Role

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tcptrace_py.checks.facts import Facts
    from tcptrace_py.checks.rows import Mask, Rows
    from tcptrace_py.model.report import Measure

CODE, NAME = "TS301", "resets"
CAUSES, SIDES = tuple(map(str, Cause)), tuple(map(str, Role))
NUMBERS = range(len(CAUSES))
USUAL = tuple(cause for cause in CAUSES if cause not in ("refused", "late"))


@dataclass(frozen=True)
class Limits(Allowance):
    """Which resets count, and how many may be."""

    causes: tuple[str, ...] = params.words("causes that count", CAUSES, default=USUAL)
    by: str = params.word("count only resets of this side", ("client", "server", "anyone"), default="anyone")


def check(facts: Facts, limits: Limits) -> Iterator[Measure]:
    """Count connections with a reset of these causes."""
    others = limits.causes == USUAL  # of what came from between the two, which has no cause

    def cut_off(rows: Rows) -> Mask:
        table = rows.block.resets
        causes, sides = values(table.small, table, RESET_CAUSE), values(table.small, table, RESET_BY)
        words = [CAUSES[cause] if cause in NUMBERS else None for cause in causes]
        counts = [
            (others if word is None else word in limits.causes) and limits.by in ("anyone", SIDES[side])
            for word, side in zip(words, sides, strict=True)
        ]
        late = [count and word == Cause.LATE for count, word in zip(counts, words, strict=True)]
        return bytes(
            [
                (ending >= 0 and counts[ending]) or any(late[begin : begin + count])
                for ending, begin, count in zip(rows.narrow(ENDING_RESET), rows.narrow(RESETS_AT), rows.narrow(RESETS), strict=True)
            ]
        )

    names = "" if limits.causes == USUAL else f" ({', '.join(limits.causes)})"
    return counted(facts, limits, f"connections reset{names}", bad=cut_off)
