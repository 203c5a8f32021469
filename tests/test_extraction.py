"""Extracted connections are the connections they were: the same again when they are analysed, byte for byte."""

from __future__ import annotations

import os
import struct
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tcptrace_py import analyze, extraction
from tcptrace_py.capture import open_captures
from tcptrace_py.cli import main
from tcptrace_py.model.errors import CaptureError, UsageError
from tcptrace_py.model.problems import Problems
from tcptrace_py.model.selection import Selection
from tcptrace_py.outputs.document import connection_row
from tests.thorough import every

if TYPE_CHECKING:
    from tcptrace_py.model.results import Connection

SAMPLES = sorted(path for path in (Path(__file__).parents[1] / "samples").iterdir() if ".pcap" in path.name)
ROOT = Path(__file__).parents[1]
FEW = 12  # connections of a sample that are extracted one by one


def _connection(connection: Connection) -> dict[str, Any]:
    """A connection as printed, but for its numbers and what only the rest of its capture told."""
    row = connection_row(connection)
    for key in ("id", "stream", "frames", "vantage"):
        del row[key]
    for side in ("client_side", "server_side"):
        states = (row[side] or {}).get("states")
        if (
            states
            and len(states) > 1
            and states[-1]["state"] == "CLOSED"
            and states[-2]["state"] == "TIME_WAIT"
            and (row["time_wait"][0]["ended_by"] in ("expired", "reused"))
        ):
            states.pop()
            row[side]["final_state"] = "TIME_WAIT"
        elif states and states[-1]["basis"] == "clock":  # given up: with its last segment a capture of its own is over
            states.pop()
            row[side]["final_state"] = states[-1]["state"]
    del row["teardown"]["censored"]
    if row["handshake"]["outcome"] in ("unanswered", "half-open"):
        row["handshake"]["outcome"] = "in-progress"
    for stay in row["time_wait"]:
        if stay["ended_by"] in ("expired", "reused"):
            stay.update(ended_by="capture-end", ended_at=None, censored=True)
    _without_frames(row)
    return row


def _without_frames(value: Any) -> None:
    if isinstance(value, dict):
        value.pop("frame", None)
        value.pop("longest_wait_frame", None)
        for item in value.values():
            _without_frames(item)
    elif isinstance(value, list):
        for item in value:
            _without_frames(item)


def _records(path: Path) -> list[tuple[int, int, int, bytes]]:
    """Time, length on the wire, link type and bytes of every frame."""
    return [
        (
            block.time_ns[i],
            block.wire[i],
            block.link[i],
            bytes(block.data[block.offset[i] : block.offset[i] + block.captured[i]]),
        )
        for block in open_captures([path], Problems()).blocks(as_written=True)
        for i in range(block.count)
    ]


