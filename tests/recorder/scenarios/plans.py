"""Makers of plans that are more than a mix of behaviours, and roads of several kinds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.recorder.plan import Listener, Plan, Spec, Step
from tests.recorder.scenarios import behaviours as do
from tests.recorder.scenarios.core import FIRST_PORT, LISTENERS, between, mix, number

if TYPE_CHECKING:
    import random
    from collections.abc import Callable


def overflow(chance: random.Random) -> Plan:
    """More clients than a small accept queue takes, and nobody accepts."""
    count = chance.randint(40, 70)
    quiet: list[Step] = [["hold"]]
    talks: list[Step] = [["sleep", 0.5], ["send", 100], ["hold"]]
    share = chance.choice((0.0, 0.5))
    specs = [
        Spec(
            i,
            "backlog_overflow",
            talks if chance.random() < share else quiet,
            [],
            dport=81,
            sport=FIRST_PORT + i,
            start_s=round(chance.uniform(0, 1.0), 4),
        )
        for i in range(count)
    ]
    return Plan(specs, [Listener(81, backlog=chance.choice((7, 15, 23)), accepts=False)], workers=count, patience_s=10.0)


def transfers(size: int, low: int, high: int) -> Callable[[random.Random], Plan]:
    """Bulk data either way."""

    def make(chance: random.Random) -> Plan:
        specs = [do.bulk(chance, chance.randint(size // 2, size)) for _ in range(chance.randint(low, high))]
        return Plan(number(specs, chance, 0.5), [Listener(80)])

    return make


REUSE_GAP_S = 1.3  # tcp_tw_reuse wants a TIME_WAIT of a second's age

REUSES: dict[str, tuple[list[Step], list[Step], float]] = {  # label -> client, server, pause before the next
    "reuse_client_closes": (
        [["send", 200], ["recv", 2600], ["close"]],
        [["recv", 200], ["send", 2600], ["eof"], ["close"]],
        REUSE_GAP_S,
    ),
    "reuse_server_closes": (
        [["send", 200], ["recv", 500], ["eof"], ["close"]],
        [["recv", 200], ["send", 500], ["close"]],
        0.02,
    ),
    "reuse_both_close": (
        [["send", 200], ["recv", 500], ["meet", 0.0], ["close"]],
        [["recv", 200], ["send", 500], ["meet", 0.0], ["close"]],
        REUSE_GAP_S,
    ),
    "reuse_client_aborts": (
        [["send", 200], ["recv", 500], ["abort"]],
        [["recv", 200], ["send", 500], ["eof"], ["close"]],
        0.01,
    ),
    "reuse_server_aborts": (
        [["send", 200], ["recv", 500], ["eof"], ["close"]],
        [["recv", 200], ["send", 500], ["abort"]],
        0.01,
    ),
}


def reuse(chance: random.Random) -> Plan:
    """Chains of connections on one four-tuple each."""
    specs: list[Spec] = []
    port = FIRST_PORT
    for label, (client, server, gap) in REUSES.items():
        for _ in range(chance.randint(2, 4)):
            long = chance.randint(8, 16) if gap < 1 else chance.randint(3, 5)
            for i in range(long):
                before = [["sleep", round(gap + chance.uniform(0, 0.05), 3)]] if i else []
                specs.append(
                    Spec(
                        len(specs),
                        label,
                        client,
                        server,
                        sport=port,
                        before=before,
                        after=len(specs) - 1 if i else None,
                    )
                )
            port += 1
    return Plan(specs, [Listener(80)], workers=len(specs))


def pile(behave: do.Behaviour, low: int, high: int, over_s: float) -> Callable[[random.Random], Plan]:
    """Thousands of short connections from ports that the kernel chooses."""

    def make(chance: random.Random) -> Plan:
        one = behave(chance)
        specs = [Spec(0, one.label, one.client, one.server) for _ in range(chance.randint(low, high))]
        return Plan(number(specs, chance, over_s, ports=False), [Listener(80, backlog=4096)], workers=48)

    return make


def expiry(chance: random.Random) -> Plan:
    """Closes of each kind, and orphans in FIN_WAIT2 whose peer never closes."""
    specs = [behave(chance) for behave in (do.client_first, do.server_first, do.simultaneous_close) for _ in range(chance.randint(4, 7))]
    for _ in range(chance.randint(4, 8)):
        hold: list[Step] = [["hold"]] if chance.random() < 0.5 else [["sleep", 9.0], ["send", 100], ["sleep", 0.5], ["close"]]
        specs.append(
            Spec(
                0,
                "fin_wait2_timeout",
                [["send", 100], ["recv", 100], ["close"]],
                [["recv", 100], ["send", 100], ["eof"], *hold],
            )
        )
    return Plan(number(specs, chance, 2.0), [Listener(80)])


def probing(chance: random.Random) -> Plan:
    """Keepalive probes answered and not, zero-window probes, a FIN that waits behind a closed window."""
    specs = []
    for _ in range(chance.randint(3, 5)):
        specs.append(
            Spec(
                0,
                "keepalive",
                [["keepalive", 1, 3], ["send", 100], ["recv", 100], ["sleep", chance.choice((2.5, 3.5))], ["close"]],
                [["recv", 100], ["send", 100], ["eof"], ["close"]],
            )
        )
        specs.append(
            Spec(
                0,
                "keepalive_dead_peer",
                [["keepalive", 1, 3], ["send", 100], ["recv", 100], ["eof"], ["close"]],
                [["recv", 100], ["send", 100], ["hold"]],
                dport=7021,
            )
        )
        size = chance.choice((150_000, 300_000))
        specs.append(
            Spec(
                0,
                "zero_window",
                [["send", 100], ["sleep", chance.choice((2.0, 3.5))], ["eof"], ["close"]],
                [["recv", 100], ["send", size], ["close"]],
                before=[["rcvbuf", 8192]],
            )
        )
        specs.append(
            Spec(
                0,
                "fin_never_sent",
                [["send", 100], ["sleep", 3.0], ["abort"]],
                [["recv", 100], ["send", 30000], ["close"]],
                before=[["rcvbuf", 4096]],
            )
        )
    return Plan(number(specs, chance, 0.5), [Listener(80), Listener(7021)])


DEAD_PEER = [
    {"port": 7021, "dir": "s2c", "kind": "*", "drop": {"from": 4}},
    {"port": 7021, "dir": "c2s", "kind": "*", "drop": {"from": 5}},
]


def fast(chance: random.Random) -> Plan:
    """Data in the SYN, after one connection that fetches the cookie."""
    specs = []
    for i in range(chance.randint(20, 40)):
        ask, answer = chance.choice((100, 500)), chance.choice((300, 3000))
        client: list[Step] = [["send", ask], ["recv", answer]]
        server: list[Step] = [["recv", ask], ["send", answer]]
        (server if chance.random() < 0.6 or not i else client).append(["eof"])
        client.append(["close"])
        # Without a pause the server may close before the handshake's last ACK: SYN_RECV -> FIN_WAIT1.
        server += [["sleep", 0.06], ["close"]] if chance.random() < 0.6 else [["close"]]
        specs.append(
            Spec(
                i,
                "fast_open",
                client,
                server,
                sport=FIRST_PORT + i,
                start_s=0.5 + round(chance.uniform(0, 1), 4) if i else 0.0,
                kind="fast",
            )
        )
    return Plan(specs, [Listener(80, fast_open=True)])


NO_TIMESTAMPS = {"ipv4.tcp_timestamps": 0}
CHAOS = (*do.ORDERLY, *do.ABORTS, do.refused, do.abort_connect)


def chaos(low: int, high: int, over_s: float = 12.0) -> Callable[[random.Random], Plan]:
    """Everything at once; `low` to `high` connections of each behaviour."""
    return mix(CHAOS, between(low, high), over_s, listeners=LISTENERS[:1])


def bumpy(loss: float) -> dict[str, Any]:
    """A bad road."""
    return {"delay": 0.005, "jitter": 0.01, "loss": loss, "dup": loss / 3, "reorder": loss * 2 / 3, "reorder_by": 0.01}


def heavy(loss: float) -> dict[str, Any]:
    """A bad road with a bottleneck."""
    return {"delay": 0.005, "loss": loss, "dup": loss / 2, "reorder": loss, "reorder_by": 0.01, "rate": 4e6}


def losing(low: float, high: float, delay_s: tuple[float, float] = (0.005, 0.03)) -> Any:
    """A road with loss and delay by the seed."""

    def vary(chance: random.Random, road: dict[str, Any]) -> dict[str, Any]:
        return road | {"delay": round(chance.uniform(*delay_s), 4), "loss": round(chance.uniform(low, high), 3)}

    return vary


def exhaustion(chance: random.Random) -> Plan:
    """More short connections than there are ports; what finds none fails with EADDRNOTAVAIL and sends nothing."""
    client: list[Step] = [["send", 100], ["recv", 300], ["close"]]
    server: list[Step] = [["recv", 100], ["send", 300], ["eof"], ["close"]]
    specs = [Spec(0, "port_exhaustion", client, server) for _ in range(chance.randint(120, 180))]
    return Plan(number(specs, chance, 1.5, ports=False), [Listener(80)], workers=16)


def closed_window(chance: random.Random) -> Plan:
    """Closes and aborts while the receiver's window is shut."""
    specs = []
    for _ in range(chance.randint(3, 5)):
        full: list[Step] = [["recv", 100], ["send", 60000]]
        late = round(chance.uniform(0.8, 2.0), 2)
        specs += [
            Spec(
                0,
                "window_opens_after_close",
                [["send", 100], ["sleep", late], ["eof"], ["close"]],
                [*full, ["close"]],
                before=[["rcvbuf", 4096]],
            ),
            Spec(
                0,
                "window_never_opens",
                [["send", 100], ["sleep", late], ["abort"]],
                [*full, ["close"]],
                before=[["rcvbuf", 4096]],
            ),
            Spec(
                0,
                "both_close_behind_window",
                [["send", 100], ["sleep", late], ["shut"], ["eof"], ["close"]],
                [*full, ["close"]],
                before=[["rcvbuf", 4096]],
            ),
        ]
    return Plan(number(specs, chance, 0.5), [Listener(80)], patience_s=20.0)


