"""IP fragments back into packets (RFC 791 section 3.2, RFC 8200 section 4.5), in bounded memory."""

from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

from tcptrace_py.model.problems import Problems

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

TIMEOUT_NS = 30_000_000_000  # Linux: net.ipv4.ipfrag_time; IPv6 would allow 60 s
MAX_PACKETS = 4096
MAX_BYTES = 16 << 20
MAX_PACKET_BYTES = 65535

_INCOMPLETE = "IP packets of which not all fragments were captured: their segments are missing"
_OVERLAP = "IP fragments that overlap with different content: what came first was kept"


@dataclass(frozen=True, slots=True)
class Fragment:
    """One fragment: where its content stood in the packet, how long it was on the wire, what of it was captured."""

    offset: int
    length: int
    more: bool
    data: bytes
    protocol: int


@dataclass(slots=True)
class _Packet:
    """A packet in the making. `covered` has a byte for each eight of the packet, 1 where they came."""

    begun_ns: int
    frame: int
    data: bytearray = field(default_factory=bytearray)
    covered: bytearray = field(default_factory=bytearray)
    frames: list[int] = field(default_factory=list)  # that brought its fragments
    units: int = 0  # how many of `covered` are 1
    length: int = -1  # -1: the last fragment has not come
    readable: int = MAX_PACKET_BYTES  # content from here on was cut by a snap length
    protocol: int = -1
    done: bool = False

    def add(self, piece: Fragment) -> bool:
        """Take in a fragment; what is there already stays. False: it contradicts what is there."""
        end = piece.offset + piece.length
        if not piece.more and self.length < 0 and len(self.data) <= end:
            self.length = end
        if self.length >= 0 and (end > self.length or (not piece.more and end != self.length)):
            return False
        if len(piece.data) < piece.length:
            self.readable = min(self.readable, piece.offset + len(piece.data))
        if piece.offset == 0:
            self.protocol = piece.protocol
        return self._place(piece.offset, piece.data.ljust(piece.length, b"\0"))

    def _place(self, offset: int, content: bytes) -> bool:
        end = offset + len(content)
        first, last = offset // 8, (end + 7) // 8
        self.data.extend(bytes(max(0, end - len(self.data))))
        self.covered.extend(bytes(max(0, last - len(self.covered))))
        known = self.covered.count(1, first, last)
        self.units += last - first - known
        if not known:
            self.data[offset:end] = content
        same = not known or self.data[offset:end] == content
        if 0 < known < last - first:
            same = True
            for unit in range(first, last):
                at, stop = unit * 8, min(unit * 8 + 8, end)
                if not self.covered[unit]:
                    self.data[at:stop] = content[at - offset : stop - offset]
                elif self.data[at:stop] != content[at - offset : stop - offset]:
                    same = False
        self.covered[first:last] = b"\x01" * (last - first)
        return same

    def complete(self) -> bool:
        return self.length >= 0 and self.units == (self.length + 7) // 8 and not self.done


Name = tuple[bytes, int, int, bytes]  # addresses, identification, protocol, scope
Packets = dict[Name, _Packet]


@dataclass(slots=True)
class Seen:
    """Packets that fragments of a part of a capture belong to: their names, as long as they are few, and the most bytes kept at once."""

    names: set[Name] | None = field(default_factory=set)
    most_bytes: int = 0

    def add(self, name: Name, size_bytes: int) -> None:
        """A fragment of a packet came, and now so many bytes are kept."""
        self.most_bytes = max(self.most_bytes, size_bytes)
        if self.names is not None:
            self.names.add(name)
            if len(self.names) >= MAX_PACKETS:
                self.names = None

    def goes_without(self, before: Packets) -> bool:
        """Whether all is the same without packets from before: none of these fragments belongs to them, and there is room for all."""
        return (
            self.names is not None
            and self.names.isdisjoint(before)
            and len(self.names) + len(before) < MAX_PACKETS
            and self.most_bytes + sum(len(packet.data) for packet in before.values()) < MAX_BYTES
        )


