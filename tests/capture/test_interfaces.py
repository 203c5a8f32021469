"""Which interfaces of several files are one: those of files that follow each other, where link type and name agree."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tcptrace_py.capture import file, heads, open_captures
from tcptrace_py.capture.ranges import Cuts
from tcptrace_py.model.problems import Problems
from tcptrace_py.model.results import Scope
from tcptrace_py.model.segments import COOKED_INTERFACES
from tcptrace_py.pipeline import run
from tests.capture.writing import enhanced, interface, pcap, section, snoop

if TYPE_CHECKING:
    from collections.abc import Sequence

RAW, ETHERNET, COOKED2 = 101, 1, 276


def numbers(folder: Path, files: Sequence[bytes]) -> list[list[int]]:
    """The interfaces' numbers of the frames of each file, which are told apart by their data: the same read at once and in ranges."""
    paths = [folder / f"{at}" for at in range(len(files))]
    for path, data in zip(paths, files, strict=True):
        path.write_bytes(data)
    ranges = Cuts([heads.look_at(str(path), alone=len(paths) == 1) for path in paths], 1 << 30).ranges([])
    ways = []
    for blocks in (open_captures(paths, Problems()).blocks(), (block for one in ranges for block in one.blocks(Problems()))):
        found: list[list[int]] = [[] for _ in files]
        for block in blocks:
            for i in range(block.count):
                found[block.data[block.offset[i]]].append(block.interface[i])
        ways.append(found)
    assert ways[0] == ways[1]
    return ways[0]


def frames(at: int, times_s: Sequence[int]) -> list[tuple[int, bytes]]:
    return [(time_s * 10**9, bytes([at]) * 20) for time_s in times_s]


def written(at: int, times_s: Sequence[int], *described: tuple[int, bytes | None]) -> bytes:
    """A pcapng of interfaces of these link types and names; its frames are of one after the other."""
    heads = [interface(link, tsresol=9, name=name) for link, name in described]
    packets = [enhanced(*packet, place % len(described)) for place, packet in enumerate(frames(at, times_s))]
    return section() + b"".join(heads + packets)


def test_files_that_follow_each_other_are_of_one_interface(tmp_path: Path) -> None:
    files = [pcap(frames(at, times_s)) for at, times_s in enumerate(((5, 6), (1, 2), (3, 4), (7, 8)))]
    assert numbers(tmp_path, files) == [[0, 0]] * 4


def test_files_without_frames_change_nothing(tmp_path: Path) -> None:
    assert numbers(tmp_path, [pcap(frames(0, (1, 2))), pcap([]), pcap(frames(2, (3,))), pcap([])]) == [[0, 0], [], [0], []]


def test_files_of_the_same_time_are_of_others(tmp_path: Path) -> None:
    found = numbers(tmp_path, [pcap(frames(at, times_s)) for at, times_s in enumerate(((1, 4), (2, 3)))])
    assert found == [[0, 0], [1, 1]]


def test_files_that_touch_are_of_the_same_time(tmp_path: Path) -> None:
    """A frame of the same time as another file's last one may come before it (`merge`)."""
    assert numbers(tmp_path, [pcap(frames(0, (1, 2))), pcap(frames(1, (2, 3)))]) == [[0, 0], [1, 1]]


def test_what_begins_where_two_have_ended_is_of_none_of_them(tmp_path: Path) -> None:
    files = [pcap(frames(at, times_s)) for at, times_s in enumerate(((1, 4), (2, 3), (5, 6), (7, 8)))]
    first, second, third, fourth = (set(found) for found in numbers(tmp_path, files))
    assert len(first | second | third) == 3
    assert third == fourth


def test_what_goes_on_while_another_lasts_follows_the_one_that_ended(tmp_path: Path) -> None:
    files = [pcap(frames(at, times_s)) for at, times_s in enumerate(((1, 2), (1, 9), (3, 4), (5, 6)))]
    first, other, second, third = (set(found) for found in numbers(tmp_path, files))
    assert first == second == third != other


@pytest.mark.parametrize(
    ("before", "behind", "same"),
    [
        (((ETHERNET, None),), ((ETHERNET, None),), [True]),
        (((ETHERNET, None),), ((RAW, None),), [False]),
        (((ETHERNET, b"eth0"),), ((ETHERNET, b"eth0"),), [True]),
        (((ETHERNET, b"eth0"),), ((ETHERNET, b"eth1"),), [False]),
        (((ETHERNET, b"eth0"), (ETHERNET, b"eth1")), ((ETHERNET, b"eth1"),), [True]),
        (((ETHERNET, None), (ETHERNET, None)), ((ETHERNET, None), (ETHERNET, None)), [True, True]),
        (((ETHERNET, None),), ((ETHERNET, None), (ETHERNET, None)), [True, False]),
    ],
)
def test_link_types_and_names_agree(
    before: tuple[tuple[int, bytes | None], ...], behind: tuple[tuple[int, bytes | None], ...], same: list[bool], tmp_path: Path
) -> None:
    first, second = numbers(tmp_path, [written(0, range(1, 9), *before), written(1, range(11, 19), *behind)])
    known = {which: [number for at, number in enumerate(first[: len(before)]) if before[at] == which] for which in before}
    for at, (which, is_same) in enumerate(zip(behind, same, strict=True)):
        found = set(second[at :: len(behind)])
        assert len(found) == 1
        assert (found == set(known.get(which, [])[behind[:at].count(which) :][:1])) == is_same


