"""What captures do to connections: gaps, one side, cut frames, clocks, offload."""

from dataclasses import replace

from samples.stories.expect import connection, shake, side, stay, tear
from samples.stories.paths import CLIENT_FIRST, CLIENT_UP, SERVER_SECOND, SERVER_UP
from samples.stories.shared import DONE, FOUR_WAY, ONCE, closed
from samples.stories.story import story
from tests.writer.files import Frame, pcap
from tests.writer.links import ETHERNET, Link, ethernet
from tests.writer.packets import plain
from tests.writer.talk import Tap, Wire

ENDS = ("192.0.2.10:40000", "198.51.100.20:80")


def _joined_late(wire: Wire, frames: int) -> None:
    """A short connection whose first frames the capture missed."""
    closed(wire)
    wire.frames_written = wire.frames[frames:]


@story(
    "starts-in-mid-connection.pcap",
    connection(
        shake(None, "not-captured", to_synack=None, to_ack=None, total=None),
        tear("four-way", "client", segments=4),
        client="ESTABLISHED/assumed FIN_WAIT_1 FIN_WAIT_2 TIME_WAIT/observed",
        server="ESTABLISHED/assumed CLOSE_WAIT LAST_ACK CLOSED/assumed",
        time_wait=[stay("client", basis="observed")],
        anomalies=None,
        midstream=True,
        vantage=None,
        ends=ENDS,
    ),
    problems=("midstream",),
)
def starts_in_mid_connection(wire: Wire) -> None:
    """The capture starts with the request of an open connection: no handshake is counted."""
    _joined_late(wire, 3)


@story(
    "starts-with-the-last-fin.pcap",
    connection(
        shake(None, "not-captured", total=None),
        {"first_fin": None},
        time_wait=None,
        anomalies=None,
        midstream=True,
    ),
    problems=None,
)
def starts_with_the_last_fin(wire: Wire) -> None:
    """The capture starts with the second FIN: who closed first lies before it."""
    _joined_late(wire, 9)


@story(
    "starts-with-the-synack.pcap",
    connection(
        shake(to_synack=None, total=None),
        FOUR_WAY,
        client=side(payload_bytes=90, final_state="TIME_WAIT"),
        server=side(payload_bytes=300),
        time_wait=[stay("client")],
        anomalies=None,
        ends=ENDS,
    ),
    problems=None,
)
def starts_with_the_synack(wire: Wire) -> None:
    """The capture missed the SYN only: who the client is, the SYN/ACK tells; how long the handshake took, nobody."""
    _joined_late(wire, 1)


@story(
    "synack-not-captured.pcap",
    connection(
        shake(to_synack=None, to_ack=None),
        FOUR_WAY,
        client=side(payload_bytes=90),
        server=side(payload_bytes=300),
        time_wait=[stay("client")],
        anomalies=None,
        midstream=False,
    ),
    problems=None,
)
def synack_not_captured(wire: Wire) -> None:
    """The capture dropped the SYN/ACK: the two legs of the handshake are unknown."""
    closed(wire)
    wire.frames_written = wire.frames[:1] + wire.frames[2:]


@story(
    "ends-before-the-close.pcap",
    connection(
        DONE,
        tear("none", None, took=None),
        client=CLIENT_UP,
        server=SERVER_UP,
        midstream=False,
    ),
)
def ends_before_the_close(wire: Wire) -> None:
    """The capture ends while the connection is open."""
    talk = wire.talk()
    talk.open()
    talk.exchange()


@story(
    "one-sided.pcap",
    connection(
        shake(to_synack=None, to_ack=None),
        client=side(packets=6, payload_bytes=90),
        server=side(packets=0),
        time_wait=None,
        anomalies=None,
    ),
    problems=("one-sided",),
)
def one_sided(wire: Wire) -> None:
    """Only what the client sent was captured (asymmetric routing)."""
    closed(wire, taps=(Tap(only="client"),))


@story(
    "one-sided-server.pcap",
    connection(
        shake(to_synack=None, to_ack=None, total=None),
        client=side(packets=0),
        server=side(packets=5, payload_bytes=300),
        time_wait=None,
        anomalies=None,
        ends=ENDS,
    ),
    problems=("one-sided",),
)
def one_sided_server(wire: Wire) -> None:
    """Only what the server sent was captured; it begins with the SYN/ACK, so that the roles are clear."""
    closed(wire, taps=(Tap(only="server"),))


@story("snaplen-96.pcap", ONCE, problems=("snapped",))
def snaplen_96(wire: Wire) -> bytes:
    """Frames cut in the payload (`tcpdump -s 96`): nothing of TCP is missing, and that they are cut is said."""
    closed(wire)
    return wire.pcap(snaplen=96)


