"""Inputs by name: what cannot be read at all, directories, standard input, pipes, progress."""

import io
import os
import struct
import sys
import threading
from pathlib import Path

import pytest

from tcptrace_py.capture import open_captures
from tcptrace_py.model.errors import CaptureError
from tcptrace_py.model.problems import Problems

from .writing import S, payload, pcap, pcapng, read, section

ROWS = [(number * S, payload(number)) for number in range(5)]
DATA = [data for _time_ns, data in ROWS]
ERF = struct.pack("<Q", 0x6543_2100 << 32) + struct.pack(">BBHHH", 2, 4, 64, 0, 60) + bytes(48)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"hello, world\n" * 9, "is not a capture: begins with 68 65 6c 6c 6f 2c 20 77, looks like text"),
        (b"\x00\x01\x02\x03\xff\xfe", "is not a capture: begins with 00 01 02 03 ff fe"),
        (b"btsnoop\0" + bytes(8), "looks like a btsnoop capture"),
        (b"snoop\0\0\0" + bytes(3), "ends inside its file header (11 of 16 bytes)"),
        (b"snoop\0\0\0" + struct.pack(">II", 2, 5), "a snoop capture of version 2 and datalink 5, which is not read"),
        (b"PK\x03\x04" + bytes(30), "looks like a zip archive"),
        (bytes(100), "looks like nothing but zeros"),
        (bytes(257) + b"ustar" + bytes(300), "looks like a tar archive"),
        (ERF * 3, "looks like an ERF"),
        (struct.pack("<I", 0xA1B2C3D4), "ends inside its file header (4 of 24 bytes)"),
        (section()[:20], "ends inside its section header, after 20 bytes"),
        (b"\x1f\x8b\x08\x00", "ends inside its gzip stream"),
        (b"\x1f\x8b\x07" + b"\xff" * 40, "its gzip stream is damaged"),
    ],
)
def test_what_is_no_capture_is_named(tmp_path: Path, content: bytes, message: str) -> None:
    at = tmp_path / "some file"
    at.write_bytes(content)
    with pytest.raises(CaptureError) as caught:
        read(at)
    assert str(caught.value).startswith(f"{at}: ")
    assert message in str(caught.value)


@pytest.mark.parametrize(("name", "message"), [("absent", "no such file"), ("nul\0byte", "null byte"), ("", "name is empty")])
def test_what_cannot_be_opened_is_named(tmp_path: Path, name: str, message: str) -> None:
    with pytest.raises(CaptureError, match=message):
        read(f"{tmp_path}/{name}" if name else "")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_no_permission_is_named(tmp_path: Path) -> None:
    at = tmp_path / "a"
    at.write_bytes(pcap(ROWS))
    at.chmod(0)
    with pytest.raises(CaptureError, match="permission denied"):
        read(at)


def test_one_unreadable_input_among_several_is_a_problem(tmp_path: Path) -> None:
    good, bad = tmp_path / "good", tmp_path / "bad"
    good.write_bytes(pcap(ROWS))
    bad.write_bytes(b"")
    got = read(bad, good, tmp_path / "absent")
    assert got.data == DATA
    assert [(problem.code, problem.damaged) for problem in got.problems] == [("unreadable-file", True)] * 2
    assert [info.path for info in got.files] == [str(good)]
    with pytest.raises(CaptureError, match=r"bad: is empty; .*absent: no such file"):
        read(bad, tmp_path / "absent")


def test_a_directory_stands_for_its_captures(tmp_path: Path) -> None:
    for name, rows in (("b.pcap", ROWS[3:]), ("a.pcap", ROWS[:2]), ("c", ROWS[2:3])):
        (tmp_path / name).write_bytes(pcapng(rows) if name == "c" else pcap(rows))
    (tmp_path / "notes.txt").write_text("rotated hourly")
    (tmp_path / "below").mkdir()
    got = read(tmp_path)
    assert got.data == DATA
    assert [Path(info.path).name for info in got.files] == ["a.pcap", "b.pcap", "c"]
    assert (got.only_problem.code, got.only_problem.damaged) == ("not-a-capture", False)
    assert "notes.txt" in got.only_problem.explanation


