"""Unusual beginnings: simultaneous open, self-connect, Fast Open, a reused port."""

from samples.stories.expect import Among, connection, reset, shake, side, stay, tear
from samples.stories.paths import CLIENT_FIRST, CLOSES_FIRST, CLOSES_SECOND, SERVER_SECOND
from samples.stories.shared import FOUR_WAY
from samples.stories.story import story
from tests.writer.files import Frame
from tests.writer.talk import Wire


@story(
    "simultaneous-open.pcap",
    connection(
        shake("simultaneous", "completed"),
        FOUR_WAY,
        client=f"CLOSED/inferred SYN_SENT/observed@1 SYN_RECEIVED/observed@3 ESTABLISHED {CLOSES_FIRST}",
        server=f"CLOSED/inferred SYN_SENT/observed@2 SYN_RECEIVED/observed@4 ESTABLISHED {CLOSES_SECOND}",
        time_wait=[stay("client")],
        stream=0,
        midstream=False,
        ends=("192.0.2.10:40000", "198.51.100.20:41000"),
    ),
)
def simultaneous_open(wire: Wire) -> None:
    """Both hosts send a SYN to each other's port and answer with a SYN/ACK that repeats its number: four segments, one
    connection.
    """
    talk = wire.talk(tap="middle", server="198.51.100.20:41000")
    with talk.crossing():
        talk.client.send("S")
        talk.server.send("S", after=0.001)
    with talk.crossing():
        talk.client.send("SA", seq=0, after=0.001)
        talk.server.send("SA", seq=0, after=0.004)
    talk.exchange()
    talk.close("client")


@story(
    "simultaneous-open-syn-lost.pcap",
    connection(
        shake("simultaneous", "completed"),
        FOUR_WAY,
        client=f"CLOSED SYN_SENT@1 SYN_RECEIVED/observed@3 ESTABLISHED {CLOSES_FIRST}",
        server=f"CLOSED SYN_SENT@2 ESTABLISHED/observed@4 {CLOSES_SECOND}",
        time_wait=[stay("client")],
    ),
)
def simultaneous_open_syn_lost(wire: Wire) -> None:
    """A simultaneous open in which the first SYN is lost: only its sender sees a SYN and answers it with a SYN/ACK."""
    talk = wire.talk(tap="middle", server="198.51.100.20:41000")
    talk.client.send("S", lost="after")
    talk.server.send("S", after=0.001)
    talk.client.send("SA", seq=0)
    talk.server.send("A")
    talk.exchange()
    talk.close("client")


@story(
    "self-connect.pcap",
    connection(
        shake("self-connect", "completed"),
        tear("simultaneous"),
        client=side(
            "CLOSED SYN_SENT@1 SYN_RECEIVED@2 ESTABLISHED@3 FIN_WAIT_1@6 CLOSING TIME_WAIT@7",
            payload_bytes=90,
            packets=7,
            retransmissions=0,
        ),
        server=None,
        time_wait=[stay("client")],
        stream=0,
        ends=("127.0.0.1:40000", "127.0.0.1:40000"),
    ),
    document={"hosts": Among(({"address": "127.0.0.1", "time_wait": {"entered": 1}},))},
)
def self_connect(wire: Wire) -> None:
    """A socket that connected to itself: both ends are one address and port, one FIN meets itself, one TIME_WAIT."""
    talk = wire.talk(client="127.0.0.1:40000", server="127.0.0.1:40000", rtt_s=0.00005, isn=(1_000_000_000, 1_000_000_000))
    socket = talk.client
    for flags, data, seq, ack in (
        ("S", 0, 0, 0),
        ("SA", 0, 0, 1),
        ("A", 0, 1, 1),
        ("PA", 90, 1, 1),
        ("A", 0, 91, 91),
        ("FA", 0, 91, 91),
        ("A", 0, 92, 92),
    ):
        socket.send(flags, data, seq=seq, ack=ack)


