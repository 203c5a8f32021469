"""SIGTERM and SIGHUP end a command as they ever do, but not before half-written files and temporary ones are gone."""

import os
import signal
import threading
from types import FrameType
from typing import NoReturn

SIGNALS = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name))


def all_is_said() -> None:
    """From now on a Ctrl-C is ignored: it would only make a whole result look like none."""
    if threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_IGN)


class AbandonedError(BaseException):
    """Ctrl-C came, and nothing of what was read is wanted any more.

    No stage takes it for an error of its own, nor for the end of a reading.
    """


class Termination:
    """Turns such a signal into a SystemExit, so that what clears up after itself does, and remembers which it was."""

    def __init__(self) -> None:
        self._number = 0
        self._process = os.getpid()
        self._watched: list[int] = []

    def watch(self) -> None:
        """Begin, from the main thread. Whoever ignores a signal (nohup) or has a handler of his own keeps it."""
        for number in SIGNALS:
            if signal.getsignal(number) is signal.SIG_DFL:
                signal.signal(number, self._stop)
                self._watched.append(number)

    def finish(self) -> None:
        """End watching, and die of the signal that came, if one did: whoever waits for the process must see which."""
        self._let_go()
        if self._number:
            os.kill(os.getpid(), self._number)

    def _stop(self, number: int, _frame: FrameType | None) -> NoReturn:
        self._let_go()  # the second one does not wait
        if os.getpid() != self._process:  # a worker has nothing to clear up
            os.kill(os.getpid(), number)
        self._number = number
        raise SystemExit(128 + number)

    def _let_go(self) -> None:
        for number in self._watched:
            signal.signal(number, signal.SIG_DFL)
