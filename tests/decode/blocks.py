"""Blocks of frames for tests, and what comes of them."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from tcptrace_py.decode import Decoder
from tcptrace_py.model.frames import FrameBlock
from tcptrace_py.model.problems import Problems
from tcptrace_py.model.segments import SegmentBlock

Row = dict[str, Any]


@dataclass(frozen=True)
class Raw:
    """A captured frame; `wire` 0 means that all of it was captured."""

    data: bytes
    link: int = 1
    wire: int = 0
    time_ns: int = 0
    interface: int = 0


def block_of(frames: Iterable[Raw], first_frame: int = 1) -> FrameBlock:
    block = FrameBlock(b"", first_frame)
    data = bytearray()
    for frame in frames:
        block.append(frame.time_ns, len(data), len(frame.data), frame.wire or len(frame.data), frame.link, frame.interface)
        data += frame.data
    block.data = bytes(data)
    return block


def rows_of(out: SegmentBlock) -> list[Row]:
    of_blocks = {"count", "data", "era_ns", "foreign", "key_at", "me", "odd", "owner"}
    names = [name for name in SegmentBlock.__slots__ if name not in of_blocks]
    return [{name: getattr(out, name)[n] for name in names} for n in range(out.count)]


def decoded(*frames: Raw, check_checksums: bool = False) -> tuple[list[Row], Problems]:
    problems = Problems()
    decoder = Decoder(problems, check_checksums=check_checksums)
    rows = rows_of(decoder.decode(block_of(frames)))
    decoder.finish()
    return rows, problems


def codes(problems: Problems) -> dict[str, int]:
    counts: dict[str, int] = {}
    for row in problems.rows():
        counts[row.code] = counts.get(row.code, 0) + row.count
    return counts