def _missing(capture: Path, folder: Path, most: int) -> list[str]:
    """Connections of a capture that are not the same again when they are extracted one by one."""
    try:
        whole = list(analyze(capture).connections)
    except CaptureError:
        return []
    if not whole:
        return []
    records, missing = _records(capture), []
    out = folder / "out.pcapng"
    for chosen in [whole[len(whole) * i // most] for i in range(most)] if len(whole) > most else whole:
        done = extraction.extract([str(capture)], str(out), whole, lambda connection: connection is chosen)  # noqa: B023
        again = [_connection(connection) for connection in analyze(out).connections]
        if _connection(chosen) not in again:
            missing.append(f"{capture.name} {chosen.id}")
        position = 0
        for record in _records(out):  # a subset in the same order, nothing touched
            position = records.index(record, position) + 1
        assert done.connections == 1
    return missing


@pytest.mark.parametrize("capture", every(6, [path for path in SAMPLES if path.stat().st_size < 30_000]), ids=lambda path: path.name)
def test_each_connection_is_the_same_again(capture: Path, tmp_path: Path) -> None:
    assert _missing(capture, tmp_path, FEW) == []


@pytest.mark.slow
@pytest.mark.parametrize("capture", [path for path in SAMPLES if path.stat().st_size >= 30_000], ids=lambda path: path.name)
def test_each_connection_of_large_samples_is_the_same_again(capture: Path, tmp_path: Path) -> None:
    """A few one by one, and all of them in two halves, every other one in each."""
    assert _missing(capture, tmp_path, FEW) == []
    whole = list(analyze(capture).connections)
    for half in (0, 1):
        wanted = [connection for connection in whole if connection.id % 2 == half]
        extraction.extract([str(capture)], str(tmp_path / "half.pcapng"), whole, lambda one: one.id % 2 == half)  # noqa: B023
        again = analyze(tmp_path / "half.pcapng").connections
        assert list(map(_connection, again)) == list(map(_connection, wanted))


def _extract(capture: str, out: Path, picks: Any = lambda _: True) -> list[tuple[int, int, int, bytes]]:
    whole = list(analyze(str(SAMPLES[0].parent / capture)).connections)
    extraction.extract([str(SAMPLES[0].parent / capture)], str(out), whole, picks)
    return _records(out)


@pytest.mark.parametrize(
    ("capture", "whole"),
    [
        ("vxlans-with-the-same-tuple.pcap", False),  # the same tuple in another network is another connection
        ("icmp-host-unreachable.pcap", True),  # errors that quote a connection come along
    ],
)
def test_all_of_a_connection_and_nothing_else(capture: str, whole: bool, tmp_path: Path) -> None:
    records = _extract(capture, tmp_path / "out.pcap", lambda connection: connection.id == 0)
    assert (records == _records(SAMPLES[0].parent / capture)) == whole


def test_fragments_come_whole(tmp_path: Path) -> None:
    captures = [path.name for path in SAMPLES if "fragment" in path.name]
    assert captures
    for capture in captures:
        whole = _records(SAMPLES[0].parent / capture)
        kept = _extract(capture, tmp_path / "out.pcap")
        assert kept == [record for record in whole if record in kept]
        assert analyze(tmp_path / "out.pcap").capture.segments == analyze(SAMPLES[0].parent / capture).capture.segments


@pytest.mark.parametrize(
    ("source", "name", "magic"),
    [
        ("syn-lost.pcap", "out.pcap", b"\xd4\xc3\xb2\xa1"),
        ("syn-lost.pcap", "out.pcapng", b"\x0a\x0d\x0d\x0a"),
        ("syn-lost.pcap", "out", b"\xd4\xc3\xb2\xa1"),
        ("big-endian-nanoseconds.pcap", "out.pcap", b"\xd4\xc3\xb2\xa1"),  # whole microseconds
        ("big-endian.pcapng", "out", b"\x0a\x0d\x0d\x0a"),
        ("compressed.pcapng.gz", "out.dump", b"\x0a\x0d\x0d\x0a"),
    ],
)
def test_the_format_is_the_endings_or_the_inputs(source: str, name: str, magic: bytes, tmp_path: Path) -> None:
    records = _extract(source, tmp_path / name)
    assert records == _records(SAMPLES[0].parent / source)
    assert (tmp_path / name).read_bytes()[:4] == magic


def test_the_command_knows_the_formats() -> None:
    from tcptrace_py.capture import write
    from tcptrace_py.cli.commands import extract

    assert extract.FORMATS == write.FORMATS


def test_nanoseconds_are_kept(tmp_path: Path) -> None:
    source = tmp_path / "in.pcap"
    content = (SAMPLES[0].parent / "syn-refused.pcap").read_bytes()
    source.write_bytes(b"\x4d\x3c\xb2\xa1" + content[4:28] + struct.pack("<I", 123_456_789) + content[32:])
    whole = list(analyze(source).connections)
    extraction.extract([str(source)], str(tmp_path / "out.pcap"), whole, lambda _: True)
    assert _records(tmp_path / "out.pcap") == _records(source)
    assert _records(source)[0][0] % 1000 == 789


def test_several_link_types_need_a_pcapng(tmp_path: Path) -> None:
    captures = [str(SAMPLES[0].parent / name) for name in ("syn-lost.pcap", "cooked.pcap")]
    whole = list(analyze(captures).connections)
    with pytest.raises(UsageError, match="pcapng"):
        extraction.extract(captures, str(tmp_path / "out.pcap"), whole, lambda _: True)
    assert list(tmp_path.iterdir()) == []
    extraction.extract(captures, str(tmp_path / "out.pcapng"), whole, lambda _: True)
    assert len(_records(tmp_path / "out.pcapng")) == sum(len(_records(Path(path))) for path in captures)
    assert {record[2] for record in _records(tmp_path / "out.pcapng")} == {1, 113}


def test_options_of_packet_blocks_are_kept(tmp_path: Path) -> None:
    frame = _records(SAMPLES[0].parent / "syn-refused.pcap")[0][3]

    def block(kind: int, body: bytes) -> bytes:
        total = struct.pack("<I", len(body) + 12)
        return struct.pack("<I", kind) + total + body + total

    comment = struct.pack("<HH", 1, 5) + b"hello\0\0\0" + bytes(4)
    packet = struct.pack("<IIIII", 0, 0, 5, len(frame), len(frame)) + frame + bytes(-len(frame) & 3) + comment
    source = tmp_path / "in.pcapng"
    source.write_bytes(
        block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1)) + block(1, struct.pack("<HHI", 1, 0, 0)) + block(6, packet)
    )
    whole = list(analyze(source).connections)
    extraction.extract([str(source)], str(tmp_path / "out.pcapng"), whole, lambda _: True)
    assert comment in (tmp_path / "out.pcapng").read_bytes()
    assert _records(tmp_path / "out.pcapng") == _records(source)


