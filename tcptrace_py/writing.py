"""How every command writes a file, so that nothing of the user's is lost.

An input is never written over. A capture is written over by text only where that was asked for. A file is put in place
when it is whole: until then, and after a failure, the old one stands as it was. It keeps its mode, its owner and its
access lists, and a link to it stays a link. What is no regular file (a device, a FIFO, /dev/stdout) is written to.
What is to be at a URL is written to a temporary file, and sent when it is whole.
"""

import os
import stat
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from errno import EACCES, EBADF, EBUSY, EISDIR, ENOTSUP, EPERM, EROFS, EXDEV
from typing import BinaryIO

from .model.errors import CaptureError, UsageError
from .model.urls import is_url, shown

STDOUT = "-"
FRESH = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
THERE = os.O_WRONLY | getattr(os, "O_NOCTTY", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
NO_NEW_FILE = (EACCES, EPERM, EROFS)  # the folder takes none; the file that is there may still be written
NO_REPLACING = (EACCES, EPERM, EBUSY, EXDEV)  # a mount point, as containers have them, or a folder with the sticky bit
ACCESS_LIST = "system.posix_acl_access"
COPY_BYTES = 1 << 20


@dataclass(frozen=True)
class Output:
    """A file to be written, or standard output ("-").

    `inputs` are the files, directories and "-" (standard input) that the command reads. `over_captures`: a capture that
    is there already may be written over. `when_whole` is called when all is written, just before it is put in place.
    """

    path: str
    inputs: Sequence[str] = ()
    over_captures: bool = False
    when_whole: Callable[[], None] = lambda: None

    def check(self) -> None:
        """See, before there is anything to write, whether it may be written. Raises UsageError where it may not."""
        if is_url(self.path):
            self._check_url()
            return
        try:
            status = self._status()
            if status is None:
                self._check_folder()
        except (OSError, ValueError) as error:
            raise UsageError(f"cannot write {self.name}: {getattr(error, 'strerror', None) or error}") from None
        if status is None:
            return
        if self._is_input(status):
            raise UsageError(f"{self.name} is one of the inputs, and no input is ever written over: write to another file")
        if stat.S_ISDIR(status.st_mode):
            raise UsageError(f"cannot write {self.path}: {os.strerror(EISDIR)}")
        if stat.S_ISREG(status.st_mode) and self._descriptor() is None:
            self._check_file(status)

    @contextmanager
    def open(self) -> Iterator[BinaryIO]:
        """Give a file to write to; without an error its content is in place afterwards, else all is as it was.

        A reader that closes the pipe ends it quietly. Raises UsageError where the output cannot be written.
        """
        self.check()
        if is_url(self.path):
            yield from self._at_url()
            return
        try:
            if self.is_special:
                with suppress(BrokenPipeError):
                    yield from self._as_it_is(self._descriptor())
            else:
                yield from self._in_place(os.path.realpath(self.path), self._status())
        except OSError as error:
            raise UsageError(f"cannot write {self.name}: {error.strerror or error}") from None

    @property
    def is_special(self) -> bool:
        """Whether it is written to as it is, never replaced: a device, a FIFO, an open file of this process. Raises OSError."""
        status = self._status()
        return self.path == STDOUT or self._descriptor() is not None or (status is not None and not stat.S_ISREG(status.st_mode))

    @property
    def name(self) -> str:
        """How messages call it."""
        return "standard output" if self.path == STDOUT else shown(self.path)

    def _status(self) -> os.stat_result | None:
        """What is there, links followed; None where nothing is. Raises OSError."""
        number = self._descriptor()
        with suppress(FileNotFoundError):
            if number is not None:
                return os.fstat(number)
            if self.path != STDOUT:
                return os.stat(self.path)  # noqa: PTH116 - pathlib is not loaded for this
        return None

    def _descriptor(self) -> int | None:
        if self.path != STDOUT:
            from .capture.opening import descriptor_of  # noqa: PLC0415 - only where a file is written

            return descriptor_of(self.path)
        if sys.stdout is None:
            raise OSError(EBADF, "it is closed")
        with suppress(AttributeError, OSError, ValueError):  # what a program put in its place
            return sys.stdout.fileno()
        return None

    def _check_folder(self) -> None:
        """See whether a new file may come to be where the output says. Raises OSError."""
        if self.path == STDOUT:
            return
        if not os.path.basename(self.path):  # noqa: PTH119
            raise OSError(EISDIR, os.strerror(EISDIR) if self.path else "the file name is empty")
        folder = os.path.dirname(os.path.realpath(self.path))  # noqa: PTH120
        os.stat(folder)  # noqa: PTH116
        if not os.access(folder, os.W_OK):
            raise OSError(EACCES, os.strerror(EACCES))

    def _is_input(self, status: os.stat_result) -> bool:
        if stat.S_ISCHR(status.st_mode) or stat.S_ISSOCK(status.st_mode):  # a terminal takes and gives
            return False
        return any(_is_read(path, status) for path in self.inputs)

    def _check_file(self, status: os.stat_result) -> None:
        if not os.access(self.path, os.W_OK):
            raise UsageError(f"cannot write {self.path}: {os.strerror(EACCES)}")
        if status.st_size:
            self._check_capture()

    def _check_capture(self) -> None:
        if self.over_captures:
            return
        from .capture.file import holds_capture  # noqa: PLC0415 - only where a file is written over

        if holds_capture(self.path):
            raise UsageError(
                f"{self.name} is a capture and would be written over: name another file behind -o (of "
                "`-o *.pcap` the shell makes the first of them), or give --force"
            )

    def _check_url(self) -> None:
        from .capture.remote import members, try_to_write  # noqa: PLC0415 - an extra

        try:
            try_to_write(self.path)
            read = [url for url in self.inputs if is_url(url)]
            if any(self.path in (members(url) or [url]) for url in read):
                raise UsageError(f"{self.name} is one of the inputs, and no input is ever written over: write to another file")
        except CaptureError as error:
            raise UsageError(f"cannot write {self.name}: {error}") from None
        self._check_capture()

    def _at_url(self) -> Iterator[BinaryIO]:
        from tempfile import TemporaryFile  # noqa: PLC0415 - long to import

        from .capture.remote import send  # noqa: PLC0415 - an extra

        try:
            with TemporaryFile(prefix="tcpstates-") as content:
                yield content
                self.when_whole()
                content.seek(0)
                send(content, self.path)
        except CaptureError as error:
            raise UsageError(f"cannot write {self.name}: {error}") from None
        except OSError as error:
            raise UsageError(f"cannot write {self.name}: {error.strerror or error} (TMPDIR says where it is put together)") from None

    def _as_it_is(self, number: int | None) -> Iterator[BinaryIO]:
        if sys.stdout is not None:
            sys.stdout.flush()
        if self.path == STDOUT and number is None:
            yield sys.stdout.buffer
            return
        opened = os.open(self.path, THERE) if number is None else os.dup(number)
        with open(opened, "wb") as out:  # noqa: PTH123 - a descriptor
            yield out

    def _in_place(self, target: str, status: os.stat_result | None) -> Iterator[BinaryIO]:
        fresh = os.path.join(os.path.dirname(target), f".tcpstates-{os.urandom(12).hex()}")  # noqa: PTH118, PTH120
        try:
            try:
                opened = os.open(fresh, FRESH, 0o666 if status is None else 0o600)
            except OSError as error:
                if status is None or error.errno not in NO_NEW_FILE:
                    raise
                yield from self._copied(target)
                return
            with open(opened, "w+b") as out:  # noqa: PTH123 - a descriptor
                keeps = status is None or _made_like(opened, target, status)
                yield out
                out.flush()
                os.fsync(opened)  # a full disk may tell only now
            self.when_whole()
            if not (keeps and _replaced(fresh, target)):
                with open(fresh, "rb") as content:  # noqa: PTH123
                    _copy_over(content, target)
        finally:
            with suppress(FileNotFoundError):
                os.unlink(fresh)  # noqa: PTH108

    def _copied(self, target: str) -> Iterator[BinaryIO]:
        from tempfile import TemporaryFile  # noqa: PLC0415 - long to import, seldom needed

        with TemporaryFile(prefix="tcpstates-") as content:
            yield content
            self.when_whole()
            content.seek(0)
            _copy_over(content, target)


def check_apart(outputs: Sequence[Output]) -> None:
    """Check several outputs of one command. Raises UsageError where one may not be written, or two are one file."""
    places: set[str] = set()
    for output in outputs:
        output.check()
        if output.path != STDOUT and output.is_special:
            continue
        place = STDOUT if output.path == STDOUT else os.path.realpath(output.path)
        if place in places:
            raise UsageError(f"{output.name} is to be written twice: name two files")
        places.add(place)


def _is_read(path: str, status: os.stat_result) -> bool:
    """Whether an input is this file, or a directory that has it among its captures."""
    try:
        read = os.fstat(sys.stdin.fileno()) if path == "-" else os.stat(path)  # noqa: PTH116
        if os.path.samestat(read, status):
            return True
        return stat.S_ISDIR(read.st_mode) and any(
            os.path.samestat(os.stat(entry.path), status) and _is_member(entry.path)  # noqa: PTH116 - not what Windows keeps of it
            for entry in os.scandir(path)
            if entry.is_file()
        )
    except (AttributeError, OSError, ValueError):  # it cannot be read either
        return False


def _is_member(path: str) -> bool:
    from .capture.file import holds_capture  # noqa: PLC0415

    return holds_capture(path)


def _made_like(opened: int, target: str, status: os.stat_result) -> bool:
    """Give a new file the owner, the mode and the access lists of the old one; False where that is not allowed."""
    if not hasattr(os, "fchown"):  # Windows
        return True
    try:
        made = os.fstat(opened)
        if (made.st_uid, made.st_gid) != (status.st_uid, status.st_gid):
            os.fchown(opened, status.st_uid, status.st_gid)
        os.fchmod(opened, stat.S_IMODE(status.st_mode))
        if sys.platform == "linux" and ACCESS_LIST in os.listxattr(target):
            os.setxattr(opened, ACCESS_LIST, os.getxattr(target, ACCESS_LIST))
    except OSError as error:
        return error.errno == ENOTSUP  # a file system without access lists
    return True


def _replaced(fresh: str, target: str) -> bool:
    try:
        os.replace(fresh, target)  # noqa: PTH105
    except OSError as error:
        if error.errno in NO_REPLACING:
            return False
        raise
    return True


def _copy_over(content: BinaryIO, target: str) -> None:
    """Write into a file that cannot be replaced; where that fails, what was in it is put back."""
    from shutil import copyfileobj  # noqa: PLC0415 - seldom needed
    from tempfile import TemporaryFile  # noqa: PLC0415

    with open(target, "r+b", buffering=0) as out, TemporaryFile(prefix="tcpstates-") as before:  # noqa: PTH123
        copyfileobj(out, before, COPY_BYTES)
        try:
            _rewrite(content, out)
        except BaseException:
            before.seek(0)
            _rewrite(before, out)
            raise


def _rewrite(content: BinaryIO, out: BinaryIO) -> None:
    out.seek(0)
    while data := memoryview(content.read(COPY_BYTES)):
        while data:
            data = data[out.write(data) :]
    out.truncate()
