"""Write the pair `client.pcap`, `server.pcap` again: `python -m samples.path.write`.

A client behind a firewall that translates its address, clamps the MSS and resets what is idle too long; a way that
loses a packet now and then; a server whose clock is ahead and whose mirror port shows some frames twice.
"""

import sys
from dataclasses import replace
from pathlib import Path

from samples.path.way import Way, WayTalk
from tests.writer import segment as options
from tests.writer.segment import Segment

FOLDER = Path(__file__).parent
CLIENT, OUTSIDE, SERVER = "192.0.2.10", "203.0.113.5", "198.51.100.20:80"
PORTS = range(40000, 40013)
AHEAD_S, DRIFT = 2.5, 40e-6


def clamp(segment: Segment, outward: bool) -> Segment:
    """What the firewall makes of a segment: one hop less, and a smaller MSS of what goes out."""
    segment = replace(segment, ttl=segment.ttl - 1)
    if outward and "S" in segment.flags:
        segment = replace(segment, options=segment.options.replace(options.mss(1460), options.mss(1380)))
    return segment


def story() -> Way:
    """Thirteen connections; what is lost and made up is counted in tests/findings/path."""
    nat = {f"{CLIENT}:{port}": f"{OUTSIDE}:{20000 + port % 1000}" for port in PORTS}
    way = Way(ahead_s=AHEAD_S, drift=DRIFT, nat=nat, change=clamp)
    for number, tell in enumerate(TOLD):
        talk = way.talk(
            client=f"{CLIENT}:{PORTS[number]}",
            server=SERVER,
            start_s=3.0 * number,
            isn=(1_000_000_000 + 7919 * number, 3_000_000_000 + 104_729 * number),
        )
        tell(way, talk)
    return way


def plain(_: Way, talk: WayTalk) -> None:
    """Nothing happens to it."""
    talk.open()
    talk.exchange()
    talk.close()


def request_lost(way: Way, talk: WayTalk) -> None:
    """The request is lost and comes again."""
    talk.open()
    with way.seen("A"):
        lost = talk.client.send("PA", 90, lost="after")
    talk.client.resend(lost, after=0.2)
    talk.server.send("A")
    talk.server.send("PA", 300, after=0.005)
    talk.client.send("A")
    talk.close()


def ack_lost(way: Way, talk: WayTalk) -> None:
    """An acknowledgement of the server is lost: nobody needs it."""
    talk.open()
    talk.client.send("PA", 90)
    with way.seen("B"):
        talk.server.send("A", lost="after")
    talk.server.send("PA", 300, after=0.005)
    talk.client.send("A")
    talk.close()


def syn_lost(way: Way, talk: WayTalk) -> None:
    """The SYN is lost and comes again a second later."""
    with way.seen("A"):
        lost = talk.client.send("S", lost="after")
    talk.client.resend(lost, after=1.0)
    talk.server.send("SA")
    talk.client.send("A")
    talk.exchange()
    talk.close()


def never_arrives(way: Way, talk: WayTalk) -> None:
    """Three SYNs, and none arrives."""
    with way.seen("A"):
        lost = talk.client.send("S", lost="after")
        for after in (1.0, 1.0):
            talk.client.resend(lost, after=after, lost="after")


def reset_by_the_firewall(way: Way, talk: WayTalk) -> None:
    """The firewall resets both ends in each other's name."""
    talk.open()
    talk.exchange()
    talk.wait(1.0)
    with way.seen("A"):
        talk.server.send("RA", ttl=250, ip_id=4242)
    with way.seen("B"):
        talk.client.send("RA", ttl=251, ip_id=4243)


def reset_lost(way: Way, talk: WayTalk) -> None:
    """The server aborts, and the client never hears of it."""
    talk.open()
    talk.client.send("PA", 90)
    with way.seen("B"):
        talk.server.send("RA", lost="after")


def refused_between(way: Way, talk: WayTalk) -> None:
    """The firewall refuses it in the server's name: the server never sees it."""
    with way.seen("A"):
        talk.client.send("S")
        talk.server.send("RA", ttl=250)


def seen_twice(way: Way, talk: WayTalk) -> None:
    """The mirror port at the server shows each frame twice: nothing is sent again, and nothing is lost."""
    way.copies_s = (0.00002,)
    plain(way, talk)
    way.copies_s = ()


def not_captured(way: Way, talk: WayTalk) -> None:
    """The capture at the server misses a request, whose answer proves that it came."""
    talk.open()
    with way.seen("A"):
        talk.client.send("PA", 90)
    talk.server.send("A")
    talk.server.send("PA", 300, after=0.005)
    talk.client.send("A")
    talk.close()


TOLD = (plain, request_lost, ack_lost, syn_lost, never_arrives, reset_by_the_firewall, reset_lost, refused_between,
        seen_twice, not_captured, plain, plain, plain)  # fmt: skip


def main() -> int:
    """Write both files."""
    for name, content in zip(("client", "server"), story().pcaps(), strict=True):
        (FOLDER / f"{name}.pcap").write_bytes(content)
    return 0


if __name__ == "__main__":
    sys.exit(main())
