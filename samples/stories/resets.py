"""Resets: each cause, and those that end nothing."""

from samples.stories.expect import AnyOf, connection, reset, shake, side, stay, tear
from samples.stories.paths import CLIENT_FIRST, CLIENT_UP, SERVER_SECOND, SERVER_UP
from samples.stories.shared import DONE, served
from samples.stories.story import story
from tests.writer.side import NEAR_NS
from tests.writer.talk import Wire


@story(
    "reset-abort.pcap",
    connection(
        DONE,
        tear("rst", None, reset=reset("client", "abort", 8)),
        client=f"{CLIENT_UP} CLOSED/observed@8",
        server=f"{SERVER_UP} CLOSED/assumed@8",
        resets=[reset("client", "abort", 8)],
    ),
)
def reset_abort(wire: Wire) -> None:
    """A client that has read everything aborts the connection two seconds later (SO_LINGER 0)."""
    served(wire).client.send("RA", after=2.0)


@story(
    "reset-abort-by-server.pcap",
    connection(
        DONE,
        tear("rst", None, reset=reset("server", "abort", 8)),
        client=f"{CLIENT_UP} CLOSED/assumed",
        server=f"{SERVER_UP} CLOSED/observed@8",
        resets=[
            reset("server", "abort", 8),
            reset("server", AnyOf(("no-socket", "late")), 10),
            reset("server", AnyOf(("no-socket", "late")), 12),
        ],
    ),
)
def reset_abort_by_server(wire: Wire) -> None:
    """The server aborts an idle connection; what the client had on its way then meets no socket and is reset too."""
    talk = served(wire, tap="server")
    with talk.crossing():
        talk.server.send("RA", after=3.0)
        requests = [talk.client.send("PA", 60, after=pause_s) for pause_s in (3.005, 0.003)]
    for request in requests:
        talk.server.now_ns = request.captured_ns + NEAR_NS
        talk.server.send("R", seq=301)


@story(
    "reset-abort-unread-data.pcap",
    connection(
        DONE,
        tear("rst", None, reset=reset("client", "abort-unread-data", 7)),
        client=f"{CLIENT_UP} CLOSED/observed@7",
        server=f"{SERVER_UP} CLOSED/assumed@7",
        resets=[reset("client", "abort-unread-data", 7)],
    ),
)
def reset_abort_unread_data(wire: Wire) -> None:
    """The client closes without having read the answer that just came: a RST right behind the incoming data."""
    talk = wire.talk()
    talk.open()
    talk.client.send("PA", 90)
    talk.server.send("A")
    talk.server.send("PA", 1200, after=0.005)
    talk.client.send("RA", after=0.00008)


@story(
    "reset-data-after-close.pcap",
    connection(
        DONE,
        tear("rst", "client", reset=reset("client", "data-after-close", 11)),
        client=f"{CLIENT_UP} FIN_WAIT_1@8 FIN_WAIT_2/assumed@9 CLOSED@11",
        server=f"{SERVER_UP} CLOSE_WAIT CLOSED",
        resets=[reset("client", "data-after-close", 11)],
    ),
)
def reset_data_after_close(wire: Wire) -> None:
    """The client has closed its socket; the server goes on sending, which the client's host answers with a RST."""
    talk = served(wire)
    talk.client.send("FA")
    talk.server.send("A")
    talk.server.send("PA", 700, after=0.4)
    talk.client.send("R", seq=92)


@story(
    "request-crosses-the-close.pcap",
    connection(
        DONE,
        tear("rst", "server", reset=reset("server", "data-after-close", AnyOf((10, 12)), evidence="cross")),
        client=f"{CLIENT_UP} CLOSE_WAIT CLOSED",
        server=f"{SERVER_UP} FIN_WAIT_1 CLOSED",
        anomalies=None,
    ),
)
def request_crosses_the_close(wire: Wire) -> None:
    """A pooled connection has been idle for five seconds: the server closes it while the next request is on its way,
    and answers that with a RST.
    """
    talk = served(wire, tap="middle")
    with talk.crossing():
        talk.server.send("FA", after=4.995)
        talk.client.send("PA", 90, after=5.0)
    talk.server.send("R", seq=301)
    talk.client.send("A")
    talk.server.send("R", seq=302)


