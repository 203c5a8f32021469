"""Chosen connections as a capture of their own: every frame that belongs to them, its bytes untouched, in order.

The captures are read three times: to analyse and choose, to find the frames of what was chosen, to copy them. A
connection's frames are those of its four-tuple from its first one on until the next connection of that tuple begins;
where two connections of a tuple overlap (an old segment behind a new SYN) they explain each other, and come out
together. ICMP errors that quote the connection come along, and so does every fragment of its packets.
"""

from __future__ import annotations

import os
import tempfile
from bisect import bisect_right
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from .capture import open_captures
from .capture.source import STDIN, copy_stdin
from .capture.write import FORMATS, NS_PER_S, PcapngWriter, PcapWriter
from .decode import Decoder
from .model.addresses import scope_of, text
from .model.errors import UsageError
from .model.problems import Problems
from .model.results import Scope
from .model.segments import SCOPE_TEID, key_parts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from .model.frames import FrameBlock
    from .model.results import Connection
    from .model.segments import SegmentBlock
    from .model.selection import Selection

Ends = tuple[tuple[str, int], tuple[str, int]]  # lower end first, so that both directions agree
Tuple = tuple[Ends, int | None, bool]  # a four-tuple: its ends, its network, whether it is inside GTP-U


@dataclass(frozen=True)
class Extract:
    """What was written: connections and frames."""

    connections: int
    frames: int


class Wanted:
    """The frames of chosen connections, by four-tuple: spans from a first frame until before the next connection."""

    def __init__(self, connections: Iterable[Connection], picks: Callable[[Connection], bool]) -> None:
        self.connections = 0
        self._firsts: dict[Tuple, list[int]] = {}
        self._chosen: dict[Tuple, list[bool]] = {}
        last: dict[Tuple, int] = {}
        for connection in connections:  # in order of first frames
            tuple_, chosen = _tuple(connection), picks(connection)
            firsts, choices = self._firsts.setdefault(tuple_, []), self._chosen.setdefault(tuple_, [])
            if firsts and connection.first_frame <= last[tuple_]:  # it overlaps with the one before
                choices[-1] = choices[-1] or chosen
            else:
                firsts.append(connection.first_frame)
                choices.append(chosen)
            last[tuple_] = max(connection.last_frame, last.get(tuple_, 0))
            self.connections += chosen
        self._known: dict[bytes, Tuple] = {}

    def has(self, key: bytes, frame: int) -> bool:
        """Whether a segment of this key (`SegmentBlock.key`) in this frame belongs to a chosen connection."""
        tuple_ = self._known.get(key)
        if tuple_ is None:
            tuple_ = self._known[key] = _tuple_of_key(key)
        at = bisect_right(self._firsts.get(tuple_, ()), frame) - 1
        return at >= 0 and self._chosen[tuple_][at]


def _tuple(connection: Connection) -> Tuple:
    client, server = connection.client, connection.server
    scope = connection.scope or Scope()
    return _ordered((client.address, client.port), (server.address, server.port)), scope.vni, scope.teid is not None


def _tuple_of_key(key: bytes) -> Tuple:
    source, target, source_port, target_port, scope_part = key_parts(key)
    scope = scope_of(scope_part) or Scope()
    inside_gtp = SCOPE_TEID in (scope_part[:1], scope_part[5:6])
    return _ordered((text(source), source_port), (text(target), target_port)), scope.vni, inside_gtp


def _ordered(one: tuple[str, int], other: tuple[str, int]) -> Ends:
    return (one, other) if one <= other else (other, one)


@dataclass
class _Marks:
    """Frames to copy: a byte for each, and what the writer must know of them."""

    frames: bytearray
    nanoseconds: bool = False
    first_ns: int = 0


