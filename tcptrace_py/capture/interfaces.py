"""Which interfaces of the files of a capture are one: files that follow each other, as a ring of them does, were written of the same.

A file *follows* another one where its first frame comes behind all of the other's. It takes over the numbers of that one's interfaces
which have the same link type and name. Files of the same time were written of different interfaces, as far as anybody knows, and so
was what begins where several such have ended: whose it goes on with does not show.

What is numbered anew is so in the order of places in the merged capture: what a file describes before its frames where the first of
them comes, what it describes amid them where the one before came. Where several files are read at once they are read ahead, in pieces
of any size: an interface of the second kind has a negative number for the time being, which `Interfaces.settle` makes known.

The frames of a cooked capture (LINUX_SLL2) name their interface themselves: theirs are the numbers from the file's on.
"""

from collections.abc import Callable, Iterable, Sequence
from heapq import heappop, heappush
from itertools import count
from typing import NamedTuple

from tcptrace_py.model.segments import COOKED_INTERFACES

COOKED2 = 276
Described = tuple[int, bytes]  # link type, name
Place = tuple[int, int]  # in the merged capture (`merge`)


class Numbers:
    """Of the interfaces of one file, in the order in which it describes them; then of those that it has taken over and not described.

    `frame`, which whoever reads the file sets: the number, in the file's own count, of the last one before what is described next.
    `behind` has it of each interface. `waits`: what is described amid the frames is settled later; `waiting` are those.
    """

    def __init__(
        self,
        fresh: "count[int]",
        before: Iterable[tuple[int, Described]] = (),
        at_end: "Callable[[Numbers], None] | None" = None,
        *,
        waits: bool = False,
    ) -> None:
        self._fresh = fresh
        self._before = list(before)
        self._at_end = at_end
        self._waits = waits
        self.frame = 0
        self.described: list[tuple[int, Described]] = []
        self.behind: list[int] = []
        self.waiting: list[int] = []  # of which nobody has said yet where that is
        self.any_waited = False

    def number(self, link: int, name: bytes = b"") -> int:
        """The number of the interface that the file describes next; negative: minus one minus its place among them, not settled yet."""
        which = link, name
        at = next((at for at, (_number, known) in enumerate(self._before) if known == which), None)
        if at is not None:
            number = self._before.pop(at)[0]
        elif self._waits and self.frame:
            self.waiting.append(len(self.described))
            self.any_waited = True
            number = -1 - len(self.described)
        else:
            number = self._next(link)
        self.described.append((number, which))
        self.behind.append(self.frame)
        return number

    def settle(self, at: int) -> None:
        """Give the interface described so many before it the number that waited."""
        _number, which = self.described[at]
        self.described[at] = self._next(which[0]), which

    def end(self) -> None:
        """The file has ended."""
        if self._at_end is not None:
            self._at_end(self)

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
    """The numbers of all interfaces of a capture, over its files. `waits`: they are read at once, and ahead."""

    def __init__(self, *, waits: bool = False) -> None:
        self._fresh = count()
        self._waits = waits
        self._ended: list[Numbers] = []  # files that nobody followed so far
        self._late: list[tuple[Place, int, Numbers]] = []  # which of a file's interfaces waits, and where it was described; a heap

    def begin(self, place: Place = (0, 0)) -> Numbers:
        """A file begins, in the order of the first frames: `place` is where its own comes. Those that ended before were told of."""
        self.settle(place)
        before = self._ended[0].all if len(self._ended) == 1 else ()
        self._ended = []
        return Numbers(self._fresh, before, self._ended_now, waits=self._waits)

    def _ended_now(self, numbers: Numbers) -> None:
        self._ended.append(numbers)

    def wait(self, place: Place, at: int, numbers: Numbers) -> None:
        """An interface that a file has described waits for its number, until the merged capture comes to this place."""
        heappush(self._late, (place, at, numbers))

    def settle(self, place: Place) -> None:
        """Number those that wait until this place."""
        while self._late and self._late[0][0] <= place:
            _place, at, numbers = heappop(self._late)
            numbers.settle(at)


class Known(NamedTuple):
    """What is known of a file that was read: where its first and its last frame come, and what it describes.

    For each interface: where the last frame before it came; None of those before all frames.
    """

    begin: Place
    end: Place
    described: Sequence[tuple[Described, Place | None]]


def numbered(files: Sequence[Known]) -> list[list[int]]:
    """The numbers of the interfaces of each file, as they are where all files are read at once."""
    interfaces, numbers = Interfaces(), list[Numbers | None]([None] * len(files))
    steps = [(file.begin, 0, at, -1) for at, file in enumerate(files)]
    steps += [(max(file.begin, file.end), 2, at, -1) for at, file in enumerate(files)]
    for at, file in enumerate(files):
        steps += [(file.begin if place is None else place, 1, at, which) for which, (_one, place) in enumerate(file.described)]
    for _place, step, at, which in sorted(steps):
        if step == 0:
            numbers[at] = interfaces.begin()
        elif (one := numbers[at]) is not None:
            if step == 1:
                one.number(*files[at].described[which][0])
            else:
                one.end()
    return [[number for number, _which in one.described] if one else [] for one in numbers]


class Given:
    """Numbers that are known already, in the order in which the file describes its interfaces."""

    def __init__(self, numbers: Sequence[int]) -> None:
        self.frame = 0  # as in `Numbers`, and of no use here
        self._following = iter(numbers)

    def number(self, _link: int = 0, _name: bytes = b"") -> int:
        """The next one; behind the last one, of a file that has grown, that of none of the others."""
        return next(self._following, UNKNOWN)


UNKNOWN = 1 << 16
