"""Not too many TIME_WAIT at once.

Each stay lasts as long as the host's profile says (`--os`); role = "client" or "server" looks at one side's only.
TIME_WAIT at a server costs a little memory; at a client each holds a local port towards that service.

Breaks: a proxy without a connection pool opens 500 connections a second to its database: after a minute 28,000 ports
are in TIME_WAIT, and connect() fails.

Fix: reuse connections (keep-alive, a pool): it removes the cause. Else let the side that can afford it close first.

TOML:

    [rules.time-wait-peak]
    max = 1000
    role = "client"
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

CODE, NAME = "TS401", "time-wait-peak"
NEEDS = ("time-wait",)
IN_SPITE_OF = ("short-capture",)  # the limit is for what was captured, not for what is to come
Limits = WaitLimits


def check(facts: Facts, limits: WaitLimits) -> Iterator[Measure]:
    """The most stays at one moment, for each subject."""
    found = (Found(subject, tally.peak, tally.worst) for subject, tally in tallies(facts, limits.per))
    return largest("TIME_WAIT at once", limits.max, Unit.COUNT, found)
