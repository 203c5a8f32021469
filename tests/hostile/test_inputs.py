"""Captures and rules that once ended everything, cost too much or gave two answers: each is one of a kind."""

from __future__ import annotations

from pathlib import Path

from tcptrace_py import analyze

INPUTS = Path(__file__).parent / "inputs"


def problems(name: str) -> dict[str, int | None]:
    """Codes of the problems of an input, with the first frame of each."""
    return {problem.code: problem.first_frame for problem in analyze(INPUTS / name).capture.problems}


def test_900_tags_in_one_another_hide_nothing_of_the_rest() -> None:
    result = analyze(INPUTS / "05-recursion.pcap")
    assert problems("05-recursion.pcap") == {"bad-checksums": 1, "undecodable": 2}
    assert [connection.handshake.outcome for connection in result] == ["completed"]
