"""The blocks of a capture: in memory while they are few, in a temporary file when they are many, read in order of first frame."""

import os
from array import array
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from typing import BinaryIO, overload

from tcptrace_py.model.errors import CaptureError
from tcptrace_py.model.finding import Withheld
from tcptrace_py.model.results import Connection
from tcptrace_py.model.seq import MASK

from .block import FIRST_FRAME, STREAM, Block, unpacked
from .hiding import hide, hides
from .table import ranked
from .views import connection

MOST_BLOCKS = 16  # kept in memory, some 2 MB each, before all are written to a file, unless somebody says how many
HAS_PLACES = hasattr(os, "pwrite")  # not on Windows, where no other process shares the file
NO_ROW = -1  # in place of a block's number and a row: what has none comes before others of its frame
MOST_READ = 24  # kept in memory of those that are read from a file: connections are in order in it but for the long ones
FEW = 8  # of so many connections of a block one at most is wanted: then it is copied, and the block let go


class Scratch:
    """A temporary file that packed blocks are appended to. Raises CaptureError where it cannot be written."""

    def __init__(self) -> None:
        self._file: BinaryIO | None = None
        self.end = 0

    def open(self) -> None:
        """Make the file; otherwise the first `append` does."""
        if self._file is None:
            from tempfile import TemporaryFile  # noqa: PLC0415 - seldom needed, and long to import

            try:
                self._file = TemporaryFile(prefix="tcpstates-", buffering=0)  # noqa: SIM115 - gone with this object
            except OSError as error:
                raise no_room(error) from error

    def append(self, data: bytes) -> tuple[int, int]:
        """Write bytes; returns where they stand and how many they are."""
        self.open()
        assert self._file is not None
        at, self.end = self.end, self.end + len(data)
        rest = memoryview(data)
        try:
            while rest:
                rest = rest[self._write(rest, self.end - len(rest)) :]
        except OSError as error:
            raise no_room(error) from error
        return at, len(data)

    def read(self, at: int, size: int) -> bytes:
        """Bytes that were written."""
        assert self._file is not None
        if not HAS_PLACES:
            self._file.seek(at)
            return self._file.read(size)
        return os.pread(self._file.fileno(), size, at)

    def _write(self, data: memoryview, at: int) -> int:
        assert self._file is not None
        if not HAS_PLACES:
            self._file.seek(at)
            return self._file.write(data)
        return os.pwrite(self._file.fileno(), data, at)


def no_room(error: OSError) -> CaptureError:
    """What to say where a temporary file cannot be written."""
    from tempfile import gettempdir  # noqa: PLC0415 - as above

    where = "TMPDIR says where it is written"
    with suppress(OSError):  # there is no place for any
        where = f"in {gettempdir()}: {where}"
    return CaptureError(f"no temporary file for this many connections: {error.strerror or error} ({where})")