def test_interfaces_that_a_file_does_not_describe_are_there_for_the_next(tmp_path: Path) -> None:
    one, two = (ETHERNET, b"one"), (ETHERNET, b"two")
    found = numbers(tmp_path, [written(0, (1, 2), one, two), written(1, (3,), two), written(2, (4, 5), one, two)])
    assert found == [[0, 1], [1], [0, 1]]


def test_formats_may_change(tmp_path: Path) -> None:
    assert numbers(tmp_path, [snoop(frames(0, (1, 2))), pcap(frames(1, (3, 4))), written(2, (5, 6), (ETHERNET, None))]) == [[0, 0]] * 3


def test_no_other_interface_has_a_number_that_a_cooked_captures_frames_may_name(tmp_path: Path) -> None:
    files = [pcap(frames(at, times_s), link=COOKED2) for at, times_s in enumerate(((1, 4), (2, 5), (6, 7)))]
    first, second, third = (set(found) for found in numbers(tmp_path, files))
    assert abs(min(first) - min(second)) >= COOKED_INTERFACES
    assert not third & (first | second)
    assert numbers(tmp_path, [written(0, (1, 2), (COOKED2, b"any"), (ETHERNET, b"eth0"))]) == [[0, COOKED_INTERFACES]]


def test_cooked_captures_that_follow_each_other_have_the_same_interfaces(tmp_path: Path) -> None:
    """A transparent proxy's two connections of one four-tuple, told apart by the frames' interfaces, in a set of any two files."""
    data = (Path(__file__).parents[1] / "stacks" / "tproxy-two-legs-same-four-tuple.pcap").read_bytes()
    ends = [24]
    while ends[-1] < len(data):
        ends.append(ends[-1] + 16 + int.from_bytes(data[ends[-1] + 8 : ends[-1] + 12], "little"))
    files, found = [tmp_path / "one.pcap", tmp_path / "two.pcap"], set()
    for end in ends:
        files[0].write_bytes(data[:end])
        files[1].write_bytes(data[:24] + data[end:])
        found.add(tuple((row.client, row.scope) for row in run(files).connections))
    (rows,) = found
    assert [scope for _client, scope in rows] == [Scope(interface=2), Scope(interface=3)] * 2


def amid(at: int, times_s: Sequence[int], names: Sequence[bytes]) -> bytes:
    """A pcapng that describes an interface before each of its frames, which are of it."""
    packets = [enhanced(*packet, place) for place, packet in enumerate(frames(at, times_s))]
    described = [interface(ETHERNET, tsresol=9, name=name) for name in names]
    return section() + b"".join(part for pair in zip(described, packets, strict=True) for part in pair)


@pytest.mark.parametrize("piece_bytes", [400, 1 << 20])
def test_interfaces_described_amid_the_frames_are_numbered_where_they_come(
    piece_bytes: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However far a file is read ahead of the others."""
    monkeypatch.setattr(file, "PIECE_BYTES", piece_bytes)
    files = [amid(0, range(1, 60, 2), [b"%d" % i for i in range(30)]), amid(1, range(2, 61, 2), [b"%d" % i for i in range(30)])]
    assert numbers(tmp_path, files) == [[0, 1, *range(4, 60, 2)], [2, *range(3, 60, 2)]]


def test_interfaces_described_amid_the_frames_come_where_the_frame_before_them_did(tmp_path: Path) -> None:
    """Those of the first file at 1, 1 and 5 s, of the second at 2, 2 and 4 s."""
    files = [amid(0, (1, 5, 9), (b"a", b"b", b"c")), amid(1, (2, 4, 7), (b"d", b"e", b"f"))]
    assert numbers(tmp_path, files) == [[0, 1, 5], [2, 3, 4]]


def test_interfaces_described_amid_the_frames_are_taken_over(tmp_path: Path) -> None:
    files = [amid(0, (1, 4), (b"a", b"b")), amid(1, (2, 3), (b"c", b"d")), amid(2, (8, 9), (b"e", b"f")), amid(3, (10, 11), (b"f", b"e"))]
    assert numbers(tmp_path, files) == [[0, 1], [2, 3], [4, 5], [5, 4]]
