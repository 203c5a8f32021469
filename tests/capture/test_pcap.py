"""pcap: byte orders, resolutions, cut tails, corrupt records."""

import struct
from itertools import product
from pathlib import Path

import pytest

from tcptrace_py.model.errors import CaptureError

from .writing import (
    DATA,
    ETHERNET,
    MICRO,
    MODIFIED,
    NANO,
    ROWS,
    S,
    payload,
    pcap,
    pcap_header,
    pcap_record,
    read,
    read_bytes,
)


@pytest.mark.parametrize(("order", "magic"), list(product("<>", (MICRO, NANO, MODIFIED))))
def test_every_byte_order_and_resolution(at: Path, order: str, magic: int) -> None:
    rows = [(time_ns + 123_456_789 // (1 if magic == NANO else 1000) * (1 if magic == NANO else 1000), data) for time_ns, data in ROWS]
    got = read_bytes(at, pcap(rows, order, magic))
    assert [(frame.time_ns, frame.data) for frame in got.frames] == rows
    assert {(frame.link, frame.interface) for frame in got.frames} == {(ETHERNET, 0)}
    assert got.problems == []
    assert (got.files[0].format, got.files[0].packets, got.files[0].truncated) == ("pcap", len(rows), False)


def test_a_header_without_packets_is_a_capture(at: Path) -> None:
    got = read_bytes(at, pcap([]))
    assert (got.frames, got.problems) == ([], [])


def test_wire_length_differs_from_the_captured_one(at: Path) -> None:
    got = read_bytes(at, pcap_header() + pcap_record(S, b"abcd", wire=1514))
    assert (got.frames[0].data, got.frames[0].wire) == (b"abcd", 1514)


@pytest.mark.parametrize(("field", "link"), [(0x1400_0001, 1), (0xF400_0071, 113), (0x0000_0114, 276)])
def test_fcs_bits_are_no_link_type(at: Path, field: int, link: int) -> None:
    assert read_bytes(at, pcap_header(link=field) + pcap_record(S, b"abcd")).frames[0].link == link


def test_seconds_are_unsigned(at: Path) -> None:
    last_ns = 0xFFFF_FFFF * S
    assert read_bytes(at, pcap([(last_ns, b"late")])).times == [last_ns]


@pytest.mark.parametrize("snaplen", [0, 1, 65535, 262144, 0x7FFF_FFFF, 0xFFFF_FFFF])
def test_any_snap_length_is_tolerated(at: Path, snaplen: int) -> None:
    got = read_bytes(at, pcap_header(snaplen=snaplen) + pcap_record(S, payload(1, 1514)) + pcap_record(S, payload(2)))
    assert (len(got.frames), got.problems) == (2, [])


def test_a_large_record_is_believed_only_with_a_large_snap_length(at: Path) -> None:
    records = pcap_record(S, payload(1)) + pcap_record(2 * S, b"abc" * 150_000) + pcap_record(3 * S, payload(3))
    assert len(read_bytes(at, pcap_header(snaplen=1 << 20) + records).frames) == 3
    got = read_bytes(at, pcap_header(snaplen=65535) + records + pcap_record(4 * S, payload(4)))
    assert got.data == [payload(1), payload(3), payload(4)]
    assert got.codes == ["corrupt-record"]


@pytest.mark.parametrize("order", ["<", ">"])
def test_cut_at_every_byte(at: Path, order: str) -> None:
    content = pcap(ROWS, order)
    ends = [24]
    for _time_ns, data in ROWS:
        ends.append(ends[-1] + 16 + len(data))
    for size in range(len(content)):
        at.write_bytes(content[:size])
        if size < 24:
            with pytest.raises(CaptureError):
                read(at)
            continue
        got = read(at)
        whole = sum(end <= size for end in ends) - 1
        assert got.data == [data for _time_ns, data in ROWS[:whole]]
        assert got.codes == ([] if size in ends else ["cut-tail"])
        assert got.files[0].truncated == (size not in ends)


def test_a_cut_tail_is_named_by_file_byte_and_frame(at: Path) -> None:
    problem = read_bytes(at, pcap(ROWS[:3])[:-5]).only_problem
    assert problem.damaged
    assert problem.first_frame == 2
    assert problem.explanation == (f"{at}: ends inside the record that begins at byte {24 + 36 + 37}, 33 bytes into it; after frame 2")


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("magic", [MICRO, NANO])
@pytest.mark.parametrize("bad", [0, 3, 6, 7, 8])
@pytest.mark.parametrize("captured", [0xFFFF_FFFF, 262_145, 0x0100_0000])
def test_a_corrupt_length_costs_one_record(at: Path, order: str, magic: int, bad: int, captured: int) -> None:
    records = [pcap_record(time_ns, data, order=order, magic=magic) for time_ns, data in ROWS]
    records[bad] = records[bad][:8] + struct.pack(order + "I", captured) + records[bad][12:]
    got = read_bytes(at, pcap_header(order, magic) + b"".join(records))
    assert got.data == [data for number, (_time_ns, data) in enumerate(ROWS) if number != bad]
    assert got.codes == ["corrupt-record"]
    assert f"byte {24 + sum(map(len, records[:bad]))}" in got.only_problem.explanation


def test_a_length_a_little_too_large_costs_the_neighbours_too(at: Path) -> None:
    records = [pcap_record(time_ns, data) for time_ns, data in ROWS]
    records[2] = records[2][:8] + struct.pack("<I", len(ROWS[2][1]) + 7) + records[2][12:]
    got = read_bytes(at, pcap_header() + b"".join(records))
    assert got.data[:2] == [data for _time_ns, data in ROWS[:2]]
    assert got.data[-5:] == [data for _time_ns, data in ROWS[-5:]]
    assert "corrupt-record" in got.codes


def test_zeros_behind_a_crash_are_no_frames(at: Path) -> None:
    got = read_bytes(at, pcap(ROWS) + bytes(100_000))
    assert got.data == DATA
    assert got.codes == ["corrupt-record"]
    assert got.files[0].truncated


def test_a_hole_of_zeros_is_crossed(at: Path) -> None:
    got = read_bytes(at, pcap(ROWS) + bytes(3_000_000) + pcap(ROWS)[24:])
    assert got.data == DATA * 2
    assert "3000000 bytes skipped" in got.only_problem.explanation


def test_an_empty_record_is_a_frame(at: Path) -> None:
    got = read_bytes(at, pcap([ROWS[0], (1_700_000_001 * S, b""), ROWS[1], (1_700_000_009 * S, b"")]))
    assert [len(data) for data in got.data] == [20, 0, 21, 0]
    assert got.problems == []


def test_an_impossible_fraction_is_named_and_the_frame_kept(at: Path) -> None:
    odd = struct.pack("<IIII", 1_700_000_000, 1_000_000, 4, 4) + b"abcd"
    got = read_bytes(at, pcap(ROWS[:1]) + odd + pcap(ROWS[1:2])[24:])
    assert got.data == [ROWS[0][1], b"abcd", ROWS[1][1]]
    assert got.times[1] == 1_700_000_001 * S
    assert (got.only_problem.code, got.only_problem.first_frame, got.only_problem.damaged) == ("bad-timestamp", 2, True)


def unannounced(times_ns: list[int]) -> bytes:
    """A pcap that says microseconds, and holds nanoseconds."""
    records = [struct.pack("<IIII", *divmod(time_ns, S), 4, 4) + b"abcd" for time_ns in times_ns]
    return pcap([]) + b"".join(records)


@pytest.mark.parametrize(
    "fractions",
    [
        [5_000_000, 6_000_000, 999_999_999],
        [500, 999_999, 1_000_000, 2_000_000, 3_000_000],  # the first two could be microseconds
        [1_000_000 + 7 * number for number in range(20_000)],
    ],
)
def test_nanoseconds_that_were_not_announced(fractions: list[int], at: Path) -> None:
    times_ns = [1_700_000_000 * S + fraction for fraction in fractions]
    got = read_bytes(at, unannounced(times_ns))
    assert got.times == times_ns
    assert (got.only_problem.code, got.only_problem.damaged) == ("nanoseconds-unannounced", False)


@pytest.mark.parametrize(
    "fractions",
    [
        [5_000_000, 6_000_000],  # too few to say
        [1_000_000, 2_000_000, 3_000_000, 1, 2, 3],  # half of them are microseconds
        [5, 1_000_000, 7, 2_000_000, 9, 3_000_000],
    ],
)
def test_some_impossible_fractions_make_no_other_clock(fractions: list[int], at: Path) -> None:
    got = read_bytes(at, unannounced([1_700_000_000 * S + fraction for fraction in fractions]))
    assert got.times == [1_700_000_000 * S + fraction * 1000 for fraction in fractions]
    assert set(got.codes) == {"bad-timestamp"}


def test_more_frames_than_a_block_holds(at: Path) -> None:
    rows = [(number * S, payload(number)) for number in range(20_000)]
    got = read_bytes(at, pcap(rows))
    assert got.data == [data for _time_ns, data in rows]


def test_places_are_listed_up_to_a_limit(at: Path) -> None:
    good = b"".join(pcap_record(time_ns, data) for time_ns, data in ROWS)
    got = read_bytes(at, pcap_header() + (good + b"\xff" * 16) * 200 + good)
    assert len(got.frames) == len(ROWS) * 201
    assert sum(problem.count for problem in got.problems) == 200
    assert len(got.problems) < 20


# -- what followed the same magic number ------------------------------------------------------------------------------


def of_version(content: bytes, major: int, minor: int, order: str = "<") -> bytes:
    return content[:4] + struct.pack(order + "HH", major, minor) + content[8:]


def swapped_record(time_ns: int, data: bytes, wire: int) -> bytes:
    return struct.pack("<IIII", time_ns // S, time_ns % S // 1000, wire, len(data)) + data


LONG_AGO = pcap_header(snaplen=68) + b"".join(swapped_record(at_s * S, payload(at_s, 68), 1514) for at_s in range(1, 6))


@pytest.mark.parametrize("version", [(2, 0), (2, 2), (2, 3), (543, 0)])
def test_lengths_stood_the_other_way_round_before_version_2_4(at: Path, version: tuple[int, int]) -> None:
    """wiretap/libpcap.c: before 2.3, of some files of 2.3, and of DG/UX's 543.0."""
    got = read_bytes(at, of_version(LONG_AGO, *version))
    assert [(frame.data, frame.wire) for frame in got.frames] == [(payload(at_s, 68), 1514) for at_s in range(1, 6)]
    assert got.problems == []


def test_a_file_of_version_2_3_may_have_them_as_today(at: Path) -> None:
    content = pcap_header(snaplen=68) + b"".join(pcap_record(at_s * S, payload(at_s, 68), wire=1514) for at_s in range(1, 6))
    got = read_bytes(at, of_version(content, 2, 3))
    assert ({frame.wire for frame in got.frames}, len(got.frames), got.problems) == ({1514}, 5, [])


@pytest.mark.parametrize(("kind", "link"), [(6, 1), (9, 6), (15, 10), (24, 0)])
def test_aix_has_types_of_interfaces_and_nanoseconds(at: Path, kind: int, link: int) -> None:
    rows = [(at_s * S + 123_456_789, payload(at_s)) for at_s in range(1, 6)]
    content = pcap_header(">", link=kind) + b"".join(
        struct.pack(">IIII", time_ns // S, time_ns % S, len(data), len(data)) + data for time_ns, data in rows
    )
    got = read_bytes(at, of_version(content, 2, 2, ">"))
    assert [(frame.time_ns, frame.data, frame.link) for frame in got.frames] == [(*row, link) for row in rows]
    assert got.problems == []


@pytest.mark.parametrize("more", [4, 8])
@pytest.mark.parametrize("count", [2, 3, 40])
def test_longer_record_headers_behind_the_same_magic_number(at: Path, more: int, count: int) -> None:
    """Nokia's IPSO adds 4 bytes, Linux distributions of 1999 (the patch of 1999-04-17) 8: wiretap/libpcap.c."""
    rows = [(at_s * S, payload(at_s, 60 + at_s % 7)) for at_s in range(1, count + 1)]
    content = pcap_header() + b"".join(
        pcap_record(time_ns, b"\0\0\0\2" + bytes(more - 4) + data)[:8]
        + struct.pack("<II", len(data), len(data))
        + b"\0\0\0\2"
        + bytes(more - 4)
        + data
        for time_ns, data in rows
    )
    got = read_bytes(at, content)
    assert [(frame.time_ns, frame.data) for frame in got.frames] == rows
    assert got.problems == []


def test_a_damaged_record_is_no_variant(at: Path) -> None:
    """Of the second record only the first bytes are lost: no other length makes sense of what follows."""
    records = [pcap_record(at_s * S, payload(at_s)) for at_s in range(1, 9)]
    got = read_bytes(at, pcap_header() + records[0] + records[1][5:] + b"".join(records[2:]))
    assert got.data == [payload(at_s) for at_s in (1, *range(3, 9))]
    assert got.codes == ["corrupt-record"]
