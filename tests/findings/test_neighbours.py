"""Who sits in the states that are taken for TIME_WAIT, on the recorded samples that have them."""

import pytest

from tcptrace_py import analyze
from tcptrace_py.findings.diagnosis import diagnose
from tests.buildups import SAMPLES

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
