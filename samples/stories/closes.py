"""Closes: from either side, merged, half, at once, never."""

from samples.stories.expect import connection, shake, side, stay, tear
from samples.stories.paths import (
    CLIENT_FIRST,
    CLIENT_SECOND,
    CLIENT_UP,
    CLOSES_FIRST,
    CLOSES_SECOND,
    CLOSES_WITH,
    SERVER_FIRST,
    SERVER_SECOND,
    SERVER_UP,
)
from samples.stories.shared import DONE, served
from samples.stories.story import story
from tests.writer.talk import Wire


@story(
    "server-closes-first.pcap",
    connection(
        DONE,
        tear("four-way", "server", segments=4),
        client=CLIENT_SECOND,
        server="LISTEN SYN_RECEIVED ESTABLISHED FIN_WAIT_1@8 FIN_WAIT_2/assumed@9 TIME_WAIT/observed@11",
        time_wait=[stay("server", basis="observed")],
    ),
    document={"summary": {"teardown": {"four-way": 1}, "time_wait": {"entered": 1, "at_end": 1}}},
)
def server_closes_first(wire: Wire) -> None:
    """The server closes first, in four segments, and holds TIME_WAIT."""
    served(wire, tap="server").close("server")


@story(
    "fin-on-the-ack.pcap",
    connection(
        DONE,
        tear("four-way", "client", segments=3),
        client=f"{CLIENT_UP} FIN_WAIT_1@8 FIN_WAIT_2 TIME_WAIT/observed@10",
        server=f"{SERVER_UP} CLOSE_WAIT LAST_ACK@9 CLOSED/assumed@10",
        time_wait=[stay("client", basis="observed")],
    ),
)
def fin_on_the_ack(wire: Wire) -> None:
    """The second FIN comes on the ACK of the first: three segments."""
    served(wire).close("client", segments=3)


@story(
    "server-first-fin-on-the-ack.pcap",
    connection(
        DONE,
        tear("four-way", "server", segments=3),
        client=CLIENT_SECOND,
        server=SERVER_FIRST,
        time_wait=[stay("server", basis="observed")],
    ),
)
def server_first_fin_on_the_ack(wire: Wire) -> None:
    """The server closes first and the client's FIN comes on its ACK; captured at the client."""
    served(wire).close("server", segments=3)


@story(
    "fin-with-data.pcap",
    connection(
        DONE,
        tear("four-way", "server"),
        client=side(CLIENT_SECOND, payload_bytes=120),
        server=side(SERVER_FIRST, payload_bytes=500),
        time_wait=[stay("server", basis="observed")],
    ),
)
def fin_with_data(wire: Wire) -> None:
    """Both FINs carry the last data of their side."""
    talk = wire.talk(tap="server")
    talk.open()
    talk.client.send("PA", 90)
    talk.server.send("FPA", 500)
    talk.client.send("FPA", 30)
    talk.server.send("A")


@story(
    "half-close.pcap",
    connection(
        DONE,
        tear("four-way", "client", segments=4),
        client=side(f"{CLIENT_UP} FIN_WAIT_1@5 FIN_WAIT_2/assumed@6 TIME_WAIT/observed", payload_bytes=90, retransmissions=0),
        server=side(SERVER_SECOND, payload_bytes=6000, retransmissions=0),
        time_wait=[stay("client", basis="observed")],
    ),
)
def half_close(wire: Wire) -> None:
    """The client ends its direction after the request; the answer flows on for six seconds before the server closes."""
    talk = wire.talk()
    talk.open()
    talk.client.send("PA", 90)
    talk.client.send("FA")
    talk.server.send("A")
    for _ in range(6):
        talk.server.send("PA", 1000, after=1.0)
        talk.client.send("A")
    talk.server.send("FA", after=0.5)
    talk.client.send("A")


