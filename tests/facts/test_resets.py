"""Each cause of a reset, its confidence and evidence; what is said where flags alone cannot tell."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.ladder import CLOSE, HANDSHAKE, SERVER_CLOSE, play

if TYPE_CHECKING:
    from tcptrace_py.model.results import Reset

OPEN = HANDSHAKE + "0.03 S A\n"
FAR_SERVER = "0 C S\n0.05 S SA\n0.0501 C A\n0.06 S A\n"  # captured at the client

# ladder, by, cause, confidence
CAUSES = [
    ("refused", "0 C S\n0.01 S RA", "server", "refused", "high"),
    ("refused at the second try", "0 C S\n1 C S seq=0\n1.01 S RA", "server", "refused", "high"),
    (
        "the client wants no more behind the SYN/ACK",
        "0 C S\n0.01 S SA\n0.02 C R seq=1",
        "client",
        "aborted-handshake",
        "high",
    ),
    ("the server gives up behind its SYN/ACK", "0 C S\n0.01 S SA\n3 S RA", "server", "aborted-handshake", "high"),
    ("SO_LINGER 0, or a crash, while all was read", OPEN + "5 C RA", "client", "abort", "medium"),
    (
        "behind all data of both sides",
        OPEN + "1 C PA len=9\n1.01 S PA len=9\n1.02 C A\n5 S RA",
        "server",
        "abort",
        "medium",
    ),
    (
        "data after its close",
        OPEN + "1 C FA\n1.01 S A\n3 S PA len=9\n3.01 C R seq=2",
        "client",
        "data-after-close",
        "high",
    ),
    (
        "a request crossed the server's close",
        FAR_SERVER + "1.000 S FA\n1.0001 C PA ack=1 len=9\n1.05 S R seq=2",
        "server",
        "data-after-close",
        "high",
    ),
    ("a socket that is gone answers data", OPEN + "1 C PA len=9\n1.01 S R seq=1", "server", "no-socket", "high"),
    (
        "a socket that is gone answers a keep-alive",
        OPEN + "1 C PA len=9\n1.01 S A\n8000 C A seq=9\n8000.01 S R seq=1",
        "server",
        "no-socket",
        "high",
    ),
    ("a port that is closed answers what opens nothing", "0 C SF\n0.01 S RA isn=0 ack=2", "server", "no-socket", "high"),
    ("behind a complete close", OPEN + CLOSE + "2 S R seq=2", "server", "late", "high"),
    ("behind the server's complete close", OPEN + SERVER_CLOSE + "1.5 C R seq=2", "client", "late", "high"),
]


def last_reset(text: str) -> Reset:
    return play(text).row.resets[-1]


@pytest.mark.parametrize(
    ("text", "by", "cause", "confidence"), [case[1:] for case in CAUSES], ids=[case[0] for case in CAUSES]
)
def test_causes(text: str, by: str, cause: str, confidence: str) -> None:
    reset = last_reset(text)
    assert (reset.by, reset.cause, reset.confidence) == (by, cause, confidence)
    assert reset.evidence




def test_data_that_crossed_the_reset_was_not_left_unread() -> None:
    """The acknowledgement on a RST is its sender's RCV.NXT: what lies beyond had not arrived."""
    assert last_reset(OPEN + "1 C PA len=9\n1.001 S RA ack=1").cause == "abort"


def test_right_behind_incoming_data_the_cause_is_a_guess() -> None:
    """Read and then SO_LINGER 0, or left unread: the flags are the same."""
    reset = last_reset(OPEN + "1 C PA len=9\n1.001 S RA")
    assert reset.cause == "abort-unread-data"
    assert reset.confidence != "high"


@pytest.mark.parametrize(
    ("text", "by", "cause", "confidence"), [case[1:] for case in CAUSES], ids=[case[0] for case in CAUSES]
)
def test_a_late_reset_ended_nothing_and_every_other_one_did(text: str, by: str, cause: str, confidence: str) -> None:
    played = play(text)
    ended = played.row.teardown.reset
    assert (ended is None) == (cause == "late")
    counts = {name: count for name, count in played.summary.reset_causes.items() if count}
    assert counts == ({} if cause == "late" else {cause: 1})


def test_a_crossed_request_is_said_to_have_crossed() -> None:
    text = FAR_SERVER + "1.000 S FA\n1.0001 C PA ack=1 len=9\n1.05 S R seq=2"
    assert "request crossed the close" in last_reset(text).evidence


def test_a_long_silence_before_is_evidence() -> None:
    """What a NAT gateway's or a load balancer's timeout looks like."""
    assert (
        "idle 350 s before" in last_reset(OPEN + "1 C PA len=9\n1.01 S A\n351.01 C PA len=9\n351.02 S R seq=1").evidence
    )


def test_a_short_silence_is_none() -> None:
    assert not [
        words for words in last_reset(OPEN + "1 C PA len=9\n1.01 S A\n6 S RA").evidence if words.startswith("idle")
    ]


def test_another_senders_ttl() -> None:
    """A middlebox forged it: its TTL is far from that of the side in whose name it comes."""
    reset = last_reset(OPEN + "5 S RA ttl=250")
    assert (reset.by, reset.confidence) == ("unknown", "low")
    assert "TTL 250, its sender's other segments 60" in reset.evidence


def test_a_refusing_host_may_use_another_ttl() -> None:
    """A RST for no socket may have another TTL than sockets' segments; there are none to compare with."""
    assert last_reset("0 C S\n0.01 S RA ttl=250").by == "server"


def test_numbers_that_the_receiver_does_not_expect() -> None:
    """RFC 5961: in the window but not next; the receiver asks with a challenge ACK and goes on."""
    row = play(OPEN + "1 S R seq=100\n1.01 C A\n2 C PA len=5\n2.01 S A\n3 S PA len=4\n3.01 C A").row
    assert row.teardown.reset is None
    assert "its numbers are not what the receiver expects" in row.resets[0].evidence
    assert "challenge-ack-candidate" in [anomaly.code for anomaly in row.anomalies]


def test_every_reset_is_listed_and_the_first_that_counts_ended_it() -> None:
    row = play(OPEN + "1 C FA\n1.01 S A\n2 S PA len=5\n2.01 C R seq=2\n2.02 S PA seq=6 len=5\n2.03 C R seq=2").row
    assert [reset.frame for reset in row.resets] == [8, 10]
    assert row.teardown.reset is not None
    assert row.teardown.reset.frame == 8


def test_a_rst_with_data_is_named() -> None:
    row = play(OPEN + "1 S RA len=20").row
    assert row.teardown.pattern == "rst"
    assert "rst-with-data" in [anomaly.code for anomaly in row.anomalies]


def test_causes_that_the_flags_cannot_tell_apart_say_so() -> None:
    """Both close() with unread data and SO_LINGER 0 send RST/ACK at the next number."""
    reset = last_reset(OPEN + "5 C RA")
    assert reset.confidence != "high"
    assert "looks the same" in reset.evidence[0]
