"""One connection segment by segment: what `explain` draws. Times are nanoseconds since 1970-01-01T00:00:00Z."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from .segments import ACK, FIN, RST, SYN
from .seq import MASK


@dataclass(frozen=True, slots=True)
class Sent:
    """A captured segment of the connection. In a self-connect all are the client's."""

    frame: int
    time_ns: int
    from_client: bool
    flags: int
    seq: int
    ack: int
    payload: int
    window: int
    ip_id: int
    tsval: int | None
    interface: int
    cut: bool  # snapped inside the TCP header's fixed part: flags and what lies behind are unknown

    @property
    def end(self) -> int:
        """The sequence number after everything it carries."""
        return (self.seq + self.payload + bool(self.flags & SYN) + bool(self.flags & FIN)) & MASK


# What a segment is besides its flags; the words that people read are in outputs/explain.
SENT_AGAIN = "sent-again"  # repeats a SYN, FIN or data that was captured before: `of` is the frame of that
FILLS_GAP = "fills-gap"  # brings what was missing before: its first copy was lost before the capture, or overtaken
AFTER_GAP = "after-gap"  # something before it is missing at this moment
COPY = "copy"  # the same frame captured twice: a mirror port, `-i any`
LATE_COPY = "late-copy"  # the network delivered it twice
PROBE = "probe"  # keep-alive probe
WINDOW_PROBE = "window-probe"  # asks whether there is room again
UNSEEN = "unseen"  # acknowledges what was never captured
AGAIN_ACK = "again-ack"  # the same acknowledgement once more: something behind it arrived, or arrived twice
WINDOW_FULL = "window-full"  # its sender has no room for more data
STRAY = "stray"  # belongs to no part of this connection

QUIET = frozenset((AGAIN_ACK, COPY))  # marks that alone do not make a segment worth a line of its own
MOST_MARKED = 30  # remarkable segments that are shown one by one
MOST_WAITS = 12  # the longest delays, which are pointed out


@dataclass(slots=True)
class DrawnSegment:
    """A segment with its numbers relative to their side's first, and what the analysis made of it."""

    sent: Sent
    seq: int
    ack: int | None
    marks: tuple[str, ...] = ()
    of: int | None = None  # the frame that it repeats
    after_ns: int | None = None  # ... and how long ago that was
    again_in: int | None = None  # the frame in which it was sent again
    delay_ns: int = 0  # since the segment before
    new_bytes: int = 0  # of its payload, those that no segment brought before: they add up to the side's payload_bytes
    counted: bool = True  # among its side's packets; copies are not, nor SYNs that belong to no connection

    @property
    def remarkable(self) -> bool:
        """Whether it is worth a line of its own."""
        return self.again_in is not None or not QUIET.issuperset(self.marks)


@dataclass(slots=True)
class Run:
    """Segments in a row of which only the sums are kept: by direction, how many and how many new bytes.

    They are plain, but for those beyond the MOST_MARKED: `resets` and `others` (with SYN or FIN) count these. `acks` are those
    that carry an acknowledgement and nothing else, `cut` those whose header is not all there: flags and lengths may be unknown.
    """

    first: DrawnSegment
    last: DrawnSegment
    segments: Counter[bool] = field(default_factory=Counter)
    payload_bytes: Counter[bool] = field(default_factory=Counter)
    repeated_bytes: Counter[bool] = field(default_factory=Counter)  # that a segment had brought before
    marks: Counter[str] = field(default_factory=Counter)
    resets: Counter[bool] = field(default_factory=Counter)
    others: Counter[bool] = field(default_factory=Counter)
    acks: Counter[bool] = field(default_factory=Counter)
    cut: Counter[bool] = field(default_factory=Counter)

    @classmethod
    def of(cls, parts: "Iterable[DrawnSegment | Run]") -> "Run":
        """One run of all these, of which there is at least one."""
        parts = list(parts)
        first, last = parts[0], parts[-1]
        found = cls(first.first if isinstance(first, Run) else first, last.last if isinstance(last, Run) else last)
        for part in parts:
            found.add(part)
        return found

    def add(self, part: "DrawnSegment | Run") -> None:
        """Take in what comes behind."""
        if isinstance(part, Run):
            for own, more in zip(self.sums, part.sums, strict=True):
                own.update(more)
            self.marks.update(part.marks)
            self.last = part.last
            return
        sent, way = part.sent, part.sent.from_client
        self.last = part
        self.segments[way] += 1
        self.marks.update(part.marks)
        self.payload_bytes[way] += part.new_bytes
        if sent.cut:
            self.cut[way] += 1
            return
        self.repeated_bytes[way] += max(sent.payload - part.new_bytes, 0)
        self.resets[way] += bool(sent.flags & RST)
        self.others[way] += bool(sent.flags & (SYN | FIN)) and not sent.flags & RST
        self.acks[way] += sent.flags & (SYN | FIN | RST | ACK) == ACK and not sent.payload

    @property
    def sums(self) -> tuple[Counter[bool], ...]:
        """All that is counted by direction."""
        return self.segments, self.payload_bytes, self.repeated_bytes, self.resets, self.others, self.acks, self.cut


def marks_of(parts: Iterable[DrawnSegment | Run]) -> Counter[str]:
    """How many segments bear each mark."""
    found: Counter[str] = Counter()
    for part in parts:
        found.update(part.marks)
    return found
