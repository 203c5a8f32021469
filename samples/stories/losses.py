"""Segments lost, late or given up in open connections and in closes."""

from samples.stories.expect import connection, reset, shake, side, stay, tear
from samples.stories.paths import CLIENT_FIRST, CLIENT_UP, SERVER_SECOND, SERVER_UP
from samples.stories.shared import DONE, FOUR_WAY
from samples.stories.story import story
from tests.writer.talk import Wire


@story(
    "data-lost.pcap",
    connection(
        DONE,
        FOUR_WAY,
        client=side(CLIENT_FIRST, payload_bytes=90, retransmissions=1, fin_retransmissions=0, packets=7),
        server=side(SERVER_SECOND, retransmissions=0),
        time_wait=[stay("client")],
    ),
)
def data_lost(wire: Wire) -> None:
    """The request is lost behind the capture and sent again after its retransmission timeout."""
    talk = wire.talk()
    talk.open()
    request = talk.client.send("PA", 90, lost="after")
    talk.client.resend(request, after=0.22)
    talk.server.send("A")
    talk.server.send("PA", 300, after=0.005)
    talk.client.send("A")
    talk.close("client")


@story(
    "data-lost-before-the-capture.pcap",
    connection(
        DONE,
        FOUR_WAY,
        client=CLIENT_FIRST,
        server=side(SERVER_SECOND, payload_bytes=3000),
        time_wait=[stay("client")],
    ),
)
def data_lost_before_capture(wire: Wire) -> None:
    """The first of three data segments is lost before the capture: the client reports the gap by SACK, and what fills
    it is seen once only.
    """
    talk = wire.talk()
    talk.open()
    talk.client.send("PA", 90)
    lost = talk.server.send("A", 1000, lost="before")
    talk.server.send("A", 1000)
    talk.client.send("A", sack=((1001, 2001),))
    talk.server.send("PA", 1000)
    talk.client.send("A", sack=((1001, 3001),))
    talk.server.resend(lost, after=0.01)
    talk.client.send("A")
    talk.close("client")


@story(
    "data-reordered.pcap",
    connection(
        DONE,
        FOUR_WAY,
        client=CLIENT_FIRST,
        server=side(SERVER_SECOND, payload_bytes=3000, retransmissions=0),
        time_wait=[stay("client")],
    ),
)
def data_reordered(wire: Wire) -> None:
    """Two of three data segments overtake the first one by half a millisecond: reordered, not retransmitted."""
    talk = wire.talk()
    talk.open()
    talk.client.send("PA", 90)
    with talk.crossing():
        talk.server.send("A", 1000, delay=0.0005)
        talk.server.send("A", 1000)
        talk.server.send("PA", 1000)
    talk.client.send("A")
    talk.close("client")


@story(
    "spurious-retransmission.pcap",
    connection(
        DONE,
        FOUR_WAY,
        client=CLIENT_FIRST,
        server=side(SERVER_SECOND, payload_bytes=1000, retransmissions=1),
        time_wait=[stay("client")],
    ),
)
def spurious_retransmission(wire: Wire) -> None:
    """An ACK is lost and the data that it covered comes again; the answer says so by DSACK."""
    talk = wire.talk()
    talk.open()
    talk.client.send("PA", 90)
    answer = talk.server.send("PA", 1000)
    talk.client.send("A", lost="after")
    talk.server.resend(answer, after=0.22)
    talk.client.send("A", sack=((1, 1001),))
    talk.close("client")


@story(
    "fin-lost.pcap",
    connection(
        DONE,
        FOUR_WAY,
        client=side(
            f"{CLIENT_UP} FIN_WAIT_1@8 FIN_WAIT_2/assumed@10 TIME_WAIT/observed@12",
            retransmissions=1,
            fin_retransmissions=1,
        ),
        server=side(f"{SERVER_UP} CLOSE_WAIT LAST_ACK@11 CLOSED@12", fin_retransmissions=0),
        time_wait=[stay("client", basis="observed")],
    ),
)
def fin_lost(wire: Wire) -> None:
    """The first FIN is lost behind the capture and sent again."""
    talk = wire.talk()
    talk.open()
    talk.exchange()
    fin = talk.client.send("FA", lost="after")
    talk.client.resend(fin, after=0.22)
    talk.server.send("A")
    talk.server.send("FA", after=0.002)
    talk.client.send("A")


