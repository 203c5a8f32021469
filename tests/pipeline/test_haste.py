"""Behind Ctrl-C what was read is concluded for a moment longer; what is left has a number and is counted nowhere."""

from __future__ import annotations

import lzma
import sys
from itertools import count
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from tcptrace_py.pipeline import collecting, haste, run
from tcptrace_py.pipeline.haste import PASSED_OVER, Haste, over_in
from tests.captures import CAPTURES, PACKED, SAMPLES
from tests.fuzz.hostile import SCENARIOS, capture
from tests.pieces import share_in_pieces
from tests.thorough import every, paired

if TYPE_CHECKING:
    from pathlib import Path

    from tcptrace_py.model.results import Analysis, Connection

JOBS = (1, 2, 3) if sys.platform.startswith("linux") else (1,)
SLOW = 1  # what each look at the clock takes


def works(monkeypatch: pytest.MonkeyPatch, concludes: float = haste.CONCLUDES_S, step: float = SLOW) -> None:
    """The processor's time goes on by the same with each look at it."""
    worked = count()
    monkeypatch.setattr(haste, "CONCLUDES_S", concludes)
    monkeypatch.setattr(haste, "time", SimpleNamespace(process_time=lambda: next(worked) * step))


def test_time_is_over_when_so_much_was_worked(monkeypatch: pytest.MonkeyPatch) -> None:
    works(monkeypatch, step=0.1)
    is_over = over_in(0.25)
    assert [is_over(), is_over(), is_over()] == [False, False, True]


def test_nobody_hurries_who_is_not_asked() -> None:
    looks: list[int] = []
    heard = Haste(lambda: looks.append(1))
    assert not any(heard.is_over() for _ in range(3))
    assert (len(looks), heard.asked) == (3, False)


def test_an_end_that_is_asked_for_is_heard_once_and_leaves_a_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[int] = []
    told: list[int] = []

    def listen() -> None:
        looks.append(1)
        if len(looks) == 2:
            raise KeyboardInterrupt

    works(monkeypatch, 3)
    heard = Haste(listen)
    heard.tell(lambda: told.append(1))
    assert [heard.is_over() for _ in range(8)] == [False] * 4 + [True] * 4
    heard.ask()
    heard.listen()
    assert (len(looks), len(told)) == (2, 1)
    heard.tell(lambda: told.append(2))
    assert told == [1, 2]


def ended_behind_all(path: Path, jobs: int) -> Analysis:
    """The analysis that Ctrl-C ends when all is read."""
    told: list[tuple[int, int | None]] = []

    def progress(*at: int | None) -> None:
        if at in told:
            raise KeyboardInterrupt
        told.append(at)  # type: ignore[arg-type]

    return run(path, jobs=jobs, progress=progress)


def names(connections: list[Connection]) -> dict[int, tuple[object, ...]]:
    return {
        row.id: (row.first_frame, row.stream, row.client, row.server, row.handshake.outcome, row.teardown.pattern) for row in connections
    }


def judged_in_time(path: Path, jobs: int, monkeypatch: pytest.MonkeyPatch, most: int) -> tuple[Analysis, Analysis]:
    """The whole analysis, and the one that has time for so many connections in each process."""
    whole = run(path)
    with monkeypatch.context() as patch:
        share_in_pieces(patch, lambda: 50)
        patch.setattr(collecting, "LOOK_EVERY", 1)
        works(patch, most)
        return whole, ended_behind_all(path, jobs)


@pytest.mark.parametrize(
    ("name", "most", "jobs"),
    [
        (name, most, jobs)
        for (name, most), jobs in paired(
            paired([PACKED[0], "random segments", "syn flood", "slow scan", "lone resets", "tuple reused"], [0, 7, 100]), JOBS[::-1]
        )
    ],
)
def test_what_there_is_no_time_for_has_its_number_and_is_counted_nowhere(
    name: str, most: int, jobs: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "some.pcap"
    if name in PACKED:
        path.write_bytes(lzma.decompress((SAMPLES / name).read_bytes()))
    else:
        path.write_bytes(capture(SCENARIOS[name](300)))
    whole, ended = judged_in_time(path, jobs, monkeypatch, most)
    assert ended.interrupted
    passed = sum(problem.count for problem in ended.capture.problems if problem.code == PASSED_OVER)
    # The one connection that is left of `tuple reused` may be another worker's, which has concluded it before it hears.
    assert passed or most or (name == "tuple reused" and jobs == 3)
    rows = list(ended.connections)
    assert len(rows) == ended.summary.connections == whole.summary.connections - passed
    assert (ended.capture.packets, ended.capture.segments) == (whole.capture.packets, whole.capture.segments)
    assert names(rows).items() <= names(list(whole.connections)).items()
    most_held = {(row.client, row.server, row.server_port): row.peak_held for row in whole.ports}
    assert all(row.peak_held <= most_held[row.client, row.server, row.server_port] for row in ended.ports)


@pytest.mark.parametrize("jobs", JOBS)
def test_all_that_there_is_time_for_is_told(jobs: int, monkeypatch: pytest.MonkeyPatch) -> None:
    for path in every(4, CAPTURES[:20]):
        whole, ended = judged_in_time(path, jobs, monkeypatch, 1 << 40)
        assert names(list(ended.connections)) == names(list(whole.connections))
        assert not any(problem.code == PASSED_OVER for problem in ended.capture.problems)
