"""pcapng: sections, interfaces, resolutions, every kind of packet block, damage."""

import struct
from pathlib import Path

import pytest

from tcptrace_py.model.errors import CaptureError
from tcptrace_py.model.frames import NOT_A_PACKET

from .writing import (
    DATA,
    ROWS,
    S,
    block,
    enhanced,
    interface,
    obsolete,
    option,
    payload,
    pcapng,
    read,
    read_bytes,
    section,
    simple,
)

START = section() + interface()
MAX_NS, MIN_NS = (1 << 62) - 1, -(1 << 62)


@pytest.mark.parametrize("order", ["<", ">"])
def test_both_byte_orders(at: Path, order: str) -> None:
    got = read_bytes(at, pcapng(ROWS, order))
    assert [(frame.time_ns, frame.data) for frame in got.frames] == ROWS
    assert got.problems == []
    assert got.files[0].format == "pcapng"


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(
    ("tsresol", "offset_s", "ticks", "time_ns"),
    [
        (None, None, 1_700_000_000_123_456, 1_700_000_000_123_456_000),
        (6, 0, 5, 5_000),
        (9, None, 1_700_000_000_123_456_789, 1_700_000_000_123_456_789),
        (0, None, 1_700_000_000, 1_700_000_000 * S),
        (3, 1_700_000_000, 1, 1_700_000_000_001_000_000),
        (6, -1, 1, -999_999_000),
        (12, None, 1_234_567, 1_234),
        (19, None, 12_345_678_901_234_567_890, 1_234_567_890),
        (127, None, (1 << 64) - 1, 0),
        (0x80, None, 3, 3 * S),
        (0x80 | 10, None, 1024 + 1, S + 976_562),
        (0x80 | 20, None, 1_700_000_000 << 20 | 1, 1_700_000_000 * S + 953),
        (0x80 | 32, None, 1_700_000_000 << 32 | 0xFFFF_FFFF, 1_700_000_000 * S + 999_999_999),
        (0x80 | 63, None, (1 << 63) + (1 << 62), 1_500_000_000),
        (0xFF, 7, 1, 7 * S),
    ],
)
def test_every_resolution_exactly(at: Path, order: str, tsresol: int | None, offset_s: int | None, ticks: int, time_ns: int) -> None:
    content = section(order) + interface(order=order, tsresol=tsresol, offset_s=offset_s)
    content += enhanced(ticks, b"abcd", order=order) + obsolete(ticks, b"abcd", order=order)
    got = read_bytes(at, content)
    assert got.times == [time_ns] * 2
    assert got.problems == []


@pytest.mark.parametrize(
    ("tsresol", "offset_s", "ticks", "time_ns"),
    [
        (6, None, (1 << 64) - 1, MAX_NS),
        (9, None, (1 << 63), MAX_NS),
        (0x80, None, (1 << 64) - 1, MAX_NS),
        (6, (1 << 63) - 1, 1, MAX_NS),
        (6, -(1 << 63), 1, MIN_NS),
        (9, 1, MAX_NS, MAX_NS),
    ],
)
def test_times_beyond_the_limits_are_clamped_and_named(at: Path, tsresol: int, offset_s: int | None, ticks: int, time_ns: int) -> None:
    got = read_bytes(at, section() + interface(tsresol=tsresol, offset_s=offset_s) + enhanced(ticks, b"abcd"))
    assert got.times == [time_ns]
    assert got.only_problem.code == "bad-timestamp"


def test_interfaces_are_counted_over_sections(at: Path) -> None:
    got = read_bytes(
        at,
        section()
        + interface(1)
        + interface(113, tsresol=9)
        + enhanced(S, b"a" * 8, 1)
        + enhanced(1, b"b", 0)
        + section(">")
        + interface(276, ">")
        + enhanced(2, b"c", 0, ">"),
    )
    assert [(frame.data, frame.link, frame.interface, frame.time_ns) for frame in got.frames] == [
        (b"a" * 8, 113, 1, S),
        (b"b", 1, 0, 1000),
        (b"c", 276, 2, 2000),
    ]


