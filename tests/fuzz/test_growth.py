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

FEW, MANY = 3_000, 12_000
TIMES_AS_LONG = 1.8  # beyond proportion: caches, and the machine's other work
SEGMENT_S = 600e-6  # most that a segment may cost, whatever it is: two hundred times a plain one
BASE_S = 0.05  # what small measurements do not tell
SEGMENT_BYTES = 60  # most by which a segment more may raise the peak where there is but one connection
CONNECTION_BYTES = 8_000
OF_MANY = {"syn flood", "lone resets", "tuple reused", "slow scan", "clock jumps"}
TOLD_SINGLY = {"random segments"}  # each segment is an anomaly of its own
ANOMALY_BYTES = 1_500
SLOW_TO_TRACE = {"overlaps backwards": FEW // 3}  # a list that is built anew for each segment


def cpu_s(path: Path, name: str, count: int) -> float:
    path.write_bytes(capture(SCENARIOS[name](count)))
    started = time.process_time()
    with in_time(60):
        analyze(path)
    return time.process_time() - started


@pytest.mark.timed
@pytest.mark.parametrize("name", SCENARIOS)
def test_time_is_in_proportion_to_segments(name: str, tmp_path: Path) -> None:
    path = tmp_path / "hostile.pcap"
    few, many = cpu_s(path, name, FEW), cpu_s(path, name, MANY)
    assert many < MANY * SEGMENT_S, f"{1e6 * many / MANY:.0f} us a segment"
    assert many < (few + BASE_S) * (MANY / FEW) * TIMES_AS_LONG, f"{FEW}: {few:.2f} s, {MANY}: {many:.2f} s"


@pytest.mark.parametrize("name", SCENARIOS)
def test_memory_is_in_proportion_to_connections(name: str, tmp_path: Path) -> None:
    path = tmp_path / "hostile.pcap"
    peaks, connections = [], []
    few = SLOW_TO_TRACE.get(name, FEW)
    path.write_bytes(capture(SCENARIOS[name](few // 10)))
    analyze(path)  # what the first of a process loads is not of the first capture
    for count in (few, 2 * few):
        path.write_bytes(capture(SCENARIOS[name](count)))
        size = path.stat().st_size
        tracemalloc.start()
        with in_time(300):  # tracing takes its time: how long it takes untraced is tried above
            connections.append(len(analyze(path)))
        peaks.append(tracemalloc.get_traced_memory()[1] - min(size, 3 << 20))  # the window of the file's bytes
        tracemalloc.stop()
    each = 0 if name in OF_MANY else ANOMALY_BYTES if name in TOLD_SINGLY else SEGMENT_BYTES
    allowed = few * each + (connections[1] - connections[0]) * CONNECTION_BYTES + (1 << 20)
    assert peaks[1] - peaks[0] < allowed, f"{peaks} bytes, {connections} connections"


@pytest.mark.parametrize("name", SCENARIOS)
def test_what_is_told_of_hostile_traffic_holds_together(name: str, tmp_path: Path) -> None:
    trial(capture(SCENARIOS[name](1000)), tmp_path / "hostile.pcap")