@story(
    "simultaneous-close.pcap",
    connection(
        DONE,
        tear("simultaneous", "client"),
        client=f"{CLIENT_UP} {CLOSES_WITH}",
        server=f"{SERVER_UP} {CLOSES_WITH}",
        time_wait=[stay("client", basis="assumed"), stay("server", basis="assumed")],
    ),
    document={"summary": {"teardown": {"simultaneous": 1}, "time_wait": {"entered": 2, "at_end": 2}}},
)
def simultaneous_close(wire: Wire) -> None:
    """Both FINs are on their way at once: CLOSING and TIME_WAIT on both sides."""
    talk = served(wire, tap="middle")
    with talk.crossing():
        talk.client.send("FA", after=0.5)
        talk.server.send("FA", after=0.495)
    with talk.crossing():
        talk.client.send("A")
        talk.server.send("A")


@story(
    "simultaneous-close-fin-lost.pcap",
    connection(
        DONE,
        tear("simultaneous", "client"),
        client=f"{CLIENT_UP} FIN_WAIT_1 FIN_WAIT_2 TIME_WAIT",
        server=side(f"{SERVER_UP} FIN_WAIT_1 CLOSING TIME_WAIT", fin_retransmissions=1),
        time_wait=[stay("client"), stay("server", basis="assumed")],
    ),
)
def simultaneous_close_fin_lost(wire: Wire) -> None:
    """The FINs cross, but the server's is lost: the client learns that its own arrived before it sees the other, and
    passes FIN_WAIT_2 instead of CLOSING.
    """
    talk = served(wire, tap="middle")
    with talk.crossing():
        talk.client.send("FA", after=0.5)
        fin = talk.server.send("FA", after=0.495, lost="after")
    talk.server.send("A")
    talk.server.resend(fin, after=0.22)
    talk.client.send("A")


@story(
    "fin-wait-2-never-ends.pcap",
    connection(
        DONE,
        tear("half-closed", "client", censored=True),
        client=f"{CLIENT_UP} FIN_WAIT_1@8 FIN_WAIT_2/assumed@9",
        server=f"{SERVER_UP} CLOSE_WAIT/observed",
    ),
)
def fin_wait_2_never_ends(wire: Wire) -> None:
    """The client closes, the server acknowledges and never closes: FIN_WAIT_2 here, CLOSE_WAIT there."""
    talk = served(wire)
    talk.client.send("FA")
    talk.server.send("A")


@story(
    "close-wait-never-closes.pcap",
    connection(
        DONE,
        tear("half-closed", "server", censored=False),
        client=f"{CLIENT_UP} CLOSE_WAIT/observed",
        server=f"{SERVER_UP} FIN_WAIT_1@8 FIN_WAIT_2/assumed@9",
    ),
    connection(
        DONE,
        tear("half-closed", "server", censored=False),
        client=f"{CLIENT_UP} CLOSE_WAIT/observed",
        server=f"{SERVER_UP} FIN_WAIT_1 FIN_WAIT_2/assumed",
    ),
    connection(DONE, tear("four-way", "server", segments=4), time_wait=[stay("server", basis="observed")]),
)
def close_wait_never_closes(wire: Wire) -> None:
    """A client forgets to close what its server has closed: two connections stay in CLOSE_WAIT, a third one, twenty
    seconds later, does not.
    """
    for number in range(2):
        talk = served(wire, client=f"192.0.2.10:{40000 + number}", start_s=number)
        talk.server.send("FA", after=0.1)
        talk.client.send("A")
    served(wire, client="192.0.2.10:40002", start_s=22.0).close("server")


@story(
    "last-ack-lost.pcap",
    connection(
        DONE,
        tear("four-way", "client", segments=4),
        client=f"{CLIENT_UP} FIN_WAIT_1@8 FIN_WAIT_2/assumed@9 TIME_WAIT/observed@11",
        server=side(f"{SERVER_UP} CLOSE_WAIT LAST_ACK@10 CLOSED/assumed@13", fin_retransmissions=1, retransmissions=1),
        time_wait=[stay("client", 0.06704, basis="observed", restarts=1)],
    ),
)
def last_ack_lost(wire: Wire) -> None:
    """The last ACK is lost: the server stays in LAST_ACK until its second FIN is acknowledged, and the client's
    TIME_WAIT starts anew.
    """
    talk = served(wire)
    talk.client.send("FA")
    talk.server.send("A")
    fin = talk.server.send("FA", after=0.002)
    talk.client.send("A", lost="after")
    talk.server.resend(fin, after=0.22)
    talk.client.send("A", sack=((301, 302),))


