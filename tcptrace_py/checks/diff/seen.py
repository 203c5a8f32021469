"""What a comparison needs of each connection, from an analysis or from a saved document of one."""

from __future__ import annotations

import json
from array import array
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from heapq import nsmallest
from io import StringIO
from itertools import repeat
from typing import TYPE_CHECKING, Any, NamedTuple

from tcptrace_py.checks.measure import WORST
from tcptrace_py.checks.rules.data_retransmissions import repeated_data
from tcptrace_py.checks.scope import ROLES
from tcptrace_py.facts.store import Connections
from tcptrace_py.model.clock import SECOND_NS
from tcptrace_py.model.errors import UsageError
from tcptrace_py.model.finding import Withheld
from tcptrace_py.model.problems import Problem
from tcptrace_py.model.results import CaptureInfo, FileInfo

if TYPE_CHECKING:
    from tcptrace_py.model.results import Analysis, Connection, ConnectionList

SCHEMA = "tcpstates/analysis/1"
Service = tuple[str, int]


class Seen(NamedTuple):
    """What is compared of a connection besides its times: many have the same."""

    outcome: str
    pattern: str
    first_fin: str | None
    cause: str | None
    syn_again: bool
    data_again: bool
    waits: tuple[str, ...]
    censored: bool  # its close was in flight when the capture ended
    exchanges: int  # two or more are 2
    stalls: bool | None  # something was sent again for a second or longer; None: not known


class Row(NamedTuple):
    """A connection of a service. A time shorter than the clock's step is 0, one that is not known None."""

    seen: Seen
    total_ns: int | None
    answer_ns: int | None  # the longest
    place: int | None = None  # among the connections that were analysed now


Test = Callable[[Seen], bool]
NONE = -1 << 63  # in place of a time or a place that is not known


class Known:
    """A column of numbers that may not be known (NONE): while none is, they are only counted. A flood has no times."""

    __slots__ = ("_count", "_values")

    def __init__(self) -> None:
        self._values: array[int] | None = None
        self._count = 0  # of those that are not known, before the first that is

    def append(self, value: int | None) -> None:
        """Put one behind the others."""
        if self._values is None:
            if value is None:
                self._count += 1
                return
            self._values = array("q", (NONE,)) * self._count
        self._values.append(NONE if value is None else value)

    def __iter__(self) -> Iterator[int]:
        return repeat(NONE, self._count) if self._values is None else iter(self._values)


class Rows:
    """Connections of a service in columns: 4 to 28 bytes each, since there may be as many as an attacker likes, of as many services.

    `number` are numbers of what was seen, which services may have in common.
    """

    __slots__ = ("_answers", "_number", "_numbers", "_places", "_totals")

    def __init__(self, rows: Iterable[Row] = (), number: dict[Seen, int] | None = None) -> None:
        self._number: dict[Seen, int] = {} if number is None else number
        self._numbers, self._places = array("i"), Known()
        self._totals, self._answers = Known(), Known()
        for row in rows:
            self.add(row)

    def __len__(self) -> int:
        return len(self._numbers)

    def __iter__(self) -> Iterator[Row]:
        seen = list(self._number)
        columns = (self._numbers, self._totals, self._answers, self._places)
        return (Row(seen[number], *(None if value == NONE else value for value in rest)) for number, *rest in zip(*columns, strict=True))

    def add(self, row: Row) -> None:
        """Take in a connection."""
        self._numbers.append(self._number.setdefault(row.seen, len(self._number)))
        self._totals.append(row.total_ns)
        self._answers.append(row.answer_ns)
        self._places.append(row.place)

    def count(self, test: Test) -> int:
        """How many there are of which this is true."""
        counts = Counter(self._numbers)
        return sum(counts[number] for seen, number in self._number.items() if test(seen))

    def times_ns(self, what: str, test: Test) -> list[int]:
        """Those times that are known, of connections of which this is true."""
        chosen = self._chosen(test)
        return [time_ns for number, time_ns in zip(self._numbers, self._times(what), strict=True) if time_ns != NONE and number in chosen]

    def offenders(self, test: Test, what: str = "total_ns", above_ns: float | None = None) -> Offenders:
        """The connections of which this is true, whose time is above this one where it is given."""
        chosen = self._chosen(test)
        columns = zip(self._numbers, self._times(what), self._totals, self._places, strict=True)
        return Offenders.of(
            (total_ns, place)
            for number, time_ns, total_ns, place in columns
            if number in chosen and place != NONE and (above_ns is None or time_ns > above_ns)
        )

    def _times(self, what: str) -> Known:
        return {"total_ns": self._totals, "answer_ns": self._answers}[what]

    def _chosen(self, test: Test) -> set[int]:
        return {number for seen, number in self._number.items() if test(seen)}


