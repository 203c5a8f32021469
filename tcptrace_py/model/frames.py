"""A block of frames: what `capture` hands to `decode`."""

from array import array
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

# In the column `link`: a record that Wireshark numbers as a frame but that is no packet (a journal entry, a custom block).
NOT_A_PACKET = -1


class FrameBlock:
    """Columns of captured records over one buffer, in capture order.

    `data` holds the bytes; row i is `data[offset[i]:offset[i] + captured[i]]`, whose length on the wire was `wire[i]`.
    Rows are numbered from `first_frame` without gaps (Wireshark's frame.number, from 1), or where they were put in order by
    `frame`, a number for each: then no row of this block or a later one has a number below `first_frame`. `time_ns` counts from
    1970-01-01T00:00:00Z. `link` is the record's LINKTYPE number; `interface` tells apart the interfaces of a capture
    (pcapng's interface index counted over all sections, and over files as `capture.interfaces` says; 0 in a lone pcap).
    `latest_ns` are the times of the last two frames where an era of the capture ends with this block (`capture.eras`), none where none
    does; None: nobody knows.
    """

    __slots__ = ("captured", "count", "data", "first_frame", "frame", "interface", "latest_ns", "link", "offset", "time_ns", "wire")

    def __init__(self, data: bytes, first_frame: int) -> None:
        self.data = data
        self.first_frame = first_frame
        self.count = 0
        self.time_ns = array("q")
        self.offset = array("q")
        self.captured = array("q")
        self.wire = array("q")
        self.link = array("q")
        self.interface = array("q")
        self.frame = array("q")
        self.latest_ns: tuple[int, ...] | None = None

    def number(self, i: int) -> int:
        """Number of the frame in row i."""
        return self.frame[i] if self.frame else self.first_frame + i

    def numbers(self) -> "Sequence[int]":
        """Numbers of all frames."""
        return self.frame or range(self.first_frame, self.first_frame + self.count)

    def row(self, i: int) -> "FrameBlock":
        """Row i as a block of its own, over the same bytes."""
        one = FrameBlock(self.data, self.number(i))
        one.append(self.time_ns[i], self.offset[i], self.captured[i], self.wire[i], self.link[i], self.interface[i])
        return one

    def append(self, time_ns: int, offset: int, captured: int, wire: int, link: int, interface: int) -> None:
        """Add one record: the way of the readers that are not hot."""
        self.time_ns.append(time_ns)
        self.offset.append(offset)
        self.captured.append(captured)
        self.wire.append(wire)
        self.link.append(link)
        self.interface.append(interface)
        self.count += 1
