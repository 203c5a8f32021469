"""Frames captured more than once, and retransmissions that look as if they were."""

from samples.stories.expect import connection, shake, side, stay
from samples.stories.paths import CLIENT_FIRST, SERVER_SECOND
from samples.stories.shared import DONE, FOUR_WAY, ONCE, closed
from samples.stories.story import story
from tests.writer.links import COOKED2, Link, cooked2, ethernet
from tests.writer.packets import without_id
from tests.writer.talk import Tap, Wire

BETWEEN_ROUTERS = Link(1, (ethernet(b"\x02\0\0\0\0\x0a", b"\x02\0\0\0\0\x0b"),))


@story(
    "mirror-duplicates.pcap",
    ONCE,
    problems=("duplicate-frames",),
    document={"capture": {"packets": 22, "duplicates": 11}},
)
def mirror_duplicates(wire: Wire) -> None:
    """A mirror port copies every frame twice, four microseconds apart: no retransmissions."""
    closed(wire, taps=(Tap(), Tap(after_s=4e-6)))


@story(
    "mirror-duplicates-routed.pcap",
    ONCE,
    problems=("duplicate-frames",),
    document={"capture": {"packets": 22, "duplicates": 11}},
)
def mirror_duplicates_routed(wire: Wire) -> None:
    """Mirrored before and behind a router: the copies have other MAC addresses and a TTL of one less."""
    closed(wire, taps=(Tap(), Tap(after_s=30e-6, hops=1, link=BETWEEN_ROUTERS)))


@story(
    "any-interface-duplicates.pcap",
    ONCE,
    problems=("duplicate-frames",),
    document={"capture": {"packets": 22, "duplicates": 11}},
    link=COOKED2,
)
def any_interface_duplicates(wire: Wire) -> None:
    """`tcpdump -i any` sees every packet on a bridge and on its member: the interface index tells the copies apart."""
    closed(wire, taps=(Tap(link=Link(276, (cooked2(2),))), Tap(after_s=2e-6, link=Link(276, (cooked2(5),)))))


@story(
    "duplicates-with-ip-id-zero.pcap",
    connection(
        shake("three-way", "completed", to_synack=19.96, total=1020.01, syns_again=1),
        FOUR_WAY,
        client=side(CLIENT_FIRST, packets=8, payload_bytes=90, retransmissions=2),
        server=side(SERVER_SECOND, packets=5, payload_bytes=300, retransmissions=0),
        time_wait=[stay("client")],
    ),
    problems=("duplicate-frames",),
    document={"capture": {"packets": 26, "duplicates": 13}},
)
def duplicates_with_ip_id_zero(wire: Wire) -> None:
    """Every frame twice, and no IP ID tells anything: the SYN and the request that were really sent again count, the
    copies don't.
    """
    talk = wire.talk(packets=without_id, taps=(Tap(), Tap(after_s=4e-6)))
    syn = talk.client.send("S", lost="after")
    talk.client.resend(syn, after=1.0)
    talk.server.send("SA")
    talk.client.send("A")
    request = talk.client.send("PA", 90, lost="after")
    talk.client.resend(request, after=0.22)
    talk.server.send("A")
    talk.server.send("PA", 300, after=0.005)
    talk.client.send("A")
    talk.close("client")


@story(
    "duplicates-ipv6.pcap",
    ONCE,
    problems=("duplicate-frames",),
    document={"capture": {"packets": 22, "duplicates": 11}},
)
def duplicates_ipv6(wire: Wire) -> None:
    """Every frame of a connection over IPv6, which has no IP ID, twice."""
    closed(wire, client="[2001:db8::10]:40000", server="[2001:db8:1::20]:80", taps=(Tap(), Tap(after_s=4e-6)))


@story(
    "retransmission-that-looks-like-a-copy.pcap",
    connection(
        DONE,
        FOUR_WAY,
        client=side(CLIENT_FIRST, payload_bytes=90, retransmissions=1, packets=7),
        server=SERVER_SECOND,
        time_wait=[stay("client")],
    ),
    document={"capture": {"duplicates": 0}},
)
def retransmission_like_a_copy(wire: Wire) -> None:
    """The request is sent again 60 ms later, byte for byte the same (IP ID 0, no timestamps): a retransmission all the
    same, since copies don't take three round trips.
    """
    talk = wire.talk(packets=without_id, timestamps=False)
    talk.open()
    request = talk.client.send("PA", 90, lost="after")
    talk.client.resend(request, after=0.06)
    talk.server.send("A")
    talk.server.send("PA", 300, after=0.005)
    talk.client.send("A")
    talk.close("client")
