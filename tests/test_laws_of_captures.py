"""The laws of `test_laws.py` on captures: samples and other stacks' at once, large recordings in the marked tests."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tcptrace_py.model.state import Basis, State
from tcptrace_py.pipeline import run
from tests.test_order import as_pcapng, is_in_order, rows_of, said, shuffled

if TYPE_CHECKING:
    from tcptrace_py.model.results import Analysis, Connection, Side

ROOT = Path(__file__).parents[1]
NO_CAPTURES = {"empty.pcap", "not-a-capture.pcap"}
EVERY = [path for path in (*sorted((ROOT / "samples").rglob("*.pcap*")), *sorted((ROOT / "tests" / "stacks").glob("*.pcap")))
         if path.name not in NO_CAPTURES]
SMALL = [path for path in EVERY if path.stat().st_size < 30_000 and ".xz" not in path.suffixes]
LARGE = [path for path in EVERY if path not in SMALL]
IPV4 = b"\x08\x00\x45"
Row = tuple[int, bytes, int, int]


def sides(row: Connection) -> list[Side]:
    return [side for side in (row.client_side, row.server_side) if side is not None]


def hangs_together(found: Analysis) -> list[str]:
    """What is said of a connection and cannot be."""
    wrong = []
    for row in found.connections:
        paths = [[entry.state for entry in side.states] for side in sides(row)]
        if row.teardown.pattern == "four-way" and [stay.side for stay in row.time_wait] != [row.teardown.first_fin]:
            wrong.append(f"{row.id}: a four-way close with stays of {[stay.side for stay in row.time_wait]}")
        if len(paths) == 2 and all(State.CLOSE_WAIT in path for path in paths):
            wrong.append(f"{row.id}: both sides in CLOSE_WAIT")
        for side in sides(row):
            times = [entry.at_ns for entry in side.states if entry.at_ns is not None]
            wrong += [f"{row.id}: states go back in time" for before, after in pairwise(times) if after < before]
        if len(paths) == 2:
            for mine, theirs in (sides(row), sides(row)[::-1]):
                began = {entry.state: entry.at_ns for entry in theirs.states if entry.basis != Basis.INFERRED}
                wrong += [f"{row.id}: CLOSE_WAIT before its peer's FIN" for entry in mine.states
                          if entry.state == State.CLOSE_WAIT and (began.get(State.FIN_WAIT_1) or 0) > (entry.at_ns or 0)]
    return wrong


def verdicts(found: Analysis) -> list[Any]:
    return [(row.handshake.outcome, row.teardown.pattern, row.teardown.first_fin, [(reset.by, reset.cause) for reset in row.resets],
             [[(entry.state, entry.frame) for entry in side.states] for side in sides(row)],
             [(stay.side, stay.ended_by) for stay in row.time_wait]) for row in found.connections]  # fmt: skip


def rests_on_headers(found: Analysis) -> bool:
    """Whether something was told by IP IDs or TTLs."""
    evidence = [text for row in found.connections for reset in row.resets for text in reset.evidence]
    return bool(found.capture.duplicates) or any(word in text for text in evidence for word in ("TTL", "hop", "IP ID"))


def changed(rows: list[Row], at: int, value: bytes) -> list[Row]:
    """Frames whose IPv4 headers have other bytes here: directly in Ethernet, as all of a capture without tunnels is."""
    return [(time_ns, data[:14 + at] + value + data[14 + at + len(value):], wire, link) for time_ns, data, wire, link in rows]


@pytest.mark.parametrize("path", SMALL, ids=lambda path: path.name)
def test_what_is_said_hangs_together(path: Path) -> None:
    assert hangs_together(run(str(path))) == []


@pytest.mark.parametrize("path", SMALL, ids=lambda path: path.name)
def test_ip_ids_and_ttls_change_no_verdict_that_does_not_rest_on_them(tmp_path: Path, path: Path) -> None:
    rows = rows_of(path)
    if any(link != 1 or data[12:15] != IPV4 or data[20] & 0x3F or data[21] for _, data, _, link in rows):
        return  # other headers, IPv6 among them, or fragments, which IDs put together
    found = run(str(as_pcapng(rows, tmp_path / "one.pcapng")))
    if not rests_on_headers(found):
        for at, value in ((4, b"\x12\x34"), (4, b"\0\0"), (8, b"\x40"), (8, b"\xff")):
            other = run(str(as_pcapng(changed(rows, at, value), tmp_path / "other.pcapng")))
            assert verdicts(other) == verdicts(found), (at, value)


@pytest.mark.slow
@pytest.mark.parametrize("path", LARGE, ids=lambda path: path.name)
def test_recordings_obey_the_same_laws(tmp_path: Path, path: Path) -> None:
    found = run(str(path))
    assert hangs_together(found) == []
    if is_in_order(path):
        rows = rows_of(path)
        one = as_pcapng(rows, tmp_path / "one.pcapng")
        other = as_pcapng(shuffled(rows, lambda row: row[0], 1), tmp_path / "other.pcapng")
        assert said(other) == said(one)
