"""One short connection on each kind of link, and in each form of IP."""

from typing import Any

from samples.stories.expect import connection, shake, side, stay, tear
from samples.stories.paths import CLIENT_FIRST, SERVER_SECOND
from samples.stories.story import story
from tests.writer import packets
from tests.writer.links import (
    COOKED,
    COOKED2,
    ETHERNET,
    LOOP,
    NULL,
    PPP,
    RADIOTAP,
    RAW,
    WIRELESS,
    Layer,
    Link,
    cooked,
    ethernet,
    mpls,
    null,
    ppp_protocol,
    pppoe,
    snap,
    vlan,
)
from tests.writer.talk import Wire

SIX: dict[str, Any] = {"client": "[2001:db8::10]:40000", "server": "[2001:db8:1::20]:80"}


def short(wire: Wire, **settings: object) -> None:
    """A whole connection in nine frames, closed by the client in three segments."""
    talk = wire.talk(**settings)
    talk.open()
    talk.client.send("PA", 50)
    talk.server.send("PA", 70)
    talk.client.send("A")
    talk.close("client", segments=3)


def whole(**more: Any) -> dict[str, Any]:
    """What is to be said of that connection."""
    return connection(
        shake("three-way", "completed", to_synack=19.96, to_ack=0.04, total=20.0),
        tear("four-way", "client", segments=3),
        client=side(CLIENT_FIRST, packets=6, payload_bytes=50, retransmissions=0),
        server=side(SERVER_SECOND, packets=3, payload_bytes=70, retransmissions=0),
        time_wait=[stay("client", basis="observed")],
        **more,
    )


def carried(
    file: str,
    title: str,
    link: Link = ETHERNET,
    *,
    scope: object = ...,
    problems: tuple[str, ...] | None = (),
    **settings: object,
) -> None:
    """Register the short connection under a file name, carried by a link and with settings of the talk."""

    def tell(wire: Wire) -> None:
        short(wire, **settings)

    tell.__doc__, tell.__module__ = title, __name__
    story(file, whole(scope=scope), link=link, problems=problems)(tell)


def _ieee_length(layer: Layer) -> Layer:
    """802.3: the type field is the length of what follows."""
    return layer.inside(len(layer.data), b"")


carried("vlan.pcap", "A VLAN tag.", Link(1, (vlan(100), ethernet())), scope={"vlan": 100})
carried(
    "vlan-stack.pcap",
    "Two VLAN tags: 802.1ad outside, 802.1Q inside.",
    Link(1, (vlan(7), vlan(100, 0x88A8), ethernet())),
)
carried(
    "vlan-stack-of-four.pcap",
    "Four VLAN tags, the outermost of the old type 9100.",
    Link(1, (vlan(1), vlan(2), vlan(3, 0x88A8), vlan(4, 0x9100), ethernet())),
)
carried("llc-snap.pcap", "Ethernet with LLC and SNAP.", Link(1, (snap, _ieee_length, ethernet())), scope=None)
carried("cooked.pcap", "Linux cooked capture v1.", COOKED, scope=None)
carried("cooked-v2.pcap", "Linux cooked capture v2.", COOKED2, scope=None)
carried("null.pcap", "BSD loopback written by a little-endian machine.", NULL, scope=None)
carried("null-ipv6.pcap", "BSD loopback with IPv6 (family 30, macOS).", NULL, scope=None, **SIX)
carried("null-big-endian.pcap", "BSD loopback written by a big-endian machine.", Link(0, (null(">"),)), scope=None)
carried("loop.pcap", "OpenBSD loopback.", LOOP, scope=None)
carried("raw.pcap", "Raw IPv4 (a tun device).", RAW, scope=None)
carried("raw-ipv6.pcap", "Raw IPv6.", RAW, scope=None, **SIX)
carried("raw-link-type-228.pcap", "Raw IPv4 under its own link type.", Link(228), scope=None)
carried("raw-link-type-229.pcap", "Raw IPv6 under its own link type.", Link(229), scope=None, **SIX)
carried("cooked-with-vlan.pcap", "Linux cooked capture of a tagged packet.", Link(113, (vlan(100), cooked)))
carried("ppp-without-framing.pcap", "PPP that begins with its protocol.", Link(9, (ppp_protocol,)), scope=None)
carried("ppp.pcap", "PPP in HDLC-like framing.", PPP, scope=None)
carried("pppoe.pcap", "PPPoE session.", Link(1, (ppp_protocol, pppoe, ethernet())), scope=None)
carried("mpls.pcap", "Two MPLS labels.", Link(1, (mpls(16, 17), ethernet())), scope=None)
carried("wireless.pcap", "802.11 data frames.", WIRELESS, scope=None)
carried("wireless-radiotap.pcap", "802.11 QoS data frames behind radiotap.", RADIOTAP, scope=None)

