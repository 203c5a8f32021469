"""One connection segment by segment: what `explain` draws. Times are nanoseconds since 1970-01-01T00:00:00Z."""

from dataclasses import dataclass, field

from .segments import FIN, SYN
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


@dataclass(slots=True)
class Rung:
    """A segment with its numbers relative to their side's first, and what it is."""

    sent: Sent
    seq: int
    ack: int | None
    marks: tuple[str, ...] = ()
    of: int | None = None  # the frame that it repeats
    after_ns: int | None = None  # ... and how long ago that was
    again_in: int | None = None  # the frame in which it was sent again
    delay_ns: int = 0  # since the rung before
    notes: list[str] = field(default_factory=list)  # anomalies, resets: in words
