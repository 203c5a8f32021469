"""Old, stray and forged segments that begin or disturb a connection."""

from samples.stories.expect import connection, reset, shake, side, stay, tear
from samples.stories.paths import CLIENT_FIRST, SERVER_SECOND, SERVER_UP
from samples.stories.shared import FOUR_WAY
from samples.stories.story import story
from tests.writer.side import NEAR_NS
from tests.writer.talk import Wire


@story(
    "synack-wrong-ack.pcap",
    connection(
        shake("three-way", "completed", to_ack=0.04),
        FOUR_WAY,
        client="CLOSED SYN_SENT@1 ESTABLISHED/observed@5 FIN_WAIT_1 FIN_WAIT_2 TIME_WAIT",
        time_wait=[stay("client")],
        anomalies=["synack-wrong-ack"],
    ),
)
def synack_wrong_ack(wire: Wire) -> None:
    """A SYN/ACK answers an old SYN that reached the server first: its ACK is not x+1, the client resets that and the
    attempt goes on (RFC 9293, figure 8).
    """
    talk = wire.talk()
    talk.client.send("S")
    talk.server.send("SA", seq=-5000, ack=-999, lost="after")
    talk.client.send("R", seq=-999, after=0.02, lost="after")
    talk.server.send("SA", after=0.015)
    talk.client.send("A")
    talk.exchange()
    talk.close("client")


@story(
    "forged-reset-in-syn-sent.pcap",
    connection(
        shake("three-way", "completed", total=20.0),
        FOUR_WAY,
        client="CLOSED SYN_SENT@1 ESTABLISHED/observed@4 FIN_WAIT_1 FIN_WAIT_2 TIME_WAIT",
        time_wait=[stay("client")],
        anomalies=["rst-ignored"],
    ),
)
def forged_reset_in_syn_sent(wire: Wire) -> None:
    """A RST that does not acknowledge the SYN does not end the attempt."""
    talk = wire.talk()
    talk.client.send("S")
    talk.server.now_ns -= 3_000_000
    talk.server.send("RA", seq=5, ack=0, lost="after", ttl=250)
    talk.server.now_ns += 2_990_000
    talk.server.send("SA")
    talk.client.send("A")
    talk.exchange()
    talk.close("client")


@story(
    "old-syn-in-connection.pcap",
    connection(
        shake("three-way", "completed", total=20.0, syns_again=...),
        FOUR_WAY,
        client=CLIENT_FIRST,
        server=SERVER_SECOND,
        time_wait=[stay("client")],
        anomalies=["old-duplicate-syn"],
    ),
)
def old_syn_in_connection(wire: Wire) -> None:
    """The network delivers a second copy of the SYN half a second into the connection; the server acknowledges and
    ignores it.
    """
    talk = wire.talk(tap="server")
    syn = talk.client.send("S")
    talk.server.send("SA")
    talk.client.send("A")
    talk.exchange()
    talk.replay(syn, after=0.5)
    talk.server.send("A")
    talk.exchange()
    talk.close("client")


@story(
    "old-syn-after-close.pcap",
    connection(
        shake("three-way", "completed", total=20.0, syns_again=...),
        FOUR_WAY,
        client=CLIENT_FIRST,
        server=SERVER_SECOND,
        time_wait=[stay("client")],
        anomalies=["old-duplicate-syn"],
        resets=[reset("server", "late", 13)],
    ),
)
def old_syn_after_close(wire: Wire) -> None:
    """A second copy of the SYN arrives after the close: the server, which no longer listens, resets it, which cannot
    hurt the client's TIME_WAIT.
    """
    talk = wire.talk(tap="server")
    syn = talk.client.send("S")
    talk.server.send("SA")
    talk.client.send("A")
    talk.exchange()
    talk.close("client")
    talk.replay(syn, after=0.8)
    talk.server.send("RA", seq=-talk.server.isn, ack=1, ip_id=0)


