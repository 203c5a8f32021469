"""The fast path gives exactly what the general path gives, on every frame that it accepts."""

import struct
from itertools import islice
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tcptrace_py.model.errors import CaptureError
from tests.decode.blocks import Raw, block_of
from tests.decode.build import CLIENT6, SERVER6, ethernet, ipv4, ipv6, tcp
from tests.decode.seam import blocks_in, seam
from tests.thorough import examples

SAMPLES = sorted(path for path in (Path(__file__).parents[2] / "samples").iterdir() if ".pcap" in path.name)
FRAMES_A_SAMPLE = 300

numbers16 = st.integers(0, 0xFFFF)
numbers32 = st.integers(0, 0xFFFFFFFF)
option = st.one_of(
    st.sampled_from([b"\1", b"\0", b"\2\4\5\xb4", b"\3\3\7", b"\4\2", b"\x22\2", b"\xfe\4\xf9\x89", b"\5\1", b"\x13\x12"]),
    st.tuples(numbers32, numbers32).map(lambda pair: struct.pack("!BBII", 8, 10, *pair)),
    st.lists(numbers32, min_size=2, max_size=8).map(lambda edges: struct.pack(f"!BB{len(edges)}I", 5, 2 + 4 * len(edges), *edges)),
    st.binary(max_size=4),
)
options = st.lists(option, max_size=5).map(b"".join).map(lambda joined: (joined + b"\0" * (-len(joined) % 4))[:40])
segments = st.builds(
    tcp,
    st.binary(max_size=9),
    ports=st.tuples(numbers16, numbers16),
    seq=numbers32,
    ack=numbers32,
    flags=st.integers(0, 0x1FF),
    window=numbers16,
    options=options,
    words=st.one_of(st.none(), st.integers(0, 15)),
    checksum=st.one_of(st.none(), numbers16),
)
lengths = st.one_of(st.none(), st.none(), st.integers(0, 80), st.just(1600))
packets4 = st.builds(
    ipv4,
    segments,
    length=lengths,
    ttl=st.integers(0, 255),
    identification=numbers16,
    fragment=st.sampled_from([0, 0x4000, 0x8000, 0x2000, 3]),
    options=st.sampled_from([b"", b"", b"\x94\x04\0\0", b"\1" * 40]),
    protocol=st.sampled_from([6, 6, 6, 6, 17, 1, 2, 50, 4, 47]),
    source=st.sampled_from(["192.0.2.1", "127.0.0.1"]),
)
packets6 = st.builds(
    ipv6,
    segments,
    source=st.just(CLIENT6),
    target=st.just(SERVER6),
    length=lengths,
    hops=st.integers(0, 255),
    following=st.sampled_from([6, 6, 6, 6, 17, 58, 0, 44]),
)
packets = st.one_of(packets4, packets6)


def tagged(packet: bytes, tags: list[tuple[int, int]]) -> bytes:
    frame = ethernet(packet)
    for kind, number in tags:
        frame = frame[:12] + struct.pack("!HH", kind, number) + frame[12:]
    return frame


def cooked(packet: bytes, packet_type: int) -> bytes:
    return struct.pack("!HHH8xH", packet_type, 1, 6, 0x86DD if packet[0] >> 4 == 6 else 0x0800) + packet


def cooked2(packet: bytes, packet_type: int) -> bytes:
    return struct.pack("!HHiHBB8x", 0x86DD if packet[0] >> 4 == 6 else 0x0800, 0, 1, 1, packet_type, 6) + packet


def loopback(packet: bytes, order: str, family6: int) -> bytes:
    return struct.pack(order + "I", family6 if packet[0] >> 4 == 6 else 2) + packet


tags = st.lists(st.tuples(st.sampled_from([0x8100, 0x88A8, 0x9100]), numbers16), max_size=3)
framed = st.one_of(
    st.tuples(st.just(1), st.builds(tagged, packets, tags)),
    st.tuples(st.just(113), st.builds(cooked, packets, st.integers(0, 5))),
    st.tuples(st.just(276), st.builds(cooked2, packets, st.integers(0, 5))),
    st.tuples(st.sampled_from([0, 108]), st.builds(loopback, packets, st.sampled_from("<>"), st.sampled_from([10, 24, 30]))),
    st.tuples(st.sampled_from([12, 14, 101, 228, 229]), packets),
)


@st.composite
def frames(draw: st.DrawFn) -> Raw:
    """Frames that are right, padded, cut, or have a byte changed."""
    link, data = draw(framed)
    wire = len(data)
    change = draw(st.sampled_from(["none", "none", "pad", "cut", "byte"]))
    if change == "pad":
        data += bytes(draw(st.integers(1, 20)))
        wire = len(data)
    elif change == "cut":
        data = data[: draw(st.integers(0, len(data)))]
    elif change == "byte":
        at = draw(st.integers(0, min(len(data) - 1, 80)))
        data = data[:at] + bytes([draw(st.integers(0, 255))]) + data[at + 1 :]
    return Raw(data, link, wire)


@settings(max_examples=examples(400), deadline=None)
@given(st.lists(frames(), min_size=1, max_size=4))
def test_built_frames(built: list[Raw]) -> None:
    assert seam(block_of(built))[1] == []


@settings(max_examples=60, deadline=None)
@given(st.sampled_from([1, 113, 276, 0, 101]), segments.filter(lambda segment: segment[12] >> 4 == 5))
def test_plain_frames_are_accepted(link: int, segment: bytes) -> None:
    packet = ipv4(segment)
    frame = {1: ethernet(packet), 113: cooked(packet, 0), 276: cooked2(packet, 4), 0: loopback(packet, "<", 30)}
    assert seam(block_of([Raw(frame.get(link, packet), link)])) == (1, [])


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name)
def test_samples(path: Path) -> None:
    try:
        blocks = list(islice(blocks_in(path), 1))
    except CaptureError:
        pytest.skip("no capture, on purpose, or its compression is not installed")
    for block in blocks:
        block.count = min(block.count, FRAMES_A_SAMPLE)
        assert seam(block)[1] == []
