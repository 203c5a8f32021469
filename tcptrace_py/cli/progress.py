"""Progress on a terminal's standard error, for work that takes more than a second."""

import sys
import time
from types import TracebackType
from typing import Self

AFTER_S = 1.0
EVERY_S = 0.1


class StageProgress:
    """The same of work in stages: called with a stage, how many of its tasks are done and how many there are, and since when (s)."""

    def __init__(self) -> None:
        self._line = Progress()

    def __call__(self, stage: str, done: int, of: int, elapsed_s: float) -> None:
        """Say how far the work is, if it is time to."""
        self._line.show(stage_line(stage, done, of, elapsed_s))

    def __enter__(self) -> Self:
        self._line.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._line.__exit__(kind, error, trace)


def stage_line(stage: str, done: int, of: int, elapsed_s: float) -> str:
    """Text of the progress line of a stage."""
    rate = f", {done / elapsed_s:,.1f} a second" if done and elapsed_s else ""
    left = f", {elapsed_s / done * (of - done):,.0f} s left" if done else ""
    return f"  {stage}: {done:,} of {of:,}{rate}{left}"


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
