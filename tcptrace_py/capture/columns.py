"""Blocks under construction: columns of full length while a walk fills them, cut to size before they are handed on."""

from array import array

from tcptrace_py.model.frames import FrameBlock

# No power of two: columns that lie a multiple of 4096 bytes apart push each other out of the processor's first cache.
BLOCK_FRAMES = 8040

_ZEROS = array("q", bytes(8 * BLOCK_FRAMES))
_NOWHERE = _ZEROS[:]  # what is written here is not read


def reserve(data: bytes, first_frame: int, *, uniform: bool = False) -> FrameBlock:
    """Make an empty block with room for BLOCK_FRAMES rows: write at index `count`.

    `uniform`: link and interface are the same for all; whoever finishes the block says what they are.
    """
    block = FrameBlock(data, first_frame)
    block.time_ns, block.offset, block.captured, block.wire = _ZEROS[:], _ZEROS[:], _ZEROS[:], _ZEROS[:]
    block.link, block.interface = (_NOWHERE, _NOWHERE) if uniform else (_ZEROS[:], _ZEROS[:])
    return block


def put(block: FrameBlock, time_ns: int, offset: int, captured: int, wire: int, link: int, interface: int) -> None:
    """Write one row into a block with room."""
    row = block.count
    block.time_ns[row] = time_ns
    block.offset[row] = offset
    block.captured[row] = captured
    block.wire[row] = wire
    block.link[row] = link
    block.interface[row] = interface
    block.count = row + 1


def trim(block: FrameBlock) -> None:
    """Cut the columns to the rows written."""
    if block.count < BLOCK_FRAMES:
        for column in (block.time_ns, block.offset, block.captured, block.wire, block.link, block.interface):
            if column is not _NOWHERE:
                del column[block.count :]


def finish_uniform(block: FrameBlock, links: "array[int]", interfaces: "array[int]") -> None:
    """Cut a `uniform` block to its rows, with link and interface as in these columns of full length."""
    trim(block)
    if block.count == BLOCK_FRAMES:  # blocks share what is the same in all of them; nobody writes into it
        block.link, block.interface = links, interfaces
    else:
        block.link, block.interface = links[: block.count], interfaces[: block.count]


def rows_of(block: FrameBlock, start: int, end: int) -> FrameBlock:
    """Rows start to end (exclusive) as a block over the same bytes."""
    part = FrameBlock(block.data, block.number(start))
    part.count = end - start
    part.time_ns, part.offset = block.time_ns[start:end], block.offset[start:end]
    part.captured, part.wire = block.captured[start:end], block.wire[start:end]
    part.link, part.interface, part.frame = block.link[start:end], block.interface[start:end], block.frame[start:end]
    if block.latest_ns is not None:
        part.latest_ns = block.latest_ns if end == block.count else ()
    return part
