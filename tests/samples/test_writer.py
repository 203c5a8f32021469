"""The writer: what it packs is what dpkt and the file readers unpack, and its sides count as TCP counts."""

import io
from collections.abc import Callable
from ipaddress import ip_address

import dpkt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.writer import links, packets, segment
from tests.writer.files import Frame, Interface, compressed, decompressed, pcap, pcapng
from tests.writer.segment import Endpoint, Segment
from tests.writer.side import EPOCH_NS, filler, is_before
from tests.writer.talk import Talk, Tap, Wire

NUMBER = st.integers(0, 2**32 - 1)
PORT = st.integers(0, 65535)
FLAGS = st.text("FSRPAUEC", max_size=8).map(lambda letters: "".join(sorted(set(letters))))
PAYLOAD = st.binary(max_size=300)
V4 = st.ip_addresses(v=4).map(str)
V6 = st.ip_addresses(v=6).map(str)


def _segment(flags: str = "A", seq: int = 1, payload: bytes = b"", address: str = "192.0.2.1") -> Segment:
    return Segment(Endpoint(address, 40000), Endpoint(address, 80), True, flags, seq, 7, payload, 500, b"", ttl=64, ip_id=5)


@given(
    addresses=st.tuples(V4, V4) | st.tuples(V6, V6), ports=st.tuples(PORT, PORT), flags=FLAGS, seq=NUMBER, ack=NUMBER,
    payload=PAYLOAD, value=NUMBER,
)  # fmt: skip
def test_packet_holds_what_the_segment_says(
    *, addresses: tuple[str, str], ports: tuple[int, int], flags: str, seq: int, ack: int, payload: bytes, value: int
) -> None:
    source, target = (Endpoint(*end) for end in zip(addresses, ports, strict=True))
    options = segment.pack_options(segment.mss(1460), segment.timestamps(value, 0))
    sent = Segment(source, target, True, flags, seq, ack, payload, 77, options, ttl=61, ip_id=9)
    packed = packets.plain(sent)[0]
    packet = dpkt.ip6.IP6(packed) if ":" in source.address else dpkt.ip.IP(packed)
    assert (packet.src, packet.dst) == (source.packed, target.packed)
    tcp = packet.data
    assert (tcp.sport, tcp.dport, tcp.seq, tcp.ack, tcp.win) == (*ports, seq, ack, 77)
    assert tcp.flags == sum(segment.FLAG_BITS[letter] for letter in flags)
    assert (tcp.opts, tcp.data) == (options, payload)
    pseudo = source.packed + target.packed + len(bytes(tcp)).to_bytes(4, "big") + b"\0\0\0\x06"
    assert dpkt.in_cksum(pseudo + bytes(tcp)) == 0


def test_bad_checksum_is_bad() -> None:
    good = _segment().tcp()
    bad = Segment(**{**vars(_segment()), "checksum_good": False}).tcp()
    assert good[:16] == bad[:16]
    assert good[16:18] != bad[16:18]


@given(flags=st.sampled_from(["", "S", "F", "SF", "A"]), seq=NUMBER, payload=PAYLOAD)
def test_sequence_length(flags: str, seq: int, payload: bytes) -> None:
    sent = _segment(flags, seq, payload)
    assert sent.end == (seq + len(payload) + len(set(flags) & set("SF"))) % 2**32


@pytest.mark.parametrize(
    ("text", "address", "port"),
    [("192.0.2.1:80", "192.0.2.1", 80), ("[2001:db8::1]:443", "2001:db8::1", 443)],
)
def test_endpoint_of_text(text: str, address: str, port: int) -> None:
    assert Endpoint.of(text) == Endpoint(address, port)
    assert Endpoint.of(text).packed == ip_address(address).packed


@given(size=st.integers(1, 40).map(lambda eighths: eighths * 8), length=st.integers(0, 700), six=st.booleans())
def test_fragments_join_to_the_segment(size: int, length: int, six: bool) -> None:
    sent = _segment(payload=filler(0, length), address="2001:db8::1" if six else "192.0.2.1")
    joined: dict[int, bytes] = {}
    for packed in packets.in_fragments(size)(sent):
        if six:
            joined[int.from_bytes(packed[42:44], "big") & 0xFFF8] = packed[48:]
        else:
            joined[(int.from_bytes(packed[6:8], "big") & 0x1FFF) * 8] = packed[20:]
    assert b"".join(joined[offset] for offset in sorted(joined)) == sent.tcp()


