"""Keep-alive and window probes."""

from samples.stories.expect import connection, reset, side, stay, tear
from samples.stories.paths import CLIENT_FIRST, CLIENT_UP, SERVER_SECOND
from samples.stories.shared import DONE, FOUR_WAY
from samples.stories.story import story
from tests.writer.talk import Talk, Wire


def _probe(talk: Talk, *, byte: bytes = b"", after: float, answered: bool = True) -> None:
    """A keep-alive probe of the client: one number before its next, empty (Linux) or with a byte (RFC 9293, 3.8.4)."""
    before = talk.client.next_seq - talk.client.isn - 1
    talk.client.send("A", byte, seq=before, after=after, lost=None if answered else "after")
    if answered:
        talk.server.send("A")


@story(
    "keep-alive.pcap",
    connection(
        DONE,
        FOUR_WAY,
        client=side(CLIENT_FIRST, payload_bytes=90, retransmissions=0),
        server=side(SERVER_SECOND, payload_bytes=300, retransmissions=0),
        time_wait=[stay("client")],
        anomalies=["keep-alive-probe"],
    ),
)
def keep_alive(wire: Wire) -> None:
    """An idle connection is probed three times, the last time with a byte; each probe is answered."""
    talk = wire.talk()
    talk.open()
    talk.exchange()
    _probe(talk, after=20.0)
    _probe(talk, after=20.0)
    _probe(talk, byte=b"\0", after=20.0)
    talk.wait(1.0)
    talk.close("client")


@story(
    "keep-alive-unanswered.pcap",
    connection(
        DONE,
        tear("rst", None, reset=reset("client", "abort", 11)),
        client=side(f"{CLIENT_UP} CLOSED/observed@11", retransmissions=0),
        anomalies=["keep-alive-probe"],
    ),
)
def keep_alive_unanswered(wire: Wire) -> None:
    """Three probes of an idle connection meet silence: the client resets it."""
    talk = wire.talk()
    talk.open()
    talk.exchange()
    _probe(talk, after=20.0, answered=False)
    _probe(talk, after=5.0, answered=False)
    _probe(talk, after=5.0, answered=False)
    talk.client.send("RA", after=5.0, lost="after")


@story(
    "zero-window.pcap",
    connection(
        DONE,
        FOUR_WAY,
        client=side(CLIENT_FIRST, payload_bytes=2500, retransmissions=0),
        server=side(SERVER_SECOND, payload_bytes=0, retransmissions=0),
        time_wait=[stay("client")],
        anomalies=["zero-window", "zero-window-probe"],
    ),
)
def zero_window(wire: Wire) -> None:
    """A slow reader closes its window; empty probes (as Linux sends) keep asking until it opens."""
    talk = wire.talk()
    talk.open()
    talk.client.send("A", 1000)
    talk.client.send("PA", 1000)
    talk.server.send("A", window=0)
    for pause_s in (0.22, 0.44):
        talk.client.send("A", seq=2000, after=pause_s)
        talk.server.send("A", window=0)
    talk.server.send("A", after=0.3)
    talk.client.send("PA", 500)
    talk.server.send("A")
    talk.close("client")


@story(
    "zero-window-byte-probe.pcap",
    connection(
        DONE,
        FOUR_WAY,
        client=side(CLIENT_FIRST, payload_bytes=2500, retransmissions=0),
        server=side(SERVER_SECOND, retransmissions=0),
        time_wait=[stay("client")],
        anomalies=["zero-window", "zero-window-probe"],
    ),
)
def zero_window_byte_probe(wire: Wire) -> None:
    """The same with probes that carry the next byte (RFC 9293, 3.8.6.1), which the closed window refuses."""
    talk = wire.talk()
    talk.open()
    talk.client.send("A", 1000)
    talk.client.send("PA", 1000)
    talk.server.send("A", window=0)
    for pause_s in (0.22, 0.44):
        talk.client.send("A", 1, seq=2001, after=pause_s, lost="after")
        talk.server.send("A", window=0, after=pause_s + 0.02)
    talk.server.send("A", after=0.3)
    talk.client.send("PA", 500, seq=2001)
    talk.server.send("A")
    talk.close("client")