@story(
    "second-fin-lost.pcap",
    connection(
        DONE,
        FOUR_WAY,
        client=CLIENT_FIRST,
        server=side(f"{SERVER_UP} CLOSE_WAIT/observed LAST_ACK@10 CLOSED@12", fin_retransmissions=1),
        time_wait=[stay("client")],
    ),
)
def second_fin_lost(wire: Wire) -> None:
    """The second closer's FIN is lost and sent again; captured at its sender, the server."""
    talk = wire.talk(tap="server")
    talk.open()
    talk.exchange()
    talk.client.send("FA")
    talk.server.send("A")
    fin = talk.server.send("FA", after=0.002, lost="after")
    talk.server.resend(fin, after=0.22)
    talk.client.send("A")


@story(
    "data-and-fin-sent-again-as-one.pcap",
    connection(
        DONE,
        tear("four-way", "client"),
        client=side(CLIENT_FIRST, payload_bytes=90, retransmissions=1, fin_retransmissions=1),
        server=SERVER_SECOND,
        time_wait=[stay("client")],
    ),
)
def data_and_fin_sent_again_as_one(wire: Wire) -> None:
    """The last data and the FIN behind it are both lost and come again in one segment."""
    talk = wire.talk()
    talk.open()
    request = talk.client.send("PA", 90, lost="after")
    talk.client.send("FA", lost="after")
    talk.client.resend(request, flags="FPA", after=0.22)
    talk.server.send("A")
    talk.server.send("FA", after=0.002)
    talk.client.send("A")


@story(
    "data-sent-again-with-more.pcap",
    connection(
        DONE,
        FOUR_WAY,
        client=side(CLIENT_FIRST, payload_bytes=900, retransmissions=1),
        server=SERVER_SECOND,
        time_wait=[stay("client")],
    ),
)
def data_sent_again_with_more(wire: Wire) -> None:
    """What is sent again is cut anew: the lost 600 bytes come with 300 new ones in one segment."""
    talk = wire.talk()
    talk.open()
    talk.client.send("PA", 600, lost="after")
    talk.client.send("PA", 900, seq=1, after=0.22)
    talk.server.send("A")
    talk.close("client")


@story(
    "gives-up-in-silence.pcap",
    connection(
        DONE,
        tear("none", None),
        client=side(CLIENT_UP, retransmissions=5),
        server=SERVER_UP,
    ),
)
def gives_up_in_silence(wire: Wire) -> None:
    """The server vanishes; the request is sent again five times, then the client gives up, which nobody can see."""
    talk = wire.talk()
    talk.open()
    talk.exchange()
    request = talk.client.send("PA", 90, lost="after")
    for pause_s in (0.22, 0.44, 0.88, 1.76, 3.52):
        talk.client.resend(request, after=pause_s, lost="after")


@story(
    "gives-up-with-a-reset.pcap",
    connection(
        DONE,
        tear("rst", None, reset=reset("client", "abort", 13)),
        client=side(f"{CLIENT_UP} CLOSED/observed@13", retransmissions=4),
    ),
)
def gives_up_with_a_reset(wire: Wire) -> None:
    """The server vanishes; after four repetitions of the request the client aborts, which it does say."""
    talk = wire.talk()
    talk.open()
    talk.exchange()
    request = talk.client.send("PA", 90, lost="after")
    for pause_s in (0.22, 0.44, 0.88, 1.76):
        talk.client.resend(request, after=pause_s, lost="after")
    talk.client.send("RA", after=1.0, lost="after")


@story(
    "half-open-reset-by-server.pcap",
    connection(
        shake(total=None, synacks_again=2),
        tear("rst", None, reset=reset("server", "aborted-handshake", 5)),
        server="LISTEN SYN_RECEIVED CLOSED",
        anomalies=None,
    ),
)
def handshake_given_up(wire: Wire) -> None:
    """The client never completes the handshake; the server repeats its SYN/ACK and then resets (as BSD does)."""
    talk = wire.talk(tap="server")
    talk.client.send("S")
    synack = talk.server.send("SA", lost="after")
    for pause_s in (1.0, 2.0):
        talk.server.resend(synack, after=pause_s, lost="after")
    talk.server.send("RA", after=4.0, lost="after")
