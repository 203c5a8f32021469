"""Closed connections are closed by the peer too: nobody stays in FIN_WAIT_2.

Breaks: the peer never closes what this side has closed (its CLOSE_WAIT); without a process the kernel gives up after a
minute (`tcp_fin_timeout`), with one never.

Fix: look at the peer: it holds the other half open.

TOML:

    [rules.fin-wait-2]
    limit = "10s"
    role = "server"
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tcptrace_py.checks.lingering import Longest, longest
from tcptrace_py.model.state import State

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tcptrace_py.checks.facts import Facts
    from tcptrace_py.model.report import Measure

CODE, NAME = "TS306", "fin-wait-2"
NEEDS = ("teardown", "times")
Limits = Longest


def check(facts: Facts, limits: Longest) -> Iterator[Measure]:
    """Hold the longest stay in FIN_WAIT_2 against the limit."""
    return longest(facts, limits, State.FIN_WAIT_2)
