"""Which recordings there are: for each cause, what makes it happen, and what must be found with these numbers."""

from __future__ import annotations

import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.recorder.session import exclusive

from . import plays
from .net import Net

if TYPE_CHECKING:
    from collections.abc import Callable

Numbers = dict[str, Any]
Play = tuple["Callable[..., None]", Numbers]
SIX = 114  # bytes of a frame that hold Ethernet, IPv6 and TCP with all its options
SETTLES_S = 0.3


@dataclass(frozen=True)
class Recording:
    """One cause. `numbers` are those of the committed capture, `others` those of one that is made anew.

    `nearly` plays what only looks so. `details` gives what the finding must say: a value, or the least and the most; `connections`
    how many show it. `ports` is the client's range, as its user knows it. `besides` is what the same traffic shows as well. `alone`: it
    hangs on milliseconds, and is recorded beside nothing else.
    """

    code: str
    play: Callable[..., None]
    numbers: Numbers
    others: Numbers
    nearly: Play
    details: Callable[[Numbers], Numbers]
    connections: Callable[[Numbers], int | None] = lambda _: None
    point: str = "client"
    snaplen: int = 90
    ipv6: bool = False
    delay_s: float = 0.0
    ports: Callable[[Numbers], tuple[int, int] | None] = lambda _: None
    besides: frozenset[str] = frozenset()
    alone: bool = False

    def record(self, number: int, play: Callable[..., None], numbers: Numbers, target: Path) -> None:
        """Make a capture, with addresses of this number."""
        with ExitStack() as stack:
            stack.enter_context(exclusive(beside_others=not self.alone))
            work = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tcpstates-cause-")))
            net = Net(number, work, ipv6=self.ipv6, delay_s=self.delay_s)
            stack.callback(net.close)
            net.capture(self.point, self.snaplen)
            play(net, **numbers)
            time.sleep(SETTLES_S)
            net.end_capture()
            target.write_bytes((work / "made.pcap").read_bytes())


def from_first_port(numbers: Numbers) -> tuple[int, int]:
    """The range of so many ports."""
    return plays.FIRST_PORT, plays.FIRST_PORT + int(numbers["ports"]) - 1


def bracket(numbers: Numbers) -> Numbers:
    """What is said of an idle limit."""
    survived_s, fatal_s = max(numbers["survived_s"]), min(numbers["fatal_s"])
    return {"survived_s": (survived_s, survived_s + 0.3), "fatal_s": (fatal_s, fatal_s + 0.3), "by": "between"}


SHORT_LIVED = frozenset({"no-keep-alive"})
ALL_LOST = {"every": 9, "connections": 120, "kind": ""}
LARGE_LOST = {"every": 5, "connections": 20, "kind": "meta length > 1200", "answer": 3000}

