"""How rules turn connections into measures: counting offenders, keeping the worst, comparing with the limit.

There is one comparison, `at_most`; a rule says what is counted, out of what, and which connections speak against it.
"""

from __future__ import annotations

from array import array
from collections import Counter
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

from tcptrace_py.model.clock import NEVER_NS
from tcptrace_py.model.report import Measure, Unit

from . import params
from .rows import both, picked

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from tcptrace_py.facts.store import Connections
    from tcptrace_py.model.results import Connection

    from .facts import Facts
    from .rows import Mask, Rows

WORST = 5  # connections to look at first
GROUPS = 3  # places where most of them were met
SUBJECTS = 20  # hosts or services that fail one rule, listed one by one


class Worst:
    """The connections with the highest rank, their number, and the services they were met at."""

    def __init__(self, store: Connections) -> None:
        self.count = 0
        self.services: Counter[tuple[str, int]] = Counter()
        self._store = store
        self._first: list[tuple[float, int]] = []  # rank and id of the worst, both turned round

    def add(self, rows: Rows, which: Sequence[int], ranks: Sequence[float] | None = None) -> None:
        """Take in these rows as offenders; of equal rank the earlier comes first. `ranks`: of all rows."""
        ids = rows.block.ids
        self.take([ids[row] for row in which], rows.ends(which), None if ranks is None else [ranks[row] for row in which])

    def take(self, ids: Sequence[int], services: Iterable[tuple[str, int]], ranks: Sequence[float] | None = None) -> None:
        """Take in offenders by their ids, and the servers that they went to."""
        self.count += len(ids)
        self.services.update(services)
        found = [(0, number) for number in ids] if ranks is None else [(-rank, number) for rank, number in zip(ranks, ids, strict=True)]
        self._first = sorted(self._first + found)[:WORST]

    @property
    def connections(self) -> tuple[Connection, ...]:
        """The worst, in order."""
        return tuple(self._store.connection(identifier) for _, identifier in self._first)

    @property
    def groups(self) -> tuple[tuple[str, int], ...]:
        """The services with the most offenders."""
        named = ((service(*ends), count) for ends, count in self.services.items())
        return tuple(sorted(named, key=lambda item: (-item[1], item[0]))[:GROUPS])


def at_most(
    what: str,
    value: float,
    limit: float,
    unit: Unit,
    worst: Worst | None = None,
    *,
    subject: str = "",
    note: str = "",
    step_ns: int | None = None,
) -> Measure:
    """Hold a number against the limit that it may reach and not exceed; `step_ns`: the step of the clock that a time was taken by."""
    connections, count, groups = ((), 0, ()) if worst is None else (worst.connections, worst.count, worst.groups)
    return Measure(what, value, limit, unit, value <= limit, subject, connections, count, groups, note, step_ns)


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
    bad: Callable[[Rows], Mask],
    judged: Callable[[Rows], Mask] = lambda rows: rows.every,
    in_flight: Callable[[Rows], Mask] | None = None,
) -> Iterator[Measure]:
    """Count the connections that are `bad` among those that can be `judged`; nothing where none can.

    `in_flight` were not over when the capture ended: they are judged by nothing, and how many they are is said.
    """
    total, open_, worst = 0, 0, Worst(facts.store)
    for rows in facts.rows():
        mask = both(rows.chosen, judged(rows))
        if in_flight is not None:
            open_ += both(rows.chosen, in_flight(rows)).count(1)
        total += mask.count(1)
        worst.add(rows, picked(both(mask, bad(rows))))
    if not total and not open_:
        return
    left_out = f"{open_} in flight when the capture ended left out" if open_ else ""
    if limits.max is not None or limits.max_share is None or not total:
        yield at_most(what, worst.count, limits.max or 0, Unit.COUNT, worst, note=left_out)
    if limits.max_share is not None and total:
        of = f"{worst.count} of {total}"
        yield at_most(
            f"share of {what}",
            worst.count / total,
            limits.max_share,
            Unit.RATIO,
            worst,
            note=f"{of}, {left_out}" if left_out else of,
        )


class Found(NamedTuple):
    """A number that was found for a subject, and what tells the connections behind it."""

    subject: str
    value: float
    worst: Callable[[], Worst]
    note: str = ""


class Tally(NamedTuple):
    """What is counted against one host or service: how many, how many at once, and what tells the connections behind them."""

    number: int
    peak: int
    worst: Callable[[], Worst]


Subject = TypeVar("Subject")


class Tallies(Generic[Subject]):
    """Intervals, each counted against somebody: in columns, a row for each."""

    def __init__(self, facts: Facts) -> None:
        from tcptrace_py.pipeline import Occupancy  # noqa: PLC0415 - long to import, and not needed by most rules

        self._store = facts.store
        self._occupancy = Occupancy()
        self._numbers: dict[Subject, int] = {}
        self._services: dict[tuple[str, int], int] = {}
        self._subject, self._service, self._id = array("i"), array("i"), array("q")

    def of(self, subject: Subject) -> int:
        """Number of a subject."""
        number = self._numbers.get(subject)
        if number is None:
            number = self._numbers[subject] = self._occupancy.kind(self._occupancy.row())
        return number

    def add(self, rows: Rows, found: Iterable[tuple[Subject, int, int, int]]) -> None:
        """Count what some rows of a block hold: for whom, the row, from when until just before when."""
        which = []
        for subject, row, begin_ns, end_ns in found:
            number = self.of(subject)
            self._occupancy.add(begin_ns, end_ns, number)
            self._subject.append(number)
            which.append(row)
        self._id.extend([rows.block.ids[row] for row in which])
        services = self._services
        self._service.extend([services.setdefault(ends, len(services)) for ends in rows.ends(which)])

    def finish(self) -> Iterator[tuple[Subject, Tally]]:
        """What that comes to, by subject."""
        self._occupancy.finish(NEVER_NS - 1)
        counts = Counter(self._subject)
        for (subject, number), peak in zip(self._numbers.items(), self._occupancy.peak, strict=True):
            yield subject, Tally(counts[number], peak, partial(self._worst, number))

    def _worst(self, number: int) -> Worst:
        """The connections behind a subject."""
        worst, services = Worst(self._store), list(self._services)
        mine = [at for at, subject in enumerate(self._subject) if subject == number]
        worst.take([self._id[at] for at in mine], [services[self._service[at]] for at in mine])
        return worst


def largest(what: str, limit: float, unit: Unit, found: Iterable[Found]) -> Iterator[Measure]:
    """Measure one thing for many subjects: those that fail, and where none does the largest."""
    ordered = sorted(found, key=lambda one: (-one.value / (limit or 1), one.subject))
    failed = [one for one in ordered if one.value > limit]
    for subject, value, worst, note in failed[:SUBJECTS] or ordered[:1]:
        yield at_most(what, value, limit, unit, worst(), subject=subject, note=note)


def service(address: str, port: int) -> str:
    """Address and port as people write them."""
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