carried(
    "ipv4-options.pcap",
    "IPv4 with a router alert option.",
    packets=packets.with_ip_options(b"\x94\x04\0\0"),
    scope=None,
)
carried(
    "ipv6-extension-headers.pcap",
    "IPv6 with hop-by-hop, routing and destination options headers.",
    packets=packets.with_extension_headers(
        (packets.HOP_BY_HOP, b"\0\x05\x02\0\0\x01\0"),
        (packets.ROUTING, b"\0\0\0\0\0\0\0"),
        (packets.DESTINATION, b"\0\x01\x04\0\0\0\0"),
    ),
    scope=None,
    **SIX,
)
carried(
    "ipv6-mobility-header.pcap",
    "IPv6 with a mobility header (135) before TCP.",
    packets=packets.with_extension_headers((packets.MOBILITY, b"\0\0\0\0\0\0\0")),
    scope=None,
    **SIX,
)
carried(
    "ipv6-atomic-fragments.pcap",
    "IPv6 fragment headers on packets that are whole.",
    packets=packets.in_fragments(1 << 15),
    scope=None,
    **SIX,
)
carried("fragments.pcap", "Every IPv4 packet in fragments of 24 bytes.", packets=packets.in_fragments(24), scope=None)
carried(
    "fragments-ipv6.pcap",
    "Every IPv6 packet in fragments of 24 bytes.",
    packets=packets.in_fragments(24),
    scope=None,
    **SIX,
)


def _reversed(pieces: list[bytes]) -> list[bytes]:
    return pieces[::-1]


def _first_repeated(pieces: list[bytes]) -> list[bytes]:
    return [pieces[0], *pieces]


carried(
    "fragments-reversed.pcap",
    "IPv4 fragments in reverse order.",
    packets=packets.in_fragments(24, _reversed),
    scope=None,
)
carried(
    "fragments-repeated.pcap",
    "IPv4 fragments, the first of each packet twice.",
    packets=packets.in_fragments(24, _first_repeated),
    scope=None,
    problems=None,
)
carried(
    "vlan-tag-of-priority.pcap",
    "A priority tag: VLAN 0 is no VLAN.",
    Link(1, (vlan(5 << 13), ethernet())),
)


@story(
    "fragments-incomplete.pcap",
    connection(
        shake("three-way", "completed", total=20.0),
        tear("four-way", "client"),
        time_wait=[stay("client")],
        anomalies=None,
    ),
    problems=("fragments-incomplete",),
)
def fragments_incomplete(wire: Wire) -> None:
    """The request comes in fragments, of which the last was not captured."""
    talk = wire.talk()
    talk.open()
    talk.client.send("PA", 90, packets=packets.in_fragments(48, lambda pieces: pieces[:-1]))
    talk.server.send("PA", 300)
    talk.client.send("A")
    talk.close("client")


@story(
    "ip-length-zero.pcap",
    connection(
        shake("three-way", "completed", total=20.0),
        tear("four-way", "client"),
        client=side(CLIENT_FIRST, payload_bytes=90),
        server=side(SERVER_SECOND, payload_bytes=2000, retransmissions=0),
        time_wait=[stay("client")],
    ),
    problems=None,
)
def ip_length_zero(wire: Wire) -> None:
    """IPv4 total length 0, as a capture above segmentation offload may show: the frame's length counts."""
    talk = wire.talk()
    talk.open()
    talk.client.send("PA", 90)
    talk.server.send("PA", 2000, packets=packets.length_zero)
    talk.client.send("A")
    talk.close("client")


@story("vlan-tags-by-direction.pcap", whole())
def vlan_tags_by_direction(wire: Wire) -> None:
    """Each direction bears a VLAN tag of its own, as between a switch and a router: still one connection."""

    def tag(layer: Layer) -> Layer:
        return vlan(10 if layer.from_client else 20)(layer)

    wire.link = Link(1, (tag, ethernet()))
    short(wire)
