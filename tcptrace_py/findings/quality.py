"""What limits the conclusions about a capture's connections: counted while they end, reported before anything else."""

from tcptrace_py.model import columns
from tcptrace_py.model.frames import FrameBlock
from tcptrace_py.model.live import AHEAD, Connection
from tcptrace_py.model.problems import Problems


def span_ns(block: FrameBlock) -> tuple[int, int]:
    """Earliest and latest time of a block that is not empty."""
    return columns.least(block.time_ns, block.count), columns.most(block.time_ns, block.count)


class Quality:
    """Counts of what the capture lacks, with the first frame of each."""

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}
        self.first: dict[str, int] = {}
        self.latest_ns: int | None = None

    def frames(self, block: FrameBlock) -> None:
        """Take in a block of frames: steps of the clock, cut frames."""
        count, times_ns, first_frame = block.count, block.time_ns, block.first_frame
        cut = columns.smaller(block.captured, block.wire, count)
        if cut:
            at = next(i for i in range(count) if block.captured[i] < block.wire[i])
            self._count("snapped", first_frame + at, cut)
        steps = columns.descents(times_ns, count) + (self.latest_ns is not None and times_ns[0] < self.latest_ns)
        if steps:
            before = (times_ns[0] if self.latest_ns is None else self.latest_ns, *times_ns)
            at = next(i for i, time_ns in enumerate(times_ns) if time_ns < before[i])
            self._count("time-backwards", first_frame + at, steps)
        self.latest_ns = times_ns[count - 1]

    def add(self, live: Connection) -> None:
        """Take in one connection."""
        if not live.a.syn_seen and not live.b.syn_seen:
            self._count("midstream", live.first_frame)
        if not live.self_connect and (live.a.packets == 0 or live.b.packets == 0) and self._expects_answer(live):
            self._count("one-sided", live.first_frame)
        for segment in live.log:
            if segment.marks & AHEAD:
                self._count("acked-unseen", segment.frame)
                break

    def _expects_answer(self, live: Connection) -> bool:
        """A side that acknowledges has heard its peer: silence in the capture is then the capture's."""
        return live.a.has_ack if live.a.packets else live.b.has_ack

    def _count(self, code: str, frame: int, count: int = 1) -> None:
        self.counts[code] = self.counts.get(code, 0) + count
        self.first[code] = min(frame, self.first.get(code, frame))

    def merge(self, other: "Quality") -> None:
        """Take in another part of the capture."""
        for code, count in other.counts.items():
            self._count(code, other.first[code], count)

    def report(self, problems: Problems, *, duplicates: int, stragglers: tuple[int, int]) -> None:
        """Put what was counted into words; pairs are a count and its first frame."""
        cut_inside_headers = any(row.code == "snapped" for row in problems.rows())  # says more than that frames are cut
        for code, words in EXPLANATIONS.items():
            if code in self.counts and not (code == "snapped" and cut_inside_headers):
                problems.add(code, words, frame=self.first[code], count=self.counts[code])
        if duplicates:
            problems.add("duplicate-frames", "segments captured more than once (mirror port, `-i any`, or the network's own copies); "
                         "they are left out of every count", count=duplicates)
        if stragglers[0]:
            problems.add("stragglers", "segments without data long after their connection was over; they belong to none",
                         count=stragglers[0], frame=stragglers[1])


EXPLANATIONS = {
    "one-sided": "connections of which only one direction was captured although the other was answered: "
                 "states of the silent side are guesses",
    "acked-unseen": "connections with segments that were acknowledged but never captured: the capture lost frames",
    "snapped": "frames captured in part (snap length): harmless as far as the TCP header is there, lengths come from the IP header",
    "time-backwards": "frames stamped earlier than the one before: the clock stepped back, or frames were written out of order",
    "midstream": "connections that began before the capture: their handshakes are not counted",
}
