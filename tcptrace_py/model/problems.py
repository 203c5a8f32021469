"""Named problems of a capture: what limits the conclusions, reported before any of them."""

import re
from dataclasses import dataclass


@dataclass(slots=True)
class Problem:
    """One kind of problem: how often it was met, and the first frame where it was (None where no frame has it)."""

    code: str
    count: int
    explanation: str
    first_frame: int | None
    damaged: bool


class Problems:
    """Problems by code and explanation; adds up, in any order.

    `damaged` marks input that was cut or unreadable (exit code 3), as opposed to properties of the traffic.
    """

    def __init__(self) -> None:
        self._rows: dict[tuple[str, str], Problem] = {}

    def add(self, code: str, explanation: str, *, frame: int | None = None, count: int = 1, damaged: bool = False) -> None:
        """Count a problem; explanations that name a file and byte stay rows of their own."""
        row = self._rows.get((code, explanation))
        if row is None:
            self._rows[code, explanation] = Problem(code, count, explanation, frame, damaged)
            return
        row.count += count
        if frame is not None and (row.first_frame is None or frame < row.first_frame):
            row.first_frame = frame

    def has(self, code: str) -> bool:
        """Whether a problem of this code was met."""
        return any(known == code for known, _ in self._rows)

    def leave_out(self, code: str) -> None:
        """Forget the problems of a code."""
        for key in [key for key in self._rows if key[0] == code]:
            del self._rows[key]

    def forgive(self, code: str) -> None:
        """Take the problems of a code for no damage."""
        for (known, _), row in self._rows.items():
            if known == code:
                row.damaged = False

    def merge(self, other: "Problems") -> None:
        """Take in the problems of another part of the same capture."""
        for row in other.rows():
            self.add(row.code, row.explanation, frame=row.first_frame, count=row.count, damaged=row.damaged)

    def rows(self) -> list[Problem]:
        """All problems: damage first, then in order of their first frames, those without one last; of equal ones by their words."""
        return sorted(self._rows.values(), key=_place)

    @property
    def damaged(self) -> bool:
        """Whether any input was cut or unreadable."""
        return any(row.damaged for row in self._rows.values())


def _place(row: Problem) -> tuple[bool, bool, int, str, list[str | int]]:
    """Where a problem stands among others; numbers in its words, such as a byte's, compare as numbers."""
    words = [int(part) if part.isdecimal() else part for part in re.split(r"([0-9]{1,18})", row.explanation)]
    return not row.damaged, row.first_frame is None, row.first_frame or 0, row.code, words
