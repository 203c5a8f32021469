"""Three-way handshakes: plain, from each vantage, with data, lost, refused, unanswered, half-open, aborted."""

from samples.stories.expect import connection, reset, shake, side, stay, tear
from samples.stories.paths import CLIENT_FIRST, CLIENT_UP, SERVER_SECOND
from samples.stories.shared import FOUR_WAY
from samples.stories.story import story
from tests.writer.talk import Wire


@story(
    "three-way-handshake.pcap",
    connection(
        shake("three-way", "completed", to_synack=19.96, to_ack=0.04, total=20.0),
        tear("four-way", "client", segments=4, took=22.01),
        client=side(
            "CLOSED/inferred SYN_SENT/observed@1 ESTABLISHED/observed@3 FIN_WAIT_1@8 FIN_WAIT_2/assumed@9 TIME_WAIT/observed@11",
            packets=6,
            payload_bytes=90,
            retransmissions=0,
            fin_retransmissions=0,
        ),
        server=side(
            "LISTEN/inferred SYN_RECEIVED/observed@2 ESTABLISHED/assumed@3 CLOSE_WAIT LAST_ACK@10 CLOSED/assumed@11",
            packets=5,
            payload_bytes=300,
            retransmissions=0,
            fin_retransmissions=0,
        ),
        time_wait=[stay("client", 0.06704, basis="observed")],
        resets=[],
        id=0,
        stream=0,
        scope=None,
        frames=[1, 11],
        vantage="client",
        midstream=False,
        ends=("192.0.2.10:40000", "198.51.100.20:80"),
    ),
    document={"capture": {"packets": 11, "segments": 11, "duplicates": 0}},
)
def three_way_handshake(wire: Wire) -> None:
    """A handshake, a request with its answer, and a close in four segments by the client; captured at the client."""
    talk = wire.talk()
    talk.open()
    talk.exchange()
    talk.close("client")


@story(
    "three-way-handshake-at-the-server.pcap",
    connection(
        shake("three-way", "completed", to_synack=0.04, to_ack=19.96, total=20.0),
        FOUR_WAY,
        client=CLIENT_FIRST,
        server=SERVER_SECOND,
        time_wait=[stay("client", basis="observed")],
        vantage="server",
    ),
)
def handshake_at_server(wire: Wire) -> None:
    """The same connection captured at the server: the round trip is between SYN/ACK and ACK."""
    talk = wire.talk(tap="server")
    talk.open()
    talk.exchange()
    talk.close("client")


@story(
    "three-way-handshake-in-the-middle.pcap",
    connection(
        shake("three-way", "completed", to_synack=10.0, to_ack=10.0, total=20.0),
        FOUR_WAY,
        client=CLIENT_FIRST,
        server=SERVER_SECOND,
        time_wait=[stay("client", basis="observed")],
        vantage="middle",
    ),
)
def handshake_in_the_middle(wire: Wire) -> None:
    """The same connection captured half way between the hosts."""
    talk = wire.talk(tap="middle")
    talk.open()
    talk.exchange()
    talk.close("client")


@story(
    "data-on-the-third-segment.pcap",
    connection(
        shake("three-way", "completed", to_synack=19.96, to_ack=0.04, total=20.0),
        FOUR_WAY,
        client=side(f"{CLIENT_UP}@3 FIN_WAIT_1 FIN_WAIT_2 TIME_WAIT", payload_bytes=90, packets=5),
        server=side(SERVER_SECOND, payload_bytes=300, packets=5),
        time_wait=[stay("client")],
    ),
)
def data_on_third_segment(wire: Wire) -> None:
    """The ACK that completes the handshake carries the request."""
    talk = wire.talk()
    talk.client.send("S")
    talk.server.send("SA")
    talk.client.send("PA", 90)
    talk.server.send("A")
    talk.server.send("PA", 300)
    talk.client.send("A")
    talk.close("client")


@story(
    "syn-lost.pcap",
    connection(
        shake("three-way", "completed", to_synack=19.96, to_ack=0.04, total=1020.01, syns_again=1),
        FOUR_WAY,
        client=side("CLOSED SYN_SENT@1 ESTABLISHED@4 FIN_WAIT_1 FIN_WAIT_2 TIME_WAIT", retransmissions=1),
        server=side(SERVER_SECOND, retransmissions=0),
        time_wait=[stay("client")],
    ),
)
def syn_lost(wire: Wire) -> None:
    """The SYN is lost behind the capture and sent again after a second: felt in the total, not in the round trip."""
    talk = wire.talk()
    syn = talk.client.send("S", lost="after")
    talk.client.resend(syn, after=1.0)
    talk.server.send("SA")
    talk.client.send("A")
    talk.exchange()
    talk.close("client")


