"""TIME_WAIT: how stays begin, start anew and end."""

from samples.stories.expect import Among, connection, reset, shake, side, stay, tear
from samples.stories.paths import CLIENT_FIRST, CLIENT_SECOND, CLIENT_UP, CLOSES_FIRST, SERVER_SECOND, SERVER_UP
from samples.stories.shared import DONE, closed
from samples.stories.story import story
from tests.writer.side import NEAR_NS
from tests.writer.talk import Wire

LATER = connection(DONE, tear("four-way", "client", segments=4), time_wait=[stay("client", basis="observed")])


@story(
    "time-wait-expires.pcap",
    connection(
        DONE,
        tear("four-way", "client", segments=4),
        client=f"{CLIENT_FIRST} CLOSED/clock",
        server=SERVER_SECOND,
        time_wait=[stay("client", 0.06704, basis="observed", ended_by="expired", ended=60.06704)],
    ),
    LATER,
    document={"summary": {"time_wait": {"entered": 2, "peak": 1, "at_end": 1}}},
)
def time_wait_expires(wire: Wire) -> None:
    """The capture goes on for longer than the 60 s of a TIME_WAIT: another connection follows after 70 s."""
    closed(wire, "client")
    closed(wire, "client", client="192.0.2.10:40001", start_s=70.0)


@story(
    "time-wait-restarted.pcap",
    connection(
        DONE,
        tear("four-way", "client", segments=4),
        client=f"{CLIENT_UP} {CLOSES_FIRST} CLOSED/clock",
        server=side(f"{SERVER_UP} CLOSE_WAIT LAST_ACK CLOSED/assumed@15", fin_retransmissions=2),
        time_wait=[stay("client", 0.06704, restarts=2, ended_by="expired", ended=65.08705)],
    ),
    LATER,
)
def time_wait_restarted(wire: Wire) -> None:
    """Two ACKs of the server's FIN are lost: each repeated FIN starts TIME_WAIT anew, the last one five seconds
    later. It ends 60 s after that.
    """
    talk = wire.talk()
    talk.open()
    talk.exchange()
    talk.client.send("FA")
    talk.server.send("A")
    fin = talk.server.send("FA", after=0.002)
    talk.client.send("A", lost="after")
    talk.server.resend(fin, after=0.99)
    talk.client.send("A", lost="after")
    talk.server.resend(fin, after=4.03)
    talk.client.send("A")
    closed(wire, "client", client="192.0.2.10:40001", start_s=80.0)


@story(
    "time-wait-reused.pcap",
    connection(
        DONE,
        tear("four-way", "server", segments=4),
        client=CLIENT_SECOND,
        time_wait=[stay("server", ended_by="reused", ended=5.0)],
        stream=0,
    ),
    connection(
        DONE,
        tear("four-way", "server", segments=4),
        client=CLIENT_SECOND,
        time_wait=[stay("server")],
        stream=1,
    ),
    document={"hosts": Among(({"address": "198.51.100.20", "time_wait": {"stays_reused": 1}},))},
)
def time_wait_reused(wire: Wire) -> None:
    """A new SYN with a newer timestamp comes into the server's TIME_WAIT and opens the next incarnation. Captured at
    the server.
    """
    closed(wire, "server", tap="server")
    closed(wire, "server", tap="server", start_s=5.0, isn=(1_300_000_000, 3_200_000_000))


@story(
    "time-wait-reused-by-number.pcap",
    connection(
        DONE,
        tear("four-way", "server", segments=4),
        client=CLIENT_SECOND,
        time_wait=[stay("server", ended_by="reused", ended=5.0)],
    ),
    connection(DONE, tear("four-way", "server", segments=4), client=CLIENT_SECOND, time_wait=[stay("server")]),
)
def time_wait_reused_by_number(wire: Wire) -> None:
    """The same without timestamps: the initial number beyond the old connection's decides."""
    closed(wire, "server", tap="server", timestamps=False)
    closed(wire, "server", tap="server", start_s=5.0, isn=(1_300_000_000, 3_200_000_000), timestamps=False)


@story(
    "time-wait-reused-by-client.pcap",
    connection(
        DONE,
        tear("four-way", "client", segments=4),
        server=SERVER_SECOND,
        time_wait=[stay("client", ended_by="reused", ended=3.0)],
    ),
    LATER,
)
def time_wait_reused_by_client(wire: Wire) -> None:
    """A client with tcp_tw_reuse connects from the very port that it holds in TIME_WAIT, three seconds later."""
    closed(wire, "client")
    closed(wire, "client", start_s=3.0, isn=(1_300_000_000, 3_200_000_000))


