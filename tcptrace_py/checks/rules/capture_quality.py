"""The capture is good enough to conclude anything from it.

Always looked at, asked for or not: what a capture does not hold cannot fail a check. Input that is cut or unreadable
makes the verdict `damaged` (exit code 3, `--allow-damaged` for those who know better); what is named here makes it
fail.

Breaks: `tcpdump` dropped packets (`acked-unseen`), or the mirror port showed one direction only (`one-sided`): every
rule about the other direction would hold.

Fix: capture at a host of the connection, with a larger buffer (`tcpdump -B 16384`) and a snap length of 128 bytes;
`allow` what you know of and accept.

TOML:

    [rules.capture-quality]
    allow = ["acked-unseen"]
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tcptrace_py.checks import params
from tcptrace_py.checks.measure import at_most
from tcptrace_py.model.report import Measure, Unit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tcptrace_py.checks.facts import Facts

CODE, NAME = "TS901", "capture-quality"
PROBLEMS = (
    "acked-unseen",
    "fragments-incomplete",
    "fragments-overlap",
    "no-timestamps",
    "one-sided",
    "time-backwards",
    "undecodable",
)


@dataclass(frozen=True)
class Limits:
    """What is accepted."""

    allow: tuple[str, ...] = params.words("problems of the capture that are accepted", PROBLEMS)


def check(facts: Facts, limits: Limits) -> Iterator[Measure]:
    """A measure for each problem of the capture that would make its silence look like success."""
    for problem in facts.capture.problems:
        if problem.code in PROBLEMS and problem.code not in limits.allow and not problem.damaged:
            at = f", first in frame {problem.first_frame}" if problem.first_frame else ""
            yield at_most(problem.code, problem.count, 0, Unit.COUNT, note=problem.explanation + at)