@story(
    "stray-syn-in-connection.pcap",
    connection(
        shake("three-way", "completed", total=20.0),
        FOUR_WAY,
        client=side(CLIENT_FIRST, payload_bytes=180),
        server=SERVER_SECOND,
        time_wait=[stay("client")],
        anomalies=["stray-syn"],
        stream=0,
    ),
    connection(shake("three-way", "completed"), FOUR_WAY, client=CLIENT_FIRST, time_wait=[stay("client")], id=1, stream=2),
)
def stray_syn_in_connection(wire: Wire) -> None:
    """A SYN with another initial number comes on an open connection and gets an ACK only: no new incarnation, though
    Wireshark begins a new stream there, so that the next connection is its stream 2.
    """
    talk = wire.talk(tap="server")
    talk.open()
    talk.exchange()
    talk.client.send("S", seq=700_000_000, after=0.3, lost="after", timestamp=4_000_000)
    talk.client.next_seq = talk.client.isn + 91
    talk.server.send("A", after=0.32)
    talk.exchange()
    talk.close("client")
    other = wire.talk(tap="server", client="192.0.2.10:40001", start_s=2.0)
    other.open()
    other.exchange()
    other.close("client")


@story(
    "syn-again-with-new-number.pcap",
    connection(
        shake(None, "unanswered", total=None, syns_again=1),
        tear("none", None),
        client="CLOSED SYN_SENT CLOSED/clock",
        anomalies=None,
        stream=0,
    ),
    connection(
        shake("three-way", "completed", to_synack=19.96, to_ack=0.04, total=20.0),
        FOUR_WAY,
        client=CLIENT_FIRST,
        server=SERVER_SECOND,
        time_wait=[stay("client")],
        anomalies=None,
        stream=1,
    ),
)
def syn_again_with_new_number(wire: Wire) -> None:
    """An attempt that nobody answers is given up, and another one from the same port, with a new initial number,
    succeeds: two connections.
    """
    first = wire.talk().client
    syn = first.send("S", lost="after")
    first.resend(syn, after=1.0, lost="after")
    talk = wire.talk(start_s=5.0, isn=(1_500_000_000, 3_100_000_000))
    talk.open()
    talk.exchange()
    talk.close("client")


@story(
    "odd-flags.pcap",
    connection(shake(syns_again=...), anomalies=["syn-fin"], time_wait=()),
    connection(anomalies=["bad-flags"], time_wait=()),
    connection(anomalies=["bad-flags"], time_wait=()),
    problems=None,
)
def odd_flags(wire: Wire) -> None:
    """What scanners send: SYN with FIN, no flag at all, and FIN with PSH and URG; a closed port resets each."""
    for number, (flags, acknowledged) in enumerate((("SF", 2), ("", 0), ("FPU", 1))):
        talk = wire.talk(client=f"192.0.2.10:{40000 + number}", start_s=number, isn=(1_000_000_000, 0), timestamps=False)
        talk.client.send(flags)
        talk.server.send("RA", seq=0, ack=acknowledged, ip_id=0)


@story(
    "half-open-connection-discovered.pcap",
    connection(
        shake("three-way", "completed", total=20.0),
        tear("rst", None, reset=reset("client", "no-socket", 10)),
        server=f"{SERVER_UP} CLOSED",
        anomalies=None,
        stream=0,
    ),
    connection(
        shake("three-way", "completed", syns_again=...),
        FOUR_WAY,
        client="CLOSED SYN_SENT ESTABLISHED FIN_WAIT_1 FIN_WAIT_2 TIME_WAIT",
        server=SERVER_SECOND,
        time_wait=[stay("client")],
        anomalies=None,
        stream=1,
    ),
)
def half_open_connection_discovered(wire: Wire) -> None:
    """The client's host crashed and connects again from the same port: the server, still ESTABLISHED, answers the SYN
    with an old ACK, the client resets that, and its second SYN succeeds (RFC 9293, figure 9).
    """
    old = wire.talk(tap="server")
    old.open()
    old.exchange()
    talk = wire.talk(tap="server", start_s=30.0, isn=(1_300_000_000, 3_200_000_000))
    syn = talk.client.send("S", lost="after")
    old.server.now_ns = syn.captured_ns + NEAR_NS
    old.server.send("A")
    old.client.send("R", seq=91)
    talk.client.resend(syn, after=1.0)
    talk.server.send("SA")
    talk.client.send("A")
    talk.exchange()
    talk.close("client")
