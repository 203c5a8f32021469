"""What an analysis must say of a sample, as far as it is certain.

An expectation is a partial document: keys that it leaves out are not compared. Where it names no anomaly, stay or
problem, there must be none, so that false alarms fail as loudly as omissions.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import EllipsisType
from typing import Any

from tests.writer.segment import Endpoint

TOLERANCE_MS = 0.002  # a capture in microseconds cuts each of two times


@dataclass(frozen=True)
class Codes:
    """Codes that a list of objects with a `code` must hold; if empty, the list must be empty."""

    codes: tuple[str, ...]


@dataclass(frozen=True)
class Among:
    """Rows that must each be found in a list, in any place and beside others."""

    rows: tuple[dict[str, Any], ...]


@dataclass(frozen=True)
class Containing:
    """A list of strings one of which must hold this text."""

    text: str


@dataclass(frozen=True)
class AnyOf:
    """One of several values that are all right."""

    values: tuple[object, ...]


Stated = str | AnyOf | EllipsisType | None
Number = float | EllipsisType | None


@dataclass(frozen=True)
class Expectation:
    """A sample's expected document, and the exit codes that `tcpstates analyze` may have. None leaves a list open."""

    connections: tuple[dict[str, Any], ...] | None = None
    problems: tuple[str, ...] | None = ()
    exit_codes: tuple[int, ...] = (0,)
    document: dict[str, Any] = field(default_factory=dict)


def _stated(**values: object) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value is not ...}


def shake(
    kind: Stated = ...,
    outcome: Stated = ...,
    *,
    to_synack: Number = ...,
    to_ack: Number = ...,
    total: Number = ...,
    syns_again: int | EllipsisType = 0,
    synacks_again: int | EllipsisType = 0,
) -> dict[str, Any]:
    """Expected handshake; times in milliseconds."""
    return _stated(
        kind=kind,
        outcome=outcome,
        syn_to_synack_ms=to_synack,
        synack_to_ack_ms=to_ack,
        total_ms=total,
        syn_retransmissions=syns_again,
        synack_retransmissions=synacks_again,
    )


def tear(
    pattern: Stated,
    first: Stated = ...,
    *,
    segments: int | EllipsisType | None = ...,
    took: Number = ...,
    reset: Mapping[str, Any] | EllipsisType | None = None,
    censored: bool | EllipsisType = ...,
) -> dict[str, Any]:
    """Expected teardown: pattern, first FIN's side, duration in milliseconds, the reset that ended it, whether the capture's end cut it."""
    if segments is ... and pattern != "four-way":
        segments = None
    return _stated(pattern=pattern, first_fin=first, segments=segments, duration_ms=took, reset=reset, censored=censored)


def reset(by: Stated, cause: Stated, frame: int | AnyOf | EllipsisType = ..., evidence: str | None = None) -> dict[str, Any]:
    """Expected reset; `evidence` is text that one of its evidence strings holds."""
    proof: Containing | EllipsisType = Containing(evidence) if evidence else ...
    return _stated(by=by, cause=cause, frame=frame, evidence=proof)


def stay(
    side: str,
    entered: Number = ...,
    *,
    basis: Stated = ...,
    restarts: int | EllipsisType = 0,
    ended_by: Stated = "capture-end",
    ended: Number = ...,
) -> dict[str, Any]:
    """Expected TIME_WAIT stay; times in seconds after the connection's start."""
    censored = ended_by == "capture-end" if ended_by is not ... else ...
    return _stated(
        side=side,
        entered_s=entered,
        basis=basis,
        restarts=restarts,
        ended_by=ended_by,
        ended_s=ended,
        censored=censored,
    )


def path(text: str) -> dict[str, Any]:
    """Expected side by its path: `STATE`, `STATE/basis`, `STATE/basis@frame`, separated by spaces.

    The last state is expected as the final state too.
    """
    entries = []
    for word in text.split():
        name, _, frame = word.partition("@")
        state, _, basis = name.partition("/")
        entries.append(_stated(state=state, basis=basis or ..., frame=int(frame) if frame else ...))
    return {"states": entries, "final_state": entries[-1]["state"]}


def side(text: str | None = None, **counts: object) -> dict[str, Any]:
    """Expected side with its path and other keys (`packets`, `retransmissions`, ...)."""
    return (path(text) if text else {}) | counts


