"""What findings say where their evidence differs: each wording on traffic that shows it, and the other one on its look-alike."""

from __future__ import annotations

import pytest

from tests.findings.test_causes import CASES, NEAR, OPEN, SPOKEN, drained, many, only, taken_again
from tests.findings.test_waiting_causes import ANSWERED, REFUSED, SILENCE, sessions
from tests.flows.forms import later
from tests.ladder import Seg, ladder

OTHERS = (
    NEAR.replace(" C S", " C S ttl=64").replace(" S SA", " S SA ttl=52").replace(" S A", " S A ttl=52").replace(" S PA", " S PA ttl=52")
)
LONE = "0 C PA len=20 ttl=64\n0.01 S R seq=1 ttl=61\n"


def refused_for_good() -> list[Seg]:
    """Every SYN meets the TIME_WAIT of the old connection, whose numbers the answers bear, and the client gives up."""
    old = ladder(
        SPOKEN + "\n1 S FA\n1.01 C A\n1.02 C FA\n1.03 S A\n20.01 S A seq=92 ack=22\n21.01 S A seq=92 ack=22\n23.01 S A seq=92 ack=22"
    )
    return [*old, *ladder("20 C S\n21 C S seq=0\n23 C S seq=0", isns=(200, 70_000))]


@pytest.mark.parametrize(
    ("code", "segments", "said", "unsaid"),
    [
        ("accept-queue-full", drained(6, 4), "and the listener's queue is full at times.", "or something at the server drops them."),
        ("accept-queue-full", drained(6), "or something at the server drops them.", "does not accept connections as fast"),
        ("accept-queue-full", CASES["accept-queue-full"], "the listener's queue is full, and SYNs are dropped.", "at times"),
        (
            "idle-timeout",
            sessions((ANSWERED, (2, 5, 14, 17.5)), (REFUSED, (21, 24)), (SILENCE, (29, 31))),
            "one of the two, or something between them, forgot it.",
            "the server forgot it.",
        ),
        ("idle-timeout", sessions((ANSWERED, (2, 5, 14, 17.5)), (REFUSED, (21, 24, 29))), "the server forgot it.", "one of the two"),
        ("injected-reset", ladder(OPEN + "0.2 S R ttl=61\n0.25 S PA len=50 ttl=52"), "reset the connection.", "these connections"),
        (
            "injected-reset",
            [segment for n in range(2) for segment in ladder(OPEN + "0.2 S R ttl=61\n0.25 S PA len=50 ttl=52", port=40000 + n)],
            "reset these connections.",
            "reset the connection.",
        ),
        ("refused-by-time-wait", taken_again(200, closed=True), "have to be sent again.", "none gets through."),
        ("refused-by-time-wait", refused_for_good(), "none gets through.", "have to be sent again."),
    ],
)
def test_the_explanation_follows_the_evidence(code: str, segments: list[Seg], said: str, unsaid: str) -> None:
    finding = only(segments, code, end_s=400)
    assert finding is not None
    assert said in finding.explanation
    assert unsaid not in finding.explanation


@pytest.mark.parametrize(
    ("code", "segments", "said", "unsaid"),
    [
        ("accept-queue-full", drained(6, 4), "whose client had acknowledged it", "reached the client"),
        ("accept-queue-full", drained(6), "though they had reached the server", "whose client had acknowledged it"),
        ("injected-reset", ladder(OPEN + "0.2 S R ttl=61\n0.25 S PA len=50 ttl=52"), "went on sending in 1 of 1", "more hops"),
        ("injected-reset", ladder(OPEN + "0.2 S R ttl=61"), "TTL 61, its named sender's other segments 52", "went on sending"),
        ("refused-by-time-wait", taken_again(200, closed=True), "the client resets the answer", "with its own numbers"),
        ("refused-by-time-wait", refused_for_good(), "the old connection answers this SYN with its own numbers", "the client resets"),
    ],
)
def test_the_evidence_says_what_was_seen(code: str, segments: list[Seg], said: str, unsaid: str) -> None:
    finding = only(segments, code, end_s=400)
    assert finding is not None
    told = "; ".join(finding.evidence)
    assert said in told
    assert unsaid not in told


def test_a_sender_of_which_nothing_else_was_captured_has_no_ttl_of_its_own() -> None:
    """Other connections tell how far away it is; nothing is said of segments that are not there."""
    known = many((n / 10 for n in range(40)), OTHERS)
    finding = only([*known, *later(ladder(LONE, port=61000), 5)], "injected-reset")
    assert finding is not None
    assert finding.details["sender_ttl"] is None
    assert finding.evidence == ("frame 402: TTL 61, its named sender's segments in other connections came over more hops",)
