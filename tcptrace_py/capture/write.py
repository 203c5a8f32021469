"""Frames back to a capture file: pcap or pcapng, each record's bytes, lengths and time as they were read.

What is written is little-endian. A pcap holds nanoseconds only where it must, since older tools know microseconds
alone; it has one link type. A pcapng has an interface for each interface and link type met, in nanoseconds, and keeps
the options of packet blocks (comments, directions) that come from a lone little-endian pcapng.
"""

from struct import Struct
from typing import BinaryIO

from tcptrace_py.model.errors import UsageError
from tcptrace_py.model.frames import FrameBlock

from .pcapng_walk import BLOCK_LIMIT

FORMATS = ("pcap", "pcapng")
NS_PER_S = 1_000_000_000
SNAPLEN = 262_144  # what tcpdump writes for "whole frames"
MAGIC_US, MAGIC_NS = 0xA1B2C3D4, 0xA1B23C4D
ENHANCED_PACKET = 6

_FILE_HEADER = Struct("<IHHiIII")
_RECORD = Struct("<IIII")
_BLOCK = Struct("<II")
_INTERFACE = Struct("<HHI")
_PACKET = Struct("<IIIII")
_OPTION = Struct("<HH")


class PcapWriter:
    """Writes a pcap; `nanoseconds`: with that resolution, else microseconds."""

    def __init__(self, out: BinaryIO, *, nanoseconds: bool) -> None:
        self._out = out
        self._nanoseconds = nanoseconds
        self._link = -1

    def add(self, block: FrameBlock, row: int) -> None:
        """Append a frame. Raises UsageError for what a pcap cannot hold."""
        if self._link < 0:
            self._link = block.link[row]
            magic = MAGIC_NS if self._nanoseconds else MAGIC_US
            self._out.write(_FILE_HEADER.pack(magic, 2, 4, 0, 0, SNAPLEN, self._link))
        elif block.link[row] != self._link:
            raise UsageError(f"link types {self._link} and {block.link[row]} do not fit into one pcap: write a .pcapng")
        seconds, rest = divmod(block.time_ns[row], NS_PER_S)
        if not 0 <= seconds < 1 << 32:
            raise UsageError("a pcap holds times from 1970 to 2106: write a .pcapng")
        at, captured = block.offset[row], block.captured[row]
        self._out.write(_RECORD.pack(seconds, rest if self._nanoseconds else rest // 1000, captured, block.wire[row]))
        self._out.write(block.data[at : at + captured])

    def finish(self) -> None:
        """Complete a file without frames."""
        if self._link < 0:
            self._out.write(_FILE_HEADER.pack(MAGIC_US, 2, 4, 0, 0, SNAPLEN, 1))


class PcapngWriter:
    """Writes a pcapng; `with_options`: the frames come from a lone pcapng, whose blocks' options are kept.

    `begin_s` is the second from which times count, for captures from before 1970.
    """

    def __init__(self, out: BinaryIO, *, with_options: bool, begin_s: int = 0) -> None:
        self._out = out
        self._with_options = with_options
        self._begin_s = begin_s
        self._interfaces: dict[tuple[int, int], int] = {}
        self._write(0x0A0D0D0A, Struct("<IHHq").pack(0x1A2B3C4D, 1, 0, -1))

    def add(self, block: FrameBlock, row: int) -> None:
        """Append a frame."""
        key = (block.interface[row], block.link[row])
        number = self._interfaces.get(key)
        if number is None:
            number = self._interfaces[key] = len(self._interfaces)
            self._describe(key[1])
        at, captured = block.offset[row], block.captured[row]
        ticks = block.time_ns[row] - self._begin_s * NS_PER_S
        head = _PACKET.pack(number, ticks >> 32, ticks & 0xFFFFFFFF, captured, block.wire[row])
        self._write(ENHANCED_PACKET, head + block.data[at : at + captured] + bytes(-captured & 3) + self._options(block, row))

    def finish(self) -> None:
        """Nothing is left to be written."""

    def _describe(self, link: int) -> None:
        options = _OPTION.pack(9, 1) + b"\x09\0\0\0"  # if_tsresol: nanoseconds
        if self._begin_s:
            options += _OPTION.pack(14, 8) + Struct("<q").pack(self._begin_s)  # if_tsoffset
        self._write(1, _INTERFACE.pack(link, 0, 0) + options + bytes(4))

    def _options(self, block: FrameBlock, row: int) -> bytes:
        """The options behind the packet of an enhanced packet block; none of any other."""
        begin = block.offset[row] - 28
        if not self._with_options or begin < 0:
            return b""
        kind, total = _BLOCK.unpack_from(block.data, begin)
        end = begin + total - 4
        options_at = block.offset[row] + block.captured[row] + (-block.captured[row] & 3)
        if kind != ENHANCED_PACKET or total > BLOCK_LIMIT or not options_at <= end <= len(block.data) - 4:
            return b""
        return block.data[options_at:end]

    def _write(self, kind: int, body: bytes) -> None:
        total = len(body) + 12
        self._out.write(_BLOCK.pack(kind, total) + body + total.to_bytes(4, "little"))
