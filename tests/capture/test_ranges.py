"""Captures cut into ranges that are read apart: together they give what one reading gives."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tcptrace_py.capture import heads, open_captures
from tcptrace_py.capture.ranges import Cuts, Range
from tcptrace_py.model.problems import Problems
from tests.capture.writing import enhanced, interface, pcap, pcap_header, pcap_record, section, snoop
from tests.captures import CAPTURES
from tests.pieces import read_in_small_pieces
from tests.thorough import examples

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from tcptrace_py.model.frames import FrameBlock

Row = tuple[int, int, int, int, int, bytes]  # number, time, length on the wire, link, interface, data
SECOND_NS = 10**9


def rows(blocks: Iterable[FrameBlock]) -> list[Row]:
    return [
        (block.number(i), block.time_ns[i], block.wire[i], block.link[i], block.interface[i], frame_data(block, i))
        for block in blocks
        for i in range(block.count)
    ]


def frame_data(block: FrameBlock, i: int) -> bytes:
    return block.data[block.offset[i] : block.offset[i] + block.captured[i]]


def cut(paths: Sequence[Path], range_bytes: int) -> tuple[list[Range], Problems]:
    found = [heads.look_at(str(path), alone=len(paths) == 1) for path in paths]
    problems = Problems()
    for head in found:
        problems.merge(head.problems)
    cuts = Cuts(found, range_bytes)
    return cuts.ranges([heads.rows_before(*question) for question in cuts.open_questions()]), problems


def same(paths: Sequence[Path], range_bytes: int) -> int:
    """Hold a reading in ranges against one as a whole; how many ranges there were."""
    of_whole, (ranges, of_ranges) = Problems(), cut(paths, range_bytes)
    whole = rows(open_captures(paths, of_whole).blocks())
    assert [row for one in ranges for row in rows(one.blocks(of_ranges))] == whole
    assert of_ranges.rows() == of_whole.rows()
    assert sum(one.frames for one in ranges) == len(whole)
    return len(ranges)


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    read_in_small_pieces(monkeypatch)


@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: path.name)
def test_samples(path: Path) -> None:
    same([path], 500)


@st.composite
def files(draw: st.DrawFn) -> list[list[int]]:
    """The times of the frames of some files: one after the other, or overlapping; some late, some clocks set back."""
    found, now_ns = [], 10**18
    for _ in range(draw(st.integers(1, 4))):
        times_ns = []
        for _ in range(draw(st.integers(1, 30))):
            now_ns += draw(st.sampled_from((0, 1, 10**6, 10**8, 3 * 10**8)))
            times_ns.append(now_ns - draw(st.sampled_from((0, 0, 0, 0, 0, 0, 10**6, 10**8, 10**10))))
        found.append(times_ns)
        now_ns -= draw(st.sampled_from((0, 0, 10**8, 2 * SECOND_NS)))
    return draw(st.permutations(found))


def written(kind: str, times_ns: Sequence[int], number: int) -> bytes:
    packets = [(time_ns, bytes([number, at]) * 20) for at, time_ns in enumerate(times_ns)]
    if kind == "snoop":
        return snoop(packets)
    if kind == "pcapng":
        described, later = section() + interface(tsresol=9), section() + interface(link=101, tsresol=9) + interface(tsresol=9)
        middle = len(packets) // 2
        return b"".join(
            (described, *(enhanced(*packet) for packet in packets[:middle]), later, *(enhanced(*packet, 1) for packet in packets[middle:]))
        )
    data = pcap(packets)
    return gzip.compress(data) if kind == "gz" else data


@given(files=files(), kinds=st.lists(st.sampled_from(("pcap", "pcapng", "snoop", "gz")), min_size=4, max_size=4), size=st.integers(40, 900))
@settings(max_examples=examples(60), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_any_files_cut_anywhere(tmp_path: Path, files: list[list[int]], kinds: list[str], size: int) -> None:
    paths = []
    for number, (times_ns, kind) in enumerate(zip(files, kinds, strict=False)):
        paths.append(tmp_path / f"{number}")
        paths[-1].write_bytes(written(kind, times_ns, number))
    same(paths, size)


def test_a_large_file_is_cut_and_each_range_begins_at_a_mark(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(pcap([(10**18 + at * 10**6, bytes(50)) for at in range(100)]))
    assert same([tmp_path / "a"], 300) > 5
    ranges, _ = cut([tmp_path / "a"], 300)
    assert all(one.slices[0].mark is not None for one in ranges[1:])


def test_rotated_files_that_overlap_a_little_are_cut_inside(tmp_path: Path) -> None:
    paths = []
    for number in range(6):
        times_ns = [10**18 + number * SECOND_NS + at * 30 * 10**6 for at in range(40)]  # 0.2 s into the next one
        paths.append(tmp_path / f"{number}")
        paths[-1].write_bytes(pcap([(time_ns, bytes(50)) for time_ns in times_ns]))
    assert same(paths, 1500) >= 5


def test_a_compressed_file_is_cut_only_where_another_begins(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(gzip.compress(pcap([(10**18 + at * 10**6, bytes(50)) for at in range(100)])))
    assert same([tmp_path / "a"], 500) == 1


def test_a_clock_that_was_set_back_is_not_cut_until_it_is_over(tmp_path: Path) -> None:
    times_ns = [10**18 + at * 10**8 - (50 * 10**8 if 30 <= at < 60 else 0) for at in range(100)]
    (tmp_path / "a").write_bytes(b"".join((pcap_header(), *(pcap_record(time_ns, bytes(50)) for time_ns in times_ns))))
    ranges, _ = cut([tmp_path / "a"], 200)
    assert same([tmp_path / "a"], 200) > 3
    assert not any(30 < one.first_frame - 1 < 60 for one in ranges)


def test_a_file_that_got_shorter_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(pcap([(10**18 + at * 10**6, bytes(50)) for at in range(100)]))
    ranges, problems = cut([path], 500)
    path.write_bytes(path.read_bytes()[: 24 + 50 * 66])
    assert sum(len(rows(one.blocks(problems))) for one in ranges) == 50
    assert {row.code for row in problems.rows()} == {"read-error"}
    assert problems.damaged


def test_a_file_that_is_gone_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(pcap([(10**18, bytes(50))]))
    ranges, problems = cut([path], 500)
    path.unlink()
    assert rows(ranges[0].blocks(problems)) == []
    (problem,) = problems.rows()
    assert (problem.code, problem.damaged) == ("read-error", True)
    assert str(path) in problem.explanation
