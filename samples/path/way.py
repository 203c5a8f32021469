"""Talks across a way with a capture at each end: A beside the client, B beside the server.

way = Way(ahead_s=2.5)
talk = way.talk(rtt_s=0.020)
talk.open()
with way.seen("A"):
lost = talk.client.send("PA", 100, lost="after")  # it never comes to B
with way.seen("A"):
talk.server.send("RA", ttl=250)                   # it comes to A, and B never sent it
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from tests.writer.files import pcap
from tests.writer.packets import Packets
from tests.writer.segment import Endpoint, Segment
from tests.writer.side import EPOCH_NS, nanoseconds
from tests.writer.talk import Talk, Wire


@dataclass
class Way:
    """Two captures. B's clock is `ahead_s` ahead of A's when the story starts, and gains `drift` of the time since.

    `nat` says what becomes of addresses on the way from A to B, `change` of a segment (towards B, or towards A, where
    the second argument is false), `at_b` under which numbers B knows what A knows. `copies_s` says how often and how
    much later the capture at B shows each frame again.
    """

    ahead_s: float = 0.0
    drift: float = 0.0
    nat: Mapping[str, str] = field(default_factory=dict)
    change: Callable[[Segment, bool], Segment] = lambda segment, _: segment
    at_b: Callable[[Segment], Segment] = lambda segment: segment
    copies_s: tuple[float, ...] = ()
    a: Wire = field(default_factory=Wire)
    b: Wire = field(default_factory=Wire)
    points: str = "AB"

    def talk(self, **settings: object) -> "WayTalk":
        """A new connection across this way; see `Talk`, but for its capture point."""
        return WayTalk(self, **settings)

    @contextmanager
    def seen(self, points: str) -> Iterator[None]:
        """What is sent in here comes to these points only."""
        before, self.points = self.points, points
        yield
        self.points = before

    def pcaps(self) -> tuple[bytes, bytes]:
        """The captures at A and at B."""
        return pcap(self.a.frames, nanoseconds=True), pcap(self.b.frames, nanoseconds=True)

    def put(self, segment: Segment, a_ns: int, b_ns: int, packets: Packets) -> None:
        """Capture a segment where it comes by."""
        outward = segment.from_client
        at_b = self.change(segment, True) if outward else segment
        at_a = segment if outward else self.change(segment, False)
        if "A" in self.points:
            for packet in packets(at_a):
                self.a.put(packet, a_ns, outward)
        if "B" in self.points:
            at_b = self.at_b(at_b)
            at_b = replace(at_b, source=self._named(at_b.source), target=self._named(at_b.target))
            for later_s in (0.0, *self.copies_s):
                for packet in packets(at_b):
                    self.b.put(packet, self._clock_b(b_ns) + nanoseconds(later_s), outward)

    def _named(self, end: Endpoint) -> Endpoint:
        text = f"{end.address}:{end.port}"
        return Endpoint.of(self.nat[text]) if text in self.nat else end

    def _clock_b(self, time_ns: int) -> int:
        return time_ns + nanoseconds(self.ahead_s) + round((time_ns - EPOCH_NS) * self.drift)


class WayTalk(Talk):
    """A talk that both captures see."""

    def __init__(self, way: Way, **settings: object) -> None:
        super().__init__(Wire(tap="middle"), **settings)  # type: ignore[arg-type]
        self.way = way

    def emit(self, segment: Segment, at_ns: int, packets: Packets) -> None:
        """Have both captures see a segment that is half way between them at a time."""
        half_ns = self.client.to_tap_ns
        sign = 1 if segment.from_client else -1
        self.way.put(segment, at_ns - sign * half_ns, at_ns + sign * half_ns, packets)
