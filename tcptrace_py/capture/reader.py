"""The inputs of one analysis as one capture."""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple, TypeVar

from tcptrace_py.model.datasets import MANIFEST, READ_TABLES
from tcptrace_py.model.errors import CaptureError
from tcptrace_py.model.faults import Faults
from tcptrace_py.model.frames import FrameBlock
from tcptrace_py.model.problems import Problems
from tcptrace_py.model.urls import is_url

from .eras import Eras
from .file import CaptureFile, NotACaptureError, Opened, name_of
from .interfaces import Interfaces
from .merge import Input, merge
from .opening import refuse_twice
from .ordering import Order
from .source import STDIN, reason

Capture = TypeVar("Capture")
Progress = Callable[[int, int | None], None]
GUESSED_RATIO = 3  # of what compressed captures hold to their size


class EndReadingError(Exception):
    """Raised by a `progress`: what follows is not wanted, and what was read is to be used as if it were all."""


class CaptureReader:
    """Captures that are there to be read. `files` says for each what it is, and after reading what it held."""

    def __init__(
        self,
        captures: Sequence[CaptureFile],
        problems: Problems,
        progress: Progress | None = None,
        *,
        ended: bool = False,
        faults: Faults | None = None,
    ) -> None:
        self._faults = faults or Faults()
        self.files = [capture.info for capture in captures]
        self._captures = captures
        self._problems = problems
        self._progress = progress
        self._ended = ended

    @property
    def once(self) -> bool:
        """Whether some input is a pipe, which nobody can read again."""
        return not all(capture.reopenable for capture in self._captures)

    @property
    def compressed(self) -> bool:
        """Whether some input is compressed."""
        return any(capture.compressed for capture in self._captures)

    @property
    def about_bytes(self) -> int:
        """How much there is to read, compressed inputs guessed; pipes apart."""
        return sum((capture.size_bytes or 0) * (GUESSED_RATIO if capture.compressed else 1) for capture in self._captures)

    def blocks(self, *, as_written: bool = False) -> Iterator[FrameBlock]:
        """All frames, numbered as `mergecap` does, at most BLOCK_FRAMES to a block; to be called once.

        They come in the order of their stamps where they were written a little out of it (`ordering`), unless they are wanted
        `as_written`.

        Whatever is damaged becomes a problem. Nothing is raised but KeyboardInterrupt, where it came while a pipe was
        waited for (behind everything that the pipe had given) or where `progress` raises it (between two blocks; of files, what
        is held for the order's sake is left out then).
        """
        try:
            if self._ended:  # it came while they were opened
                raise KeyboardInterrupt
            order, eras, given = Order(self._problems), Eras(), False
            for block in self._merged():
                for ready in (block,) if as_written else order.take(block):
                    given = True
                    yield from eras.cut((ready,))
                if self._progress:
                    try:
                        self._progress(*self._done())
                    except (EndReadingError, KeyboardInterrupt) as end:
                        if self.once or not given:  # a file can be read again, and who asks for the end waits for no other block
                            yield from eras.cut(order.rest())
                        if isinstance(end, KeyboardInterrupt):
                            raise
                        return
            yield from eras.cut(order.rest())
            if any(capture.interrupted for capture in self._captures):
                raise KeyboardInterrupt
        finally:
            for capture in self._captures:
                capture.close()

    def _merged(self) -> Iterator[FrameBlock]:
        if len(self._captures) == 1:
            return self._captures[0].blocks(self._problems, Interfaces().begin(), faults=self._faults)
        opened = Opened()
        inputs = (
            Input(capture.head_ns(), partial(capture.blocks, self._problems, opened=opened, faults=self._faults))
            for capture in self._captures
        )
        return merge(inputs, Interfaces(waits=True))

    def _done(self) -> tuple[int, int | None]:
        sizes = [capture.size_bytes for capture in self._captures]
        total = None if None in sizes else sum(size for size in sizes if size is not None)
        return sum(capture.done_bytes for capture in self._captures), total


