"""pcapng: blocks with their length at both ends (draft-ietf-opsawg-pcapng).

`walk` takes enhanced packet blocks; `PcapngReader` deals with every other block and with damage: where a block cannot
be, the next run of blocks whose two lengths agree is searched for.
"""

from struct import Struct
from typing import Any

from tcptrace_py.model.frames import NOT_A_PACKET, FrameBlock

from .columns import BLOCK_FRAMES, put, trim
from .damage import Damage, after
from .interfaces import Given, Numbers
from .pcapng_walk import BLOCK_LIMIT, BLOCK_MIN, PASSED_OVER_LIMIT, chain, find_block, order_at, recognise, walk
from .section import INTERFACES_MAX, TIME_MAX_NS, TIME_MIN_NS, Section, read_interface

SECTION, INTERFACE, OBSOLETE_PACKET, SIMPLE_PACKET, ENHANCED_PACKET = 0x0A0D0D0A, 1, 2, 3, 6
SALVAGED_BYTES = 4096  # how far the options of an interface description of unknown length are followed

# Blocks that are no packets but that Wireshark numbers as frames: systemd journal, sysdig events, custom blocks.
NUMBERED = (9, 0x204, 0x216, 0x221, 0x0BAD, 0x40000BAD)
# Blocks that hold no packet and say nothing that is of use here: names, statistics, and those of other fields (section 10.1).
PASSED_OVER = (4, 5, 7, 8, 10, 0x201, 0x202, 0x203, 0x205, 0x206, 0x207, 0x208, 0x209, 0x210, 0x211, 0x212, 0x213)


