"""Where results go: standard output or a file, how wide it is, whether it takes colour."""

import os
import sys
from collections.abc import Callable, Collection
from io import TextIOWrapper
from typing import TextIO

from tcptrace_py.model.errors import UsageError, did_you_mean
from tcptrace_py.writing import STDOUT, Output

NARROWEST = 40
UNKNOWN_WIDTH = 120  # a file or a pipe does not wrap
BY_ENDING = {
    ".txt": ("table", "text", "ladder"),
    ".log": ("table", "text", "ladder"),
    ".md": ("markdown",),
    ".markdown": ("markdown",),
    ".json": ("json",),
    ".jsonl": ("jsonl",),
    ".ndjson": ("jsonl",),
    ".csv": ("csv",),
    ".parquet": ("parquet",),
    ".mmd": ("mermaid",),
    ".mermaid": ("mermaid",),
    ".xml": ("junit",),
    ".sarif": ("sarif",),
    ".pcap": ("pcap",),
    ".cap": ("pcap",),
    ".pcapng": ("pcapng",),
    ".ntar": ("pcapng",),
}  # formats that an ending asks for: the one of them that a command has


def width() -> int:
    """Columns of the page: COLUMNS, else those of the terminal that any of our streams is on (a pager's, in a pipe)."""
    columns = os.environ.get("COLUMNS", "")[:9]  # a billion columns will do
    if columns.isascii() and columns.isdigit() and int(columns) > 0:
        return max(int(columns), NARROWEST)
    for stream in (sys.stdout, sys.stderr, sys.stdin):
        try:
            return max(os.get_terminal_size(stream.fileno()).columns, NARROWEST)
        except (AttributeError, OSError, ValueError):
            continue
    return UNKNOWN_WIDTH


def takes_colour(wanted: bool | None, path: str | None) -> bool:
    """Whether to colour: as asked for, else only on a terminal that can, and never against NO_COLOR."""
    if wanted is not None:
        return wanted
    return (
        path is None
        and not os.environ.get("NO_COLOR")
        and os.environ.get("TERM") != "dumb"
        and sys.stdout is not None
        and sys.stdout.isatty()
    )


def picture(wanted: str, path: str | None) -> str:
    """How curves are drawn: as asked for; else finely on a terminal where plotille is there, and as bars elsewhere.

    Raises UsageError where a curve is asked for that cannot be drawn.
    """
    if wanted not in ("auto", "curve"):
        return wanted
    from importlib.util import find_spec

    there = find_spec("plotille") is not None
    if wanted == "curve" and not there:
        raise UsageError("--picture curve needs plotille: pip install 'tcptrace-py[plot]'")
    if wanted == "curve":
        return wanted
    return "curve" if there and path is None and sys.stdout is not None and sys.stdout.isatty() and _takes_dots() else "bars"


def _takes_dots() -> bool:
    try:
        "\u28ff".encode(sys.stdout.encoding or "ascii")
    except (LookupError, UnicodeEncodeError):
        return False
    return True


def format_for(path: str | None, asked: str | None, formats: Collection[str], otherwise: str) -> str:
    """The format to write: as asked for, else by the ending of the file's name; `otherwise` where it has none, or is no file.

    Raises UsageError for an ending that asks for nothing that the command has: half of the time it is a slip.
    """
    ending = os.path.splitext(path or "")[1].lower()  # noqa: PTH122 - no pathlib for this alone
    if asked is not None or path is None or not ending or Output(path).is_special:
        return asked or otherwise
    for name in BY_ENDING.get(ending, ()):
        if name in formats:
            return name
    known = [known for known, names in BY_ENDING.items() if any(name in formats for name in names)]
    raise UsageError(
        f"{path}: the ending {ending} names no format: take one of {', '.join(known)}, or --format{did_you_mean(ending, known)}"
    )


def emit(write: Callable[[TextIO], None], output: Output) -> None:
    """Call `write` with the output. A reader that closes the pipe ends it quietly.

    A file is put in place when it is complete, so that none is left half written. Raises UsageError where it cannot be.
    """
    if output.path == STDOUT:
        output.check()
        _to_stdout(write)
        return
    with output.open() as out:
        text = TextIOWrapper(out, encoding="utf-8", errors="backslashreplace", newline="", write_through=True)
        try:
            write(text)
        finally:
            text.detach()  # `out` is closed by whoever opened it


def _to_stdout(write: Callable[[TextIO], None]) -> None:
    if sys.stdout is None:
        raise UsageError("cannot write standard output: it is closed")
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="backslashreplace")  # a file's name may hold what the terminal cannot show
    try:
        write(sys.stdout)
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
