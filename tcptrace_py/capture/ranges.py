"""A pcap cut into ranges of bytes that can be walked apart from each other.

Where the records of a range begin is guessed, by plausibility; that the guess was right is proved by the range before,
which must end exactly there. Whatever is not ordinary (a record that `walk` declines, a cut tail, a guess that was wrong)
ends the attempt: reading from the front knows what to do with it.
"""

import os
from array import array
from pathlib import Path
from typing import NamedTuple

from tcptrace_py.model.frames import FrameBlock

from .columns import BLOCK_FRAMES, reserve, trim
from .compression import recognise as is_compressed
from .pcap_walk import CAPTURED_MAX, FILE_HEADER_BYTES, RECORD, PcapHeader, find_record, parse_header, recognise, walk


class OutOfOrdinaryError(Exception):
    """This capture cannot be read in ranges; the message says why."""


class Range(NamedTuple):
    """Frames of a range, not numbered yet; the bytes of the file that its records cover."""

    blocks: list[FrameBlock]
    start: int
    end: int

    @property
    def frames(self) -> int:
        """How many frames there are."""
        return sum(block.count for block in self.blocks)


PIECE_FRAMES = 6000  # about so many are read at once; more are no faster, and take more memory
LEAST_PIECE_BYTES, MOST_PIECE_BYTES = 1 << 19, 1 << 21
LOOK_BYTES = 1 << 16
OVERRUN_BYTES = 1 << 13  # read beyond a piece at once: most often its last record ends in there


class RangedFile:
    """A regular file that is an uncompressed pcap.

    `link` is its LINKTYPE, `mean_bytes` the mean length of some records, `piece_bytes` a good length for a range.
    """

    def __init__(self, path: str, size_bytes: int, header: PcapHeader, mean_bytes: int) -> None:
        self.path = path
        self.size_bytes = size_bytes
        self.header = header
        self.mean_bytes = mean_bytes
        self.piece_bytes = good_piece_bytes(mean_bytes)
        self.link = header.link
        self._links, self._interfaces = array("q", [header.link]) * BLOCK_FRAMES, array("q", bytes(8 * BLOCK_FRAMES))
        self._file = -1
        self._near_s: int | None = None

    def open(self) -> None:
        """Open the file, in the process that is to read it."""
        self._file = os.open(self.path, os.O_RDONLY)
        head = os.pread(self._file, self.header.record_bytes, FILE_HEADER_BYTES)
        if len(head) == self.header.record_bytes:
            self._near_s = RECORD[self.header.order].unpack_from(head)[0]

    def close(self) -> None:
        """Give the file back."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def range(self, begin: int, end: int) -> Range:
        """Walk the records that begin in these bytes of the file (`begin` 0: from the first one on). Raises OutOfOrdinaryError."""
        size = min(end, self.size_bytes) - begin
        if size <= 0:
            return Range([], self.size_bytes, self.size_bytes)
        data = self._read(begin, size + OVERRUN_BYTES)
        position = FILE_HEADER_BYTES
        if begin:
            data, position = self._first_record(data, begin)
        start, limit = begin + position, min(size, len(data))
        blocks: list[FrameBlock] = []
        while position < limit:
            block = reserve(data, 0, uniform=True)
            position = walk(block, data, position, limit, self.header)
            if block.count < BLOCK_FRAMES and position < limit:  # the record that runs over the end
                data, following = self._whole(data, begin, position)
                block.data = data
                if walk(block, data, position, following, self.header) != following:
                    raise OutOfOrdinaryError(f"the record at byte {begin + position} is not an ordinary one")
                position = following
            trim(block)
            block.link, block.interface = self._links[:block.count], self._interfaces[:block.count]
            blocks.append(block)
        return Range(blocks, start, begin + position)

    def _read(self, begin: int, size: int) -> bytes:
        data = os.pread(self._file, size, begin)
        if len(data) < size and begin + len(data) < self.size_bytes:
            raise OutOfOrdinaryError("the file gave fewer bytes than it has")
        return data

    def _first_record(self, data: bytes, begin: int) -> tuple[bytes, int]:
        """More of the data where that is needed, and where in it a record begins."""
        position, size = 0, len(data)
        while True:
            final = begin + len(data) >= self.size_bytes
            found, position = find_record(data, position, final, self.header, self._near_s)
            if found >= 0:
                return data, found
            if final:  # none begins here, if the range before ends with the file
                return data, len(data)
            size += 4 * CAPTURED_MAX
            data = self._read(begin, size)

    def _whole(self, data: bytes, begin: int, position: int) -> tuple[bytes, int]:
        """The data with all of the record at this position, and where that record ends."""
        header_bytes = self.header.record_bytes
        if position + header_bytes > len(data):
            data = self._read(begin, position + header_bytes)
            if position + header_bytes > len(data):
                raise OutOfOrdinaryError("the file ends inside a record's header")
        captured = RECORD[self.header.order].unpack_from(data, position)[2]
        following = position + header_bytes + captured
        if captured > CAPTURED_MAX or begin + following > self.size_bytes:
            raise OutOfOrdinaryError(f"the record at byte {begin + position} is too long")
        return (data if following <= len(data) else self._read(begin, following)), following


def ranged_file(path: str) -> RangedFile | None:
    """The file, if it can be read in ranges: regular, uncompressed, a pcap."""
    try:
        if not Path(path).is_file():  # a stream would lack what is read here
            return None
        with Path(path).open("rb") as file:
            head, size_bytes = file.read(FILE_HEADER_BYTES), os.fstat(file.fileno()).st_size
    except (OSError, ValueError):
        return None
    if is_compressed(head) or not recognise(head) or len(head) < FILE_HEADER_BYTES:
        return None
    header = parse_header(head)
    return RangedFile(path, size_bytes, header, mean_record_bytes(path, size_bytes, header))


def mean_record_bytes(path: str, size_bytes: int, header: PcapHeader) -> int:
    """Mean length of some records in the middle of the file: at its head stand handshakes. 0: none was found."""
    file = RangedFile(path, size_bytes, header, 0)
    middle = size_bytes // 2
    try:
        file.open()
        found = file.range(middle, middle + LOOK_BYTES)
    except (OutOfOrdinaryError, OSError):
        return 0
    finally:
        file.close()
    return (found.end - found.start) // max(found.frames, 1)


def good_piece_bytes(mean_bytes: int) -> int:
    """Length of pieces that hold some thousand records of this length."""
    return min(max(mean_bytes * PIECE_FRAMES, LEAST_PIECE_BYTES), MOST_PIECE_BYTES)