class PcapngReader:
    """Cuts the windows of one pcapng into blocks; `numbers` are those of its interfaces in the whole capture."""

    format = "pcapng"
    uniform = False

    def __init__(self, order: str, numbers: Numbers | Given, damage: Damage) -> None:
        self.first_byte = 0
        self._section = Section(order)
        self._numbers = numbers
        self._damage = damage
        self._lost_at: int | None = None
        self._time_ns = 0  # the last known
        self._described = 0  # interfaces, in all sections

    def state(self) -> tuple[Any, ...] | None:
        """What is known here, for `resumed`; None while the reader has lost its way."""
        if self._lost_at is not None:
            return None
        first = self._described - len(self._section.links)  # of the section's interfaces, among all of the file's
        described = [(first + at, *told) for at, (_number, *told) in enumerate(self._section.described)]
        return self._section.order, described, self._time_ns, self._described

    @classmethod
    def resumed(cls, state: tuple[Any, ...], numbers: Numbers | Given, damage: Damage) -> "PcapngReader":
        """A reader that goes on where another one knew this."""
        order, described, time_ns, count = state
        reader = cls(order, numbers, damage)
        reader._time_ns = time_ns
        known = [reader._next_interface() for _ in range(count)]
        for place, *interface in described:
            reader._section.add_interface(known[place], *interface)
        return reader

    def step(self, block: FrameBlock, position: int, base: int, final: bool) -> tuple[int, int]:
        """Go on filling the block from `position` of its bytes, which begin at byte `base` of the file.

        Gives the position reached and how many bytes are needed from there; 0: none, the block is full.
        """
        data = block.data
        while True:
            if self._lost_at is not None:
                position = self._search(block, position, base, final)
                if self._lost_at is not None:
                    return position, len(data) - position + 1
            position = walk(block, data, position, len(data), self._section)
            if block.count == BLOCK_FRAMES or position == len(data):
                return position, int(block.count < BLOCK_FRAMES)
            if block.count:
                self._time_ns = block.time_ns[block.count - 1]
            position, need_bytes = self._other(block, position, base, final)
            if need_bytes:
                return position, need_bytes

    def finish(self, block: FrameBlock) -> None:
        """Make a block ready to be handed on."""
        trim(block)
        if block.count:
            self._time_ns = block.time_ns[-1]

    def _other(self, block: FrameBlock, position: int, base: int, final: bool) -> tuple[int, int]:
        """Deal with one block that `walk` left; the position after it and the bytes needed."""
        data = block.data
        left_bytes = len(data) - position
        if left_bytes < BLOCK_MIN:
            return self._cut(block, position, base) if final else (position, BLOCK_MIN)
        order = order_at(data, position, self._section.order)
        kind, total = Struct(order + "II").unpack_from(data, position)
        longest = PASSED_OVER_LIMIT if kind in PASSED_OVER or kind in NUMBERED else BLOCK_LIMIT
        if not BLOCK_MIN <= total <= longest or total & 3:
            return self._lose(block, position, base, kind)
        if total > left_bytes:
            if not final:
                return position, total
            behind, _ = find_block(data, position + 4, final, order)
            return self._cut(block, position, base) if behind < 0 else self._lose(block, position, base, kind)
        end = position + total
        if data[end - 4 : end] != data[position + 4 : position + 8]:
            sound = chain(data, end, final, order)
            if sound is None:
                return position, left_bytes + 1
            if not sound:
                return self._lose(block, position, base, kind)
            self._damage.add(
                "corrupt-block",
                f"the two lengths of the block at {self._damage.byte(base + position)} differ; it is used all the same",
                self._frame(block),
            )
        self._take(block, kind, position, end - 4, base)
        return end, 0

    def _take(self, block: FrameBlock, kind: int, position: int, end: int, base: int) -> None:
        """Use the whole block of this kind whose body ends at `end`."""
        if kind == SECTION:
            self._take_section(block, position, end, base)
        elif kind == INTERFACE:
            self._take_interface(block, position, end, base)
        elif kind in (ENHANCED_PACKET, OBSOLETE_PACKET):
            self._take_packet(block, kind, position, end, base)
        elif kind == SIMPLE_PACKET:
            self._take_simple(block, position, end, base)
        elif kind in NUMBERED:
            put(block, self._time_ns, position + 8, 0, 0, NOT_A_PACKET, 0)
        elif kind not in PASSED_OVER:
            self._damage.add(
                "unknown-block", f"blocks of type 0x{kind:08x}, which is not known here, are passed over", self._frame(block), damaged=False
            )

    def _take_section(self, block: FrameBlock, position: int, end: int, base: int) -> None:
        data = block.data
        order = order_at(data, position, self._section.order)
        self._section = Section(order)
        major = Struct(order + "H").unpack_from(data, position + 12)[0] if end >= position + 14 else None
        if major != 1 or recognise(data[position : position + BLOCK_MIN]) is None:
            self._corrupt(block, base + position, "a section header of unknown byte order or version")

    def _take_interface(self, block: FrameBlock, position: int, end: int, base: int) -> None:
        section = self._section
        if len(section.links) >= INTERFACES_MAX:
            return
        self._numbers.frame = self._frame(block)
        if end - position >= 16:
            read_interface(section, block.data, position + 8, end, self._next_interface)
            return
        section.add_interface(self._next_interface(NOT_A_PACKET), NOT_A_PACKET, 0)  # keeps the count of interfaces right
        self._corrupt(block, base + position, "an interface description that is too short")

    def _next_interface(self, link: int = 0, name: bytes = b"") -> int:
        self._described += 1
        return self._numbers.number(link, name)

    def _take_packet(self, block: FrameBlock, kind: int, position: int, end: int, base: int) -> None:
        section, data = self._section, block.data
        if end - position < 28:
            self._corrupt(block, base + position, "a packet block that is too short")
            return
        _kind, _total, interface, high, low, captured, wire = section.packet.unpack_from(data, position)
        if kind == OBSOLETE_PACKET:
            interface = Struct(section.order + "H").unpack_from(data, position + 8)[0]
        if captured > end - position - 28:
            self._corrupt(block, base + position, f"a packet block that claims {captured} bytes of data")
        elif interface >= len(section.links):
            self._damage.add(
                "unknown-interface",
                f"the packet block at {self._damage.byte(base + position)} names "
                f"interface {interface}, which no block describes; it is left out",
                self._frame(block),
            )
        else:
            time_ns = section.to_ns(interface, high << 32 | low)
            if not TIME_MIN_NS <= time_ns <= TIME_MAX_NS:
                self._damage.add(
                    "bad-timestamp",
                    f"the packet block at {self._damage.byte(base + position)} has a time beyond the years 1823 to 2116",
                    self._frame(block) + 1,
                )
                time_ns = min(max(time_ns, TIME_MIN_NS), TIME_MAX_NS)
            put(block, time_ns, position + 28, captured, wire, section.links[interface], section.numbers[interface])
            self._time_ns = time_ns

    def _take_simple(self, block: FrameBlock, position: int, end: int, base: int) -> None:
        section = self._section
        if end - position < 12:
            self._corrupt(block, base + position, "a packet block that is too short")
        elif not section.links:
            self._damage.add(
                "unknown-interface",
                f"the simple packet block at {self._damage.byte(base + position)} comes before any interface is described; it is left out",
                self._frame(block),
            )
        else:
            wire = section.word.unpack_from(block.data, position + 8)[0]
            captured = min(wire, section.snaplens[0] or wire, end - position - 12)
            put(block, self._time_ns, position + 12, captured, wire, section.links[0], section.numbers[0])
            self._damage.add(
                "no-timestamps", "simple packet blocks carry no time: that of the frame before is taken", self._frame(block), damaged=False
            )

    def _frame(self, block: FrameBlock) -> int:
        """Get the number of the last frame taken, in the file's own count."""
        return block.first_frame + block.count - 1

    def _corrupt(self, block: FrameBlock, byte: int, what: str) -> None:
        frame = self._frame(block)
        self._damage.add("corrupt-block", f"{what} at {self._damage.byte(byte)}, {after(frame)}", frame)

    def _cut(self, block: FrameBlock, position: int, base: int) -> tuple[int, int]:
        left_bytes = len(block.data) - position
        self._damage.cut_tail(base + position, left_bytes, "block", self._frame(block))
        return position + left_bytes, 1

    def _lose(self, block: FrameBlock, position: int, base: int, kind: int) -> tuple[int, int]:
        """Begin to search behind this place. What the length of an interface description spoils is only its end."""
        self._lost_at = base + position
        if kind == INTERFACE and len(block.data) - position >= 16:
            end = min(len(block.data), position + SALVAGED_BYTES)
            self._take_interface(block, position, end, base)
        return position + 4, 0

    def _search(self, block: FrameBlock, position: int, base: int, final: bool) -> int:
        """Look for the next block; report the gap once it is known."""
        found, resume = find_block(block.data, position, final, self._section.order)
        if found < 0 and not final:
            return resume
        lost_at, self._lost_at = self._lost_at, None
        self._damage.skipped("corrupt-block", "a corrupt block", lost_at or 0, None if found < 0 else base + found, self._frame(block))
        return len(block.data) if found < 0 else found
