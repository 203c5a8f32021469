"""Frames as capture files: pcap and pcapng as people have them, compressed or not."""

import bz2
import gzip
import lzma
import struct
from collections.abc import Callable, Iterable
from dataclasses import dataclass

SNAPLEN = 262144
ZSTD_HEAD = b"\x28\xb5\x2f\xfd\x00\x38"
LZ4_HEAD = b"\x04\x22\x4d\x18\x60\x40\x82"
LZ4_UNCOMPRESSED = 0x80000000


@dataclass(frozen=True)
class Frame:
    """A captured frame: `data` may be shorter than the frame was on the wire (`original_bytes`)."""

    at_ns: int
    data: bytes
    original_bytes: int

    def cut_to(self, snaplen: int) -> "Frame":
        """The frame as a capture with this snap length holds it."""
        return Frame(self.at_ns, self.data[:snaplen], self.original_bytes)


def pcap_header(link_type: int, *, order: str = "<", nanoseconds: bool = False, snaplen: int = SNAPLEN) -> bytes:
    """The 24 bytes at the head of a pcap file; `order` is `<` or `>`."""
    magic = 0xA1B23C4D if nanoseconds else 0xA1B2C3D4
    return struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, snaplen, link_type)


def pcap_record(frame: Frame, *, order: str = "<", nanoseconds: bool = False) -> bytes:
    """One record of a pcap file."""
    seconds, rest = divmod(frame.at_ns, 1_000_000_000)
    fraction = rest if nanoseconds else rest // 1000
    return struct.pack(order + "IIII", seconds, fraction, len(frame.data), frame.original_bytes) + frame.data


def pcap(
    frames: Iterable[Frame],
    link_type: int = 1,
    *,
    order: str = "<",
    nanoseconds: bool = False,
    snaplen: int = SNAPLEN,
) -> bytes:
    """A whole pcap file."""
    records = (pcap_record(frame.cut_to(snaplen), order=order, nanoseconds=nanoseconds) for frame in frames)
    head = pcap_header(link_type, order=order, nanoseconds=nanoseconds, snaplen=snaplen)
    return head + b"".join(records)


@dataclass(frozen=True)
class Interface:
    """An interface of a pcapng section. `resolution` is the if_tsresol byte (6: µs, 9: ns, 0x80|n: 2**-n s)."""

    link_type: int = 1
    resolution: int | None = None
    offset_s: int | None = None
    snaplen: int = 0

    def ticks(self, at_ns: int) -> int:
        """The timestamp that stands in a packet block for a time."""
        resolution = 6 if self.resolution is None else self.resolution
        ticks_per_s = 1 << (resolution & 0x7F) if resolution & 0x80 else int(10**resolution)
        return (at_ns - (self.offset_s or 0) * 1_000_000_000) * ticks_per_s // 1_000_000_000


class Pcapng:
    """A pcapng file under construction; starts with a section header in the byte order given."""

    def __init__(self, order: str = "<") -> None:
        self.blocks: list[bytes] = []
        self.section(order)

    def section(self, order: str) -> None:
        """Begin a section: interfaces are counted anew."""
        self.order = order
        self.interfaces: list[Interface] = []
        self.block(0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1))

    def block(self, kind: int, body: bytes) -> None:
        """Any block; the body is padded to four bytes."""
        padded = body + b"\0" * (-len(body) % 4)
        length = len(padded) + 12
        self.blocks.append(struct.pack(self.order + "II", kind, length) + padded + struct.pack(self.order + "I", length))

    def interface(self, interface: Interface) -> int:
        """An interface description block; gives its number in this section."""
        options = b""
        if interface.resolution is not None:
            options += struct.pack(self.order + "HHBxxx", 9, 1, interface.resolution)
        if interface.offset_s is not None:
            options += struct.pack(self.order + "HHq", 14, 8, interface.offset_s)
        head = struct.pack(self.order + "HHI", interface.link_type, 0, interface.snaplen)
        self.block(1, head + (options + b"\0\0\0\0" if options else b""))
        self.interfaces.append(interface)
        return len(self.interfaces) - 1

    def enhanced(self, frame: Frame, interface: int = 0, options: bytes = b"") -> None:
        """An enhanced packet block."""
        ticks = self.interfaces[interface].ticks(frame.at_ns)
        head = struct.pack(self.order + "IIIII", interface, ticks >> 32, ticks & 0xFFFFFFFF, len(frame.data), frame.original_bytes)
        self.block(6, head + _padded(frame.data) + options)

    def obsolete(self, frame: Frame, interface: int = 0) -> None:
        """A packet block of the old kind (type 2, with a count of drops)."""
        ticks = self.interfaces[interface].ticks(frame.at_ns)
        head = struct.pack(self.order + "HHIIII", interface, 0, ticks >> 32, ticks & 0xFFFFFFFF, len(frame.data), frame.original_bytes)
        self.block(2, head + _padded(frame.data))

    def simple(self, frame: Frame) -> None:
        """A simple packet block: no time, the first interface."""
        self.block(3, struct.pack(self.order + "I", frame.original_bytes) + frame.data)

    def unknown(self) -> None:
        """Blocks that readers skip: interface statistics, name resolution, a custom block, one of the future."""
        self.block(5, struct.pack(self.order + "III", 0, 0, 0))
        self.block(4, struct.pack(self.order + "HH", 0, 0))
        self.block(0x0BAD, struct.pack(self.order + "I", 32473) + b"whatever")
        self.block(0x7FFF0001, b"not yet invented")

    def bytes(self) -> bytes:
        """The file."""
        return b"".join(self.blocks)