def connection(
    handshake: dict[str, Any] | None = None,
    teardown: dict[str, Any] | None = None,
    *,
    client: str | dict[str, Any] | EllipsisType | None = ...,
    server: str | dict[str, Any] | EllipsisType | None = ...,
    time_wait: Sequence[dict[str, Any]] | None = (),
    anomalies: Sequence[str] | None = (),
    resets: Sequence[dict[str, Any]] | None = None,
    ends: tuple[str, str] | None = None,
    **more: object,
) -> dict[str, Any]:
    """Expected connection. None for time_wait and anomalies leaves them open; a side of None must be null.

    `ends` are client and server as `ADDRESS:PORT`.
    """
    sides = {
        f"{name}_side": path(value) if isinstance(value, str) else value
        for name, value in (("client", client), ("server", server))
        if value is not ...
    }
    if ends:
        more |= {name: vars(Endpoint.of(end)) for name, end in zip(("client", "server"), ends, strict=True)}
    return _stated(
        handshake=handshake or ...,
        teardown=teardown or ...,
        time_wait=list(time_wait) if time_wait is not None else ...,
        anomalies=Codes(tuple(anomalies)) if anomalies is not None else ...,
        resets=list(resets) if resets is not None else ...,
        **sides,
        **more,
    )


def differences(expected: Expectation, document: dict[str, Any]) -> list[str]:
    """Where a document says something else; empty if it agrees."""
    wanted: dict[str, Any] = dict(expected.document)
    if expected.problems is not None:
        wanted["capture"] = {"problems": Codes(expected.problems)} | wanted.get("capture", {})
    if expected.connections is not None:
        wanted["connections"] = list(expected.connections)
    return list(_compare(wanted, with_relative_times(document), ""))


def _compare(wanted: object, got: Any, where: str) -> Iterator[str]:
    if isinstance(wanted, Mapping) and isinstance(got, Mapping):
        for key, value in wanted.items():
            yield from _compare(value, got.get(key, "(missing)"), f"{where}.{key}")
    elif isinstance(wanted, Among):
        for row in wanted.rows:
            if not any(not list(_compare(row, other, "")) for other in got):
                yield f"{where}: no row like {row} in {got}"[:1500]
    elif isinstance(wanted, list) and isinstance(got, list):
        if len(wanted) != len(got):
            yield f"{where}: {len(wanted)} expected, {len(got)} found: {_brief(wanted)} / {_brief(got)}"
        for number, (one, other) in enumerate(zip(wanted, got, strict=False)):
            yield from _compare(one, other, f"{where}[{number}]")
    elif not _agrees(wanted, got):
        yield f"{where}: {_brief(wanted)} expected, {_brief(got)} found"


def _agrees(wanted: object, got: Any) -> bool:
    if isinstance(wanted, AnyOf):
        return got in wanted.values
    if isinstance(wanted, Codes):
        found = {entry["code"] for entry in got}
        return set(wanted.codes) <= found if wanted.codes else not found
    if isinstance(wanted, Containing):
        return any(wanted.text in text for text in got)
    if isinstance(wanted, float) and isinstance(got, int | float):
        return abs(wanted - got) <= TOLERANCE_MS
    return bool(wanted == got)


def _brief(value: Any) -> str:
    """States by name and findings by code, anything else as it is."""
    if isinstance(value, Codes):
        return f"codes {list(value.codes)}"
    if isinstance(value, list) and value and isinstance(value[0], Mapping):
        return str([entry.get("state") or entry.get("code") or entry.get("cause") or entry for entry in value])[:400]
    return repr(value)


def unix_ns(text: str) -> int:
    """Nanoseconds since the epoch of an RFC 3339 time in UTC with a fraction."""
    whole, _, fraction = text.rstrip("Z").partition(".")
    return int(datetime.fromisoformat(whole + "+00:00").timestamp()) * 1_000_000_000 + int(fraction.ljust(9, "0")[:9])


def with_relative_times(document: dict[str, Any]) -> dict[str, Any]:
    """The document with `entered_s` and `ended_s` of stays, counted from their connection's start."""
    connections = []
    for found in document.get("connections", ()):
        start_ns = unix_ns(found["start"])
        stays = [
            entry
            | {
                f"{key}_s": (unix_ns(entry[name]) - start_ns) / 1e9 if entry[name] else None
                for key, name in (("entered", "entered"), ("ended", "ended_at"))
            }
            for entry in found["time_wait"]
        ]
        connections.append(found | {"time_wait": stays})
    return document | {"connections": connections}