class Offenders(NamedTuple):
    """Connections that are to blame: how many were analysed now, and the places of those to look at first."""

    analysed: int = 0
    worst: tuple[int, ...] = ()

    @classmethod
    def of(cls, rows: Iterable[tuple[int, int]]) -> Offenders:
        """From how long their handshakes took (NONE: not known) and their places: the longest come first."""
        count = 0

        def ranked() -> Iterator[tuple[int, int]]:
            nonlocal count
            for count, (total_ns, place) in enumerate(rows, 1):  # noqa: B007 - it is asked for behind
                yield (0 if total_ns == NONE else -total_ns), place

        worst = nsmallest(WORST, ranked())
        return cls(count, tuple(place for _, place in worst))


class Peaks:
    """TIME_WAIT at once by address; of one that is in several networks the most in one of them.

    Those that had none, of which there may be as many as an attacker likes, are a text.
    """

    def __init__(self, rows: Iterable[tuple[str, int]] = ()) -> None:
        self.most: dict[str, int] = {}
        idle = StringIO()
        for address, peak in rows:
            if peak:
                self.most[address] = max(peak, self.most.get(address, 0))
            elif address not in self.most:
                idle.write(f"{address}\n")
        self._idle = idle.getvalue()

    def idle(self) -> Iterator[str]:
        """Addresses that had none in a network."""
        return (line.rstrip("\n") for line in StringIO(self._idle))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Peaks) and (self.most, self._idle) == (other.most, other._idle)

    __hash__ = None  # type: ignore[assignment] # as of a dict


def both(base: Peaks, new: Peaks) -> Iterator[tuple[str, int, int]]:
    """Addresses that are on both sides and had TIME_WAIT on one: what they had at once then and now."""
    unknown = new.most.keys() - base.most.keys()
    idle = {address for address in base.idle() if address in unknown} if unknown else ()
    for address, peak in new.most.items():
        if address in base.most or address in idle:
            yield address, base.most.get(address, 0), peak
    left = base.most.keys() - new.most.keys()
    for address in new.idle() if left else ():
        if address in left:
            left.remove(address)
            yield address, base.most[address], 0


@dataclass(frozen=True, slots=True)
class Cause:
    """One finding: its code and severity, what it is about, how many connections show it of how many that could."""

    code: str
    severity: str
    client: str | None
    server: str | None
    server_port: int | None
    connections: int
    of: int
    explanation: str
    first_frames: tuple[int, ...] = ()


