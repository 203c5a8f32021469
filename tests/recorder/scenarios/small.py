"""The samples that are committed: what a real kernel does on request, one situation a file, seen at one point."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from tests.recorder.plan import Listener, Plan, Spec, Step
from tests.recorder.scenarios import plans
from tests.recorder.scenarios.core import FIRST_PORT, PATIENCE, ROAD, twins
from tests.recorder.session import Scenario

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

PORT = 80
REQUEST, ANSWER = 200, 800
ASK: list[Step] = [["send", REQUEST], ["recv", ANSWER]]
TELL: list[Step] = [["recv", REQUEST], ["send", ANSWER]]
LONG: dict[str, Any] = {"delay": 0.02}  # 40 ms there and back


@dataclass
class Sample:
    """A committed file: samples/recorded-NAME.pcap is `point`'s capture of the scenario."""

    scenario: Scenario
    point: str


def told(*specs: Spec, listeners: tuple[Listener, ...] = (Listener(PORT),), patience_s: float = 8.0) -> Callable[[random.Random], Plan]:
    """A plan that is the same for every seed: these connections, a tenth of a second apart unless they say when."""

    def make(_: random.Random) -> Plan:
        numbered = [replace(s, id=i, sport=s.sport or FIRST_PORT + i, start_s=s.start_s or i * 0.1) for i, s in enumerate(specs)]
        return Plan(numbered, list(listeners), patience_s=patience_s)

    return make


def sample(name: str, about: str, make: Callable[[random.Random], Plan], point: str = "client", **more: Any) -> Sample:
    """Describe one file."""
    more.setdefault("road", LONG)
    return Sample(Scenario(f"recorded-{name}", about, make, points=more.pop("points", ("client", "server")), **more), point)


def spec(label: str, client: list[Step], server: list[Step], **more: Any) -> Spec:
    """One connection."""
    return Spec(0, label, client, server, **more)


def losing(name: str, about: str, lost: tuple[str, str, Any], point: str, **more: Any) -> Sample:
    """An ordinary connection, of which something is lost. The server closes 60 ms after the client, unless told."""
    way, kind, drop = lost
    client = more.pop("client", [*ASK, ["sleep", 0.1], ["close"]])
    server = more.pop("server", [*TELL, ["eof"], ["sleep", 0.06], ["close"]])
    road = LONG | {"rules": [{"port": PORT, "dir": way, "kind": kind, "drop": drop}]}
    return sample(
        name,
        about,
        told(spec(name.replace("-", "_"), client, server), patience_s=20.0),
        point,
        road=road,
        sysctls=PATIENCE,
        **more,
    )


def simultaneous_open(chance: random.Random) -> Plan:
    """Two of them."""
    plan = twins(chance)
    return replace(plan, specs=plan.specs[:2])


def fetch_and_use_cookie(_: random.Random) -> Plan:
    """The first connection asks for a cookie, the second sends data with it."""
    client: list[Step] = [["send", REQUEST], ["recv", ANSWER], ["close"]]
    server: list[Step] = [*TELL, ["eof"], ["close"]]
    specs = [Spec(i, "fast_open", client, server, sport=FIRST_PORT + i, start_s=i * 0.4, kind="fast") for i in range(2)]
    return Plan(specs, [Listener(PORT, fast_open=True)])


def pile_up(label: str, client: list[Step], server: list[Step]) -> Callable[[random.Random], Plan]:
    """A thousand of the same, from ports that the kernel chooses; without data, to keep the file small."""
    return plans.pile(lambda _: spec(label, client, server), 1000, 1000, 1.5)