def _inner(name: str) -> Callable[[bytes], bytes]:
    """How dpkt finds the IP packet in a frame, for the links that it knows."""
    return {
        "ethernet": lambda frame: bytes(dpkt.ethernet.Ethernet(frame).data),
        "vlan": lambda frame: bytes(dpkt.ethernet.Ethernet(frame).data),
        "mpls": lambda frame: bytes(dpkt.ethernet.Ethernet(frame).data),
        "cooked": lambda frame: bytes(dpkt.sll.SLL(frame).data),
        "cooked2": lambda frame: bytes(dpkt.sll2.SLL2(frame).data),
        "null": lambda frame: bytes(dpkt.loopback.Loopback(frame).data),
        "gre": lambda frame: bytes(dpkt.ethernet.Ethernet(frame).data.data.data),
        "ip-in-ip": lambda frame: bytes(dpkt.ethernet.Ethernet(frame).data.data),
    }[name]


@pytest.mark.parametrize(
    ("name", "link", "through"),
    [
        ("ethernet", links.ETHERNET, ()),
        ("vlan", links.Link(1, (links.vlan(5), links.vlan(6, 0x88A8), links.ethernet())), ()),
        ("mpls", links.Link(1, (links.mpls(16, 17), links.ethernet())), ()),
        ("cooked", links.COOKED, ()),
        ("cooked2", links.COOKED2, ()),
        ("null", links.NULL, ()),
        ("gre", links.ETHERNET, (links.gre(),)),
        ("ip-in-ip", links.ETHERNET, (links.ip_in_ip,)),
    ],
)
def test_link_carries_the_packet(name: str, link: links.Link, through: tuple[links.Wrap, ...]) -> None:
    packet = packets.plain(_segment(payload=b"hello"))[0]
    frame = link.frame(packet, from_client=True, through=through)
    assert frame.endswith(packet)
    assert _inner(name)(frame) == packet


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("nanoseconds", [False, True])
def test_pcap_reads_back(order: str, nanoseconds: bool) -> None:
    frames = [Frame(EPOCH_NS + 123_456_789, b"abc", 3), Frame(EPOCH_NS + 2_000_000_000, b"defgh", 9)]
    read = list(dpkt.pcap.Reader(io.BytesIO(pcap(frames, order=order, nanoseconds=nanoseconds))))
    assert [data for _, data in read] == [b"abc", b"defgh"]
    # dpkt gives floats, whose steps are 238 ns at this date
    assert [round((float(at) - EPOCH_NS / 1e9) * 1e6) for at, _ in read] == [123_457 - (not nanoseconds), 2_000_000]


def test_pcapng_reads_back() -> None:
    frames = [Frame(EPOCH_NS + 5_000_000, b"abcd", 4), Frame(EPOCH_NS + 7_000_000, b"efghi", 5)]
    read = list(dpkt.pcapng.Reader(io.BytesIO(pcapng(frames))))
    assert [data for _, data in read] == [b"abcd", b"efghi"]


@pytest.mark.parametrize(
    ("interface", "ticks"),
    [
        (Interface(), 1_500_000),
        (Interface(resolution=9), 1_500_000_000),
        (Interface(resolution=0), 1),
        (Interface(resolution=0x80 | 1), 3),
        (Interface(resolution=3, offset_s=1), 500),
    ],
)
def test_pcapng_clocks(interface: Interface, ticks: int) -> None:
    assert interface.ticks(1_500_000_000) == ticks


@pytest.mark.parametrize("suffix", ["gz", "bz2", "xz", "zst", "lz4", "pcap"])
@pytest.mark.parametrize("data", [b"x", bytes(range(256)) * 900], ids=["small", "large"])
def test_compression_reads_back(suffix: str, data: bytes) -> None:
    assert decompressed(compressed(data, suffix), suffix) == data


