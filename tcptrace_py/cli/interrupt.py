"""Ctrl-C while captures are read: what was read is still analysed and printed."""

import signal
import threading
import time
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Self

from tcptrace_py.capture.source import WAITING

from .terminate import AbandonedError


class Interrupt:
    """Puts the first Ctrl-C off until a block of frames is done: amid a segment, half of it would be counted.

    Where a pipe or a server is waited for it goes through at once, and the second one always abandons all. `ends`: what is raised between
    the blocks. `most_s`: after so long it is as if Ctrl-C had come. `heard` is called as soon as it came: what was read may
    take its time until it is concluded. `asked`: Ctrl-C came, be it behind the last block, where nothing is raised any
    more. `came`: the reading was ended.
    """

    def __init__(
        self,
        ends: type[BaseException] = KeyboardInterrupt,
        most_s: float | None = None,
        heard: Callable[[], None] = lambda: None,
    ) -> None:
        self.came = False
        self._ends = ends
        self._heard = heard
        self._until_s = None if most_s is None else time.monotonic() + most_s
        self.asked = False
        self._ours = False

    def between_blocks(self, progress: Callable[[int, int | None], None]) -> Callable[[int, int | None], None]:
        """Progress as given, which also raises what was put off."""

        def told(done: int, total: int | None) -> None:
            if self.asked or (self._until_s is not None and time.monotonic() > self._until_s):
                self.came = True
                raise self._ends
            progress(done, total)

        return told

    def __enter__(self) -> Self:
        # Whoever has a handler of his own, or ignores the signal (nohup), keeps it.
        self._ours = threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGINT) is signal.default_int_handler
        if self._ours:
            signal.signal(signal.SIGINT, self._stop)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._ours:  # what clears up behind a second Ctrl-C is not ended by a third
            signal.signal(signal.SIGINT, signal.SIG_IGN if kind is AbandonedError else signal.default_int_handler)

    def _stop(self, _number: int, frame: FrameType | None) -> None:
        if self.asked:
            raise AbandonedError
        self.asked = True
        self._heard()
        while frame is not None:
            if frame.f_code in WAITING:
                raise KeyboardInterrupt
            frame = frame.f_back
