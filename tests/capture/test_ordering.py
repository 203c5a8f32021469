"""Frames that were written out of order: a slow model, blocks cut anywhere, and what the whole way makes of them."""

import random
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tcptrace_py.capture import open_captures, ordering
from tcptrace_py.capture.columns import BLOCK_FRAMES
from tcptrace_py.capture.ordering import WINDOW_NS, Order
from tcptrace_py.model.frames import FrameBlock
from tcptrace_py.model.problems import Problem, Problems

from .writing import S, pcap, pcapng, read

MS = 1_000_000
quick = settings(deadline=None)

# Steps of the clock from frame to frame, and how late some frames are written.
steps = st.one_of(st.just(0), st.integers(0, 60 * MS), st.integers(0, 400 * MS), st.integers(-100 * MS, 0), st.integers(-3 * S, 0))
stamps = st.lists(st.tuples(steps, st.one_of(st.just(0), st.integers(0, 250 * MS))), max_size=40).map(
    lambda rows: [S + late_ns + sum(step for step, _ in rows[: row + 1]) for row, (_, late_ns) in enumerate(rows)]
)
cuts = st.lists(st.integers(0, 40), max_size=8)


def in_order(times_ns: list[int], most_frames: int) -> tuple[list[int], list[int]]:
    """Frames in order, by definition: run by run, each sorted; and those that are late. Frame by frame, with all of the past in view."""
    runs: list[list[int]] = [[]]
    late = []
    for row, time_ns in enumerate(times_ns):
        ahead = [before for before in runs[-1] if times_ns[before] > time_ns]
        if ahead and row - min(ahead) <= most_frames and max(times_ns[before] for before in ahead) - time_ns < WINDOW_NS:
            late.append(row + 1)
        elif ahead:
            runs.append([])
        runs[-1].append(row)
    return [row + 1 for run in runs for row in sorted(run, key=lambda row: times_ns[row])], late


def through(times_ns: list[int], at: list[int]) -> tuple[list[int], list[Problem]]:
    """Numbers of the frames as they come out, of blocks cut at these rows; each block is looked at."""
    problems = Problems()
    found: list[int] = []
    lowest: list[tuple[int, int]] = []
    order = Order(problems)

    def look(block: FrameBlock) -> None:
        assert 0 < block.count <= BLOCK_FRAMES
        lowest.append((len(found), block.first_frame))
        for row, frame in enumerate(block.numbers()):
            data = block.data[block.offset[row] : block.offset[row] + block.captured[row]]
            assert (data, block.time_ns[row], block.wire[row]) == (b"%d" % frame, times_ns[frame - 1], frame)
            found.append(frame)

    for start, end in pairwise(sorted({0, len(times_ns), *(cut for cut in at if cut < len(times_ns))})):
        for block in order.take(block_of(times_ns, start, end)):
            look(block)
    for block in order.rest():
        look(block)
    assert all(min(found[row:]) >= frame for row, frame in lowest)
    return found, problems.rows()


def block_of(times_ns: list[int], start: int, end: int) -> FrameBlock:
    frames = [b"%d" % (row + 1) for row in range(start, end)]
    block = FrameBlock(b"".join(frames), start + 1)
    for row, data in enumerate(frames, start):
        block.append(times_ns[row], sum(map(len, frames[: row - start])), len(data), row + 1, 1, 0)
    return block


@given(stamps, cuts, st.sampled_from([1, 3, BLOCK_FRAMES]))
@quick
def test_as_defined_however_it_is_cut(times_ns: list[int], at: list[int], most_frames: int) -> None:
    wanted, late = in_order(times_ns, most_frames)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ordering, "MOST_FRAMES", most_frames)
        found, problems = through(times_ns, at)
    assert found == wanted
    assert [(row.code, row.count, row.first_frame) for row in problems] == ([("out-of-order", len(late), late[0])] if late else [])


def test_what_is_in_order_is_handed_on_as_it_is() -> None:
    order, blocks = Order(Problems()), [block_of([S * row for row in range(20)], start, start + 5) for start in (0, 5, 10, 15)]
    given_on = [block for one in blocks for block in order.take(one)] + list(order.rest())
    assert all(one is other for one, other in zip(given_on, blocks, strict=True))


def test_what_is_held_does_not_grow() -> None:
    """Neither where the clock stands nor where it creeps is more held than a block and what may still be overtaken."""
    for step_ns in (0, 1):
        order, held = Order(Problems()), 0
        for start in range(0, 6 * BLOCK_FRAMES, BLOCK_FRAMES):
            block = FrameBlock(b"", start + 1)
            block.count = BLOCK_FRAMES
            for name in ordering.COLUMNS[:-1]:
                getattr(block, name).extend([0] * BLOCK_FRAMES)
            for row in range(BLOCK_FRAMES):
                block.time_ns[row] = step_ns * (start + row - 3 * (row % 2))
            held += BLOCK_FRAMES - sum(one.count for one in order.take(block))
            assert held < 2 * BLOCK_FRAMES


@pytest.mark.parametrize("form", [pcap, pcapng])
def test_frames_keep_their_numbers_and_bytes(tmp_path: Path, form: Callable[[list[tuple[int, bytes]]], bytes]) -> None:
    rows = [(S + row * 5 * MS, b"%030d" % row) for row in range(50)]
    written = sorted(rows, key=lambda row: row[0] + random.Random(row[0]).randint(0, 100 * MS))
    (tmp_path / "a").write_bytes(form(written))
    got = read(tmp_path / "a")
    assert [(frame.time_ns, frame.data) for frame in got.frames] == rows
    assert [written[frame.number - 1] for frame in got.frames] == rows
    assert got.codes == ["out-of-order"]


def test_files_of_a_set_are_put_in_order_as_one(tmp_path: Path) -> None:
    """What one file lacks at its end and the next one has at its front; numbers are those that mergecap gives."""
    rows = [(S + row * 5 * MS, b"%030d" % row) for row in range(40)]
    swapped = [*rows[:18], *rows[20:23], *rows[18:20], *rows[23:]]
    (tmp_path / "a").write_bytes(pcap(swapped[:20]))
    (tmp_path / "b").write_bytes(pcap(swapped[20:]))
    got = read(tmp_path / "a", tmp_path / "b")
    assert [(frame.time_ns, frame.data) for frame in got.frames] == rows
    assert got.codes == ["out-of-order"]


def test_what_was_read_is_there_when_reading_is_ended(tmp_path: Path) -> None:
    """Ctrl-C between two blocks: frames that were held are handed on first."""
    (tmp_path / "a").write_bytes(pcap([(S + row, b"%030d" % row) for row in range(9)]))

    def ended(_done: int, _total: int | None) -> None:
        raise KeyboardInterrupt

    found: list[int] = []
    blocks = open_captures([tmp_path / "a"], Problems(), progress=ended).blocks()
    with pytest.raises(KeyboardInterrupt):
        found.extend(number for block in blocks for number in block.numbers())
    assert found == list(range(1, 10))
