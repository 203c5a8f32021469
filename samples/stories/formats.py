"""The same short connection in every file format."""

import zlib
from collections.abc import Callable

from samples.stories.encapsulation import short, whole
from samples.stories.expect import connection, shake, stay, tear
from samples.stories.story import story
from tests.writer.files import Interface, Pcapng
from tests.writer.links import COOKED, ETHERNET, RAW
from tests.writer.side import EPOCH_NS
from tests.writer.talk import Wire

WITH_CUSTOM_BLOCK = ("sections.pcapng",)  # Wireshark gives a custom block a frame number; another one is of no known type


def _file(file: str, title: str, form: Callable[[Wire], bytes]) -> None:
    """Register the short connection as a file that `form` makes of its wire."""

    def tell(wire: Wire) -> bytes:
        short(wire)
        return form(wire)

    tell.__doc__, tell.__module__ = title, __name__
    kind = "pcapng" if ".pcapng" in file else "pcap"
    frames = 10 if file in WITH_CUSTOM_BLOCK else 9
    story(
        file,
        whole(frames=[1, frames]),
        problems=("unknown-block",) if file in WITH_CUSTOM_BLOCK else (),
        document={"capture": {"segments": 9, "files": [{"format": kind, "truncated": False}]}},
    )(tell)


def _sections(wire: Wire) -> bytes:
    """Three sections: little endian with two interfaces, big endian, little endian; clocks of many resolutions."""
    frames = wire.frames
    file = Pcapng("<")
    file.interface(Interface(1, resolution=9))
    file.interface(Interface(1, resolution=6, offset_s=1_700_000_000))
    for number, frame in enumerate(frames[:4]):
        file.enhanced(frame, number % 2)
    file.unknown()
    file.section(">")
    file.interface(Interface(1, resolution=0x80 | 30))
    for frame in frames[4:7]:
        file.enhanced(frame, options=b"\0\x01\0\x04test\0\0\0\0")
    file.section("<")
    file.interface(Interface(1))
    for frame in frames[7:]:
        file.enhanced(frame)
    return file.bytes()


def _big_endian(wire: Wire) -> bytes:
    file = Pcapng(">")
    file.interface(Interface(1, resolution=9))
    for frame in wire.frames:
        file.enhanced(frame)
    return file.bytes()


def _obsolete(wire: Wire) -> bytes:
    file = Pcapng()
    file.interface(Interface(1))
    for frame in wire.frames:
        file.obsolete(frame)
    return file.bytes()


def _clocks(wire: Wire) -> bytes:
    """Picoseconds since an offset, 100 ns, 2**-20 s and 2**-32 s, taken in turn."""
    file = Pcapng()
    resolutions = (12, 7, 0x80 | 20, 0x80 | 32)
    for resolution in resolutions:
        file.interface(Interface(1, resolution, EPOCH_NS // 10**9 - 1000 if resolution == 12 else None))
    for number, frame in enumerate(wire.frames):
        file.enhanced(frame, number % len(resolutions))
    return file.bytes()


_file("clocks.pcapng", "pcapng whose interfaces count time in picoseconds, 100 ns and powers of two.", _clocks)
_file("microseconds.pcap", "pcap, little endian, microseconds.", Wire.pcap)
_file("nanoseconds.pcap", "pcap, little endian, nanoseconds.", lambda wire: wire.pcap(nanoseconds=True))
_file("big-endian.pcap", "pcap, big endian, microseconds.", lambda wire: wire.pcap(order=">"))
_file("big-endian-nanoseconds.pcap", "pcap, big endian, nanoseconds.", lambda wire: wire.pcap(order=">", nanoseconds=True))
_file("plain.pcapng", "pcapng of one section.", Wire.pcapng)
_file("big-endian.pcapng", "pcapng, big endian.", _big_endian)
_file(
    "sections.pcapng",
    "pcapng of three sections with byte orders, interfaces, clock resolutions and offsets of their own.",
    _sections,
)
_file("obsolete-packet-blocks.pcapng", "pcapng with packet blocks of the obsolete kind.", _obsolete)
for _suffix in ("gz", "bz2", "xz", "zst", "lz4"):
    _file(f"compressed.pcap.{_suffix}", f"pcap compressed as {_suffix}.", Wire.pcap)
_file("compressed.pcapng.gz", "pcapng compressed as gz.", Wire.pcapng)
_file("compressed-without-suffix.pcap", "A gzip file that its name does not betray.", lambda wire: _gzip(wire.pcap()))


def _gzip(data: bytes) -> bytes:
    """Stored, not compressed, so that every version of zlib gives the same bytes."""
    packer = zlib.compressobj(0, zlib.DEFLATED, 31)
    return packer.compress(data) + packer.flush()


@story(
    "simple-packet-blocks.pcapng",
    connection(
        shake("three-way", "completed"),
        tear("four-way", "client"),
        time_wait=[stay("client", ended_by=...)],
        anomalies=None,
    ),
    problems=None,
)
def simple_packet_blocks(wire: Wire) -> bytes:
    """Pcapng with simple packet blocks, which carry no time."""
    short(wire)
    file = Pcapng()
    file.interface(Interface(1))
    for frame in wire.frames:
        file.simple(frame)
    return file.bytes()


@story("link-types-mixed.pcapng", whole(), whole(), whole())
def link_types_mixed(wire: Wire) -> bytes:
    """Pcapng with three interfaces of three link types, a connection on each."""
    file = Pcapng()
    held = []
    for number, link in enumerate((ETHERNET, COOKED, RAW)):
        file.interface(Interface(link.link_type, resolution=9))
        own = Wire(link)
        short(own, client=f"192.0.2.10:{40000 + number}", start_s=number / 1000)
        held += [(frame.at_ns, number, frame) for frame in own.frames]
    for _, number, frame in sorted(held, key=lambda entry: entry[0]):
        file.enhanced(frame, number)
    wire.frames_written.clear()
    return file.bytes()
