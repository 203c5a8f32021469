"""The seam between the two paths: on every frame that the fast path accepts, both must say the same."""

from collections.abc import Iterator
from pathlib import Path

from tcptrace_py.capture import open_captures
from tcptrace_py.decode.fast import decode_plain
from tcptrace_py.decode.general import General
from tcptrace_py.decode.quality import Tally
from tcptrace_py.model.frames import FrameBlock
from tcptrace_py.model.problems import Problems
from tcptrace_py.model.segments import SegmentBlock
from tests.decode.blocks import rows_of


def seam(block: FrameBlock) -> tuple[int, list[str]]:
    """Decode every frame that the fast path accepts both ways: how many those were, and where the ways differ."""
    accepted, differences = 0, []
    for i in range(block.count):
        results = []
        for way in ("fast", "general"):
            problems, out = Problems(), SegmentBlock(1)
            tally = Tally(obey=False, sample=1)
            if way == "fast":
                one = _single(block, i)
                if decode_plain(one, 0, out, tally) == 0:
                    break
            else:
                General(problems, tally).decode(block, i, out)
            tally.report(problems)
            rows = rows_of(out)
            # Frames without TCP are none of our business; the general path may still remark that one is damaged.
            results.append((rows, problems.rows() if rows else []))
        else:
            accepted += 1
            if results[0] != results[1]:
                differences.append(f"frame {block.first_frame + i}: fast {results[0]} general {results[1]}")
    return accepted, differences


def _single(block: FrameBlock, i: int) -> FrameBlock:
    one = FrameBlock(block.data, block.first_frame + i)
    one.append(block.time_ns[i], block.offset[i], block.captured[i], block.wire[i], block.link[i], block.interface[i])
    return one


def blocks_in(path: Path) -> Iterator[FrameBlock]:
    yield from open_captures([path], Problems()).blocks()
