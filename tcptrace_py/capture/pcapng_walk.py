# cython: boundscheck=False, wraparound=False
# (compiled: every index below is looked at before, or counts rows of columns that are long enough)
"""The walk over pcapng's enhanced packet blocks, and the search for the next block where one was corrupt.

Pure functions over a window of bytes (draft-ietf-opsawg-pcapng sections 3.1, 4.3).
"""

import re
from struct import Struct

from tcptrace_py.model.frames import FrameBlock

from . import wire
from .columns import BLOCK_FRAMES
from .section import Section

BYTE_ORDER_MAGIC = {b"\x4d\x3c\x2b\x1a": "<", b"\x1a\x2b\x3c\x4d": ">"}
SECTION_TYPE = b"\x0a\x0d\x0d\x0a"  # the same in both byte orders
SECTION_BYTES = 28
BLOCK_LIMIT = 16 << 20  # Wireshark's MAX_BLOCK_SIZE
PASSED_OVER_LIMIT = 64 << 20  # of blocks that hold no packet: names, secrets, a tool's own
BLOCK_MIN = 12
CHAIN = 3  # blocks in a row that make a boundary
KNOWN = (b"[\x01-\x0a]", b"\x00", b"\x00", b"\x00")  # block types to look for, byte by byte from the lowest


def recognise(data: bytes) -> str | None:
    """Byte order of a pcapng that begins with these bytes; None for what is no pcapng."""
    return BYTE_ORDER_MAGIC.get(data[8:12]) if data[:4] == SECTION_TYPE else None


def walk(block: FrameBlock, data: bytes, position: int, end: int, section: Section) -> int:
    """Fill the block with the enhanced packet blocks of `data[position:end]`; give where it stopped.

    It stops at a full block, at a block that is not all there, of another type, or odd in any way. Hot, hence long.
    """
    little = section.order == "<"
    known, current = len(section.links), -1
    times, offsets, captureds, wires = block.time_ns, block.offset, block.captured, block.wire
    links, interfaces = block.link, block.interface
    most, longest = BLOCK_FRAMES, BLOCK_LIMIT
    row = block.count
    last = end - 32
    link = number = scale = limit = shift_ns = 0
    while position <= last and row < most:
        if little:
            kind, total, interface, high, low, captured, length = wire.little_packet(data, position)
        else:
            kind, total, interface, high, low, captured, length = wire.big_packet(data, position)
        following = position + total
        if kind != 6 or following > end or total & 3 or captured > total - 32 or total > longest or interface >= known:
            break
        if (wire.little_word(data, following - 4) if little else wire.big_word(data, following - 4)) != total:
            break
        if interface != current:
            limit = section.limits[interface]
            if limit < 0:  # its times are no numbers of 64 bits
                break
            link, number, scale, shift_ns = section.of(interface)
            current = interface
        if high >> 31:  # a number of more than 63 bits
            break
        ticks = high << 32 | low
        if ticks > limit:
            break
        times[row] = ticks * scale + shift_ns
        offsets[row] = position + 28
        captureds[row] = captured
        wires[row] = length
        links[row] = link
        interfaces[row] = number
        row += 1
        position = following
    block.count = row
    return position


def find_block(data: bytes, position: int, final: bool, order: str) -> tuple[int, int]:
    """Search for the next block boundary: (where, where), or (-1, from where to search again with more bytes)."""
    kinds = b"".join(KNOWN if order == "<" else KNOWN[::-1])
    for match in re.compile(b"(?=" + kinds + b"|" + SECTION_TYPE + b")").finditer(data, position):
        verdict = chain(data, match.start(), final, order)
        if verdict is None:
            return -1, match.start()
        if verdict:
            return match.start(), match.start()
    return -1, max(position, len(data) - 3)


def chain(data: bytes, position: int, final: bool, order: str) -> bool | None:
    """Whether sound blocks begin here; None where the bytes do not suffice to tell."""
    for link in range(CHAIN):
        if position == len(data) and final:
            return link > 0
        if position + BLOCK_MIN > len(data):
            return link > 0 if final else None
        order = order_at(data, position, order)
        total = int(Struct(order + "I").unpack_from(data, position + 4)[0])
        if not BLOCK_MIN <= total <= BLOCK_LIMIT or total & 3:
            return False
        if position + total > len(data):
            return link > 0 if final else None
        if data[position + 4 : position + 8] != data[position + total - 4 : position + total]:
            return False
        position += total
    return True


def order_at(data: bytes, position: int, order: str) -> str:
    """Byte order of the block here: a section header may change it."""
    return recognise(data[position : position + BLOCK_MIN]) or order