class Connections:
    """All connections of a capture, block by block as they end; when `finish` was called, to be read as often as one likes.

    In order of first frame they are views, which are good until many others were read.
    """

    def __init__(self, most_blocks: int = MOST_BLOCKS) -> None:
        self.most_blocks = most_blocks
        self.scratch = Scratch()
        self.count = 0
        self.left_out: list[int] = []  # first frames of connections that have a number and no row
        self._blocks: list[Block | None] = []  # None: in a file
        self._places: list[tuple[Scratch, int, int]] = []  # where it is, by its number
        self._first_frames: list[array[int]] = []
        self._ids: list[array[int]] = []
        self._order = array("q")
        self._read: dict[int, Block] = {}
        self._stream_of: Callable[[int], int] | None = None
        self._withheld: tuple[Withheld, ...] = ()
        self._is_over: Callable[[], bool] = lambda: False
        self.is_cut = False  # whether somebody was given less than all since `hurry`

    def __len__(self) -> int:
        return self.count

    def add(self, block: Block) -> None:
        """Take in a block; whoever wrote it lets go of it."""
        rows = block.connections
        if not rows.count:
            return
        at = FIRST_FRAME * rows.capacity
        self._note(array("q", bytes(rows.wide[at : at + rows.count])))
        self._blocks.append(block)
        self._places.append((self.scratch, 0, 0))
        if len(self._blocks) > self.most_blocks:
            self._write_down()

    def _note(self, first_frames: "array[int]") -> None:
        self._first_frames.append(first_frames)
        self.count += len(first_frames)

    def _write_down(self) -> None:
        """Write all blocks that are in memory to the file."""
        for number, block in enumerate(self._blocks):
            if block is not None:
                self._places[number] = (self.scratch, *self.scratch.append(block.packed()))
                self._blocks[number] = None

    def parcel(self) -> list[tuple[bytes, int, int]]:
        """Write all blocks down, for another process that shares the file: first frames, place and size of each."""
        self._write_down()
        return [(frames.tobytes(), at, size) for frames, (_, at, size) in zip(self._first_frames, self._places, strict=True)]

    def take(self, scratch: Scratch, parcel: list[tuple[bytes, int, int]]) -> None:
        """Take in what another process has written to a file that both share."""
        for frames, at, size in parcel:
            self._note(array("q", frames))
            self._blocks.append(None)
            self._places.append((scratch, at, size))

    def rename_streams(self, stream_of: Callable[[int], int]) -> None:
        """Give other numbers to all streams."""
        self._stream_of = stream_of
        for block in self._blocks:
            if block is not None:
                self._rename(block)

    def _rename(self, block: Block) -> None:
        table, stream_of = block.connections, self._stream_of
        assert stream_of is not None
        at = STREAM * table.capacity
        for row in range(at, at + table.count):
            if table.narrow[row] != -1:
                table.narrow[row] = stream_of(table.narrow[row] & MASK)

    def withhold(self, conclusions: Iterable[Withheld]) -> None:
        """Show none of the times that the capture cannot tell: in every block there is none in their place."""
        self._withheld = tuple(row for row in conclusions if hides(row))
        for block in self._blocks if self._withheld else ():
            if block is not None:
                hide(block, self._withheld)

    def finish(self) -> None:
        """All are there: number them in order of first frame. Of equal ones the one that ended first comes first."""
        begins, places = array("q", self.left_out), array("q", [NO_ROW]) * len(self.left_out)
        for number, frames in enumerate(self._first_frames):
            begins.extend(frames)
            places.extend(range(number << 32, (number << 32) + len(frames)))
        self._order, ids = ranked(begins, places)
        at, self._ids = len(self.left_out), []
        for frames in self._first_frames:
            self._ids.append(ids[at : at + len(frames)])
            at += len(frames)
        self._hand_out_ids()

    def number_anew(self, id_of: Callable[[int], int]) -> None:
        """Give them the ids that they have among others that are not here; `id_of` makes one of a first frame."""
        self._ids = [array("q", map(id_of, frames)) for frames in self._first_frames]
        self._hand_out_ids()

    def _hand_out_ids(self) -> None:
        for number, block in enumerate(self._blocks):
            if block is not None:
                block.ids = self._ids[number]

    def block(self, number: int) -> Block:
        """A block by its number, with the ids of its connections."""
        block = self._blocks[number] or self._read.pop(number, None)
        if block is None:
            block = self._unpacked(number)
        if self._blocks[number] is None:
            if len(self._read) >= MOST_READ:
                del self._read[next(iter(self._read))]
            self._read[number] = block  # the last of those that were read lately
        return block

    def _unpacked(self, number: int) -> Block:
        """A block that is in a file."""
        scratch, at, size = self._places[number]
        block = unpacked(scratch.read(at, size))
        if self._stream_of is not None:
            self._rename(block)
        if self._withheld:
            hide(block, self._withheld)
        block.ids = self._ids[number]
        return block

    def hurry(self, is_over: Callable[[], bool]) -> None:
        """Whoever goes through them is given as many as there is time for from now on."""
        self._is_over = is_over

    def blocks(self) -> Iterator[Block]:
        """All blocks, in the order in which their connections ended. Those from a file are not kept: each is asked for once."""
        for number, block in enumerate(self._blocks):
            if self._is_over():
                self.is_cut = True
                return
            yield block or self._unpacked(number)

    def connection(self, rank: int) -> Connection:
        """The connection at this rank in order of first frame: its id, unless they were numbered anew."""
        place = self._order[rank]
        block, row = self.block(place >> 32), place & 0xFFFFFFFF
        return connection(block, row, block.ids[row])

    def at(self, places: Collection[int]) -> dict[int, Connection]:
        """Those at these places, as of a list. Each block is read once; where few of one are asked for, it is not kept for them."""
        there = self._there()
        by_block: dict[int, list[tuple[int, int]]] = {}
        for place in places:
            at = self._order[there[place]]
            by_block.setdefault(at >> 32, []).append((place, at & 0xFFFFFFFF))
        found = {}
        for number in sorted(by_block):
            block, rows = self.block(number), by_block[number]
            for place, row in rows:
                one = connection(block, row, block.ids[row])
                found[place] = one.detached() if FEW * len(rows) < block.connections.count else one
        return found

    def _there(self) -> Sequence[int]:
        """Ranks of those that are there."""
        return [rank for rank, place in enumerate(self._order) if place != NO_ROW] if self.left_out else range(self.count)

    @overload
    def __getitem__(self, at: int) -> Connection: ...

    @overload
    def __getitem__(self, at: slice) -> list[Connection]: ...

    def __getitem__(self, at: int | slice) -> Connection | list[Connection]:
        """One by its place in order of first frame, or several, as of a list."""
        there = self._there()
        if isinstance(at, slice):
            return [self.connection(rank) for rank in there[at]]
        return self.connection(there[at])

    def __iter__(self) -> Iterator[Connection]:
        in_memory, is_over = self._blocks, self._is_over
        for place in self._order:
            if place == NO_ROW:
                continue
            if is_over():
                self.is_cut = True
                return
            block, row = in_memory[place >> 32] or self.block(place >> 32), place & 0xFFFFFFFF
            yield connection(block, row, block.ids[row])
