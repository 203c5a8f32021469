"""Captures of other stacks, of boxes that interfere and of thinned recordings: what is said of each is what happened.

Those of lwIP 2.1.3, gVisor, FreeBSD 9.1 and Linux are held against the stacks' own logs of states; the others are made, a few
frames each that show one thing which public captures have. A path is what a side went through: its states without bases.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tcptrace_py import analyze
from tests.ladder import path

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
BY_THE_CLIENT = Right(OPENED + CLOSED_FIRST, ANSWERED + CLOSED_SECOND, "four-way", "client", stays=("client",))

CAPTURES: dict[str, tuple[Right, ...]] = {
    "gap_const": (BY_THE_CLIENT,),
    "gap_incr": (BY_THE_CLIENT,),
    "two-rsts-taken-for-capture-duplicates": (
        Right(OPENED + " FIN_WAIT_1 FIN_WAIT_2 CLOSED", ANSWERED + CLOSED_SECOND, "rst", "client",
              resets=((14, "client", "data-after-close"), (15, "client", "data-after-close"))),
    ),
}


def said(connection: Any, right: Right) -> Right:
    """What is said of a connection, as far as it is asked."""
    return Right(
        path(connection.client_side), path(connection.server_side), connection.teardown.pattern, connection.teardown.first_fin,
        connection.handshake.outcome, tuple(stay.side for stay in connection.time_wait),
        tuple((reset.frame, reset.by, reset.cause) for reset in connection.resets),
        None if right.anomalies is None else tuple(sorted({anomaly.code for anomaly in connection.anomalies})),
    )


@pytest.mark.parametrize("name", CAPTURES)
def test_what_happened_is_said(name: str) -> None:
    connections = sorted(analyze([HERE / f"{name}.pcap"]).connections, key=lambda connection: connection.first_frame)
    rights = CAPTURES[name]
    assert len(connections) == len(rights)
    assert tuple(said(connection, right) for connection, right in zip(connections, rights, strict=True)) == rights


def test_every_capture_is_asked_for() -> None:
    assert {file.stem for file in HERE.glob("*.pcap")} == set(CAPTURES)


@pytest.mark.parametrize("name", ["gap_const", "two-rsts-taken-for-capture-duplicates"])
def test_nothing_was_captured_twice(name: str) -> None:
    assert analyze([HERE / f"{name}.pcap"]).capture.duplicates == 0
