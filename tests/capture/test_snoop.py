"""snoop: records with their padding, datalinks, what is cut or cannot be."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from tcptrace_py.cli import main

from .writing import DATA, ETHERNET, ROWS, S, read_bytes, snoop, snoop_header, snoop_record

RAGGED = [(time_ns, data[: len(data) - number]) for number, (time_ns, data) in enumerate(ROWS)]  # of lengths that need padding


@pytest.mark.parametrize(("datalink", "link"), [(4, ETHERNET), (0, ETHERNET), (2, 6), (8, 10)])
def test_records_and_their_padding(datalink: int, link: int, at: Path) -> None:
    rows = [(time_ns + 123_456_000, data) for time_ns, data in RAGGED]
    got = read_bytes(at, snoop(rows, datalink))
    assert [(frame.time_ns, frame.data) for frame in got.frames] == rows
    assert {(frame.link, frame.interface) for frame in got.frames} == {(link, 0)}
    assert got.problems == []
    assert (got.files[0].format, got.files[0].packets, got.files[0].truncated) == ("snoop", len(rows), False)


def test_a_frame_may_be_cut(at: Path) -> None:
    got = read_bytes(at, snoop_header() + snoop_record(S, b"abcd", wire=1500))
    assert [(frame.data, frame.wire) for frame in got.frames] == [(b"abcd", 1500)]


def test_more_frames_than_a_block_or_a_window_holds(at: Path) -> None:
    rows = [(number * S, bytes(number % 251 + 1)) for number in range(20_000)]
    got = read_bytes(at, snoop(rows))
    assert [(frame.time_ns, frame.data) for frame in got.frames] == rows


@pytest.mark.parametrize("cut", [1, 10, 24, 30])
def test_a_cut_tail(cut: int, at: Path) -> None:
    last = len(snoop_record(*ROWS[-1]))
    got = read_bytes(at, snoop(ROWS)[: -last + min(cut, last - 1)])
    assert got.data == DATA[:-1]
    assert got.codes == ["cut-tail"]


@pytest.mark.parametrize(
    "bad",
    [
        struct.pack(">IIIIII", 100, 101, 24 + 104, 0, 1, 0),  # longer than it was
        struct.pack(">IIIIII", 100, 100, 24, 0, 1, 0),  # its record has no room for it
        struct.pack(">IIIIII", 100, 100, 24 + 200, 0, 1, 0),
        b"\xff" * 24,
    ],
)
def test_what_cannot_be_a_record_ends_the_reading(bad: bytes, at: Path) -> None:
    got = read_bytes(at, snoop(ROWS) + bad + bytes(500) + snoop_record(*ROWS[0]))
    assert got.data == DATA
    assert got.codes == ["corrupt-record"]
    assert got.files[0].truncated


def test_an_impossible_fraction_is_named_and_the_frame_kept(at: Path) -> None:
    odd = struct.pack(">IIIIII", 4, 4, 28, 0, 5, 2_000_000) + b"abcd"
    got = read_bytes(at, snoop_header() + odd)
    assert got.times == [7 * S]
    assert (got.only_problem.code, got.only_problem.first_frame) == ("bad-timestamp", 1)


def test_what_is_extracted_is_a_pcap(tmp_path: Path) -> None:
    sample = Path(__file__).parents[2] / "samples" / "syn-refused.pcap"
    data = sample.read_bytes()[24:]
    rows = []
    while data:
        seconds, us, captured, _wire = struct.unpack_from("<IIII", data)
        rows.append((seconds * S + us * 1000, data[16 : 16 + captured]))
        data = data[16 + captured :]
    (tmp_path / "x.snoop").write_bytes(snoop(rows))
    out = tmp_path / "out"
    assert main.main(["extract", str(tmp_path / "x.snoop"), "-o", str(out)]) == 0
    assert out.read_bytes()[:4] == struct.pack("<I", 0xA1B2C3D4)
    assert out.read_bytes()[24:] == sample.read_bytes()[24:]
