"""Not too many connections end in TIME_WAIT.

Counts stays entered, whatever their length: a measure of how often connections are made anew instead of being reused.

Breaks: a client library is upgraded and no longer sends `Connection: keep-alive`: ten requests make ten connections.

Fix: reuse connections; compare with the number of requests that the test makes.

TOML:

    [rules.time-wait-count]
    max = 10
    per = "service"
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tcptrace_py.checks.measure import Found, largest
from tcptrace_py.checks.waiting import WaitLimits, tallies
from tcptrace_py.model.report import Measure, Unit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tcptrace_py.checks.facts import Facts

CODE, NAME = "TS402", "time-wait-count"
NEEDS = ("time-wait",)
IN_SPITE_OF = ("short-capture",)  # it counts, and does not say what is to come
Limits = WaitLimits


def check(facts: Facts, limits: WaitLimits) -> Iterator[Measure]:
    """The stays entered, for each subject."""
    found = (Found(subject, tally.number, tally.worst) for subject, tally in tallies(facts, limits.per))
    return largest("TIME_WAIT entered", limits.max, Unit.COUNT, found)
