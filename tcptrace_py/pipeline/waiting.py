"""Connections that wait for what only the rest of the capture tells: objects while they are few, then packed, at last in a file.

Whoever forges addresses makes as many as he likes: half-open ones, answers to nobody. As objects they take 2.5 kB each, packed
some 100 bytes. What is packed is what a connection holds, several at once; it becomes objects again in the order of the first frames.
The oldest are packed first, and by and by, so that no connection is the one with which the work for all of them begins.
"""

import marshal
from array import array
from collections.abc import Callable, Iterable, Iterator

from tcptrace_py.facts.store import Scratch
from tcptrace_py.model import columns
from tcptrace_py.model.live import Connection

from .content import VERSION, connection, content, first_key

MOST_OBJECTS = 1 << 14  # that are kept as they are
THEN_OBJECTS = 1 << 11  # the same where there are many: for each one that comes beyond MOST_OBJECTS two are packed, until so few are left
TOGETHER = 32  # connections that are packed as one
KEPT_PARCELS = 64  # that were unpacked last
MOST_BYTES = 64 << 20  # of what is packed, in memory
FASTEST = 1  # level of zlib
SMALL_BYTES = 200 * TOGETHER  # of a parcel that is not compressed: a flood's, which takes little room and is to take little time
COMPRESSED = b"\x78"  # what zlib writes begins with this, what marshal writes of a list does not


class Waiting:
    """The connections that wait, in the order in which they came."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self.most_bytes = most_bytes
        self._sharing = 1  # processes that keep as many together
        self._objects: list[Connection] = []  # the last ones
        self._frames = array("q")  # their first frames, of those that are packed
        self._parcels: list[bytes | tuple[int, int]] = []  # of those before: packed, or where that stands in the file
        self._bytes = 0  # in memory
        self._scratch = Scratch()
        self._order: Iterator[int] = iter(())  # of `take_all`, places that are still to come
        self.kind_of: Callable[[int], int] | None = None  # of a kind of intervals, where those who wait come from another process

    def __len__(self) -> int:
        return len(self._frames) + len(self._objects)

    def share(self, count: int) -> None:
        """Keep in memory what so many processes may keep together."""
        self.most_bytes //= count
        self._sharing = count

    @property
    def are_many(self) -> bool:
        """Whether some of them are, or were, packed."""
        return bool(self._frames)

    def append(self, live: Connection) -> None:
        """Take one in. It may be taken apart at once. Raises CaptureError where there is no room for more."""
        self._objects.append(live)
        if len(self._objects) >= max(self._most_objects(), TOGETHER):
            self._pack(TOGETHER)

    def _most_objects(self) -> int:
        """How many are kept as objects: the fewer the more are packed."""
        most = MOST_OBJECTS // self._sharing
        return max(most - len(self._frames) // 2, min(THEN_OBJECTS // self._sharing, most))

    def _pack(self, count: int) -> None:
        """Pack the first so many of those that are objects, in parcels of TOGETHER."""
        from zlib import compress  # noqa: PLC0415 - seldom needed

        for at in range(0, count, TOGETHER):
            lives = self._objects[at : min(at + TOGETHER, count)]
            parcel = marshal.dumps([content(live) for live in lives], VERSION)
            self._frames.extend([live.first_frame for live in lives])
            self._keep(parcel if len(parcel) <= SMALL_BYTES else compress(parcel, FASTEST))
            for live in lives:
                live.dissolve()
        del self._objects[:count]

    def release(self) -> "tuple[array[int], Iterator[bytes]]":
        """Give all away, for another process: first frames, and the parcels, which that one is to `take` in this order."""
        self._pack(len(self._objects))
        frames, parcels = self._frames, self._parcels
        self._frames, self._parcels, self._bytes = array("q"), [], 0
        return frames, (parcel if isinstance(parcel, bytes) else self._scratch.read(*parcel) for parcel in parcels)

    def take(self, frames: "array[int]", parcels: Iterable[bytes], kind_of: Callable[[int], int]) -> None:
        """Take in what another process released, before any other; `kind_of` says what kind of intervals here one was there."""
        self._frames, self.kind_of = frames, kind_of
        for parcel in parcels:
            self._keep(parcel)

    def _keep(self, parcel: bytes) -> None:
        if self._bytes + len(parcel) > self.most_bytes:
            self._parcels.append(self._scratch.append(parcel))
        else:
            self._parcels.append(parcel)
            self._bytes += len(parcel)

    def _parcel(self, number: int) -> list[bytes]:
        from zlib import decompress  # noqa: PLC0415 - as above

        parcel = self._parcels[number]
        data = parcel if isinstance(parcel, bytes) else self._scratch.read(*parcel)
        contents: list[bytes] = marshal.loads(decompress(data) if data.startswith(COMPRESSED) else data)  # noqa: S302 - this process wrote it
        return contents

    def first_keys(self) -> Iterator[bytes]:
        """The keys of the sides that were captured first."""
        for number in range(len(self._parcels)):
            yield from [first_key(packed) for packed in self._parcel(number)]
        yield from (live.a.key for live in self._objects)

    def take_all(self) -> Iterator[Connection]:
        """Give all away in order of first frame, those of one frame as they came."""
        count = len(self._frames)
        frames = self._all_frames()
        known: dict[int, list[bytes]] = {}
        left = array("b", bytes((TOGETHER,)) * len(self._parcels))
        self._order = iter(columns.in_order(frames, len(frames))[: len(frames)])
        for at in self._order:
            if at >= count:
                yield self._objects[at - count]
                continue
            number = at // TOGETHER
            contents = known.pop(number, None) or self._parcel(number)
            if len(known) >= KEPT_PARCELS:
                del known[next(iter(known))]
            left[number] -= 1
            if left[number]:
                known[number] = contents  # it was asked for last
            else:
                self._parcels[number] = b""  # all of it was given away
            live = connection(contents[at % TOGETHER])
            if self.kind_of is not None and live.announced >= 0:
                live.announced = self.kind_of(live.announced)
            yield live
        self._clear()

    def give_up(self) -> list[int]:
        """Take the rest of `take_all` for given away as well: the first frames of what it did not give."""
        frames = self._all_frames()
        left = [frames[at] for at in self._order]
        for live in self._objects:
            live.dissolve()
        self._clear()
        return left

    def _all_frames(self) -> "array[int]":
        frames = self._frames[:]
        frames.extend([live.first_frame for live in self._objects])
        return frames

    def _clear(self) -> None:
        self._objects, self._frames, self._parcels, self._bytes = [], array("q"), [], 0
