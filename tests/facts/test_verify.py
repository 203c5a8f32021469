"""A block of somebody else's is read only where its numbers point at something."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcptrace_py import analyze
from tcptrace_py.facts import block as at
from tcptrace_py.facts.block import Block, unpacked
from tcptrace_py.facts.store import Connections
from tcptrace_py.facts.verify import verify
from tcptrace_py.facts.views import connection, plain
from tests.thorough import every, some

if TYPE_CHECKING:
    from tcptrace_py.facts.table import Table

SAMPLES = Path(__file__).parents[2] / "samples"
TELLING = ("close-wait-never-closes.pcap", "syn-refused.pcap", "self-connect.pcap", "data-lost.pcap", "data-after-fin.pcap")


NO_CAPTURES = ("empty.pcap", "not-a-capture.pcap")


def blocks(path: Path) -> list[bytes]:
    found = analyze(path).connections
    assert isinstance(found, Connections)
    return [block.packed() for block in found.blocks()]


PACKED = [data for name in TELLING for data in blocks(SAMPLES / name)]


@pytest.mark.parametrize("path", every(6, some(sorted(SAMPLES.glob("*.pcap")))), ids=lambda path: path.name)
def test_every_block_that_is_written_passes(path: Path) -> None:
    if path.name in NO_CAPTURES:
        return
    for data in blocks(path):
        verify(unpacked(data))


def _tables(block: Block) -> dict[str, Table]:
    return {name: getattr(block, name) for name in ("connections", "stays", "resets", "anomalies")}


POINTING = [
    *(("connections", "narrow", column) for column in (at.CLIENT, at.SERVER, at.SCOPE, at.HISTORY, at.CLIENT_PATH, at.SERVER_PATH)),
    *(("connections", "narrow", column) for column in (at.ENTRIES_AT, at.STAYS_AT, at.RESETS_AT, at.RESETS, at.ANOMALIES_AT, at.ANOMALIES)),
    *(("connections", "narrow", column) for column in (at.ENDING_RESET, at.CLIENT_PORT, at.SERVER_PORT)),
    *(("connections", "small", column) for column in (at.VANTAGE, at.KIND, at.OUTCOME, at.PATTERN, at.FIRST_FIN, at.STAYS)),
    *(("stays", "small", column) for column in (at.STAY_SIDE, at.STAY_BASIS, at.STAY_ENDED_BY)),
    *(("resets", "small", column) for column in (at.RESET_BY, at.RESET_CAUSE, at.RESET_CONFIDENCE)),
    ("resets", "narrow", at.RESET_EVIDENCE),
    *(("anomalies", "narrow", column) for column in (at.ANOMALY_CODE, at.ANOMALY_EXPLANATION)),
]


@pytest.mark.parametrize(("table", "width", "column"), POINTING)
@pytest.mark.parametrize("number", [-2, 127, -128])
def test_a_number_that_points_nowhere_is_refused(table: str, width: str, column: int, number: int) -> None:
    tried = 0
    for data in PACKED:
        block = unpacked(data)
        rows = _tables(block)[table]
        if rows.count:
            getattr(rows, width)[column * rows.capacity] = number if width == "small" or number < 0 else 1 << 20
            with pytest.raises(ValueError, match=r"nothing|not there"):
                verify(block)
            tried += 1
    assert tried


@given(which=st.integers(0, len(PACKED) - 1), place=st.floats(0, 1, exclude_max=True), byte=st.integers(0, 255), more=st.integers(0, 3))
def test_what_passes_can_be_read(which: int, place: float, byte: int, more: int) -> None:
    """Any bytes of it changed: it is refused, or every view of it says something."""
    data = bytearray(PACKED[which])
    for step in range(more + 1):
        data[(int(place * len(data)) + 7 * step) % len(data)] = byte
    try:
        block = unpacked(bytes(data))
        verify(block)
    except (ValueError, KeyError, TypeError, AttributeError):
        return
    for row in range(block.connections.count):
        plain(connection(block, row))
