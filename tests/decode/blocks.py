"""Blocks of frames for tests: from bytes, from capture files."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tcptrace_py.capture import open_captures
from tcptrace_py.decode import Decoder
from tcptrace_py.decode.fast import decode_plain
from tcptrace_py.decode.general import General
from tcptrace_py.decode.quality import Tally
from tcptrace_py.model.frames import FrameBlock
from tcptrace_py.model.problems import Problems
from tcptrace_py.model.segments import SegmentBlock

Row = dict[str, object]


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
        block.append(frame.time_ns, len(data), len(frame.data), frame.wire or len(frame.data), frame.link,
                     frame.interface)
        data += frame.data
    block.data = bytes(data)
    return block


def rows_of(out: SegmentBlock) -> list[Row]:
    names = [name for name in SegmentBlock.__slots__ if name != "count"]
    return [{name: getattr(out, name)[n] for name in names} for n in range(out.count)]


def decoded(*frames: Raw, **options: bool) -> tuple[list[Row], Problems]:
    problems = Problems()
    decoder = Decoder(problems, **options)
    rows = rows_of(decoder.decode(block_of(frames)))
    decoder.finish()
    return rows, problems


def codes(problems: Problems) -> dict[str, int]:
    counts: dict[str, int] = {}
    for row in problems.rows():
        counts[row.code] = counts.get(row.code, 0) + row.count
    return counts


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
            results.append((rows_of(out), problems.rows()))
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
