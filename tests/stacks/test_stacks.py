"""Captures of other stacks, of boxes that interfere, thinned, and in other wrappings: what is said of each is what happened.

Those of lwIP 2.1.3, gVisor, FreeBSD 9.1 and Linux are held against the stacks' own logs of states; the others are made, a few
frames each that show one thing which public captures have. A path is what a side went through: its states without bases.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tcptrace_py import analyze
from tcptrace_py.model.profiles import Profiles
from tcptrace_py.model.results import profiles_of
from tcptrace_py.model.state import Basis, State
from tests.ladder import path
from tests.test_order import as_pcapng, rows_of

if TYPE_CHECKING:
    from tcptrace_py.model.results import Connection

HERE = Path(__file__).parent
OPENED, ANSWERED = "CLOSED SYN_SENT ESTABLISHED", "LISTEN SYN_RECEIVED ESTABLISHED"
CLOSED_FIRST, CLOSED_SECOND = " FIN_WAIT_1 FIN_WAIT_2 TIME_WAIT", " CLOSE_WAIT LAST_ACK CLOSED"


@dataclass(frozen=True)
class Right:
    """What is right about one connection; what is None is not asked."""

    client: str
    server: str
    pattern: str
    first_fin: str | None = None
    outcome: str = "completed"
    stays: tuple[str, ...] = ()
    resets: tuple[tuple[int, str, str | None], ...] = ()  # frame, by, cause
    anomalies: tuple[str, ...] | None = None


BY_THE_SERVER = Right(OPENED + CLOSED_SECOND, ANSWERED + CLOSED_FIRST, "four-way", "server", stays=("server",))
BY_BOTH = Right(  # the server's FIN was lost on its first way
    OPENED + CLOSED_FIRST,
    ANSWERED + " FIN_WAIT_1 CLOSING TIME_WAIT",
    "simultaneous",
    "client",
    stays=("client", "server"),
    anomalies=(),
)
BY_THE_CLIENT = Right(OPENED + CLOSED_FIRST, ANSWERED + CLOSED_SECOND, "four-way", "client", stays=("client",))

CAPTURES: dict[str, tuple[Right, ...]] = {
    "gap_const": (BY_THE_CLIENT,),
    "gap_incr": (BY_THE_CLIENT,),
    "challenge_ack": (replace(BY_THE_SERVER, resets=((3, "client", "no-socket"),)),),
    "two_synacks": (BY_THE_SERVER,),
    "big_gap": (BY_THE_SERVER,),
    "late_syn": (BY_THE_SERVER,),
    "c06-syn-last": (BY_THE_CLIENT,),
    "c07-ack-before-data": (replace(BY_THE_CLIENT, anomalies=()),),
    "c11-tzsp": (BY_BOTH,),
    "c12-tty-prefix": (BY_BOTH,),
    "c12b-tty-crlf": (BY_BOTH,),
    "c13-snoop": (BY_BOTH,),
    "c14-ns-in-us-magic": (BY_BOTH,),
    "c15-pflog": (BY_BOTH,),
    "rstack_then_conn": (
        Right("CLOSED", "CLOSED", "rst", outcome="not-captured", resets=((1, "server", "no-socket"),)),
        BY_THE_SERVER,
    ),
    "wrong_final_ack": (
        Right(
            "CLOSED SYN_SENT CLOSED", "LISTEN SYN_RECEIVED CLOSED", "rst", outcome="aborted", resets=((4, "server", "aborted-handshake"),)
        ),
    ),
    "rst_behind_gap": (Right(OPENED + " CLOSED", ANSWERED + " CLOSED", "rst", resets=((6, "client", "no-socket"),)),),
    "plain_rst_abort": (Right(OPENED + " CLOSED", ANSWERED + " CLOSED", "rst", resets=((8, "client", "abort"),)),),
    "challenge-ack-in-syn-received": (Right("CLOSED SYN_SENT", "LISTEN SYN_RECEIVED", "none", outcome="in-progress"),),
    "fin-on-syn-ack": (
        Right(
            OPENED + CLOSED_SECOND,
            "LISTEN SYN_RECEIVED" + CLOSED_FIRST,
            "four-way",
            "server",
            stays=("server",),
            resets=((6, "server", "late"),),
        ),
    ),
    "firewall-rst-attributed-to-server": (
        Right(
            OPENED + " CLOSED",
            ANSWERED + " FIN_WAIT_1",
            "rst",
            "server",
            resets=((9, "between", None), *((frame, "client", "no-socket") for frame in (11, 13, 15, 17, 19))),
            anomalies=(),
        ),
    ),
    "frag-needed-called-unreachable": (Right(OPENED, ANSWERED, "none", anomalies=("icmp-error",)),),
    "pure-ack-behind-lost-fin-is-not-simultaneous": (BY_THE_CLIENT,),
    "rst-ack-answering-fin": (
        Right(OPENED + CLOSED_SECOND, ANSWERED + " FIN_WAIT_1 FIN_WAIT_2 CLOSED", "rst", "server", resets=((10, "server", "no-socket"),)),
    ),
    "rst-ack-for-no-socket-taken-for-ack-of-fin": (
        Right(
            OPENED + " FIN_WAIT_1 FIN_WAIT_2 CLOSED",
            ANSWERED + CLOSED_SECOND,
            "rst",
            "client",
            resets=((13, "client", "data-after-close"),),
        ),
    ),
    "rst-ack-no-socket-called-unread-data": (Right(OPENED + " CLOSED", ANSWERED + " CLOSED", "rst", resets=((8, "server", "no-socket"),)),),
    "rst-lost-after-capture": (
        Right(
            OPENED + " CLOSED",
            ANSWERED,
            "rst",
            anomalies=(),
            resets=((8, "client", "abort"), *((frame, "client", "no-socket") for frame in range(10, 23, 2))),
        ),
    ),
    "rst-of-bad-synack-then-good": (
        Right(
            OPENED + " FIN_WAIT_1 CLOSED",
            ANSWERED + " CLOSED",
            "rst",
            "client",
            anomalies=("rst-ignored",),
            resets=((3, "client", "aborted-handshake"), (7, "server", "abort")),
        ),
    ),
    "one-sided-first-closer": (Right(OPENED, "ESTABLISHED", "unknown"),) * 20,
    "tproxy-two-legs-same-four-tuple": (BY_THE_CLIENT, BY_THE_CLIENT, BY_THE_SERVER, BY_THE_SERVER),
    "15-two-vlans": (
        Right(OPENED + " CLOSED", "LISTEN SYN_RECEIVED CLOSED", "rst", resets=((7, "server", "aborted-handshake"),)),
        BY_THE_CLIENT,
    ),
    "freebsd-timewait-ignores-rst": (
        replace(BY_THE_CLIENT, client=BY_THE_CLIENT.client + " CLOSED", resets=((30, "server", "late"),)),
        Right(OPENED + " FIN_WAIT_1 FIN_WAIT_2", ANSWERED + " CLOSE_WAIT", "half-closed", "client"),
    ),
    "timewait-refuses-syn-other-stack": (
        replace(BY_THE_SERVER, resets=tuple((frame, "client", "late") for frame in (23, 26, 29, 32, 35, 38, 41, 44, 47, 50)), anomalies=()),
        Right("CLOSED SYN_SENT", "CLOSED", "none", outcome="refused-by-time-wait", anomalies=("syn-met-time-wait",)),
    ),
    "two-rsts-taken-for-capture-duplicates": (
        Right(
            OPENED + " FIN_WAIT_1 FIN_WAIT_2 CLOSED",
            ANSWERED + CLOSED_SECOND,
            "rst",
            "client",
            resets=((14, "client", "data-after-close"), (15, "client", "data-after-close")),
        ),
    ),
}


def said(connection: Any, right: Right) -> Right:
    """What is said of a connection, as far as it is asked."""
    return Right(
        path(connection.client_side),
        path(connection.server_side),
        connection.teardown.pattern,
        connection.teardown.first_fin,
        connection.handshake.outcome,
        tuple(stay.side for stay in connection.time_wait),
        tuple((reset.frame, reset.by, reset.cause) for reset in connection.resets),
        None if right.anomalies is None else tuple(sorted({anomaly.code for anomaly in connection.anomalies})),
    )


@pytest.mark.parametrize("name", CAPTURES)
def test_what_happened_is_said(name: str) -> None:
    (path,) = HERE.glob(f"{name}.*")
    connections = sorted(analyze([path]).connections, key=lambda connection: connection.first_frame)
    rights = CAPTURES[name]
    assert len(connections) == len(rights)
    assert tuple(said(connection, right) for connection, right in zip(connections, rights, strict=True)) == rights


def test_every_capture_is_asked_for() -> None:
    assert {file.stem for file in HERE.glob("*.*p")} == set(CAPTURES)


def test_what_stands_behind_a_lost_fin_shows_no_moment() -> None:
    """The server's FIN was lost before the capture: where the path has it is assumed."""
    (connection,) = analyze([HERE / "pure-ack-behind-lost-fin-is-not-simultaneous.pcap"]).connections
    server = connection.server_side
    assert server is not None
    assert {entry.basis for entry in server.states if entry.state == State.LAST_ACK} == {Basis.ASSUMED}


