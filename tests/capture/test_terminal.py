"""Captures that a terminal stood before: what it did to them is named and undone, and nothing else is taken for that."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcptrace_py.capture.terminal import is_translated, text_before

from .writing import S, pcap, pcapng, read, snoop

if TYPE_CHECKING:
    from pathlib import Path

# Requests with the ends of lines that they have, and bytes that happen to be such.
ROWS = [(number * S + 1000, b"GET /\r\nhost: \n\r\r\n" + bytes([number, 10, 13, 10]) * number) for number in range(1, 250)]
LISTENING = b"tcpdump: listening on eth0, link-type EN10MB (Ethernet), snapshot length 262144 bytes\r\n"


def translated(content: bytes) -> bytes:
    """What a terminal makes of it (ONLCR)."""
    return content.replace(b"\n", b"\r\n")


CAPTURES = {"pcap": pcap(ROWS), "big": pcap(ROWS, ">"), "pcapng": pcapng(ROWS)}


@pytest.mark.parametrize("name", CAPTURES)
@pytest.mark.parametrize("text", [b"", LISTENING, b"Warning: Permanently added '10.0.0.1'\n" + LISTENING])
@pytest.mark.parametrize("mangled", [False, True])
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_what_a_terminal_did_is_undone(tmp_path: Path, name: str, text: bytes, mangled: bool, pack: type[bytes]) -> None:
    at = tmp_path / "capture"
    content = CAPTURES[name]
    at.write_bytes(pack(text + (translated(content) if mangled else content)))
    got = read(at)
    assert [(frame.time_ns, frame.data) for frame in got.frames] == ROWS
    codes = ["text-before-capture"] * bool(text) + ["went-through-terminal"] * mangled
    assert got.codes == codes
    assert not any(problem.damaged for problem in got.problems)
    assert all("docker exec" in problem.explanation for problem in got.problems)
    if text:
        assert text.split(b"\n")[0].decode().strip()[:40] in got.problems[0].explanation


def test_text_before_a_snoop_capture(tmp_path: Path) -> None:
    at = tmp_path / "capture"
    at.write_bytes(b"Using device hme0\n" + snoop(ROWS))
    got = read(at)
    assert (len(got.frames), got.codes) == (len(ROWS), ["text-before-capture"])


def test_what_follows_the_capture_is_damage_at_its_end(tmp_path: Path) -> None:
    at = tmp_path / "capture"
    at.write_bytes(LISTENING + translated(pcap(ROWS) + b"249 packets captured\n"))
    got = read(at)
    assert len(got.frames) == len(ROWS)
    assert sorted(got.codes) == ["corrupt-record", "text-before-capture", "went-through-terminal"]


def test_bytes_are_no_text(tmp_path: Path) -> None:
    assert not text_before(b"\0\1\2\n" + pcap(ROWS))
    assert not text_before(b"text\nand more of it\n")


@given(st.lists(st.binary(max_size=90).map(lambda data: data.replace(b"\n", b"\r\n")), min_size=1, max_size=9))
def test_a_capture_of_nothing_but_such_ends_of_lines_is_left_as_it_is(payloads: list[bytes]) -> None:
    """Its records make sense as they are."""
    assert not is_translated(pcap([(S, data + b"\r\n") for data in payloads]))
