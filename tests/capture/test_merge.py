"""Several files as one: a slow model, mergecap itself, and runs handed on without copying."""

import shutil
import struct
import subprocess
from functools import partial
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tcptrace_py.capture import BLOCK_FRAMES, file, open_captures, reader
from tcptrace_py.capture.file import Opened
from tcptrace_py.capture.merge import Input, merge
from tcptrace_py.model.frames import FrameBlock
from tcptrace_py.model.problems import Problems
from tests.thorough import examples

from .writing import S, payload, pcap, pcapng, read

Rows = list[tuple[int, bytes]]
MERGECAP = shutil.which("mergecap")


def slowly(files: list[Rows]) -> Rows:
    """Merge as wiretap/merge.c: the earliest head, of equal ones the last file's."""
    places = [0] * len(files)
    merged = []
    while heads := [(files[index][place][0], -index) for index, place in enumerate(places) if place < len(files[index])]:
        index = -min(heads)[1]
        merged.append(files[index][places[index]])
        places[index] += 1
    return merged


def tagged(times_s: list[list[int]]) -> list[Rows]:
    return [[(time_s * S, struct.pack(">II", index, row)) for row, time_s in enumerate(times)] for index, times in enumerate(times_s)]


def write(folder: Path, files: list[Rows]) -> list[Path]:
    paths = []
    for index, rows in enumerate(files):
        paths.append(folder / f"{index}.capture")
        paths[-1].write_bytes(pcapng(rows) if index % 3 == 2 else pcap(rows))
    return paths


times_of_files = st.lists(st.lists(st.integers(1, 12), max_size=12), min_size=2, max_size=5)


@given(times_of_files)
@settings(deadline=None, max_examples=examples(60), suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_files_merge_like_the_model(tmp_path: Path, times_s: list[list[int]]) -> None:
    files = tagged(times_s)
    got = read(*write(tmp_path, files))
    assert [(frame.time_ns, frame.data) for frame in got.frames] == slowly(files)
    assert [info.packets for info in got.files] == [len(rows) for rows in files]
    assert got.problems == []


@pytest.mark.skipif(MERGECAP is None, reason="mergecap is not installed")
@pytest.mark.parametrize(
    "times_s",
    [
        [[5, 6, 6, 3, 9], [5, 6, 7, 2, 9], [5, 6]],
        [[1, 2, 3], [3, 4, 5], [5, 6, 7]],
        [[9, 1, 5], [2, 8, 2], [4, 4, 4, 1]],
        [[1], [1], [1], [1]],
    ],
)
def test_the_order_is_mergecaps(tmp_path: Path, times_s: list[list[int]]) -> None:
    paths = write(tmp_path, tagged(times_s))
    command = [str(MERGECAP), "-F", "nsecpcap", "-w", str(tmp_path / "merged"), *map(str, paths)]
    subprocess.run(command, check=True, capture_output=True)
    ours, theirs = read(*paths), read(tmp_path / "merged")
    assert [frame[:3] for frame in ours.frames] == [frame[:3] for frame in theirs.frames]


def blocks_of(rows: Rows, size: int) -> list[FrameBlock]:
    """Blocks of `size` rows, their data one behind the other."""
    blocks = []
    for start in range(0, len(rows), size):
        part = rows[start : start + size]
        blocks.append(FrameBlock(b"".join(data for _time_ns, data in part), 1))
        for row, (time_ns, data) in enumerate(part):
            blocks[-1].append(time_ns, row * 8, len(data), len(data), 1, 0)
    return blocks


@given(st.lists(st.lists(st.tuples(st.integers(0, 3), st.integers(1, 900)), max_size=6), min_size=1, max_size=4))
@settings(deadline=None, max_examples=examples(40))
def test_long_runs_merge_like_the_model(runs: list[list[tuple[int, int]]]) -> None:
    """Runs of equal times long enough to be handed on whole or in part."""
    files = tagged([[time_s for time_s, length in file for _ in range(length)] for file in runs])
    got: Rows = []
    for block in merge([Input(rows[0][0] if rows else 0, partial(iter, blocks_of(rows, 700))) for rows in files]):
        assert block.first_frame == len(got) + 1
        assert 0 < block.count <= BLOCK_FRAMES
        got += [(block.time_ns[row], block.data[block.offset[row] : block.offset[row] + block.captured[row]]) for row in range(block.count)]
    assert got == slowly(files)


def test_a_rotated_set_is_handed_on_as_it_is(tmp_path: Path) -> None:
    files = [[((start + number) * S, payload(start + number)) for number in range(3000)] for start in (6000, 0, 3000)]
    paths = write(tmp_path, files)
    problems = Problems()
    blocks = list(open_captures(paths, problems).blocks())
    assert [block.count for block in blocks] == [3000] * 3
    assert [block.first_frame for block in blocks] == [1, 3001, 6001]
    assert [block.time_ns[0] for block in blocks] == [0, 3000 * S, 6000 * S]
    assert all(len(block.data) > 3000 * 36 for block in blocks)  # the file's own bytes, headers and all


def test_interfaces_differ_between_files(tmp_path: Path) -> None:
    got = read(*write(tmp_path, tagged([[1, 4], [2, 5], [3, 6]])))
    assert [frame.interface for frame in got.frames[:3]] == [frame.interface for frame in got.frames[3:]]
    assert len({frame.interface for frame in got.frames}) == 3


def test_damage_in_one_file_leaves_the_others_whole(tmp_path: Path) -> None:
    paths = write(tmp_path, tagged([[1, 3, 5], [2, 4, 6]]))
    paths[0].write_bytes(paths[0].read_bytes()[:-3])
    got = read(*paths)
    assert [frame.time_ns // S for frame in got.frames] == [1, 2, 3, 4, 6]
    assert (got.only_problem.code, got.only_problem.first_frame) == ("cut-tail", None)
    assert str(paths[0]) in got.only_problem.explanation
    assert [info.truncated for info in got.files] == [True, False]


def test_damage_before_the_first_frame_is_not_overlooked(tmp_path: Path) -> None:
    paths = write(tmp_path, tagged([[1, 3], [2, 4]]))
    paths[0].write_bytes(paths[0].read_bytes()[:24] + b"\xff" * 400)
    got = read(*paths)
    assert len(got.frames) == 2
    assert got.codes == ["corrupt-record"]


@pytest.mark.parametrize(("overlap", "most"), [(False, 1), (True, 20)])
def test_buffers_are_small_only_where_many_files_are_open_at_once(
    overlap: bool, most: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    counts = []

    class Noted(Opened):
        @property
        def piece_bytes(self) -> int:
            counts.append(self.count)
            return super().piece_bytes

    monkeypatch.setattr(reader, "Opened", Noted)
    paths = [tmp_path / f"{number:02}" for number in range(20)]
    for number, path in enumerate(paths):
        path.write_bytes(pcap([(S * (row * 100 + number if overlap else number * 100 + row), payload(row)) for row in range(5)]))
    assert len(read(*paths).frames) == 100
    assert max(counts) == most
    assert Opened().piece_bytes > file.SMALL_PIECE_BYTES