def _padded(data: bytes) -> bytes:
    return data + b"\0" * (-len(data) % 4)


def pcapng(frames: Iterable[Frame], link_type: int = 1) -> bytes:
    """A plain pcapng file of one section and one interface with nanoseconds."""
    file = Pcapng()
    file.interface(Interface(link_type, resolution=9))
    for frame in frames:
        file.enhanced(frame)
    return file.bytes()


def compressed(data: bytes, suffix: str) -> bytes:
    """`data` as a file with this suffix (`gz`, `bz2`, `xz`, `zst`, `lz4`) holds it; other suffixes leave it alone.

    zst and lz4 are stored in blocks without compression, which needs no library and never changes.
    """
    pack = {
        "gz": lambda: gzip.compress(data, 9, mtime=0),
        "bz2": lambda: bz2.compress(data),
        "xz": lambda: lzma.compress(data, preset=9 | lzma.PRESET_EXTREME),
        "zst": lambda: _zstd_stored(data),
        "lz4": lambda: _lz4_stored(data),
    }.get(suffix)
    return pack() if pack else data


def decompressed(data: bytes, suffix: str) -> bytes:
    """What a file with this suffix says, so that compressors of different versions may be compared."""
    unpack: Callable[[bytes], bytes] | None = {
        "gz": gzip.decompress,
        "bz2": bz2.decompress,
        "xz": lzma.decompress,
        "zst": _zstd_content,
        "lz4": _lz4_content,
    }.get(suffix)
    return unpack(data) if unpack else data


def _zstd_stored(data: bytes) -> bytes:
    """A zstd frame of raw blocks (RFC 8878, 3.1.1); the content size is left out, the window is 128 KiB."""
    pieces = _pieces(data, 1 << 17)
    blocks = (struct.pack("<I", len(piece) << 3 | (at == len(pieces) - 1))[:3] + piece for at, piece in enumerate(pieces))
    return ZSTD_HEAD + b"".join(blocks)


def _zstd_content(data: bytes) -> bytes:
    content, at, last = b"", len(ZSTD_HEAD), False
    while not last:
        header = int.from_bytes(data[at : at + 3], "little")
        last, size = bool(header & 1), header >> 3
        content, at = content + data[at + 3 : at + 3 + size], at + 3 + size
    return content


def _lz4_stored(data: bytes) -> bytes:
    """An LZ4 frame of uncompressed blocks of at most 64 KiB; 0x82 is the checksum of the two descriptor bytes."""
    blocks = (struct.pack("<I", len(piece) | LZ4_UNCOMPRESSED) + piece for piece in _pieces(data, 1 << 16))
    return LZ4_HEAD + b"".join(blocks) + b"\0\0\0\0"


def _lz4_content(data: bytes) -> bytes:
    content, at = b"", len(LZ4_HEAD)
    while size := int.from_bytes(data[at : at + 4], "little") & ~LZ4_UNCOMPRESSED:
        content, at = content + data[at + 4 : at + 4 + size], at + 4 + size
    return content


def _pieces(data: bytes, size_bytes: int) -> list[bytes]:
    return [data[at : at + size_bytes] for at in range(0, len(data), size_bytes)]
