"""Handshakes as the client saw them, their latencies and percentiles, and where the capture stood."""

from __future__ import annotations

import pytest

from tcptrace_py.findings.vantage import NAMES, place_of
from tests.ladder import HANDSHAKE, play

MS = 1_000_000

# ladder, kind, outcome, SYN and SYN/ACK retransmissions
OUTCOMES = [
    ("completed", HANDSHAKE, "three-way", "completed", 0, 0),
    ("completed by data", "0 C S\n0.01 S SA\n0.02 C PA len=4", "three-way", "completed", 0, 0),
    (
        "completed, though the server never took it",
        HANDSHAKE + "1 S SA seq=0\n1.01 C A\n3 S SA seq=0\n3.01 C A",
        "three-way",
        "completed",
        0,
        2,
    ),
    ("refused", "0 C S\n0.01 S RA", None, "refused", 0, 0),
    ("unanswered", "0 C S\n1 C S seq=0\n3 C S seq=0", None, "unanswered", 2, 0),
    ("half-open", "0 C S\n0.01 S SA\n1 S SA seq=0", "three-way", "half-open", 0, 1),
    ("aborted by the client", "0 C S\n0.01 S SA\n0.02 C R seq=1", "three-way", "aborted", 0, 0),
    ("aborted by the server", "0 C S\n0.01 S SA\n0.5 S RA", "three-way", "aborted", 0, 0),
    ("simultaneous", "0 C S\n0.01 S S\n0.02 C SA seq=0\n0.03 S SA seq=0\n0.04 C A", "simultaneous", "completed", 0, 0),
    ("fast open", "0 C S len=5\n0.01 S SA\n0.02 C A", "fast-open", "completed", 0, 0),
    ("fast open refused", "0 C S len=5\n0.01 S SA ack=1\n0.02 C PA seq=1 len=5", "three-way", "completed", 0, 0),
    ("begun before the capture", "0 C PA seq=1 ack=1 len=5\n0.01 S A seq=1", None, "not-captured", 0, 0),
    ("only the SYN/ACK captured", "0 S SA ack=1\n0.01 C A seq=1\n0.1 C PA len=5", None, "not-captured", 0, 0),
    (
        "SYN/ACK to another number, then RST, then the right one",
        "0 C S\n0.01 S SA ack=77\n0.02 C R seq=77\n1 C S seq=0\n1.01 S SA isn=5000\n1.02 C A",
        "three-way",
        "completed",
        1,
        0,
    ),
]


@pytest.mark.parametrize(
    ("text", "kind", "outcome", "syns", "synacks"), [case[1:] for case in OUTCOMES], ids=[case[0] for case in OUTCOMES]
)
def test_outcomes(text: str, kind: str | None, outcome: str, syns: int, synacks: int) -> None:
    shake = play(text, end_s=100).rows[-1].handshake
    assert (shake.kind, shake.outcome, shake.syn_retransmissions, shake.synack_retransmissions) == (
        kind,
        outcome,
        syns,
        synacks,
    )


# ladder, SYN to SYN/ACK, SYN/ACK to ACK, total: in ms
LATENCIES = [
    ("plain", HANDSHAKE, 10, 10, 20),
    ("a lost SYN is felt in the total, never in a round trip", "0 C S\n1 C S seq=0\n1.01 S SA\n1.02 C A", 10, 10, 1020),
    (
        "the SYN/ACK answers the last SYN before it, not the one that crossed it",
        "0 C S\n1 C S seq=0\n1.01 S SA\n3 C S seq=0\n3.01 C A",
        10,
        2000,
        3010,
    ),
    ("a lost SYN/ACK: from the last one before the ACK", "0 C S\n0.01 S SA\n1.01 S SA seq=0\n1.03 C A", 10, 20, 1030),
    ("a copy of the SYN/ACK was answered before", "0 C S\n0.01 S SA\n0.011 S SA seq=0 id=1 if=2\n0.03 C A", 10, 20, 30),
    ("unanswered", "0 C S\n1 C S seq=0", None, None, None),
    ("half-open", "0 C S\n0.01 S SA", 10, None, None),
    ("refused", "0 C S\n0.01 S RA", None, None, None),
    ("SYN not captured", "0 S SA ack=1\n0.01 C A seq=1", None, 10, None),
]


