# cython: auto_pickle=True
"""Numbers of connections and of streams: their rank by first frame, from one bit for each frame of the capture."""

from array import array
from bisect import bisect_left, bisect_right

from .growing import longer

STRETCH = 1 << 6  # bytes, which are looked through for each rank
ONES = bytes(map(int.bit_count, range(256)))  # bits that are 1, by byte


class FirstFrames:
    """Frames that begin connections, or streams."""

    __slots__ = ("_before", "bits", "repeated")

    def __init__(self) -> None:
        self._before: array[int] | None = None  # ones before each stretch of STRETCH bytes
        self.bits = bytearray(1 << 12)
        self.repeated: list[int] = []  # frames that begin a second one: a frame may hold several segments

    def add(self, frame: int) -> None:
        """Count a connection that begins with this frame."""
        at, bit = frame >> 3, 1 << (frame & 7)
        while at >= len(self.bits):
            self.bits.extend(bytes(len(self.bits)))
        if self.bits[at] & bit:
            self.repeated.append(frame)
        else:
            self.bits[at] |= bit

    def add_all(self, frames: "array[int]") -> None:
        """Count those that begin with these frames."""
        for at in range(len(frames)):
            self.add(frames[at])

    def merge(self, other: "FirstFrames") -> None:
        """Take in the connections of another part of the capture."""
        size = max(len(self.bits), len(other.bits))
        ones, others = (int.from_bytes(bits, "little") for bits in (self.bits, other.bits))
        self.bits = bytearray((ones | others).to_bytes(size, "little"))
        self.repeated += other.repeated

    def rank(self, frame: int) -> int:
        """How many connections begin before this frame. To be asked when all are known."""
        before, bits, own, below = self._sums(), self.bits, frame >> 3, 0
        stretch = own // STRETCH
        if own >= len(bits):
            return before[-1] + len(self.repeated)
        for at in range(stretch * STRETCH, own):
            below += ONES[bits[at]]
        below += ONES[bits[own] & (1 << (frame & 7)) - 1]
        if self.repeated:
            below += bisect_left(self.repeated, frame)
        return before[stretch] + below

    def frame(self, number: int) -> int | None:
        """The frame that begins the connection of this number; None where there is none. Only where no frame is `repeated`."""
        before = self._sums()
        stretch = bisect_right(before, number) - 1
        if not 0 <= stretch < len(before) - 1:
            return None
        left = number - before[stretch]
        at = stretch * STRETCH
        while left >= self.bits[at].bit_count():
            left -= self.bits[at].bit_count()
            at += 1
        return 8 * at + [bit for bit in range(8) if self.bits[at] >> bit & 1][left]

    def _sums(self) -> "array[int]":
        """How many there are before each stretch, and in all."""
        if self._before is None:
            self.repeated.sort()
            self._before = array("q", [0])
            for at in range(0, len(self.bits), STRETCH):
                self._before.append(self._before[-1] + ones(self.bits[at : at + STRETCH]))
        return self._before


class FrameList(FirstFrames):
    """The same in a part that gives them away as it goes: frames one by one, in no order, and no ranks."""

    __slots__ = ("count", "frames")

    def __init__(self) -> None:
        self.count = 0
        self.frames = array("q", bytes(512))

    def add(self, frame: int) -> None:
        """Count a connection that begins with this frame."""
        if self.count == len(self.frames):
            self.frames = longer(self.frames)
        self.frames[self.count] = frame
        self.count += 1

    def release(self) -> "array[int]":
        """Give all away."""
        found = array("q", bytes(self.frames[: self.count]))
        self.count = 0
        return found


def ones(data: bytearray) -> int:
    """How many bits are 1."""
    return int.from_bytes(data, "little").bit_count()