def open_captures(
    paths: Sequence[str | os.PathLike[str]], problems: Problems, *, progress: Progress | None = None, faults: Faults | None = None
) -> CaptureReader:
    """Recognise the inputs: files, directories (the captures in them, by name), URLs of these and of patterns, "-" for standard input.

    Raises CaptureError where none can be read, UsageError for standard input given twice; where only some cannot be
    read, those become problems. `progress` is called about once a block with the bytes read so far and in all (None
    where that is unknown).
    """
    names = [os.fspath(path) for path in paths]
    refuse_twice(names)
    ended = False

    def looked_up() -> Iterator[Named]:
        nonlocal ended
        for number, path in enumerate(names):
            try:
                if progress and number:  # there may be many, and Ctrl-C
                    progress(0, None)
            except EndReadingError:
                pass  # met again behind the first block
            except KeyboardInterrupt:
                ended = True
                return
            yield look_up(path)

    captures = gather(looked_up(), problems, CaptureFile)
    return CaptureReader(captures, problems, progress, ended=ended, faults=faults)


class Named(NamedTuple):
    """What a name given by the user stands for: the files of a folder or a pattern; None: it is one input itself, if nothing `failed`."""

    path: str
    members: list[str] | None = None
    failed: CaptureError | None = None


def look_up(path: str) -> Named:
    """Find what a name stands for; no file is opened for that."""
    try:
        if is_url(path):
            return Named(path, _at_url(path))
        if path != STDIN and os.path.isdir(path):  # noqa: PTH112 - Path.is_dir may raise
            return Named(path, _directory(path))
    except CaptureError as error:
        return Named(path, failed=error)
    return Named(path)


def gather(named: Iterable[Named], problems: Problems, open_one: Callable[[str], Capture]) -> list[Capture]:
    """Open all inputs by `open_one`, which raises CaptureError. What cannot be read is a problem, if anything can.

    Raises CaptureError where nothing can.
    """
    captures: list[Capture] = []
    failures: list[str] = []
    for path, members, failed in named:
        try:
            if failed is not None:
                raise failed
            captures += [open_one(path)] if members is None else _captures_of(path, members, problems, open_one)
        except CaptureError as error:
            failures.append(str(error))
    if not captures:
        raise CaptureError("; ".join(failures) or "no captures were named")
    for failure in failures:
        problems.add("unreadable-file", failure, damaged=True)
    return captures


def _directory(path: str) -> list[str]:
    """The files of a directory. Raises CaptureError where it cannot be read."""
    try:
        names = sorted(entry.name for entry in os.scandir(path) if entry.is_file())
    except OSError as error:
        raise CaptureError(f"{path}: {reason(error)}") from error
    return [str(Path(path) / name) for name in names]


def _at_url(url: str) -> list[str] | None:
    """The files of the directory or pattern that a URL stands for; None: it is one file. Raises CaptureError where there are none."""
    from .remote import members  # noqa: PLC0415 - fsspec is an extra, and long to import

    try:
        return members(url)
    except CaptureError as error:
        raise CaptureError(f"{name_of(url)}: {error}") from error


def _captures_of(path: str, members: Sequence[str], problems: Problems, open_one: Callable[[str], Capture]) -> list[Capture]:
    """The captures among the files of a directory. Raises CaptureError where there are none."""
    if any(member.endswith(MANIFEST) for member in members):
        raise CaptureError(f"{name_of(path)}: holds the tables of an analysis, not captures: {READ_TABLES} read them")
    captures: list[Capture] = []
    for member in members:
        try:
            captures.append(open_one(member))
        except NotACaptureError as error:
            problems.add("not-a-capture", f"skipped: {error}")
        except CaptureError as error:
            problems.add("unreadable-file", str(error), damaged=True)
    if not captures:
        raise CaptureError(f"{name_of(path)}: no capture among the {len(members)} files of this directory")
    return captures