def test_packets_of_every_kind(at: Path) -> None:
    got = read_bytes(
        at, START + simple(b"first") + enhanced(5, b"second") + simple(b"third", wire=99) + obsolete(7, b"fourth") + simple(b"fifth")
    )
    assert got.data == [b"first", b"second", b"third\0\0\0", b"fourth", b"fifth"]
    assert got.times == [0, 5_000, 5_000, 7_000, 7_000]
    assert got.frames[2].wire == 99
    assert [(p.code, p.count, p.first_frame, p.damaged) for p in got.problems] == [("no-timestamps", 3, 1, False)]


def test_the_snap_length_cuts_simple_packets(at: Path) -> None:
    got = read_bytes(at, section() + interface(snaplen=6) + simple(b"abcdef\0\0", wire=100))
    assert (got.data, got.frames[0].wire) == ([b"abcdef"], 100)


@pytest.mark.parametrize("kind", [4, 5, 10])
def test_other_blocks_are_skipped(at: Path, kind: int) -> None:
    got = read_bytes(at, START + enhanced(1, b"a") + block(kind, b"whatever") + block(kind, b"") + enhanced(2, b"b"))
    assert (got.data, got.problems) == ([b"a", b"b"], [])


@pytest.mark.parametrize("kind", [0x1234, 0x80000001, 0x0A0D0D0B])
def test_blocks_of_unknown_types_are_skipped_and_named(at: Path, kind: int) -> None:
    got = read_bytes(at, START + enhanced(1, b"a") + block(kind, b"whatever") + block(kind, b"") + enhanced(2, b"b"))
    assert got.data == [b"a", b"b"]
    assert [(p.code, p.count, p.first_frame, p.damaged) for p in got.problems] == [("unknown-block", 2, 1, False)]


@pytest.mark.parametrize("kind", [9, 0x204, 0x0BAD, 0x40000BAD])
def test_what_wireshark_numbers_keeps_a_number(at: Path, kind: int) -> None:
    got = read_bytes(at, START + enhanced(1, b"a") + block(kind, b"whatever") + enhanced(2, b"b"))
    assert [(frame.data, frame.link) for frame in got.frames] == [(b"a", 1), (b"", NOT_A_PACKET), (b"b", 1)]
    assert got.problems == []


def test_options_of_packets_are_no_data(at: Path) -> None:
    options = option(1, b"comment") + option(0, b"")
    got = read_bytes(at, START + enhanced(1, b"abc", options=options) + enhanced(2, b"d"))
    assert got.data == [b"abc", b"d"]


@pytest.mark.parametrize(
    "options",
    [
        b"\xff\xff\xff\xff",
        b"\x09\x00\xff\xff\x09",
        b"\x09\x00\x00\x00",
        b"\x0e\x00\x04\x00abcd",
        b"\x09",
        b"\x09\x00\x02\x00\x06\x00\x00\x00" * 40,
    ],
)
def test_option_lengths_are_not_trusted(at: Path, options: bytes) -> None:
    got = read_bytes(at, section() + block(1, struct.pack("<HHI", 1, 0, 0) + options) + enhanced(1, b"a"))
    assert got.times == [1000]


def test_an_unknown_interface_is_named(at: Path) -> None:
    got = read_bytes(at, START + enhanced(1, b"a") + enhanced(2, b"b", 4) + obsolete(2, b"b", 5) + enhanced(3, b"c"))
    assert got.data == [b"a", b"c"]
    assert got.codes == ["unknown-interface"] * 2
    assert "interface 4" in got.problems[0].explanation
    assert read_bytes(at, section() + simple(b"a")).codes == ["unknown-interface"]