RECORDINGS = {
    "accept-queue": Recording(
        "accept-queue-full", plays.accept_queue, {"backlog": 5, "early": 4, "more": 5}, {"backlog": 9, "early": 8, "more": 4},
        (plays.accept_queue, {"backlog": 64, "early": 4, "more": 5}),
        lambda n: {"queue": n["backlog"] + 1}, delay_s=0.02,
    ),
    "accept-slowly": Recording(
        "accept-queue-full", plays.slow_accept, {"backlog": 4, "every_s": 0.25, "clients": 40},
        {"backlog": 9, "every_s": 0.2, "clients": 70}, (plays.slow_accept, {"backlog": 64, "every_s": 0.02, "clients": 40}),
        lambda _: {"queue": None}, point="server", delay_s=0.02, besides=SHORT_LIVED,
    ),
    "ports-service": Recording(
        "ports-exhausted", plays.ports_of_a_service, {"ports": 64}, {"ports": 150}, (plays.ports_of_a_service, {"ports": 64, "most": 50}),
        lambda n: {"taken": n["ports"], "of": n["ports"], "per": "service"}, ports=from_first_port, besides=SHORT_LIVED,
    ),
    "ports-address": Recording(
        "ports-exhausted", plays.ports_of_an_address, {"ports": 60, "services": 3}, {"ports": 100, "services": 7},
        (plays.ports_of_several_services, {"ports": 60, "services": 3, "connections": 90}),
        lambda n: {"taken": n["ports"], "of": n["ports"], "per": "address"}, ports=from_first_port, besides=SHORT_LIVED,
    ),
    "flow-limit": Recording(
        "flow-limit", plays.flows, {"limit": 24, "hold_s": 6, "every_s": 0.12, "attempts": 200},
        {"limit": 40, "hold_s": 9, "every_s": 0.1, "attempts": 260}, (plays.losses, {"every": 3, "connections": 150}),
        lambda n: {"limit": n["limit"], "hold_s": (n["hold_s"] - 1, n["hold_s"] + 1.5)}, besides=SHORT_LIVED,
    ),
    "flow-limit-open": Recording(
        "flow-limit", plays.open_flows, {"limit": 12, "lasts_s": 2.0, "every_s": 0.1, "attempts": 150},
        {"limit": 20, "lasts_s": 3.0, "every_s": 0.1, "attempts": 200}, (plays.accept_queue, {"backlog": 12, "early": 10, "more": 20}),
        lambda n: {"limit": n["limit"], "hold_s": (0, 1)}, besides=SHORT_LIVED,
    ),
    "syn-loss": Recording(
        "syn-loss", plays.losses, {"every": 9, "connections": 150}, {"every": 6, "connections": 120}, (plays.losses, ALL_LOST),
        lambda n: {
            "syns": (n["connections"], n["connections"] * 1.4), "others_lost": (0, 1),
            "syns_lost": (n["connections"] / n["every"] - 1, n["connections"] * 1.5 / n["every"]),
        },
    ),
    "mtu": Recording(
        "path-mtu", plays.mtu, {"most_bytes": 1000, "stuck": 3}, {"most_bytes": 700, "stuck": 5}, (plays.losses, LARGE_LOST),
        lambda n: {"largest_passed_bytes": n["most_bytes"] - 100, "smallest_lost_bytes": 1428}, lambda n: n["stuck"],
        point="server", snaplen=SIX, ipv6=True,
    ),
    "mtu-receiver": Recording(
        "path-mtu", plays.mtu, {"most_bytes": 1100, "stuck": 4}, {"most_bytes": 800, "stuck": 3}, (plays.losses, LARGE_LOST),
        lambda n: {"largest_passed_bytes": n["most_bytes"] - 100, "smallest_lost_bytes": None}, lambda n: n["stuck"],
        delay_s=0.02,
    ),
    "idle-silence": Recording(
        "idle-timeout", plays.idle_limit, {"limit_s": 4, "survived_s": (1, 2, 3, 3.4), "fatal_s": (5, 6, 7.5), "resets": False},
        {"limit_s": 6, "survived_s": (2, 4.5, 5.3), "fatal_s": (7.2, 8, 9, 11), "resets": False},
        (plays.blackout, {"sessions": 3, "works_s": 1.5, "silent_s": 4.0}), bracket, lambda n: len(n["fatal_s"]),
    ),
    "idle-reset": Recording(
        "idle-timeout", plays.idle_limit, {"limit_s": 3, "survived_s": (1, 2, 2.5), "fatal_s": (4, 5, 6.5), "resets": True},
        {"limit_s": 5, "survived_s": (2, 3.5, 4.4), "fatal_s": (6, 7, 8, 11), "resets": True},
        (plays.race, {"idle_s": 2.5, "closes": 5, "races": 0, "delay_s": 0.0}), bracket, lambda n: len(n["fatal_s"]),
    ),
    "blackout": Recording(
        "stalled", plays.blackout, {"sessions": 3, "works_s": 1.5, "silent_s": 5.0}, {"sessions": 5, "works_s": 1.0, "silent_s": 8.0},
        (plays.blackout, {"sessions": 3, "works_s": 1.5, "silent_s": 4.0, "heals": True}),
        lambda n: {"longest_s": (n["silent_s"] / 3, n["silent_s"]), "repeats": (3, 9)}, lambda n: n["sessions"],
    ),
    "no-answer": Recording(
        "no-answer", plays.unanswered, {"patience_s": (10.5, 11, 12), "answered": 12, "stays": 2},
        {"patience_s": (12, 13, 14, 16), "answered": 9, "stays": 0}, (plays.unanswered, {"patience_s": (), "answered": 12, "stays": 4,
        "takes_s": 11.0}),
        lambda n: {"shortest_s": (min(n["patience_s"]) - 0.1, min(n["patience_s"]) + 0.3), "gave_up": len(n["patience_s"])},
        lambda n: len(n["patience_s"]) + n["stays"], besides=SHORT_LIVED,
    ),
    "race": Recording(
        "keep-alive-race", plays.race, {"idle_s": 2.0, "closes": 5, "races": 2, "delay_s": 0.05},
        {"idle_s": 3.0, "closes": 6, "races": 4, "delay_s": 0.05}, (plays.race, {"idle_s": 2.0, "closes": 6, "races": 0, "delay_s": 0.05}),
        lambda n: {"server_idle_close_s": (n["idle_s"] - 0.1, n["idle_s"] + 0.1)}, lambda n: n["races"], delay_s=0.05,
    ),
    "one-way": Recording(
        "half-translated", plays.one_way, {"service": "10.96.7.3", "port": 7100, "clients": 3},
        {"service": "10.111.2.9", "port": 9090, "clients": 5}, (plays.through_a_router, {"connections": 3, "masquerades": True}),
        lambda n: {"asked": f"{n['service']}:{n['port']}"}, lambda n: n["clients"],
    ),
    "reset-between": Recording(
        "injected-reset", plays.reset_between, {"ttl": 128, "connections": 3}, {"ttl": 64, "connections": 5},
        (plays.no_linger, {"count": 3}),
        lambda n: {"sender_ttl": 63, "reset_ttl": n["ttl"]}, lambda n: n["connections"],
    ),
    "restart": Recording(
        "peer-restarted", plays.restart, {"connections": 3}, {"connections": 6}, (plays.restart, {"connections": 3, "closes": True}),
        lambda _: {}, lambda n: n["connections"],
    ),
    "old-numbers": Recording(
        "refused-by-time-wait", plays.old_numbers, {"connections": 4, "behind": 5000}, {"connections": 7, "behind": 100},
        (plays.old_numbers, {"connections": 4, "behind": -5000}),
        lambda n: {"attempts": n["connections"], "longest_wait_s": (0.001, 1.3)}, lambda n: n["connections"],
    ),
    "leak": Recording(
        "connection-leak", plays.leak, {"held": 5, "silent_s": 22}, {"held": 12, "silent_s": 21}, (plays.leak, {"held": 5, "silent_s": 8}),
        lambda n: {"state": "CLOSE_WAIT", "held": n["held"], "per_s": None}, lambda n: n["held"],
    ),
    "unread": Recording(
        "slow-reader", plays.unread, {"stops_s": 3.0, "uploads": 2}, {"stops_s": 4.5, "uploads": 3},
        (plays.unread, {"stops_s": 0.5, "uploads": 2}),
        lambda n: {"longest_s": (n["stops_s"] - 0.5, n["stops_s"] + 0.5), "stalls": n["uploads"], "side": "server"}, lambda n: n["uploads"],
    ),
    "once-each": Recording(
        "no-keep-alive", plays.once_each, {"connections": 60}, {"connections": 90},
        (plays.once_each, {"connections": 60, "reused_every": 15}),
        lambda _: {"exchanges_per_connection_max": 1, "connections_at_once": 1}, lambda n: n["connections"], alone=True,
    ),
    "small-pool": Recording(
        "pool-too-small", plays.small_pool, {"kept": 1, "workers": 6, "exchanges": 400}, {"kept": 2, "workers": 14, "exchanges": 600},
        (plays.small_pool, {"kept": 6, "workers": 6, "exchanges": 300}),
        lambda n: {"exchanges_per_connection_max": (5, n["exchanges"]), "connections_at_once": (n["kept"] + 1, n["workers"])},
    ),
    "crowd": Recording(
        "time-wait-pileup", plays.crowd, {"connections": 1100}, {"connections": 1500}, (plays.crowd, {"connections": 300}),
        # Where the server's close crosses the last ACK of a handshake, a RST kills its TIME_WAIT.
        lambda n: {"peak": (n["connections"] * 0.9, n["connections"]), "levels_off_at": None}, point="server",
    ),
    "checks": Recording(
        "reset-by-design", plays.checks, {"period_s": 0.7, "count": 14}, {"period_s": 0.9, "count": 16},
        (plays.checks, {"period_s": 0.3, "count": 14, "irregular_s": 4.0}),
        lambda n: {"kind": "health-check", "period_s": (n["period_s"] - 0.02, n["period_s"] + 0.02)}, lambda n: n["count"],
    ),
    "no-linger": Recording(
        "reset-by-design", plays.no_linger, {"count": 9}, {"count": 15}, (plays.no_linger, {"count": 9, "every": 2}),
        lambda _: {"kind": "abort-after-answer", "period_s": None}, lambda n: n["count"],
    ),
    "translated": Recording(
        "seen-twice", plays.through_a_router, {"connections": 7, "masquerades": True}, {"connections": 12, "masquerades": True},
        (plays.through_a_router, {"connections": 4, "masquerades": False}),
        lambda n: {"pairs": n["connections"], "counted_twice": 0}, lambda n: n["connections"], point="router",
    ),
    "translated-ipv6": Recording(
        "seen-twice", plays.through_a_router, {"connections": 5, "masquerades": True}, {"connections": 9, "masquerades": True},
        (plays.through_a_router, {"connections": 4, "masquerades": False}),
        lambda n: {"pairs": n["connections"], "counted_twice": 0}, lambda n: n["connections"], point="router", snaplen=SIX + 6, ipv6=True,
    ),
}  # fmt: skip
