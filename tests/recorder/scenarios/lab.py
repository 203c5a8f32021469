"""The longer and rarer situations: overflow, bulk under loss, reuse, pile-ups, leaks, probes, Fast Open, chaos."""

from __future__ import annotations

from tests.recorder.scenarios import behaviours as do
from tests.recorder.scenarios import plans
from tests.recorder.scenarios.core import ROAD, between, mix
from tests.recorder.session import Scenario

SCENARIOS = [
    Scenario(
        "backlog_overflow",
        "Clients believe in connections that the server's accept queue had no room for.",
        plans.overflow,
        ROAD,
        {"ipv4.tcp_syn_retries": 2, "ipv4.tcp_synack_retries": 2, "ipv4.tcp_syncookies": 0},
        limit_s=14.0,
    ),
    Scenario(
        "bulk_loss1",
        "Bulk data, 1 % lost.",
        plans.transfers(700_000, 6, 9),
        plans.heavy(0.01),
        snaplen=128,
        settle_s=1.5,
    ),
    Scenario(
        "bulk_loss5",
        "Bulk data, 5 % lost.",
        plans.transfers(400_000, 6, 9),
        plans.heavy(0.05),
        snaplen=128,
        settle_s=2.5,
    ),
    Scenario(
        "bulk_loss10",
        "Bulk data, 10 % lost.",
        plans.transfers(200_000, 6, 9),
        plans.heavy(0.10),
        snaplen=128,
        settle_s=4.0,
    ),
    Scenario(
        "bulk_offload",
        "Offloads on: frames far larger than the MTU, unfinished checksums, nanosecond timestamps.",
        plans.transfers(2_000_000, 5, 8),
        snaplen=128,
        offload=True,
        nanoseconds=True,
    ),
    Scenario("port_reuse", "The same four-tuple again and again.", plans.reuse, ROAD, {"ipv4.tcp_tw_reuse": 1}),
    Scenario(
        "time_wait_pileup_client",
        "Thousands of short connections that the client closes first.",
        plans.pile(do.client_first, 2500, 3000, 2.0),
        snaplen=128,
    ),
    Scenario(
        "time_wait_pileup_server",
        "Thousands of short connections that the server closes first.",
        plans.pile(do.server_first, 2500, 3000, 2.0),
        snaplen=128,
    ),
    Scenario(
        "time_wait_expiry",
        "Waits until every TIME_WAIT has run out, and orphans' FIN_WAIT2 too.",
        plans.expiry,
        ROAD,
        {"client:ipv4.tcp_fin_timeout": 5, "server:ipv4.tcp_orphan_retries": 4},
        settle_s=66.0,
    ),
    Scenario(
        "close_wait_leak",
        "One end closes, the other never does.",
        mix([do.close_wait_leak, do.close_wait_leak, do.never_closed], between(5, 12)),
        ROAD,
    ),
    Scenario(
        "ipv6",
        "Everything over IPv6.",
        mix([*do.ORDERLY, *do.ABORTS, do.refused], between(6, 12), 1.5, families=(6,)),
        ROAD,
        snaplen=128,
        families=(6,),
    ),
    Scenario(
        "vlan",
        "The frames are tagged between the two halves of the road (see the router capture).",
        mix(do.ORDERLY[:5], between(6, 12)),
        ROAD | {"vlan": 77, "loss": 0.01},
        snaplen=128,
        points=("client", "router", "server"),
        settle_s=3.0,
    ),
    Scenario(
        "probes",
        "Keepalive probes answered and not, and zero-window probes.",
        plans.probing,
        ROAD | {"rules": plans.DEAD_PEER},
        settle_s=4.0,
    ),
    Scenario("fast_open", "Data in the SYN.", plans.fast, ROAD, {"ipv4.tcp_fastopen": 3}),
    Scenario("chaos", "Everything at once on a bad road.", plans.chaos(15, 25), plans.bumpy(0.03), snaplen=128, settle_s=6.0),
]