CLOSES = [
    sample(
        "client-closes-first",
        "A request, its answer, and a close in four segments by the client.",
        told(spec("client_first", [*ASK, ["sleep", 0.1], ["close"]], [*TELL, ["eof"], ["sleep", 0.06], ["close"]])),
    ),
    sample(
        "server-closes-first",
        "The same, closed by the server.",
        told(spec("server_first", [*ASK, ["eof"], ["sleep", 0.06], ["close"]], [*TELL, ["sleep", 0.1], ["close"]])),
        "server",
    ),
    sample(
        "three-segment-close",
        "The server's FIN rides on its ACK of the client's.",
        told(spec("client_first", [*ASK, ["sleep", 0.1], ["close"]], [*TELL, ["eof"], ["close"]])),
    ),
    sample(
        "half-close",
        "The client is done at once; the server sends for a second more.",
        told(
            spec(
                "half_close",
                [["send", REQUEST], ["shut"], ["eof"], ["close"]],
                [["recv", REQUEST], ["eof"], ["drip", 500, 40, 0.025], ["close"]],
            )
        ),
    ),
    sample(
        "simultaneous-close",
        "Both close at one moment, three times.",
        told(
            *[
                spec("simultaneous_close", [*ASK, ["meet", 0.0], ["close"]], [*TELL, ["meet", skew], ["close"]])
                for skew in (0.0, 0.002, 0.004)
            ]
        ),
    ),
    sample("simultaneous-open", "Both call connect() at one moment.", simultaneous_open, settle_s=1.0),
    sample(
        "self-connect",
        "A socket connected to itself on loopback.",
        told(
            spec(
                "self_connect",
                [["send", 91], ["recv", 91], ["close"]],
                [],
                sport=FIRST_PORT,
                dport=FIRST_PORT,
                kind="self",
            )
        ),
        points=("client_lo",),
        road=None,
    ),
    sample(
        "close-wait-leak",
        "The client closes, the server never does.",
        told(spec("close_wait_leak", [*ASK, ["sleep", 0.1], ["close"]], [*TELL, ["eof"], ["hold"]])),
        "server",
        settle_s=1.0,
    ),
    sample(
        "fin-wait-2-never-ends",
        "The server shuts its half down and waits for a client that never closes.",
        told(spec("fin_wait2", [*ASK, ["eof"], ["hold"]], [*TELL, ["shut"], ["hold"]])),
        "server",
        settle_s=1.0,
    ),
    sample(
        "closed-window-at-close",
        "The server closes while the client's window is shut: its FIN waits.",
        told(
            spec(
                "window_opens_after_close",
                [["send", 100], ["sleep", 1.0], ["eof"], ["close"]],
                [["recv", 100], ["send", 9000], ["close"]],
                before=[["rcvbuf", 2304]],
            )
        ),
        "server",
    ),
]

OPENS = [
    sample("refused", "Nobody listens.", told(spec("refused", [], [], dport=9))),
    losing("unanswered", "Every SYN is lost.", ("c2s", "SYN", "all"), "client"),
    losing("half-open", "No SYN/ACK ever arrives.", ("s2c", "SYNACK", "all"), "server", settle_s=4.5),
    sample(
        "backlog-overflow",
        "Eight clients, an accept queue for three, nobody accepts; two of the clients talk.",
        told(
            *[spec("backlog_overflow", [["sleep", 0.5], ["send", 100], ["hold"]] if i in (1, 5) else [["hold"]], []) for i in range(8)],
            listeners=(Listener(PORT, backlog=2, accepts=False),),
        ),
        "server",
        sysctls={"ipv4.tcp_syn_retries": 2, "ipv4.tcp_synack_retries": 2, "ipv4.tcp_syncookies": 0},
        limit_s=9.0,
    ),
    sample(
        "fast-open",
        "A cookie is asked for, then used: data in the SYN.",
        fetch_and_use_cookie,
        sysctls={"ipv4.tcp_fastopen": 3},
    ),
    sample(
        "syn-cookie",
        "Accepted by SYN cookie.",
        told(spec("client_first", [*ASK, ["close"]], [*TELL, ["eof"], ["close"]])),
        "server",
        sysctls={"server:ipv4.tcp_syncookies": 2},
    ),
    sample(
        "connect-abandoned",
        "The client gives up while its SYN is on the way; the SYN/ACK meets a RST.",
        told(spec("abort_connect", [], [], kind="abandon", abandon_s=0.005)),
    ),
]