@story("snaplen-54.pcap", ONCE, problems=("snapped",))
def snaplen_54(wire: Wire) -> bytes:
    """Frames cut behind the TCP header without its options: lengths come from the IP header."""
    closed(wire)
    return wire.pcap(snaplen=54)


@story("snaplen-48.pcap", connection(time_wait=None, anomalies=None), problems=("snapped",))
def snaplen_48(wire: Wire) -> bytes:
    """Frames cut right behind the flags of TCP: window and checksum are missing (Wireshark gives up here)."""
    closed(wire)
    return wire.pcap(snaplen=48)


@story("snaplen-38.pcap", connection(time_wait=None, anomalies=None), problems=("snapped",))
def snaplen_38(wire: Wire) -> bytes:
    """Frames cut right behind the ports: who talked with whom, and nothing else."""
    closed(wire)
    return wire.pcap(snaplen=38)


@story(
    "acknowledged-but-not-captured.pcap",
    connection(
        DONE,
        FOUR_WAY,
        client=CLIENT_FIRST,
        server=side(SERVER_SECOND, retransmissions=0),
        time_wait=[stay("client")],
        anomalies=["acked-unseen"],
    ),
    problems=("acked-unseen",),
)
def acknowledged_but_not_captured(wire: Wire) -> None:
    """The capture dropped a segment that its receiver got and acknowledged."""
    talk = wire.talk()
    talk.open()
    talk.client.send("PA", 90)
    talk.server.send("A", 1000)
    talk.server.send("A", 1000, lost="unseen")
    talk.server.send("PA", 1000)
    talk.client.send("A")
    talk.close("client")


@story(
    "time-runs-backwards.pcap",
    connection(
        shake("three-way", "completed"),
        FOUR_WAY,
        client=side(packets=6, payload_bytes=90, retransmissions=0),
        server=side(packets=5, payload_bytes=300, retransmissions=0),
        time_wait=[stay("client")],
        anomalies=None,
    ),
    problems=("time-backwards",),
)
def time_runs_backwards(wire: Wire) -> bytes:
    """The capturing machine's clock is set back by 0.9 s between request and answer."""
    closed(wire)
    frames = wire.frames
    late = [replace(frame, at_ns=frame.at_ns - 900_000_000) for frame in frames[5:]]
    return pcap(frames[:5] + late)


@story(
    "offloaded.pcap",
    connection(
        DONE,
        FOUR_WAY,
        client=side(CLIENT_FIRST, payload_bytes=90),
        server=side(SERVER_SECOND, payload_bytes=43440, retransmissions=0),
        time_wait=[stay("client")],
    ),
    problems=("offloaded",),
)
def offloaded(wire: Wire) -> bytes:
    """Segments far over the MTU, as a capture above segmentation offload shows them; cut at 96 bytes."""
    talk = wire.talk(tap="server")
    talk.open()
    talk.client.send("PA", 90)
    for _ in range(3):
        talk.server.send("PA", 14480)
        talk.client.send("A")
    talk.close("client")
    return wire.pcap(snaplen=96)


@story(
    "bad-checksums.pcap",
    ONCE,
    problems=("bad-checksums",),
)
def bad_checksums(wire: Wire) -> None:
    """The client's checksums are left to its card and look wrong: reported, not obeyed."""
    closed(
        wire,
        packets=lambda segment: plain(replace(segment, checksum_good=not segment.from_client)),
    )


@story("ethernet-padding.pcap", ONCE, link=Link(1, (ethernet(padded_to=60),)))
def ethernet_padding(wire: Wire) -> None:
    """Short frames are padded to 60 bytes, and the padding is no payload."""
    closed(wire, timestamps=False)


def _part(wire: Wire, begin: int, end: int) -> list[Frame]:
    closed(wire)
    return wire.frames[begin:end]


@story(
    "rotated-1.pcap",
    connection(DONE, tear("none", None), client=CLIENT_UP, server=SERVER_UP),
    link=ETHERNET,
)
def rotated_first(wire: Wire) -> bytes:
    """The first file of a rotated set (`tcpdump -C`): the connection goes on in the next one."""
    return pcap(_part(wire, 0, 6))


@story(
    "rotated-2.pcap",
    connection(shake(None, "not-captured"), FOUR_WAY, time_wait=[stay("client")], anomalies=None, midstream=True),
    problems=("midstream",),
)
def rotated_second(wire: Wire) -> bytes:
    """The second file of a rotated set: read together with the first one, the connection is whole."""
    return pcap(_part(wire, 6, 11))