@story(
    "fast-open.pcap",
    connection(
        shake("fast-open", "completed", to_synack=19.96),
        FOUR_WAY,
        client=side(CLIENT_FIRST, payload_bytes=90, retransmissions=0),
        server=side(SERVER_SECOND, payload_bytes=300, retransmissions=0),
        time_wait=[stay("client")],
    ),
)
def fast_open(wire: Wire) -> None:
    """Fast Open: the SYN carries a cookie and the request, the answer comes before the third segment."""
    talk = wire.talk()
    talk.client.send("S", 90, fast_open=b"\x11\x22\x33\x44\x55\x66\x77\x88")
    talk.server.send("SA")
    talk.server.send("PA", 300)
    talk.client.send("A")
    talk.close("client")


@story(
    "fast-open-data-refused.pcap",
    connection(
        shake("three-way", "completed", total=20.0),
        FOUR_WAY,
        client=side(CLIENT_FIRST, payload_bytes=90),
        server=side(SERVER_SECOND, payload_bytes=300),
        time_wait=[stay("client")],
    ),
)
def fast_open_refused(wire: Wire) -> None:
    """The server acknowledges a Fast Open SYN without its data, which the client sends again with the third segment."""
    talk = wire.talk()
    talk.client.send("S", 90, fast_open=b"\x11\x22\x33\x44\x55\x66\x77\x88")
    talk.server.expected = talk.client.isn + 1
    talk.server.early.clear()
    talk.server.send("SA", fast_open=b"\x88\x77\x66\x55\x44\x33\x22\x11")
    talk.client.send("PA", 90, seq=1)
    talk.server.send("A")
    talk.server.send("PA", 300)
    talk.client.send("A")
    talk.close("client")


@story(
    "synack-captured-before-syn.pcap",
    connection(
        shake("three-way", "completed", syns_again=0),
        FOUR_WAY,
        client=side("CLOSED SYN_SENT ESTABLISHED FIN_WAIT_1 FIN_WAIT_2 TIME_WAIT"),
        server=side("LISTEN SYN_RECEIVED ESTABLISHED CLOSE_WAIT LAST_ACK CLOSED"),
        time_wait=[stay("client")],
        anomalies=None,
        ends=("192.0.2.10:40000", "198.51.100.20:80"),
    ),
    problems=None,
)
def synack_captured_before_syn(wire: Wire) -> bytes:
    """Two capture queues swap the SYN and its SYN/ACK: the client is still who sent the SYN."""
    talk = wire.talk(tap="server")
    talk.open()
    talk.exchange()
    talk.close("client")
    syn, synack, *rest = wire.frames
    later_ns = synack.at_ns + 5_000
    wire.frames_written = [synack, Frame(later_ns, syn.data, syn.original_bytes), *rest]
    return wire.pcap()


@story(
    "port-reused-after-reset.pcap",
    connection(
        shake("three-way", "completed", total=20.0),
        tear("rst", None, reset=reset("client", "abort", 8)),
        client="CLOSED SYN_SENT ESTABLISHED CLOSED",
        server="LISTEN SYN_RECEIVED ESTABLISHED CLOSED",
        stream=0,
    ),
    connection(
        shake("three-way", "completed", to_synack=19.96, to_ack=0.04, total=20.0),
        FOUR_WAY,
        client=CLIENT_FIRST,
        server=SERVER_SECOND,
        time_wait=[stay("client")],
        stream=1,
    ),
)
def port_reused_after_reset(wire: Wire) -> None:
    """The client aborts and connects again from the same port a second later: a reset leaves nothing behind."""
    talk = wire.talk()
    talk.open()
    talk.exchange()
    talk.client.send("RA", after=1.0)
    again = wire.talk(start_s=2.0, isn=(1_300_000_000, 3_200_000_000))
    again.open()
    again.exchange()
    again.close("client")
