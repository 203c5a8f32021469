"""Runs checks over an analysis: each rule in its scope, its measures judged by severity; nothing passes unseen."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from tcptrace_py.facts.block import STREAM
from tcptrace_py.model.errors import did_you_mean
from tcptrace_py.model.faults import PASSED_ON
from tcptrace_py.model.report import Origin, Outcome, Report, Severity, Status

from .facts import Facts
from .measurable import allowed, missing, not_measurable, untold
from .measure import service
from .registry import doc_of, find
from .scope import Scope
from .sql import Database, Query

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tcptrace_py.model.report import Measure
    from tcptrace_py.model.results import Analysis

    from .registry import Rule

QUALITY = "capture-quality"
ALWAYS = Origin("always checked")


@dataclass(frozen=True)
class Check:
    """A rule, asked for with these limits in this scope."""

    rule: Rule
    limits: Any
    scope: Scope = field(default_factory=Scope)
    severity: Severity = Severity.ERROR
    origin: Origin = ALWAYS
    allow_empty: bool = False
    allow_unmeasurable: bool = False

    @property
    def name(self) -> str:
        """The rule's name."""
        return self.rule.NAME

    def run(self, analysis: Analysis) -> Outcome:
        """Check it. Where nothing matched, the outcome says what would have."""
        facts = Facts(analysis, self.scope)
        count = facts.count
        try:
            measures = tuple(self.rule.check(facts, self.limits))
        except Exception as error:
            if isinstance(error, PASSED_ON):
                raise
            why = f"a bug in tcpstates, not in the capture: the rule raised {type(error).__name__}: {error}"
            return replace(self.outcome(Status.FAILED, count, message=why), severity=Severity.ERROR, internal=True)
        withheld, blurred = _hidden(self.rule, analysis), untold(measures)
        hidden = withheld or (not_measurable(blurred) if blurred else "")
        measures = tuple(measure for measure in measures if measure.is_told)
        failed = any(not measure.holds for measure in measures)
        sure = getattr(self.rule, "SURE", False) or not withheld
        if hidden and count and not self.allow_unmeasurable and not (failed and sure):
            return self.outcome(Status.UNMEASURABLE, count, measures, hidden)
        if failed:
            return self.outcome(Status.FAILED, count, measures)
        if not measures and not self.allow_empty and not hidden:
            why = _nothing_to_measure(count) if count else _nothing_matched(analysis, self.scope)
            return self.outcome(Status.UNMATCHED, count, message=why)
        why = "" if measures and not blurred else allowed(hidden) or "there was nothing to check, which is allowed"
        return self.outcome(Status.PASSED, count, measures, why)

    def outcome(self, status: Status, count: int, measures: tuple[Measure, ...] = (), message: str = "") -> Outcome:
        """Make an outcome of this check."""
        doc = doc_of(self.rule)
        return Outcome(
            self.rule.CODE,
            self.name,
            doc.title,
            self.severity,
            status,
            self.origin,
            str(self.scope),
            count,
            measures,
            message,
            " ".join(doc.fix.split()),
        )


def run(
    analysis: Analysis,
    checks: Sequence[Check | Query],
    *,
    allow: Sequence[str] = (),
    allow_damaged: bool = False,
    allow_empty: bool = False,
    allow_unmeasurable: bool = False,
) -> Report:
    """Run all checks; the capture's quality comes first and is looked at even if nobody asked for it.

    `allow` names problems of the capture that are accepted besides those that its rule accepts, `allow_damaged` accepts
    cut and unreadable input, `allow_empty` lets every check pass that finds nothing to check, `allow_unmeasurable` every
    check that depends on what the capture cannot tell and does not fail on what it tells.

    Raises UsageError for queries that fail on the data.
    """
    database = Database(analysis)
    rules = [
        replace(check, allow_empty=check.allow_empty or allow_empty, allow_unmeasurable=allow_unmeasurable)
        for check in checks
        if isinstance(check, Check)
    ]
    rule = find(QUALITY)
    quality = [check for check in rules if check.rule is rule] or [Check(rule, rule.Limits(), allow_empty=allow_empty)]
    outcomes = [_quality(_allowing(check, allow), analysis, allow_damaged=allow_damaged) for check in quality]
    outcomes += [check.run(analysis) for check in rules if check.rule is not rule]
    outcomes += [check.run(database, allow_empty=allow_empty) for check in checks if isinstance(check, Query)]
    return Report(analysis.capture, analysis.summary.connections, tuple(outcomes), analysis.interrupted,
                  shared_streams=_shared_streams(analysis, outcomes))  # fmt: skip


