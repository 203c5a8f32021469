# cython: auto_pickle=True
"""What limits the conclusions about a capture's connections: counted while they end, reported before anything else."""

from array import array  # noqa: TC003 - Cython reads annotations at run time
from collections.abc import Callable, Iterator
from math import gcd

from tcptrace_py.model import columns
from tcptrace_py.model.clock import SECOND_NS
from tcptrace_py.model.frames import FrameBlock
from tcptrace_py.model.live import AHEAD, Connection
from tcptrace_py.model.problems import Problems
from tcptrace_py.model.results import Summary
from tcptrace_py.model.segments import ACK, FIN, RST, SYN, SegmentBlock

SHAPE = FIN | SYN | RST  # a segment with none of these is plain: every connection that opens has some
ANSWERED = 8  # of a kind of segment: it has ACK
BARE_SYN, SYNACK = SYN, SYN | ANSWERED
ONLY_RST = 1 << RST | 1 << (RST | ANSWERED)
FINE_NS = 1000  # a clock that tells microseconds apart is fine
COARSE_NS, VERY_COARSE_NS = 1_000_000, 1_000_000_000
FEWEST_FRAMES = 5  # that a clock must show to be called still, or coarse
SAMPLED = 0.5  # of the connections, so many lack segments

CLOCK_JUMP_NS = 365 * 86400 * SECOND_NS


def _first(block: FrameBlock, rows: Iterator[int]) -> int:
    """The lowest number among the frames in these rows, which ascend and of which there is one at least."""
    return min(map(block.number, rows)) if block.frame else block.number(next(rows))


