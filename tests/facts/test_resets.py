"""Each cause of a reset, its confidence and evidence; what is said where flags alone cannot tell."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tcptrace_py.model.digest import FEW
from tcptrace_py.model.segments import key_parts
from tests.ladder import CLOSE, HANDSHAKE, SERVER_CLOSE, SERVICE, Seg, ladder, path, play

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


def at_port(segment: Seg, port: int) -> Seg:
    """The same segment, with another port of the server's."""
    source, target, *ports = key_parts(segment.key)[:4]
    numbers = [port if number == SERVICE else number for number in ports]
    return replace(segment, key=source + target + b"".join(number.to_bytes(2, "big") for number in numbers))


def last_reset(text: str) -> Reset:
    return play(text).row.resets[-1]


@pytest.mark.parametrize(("text", "by", "cause", "confidence"), [case[1:] for case in CAUSES], ids=[case[0] for case in CAUSES])
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


@pytest.mark.parametrize(("text", "by", "cause", "confidence"), [case[1:] for case in CAUSES], ids=[case[0] for case in CAUSES])
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
    assert "idle 350 s before" in last_reset(OPEN + "1 C PA len=9\n1.01 S A\n351.01 C PA len=9\n351.02 S R seq=1").evidence


def test_a_short_silence_is_none() -> None:
    assert not [words for words in last_reset(OPEN + "1 C PA len=9\n1.01 S A\n6 S RA").evidence if words.startswith("idle")]


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


# -- other connections of the same two hosts --------------------------------------------------------------------------

OTHER_AT_60 = "0.1 C2 S\n0.11 S2 SA\n0.12 C2 A\n"  # 4 hops, as all else of the ladders
OTHER_AT_58 = "0.1 C2 S\n0.11 S2 SA ttl=58\n0.12 C2 A\n"
ONLY_A_RST = "0.2 C A seq=1 ack=1\n0.21 S R"  # of the server nothing but the RST was captured

# ladder, who sent the RST, its cause
OTHERS = [
    ("further off than its other segments, and unknown", OPEN + "5 S RA ttl=58", "unknown", "abort"),
    ("another connection came that way too", OPEN + OTHER_AT_58 + "5 S RA ttl=58", "server", "abort"),
    ("another connection came as the rest did", OPEN + OTHER_AT_60 + "5 S RA ttl=58", "unknown", "abort"),
    ("nearer, but another connection came from there", OPEN + OTHER_AT_58.replace("58", "62") + "5 S RA ttl=62", "server", "abort"),
    ("its sender goes on, whatever came before", OPEN + OTHER_AT_58 + "5 S RA ttl=58\n9 S A", "between", None),
    ("alone, and nothing to hold it against", ONLY_A_RST + " ttl=62", "server", "no-socket"),
    ("alone, as its sender's other connections come", OTHER_AT_60 + ONLY_A_RST, "server", "no-socket"),
    ("alone, and nearer than they come", OTHER_AT_60 + ONLY_A_RST + " ttl=62", "between", None),
    ("alone, and further off", OTHER_AT_60 + ONLY_A_RST + " ttl=57", "unknown", "no-socket"),
    ("a refusal, as handshakes of the same port come", OTHER_AT_60 + "1 C S\n1.01 S RA", "server", "refused"),
    ("a refusal, and nearer than they come", OTHER_AT_60 + "1 C S\n1.01 S RA ttl=62", "between", None),
    ("a refusal, from another system's TTL, as far", OTHER_AT_60 + "1 C S\n1.01 S RA ttl=251", "server", "refused"),
    ("a refusal, and further off", OTHER_AT_60 + "1 C S\n1.01 S RA ttl=57", "unknown", "refused"),
    ("a refusal by hops that no number of 64 bits has a bit for", OTHER_AT_60 + "1 C S\n1.01 S RA ttl=130", "server", "refused"),
]


