"""What a comparison needs of each connection, from an analysis or from a saved document of one."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tcptrace_py.checks.rules.data_retransmissions import repeated_data
from tcptrace_py.checks.scope import ROLES
from tcptrace_py.model.errors import UsageError
from tcptrace_py.model.finding import Withheld
from tcptrace_py.model.problems import Problem
from tcptrace_py.model.results import CaptureInfo, FileInfo

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tcptrace_py.model.results import Analysis, Connection

SCHEMA = "tcpstates/analysis/1"
Service = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Seen:
    """One connection; `connection` is the whole of it where it was analysed now. A time shorter than the clock's step is 0."""

    service: Service
    client: str
    outcome: str
    total_ns: int | None
    pattern: str
    first_fin: str | None
    cause: str | None
    syn_again: bool
    data_again: bool
    waits: tuple[str, ...]
    censored: bool = False  # its close was in flight when the capture ended
    exchanges: int = 0
    answer_ns: int | None = None  # the longest
    stall_ns: int | None = 0  # the longest
    connection: Connection | None = None


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
    services: dict[Service, list[Seen]] = field(default_factory=dict)
    peaks: dict[str, int] = field(default_factory=dict)
    causes: tuple[Cause, ...] = ()
    withheld: tuple[Withheld, ...] = ()

    @property
    def step_ns(self) -> int | None:
        """The step of the clock, where times shorter than it, and only they, are not told."""
        return None if any(row.what in ("handshake-latency", "times") for row in self.withheld) else self.capture.clock_step_ns

    def add(self, seen: Seen) -> None:
        """Take in a connection."""
        self.services.setdefault(seen.service, []).append(seen)


def of_analysis(name: str, analysis: Analysis) -> Traffic:
    """The traffic of an analysis."""
    peaks = _peaks((host.address, host.time_wait.peak) for host in analysis.hosts)
    causes = tuple(
        Cause(row.code, row.severity, row.client, row.server, row.server_port, row.connections, row.of, row.explanation, row.first_frames)
        for row in analysis.findings
    )
    traffic = Traffic(name, analysis.capture, {}, peaks, causes, tuple(analysis.withheld))
    for connection in analysis.connections:
        handshake, teardown = connection.handshake, connection.teardown
        openings = handshake.syn_retransmissions, handshake.synack_retransmissions
        sides = zip((connection.client_side, connection.server_side), openings, strict=True)
        traffic.add(
            Seen(
                (connection.server.address, connection.server.port),
                connection.client.address,
                handshake.outcome,
                _taken(handshake.total_ns, traffic.step_ns, happened=handshake.outcome == "completed"),
                teardown.pattern,
                teardown.first_fin,
                None if teardown.reset is None else teardown.reset.cause,
                sum(openings) > 0,
                any(repeated_data(side.retransmissions, side.fin_retransmissions, sent) for side, sent in sides if side is not None),
                tuple(stay.side for stay in connection.time_wait),
                teardown.censored,
                connection.course.exchanges,
                _taken(connection.course.longest_answer_ns, traffic.step_ns, happened=connection.course.exchanges > 0),
                connection.course.longest_stall_ns,
                connection,
            )
        )
    return traffic


def _peaks(rows: Iterable[tuple[str, int]]) -> dict[str, int]:
    """Most TIME_WAIT at once by address; of one that is in several networks the most in one of them."""
    peaks: dict[str, int] = {}
    for address, peak in rows:
        peaks[address] = max(peak, peaks.get(address, 0))
    return peaks


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
        peaks = _peaks((host["address"], host["time_wait"]["peak"]) for host in document["hosts"])
        causes = tuple(_cause(row) for row in document.get("findings", ()))
        withheld = tuple(Withheld(row["what"], row["because"], row["explanation"]) for row in document.get("withheld", ()))
        traffic = Traffic(path, _capture(path, document["capture"]), {}, peaks, causes, withheld)
        for row in document["connections"]:
            traffic.add(_of_row(row, traffic.step_ns))
    except (KeyError, TypeError) as error:
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


def _of_row(row: dict[str, Any], step_ns: int | None) -> Seen:
    handshake, teardown = row["handshake"], row["teardown"]
    openings = (handshake["syn_retransmissions"], handshake["synack_retransmissions"])
    sides = [(row[f"{role}_side"], sent) for role, sent in zip(ROLES, openings, strict=True) if row[f"{role}_side"]]
    again = any(repeated_data(side["retransmissions"], side["fin_retransmissions"], sent) for side, sent in sides)
    return Seen(
        (row["server"]["address"], row["server"]["port"]),
        row["client"]["address"],
        handshake["outcome"],
        _taken(_ns(handshake["total_ms"]), step_ns, happened=handshake["outcome"] == "completed"),
        teardown["pattern"],
        teardown["first_fin"],
        teardown["reset"]["cause"] if teardown["reset"] else None,
        sum(openings) > 0,
        again,
        tuple(stay["side"] for stay in row["time_wait"]),
        bool(teardown.get("censored")),
        *_course(row.get("course"), step_ns),
    )


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
