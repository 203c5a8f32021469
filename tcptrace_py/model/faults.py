"""Errors of this program itself, met at one frame or one connection: noted, so that the rest is analysed all the same.

Whoever catches one leaves out what raised it, and goes on. In the end each is a problem of the capture, and the exit code is 70.
"""

import os
from collections.abc import Callable
from typing import NamedTuple

from .errors import NotSharedError, TcpstatesError
from .problems import Problems

CODE = "internal-error"
DEBUG_VARIABLE = "TCPSTATES_DEBUG"
LISTED = 10  # told one by one, those of the first frames; of others the number
NOWHERE = -1
# What says that something outside went wrong, or is meant for somebody else: an output that takes no more, a process that is gone.
PASSED_ON = (OSError, EOFError, MemoryError, NotSharedError, TcpstatesError)


class Fault(NamedTuple):
    """One error: the frame where it was met (NOWHERE: none), what was done, its text, the first frame of the connection."""

    frame: int
    what: str
    text: str
    first_frame: int


class Faults:
    """The faults of a run, or of a part of one; add up in any order."""

    def __init__(self) -> None:
        self.count = 0
        self.first: list[Fault] = []
        self.raised_outside: Exception | None = None  # by a caller's own function, which is to hear of it

    def note(self, what: str, error: Exception, frame: int = NOWHERE, first_frame: int = NOWHERE) -> None:
        """Note an error; raises it again where it is not this program's."""
        if isinstance(error, PASSED_ON) or error is self.raised_outside:
            raise error
        if os.environ.get(DEBUG_VARIABLE, "0") not in ("", "0"):
            from traceback import print_exception  # noqa: PLC0415 - there is seldom one to print

            print_exception(error)
        self.count += 1
        self._add([Fault(int(frame), what, f"{type(error).__name__}: {error}"[:200], int(first_frame))])

    def merge(self, other: "Faults") -> None:
        """Take in those of another part."""
        self.count += other.count
        self._add(other.first)

    def _add(self, faults: list[Fault]) -> None:
        self.first = sorted([*self.first, *faults])[:LISTED]

    def report(self, problems: Problems, id_of: Callable[[int], int]) -> None:
        """Make problems of them. `id_of`: number of the connection that begins with a frame."""
        for fault in self.first:
            whose = "" if fault.first_frame == NOWHERE else f" (connection {id_of(fault.first_frame)})"
            what = f"a bug in tcpstates, not in the capture: {fault.what}{whose} raised {fault.text}; it is left out"
            problems.add(CODE, what, damaged=True, frame=None if fault.frame == NOWHERE else fault.frame)
        if self.count > len(self.first):
            problems.add(CODE, "further internal errors", count=self.count - len(self.first), damaged=True)
