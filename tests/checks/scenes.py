"""Traffic in phrases, for cases that are data: "99 x ok 10ms", "refused port=3306", "close-wait 3s client"."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tcptrace_py.checks.params import Duration
from tcptrace_py.model.problems import Problem
from tcptrace_py.model.results import (
    Anomaly,
    Connection,
    Course,
    Delivery,
    Endpoint,
    Handshake,
    Reset,
    Scope,
    Side,
    StateEntry,
    Stay,
    Teardown,
    profiles_of,
)
from tcptrace_py.model.state import Basis, State
from tcptrace_py.pipeline import budgets_of
from tests.outputs import factory
from tests.outputs.factory import MS, START, S

if TYPE_CHECKING:
    from tcptrace_py.model.results import Analysis


def scene(phrases: list[str], *, end_s: float | None = None, problems: list[str] | None = None) -> Analysis:
    """Connections that begin a second apart; the capture ends with the last or after `end_s`."""
    rows: list[Connection] = []
    for phrase in phrases:
        times, _, rest = phrase.rpartition(" x ")
        for _ in range(int(times or 1)):
            rows.append(_connection(rest, len(rows)))
    found = tuple(Problem(code.lstrip("!"), 1, f"{code} in words", 3, damaged=code.startswith("!")) for code in problems or ())
    analysis = factory.analysis(rows, problems=found)
    analysis.capture.start_ns = START
    if end_s is not None:
        analysis.capture.end_ns = START + round(end_s * S)
    return analysis


def with_ports(analysis: Analysis) -> Analysis:
    """The same analysis, and the local ports that its connections hold, as its profiles say now."""
    end_ns = analysis.capture.end_ns or 0
    return replace(analysis, ports=budgets_of(analysis.connections, profiles_of(analysis.profiles), end_ns))


def _connection(phrase: str, number: int) -> Connection:
    words = phrase.split()
    options = dict(word.split("=") for word in words if "=" in word)
    kind, *args = [word for word in words if "=" not in word]
    start_ns = START + (Duration().read(options["at"]) if "at" in options else number * S)
    plain = factory.connection(number, start_ns=start_ns)
    made: Connection = KINDS[kind](plain, *args)
    changes: dict[str, Any] = {}
    if "client" in options:
        changes["client"] = Endpoint(options["client"], made.client.port)
    if "cport" in options:
        changes["client"] = Endpoint(made.client.address, int(options["cport"]))
    if "server" in options or "port" in options:
        changes["server"] = Endpoint(options.get("server", made.server.address), int(options.get("port", 80)))
    if "vantage" in options:
        changes["vantage"] = None if options["vantage"] == "unknown" else options["vantage"]
    if "vni" in options:
        changes["scope"] = Scope(vni=int(options["vni"]))
    if "for" in options:
        changes["end_ns"] = start_ns + Duration().read(options["for"])
    return replace(made, **changes)


def _ok(plain: Connection, total: str = "10ms") -> Connection:
    handshake = replace(plain.handshake, total_ns=Duration().read(total))
    return replace(plain, handshake=handshake, teardown=replace(plain.teardown, segments=4))


def _server_first(plain: Connection) -> Connection:
    assert plain.server_side is not None
    stay = replace(plain.time_wait[0], side="server")
    return replace(
        plain,
        teardown=Teardown("four-way", 4, "server", MS),
        time_wait=(stay,),
        client_side=plain.server_side,
        server_side=plain.client_side,
    )


def _simultaneous(plain: Connection, first: str = "client") -> Connection:
    stays = (plain.time_wait[0], replace(plain.time_wait[0], side="server"))
    return replace(plain, teardown=Teardown("simultaneous", None, first, MS), time_wait=stays)


def _failed(outcome: str) -> Any:
    def make(plain: Connection) -> Connection:
        return factory.failed(plain.id, outcome, start_ns=plain.start_ns)

    return make


def _untimed(plain: Connection) -> Connection:
    """Its SYN was captured behind its answer: no time can be told."""
    return replace(plain, handshake=replace(plain.handshake, total_ns=None))


def _aborted(plain: Connection) -> Connection:
    reset = Reset("client", "aborted-handshake", "high", 3, plain.start_ns)
    return replace(
        plain,
        handshake=Handshake("three-way", "aborted", MS, None, None, 0, 0),
        resets=(reset,),
        teardown=Teardown("rst", reset=reset),
        time_wait=(),
    )


def _midstream(plain: Connection) -> Connection:
    return replace(plain, midstream=True, handshake=Handshake(None, "not-captured", None, None, None, 0, 0))


def _again(name: str) -> Any:
    def make(plain: Connection) -> Connection:
        changes: dict[str, Any] = {f"{name}_retransmissions": 1}
        opened = replace(plain, handshake=replace(plain.handshake, **changes))
        return _with_side(opened, "client" if name == "syn" else "server", retransmissions=1)

    return make


def _fin_again(plain: Connection, side: str) -> Connection:
    return _with_side(plain, side, fin_retransmissions=1, retransmissions=1)


def _repeats(plain: Connection, number: str, packets: str, side: str) -> Connection:
    """So many repeated data segments of so many packets of a side; its other side sends none."""
    other = "server" if side == "client" else "client"
    return _with_side(_with_side(plain, side, retransmissions=int(number), packets=int(packets)), other, packets=0)


def _with_side(plain: Connection, side: str, **changes: Any) -> Connection:
    name = f"{side}_side"
    sides: dict[str, Any] = {name: replace(getattr(plain, name), **changes)}
    return replace(plain, **sides)


def _zero_window(plain: Connection, side: str) -> Connection:
    return replace(plain, history=plain.history + ("W" if side == "client" else "w"))


def _answers(plain: Connection, longest: str) -> Connection:
    return replace(plain, course=Course(1, Duration().read(longest)))


def _exchanges(plain: Connection, number: str) -> Connection:
    return replace(plain, course=Course(int(number)))


def _stalls(plain: Connection, longest: str) -> Connection:
    return replace(plain, course=Course(longest_stall_ns=Duration().read(longest)))


def _closed_window(plain: Connection, longest: str, side: str) -> Connection:
    return _with_side(plain, side, delivery=Delivery(window_closed_ns=Duration().read(longest)))


def _reset(plain: Connection, cause: str, by: str = "server") -> Connection:
    made = factory.aborted(plain.id, cause, by)
    return replace(made, start_ns=plain.start_ns, end_ns=plain.end_ns)


def _third_reset(plain: Connection) -> Connection:
    """Reset by neither of its sides."""
    made = factory.aborted(plain.id, "abort", "between")
    assert made.teardown.reset is not None
    reset = replace(made.teardown.reset, cause=None)
    return replace(made, start_ns=plain.start_ns, end_ns=plain.end_ns, resets=(reset,), teardown=replace(made.teardown, reset=reset))


def _late_reset(plain: Connection) -> Connection:
    return replace(plain, resets=(Reset("client", "late", "high", 9, plain.end_ns),))


def _ignored_reset(plain: Connection) -> Connection:
    """A RST that did not end the connection, and came while it was open."""
    return replace(plain, resets=(Reset("unknown", "abort", "low", 5, plain.end_ns),))


def _half_closed(plain: Connection, first: str = "client") -> Connection:
    return replace(plain, teardown=Teardown("half-closed", None, first), time_wait=())


def _closing_at_the_end(plain: Connection, pattern: str = "half-closed") -> Connection:
    return replace(plain, teardown=Teardown(pattern, None, "client", censored=True), time_wait=())


def _unfinished(plain: Connection) -> Connection:
    return replace(plain, teardown=Teardown("unfinished-close", None, "client"), time_wait=())


def _open(plain: Connection) -> Connection:
    return replace(plain, teardown=Teardown("none"), time_wait=())


def _stays_in(state: str) -> Any:
    def make(plain: Connection, time: str, side: str, ending: str = "then-closed") -> Connection:
        """In a state from 1 ms after the start on for a time, or until the capture's end."""
        begin_ns = plain.start_ns + MS
        entries = [
            StateEntry(State.ESTABLISHED, plain.start_ns, 1, Basis.OBSERVED),
            StateEntry(State[state], None if time == "unknown" else begin_ns, 2, Basis.OBSERVED),
        ]
        if ending == "then-closed":
            entries.append(StateEntry(State.CLOSED, begin_ns + Duration().read(time), 3, Basis.OBSERVED))
        path = Side(5, 10, 0, 0, entries[-1].state, tuple(entries))
        changes: dict[str, Any] = {f"{side}_side": path}
        return replace(plain, time_wait=(), **changes)

    return make


