"""A folder where a data set is, or is to be: of this machine, or at a URL."""

from __future__ import annotations

import os
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tcptrace_py.capture.remote import HTTP, folder_at, try_to_write, why
from tcptrace_py.model.datasets import EXTRA, MANIFEST
from tcptrace_py.model.errors import CaptureError
from tcptrace_py.model.urls import is_url, scheme_of, shown
from tcptrace_py.writing import Output

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .manifest import Part


class Place:
    """A folder, by its path or URL. Whatever fails raises CaptureError with its name."""

    def __init__(self, path: str) -> None:
        self.name = shown(path)
        self.path = path
        self.is_local = not is_url(path)
        self._is_new = self.is_local and not os.path.lexists(path)
        with self._named():
            try:
                self._system, self._root = folder_at(path)
            except ImportError:
                raise CaptureError(f"tables need fsspec: {EXTRA}") from None

    @contextmanager
    def _named(self) -> Iterator[None]:
        try:
            yield
        except CaptureError as error:
            raise CaptureError(f"{self.name}: {error}") from None
        except Exception as error:
            raise CaptureError(f"{self.name}: {why(error, self.path)}") from error

    def at(self, name: str) -> str:
        """A file of the folder, as the file system calls it."""
        return f"{self._root.rstrip('/')}/{name}"

    def has_manifest(self) -> bool:
        """Whether there is a data set."""
        with self._named():
            return bool(self._system.isfile(self.at(MANIFEST)))

    def is_empty(self) -> bool:
        """Whether there is nothing: no such folder, or nothing in it."""
        with self._named(), suppress(FileNotFoundError):
            return not self._system.ls(self._root, detail=False)
        return True

    def read(self, name: str) -> bytes:
        """All of a file, which is a small one."""
        with self._named():
            content: bytes = self._system.cat_file(self.at(name))
            return content

    def sizes(self, parts: list[Part]) -> dict[str, int]:
        """The sizes of those parts that are there, by path."""
        with self._named():
            if scheme_of(self.path) in HTTP:  # which lists nothing for sure
                return {part.path: size for part in parts if (size := self._size(part.path)) is not None}
            found = self._system.find(self._root, detail=True)
            by_name = {name: about["size"] for name, about in found.items()}
            return {part.path: by_name[self.at(part.path)] for part in parts if self.at(part.path) in by_name}

    def _size(self, name: str) -> int | None:
        try:
            size: int | None = self._system.info(self.at(name))["size"]
        except FileNotFoundError:
            return None
        return size

    def opener(self, name: str) -> Callable[[], Any]:
        """A function that opens a file for reading in ranges, anew each time."""
        return lambda: self._system.open(self.at(name), "rb", cache_type="none")

    def reader(self, name: str) -> Callable[[int, int], bytes]:
        """A function that reads so many bytes of a file from a place on."""
        with self._named():
            file = self.opener(name)()

        def read(at: int, size: int) -> bytes:
            with self._named():
                file.seek(at)
                data: bytes = file.read(size)
                return data

        return read

    def try_to_write(self) -> None:
        """See whether files can be written: before hours of work, not behind them."""
        if self.is_local:
            self._check_folder()
            return
        with self._named():
            try_to_write(f"{self.path.rstrip('/')}/{MANIFEST}")

    def _check_folder(self) -> None:
        folder = Path(self._root)
        with self._named():
            if folder.exists() and not folder.is_dir():
                raise CaptureError("is a file, and tables are written into a folder")
            there = folder if folder.exists() else folder.parent
            if not there.is_dir():
                raise CaptureError(f"there is no folder {there}")
            if not os.access(there, os.W_OK):
                raise CaptureError("permission denied")

    @contextmanager
    def new_file(self, name: str) -> Iterator[Path]:
        """Give the path of a file of this machine that is to be written; afterwards it is in the folder."""
        if self.is_local:
            path = Path(self.at(name))
            with self._named():
                path.parent.mkdir(parents=True, exist_ok=True)
            yield path
            return
        from tempfile import TemporaryDirectory  # noqa: PLC0415 - long to import

        with TemporaryDirectory(prefix="tcpstates-") as folder:
            path = Path(folder) / "part"
            yield path
            with self._named():
                self._system.put_file(str(path), self.at(name))

    def write_manifest(self, content: bytes) -> None:
        """Put the manifest in place, the old one's or a new one, at once."""
        if not self.is_local:
            with self._named():
                self._system.pipe_file(self.at(MANIFEST), content)
            return
        with Output(self.at(MANIFEST)).open() as out:
            out.write(content)

    def remove(self, names: list[str]) -> None:
        """Remove files, as far as that goes, and folders of this machine that are empty then; the whole one, where it is a new one."""
        for name in names:
            with suppress(Exception):
                self._system.rm_file(self.at(name))
        if self.is_local:
            root = [Path(self._root)] if self._is_new else []
            for folder in [*sorted({Path(self.at(name)).parent for name in names}), *root]:
                with suppress(OSError):
                    folder.rmdir()


def holds_tables(path: str) -> bool:
    """Whether a path or URL is a folder with a data set; False where nobody can tell, which whoever reads it as captures does.

    Of a web server, whose answer to any name may be anything, a folder is what ends with a slash.
    """
    if not is_url(path):
        return os.path.isfile(os.path.join(path, MANIFEST))  # noqa: PTH113, PTH118 - pathlib raises for some names
    if scheme_of(path) in HTTP and not path.endswith("/"):
        return False
    with suppress(CaptureError):
        return Place(path).has_manifest()
    return False
