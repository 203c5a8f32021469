"""The plain situations: who closes first, both at once, half-closes, aborts, one packet lost."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tests.recorder.plan import Listener, Plan, Spec, Step
from tests.recorder.scenarios import behaviours as do
from tests.recorder.session import Scenario

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Sequence

    from tests.recorder.scenarios.behaviours import Behaviour

FIRST_PORT = 40000
ROAD = {"delay": 0.01, "jitter": 0.002}


def number(specs: list[Spec], chance: random.Random, over_s: float, ports: bool = True, families: Sequence[int] = (4,)) -> list[Spec]:
    """Give specs their ids, client ports, families and moments to start."""
    for i, spec in enumerate(specs):
        spec.id = i
        spec.family = families[i % len(families)]
        spec.start_s = round(chance.uniform(0.0, over_s), 4)
        if ports and not spec.sport:
            spec.sport = FIRST_PORT + i
    return specs


def mix(
    behaviours: Sequence[Behaviour],
    count: Callable[[random.Random], int],
    over_s: float = 1.0,
    *,
    families: Sequence[int] = (4,),
    listeners: Sequence[Listener] = (Listener(80),),
    shuffle: bool = True,
) -> Callable[[random.Random], Plan]:
    """A plan maker: `count` connections of each behaviour, at random moments."""

    def make(chance: random.Random) -> Plan:
        n = count(chance)
        specs = [behave(chance) for behave in behaviours for _ in range(n)]
        if shuffle:
            chance.shuffle(specs)
        return Plan(
            number(specs, chance, over_s, families=families),
            list(listeners),
            workers=min(200, len(specs)),
            patience_s=6.0,
        )

    return make


def mix_by_port(behaviours: Sequence[Behaviour], low: int, high: int, over_s: float) -> Callable[[random.Random], Plan]:
    """Each behaviour at a server port of its own, alike every time: NAT hides the clients' ports."""

    def make(chance: random.Random) -> Plan:
        specs = []
        for i, behave in enumerate(behaviours):
            one = behave(chance)
            one.dport = 8000 + i if one.dport == 80 else one.dport
            specs += [replace(one) for _ in range(chance.randint(low, high))]
        listeners = [Listener(port) for port in sorted({s.dport for s in specs if s.server})]
        return Plan(number(specs, chance, over_s), listeners, workers=200, patience_s=6.0)

    return make


def between(low: int, high: int) -> Callable[[random.Random], int]:
    return lambda chance: chance.randint(low, high)


def vary_delay(low_s: float, high_s: float) -> Callable[[random.Random, dict[str, Any]], dict[str, Any]]:
    """A road whose delay depends on the seed."""
    return lambda chance, road: road | {"delay": round(chance.uniform(low_s, high_s), 4)}


def twins(chance: random.Random) -> Plan:
    """Simultaneous opens: both programs call connect() at one moment."""
    specs = []
    for i in range(chance.randint(15, 25)):
        shut: list[Step] = [["send", 200], ["recv", 300], ["meet", 0.0], ["shut"], ["eof"], ["close"]]
        wait: list[Step] = [["send", 300], ["recv", 200], ["eof"], ["close"]]
        first = chance.random() < 0.5
        client: list[Step] = shut if first else [["send", 200], ["recv", 300], ["eof"], ["close"]]
        server: list[Step] = wait if first else [["send", 300], ["recv", 200], ["sleep", 0.1], ["shut"], ["eof"], ["close"]]
        specs.append(
            Spec(
                i,
                "simultaneous_open",
                client,
                server,
                dport=50000 + i,
                sport=FIRST_PORT + i,
                start_s=0.1 + i * 0.04,
                kind="twin",
            )
        )
    return Plan(specs, [])


def selves(chance: random.Random) -> Plan:
    """A socket connected to itself on loopback."""
    specs = []
    for i in range(chance.randint(5, 12)):
        size = chance.choice((1, 91, 1000))
        ending = [["abort"]] if chance.random() < 0.2 else [["close"]]
        port = FIRST_PORT + i
        specs.append(
            Spec(
                i,
                "self_connect",
                [["send", size], ["recv", size], *ending],
                [],
                dport=port,
                sport=port,
                start_s=i * 0.05,
                kind="self",
            )
        )
    return Plan(specs, [])


LISTENERS = (Listener(80), Listener(82, accepts=False, close_s=1.5))

