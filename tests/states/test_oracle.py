"""The reasoning says of random connections what it said before it was typed and cut by topic (`oracle`)."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING, Any

import pytest

from tcptrace_py.flows.table import FlowTable
from tcptrace_py.model.profiles import Profiles
from tcptrace_py.model.segments import OPT_DSACK, OPT_SACK_OK, OPT_TIMESTAMPS, RST
from tcptrace_py.model.selection import Selection
from tcptrace_py.model.verdict import View
from tcptrace_py.pipeline.replaying import Replayer
from tcptrace_py.states.replay import judge
from tests.ladder import CLIENT, SECOND_NS, SERVER, SERVICE, START_NS, Seg, key_of, ladder, segment_block
from tests.thorough import examples
from tests.traffic import CLOSES, FLAGS, MIDDLES, MS, OPENINGS, SLIPS, STEPS_NS

from .oracle import replay as oracle

if TYPE_CHECKING:
    from tcptrace_py.model.live import Connection

AT_ONCE = 100  # connections of one block
FIRST_PORT = 20_000
PLACES = ((False, False), (True, False), (False, True), (True, True))
ROUND_TRIPS_NS = (0, 20 * MS, 20 * MS, 150 * MS)
MORE_OPENINGS = (
    "0.00 C S len=5\n0.02 S SA\n0.04 C A",
    "0.00 C S len=5\n0.02 S SA\n0.021 S PA len=7\n0.022 S FA\n0.04 C A\n0.06 C FA\n0.08 S A",
    "0.00 C S\n0.02 S SA\n0.04 C A\n1.10 S SA seq=0\n1.12 C A",
)
MORE_CLOSES = (
    "1.00 C FA\n1.005 S FA\n1.02 C FA seq=1\n1.03 S FA seq=1",
    "1.00 S PA len=10\n1.02 C RA\n1.50 S PA seq=1 len=10\n1.52 C RA\n2.30 S PA seq=1 len=10\n2.32 C RA",
    "1.00 C PA len=5\n1.01 S R\n1.50 S FA\n1.52 C R\n1.90 S FA seq=1\n1.92 C R",
    "1.00 C FA\n1.01 S A\n1.02 S FA\n1.03 C RA",
    "1.00 C PA seq=500 len=10\n1.01 C R seq=510",
    "1.00 S PA seq=500 len=10\n1.02 C A\n1.03 S R seq=510",
    "1.00 C FA\n1.02 S FA\n1.30 C FA seq=1\n1.32 S A\n1.34 C A",
    "1.00 C FA\n1.50 C FA seq=1\n1.52 S FA\n1.54 C A",
    "1.00 S FA\n1.30 S FA seq=1\n1.60 C FA\n1.62 S A\n1.70 C FA seq=1",
    "1.00 C FA\n1.01 S RA\n1.02 C R",
    "1.00 C RA\n1.005 S RA\n1.10 C R",
)


def tidy(rng: Random, port: int, openings: tuple[str, ...] = OPENINGS[:-1] + MORE_OPENINGS) -> list[Seg]:
    """Opening, middle and close, each of some kind, with the options of one kind of host."""
    text = "\n".join(rng.choice(part) for part in (openings, MIDDLES, CLOSES + MORE_CLOSES))
    segments = ladder(text, isns=rng.choice(((1000, 9000), (2**32 - 1, 2**32 - 5), (2**31, 0))), port=port)
    kind = rng.randrange(4)
    if kind:
        options = rng.choice((OPT_TIMESTAMPS, OPT_TIMESTAMPS | OPT_SACK_OK))
        scale_ns = rng.choice((MS, MS, 10 * MS))
        segments = [
            replace(
                s,
                options=options if kind < 3 or rng.randrange(4) else 0,
                tsval=(s.time_ns - START_NS) // scale_ns,
                tsecr=max((s.time_ns - START_NS - 20 * MS) // scale_ns, 0),
            )
            for s in segments
        ]
    if not rng.randrange(4):  # RSTs that come another way, or begin with another TTL
        segments = [replace(s, ttl=rng.choice((63, 64, 251, 128)) if s.flags & RST else s.ttl) for s in segments]
    if rng.randrange(2):
        segments = [replace(s, ip_id=number + 1 if rng.randrange(8) else 0) for number, s in enumerate(segments)]
    return segments


def damaged(rng: Random, segments: list[Seg]) -> list[Seg]:
    """Segments lost, sent again, copied, out of order, altered or late."""
    for _ in range(rng.choice((0, 1, 1, 2, 3, 5))):
        if len(segments) < 2:
            break
        at, what = rng.randrange(len(segments)), rng.randrange(7)
        segment = segments[at]
        if what == 0:
            del segments[at]
        elif what == 1:
            segments.append(replace(segment, time_ns=segment.time_ns + rng.choice((*STEPS_NS, 300 * MS)), ip_id=segment.ip_id + 1000))
        elif what == 2:
            segments.insert(at, replace(segment, time_ns=segment.time_ns + rng.choice((0, 100_000, 30 * MS))))
        elif what == 3 and at:
            before = segments[at - 1]
            segments[at - 1 : at + 1] = [replace(segment, time_ns=before.time_ns), replace(before, time_ns=segment.time_ns)]
        elif what == 4:
            segments[at] = replace(segment, flags=rng.choice(FLAGS))
        elif what == 5:
            segments[at] = replace(
                segment,
                seq=(segment.seq + rng.choice(SLIPS)) % 2**32,
                payload=rng.choice((0, 1, 10, 1000)),
                ack=(segment.ack + rng.choice(SLIPS)) % 2**32 if segment.flags & 16 else 0,
            )
        else:
            step = rng.choice(STEPS_NS)
            segments[at:] = [replace(later, time_ns=later.time_ns + step) for later in segments[at:]]
    return segments


def wild(rng: Random, port: int) -> list[Seg]:
    """Any segments of one four-tuple, whose numbers are near enough to each other to mean something."""
    keys = key_of(CLIENT, port, SERVER, SERVICE), key_of(SERVER, SERVICE, CLIENT, port)
    if not rng.randrange(10):
        keys = (key_of(CLIENT, port, CLIENT, port),) * 2
    upcoming = [rng.choice((1000, 2**32 - 2)), rng.choice((9000, 2**32 - 1))]
    time_ns, stamps, found = START_NS, rng.randrange(2), []
    for number in range(rng.randrange(1, 15)):
        side, flags = rng.randrange(2), rng.choice(FLAGS)
        time_ns += rng.choice(STEPS_NS[:-1])
        seq = (upcoming[side] + rng.choice(SLIPS)) % 2**32
        ack = (upcoming[1 - side] + rng.choice(SLIPS)) % 2**32 if flags & 16 else 0
        payload = rng.choice((0, 0, 0, 1, 10, 1000))
        options = rng.choice((0, OPT_TIMESTAMPS, OPT_TIMESTAMPS, OPT_TIMESTAMPS | OPT_DSACK)) if stamps else 0
        found.append(
            Seg(
                keys[side],
                time_ns,
                flags,
                seq,
                ack,
                payload,
                rng.choice((512, 512, 512, 0)),
                rng.choice((number + 1, number + 1, 0, 1)),
                options=options,
                tsval=rng.choice((number, number, 5, 2**32 - 1)) if options else 0,
                tsecr=rng.choice((number, 5, 0)),
            )
        )
        if (seq - upcoming[side]) % 2**32 < 2**20:
            upcoming[side] = (seq + payload + bool(flags & 2) + bool(flags & 1)) % 2**32
    return found


def connections(rng: Random) -> list[Connection]:
    """Some AT_ONCE connections as the flow table hands them on."""
    segments: list[Seg] = []
    for port in range(FIRST_PORT, FIRST_PORT + AT_ONCE):
        segments += damaged(rng, tidy(rng, port)) if rng.randrange(4) else wild(rng, port)
    return ended(sorted(segments, key=lambda s: s.time_ns))


def ended(segments: list[Seg]) -> list[Connection]:
    """Connections of these segments as the flow table hands them on."""
    found: list[Connection] = []
    table = FlowTable(
        Replayer(Profiles()).states_of,
        lambda live, _: found.append(live),
        linger_ns=70 * SECOND_NS,
        idle_ns=86_400 * SECOND_NS,
        selection=Selection(),
    )
    table.feed(segment_block(segments))
    table.finish(segments[-1].time_ns)
    return found


def facts(verdict: Any) -> dict[str, Any]:
    """All that a verdict says, as plain values."""
    return {
        "paths": [[(step.state, step.index, step.basis, step.reason) for step in path] for path in verdict.paths],
        "stays": [(stay.side, stay.entered, stay.basis, stay.restarts, stay.killed) for stay in verdict.stays],
        "resets": [(r.index, r.acceptable, r.in_window, r.late, r.answers, r.origin) for r in verdict.resets],
        **{name: getattr(verdict, name) for name in ("client", "fatal", "midstream", "ending_unseen", "self_connect", "unexpected")},
        **{
            name: getattr(verdict.opening, name)
            for name in (
                "ack",
                "ack_of",
                "fast_open",
                "first_syn",
                "last_syn",
                "refusal",
                "simultaneous",
                "syn_repeats",
                "synack",
                "synack_repeats",
            )
        },
        **{name: getattr(verdict.close, name) for name in ("acknowledged", "fins", "second", "taken")},
    }


def compare(count: int, seed: int) -> tuple[int, int]:
    """Ask both of at least so many random connections, from every capture point; how many connections, and how many had a RST."""
    rng, asked, with_reset = Random(seed), 0, 0
    while asked < count:
        for live in connections(rng):
            asked += 1
            for near in PLACES:
                view = View(None, near, rng.choice(ROUND_TRIPS_NS))
                new, old = facts(judge(live, view)), facts(oracle.judge(live, view))
                assert new == old, (
                    {name: (new[name], old[name]) for name in new if new[name] != old[name]},
                    view.near,
                    view.round_trip_ns,
                    [[getattr(s, n) for n in ("side", "flags", "seq", "ack", "time_ns")] for s in live.log],
                )
            with_reset += new["fatal"] >= 0
    return asked, with_reset


def test_verdicts_are_those_of_the_oracle() -> None:
    asked, with_reset = compare(examples(2000), seed=1)
    assert with_reset > asked // 20  # resets have most of the rules


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2, 12))
def test_verdicts_of_very_many_are_those_of_the_oracle(seed: int) -> None:
    """100,000 connections in all."""
    compare(10_000, seed)