class Quality:
    """Counts of what the capture lacks, with the first frame of each."""

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}
        self.first: dict[str, int] = {}
        self.latest_ns: int | None = None
        self.is_plain = False  # a segment without SYN, FIN and RST was captured
        self.kinds = 0  # of those captured before it: a bit for each combination of SYN, FIN, RST and ANSWERED
        self.frame_count = 0
        self.base_ns = 0  # the first frame's time
        self.first_frame = 0  # its number
        self.unit_ns = 0  # what all times are apart by multiples of; 0: all times are one

    def frames(self, block: FrameBlock) -> tuple[int, int]:
        """Take in a block of frames that is not empty: steps of the clock, cut frames. Gives its earliest and its latest time."""
        count, times_ns = block.count, block.time_ns
        if not self.frame_count:
            self.first_frame = block.number(0)
        self._clock(times_ns, count)
        cut = columns.smaller(block.captured, block.wire, count)
        if cut:
            self._count("snapped", _first(block, (i for i in range(count) if block.captured[i] < block.wire[i])), cut)
        longer = columns.smaller(block.wire, block.captured, count)
        if longer:
            self._count("longer-than-wire", _first(block, (i for i in range(count) if block.captured[i] > block.wire[i])), longer)
        descents, least_ns, most_ns = columns.descents(times_ns, count), times_ns[0], times_ns[count - 1]
        if descents:
            least_ns, most_ns = columns.least(times_ns, count), columns.most(times_ns, count)
        steps = descents + (self.latest_ns is not None and times_ns[0] < self.latest_ns)
        if steps:
            before = (times_ns[0] if self.latest_ns is None else self.latest_ns, *times_ns)
            self._count("time-backwards", _first(block, (i for i, time_ns in enumerate(times_ns) if time_ns < before[i])), steps)
        if most_ns - (least_ns if self.latest_ns is None else min(least_ns, self.latest_ns)) > CLOCK_JUMP_NS:
            before = (times_ns[0] if self.latest_ns is None else self.latest_ns, *times_ns)
            jumps = [i for i in range(count) if times_ns[i] - before[i] > CLOCK_JUMP_NS]
            if jumps:
                self._count("time-jumps", _first(block, iter(jumps)), len(jumps))
        self.latest_ns = times_ns[count - 1]
        return least_ns, most_ns

    def _clock(self, times_ns: "array[int]", count: int) -> None:
        """What the clock tells apart, until it is known to be fine."""
        if not self.frame_count:
            self.base_ns = times_ns[0]
        self.frame_count += count
        unit_ns = self.unit_ns
        for i in range(count):
            if 0 < unit_ns <= FINE_NS:
                break
            apart_ns = times_ns[i] - self.base_ns
            if unit_ns == 0 or apart_ns % unit_ns:
                unit_ns = gcd(unit_ns, apart_ns)
        self.unit_ns = unit_ns

    def segments(self, block: SegmentBlock) -> None:
        """Take in a block of segments, until one shows that the capture was not filtered by flags."""
        if self.is_plain:
            return
        flags = block.flags
        for i in range(block.count):
            kind = flags[i] & SHAPE
            if kind == 0:
                self.is_plain = True
                return
            self.kinds |= 1 << (kind | (ANSWERED if flags[i] & ACK else 0))

    @property
    def clock_step_ns(self) -> int | None:
        """What the times of all frames are apart by multiples of: see `CaptureInfo`."""
        return None if self.frame_count < 2 or 0 < self.unit_ns <= FINE_NS else self.unit_ns

    @property
    def shows_fins(self) -> bool:
        """Whether a FIN is among the segments of a filtered capture."""
        return any(self.kinds >> kind & 1 and kind & FIN for kind in range(16))

    def filtered(self, connections: int, *, answers_lack: Callable[[], bool]) -> str:
        """What alone was captured, by its flags, in words; empty where nothing shows that there was more.

        Behind a SYN/ACK that a FIN follows an ACK was sent, and a SYN that is not sent again was answered (`answers_lack`: there is
        such a SYN or SYN/ACK).
        """
        if self.is_plain or not self.kinds:
            return ""
        opened = self.kinds >> BARE_SYN & 1 or self.kinds >> SYNACK & 1
        if opened and self.shows_fins:
            return "SYN, FIN and RST"
        if opened and answers_lack():
            return "SYNs" if self.kinds == 1 << BARE_SYN else "segments that open or reset"
        if connections > 1 and self.kinds | ONLY_RST == ONLY_RST:
            return "RSTs"
        return ""

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

    def _is_sampled(self, connections: int) -> bool:
        lacking = self.counts.get("acked-unseen", 0) - self.counts.get("one-sided", 0)
        return lacking >= FEWEST_FRAMES and lacking >= SAMPLED * connections

    def _is_coarse(self, summary: Summary) -> bool:
        """Whether the clock stands, or goes in steps within which most handshakes lie."""
        if self.frame_count < FEWEST_FRAMES or 0 < self.unit_ns < COARSE_NS:
            return False
        return summary.latency.p50_ns == 0 or self.unit_ns == 0 or (self.unit_ns >= VERY_COARSE_NS and self.frame_count >= 50)

    def _expects_answer(self, live: Connection) -> bool:
        """A side that acknowledges has heard its peer: silence in the capture is then the capture's."""
        return live.a.has_ack if live.a.packets else live.b.has_ack

    def _count(self, code: str, frame: int, count: int = 1) -> None:
        self.counts[code] = self.counts.get(code, 0) + count
        self.first[code] = min(frame, self.first.get(code, frame))

    def follow(self, other: "Quality") -> None:
        """Take in the part of the capture whose frames come next."""
        if not other.frame_count:
            return
        first_ns = other.base_ns
        if self.latest_ns is not None:
            if first_ns < self.latest_ns:
                self._count("time-backwards", other.first_frame)
            if first_ns - self.latest_ns > CLOCK_JUMP_NS:
                self._count("time-jumps", other.first_frame)
        if not self.frame_count:
            self.base_ns, self.unit_ns, self.first_frame = first_ns, other.unit_ns, other.first_frame
        elif not 0 < self.unit_ns <= FINE_NS:
            self.unit_ns = gcd(self.unit_ns, other.unit_ns, first_ns - self.base_ns)
        self.frame_count += other.frame_count
        self.latest_ns = other.latest_ns
        self.merge(other)

    def merge(self, other: "Quality") -> None:
        """Take in another part of the capture."""
        for code, count in other.counts.items():
            self._count(code, other.first[code], count)
        self.is_plain = self.is_plain or other.is_plain
        self.kinds |= other.kinds

    def report(
        self, problems: Problems, summary: Summary, *, duplicates: int, stragglers: tuple[int, int], answers_lack: Callable[[], bool]
    ) -> None:
        """Put what was counted into words; pairs are a count and its first frame. `answers_lack`: see `filtered`."""
        filtered = self.filtered(summary.connections, answers_lack=answers_lack)
        if filtered:
            self.counts.pop("acked-unseen", None)  # they were not lost
            problems.add("filtered", f"only {filtered} were captured, as a filter does: what all other segments would say is not known")
        elif self._is_sampled(summary.connections):
            problems.add(
                "sampled",
                "most connections lack segments, as where one packet in several is recorded: what did not happen "
                "may only not have been captured",
            )
        if self._is_coarse(summary):
            told = "all packets have the same time" if self.unit_ns == 0 else f"its times are multiples of {self.unit_ns / 1e6:g} ms"
            problems.add("coarse-clock", f"the clock is too coarse for what is measured: {told}")
        cut_inside_headers = any(row.code == "snapped" for row in problems.rows())  # says more than that frames are cut
        for code, words in EXPLANATIONS.items():
            if code in self.counts and not (code == "snapped" and cut_inside_headers):
                problems.add(code, words, frame=self.first[code], count=self.counts[code])
        if duplicates:
            problems.add(
                "duplicate-frames",
                "segments captured more than once (mirror port, `-i any`, or the network's own copies); they are left out of every count",
                count=duplicates,
            )
        if stragglers[0]:
            problems.add(
                "stragglers",
                "segments without data long after their connection was over; they belong to none",
                count=stragglers[0],
                frame=stragglers[1],
            )


EXPLANATIONS = {
    "one-sided": "connections of which only one direction was captured although the other was answered: "
    "how they ended is known only where what was captured proves it",
    "acked-unseen": "connections with segments that were acknowledged but never captured: the capture lost frames",
    "snapped": "frames captured in part (snap length): harmless as far as the TCP header is there, lengths come from the IP header",
    "longer-than-wire": "frames of which more was captured than was on the wire: the program that wrote them is at fault; all is decoded",
    "time-backwards": "frames stamped earlier than the one before, by more than frames are written out of order: the clock stepped back",
    "time-jumps": "frames stamped more than a year after the one before: a clock that was set, or damaged stamps; "
    "durations across them mean nothing",
    "midstream": "connections that began before the capture: their handshakes are not counted",
}
