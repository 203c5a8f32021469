"""Chosen connections as a capture of their own: every frame that belongs to them, its bytes untouched, in order.

The captures are read three times: to analyse and choose, to find the frames of what was chosen, to copy them. Streams
must be kept for that (`capture.opening.keep_streams`). A connection's frames are those of its segments; with them come
stragglers, SYNs that belong to no connection, and ICMP errors that quote its four-tuple, from its first frame on until the next
connection of the tuple begins. Where two connections of a tuple overlap (an old segment behind a new SYN) they explain each
other, and come out together. Every fragment of a packet comes along.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from .capture import open_captures
from .capture.write import FORMATS, NS_PER_S, PcapngWriter, PcapWriter
from .model.addresses import key_of
from .model.problems import Problems
from .model.segments import plain_key, reverse_key
from .second_reading import Options, observe
from .writing import Output

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from .model.live import Side
    from .model.results import Connection
    from .model.segments import SegmentBlock
    from .model.selection import Selection


@dataclass(frozen=True)
class Extract:
    """What was written: connections and frames."""

    connections: int
    frames: int


@dataclass(slots=True)
class _Group:
    """Connections of a four-tuple that overlap."""

    last_frame: int
    first_frames: list[int] = field(default_factory=list)
    chosen: bool = False


class Wanted:
    """Observes a flow table and takes the frames of chosen connections."""

    def __init__(self, connections: Iterable[Connection], picks: Callable[[Connection], bool]) -> None:
        self.connections = 0
        self.frames: list[int] = []  # found since they were last asked for
        self._chosen: dict[bytes, dict[int, bool]] = {}  # by four-tuple, of the connection that begins with a frame
        self._begun: dict[int, bool] = {}  # the same of all four-tuples
        self._latest: dict[bytes, bool] = {}
        groups: dict[bytes, _Group] = {}
        for connection in connections:  # in order of first frames
            name, chosen = _name(key_of(connection.client, connection.server, connection.scope)), picks(connection)
            group = groups.get(name)
            if group is None or connection.first_frame > group.last_frame:
                group = groups[name] = _Group(connection.last_frame)
            group.first_frames.append(connection.first_frame)
            group.last_frame = max(group.last_frame, connection.last_frame)
            self._chosen.setdefault(name, {})[connection.first_frame] = group.chosen
            if chosen and not group.chosen:
                group.chosen = True
                self._chosen[name].update(dict.fromkeys(group.first_frames, True))
            self.connections += chosen
        for chosen_frames in self._chosen.values():
            self._begun.update(chosen_frames)

    @property
    def tuples(self) -> frozenset[bytes]:
        """Four-tuples that have a chosen connection (`second_reading.observe`)."""
        names = (plain_key(name) for name, chosen in self._chosen.items() if any(chosen.values()))
        return frozenset(key for name in names for key in (name, reverse_key(name)))

    def __call__(self, side: Side | None, block: SegmentBlock, i: int, _marks: int) -> None:
        """Take in a row. What belongs to no connection goes with the tuple's latest."""
        name = _name(block.key[i])
        if side is not None and side.connection.first_frame in self._begun:
            self._latest[name] = self._begun[side.connection.first_frame]
        if self._latest.get(name, False):
            self.frames.append(block.frame[i])


def _name(key: bytes) -> bytes:
    """One of a four-tuple's two keys (`SegmentBlock.key`), the same for both."""
    return min(key, reverse_key(key))


@dataclass
class _Marks:
    """Frames to copy: a byte for each, and what the writer must know of them."""

    frames: bytearray
    nanoseconds: bool = False
    first_ns: int = 0


def extract(
    captures: Sequence[str],
    output: str | Output,
    connections: Iterable[Connection],
    picks: Callable[[Connection], bool],
    *,
    form: str | None = None,
    options: Options | None = None,
    progress: Callable[[int, int | None], None] | None = None,
) -> Extract:
    """Write the frames of the connections that are picked to `output`; by a path, an existing file is written over.

    `connections` are all that an analysis of the same captures with the same `options` found, or at least all of the four-tuples
    that have one which is picked. The format (`form`: one of FORMATS) follows the output's ending where it is not given, else it
    is the first input's. `progress` is called with the bytes read and the bytes in all of the two readings. Raises UsageError for
    an output that cannot hold the frames, CaptureError for lost input.
    """
    if isinstance(output, str):
        output = Output(output, captures, over_captures=True)
    wanted = Wanted(connections, picks)
    marks = _mark(captures, wanted, options or Options(), _half(progress, 0))
    return Extract(wanted.connections, _copy(captures, marks, output, form, _half(progress, 1)))


def _half(progress: Callable[[int, int | None], None] | None, before: int) -> Callable[[int, int | None], None] | None:
    """The progress of one reading of two, as that of both; `before`: how many were done before it."""
    if progress is None:
        return None
    return lambda done, total: progress(done + before * (total or 0), None if total is None else 2 * total)


def _mark(captures: Sequence[str], wanted: Wanted, options: Options, progress: Callable[[int, int | None], None] | None) -> _Marks:
    """Find the frames of what is wanted."""
    joined: list[tuple[int, ...]] = []
    marks = _Marks(bytearray(1))
    for block in observe(captures, wanted.tuples, wanted, options, joined=joined, progress=progress):
        marks.frames.extend(bytes(max(max(block.frame, default=block.first_frame + block.count - 1) + 1 - len(marks.frames), 0)))
        for frame in wanted.frames:
            marks.frames[frame] = 1
        wanted.frames.clear()
        for frames in joined:
            if marks.frames[frames[-1]]:
                for frame in frames:
                    marks.frames[frame] = 1
        joined.clear()
        times_ns = block.time_ns[: block.count]
        marks.nanoseconds = marks.nanoseconds or any(time_ns % 1000 for time_ns in times_ns)
        marks.first_ns = min(marks.first_ns, *times_ns)
    return marks


def _copy(
    captures: Sequence[str], marks: _Marks, output: Output, form: str | None, progress: Callable[[int, int | None], None] | None
) -> int:
    """Copy the marked frames; gives their number. The file is put in place when it is whole."""
    reader = open_captures(captures, Problems(), progress=progress)
    first = reader.files[0].format if reader.files[0].format in FORMATS else FORMATS[0]
    count = 0
    with output.open() as out:
        writer = _writer(out, form or format_of(output.path, first), marks, lone_pcapng=len(reader.files) == 1 and first == "pcapng")
        for block in reader.blocks(as_written=True):
            for row in range(min(block.count, len(marks.frames) - block.first_frame)):  # a capture may still grow
                if marks.frames[block.first_frame + row]:
                    writer.add(block, row)
                    count += 1
        writer.finish()
    return count


def _writer(out: BinaryIO, kind: str, marks: _Marks, *, lone_pcapng: bool) -> PcapWriter | PcapngWriter:
    if kind == "pcap":
        return PcapWriter(out, nanoseconds=marks.nanoseconds)
    return PcapngWriter(out, with_options=lone_pcapng, begin_s=marks.first_ns // NS_PER_S)


def format_of(output: str, otherwise: str) -> str:
    """Choose pcap or pcapng, by the ending of the output's name."""
    ending = Path(output).suffix.lower().removeprefix(".")
    return ending if ending in FORMATS else otherwise


def overlaps(selection: Selection, connection: Connection) -> bool:
    """Whether a connection has any frame inside a selection's span of time, as far as its ends tell."""
    return (selection.from_ns is None or connection.end_ns >= selection.from_ns) and (
        selection.to_ns is None or connection.start_ns < selection.to_ns
    )
