"""The codecs of compressed inputs, one interface for all. Each is imported only when met; zstandard and lz4 are extras.

A stream that breaks gives what precedes the break: to the byte with gzip, otherwise but for the last step or block.
"""

import importlib
from typing import Any, Protocol

from tcptrace_py.model.errors import CaptureError

MEMORY_LIMIT_BYTES = 1 << 28  # for the dictionary that an xz stream asks for; xz -9 takes 65 MB
STEP_BYTES = 1 << 10
LZ4_STEP_BYTES = 1 << 16


class Stream(Protocol):
    """One compressed stream, until `finished`; `unused` is then the input behind it."""

    errors: tuple[type[Exception], ...]
    finished: bool
    unused: bytes

    @property
    def hungry(self) -> bool:
        """Whether nothing can come without further input."""

    def feed(self, data: bytes, limit_bytes: int) -> bytes:
        """Decompress about `limit_bytes` at most. Raises one of `errors` where the stream is broken."""


class _Gzip:
    """zlib, with a copy of its state to go back to, so that what precedes an error is not lost."""

    def __init__(self, zlib: Any) -> None:
        self.errors: tuple[type[Exception], ...] = (zlib.error,)
        self.finished = False
        self.unused = b""
        self._state = zlib.decompressobj(31)
        self._broken: Exception | None = None
        self._rest = b""  # where it broke: input that may give something yet
        self._taken = 0  # of it

    @property
    def hungry(self) -> bool:
        """See Stream."""
        return self._broken is None and not self._state.unconsumed_tail

    def feed(self, data: bytes, limit_bytes: int) -> bytes:
        """See Stream."""
        if self._broken:
            return self._until_error(self._broken, limit_bytes)
        data = self._state.unconsumed_tail + data
        before = self._state.copy()
        try:
            out: bytes = self._state.decompress(data, limit_bytes)
        except self.errors as error:
            self._broken, self._state, self._rest = error, before, data
            return self._until_error(error, limit_bytes)
        self.finished, self.unused = self._state.eof, self._state.unused_data
        return out

    def _until_error(self, error: Exception, limit_bytes: int) -> bytes:
        """What the state before the call that met the error gives byte by byte; raises the error when that is all."""
        parts: list[bytes] = []
        size_bytes = 0
        while self._taken < len(self._rest) and size_bytes < limit_bytes:
            try:
                parts.append(self._state.decompress(self._rest[self._taken : self._taken + 1]))
            except self.errors:
                self._rest = b""
                break
            size_bytes += len(parts[-1])
            self._taken += 1
        if not size_bytes:
            raise error
        return b"".join(parts)


class _Buffered:
    """bz2, lzma and lz4.frame: they keep the input that a limited output leaves over."""

    def __init__(self, decompressor: Any, errors: tuple[type[Exception], ...], step_bytes: int) -> None:
        self.errors = errors
        self.finished = False
        self.unused = b""
        self._decompressor = decompressor
        self._step_bytes = step_bytes  # an error costs what the same call has decompressed

    @property
    def hungry(self) -> bool:
        """See Stream."""
        return bool(self._decompressor.needs_input)

    def feed(self, data: bytes, limit_bytes: int) -> bytes:  # noqa: ARG002 - a step is less than anybody reads at once
        """See Stream."""
        out: bytes = self._decompressor.decompress(data, self._step_bytes)  # as much each time: an error takes it along
        self.finished = self._decompressor.eof
        self.unused = (self._decompressor.unused_data or b"") if self.finished else b""
        return out


class _Zstd:
    """zstandard cannot limit its output: the input goes in by slices so small that a bomb stays bearable."""

    def __init__(self, decompressor: Any, errors: tuple[type[Exception], ...]) -> None:
        self.errors = errors
        self.finished = False
        self.unused = b""
        self._decompressor = decompressor
        self._waiting = b""
        self._broken: Exception | None = None

    @property
    def hungry(self) -> bool:
        """See Stream."""
        return self._broken is None and not self._waiting

    def feed(self, data: bytes, limit_bytes: int) -> bytes:
        """See Stream."""
        if self._broken:
            raise self._broken
        data = self._waiting + data
        parts: list[bytes] = []
        size_bytes = place = 0
        while place < len(data) and size_bytes < limit_bytes and not self.finished:
            try:
                parts.append(self._decompressor.decompress(data[place : place + STEP_BYTES]))
            except self.errors as error:
                self._broken = error
                break
            size_bytes += len(parts[-1])
            place += STEP_BYTES
            self.finished = self._decompressor.eof
        self._waiting = data[place:]
        if self.finished:
            self.unused = self._decompressor.unused_data + self._waiting
        return b"".join(parts)


def new_stream(kind: str) -> Stream:
    """Make a decompressor for one stream. Raises CaptureError where the package for its kind is not installed."""
    if kind == "gzip":
        return _Gzip(importlib.import_module("zlib"))
    if kind == "bzip2":
        return _Buffered(_module(kind, "bz2").BZ2Decompressor(), (OSError, ValueError, EOFError), STEP_BYTES)
    if kind == "xz":
        lzma = _module(kind, "lzma")
        decompressor = lzma.LZMADecompressor(lzma.FORMAT_XZ, MEMORY_LIMIT_BYTES)
        return _Buffered(decompressor, (lzma.LZMAError, EOFError), STEP_BYTES)
    if kind == "lz4":
        frame = _module(kind, "lz4.frame", "lz4")
        return _Buffered(frame.LZ4FrameDecompressor(), (RuntimeError, ValueError, EOFError), LZ4_STEP_BYTES)
    zstandard = _module(kind, "zstandard", "zstd")
    return _Zstd(zstandard.ZstdDecompressor().decompressobj(), (zstandard.ZstdError,))


def _module(kind: str, name: str, extra: str | None = None) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        remedy = f"install it with: pip install tcptrace-py[{extra}]" if extra else "this Python was built without it"
        raise CaptureError(f"is compressed with {kind}, and the module {name} is not installed; {remedy}") from error
