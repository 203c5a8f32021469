"""Connections end in the ways that are allowed.

The patterns are those of the analysis: four-way, simultaneous, rst, half-closed, unfinished-close, none (open at the
end of the capture, or never established). A close that was in flight when the capture ended is left out.

Breaks: a client library that resets instead of closing (SO_LINGER 0) to save itself TIME_WAIT.

Fix: `analyze --teardown PATTERN --show connections` lists them; `explain` shows which side did it and when.

TOML:

    [rules.teardown-pattern]
    forbid = ["rst", "half-closed"]
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tcptrace_py.checks import params
from tcptrace_py.checks.measure import Allowance, counted
from tcptrace_py.checks.rows import neither
from tcptrace_py.facts.block import CENSORED, PATTERN
from tcptrace_py.model.errors import UsageError
from tcptrace_py.model.vocabulary import Pattern

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tcptrace_py.checks.facts import Facts
    from tcptrace_py.model.report import Measure

CODE, NAME = "TS302", "teardown-pattern"
NEEDS = ("teardown",)
PATTERNS = tuple(map(str, Pattern))


@dataclass(frozen=True)
class Limits(Allowance):
    """Either what is allowed or what is forbidden."""

    allow: tuple[str, ...] = params.words("no other patterns than these", PATTERNS)
    forbid: tuple[str, ...] = params.words("none of these patterns", PATTERNS)

    def __post_init__(self) -> None:
        if bool(self.allow) == bool(self.forbid):
            raise UsageError(f"{NAME} needs either allow or forbid")


def check(facts: Facts, limits: Limits) -> Iterator[Measure]:
    """Count connections that ended otherwise."""
    forbidden = limits.forbid or tuple(pattern for pattern in PATTERNS if pattern not in limits.allow)

    words = tuple(map(Pattern, forbidden))
    return counted(
        facts,
        limits,
        f"connections that ended {' or '.join(forbidden)}",
        judged=lambda rows: neither(rows.true(CENSORED)),
        in_flight=lambda rows: rows.true(CENSORED),
        bad=lambda rows: rows.are(PATTERN, *words),
    )