LOSSES = [
    losing("syn-lost", "The SYN is lost once.", ("c2s", "SYN", [1]), "client"),
    losing("synack-lost", "The SYN/ACK is lost once.", ("s2c", "SYNACK", [1]), "server"),
    losing(
        "handshake-ack-lost",
        "The handshake's last ACK is lost; the request follows and repairs it.",
        ("c2s", "ACK", [1]),
        "client",
    ),
    losing(
        "handshake-ack-lost-client-quiet",
        "The same, and the client says nothing: the SYN/ACK comes again.",
        ("c2s", "ACK", [1]),
        "server",
        client=[["sleep", 1.5], *ASK, ["close"]],
    ),
    losing("data-lost", "The request is lost once.", ("c2s", "DATA", [1]), "client"),
    losing("fin-lost", "The first FIN is lost once.", ("c2s", "FIN", [1]), "client"),
    losing("second-fin-lost", "The second FIN is lost once.", ("s2c", "FIN", [1]), "server"),
    losing(
        "last-ack-lost",
        "The last ACK is lost once: the FIN comes again and restarts TIME_WAIT.",
        ("c2s", "ACKFIN", [1]),
        "client",
    ),
    losing("time-wait-restarted", "The last ACK is lost three times.", ("c2s", "ACKFIN", [1, 2, 3]), "client", settle_s=4.0),
    losing(
        "gives-up-in-silence",
        "After the handshake nothing of the client's arrives any more.",
        ("c2s", "DATA", "all"),
        "client",
        server=[["hold"]],
        settle_s=1.0,
    ),
]

RESETS = [
    sample(
        "abort-by-client",
        "SO_LINGER 0 at the client.",
        told(spec("linger_client", [*ASK, ["abort"]], [*TELL, ["eof"], ["close"]])),
    ),
    sample(
        "abort-by-server",
        "SO_LINGER 0 at the server.",
        told(spec("linger_server", [*ASK, ["eof"], ["close"]], [*TELL, ["sleep", 0.1], ["abort"]])),
        "server",
    ),
    sample(
        "abort-unread-data",
        "The server closes with the request unread.",
        told(spec("unread_server", [["send", 400], ["eof"], ["close"]], [["sleep", 0.15], ["close"]])),
        "server",
    ),
    sample(
        "data-after-close",
        "The client is gone when the answer comes.",
        told(
            spec(
                "late_reset",
                [["send", 100], ["close"]],
                [["recv", 100], ["eof"], ["sleep", 0.1], ["send", 900], ["sleep", 0.1], ["close"]],
            )
        ),
    ),
    sample(
        "abort-in-fin-wait-2",
        "The client shuts its half down, then aborts.",
        told(
            spec(
                "fin_then_abort",
                [*ASK, ["shut"], ["sleep", 0.15], ["abort"]],
                [*TELL, ["eof"], ["sleep", 0.4], ["close"]],
            )
        ),
    ),
    sample(
        "abort-in-close-wait",
        "The server aborts instead of closing second.",
        told(spec("close_wait_abort", [*ASK, ["shut"], ["eof"], ["close"]], [*TELL, ["eof"], ["sleep", 0.1], ["abort"]])),
        "server",
    ),
    sample(
        "never-accepted",
        "The listener closes with connections in its queue.",
        told(
            *[spec("unaccepted", [["eof"], ["close"]], [], dport=82) for _ in range(3)],
            listeners=(Listener(82, accepts=False, close_s=0.8),),
        ),
        "server",
    ),
]

PROBES = [
    sample(
        "keep-alive",
        "An idle connection with a probe each second.",
        told(spec("keepalive", [["keepalive", 1, 3], *ASK, ["sleep", 3.5], ["close"]], [*TELL, ["eof"], ["close"]])),
    ),
    sample(
        "keep-alive-dead-peer",
        "Probes that nobody answers.",
        told(
            spec("keepalive_dead_peer", [["keepalive", 1, 2], *ASK, ["eof"], ["close"]], [*TELL, ["hold"]], dport=7021),
            listeners=(Listener(7021),),
        ),
        road=LONG | {"rules": plans.DEAD_PEER},
    ),
    sample(
        "zero-window",
        "A client that does not read, and the server's probes.",
        told(
            spec(
                "zero_window",
                [["send", 100], ["sleep", 2.5], ["eof"], ["close"]],
                [["recv", 100], ["send", 20000], ["close"]],
                before=[["rcvbuf", 4096]],
            )
        ),
        "server",
        snaplen=96,
    ),
]


