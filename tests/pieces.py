"""Captures cut into pieces so small that several processes share even short ones."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from tcptrace_py.capture import CaptureReader, file, heads
from tcptrace_py.capture.columns import rows_of
from tcptrace_py.pipeline import jobs, worthwhile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import pytest

    from tcptrace_py.model.frames import FrameBlock


def read_in_small_pieces(patch: pytest.MonkeyPatch) -> None:
    """Files are read a few hundred bytes at once, and can be read on from behind each of these."""
    patch.setattr(file, "PIECE_BYTES", 400)
    patch.setattr(file, "HEAD_BYTES", 300)
    patch.setattr(heads, "MARK_BYTES", 1)


def share_in_pieces(patch: pytest.MonkeyPatch, most_frames: Callable[[], int]) -> list[int]:
    """Captures are read in blocks of a few frames, and any is worth sharing; tells how many frames each block had that was shared."""
    shared: list[int] = []
    patch.setattr(worthwhile, "BYTES_EACH", 1)
    patch.setattr(CaptureReader, "blocks", _in_pieces(CaptureReader.blocks, most_frames))
    take = jobs.Workers.take

    def counted(workers: jobs.Workers, block: FrameBlock) -> None:
        take(workers, block)
        shared.append(block.count)

    patch.setattr(jobs.Workers, "take", counted)
    return shared


def _in_pieces(
    blocks: Callable[[CaptureReader], Iterator[FrameBlock]], most_frames: Callable[[], int]
) -> Callable[[CaptureReader], Iterator[FrameBlock]]:
    """Blocks cut at random, the same way each time."""

    def cut(reader: CaptureReader) -> Iterator[FrameBlock]:
        rng = random.Random(1)
        for block in blocks(reader):
            start = 0
            while start < block.count:
                end = min(start + rng.randint(1, most_frames()), block.count)
                yield rows_of(block, start, end)
                start = end

    return cut
