"""From files to facts in one go: what only the whole way can get wrong."""

from __future__ import annotations

import struct
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tcptrace_py.cli.main import main
from tcptrace_py.model.errors import CaptureError
from tcptrace_py.model.profiles import Profiles
from tcptrace_py.model.selection import Selection
from tcptrace_py.pipeline import profile_rows, run
from tests.decode import build
from tests.ladder import CLOSE, HANDSHAKE, START_NS, ladder, path
from tests.wire import HEADER, record, write

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tcptrace_py.model.results import Analysis

TALK = HANDSHAKE + "0.1 C PA len=10\n0.11 S PA len=900\n0.12 C A\n" + CLOSE


def facts(result: Analysis) -> list[tuple[object, ...]]:
    return [
        (
            row.id,
            row.stream,
            row.first_frame,
            row.last_frame,
            row.handshake.outcome,
            row.teardown.pattern,
            path(row.client_side),
            path(row.server_side),
            row.time_wait,
        )
        for row in result.connections
    ]


def test_one_file(tmp_path: Path) -> None:
    result = run(write(tmp_path / "a.pcap", ladder(TALK)))
    (row,) = result.connections
    assert (row.handshake.outcome, row.teardown.pattern, row.first_frame, row.last_frame) == (
        "completed",
        "four-way",
        1,
        10,
    )
    assert (row.client_side.payload_bytes, row.server_side and row.server_side.payload_bytes) == (10, 900)
    assert (result.capture.packets, result.capture.segments, result.capture.duplicates) == (10, 10, 0)
    assert (result.capture.start_ns, result.capture.end_ns) == (START_NS, START_NS + 1_030_000_000)
    assert result.summary.time_wait.at_end == 1
    assert result.capture.problems == []
    assert not result.interrupted


@pytest.mark.parametrize("split", [lambda n: n % 2 == 0, lambda n: n < 4, lambda n: n % 3 == 0])
def test_two_files_are_one_capture(tmp_path: Path, split: Callable[[int], bool]) -> None:
    """Merged by time as `mergecap` would: one direction each, a rotated set, or anything between; in any order."""
    segments = ladder(TALK)
    whole = run(write(tmp_path / "whole.pcap", segments))
    parts = [
        write(tmp_path / f"{name}.pcap", [s for n, s in enumerate(segments) if split(n) == side])
        for name, side in (("a", True), ("b", False))
    ]
    for files in (parts, parts[::-1]):
        merged = run(files)
        assert facts(merged) == facts(whole)
        assert merged.capture.packets == 10
        assert sum(file.packets for file in merged.capture.files) == 10


def test_the_same_file_twice_is_a_mirror(tmp_path: Path) -> None:
    file = write(tmp_path / "a.pcap", ladder(TALK))
    twice = write(tmp_path / "b.pcap", ladder(TALK))
    result = run([file, twice])
    (row,) = result.connections
    assert (result.capture.segments, result.capture.duplicates) == (20, 10)
    assert (row.client_side.packets, row.client_side.retransmissions, row.teardown.pattern) == (6, 0, "four-way")
    assert "duplicate-frames" in {problem.code for problem in result.capture.problems}


def test_nothing_but_a_header(tmp_path: Path) -> None:
    result = run(write(tmp_path / "empty.pcap", []))
    assert list(result.connections) == []
    assert (result.capture.packets, result.capture.start_ns, result.capture.end_ns) == (0, None, None)
    assert (result.summary.connections, result.summary.latency.count, result.summary.time_wait.peak) == (0, 0, 0)
    assert (list(result.hosts), list(result.ports)) == ([], [])


def test_no_tcp(tmp_path: Path) -> None:
    frame = build.ethernet(build.ipv4(b"\0\x35\0\x35\0\x08\0\0", protocol=17))
    head = struct.pack("<IIII", 1_772_359_200, 5, len(frame), len(frame))
    (tmp_path / "udp.pcap").write_bytes(HEADER + (head + frame) * 3)
    result = run(tmp_path / "udp.pcap")
    assert (result.capture.packets, result.capture.segments, list(result.connections)) == (3, 0, [])
    assert (result.capture.start_ns, result.capture.end_ns) == (START_NS + 5, START_NS + 5)


ESP = build.ethernet(build.ipv4(b"\0" * 40, protocol=50))
WIREGUARD = build.ethernet(build.ipv4(struct.pack("!HHHH", 51820, 51820, 40, 0) + b"\0" * 32, protocol=17))
MACSEC = build.ethernet(b"\x0c" + b"\0" * 40, 0x88E5)


