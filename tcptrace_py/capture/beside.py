"""Decompression in a process of its own, beside the analysis. Loaded for large inputs only, and where processes can be forked."""

import fcntl
import signal
from contextlib import suppress
from multiprocessing import active_children, get_context
from multiprocessing.connection import Connection

from .compression import DecompressedSource
from .source import PIECE_BYTES, SourceDamageError

MOST = 2  # such processes at once; rotated files need one, or two where one ends and the next begins


class BesideSource:
    """What a compressed source gives, decompressed by a process that runs ahead as far as a pipe holds."""

    reopenable = True
    interrupted = False

    def __init__(self, source: DecompressedSource) -> None:
        """Take over a regular file of which nothing but its head was read."""
        self.kind = source.kind
        self.size_bytes = source.size_bytes
        self.done_bytes = source.done_bytes
        self.piece_bytes = source.piece_bytes
        self._failure: SourceDamageError | None = None
        self._ended = False
        context = get_context("fork")
        self._pipe, other_end = context.Pipe(duplex=False)
        with suppress(OSError):  # the system allows less
            fcntl.fcntl(self._pipe.fileno(), fcntl.F_SETPIPE_SZ, PIECE_BYTES)
        self._process = context.Process(target=_decompress, args=(source, other_end, self._pipe), daemon=True)
        self._process.start()
        other_end.close()
        source.close()

    def refill(self, rest: bytes, need_bytes: int) -> bytes:
        """See Source."""
        parts, missing = [rest], max(need_bytes, len(rest)) + self.piece_bytes - len(rest)
        while missing > 0 and not self._ended:
            part = self._part()
            parts.append(part)
            missing -= len(part)
        if self._failure and not any(parts[1:]):
            raise self._failure
        return b"".join(parts)

    def close(self) -> None:
        """See Source."""
        self._ended = True
        self._process.terminate()
        self._process.join()
        self._pipe.close()

    def _part(self) -> bytes:
        try:
            told = self._pipe.recv()
            if isinstance(told, int):
                self.done_bytes = told
                return self._pipe.recv_bytes()
        except (EOFError, OSError):
            told = ("read-error", "the process that decompressed it ended early")
        if told is not None:
            self._failure = SourceDamageError(*told)
        self._ended = True
        return b""


def may_start() -> bool:
    """Whether there are not too many such processes already."""
    return len(active_children()) < MOST


def _decompress(source: DecompressedSource, pipe: Connection, other_end: Connection) -> None:
    """What the process does: tell how much of the input is read, then the bytes that came of it; at the end why it ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the analysis hears of Ctrl-C, and ends this
    other_end.close()  # so that this ends with the other process, however that one does
    source.piece_bytes = PIECE_BYTES
    try:
        while data := source.refill(b"", 1):
            pipe.send(source.done_bytes)
            pipe.send_bytes(data)
        pipe.send(None)
    except SourceDamageError as failure:
        pipe.send((failure.code, str(failure)))
    except (BrokenPipeError, ConnectionError):
        pass
