"""Described connections: a list while they are few, a temporary file when they are many."""

import os
from array import array
from collections.abc import Iterator
from typing import BinaryIO

from tcptrace_py.model.errors import CaptureError
from tcptrace_py.model.results import Connection

MOST_KEPT = 20_000  # some 10 kB each


class Rows:
    """Connections as they end; when `finish` was called, to be read in order of first frame as often as one likes.

    Beyond `most` of them they are in a temporary file, and read back one at a time: change none, none is kept. None:
    all stay in memory. Raises CaptureError where the file cannot be written.
    """

    def __init__(self, most: int | None = MOST_KEPT) -> None:
        self.most = most
        self.kept: list[Connection] = []
        self._file: BinaryIO | None = None
        self._frames, self._offsets, self._sizes = array("q"), array("q"), array("q")
        self._order = array("q")
        self._end = 0

    def __len__(self) -> int:
        return len(self.kept) + len(self._frames)

    def append(self, row: Connection) -> None:
        """Take in a connection."""
        if self._file is None and (self.most is None or len(self.kept) < self.most):
            self.kept.append(row)
            return
        try:
            if self._file is None:
                from tempfile import TemporaryFile  # noqa: PLC0415 - seldom needed, and long to import

                self._file = TemporaryFile(prefix="tcpstates-")  # noqa: SIM115 - gone with this object
                for earlier in self.kept:
                    self._write(earlier)
                self.kept.clear()
            self._write(row)
        except OSError as error:
            raise CaptureError(f"no temporary file for this many connections: {error.strerror or error} "
                               "(TMPDIR says where it is written)") from error

    def _write(self, row: Connection) -> None:
        import pickle  # noqa: PLC0415 - three milliseconds of start-up that few need

        assert self._file is not None
        data = pickle.dumps(row, pickle.HIGHEST_PROTOCOL)
        self._file.write(data)
        self._frames.append(row.first_frame)
        self._offsets.append(self._end)
        self._sizes.append(len(data))
        self._end += len(data)

    def finish(self) -> None:
        """All are there: number them in order of first frame."""
        self.kept.sort(key=lambda row: row.first_frame)
        for number, row in enumerate(self.kept):
            row.id = number
        if self._file is not None:
            self._file.flush()
            self._order = array("q", sorted(range(len(self._frames)), key=self._frames.__getitem__))

    def __iter__(self) -> Iterator[Connection]:
        if self._file is None:
            yield from self.kept
            return
        import pickle  # noqa: PLC0415 - see _write

        file = self._file.fileno()
        for number, at in enumerate(self._order):
            row: Connection = pickle.loads(os.pread(file, self._sizes[at], self._offsets[at]))  # noqa: S301 - written here
            row.id = number
            yield row
