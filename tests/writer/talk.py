"""Two hosts talking past a capture point, told as a ladder.

    wire = Wire()
    talk = wire.talk(tap="client")
    talk.client.send("S")
    talk.server.send("SA")
    talk.client.send("A")
    lost = talk.client.send("PA", 100, lost="after")      # captured, then lost
    talk.client.resend(lost, after=0.2)

Each side has its own clock and its own idea of the next sequence number and of what it has received. What is sent
reaches the peer after the way's delay and moves the peer's clock on, so that an answer never leaves before what it
answers arrives; `talk.crossing()` lets segments pass each other.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Literal

from tests.writer.files import Frame, pcap, pcapng
from tests.writer.links import ETHERNET, Link, Wrap
from tests.writer.packets import Packets, plain
from tests.writer.segment import Endpoint, Segment
from tests.writer.side import EPOCH_NS, NEAR_NS, Sent, Side, nanoseconds

Vantage = Literal["client", "server", "middle"]


@dataclass(frozen=True)
class Tap:
    """Where frames are copied: a story has one, a mirror port or `-i any` copies a frame more than once."""

    after_s: float = 0.0
    link: Link | None = None
    hops: int = 0
    only: Literal["client", "server"] | None = None


@dataclass
class Wire:
    """All that one capture holds: the frames of its talks, in the order of their times.

    `tap` moves the capture point of every talk, wherever its story puts it.
    """

    link: Link = ETHERNET
    frames_written: list[Frame] = field(default_factory=list)
    tap: Vantage | None = None

    def talk(self, **settings: object) -> "Talk":
        """A new connection on this wire; see `Talk`."""
        return Talk(self, **settings)  # type: ignore[arg-type]

    def put(self, packet: bytes, at_ns: int, from_client: bool, *, through: tuple[Wrap, ...] = (), link: Link | None = None) -> None:
        """Write one IP packet as a frame captured at a time."""
        data = (link or self.link).frame(packet, from_client, through)
        self.frames_written.append(Frame(at_ns, data, len(data)))

    @property
    def frames(self) -> list[Frame]:
        """The frames in order of time; those of one time in the order in which they were written."""
        return sorted(self.frames_written, key=lambda frame: frame.at_ns)

    def pcap(self, *, order: str = "<", nanoseconds: bool = False, snaplen: int = 262144) -> bytes:
        """The wire as a pcap file."""
        return pcap(self.frames, self.link.link_type, order=order, nanoseconds=nanoseconds, snaplen=snaplen)

    def pcapng(self) -> bytes:
        """The wire as a pcapng file."""
        return pcapng(self.frames, self.link.link_type)


class Talk:
    """One incarnation of a four-tuple on a wire.

    `tap` says where the capture stands, `rtt_s` how far the hosts are apart, `start_s` when both wake up (seconds
    after the story's start). `isn` are both initial sequence numbers, `ttl` what the capture sees of each side's.
    """

    def __init__(
        self,
        wire: Wire,
        *,
        client: str = "192.0.2.10:40000",
        server: str = "198.51.100.20:80",
        tap: Vantage = "client",
        rtt_s: float = 0.020,
        start_s: float = 0.0,
        isn: tuple[int, int] = (1_000_000_000, 3_000_000_000),
        ttl: tuple[int, int] = (64, 64),
        timestamps: bool = True,
        sack: bool = True,
        scale: int | None = 7,
        packets: Packets = plain,
        through: tuple[Wrap, ...] = (),
        taps: Iterable[Tap] = (Tap(),),
    ) -> None:
        self.wire, self.packets, self.through, self.taps = wire, packets, through, tuple(taps)
        self.timestamps, self.sack, self.scale = timestamps, sack, scale
        one_way_ns = nanoseconds(rtt_s) // 2
        to_client_ns = {"client": NEAR_NS, "server": one_way_ns - NEAR_NS, "middle": one_way_ns // 2}[wire.tap or tap]
        start_ns = EPOCH_NS + nanoseconds(start_s)
        self.client = Side(self, Endpoint.of(client), isn=isn[0], ttl=ttl[0], to_tap_ns=to_client_ns, start_ns=start_ns)
        self.server = Side(
            self,
            Endpoint.of(server),
            isn=isn[1],
            ttl=ttl[1],
            to_tap_ns=one_way_ns - to_client_ns,
            start_ns=start_ns,
        )
        self.client.peer, self.server.peer = self.server, self.client
        self._crossing: list[tuple[Side, Segment, int]] | None = None

    @contextmanager
    def crossing(self) -> Iterator[None]:
        """What is sent in here arrives only at the end: the segments pass each other on the way.

        Raises ValueError if a side would have sent its last segment after the other's arrived.
        """
        self._crossing = []
        yield
        deliveries, self._crossing = self._crossing, None
        for receiver, segment, at_ns in deliveries:
            if at_ns <= receiver.sent_ns:
                raise ValueError(f"no crossing: {segment.flags} arrives {receiver.sent_ns - at_ns} ns too early")
            receiver.receive(segment, at_ns)

    def deliver(self, receiver: "Side", segment: Segment, at_ns: int) -> None:
        """Let a segment arrive: now, or at the end of the crossing."""
        if self._crossing is None:
            receiver.receive(segment, at_ns)
        else:
            self._crossing.append((receiver, segment, at_ns))

    def wait(self, seconds: float) -> None:
        """Nothing happens for a while at either side."""
        both_ns = max(self.client.now_ns, self.server.now_ns) + nanoseconds(seconds)
        self.client.now_ns = self.server.now_ns = both_ns

    def open(self) -> None:
        """Three-way handshake."""
        self.client.send("S")
        self.server.send("SA")
        self.client.send("A")

    def exchange(self, request_bytes: int = 90, reply_bytes: int = 300) -> None:
        """A request, its answer after 5 ms, and the acknowledgement of that."""
        self.client.send("PA", request_bytes)
        self.server.send("A")
        self.server.send("PA", reply_bytes, after=0.005)
        self.client.send("A")

    def close(self, first: Literal["client", "server"] = "client", *, segments: Literal[3, 4] = 4) -> None:
        """Close in four segments, or in three where the second FIN comes on the ACK of the first."""
        closer, other = (self.client, self.server) if first == "client" else (self.server, self.client)
        closer.send("FA")
        if segments == 4:
            other.send("A")
            other.send("FA", after=0.002)
        else:
            other.send("FA")
        closer.send("A")

    def replay(self, sent: "Sent", *, after: float, ttl: int | None = None, delivered: bool = True) -> None:
        """A copy that the network kept for `after` seconds: the very same segment passes the capture once more."""
        copy = sent.segment if ttl is None else replace(sent.segment, ttl=ttl)
        self.emit(copy, sent.captured_ns + nanoseconds(after), self.packets)
        peer = sent.side.peer
        arrives_ns = sent.captured_ns + nanoseconds(after) + peer.to_tap_ns
        if delivered:
            self.deliver(peer, copy, arrives_ns)

    def emit(self, segment: Segment, at_ns: int, packets: Packets) -> None:
        """Have every tap capture a segment."""
        for tap in self.taps:
            if tap.only and (tap.only == "client") != segment.from_client:
                continue
            seen = replace(segment, ttl=segment.ttl - tap.hops)
            for step, packet in enumerate(packets(seen)):
                when_ns = at_ns + nanoseconds(tap.after_s) + step * 1000
                self.wire.put(packet, when_ns, segment.from_client, through=self.through, link=tap.link)