@story(
    "time-wait-refuses-syn.pcap",
    connection(
        DONE,
        tear("four-way", "server", segments=4),
        client=CLIENT_SECOND,
        time_wait=[stay("server", restarts=1, ended_by="killed")],
        anomalies=None,
    ),
    connection(
        shake("three-way", "completed", to_synack=0.04, to_ack=19.96, total=1040.01, syns_again=1),
        tear("four-way", "server", segments=4),
        client=CLIENT_SECOND,
        time_wait=[stay("server")],
        anomalies=None,
    ),
)
def time_wait_refuses_syn(wire: Wire) -> None:
    """The SYN has a newer number but an older timestamp (two clients behind one NAT): TIME_WAIT answers with an old
    ACK, the client resets that, which kills TIME_WAIT, and its second SYN succeeds.
    """
    old = closed(wire, "server", tap="server")
    talk = wire.talk(tap="server", start_s=5.0, isn=(1_300_000_000, 3_200_000_000))
    syn = talk.client.send("S", timestamp=4_000_000, lost="after")
    old.server.now_ns = syn.captured_ns + 20_000
    old.server.send("A")
    refused_ns = old.client.now_ns
    talk.client.now_ns = refused_ns
    talk.client.send("R", seq=old.client.next_seq - talk.client.isn, lost="after")
    talk.client.next_seq = talk.client.isn + 1
    talk.client.resend(syn, after=1.0, timestamp=4_001_020)
    talk.server.send("SA")
    talk.client.send("A", timestamp=4_001_040)
    talk.client.send("PA", 90, timestamp=4_001_040)
    talk.server.send("PA", 300)
    talk.client.send("A", timestamp=4_001_060)
    talk.server.send("FA")
    talk.client.send("A", timestamp=4_001_080)
    talk.client.send("FA", timestamp=4_001_080)
    talk.server.send("A")


@story(
    "time-wait-assassinated.pcap",
    connection(
        shake("three-way", "completed", total=20.0, syns_again=...),
        tear("four-way", "server", segments=4),
        client=CLIENT_SECOND,
        time_wait=[stay("server", restarts=1, ended_by="killed")],
        anomalies=["old-duplicate-syn"],
        resets=[reset("client", "late", 14)],
    ),
)
def time_wait_assassinated(wire: Wire) -> None:
    """An old copy of the SYN reaches the server's TIME_WAIT, which answers with an ACK; the client has no socket any
    more and resets, which kills TIME_WAIT (RFC 1337).
    """
    talk = wire.talk(tap="server")
    syn = talk.client.send("S")
    talk.server.send("SA")
    talk.client.send("A")
    talk.exchange()
    talk.close("server")
    talk.replay(syn, after=1.5)
    talk.server.send("A")
    talk.client.send("R")


@story(
    "time-wait-killed-by-reset.pcap",
    connection(
        DONE,
        tear("four-way", "server", segments=4),
        client=CLIENT_SECOND,
        time_wait=[stay("server", ended_by="killed", ended=0.58703)],
        anomalies=None,
        resets=[reset("client", "late", 12)],
    ),
    document={"hosts": Among(({"address": "198.51.100.20", "time_wait": {"stays_killed": 1}},))},
)
def time_wait_killed_by_reset(wire: Wire) -> None:
    """A client sends a RST at the next number after the complete close: it kills the server's TIME_WAIT and does not
    change the pattern.
    """
    talk = closed(wire, "server", tap="server")
    talk.client.send("R", after=0.5)


@story(
    "segment-after-close.pcap",
    connection(
        DONE,
        tear("four-way", "client", segments=4),
        client=CLIENT_FIRST,
        server=SERVER_SECOND,
        time_wait=[stay("client", 0.06704, restarts=1)],
        anomalies=["segment-after-close"],
    ),
)
def segment_after_close(wire: Wire) -> None:
    """The server's host repeats its last number in a bare ACK two seconds after the complete close: Linux starts
    TIME_WAIT anew.
    """
    talk = closed(wire, "client")
    talk.server.send("A", after=2.0)


@story(
    "segment-of-an-earlier-incarnation.pcap",
    connection(
        DONE,
        tear("four-way", "server", segments=4),
        client=CLIENT_SECOND,
        time_wait=[stay("server", ended_by="reused", ended=2.0)],
        anomalies=None,
        stream=0,
    ),
    connection(
        DONE,
        tear("four-way", "server", segments=4),
        client=side(CLIENT_SECOND, payload_bytes=180, retransmissions=0),
        time_wait=[stay("server")],
        anomalies=["old-incarnation-segment"],
        stream=1,
    ),
)
def segment_of_an_earlier_incarnation(wire: Wire) -> None:
    """A copy of the first connection's request arrives in the second connection of the same four-tuple: old numbers,
    an old timestamp; it is acknowledged and ignored.
    """
    old = wire.talk(tap="server")
    old.open()
    request = old.client.send("PA", 90)
    old.server.send("A")
    old.server.send("PA", 300, after=0.005)
    old.client.send("A")
    old.close("server")
    talk = wire.talk(tap="server", start_s=2.0, isn=(1_300_000_000, 3_200_000_000))
    talk.open()
    talk.exchange()
    old.replay(request, after=2.5, delivered=False)
    talk.server.now_ns = request.captured_ns + 2_500_000_000 + NEAR_NS
    talk.server.send("A")
    talk.exchange()
    talk.close("server")
