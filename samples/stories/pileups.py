"""Thousands of short connections that pile up TIME_WAIT: on a server, and on a proxy that is its database's client."""

from samples.stories.expect import Among
from samples.stories.story import story
from tests.writer.packets import without_id
from tests.writer.talk import Wire

SNAPLEN = 54  # Ethernet, IPv4 and TCP without options


def _numbers(port: int) -> tuple[int, int]:
    """Initial numbers that leave all checksums alike, so that thousands of frames compress well."""
    return 1_000_000_000 - port, 3_000_000_000


SERVER_COUNT, SERVER_PACE_S = 3000, 0.028
# Stays that began within the 60 s before the end, which is when the last one begins: 60 / 0.028 = 2142.9.
SERVER_PEAK = 2143


@story(
    "pile-up-on-a-server.pcap.xz",
    stated=False,
    problems=("snapped",),
    document={
        "summary": {
            "connections": SERVER_COUNT,
            "handshake": {"outcomes": {"completed": SERVER_COUNT}},
            "teardown": {"four-way": SERVER_COUNT},
            "time_wait": {"entered": SERVER_COUNT, "peak": SERVER_PEAK, "at_end": SERVER_PEAK},
        },
        "hosts": Among(
            (
                {
                    "address": "198.51.100.20",
                    "connections_as_server": SERVER_COUNT,
                    "connections_as_client": 0,
                    "closed_first": SERVER_COUNT,
                    "time_wait": {
                        "entered": SERVER_COUNT,
                        "entered_as_server": SERVER_COUNT,
                        "entered_as_client": 0,
                        "peak": SERVER_PEAK,
                        "at_end": SERVER_PEAK,
                        "stays_restarted": 0,
                        "stays_reused": 0,
                        "stays_killed": 0,
                    },
                },
                {
                    "address": "192.0.2.10",
                    "connections_as_client": 1000,
                    "closed_first": 0,
                    "time_wait": {"entered": 0},
                },
            )
        ),
        "ports": Among(
            (
                {
                    "client": "192.0.2.10",
                    "server": "198.51.100.20",
                    "server_port": 80,
                    "connections": 1000,
                    "peak_time_wait": 0,
                },
            )
        ),
    },
)
def pile_up_on_a_server(wire: Wire) -> bytes:
    """Three crawlers without keep-alive make 3000 connections in 84 s to a server that closes each one first:
    TIME_WAIT piles up there and begins to run out after a minute.
    """
    for index in range(SERVER_COUNT):
        port = 40000 + index // 3
        talk = wire.talk(
            client=f"192.0.2.{10 + index % 3}:{port}",
            tap="server",
            rtt_s=0.004,
            start_s=index * SERVER_PACE_S,
            isn=_numbers(port),
            timestamps=False,
            packets=without_id,
        )
        talk.open()
        talk.client.send("PA", 90)
        talk.server.send("FPA", 400)
        talk.client.send("FA")
        talk.server.send("A")
    return wire.pcap(snaplen=SNAPLEN)


PROXY_COUNT, PROXY_PACE_S = 3500, 0.01


@story(
    "pile-up-on-a-proxy.pcap.xz",
    stated=False,
    problems=("snapped",),
    document={
        "summary": {
            "connections": PROXY_COUNT + 2,
            "teardown": {"four-way": PROXY_COUNT, "none": 2},
            "time_wait": {"entered": PROXY_COUNT, "peak": PROXY_COUNT, "at_end": PROXY_COUNT},
        },
        "hosts": Among(
            (
                {
                    "address": "10.0.0.7",
                    "connections_as_client": PROXY_COUNT,
                    "connections_as_server": 2,
                    "closed_first": PROXY_COUNT,
                    "time_wait": {
                        "entered": PROXY_COUNT,
                        "entered_as_client": PROXY_COUNT,
                        "entered_as_server": 0,
                        "peak": PROXY_COUNT,
                        "at_end": PROXY_COUNT,
                    },
                },
            )
        ),
        "ports": Among(
            (
                {
                    "client": "10.0.0.7",
                    "server": "10.0.0.9",
                    "server_port": 3306,
                    "connections": PROXY_COUNT,
                    "peak_time_wait": PROXY_COUNT,
                    "port_range": [32768, 60999],
                },
            )
        ),
    },
)
def pile_up_on_a_proxy(wire: Wire) -> bytes:
    """A web proxy answers two browsers on connections that stay open, but connects anew to its database for every
    request and closes first: 3500 of its ports are in TIME_WAIT within 35 s.
    """
    for number in range(2):
        front = wire.talk(client=f"192.0.2.{10 + number}:50000", server="10.0.0.7:80", tap="server", timestamps=False)
        front.open()
        for _ in range(8):
            front.exchange()
            front.wait(4.0)
    for index in range(PROXY_COUNT):
        port = 32768 + 2 * index
        talk = wire.talk(
            client=f"10.0.0.7:{port}",
            server="10.0.0.9:3306",
            rtt_s=0.0004,
            start_s=index * PROXY_PACE_S,
            isn=_numbers(port),
            timestamps=False,
            packets=without_id,
        )
        talk.open()
        talk.client.send("PA", 40)
        talk.server.send("PA", 120)
        talk.close("client", segments=3)
    return wire.pcap(snaplen=SNAPLEN)
