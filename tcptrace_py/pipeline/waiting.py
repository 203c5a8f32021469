"""Connections that wait for what only the rest of the capture tells: objects while they are few, then packed, at last in a file.

Whoever forges addresses makes as many as he likes: half-open ones, answers to nobody. As objects they take 2.5 kB each, packed
some 100 bytes. What is packed is what a connection holds, several at once; it becomes objects again in the order of the first frames.
"""

import marshal
from array import array
from collections.abc import Callable, Iterable, Iterator
from operator import attrgetter
from typing import Any

from tcptrace_py.facts.store import Scratch
from tcptrace_py.model import columns
from tcptrace_py.model.live import Connection, Context, Segment, Side

MOST_OBJECTS = 1 << 14  # that are kept as they are: packing 15,000 took an eighth of the time of their capture
THEN_OBJECTS = 1 << 11  # the same of what comes behind those that are packed: there are many, then
TOGETHER = 32  # connections that are packed as one
KEPT_PARCELS = 64  # that were unpacked last
MOST_BYTES = 64 << 20  # of what is packed, in memory
VERSION = 2  # of marshal's format: it looks for no objects that occur twice
FASTEST = 1  # level of zlib


# What is told by the objects that belong to a connection stands beside them; what it was judged to be is reasoned out again.
OF_CONNECTION = (
    "aliases",
    "announced",
    "anomalies",
    "asked_ns",
    "back",
    "budget",
    "by_interface",
    "came",
    "due",
    "earlier",
    "end_ns",
    "heard_ns",
    "history",
    "icmp",
    "idle_ns",
    "idle_until_ns",
    "last_frame",
    "pause_ns",
    "phase",
    "plain",
    "progress_ns",
    "settled",
    "signature",
    "speaker",
    "split",
    "stall_ns",
    "stream",
    "survived_ns",
    "talker",
    "teid",
    "turns",
    "vlan",
    "wait_frame",
    "wait_ns",
)
OF_SIDE = (
    "answer_ns",
    "fin_seen",
    "has_ack",
    "has_seq",
    "history_bits",
    "holes",
    "isn",
    "largest",
    "last_data_ns",
    "last_flags",
    "last_interface",
    "last_ip_id",
    "last_ns",
    "last_seq",
    "last_tsval",
    "max_ack",
    "next_seq",
    "packets",
    "payload_bytes",
    "recent_ids",
    "spoke",
    "syn_seen",
    "synack_seen",
    "window",
    "window_scale",
    "window_zero",
)
OF_RARE = (
    "closed_ns",
    "closed_since_ns",
    "copies",
    "early_ns",
    "fin_repeats",
    "long_closes",
    "lost_payload",
    "more_stray_syns",
    "more_strays",
    "probe_end",
    "probes",
    "repeated_ns",
    "retransmissions",
    "sacked_end",
    "sacked_from",
    "stray_next",
    "stray_syns",
    "unanswered",
    "unanswered_since_ns",
    "zero_windows",
)
OF_SEGMENT = (
    "ack",
    "end",
    "flags",
    "frame",
    "interface",
    "ip_id",
    "marks",
    "options",
    "payload",
    "seq",
    "side",
    "time_ns",
    "tsecr",
    "tsval",
    "ttl",
    "window",
)
OF_CONTEXT = (
    "data_ns",
    "idle_ns",
    "own_ack",
    "own_next",
    "peer_ack",
    "previous_by_peer",
    "previous_frame",
    "previous_is_data",
    "previous_ns",
    "sacked_end",
    "unread",
)
_connection, _side, _rare, _segment, _context = [attrgetter(*names) for names in (OF_CONNECTION, OF_SIDE, OF_RARE, OF_SEGMENT, OF_CONTEXT)]
Numbers = list[Any]  # places among names and, behind each, what stands there instead of what a new object has


def packed(live: Connection) -> tuple[Any, ...]:
    """All that a connection holds as plain values; of the next incarnation, what is asked of it."""
    new, after = Connection(live.a.key, live.b.key, live.start_ns, live.first_frame), live.reused_by
    own = _changed(_connection(live), _connection(new))
    new.dissolve()
    log: list[tuple[Any, ...] | None] = []
    for segment in live.log:
        log.append(_segment(segment))
        log.append(None if segment.context is None else _context(segment.context))
    return (
        live.a.key,
        live.b.key,
        live.start_ns,
        live.first_frame,
        own,
        *_packed_side(live.a),
        *_packed_side(live.b),
        None if after is None else (after.start_ns, after.first_frame),
        log,
    )


