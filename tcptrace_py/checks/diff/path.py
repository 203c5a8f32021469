"""Two captures of the same traffic, judged: what was lost, held up, changed or made up on the way fails."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tcptrace_py.checks.measurable import allowed, not_measurable, untold
from tcptrace_py.checks.measure import WORST, at_most, service
from tcptrace_py.checks.rules.capture_quality import PROBLEMS
from tcptrace_py.model.report import Measure, Origin, Outcome, Report, Status, Unit

from . import held

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tcptrace_py.model.path import Paired, PathFacts, Unpaired
    from tcptrace_py.model.results import Connection

    from .held import Held

WAYS = ("A to B", "B to A")
BORNE = ("outside", "syn-lost", "other-side")  # of unpaired connections: no fault, or counted among the losses
NO_FAULT = ("ttl", "ip-id")  # every router lowers the one, many boxes rewrite the other


@dataclass(frozen=True)
class Bearable:
    """What the way may cost: a share of packets lost, a time under way at the 99th percentile (None: any)."""

    loss: float = 0.0
    transit_ns: int | None = None


def same_traffic(
    facts: PathFacts,
    bearable: Bearable,
    *,
    allow: Sequence[str] = (),
    allow_damaged: bool = False,
    allow_unmeasurable: bool = False,
    interrupted: bool = False,
) -> Report:
    """Judge what `findings.path` found.

    `allow` names problems of the captures that are accepted; `allow_unmeasurable` accepts what a capture cannot tell.
    """
    origin = Origin(f"against {facts.names[1]}")
    outcomes = (
        _quality(facts, origin, allow=allow, allow_damaged=allow_damaged),
        _paired(facts, origin),
        _outcome(facts, origin, held.LOSS, list(_losses(facts, bearable))),
        _outcome(facts, origin, held.MADE_UP, list(_forged(facts))),
        _outcome(facts, origin, held.RESETS_LOST, list(_resets(facts))),
        _transit(facts, bearable, origin, allow_unmeasurable=allow_unmeasurable),
        _outcome(facts, origin, held.ALTERED, list(_altered(facts))),
    )
    return Report(facts.captures[0], len(facts.pairs), outcomes, interrupted, facts)


def _outcome(facts: PathFacts, origin: Origin, what: Held, measures: list[Measure], message: str | None = None) -> Outcome:
    failed = any(not measure.holds for measure in measures)
    message = message if message is not None else "" if measures else "nothing of the kind"
    status = Status.FAILED if failed else Status.PASSED
    return Outcome(what.code, what.name, what.title, what.severity, status, origin, "all connections", len(facts.pairs), tuple(measures),
                   message, what.remedy)  # fmt: skip


def _quality(facts: PathFacts, origin: Origin, *, allow: Sequence[str], allow_damaged: bool) -> Outcome:
    """What a capture lacks looks like loss on the way, or like something made up there."""
    measures = [
        at_most(problem.code, problem.count, 0, Unit.COUNT, subject=name, note=problem.explanation)
        for name, capture in zip(facts.names, facts.captures, strict=True)
        for problem in capture.problems
        if problem.code in PROBLEMS and problem.code not in allow and not problem.damaged
    ]
    if not facts.clock.steady:
        measures.append(
            at_most(
                "clocks that no steady offset brings together",
                1,
                0,
                Unit.COUNT,
                note="one was set during the capture, or the captures are not of the same traffic",
            )
        )
    message = "; ".join(
        f"{name}: {problem.explanation}"
        for name, capture in zip(facts.names, facts.captures, strict=True)
        for problem in capture.problems
        if problem.damaged
    )
    outcome = _outcome(facts, origin, held.QUALITY, measures, message=message)
    fine = outcome.status is Status.FAILED or not message or allow_damaged
    return outcome if fine else replace(outcome, status=Status.DAMAGED)


def _paired(facts: PathFacts, origin: Origin) -> Outcome:
    """Connections that one capture lacks for no good reason."""
    measures = []
    for at in "AB":
        alone = [row for row in facts.unpaired if row.at == at and row.code not in BORNE]
        measures.append(_alone(alone, at))
    outcome = _outcome(facts, origin, held.PAIRED, measures)
    if facts.pairs:
        return outcome
    message = "no connection is in both captures: are they of the same traffic?"
    return replace(outcome, status=Status.UNMATCHED, message=message)


def _alone(rows: list[Unpaired], at: str) -> Measure:
    codes = Counter(row.code for row in rows)
    listed = ", ".join(f"{count} {code}" for code, count in sorted(codes.items()))
    if at == "A":
        first = tuple(row.connection for row in rows[:WORST])
        return Measure("connections only in A", len(rows), 0, Unit.COUNT, not rows, "", first, len(rows), (), listed)
    streams = ", ".join(_stream(row.connection) for row in rows[:WORST])
    note = f"{listed}; in B: {streams}" if rows else ""
    return Measure("connections only in B", len(rows), 0, Unit.COUNT, not rows, offenders=len(rows), note=note)


def _losses(facts: PathFacts, bearable: Bearable) -> Iterator[Measure]:
    for way, found in enumerate(facts.ways):
        if found.sent:
            share = found.lost / found.sent
            worst = sorted((row for row in facts.pairs if row.lost[way]), key=lambda row: -row.lost[way])
            note = f"{found.lost:,} of {found.sent:,}{found.kinds_lost}{_in_b(worst)}"
            yield _measure("packets lost", WAYS[way], share, bearable.loss, Unit.RATIO, worst, note)


def _resets(facts: PathFacts) -> Iterator[Measure]:
    for way, found in enumerate(facts.ways):
        if found.sent:
            worst = [row for row in facts.pairs if row.resets_lost[way]]
            yield _measure("RSTs lost", WAYS[way], found.resets_lost, 0, Unit.COUNT, worst, _in_b(worst).lstrip("; "))


def _measure(what: str, subject: str, value: float, limit: float, unit: Unit, worst: Sequence[Paired], note: str) -> Measure:
    first = tuple(row.a for row in worst[:WORST])
    return Measure(what, value, limit, unit, value <= limit, subject, first, len(worst), (), note)


def _in_b(rows: Sequence[Paired]) -> str:
    """Where the worst connections are in the other capture, whose streams have other numbers."""
    return f"; in B: {', '.join(_stream(row.b) for row in rows[:WORST])}" if rows else ""


def _stream(connection: Connection) -> str:
    if connection.stream is None:
        return f"connection {connection.id}"
    return f"tcp.stream eq {connection.stream}"


def _forged(facts: PathFacts) -> Iterator[Measure]:
    for kind in ("RST", "FIN"):
        for at in "AB":
            found = [row for row in facts.forged if row.kind == kind and row.seen_at == at]
            if not found and kind == "FIN":
                continue
            first = tuple(row.connections[0] for row in found[:WORST])
            by = Counter(row.said_by for row in found)
            note = ", ".join(f"{count} in the {side}'s name" for side, count in sorted(by.items()))
            streams = ", ".join(_stream(row.connections[1]) for row in found[:WORST])
            message = f"{note}; in B: {streams}" if found else ""
            yield Measure(f"{kind}s that nobody sent", len(found), 0, Unit.COUNT, not found, f"at {at}", first,
                          len(found), (), message)  # fmt: skip


def _transit(facts: PathFacts, bearable: Bearable, origin: Origin, *, allow_unmeasurable: bool) -> Outcome:
    if facts.coarse:
        names = (name for name, at in zip(facts.names, "AB", strict=True) if at in facts.coarse)
        why = not_measurable(f"{name}: times is withheld (coarse-clock): the clock does not tell apart what is measured" for name in names)
        if bearable.transit_ns is None:
            return _outcome(facts, origin, held.TRANSIT, [], message="a clock is too coarse; no limit (--max-transit)")
        outcome = _outcome(facts, origin, held.TRANSIT, [], message=allowed(why))
        return outcome if allow_unmeasurable else replace(outcome, status=Status.UNMEASURABLE, message=why)
    measures, known = [], []
    for way, found in zip(WAYS, facts.ways, strict=True):
        latency = found.transit
        if latency is None or latency.p99_ns is None:
            continue
        if bearable.transit_ns is not None:
            measures.append(at_most("p99 of the time under way", latency.p99_ns, bearable.transit_ns, Unit.NS, subject=way,
                                    note=f"{latency.count:,} segments", step_ns=facts.clock_step_ns))  # fmt: skip
        known.append(f"{way} p99 {f'{latency.p99_ns / 1e6:.3g} ms' if latency.p99_ns else 'less than the clock tells'}")
    blurred = untold(measures)
    measures = [measure for measure in measures if measure.is_told]
    if blurred and all(measure.holds for measure in measures):
        why = not_measurable(blurred)
        outcome = _outcome(facts, origin, held.TRANSIT, measures, message=allowed(why))
        return outcome if allow_unmeasurable else replace(outcome, status=Status.UNMEASURABLE, message=why)
    message = "" if measures else f"{', '.join(known)}; no limit (--max-transit)" if known else "no segment in both"
    return _outcome(facts, origin, held.TRANSIT, measures, message=message)


def _altered(facts: PathFacts) -> Iterator[Measure]:
    for row in facts.alterations:
        if row.code not in NO_FAULT:
            note = f"e.g. {service(row.first[0].server.address, row.first[0].server.port)}"
            yield Measure(row.text, row.connections, 0, Unit.COUNT, holds=False, worst=(row.first[0],),
                          offenders=row.connections, note=note)  # fmt: skip
