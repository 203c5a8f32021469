"""Connections of one signature have one verdict: the one that their own log would have been reasoned to."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING, Any

import pytest

from tcptrace_py.model.segments import ACK, FIN, OPT_TIMESTAMPS, RST
from tcptrace_py.model.verdict import View
from tcptrace_py.states.replay import judge
from tcptrace_py.states.signature import marks_of, signature
from tests.ladder import CLIENT, CLOSE, HANDSHAKE, SECOND_NS, SERVER, SERVICE, START_NS, Seg, key_of, ladder
from tests.thorough import examples
from tests.traffic import MS, OPENINGS

from .test_oracle import AT_ONCE, FIRST_PORT, PLACES, ROUND_TRIPS_NS, damaged, ended, facts, tidy

if TYPE_CHECKING:
    from tcptrace_py.model.verdict import Verdict

PAUSES_NS = (1, 30_000, MS, MS, 15 * MS, 60 * MS, 300 * MS, 5 * SECOND_NS)  # between a segment and the next
TALK = "0.10 C PA len=10\n0.12 S A\n"


def whole(verdict: Verdict) -> dict[str, Any]:
    return facts(verdict) | {"fin_hidden": verdict.fin_hidden, "giving_up": verdict.giving_up}


def likely(rng: Random, port: int) -> list[Seg]:
    """A connection that may have a name: opened in order, seldom damaged, captured anywhere, by any clock."""
    segments, time_ns = tidy(rng, port, OPENINGS[:1]), START_NS
    if not rng.randrange(4):
        segments = damaged(rng, segments)
    for at, segment in enumerate(sorted(segments, key=lambda segment: segment.time_ns)):
        segments[at] = replace(segment, time_ns=time_ns, ip_id=segment.ip_id if rng.randrange(6) else 0)
        time_ns += rng.choice(PAUSES_NS)
    return segments


def walk(rng: Random, port: int) -> list[Seg]:
    """A handshake, and then whatever both sides may send of what they have: late acknowledgements, gaps, RSTs anywhere near."""
    keys = key_of(CLIENT, port, SERVER, SERVICE), key_of(SERVER, SERVICE, CLIENT, port)
    upcoming, taken, closed, stamps = [1001, 9001], [9001, 1001], [False, False], rng.randrange(3)
    segments, time_ns = ladder("0 C S\n0.01 S SA", isns=(1000, 9000), port=port), START_NS + 20 * MS
    for number in range(rng.randrange(1, 9)):
        side = rng.randrange(2)
        taken[side] = rng.choice((taken[side], upcoming[1 - side], upcoming[1 - side], rng.randint(taken[side], upcoming[1 - side])))
        flags = (
            rng.choice((ACK, ACK, ACK, ACK, FIN | ACK, FIN | ACK, RST | ACK, RST))
            if not closed[side]
            else rng.choice((ACK, RST | ACK, RST))
        )
        slip = rng.choice((0,) * 12 + (10, -1, 1)) if number else 0
        payload = 10 if flags & ACK and not flags & RST and not closed[side] and not rng.randrange(3) else 0
        segments.append(
            Seg(
                keys[side],
                time_ns,
                flags,
                upcoming[side] + slip,
                taken[side] if flags & ACK else 0,
                payload,
                ip_id=rng.choice((number + 1, number + 1, 0)),
                ttl=rng.choice((60,) * 9 + (64,)),
                options=OPT_TIMESTAMPS if stamps else 0,
                tsval=100 + (time_ns - START_NS) // MS - rng.choice((0, 0, 0, 30)) if stamps else 0,
                tsecr=100 + (time_ns - START_NS) // MS - rng.choice((0, 20, 60)) if stamps else 0,
            )
        )
        if not flags & RST and slip >= 0:
            upcoming[side] += slip + payload + (flags & FIN)
            closed[side] = closed[side] or flags & FIN > 0
        time_ns += rng.choice(PAUSES_NS)
    if stamps:
        segments[:2] = [replace(segment, options=OPT_TIMESTAMPS) for segment in segments[:2]]
    return segments


def agree(count: int, seed: int) -> Counter[str]:
    """Hold the verdicts on so many random connections, from every capture point, to the first of their name."""
    rng, firsts, seen = Random(seed), dict[bytes, "Verdict"](), Counter[str]()
    while seen["asked"] < count:
        segments = [segment for port in range(FIRST_PORT, FIRST_PORT + AT_ONCE) for segment in rng.choice((likely, walk, walk))(rng, port)]
        for live in ended(sorted(segments, key=lambda segment: segment.time_ns)):
            seen["asked"] += 1
            for near in PLACES:
                view = View(None, near, rng.choice(ROUND_TRIPS_NS))
                name = signature(live, view)
                if not name:
                    continue
                own = judge(live, view)
                first = firsts.setdefault(name, own)
                shared = first.of_another(view, marks_of(live))
                assert whole(shared) == whole(own), (
                    [[getattr(s, n) for n in ("side", "flags", "seq", "ack", "time_ns")] for s in live.log],
                    near,
                    view.round_trip_ns,
                )
                seen["named"] += 1
                seen["shared"] += first is not own
                seen["reset"] += own.fatal >= 0
                seen["closed"] += len(own.stays) > 0
                seen["crossed"] += len(own.stays) > 1
    return seen


def test_those_of_one_name_have_one_verdict() -> None:
    seen = agree(examples(8000), seed=1)
    assert seen["shared"] > seen["named"] // 2
    assert min(seen[what] for what in ("reset", "closed", "crossed")) > 50


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2, 8))
def test_those_of_one_name_have_one_verdict_among_very_many(seed: int) -> None:
    assert agree(10_000, seed)["shared"] > 5000


NAMED = {
    "a reset behind data": TALK + "1.00 C RA",
    "several resets": TALK + "1.00 S RA\n1.01 S R\n1.02 S R",
    "a scan": "",
    "the client closes": TALK + CLOSE,
    "both close at once": "1.00 C FA\n1.001 S FA\n1.02 C A\n1.021 S A",
    "no more came": TALK,
}
# What stands in no name, though its segments come in the same order.
NAMELESS = {
    "a reset elsewhere in the window": TALK + "1.00 C RA seq=50",
    "a reset that came another way": TALK + "1.00 C RA ttl=120",
    "a FIN sent again": TALK + "1.00 C FA\n1.30 C FA seq=11\n1.32 S FA\n1.34 C A",
    "data behind a reset": TALK + "1.00 C RA\n1.20 S PA len=5",
    "a reset of each side": TALK + "1.00 C RA\n1.01 S R",
    "a handshake that was repeated": "0.05 S SA seq=0\n",
    "data that is missing": "0.10 C PA seq=500 len=10\n0.12 S A\n1.00 C FA",
    "data acknowledged that is missing": "0.10 S A ack=100\n1.00 C FA",
    "in one moment": "1.00 C FA\n1.00 S FA\n1.00 C A",
}
ENDS = {**{name: (text, True) for name, text in NAMED.items()}, **{name: (text, False) for name, text in NAMELESS.items()}}


@pytest.mark.parametrize("name", ENDS)
def test_name(name: str) -> None:
    text, is_named = ENDS[name]
    opening = "0 C S\n0.01 S SA\n0.02 C R\n" if name == "a scan" else HANDSHAKE
    (live,) = ended(ladder(opening + text))
    assert bool(signature(live, View("client", (True, False), 20_000_000))) == is_named


def test_whether_its_sender_knew_of_its_fin_is_asked_of_a_reset() -> None:
    """Near its sender the order of the capture tells, elsewhere times do."""
    (live,) = ended(ladder(HANDSHAKE + "1.00 C FA\n1.02 S A\n1.04 S PA len=5\n1.06 C R"))
    assert [segment.flags & (FIN | RST) for segment in live.log][-4:] == [FIN, 0, 0, RST]
    assert signature(live, View("client", (True, False), 20_000_000))
    assert not signature(live, View("server", (False, True), 20_000_000))