def dying(chance: random.Random) -> Plan:
    """Peers that vanish: noticed by keepalive, by TCP_USER_TIMEOUT, or not at all."""
    specs = []
    for _ in range(chance.randint(3, 5)):
        hold: list[Step] = [["recv", 100], ["send", 100], ["hold"]]
        specs += [
            Spec(
                0,
                "keepalive_dead_peer",
                [["keepalive", 1, 2], ["send", 100], ["recv", 100], ["eof"], ["close"]],
                hold,
                dport=7021,
            ),
            Spec(
                0,
                "user_timeout",
                [
                    ["user_timeout", 1500],
                    ["send", 100],
                    ["recv", 100],
                    ["sleep", 0.2],
                    ["send", 100],
                    ["eof"],
                    ["close"],
                ],
                hold,
                dport=7021,
            ),
            Spec(0, "unnoticed", [["send", 100], ["recv", 100], ["hold"]], hold, dport=7021),
        ]
    return Plan(number(specs, chance, 0.3), [Listener(7021)], patience_s=12.0)


def settings(chance: random.Random) -> dict[str, object]:
    """What hosts in the world differ in, by the seed."""
    choices: dict[str, tuple[object, ...]] = {
        "ipv4.tcp_timestamps": (1, 1, 0),
        "ipv4.tcp_sack": (1, 1, 0),
        "ipv4.tcp_window_scaling": (1, 1, 0),
        "ipv4.tcp_ecn": (2, 1),
        "ipv4.tcp_syn_linear_timeouts": (4, 0),
        "server:ipv4.tcp_syncookies": (1, 1, 2),
        "ipv4.tcp_tw_reuse": (2, 1),
        "ipv4.tcp_early_retrans": (3, 0),
        "ipv4.tcp_rfc1337": (0, 1),
    }
    return {name: chance.choice(values) for name, values in choices.items()}


def any_road(chance: random.Random, _: dict[str, Any]) -> dict[str, Any]:
    """A road of any kind."""
    road = {
        "delay": round(chance.choice((0.0005, 0.005, 0.02, 0.06, 0.12)) * chance.uniform(0.7, 1.3), 4),
        "jitter": round(chance.choice((0.0, 0.002, 0.01)), 4),
        "loss": chance.choice((0.0, 0.01, 0.03, 0.06, 0.1)),
        "dup": chance.choice((0.0, 0.01, 0.03)),
        "reorder": chance.choice((0.0, 0.0, 0.02, 0.05)),
        "reorder_by": chance.choice((0.005, 0.02)),
    }
    return road | ({"middle": True} if chance.random() < 0.3 else {})