@pytest.mark.parametrize("data", [b"x", bytes(range(256)) * 900], ids=["small", "large"])
def test_stored_zstd_and_lz4_are_valid(data: bytes) -> None:
    zstandard = pytest.importorskip("zstandard")
    lz4 = pytest.importorskip("lz4.frame")
    assert zstandard.ZstdDecompressor().stream_reader(io.BytesIO(compressed(data, "zst"))).read() == data
    assert lz4.decompress(compressed(data, "lz4")) == data


def _numbers(wire: Wire) -> list[tuple[int, int, int]]:
    """(flags, seq, ack) of each frame of an Ethernet wire."""
    tcp = [dpkt.ethernet.Ethernet(frame.data).data.data for frame in wire.frames]
    return [(part.flags, part.seq, part.ack) for part in tcp]


def test_sides_count_sequence_numbers() -> None:
    wire = Wire()
    talk = wire.talk(isn=(100, 2**32 - 1))
    talk.open()
    talk.client.send("PA", 10)
    talk.server.send("FA")
    assert _numbers(wire) == [(2, 100, 0), (18, 2**32 - 1, 101), (16, 101, 0), (24, 101, 0), (17, 0, 111)]


def test_what_is_lost_is_not_acknowledged() -> None:
    wire = Wire()
    talk = wire.talk(isn=(100, 500))
    talk.open()
    lost = talk.client.send("PA", 10, lost="before")
    talk.client.send("PA", 10)
    talk.server.send("A")
    talk.client.resend(lost)
    talk.server.send("A")
    assert _numbers(wire)[3:] == [(24, 111, 501), (16, 501, 101), (24, 101, 501), (16, 501, 121)]


def test_unseen_is_received() -> None:
    wire = Wire()
    talk = wire.talk(isn=(100, 500))
    talk.open()
    talk.client.send("PA", 10, lost="unseen")
    talk.server.send("A")
    assert _numbers(wire)[3:] == [(16, 501, 111)]


@pytest.mark.parametrize(("tap", "legs_us"), [("client", (19960, 40)), ("server", (40, 19960)), ("middle", (10000, 10000))])
def test_tap_stands_where_it_is_said_to(tap: str, legs_us: tuple[int, int]) -> None:
    wire = Wire()
    wire.talk(tap=tap, rtt_s=0.02).open()
    syn, synack, ack = (frame.at_ns for frame in wire.frames)
    assert ((synack - syn) // 1000, (ack - synack) // 1000) == legs_us


def test_crossing_segments_do_not_know_of_each_other() -> None:
    wire = Wire()
    talk = wire.talk(isn=(100, 500), tap="middle")
    talk.open()
    with talk.crossing():
        talk.client.send("FA")
        talk.server.send("FA")
    assert sorted(_numbers(wire)[3:]) == [(17, 101, 501), (17, 501, 101)]


def test_what_arrives_before_the_other_was_sent_does_not_cross_it() -> None:
    talk = Wire().talk(rtt_s=0.02)
    talk.open()

    def cross() -> None:
        with talk.crossing():
            talk.client.send("FA")
            talk.server.send("FA", after=0.03)

    with pytest.raises(ValueError, match="no crossing"):
        cross()


def test_taps_copy_frames() -> None:
    wire = Wire()
    talk = wire.talk(taps=(Tap(), Tap(after_s=1e-6, hops=1)))
    talk.client.send("S")
    first, second = (dpkt.ethernet.Ethernet(frame.data).data for frame in wire.frames)
    assert (first.ttl, second.ttl, first.id) == (64, 63, second.id)


@given(left=NUMBER, step=st.integers(1, 2**31 - 1))
def test_before_is_modular(left: int, step: int) -> None:
    right = (left + step) % 2**32
    assert is_before(left, right)
    assert not is_before(right, left)
    assert not is_before(left, left)


def test_same_story_gives_the_same_bytes() -> None:
    def told() -> bytes:
        wire = Wire()
        talk: Talk = wire.talk()
        talk.open()
        talk.exchange()
        talk.close("server")
        return wire.pcapng()

    assert told() == told()
