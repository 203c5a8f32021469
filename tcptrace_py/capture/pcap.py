"""pcap: a file header, then records with a header each (draft-ietf-opsawg-pcap).

`walk` takes only what is ordinary; `PcapReader` judges the other records by what lies behind them. A record that cannot
be is skipped by searching for the next run of plausible headers.
"""

from array import array
from typing import Any

from tcptrace_py.model.frames import FrameBlock

from .columns import BLOCK_FRAMES, finish_uniform, put
from .damage import Damage
from .interfaces import Given, Numbers
from .pcap_walk import (
    CAPTURED_LIMIT,
    CAPTURED_MAX,
    CHAIN,
    FAR_CHAIN,
    FILE_HEADER_BYTES,
    NS_PER_S,
    VARIANTS,
    WIRE_MAX,
    PcapHeader,
    find_record,
    record,
    walk,
)

FIRST_RECORDS, FEWEST_BEYOND = 32, 3  # of these, so many must have fractions beyond a microsecond's before that is believed


class PcapReader:
    """Cuts the windows of one pcap into blocks, and judges the records that are not ordinary."""

    format = "pcap"
    uniform = True

    def __init__(self, header: PcapHeader, interface: int, damage: Damage) -> None:
        self.header = header
        self.first_byte = FILE_HEADER_BYTES
        self._links = array("q", [header.link]) * BLOCK_FRAMES
        self._interfaces = array("q", [interface]) * BLOCK_FRAMES
        self._damage = damage
        self._limit = CAPTURED_MAX if header.snaplen <= CAPTURED_MAX else CAPTURED_LIMIT
        self._variant_is_told = header.record_bytes != VARIANTS[0] or header.old or header.scale == 1
        self._unit_is_told = header.scale == 1  # the first records agree with the magic number, or were found not to
        self._lost_at: int | None = None  # where in the file reading lost its way
        self._near_s: int | None = None

    def state(self) -> tuple[Any, ...] | None:
        """What is known here, for `resumed`; None while the reader has lost its way."""
        return None if self._lost_at is not None else (tuple(self.header), self._near_s)

    @classmethod
    def resumed(cls, state: tuple[Any, ...], numbers: Numbers | Given, damage: Damage) -> "PcapReader":
        """A reader that goes on where another one knew this."""
        header = PcapHeader(*state[0])
        reader = cls(header, numbers.number(header.link), damage)
        reader._variant_is_told = reader._unit_is_told = True
        reader._near_s = state[1]
        return reader

    def step(self, block: FrameBlock, position: int, base: int, final: bool) -> tuple[int, int]:
        """Go on filling the block from `position` of its bytes, which begin at byte `base` of the file.

        Gives the position reached and how many bytes are needed from there; 0: none, the block is full.
        """
        data = block.data
        if not self._variant_is_told:
            need_bytes = self._find_variant(data, position, final)
            if need_bytes:
                return position, need_bytes
            self._variant_is_told = True
        if not self._unit_is_told:
            finer, need_bytes = self._counts_nanoseconds(data, position)
            if need_bytes and not final:
                return position, need_bytes
            self._unit_is_told = True
            if finer:
                self.header = self.header._replace(scale=1)
                self._damage.add(
                    "nanoseconds-unannounced",
                    "it says that its times are microseconds, and they are nanoseconds: read as such",
                    1,
                    damaged=False,
                )
        while True:
            if self._lost_at is not None:
                position = self._search(block, position, base, final)
                if self._lost_at is not None:
                    return position, FAR_CHAIN * (self.header.record_bytes + CAPTURED_MAX)
            position = walk(block, data, position, len(data), self.header)
            if block.count == BLOCK_FRAMES or position == len(data):
                return position, int(block.count < BLOCK_FRAMES)
            position, need_bytes = self._take_odd(block, position, base, final)
            if need_bytes:
                return position, need_bytes

    def finish(self, block: FrameBlock) -> None:
        """Make a block ready to be handed on."""
        finish_uniform(block, self._links, self._interfaces)
        self._near_s = block.time_ns[-1] // NS_PER_S

    def _take_odd(self, block: FrameBlock, position: int, base: int, final: bool) -> tuple[int, int]:
        """Take, skip or give up the record here, which `walk` did not take; the position after it and bytes needed."""
        data, header = block.data, self.header
        left_bytes = len(data) - position
        frame = block.first_frame + block.count - 1
        if left_bytes < header.record_bytes:
            return self._cut(position, base, left_bytes, frame) if final else (position, header.record_bytes)
        seconds, fraction, captured, wire = record(header, data, position)
        following = position + header.record_bytes + captured
        if captured > self._limit or seconds == fraction == captured == wire == 0:
            return self._lose(position, base)
        if fraction < header.unit and captured <= CAPTURED_MAX and following > len(data):
            if not final:
                return position, header.record_bytes + captured
            if 0 < captured <= wire <= WIRE_MAX and (captured <= header.snaplen or header.snaplen == 0):
                return self._cut(position, base, left_bytes, frame)
            return self._lose(position, base)
        good = self._boundary(data, following, final)
        if good is None:
            return position, header.record_bytes + captured + header.record_bytes
        if not good:
            return self._lose(position, base)
        if fraction >= header.unit:
            self._damage.add(
                "bad-timestamp",
                f"the record at {self._damage.byte(base + position)} has an impossible fraction of a second, {fraction} of {header.unit}",
                frame + 1,
            )
        put(block, seconds * NS_PER_S + fraction * header.scale, position + header.record_bytes, captured, wire, 0, 0)
        return following, 0

    def _find_variant(self, data: bytes, position: int, final: bool) -> int:
        """Learn how long the records' headers are, where the first two as libpcap has them make no sense.

        Another length is believed of CHAIN records in a row, or of two that end with the file. Gives how many bytes from here on are
        needed to tell; 0: none.
        """
        for record_bytes in VARIANTS:
            header = self.header._replace(record_bytes=record_bytes)
            usual = record_bytes == self.header.record_bytes
            sound, need_bytes = self._begin(header, data, position, 2 if usual else CHAIN)
            if need_bytes and not final:
                return need_bytes
            if (usual and need_bytes) or sound:
                self.header = header
                return 0
        return 0

    def _begin(self, header: PcapHeader, data: bytes, position: int, count: int) -> tuple[bool, int]:
        """Whether so many records with such headers begin here, or two that end with the data; and how many bytes are needed to tell."""
        begin = position
        for number in range(count):
            if position + header.record_bytes > len(data):
                return position == len(data) and number > 1, position + header.record_bytes - begin
            _seconds, fraction, captured, wire = record(header, data, position)
            if fraction >= NS_PER_S or not 0 < captured <= min(wire, self._limit) or wire > WIRE_MAX:
                return False, 0
            position += header.record_bytes + captured
        return True, 0

    def _counts_nanoseconds(self, data: bytes, position: int) -> tuple[bool, int]:
        """Whether most of the first records, from here on, have fractions that only nanoseconds can be.

        The second is how many bytes from here on are needed to say so; 0: none, or nothing speaks for it so far.
        """
        header, begin, seen, beyond = self.header, position, 0, 0
        while seen < FIRST_RECORDS:
            if position + header.record_bytes > len(data):
                return _are_most(beyond, seen), position + header.record_bytes - begin if beyond or not seen else 0
            _seconds, fraction, captured, _wire = record(header, data, position)
            if captured > self._limit or fraction >= NS_PER_S:
                break
            seen += 1
            beyond += fraction >= header.unit
            position += header.record_bytes + captured
        return _are_most(beyond, seen), 0

    def _boundary(self, data: bytes, position: int, final: bool) -> bool | None:
        """Whether a record ends here: the file does, or the next header is possible. None: cannot be told yet."""
        header = self.header
        if position > len(data):
            return False if final else None
        if position + header.record_bytes > len(data):
            return True if final else None
        _seconds, _fraction, captured, wire = record(header, data, position)
        return bool(captured <= self._limit and wire <= WIRE_MAX)

    def _cut(self, position: int, base: int, left_bytes: int, frame: int) -> tuple[int, int]:
        self._damage.cut_tail(base + position, left_bytes, "record", frame)
        return position + left_bytes, 1

    def _lose(self, position: int, base: int) -> tuple[int, int]:
        self._lost_at = base + position
        return position + 1, 0

    def _search(self, block: FrameBlock, position: int, base: int, final: bool) -> int:
        """Look for the next record; report the gap once it is known."""
        near_s = block.time_ns[block.count - 1] // NS_PER_S if block.count else self._near_s
        found, resume = find_record(block.data, position, final, self.header, near_s)
        if found < 0 and not final:
            return resume
        lost_at, self._lost_at = self._lost_at, None
        self._damage.skipped(
            "corrupt-record", "no record can begin", lost_at or 0, None if found < 0 else base + found, block.first_frame + block.count - 1
        )
        return len(block.data) if found < 0 else found


def _are_most(beyond: int, seen: int) -> bool:
    return beyond >= FEWEST_BEYOND and beyond * 2 > seen
