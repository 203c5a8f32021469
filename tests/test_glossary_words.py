"""Words that stand for what happened: each is said of traffic that its meaning fits, and not of traffic that it nearly fits."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tcptrace_py import glossary
from tcptrace_py.model.segments import QUOTED
from tests.ladder import HANDSHAKE, ladder, play

if TYPE_CHECKING:
    from tests.ladder import Seg

SENT = HANDSHAKE + "0.03 C PA len=20\n0.04 S A\n"
EXCHANGE = HANDSHAKE + "0.03 C PA len=20\n0.04 S PA len=90\n0.05 C A\n"
LATER = "90 C2 S\n"  # the capture goes on
CLOSED = HANDSHAKE + "1 C FA\n1.01 S FA\n1.02 C A\n"
UNACKNOWLEDGED = HANDSHAKE + "1 C FA\n1.01 S A\n1.02 S FA\n"
OVER = HANDSHAKE + "1 S FA\n1.01 C A\n1.02 C FA\n1.03 S A\n"  # the server waits
MET = "2 C S isn=500000\n2.01 S A seq=2 ack=-498998\n3 C S seq=0\n3.01 S A seq=2 ack=-498998\n"  # its TIME_WAIT answers
THROUGH = "2 C S isn=500000\n2.01 S SA isn=90000\n2.02 C A\n"

ITSELF = "0 C S\n0.00001 C SA seq=0 ack=1\n0.00002 C A seq=1 ack=1\n"
HERE = "127.0.0.1"
KINDS = ("outcome", "handshake", "teardown", "cause", "basis", "role", "end", "anomaly")


def icmp(kind: int, code: int) -> list[Seg]:
    """An ICMP error that quotes a SYN."""
    (syn,) = ladder("0 C S")
    return [syn, replace(syn, notes=QUOTED, window=4 << 16 | kind << 8 | code, time_ns=syn.time_ns + 500_000_000)]


WORDS: list[tuple[str, str, str | list[Seg], str | list[Seg]]] = [
    ("outcome", "completed", HANDSHAKE, "0 C S\n0.01 S SA\n"),
    ("outcome", "refused", "0 C S\n0.01 S RA\n", "0 C S\n0.01 S SA\n0.02 S R\n"),
    ("outcome", "unanswered", "0 C S\n" + LATER, "0 C S\n0.01 S SA\n" + LATER),
    ("outcome", "aborted", "0 C S\n0.01 S SA\n0.02 C R seq=1\n", "0 C S\n0.01 S SA\n0.02 C A\n0.03 C R\n"),
    ("outcome", "half-open", "0 C S\n0.01 S SA\n" + LATER, HANDSHAKE + LATER),
    ("outcome", "not-captured", SENT[SENT.index("0.03"):], HANDSHAKE),
    ("outcome", "in-progress", "0 C S\n", "0 C S\n0.01 S RA\n"),
    ("outcome", "in-progress", "0 C S\n1 C S seq=0\n", "0 C S\n1 C S seq=0\n90 C2 S\n90.01 S2 RA\n"),
    ("handshake", "three-way", HANDSHAKE, "0 C S\n0.001 S S\n0.01 S SA seq=0\n0.02 C SA seq=0\n"),
    ("handshake", "simultaneous", "0 C S\n0.001 S S\n0.01 S SA seq=0\n0.02 C SA seq=0\n", HANDSHAKE),
    ("handshake", "fast-open", "0 C S len=20\n0.01 S SA\n0.02 C A\n", "0 C S len=20\n0.01 S SA ack=1\n0.02 C A\n"),
    ("teardown", "four-way", CLOSED, HANDSHAKE + "1 C FA\n1.001 S FA ack=1\n1.01 C A\n1.02 S A\n"),
    ("teardown", "simultaneous", HANDSHAKE + "1 C FA\n1.001 S FA ack=1\n1.01 C A\n1.02 S A\n", CLOSED),
    ("teardown", "rst", EXCHANGE + "1 C R\n", EXCHANGE + "1 C FA\n1.01 S FA\n1.02 C A\n"),
    ("teardown", "half-closed", HANDSHAKE + "1 C FA\n1.01 S A\n" + LATER, CLOSED + LATER),
    ("teardown", "unfinished-close", UNACKNOWLEDGED + LATER, UNACKNOWLEDGED + "1.03 C A\n" + LATER),
    ("teardown", "none", EXCHANGE, EXCHANGE + "1 C FA\n"),
    ("teardown", "unknown", "0 C S\n0.02 C A ack=1\n1 C FA\n", CLOSED),
    ("cause", "refused", "0 C S\n0.01 S RA\n", "0 C S\n0.01 S SA\n0.02 S R\n"),
    ("cause", "no-socket", EXCHANGE + "60 S PA len=7\n60.01 C RA\n", EXCHANGE + "0.06 S PA len=7\n0.0601 C RA\n"),
    ("cause", "aborted-handshake", "0 C S\n0.01 S SA\n0.0101 C RA\n", EXCHANGE + "0.06 C RA\n"),
    ("cause", "abort", EXCHANGE + "1 C R\n", EXCHANGE + "0.06 S PA len=700\n0.0601 C RA\n"),
    ("cause", "abort-unread-data", EXCHANGE + "0.06 S PA len=700\n0.0601 C RA\n", EXCHANGE + "0.06 S PA len=700\n0.0601 C RA ack=91\n"),
    ("cause", "data-after-close", EXCHANGE + "1 C FA\n1.01 S PA len=9\n1.02 C R\n", EXCHANGE + "1.01 S PA len=9\n1.02 C R\n"),
    ("cause", "late", CLOSED + "1.1 S R\n", HANDSHAKE + "1 C FA\n1.01 S A\n1.1 S R\n"),
    ("basis", "inferred", HANDSHAKE, SENT[SENT.index("0.03"):]),
    ("basis", "observed", HANDSHAKE, "0 C R seq=50\n"),
    ("basis", "assumed", HANDSHAKE, "0 C S\n"),
    ("basis", "clock", CLOSED + LATER, CLOSED),
    ("handshake", "self-connect", ladder(ITSELF, client=HERE, server=HERE, port=80), ladder(ITSELF, client=HERE, server=HERE, port=81)),
    ("role", "client", EXCHANGE + "1 C R\n", EXCHANGE + "1 S R\n"),
    ("role", "server", EXCHANGE + "1 S R\n", EXCHANGE + "1 C R\n"),
    ("role", "unknown", EXCHANGE + "5 S RA ttl=58\n", EXCHANGE + "5 S RA\n"),
    ("role", "between", EXCHANGE + "1 S R ttl=99\n1.1 S PA len=9 ttl=60\n", EXCHANGE + "1 S R\n"),
    ("end", "expired", CLOSED + LATER, CLOSED),
    ("end", "reused", CLOSED + "30 C S isn=500000\n30.01 S SA isn=70000\n30.02 C A\n", CLOSED + "30 C2 S\n"),
    ("end", "killed", CLOSED + "1.1 S R\n", CLOSED + "1.1 S FA seq=1\n"),
    ("end", "capture-end", CLOSED, CLOSED + LATER),
    ("anomaly", "old-duplicate-syn", HANDSHAKE + "0.5 C S seq=0\n", "0 C S\n0.005 C S seq=0\n0.01 S SA\n0.02 C A\n"),
    ("anomaly", "stray-syn", EXCHANGE + "1 C S isn=500000\n1.1 C PA isn=1000 seq=21 len=9\n1.2 S A\n", EXCHANGE + "1 C PA len=9\n"),
    ("anomaly", "synack-wrong-ack", "0 C S\n0.01 S SA ack=7\n", "0 C S\n0.01 S SA\n"),
    ("anomaly", "old-incarnation-segment", SENT + "1 C A seq=900000000\n", SENT + "1 C A seq=100\n"),
    ("anomaly", "acked-unseen", HANDSHAKE + "1 S A ack=200\n", HANDSHAKE + "0.9 C PA len=199\n1 S A ack=200\n"),
    ("anomaly", "keep-alive-probe", SENT + "50 C A seq=20\n50.1 S A\n", SENT + "50 C A\n50.1 S A\n"),
    ("anomaly", "zero-window", SENT + "1 S A win=0\n", SENT + "1 S A win=1\n"),
    ("anomaly", "zero-window-probe", SENT + "1 S A win=0\n2 C A seq=20\n", SENT + "1 S A win=9\n2 C A seq=20\n"),
    ("anomaly", "data-after-fin", EXCHANGE + "1 C FA\n1.01 S A\n1.1 C PA len=9\n", EXCHANGE + "1 C FA\n1.01 S A\n1.1 S PA len=9\n"),
    ("anomaly", "data-after-rst", EXCHANGE + "1 C R\n1.1 C PA seq=21 len=9\n", EXCHANGE + "0.9 C PA seq=21 len=9\n1 C R\n"),
    ("anomaly", "segment-after-close", CLOSED + "20 S A\n", CLOSED + "1.03 S A\n"),
    ("anomaly", "segment-after-close", EXCHANGE + "1 C R\n3 S A\n", EXCHANGE + "1 C R\n1.005 S A\n"),
    ("anomaly", "icmp-unreachable", icmp(3, 13), icmp(3, 4)),
    ("anomaly", "icmp-error", icmp(3, 4), icmp(3, 13)),
    ("anomaly", "rst-ignored", EXCHANGE + "1 S R seq=70000\n", EXCHANGE + "1 S R\n"),
    ("anomaly", "challenge-ack-candidate", EXCHANGE + "1 S R seq=150\n", EXCHANGE + "1 S R\n"),
    ("anomaly", "rst-with-data", EXCHANGE + "1 S R len=9 seq=91\n", EXCHANGE + "1 S R\n"),
    ("anomaly", "syn-fin", EXCHANGE + "1 C SF seq=900\n", EXCHANGE + "1 C FA\n"),
    ("anomaly", "bad-flags", EXCHANGE + "1 C FRA\n", EXCHANGE + "1 C RA\n"),
    ("anomaly", "syn-met-time-wait", OVER + MET + LATER, OVER + THROUGH + LATER),
    ("outcome", "refused-by-time-wait", OVER + MET + LATER, OVER + MET + "7 C S seq=0\n7.01 S SA isn=90000\n7.02 C A\n" + LATER),
]  # fmt: skip


def words(what: str | list[Seg]) -> set[tuple[str, str]]:
    """What is said of the connections of a ladder, by kind."""
    found: set[tuple[str, str]] = set()
    for row in play(what).rows:
        found |= {("outcome", row.handshake.outcome), ("handshake", str(row.handshake.kind)), ("teardown", row.teardown.pattern)}
        found |= {("cause", str(reset.cause)) for reset in row.resets} | {("role", reset.by) for reset in row.resets}
        found |= {("end", str(stay.ended_by)) for stay in row.time_wait} | {("anomaly", anomaly.code) for anomaly in row.anomalies}
        sides = [side for side in (row.client_side, row.server_side) if side is not None]
        found |= {("basis", str(entry.basis)) for side in sides for entry in side.states}
    return found


@pytest.mark.parametrize(("kind", "word", "shown", "changed"), WORDS, ids=[f"{kind}: {word}" for kind, word, *_ in WORDS])
def test_a_word_is_said_where_its_meaning_fits(kind: str, word: str, shown: str | list[Seg], changed: str | list[Seg]) -> None:
    assert (kind, word) in words(shown)
    assert (kind, word) not in words(changed)
    assert word in [entry.word for entry in glossary.look_up(word) if entry.kind == kind]


def test_every_word_of_these_kinds_is_shown() -> None:
    """But for the anomaly that nothing should ever show."""
    explained = {(entry.kind, entry.word) for entry in glossary.entries() if entry.kind in KINDS}
    assert explained - {(kind, word) for kind, word, *_ in WORDS} == {("anomaly", "unexpected-event")}
