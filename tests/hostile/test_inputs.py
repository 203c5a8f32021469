"""Captures and rules that once ended everything, cost too much or gave two answers: each is one of a kind."""

from __future__ import annotations

import gzip
import sys
from pathlib import Path

import pytest

from tcptrace_py import analyze
from tcptrace_py.findings.vantage import vantage
from tcptrace_py.model.segments import SYN
from tcptrace_py.outputs.document import document
from tcptrace_py.pipeline import run
from tests.pieces import share_in_pieces

from . import generators

INPUTS = Path(__file__).parent / "inputs"


def problems(name: str) -> dict[str, int | None]:
    """Codes of the problems of an input, with the first frame of each."""
    return {problem.code: problem.first_frame for problem in analyze(INPUTS / name).capture.problems}


def test_900_tags_in_one_another_hide_nothing_of_the_rest() -> None:
    result = analyze(INPUTS / "05-recursion.pcap")
    assert problems("05-recursion.pcap") == {"bad-checksums": 1, "undecodable": 2}
    assert [connection.handshake.outcome for connection in result] == ["completed"]


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


def test_the_first_frame_of_a_kind_is_the_first_of_the_file(tmp_path: Path) -> None:
    """Frames are put in the order of their times, and several processes meet others first: found by comparing one process with two."""
    path = tmp_path / "late.pcap"
    syns = [generators.segment(us, generators.CLIENT, generators.SERVER, (port, 80), 5, 0, SYN) for us, port in ((2000, 1), (1000, 2))]
    path.write_bytes(generators.HEADER + b"".join(syns))
    assert {problem.code: problem.first_frame for problem in analyze(path).capture.problems}["bad-checksums"] == 1


@pytest.mark.parametrize("to_server_ns", [0, 1, (1 << 61) + 1, (1 << 63) - 1])
@pytest.mark.parametrize("to_client_ns", [0, 1, 1 << 61, (1 << 63) - 1])
def test_legs_of_any_length_are_compared_without_a_product_of_theirs(to_server_ns: int, to_client_ns: int) -> None:
    clear = "client" if 4 * to_client_ns < to_server_ns else "server" if 4 * to_server_ns < to_client_ns else None
    if max(to_server_ns, to_client_ns) > 1_000_000:  # else both are as good as at the capture point
        assert vantage(to_server_ns, to_client_ns) == (clear or "middle")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="several processes are used on Linux only")
@pytest.mark.parametrize("count", [2, 3])
def test_several_processes_name_the_same_peaks(count: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    share_in_pieces(monkeypatch, lambda: 30)
    path = tmp_path / "peak.pcap"
    path.write_bytes(generators.spread(gzip.decompress((INPUTS / "13-jobs-peak.pcap.gz").read_bytes()), 5))
    one = document(run(path))
    assert one["ports"]
    assert document(run(path, jobs=count)) == one
