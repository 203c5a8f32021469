"""Files that the parts of a distributed run leave for each other: in a folder or at a URL that all of them reach.

Whoever reads one is told by the engine, not by the file, where its bytes stand and what their digest is: what is not as it was
written is not used.
"""

import hashlib
import os
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from tcptrace_py.capture.remote import folder_at, why
from tcptrace_py.capture.source import reason
from tcptrace_py.facts.store import Scratch
from tcptrace_py.model.errors import CaptureError
from tcptrace_py.model.urls import is_url, shown

if TYPE_CHECKING:
    from collections.abc import Iterable

DIGEST_BYTES = 16


class Piece(NamedTuple):
    """Bytes of a file, and what they are known by."""

    at: int
    size: int
    digest: bytes


class ScratchError(CaptureError):
    """A file of the run cannot be written, or cannot be read again."""


class Folder:
    """Where the files are. It travels by its name: each process opens it for itself."""

    def __init__(self, url: str) -> None:
        self.url = url if is_url(url) else os.path.abspath(url)  # noqa: PTH100 - a name, to be sent
        self._opened: tuple[Any, str] | None = None

    def __reduce__(self) -> tuple[type["Folder"], tuple[str]]:
        return Folder, (self.url,)

    def __str__(self) -> str:
        return shown(self.url)

    def inner(self, name: str) -> "Folder":
        """A folder in this one."""
        return Folder(f"{self.url.rstrip('/')}/{name}")

    @contextmanager
    def _named(self) -> Iterator[tuple[Any, str]]:
        try:
            if self._opened is None:
                self._opened = folder_at(self.url)
            yield self._opened
        except CaptureError as error:
            raise ScratchError(f"scratch files at {self}: {error}") from None
        except Exception as error:
            said = reason(error) if isinstance(error, OSError) and error.strerror else why(error, self.url)
            raise ScratchError(f"scratch files at {self}: {said}") from error

    def new_inner(self, stem: str) -> "Folder":
        """A folder in this one that nobody else has."""
        return self.inner(f"{stem}-{os.urandom(12).hex()}")

    def make(self) -> None:
        """Make the folder, if there is none."""
        with self._named() as (system, root):
            system.makedirs(root, exist_ok=True)

    def remove(self, ours: re.Pattern[str] | None = None) -> None:
        """Remove it with all that is in it; only files of such names, and the folder if nothing is left then."""
        names = [] if ours is None else [name for name in self.names() if ours.fullmatch(name)]
        with self._named() as (system, root):
            for name in names:
                system.rm_file(f"{root.rstrip('/')}/{name}")
        if ours is None or not self.names():
            with self._named() as (system, root):
                if system.exists(root):
                    system.rm(root, recursive=True)

    def names(self) -> list[str]:
        """The files in it."""
        with self._named() as (system, root):
            system.invalidate_cache()
            return [name.rstrip("/").rpartition("/")[2] for name in system.ls(root, detail=False)] if system.exists(root) else []

    def has(self, name: str) -> bool:
        """Whether there is a file of this name."""
        return name in self.names()

    def write(self, name: str, data: bytes) -> None:
        """Write a file of this name: all of it is there, or none."""
        with self._named() as (system, root):
            path = f"{root.rstrip('/')}/{name}"
            if "file" not in system.protocol:
                system.pipe_file(path, data)
                return
            part = f"{path}.{os.urandom(8).hex()}"
            system.pipe_file(part, data)
            os.replace(part, path)  # noqa: PTH105 - a name

    def read_all(self, name: str) -> bytes:
        """All of a file, which is a small one."""
        with self._named() as (system, root):
            data: bytes = system.cat_file(f"{root.rstrip('/')}/{name}")
            return data

    @contextmanager
    def writing(self, stem: str) -> Iterator["Outgoing"]:
        """Write a new file, whose name begins so: nobody else writes it, not even another attempt at the same task."""
        name = f"{stem}-{os.urandom(8).hex()}"
        with self._named() as (system, root):
            file = system.open(f"{root.rstrip('/')}/{name}", "wb")
        out = Outgoing(name, file, self._named)
        try:
            yield out
        finally:
            out.close()

    def reader(self, name: str) -> Callable[[Piece], bytes]:
        """A function that reads pieces of a file."""

        def read(piece: Piece) -> bytes:
            with self._named() as (system, root):
                at = piece.at
                data: bytes = system.cat_file(f"{root.rstrip('/')}/{name}", start=at, end=at + piece.size) if piece.size else b""
            if digest(data) != piece.digest:
                raise ScratchError(f"scratch files at {self}: {name} is not as it was written")
            return data

        return read


class Outgoing:
    """A file that is being written, one piece behind the other."""

    def __init__(self, name: str, file: Any, named: Callable[[], AbstractContextManager[Any]]) -> None:
        """`named`: within it errors are raised as ScratchError."""
        self.name = name
        self._file = file
        self._named = named
        self._end = 0

    def put(self, data: "bytes | memoryview") -> Piece:
        """Append bytes."""
        with self._named():
            self._file.write(data)
        piece = Piece(self._end, len(data), digest(data))
        self._end += len(data)
        return piece

    def close(self) -> None:
        """All is written."""
        with self._named():
            self._file.close()


def digest(data: "bytes | memoryview") -> bytes:
    """What bytes are known by."""
    return hashlib.sha256(data).digest()[:DIGEST_BYTES]  # of all that are safe the quickest, where a processor knows it


class Rows(Scratch):
    """Blocks of connections that are written to a file of the run, in the place of a temporary file."""

    def __init__(self, out: Outgoing) -> None:
        super().__init__()
        self._out = out
        self.pieces: dict[int, Piece] = {}

    def append(self, data: bytes) -> tuple[int, int]:
        """Write a block."""
        piece = self._out.put(data)
        self.pieces[piece.at] = piece
        return piece.at, piece.size


class WrittenRows(Scratch):
    """The same to be read."""

    def __init__(self, read: Callable[[Piece], bytes], pieces: "Iterable[Piece]") -> None:
        super().__init__()
        self._pieces = {piece.at: piece for piece in pieces}
        self._read = read

    def read(self, at: int, size: int) -> bytes:  # noqa: ARG002 - the piece knows
        """Read a block."""
        return self._read(self._pieces[at])
