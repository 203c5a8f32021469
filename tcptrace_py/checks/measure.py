"""How rules turn connections into measures: counting offenders, keeping the worst, comparing with the limit.

There is one comparison, `at_most`; a rule says what is counted, out of what, and which connections speak against it.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from heapq import heappush, heappushpop
from typing import TYPE_CHECKING

from tcptrace_py.model.clock import NEVER_NS
from tcptrace_py.model.report import Measure, Unit

from . import params

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from tcptrace_py.model.results import Connection

    from .facts import Facts

WORST = 5  # connections to look at first
GROUPS = 3  # places where most of them were met
SUBJECTS = 20  # hosts or services that fail one rule, listed one by one


class Worst:
    """The connections with the highest rank, their number, and the services they were met at."""

    def __init__(self) -> None:
        self.count = 0
        self.services: Counter[tuple[str, int]] = Counter()
        self._heap: list[tuple[float, int, Connection]] = []

    def add(self, connection: Connection, rank: float = 0) -> None:
        """Take in an offender; of equal rank the earlier comes first."""
        self.count += 1
        server = connection.server
        self.services[server.address, server.port] += 1
        item = (rank, -connection.id, connection)
        if len(self._heap) < WORST:
            heappush(self._heap, item)
        elif item[:2] > self._heap[0][:2]:
            heappushpop(self._heap, item)

    @property
    def connections(self) -> tuple[Connection, ...]:
        """The worst, in order."""
        return tuple(connection for _, _, connection in sorted(self._heap, key=lambda item: item[:2], reverse=True))

    @property
    def groups(self) -> tuple[tuple[str, int], ...]:
        """The services with the most offenders."""
        named = ((service(*ends), count) for ends, count in self.services.items())
        return tuple(sorted(named, key=lambda item: (-item[1], item[0]))[:GROUPS])


def at_most(
    what: str, value: float, limit: float, unit: Unit, worst: Worst | None = None, *, subject: str = "", note: str = ""
) -> Measure:
    """Hold a number against the limit that it may reach and not exceed."""
    found = worst or Worst()
    return Measure(
        what, value, limit, unit, value <= limit, subject, found.connections, found.count, found.groups, note
    )


@dataclass(frozen=True)
class Allowance:
    """How many connections may offend: none, unless `max` or `max_share` says so."""

    max: int | None = params.count("so many connections at most; 0 where neither this nor max_share is given")
    max_share: float | None = params.ratio("so large a share of the connections that could be judged at most")


def counted(
    facts: Facts,
    limits: Allowance,
    what: str,
    *,
    bad: Callable[[Connection], bool],
    judged: Callable[[Connection], bool] = lambda _: True,
) -> Iterator[Measure]:
    """Count the connections that are `bad` among those that can be `judged`; nothing where none can."""
    total, worst = 0, Worst()
    for connection in facts.connections:
        if judged(connection):
            total += 1
            if bad(connection):
                worst.add(connection)
    if not total:
        return
    if limits.max is not None or limits.max_share is None:
        yield at_most(what, worst.count, limits.max or 0, Unit.COUNT, worst)
    if limits.max_share is not None:
        yield at_most(
            f"share of {what}",
            worst.count / total,
            limits.max_share,
            Unit.RATIO,
            worst,
            note=f"{worst.count} of {total}",
        )


@dataclass(slots=True)
class Tally:
    """What is counted against one host or service: how many, how many at once, and the connections behind them."""

    count: int = 0
    peak: int = 0
    worst: Worst = field(default_factory=Worst)


class Tallies:
    """Intervals, each counted against somebody."""

    def __init__(self) -> None:
        from tcptrace_py.pipeline import Occupancy  # noqa: PLC0415 - long to import, and not needed by most rules

        self._occupancy = Occupancy()
        self._kinds: dict[str, int] = {}
        self._tallies: list[Tally] = []

    def of(self, subject: str) -> int:
        """Number of a subject."""
        kind = self._kinds.get(subject)
        if kind is None:
            kind = self._kinds[subject] = self._occupancy.kind(self._occupancy.row())
            self._tallies.append(Tally())
        return kind

    def add(self, subject: str, connection: Connection, begin_ns: int, end_ns: int) -> None:
        """Count one from `begin_ns` until just before `end_ns`."""
        kind = self.of(subject)
        tally = self._tallies[kind]
        tally.count += 1
        tally.worst.add(connection)
        self._occupancy.add(begin_ns, end_ns, kind)

    def finish(self) -> dict[str, Tally]:
        """What that comes to, by subject."""
        self._occupancy.finish(NEVER_NS - 1)
        for tally, peak in zip(self._tallies, self._occupancy.peak, strict=True):
            tally.peak = peak
        return dict(zip(self._kinds, self._tallies, strict=True))


def largest(measures: Iterable[Measure]) -> Iterator[Measure]:
    """Of measures of one thing for many subjects those that fail, and where none does the largest."""
    ordered = sorted(measures, key=lambda measure: (-measure.value / (measure.limit or 1), measure.subject))
    failed = [measure for measure in ordered if not measure.holds]
    yield from failed[:SUBJECTS] or ordered[:1]


def service(address: str, port: int) -> str:
    """Address and port as people write them."""
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