@pytest.mark.parametrize(("text", "outward", "back", "total"), [case[1:] for case in LATENCIES], ids=[case[0] for case in LATENCIES])
def test_latencies(text: str, outward: int | None, back: int | None, total: int | None) -> None:
    shake = play(text).row.handshake
    expected = [None if ms is None else ms * MS for ms in (outward, back, total)]
    assert [shake.syn_to_synack_ns, shake.synack_to_ack_ns, shake.total_ns] == expected


def test_only_completed_handshakes_are_counted_and_by_vantage() -> None:
    text = """
        0 C S
        0.05 S SA
        0.0501 C A
        1 C2 S
        1.1 S2 RA
        2 C3 S
        2.01 S3 SA
        3 C4 PA seq=1 ack=1 len=4
        3.1 S4 A seq=1
    """
    summary = play(text, end_s=6).summary
    assert (summary.latency.count, summary.latency.max_ns) == (1, 50_100_000)
    assert {name: row.count for name, row in summary.latency_by_vantage.items()} == {"client": 1}
    assert summary.outcomes == {
        "completed": 1,
        "refused": 1,
        "unanswered": 0,
        "aborted": 0,
        "half-open": 1,
        "not-captured": 1,
        "in-progress": 0,
        "refused-by-time-wait": 0,
    }


# -- vantage -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("to_server_ms", "to_client_ms", "expected"),
    [
        (50, 0.1, "client"),
        (0.1, 50, "server"),
        (20, 20, "middle"),
        (30, 10, "middle"),
        (0.05, 0.05, None),
        (0, 0, None),
        (50, 10, "client"),
        (10, 50, "server"),
        (0.5, 0.2, None),
    ],
)
def test_vantage_of_two_legs(to_server_ms: float, to_client_ms: float, expected: str | None) -> None:
    assert NAMES[place_of(round(to_server_ms * MS), round(to_client_ms * MS))] == expected


AT_SERVER = "0 C S\n0.0001 S SA\n0.05 C A\n"
AT_CLIENT = "0 C S\n0.05 S SA\n0.0501 C A\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [(AT_SERVER, "server"), (AT_CLIENT, "client"), (HANDSHAKE, "middle"), ("0 C S\n0.00001 S SA\n0.00002 C A", None)],
)
def test_vantage_of_a_connection(text: str, expected: str | None) -> None:
    assert play(text).row.vantage == expected


def test_repetitions_say_nothing_of_the_vantage() -> None:
    """Karn's rule: which of two SYNs the SYN/ACK answers is not known."""
    assert play("0 C S\n1 C S seq=0\n1.05 S SA\n1.0501 C A").row.vantage is None


def test_hosts_other_handshakes_tell_where_one_begun_before_stood() -> None:
    text = "0 C PA seq=1 ack=1 len=5\n0.05 S A seq=1\n" + "\n".join(f"{n} C{n} S\n{n}.0001 S{n} SA\n{n}.05 C{n} A" for n in (2, 3, 4))
    rows = play(text).rows
    assert [row.vantage for row in rows] == ["server"] * 4


def test_hosts_whose_roles_differ_keep_their_place() -> None:
    """The capture stands at 10.0.0.2: as a server for one connection, as a client for the next."""
    from tests.ladder import ladder

    segments = ladder(AT_SERVER) + ladder("10 C S\n10.05 S SA\n10.0501 C A", client="10.0.0.2", server="10.0.0.1", port=5555)
    midstream = ladder("20 C PA seq=1 ack=1 len=5\n20.1 S A seq=1", client="10.0.0.2", server="10.0.0.1", port=6666)
    assert [row.vantage for row in play([*segments, *midstream]).rows] == ["server", "client", "client"]
