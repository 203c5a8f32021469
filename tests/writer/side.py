"""One host's end of a talk: what it has sent and received, and how it makes its segments."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from tests.writer import segment as options
from tests.writer.packets import Packets
from tests.writer.segment import SEQUENCE_NUMBERS, Endpoint, Segment

if TYPE_CHECKING:
    from tests.writer.talk import Talk

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
class Sent:
    """A segment that a side has sent, and when the capture saw it (or would have)."""

    side: "Side"
    segment: Segment
    captured_ns: int


class Side:
    """One host's end of a talk. Numbers that stories give are relative, as Wireshark shows them: the SYN is 0."""

    peer: "Side"

    def __init__(self, talk: "Talk", endpoint: Endpoint, *, isn: int, ttl: int, to_tap_ns: int, start_ns: int) -> None:
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
        if ack is not None:  # noqa: SIM108 - two conditions in one expression
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
