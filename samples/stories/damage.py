"""Files that are cut, damaged, empty, or no captures of TCP."""

import struct

import dpkt

from samples.stories.encapsulation import short, whole
from samples.stories.expect import connection, shake
from samples.stories.story import story
from tests.writer.files import Frame, Interface, Pcapng, pcap, pcap_header, pcap_record
from tests.writer.side import EPOCH_NS
from tests.writer.talk import Wire

OPENED = connection(shake("three-way", "completed", total=20.0), anomalies=None, time_wait=None)
CUT = {"capture": {"files": [{"truncated": True}]}}


@story("cut-tail.pcap", OPENED, problems=("cut-tail",), exit_codes=(3,), document=CUT)
def cut_tail(wire: Wire) -> bytes:
    """The last record is cut in the middle of its frame, as a full disk or a killed tcpdump leaves it."""
    short(wire)
    return wire.pcap()[:-20]


@story("cut-in-record-header.pcap", OPENED, problems=("cut-tail",), exit_codes=(3,))
def cut_in_record_header(wire: Wire) -> bytes:
    """The file ends five bytes into a record's header."""
    short(wire)
    last = wire.frames[-1]
    return wire.pcap()[: -len(pcap_record(last)) + 5]


@story("cut-tail.pcapng", OPENED, problems=("cut-tail",), exit_codes=(3,))
def cut_tail_pcapng(wire: Wire) -> bytes:
    """The last block of a pcapng file is cut."""
    short(wire)
    return wire.pcapng()[:-20]


@story("cut-tail.pcap.gz", OPENED, problems=("cut-tail",), exit_codes=(3,))
def cut_compressed(wire: Wire) -> bytes:
    """The pcap file in a whole gzip file is cut."""
    short(wire)
    return wire.pcap()[:-20]


@story("corrupt-record.pcap", OPENED, problems=("corrupt-record",), exit_codes=(3,))
def corrupt_record(wire: Wire) -> bytes:
    """A record claims to be two gigabytes long: what stands before it is analysed."""
    short(wire)
    before, behind = wire.frames[:6], wire.frames[6:]
    broken = struct.pack("<IIII", EPOCH_NS // 10**9, 0, 0x7FFFFFF0, 0x7FFFFFF0) + b"\xff" * 40
    return pcap(before) + broken + b"".join(map(pcap_record, behind))


@story("corrupt-block.pcapng", OPENED, problems=("corrupt-block",), exit_codes=(3,))
def corrupt_block(wire: Wire) -> bytes:
    """A pcapng block whose two lengths disagree."""
    short(wire)
    file = Pcapng()
    file.interface(Interface(1, resolution=9))
    for frame in wire.frames:
        file.enhanced(frame)
    file.blocks[8] = file.blocks[8][:-4] + struct.pack("<I", 13)
    return file.bytes()


@story("empty.pcap", exit_codes=(2,), problems=None, stated=False)
def empty(_wire: Wire) -> bytes:
    """A file of zero bytes."""
    return b""


@story("header-only.pcap", problems=None, document={"capture": {"packets": 0, "segments": 0, "start": None, "end": None}})
def header_only(_wire: Wire) -> bytes:
    """A capture that saw nothing."""
    return pcap_header(1)


@story("not-a-capture.pcap", exit_codes=(2,), problems=None, stated=False)
def not_a_capture(_wire: Wire) -> bytes:
    """A text with a wrong name."""
    return b"This is a shopping list, not a capture.\n"


@story("unknown-link-type.pcap", exit_codes=(2, 3), problems=("unknown-link-type",))
def unknown_link_type(wire: Wire) -> bytes:
    """A link type for private use (147), which nobody can decode."""
    short(wire)
    return pcap(wire.frames, 147)


@story("no-tcp.pcap", document={"capture": {"packets": 2, "segments": 0}, "summary": {"connections": 0}})
def no_tcp(wire: Wire) -> None:
    """A valid capture without TCP: an ARP request and a DNS query."""
    ethernet = dpkt.ethernet.Ethernet(src=b"\x02\0\0\0\0\x01", dst=b"\xff" * 6, type=0x0806, data=dpkt.arp.ARP())
    wire.frames_written.append(Frame(EPOCH_NS, bytes(ethernet), len(ethernet)))
    udp = dpkt.udp.UDP(sport=50000, dport=53, data=bytes(dpkt.dns.DNS(id=1, qd=[dpkt.dns.DNS.Q(name="example.org")])))
    udp.ulen = len(udp)
    packet = dpkt.ip.IP(src=b"\xc0\0\2\x0a", dst=b"\xc0\0\2\x35", p=17, data=udp)
    packet.len = len(packet)
    wire.put(bytes(packet), EPOCH_NS + 1000, from_client=True)


@story("undecodable.pcap", whole(), exit_codes=(0, 3), problems=("undecodable",))
def undecodable(wire: Wire) -> None:
    """Among good frames, some that break off or contradict themselves: an IP header of four bytes, a TCP header of
    eight, an IPv6 header that is cut.
    """
    short(wire)
    at_ns = EPOCH_NS + 5_000_000
    good = wire.frames[0].data[14:]
    wire.put(bytes([0x41]) + good[1:], at_ns, from_client=True)
    wire.put(good[:32] + b"\x20" + good[33:], at_ns + 1000, from_client=True)
    wire.put(b"\x60" + bytes(20), at_ns + 2000, from_client=True)
