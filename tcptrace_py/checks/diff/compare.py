"""Comparisons: what of a service got worse, by more than a threshold and by more than noise would explain."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from tcptrace_py.checks.measurable import allowed, missing, not_measurable, untold
from tcptrace_py.checks.measure import at_most, service
from tcptrace_py.checks.rules.capture_quality import PROBLEMS
from tcptrace_py.model.clock import coarser_step_ns
from tcptrace_py.model.finding import Gravity
from tcptrace_py.model.report import Measure, Origin, Outcome, Report, Severity, Status, Unit

from . import held, stats
from .seen import Offenders, Rows, Seen, Service, Test, Traffic, both, paired

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from tcptrace_py.model.results import Connection

    from .held import Held
    from .seen import Cause

ENOUGH = 8  # handshakes on each side from which on a test of their times means something
OUTCOMES = ("refused", "refused-by-time-wait", "unanswered", "half-open", "aborted")
CAUSES = ("no-socket", "aborted-handshake", "abort", "abort-unread-data", "data-after-close")
PATTERNS = ("half-closed", "unfinished-close", "simultaneous", "none")


@dataclass(frozen=True)
class Tolerance:
    """What is allowed: a rise up to `threshold` (0.25: by a quarter), and whatever chance does more often than `alpha`.

    `least_ns` is the rise of a median handshake that is too small to matter, whatever its share. `strict` lets chance
    explain nothing.
    """

    threshold: float = 0.25
    alpha: float = 0.01
    least_ns: int = 1_000_000
    strict: bool = False

    def chance(self, p: float) -> bool:
        """Whether chance may have done it."""
        return not self.strict and p >= self.alpha


class Comparison(NamedTuple):
    """One kind of change: its code and name, what holds if nothing got worse, what to look at if it did.

    `needs` names conclusions, as in `Analysis.withheld`, that both captures must bear, but for the reasons `in_spite_of`.
    """

    code: str
    name: str
    title: str
    remedy: str
    measures: Callable[[Rows, Rows, Tolerance], Iterator[tuple[str, Change]]]
    needs: tuple[str, ...] = ()
    in_spite_of: tuple[str, ...] = ()


def diff(
    base: Traffic,
    new: Traffic,
    tolerance: Tolerance,
    *,
    allow: Sequence[str] = (),
    allow_damaged: bool = False,
    allow_unmeasurable: bool = False,
    interrupted: bool = False,
) -> Report:
    """Compare two captures; each kind of change is an outcome, each service that has it a measure.

    `allow` names problems of the new capture that are accepted; `allow_unmeasurable` accepts what a capture cannot tell.
    """
    pairs, gone, fresh = paired(base, new)
    origin = Origin(f"against {base.name}")
    connections = sum(len(rows) for rows in new.services.values())
    quality = _quality(base, new, origin, connections, allow=allow, allow_damaged=allow_damaged)
    step_ns = coarser_step_ns(base.capture.clock_step_ns, new.capture.clock_step_ns)
    outcomes = [quality, _services(gone, fresh, pairs, origin, connections)]
    compared: list[tuple[Comparison | Held, list[Compared]]] = [
        (
            comparison,
            [
                Compared(service(*now), what, change)
                for was, now in pairs
                for what, change in comparison.measures(base.services[was], new.services[now], tolerance)
            ],
        )
        for comparison in COMPARISONS
    ]
    compared.append((held.PEAKS, _peaks(base, new, tolerance)))
    compared.append((held.FINDING, list(_causes(base, new, dict(pairs), tolerance))))
    shown = new.at({place for _, told in compared for one in told for place in one.change.offenders.worst})
    for what, told in compared:
        measures = [replace(_measure(one, tolerance, shown), step_ns=step_ns if isinstance(what, Comparison) else None) for one in told]
        hidden = _hidden(what, base, new) if pairs else ""
        outcomes.append(_outcome(what, measures, origin, connections, hidden, accepted=allow_unmeasurable))
    return Report(new.capture, connections, tuple(outcomes), interrupted)


def _hidden(what: Comparison | Held, base: Traffic, new: Traffic) -> str:
    """Why the captures cannot tell what is compared, in words; empty where they can."""
    sides = [(side.name, row) for side in (base, new) for row in missing(side.withheld, what.needs, what.in_spite_of)]
    reasons = (f"{name}: {row.what} is withheld ({row.because}): {row.explanation}" for name, row in sides)
    return not_measurable(reasons) if sides else ""


def _outcome(what: Comparison | Held, measures: list[Measure], origin: Origin, connections: int, hidden: str, *, accepted: bool) -> Outcome:
    blurred, sure = untold(measures), not hidden or what in held.SURE
    measures = [measure for measure in measures if measure.is_told]
    failed = any(not measure.holds for measure in measures)
    hidden = hidden or (not_measurable(blurred) if blurred else "")
    if hidden and not accepted and not (failed and sure):
        return _with_status(what, Status.UNMEASURABLE, origin, connections, tuple(measures), hidden)
    message = "" if measures and not blurred else allowed(hidden) or "nothing of the kind to compare"
    return _with_status(what, Status.FAILED if failed else Status.PASSED, origin, connections, tuple(measures), message)


def _with_status(
    what: Comparison | Held, status: Status, origin: Origin, connections: int, measures: tuple[Measure, ...], message: str
) -> Outcome:
    return Outcome(what.code, what.name, what.title, Severity.ERROR, status, origin, "all connections", connections, measures, message,
                   what.remedy)  # fmt: skip


def _quality(base: Traffic, new: Traffic, origin: Origin, connections: int, *, allow: Sequence[str], allow_damaged: bool) -> Outcome:
    """Problems that the new capture has and the old one had not would look like changes, or hide them."""
    known = {problem.code for problem in base.capture.problems} | set(allow)
    measures = tuple(
        at_most(problem.code, problem.count, 0, Unit.COUNT, note=problem.explanation)
        for problem in new.capture.problems
        if problem.code in PROBLEMS and problem.code not in known and not problem.damaged
    )
    damage = "; ".join(
        f"{side.name}: {problem.explanation}" for side in (base, new) for problem in side.capture.problems if problem.damaged
    )
    status = Status.FAILED if measures else Status.DAMAGED if damage and not allow_damaged else Status.PASSED
    return _with_status(held.QUALITY, status, origin, connections, measures, damage)


def _services(gone: list[Service], fresh: list[Service], pairs: list[tuple[Service, Service]], origin: Origin, connections: int) -> Outcome:
    """A service that nobody connects to any more cannot be compared, and must not look as if it were well."""
    listed = ", ".join(service(*each) for each in fresh)
    message = f"new: {listed}" if fresh else ""
    status = Status.FAILED if gone else Status.PASSED if pairs else Status.UNMATCHED
    measures = (
        Measure(
            "services without connections now",
            len(gone),
            0,
            Unit.COUNT,
            not gone,
            note=", ".join(service(*each) for each in gone),
        ),
    )
    return _with_status(
        held.SERVICES, status, origin, connections, measures, message if pairs or gone else "no service is in both captures"
    )


class Change(NamedTuple):
    """A number now, how far it may have risen, how likely chance alone makes it so large (None: never), and who is to blame."""

    value: float
    limit: float
    unit: Unit
    p: float | None
    offenders: Offenders
    note: str


class Compared(NamedTuple):
    """What changed, of a service or of all, and how."""

    subject: str
    what: str
    change: Change


def _measure(told: Compared, tolerance: Tolerance, shown: Mapping[int, Connection]) -> Measure:
    change = told.change
    risen, chance = change.value > change.limit, change.p is not None and tolerance.chance(change.p)
    note = change.note
    if risen and change.p is not None and change.p < 1:
        note += f"; by chance alone {_often(change.p)}" + (": may be noise" if chance else "")
    holds, (count, places) = not risen or chance, change.offenders
    worst = tuple(shown[place] for place in places)
    return Measure(told.what, change.value, change.limit, change.unit, holds, told.subject, worst, count, (), note)


def _share(
    what: str,
    sides: tuple[Rows, Rows],
    tolerance: Tolerance,
    bad: Test,
    judged: Test = lambda _: True,
    in_flight: Test = lambda _: False,
) -> Iterator[tuple[str, Change]]:
    """Compare how many of a service's connections are bad; nothing where none is, now or then.

    `in_flight` were not over when their capture ended: they are not judged, and how many they are is said.
    """

    def hit(seen: Seen) -> bool:
        return judged(seen) and bad(seen)

    (before, hits), (now, found) = ((rows.count(judged), rows.count(hit)) for rows in sides)
    if not before or not now or not (hits or found):
        return
    was = hits / before
    p = stats.fisher(hits, before, found, now)
    note = f"{found} of {now}, was {hits} of {before}"
    left_out = [rows.count(in_flight) for rows in reversed(sides)]
    if any(left_out):
        note += f"; in flight when the capture ended, left out: {left_out[0]}, was {left_out[1]}"
    limit = min(was * (1 + tolerance.threshold), 1.0)
    yield what, Change(found / now, limit, Unit.RATIO, p, sides[1].offenders(hit), note)


def _often(p: float) -> str:
    return "in less than one of a million runs" if p < 1e-6 else f"in {100 * p:.2g} % of runs"


def _latency(base: Rows, new: Rows, tolerance: Tolerance) -> Iterator[tuple[str, Change]]:
    yield from _slower("median handshake", (base, new), tolerance, "total_ns", lambda row: row.outcome == "completed")


def _answers(base: Rows, new: Rows, tolerance: Tolerance) -> Iterator[tuple[str, Change]]:
    yield from _slower("median of longest answers", (base, new), tolerance, "answer_ns")


def _slower(
    what: str, sides: tuple[Rows, Rows], tolerance: Tolerance, time_ns: str, judged: Test = lambda _: True
) -> Iterator[tuple[str, Change]]:
    """Compare the medians of a time that some of a service's connections have."""
    before, now = (rows.times_ns(time_ns, judged) for rows in sides)
    if not before or not now:
        return
    was, value = _median(before), _median(now)
    enough = min(len(before), len(now)) >= ENOUGH
    p = stats.rank_sum(before, now) if enough else 1.0
    limit = max(was * (1 + tolerance.threshold), was + tolerance.least_ns)
    told = f"{was / 1e6:.3g} ms" if was else "less than the clock tells"
    note = f"of {len(now)}, was {told} of {len(before)}" + ("" if enough else "; too few to tell from noise")
    yield what, Change(value, limit, Unit.NS, p, sides[1].offenders(judged, time_ns, limit), note)