def without(name: str, frames: set[int], tmp_path: Path) -> tuple[Connection, ...]:
    """The connections of a capture that lacks these frames."""
    rows = [row for frame, row in enumerate(rows_of(HERE / f"{name}.pcap"), 1) if frame not in frames]
    return tuple(analyze([as_pcapng(rows, tmp_path / "part.pcapng")]).connections)


def test_a_pure_ack_to_what_a_fin_overtook_is_none_of_a_simultaneous_close(tmp_path: Path) -> None:
    """Also where it was not captured, and IP IDs alone count it and the FIN before it."""
    (connection,) = without("pure-ack-behind-lost-fin-is-not-simultaneous", {25}, tmp_path)
    assert (connection.teardown.pattern, connection.teardown.first_fin) == ("four-way", "client")


@pytest.mark.parametrize("missing", [{3}, {1, 3}, {1, 2, 3}])
def test_a_synack_that_nobody_took_has_no_number_of_its_connection(missing: set[int], tmp_path: Path) -> None:
    """The SYN/ACK that the client took was not captured: its acknowledgement and all that follows go by the number of that one."""
    (connection,) = without("two_synacks", missing, tmp_path)
    assert (connection.teardown.pattern, connection.teardown.first_fin) == ("four-way", "server")
    assert [stay.side for stay in connection.time_wait] == ["server"]
    assert connection.handshake.outcome == ("not-captured" if 2 in missing else "completed")