@dataclass
class Traffic:
    """One side of a comparison: its connections by service, TIME_WAIT at once by host, what it was made of, findings, what it withholds."""

    name: str
    capture: CaptureInfo
    services: dict[Service, Rows] = field(default_factory=dict)
    peaks: Peaks = field(default_factory=Peaks)
    causes: tuple[Cause, ...] = ()
    withheld: tuple[Withheld, ...] = ()
    connections: ConnectionList = field(default_factory=list)  # where they were analysed now
    shown: dict[int, tuple[int, int]] = field(default_factory=dict)  # of those that findings name, by first frame: time and place
    numbers: dict[Seen, int] = field(default_factory=dict)  # of what was seen of connections, for all services

    @property
    def step_ns(self) -> int | None:
        """The step of the clock, where times shorter than it, and only they, are not told."""
        return None if any(row.what in ("handshake-latency", "times") for row in self.withheld) else self.capture.clock_step_ns

    def at(self, places: Collection[int]) -> dict[int, Connection]:
        """The connections at these places."""
        if isinstance(self.connections, Connections):
            return self.connections.at(places)
        return {place: self.connections[place] for place in places}

    def add(self, service: Service, row: Row) -> None:
        """Take in a connection."""
        rows = self.services.get(service)
        if rows is None:
            rows = self.services[service] = Rows(number=self.numbers)
        rows.add(row)


def of_analysis(name: str, analysis: Analysis, *, takes_part: bool = True) -> Traffic:
    """The traffic of an analysis; `takes_part`: its connections may be shown."""
    peaks = Peaks((host.address, host.time_wait.peak) for host in analysis.hosts)
    causes = tuple(
        Cause(row.code, row.severity, row.client, row.server, row.server_port, row.connections, row.of, row.explanation, row.first_frames)
        for row in analysis.findings
    )
    traffic = Traffic(name, analysis.capture, {}, peaks, causes, tuple(analysis.withheld))
    if takes_part:
        traffic.connections = analysis.connections
    step_ns, named = traffic.step_ns, {frame for cause in causes for frame in cause.first_frames}
    for place, connection in enumerate(analysis.connections):
        handshake, teardown, course = connection.handshake, connection.teardown, connection.course
        openings = handshake.syn_retransmissions, handshake.synack_retransmissions
        sides = zip((connection.client_side, connection.server_side), openings, strict=True)
        seen = Seen(
            handshake.outcome,
            teardown.pattern,
            teardown.first_fin,
            None if teardown.reset is None else teardown.reset.cause,
            sum(openings) > 0,
            any(repeated_data(side.retransmissions, side.fin_retransmissions, sent) for side, sent in sides if side is not None),
            tuple(stay.side for stay in connection.time_wait),
            teardown.censored,
            min(course.exchanges, 2),
            _stalls(course.longest_stall_ns),
        )
        total_ns = _taken(handshake.total_ns, step_ns, happened=handshake.outcome == "completed")
        answer_ns = _taken(course.longest_answer_ns, step_ns, happened=course.exchanges > 0)
        traffic.add((connection.server.address, connection.server.port), Row(seen, total_ns, answer_ns, place if takes_part else None))
        if connection.first_frame in named:
            traffic.shown[connection.first_frame] = NONE if total_ns is None else total_ns, place
    return traffic


def _stalls(longest_ns: int | None) -> bool | None:
    return None if longest_ns is None else longest_ns >= SECOND_NS


def is_document(head: bytes) -> bool:
    """Whether what begins so looks like a saved document rather than a capture."""
    return head.lstrip().startswith(b"{")


def of_document(path: str, content: bytes) -> Traffic:
    """The traffic of a document that `analyze --format json` saved. Raises UsageError for anything else."""
    try:
        document = json.loads(content)
    except ValueError as error:
        raise UsageError(f"{path}: is no saved analysis: {error}") from None
    if not isinstance(document, dict) or document.get("schema") != SCHEMA:
        found = document.get("schema") if isinstance(document, dict) else None
        raise UsageError(
            f"{path}: is no saved analysis ({SCHEMA}) but {found or 'something else'}: "
            "save one with `tcpstates analyze CAPTURE --format json`"
        )
    try:
        peaks = Peaks((host["address"], host["time_wait"]["peak"]) for host in document["hosts"])
        causes = tuple(_cause(row) for row in document.get("findings", ()))
        withheld = tuple(Withheld(row["what"], row["because"], row["explanation"]) for row in document.get("withheld", ()))
        traffic = Traffic(path, _capture(path, document["capture"]), {}, peaks, causes, withheld)
        for row in document["connections"]:
            traffic.add((row["server"]["address"], row["server"]["port"]), _of_row(row, traffic.step_ns))
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise UsageError(f"{path}: lacks what an analysis holds: {error}") from None
    if document.get("interrupted"):
        raise UsageError(f"{path}: is of an analysis that was interrupted, and tells a part of its captures: make it anew")
    if document["summary"]["connections"] != len(document["connections"]):
        raise UsageError(f"{path}: lists only some of its connections: save it with --connections all")
    return traffic