@pytest.mark.parametrize("order", ["<", ">"])
def test_cut_at_every_byte(at: Path, order: str) -> None:
    content = pcapng(ROWS, order)
    blocks = [len(section()), len(interface()), *(len(enhanced(0, data)) for data in DATA)]
    ends = [sum(blocks[:count]) for count in range(1, len(blocks) + 1)]
    for size in range(len(content)):
        at.write_bytes(content[:size])
        if size < 28:
            with pytest.raises(CaptureError):
                read(at)
            continue
        got = read(at)
        assert got.data == DATA[: max(sum(end <= size for end in ends) - 2, 0)]
        assert got.codes == ([] if size in ends else ["cut-tail"])


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("bad", list(range(-1, 9)))
@pytest.mark.parametrize("total", [0, 11, 13, 16, 76, 0x7FFF_FFFC, 0xFFFF_FFFF])
def test_a_corrupt_length_costs_one_block(at: Path, order: str, bad: int, total: int) -> None:
    blocks = [section(order), interface(order=order, tsresol=9), *(enhanced(time_ns, data, order=order) for time_ns, data in ROWS)]
    blocks[bad + 2] = blocks[bad + 2][:4] + struct.pack(order + "I", total) + blocks[bad + 2][8:]
    got = read_bytes(at, b"".join(blocks))
    missing = [number for number, data in enumerate(DATA) if data not in got.data]
    assert missing in ([], [bad])  # a corrupt interface description can still be used
    assert got.times == [time_ns for number, (time_ns, _data) in enumerate(ROWS) if number not in missing]
    assert set(got.codes) <= {"corrupt-block", "cut-tail"}
    assert got.codes


def test_only_the_length_behind_a_block_is_corrupt(at: Path) -> None:
    blocks = [START, *(enhanced(time_ns // 1000, data) for time_ns, data in ROWS)]
    blocks[4] = blocks[4][:-4] + b"\xff\xff\xff\xff"
    got = read_bytes(at, b"".join(blocks))
    assert (got.data, got.codes) == (DATA, ["corrupt-block"])


def test_captured_length_beyond_the_block(at: Path) -> None:
    bad = bytearray(enhanced(5, b"abcd"))
    bad[20:24] = struct.pack("<I", 5000)
    got = read_bytes(at, START + enhanced(1, b"a") + bytes(bad) + enhanced(9, b"b"))
    assert (got.data, got.codes) == ([b"a", b"b"], ["corrupt-block"])


def test_rubbish_between_sections_is_crossed(at: Path) -> None:
    got = read_bytes(at, pcapng(ROWS) + bytes(range(256)) * 5000 + pcapng(ROWS, ">"))
    assert got.data == DATA * 2
    assert got.codes == ["corrupt-block"]
    assert {frame.interface for frame in got.frames} == {0, 1}


def test_a_section_of_another_version_is_named(at: Path) -> None:
    got = read_bytes(at, section(major=9) + interface() + enhanced(1, b"a"))
    assert (got.data, got.codes) == ([b"a"], ["corrupt-block"])


def test_short_blocks_are_named(at: Path) -> None:
    got = read_bytes(at, START + block(6, b"abcd") + block(2, b"") + block(3, b"") + block(1, b"") + enhanced(1, b"a", 0))
    assert got.data == [b"a"]
    assert set(got.codes) == {"corrupt-block"}
    assert sum(problem.count for problem in got.problems) == 4


def test_more_frames_than_a_block_holds(at: Path) -> None:
    rows = [(number * S, payload(number)) for number in range(20_000)]
    assert read_bytes(at, pcapng(rows)).data == [data for _time_ns, data in rows]


@pytest.mark.parametrize("kind", [4, 10, 0x0BAD])
def test_a_large_block_that_holds_no_packet_is_no_damage(at: Path, kind: int) -> None:
    """Names, secrets and what a tool keeps in a custom block: more than 16 MiB, the most that a packet's may have."""
    large = block(kind, bytes(20 << 20))
    got = read_bytes(at, section() + interface() + enhanced(1, b"before") + large + enhanced(2, b"behind"))
    assert [data for data in got.data if data] == [b"before", b"behind"]
    assert got.problems == []
