"""Progress on a terminal's standard error, for work that takes more than a second."""

import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from tcptrace_py.cluster.engine import Progress as StageDone

AFTER_S = 1.0
EVERY_S = 0.1


class StageProgress:
    """The same of work in stages (`cluster.engine`)."""

    def __init__(self) -> None:
        self._line = Progress()

    def __call__(self, progress: "StageDone") -> None:
        """Say how far the work is, if it is time to."""
        self._line.show(stage_line(progress))

    def __enter__(self) -> Self:
        self._line.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._line.__exit__(kind, error, trace)


def stage_line(progress: "StageDone") -> str:
    """Text of the progress line of a stage: by bytes, where these are known."""
    tasks = f"{progress.tasks:,} of {progress.tasks_in_all:,}"
    done, of, elapsed_s = progress.tasks, progress.tasks_in_all, progress.elapsed_s
    if progress.bytes_in_all:
        done, of = progress.size_bytes, progress.bytes_in_all
        tasks += f", {done / 1e6:,.0f} of {of / 1e6:,.0f} MB"
    rate, left = "", ""
    if done and elapsed_s:
        rate = f", {done / 1e6 / elapsed_s:,.0f} MB a second" if progress.bytes_in_all else f", {done / elapsed_s:,.1f} a second"
        left = f", {elapsed_s / done * (of - done):,.0f} s left"
    return f"  {progress.stage}: {tasks}{rate}{left}"


class Progress:
    """Called with bytes done and bytes in all (None: unknown); prints one line, and takes it away at the end.

    Where captures are read several times, `part` says which share of all the work this reading is (from 0 to 1), and
    `start_s` when the first one began (`time.monotonic`).
    """

    def __init__(self, part: tuple[float, float] = (0.0, 1.0), start_s: float | None = None) -> None:
        self._on = sys.stderr is not None and sys.stderr.isatty()
        self._part = part
        self._start_s = time.monotonic() if start_s is None else start_s
        self._next = self._start_s + AFTER_S
        self._shown = False

    def __call__(self, done: int, total: int | None = None) -> None:
        """Say how far the work is, if it is time to."""
        if self._on and time.monotonic() >= self._next:
            self.show(line(done, total, time.monotonic() - self._start_s, self._part))

    def show(self, text: str) -> None:
        """Write this line in the place of the one before, if it is time to."""
        now = time.monotonic()
        if not self._on or now < self._next:
            return
        self._next = now + EVERY_S
        self._shown = True
        sys.stderr.write(f"\r\x1b[K{text}")
        sys.stderr.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._shown:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()


def line(done: int, total: int | None, elapsed_s: float, part: tuple[float, float] = (0.0, 1.0)) -> str:
    """Text of the progress line."""
    megabytes = f"{done / 1e6:,.0f} MB"
    if not total:
        return f"  {megabytes} read"
    begin, end = part
    ratio = begin + min(done / total, 1.0) * (end - begin)
    left = f", {elapsed_s / ratio - elapsed_s:,.0f} s left" if ratio > 0.02 else ""
    return f"  {100 * ratio:3.0f} %  {megabytes} of {total / 1e6:,.0f} MB{left}"
