"""Decompression in a process of its own gives what decompression here gives."""

import os
import signal
import sys
from multiprocessing import active_children
from pathlib import Path
from typing import Any

import pytest

from tcptrace_py.capture import file, open_captures
from tcptrace_py.capture.compression import DecompressedSource
from tcptrace_py.model.errors import CaptureError
from tcptrace_py.model.problems import Problems

from .test_compression import CODECS, ROWS
from .writing import pcap, pcapng

beside = pytest.importorskip("tcptrace_py.capture.beside", reason="no fcntl")
pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="processes are forked on Linux only")
Told = tuple[list[tuple[int, int, bytes]], list[tuple[str, str]]]


@pytest.fixture(autouse=True)
def small_inputs(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Any input is worth it; tells the process of each that was started."""
    started: list[int] = []
    monkeypatch.setattr(file, "BESIDE_BYTES", 0)
    start = beside.BesideSource.__init__

    def noted(source: Any, packed: DecompressedSource) -> None:
        start(source, packed)
        started.append(source._process.pid or 0)

    monkeypatch.setattr(beside.BesideSource, "__init__", noted)
    return started


def told(paths: list[Path], *, apart: bool) -> Told:
    problems = Problems()
    try:
        reader = open_captures(paths, problems, beside=apart)
    except CaptureError as error:  # of what bzip2 packed, all is lost
        return [], [("no capture", str(error))]
    frames = [(block.time_ns[i], block.wire[i], bytes(block.data[block.offset[i]:block.offset[i] + block.captured[i]]))
              for block in reader.blocks() for i in range(block.count)]
    assert active_children() == []
    return frames, [(problem.code, problem.explanation) for problem in problems.rows()]


@pytest.mark.parametrize("kind", list(CODECS))
def test_every_kind(at: Path, kind: str, small_inputs: list[int]) -> None:
    for content in (pcap(ROWS), pcapng(ROWS)):
        at.write_bytes(CODECS[kind](content))
        assert told([at], apart=True) == told([at], apart=False)
    assert len(small_inputs) == 2


@pytest.mark.parametrize("kind", list(CODECS))
@pytest.mark.parametrize("size", [0, 1, -1, -9, -2000])
def test_damage(at: Path, kind: str, size: int) -> None:
    data = CODECS[kind](pcap(ROWS))
    at.write_bytes(data[:size] if size < 0 else data + b"\xff" * size + data[30:])
    frames, problems = told([at], apart=True)
    assert (frames, problems) == told([at], apart=False)
    assert problems or (kind, size) == ("zstd", -1)


def test_rotated_files(tmp_path: Path, small_inputs: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    paths = [tmp_path / f"{number}.pcap.gz" for number in range(4)]
    for number, path in enumerate(paths):
        path.write_bytes(CODECS["gzip"](pcap(ROWS[number * 500:number * 500 + 500])))
    assert told(paths, apart=True) == told(paths, apart=False)
    assert len(small_inputs) == 4
    monkeypatch.setattr(beside, "MOST", 0)
    assert told(paths, apart=True) == told(paths, apart=False)
    assert len(small_inputs) == 4


def test_the_process_dies(at: Path, small_inputs: list[int]) -> None:
    at.write_bytes(CODECS["gzip"](pcap([(number, os.urandom(1400)) for number in range(6000)])))  # more than the pipe holds
    problems = Problems()
    blocks = open_captures([at], problems, beside=True).blocks()
    next(blocks)
    os.kill(small_inputs[0], signal.SIGKILL)
    assert sum(block.count for block in blocks) < 6000
    assert [(problem.code, problem.damaged) for problem in problems.rows()] == [("read-error", True)]
    assert active_children() == []


def test_whoever_stops_early_leaves_no_process(at: Path, small_inputs: list[int]) -> None:
    at.write_bytes(CODECS["gzip"](pcap([(number, os.urandom(1400)) for number in range(6000)])))
    blocks = open_captures([at], Problems(), beside=True).blocks()
    next(blocks)
    blocks.close()  # type: ignore[attr-defined]
    assert (len(small_inputs), active_children()) == (1, [])