@story(
    "reset-no-socket.pcap",
    connection(
        DONE,
        tear("rst", None, reset=reset("server", "no-socket", 9)),
        client=f"{CLIENT_UP} CLOSED",
        resets=[reset("server", "no-socket", 9)],
    ),
)
def reset_no_socket(wire: Wire) -> None:
    """The server was restarted without a word: the client's next request meets no socket."""
    talk = served(wire)
    talk.client.send("PA", 90, after=8.0)
    talk.server.send("R")


@story(
    "reset-after-idle.pcap",
    connection(
        DONE,
        tear("rst", None, reset=reset("between", None, 9, evidence="idle")),
        client=f"{CLIENT_UP} CLOSED",
    ),
)
def reset_after_idle(wire: Wire) -> None:
    """A load balancer has forgotten the connection after 350 idle seconds: it answers the next request with a RST of
    another TTL than the server's segments have.
    """
    talk = served(wire, ttl=(64, 57))
    talk.client.send("PA", 90, after=402.0)
    talk.server.now_ns -= 8_000_000
    talk.server.send("R", ttl=63)


@story(
    "reset-after-handshake.pcap",
    connection(
        shake("three-way", "completed", total=20.0),
        tear("rst", None, reset=reset("server", AnyOf(("no-socket", "aborted-handshake")), 4)),
        client=f"{CLIENT_UP} CLOSED",
        server="LISTEN SYN_RECEIVED CLOSED",
    ),
)
def reset_after_handshake(wire: Wire) -> None:
    """The listener went away within the handshake: the ACK that completes it is answered by a RST."""
    talk = wire.talk()
    talk.open()
    talk.server.send("R")


@story(
    "reset-late.pcap",
    connection(
        DONE,
        tear("four-way", "client", segments=4),
        client=CLIENT_FIRST,
        server=SERVER_SECOND,
        time_wait=[stay("client")],
        anomalies=None,
        resets=[reset("server", "late", 13)],
    ),
)
def reset_late(wire: Wire) -> None:
    """After a complete close the network delivers an old copy of the request: the server's RST is harmless."""
    talk = wire.talk(tap="server")
    talk.open()
    request = talk.client.send("PA", 90)
    talk.server.send("A")
    talk.server.send("PA", 300, after=0.005)
    talk.client.send("A")
    talk.close("client")
    talk.replay(request, after=0.7)
    talk.server.send("R", seq=1)


@story(
    "reset-in-close-wait.pcap",
    connection(
        DONE,
        tear("rst", "client", reset=reset("server", "abort", 10)),
        client=f"{CLIENT_UP} FIN_WAIT_1 FIN_WAIT_2/assumed CLOSED",
        server=f"{SERVER_UP} CLOSE_WAIT CLOSED/observed@10",
    ),
)
def reset_in_close_wait(wire: Wire) -> None:
    """The client closes; the server acknowledges and aborts a second later instead of closing."""
    talk = served(wire)
    talk.client.send("FA")
    talk.server.send("A")
    talk.server.send("RA", after=1.0)


@story(
    "reset-by-both.pcap",
    connection(
        DONE,
        tear("rst", None, reset=reset("client", "abort", 8)),
        client=f"{CLIENT_UP} CLOSED/observed@8",
        server=f"{SERVER_UP} CLOSED/observed@9",
        resets=[reset("client", "abort", 8), reset("server", "abort", 9)],
        anomalies=None,
    ),
)
def reset_by_both(wire: Wire) -> None:
    """Both sides abort at once, and their resets cross."""
    talk = served(wire, tap="middle")
    with talk.crossing():
        talk.client.send("RA", after=1.0)
        talk.server.send("RA", after=0.995)


