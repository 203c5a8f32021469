"""What the peer has closed is closed soon: nobody stays in CLOSE_WAIT.

A side is in CLOSE_WAIT from the peer's FIN to its own; only its program can end that.

Breaks: an error path returns without close(); every such connection keeps its descriptor until the process runs out.

Fix: the side in CLOSE_WAIT has the bug: find the path that forgets the connection after the peer's end of file.
A half-close that is meant (the peer ended its request and still reads) wants a longer limit on that port.

TOML:

    [rules.close-wait]
    limit = "5s"
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tcptrace_py.checks.lingering import Longest, longest
from tcptrace_py.model.state import State

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tcptrace_py.checks.facts import Facts
    from tcptrace_py.model.report import Measure

CODE, NAME = "TS305", "close-wait"
NEEDS = ("teardown", "times")
Limits = Longest


def check(facts: Facts, limits: Longest) -> Iterator[Measure]:
    """Hold the longest stay in CLOSE_WAIT against the limit."""
    return longest(facts, limits, State.CLOSE_WAIT)
