"""What is said of single segments: evidence of resets, and anomalies, each by traffic that shows it."""

from __future__ import annotations

import pytest

from tests.ladder import CLOSE, HANDSHAKE, ladder, play

EXCHANGE = HANDSHAKE + "0.03 C PA len=20\n0.04 S PA len=90\n0.05 C A\n"


@pytest.mark.parametrize(
    ("text", "cause", "evidence"),
    [
        ("0 C S\n0.01 C R seq=1", "no-socket", "its sender had no such connection"),
        (EXCHANGE + "60 S PA len=7\n60.01 C RA", "no-socket",
         "answers the first segment behind a long silence; close() with unread data looks the same"),
        (EXCHANGE + "0.06 S PA len=700\n0.0601 C RA ack=91", "abort", "700 bytes of the peer's crossed it"),
        (EXCHANGE + "0.06 S PA len=700\n0.0601 C RA", "abort-unread-data",
         "it acknowledges 700 bytes that came just before; SO_LINGER 0 looks the same"),
        (HANDSHAKE + "0.03 C PA len=20\n0.04 S A\n0.05 C A\n1 S FA\n1.01 C A\n5 S R seq=2", "no-socket",
         "its sender had given the closed connection up"),
        (EXCHANGE + "1 C R", "abort", "behind its sender's own acknowledgement of all that had come"),
        (EXCHANGE + "1 S RA\n1.1 S R seq=41", "no-socket", "its sender's connection had ended before"),
    ],
)  # fmt: skip
def test_what_speaks_for_the_cause_of_a_reset(text: str, cause: str, evidence: str) -> None:
    row = play(ladder(text)).rows[0]
    assert (row.resets[-1].cause, row.resets[-1].evidence[0]) == (cause, evidence)


@pytest.mark.parametrize(
    ("text", "code", "explanation"),
    [
        (HANDSHAKE + CLOSE + "5 C S isn=500000\n5.01 S SA isn=80000\n5.02 C A\n5.5 C S isn=1000", "old-duplicate-syn",
         "a SYN of an earlier connection of this four-tuple, once more"),
        (HANDSHAKE + "1 S A ack=200", "acked-unseen", "it acknowledges what the capture does not hold"),
        (EXCHANGE + "1 S R len=9 seq=91", "rst-with-data", "a RST that carries 9 bytes (RFC 9293, 3.5.3, allows an explanation)"),
        (EXCHANGE + "1 S R seq=150\n1.1 S PA len=5\n1.2 C A", "challenge-ack-candidate",
         "in the window but not at the number expected: RFC 5961 answers it with a challenge ACK"),
        (EXCHANGE + "1 S R\n1.1 C PA len=5\n1.2 S PA len=5\n1.3 C A\n1.4 S PA len=5\n1.5 C A", "rst-ignored",
         "its receiver went on as if it had not come"),
        (EXCHANGE + "1 C FRA", "bad-flags", "a combination of flags that RFC 9293 knows no use for: dropped, and sent as a probe"),
        (EXCHANGE + "1 C SF seq=900", "syn-fin", "SYN and FIN in one segment: no stack sends that"),
    ],
)  # fmt: skip
def test_what_is_said_of_a_segment(text: str, code: str, explanation: str) -> None:
    told = {(anomaly.code, anomaly.explanation) for row in play(ladder(text)).rows for anomaly in row.anomalies}
    assert (code, explanation) in told