class Reassembler:
    """Packets in the making by what names them (addresses, identification, protocol, scope), oldest first.

    A packet that is complete stays for its time, so that a duplicate fragment begins no new one. The frames of its
    fragments are added to `joined`, where there is one.

    Where several processes share a capture, its fragments go through all of them in turn: `before` gives the packets that
    another process had behind the frames that come before these (None: this one knows the latest), `hand_on` gives them away.
    """

    def __init__(self, problems: Problems, joined: list[tuple[int, ...]] | None = None) -> None:
        self._problems = problems
        self._joined = joined
        self._packets: Packets = {}
        self._bytes = 0
        self.before: Callable[[], Packets | None] | None = None
        self._changed = False  # since packets were handed on
        self.seen = Seen()

    def add(self, name: Name, piece: Fragment, time_ns: int, frame: int) -> tuple[int, bytes, int] | None:
        """Take in a fragment; give protocol, captured content and length on the wire of a packet that it completes."""
        if self.before is not None and not self._changed:
            self._changed = True
            latest = self.before()
            if latest is not None:
                self.take(latest)
        self._expire(time_ns)
        packet = self._packets.get(name)
        if packet is not None and packet.done and not self._repeats(packet, piece):
            self._forget(name)
            packet = None
        if packet is None:
            packet = self._packets[name] = _Packet(time_ns, frame)
        before = len(packet.data)
        if not packet.add(piece):
            self._problems.add("fragments-overlap", _OVERLAP, frame=frame)
        self._bytes += len(packet.data) - before
        self.seen.add(name, self._bytes)
        if self._joined is not None:
            packet.frames.append(frame)
        if not packet.complete():
            return None
        packet.done = True
        if self._joined is not None:
            self._joined.append(tuple(packet.frames))
        return packet.protocol, bytes(packet.data[: packet.readable]), packet.length

    def take(self, packets: Packets) -> None:
        """Go on with packets that another process had."""
        self._packets, self._bytes = packets, sum(len(packet.data) for packet in packets.values())

    def hand_on(self) -> Packets | None:
        """Packets for whoever has the frames that come next; None where nothing has changed."""
        if not self._changed:
            return None
        self._changed = False
        return self._packets

    def finish(self) -> None:
        """Give up what is left."""
        for name in list(self._packets):
            self._forget(name)

    @staticmethod
    def _repeats(packet: _Packet, piece: Fragment) -> bool:
        return packet.data[piece.offset : piece.offset + len(piece.data)] == piece.data

    def _expire(self, time_ns: int) -> None:
        while self._packets:
            name, oldest = next(iter(self._packets.items()))
            full = len(self._packets) >= MAX_PACKETS or self._bytes > MAX_BYTES
            if not full and time_ns - oldest.begun_ns <= TIMEOUT_NS:
                return
            self._forget(name)

    def _forget(self, name: Name) -> None:
        packet = self._packets.pop(name)
        self._bytes -= len(packet.data)
        if not packet.done:
            self._problems.add("fragments-incomplete", _INCOMPLETE, frame=packet.frame)


def give_up(packets: Packets, problems: Problems) -> None:
    """Say what is left of packets that another process handed on last."""
    left = Reassembler(problems)
    left.take(packets)
    left.finish()


def without_expired(packets: Packets, time_ns: int, problems: Problems) -> Packets:
    """Those whose time is not over where no fragment comes before this moment any more; what the others lack is noted."""
    left = Reassembler(problems)
    left.take(packets)
    left._expire(time_ns)  # noqa: SLF001 - its own
    return packets


_FIELDS = tuple(field.name for field in fields(_Packet))


def parts_of(packets: Packets) -> "Iterator[list[Any]]":
    """Packets as plain values, one by one, oldest first: what names one, then its own."""
    for name, packet in packets.items():
        yield [*name, *(bytes(value) if isinstance(value, bytearray) else value for value in (getattr(packet, key) for key in _FIELDS))]


def packet_of(parts: "Sequence[Any]") -> tuple[Name, _Packet]:
    """And back. Raises TypeError or ValueError for what is none."""
    name, values = name_of(parts[:4]), dict(zip(_FIELDS, parts[4:], strict=True))
    packet = _Packet(**values)
    packet.data, packet.covered = bytearray(packet.data), bytearray(packet.covered)
    return name, packet


def name_of(parts: "Sequence[Any]") -> Name:
    """The name of a packet. Raises TypeError for what is none."""
    if [*map(type, parts)] != [bytes, int, int, bytes]:
        raise TypeError(f"{parts!r} names no packet")
    return (parts[0], parts[1], parts[2], parts[3])
