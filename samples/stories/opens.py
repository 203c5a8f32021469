"""Unusual beginnings: simultaneous open, self-connect, Fast Open, old SYNs, new numbers, odd flags."""

from samples.stories.expect import Among, connection, reset, shake, side, stay, tear
from samples.stories.paths import CLIENT_FIRST, CLOSES_FIRST, CLOSES_SECOND, SERVER_SECOND, SERVER_UP
from samples.stories.shared import FOUR_WAY
from samples.stories.story import story
from samples.writer.files import Frame
from samples.writer.talk import NEAR_NS, Wire


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
    talk = wire.talk(
        client="127.0.0.1:40000", server="127.0.0.1:40000", rtt_s=0.00005, isn=(1_000_000_000, 1_000_000_000)
    )
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
    connection(
        shake("three-way", "completed"), FOUR_WAY, client=CLIENT_FIRST, time_wait=[stay("client")], id=1, stream=2
    ),
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
        client="CLOSED SYN_SENT",
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
        talk = wire.talk(
            client=f"192.0.2.10:{40000 + number}", start_s=number, isn=(1_000_000_000, 0), timestamps=False
        )
        talk.client.send(flags)
        talk.server.send("RA", seq=0, ack=acknowledged, ip_id=0)


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