@story(
    "last-ack-never-ends.pcap",
    connection(
        DONE,
        tear("unfinished-close", "client", censored=True),
        server=side(f"{SERVER_UP} CLOSE_WAIT LAST_ACK", fin_retransmissions=4),
        time_wait=None,
    ),
)
def last_ack_never_ends(wire: Wire) -> None:
    """The client has gone after its own FIN: the server's FIN and its repetitions are never acknowledged. Captured at
    the server.
    """
    talk = served(wire, tap="server")
    talk.client.send("FA")
    talk.server.send("A")
    fin = talk.server.send("FA", after=0.002, lost="after")
    for pause_s in (0.22, 0.44, 0.88, 1.76):
        talk.server.resend(fin, after=pause_s, lost="after")


@story(
    "capture-ends-before-the-last-ack.pcap",
    connection(
        DONE,
        tear("unfinished-close", "client", censored=True),
        client=f"{CLIENT_UP} FIN_WAIT_1 FIN_WAIT_2 TIME_WAIT/assumed",
        server=f"{SERVER_UP} CLOSE_WAIT LAST_ACK",
        time_wait=[stay("client", basis="assumed")],
    ),
)
def capture_ends_before_last_ack(wire: Wire) -> None:
    """The capture ends with the second FIN, whose ACK would have followed."""
    talk = served(wire)
    talk.client.send("FA")
    talk.server.send("A")
    talk.server.send("FA", after=0.002)


@story(
    "closed-without-data.pcap",
    connection(
        shake("three-way", "completed", total=20.0),
        tear("four-way", "client", segments=3),
        client=side(f"{CLIENT_UP} {CLOSES_FIRST}", payload_bytes=0),
        server=side(f"{SERVER_UP} {CLOSES_SECOND}", payload_bytes=0),
        time_wait=[stay("client", basis="observed")],
    ),
)
def closed_without_data(wire: Wire) -> None:
    """A health check: the connection is closed as soon as it is open."""
    talk = wire.talk()
    talk.open()
    talk.close("client", segments=3)


@story(
    "data-after-fin.pcap",
    connection(
        DONE,
        tear("four-way", "client", segments=...),
        client=CLIENT_FIRST,
        server=SERVER_SECOND,
        time_wait=[stay("client", restarts=...)],
        anomalies=["data-after-fin"],
    ),
)
def data_after_fin(wire: Wire) -> None:
    """A broken client sends data behind its own FIN; the server ignores it."""
    talk = served(wire)
    talk.client.send("FA")
    talk.client.send("PA", 25, lost="after")
    talk.client.next_seq = talk.client.isn + 92
    talk.server.send("A")
    talk.server.send("FA", after=0.002)
    talk.client.send("A")


@story(
    "simultaneous-close-far-fin-lost.pcap",
    connection(
        DONE,
        tear("simultaneous"),
        client=f"{CLIENT_UP} FIN_WAIT_1 FIN_WAIT_2 TIME_WAIT/observed",
        server=f"{SERVER_UP} FIN_WAIT_1 CLOSING TIME_WAIT",
        time_wait=[stay("client", basis="observed"), stay("server")],
    ),
)
def simultaneous_close_far_fin_lost(wire: Wire) -> None:
    """The FINs cross, but the server's is lost before the capture at the client: its ACK bears the number behind that
    FIN, which tells.
    """
    talk = served(wire)
    with talk.crossing():
        talk.client.send("FA", after=0.5)
        fin = talk.server.send("FA", after=0.495, lost="before")
    talk.server.send("A")
    talk.server.resend(fin, after=0.22)
    talk.client.send("A")
