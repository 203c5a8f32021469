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
from tests.decode.blocks import Raw, block_of, decoded
from tests.decode.build import ethernet, ipv4, ipv6
from tests.decode.seam import blocks_in, seam

SAMPLES = Path(__file__).parents[2] / "samples"
SEEDS_A_FRAME = 40

FULL = 65000
GREEDY = {
    "vlan tags": ethernet(b"\0\1\x81\0" * (FULL // 4), 0x8100),
    "labels": ethernet(b"\0\0\0\1" * (FULL // 4), 0x8847),
    "extension headers": ethernet(ipv6(b"\x3c\0\0\0\0\0\0\0" * (FULL // 8), following=60)),
    "atomic fragments": ethernet(ipv6(b"\x2c\0\0\0\0\0\0\1" * (FULL // 8), following=44)),
    "routes": ethernet(ipv4(b"\x40\0\x08\0\0\0\0\0" + b"\0\0\0\1\0" * (FULL // 5), protocol=47)),
    "gtp extensions": ethernet(ipv4(struct.pack("!HHHHBBHI", 1, 2152, FULL, 0, 0x34, 255, 0, 0) + b"\0\0\0\1"
                                    + b"\1\0\0\1" * (FULL // 4), protocol=17)),
}


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.sampled_from([*sorted(LINKS), 3]), st.binary(max_size=120), st.integers(0, 60)),
                max_size=4))
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
            original = block.data[at:at + size]
            changed = []
            for _ in range(SEEDS_A_FRAME):
                data = bytearray(original or b"\0")
                for _ in range(random.randint(1, 4)):
                    data[random.randrange(max(1, min(size, 120)))] = random.randrange(256)
                changed.append(Raw(bytes(data), link, block.wire[i]))
            changed += [Raw(original[:cut], link, block.wire[i]) for cut in range(min(size, 140))]
            decoded(*changed)
            assert seam(block_of(changed))[1] == []