def extract(
    captures: Sequence[str],
    output: str,
    connections: Iterable[Connection],
    picks: Callable[[Connection], bool],
    *,
    check_checksums: bool = False,
) -> Extract:
    """Write the frames of the connections that are picked to `output`.

    `connections` are all that an analysis of the same captures found. The format follows the output's ending, else it
    is the first input's. Raises UsageError for an output that cannot hold the frames, CaptureError for lost input.
    """
    wanted = Wanted(connections, picks)
    marks = _mark(captures, wanted, check_checksums=check_checksums)
    return Extract(wanted.connections, _copy(captures, marks, output))


def _mark(captures: Sequence[str], wanted: Wanted, *, check_checksums: bool) -> _Marks:
    """Find the frames of what is wanted."""
    joined: list[tuple[int, ...]] = []
    decoder = Decoder(Problems(), check_checksums=check_checksums, joined=joined)
    marks = _Marks(bytearray(1))
    for block in open_captures(captures, Problems()).blocks():
        marks.frames.extend(bytes(block.count))
        _mark_block(block, decoder.decode(block), wanted, marks)
        for frames in joined:
            if marks.frames[frames[-1]]:
                for frame in frames:
                    marks.frames[frame] = 1
        joined.clear()
    return marks


def _mark_block(block: FrameBlock, segments: SegmentBlock, wanted: Wanted, marks: _Marks) -> None:
    for i in range(segments.count):
        if wanted.has(segments.key[i], segments.frame[i]):
            marks.frames[segments.frame[i]] = 1
    for time_ns in block.time_ns[: block.count]:
        marks.nanoseconds = marks.nanoseconds or time_ns % 1000 != 0
        marks.first_ns = min(marks.first_ns, time_ns)


def _copy(captures: Sequence[str], marks: _Marks, output: str) -> int:
    """Copy the marked frames; gives their number. The file is put in place when it is whole."""
    reader = open_captures(captures, Problems())
    kind = format_of(output, reader.files[0].format)
    part = f"{output}.part"
    try:
        with Path(part).open("wb") as out:
            writer = _writer(
                out, kind, marks, lone_pcapng=len(reader.files) == 1 and reader.files[0].format == "pcapng"
            )
            count = 0
            for block in reader.blocks():
                for row in range(block.count):
                    if marks.frames[block.first_frame + row]:
                        writer.add(block, row)
                        count += 1
            writer.finish()
        Path(part).replace(output)
    except OSError as error:
        raise UsageError(f"cannot write {output}: {error.strerror or error}") from None
    finally:
        Path(part).unlink(missing_ok=True)
    return count


def _writer(out: BinaryIO, kind: str, marks: _Marks, *, lone_pcapng: bool) -> PcapWriter | PcapngWriter:
    if kind == "pcap":
        return PcapWriter(out, nanoseconds=marks.nanoseconds)
    return PcapngWriter(out, with_options=lone_pcapng, begin_s=marks.first_ns // NS_PER_S)


def format_of(output: str, otherwise: str) -> str:
    """Choose pcap or pcapng, by the ending of the output's name."""
    ending = Path(output).suffix.lower().removeprefix(".")
    return ending if ending in FORMATS else otherwise


@contextmanager
def readable_again(captures: Sequence[str]) -> Iterator[list[str]]:
    """The captures by names that can be opened several times: standard input goes through a temporary file.

    Raises UsageError for other inputs that can be read only once.
    """
    for path in captures:
        if path != STDIN and Path(path).exists() and not (Path(path).is_file() or Path(path).is_dir()):
            raise UsageError(f"{path} can be read only once, and extracting reads three times: save it to a file first")
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "standard-input"
        if STDIN in captures:
            with copy.open("wb") as out:
                copy_stdin(out)
        yield [os.fspath(copy) if path == STDIN else path for path in captures]


def without_times(selection: Selection) -> Selection:
    """The same selection without its span of time: connections are extracted whole."""
    return replace(selection, from_ns=None, to_ns=None)


def overlaps(selection: Selection, connection: Connection) -> bool:
    """Whether a connection has any frame inside a selection's span of time, as far as its ends tell."""
    return (selection.from_ns is None or connection.end_ns >= selection.from_ns) and (
        selection.to_ns is None or connection.start_ns < selection.to_ns
    )