def _median(values: list[int]) -> int:
    return sorted(values)[(len(values) - 1) // 2]


def _is(what: str, word: str) -> Test:
    return lambda row: getattr(row, what) == word


def _outcomes(base: Rows, new: Rows, tolerance: Tolerance) -> Iterator[tuple[str, Change]]:
    for name in OUTCOMES:
        yield from _share(
            f"{name} handshakes",
            (base, new),
            tolerance,
            _is("outcome", name),
            lambda row: row.outcome not in ("not-captured", "in-progress"),
            lambda row: row.outcome == "in-progress",
        )


def _resets(base: Rows, new: Rows, tolerance: Tolerance) -> Iterator[tuple[str, Change]]:
    for name in CAUSES:
        yield from _share(f"resets, {name}", (base, new), tolerance, _is("cause", name))


def _patterns(base: Rows, new: Rows, tolerance: Tolerance) -> Iterator[tuple[str, Change]]:
    for name in PATTERNS:
        yield from _share(
            f"connections that ended {name}",
            (base, new),
            tolerance,
            _is("pattern", name),
            lambda row: row.outcome in ("completed", "not-captured") and not row.censored,
            lambda row: row.censored,
        )


def _openings(base: Rows, new: Rows, tolerance: Tolerance) -> Iterator[tuple[str, Change]]:
    yield from _share(
        "handshakes with a SYN or SYN/ACK sent again",
        (base, new),
        tolerance,
        lambda row: row.syn_again,
        lambda row: row.outcome != "not-captured",
    )


def _data(base: Rows, new: Rows, tolerance: Tolerance) -> Iterator[tuple[str, Change]]:
    yield from _share("connections with data sent again", (base, new), tolerance, lambda row: row.data_again)


def _stalls(base: Rows, new: Rows, tolerance: Tolerance) -> Iterator[tuple[str, Change]]:
    yield from _share(
        "connections in which something was sent again for a second or longer",
        (base, new),
        tolerance,
        lambda row: bool(row.stalls),
        lambda row: row.stalls is not None,
    )


def _single(base: Rows, new: Rows, tolerance: Tolerance) -> Iterator[tuple[str, Change]]:
    yield from _share(
        "connections with one exchange only",
        (base, new),
        tolerance,
        lambda row: row.exchanges == 1,
        lambda row: row.exchanges > 0,
    )


def _first(base: Rows, new: Rows, tolerance: Tolerance) -> Iterator[tuple[str, Change]]:
    yield from _share(
        "closed first by the server",
        (base, new),
        tolerance,
        lambda row: row.first_fin == "server",
        lambda row: row.first_fin is not None and row.pattern != "simultaneous",
    )


def _waits(base: Rows, new: Rows, tolerance: Tolerance) -> Iterator[tuple[str, Change]]:
    for side in ("client", "server"):
        yield from _rise(
            f"TIME_WAIT at the {side}",
            base.count(partial(_waits_at, side)),
            new.count(partial(_waits_at, side)),
            new.offenders(partial(_waits_at, side)),
            tolerance,
        )


def _waits_at(side: str, row: Seen) -> bool:
    return side in row.waits


def _connections(base: Rows, new: Rows, tolerance: Tolerance) -> Iterator[tuple[str, Change]]:
    yield from _rise("connections", len(base), len(new), new.offenders(lambda _: True), tolerance)


def _rise(what: str, was: int, now: int, offenders: Offenders, tolerance: Tolerance) -> Iterator[tuple[str, Change]]:
    if was or now:
        yield what, _risen(was, now, offenders, tolerance)


def _risen(was: int, value: int, offenders: Offenders, tolerance: Tolerance) -> Change:
    limit = round(was * (1 + tolerance.threshold))
    return Change(value, limit, Unit.COUNT, stats.rise(was, value), offenders, f"was {was}")


def _peaks(base: Traffic, new: Traffic, tolerance: Tolerance) -> list[Compared]:
    return [
        Compared(host, "TIME_WAIT at once", _risen(was, peak, Offenders(), tolerance)) for host, was, peak in both(base.peaks, new.peaks)
    ]


def _causes(base: Traffic, new: Traffic, pairs: dict[Service, Service], tolerance: Tolerance) -> Iterator[Compared]:
    """Findings of severity problem: one that is new fails, one that was there before if more connections show it.

    A cause is the same one at the service that was paired, whoever its clients are: these have other addresses in every run.
    """
    before = _by_place(base.causes, pairs)
    shown = new.shown
    for (code, server, port), causes in _by_place((cause for cause in new.causes if cause.severity == Gravity.PROBLEM), {}).items():
        offenders = Offenders.of(shown[frame] for cause in causes for frame in cause.first_frames if frame in shown)
        show, could = _extent(causes)
        note = f"{show} of {could} connections: {causes[0].explanation}"
        if known := before.get((code, server, port)):
            hits, of = _extent(known)
            limit, p = min(hits / of * (1 + tolerance.threshold), 1.0), stats.fisher(hits, of, show, could)
            change = Change(show / could, limit, Unit.RATIO, p, offenders, f"was {hits} of {of}; {note}")
        else:
            change = Change(show, 0, Unit.COUNT, None, offenders, f"new: {note}")
        yield Compared(service(server, port) if port else server, code, change)


def _by_place(causes: Iterable[Cause], pairs: dict[Service, Service]) -> dict[tuple[str, str, int], list[Cause]]:
    """Findings by their code and the service that they are about."""
    found: dict[tuple[str, str, int], list[Cause]] = {}
    for cause in causes:
        found.setdefault((cause.code, *_place(cause, pairs)), []).append(cause)
    return found


def _extent(causes: list[Cause]) -> tuple[int, int]:
    """How many connections show these findings, and how many could; a finding about no single connections counts as one."""
    show = sum(max(cause.connections, 1) for cause in causes)
    return show, max(show, sum(cause.of for cause in causes))


def _place(cause: Cause, pairs: dict[Service, Service]) -> Service:
    """The service that a finding is about, under the address that it has now; empty for one that is about a client alone."""
    if cause.server is None:
        return "", 0
    if cause.server_port is not None:
        return pairs.get((cause.server, cause.server_port), (cause.server, cause.server_port))
    return next((new[0] for old, new in pairs.items() if old[0] == cause.server), cause.server), 0


COMPARISONS = (
    Comparison("TD102", "connections", "No more connections are made than before.",
               "Connections are no longer reused: look for keep-alive or a pool that was lost.", _connections),
    Comparison("TD103", "handshake-latency", "Handshakes take no longer.",
               "Look at the slowest: a multiple of a second is a SYN sent again, all else distance or load.", _latency,
               ("handshake-latency",)),
    Comparison("TD104", "handshake-outcomes", "No more handshakes fail.",
               "`tcpstates rules` explains each: refused-handshakes, unanswered-handshakes, ...", _outcomes, ("handshake-outcome",)),
    Comparison("TD105", "exchanges", "Connections are used as often.",
               "Connections are no longer reused: look for keep-alive or a pool that was lost.", _single, ("times",), ("coarse-clock",)),
    Comparison("TD201", "syn-retransmissions", "No more handshakes need a second SYN.",
               "A full accept queue, or loss between the hosts.", _openings),
    Comparison("TD202", "data-retransmissions", "No more connections have data sent again.",
               "Loss or a policer on the path: compare captures at both ends.", _data, ("times",), ("coarse-clock",)),
    Comparison("TD203", "answer-time", "Requests are answered as soon.",
               "If no more data is sent again, the server takes longer.", _answers, ("times",)),
    Comparison("TD204", "stalls", "No more connections stand still.",
               "`tcpstates rules stalls` tells what to look at.", _stalls, ("times",)),
    Comparison("TD301", "resets", "No more connections are reset.",
               "`tcpstates rules resets` tells the causes apart.", _resets),
    Comparison("TD302", "teardown-pattern", "Connections end as they did.",
               "`tcpstates analyze --teardown PATTERN --show connections` lists them.", _patterns, ("teardown",)),
    Comparison("TD303", "closes-first", "The server closes first no more often.",
               "The server's keep-alive is off, or shorter than the client's.", _first, ("time-wait",), ("short-capture",)),
    Comparison("TD401", "time-wait", "No more connections end in TIME_WAIT.", held.PEAKS.remedy, _waits,
               ("time-wait",), ("short-capture",)),
)  # fmt: skip
