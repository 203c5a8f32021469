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

from samples.writer import segment as options
from samples.writer.files import Frame, pcap, pcapng
from samples.writer.links import ETHERNET, Link, Wrap
from samples.writer.packets import Packets, plain
from samples.writer.segment import SEQUENCE_NUMBERS, Endpoint, Segment

EPOCH_NS = 1_767_323_045_000_000_000  # 2026-01-02T03:04:05Z: the start of every story
NEAR_NS = 20_000  # from a host to a capture on the same host
STEP_NS = 10_000  # between two segments that a host sends one behind the other

Lost = Literal["before", "after", "unseen"]


def nanoseconds(seconds: float) -> int:
    """Seconds as whole nanoseconds."""
    return round(seconds * 1e9)


def is_before(left: int, right: int) -> bool:
    """Whether sequence number `left` comes before `right` (RFC 9293, 3.4)."""
    return 0 < (right - left) % SEQUENCE_NUMBERS < SEQUENCE_NUMBERS // 2


@dataclass(frozen=True)
class Tap:
    """Where frames are copied: a story has one, a mirror port or `-i any` copies a frame more than once."""

    after_s: float = 0.0
    link: Link | None = None
    hops: int = 0
    only: Literal["client", "server"] | None = None


@dataclass
class Wire:
    """All that one capture holds: the frames of its talks, in the order of their times."""

    link: Link = ETHERNET
    frames_written: list[Frame] = field(default_factory=list)

    def talk(self, **settings: object) -> "Talk":
        """A new connection on this wire; see `Talk`."""
        return Talk(self, **settings)  # type: ignore[arg-type]

    def put(
        self, packet: bytes, at_ns: int, from_client: bool, *, through: tuple[Wrap, ...] = (), link: Link | None = None
    ) -> None:
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
        tap: Literal["client", "server", "middle"] = "client",
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
        to_client_ns = {"client": NEAR_NS, "server": one_way_ns - NEAR_NS, "middle": one_way_ns // 2}[tap]
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


@dataclass(frozen=True)
class Sent:
    """A segment that a side has sent, and when the capture saw it (or would have)."""

    side: "Side"
    segment: Segment
    captured_ns: int


class Side:
    """One host's end of a talk. Numbers that stories give are relative, as Wireshark shows them: the SYN is 0."""

    peer: "Side"

    def __init__(self, talk: Talk, endpoint: Endpoint, *, isn: int, ttl: int, to_tap_ns: int, start_ns: int) -> None:
        self.talk, self.endpoint, self.isn, self.ttl, self.to_tap_ns = talk, endpoint, isn, ttl, to_tap_ns
        self.now_ns = self.sent_ns = start_ns
        self.next_seq = isn  # SND.NXT
        self.expected: int | None = None  # RCV.NXT
        self.early: list[tuple[int, int]] = []  # received behind a gap
        self.timestamp_seen = 0  # TS.Recent
        self.ip_id = isn >> 8 & 0xFFF
        self.window = 64240

    @property
    def is_client(self) -> bool:
        """Whether this side began the talk."""
        return self is self.talk.client

    def send(
        self,
        flags: str,
        data: int | bytes = 0,
        *,
        after: float = 0.0,
        lost: Lost | None = None,
        seq: int | None = None,
        ack: int | None = None,
        delay: float = 0.0,
        **changes: object,
    ) -> Sent:
        """Send a segment `after` seconds of this side's time.

        `lost` is on which side of the capture point it is lost, or `unseen` for one that arrives and was not captured;
        `delay` keeps it longer on its way to the capture.
        `changes` are those of `_segment`.
        """
        self.now_ns += nanoseconds(after)
        segment, packets = self._segment(flags, data, seq, ack, **changes)  # type: ignore[arg-type]
        captured_ns = self.now_ns + self.to_tap_ns + nanoseconds(delay)
        self.sent_ns = self.now_ns
        self.now_ns += STEP_NS
        if "R" not in flags and is_before(self.next_seq, segment.end):
            self.next_seq = segment.end
        if lost not in ("before", "unseen"):
            self.talk.emit(segment, captured_ns, packets)
        if lost in (None, "unseen"):
            peer = self.peer
            self.talk.deliver(peer, segment, captured_ns + peer.to_tap_ns)
        return Sent(self, segment, captured_ns)

    def resend(self, sent: Sent, *, flags: str | None = None, **settings: object) -> Sent:
        """Send the numbers and data of an earlier segment again, with what this side knows by now."""
        relative = (sent.segment.seq - self.isn) % SEQUENCE_NUMBERS
        return self.send(flags or sent.segment.flags, sent.segment.payload, seq=relative, **settings)  # type: ignore[arg-type]

    def receive(self, segment: Segment, at_ns: int) -> None:
        """Take note of a segment that arrived."""
        self.now_ns = max(self.now_ns, at_ns)
        if "S" in segment.flags and self.expected is None:
            self.expected = segment.seq
        if self.expected is None or "R" in segment.flags:
            return
        if segment.timestamp is not None and not is_before(self.expected, segment.seq):
            self.timestamp_seen = segment.timestamp
        self.early.append((segment.seq, segment.end))
        for begin, end in sorted(self.early):
            if not is_before(self.expected, begin) and is_before(self.expected, end):
                self.expected = end

    def _segment(
        self,
        flags: str,
        data: int | bytes,
        seq: int | None,
        ack: int | None,
        *,
        window: int | None = None,
        ttl: int | None = None,
        ip_id: int | None = None,
        sack: tuple[tuple[int, int], ...] = (),
        fast_open: bytes | None = None,
        timestamp: int | None = None,
        checksum_good: bool = True,
        packets: Packets | None = None,
    ) -> tuple[Segment, Packets]:
        """The segment to send, and how it is packed.

        `sack` blocks are relative numbers of the peer; `timestamp` is TSval where not this host's clock in ms.
        """
        at = self.next_seq if seq is None else (self.isn + seq) % SEQUENCE_NUMBERS
        if ack is not None:
            acknowledged = (self.peer.isn + ack) % SEQUENCE_NUMBERS
        else:
            acknowledged = (self.expected or 0) if "A" in flags else 0
        value = timestamp if timestamp is not None else self._clock_ms()
        blocks = [(self.peer.isn + begin, self.peer.isn + end) for begin, end in sack]
        segment = Segment(
            source=self.endpoint,
            target=self.peer.endpoint,
            from_client=self.is_client,
            flags=flags,
            seq=at,
            ack=acknowledged,
            payload=data if isinstance(data, bytes) else filler(at - self.isn, data),
            window=self._window(flags) if window is None else window,
            options=self._options(flags, value, blocks, fast_open),
            ttl=self.ttl if ttl is None else ttl,
            ip_id=self._ip_id(flags) if ip_id is None else ip_id,
            checksum_good=checksum_good,
            timestamp=value if self.talk.timestamps and "R" not in flags else None,
        )
        return segment, packets or self.talk.packets

    def _window(self, flags: str) -> int:
        """Scaled, but on a SYN (RFC 7323, 2.2)."""
        if "R" in flags:
            return 0
        return self.window if "S" in flags or self.talk.scale is None else self.window >> self.talk.scale

    def _ip_id(self, flags: str) -> int:
        """As Linux counts: one for each packet of a socket, 0 on SYN/ACK and on RST without a socket."""
        if flags in ("SA", "R"):
            return 0
        self.ip_id = (self.ip_id + 1) & 0xFFFF
        return self.ip_id

    def _clock_ms(self) -> int:
        return (5_000_000 if self.is_client else 9_000_000) + (self.now_ns - EPOCH_NS) // 1_000_000

    def _options(self, flags: str, value: int, blocks: list[tuple[int, int]], cookie: bytes | None) -> bytes:
        talk, parts = self.talk, []
        if "S" in flags:
            parts.append(options.mss(1460))
            parts.extend([options.sack_permitted()] if talk.sack else [])
        if talk.timestamps and "R" not in flags:
            parts.append(options.timestamps(value, self.timestamp_seen if "A" in flags else 0))
        if "S" in flags and talk.scale is not None:
            parts.append(options.window_scale(talk.scale))
        if cookie is not None:
            parts.append(options.fast_open(cookie))
        if blocks:
            parts.append(options.sack(blocks))
        return options.pack_options(*parts)


def filler(offset: int, size_bytes: int) -> bytes:
    """Payload that depends on its place in the stream, so that what is sent again is the same."""
    return bytes(97 + (offset + step) % 26 for step in range(size_bytes))