@pytest.mark.parametrize(("frame", "name"), [(ESP, "ESP"), (WIREGUARD, "WireGuard"), (MACSEC, "MACsec")])
def test_without_tcp_what_is_not_read_is_named(tmp_path: Path, frame: bytes, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    head = struct.pack("<IIII", 1_772_359_200, 5, len(frame), len(frame))
    (tmp_path / "tunnel.pcap").write_bytes(HEADER + (head + frame) * 3)
    (problem,) = run(tmp_path / "tunnel.pcap").capture.problems
    assert (problem.code, problem.count, problem.first_frame, problem.damaged) == ("not-read", 3, 1, True)
    assert name in problem.explanation
    assert main(["analyze", str(tmp_path / "tunnel.pcap")]) == 3
    assert name in capsys.readouterr().out
    with_tcp = build.ethernet(build.ipv4(build.tcp(b"hello")))
    head += frame + struct.pack("<IIII", 1_772_359_200, 5, len(with_tcp), len(with_tcp)) + with_tcp
    (tmp_path / "tcp.pcap").write_bytes(HEADER + head)
    assert "not-read" not in {row.code for row in run(tmp_path / "tcp.pcap").capture.problems}


def test_no_capture_at_all(tmp_path: Path) -> None:
    with pytest.raises(CaptureError, match="missing"):
        run(tmp_path / "missing.pcap")


def test_a_cut_tail_is_named_and_the_rest_is_analysed(tmp_path: Path) -> None:
    segments = ladder(TALK)
    result = run(write(tmp_path / "cut.pcap", segments[:-1], tail=record(segments[-1])[:-7]))
    assert result.capture.files[0].truncated
    assert any(problem.damaged for problem in result.capture.problems)
    (row,) = result.connections
    assert (row.last_frame, row.teardown.pattern) == (9, "unfinished-close")


def test_interrupted_says_what_was_read_so_far(tmp_path: Path) -> None:
    """Ctrl-C in the middle: what was analysed stands, and the result says that it is not all."""
    file = write(tmp_path / "a.pcap", ladder(TALK))
    later = write(tmp_path / "b.pcap", ladder("90 C2 S\n90.1 S2 SA\n90.2 C2 A"))
    calls = []

    def progress(done: int, total: int | None) -> None:
        calls.append((done, total))
        raise KeyboardInterrupt

    result = run([file, later], progress=progress)
    assert calls
    assert result.interrupted
    assert result.capture.packets <= 13
    assert result.summary.connections == len(list(result.connections))


def test_selection_is_made_before_the_analysis_and_counts_stay_the_captures(tmp_path: Path) -> None:
    file = write(tmp_path / "a.pcap", ladder(TALK + "2 C2 S\n2.1 S2 RA"))
    result = run(file, selection=Selection(ports=((40001, 40001),)))
    (row,) = result.connections
    assert (row.stream, row.first_frame, row.handshake.outcome) == (1, 11, "refused")
    assert (result.capture.packets, result.summary.connections, len(result.hosts)) == (12, 1, 2)


def test_without_rows_the_sums_are_the_same(tmp_path: Path) -> None:
    file = write(tmp_path / "a.pcap", ladder(TALK + "2 C2 S\n2.1 S2 RA"))
    kept, bare = run(file), run(file, keep_rows=False)
    assert (bare.summary, bare.hosts, bare.ports) == (kept.summary, kept.hosts, kept.ports)
    assert list(bare.connections) == []


def test_profiles_are_told_as_they_were_used() -> None:
    rows = profile_rows(Profiles.named("linux", {"10.0.0.2": "macos", "10.0.0.1": "macos"}, port_range=(40000, 40009)))
    assert [(row.hosts, row.name, row.time_wait_s, row.ephemeral_ports) for row in rows] == [
        ("*", "linux", 60.0, (40000, 40009)),
        (("10.0.0.1", "10.0.0.2"), "macos", 30.0, (40000, 40009)),
    ]


def test_a_clock_that_steps_back_is_named(tmp_path: Path) -> None:
    segments = ladder(TALK)
    set_back = [replace(segment, time_ns=segment.time_ns - 10**9) for segment in segments[4:]]
    result = run(write(tmp_path / "a.pcap", segments[:4] + set_back))
    problem = next(problem for problem in result.capture.problems if problem.code == "time-backwards")
    assert (problem.count, problem.first_frame) == (1, 5)


def test_padding_is_no_payload(tmp_path: Path) -> None:
    """Ethernet fills short frames up to 60 bytes."""
    (tmp_path / "a.pcap").write_bytes(HEADER + b"".join(record(s, extra=bytes(6)) for s in ladder(HANDSHAKE)))
    (row,) = run(tmp_path / "a.pcap").connections
    assert row.client_side.payload_bytes == 0