@story(
    "synack-lost.pcap",
    connection(
        shake("three-way", "completed", to_synack=0.04, to_ack=19.96, total=1020.01, syns_again=1, synacks_again=1),
        FOUR_WAY,
        client=CLIENT_FIRST,
        server="LISTEN SYN_RECEIVED@2 ESTABLISHED@5 CLOSE_WAIT LAST_ACK CLOSED",
        time_wait=[stay("client")],
    ),
)
def synack_lost(wire: Wire) -> None:
    """The SYN/ACK is lost; the SYN comes again after a second and is answered again. Captured at the server."""
    talk = wire.talk(tap="server")
    syn = talk.client.send("S")
    synack = talk.server.send("SA", lost="after")
    talk.client.resend(syn, after=1.0)
    talk.server.resend(synack)
    talk.client.send("A")
    talk.exchange()
    talk.close("client")


@story(
    "handshake-ack-lost.pcap",
    connection(
        shake("three-way", "completed", to_synack=19.96, to_ack=0.04, total=20.0, synacks_again=1),
        FOUR_WAY,
        client="CLOSED SYN_SENT@1 ESTABLISHED/observed@3 FIN_WAIT_1 FIN_WAIT_2 TIME_WAIT",
        server=side("LISTEN SYN_RECEIVED@2 ESTABLISHED/assumed@5 CLOSE_WAIT LAST_ACK CLOSED", retransmissions=1),
        time_wait=[stay("client")],
    ),
)
def handshake_ack_lost(wire: Wire) -> None:
    """The handshake's last ACK is lost: the SYN/ACK that comes again says that the server was not yet ESTABLISHED."""
    talk = wire.talk()
    talk.client.send("S")
    synack = talk.server.send("SA")
    talk.client.send("A", lost="after")
    talk.server.resend(synack, after=1.0)
    talk.client.send("A", sack=((0, 1),))
    talk.server.send("PA", 40, after=0.03)
    talk.client.send("A")
    talk.close("client")


@story(
    "syn-unanswered.pcap",
    connection(
        shake(None, "in-progress", to_synack=None, to_ack=None, total=None, syns_again=5),
        tear("none", None, took=None),
        client=side("CLOSED/inferred SYN_SENT/observed@1", retransmissions=5, packets=6),
        resets=[],
    ),
)
def syn_unanswered(wire: Wire) -> None:
    """A SYN and its five repetitions meet silence until the capture ends: the next one is not yet due."""
    _unanswered(wire)


def _unanswered(wire: Wire) -> None:
    client = wire.talk().client
    syn = client.send("S", lost="after")
    for pause_s in (1.03, 1.01, 1.02, 1.02, 2.05):
        client.resend(syn, after=pause_s, lost="after")


@story(
    "syn-given-up.pcap",
    connection(
        shake(None, "unanswered", to_synack=None, to_ack=None, total=None, syns_again=5),
        tear("none", None, took=None),
        client=side("CLOSED/inferred SYN_SENT/observed@1 CLOSED/clock", retransmissions=5, packets=6),
        resets=[],
    ),
    connection(shake("three-way", "completed"), FOUR_WAY, time_wait=[stay("client")]),
)
def syn_given_up(wire: Wire) -> None:
    """A SYN and its five repetitions meet silence, and no further one comes: the client has given up. A minute later its next
    attempt succeeds.
    """
    _unanswered(wire)
    talk = wire.talk(client="192.0.2.10:40001", start_s=60.0)
    talk.open()
    talk.exchange()
    talk.close("client")


@story(
    "syn-refused.pcap",
    connection(
        shake(outcome="refused", to_synack=None, to_ack=None, total=None),
        tear("rst", None, reset=reset("server", "refused", 2)),
        client="CLOSED/inferred SYN_SENT/observed@1 CLOSED@2",
        server="CLOSED/inferred",
        resets=[reset("server", "refused", 2)],
    ),
)
def syn_refused(wire: Wire) -> None:
    """Nobody listens: the SYN is answered by a RST."""
    talk = wire.talk(isn=(1_000_000_000, 0))
    talk.client.send("S")
    talk.server.send("RA", seq=0, ip_id=0)


