"""Several processes say the same as one."""

from __future__ import annotations

import lzma
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tcptrace_py.capture import ranges
from tcptrace_py.capture.ranges import OutOfOrdinaryError
from tcptrace_py.model.profiles import Profiles
from tcptrace_py.model.selection import Selection
from tcptrace_py.model.which import Which
from tcptrace_py.outputs.document import document
from tcptrace_py.pipeline import jobs, run, worthwhile
from tcptrace_py.second_reading import Options, find

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tcptrace_py.model.results import Analysis

SAMPLES = Path(__file__).parents[1] / "samples"
PIECE_BYTES = 2048
PACKED = ("buildup-health-checks.server.pcap.xz", "pile-up-on-a-proxy.pcap.xz")


def captures() -> list[Path]:
    """Samples of several pieces."""
    return [path for path in sorted(SAMPLES.glob("*.pcap")) if path.stat().st_size > 2 * PIECE_BYTES] + [
        SAMPLES / name for name in PACKED]


pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="several processes are used on Linux only")


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Pieces so small that a sample has many; tells which attempts were given up."""
    given_up: list[str] = []
    monkeypatch.setattr(ranges, "good_piece_bytes", lambda _mean_bytes: PIECE_BYTES)
    run_parts = jobs.run_parts

    def noted(*args: object) -> None:
        try:
            run_parts(*args)  # type: ignore[arg-type]
        except OutOfOrdinaryError as error:
            given_up.append(str(error))
            raise

    monkeypatch.setattr(jobs, "run_parts", noted)
    return given_up  # type: ignore[return-value]


def facts(analysis: Analysis) -> str:
    digest = analysis.digest
    assert digest is not None
    return repr((document(analysis), digest.groups(), digest.slowest(), digest.busiest(), digest.shown(), digest.timed,
                 {code: (group.count, group.frame, group.stream) for code, group in sorted(digest.anomalies.items())}))


@pytest.mark.parametrize("path", captures(), ids=lambda path: path.name)
def test_the_same_in_any_number_of_processes(path: Path, tmp_path: Path, small_pieces: list[str]) -> None:
    cut = False
    if path.suffix == ".xz":
        data = lzma.decompress(path.read_bytes())
        path = tmp_path / path.stem
        cut = len(data) > 200_000
        path.write_bytes(data[:200_000])  # amid a record: found at the end of the first attempt
    for keep_rows, count in ((True, 2), (False, 3)):
        assert facts(run(path, keep_rows=keep_rows, jobs=count)) == facts(run(path, keep_rows=keep_rows))
    assert bool(small_pieces) == cut, small_pieces


@pytest.mark.parametrize("name", [PACKED[0], "recorded-half-close.pcap", "recorded-time-wait-reused-by-syn.pcap"])
def test_connections_are_found_again(name: str, tmp_path: Path, small_pieces: list[str]) -> None:
    """Described alone after several processes had added them up; what handshakes of other processes told counts as well."""
    path = SAMPLES / name
    if path.suffix == ".xz":
        path = tmp_path / path.stem
        path.write_bytes(lzma.decompress((SAMPLES / name).read_bytes()))
    rows = list(run(path).connections)
    wanted = [Which(id=rows[len(rows) * n // 20].id) for n in range(20)]
    wanted += [Which(stream=rows[len(rows) * n // 20].stream) for n in range(20)]
    found = find([path], wanted, Options(), jobs=3)
    for which in wanted:
        assert which.among(found.connections) == which.among(rows)
    assert small_pieces == []


def test_options_are_those_of_one_process(tmp_path: Path) -> None:
    path = tmp_path / "buildup.pcap"
    path.write_bytes(lzma.decompress((SAMPLES / PACKED[0]).read_bytes()))
    options = {"selection": Selection(ports=((80, 8080),)), "profiles": Profiles.named("windows"), "idle_s": 1.0, "check_checksums": True}
    assert facts(run(path, jobs=2, **options)) == facts(run(path, **options))  # type: ignore[arg-type]


def test_ctrl_c_ends_all_of_them_with_what_they_know() -> None:
    path = max(captures()[:-2], key=lambda path: path.stat().st_size)

    def progress(done: int, total: int | None) -> None:
        assert total == path.stat().st_size
        if done > total // 2:
            raise KeyboardInterrupt

    analysis = run(path, jobs=2, progress=progress)
    whole = run(path)
    assert analysis.interrupted
    assert 0 < analysis.capture.packets < whole.capture.packets


def test_a_process_that_dies_costs_nothing_but_time(monkeypatch: pytest.MonkeyPatch, small_pieces: list[str]) -> None:
    path = captures()[0]
    before = facts(run(path))
    monkeypatch.setattr(jobs, "work", lambda _part, _channels: os._exit(1))
    assert facts(run(path, jobs=2)) == before
    assert small_pieces == ["one of the processes ended early"]


def test_what_helps() -> None:
    small, packed = str(captures()[0]), str(SAMPLES / PACKED[0])
    assert worthwhile.useful_jobs(None, [small]) == 1  # not worth it
    assert worthwhile.useful_jobs(2, [small]) == 2
    assert worthwhile.useful_jobs(2, [packed]) == worthwhile.useful_jobs(2, [small, small]) == worthwhile.useful_jobs(2, ["-"]) == 1
    assert [worthwhile.decompresses_beside(jobs) for jobs in (None, 1, 2)] == [False, False, True]
