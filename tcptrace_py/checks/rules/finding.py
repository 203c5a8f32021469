"""No cause is found of what a rule should not have to be written for.

A finding names one cause at one place, with what speaks for it: local ports that ran out, a reset from between, answers
from an address that nobody asked. `tcpstates analyze` prints them first; docs/findings.md explains each code.

Breaks: a firewall resets connections in the server's name; a client's local ports are all taken and connect() fails.

Fix: the finding says what to look at, and docs/findings.md what to do; `ignore` what you know of and accept.

TOML:

    [rules.finding]
    severities = ["problem", "warning"]
    ignore = ["injected-reset"]
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tcptrace_py.checks import params
from tcptrace_py.checks.measure import Worst, at_most
from tcptrace_py.checks.rows import picked
from tcptrace_py.facts.block import FIRST_FRAME
from tcptrace_py.model.endpoints import service
from tcptrace_py.model.finding import Code, Gravity
from tcptrace_py.model.report import Measure, Unit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tcptrace_py.checks.facts import Facts
    from tcptrace_py.checks.scope import Scope
    from tcptrace_py.model.finding import Finding

CODE, NAME = "TS601", "finding"
NEEDS = ("times", "handshake-outcome", "teardown")  # causes are looked for in these
SURE = True  # what is found is there, whatever else the capture cannot tell
CODES = tuple(sorted(map(str, Code)))
GRAVITIES = tuple(map(str, Gravity))


@dataclass(frozen=True)
class Limits:
    """Which findings count."""

    codes: tuple[str, ...] = params.words("findings that count", CODES, default=CODES)
    ignore: tuple[str, ...] = params.words("findings that do not", CODES)
    severities: tuple[str, ...] = params.words("severities that count", GRAVITIES, default=("problem",))


def check(facts: Facts, limits: Limits) -> Iterator[Measure]:
    """A measure for each finding; one of 0 where there is none."""
    if not facts.count:
        return
    found = 0
    for finding in facts.analysis.findings:
        if finding.code not in limits.codes or finding.code in limits.ignore or finding.severity not in limits.severities:
            continue
        behind = _behind(facts, finding)
        if facts.scope.takes_all or behind.count or (not finding.first_frames and _is_there(facts.scope, finding)):
            found += 1
            yield at_most(finding.code, max(finding.connections, 1), 0, Unit.COUNT, behind, subject=_subject(finding),
                          note=f"{finding.explanation} ({'; '.join([*finding.evidence, finding.remedy])})")  # fmt: skip
    if not found:
        yield at_most("findings", 0, 0, Unit.COUNT)


def _subject(finding: Finding) -> str:
    at = service(finding.server, finding.server_port) if finding.server and finding.server_port else finding.server
    return " to ".join(part for part in (finding.client, at) if part)


def _behind(facts: Facts, finding: Finding) -> Worst:
    """The connections in scope that show it, as far as they are known by their first frames."""
    wanted, worst = set(finding.first_frames), Worst(facts.store)
    for rows in facts.rows() if wanted else ():
        frames = rows.wide(FIRST_FRAME)
        worst.add(rows, [row for row in picked(rows.chosen) if frames[row] in wanted])
    return worst


def _is_there(scope: Scope, finding: Finding) -> bool:
    """Whether a finding that rests on no single connections is about an address and a port in scope."""
    ends = (finding.client, finding.server)
    there = any(scope.has_address(address) for address in ends if address) or not scope.is_choosy
    return there and (scope.has_port(finding.server_port or 0) or not scope.ports)
