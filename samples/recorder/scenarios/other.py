"""Other situations of the same kinds: what was made to work on the first must hold on these too."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from samples.recorder.plan import Listener, Plan, Spec, Step
from samples.recorder.scenarios import behaviours as do
from samples.recorder.scenarios.core import LISTENERS, PATIENCE, ROAD, between, mix, number, twins
from samples.recorder.scenarios.lab import CHAOS, bumpy, chaos, fast, pile, probing, reuse, transfers
from samples.recorder.session import Scenario

if TYPE_CHECKING:
    import random


def losing(low: float, high: float, delay_s: tuple[float, float] = (0.005, 0.03)) -> Any:
    """A road with loss and delay by the seed."""

    def vary(chance: random.Random, road: dict[str, Any]) -> dict[str, Any]:
        return road | {"delay": round(chance.uniform(*delay_s), 4), "loss": round(chance.uniform(low, high), 3)}

    return vary


def exhaustion(chance: random.Random) -> Plan:
    """More short connections than there are ports; what finds none fails with EADDRNOTAVAIL and sends nothing."""
    client, server = [["send", 100], ["recv", 300], ["close"]], [["recv", 100], ["send", 300], ["eof"], ["close"]]
    specs = [Spec(0, "port_exhaustion", client, server) for _ in range(chance.randint(120, 180))]
    return Plan(number(specs, chance, 1.5, ports=False), [Listener(80)], workers=16)


def closed_window(chance: random.Random) -> Plan:
    """Closes and aborts while the receiver's window is shut."""
    specs = []
    for _ in range(chance.randint(3, 5)):
        full: list[Step] = [["recv", 100], ["send", 60000]]
        late = round(chance.uniform(0.8, 2.0), 2)
        specs += [
            Spec(0, "window_opens_after_close", [["send", 100], ["sleep", late], ["eof"], ["close"]], [*full, ["close"]], before=[["rcvbuf", 4096]]),
            Spec(0, "window_never_opens", [["send", 100], ["sleep", late], ["abort"]], [*full, ["close"]], before=[["rcvbuf", 4096]]),
            Spec(0, "both_close_behind_window", [["send", 100], ["sleep", late], ["shut"], ["eof"], ["close"]], [*full, ["close"]], before=[["rcvbuf", 4096]]),
        ]
    return Plan(number(specs, chance, 0.5), [Listener(80)], patience_s=20.0)


def dying(chance: random.Random) -> Plan:
    """Peers that vanish: noticed by keepalive, by TCP_USER_TIMEOUT, or not at all."""
    specs = []
    for _ in range(chance.randint(3, 5)):
        hold: list[Step] = [["recv", 100], ["send", 100], ["hold"]]
        specs += [
            Spec(0, "keepalive_dead_peer", [["keepalive", 1, 2], ["send", 100], ["recv", 100], ["eof"], ["close"]], hold, dport=7021),
            Spec(0, "user_timeout", [["user_timeout", 1500], ["send", 100], ["recv", 100], ["sleep", 0.2], ["send", 100], ["eof"], ["close"]], hold, dport=7021),
            Spec(0, "unnoticed", [["send", 100], ["recv", 100], ["hold"]], hold, dport=7021),
        ]
    return Plan(number(specs, chance, 0.3), [Listener(7021)], patience_s=12.0)


EVERYTHING = (*do.ORDERLY, *do.ABORTS, do.refused)
VANISH = [{"port": 7021, "dir": "s2c", "kind": "*", "drop": {"from": 4}}, {"port": 7021, "dir": "c2s", "kind": "*", "drop": {"from": 5}}]
NO_TIMESTAMPS = {"ipv4.tcp_timestamps": 0}
ALL_POINTS = ("client", "router_client", "router", "router_server", "server")

