# cython: boundscheck=False, wraparound=False
# (compiled: rows are counted, and the area is looked at before rows are written)
"""Blocks through memory that processes share: frames to one that decodes them, segments to the one that replays them.

All segments of a four-tuple in any scope go the same way: stream numbers do not look at the scope.
"""

from array import array
from struct import Struct

from tcptrace_py.model import columns, words
from tcptrace_py.model.frames import FrameBlock
from tcptrace_py.model.segments import IPV4_KEY, IPV6_KEY, REPLAYED, SegmentBlock

# As it lies in the area: a byte that says whether the block is odd, the columns REPLAYED, the lengths of the keys in a byte each,
# the keys.
HEAD_BYTES = 1
ROW_BYTES = sum(getattr(SegmentBlock(0), name).itemsize for name in REPLAYED) + 1  # and the key
ROW_MOST_BYTES = HEAD_BYTES + ROW_BYTES + 60  # an IPv6 key with two scopes has 46

KEY_LENGTHS = frozenset(address + scope for address in (IPV4_KEY, IPV6_KEY) for scope in (0, 5, 10))

# How many frames, the number of the first, how many bytes they have, whether each has its number; how many times of an era's end
# follow (-1: it is not known), and these.
FRAMES_HEAD = Struct("=qqqqqqq")
FRAME_COLUMNS = ("time_ns", "captured", "wire", "link", "interface")  # where a frame's bytes lie follows from their lengths


class AreaFullError(Exception):
    """The rows do not fit into the area."""


def frames_size(block: FrameBlock) -> int:
    """Bytes that `pack_frames` needs."""
    return FRAMES_HEAD.size + 8 * block.count * len(_columns_of(block.frame)) + columns.total(block.captured, block.count)


def _columns_of(numbered: object) -> tuple[str, ...]:
    return (*FRAME_COLUMNS, "frame") if numbered else FRAME_COLUMNS


def pack_frames(block: FrameBlock, area: memoryview) -> None:
    """Write a block of frames to the front of an area that is large enough, their bytes close together."""
    count = block.count
    latest_ns = block.latest_ns
    era = (-1, 0, 0) if latest_ns is None else (len(latest_ns), *latest_ns, 0, 0)[:3]
    FRAMES_HEAD.pack_into(area, 0, count, block.first_frame, columns.total(block.captured, count), len(block.frame), *era)
    at = FRAMES_HEAD.size
    for name in _columns_of(block.frame):
        area[at : at + 8 * count] = memoryview(getattr(block, name)).cast("B")[: 8 * count]
        at += 8 * count
    words.put_frames(area, at, block.data, block.offset, block.captured, count)


def unpack_frames(area: memoryview) -> FrameBlock:
    """Make the block again."""
    count, first_frame, size, numbered, times, *latest_ns = FRAMES_HEAD.unpack_from(area)
    names = _columns_of(numbered)
    at = FRAMES_HEAD.size + 8 * count * len(names)
    block = FrameBlock(bytes(area[at : at + size]), first_frame)
    block.count = count
    block.latest_ns = None if times < 0 else tuple(latest_ns[:times])
    at = FRAMES_HEAD.size
    for name in names:
        getattr(block, name).frombytes(area[at : at + 8 * count])
        at += 8 * count
    block.offset = array("q", bytes(8 * count))
    columns.sums_before(block.captured, block.offset, count)
    return block


def tell_owners(block: SegmentBlock, owner_of: "array[int]", me: int) -> None:
    """Complete the block's column `owner` for the process `me`; `owner_of` has words.BUCKETS entries."""
    keys, owners = block.key, block.owner
    if columns.equal(owners, block.count, -1):
        for i in range(block.count):
            if owners[i] < 0:
                key = keys[i]
                owners[i] = owner_of[words.bucket(key, 4 if len(key) < IPV6_KEY else 16)]
    block.me, block.foreign = me, block.count - columns.equal(owners, block.count, me)


def pack(block: SegmentBlock, to: int, area: memoryview, at: int) -> tuple[int, int]:
    """Write the rows of one process into its area from byte `at` on: (how many, the byte behind them). Raises AreaFullError."""
    owners = block.owner
    picked, count = array("i", bytes(4 * block.count)), 0
    for i in range(block.count):
        if owners[i] == to:
            picked[count] = i
            count += 1
    rows = picked[:count]
    if at + HEAD_BYTES + count * ROW_BYTES > len(area):
        raise AreaFullError
    area[at] = block.odd
    at += HEAD_BYTES
    pick = words.picker(rows)
    for name in REPLAYED:
        at = words.gather(getattr(block, name), pick, area, at)
    at = words.put_keys(area, at, block.key, block.key_at, block.data, rows)
    if at < 0:
        raise AreaFullError
    return count, at


def check(area: memoryview, rows: int) -> bool:
    """Whether an area holds so many packed rows and nothing else, as far as its lengths tell."""
    keys = HEAD_BYTES + rows * (ROW_BYTES - 1)
    lengths = bytes(area[keys : keys + rows])
    known = {size: lengths.count(size) for size in KEY_LENGTHS}
    return len(lengths) == rows == sum(known.values()) and keys + rows + sum(size * count for size, count in known.items()) == len(area)


def unpack(area: memoryview, at: int, rows: int, block: SegmentBlock, recent: list[bytes]) -> int:
    """Fill an empty block with so many rows from byte `at` of an area on; give the byte behind them."""
    block.count, block.odd = rows, area[at] != 0
    at += HEAD_BYTES
    for name in REPLAYED:
        at = words.scatter(area, at, getattr(block, name), rows)
    return words.get_keys(area, at, block.key, rows, recent)
