"""Blocks of frames to blocks of segments."""

from typing import TYPE_CHECKING

from tcptrace_py.model.faults import PASSED_ON, Faults
from tcptrace_py.model.frames import FrameBlock
from tcptrace_py.model.problems import Problems
from tcptrace_py.model.segments import SegmentBlock

from .fast import decode_plain
from .quality import CHECKSUM_SAMPLE, Tally

if TYPE_CHECKING:
    from array import array
    from collections.abc import Callable

    from .fragments import Packets, Seen
    from .general import General


SPARE = 4  # a block has room for one in so many rows more than it needs
LOOKED_AT = 256  # frames of a block without TCP in which is looked for what is not read


class Decoder:
    """Decodes a capture block by block, in order; what it cannot decode it reports to `problems` by name.

    Without `check_checksums` the TCP checksums of wholly captured segments among the first `checksum_sample` frames are
    looked at and reported; with it those of all are, and segments whose checksum is wrong are left out. `joined` gets the frames
    of each packet that came in fragments: the last of them is the frame of its segment.
    """

    def __init__(
        self,
        problems: Problems,
        *,
        check_checksums: bool = False,
        checksum_sample: int = CHECKSUM_SAMPLE,
        joined: list[tuple[int, ...]] | None = None,
        faults: Faults | None = None,
    ) -> None:
        self._problems = problems
        self._faults = faults or Faults()
        self._joined = joined
        self._me = -1
        self._tally = Tally(obey=check_checksums, sample=checksum_sample)
        self._general: General | None = None
        self._fragments_before: Callable[[], Packets | None] | None = None

    def share(self, owner_of: "array[int]", me: int, fragments_before: "Callable[[], Packets | None]") -> None:
        """From now on this is process `me` of several that decode a capture, block by block in turn.

        Only segments that it replays itself get keys where that saves time (see SegmentBlock). `fragments_before` gives the
        packets in the making that another process handed on last (None: none did since this one), and may wait for them.
        """
        self._tally.owner_of = owner_of
        self._me = me
        self._fragments_before = fragments_before

    def decode(self, block: FrameBlock, spare: SegmentBlock | None = None) -> SegmentBlock:
        """Give the segments of a block in frame order, QUOTED rows among them. Nothing that a frame holds can raise.

        `spare`: a block that nobody needs any more, to be used again where it is large enough.
        """
        if spare is not None and len(spare.frame) >= block.count:
            out = spare
            out.clear()
        else:
            out = SegmentBlock(block.count + block.count // SPARE)  # that the next ones, which are seldom as long, find room in it
        if self._me >= 0:
            out.me, out.data = self._me, block.data
        out.era_ns = block.latest_ns
        row = self._plain(block, 0, out)
        while row < block.count:
            self._rest().decode(block, row, out)
            if len(out.frame) < out.count + block.count - row:
                out.reserve(out.count + block.count - row)
            row = self._plain(block, row + 1, out)
        if not out.count and block.count:
            self._rest().name_unread(block, LOOKED_AT)
        return out

    def _plain(self, block: FrameBlock, first: int, out: SegmentBlock) -> int:
        """Decode what the fast path takes; give the row where it stops. Where it fails, once more, frame by frame."""
        counts = out.count, out.odd, self._tally.counts()
        try:
            return int(decode_plain(block, first, out, self._tally))
        except Exception as error:
            if isinstance(error, PASSED_ON):
                raise
            out.count, out.odd = counts[:2]
            self._tally.go_back_to(counts[2])
        for row in range(first, block.count):
            counts = out.count, out.odd, self._tally.counts()
            try:
                if not decode_plain(block.row(row), 0, out, self._tally):
                    return row
            except Exception as error:  # noqa: BLE001
                self._faults.note("decoding this frame", error, block.number(row))
                out.count, out.odd = counts[:2]
                self._tally.go_back_to(counts[2])
        return block.count

    def hand_on_fragments(self) -> "Packets | None":
        """Packets in the making, for the process that has the next block; None where this block held no fragments."""
        return None if self._general is None else self._general.fragments.hand_on()

    def fragments_seen(self) -> "Seen | None":
        """Which packets all fragments so far belong to; None where there were none."""
        return None if self._general is None or not self._general.fragments.seen.most_bytes else self._general.fragments.seen

    def finish(self, *, fragments: bool = True) -> None:
        """Report what the capture's end leaves over: incomplete `fragments`, unless another process does, and counts."""
        if self._general and fragments:
            self._general.fragments.finish()
        self._tally.report(self._problems)

    def _rest(self) -> "General":
        if self._general is None:
            from .general import General  # noqa: PLC0415  dpkt takes longer to import than a small capture to decode

            self._general = General(self._problems, self._tally, self._joined, self._faults)
            self._general.fragments.before = self._fragments_before
        return self._general
