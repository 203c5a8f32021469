"""Inputs by their names: files, URLs, "-" and other streams; which streams are kept so that they can be read again."""

import os
import stat
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import TYPE_CHECKING, BinaryIO

from tcptrace_py.model.errors import CaptureError, UsageError
from tcptrace_py.model.urls import is_url

from .source import STDIN, FileSource, PipeSource, reason

if TYPE_CHECKING:
    from .kept import KeptStream
    from .remote import RemoteSource

LINKS = 40  # as many as Linux follows
READ = os.O_RDONLY | getattr(os, "O_NOCTTY", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)

_kept: ContextVar["Kept | None"] = ContextVar("kept", default=None)


class Kept:
    """The streams that were opened within `keep_streams`, by name."""

    def __init__(self) -> None:
        self._streams: dict[str, KeptStream] = {}

    def __bool__(self) -> bool:
        return bool(self._streams)

    def source(self, path: str) -> PipeSource | None:
        """Read a stream again; None for what has not been opened."""
        from .kept import KeptSource  # noqa: PLC0415 - only who reads twice needs it

        return KeptSource(self._streams[path]) if path in self._streams else None

    def keep(self, path: str, stream: PipeSource) -> PipeSource:
        """Begin to keep a stream, and read it."""
        from .kept import KeptSource, KeptStream  # noqa: PLC0415

        self._streams[path] = KeptStream(stream)
        return KeptSource(self._streams[path])

    def end(self) -> None:
        """Take what came so far for all there is."""
        for stream in self._streams.values():
            stream.ended = True

    def close(self) -> None:
        """Let go of all."""
        for stream in self._streams.values():
            stream.close()


@contextmanager
def keep_streams() -> Iterator[Kept]:
    """Within this, standard input, FIFOs and the like can be opened as often as files: what they gave is kept on disk.

    One within another is the same: what was kept before is there.
    """
    outer = _kept.get()
    if outer is not None:
        yield outer
        return
    kept = Kept()
    token = _kept.set(kept)
    try:
        yield kept
    finally:
        _kept.reset(token)
        kept.close()


def open_source(path: str) -> "FileSource | RemoteSource | PipeSource":
    """Open a path, a URL, or standard input for "-". Raises CaptureError, without the name."""
    kept = _kept.get()
    again = kept.source(path) if kept is not None else None
    if again is not None:
        return again
    source = _opened(path)
    return source if kept is None or not isinstance(source, PipeSource) else kept.keep(path, source)


def _opened(path: str) -> "FileSource | RemoteSource | PipeSource":
    if is_url(path):
        from .remote import open_remote  # noqa: PLC0415 - fsspec is an extra, and long to import

        return open_remote(path)
    if path == STDIN:
        if sys.stdin is None:
            raise CaptureError("is closed")
        return PipeSource(sys.stdin.buffer, close=False, size_bytes=_left_bytes(sys.stdin.buffer))
    if not path:
        raise CaptureError("the file name is empty")
    try:
        file = open(_descriptor(path), "rb", buffering=0)  # noqa: SIM115 - closed by the source
    except (OSError, ValueError) as error:
        raise CaptureError(reason(error)) from error
    status = os.fstat(file.fileno())
    if stat.S_ISREG(status.st_mode):
        return FileSource(file, status.st_size, path)
    return PipeSource(file)


def _descriptor(path: str) -> int:
    """Open a path. A FIFO that nobody writes to yet is not waited for here but where Ctrl-C is heard. Raises OSError."""
    waits = sys.platform == "linux" and stat.S_ISFIFO(os.stat(path).st_mode)  # noqa: PTH116 - one call
    try:
        number = os.open(path, READ | os.O_NONBLOCK if waits else READ)
    except OSError:  # a socket, or what another user opened for us, cannot be opened anew
        ours = descriptor_of(path)
        if ours is None:
            raise
        return os.dup(ours)
    if waits:
        os.set_blocking(number, True)
    return number


def descriptor_of(path: str) -> int | None:
    """Return the open file of this process that a path such as /dev/stdin, or a link to it, stands for."""
    for _link in range(LINKS):
        folder, name = os.path.split(path)
        folder = os.path.realpath(folder)
        if name.isascii() and name.isdigit() and folder in ("/dev/fd", f"/proc/{os.getpid()}/fd"):
            return int(name)
        try:
            path = os.path.join(folder, os.readlink(os.path.join(folder, name)))  # noqa: PTH115, PTH118
        except (OSError, ValueError):
            return None
    return None


def refuse_twice(paths: Sequence[str]) -> None:
    """Raise UsageError where one stream is named twice: each of the two would get a part of it."""
    if paths.count(STDIN) > 1:
        raise UsageError("standard input can be read only once")
    seen: dict[tuple[int, int], str] = {}
    for path in paths:
        with suppress(AttributeError, OSError, ValueError):  # it cannot be opened: whoever does says so
            status = os.fstat(sys.stdin.fileno()) if path == STDIN else os.stat(path)  # noqa: PTH116
            if stat.S_ISFIFO(status.st_mode) or stat.S_ISSOCK(status.st_mode):
                place = status.st_dev, status.st_ino
                if place in seen:
                    raise UsageError(f"{path} and {seen[place]} are one stream, which can be read only once")
                seen[place] = path


def refuse_streams(paths: Sequence[str]) -> None:
    """Raise UsageError for what can be read only once, or by this process only."""
    for path in paths:
        with suppress(OSError, ValueError):  # it cannot be opened: whoever does says so
            if path == STDIN or not (is_url(path) or stat.S_ISREG(mode := os.stat(path).st_mode) or stat.S_ISDIR(mode)):  # noqa: PTH116
                raise UsageError(
                    f"{'standard input' if path == STDIN else path} can be read once and from here only: save it to a file first"
                )


def _left_bytes(file: BinaryIO) -> int | None:
    """How much standard input will give, where it is a file."""
    with suppress(AttributeError, OSError, ValueError):
        status = os.fstat(file.fileno())
        if stat.S_ISREG(status.st_mode):
            return status.st_size - file.tell()
    return None
