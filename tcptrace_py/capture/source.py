"""Where the bytes of an input come from: a regular file, or a pipe. One window of bytes at a time, nothing kept."""

import os
import select
from contextlib import suppress
from typing import BinaryIO, Protocol

STDIN = "-"
HEAD_BYTES = 1 << 12  # read to recognise an input
PIECE_BYTES = 2 << 20  # read at once: larger pieces are no faster and leave the cache
PIPE_PIECE_BYTES = 1 << 18  # the same for pipes; what waits in here is lost to an interrupted analysis
WAKE_MS = 500  # a signal that comes just before a wait is heard so long after


class SourceDamageError(Exception):
    """A source broke off: what it gave before is good. `code` is the problem's, the text says why."""

    def __init__(self, code: str, why: str) -> None:
        super().__init__(why)
        self.code = code


class Source(Protocol):
    """Bytes in order. `done_bytes` counts what was read of the input itself (before decompression).

    `interrupted`: KeyboardInterrupt came while it waited for bytes; that is then its end, so that nothing is lost.
    """

    size_bytes: int | None
    reopenable: bool
    piece_bytes: int  # how much to read at once

    @property
    def interrupted(self) -> bool:
        """See above."""

    @property
    def done_bytes(self) -> int:
        """Bytes of the input read so far."""

    def refill(self, rest: bytes, need_bytes: int) -> bytes:
        """`rest` (the unused end of what was given last) and a piece of what follows; `rest` alone at the end.

        Gives at least `need_bytes` in all unless the input ends. Raises SourceDamageError where it breaks off.
        """

    def close(self) -> None:
        """Give back what the operating system holds."""


class Seekable:
    """A source that is read from `done_bytes` on, wherever that is set to."""

    done_bytes: int


class FileSource(Seekable):
    """A regular file. What was left over is read again rather than copied."""

    reopenable = True
    interrupted = False

    def __init__(self, file: BinaryIO, size_bytes: int, path: str = "") -> None:
        self.size_bytes: int | None = size_bytes
        self.done_bytes = 0
        self.piece_bytes = HEAD_BYTES
        self.spares_descriptors = False  # there are many such files: it is closed between two readings
        self._file: BinaryIO | None = file
        self._path = path
        self._which = _which(file)

    def refill(self, rest: bytes, need_bytes: int) -> bytes:
        """See Source."""
        start = self.done_bytes - len(rest)
        try:
            file = self._file or self._again()
            file.seek(start)
            data = file.read(max(need_bytes, len(rest)) + self.piece_bytes)
            self._file = file
            if self.spares_descriptors:
                self.close()
        except OSError as error:
            raise SourceDamageError("read-error", f"cannot be read any further: {reason(error)}") from error
        if len(data) < len(rest):  # the file was cut while it was read
            return rest
        self.done_bytes = start + len(data)
        return data

    def _again(self) -> BinaryIO:
        """Open it once more. Raises OSError, and SourceDamageError where it is another file by now."""
        file = open(self._path, "rb", buffering=0)  # noqa: SIM115, PTH123 - closed by `close`
        if _which(file) != self._which:
            file.close()
            raise SourceDamageError("read-error", "cannot be read any further: it is another file by now")
        return file

    def close(self) -> None:
        """See Source."""
        if self._file is not None:
            self._file.close()
            self._file = None


def _which(file: BinaryIO) -> tuple[int, int]:
    status = os.fstat(file.fileno())
    return status.st_dev, status.st_ino


class PipeSource:
    """Standard input, a FIFO or a device: can be read once, and gives bytes when it has them."""

    reopenable = False

    def __init__(self, file: BinaryIO | None, *, close: bool = True, size_bytes: int | None = None) -> None:
        self.size_bytes = size_bytes
        self.done_bytes = 0
        self.piece_bytes = HEAD_BYTES
        self.interrupted = False
        self._file = file
        self._close = close

    def refill(self, rest: bytes, need_bytes: int) -> bytes:
        """See Source."""
        parts = [rest]
        missing = max(
            need_bytes - len(rest), min(self.piece_bytes, PIPE_PIECE_BYTES), len(rest) >> 2
        )  # a large rest is not to be copied for every small piece
        while missing > 0 and not self.interrupted:
            try:
                part = self.give(missing)
            except KeyboardInterrupt:
                if not self.done_bytes:
                    raise
                self.interrupted = True
                break
            except OSError as error:
                if len(parts) > 1:
                    break  # first what came before; the next call meets the error again
                raise SourceDamageError("read-error", f"cannot be read any further: {reason(error)}") from error
            if not part:
                break
            parts.append(part)
            missing -= len(part)
            self.done_bytes += len(part)
        return b"".join(parts)

    def give(self, most_bytes: int) -> bytes:
        """What comes next, waiting for it; nothing at the end. Raises OSError."""
        assert self._file is not None
        return read_some(self._file, most_bytes)

    def close(self) -> None:
        """See Source."""
        if self._close and self._file is not None:
            self._file.close()


def read_some(file: BinaryIO, most_bytes: int) -> bytes:
    """What a pipe gives next, when it has something; nothing at its end. Raises OSError.

    A signal between the handler's last chance to run and the read would be slept over: so it waits in steps.
    """
    if hasattr(select, "poll"):
        waiting = select.poll()
        with suppress(AttributeError, OSError, ValueError):  # what has no descriptor does not make anybody wait
            waiting.register(file.fileno(), select.POLLIN)
            while not waiting.poll(WAKE_MS):
                pass
    data: bytes = getattr(file, "read1", file.read)(most_bytes)
    return data


WAITING = {read_some.__code__}  # code in which whoever reads waits for somebody else: what was read before is whole there


def reason(error: Exception) -> str:
    """Why an operation on a file failed, in the operating system's words."""
    text = error.strerror if isinstance(error, OSError) else None
    return (text or str(error)).lower()
