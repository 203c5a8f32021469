"""Captures read again: connections that were only added up are found and described as if all were, and each segment is where it was."""

from __future__ import annotations

import io
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcptrace_py import analyze, second_reading
from tcptrace_py.ladder import ladder
from tcptrace_py.model.errors import TcpstatesError
from tcptrace_py.model.first_frames import FirstFrames
from tcptrace_py.model.reference import Reference
from tcptrace_py.model.selection import Selection
from tcptrace_py.outputs.registry import named
from tcptrace_py.outputs.view import View
from tcptrace_py.pipeline.running import Directory
from tcptrace_py.second_reading import Options, find
from tests.buildups import analysis
from tests.ladder import HANDSHAKE
from tests.ladder import ladder as ladder_of
from tests.thorough import every, some
from tests.wire import write

if TYPE_CHECKING:
    from collections.abc import Callable

    from tcptrace_py.model.results import Analysis, Connection

SAMPLES = sorted(path for path in (Path(__file__).parents[1] / "samples").iterdir() if ".pcap" in path.name)
FEW = 3  # connections of a sample that are looked for


def chosen(connections: list[Connection]) -> list[Connection]:
    """A few, from the first to the last."""
    return [connections[len(connections) * i // FEW] for i in range(FEW)] if len(connections) > FEW else connections


def rows_as_csv(result: Analysis) -> set[str]:
    """What is written from the columns, without an object of a connection in between."""
    out = io.StringIO()
    named("csv").write(result, View(), out)
    return set(out.getvalue().splitlines()[1:])


def sums(result: Analysis) -> str:
    return repr((result.summary, result.hosts, result.ports, result.capture, result.profiles))


@pytest.mark.parametrize("path", every(6, some(SAMPLES), 1), ids=lambda path: path.name)
def test_found_as_if_all_were_described(path: Path) -> None:
    try:
        whole = analysis(path.name)
    except TcpstatesError:
        pytest.skip("no capture at all")
    rows = list(whole.connections)
    wanted = [Reference(id=row.id) for row in chosen(rows)]
    wanted += [Reference(stream=row.stream) for row in chosen(rows[1:]) if row.stream is not None]
    wanted += [Reference.of(row) for row in chosen(rows[2:])]
    result = find([str(path)], wanted, Options())
    for which in wanted:
        assert which.among(result.connections) == which.among(rows)
    assert sums(result) == sums(whole)
    assert len(rows_as_csv(result)) == len(result.connections)
    assert rows_as_csv(result) <= rows_as_csv(whole)


def test_options_are_those_of_both_readings() -> None:
    """What cuts a four-tuple into connections must cut it in the same way: here a silence, and a span of time."""
    path = SAMPLES[0].parent / "time-wait-reused.pcap"
    start_ns = next(iter(analyze(path).connections)).start_ns
    for options in (Options(idle_s=0.015), Options(Selection(from_ns=start_ns + 30_000_000)), Options(check_checksums=True)):
        rows = list(analyze(path, selection=options.selection, idle_s=options.idle_s,
                            check_checksums=options.check_checksums).connections)  # fmt: skip
        wanted = [Reference(id=row.id) for row in rows]
        assert list(find([path], wanted, options).connections) == rows
        for row in rows:
            made = ladder([path], row, rows, options=options)
            sides = [side for side in (row.client_side, row.server_side) if side is not None]
            assert sum(segment.counted for segment in made) == sum(side.packets for side in sides) > 0


def test_of_none_nothing_is_described() -> None:
    path = SAMPLES[0].parent / "three-way-handshake.pcap"
    for which in (Reference(id=99), Reference(stream=99), Reference(ends=(("192.0.2.99", 1), ("192.0.2.98", 2)))):
        assert list(find([path], [which], Options()).connections) == []


def test_where_a_frame_begins_several_all_are_described(monkeypatch: pytest.MonkeyPatch) -> None:
    """A frame may hold several segments (an A-MSDU): it names no single connection then."""
    monkeypatch.setattr(Directory, "is_clear", False)
    result = find([SAMPLES[0].parent / "several-handshakes-ipv6.pcap"], [Reference(id=1)], Options())
    assert list(result.connections) == list(analysis("several-handshakes-ipv6.pcap").connections)


def test_ctrl_c_ends_all_readings_at_the_same_frame(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is described was in the part that was analysed; all of it, where there is time for another reading."""
    monkeypatch.setattr(second_reading, "STILL_S", 60)
    segments = [replace(s, time_ns=s.time_ns + n) for n in range(3000) for s in ladder_of(HANDSHAKE, port=1 + n)]
    path = write(tmp_path / "long.pcap", segments)

    def progress(done: int, _total: int | None) -> None:
        if done > path.stat().st_size // 2:
            raise KeyboardInterrupt

    whole = analyze(path, progress=progress)
    rows = list(whole.connections)
    assert whole.interrupted
    assert 0 < len(rows) < 3000
    result = find([path], [Reference(id=rows[-1].id)], Options(), progress=progress)
    assert result.interrupted
    assert list(result.connections) == rows[-1:]


def test_a_reading_that_is_cut_says_how_it_was_then(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Behind Ctrl-C there is little time: a connection of which the rest was not read again has not fallen silent."""
    at_s = (0, 0.4, 390)
    others = [replace(s, time_ns=s.time_ns + round(at_s[n % 3] * 1e9) + n) for n in range(3000) for s in ladder_of(HANDSHAKE, port=1 + n)]
    asked = "0 C S\n0.01 S SA\n0.02 C A\n0.1 C PA len=9\n0.3 C PA seq=1 len=9"
    one = ladder_of(f"{asked}\n400 S A\n400.1 C FA\n400.2 S FA\n400.3 C A", port=40_000)
    path = write(tmp_path / "long.pcap", sorted([*others, *one], key=lambda segment: segment.time_ns))

    def progress(done: int, total: int | None) -> None:
        if total is not None and done >= total:
            raise KeyboardInterrupt

    def pieces(_most_s: float) -> Callable[[], bool]:
        asked = count()
        return lambda: next(asked) >= 8

    monkeypatch.setattr("tcptrace_py.pipeline.haste.CONCLUDES_S", 60)
    monkeypatch.setattr(second_reading, "over_in", pieces)
    result = find([path], [Reference(ends=(("10.0.0.1", 40_000), ("10.0.0.2", 80)))], Options(), progress=progress)
    (found,) = result.connections
    assert result.interrupted
    assert found.client_side.packets == 4
    assert [entry.state.name for entry in found.client_side.states][-1] == "ESTABLISHED"


@given(st.sets(st.integers(1, 200_000)))
def test_frames_and_numbers(frames: set[int]) -> None:
    begun = FirstFrames()
    for frame in frames:
        begun.add(frame)
    assert [begun.frame(number) for number in range(len(frames))] == sorted(frames)
    assert [begun.rank(frame) for frame in sorted(frames)] == list(range(len(frames)))
    assert begun.frame(len(frames)) is begun.frame(-1) is None
