"""Blocks of frames to blocks of segments."""

from typing import TYPE_CHECKING

from tcptrace_py.model.frames import FrameBlock
from tcptrace_py.model.problems import Problems
from tcptrace_py.model.segments import SegmentBlock

from .fast import decode_plain
from .quality import CHECKSUM_SAMPLE, Tally

if TYPE_CHECKING:
    from array import array

    from .general import General


class Decoder:
    """Decodes a capture block by block, in order; what it cannot decode it reports to `problems` by name.

    Without `check_checksums` the TCP checksums of wholly captured segments among the first `checksum_sample` frames are
    looked at and reported; with it those of all are, and segments whose checksum is wrong are left out. `joined` gets the frames
    of each packet that came in fragments: the last of them is the frame of its segment.
    """

    def __init__(self, problems: Problems, *, check_checksums: bool = False,
                 checksum_sample: int = CHECKSUM_SAMPLE, joined: list[tuple[int, ...]] | None = None) -> None:
        self._problems = problems
        self._joined = joined
        self._me = -1
        self._tally = Tally(obey=check_checksums, sample=checksum_sample)
        self._general: General | None = None

    def deal_out(self, owner_of: "array[int]", me: int) -> None:
        """From now on only segments that are this process's get keys where that saves time (see SegmentBlock)."""
        self._tally.owner_of = owner_of
        self._me = me

    def decode(self, block: FrameBlock, spare: SegmentBlock | None = None) -> SegmentBlock:
        """Give the segments of a block in frame order, QUOTED rows among them. Nothing that a frame holds can raise.

        `spare`: a block that nobody needs any more, to be used again where it is large enough.
        """
        if spare is not None and len(spare.frame) >= block.count:
            out = spare
            out.clear()
        else:
            out = SegmentBlock(block.count)
        if self._me >= 0:
            out.me, out.data = self._me, block.data
        row = decode_plain(block, 0, out, self._tally)
        while row < block.count:
            self._rest().decode(block, row, out)
            if len(out.frame) < out.count + block.count - row:
                out.reserve(out.count + block.count - row)
            row = decode_plain(block, row + 1, out, self._tally)
        return out

    @property
    def holds_fragments(self) -> bool:
        """Whether it keeps fragments of IP packets, which frames decoded later may belong to."""
        return self._general is not None and self._general.holds_fragments

    def finish(self) -> None:
        """Report what the capture's end leaves over: incomplete fragments, and the counts kept until now."""
        if self._general:
            self._general.finish()
        self._tally.report(self._problems)

    def _rest(self) -> "General":
        if self._general is None:
            from .general import General  # noqa: PLC0415  dpkt takes longer to import than a small capture to decode

            self._general = General(self._problems, self._tally, self._joined)
        return self._general