def test_times_before_1970_and_after_2106_go_into_a_pcapng(tmp_path: Path) -> None:
    source = SAMPLES[0].parent / "clocks.pcapng"
    assert _extract("clocks.pcapng", tmp_path / "out.pcapng") == _records(source)


def test_the_command_chooses_by_time_and_writes_whole(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, out = str(SAMPLES[0].parent / "close-wait-never-closes.pcap"), tmp_path / "out.pcap"
    assert main.main(["extract", source, "--to", "2026-01-02T03:04:05.5Z", "-o", str(out)]) == 0
    assert "1 of 3 connections" in capsys.readouterr().err
    assert [connection.teardown.pattern for connection in analyze(out).connections] == ["half-closed"]
    assert main.main(["extract", source, "--teardown", "four-way", "-o", str(out)]) == 0
    assert [connection.teardown.pattern for connection in analyze(out).connections] == ["four-way"]
    assert main.main(["extract", source, "--broken", "-o", str(out)]) == 0
    assert len(analyze(out)) == 2


def test_nothing_is_written_where_nothing_matches(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, out = str(SAMPLES[0].parent / "syn-refused.pcap"), tmp_path / "out.pcap"
    assert main.main(["extract", source, "--teardown", "four-way", "-o", str(out)]) == 1
    assert "nothing is written" in capsys.readouterr().err
    assert not out.exists()


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["-o", "/nonexistent/out.pcap"], "cannot write"),
        ([], "--output"),
    ],
)
def test_usage_errors(args: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["extract", str(SAMPLES[0].parent / "syn-refused.pcap"), *args]) == 2
    assert words in capsys.readouterr().err


def test_a_capture_is_never_written_over(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = tmp_path / "a.pcap"
    source.write_bytes((SAMPLES[0].parent / "syn-refused.pcap").read_bytes())
    assert main.main(["extract", str(source), "-o", str(source)]) == 2
    assert "another file" in capsys.readouterr().err
    assert analyze(source).summary.connections == 1


@pytest.mark.parametrize("form", ["pcap", "pcapng"])
def test_it_goes_to_standard_output_from_standard_input(form: str, tmp_path: Path) -> None:
    content = (SAMPLES[0].parent / "syn-refused.pcap").read_bytes()
    done = subprocess.run(
        [sys.executable, "-m", "tcptrace_py", "extract", "-", "-o", "-", "--format", form],
        input=content,
        capture_output=True,
        check=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    (tmp_path / "out").write_bytes(done.stdout)
    assert _records(tmp_path / "out") == _records(SAMPLES[0].parent / "syn-refused.pcap")
    assert b"standard output: 1 of 1 connections, 2 of 2 packets" in done.stderr


def test_a_capture_that_grows_meanwhile_is_no_trouble(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source, out = tmp_path / "in.pcap", tmp_path / "out.pcap"
    source.write_bytes((SAMPLES[0].parent / "syn-refused.pcap").read_bytes())
    more = (SAMPLES[0].parent / "half-close.pcap").read_bytes()[24:]
    copy = extraction._copy

    def grown(*args: Any) -> int:
        with source.open("ab") as file:
            file.write(more)
        return copy(*args)

    monkeypatch.setattr(extraction, "_copy", grown)
    whole = list(analyze(str(source)).connections)
    assert extraction.extract([str(source)], str(out), whole, lambda _: True).frames == len(_records(out)) == 2


def test_damaged_input_is_3(tmp_path: Path) -> None:
    source = str(SAMPLES[0].parent / "cut-tail.pcap")
    assert main.main(["extract", source, "-o", str(tmp_path / "out.pcap")]) == 3
    assert main.main(["extract", source, "-o", str(tmp_path / "out.pcap"), "--allow-damaged"]) == 0


def test_spans_of_time() -> None:
    connection = next(iter(analyze(SAMPLES[0].parent / "syn-refused.pcap").connections))
    start, end = connection.start_ns, connection.end_ns
    for span, inside in (
        ((end, None), True),
        ((end + 1, None), False),
        ((None, start), False),
        ((None, start + 1), True),
        ((start + 1, end), True),
    ):
        selection = Selection(from_ns=span[0], to_ns=span[1])
        assert extraction.overlaps(selection, connection) == inside