def same_port(label: str, client: list[Step], server: list[Step], gap_s: float) -> Callable[[random.Random], Plan]:
    """Three connections on one four-tuple."""

    def make(_: random.Random) -> Plan:
        specs = [
            Spec(
                i,
                label,
                client,
                server,
                sport=FIRST_PORT,
                after=i - 1 if i else None,
                before=[["sleep", gap_s]] if i else [],
            )
            for i in range(3)
        ]
        return Plan(specs, [Listener(PORT)])

    return make


TIME_WAITS = [
    sample(
        "time-wait-reused-by-syn",
        "The server holds TIME_WAIT; a new SYN on the same ports ends it.",
        same_port("reuse_server_closes", [*ASK, ["eof"], ["close"]], [*TELL, ["close"]], 0.1),
        "server",
    ),
    sample(
        "time-wait-reused-by-client",
        "The client holds TIME_WAIT and connects from the same port again (tcp_tw_reuse).",
        same_port("reuse_client_closes", [*ASK, ["close"]], [*TELL, ["eof"], ["close"]], 1.3),
        sysctls={"ipv4.tcp_tw_reuse": 1},
    ),
    sample(
        "pile-up-on-a-server",
        "Short connections that the server closes.",
        pile_up("server_first", [["eof"], ["close"]], [["close"]]),
        "server",
        road=None,
        snaplen=54,
        sysctls=plans.NO_TIMESTAMPS,
    ),
    sample(
        "pile-up-on-a-database-client",
        "A proxy opens a connection for each query and closes it.",
        pile_up("client_first", [["close"]], [["eof"], ["close"]]),
        road=None,
        snaplen=54,
        sysctls=plans.NO_TIMESTAMPS,
    ),
]

VANTAGES = [
    sample(
        "nat-seen-by-the-router",
        "A router translates; its any interface sees either side.",
        told(*[spec("client_first", [*ASK, ["close"]], [*TELL, ["eof"], ["close"]]) for _ in range(2)]),
        "router",
        points=("client", "router", "server"),
        shape="nat",
        road=None,
    ),
    sample(
        "routed-seen-twice",
        "A router's any interface: every packet comes in and goes out.",
        told(*[spec("client_first", [*ASK, ["close"]], [*TELL, ["eof"], ["close"]]) for _ in range(2)]),
        "router",
        points=("client", "router", "server"),
        shape="router",
        road=ROAD,
    ),
    sample(
        "vlan-in-the-middle",
        "The tagged link between the two halves of a road.",
        told(spec("client_first", [*ASK, ["close"]], [*TELL, ["eof"], ["close"]])),
        "router",
        points=("client", "router", "server"),
        road=ROAD | {"vlan": 77},
    ),
    sample(
        "ipv6",
        "Over IPv6.",
        told(spec("client_first", [*ASK, ["close"]], [*TELL, ["eof"], ["close"]], family=6)),
        families=(6,),
    ),
    sample(
        "offloaded",
        "Frames larger than the MTU, unfinished checksums, nanoseconds.",
        told(
            spec(
                "bulk",
                [["send", 100], ["recv", 200_000], ["eof"], ["close"]],
                [["recv", 100], ["send", 200_000], ["close"]],
            )
        ),
        road=None,
        offload=True,
        nanoseconds=True,
        snaplen=96,
    ),
]

SAMPLES: dict[str, Sample] = {s.scenario.name: s for s in (*CLOSES, *OPENS, *LOSSES, *RESETS, *PROBES, *TIME_WAITS, *VANTAGES)}
