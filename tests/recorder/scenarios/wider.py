"""Wider variations: each segment lost in its turn, closes and aborts at any moment, slow readers, crowded listeners."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.recorder.plan import Listener, Plan, Spec, Step
from tests.recorder.scenarios import behaviours as do
from tests.recorder.scenarios import plans
from tests.recorder.scenarios.core import FIRST_PORT, PATIENCE, ROAD, between, mix, number, twins
from tests.recorder.session import Scenario

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

Dialogue = tuple[list[Step], list[Step]]

FIRST_RULED_PORT = 7100
LOST = 7  # segments of a direction that are lost in their turn
VANISHING = 12  # cases of each dialogue
DIALOGUES: dict[str, Dialogue] = {
    "client_closes": ([["send", 200], ["recv", 800], ["close"]], [["recv", 200], ["send", 800], ["eof"], ["close"]]),
    "server_closes": ([["send", 200], ["recv", 800], ["eof"], ["close"]], [["recv", 200], ["send", 800], ["close"]]),
    "second_is_slow": (
        [["send", 200], ["recv", 800], ["close"]],
        [["recv", 200], ["send", 800], ["eof"], ["sleep", 0.09], ["close"]],
    ),
    "both_close": (
        [["send", 200], ["recv", 800], ["meet", 0.0], ["close"]],
        [["recv", 200], ["send", 800], ["meet", 0.0], ["close"]],
    ),
}


def by_port(times: int) -> Callable[[random.Random], Plan]:
    """Each dialogue so many times, each at a server port of its own, so that the road can have rules for it."""

    def make(chance: random.Random) -> Plan:
        specs = [Spec(0, label, *steps) for label, steps in DIALOGUES.items() for _ in range(times)]
        for i, spec in enumerate(specs):
            spec.dport = FIRST_RULED_PORT + i
        return Plan(number(specs, chance, 1.5), [Listener(s.dport) for s in specs], workers=200, patience_s=8.0)

    return make


def each_lost(chance: random.Random, road: dict[str, Any]) -> dict[str, Any]:
    """The n-th segment of a direction lost, at each port another, sometimes with others."""
    cases = [(way, n) for _ in DIALOGUES for way in ("c2s", "s2c") for n in range(1, LOST + 1)]
    drops = []
    for i, (way, n) in enumerate(cases):
        more = [(chance.choice(("c2s", "s2c")), chance.randint(1, 9)) for _ in range(chance.choice((0, 0, 1, 2)))]
        drops += [{"port": FIRST_RULED_PORT + i, "dir": w, "kind": "*", "drop": [m]} for w, m in [(way, n), *more]]
    return road | {"rules": drops}


def vanishing(chance: random.Random, road: dict[str, Any]) -> dict[str, Any]:
    """A direction, or both, goes dead from some segment on."""
    drops = []
    for i in range(len(DIALOGUES) * VANISHING):
        ways = chance.choice((("c2s",), ("s2c",), ("c2s", "s2c")))
        drops += [{"port": FIRST_RULED_PORT + i, "dir": way, "kind": "*", "drop": {"from": chance.randint(1, 8)}} for way in ways]
    return road | {"rules": drops}


def at_any_moment(chance: random.Random) -> Spec:
    """Each side talks for a while and ends as it likes, when it likes."""

    def side(first: bool) -> list[Step]:
        steps: list[Step] = [["send", 100]] if first else [["recv", 100]]
        steps += [
            chance.choice((["send", chance.choice((50, 1500, 5000))], ["sleep", round(chance.uniform(0, 0.05), 4)]))
            for _ in range(chance.randint(0, 3))
        ]
        steps.append(["meet", round(chance.uniform(-0.04, 0.04), 4)])
        return steps + chance.choice(ENDINGS)

    return Spec(0, "at_any_moment", side(first=True), side(first=False), meet_s=0.25)


ENDINGS: tuple[list[Step], ...] = (
    [["close"]],
    [["close"]],
    [["shut"], ["eof"], ["close"]],
    [["eof"], ["close"]],
    [["abort"]],
    [["send", 700], ["close"]],
)


def slow_reader(chance: random.Random) -> Spec:
    """The client reads so slowly that its window shuts; either side may then lose its patience."""
    size = chance.choice((20_000, 60_000, 120_000))
    client: list[Step] = [["send", 100], ["sleep", round(chance.uniform(0.0, 0.6), 2)]]
    ways: tuple[list[Step], ...] = (
        [["drink", 8000, 0.02], ["close"]],
        [["recv", size // 3], ["close"]],
        [["recv", size // 3], ["shut"], ["eof"], ["close"]],
    )
    client += chance.choice(ways)
    return Spec(
        0,
        "slow_reader",
        client,
        [["recv", 100], ["send", size], ["close"]],
        before=[["rcvbuf", chance.choice((4096, 16384))]],
    )


def half_close_slow(chance: random.Random) -> Spec:
    """A half-close whose other direction goes on through a small window."""
    size = chance.choice((5_000, 50_000))
    return Spec(
        0,
        "half_close_slow",
        [["send", 300], ["shut"], ["drink", 3000, 0.01], ["close"]],
        [
            ["recv", 300],
            ["eof"],
            ["send", size],
            ["sleep", round(chance.uniform(0, 0.1), 3)],
            ["send", 500],
            chance.choice((["close"], ["abort"])),
        ],
        before=[["rcvbuf", 8192]],
    )


def given_up(chance: random.Random) -> Spec:
    """Closed by its own program somewhere in the handshake."""
    return Spec(0, "given_up", [], [], kind="abandon", abandon_s=round(chance.uniform(0.0, 0.08), 4))


def crowd(chance: random.Random) -> Plan:
    """A small accept queue, drained slowly."""
    specs = [
        behave(chance) for behave in (do.client_first, do.server_first, do.silent, do.linger_client) for _ in range(chance.randint(15, 25))
    ]
    chance.shuffle(specs)
    return Plan(
        number(specs, chance, 0.4),
        [Listener(80, backlog=chance.choice((2, 5, 10)), accept_delay_s=0.05)],
        workers=200,
        patience_s=6.0,
    )


def reuse_any(chance: random.Random) -> Plan:
    """Chains on one four-tuple each, with another end every time."""
    specs: list[Spec] = []
    for chain_number in range(12):
        for i in range(chance.randint(4, 9)):
            label = chance.choice(tuple(plans.REUSES))
            client, server, gap = plans.REUSES[label]
            previous = specs[-1].label if i else ""
            wait = max(gap, plans.REUSES[previous][2]) if previous else 0.0
            before: list[Step] = [["sleep", round(wait + chance.uniform(0, 0.05), 3)]] if i else []
            specs.append(
                Spec(
                    len(specs),
                    label,
                    client,
                    server,
                    sport=FIRST_PORT + chain_number,
                    before=before,
                    after=len(specs) - 1 if i else None,
                )
            )
    return Plan(specs, [Listener(80)], workers=len(specs))


WIDE = (at_any_moment, slow_reader, half_close_slow, given_up, *plans.CHAOS)
LOSING = plans.losing(0.03, 0.12)
FAR = plans.losing(0.02, 0.06, (0.08, 0.25))


SCENARIOS = [
    Scenario(
        "any_moment",
        "Closes and aborts at any moment.",
        mix([at_any_moment], between(120, 160), 2.0),
        ROAD,
        vary=plans.losing(0.0, 0.0, (0.005, 0.05)),
        settle_s=2.0,
    ),
    Scenario(
        "any_moment_loss",
        "Closes and aborts at any moment, under loss.",
        mix([at_any_moment], between(120, 160), 2.5),
        dict(ROAD),
        vary=LOSING,
        settle_s=6.0,
    ),
    Scenario(
        "any_moment_bare_loss",
        "The same without timestamps and SACK.",
        mix([at_any_moment], between(120, 160), 2.5),
        dict(ROAD),
        plans.NO_TIMESTAMPS | {"ipv4.tcp_sack": 0},
        vary=LOSING,
        settle_s=6.0,
    ),
    Scenario(
        "slow_readers",
        "Readers slower than their windows.",
        mix([slow_reader, half_close_slow], between(15, 25)),
        ROAD,
        settle_s=4.0,
    ),
    Scenario(
        "slow_readers_loss",
        "The same under loss.",
        mix([slow_reader, half_close_slow], between(15, 25)),
        dict(ROAD),
        vary=LOSING,
        settle_s=6.0,
    ),
    Scenario(
        "given_up",
        "Attempts that their own programs give up.",
        mix([given_up, do.refused, do.client_first], between(30, 40)),
        {"delay": 0.02, "jitter": 0.002},
        settle_s=2.0,
    ),
    Scenario(
        "given_up_loss",
        "The same under loss.",
        mix([given_up, do.refused, do.client_first], between(30, 40)),
        {"delay": 0.02, "jitter": 0.002},
        vary=plans.losing(0.05, 0.15, (0.01, 0.04)),
        settle_s=8.0,
    ),
    Scenario("crowd", "A small accept queue, drained slowly.", crowd, ROAD, {"ipv4.tcp_syncookies": 0}, settle_s=6.0),
    Scenario(
        "crowd_loss",
        "The same under loss, and with SYN cookies where the queue of requests is full.",
        crowd,
        dict(ROAD),
        {"server:ipv4.tcp_max_syn_backlog": 8},
        vary=plans.losing(0.02, 0.08),
        settle_s=6.0,
    ),
    Scenario("reuse_any", "One four-tuple, another end every time.", reuse_any, ROAD, {"ipv4.tcp_tw_reuse": 1}),
    Scenario(
        "reuse_any_loss",
        "The same under much loss.",
        reuse_any,
        dict(ROAD),
        {"ipv4.tcp_tw_reuse": 1},
        vary=plans.losing(0.05, 0.1),
        settle_s=5.0,
    ),
    Scenario(
        "reuse_any_bare_loss",
        "The same without timestamps.",
        reuse_any,
        dict(ROAD),
        plans.NO_TIMESTAMPS | {"ipv4.tcp_tw_reuse": 1},
        vary=plans.losing(0.03, 0.08),
        settle_s=5.0,
    ),
    Scenario(
        "far_chaos_loss",
        "Everything, on a long road that loses.",
        mix(WIDE, between(6, 9), 3.0),
        {"jitter": 0.02},
        vary=FAR,
        settle_s=8.0,
    ),
    Scenario(
        "burst_loss",
        "Hundreds of connections at once, on a slow road that loses.",
        mix([do.client_first, do.server_first, do.simultaneous_close], between(80, 100), 0.15),
        {"delay": 0.01, "rate": 3e5, "loss": 0.03},
        settle_s=6.0,
    ),
    Scenario(
        "both_open_far_loss",
        "Simultaneous opens on a long road that loses much.",
        twins,
        {"jitter": 0.005},
        vary=plans.losing(0.1, 0.18, (0.05, 0.12)),
        settle_s=6.0,
        limit_s=25.0,
    ),
    Scenario(
        "cut_headers_loss",
        "Options cut off by the snap length, under loss.",
        mix(WIDE, between(6, 9), 2.0),
        dict(ROAD),
        snaplen=60,
        vary=plans.losing(0.02, 0.06),
        settle_s=6.0,
    ),
    Scenario(
        "server_any_loss",
        "Captured with -i any at the server, under loss.",
        mix(WIDE, between(6, 9), 2.0),
        dict(ROAD),
        points=("client", "server_any"),
        vary=plans.losing(0.02, 0.06),
        settle_s=6.0,
    ),
    Scenario(
        "wide_ipv6",
        "Everything over IPv6.",
        mix(WIDE, between(6, 9), 2.0, families=(6,)),
        {"delay": 0.015},
        families=(6,),
        settle_s=3.0,
    ),
    Scenario(
        "wide_ipv6_loss",
        "Everything over IPv6, under loss.",
        mix(WIDE, between(6, 9), 2.0, families=(6,)),
        dict(ROAD),
        families=(6,),
        vary=LOSING,
        settle_s=6.0,
    ),
    Scenario(
        "copies",
        "A road that doubles and reorders much.",
        mix(WIDE, between(6, 9), 2.0),
        {"delay": 0.01, "jitter": 0.004, "dup": 0.1, "reorder": 0.1, "reorder_by": 0.02},
        settle_s=4.0,
    ),
    Scenario(
        "each_lost",
        "Each segment of a dialogue lost in its turn, sometimes with others.",
        by_port(2 * LOST),
        dict(ROAD),
        vary=each_lost,
        settle_s=8.0,
    ),
    Scenario(
        "vanishing",
        "A direction goes dead from some segment on.",
        by_port(VANISHING),
        dict(ROAD),
        PATIENCE,
        vary=vanishing,
        settle_s=10.0,
    ),
]