# port -> (label, who closes first, is the client quiet after connecting, rules)
LOSSES: dict[int, tuple[str, str, list[tuple[str, str, Any]]]] = {
    7001: ("syn_lost", "client", [("c2s", "SYN", [1])]),
    7002: ("syn_lost_twice", "client", [("c2s", "SYN", [1, 2])]),
    7003: ("synack_lost", "client", [("s2c", "SYNACK", [1])]),
    7004: ("synack_lost_twice", "client", [("s2c", "SYNACK", [1, 2])]),
    7005: ("last_handshake_ack_lost", "client", [("c2s", "ACK", [1])]),
    7006: ("last_handshake_ack_lost_client_quiet", "quiet", [("c2s", "ACK", [1])]),
    7007: ("fin_lost", "client", [("c2s", "FIN", [1])]),
    7008: ("second_fin_lost", "client", [("s2c", "FIN", [1])]),
    7009: ("ack_of_fin_lost", "client", [("s2c", "ACKFIN", [1])]),
    7010: ("last_ack_lost", "client", [("c2s", "ACKFIN", [1])]),
    7011: ("last_ack_lost_3_times", "client", [("c2s", "ACKFIN", [1, 2, 3])]),
    7012: ("both_fins_lost", "client", [("c2s", "FIN", [1, 2]), ("s2c", "FIN", [1])]),
    7013: ("blackhole", "client", [("c2s", "SYN", "all")]),
    7014: ("no_synack_ever", "client", [("s2c", "SYNACK", "all")]),
    7015: ("fin_lost_server_closes", "server", [("s2c", "FIN", [1])]),
    7016: ("last_ack_lost_server_closes", "server", [("s2c", "ACKFIN", [1])]),
    7017: ("request_lost", "client", [("c2s", "DATA", [1])]),
    7018: ("fin_never_arrives", "client", [("c2s", "FIN", "all")]),
    7019: ("last_ack_never_arrives", "client", [("c2s", "ACKFIN", "all")]),
    7020: ("dead_after_handshake", "client", [("c2s", "DATA", "all"), ("c2s", "FIN", "all")]),
}
PATIENCE = {
    "ipv4.tcp_syn_retries": 2,
    "ipv4.tcp_synack_retries": 2,
    "ipv4.tcp_orphan_retries": 3,
    "ipv4.tcp_retries2": 4,
}


def rules(table: dict[int, tuple[str, str, list[tuple[str, str, Any]]]]) -> list[dict[str, Any]]:
    """The relay's rules of a table of losses."""
    return [{"port": port, "dir": way, "kind": kind, "drop": drop} for port, (_, _, drops) in table.items() for way, kind, drop in drops]


def lossy(table: dict[int, tuple[str, str, list[tuple[str, str, Any]]]], low: int, high: int) -> Callable[[random.Random], Plan]:
    """Some connections to each port of a table of losses."""

    def make(chance: random.Random) -> Plan:
        specs = []
        for port, (label, closer, _) in table.items():
            for _ in range(chance.randint(low, high)):
                gap: Step = ["sleep", round(chance.uniform(0.08, 0.15), 3)]
                near: Step = ["sleep", round(chance.choice((0.0, 0.03, 0.06, 0.1)), 3)]
                client: list[Step] = [["send", 200], ["recv", 800], gap, ["close"]]
                server: list[Step] = [["recv", 200], ["send", 800], ["eof"], near, ["close"]]
                if closer == "server":
                    client, server = (
                        [["send", 200], ["recv", 800], ["eof"], near, ["close"]],
                        [["recv", 200], ["send", 800], gap, ["close"]],
                    )
                if closer == "quiet":
                    client = [["sleep", 3.5], *client]
                specs.append(Spec(0, label, client, server, dport=port))
        return Plan(
            number(specs, chance, 0.3),
            [Listener(p) for p in table],
            workers=200,
            patience_s=chance.choice((10.0, 11.5)),
        )

    return make


SCENARIOS = [
    Scenario("http_client_first", "Request, answer, the client closes.", mix([do.client_first], between(120, 250), 1.5)),
    Scenario(
        "http_server_first",
        "Request, answer, the server closes.",
        mix([do.server_first], between(120, 250), 1.5),
        {"delay": 0.005, "jitter": 0.002},
        vary=vary_delay(0.002, 0.02),
    ),
    Scenario(
        "both_close",
        "Both close before either has the other's FIN.",
        mix([do.simultaneous_close], between(30, 60)),
        {"delay": 0.03},
        vary=vary_delay(0.015, 0.05),
    ),
    Scenario("both_open", "Simultaneous opens.", twins, {"delay": 0.03}, vary=vary_delay(0.02, 0.05), settle_s=1.0),
    Scenario(
        "self_connect",
        "A socket connected to itself on loopback: one socket is both ends.",
        selves,
        points=("client_lo",),
    ),
    Scenario(
        "half_closes",
        "One side is done, the other goes on sending.",
        mix([do.half_close], between(25, 50)),
        ROAD,
        snaplen=128,
    ),
    Scenario(
        "resets",
        "Aborts of every kind.",
        mix([*do.ABORTS, do.refused, do.abort_connect, do.unaccepted], between(5, 12), listeners=LISTENERS),
        ROAD,
        settle_s=1.5,
    ),
    Scenario(
        "losses",
        "One particular packet is lost, or all of one kind.",
        lossy(LOSSES, 3, 6),
        ROAD | {"rules": rules(LOSSES)},
        PATIENCE,
        settle_s=9.0,
    ),
]
