"""Captures and rules that once ended everything, cost too much or gave two answers: each is one of a kind."""

from __future__ import annotations

import gzip
import sys
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tcptrace_py import analyze
from tcptrace_py.cli import main
from tcptrace_py.findings.vantage import NAMES, place_of
from tcptrace_py.model.segments import ACK
from tcptrace_py.outputs.document import document
from tcptrace_py.pipeline import run
from tests.pieces import read_in_small_pieces, share_in_pieces

from . import generators

INPUTS = Path(__file__).parent / "inputs"


def problems(name: str) -> dict[str, int | None]:
    """Codes of the problems of an input, with the first frame of each."""
    return {problem.code: problem.first_frame for problem in analyze(INPUTS / name).capture.problems}


def test_900_tags_in_one_another_hide_nothing_of_the_rest() -> None:
    result = analyze(INPUTS / "05-recursion.pcap")
    assert problems("05-recursion.pcap") == {"bad-checksums": 1, "undecodable": 2}
    assert [connection.handshake.outcome for connection in result] == ["completed"]


def test_what_is_closed_in_one_vlan_is_reset_in_the_other(capsys: pytest.CaptureFixture[str]) -> None:
    """One four-tuple, at once in both: what was one connection held all checks."""
    path = INPUTS / "15-two-vlans.pcap"
    assert [(row.handshake.outcome, row.teardown.pattern) for row in analyze(path)] == [("completed", "rst"), ("completed", "four-way")]
    assert main.main(["check", str(path), "--forbid", "rst"]) == 1
    assert "connections that ended rst: 1, limit 0" in capsys.readouterr().out


def test_a_reset_is_what_checks_forbid(capsys: pytest.CaptureFixture[str]) -> None:
    """The sample on which the rules of these inputs were tried."""
    assert main.main(["check", str(INPUTS.parents[2] / "samples" / "reset-abort-by-server.pcap"), "--forbid", "rst"]) == 1
    assert "abort by server" in capsys.readouterr().out


@pytest.mark.parametrize("count", [270, 700])
def test_a_hole_that_is_split_again_and_again_counts_each_byte_once(count: int, tmp_path: Path) -> None:
    path = tmp_path / "holes.pcap"
    path.write_bytes(generators.capture("holes", count))
    (connection,) = analyze(path)
    assert connection.client_side.payload_bytes == 10 + 2 * count
    assert connection.client_side.retransmissions == 0


def test_the_holes_of_the_input_are_those_of_the_generator() -> None:
    (connection,) = analyze(INPUTS / "01-holes.pcap")
    assert (connection.client_side.payload_bytes, connection.client_side.retransmissions) == (10 + 2 * 270, 0)


def test_a_leg_of_a_hundred_years_is_compared_as_it_is_and_named() -> None:
    (connection,) = analyze(INPUTS / "02-leg-overflow.pcap")
    assert connection.vantage == "server"
    assert problems("02-leg-overflow.pcap")["time-jumps"] == 3


@pytest.mark.parametrize(
    ("code", "how"),
    [("bad-checksums", {}), ("snapped", {"options": generators.SCALE, "cut": 2}), ("offloaded", {"payload": 2000})],
    ids=["checksums", "snapped", "offloaded"],
)
def test_the_first_frame_of_a_kind_is_the_first_of_the_file(code: str, how: dict[str, Any], tmp_path: Path) -> None:
    """Frames are put in the order of their times, and several processes meet others first: found by comparing one process with two."""
    path, cut = tmp_path / "late.pcap", how.pop("cut", 0)
    found = []
    for us, port in ((2000, 1), (1000, 2)):
        made = generators.segment(us, generators.CLIENT, generators.SERVER, (port, 80), 5, 0, ACK, **how)
        found.append(generators.record(us, made[16 : len(made) - cut], cut))
    path.write_bytes(generators.HEADER + b"".join(found))
    assert {problem.code: problem.first_frame for problem in analyze(path).capture.problems}[code] == 1


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="several processes are used on Linux only")
@pytest.mark.parametrize("count", [2, 3])
def test_an_address_inside_and_outside_of_gtp_stands_where_it_stands(count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows that differ by times alone came in the order in which processes met them: found by comparing one process with three."""
    path = INPUTS / "16-one-address-in-two-scopes.pcap"
    one = document(run(path))
    assert len(one["hosts"]) == 4
    for most in range(1, 8):
        share_in_pieces(monkeypatch, partial(int, most))
        assert document(run(path, jobs=count)) == one
        monkeypatch.undo()


@pytest.mark.parametrize("small", [True, False])
def test_a_damaged_stream_gives_the_same_however_it_is_read(small: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error takes along what the same step decompressed, and steps began where pieces did: found by comparing sizes of pieces."""
    pytest.importorskip("lz4.frame")
    if small:
        read_in_small_pieces(monkeypatch)
    assert analyze(INPUTS / "17-damaged.pcap.lz4").capture.packets == 207


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="several processes are used on Linux only")
@pytest.mark.parametrize("count", [1, 2, 3])
@pytest.mark.parametrize("most_frames", [1, 2, 5])
def test_a_clock_that_is_set_forth_and_back_ends_the_same_in_any_pieces(
    most_frames: int, count: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether a connection was over hung on whether a block ended while the clock was a year ahead: found by comparing pieces."""
    path, year_s, made = tmp_path / "clock.pcap", 365 * 86400, []
    for at, (second, port) in enumerate(((0, 1), (300, 2), (year_s, 3), (year_s, 4), (300, 2), (301, 1), (year_s + 1, 3), (600, 4))):
        acks = (generators.CLIENT, generators.SERVER, (port, 80), 5 + at, 9)
        made.append(generators.segment(second * 1_000_000 + at * 1000, *acks, ACK, payload=1))
    path.write_bytes(generators.HEADER + b"".join(made))
    one = document(run(path))
    assert one["summary"]["connections"] == 4
    share_in_pieces(monkeypatch, lambda: most_frames)
    assert document(run(path, jobs=count)) == one


@pytest.mark.parametrize("to_server_ns", [0, 1, (1 << 61) + 1, (1 << 63) - 1])
@pytest.mark.parametrize("to_client_ns", [0, 1, 1 << 61, (1 << 63) - 1])
def test_legs_of_any_length_are_compared_without_a_product_of_theirs(to_server_ns: int, to_client_ns: int) -> None:
    clear = "client" if 4 * to_client_ns < to_server_ns else "server" if 4 * to_server_ns < to_client_ns else None
    if max(to_server_ns, to_client_ns) > 1_000_000:  # else both are as good as at the capture point
        assert NAMES[place_of(to_server_ns, to_client_ns)] == (clear or "middle")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="several processes are used on Linux only")
@pytest.mark.parametrize("count", [2, 3])
def test_several_processes_name_the_same_peaks(count: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    share_in_pieces(monkeypatch, lambda: 30)
    path = tmp_path / "peak.pcap"
    path.write_bytes(generators.spread(gzip.decompress((INPUTS / "13-jobs-peak.pcap.gz").read_bytes()), 5))
    one = document(run(path))
    assert one["ports"]
    assert document(run(path, jobs=count)) == one