@story(
    "half-open.pcap",
    connection(
        shake(outcome="in-progress", to_synack=0.04, to_ack=None, total=None, synacks_again=3),
        tear("none", None),
        client="CLOSED SYN_SENT CLOSED/clock",
        server=side("LISTEN/inferred SYN_RECEIVED/observed@2", retransmissions=3),
    ),
)
def half_open(wire: Wire) -> None:
    """The SYN/ACK and its three repetitions are not acknowledged by the end of the capture, taken at the server; the client
    has given up.
    """
    talk = wire.talk(tap="server")
    talk.client.send("S")
    synack = talk.server.send("SA", lost="after")
    for pause_s in (1.0, 2.0, 4.0):
        talk.server.resend(synack, after=pause_s, lost="after")


@story(
    "handshake-aborted.pcap",
    connection(
        shake(outcome="aborted", to_synack=19.96, to_ack=None, total=None),
        tear("rst", None, reset=reset("client", "aborted-handshake", 3)),
        client="CLOSED SYN_SENT CLOSED@3",
        resets=[reset("client", "aborted-handshake", 3)],
    ),
)
def handshake_aborted(wire: Wire) -> None:
    """A port scanner answers the SYN/ACK with a RST."""
    talk = wire.talk()
    talk.client.send("S")
    talk.server.send("SA")
    talk.client.send("R", seq=1)


@story(
    "accept-queue-full.pcap",
    connection(
        shake("three-way", "completed", to_synack=0.04, synacks_again=2),
        tear("none", None),
        client=CLIENT_UP,
        server="LISTEN SYN_RECEIVED@2",
    ),
)
def accept_queue_full(wire: Wire) -> None:
    """The server's accept queue is full: it ignores the ACK and the data and repeats its SYN/ACK; the client believes
    that it is connected.
    """
    talk = wire.talk(tap="server")
    talk.client.send("S")
    synack = talk.server.send("SA")
    talk.client.send("A")
    request = talk.client.send("PA", 90, lost="after")
    talk.client.resend(request, after=0.22, lost="after")
    talk.client.resend(request, after=0.45, lost="after")
    talk.server.now_ns = synack.captured_ns
    talk.server.resend(synack, after=1.02)
    talk.client.send("A", sack=((0, 1),))
    talk.client.resend(request, after=0.55, lost="after")
    talk.server.resend(synack, after=1.46)
    talk.client.send("A", sack=((0, 1),))


@story(
    "ecn-setup.pcap",
    connection(
        shake("three-way", "completed", total=20.0),
        FOUR_WAY,
        client=CLIENT_FIRST,
        server=SERVER_SECOND,
        time_wait=[stay("client")],
    ),
)
def ecn_setup(wire: Wire) -> None:
    """A handshake that negotiates ECN: the SYN carries ECE and CWR, the SYN/ACK carries ECE."""
    talk = wire.talk()
    talk.client.send("SEC")
    talk.server.send("SAE")
    talk.client.send("A")
    talk.exchange()
    talk.close("client")


@story(
    "sequence-numbers-wrap.pcap",
    connection(
        shake("three-way", "completed", total=20.0),
        FOUR_WAY,
        client=side(CLIENT_FIRST, payload_bytes=180, retransmissions=0),
        server=side(SERVER_SECOND, payload_bytes=600, retransmissions=0),
        time_wait=[stay("client")],
    ),
)
def sequence_numbers_wrap(wire: Wire) -> None:
    """Both sides' numbers pass 2**32: the server's with the SYN itself, the client's within the data."""
    talk = wire.talk(isn=(2**32 - 41, 2**32 - 1))
    talk.open()
    talk.exchange()
    talk.exchange()
    talk.close("client")


@story(
    "several-handshakes-ipv6.pcap",
    connection(shake("three-way", "completed", total=20.0), tear("four-way", "client", segments=4),
               client=CLIENT_FIRST, server=SERVER_SECOND, time_wait=[stay("client")],
               id=0, stream=0, ends=("[2001:db8::10]:40000", "[2001:db8:1::20]:443")),
    connection(shake(outcome="refused"), tear("rst", None, reset=reset("server", "refused")),
               client="CLOSED SYN_SENT CLOSED", server="CLOSED", id=1, stream=1),
)  # fmt: skip
def several_handshakes_ipv6(wire: Wire) -> None:
    """Two connections over IPv6: one completes, one is refused."""
    talk = wire.talk(client="[2001:db8::10]:40000", server="[2001:db8:1::20]:443")
    talk.open()
    talk.exchange()
    talk.close("client")
    other = wire.talk(client="[2001:db8::10]:40001", server="[2001:db8:1::20]:444", start_s=0.5, isn=(1_100_000_000, 0))
    other.client.send("S")
    other.server.send("RA", seq=0)