def _anomaly(plain: Connection, code: str) -> Connection:
    return replace(plain, anomalies=(Anomaly(code, 5, "in words"),))


def _waits(plain: Connection, begin: str, length: str, side: str = "client", ending: str = "expired") -> Connection:
    """A stay in TIME_WAIT from so long after the capture's start on, for so long; `open-end`: beyond the capture."""
    entered_ns = START + Duration().read(begin)
    ends_ns = entered_ns + Duration().read(length)
    censored = ending == "open-end"
    stay = Stay(
        side,
        entered_ns,
        Basis.OBSERVED,
        ends_ns if ending != "killed" else ends_ns + 60 * S,
        0,
        None if censored else ends_ns,
        "capture-end" if censored else ending,
        censored,
    )
    return replace(plain, time_wait=(stay,))


def _no_wait(plain: Connection, closed: str) -> Connection:
    """Its client holds its port from the start until so long after it."""
    at_ns = plain.start_ns + Duration().read(closed)
    return replace(
        plain,
        time_wait=(),
        client_side=Side(
            5,
            10,
            0,
            0,
            State.CLOSED,
            (
                StateEntry(State.ESTABLISHED, plain.start_ns, 1, Basis.OBSERVED),
                StateEntry(State.CLOSED, at_ns, 2, Basis.OBSERVED),
            ),
        ),
    )


def _self_connect(plain: Connection) -> Connection:
    return replace(plain, server=plain.client, server_side=None, teardown=Teardown("simultaneous", None, "client", MS))


KINDS: dict[str, Any] = {
    "ok": _ok, "server-first": _server_first, "simultaneous": _simultaneous, "refused": _failed("refused"),
    "unanswered": _failed("unanswered"), "in-progress": _failed("in-progress"), "closing": _closing_at_the_end,
    "half-open": _failed("half-open"), "met-time-wait": _failed("refused-by-time-wait"), "aborted": _aborted, "untimed": _untimed,
    "midstream": _midstream, "syn-again": _again("syn"), "synack-again": _again("synack"), "fin-again": _fin_again,
    "answers": _answers, "exchanges": _exchanges, "stalls": _stalls, "closed-window": _closed_window,
    "repeats": _repeats, "zero-window": _zero_window, "reset": _reset, "third-reset": _third_reset, "late-reset": _late_reset,
    "ignored-reset": _ignored_reset, "half-closed": _half_closed, "unfinished-close": _unfinished, "open": _open,
    "close-wait": _stays_in("CLOSE_WAIT"), "fin-wait-2": _stays_in("FIN_WAIT_2"), "last-ack": _stays_in("LAST_ACK"),
    "anomaly": _anomaly, "waits": _waits, "no-wait": _no_wait, "self-connect": _self_connect,
}  # fmt: skip
