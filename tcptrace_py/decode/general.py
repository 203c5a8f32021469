"""The general path: any frame, layer by layer. dpkt knows the headers; what it lacks is read beside it.

Slow and careful where `fast.py` is quick: every header is read at its announced place, lengths are those on the wire,
and what a snap length cut off is told from what was never there. Importing this module imports dpkt.
"""

from contextlib import suppress
from struct import error as struct_error

import dpkt

from tcptrace_py.model.faults import Faults
from tcptrace_py.model.frames import FrameBlock
from tcptrace_py.model.problems import Problems
from tcptrace_py.model.segments import SegmentBlock

from . import network, transport, tunnels  # noqa: F401  they enter their rows into the tables of `walk`
from .fragments import Reassembler
from .linktypes import LINK_NAMES, LINKS
from .quality import NOT_READ, UNKNOWN_LINK, Tally
from .walk import NestedError, UnreadableError, Walk

_CUT = "frames cut by the snap length before it is known what they carry"
_SHORT = "frames that end inside a header"


class General:
    """Decodes frames one at a time; keeps fragments between them."""

    def __init__(self, problems: Problems, tally: Tally, joined: list[tuple[int, ...]] | None = None, faults: Faults | None = None) -> None:
        self._problems = problems
        self._faults = faults or Faults()
        self.fragments = Reassembler(problems, joined)
        self._walk = Walk(problems, tally, self.fragments)
        aside = Problems()  # what is looked at twice is told once
        self._survey = Walk(aside, Tally(obey=False, sample=0), Reassembler(aside))

    def decode(self, block: FrameBlock, i: int, out: SegmentBlock) -> None:
        """Append the segments of row i of a block of frames; never raises, whatever the frame holds."""
        frame, link, at = block.number(i), block.link[i], block.offset[i]
        if link < 0:  # a record that is numbered as a frame and is none
            return
        handler = LINKS.get(link)
        if handler is None:
            name = f" ({LINK_NAMES[link]})" if link in LINK_NAMES else ""
            self._problems.add(UNKNOWN_LINK, f"frames of link type {link}{name}, which is not known here", frame=frame, damaged=True)
            return
        data = bytes(block.data[at : at + block.captured[i]])
        walk = self._walk
        walk.begin(out, frame, block.time_ns[i], block.interface[i])
        try:
            walk.enter(handler, data, max(len(data), block.wire[i]))
        except UnreadableError as error:
            self._unreadable(str(error), frame, always=isinstance(error, NestedError))
        except (dpkt.Error, struct_error, IndexError, ValueError):
            if len(data) < block.wire[i]:
                self._cut(frame)
            else:
                self._unreadable(_SHORT, frame)
        except Exception as error:  # noqa: BLE001 - whatever it is, the other frames are decoded
            self._faults.note("decoding this frame", error, frame)

    def name_unread(self, block: FrameBlock, rows: int) -> None:
        """Report the encapsulations that the first rows of a block without TCP lie in and that are not read here."""
        out = SegmentBlock(1)
        for i in range(min(rows, block.count)):
            handler, at = LINKS.get(block.link[i]), block.offset[i]
            if handler is None:
                continue
            data = bytes(block.data[at : at + block.captured[i]])
            self._survey.begin(out, block.number(i), block.time_ns[i], block.interface[i])
            with suppress(UnreadableError, dpkt.Error, struct_error, IndexError, ValueError):
                handler(self._survey, data, max(len(data), block.wire[i]))
            if self._survey.unread:
                self._problems.add(
                    NOT_READ,
                    f"frames in an encapsulation that is not read here: {self._survey.unread}",
                    frame=block.number(i),
                    damaged=True,
                )

    def _unreadable(self, reason: str, frame: int, *, always: bool = False) -> None:
        if always or self._walk.quoted < 0:  # quotes are cut short by nature
            self._problems.add("undecodable", reason, frame=frame)

    def _cut(self, frame: int) -> None:
        if self._walk.quoted < 0:
            self._problems.add("snapped", _CUT, frame=frame)