@pytest.mark.parametrize(("system", "ended_by"), [("freebsd", "expired"), ("linux", "killed")])
def test_a_rst_ends_time_wait_where_the_system_lets_it(system: str, ended_by: str) -> None:
    analysis = analyze([HERE / "freebsd-timewait-ignores-rst.pcap"], profiles=Profiles.named(system))
    (stay,) = next(iter(analysis.connections)).time_wait
    assert stay.ended_by == ended_by
    assert profiles_of(analysis.profiles) == Profiles.named(system)


def test_time_wait_that_refuses_syns_lasts() -> None:
    """lwIP's neither takes a SYN with a newer number nor obeys a RST: nothing ended it."""
    analysis = analyze([HERE / "timewait-refuses-syn-other-stack.pcap"])
    (stay,) = min(analysis.connections, key=lambda connection: connection.first_frame).time_wait
    assert (stay.ended_by, stay.restarts) == ("capture-end", 0)
    assert [(finding.code, finding.connections) for finding in analysis.findings] == [("refused-by-time-wait", 1)]


WRAPPED = {  # what is said of a capture that came in an odd way
    "c11-tzsp": [],
    "c12-tty-prefix": ["text-before-capture"],
    "c12b-tty-crlf": ["went-through-terminal"],
    "c13-snoop": [],
    "c14-ns-in-us-magic": ["nanoseconds-unannounced"],
    "c15-pflog": [],
}


@pytest.mark.parametrize("name", WRAPPED)
def test_what_a_capture_came_in_is_named_and_is_no_damage(name: str) -> None:
    (path,) = HERE.glob(f"{name}.*")
    info = analyze([path]).capture
    assert [problem.code for problem in info.problems] == WRAPPED[name]
    assert not any(problem.damaged for problem in info.problems)
    assert info.segments == info.packets == 12


@pytest.mark.parametrize("name", ["gap_const", "two-rsts-taken-for-capture-duplicates"])
def test_nothing_was_captured_twice(name: str) -> None:
    assert analyze([HERE / f"{name}.pcap"]).capture.duplicates == 0
