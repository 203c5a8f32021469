"""Blocks between processes: each gets the segments that are its own, and all of what is known of them; frames come as they were."""

from __future__ import annotations

from array import array
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tcptrace_py.capture import open_captures
from tcptrace_py.decode import Decoder
from tcptrace_py.model.problems import Problems
from tcptrace_py.model.segments import SegmentBlock
from tcptrace_py.model.words import BUCKETS, RECENT, bucket
from tcptrace_py.pipeline.partition import (
    FRAME_COLUMNS,
    ROW_MOST_BYTES,
    AreaFullError,
    frames_size,
    pack,
    pack_frames,
    tell_owners,
    unpack,
    unpack_frames,
)
from tests.decode.blocks import rows_of
from tests.thorough import some

if TYPE_CHECKING:
    from tcptrace_py.model.frames import FrameBlock

SAMPLES = Path(__file__).parents[2] / "samples"
JOBS = 3
OWNER_OF = array("i", [at % JOBS for at in range(BUCKETS)])
NOT_SENT = {"checksum", "sack_right"}  # nothing in the replay asks for them
OF_BLOCKS = {"count", "data", "era_ns", "foreign", "key_at", "me", "odd", "owner"}
SENT = ("key", *(name for name in SegmentBlock.__slots__ if name not in NOT_SENT | OF_BLOCKS | {"key"}))
CAPTURES = some(path for path in sorted(SAMPLES.glob("*.pcap*")) if path.name not in ("empty.pcap", "not-a-capture.pcap"))


def sent(block: SegmentBlock) -> list[tuple[Any, ...]]:
    """What others are told of each row, the key first."""
    return list(zip(*[getattr(block, name)[: block.count] for name in SENT], strict=True))


def blocks(path: Path) -> list[FrameBlock]:
    return list(open_captures([str(path)], Problems()).blocks())


def dealt(path: Path, me: int, sample: int) -> list[SegmentBlock]:
    decoder = Decoder(Problems(), checksum_sample=sample)
    decoder.share(OWNER_OF, me, lambda: None)
    found = [decoder.decode(block) for block in blocks(path)]
    for block in found:
        tell_owners(block, OWNER_OF, me)
    return found


@pytest.mark.parametrize("sample", [0, 1000])
def test_everybody_gets_its_own(sample: int) -> None:
    """`sample`: up to that frame checksums are looked at, for which every segment needs its key."""
    shared = 0
    for path in CAPTURES:
        decoder = Decoder(Problems(), checksum_sample=sample)
        every = [sent(decoder.decode(block)) for block in blocks(path)]
        for me in range(JOBS):
            area = memoryview(bytearray(1 << 20))
            for whole, block in zip(every, dealt(path, me, sample), strict=True):
                owners = [OWNER_OF[bucket(key, 4 if len(key) < 36 else 16)] for key, *_ in whole]
                assert list(block.owner[: block.count]) == owners
                assert block.foreign == sum(owner != me for owner in owners)
                own = [row for row, owner in zip(sent(block), owners, strict=True) if owner == me]
                assert own == [row for row, owner in zip(whole, owners, strict=True) if owner == me]
                for to in set(range(JOBS)) - {me}:
                    count, end = pack(block, to, area, 0)
                    theirs = SegmentBlock(max(count, 1))
                    assert unpack(area, 0, count, theirs, [b""] * RECENT) == end
                    assert sent(theirs) == [row for row, owner in zip(whole, owners, strict=True) if owner == to]
                    shared += count
    assert shared > 1000


def test_a_block_is_used_again() -> None:
    """What unpacking left in a block does not show in the next rows."""
    tagged, plain = (dealt(SAMPLES / name, JOBS, 0)[0] for name in ("vlan.pcap", "microseconds.pcap"))
    assert any(vlan >= 0 for vlan in tagged.vlan)
    area, again = memoryview(bytearray(1 << 16)), SegmentBlock(64)
    for block in (tagged, plain):
        for to in range(JOBS):
            again.clear()
            count, _ = pack(block, to, area, 0)
            unpack(area, 0, count, again, [b""] * RECENT)
            assert [row["vlan"] for row in rows_of(again)] == [block.vlan[i] for i in range(block.count) if block.owner[i] == to]


def test_an_area_may_be_too_small() -> None:
    block = dealt(SAMPLES / "microseconds.pcap", JOBS, 0)[0]
    _, end = pack(block, block.owner[0], memoryview(bytearray(1 << 16)), 0)
    for size in (ROW_MOST_BYTES, end - 1):  # neither the columns, nor the last key
        with pytest.raises(AreaFullError):
            pack(block, block.owner[0], memoryview(bytearray(size)), 0)
    assert pack(block, block.owner[0], memoryview(bytearray(end)), 0)[1] == end


def test_frames_come_as_they_were() -> None:
    """But for the bytes between them, and where they lie."""
    for path in CAPTURES:
        for block in blocks(path):
            size = frames_size(block)
            area = memoryview(bytearray(size + 9))
            pack_frames(block, area)
            again = unpack_frames(area[:size])
            assert (again.count, again.first_frame) == (block.count, block.first_frame)
            assert len(again.data) == sum(block.captured[: block.count])
            for name in FRAME_COLUMNS:
                assert getattr(again, name) == getattr(block, name)[: block.count]
            for i in range(block.count):
                start, there = again.offset[i], block.offset[i]
                assert again.data[start : start + again.captured[i]] == block.data[there : there + block.captured[i]]
            with pytest.raises((ValueError, TypeError)):
                pack_frames(block, memoryview(bytearray(size - 1)))


@pytest.mark.parametrize(
    ("address_step", "port_step"), [(1, 1), (1, -1), (1, 0), (0, 1), (0, 2), (256, 0), (7, 13)], ids=lambda step: f"{step:+}"
)
@pytest.mark.parametrize("size", [4, 16])
def test_four_tuples_that_count_up_are_dealt_out_evenly(address_step: int, port_step: int, size: int) -> None:
    found = [0] * BUCKETS
    for n in range(8000):
        client, port = (0x0B000000 + n * address_step).to_bytes(size), (30000 + n * port_step) % 65536
        key = client + bytes(size - 1) + b"\1" + port.to_bytes(2) + b"\0P"
        back = key[size : 2 * size] + client + key[-2:] + key[-4:-2]
        assert bucket(key, size) == bucket(back, size)
        found[bucket(key, size)] += 1
    for first in (16, 26, 32, 48):
        assert 0.9 < sum(found[:first]) / 8000 * BUCKETS / first < 1.1