@pytest.mark.parametrize(("text", "by", "cause"), [case[1:] for case in OTHERS], ids=[case[0] for case in OTHERS])
def test_who_sent_it_by_what_its_sender_s_other_connections_came_over(text: str, by: str, cause: str | None) -> None:
    (reset,) = [reset for row in play(text).rows for reset in row.resets]
    assert (reset.by, reset.cause) == (by, cause)
    assert any("TTL" in words for words in reset.evidence) == (by != "server" or ("C2 S" in text and "5 S" in text))


HELD_AGAINST = {  # what else was captured of the server: with another client, on another port, without its beginning
    "another client": ladder(OTHER_AT_60, client="10.0.0.9"),
    "another port": [at_port(segment, 443) for segment in ladder(OTHER_AT_60)],
    "no beginning": ladder("0.1 C A seq=9 ack=1\n0.11 S A\n0.12 C PA len=3\n0.13 S PA len=3", client="10.0.0.9"),
}
REFUSAL = "1 C S\n1.01 S RA"
LONE = [
    ("another client", ONLY_A_RST, "server", "no-socket"),
    ("another client", ONLY_A_RST + " ttl=62", "between", None),
    ("another client", REFUSAL, "server", "refused"),
    ("another client", REFUSAL + " ttl=62", "between", None),
    ("another port", ONLY_A_RST + " ttl=62", "between", None),
    ("another port", REFUSAL, "server", "refused"),
    ("another port", REFUSAL + " ttl=62", "unknown", "refused"),  # a router refuses, and hands other ports on
    ("no beginning", ONLY_A_RST + " ttl=62", "between", None),
    ("no beginning", REFUSAL + " ttl=62", "between", None),
]


@pytest.mark.parametrize(("others", "text", "by", "cause"), LONE)
def test_who_sent_it_by_what_else_its_host_sent(others: str, text: str, by: str, cause: str | None) -> None:
    (reset,) = [reset for row in play([*HELD_AGAINST[others], *ladder(text)]).rows for reset in row.resets]
    assert (reset.by, reset.cause) == (by, cause)
    assert ("answers the SYN" in reset.evidence) == (text.startswith(REFUSAL))
    assert any("its sender's other connections came over 4" in words for words in reset.evidence) == (by != "server")


def test_a_refusal_from_between_is_nothing_to_the_server() -> None:
    played = play([*ladder(OTHER_AT_60), *ladder(REFUSAL + " ttl=62")])
    row = played.rows[1]
    assert (row.handshake.outcome, row.teardown.pattern) == ("refused", "rst")
    assert (path(row.client_side), path(row.server_side)) == ("CLOSED SYN_SENT CLOSED", "CLOSED")
    assert not any(played.summary.reset_causes.values())


@pytest.mark.parametrize("ttl", [60, 62, 57])
def test_refusals_are_counted_as_they_are_described(ttl: int) -> None:
    """Also where there are too many to describe each."""
    segments = [*ladder(OTHER_AT_60, client="10.0.0.9")]
    for number in range(FEW + 9):
        segments += ladder(f"{1 + number} C S\n{1 + number}.01 S RA ttl={ttl}", port=20000 + number)
    described, counted = (play(segments, keep_rows=keep_rows) for keep_rows in (True, False))
    assert described.summary == counted.summary
    (service,) = counted.summary.services
    assert (service.resets_by_server, service.resets_by_others) == ((FEW + 9, 0) if ttl == 60 else (0, FEW + 9))
    assert counted.summary.reset_causes["refused"] == (0 if ttl == 62 else FEW + 9)


def test_it_does_not_hang_on_which_of_the_connections_ends_first() -> None:
    """What the other one tells is known in the end only."""
    behind = "6 C2 S\n6.01 S2 SA ttl=58\n6.02 C2 A\n"
    assert {reset.by for row in play(OPEN + "5 S RA ttl=58\n" + behind).rows for reset in row.resets} == {"server"}