def content(live: Connection) -> bytes:
    """What `packed` gives, as bytes."""
    return marshal.dumps(packed(live), VERSION)


def connection(content: bytes) -> Connection:
    """The connection again."""
    return unpacked(marshal.loads(content))  # noqa: S302 - this process wrote it


PACKING = content, connection


def _packed_side(side: Side) -> tuple[Any, Any]:
    return _changed(_side(side), _NEW_SIDE), None if side.rare is None else _rare(side.rare)


def _changed(values: tuple[Any, ...], new: tuple[Any, ...]) -> Numbers:
    changed = []
    for place in range(len(values)):
        if values[place] != new[place]:
            changed.append(place)
            changed.append(values[place])
    return changed


def unpacked(values: tuple[Any, ...]) -> Connection:
    """The connection that was packed."""
    key, other, start_ns, first_frame, own, numbers_a, rare_a, numbers_b, rare_b, after, log = values
    live = Connection(key, other, start_ns, first_frame)
    _change(live, OF_CONNECTION, own)
    for side, numbers, rare in ((live.a, numbers_a, rare_a), (live.b, numbers_b, rare_b)):
        _change(side, OF_SIDE, numbers)
        if rare is not None:
            _fill(side.needs_rare(), OF_RARE, rare)
    if after is not None:
        live.reused_by = Connection(key, other, *after)
        live.reused_by.dissolve()
    for at in range(0, len(log), 2):
        segment = Segment()
        _fill(segment, OF_SEGMENT, log[at])
        if log[at + 1] is not None:
            segment.context = Context()
            _fill(segment.context, OF_CONTEXT, log[at + 1])
        live.log.append(segment)
    return live


def _change(target: object, names: tuple[str, ...], numbers: Numbers) -> None:
    for at in range(0, len(numbers), 2):
        setattr(target, names[numbers[at]], numbers[at + 1])


def _fill(target: object, names: tuple[str, ...], values: tuple[Any, ...]) -> None:
    for place in range(len(names)):
        setattr(target, names[place], values[place])


_NEW_SIDE = _side(Connection(b"", b"", 0, 0).a)


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
        if len(self._objects) >= (min(THEN_OBJECTS, MOST_OBJECTS) if self._frames else MOST_OBJECTS // self._sharing):
            self._pack(len(self._objects) // TOGETHER * TOGETHER)

    def _pack(self, full: int) -> None:
        """Pack the first so many of those that are objects, in parcels of TOGETHER."""
        from zlib import compress  # noqa: PLC0415 - seldom needed

        for at in range(0, full, TOGETHER):
            lives = self._objects[at : min(at + TOGETHER, full)]
            parcel = compress(marshal.dumps([packed(live) for live in lives], VERSION), FASTEST)
            self._frames.extend([live.first_frame for live in lives])
            self._keep(parcel)
            for live in lives:
                live.dissolve()
        del self._objects[:full]

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

    def _parcel(self, number: int) -> list[tuple[Any, ...]]:
        from zlib import decompress  # noqa: PLC0415 - as above

        parcel = self._parcels[number]
        data = parcel if isinstance(parcel, bytes) else self._scratch.read(*parcel)
        values: list[tuple[Any, ...]] = marshal.loads(decompress(data))  # noqa: S302 - this process wrote it
        return values

    def first_keys(self) -> Iterator[bytes]:
        """The keys of the sides that were captured first."""
        for number in range(len(self._parcels)):
            yield from (values[0] for values in self._parcel(number))
        yield from (live.a.key for live in self._objects)

    def take_all(self) -> Iterator[Connection]:
        """Give all away in order of first frame, those of one frame as they came."""
        count = len(self._frames)
        frames = self._all_frames()
        known: dict[int, list[tuple[Any, ...]]] = {}
        left = array("b", bytes((TOGETHER,)) * len(self._parcels))
        self._order = iter(columns.in_order(frames, len(frames))[: len(frames)])
        for at in self._order:
            if at >= count:
                yield self._objects[at - count]
                continue
            number = at // TOGETHER
            values = known.pop(number, None) or self._parcel(number)
            if len(known) >= KEPT_PARCELS:
                del known[next(iter(known))]
            left[number] -= 1
            if left[number]:
                known[number] = values  # it was asked for last
            else:
                self._parcels[number] = b""  # all of it was given away
            live = unpacked(values[at % TOGETHER])
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
