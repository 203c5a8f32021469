"""Who sits in the states that are taken for TIME_WAIT, on the recorded samples that have them."""

from dataclasses import replace

import pytest

from tcptrace_py import analyze
from tcptrace_py.findings import neighbours
from tcptrace_py.findings.diagnosis import Ledger, diagnose
from tcptrace_py.model.results import Scope
from tests.buildups import SAMPLES
from tests.facts.handmade import kept

CASES = [
    ("recorded-close-wait-leak", ("CLOSE_WAIT", "server")),
    ("half-close", ("FIN_WAIT_2", "client")),
    ("close-wait-never-closes", ("CLOSE_WAIT", "client")),
    ("close-wait-never-closes", ("FIN_WAIT_2", "server")),
    ("last-ack-never-ends", ("LAST_ACK", "server")),
    ("half-open", ("SYN_RECEIVED", "server")),
    ("syn-unanswered", ("SYN_SENT", "client")),
]


@pytest.mark.parametrize(("sample", "expected"), CASES)
def test_they_are_named(sample: str, expected: tuple[str, str]) -> None:
    found = diagnose(analyze(SAMPLES / f"{sample}.pcap")).neighbours
    assert expected in {(row.state, row.role) for row in found}
    for row in found:
        assert row.count >= max(row.still, 1)
        assert row.longest_ns > 0


@pytest.mark.parametrize("sample", ["three-way-handshake", "server-closes-first", "simultaneous-close", "keep-alive"])
def test_passing_through_is_not_being_stuck(sample: str) -> None:
    assert diagnose(analyze(SAMPLES / f"{sample}.pcap")).neighbours == ()


def test_what_the_capture_left_out_is_no_evidence() -> None:
    """One direction only: that a FIN was acknowledged could not be seen, so nothing is stuck in FIN_WAIT_1."""
    assert diagnose(analyze(SAMPLES / "one-sided.pcap")).neighbours == ()


def test_the_same_addresses_in_another_network_are_others() -> None:
    analysis = analyze(SAMPLES / "recorded-close-wait-leak.pcap")
    start_ns, end_ns = analysis.capture.start_ns or 0, analysis.capture.end_ns or 0
    (whole,) = (row for row in diagnose(analysis).neighbours if row.state == "CLOSE_WAIT")
    ledger, rows = Ledger(), list(analysis.connections)
    for scope in (Scope(None, 7, None), Scope(None, 8, None)):
        for block in kept([replace(row, scope=scope) for row in rows]).blocks():
            ledger.add(block)
    found = ledger.neighbours.result(ledger.services, start_ns, end_ns)
    assert [(row.scope, row.count) for row in found if row.state == "CLOSE_WAIT"] == [
        (Scope(None, 7, None), whole.count),
        (Scope(None, 8, None), whole.count),
    ]


def test_the_most_frequent_are_found_among_more_than_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of many clients most are let go while the rest is summed up: the same are told, with the same counts."""
    analysis = analyze(SAMPLES / "recorded-close-wait-leak.pcap")
    start_ns, end_ns = analysis.capture.start_ns or 0, analysis.capture.end_ns or 0
    rows = list(analysis.connections)
    networks = [kept([replace(row, scope=Scope(None, number, None)) for row in rows]) for number in range(40)]
    found = []
    monkeypatch.setattr(neighbours, "MOST_ROWS", 3)
    for most_kept in (neighbours.MOST_KEPT, 4, 7):
        monkeypatch.setattr(neighbours, "MOST_KEPT", most_kept)
        ledger = Ledger()
        for number, network in enumerate(networks):
            for _ in range(1 + number * 7 % 5):
                for block in network.blocks():
                    ledger.add(block)
        found.append(ledger.neighbours.result(ledger.services, start_ns, end_ns))
    assert len(found[0]) == 3
    assert found[0][0].count > len(rows)
    assert found[1] == found[2] == found[0]
