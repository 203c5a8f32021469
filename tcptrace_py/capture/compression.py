"""Compressed inputs, recognised by content and decompressed as they are read (the codecs themselves: codecs.py)."""

import re

from .codecs import Stream, new_stream
from .source import Source, SourceDamageError

MAGIC = {b"\x1f\x8b": "gzip", b"BZh": "bzip2", b"\xfd7zXZ\x00": "xz", b"\x28\xb5\x2f\xfd": "zstd", b"\x04\x22\x4d\x18": "lz4"}
DAMAGED = "compressed-data-damaged"
SKIPPABLE_FIRST, SKIPPABLE = bytes(range(0x50, 0x60)), b"\x2a\x4d\x18"  # RFC 8878 section 3.1.2; lz4 has them too
MAGIC_BYTES = 10  # of the longest, bzip2's with its first block's
PART_BYTES = 1 << 16
NOT_ZERO = re.compile(rb"[^\0]")


def recognise(data: bytes) -> str | None:
    """Name of the compression that begins with these bytes, None for none that is known."""
    if data[:3] == b"BZh" and data[4:10] not in (b"1AY&SY", b"\x17rE8P\x90"):
        return None
    if _skippable(data):
        return "zstd"
    return next((name for magic, name in MAGIC.items() if data.startswith(magic)), None)


def _skippable(data: bytes) -> bool:
    return data[1:4] == SKIPPABLE and data[:1] in SKIPPABLE_FIRST


class DecompressedSource:
    """What another source gives, decompressed: one stream after the other (gzip members, zstd frames)."""

    size_bytes: int | None

    def __init__(self, source: Source, data: bytes, kind: str) -> None:
        """Take over: `data` was read from the source and begins with the magic of `kind`. Raises CaptureError."""
        self.kind = kind
        self.size_bytes = source.size_bytes
        self.reopenable = source.reopenable
        self.piece_bytes = source.piece_bytes
        self._source = source
        self._stream: Stream | None = new_stream(kind)
        self._waiting = data
        self._taken = 0  # of what is waiting
        self._ended = False  # there is nothing behind what is waiting
        self._broken: SourceDamageError | None = None  # and why
        self._failure: SourceDamageError | None = None

    @property
    def spares_descriptors(self) -> bool:
        """See FileSource."""
        return getattr(self._source, "spares_descriptors", False)

    @spares_descriptors.setter
    def spares_descriptors(self, wanted: bool) -> None:
        self._source.spares_descriptors = wanted  # type: ignore[attr-defined]

    @property
    def interrupted(self) -> bool:
        """See Source."""
        return self._source.interrupted

    @property
    def done_bytes(self) -> int:
        """Bytes of the input itself that were decompressed so far: what waits in here may be nearly all of it."""
        return self._source.done_bytes - len(self._waiting) + self._taken

    def refill(self, rest: bytes, need_bytes: int) -> bytes:
        """See Source."""
        if self._failure:
            raise self._failure
        self._source.piece_bytes = self.piece_bytes
        missing = max(need_bytes, len(rest)) + self.piece_bytes - len(rest)
        parts = [rest]
        try:
            while missing > 0 and (part := self._part(missing)):
                parts.append(part)
                missing -= len(part)
        except SourceDamageError as failure:
            self._failure = failure
            if len(parts) == 1:
                raise
        return b"".join(parts)

    def close(self) -> None:
        """See Source."""
        self._stream = None
        self._source.close()

    def _part(self, limit_bytes: int) -> bytes:
        """Decompress a little more; b"" at the end."""
        while self._stream is not None:
            if self._stream.finished:
                self._next_stream()
                continue
            try:
                out = self._stream.feed(self._input() if self._stream.hungry else b"", limit_bytes)
            except self._stream.errors as error:
                raise SourceDamageError(DAMAGED, f"its {self.kind} stream is damaged: {error}") from error
            if out:
                return out
        return b""

    def _input(self) -> bytes:
        """Get the next compressed bytes: as many each time, however they are read. What a damaged stream gives hangs on that."""
        while len(self._waiting) - self._taken < PART_BYTES and self._more():
            pass
        data = self._waiting[self._taken : self._taken + PART_BYTES]
        if not data:
            raise self._broken or SourceDamageError(DAMAGED, f"ends inside its {self.kind} stream")
        self._taken += len(data)
        return data

    def _more(self) -> bool:
        """Get more of what is waiting; False where there is none."""
        if self._ended:
            return False
        more = b""
        try:
            more = self._source.refill(b"", 1)
        except SourceDamageError as failure:
            self._broken = failure
        self._ended = not more
        self._waiting, self._taken = self._waiting[self._taken :] + more, 0
        return not self._ended

    def _next_stream(self) -> None:
        """Go on with the stream behind the one that has ended, past padding of zeros: what is waiting is not copied for each."""
        if self._stream is not None:
            self._taken -= len(self._stream.unused)  # the end of what it was given last
        self._stream = None
        while True:
            something = NOT_ZERO.search(self._waiting, self._taken)
            self._taken = something.start() if something else len(self._waiting)
            if len(self._waiting) - self._taken >= MAGIC_BYTES or not self._more():
                break
        data = self._waiting[self._taken : self._taken + MAGIC_BYTES]
        if recognise(data) == self.kind or (self.kind == "lz4" and _skippable(data)):
            self._stream = new_stream(self.kind)
        elif self._broken and not data:
            raise self._broken
        elif data:
            raise SourceDamageError(DAMAGED, f"bytes that are not {self.kind} follow its {self.kind} stream")