def _shared_streams(analysis: Analysis, outcomes: Sequence[Outcome]) -> frozenset[int]:
    """The streams of connections named in the outcomes that others bear as well: those of another scope."""
    named = {connection.stream for outcome in outcomes for measure in outcome.measures for connection in measure.worst}
    if not named - {None}:
        return frozenset()
    counts = Counter(stream for rows in Facts(analysis, Scope()).rows() for stream in rows.narrow(STREAM) if stream in named)
    return frozenset(stream for stream, count in counts.items() if count > 1)


def _allowing(check: Check, allow: Sequence[str]) -> Check:
    return replace(check, limits=replace(check.limits, allow=(*check.limits.allow, *allow)))


def _quality(check: Check, analysis: Analysis, *, allow_damaged: bool) -> Outcome:
    """Check the capture itself: damage is no failure, but nothing that is damaged passes unless that is allowed."""
    count = analysis.summary.connections
    measures = tuple(check.rule.check(Facts(analysis, Scope()), check.limits))
    damage = "; ".join(problem.explanation for problem in analysis.capture.problems if problem.damaged)
    if any(not measure.holds for measure in measures):
        return check.outcome(Status.FAILED, count, measures, damage)
    if not count and not check.allow_empty:
        return check.outcome(Status.UNMATCHED, count, message=_nothing_matched(analysis, Scope()))
    if damage and not allow_damaged:
        return check.outcome(Status.DAMAGED, count, message=damage)
    return check.outcome(Status.PASSED, count, message=f"damaged, which is allowed: {damage}" if damage else "")


def _hidden(rule: Rule, analysis: Analysis) -> str:
    """Why the capture cannot tell what a rule measures, in words; empty where it can."""
    rows = missing(analysis.withheld, getattr(rule, "NEEDS", ()), getattr(rule, "IN_SPITE_OF", ()))
    return not_measurable(f"{row.what} is withheld ({row.because}): {row.explanation}" for row in rows) if rows else ""


def _nothing_to_measure(count: int) -> str:
    return (
        f"{count} connections are in scope, but the capture does not hold what this rule measures in any of them "
        "(one that began before the capture has no handshake in it); allow_empty = true accepts that"
    )


def _nothing_matched(analysis: Analysis, scope: Scope) -> str:
    """Say that no connection is in scope, what there is instead, and what may have been meant."""
    first: dict[tuple[str, int], int] = {}  # of the connections to a service
    facts = Facts(analysis, Scope())
    for rows in facts.rows():
        for ends, identifier in zip(rows.ends(range(rows.count)), rows.block.ids, strict=True):
            first[ends] = min(identifier, first.get(ends, identifier))
    services = {service(*ends): ends for ends in sorted(first, key=first.__getitem__)}
    if not services:
        return "no TCP connection at all was there to be checked"
    near = ""
    for wanted, there in (
        (scope.hosts, [address for address, _ in services.values()]),
        ([str(low) for low, _ in scope.ports], [str(port) for _, port in services.values()]),
    ):
        near = near or next((hint for text in wanted if text not in there and (hint := did_you_mean(text, there))), "")
    listed = ", ".join(list(services)[:5]) + (", …" if len(services) > 5 else "")
    return f"no connection matches: {scope}; the capture holds connections to {listed}{near}"
