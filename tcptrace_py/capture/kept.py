"""Streams that are read more than once: what a pipe gave is kept in a temporary file, and read again from there."""

from contextlib import suppress
from tempfile import TemporaryFile

from tcptrace_py.model.errors import CaptureError

from .source import PipeSource, reason


class KeptStream:
    """A stream, and a copy of what it gave so far. Whoever reads it begins at the front, and goes on with the stream.

    Raises CaptureError where the copy cannot be written.
    """

    def __init__(self, stream: PipeSource) -> None:
        self.size_bytes = 0
        self.ended = False
        self._stream = stream
        try:
            self._copy = TemporaryFile(prefix="tcpstates-")  # noqa: SIM115 - gone with this object
        except OSError as error:
            raise _unwritable(error) from error

    def read(self, position: int, most_bytes: int) -> bytes:
        """What it gives at a position, waiting for it where it is not there yet; nothing at its end. Raises OSError."""
        if position < self.size_bytes:
            self._copy.seek(position)
            return self._copy.read(min(most_bytes, self.size_bytes - position))
        if self.ended:
            return b""
        try:
            data = self._stream.give(most_bytes)
        except KeyboardInterrupt:  # this is its end for whoever reads it again, too
            self.ended = True
            raise
        self.ended = not data
        try:
            self._copy.seek(position)
            self._copy.write(data)
            self._copy.flush()
        except OSError as error:
            raise _unwritable(error) from error
        self.size_bytes += len(data)
        return data

    def close(self) -> None:
        """Let go of the copy and of the stream."""
        self._stream.close()
        with suppress(OSError):  # what could not be written was told when it was tried
            self._copy.close()


class KeptSource(PipeSource):
    """One reading of such a stream. It can be opened again, as a file can."""

    reopenable = True

    def __init__(self, stream: KeptStream) -> None:
        super().__init__(None, size_bytes=stream.size_bytes if stream.ended else None)
        self._kept = stream

    def give(self, most_bytes: int) -> bytes:
        """See PipeSource."""
        return self._kept.read(self.done_bytes, most_bytes)


def _unwritable(error: OSError) -> CaptureError:
    return CaptureError(
        f"what is read more than once is kept in a temporary file, and that cannot be written: {reason(error)} (TMPDIR says where it is)"
    )
