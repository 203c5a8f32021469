"""What a flood keeps is some hundred bytes for each connection, where one that is an object takes 4 kB and more."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from . import generators

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.slow, pytest.mark.skipif(not sys.platform.startswith("linux"), reason="memory is counted in kB on Linux only")]

MOST_BYTES = {"flood": 500, "half open": 1300, "refused": 500, "lone resets": 700}  # that each takes, a measurement's error included
START_BYTES = 85e6  # what starting takes, the blocks that are read, and the crowd above which they are packed
N = 30_000
# By a small process: Linux counts for a command what the one that starts it has (exec_mmap() in fs/exec.c), and tests grow.
MEASURED = """
import resource, subprocess, sys
status = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL).returncode
print(status, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


def peak_bytes(command: list[str], path: Path) -> int:
    """Most memory of a command that reads a file."""
    args = [
        sys.executable,
        "-m",
        "tcptrace_py",
        command[0],
        str(path),
        *command[1:],
        "--jobs",
        "1",
        "--memory",
        "6",
        "-o",
        os.devnull,
        "--force",
    ]
    ran = subprocess.run([sys.executable, "-c", MEASURED, *args], stdout=subprocess.PIPE, check=True, text=True)
    status, kilobytes = map(int, ran.stdout.split())
    assert status in (0, 1, 3)
    return kilobytes * 1024


@pytest.mark.parametrize("command", [["analyze"], ["time-wait"]], ids=" ".join)
@pytest.mark.parametrize("kind", ["flood", "half open", "refused", "lone resets"])
def test_a_connection_more_takes_some_hundred_bytes(kind: str, command: list[str], tmp_path: Path) -> None:
    peaks, path = [], tmp_path / "flood.pcap"
    for n in (N, 2 * N):
        path.write_bytes(generators.capture(kind, n))
        peaks.append(peak_bytes(command, path))
    each = (peaks[1] - peaks[0]) / N
    assert each < MOST_BYTES[kind], f"{each:.0f} bytes each, {peaks}"
    assert peaks[1] < START_BYTES + 2 * N * MOST_BYTES[kind]


def test_a_comparison_keeps_columns_of_both(tmp_path: Path) -> None:
    peaks, path = [], tmp_path / "half-open.pcap"
    for n in (N, 2 * N):
        path.write_bytes(generators.capture("half open", n))
        peaks.append(peak_bytes(["diff", str(path)], path))
    assert (peaks[1] - peaks[0]) / N < 1300  # fewer than an object for each takes, and there are two of each here


def test_a_comparison_of_many_services_reads_each_block_once(tmp_path: Path) -> None:
    path, n = tmp_path / "scan.pcap", 2 * N
    made = (
        generators.segment(i * 10, generators.address(i), generators.SERVER, (4000, 1024 + i * 7919 % 12000), i, 0, 2) for i in range(n)
    )
    path.write_bytes(generators.HEADER + b"".join(made))
    assert peak_bytes(["diff", str(path)], path) < START_BYTES + n * 4000  # else each that is shown keeps a block of its own
