"""What a pcapng section has said so far: byte order and interfaces (draft-ietf-opsawg-pcapng sections 4.1, 4.2)."""

from collections.abc import Callable, Iterator
from struct import Struct

NS_PER_S = 1_000_000_000
# 1823 to 2116: what the difference of two times, or a time and a stay in TIME_WAIT, needs to be a number of 64 bits.
TIME_MAX_NS, TIME_MIN_NS = (1 << 62) - 1, -(1 << 62)
INTERFACES_MAX = 1 << 16

OPTION_NAME, OPTION_TSRESOL, OPTION_TSOFFSET = 2, 9, 14


class Section:
    """One section. Interface columns are indexed by the section's own interface number.

    Ticks up to `limits[i]` are `ticks * scales[i] + offsets_ns[i]` nanoseconds; a scale of 0 says that they need
    `to_ns`. `numbers` are the interfaces' numbers in the whole capture; `links` is NOT_A_PACKET where the
    description could not be read.
    """

    def __init__(self, order: str) -> None:
        self.order = order
        self.two = Struct(order + "II")  # type, total length
        self.packet = Struct(order + "IIIIIII")  # ... interface, ticks high and low, captured, on the wire
        self.word = Struct(order + "I")
        self.links: list[int] = []
        self.numbers: list[int] = []
        self.snaplens: list[int] = []
        self.scales: list[int] = []
        self.limits: list[int] = []
        self.offsets_ns: list[int] = []
        self._units: list[int] = []  # ticks in a second

    def add_interface(self, number: int, link: int, snaplen: int, units: int = 1_000_000, offset_s: int = 0) -> None:
        """Take up an interface: `units` ticks make a second, `offset_s` is added to all its times."""
        offset_ns = offset_s * NS_PER_S
        exact = NS_PER_S % units == 0 and abs(offset_ns) < TIME_MAX_NS
        self.links.append(link)
        self.numbers.append(number)
        self.snaplens.append(snaplen)
        self._units.append(units)
        self.scales.append(NS_PER_S // units if exact else 0)
        self.limits.append(min(TIME_MAX_NS, TIME_MAX_NS - offset_ns) // (NS_PER_S // units) if exact else -1)
        self.offsets_ns.append(offset_ns)

    @property
    def described(self) -> list[tuple[int, int, int, int, int]]:
        """What `add_interface` was told of each."""
        seconds = [offset_ns // NS_PER_S for offset_ns in self.offsets_ns]
        return list(zip(self.numbers, self.links, self.snaplens, self._units, seconds, strict=True))

    def of(self, interface: int) -> tuple[int, int, int, int]:
        """An interface's link type, its number in the whole capture, its scale and its offset."""
        return self.links[interface], self.numbers[interface], self.scales[interface], self.offsets_ns[interface]

    def to_ns(self, interface: int, ticks: int) -> int:
        """Nanoseconds since 1970, rounded down, of any size."""
        return ticks * NS_PER_S // self._units[interface] + self.offsets_ns[interface]


def options(data: bytes, position: int, end: int, order: str) -> Iterator[tuple[int, bytes]]:
    """Code and value of each option in a block's body, up to the end mark or the first that does not fit."""
    head = Struct(order + "HH")
    while position + head.size <= end:
        code, length = head.unpack_from(data, position)
        position += head.size
        if code == 0 or position + length > end:
            return
        yield code, data[position : position + length]
        position += length + (-length & 3)


def read_interface(section: Section, data: bytes, position: int, end: int, number: Callable[[int, bytes], int]) -> None:
    """Take up the interface whose description's body is `data[position:end]`, at least 8 bytes; `number` gives its number."""
    link, _reserved, snaplen = Struct(section.order + "HHI").unpack_from(data, position)
    units, offset_s, name = 1_000_000, 0, b""
    for code, value in options(data, position + 8, end, section.order):
        if code == OPTION_TSRESOL and len(value) >= 1:
            units = 1 << (value[0] & 0x7F) if value[0] & 0x80 else 10 ** value[0]
        elif code == OPTION_TSOFFSET and len(value) == 8:
            offset_s = Struct(section.order + "q").unpack(value)[0]
        elif code == OPTION_NAME:
            name = value
    section.add_interface(number(link, name), link, snaplen, units, offset_s)
