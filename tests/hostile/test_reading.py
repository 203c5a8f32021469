"""Nothing that a file holds is passed over in silence, and many files are read as one."""

from __future__ import annotations

import gc
import sys
import weakref
from itertools import count
from typing import TYPE_CHECKING

import pytest

from tcptrace_py import analyze
from tcptrace_py.capture import file
from tcptrace_py.capture.source import FileSource
from tcptrace_py.cli import main
from tcptrace_py.model.segments import ACK, FIN, SYN
from tcptrace_py.outputs.document import document
from tcptrace_py.pipeline import run, running
from tcptrace_py.pipeline.running import EACH_COLLECTED
from tests.capture.writing import block, enhanced, interface, section
from tests.pieces import read_in_small_pieces, share_in_pieces

from .generators import CLIENT, HEADER, SERVER, address, capture, record, segment

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PORTS, BACK = (40000, 80), (80, 40000)


def problems(path: Path) -> dict[str, list[tuple[int, str]]]:
    found: dict[str, list[tuple[int, str]]] = {}
    for problem in analyze(path).capture.problems:
        found.setdefault(problem.code, []).append((problem.count, problem.explanation))
    return found


def test_blocks_of_unknown_types_are_counted_by_type(tmp_path: Path) -> None:
    path = tmp_path / "blocks.pcapng"
    frame = capture("half open", 1)[40:]
    unknown, other = block(0x1234, b"abcd"), block(0xBEEF, b"")
    path.write_bytes(section() + interface() + unknown + enhanced(1, frame) + other + unknown + block(5, b"x" * 12))
    counts = {text.split(" type ")[1].split(",")[0]: count for count, text in problems(path)["unknown-block"]}
    assert counts == {"0x00001234": 2, "0x0000beef": 1}


@pytest.mark.parametrize("form", ["pcap", "pcapng"])
def test_frames_longer_than_on_the_wire_are_named(form: str, tmp_path: Path) -> None:
    path = tmp_path / f"longer.{form}"
    frame = capture("half open", 1)[40:94]
    if form == "pcap":
        path.write_bytes(HEADER + record(0, frame, -3) + record(1, frame))
    else:
        path.write_bytes(section() + interface() + enhanced(1, frame, wire=len(frame) - 3) + enhanced(2, frame))
    assert [count for count, _ in problems(path)["longer-than-wire"]] == [1]
    assert analyze(path).capture.segments == 2


def test_steps_of_the_clock_are_dashes_and_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "steps.pcap"
    path.write_bytes(HEADER + b"".join((
        segment(10_000_000, CLIENT, SERVER, PORTS, 0, 0, SYN), segment(5_000_000, SERVER, CLIENT, BACK, 0, 1, SYN | ACK),
        segment(5_100_000, CLIENT, SERVER, PORTS, 1, 1, ACK), segment(5_200_000, CLIENT, SERVER, PORTS, 1, 1, FIN | ACK),
        segment(1_000_000, SERVER, CLIENT, BACK, 1, 2, FIN | ACK), segment(1_200_000, CLIENT, SERVER, PORTS, 2, 2, ACK),
    )))  # fmt: skip
    assert main.main(["explain", str(path), "0", "--full"]) == 0
    rows = [line.split() for line in capsys.readouterr().out.splitlines() if "seq" in line]
    assert [row[1] for row in rows[1:]] == ["-"] * 5
    assert "time-backwards" in problems(path)
    for command in (["analyze", "--show", "connections"], ["analyze", "--format", "csv"], ["time-wait"]):
        main.main([command[0], str(path), *command[1:]])
        out = capsys.readouterr().out
        assert not any(word.startswith("-") and word[1:2].isdigit() for word in out.replace(",", " ").split()), out


