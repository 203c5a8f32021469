"""Captures and rules that once ended everything, cost too much or gave two answers: each is one of a kind."""

from __future__ import annotations

from pathlib import Path

import pytest

from tcptrace_py import analyze

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
