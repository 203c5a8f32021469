"""Which interfaces of the files of a capture are one: files that follow each other, as a ring of them does, were written of the same.

A file *follows* another one where its first frame comes behind all of the other's. It takes over the numbers of that one's interfaces
which have the same link type and name. Files of the same time were written of different interfaces, as far as anybody knows, and so
was what begins where several such have ended: whose it goes on with does not show.

The frames of a cooked capture (LINUX_SLL2) name their interface themselves: theirs are the numbers from the file's on.
"""

from collections.abc import Iterable, Sequence
from itertools import count

from tcptrace_py.model.segments import COOKED_INTERFACES

COOKED2 = 276
Described = tuple[int, bytes]  # link type, name
Place = tuple[int, int]  # in the merged capture (`merge`)


class Numbers:
    """Of the interfaces of one file, in the order in which it describes them; then of those that it has taken over and not described."""

    def __init__(self, fresh: "count[int]", before: Iterable[tuple[int, Described]] = ()) -> None:
        self._fresh = fresh
        self._before = list(before)
        self.described: list[tuple[int, Described]] = []

    def number(self, link: int, name: bytes = b"") -> int:
        """The number of the interface that the file describes next."""
        which = link, name
        at = next((at for at, (_number, known) in enumerate(self._before) if known == which), None)
        number = self._next(link) if at is None else self._before.pop(at)[0]
        self.described.append((number, which))
        return number

    def _next(self, link: int) -> int:
        """A number that no interface has, and none that frames of a cooked capture may name."""
        number = next(self._fresh)
        if link == COOKED2:
            for _ in range(1, COOKED_INTERFACES):
                next(self._fresh)
        return number

    @property
    def all(self) -> list[tuple[int, Described]]:
        """Those that whoever follows may take over."""
        return sorted(self.described + self._before)


class Interfaces:
    """The numbers of all interfaces of a capture, over its files."""

    def __init__(self) -> None:
        self._fresh = count()
        self._ended: list[Numbers] = []  # files that nobody followed so far

    def begin(self) -> Numbers:
        """A file begins, in the order of the first frames; those that ended before were told of (`end`)."""
        before = self._ended[0].all if len(self._ended) == 1 else ()
        self._ended = []
        return Numbers(self._fresh, before)

    def end(self, numbers: Numbers) -> None:
        """A file has ended."""
        self._ended.append(numbers)

    @property
    def described(self) -> list[Described]:
        """By the files that have ended, where all of them are one."""
        return [which for numbers in self._ended for _number, which in numbers.described]


def numbered(files: Sequence[tuple[Place, Place, Sequence[Described]]]) -> list[list[int]]:
    """The numbers of the interfaces of each file, of which is known where its first and its last frame come, and what it describes."""
    interfaces, found, open_files = Interfaces(), [list[int]()] * len(files), list[tuple[Place, Numbers]]()
    for at in sorted(range(len(files)), key=lambda at: files[at][0]):
        begin, end, described = files[at]
        for _end, ended in sorted((one for one in open_files if one[0] < begin), key=lambda one: one[0]):
            interfaces.end(ended)
        open_files = [one for one in open_files if one[0] >= begin]
        numbers = interfaces.begin()
        found[at] = [numbers.number(*one) for one in described]
        open_files.append((end, numbers))
    return found


class Given:
    """Numbers that are known already, in the order in which the file describes its interfaces."""

    def __init__(self, numbers: Sequence[int]) -> None:
        self._following = iter(numbers)

    def number(self, _link: int = 0, _name: bytes = b"") -> int:
        """The next one; behind the last one, of a file that has grown, that of none of the others."""
        return next(self._following, UNKNOWN)


UNKNOWN = 1 << 16
