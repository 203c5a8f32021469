"""Hostile traffic costs its length and no more: time in proportion to the segments, memory to the connections."""

from __future__ import annotations

import time
import tracemalloc
from typing import TYPE_CHECKING

import pytest

from tcptrace_py import analyze

from .hostile import SCENARIOS, capture
from .trial import in_time, trial

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.fuzz

FEW, MANY = 4_000, 16_000
TIMES_AS_LONG = 1.8  # beyond proportion: caches, and the machine's other work
SEGMENT_S = 400e-6  # most that a segment may cost, whatever it is: a hundred times a plain one
BASE_S = 0.05  # what small measurements do not tell
SEGMENT_BYTES = 60  # most by which a segment more may raise the peak where there is but one connection
CONNECTION_BYTES = 8_000
OF_MANY = {"syn flood", "lone resets", "tuple reused", "slow scan", "random segments", "clock jumps"}


def cpu_s(path: Path, name: str, count: int) -> float:
    path.write_bytes(capture(SCENARIOS[name](count)))
    started = time.process_time()
    with in_time(120):
        analyze(path)
    return time.process_time() - started


@pytest.mark.parametrize("name", SCENARIOS)
def test_time_is_in_proportion_to_segments(name: str, tmp_path: Path) -> None:
    path = tmp_path / "hostile.pcap"
    few = min(cpu_s(path, name, FEW) for _ in range(2))
    many = min(cpu_s(path, name, MANY) for _ in range(2))
    assert many < MANY * SEGMENT_S, f"{1e6 * many / MANY:.0f} us a segment"
    assert many < (few + BASE_S) * (MANY / FEW) * TIMES_AS_LONG, f"{FEW}: {few:.2f} s, {MANY}: {many:.2f} s"


@pytest.mark.parametrize("name", SCENARIOS)
def test_memory_is_in_proportion_to_connections(name: str, tmp_path: Path) -> None:
    path = tmp_path / "hostile.pcap"
    peaks, connections = [], []
    for count in (FEW, MANY):
        path.write_bytes(capture(SCENARIOS[name](count)))
        size = path.stat().st_size
        tracemalloc.start()
        with in_time(240):
            connections.append(len(analyze(path)))
        peaks.append(tracemalloc.get_traced_memory()[1] - min(size, 3 << 20))  # the window of the file's bytes
        tracemalloc.stop()
    allowed = (MANY - FEW) * SEGMENT_BYTES if name not in OF_MANY else 0
    allowed += (connections[1] - connections[0]) * CONNECTION_BYTES + (2 << 20)
    assert peaks[1] - peaks[0] < allowed, f"{peaks} bytes, {connections} connections"


@pytest.mark.parametrize("name", SCENARIOS)
def test_what_is_told_of_hostile_traffic_holds_together(name: str, tmp_path: Path) -> None:
    trial(capture(SCENARIOS[name](1000)), tmp_path / "hostile.pcap")
