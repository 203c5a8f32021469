"""ICMP errors: evidence about connections, never segments of them."""

from samples.stories.expect import connection, shake, side, stay, tear
from samples.stories.paths import CLIENT_FIRST, CLIENT_UP, SERVER_SECOND
from samples.stories.story import story
from tests.writer.icmp import unreachable
from tests.writer.talk import Wire

HOST, PORT, FRAGMENTATION_NEEDED, PROHIBITED, PROHIBITED6 = 1, 3, 4, 13, 1


@story(
    "icmp-host-unreachable.pcap",
    connection(
        shake(None, "in-progress", total=None, syns_again=2),
        tear("none", None),
        client=side("CLOSED SYN_SENT", packets=3),
        anomalies=["icmp-unreachable"],
        frames=[1, 5],
    ),
    document={"capture": {"segments": 3}},
)
def host_unreachable(wire: Wire) -> None:
    """Two of three SYNs are answered by a router: host unreachable."""
    client = wire.talk().client
    syn = client.send("S", lost="after")
    unreachable(syn, HOST)
    unreachable(client.resend(syn, after=1.0, lost="after"), HOST)
    client.resend(syn, after=2.0, lost="after")


@story(
    "icmp-prohibited-ipv6.pcap",
    connection(
        shake(None, "in-progress", total=None, syns_again=1),
        tear("none", None),
        client=side("CLOSED SYN_SENT", packets=2),
        anomalies=["icmp-unreachable"],
    ),
    document={"capture": {"segments": 2}},
)
def prohibited_ipv6(wire: Wire) -> None:
    """A firewall forbids the connection by ICMPv6."""
    client = wire.talk(client="[2001:db8::10]:40000", server="[2001:db8:1::20]:80").client
    syn = client.send("S", lost="after")
    unreachable(syn, PROHIBITED6)
    unreachable(client.resend(syn, after=1.0, lost="after"), PROHIBITED6)


@story(
    "icmp-ends-a-connection.pcap",
    connection(
        shake("three-way", "completed", total=20.0),
        tear("none", None),
        client=side(CLIENT_UP, retransmissions=2),
        anomalies=["icmp-unreachable"],
    ),
    document={"capture": {"segments": 10}},
)
def ends_a_connection(wire: Wire) -> None:
    """An open connection's way breaks: a router says so of the data that is sent again."""
    talk = wire.talk()
    talk.open()
    talk.exchange()
    request = talk.client.send("PA", 90, lost="after")
    talk.client.resend(request, after=0.22, lost="after")
    unreachable(talk.client.resend(request, after=0.44, lost="after"), HOST)


@story(
    "icmp-fragmentation-needed.pcap",
    connection(
        shake("three-way", "completed", total=20.0),
        tear("four-way", "client", segments=4),
        client=side(CLIENT_FIRST, payload_bytes=1448),
        server=SERVER_SECOND,
        time_wait=[stay("client")],
        anomalies=None,
    ),
)
def fragmentation_needed(wire: Wire) -> None:
    """A router asks for smaller packets: the data comes again in two segments."""
    talk = wire.talk()
    talk.open()
    big = talk.client.send("PA", 1448, lost="after")
    unreachable(big, FRAGMENTATION_NEEDED, mtu_bytes=1280)
    talk.client.send("A", big.segment.payload[:1228], seq=1, after=0.006)
    talk.client.send("PA", big.segment.payload[1228:], seq=1229)
    talk.server.send("A")
    talk.close("client")


@story("icmp-only.pcap", document={"capture": {"packets": 1, "segments": 0}})
def icmp_only(wire: Wire) -> None:
    """Only an ICMP error that quotes a segment: no connection."""
    lost = wire.talk().client.send("PA", 90, lost="before")
    unreachable(lost, PROHIBITED)
