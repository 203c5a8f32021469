"""Where whoever follows connections looks for those that are over: behind each ERA_FRAMES frames of a capture.

What is over by then may hang on where that is, where clocks are set: so it is the same place, however a capture is cut into blocks.
"""

from collections.abc import Iterable, Iterator

from tcptrace_py.model.frames import FrameBlock

from .columns import rows_of

ERA_FRAMES = 1 << 15


class Eras:
    """Cuts blocks, which come one after the other, so that none goes beyond an era's end, and tells each what time it is there."""

    def __init__(self, frames_before: int = 0) -> None:
        self._left = ERA_FRAMES - frames_before % ERA_FRAMES
        self._latest_ns: int | None = None  # of the last frame

    def cut(self, blocks: Iterable[FrameBlock]) -> Iterator[FrameBlock]:
        """Blocks that are not empty, or the parts of them."""
        for block in blocks:
            yield from self._parts(block)

    def _parts(self, block: FrameBlock) -> Iterator[FrameBlock]:
        start, count = 0, block.count
        while start < count:
            end = min(count, start + self._left)
            part = block if end - start == count else rows_of(block, start, end)
            self._left -= end - start
            part.latest_ns = ()
            last_ns = block.time_ns[end - 1]
            if not self._left:
                self._left = ERA_FRAMES
                before_ns = block.time_ns[end - 2] if end > 1 else self._latest_ns
                part.latest_ns = (last_ns,) * 2 if before_ns is None else (before_ns, last_ns)
            self._latest_ns, start = last_ns, end
            yield part