def test_a_capture_in_a_directory_that_cannot_be_read_is_damage(tmp_path: Path) -> None:
    (tmp_path / "a.pcap").write_bytes(pcap(ROWS))
    (tmp_path / "b.pcap").write_bytes(pcap(ROWS)[:20])
    got = read(tmp_path)
    assert got.data == DATA
    assert (got.only_problem.code, got.only_problem.damaged) == ("unreadable-file", True)


def test_a_directory_without_captures_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("nothing")
    with pytest.raises(CaptureError, match="no capture among the 1 files"):
        read(tmp_path)


def test_standard_input(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(pcap(ROWS))))
    got = read("-")
    assert (got.data, got.files[0].path) == (DATA, "standard input")
    other = tmp_path / "other"
    other.write_bytes(pcap([(time_ns + 1000, b"other") for time_ns, _data in ROWS]))
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(pcap(ROWS))))
    assert read("-", other).data == [piece for data in DATA for piece in (data, b"other")]
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO()))
    with pytest.raises(CaptureError, match="standard input: is empty"):
        read("-")


def test_a_pipe_is_read_as_it_comes(tmp_path: Path) -> None:
    at = tmp_path / "pipe"
    os.mkfifo(at)
    rows = [(number * S, payload(number, 96)) for number in range(9000)]

    def feed() -> None:
        with at.open("wb", buffering=0) as pipe:
            content = pcap(rows)
            for place in range(0, len(content), 50_001):
                pipe.write(content[place : place + 50_001])

    thread = threading.Thread(target=feed)
    thread.start()
    got = read(at)
    thread.join()
    assert got.data == [data for _time_ns, data in rows]


def test_progress_counts_the_bytes_of_all_files(tmp_path: Path) -> None:
    paths = [tmp_path / "a", tmp_path / "b"]
    for number, path in enumerate(paths):
        path.write_bytes(pcap([((number * 20_000 + row) * S, payload(row, 1100)) for row in range(20_000)]))
    calls: list[tuple[int, int | None]] = []
    read(*paths, progress=lambda done_bytes, total_bytes: calls.append((done_bytes, total_bytes)))
    total_bytes = sum(path.stat().st_size for path in paths)
    assert len(calls) >= 20
    assert calls == sorted(calls)
    assert calls[-1] == (total_bytes, total_bytes)


def test_the_total_of_a_pipe_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(pcap(ROWS))))
    calls: list[tuple[int, int | None]] = []
    read("-", progress=lambda done_bytes, total_bytes: calls.append((done_bytes, total_bytes)))
    assert calls[-1] == (len(pcap(ROWS)), None)


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="counts open files in /proc")
def test_files_are_closed_when_reading_stops_early(tmp_path: Path) -> None:
    paths = [tmp_path / "a", tmp_path / "b"]
    for path in paths:
        path.write_bytes(pcap(ROWS))
    before = open_files()
    reader = open_captures(paths, Problems())
    for _block in reader.blocks():
        break
    del reader, _block
    assert open_files() == before


class Failing(io.BytesIO):
    """A file on a disk that fails after so many bytes."""

    def __init__(self, content: bytes, good_bytes: int) -> None:
        super().__init__(content)
        self.good_bytes = good_bytes

    def read(self, size: int | None = -1, /) -> bytes:
        if self.tell() >= self.good_bytes:
            raise OSError(5, "Input/output error")
        return super().read(min(size or 0, self.good_bytes - self.tell()))

    read1 = read


def test_a_disk_that_fails_in_the_middle_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    stdin = io.TextIOWrapper(Failing(pcap(ROWS), 100))
    monkeypatch.setattr(sys, "stdin", stdin)
    got = read("-")
    assert got.data == DATA[:2]
    assert got.only_problem.code == "read-error"
    assert got.only_problem.explanation == ("standard input: cannot be read any further: input/output error; after frame 2")


def test_a_file_that_vanishes_before_it_is_read_is_named(tmp_path: Path) -> None:
    paths = [tmp_path / "a", tmp_path / "b"]
    for path in paths:
        path.write_bytes(pcap(ROWS))
    problems = Problems()
    reader = open_captures(paths, problems)
    paths[0].unlink()
    assert sum(block.count for block in reader.blocks()) == len(ROWS)
    (problem,) = problems.rows()
    assert (problem.code, problem.damaged) == ("read-error", True)
    assert problem.explanation == f"{paths[0]}: no such file or directory; before the first frame"
    assert reader.files[0].truncated