def test_nanoseconds_before_1970_come_out_of_sql_as_they_went_in(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("duckdb")
    path = tmp_path / "early.pcapng"
    frame = capture("half open", 1)[40:94]
    path.write_bytes(section() + interface(tsresol=9, offset_s=-2) + enhanced(1_000_000_001, frame))
    assert next(iter(analyze(path))).start_ns == -999_999_999
    assert main.main(["query", str(path), "SELECT epoch_ns(started) AS a, CAST(started AS VARCHAR) AS b FROM connections"]) == 0
    out = capsys.readouterr().out
    assert "-999999999" in out
    assert "1969-12-31 23:59:59.000000001" in out


@pytest.mark.skipif(sys.platform == "win32", reason="no such limits")
def test_more_files_than_descriptors_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file, "MOST_DESCRIPTORS", 10)
    for number in range(120):
        first, last = (segment(us, CLIENT, SERVER, (1000 + number, 80), 5, 0, SYN) for us in (number, 10**9 + number))
        (tmp_path / f"{number}.pcap").write_bytes(HEADER + first + last)  # all at once, from the first second to the last
    _all_read(tmp_path, 240, most=80)


def _all_read(folder: Path, packets: int, *, most: int) -> None:
    """Analyse a folder's files with so many descriptors: all of them are read."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(most, hard), hard))
    try:
        analysis = analyze(folder)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert analysis.capture.packets == packets
    assert not [problem for problem in analysis.capture.problems if problem.damaged]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="no such limits")
def test_3000_files_are_read_with_1024_descriptors(tmp_path: Path) -> None:
    for number in range(3000):
        first, last = (segment(us, address(number), SERVER, PORTS, 5, 0, SYN) for us in (number, 10**9 + number))
        (tmp_path / f"{number}.pcap").write_bytes(HEADER + first + last)
    _all_read(tmp_path, 6000, most=1024)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="several processes are used on Linux only")
@pytest.mark.parametrize("cut", [0, 9])
@pytest.mark.parametrize("form", ["pcap", "pcapng"])
def test_what_is_appended_while_a_file_is_read_is_read_as_well(
    form: str, cut: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By one process and by two; a record of which the rest has not been written yet is one that was cut."""
    read_in_small_pieces(monkeypatch)
    records = [segment(us * 1000, CLIENT, SERVER, (1000 + us, 80), 5, 0, SYN) for us in range(120)]
    if form == "pcap":
        start, more = HEADER + b"".join(records[:60]), b"".join(records[60:])
    else:
        blocks = [enhanced(us * 1000, record[16:]) for us, record in enumerate(records)]
        start, more = section() + interface() + b"".join(blocks[:60]), b"".join(blocks[60:])
    path, refill, found = tmp_path / "growing", FileSource.refill, []
    for jobs in (1, 2):
        path.write_bytes(start + more[:20])  # it ends amid a record
        pieces = count()

        def grown(source: FileSource, rest: bytes, need_bytes: int, pieces: Iterator[int] = pieces) -> bytes:
            if next(pieces) == 3:
                with path.open("ab") as file:
                    file.write(more[20 : len(more) - cut])
            return refill(source, rest, need_bytes)

        monkeypatch.setattr(FileSource, "refill", grown)
        share_in_pieces(monkeypatch, lambda: 7)
        found.append(document(run(path, jobs=jobs, keep_rows=True)))
        assert next(pieces) > 4
    for one in found:
        del one["capture"]["files"]
    assert found[0] == found[1]
    assert found[0]["capture"]["packets"] == 120 - bool(cut)
    assert [problem["code"] for problem in found[0]["capture"]["problems"] if problem["damaged"]] == ["cut-tail"] * bool(cut)


def test_garbage_of_whoever_analyses_again_and_again_is_collected(tmp_path: Path) -> None:
    """What was there when an analysis ended is old, and Python itself would look through that once in millions of objects."""
    path = tmp_path / "small.pcap"
    path.write_bytes(capture("half open", 1))
    node = Node()
    gone = weakref.ref(node)
    node.itself = node
    analyze(path)
    del node
    for _ in range(EACH_COLLECTED):
        analyze(path)
    assert gone() is None


@pytest.mark.parametrize("few_young", [running.FEW_YOUNG, 0])
def test_what_whoever_analyses_has_frozen_stays_frozen(few_young: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server freezes what it has imported before it forks, so that no process looks through it and all of them share it."""
    monkeypatch.setattr(running, "FEW_YOUNG", few_young)
    path = tmp_path / "small.pcap"
    path.write_bytes(capture("half open", 1))
    gc.freeze()
    analyze(path)
    assert gc.get_freeze_count() > 0


class Node:
    itself: Node