def _capture(path: str, row: dict[str, Any]) -> CaptureInfo:
    problems = [
        Problem(each["code"], each["count"], each["explanation"], each["first_frame"], damaged=each["damaged"]) for each in row["problems"]
    ]
    return CaptureInfo(
        [FileInfo(path, "json", row["packets"])],
        row["packets"],
        row["segments"],
        row["duplicates"],
        problems=problems,
        clock_step_ns=_ns(row.get("clock_step_ms")),
    )


def _cause(row: dict[str, Any]) -> Cause:
    names = ("code", "severity", "client", "server", "server_port", "connections", "of", "explanation")
    return Cause(*(row[name] for name in names))


def _of_row(row: dict[str, Any], step_ns: int | None) -> Row:
    handshake, teardown = row["handshake"], row["teardown"]
    openings = (handshake["syn_retransmissions"], handshake["synack_retransmissions"])
    sides = [(row[f"{role}_side"], sent) for role, sent in zip(ROLES, openings, strict=True) if row[f"{role}_side"]]
    exchanges, answer_ns, stall_ns = _course(row.get("course"), step_ns)
    seen = Seen(
        handshake["outcome"],
        teardown["pattern"],
        teardown["first_fin"],
        teardown["reset"]["cause"] if teardown["reset"] else None,
        sum(openings) > 0,
        any(repeated_data(side["retransmissions"], side["fin_retransmissions"], sent) for side, sent in sides),
        tuple(stay["side"] for stay in row["time_wait"]),
        bool(teardown.get("censored")),
        min(exchanges, 2),
        _stalls(stall_ns),
    )
    return Row(seen, _taken(_ns(handshake["total_ms"]), step_ns, happened=handshake["outcome"] == "completed"), answer_ns)


def _course(row: dict[str, Any] | None, step_ns: int | None) -> tuple[int, int | None, int | None]:
    """Exchanges, longest answer and longest stall; documents of earlier versions say nothing of them."""
    if row is None:
        return 0, None, 0
    answer_ns = _taken(_ns(row["longest_answer_ms"]), step_ns, happened=row["exchanges"] > 0)
    return row["exchanges"], answer_ns, _ns(row["longest_stall_ms"])


def _taken(duration_ns: int | None, step_ns: int | None, *, happened: bool) -> int | None:
    """How long something took: what happened and has no time, by a clock with steps, took less than a step."""
    return 0 if duration_ns is None and happened and step_ns is not None else duration_ns


def _ns(duration_ms: float | None) -> int | None:
    return None if duration_ms is None else round(duration_ms * 1_000_000)


def paired(base: Traffic, new: Traffic) -> tuple[list[tuple[Service, Service]], list[Service], list[Service]]:
    """Pairs of services, those that are gone, those that are new.

    Equal address and port make a pair; of the others equal ports, where each side has one service on it: a container
    has another address in every run.
    """
    pairs = [(service, service) for service in base.services if service in new.services]
    gone = [service for service in base.services if service not in new.services]
    fresh = [service for service in new.services if service not in base.services]
    for service in list(gone):
        same = [other for other in fresh if other[1] == service[1]]
        if len(same) == 1 and sum(other[1] == service[1] for other in gone) == 1:
            pairs.append((service, same[0]))
            gone.remove(service)
            fresh.remove(same[0])
    return pairs, gone, fresh
