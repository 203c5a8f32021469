# cython: boundscheck=False, wraparound=False
# (compiled: every index below is looked at before, or counts rows of columns that are long enough)
"""The walk over the records of a pcap, and the search for the next record where one was corrupt.

Pure functions over a window of bytes (draft-ietf-opsawg-pcap); a driver for byte ranges can call them as well.
"""

import re
from struct import Struct
from typing import NamedTuple

from tcptrace_py.model.errors import CaptureError
from tcptrace_py.model.frames import FrameBlock

from . import wire
from .columns import BLOCK_FRAMES

FILE_HEADER_BYTES = 24
CAPTURED_MAX = 262_144  # libpcap's MAXIMUM_SNAPLEN, Wireshark's WTAP_MAX_PACKET_SIZE_STANDARD
WIRE_MAX = CAPTURED_LIMIT = 16 << 20  # never believed beyond this, whatever the snap length says
CHAIN, FAR_CHAIN = 3, 8  # plausible headers in a row that make a boundary: near the last good record in time, and far
NEAR_S = 30 * 86400  # what is near; neighbours in such a row are
NS_PER_S = 1_000_000_000

# Magic number -> nanoseconds in a unit of the fraction, bytes of a record header.
MAGIC = {0xA1B2C3D4: (1000, 16), 0xA1B23C4D: (1, 16), 0xA1B2CD34: (1000, 24)}  # the last is Kuznetzov's "modified" pcap
NOT_ZERO = re.compile(b"[^\\0]")
RECORD = {"<": Struct("<IIII"), ">": Struct(">IIII")}

# AIX writes version 2.2, nanoseconds, and for the link its interface's type (RFC 1573, ifType): Ethernet, Token Ring, FDDI, loopback.
AIX_LINKS = {6: 1, 9: 6, 15: 10, 24: 0}
DG_UX = 543  # its major version: the lengths are as before 2.3
VARIANTS = (16, 24, 20)  # bytes of a record's header that follow the same magic number: of libpcap, of Linux' in 1999, of Nokia's IPSO


class PcapHeader(NamedTuple):
    """What the file header says: byte order ("<" or ">"), lengths in bytes, `scale` nanoseconds in a unit.

    `old`: of before version 2.4, where the lengths of a record may stand the other way round.
    """

    order: str
    scale: int
    record_bytes: int
    link: int
    snaplen: int
    old: bool = False

    @property
    def unit(self) -> int:
        """The fraction of a second is below this."""
        return NS_PER_S // self.scale


def recognise(data: bytes) -> str | None:
    """Byte order of a pcap that begins with these bytes; None for what is no pcap."""
    return next((order for order, name in (("<", "little"), (">", "big")) if int.from_bytes(data[:4], name) in MAGIC), None)  # type: ignore[arg-type]


def parse_header(data: bytes) -> PcapHeader:
    """Read the file header. Raises CaptureError where it is cut; the caller has recognised it."""
    order = recognise(data)
    if order is None or len(data) < FILE_HEADER_BYTES:
        raise CaptureError(f"ends inside its file header ({len(data)} of {FILE_HEADER_BYTES} bytes)")
    magic, major, minor, _zone, _figures, snaplen, link = Struct(order + "IHHiIII").unpack_from(data)
    scale, record_bytes = MAGIC[magic]
    if (major, minor) == (2, 2) and link in AIX_LINKS:
        scale, link = 1, AIX_LINKS[link]
    old = (major == 2 and minor < 4) or major == DG_UX
    return PcapHeader(order, scale, record_bytes, link & 0xFFFF, snaplen, old)  # above: length of the FCS, and reserved


def record(header: PcapHeader, data: bytes, position: int) -> tuple[int, int, int, int]:
    """Seconds, fraction, captured length and length on the wire, of the record whose header is here."""
    seconds, fraction, captured, length = RECORD[header.order].unpack_from(data, position)
    if header.old and captured > length:
        return seconds, fraction, length, captured
    return seconds, fraction, captured, length


