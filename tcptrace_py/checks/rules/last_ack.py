"""The last ACK arrives: nobody stays in LAST_ACK.

Breaks: a firewall drops the connection's state at the first FIN, so that the last ACK never comes through.

Fix: compare captures at both ends: an ACK that was sent and did not arrive was dropped on the way.

TOML:

    [rules.last-ack]
    limit = "2s"
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tcptrace_py.checks.lingering import Longest, longest
from tcptrace_py.model.state import State

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tcptrace_py.checks.facts import Facts
    from tcptrace_py.model.report import Measure

CODE, NAME = "TS307", "last-ack"
NEEDS = ("teardown", "times")
Limits = Longest


def check(facts: Facts, limits: Longest) -> Iterator[Measure]:
    """Hold the longest stay in LAST_ACK against the limit."""
    return longest(facts, limits, State.LAST_ACK)