SCENARIOS = [
    Scenario("syn_cookies", "Every handshake by SYN cookie.", mix(EVERYTHING, between(5, 10)), ROAD, {"server:ipv4.tcp_syncookies": 2}),
    Scenario("syn_cookies_loss", "SYN cookies, and packets lost.", mix(EVERYTHING, between(5, 10)), dict(ROAD), {"server:ipv4.tcp_syncookies": 2},
             vary=losing(0.02, 0.08), settle_s=5.0),
    Scenario("port_exhaustion", "A hundred local ports for more connections than that.", exhaustion, ROAD,
             {"client:ipv4.ip_local_port_range": "40000 40099", "ipv4.tcp_tw_reuse": 0}),
    Scenario("nat", "A router translates the client's address and ports; captured on both sides and on the router's any.",
             mix(EVERYTHING, between(6, 12), 1.5), shape="nat", points=("client", "router", "server")),
    Scenario("nat_loss", "NAT, and a bad road behind it.", mix(EVERYTHING, between(6, 12), 1.5), dict(ROAD), shape="nat",
             points=("client", "router_client", "router", "router_server", "server"), vary=losing(0.02, 0.06), settle_s=5.0),
    Scenario("any", "Captured with -i any (LINUX_SLL2) at the client.", mix(EVERYTHING, between(5, 10)), ROAD, points=("client_any", "server")),
    Scenario("router_any", "A plain router, captured on its any: every packet twice.", mix(EVERYTHING, between(5, 10)), ROAD, shape="router",
             points=("client", "router", "server")),
    Scenario("middle_loss", "Captured in the middle and at both ends of a road that loses on either side.", mix(EVERYTHING, between(6, 12), 1.5),
             {"jitter": 0.002, "middle": True}, points=ALL_POINTS[:1] + ALL_POINTS[2:3] + ALL_POINTS[4:], vary=losing(0.03, 0.08, (0.01, 0.06)), settle_s=5.0),
    Scenario("middle", "Captured in the middle of a sound road.", mix(EVERYTHING, between(6, 12), 1.5), ROAD | {"middle": True}, points=("client", "router", "server")),
    Scenario("both_close_loss", "Simultaneous closes under loss.", mix([do.simultaneous_close], between(50, 90), 2.0), {}, vary=losing(0.05, 0.15, (0.02, 0.05)), settle_s=6.0),
    Scenario("both_close_far_loss", "Simultaneous closes, a long road, loss.", mix([do.simultaneous_close], between(40, 70), 2.0), {"jitter": 0.01},
             vary=losing(0.05, 0.12, (0.08, 0.2)), settle_s=7.0),
    Scenario("both_open_loss", "Simultaneous opens under loss.", twins, {}, vary=losing(0.05, 0.1, (0.02, 0.05)), settle_s=5.0, limit_s=20.0),
    Scenario("half_closes_loss", "Half-closes under loss.", mix([do.half_close], between(30, 50)), dict(ROAD), snaplen=128, vary=losing(0.03, 0.1), settle_s=5.0),
    Scenario("resets_loss", "Aborts of every kind under loss.", mix([*do.ABORTS, do.refused, do.abort_connect, do.unaccepted], between(6, 10), listeners=LISTENERS),
             dict(ROAD), vary=losing(0.05, 0.12), settle_s=5.0, limit_s=25.0),
    Scenario("port_reuse_loss", "The same four-tuples again and again, under loss.", reuse, dict(ROAD), {"ipv4.tcp_tw_reuse": 1}, vary=losing(0.02, 0.06), settle_s=4.0),
    Scenario("port_reuse_no_timestamps", "The same four-tuples again without timestamps: the ISN decides.", reuse, ROAD, NO_TIMESTAMPS),
    Scenario("fast_open_loss", "Fast Open under loss.", fast, dict(ROAD), {"ipv4.tcp_fastopen": 3}, vary=losing(0.05, 0.12), settle_s=4.0),
    Scenario("ipv6_loss", "IPv6 under loss.", mix(EVERYTHING, between(6, 10), 1.5, families=(6,)), dict(ROAD), families=(6,), snaplen=128, vary=losing(0.03, 0.1), settle_s=5.0),
    Scenario("both_families", "IPv4 and IPv6 at once.", mix(EVERYTHING, between(6, 10), 1.5, families=(4, 6)), ROAD, families=(4, 6)),
    Scenario("tw_buckets", "No room for more than twenty TIME_WAITs.", mix([do.client_first, do.server_first, do.simultaneous_close], between(25, 40)), ROAD,
             {"ipv4.tcp_max_tw_buckets": 20}),
    Scenario("closed_window", "Closes behind a shut window.", closed_window, ROAD, settle_s=2.0),
    Scenario("dead_peers", "Peers that vanish.", dying, ROAD | {"rules": VANISH}, PATIENCE, settle_s=1.0),
    Scenario("probes_loss", "Probes under loss.", probing, dict(ROAD) | {"rules": VANISH}, vary=losing(0.03, 0.08), settle_s=4.0),
    Scenario("chaos_loss05", "Everything at once, 5 % lost.", chaos(12, 18), bumpy(0.05), snaplen=128, settle_s=6.0),
    Scenario("chaos_loss10", "Everything at once, 10 % lost.", chaos(10, 14), bumpy(0.10), snaplen=128, settle_s=8.0),
    Scenario("chaos_fast", "Everything at once on a short road without loss, many at a time.", chaos(30, 40, 3.0), {"delay": 0.0005, "dup": 0.01}, snaplen=128),
    Scenario("no_timestamps", "Without TCP timestamps.", mix(CHAOS, between(6, 10), 1.5), ROAD, NO_TIMESTAMPS),
    Scenario("no_timestamps_loss", "Without TCP timestamps, under loss.", mix(CHAOS, between(8, 14), 2.0), dict(ROAD), NO_TIMESTAMPS, vary=losing(0.03, 0.08), settle_s=6.0),
    Scenario("no_sack_loss", "Without SACK, under loss.", mix(CHAOS, between(8, 14), 2.0), dict(ROAD), {"ipv4.tcp_sack": 0, "ipv4.tcp_dsack": 0},
             vary=losing(0.03, 0.08), settle_s=6.0),
    Scenario("bare_loss", "Without timestamps, SACK or window scaling, under loss.", mix(CHAOS, between(8, 14), 2.0), dict(ROAD),
             NO_TIMESTAMPS | {"ipv4.tcp_sack": 0, "ipv4.tcp_window_scaling": 0}, vary=losing(0.03, 0.08), settle_s=6.0),
    Scenario("ecn", "With ECN.", mix(EVERYTHING, between(5, 9)), ROAD, {"ipv4.tcp_ecn": 1}),
    Scenario("ecn_loss", "With ECN, under loss.", mix(CHAOS, between(6, 10), 1.5), dict(ROAD), {"ipv4.tcp_ecn": 1}, vary=losing(0.03, 0.08), settle_s=5.0),
    Scenario("bulk_far_loss", "Bulk data over a long road, 2 % lost.", transfers(150_000, 5, 8), {"delay": 0.05, "loss": 0.02, "reorder": 0.01, "rate": 4e6}, snaplen=128, settle_s=3.0),
    Scenario("pileup_database", "A proxy that is a client of its database: thousands of short connections to one port.", pile(do.client_first, 2000, 2500, 1.5), snaplen=66),
]  # fmt: skip