def walk(block: FrameBlock, data: bytes, position: int, end: int, header: PcapHeader) -> int:
    """Fill the block with the ordinary records of `data[position:end]`; give where it stopped.

    It stops at a full block, at a record that is not all there, and at one that is odd: empty, longer than 256 KiB or
    than it was on the wire, or with an impossible fraction of a second. Link and interface, the same for all, are left
    alone. Hot, hence long.
    """
    little = header.order == "<"
    record_bytes, scale, unit = header.record_bytes, header.scale, header.unit
    old = header.old
    times, offsets, captureds, wires = block.time_ns, block.offset, block.captured, block.wire
    most, longest, widest, second_ns = BLOCK_FRAMES, CAPTURED_MAX, WIRE_MAX, NS_PER_S
    row = block.count
    last = end - record_bytes
    while position <= last and row < most:
        if little:
            seconds, fraction, captured, length = wire.little(data, position)
        else:
            seconds, fraction, captured, length = wire.big(data, position)
        if old and captured > length:
            captured, length = length, captured
        if fraction >= unit or captured > longest or not 0 < captured <= length <= widest:
            break
        start = position + record_bytes
        following = start + captured
        if following > end:
            break
        times[row] = seconds * second_ns + fraction * scale
        offsets[row] = start
        captureds[row] = captured
        wires[row] = length
        row += 1
        position = following
    block.count = row
    return position


def find_record(data: bytes, position: int, final: bool, header: PcapHeader, near_s: int | None) -> tuple[int, int]:
    """Search for the next record boundary: (where, where), or (-1, from where to search again with more bytes).

    A boundary is where CHAIN plausible headers follow each other, or fewer that end with the file (`final`: `data` is
    its end); more of them are asked for where their times are far from `near_s`, that of the last good record.
    """
    something = NOT_ZERO.search(data, position)  # holes of zeros can be large
    if something:
        position = max(position, something.start() - header.record_bytes + 1)
    for match in _candidates(header).finditer(data, position if something else len(data)):
        verdict = chain(data, match.start(), final, header, near_s)
        if verdict is None:
            return -1, match.start()
        if verdict:
            return match.start(), match.start()
    return -1, max(position, len(data) - header.record_bytes + 1)


def chain(data: bytes, position: int, final: bool, header: PcapHeader, near_s: int | None) -> bool | None:
    """Whether plausible records begin here; None where the bytes do not suffice to tell."""
    before_s = near_s
    length, least = CHAIN, 1
    for link in range(FAR_CHAIN):
        if link >= length:
            break
        if position == len(data) and final:
            return link >= least
        if position + header.record_bytes > len(data):
            return link > least if final else None
        seconds, fraction, captured, wire = record(header, data, position)
        if fraction >= header.unit or not 0 < captured <= min(wire, CAPTURED_MAX) or wire > WIRE_MAX:
            return False
        if before_s is not None and abs(seconds - before_s) > NEAR_S:
            if link > 0:
                return False
            length, least = FAR_CHAIN, CHAIN
        before_s = seconds
        position += header.record_bytes + captured
    return True


def _candidates(header: PcapHeader) -> re.Pattern[bytes]:
    """Say what a plausible header looks like byte by byte, for a search that C does (re keeps what it compiled)."""
    fraction = (b"[\x00-\x0f]", b"\x00") if header.scale > 1 else (b".", b"[\x00-\x3b]")
    fields = ((b".", b".", *fraction), (b".", b".", b"[\x00-\x04]", b"\x00"), (b".", b".", b".", b"[\x00\x01]"))
    order = 1 if header.order == "<" else -1
    fraction_, captured, wire = (b"".join(field[::order]) for field in fields)
    return re.compile(b"(?=...." + fraction_ + b"(?!\\0\\0\\0\\0)" + captured + wire + b")", re.DOTALL)