@story(
    "reset-inside-the-window.pcap",
    connection(
        DONE,
        tear("four-way", "client", segments=4),
        client=side(CLIENT_FIRST, payload_bytes=180),
        server=side(SERVER_SECOND, payload_bytes=600),
        time_wait=[stay("client")],
        anomalies=["challenge-ack-candidate"],
    ),
)
def reset_inside_the_window(wire: Wire) -> None:
    """A RST inside the window, but not at the next number, earns a challenge ACK (RFC 5961) and ends nothing."""
    talk = served(wire)
    talk.server.send("R", seq=2301, after=0.5, lost="after")
    talk.client.send("A", after=0.52)
    talk.wait(0.1)
    talk.exchange()
    talk.close("client")


@story(
    "reset-outside-the-window.pcap",
    connection(
        DONE,
        tear("four-way", "client", segments=4),
        client=side(CLIENT_FIRST, payload_bytes=180),
        server=side(SERVER_SECOND, payload_bytes=600),
        time_wait=[stay("client")],
        anomalies=["rst-ignored"],
    ),
)
def reset_outside_the_window(wire: Wire) -> None:
    """A RST far outside the window is ignored."""
    talk = served(wire)
    talk.server.send("R", seq=900_000_000, after=0.5, lost="after")
    talk.wait(0.1)
    talk.exchange()
    talk.close("client")


@story(
    "reset-forged.pcap",
    connection(
        DONE,
        tear("rst", None, reset=reset("between", None, 8, evidence="TTL")),
        client=f"{CLIENT_UP} CLOSED",
        anomalies=None,
    ),
)
def reset_forged(wire: Wire) -> None:
    """A box on the way resets the client at the exact number, with a TTL unlike the server's; the server knows nothing
    of it and goes on sending.
    """
    talk = served(wire, ttl=(64, 57))
    talk.server.send("RA", after=0.5, ttl=250, ip_id=0x4321)
    talk.server.send("PA", 200, after=0.003)
    talk.client.send("R", seq=91)


@story(
    "reset-with-data.pcap",
    connection(
        DONE,
        tear("rst", None, reset=reset("server", "abort", 8)),
        client=f"{CLIENT_UP} CLOSED",
        server=f"{SERVER_UP} CLOSED/observed@8",
        anomalies=["rst-with-data"],
    ),
)
def reset_with_data(wire: Wire) -> None:
    """A RST that carries a text which says why (RFC 9293, 3.10.7.4 allows it)."""
    served(wire).server.send("RA", b"go away", after=1.0)


@story(
    "reset-answers-the-fin.pcap",
    connection(
        DONE,
        tear("rst", "client", reset=reset("server", "abort", 9)),
        client=f"{CLIENT_UP} FIN_WAIT_1@8 CLOSED@9",
        server=f"{SERVER_UP} CLOSE_WAIT CLOSED/observed@9",
    ),
)
def reset_answers_the_fin(wire: Wire) -> None:
    """The server answers the FIN at once with a RST that acknowledges it: it was in CLOSE_WAIT before it aborted."""
    talk = served(wire)
    talk.client.send("FA")
    talk.server.send("RA", after=0.001)


@story(
    "data-after-reset.pcap",
    connection(
        DONE,
        tear("rst", None, reset=reset("client", "abort", 8)),
        client=f"{CLIENT_UP} CLOSED/observed@8",
        server=f"{SERVER_UP} CLOSED",
        anomalies=["data-after-rst"],
    ),
)
def data_after_reset(wire: Wire) -> None:
    """A broken client sends data behind its own RST; the server, which has no socket any more, resets that."""
    talk = served(wire)
    talk.client.send("RA", after=1.0)
    talk.client.send("PA", 25, after=0.3)
    talk.server.send("R", seq=301)
