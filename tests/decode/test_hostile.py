"""Arbitrary bytes give rows or problems, never an exception, and no more work than their length."""

import random
import struct
import time
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tcptrace_py.decode.linktypes import LINKS
from tcptrace_py.model.errors import CaptureError
from tests.decode.blocks import Raw, block_of, codes, decoded
from tests.decode.build import ethernet, ipv4, ipv6, tcp
from tests.decode.seam import blocks_in, seam
from tests.thorough import examples

SAMPLES = Path(__file__).parents[2] / "samples"
SEEDS_A_FRAME = 40

FULL = 65000
WLAN_HEAD = b"\x88\0" + bytes(22) + b"\x80\0"  # QoS data, with several frames in it


def in_aggregates(times: int) -> bytes:
    """A segment in 802.11 frames that sensors hand on (TZSP), each in an aggregate of the one around it."""
    frame = WLAN_HEAD + bytes(14)
    for _ in range(times):
        packet = ipv4(struct.pack("!HHHH", 1, 37008, 0, 0) + b"\1\0\0\x12\1" + frame, protocol=17)
        content = b"\xaa\xaa\3\0\0\0\x08\0" + packet
        frame = WLAN_HEAD + bytes(12) + struct.pack("!H", len(content)) + content
    return frame


NESTED = {
    "VN-Tags": (ethernet(b"\0\0\0\0\x89\x26" * 900 + b"\0\0\0\0\x08\0", 0x8926), 1),
    "security group tags": (ethernet(b"\0\0\0\0\0\0\x89\x09" * 900, 0x8909), 1),
    "bridged frames": (ethernet(b"\0\0\0\1" + ethernet(b"", 0x88E7), 0x88E7)[:14] + (b"\0\0\0\1" + ethernet(b"", 0x88E7)) * 900, 1),
    "IP in IP": (b"".join(ipv4(b"", protocol=4, length=60000) for _ in range(900)), 101),
    "labels around frames": (ethernet((b"\0\0\x01\0" + ethernet(b"", 0x8847)) * 900, 0x8847), 1),
    "GRE": (ethernet(b"".join(ipv4(b"", protocol=47, length=60000) + b"\0\0\x08\0" for _ in range(900))), 1),
    "EtherIP": (b"".join(ipv4(b"", protocol=97, length=60000) + b"\x30\0" + ethernet(b"", 0x0800) for _ in range(900)), 101),
    "packet taps": (b"\0\0\x08\0\xc0\0\0\0" * 900, 192),
    "PPP": (
        ethernet(b"\0\x21" + b"", 0x880B)[:14]
        + b"\x02\x81\0\0\1\0"
        + ethernet(b"", 0x880B) * 0
        + (ethernet(b"", 0x880B) + b"\x02\x81\0\0\1\0") * 900,
        1,
    ),
    "VLAN tags": (ethernet(b"\0\1\x81\0" * 900 + b"\0\1\x08\0" + ipv4(b""), 0x8100), 1),
    "aggregates": (in_aggregates(700), 105),
}
GREEDY = {
    "vlan tags": ethernet(b"\0\1\x81\0" * (FULL // 4), 0x8100),
    "labels": ethernet(b"\0\0\0\1" * (FULL // 4), 0x8847),
    "extension headers": ethernet(ipv6(b"\x3c\0\0\0\0\0\0\0" * (FULL // 8), following=60)),
    "atomic fragments": ethernet(ipv6(b"\x2c\0\0\0\0\0\0\1" * (FULL // 8), following=44)),
    "routes": ethernet(ipv4(b"\x40\0\x08\0\0\0\0\0" + b"\0\0\0\1\0" * (FULL // 5), protocol=47)),
    "gtp extensions": ethernet(
        ipv4(struct.pack("!HHHHBBHI", 1, 2152, FULL, 0, 0x34, 255, 0, 0) + b"\0\0\0\1" + b"\1\0\0\1" * (FULL // 4), protocol=17)
    ),
}


@settings(max_examples=examples(300), deadline=None)
@given(st.lists(st.tuples(st.sampled_from([*sorted(LINKS), 3]), st.binary(max_size=120), st.integers(0, 60)), max_size=4))
@example([(link, b"", 0) for link in sorted(LINKS)])
@example([(link, b"\xff" * 100, 0) for link in sorted(LINKS)])
@example([(link, b"\0" * 100, 0) for link in sorted(LINKS)])
def test_any_bytes(frames: list[tuple[int, bytes, int]]) -> None:
    raws = [Raw(data, link, len(data) + more) for link, data, more in frames]
    rows, problems = decoded(*raws)
    assert len(rows) + sum(row.count for row in problems.rows()) <= 12 * len(frames)
    assert seam(block_of(raws))[1] == []


@pytest.mark.parametrize("name", GREEDY)
def test_long_chains_cost_their_length(name: str) -> None:
    started = time.process_time()
    rows, _ = decoded(Raw(GREEDY[name]))
    assert rows == []
    assert time.process_time() - started < 1  # quadratic copying of 64 KB takes seconds


@pytest.mark.parametrize("name", NESTED)
def test_chains_are_given_up_by_name(name: str) -> None:
    frame, link = NESTED[name]
    rows, problems = decoded(Raw(frame, link, wire=max(65000, len(frame))), Raw(ethernet(ipv4(tcp()))))
    assert [row["frame"] for row in rows] == [2]
    assert codes(problems) == {"undecodable": 1}
    assert problems.rows()[0].first_frame == 1


def test_a_chain_in_a_quote_is_named_as_well() -> None:
    chain = b"".join(ipv4(b"", protocol=4, length=60000) for _ in range(100))
    rows, problems = decoded(Raw(ethernet(ipv4(b"\3\3" + bytes(6) + chain, protocol=1))))
    assert (rows, codes(problems)) == ([], {"undecodable": 1})


def test_as_many_tags_as_are_read_are_read_on_both_paths() -> None:
    for tags in range(1, 70):
        frame = Raw(ethernet(b"\0\1\x81\0" * (tags - 1) + b"\0\1\x08\0" + ipv4(tcp()), 0x8100))
        rows, problems = decoded(frame)
        assert (len(rows), codes(problems)) == ((1, {}) if tags <= 64 else (0, {"undecodable": 1})), tags
        assert seam(block_of([frame]))[1] == []


def test_small_fragments_cost_their_length() -> None:
    started = time.process_time()
    frames = [Raw(ethernet(ipv4(b"12345678", fragment=0x2000 | unit))) for unit in range(8000)]
    rows, problems = decoded(*frames)
    assert (rows, len(problems.rows())) == ([], 1)
    assert time.process_time() - started < 4


@pytest.mark.fuzz
def test_changed_bytes_and_cuts_of_samples() -> None:
    random.seed(7)
    for path in sorted(SAMPLES.glob("*.pcap*")):
        try:
            block = next(blocks_in(path))
        except (CaptureError, StopIteration):
            continue
        for i in range(min(block.count, 60)):
            at, size, link = block.offset[i], block.captured[i], block.link[i]
            original = block.data[at : at + size]
            changed = []
            for _ in range(SEEDS_A_FRAME):
                data = bytearray(original or b"\0")
                for _ in range(random.randint(1, 4)):
                    data[random.randrange(max(1, min(size, 120)))] = random.randrange(256)
                changed.append(Raw(bytes(data), link, block.wire[i]))
            changed += [Raw(original[:cut], link, block.wire[i]) for cut in range(min(size, 140))]
            decoded(*changed)
            assert seam(block_of(changed))[1] == []
