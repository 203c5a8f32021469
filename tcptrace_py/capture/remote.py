"""Inputs at URLs, of whatever file system fsspec knows (extra `remote`): found, opened, and read in ranges.

No file is copied as a whole. What cannot be read in ranges (HTTP servers that do not know them) is read as a pipe is, once.
Credentials are the file systems' own business (their settings, the environment); none is ever shown.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, BinaryIO

from tcptrace_py.model.errors import CaptureError
from tcptrace_py.model.urls import is_url, scheme_of, without_secrets

from .source import HEAD_BYTES, PIECE_BYTES, WAITING, PipeSource, Seekable, SourceDamageError

if TYPE_CHECKING:
    from collections.abc import Callable

INSTALL = "pip install 'tcptrace-py[remote]'"
PIECES = 4  # read at once as many as of a file: each is a request, and waits for its answer
HTTP = ("http", "https")


def file_system(url: str) -> tuple[Any, str]:
    """The file system of a URL, and the path in it. Raises CaptureError, without the name, where there is none."""
    try:
        from fsspec.core import url_to_fs  # noqa: PLC0415 - an extra
    except ImportError:
        raise CaptureError(f"is a URL, which needs fsspec: {INSTALL}") from None
    try:
        found: tuple[Any, str] = url_to_fs(url)
    except ImportError as error:
        raise CaptureError(f"{scheme_of(url)}:// needs a package that is not installed ({error}): {INSTALL}") from None
    except Exception as error:
        if "not known" in str(error):
            raise CaptureError(f"{scheme_of(url)}:// is no file system that fsspec knows") from None
        raise CaptureError(why(error, url)) from error
    return found


def folder_at(path: str) -> tuple[Any, str]:
    """The file system of a folder, by its path or URL, and its path in it. The path may hold what would mean something in a URL.

    Raises CaptureError as `file_system` does, and ImportError for a folder of this machine where fsspec is not installed.
    """
    if is_url(path):
        return file_system(path)
    from fsspec.implementations.local import LocalFileSystem  # noqa: PLC0415 - an extra

    return LocalFileSystem(), os.path.realpath(path)


def why(error: BaseException, url: str) -> str:
    """Why a file system could not do something, without secrets."""
    kind, said = type(error).__name__, without_secrets(" ".join(str(error).split()), url)
    if "Credential" in kind or "TokenRetrieval" in kind:
        return f"no credentials: {said} (they come from the environment or the settings of {scheme_of(url)}, as fsspec documents it)"
    answer = error.__cause__ if isinstance(error, FileNotFoundError) else error  # of a web server, and why it is taken for that
    if (status := getattr(answer, "status", 404)) != 404:
        return f"the server answers {status} {getattr(answer, 'message', '')}".rstrip()
    if isinstance(answer, OSError) and answer is not error:
        return why(answer, url)
    if isinstance(error, FileNotFoundError):
        return said if "bucket" in said and " " in said else "no such file, folder or bucket"
    if isinstance(error, PermissionError):
        return f"permission denied: {said}"
    return said or kind


def members(url: str) -> list[str] | None:
    """The files that a pattern or a folder stands for, by name; None for the URL of one file. Raises CaptureError, without the name."""
    system, path = file_system(url)
    web = scheme_of(url) in HTTP
    is_pattern = any(mark in path for mark in ("*[" if web else "*[?"))
    try:
        if is_pattern:
            listed = system.glob(path, detail=True).values()
        elif path.endswith("/") or url.endswith("/") or (not web and system.isdir(path)):  # to ask a web server is to get it all
            listed = system.ls(path, detail=True)
        else:
            return None
        found = [about["name"] for about in listed if about["type"] == "file"]
    except Exception as error:
        raise CaptureError(why(error, url)) from error
    if is_pattern and not found:
        raise CaptureError("no file has such a name, or there is no such folder or bucket")
    return [_url_of(name, url, system, path) for name in sorted(found)]


def _url_of(name: str, url: str, system: Any, path: str) -> str:
    """The URL of a file of a file system, by the URL and the path that it was found with."""
    first, chain, rest = url.partition("::")
    if name.startswith(f"{scheme_of(url)}://"):
        return name + chain + rest
    if first.rstrip("/").endswith(path.rstrip("/")):
        return first.rstrip("/").removesuffix(path.rstrip("/")) + name + chain + rest
    unstripped: str = system.unstrip_protocol(name)
    return unstripped + chain + rest


def open_remote(url: str) -> RemoteSource | RemoteStream:
    """Open the file at a URL. Raises CaptureError, without the name."""
    system, path = file_system(url)
    try:
        file = system.open(path, "rb", cache_type="none")  # what is read is read once, and in large pieces
        size_bytes = file.size if hasattr(file, "size") else system.info(path)["size"]
        if size_bytes is None or (scheme_of(url) in HTTP and size_bytes and not _knows_ranges(file)):
            file.close()
            return RemoteStream(system.open(path, "rb", block_size=0), url, size_bytes)
    except Exception as error:
        raise CaptureError(why(error, url)) from error
    return RemoteSource(file, size_bytes, url)


def try_to_write(url: str) -> None:
    """See whether something can be written beside a URL: before hours of work, not behind them. Raises CaptureError, without the name."""
    system, path = file_system(url)
    name = f"{path.rpartition('/')[0]}/.tcpstates-{os.urandom(12).hex()}"
    try:
        system.pipe_file(name, b"")
        system.rm_file(name)
    except Exception as error:
        raise CaptureError(why(error, url)) from error


def send(content: BinaryIO, url: str) -> None:
    """Write all of a file to a URL. Raises CaptureError, without the name."""
    system, path = file_system(url)
    try:
        with system.open(path, "wb") as out:
            while data := content.read(PIECES * PIECE_BYTES):
                out.write(data)
    except Exception as error:
        raise CaptureError(why(error, url)) from error


def _knows_ranges(file: Any) -> bool:
    """Whether a web server gives a part when a part is asked for."""
    try:
        file.seek(1)
        file.read(1)
    except ValueError:
        return False
    return True


class RemoteSource(Seekable):
    """A file that is read in ranges."""

    reopenable = True
    interrupted = False

    def __init__(self, file: Any, size_bytes: int, url: str) -> None:
        self.size_bytes: int | None = size_bytes
        self.done_bytes = 0
        self.piece_bytes = HEAD_BYTES
        self.spares_descriptors = False  # as of a file; there is none to be spared
        self._file = file
        self._url = url

    def refill(self, rest: bytes, need_bytes: int) -> bytes:
        """See `source.Source`."""
        piece_bytes = self.piece_bytes if self.piece_bytes <= HEAD_BYTES else PIECES * self.piece_bytes
        missing = max(need_bytes, len(rest)) + piece_bytes - len(rest)
        data = _asked(lambda: self._read(missing), self._url)
        if not data and self.done_bytes < (self.size_bytes or 0):
            raise SourceDamageError("read-error", "cannot be read any further: it is shorter by now")
        self.done_bytes += len(data)
        return rest + data

    def _read(self, most_bytes: int) -> bytes:
        self._file.seek(self.done_bytes)
        data: bytes = self._file.read(most_bytes)
        return data

    def close(self) -> None:
        """See `source.Source`."""
        self._file.close()


class RemoteStream(PipeSource):
    """What can be read once, from its beginning to its end."""

    def __init__(self, file: Any, url: str, size_bytes: int | None) -> None:
        super().__init__(file, size_bytes=size_bytes)
        self._url = url

    def give(self, most_bytes: int) -> bytes:
        """See `PipeSource`."""
        return _asked(lambda: super(RemoteStream, self).give(most_bytes), self._url)


def _asked(read: Callable[[], bytes], url: str) -> bytes:
    """What a file system gives. Raises SourceDamageError for whatever it raises: each has errors of its own."""
    try:
        return read()
    except Exception as error:
        raise SourceDamageError("read-error", f"cannot be read any further: {why(error, url)}") from error


WAITING.add(_asked.__code__)
