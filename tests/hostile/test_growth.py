"""Each kind of hostile capture costs its length and no more, in every command: CPU at N, 2N and 4N."""

from __future__ import annotations

import itertools
import time
from functools import partial
from typing import TYPE_CHECKING

import pytest

from tcptrace_py.capture import open_captures
from tcptrace_py.cli import main
from tcptrace_py.model.problems import Problems
from tcptrace_py.model.segments import SYN

from . import generators

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MOST = 2.3  # so many times as much for twice the length
BASE_S = 0.15  # what small measurements do not tell
MOST_TRIES = 12  # of which the quickest counts for each size: what shares a core takes half as much again for seconds on end
N = 600
COMMANDS = {
    "analyze": ["analyze"],
    "time-wait": ["time-wait"],
    "check": ["check", "--forbid", "rst"],
    "explain": ["explain", "0"],
    "jsonl": ["analyze", "--format", "jsonl"],
}
MANY_LINES = {"flood", "flood6", "one address", "half open", "silent"}  # each segment or two is a connection: the file is long, not hard


def cpu_s(command: list[str], path: Path) -> float:
    """Processor time of a command that reads a file."""
    started = time.process_time()
    code = main.main([command[0], str(path), *command[1:], "--jobs", "1", "-o", str(path.with_name("out")), "--force"])
    assert code in (0, 1, 3) or (code == 2 and command[0] == "explain")  # where there is no connection
    return time.process_time() - started


@pytest.mark.fuzz
@pytest.mark.timed
@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("kind", generators.KINDS)
def test_cost_grows_with_the_length(kind: str, command: str, tmp_path: Path) -> None:
    paths = [tmp_path / f"{times}.pcap" for times in (1, 2, 4)]
    for path in paths:
        path.write_bytes(generators.capture(kind, int(path.stem) * N))
    require_growth([partial(cpu_s, COMMANDS[command], path) for path in paths])


def require_growth(measured: list[Callable[[], float]]) -> None:
    """Measure again where it seems too much: something else may have been at work, which the least of several does not hold."""
    times_s = [each() for each in measured]
    for _ in range(MOST_TRIES):
        if grows_with_the_length(times_s):
            return
        times_s = [min(before_s, each()) for before_s, each in zip(times_s, measured, strict=True)]
    assert grows_with_the_length(times_s), f"{times_s}"


def grows_with_the_length(times_s: list[float]) -> bool:
    """Whether each of these, of captures twice as long as the one before, is no more than so many times as much."""
    return all(many < MOST * few + BASE_S for few, many in itertools.pairwise(times_s))


READ = {
    "damaged gzip": 500_000,
    "many members": 3_000,
    "hole of zeros": 4_000_000,
    "many sections": 1_500,
    "many interfaces": 1_500,
    "many options": 20_000,
}


@pytest.mark.parametrize("kind", READ)
def test_reading_costs_the_length(kind: str, tmp_path: Path) -> None:
    n = READ[kind]
    paths = [tmp_path / f"{size}.gz" for size in (n, 2 * n, 4 * n)]
    for path in paths:
        path.write_bytes(getattr(generators, kind.replace(" ", "_"))(int(path.stem)))
    require_growth([partial(reading_s, path) for path in paths])


@pytest.mark.parametrize("packer", generators.PACKERS)
def test_a_bomb_costs_what_it_holds(packer: str, tmp_path: Path) -> None:
    """Some kilobytes of what becomes megabytes of zeros."""
    for module in {"zst": ["zstandard"], "lz4": ["lz4.frame"]}.get(packer, []):
        pytest.importorskip(module)
    paths = [tmp_path / f"{size}.pcap.{packer}" for size in (4_000_000, 8_000_000, 16_000_000)]
    for path in paths:
        path.write_bytes(generators.PACKERS[packer](generators.hole_of_zeros(int(path.name.partition(".")[0]))))
        assert path.stat().st_size < 100_000
    require_growth([partial(reading_s, path) for path in paths])


def test_thousands_of_tiny_files_cost_their_number(tmp_path: Path) -> None:
    for number in range(1600):
        (tmp_path / f"{number:04}.pcap").write_bytes(
            generators.HEADER + generators.segment(number, generators.CLIENT, generators.SERVER, (1, 80), 5, 0, SYN)
        )
    require_growth([partial(reading_s, *sorted(tmp_path.iterdir())[:count]) for count in (400, 800, 1600)])


def reading_s(*paths: Path) -> float:
    """Processor time of reading files to their ends."""
    started = time.process_time()
    for _ in open_captures([str(path) for path in paths], Problems()).blocks():
        pass
    return time.process_time() - started
