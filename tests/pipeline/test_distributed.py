"""A distributed run says what one process says: its stages carried out one by one, all that they are given and give sent as bytes."""

from __future__ import annotations

import pickle
from array import array
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tcptrace_py.capture import eras
from tcptrace_py.cluster.checkpoint import OURS, Checkpoint, decoded_of, plain
from tcptrace_py.findings import occupancy
from tcptrace_py.model.errors import CaptureError, NotSharedError, UsageError
from tcptrace_py.model.profiles import Profiles
from tcptrace_py.model.selection import Selection
from tcptrace_py.pipeline import jobs, reports, run, stages, worthwhile
from tcptrace_py.pipeline.distributed import Plan, Run, plan
from tcptrace_py.pipeline.scratch import Folder, ScratchError
from tcptrace_py.pipeline.stages import Work
from tests.capture.writing import pcap_header, pcap_record
from tests.captures import CAPTURES, FORMS, NANO, PACKED, SAMPLES, Row, all_samples, damaged, facts, rows
from tests.decode import build
from tests.fuzz.hostile import SCENARIOS, capture
from tests.ladder import CLIENT, SECOND_NS, SERVER, ladder
from tests.pieces import read_in_small_pieces
from tests.thorough import every, examples, paired
from tests.wire import frame_of, write

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from tcptrace_py.model.results import Analysis

pytest.importorskip("fsspec")

Handle = tuple[str, bytes]  # a stage, and what it gave


class Here:
    """An engine that is this process. `done` counts the tasks of each stage; `ends_at` raises in place of a task."""

    workers = 2

    def __init__(self, ends_at: tuple[str, int] = ("", 0)) -> None:
        self.done: dict[str, int] = {}
        self._ends_at = ends_at

    def submit(self, stage: str, function: Callable[..., Any], *arguments: Any) -> Handle:
        if self._ends_at == (stage, self.done.get(stage, 0)):
            raise KeyboardInterrupt
        given = [pickle.loads(one[1]) if _is_handle(one) else pickle.loads(pickle.dumps(one)) for one in arguments]
        self.done[stage] = self.done.get(stage, 0) + 1
        return stage, pickle.dumps(function(*given))

    def results(self, handles: Sequence[Handle], sizes: Sequence[int] = ()) -> Iterator[tuple[int, Any]]:
        assert len(sizes) in (0, len(handles))
        for at in reversed(range(len(handles))):  # as they come
            yield at, pickle.loads(handles[at][1])

    def forget(self, handle: Handle) -> None:
        pass


def _is_handle(argument: object) -> bool:
    return isinstance(argument, tuple) and len(argument) == 2 and isinstance(argument[1], bytes)


def planned(paths: Sequence[Path] | Path, engine: Here, range_bytes: int, partitions: int) -> Plan:
    return plan([str(path) for path in (paths if isinstance(paths, list) else [paths])], engine, range_bytes, partitions)


def work_in(folder: Folder, partitions: int, *, keep_rows: bool, selection: Selection | None = None) -> Work:
    folder.make()
    return Work(folder, partitions, selection or Selection(), Profiles(), None, False, keep_rows, 5, 0, None)


def distributed(
    paths: Sequence[Path] | Path, folder: Path, *, range_bytes: int = 1000, partitions: int = 3, keep_rows: bool = True
) -> Analysis:
    engine = Here()
    the_plan = planned(paths, engine, range_bytes, partitions)
    return Run(the_plan, engine, work_in(Folder(str(folder)), partitions, keep_rows=keep_rows)).analysis()


def same(paths: Sequence[Path] | Path, folder: Path, **how: Any) -> None:
    assert facts(distributed(paths, folder, **how)) == facts(run(paths, keep_rows=how.get("keep_rows", True)))


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    read_in_small_pieces(monkeypatch)
    monkeypatch.setattr(stages, "REPORT_EVENTS", 10)


@pytest.mark.parametrize("path", every(12, CAPTURES, 3), ids=lambda path: path.name)
def test_samples(path: Path, tmp_path: Path) -> None:
    if worthwhile.AGGREGATED.isdisjoint(row[3] for row in rows(path)):
        same(path, tmp_path / "scratch", partitions=2 + len(path.name) % 2, keep_rows=len(path.name) % 3 > 0)
    else:
        with pytest.raises(NotSharedError):
            distributed(path, tmp_path / "scratch")


@pytest.mark.parametrize("form", every(2, FORMS))
def test_all_samples_as_one_capture_of_another_form(form: Callable[[list[Row], Path], list[Path]], tmp_path: Path) -> None:
    same(form(all_samples(), tmp_path / "capture"), tmp_path / "scratch", range_bytes=20_000, partitions=4)


@pytest.mark.slow
@pytest.mark.parametrize("name", PACKED)
def test_long_ones(name: str, tmp_path: Path) -> None:
    same(SAMPLES / name, tmp_path / "scratch", partitions=5, keep_rows=False)


@pytest.mark.parametrize("name", every(2, sorted(SCENARIOS)))
def test_hostile_traffic(name: str, tmp_path: Path) -> None:
    (tmp_path / "capture").write_bytes(capture(SCENARIOS[name](examples(500))))
    same(tmp_path / "capture", tmp_path / "scratch", keep_rows=False)


CLOSES = ("1 C FA\n1.1 S FA\n1.2 C A", "1 S FA\n1.1 C FA\n1.2 S A", "1 C RA", "")
OLD = "0 S PA len=9\n5 C A\n300 S SA\n300.1 C PA len=3\n600 C A"  # who is the client shows after five minutes


@pytest.mark.parametrize(("partitions", "many"), paired([1, 3], [1 << 17, 0]))
def test_what_is_held_is_told_as_it_goes(partitions: int, many: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a partition nor who adds up keeps begins and ends of a whole capture; at once there are as many as in one process."""
    monkeypatch.setattr(occupancy, "MANY", many)
    monkeypatch.setattr(eras, "ERA_FRAMES", 50)  # else nothing is over before the end of so short a capture
    reported: list[int] = []
    pending: list[int] = []

    def counted(sums: jobs.Sums, whose: int, told: reports.Told) -> None:
        assert told.report.told is not None
        reported.append(sum(map(len, told.report.told[2][::2])))
        take(sums, whose, told)
        pending.append(sums.occupancy.pending)

    take = reports.take
    monkeypatch.setattr(reports, "take", counted)
    every = ladder(OLD, port=40, server="10.0.0.7")
    for at in range(400):
        text = "0 C S\n0.1 S SA\n0.2 C A\n0.3 C PA len=5\n0.4 S A\n" + CLOSES[at % len(CLOSES)]
        one = ladder(text, port=33000 + at % 140, isns=(1000 + 70_000 * at, 9000 + 70_000 * at))
        every += [replace(segment, time_ns=segment.time_ns + at * SECOND_NS) for segment in one]
    path = write(tmp_path / "capture", sorted(every, key=lambda segment: segment.time_ns))
    same(path, tmp_path / "scratch", partitions=partitions, keep_rows=False)
    assert len(reported) > 20
    assert sum(reported) > 1000
    assert max(reported) < 400  # the last ones hold what is alive
    assert (max(pending) < 700) == (many == 0)


def test_reports_that_nobody_wrote_so_are_refused() -> None:
    events = array("q", [5]), array("q", [1 << 16]), array("q"), array("q"), array("q")
    singles = array("I", [1, 2]), array("I"), [b"", b"f" * 300]
    report = jobs.Report(([b"a" * 10, b"b" * 34], bytearray(b"\0\1"), events, singles), 7)
    told = reports.Told(report, array("q", [3]), array("q", [1, 2]))
    data = reports.packed(told)
    assert reports.unpacked(data) == told
    for changed in (data[:-1], data + b"\0", b"", data[: reports.HEAD.size], data[:8] + b"\xff" * 8 + data[16:]):
        with pytest.raises(ScratchError):
            reports.unpacked(changed)


@given(content=damaged(), range_bytes=st.integers(50, 2000), partitions=st.integers(1, 4))
@settings(max_examples=examples(25), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_fragments_across_ranges_and_damaged_records(tmp_path: Path, content: bytes, range_bytes: int, partitions: int) -> None:
    (tmp_path / "capture").write_bytes(content)
    same(tmp_path / "capture", tmp_path / "scratch", range_bytes=range_bytes, partitions=partitions)


@pytest.mark.parametrize(("apart", "again"), [(0, 0), (1, 1)])
def test_only_ranges_that_complete_packets_are_decoded_again(apart: int, again: int, tmp_path: Path) -> None:
    """Each of some packets comes in two fragments, next to each other; of the first `apart` the last one comes at the end."""
    segments = ladder("0 C S\n0.1 S SA\n0.2 C A\n" + "\n".join(f"{at} C PA len=400\n{at}.1 S A" for at in range(1, 30)))
    found, late = list[tuple[int, bytes]](), list[tuple[int, bytes]]()
    for at, segment in enumerate(segments):
        frame = frame_of(segment)
        if len(frame) < 300:
            found.append((segment.time_ns, frame))
            continue
        first, last = [
            build.ethernet(build.ipv4(frame[begin:end], source=CLIENT, target=SERVER, identification=at, fragment=mark))
            for begin, end, mark in ((34, 234, 0x2000), (234, len(frame), 200 // 8))
        ]
        found.append((segment.time_ns, first))
        (late if len(late) < apart else found).append((segment.time_ns, last))
    found += [(found[-1][0], frame) for _, frame in late]
    path = tmp_path / "capture"
    path.write_bytes(pcap_header(magic=NANO) + b"".join(pcap_record(time_ns, frame, magic=NANO) for time_ns, frame in found))
    engine = Here()
    the_plan = planned(path, engine, 2000, 3)
    analysis = Run(the_plan, engine, work_in(Folder(str(tmp_path / "scratch")), 3, keep_rows=True)).analysis()
    assert facts(analysis) == facts(run(path))
    assert len(the_plan.ranges) > 5
    assert engine.done["decode"] == len(the_plan.ranges) + again


@given(content=damaged(), range_bytes=st.integers(50, 2000))
@settings(max_examples=examples(15), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_what_was_decoded_is_the_same_from_a_checkpoint(tmp_path: Path, content: bytes, range_bytes: int) -> None:
    (tmp_path / "capture").write_bytes(content)
    engine = Here()
    the_plan = planned(tmp_path / "capture", engine, range_bytes, 3)
    work = work_in(Folder(str(tmp_path / "scratch")).new_inner("run"), 3, keep_rows=True)
    first = Run(the_plan, engine, work)
    written: dict[int, str] = {}
    first.remember({}, lambda number, decoded: written.__setitem__(number, pickle.dumps(plain(decoded)).hex()))
    expected, decoded_once = facts(first.analysis()), engine.done["decode"]
    again = Run(the_plan, engine, work)
    again.remember({number: decoded_of(pickle.loads(bytes.fromhex(row))) for number, row in written.items()}, lambda *_: None)
    assert facts(again.analysis()) == expected
    assert engine.done["decode"] - decoded_once == decoded_once - len(the_plan.ranges)  # only those that fragments make it decode twice


def test_a_run_that_ended_early_goes_on_from_its_checkpoint(tmp_path: Path) -> None:
    path, folder = SAMPLES / "buildup-database.client.pcap.xz", Folder(str(tmp_path / "checkpoint"))
    paths = FORMS[0](rows(path)[:600], tmp_path / "capture")

    def begin(engine: Here) -> Run:
        the_plan = planned(paths, engine, 4000, 2)
        work = work_in(folder, 2, keep_rows=True)
        checkpoint = Checkpoint(folder)
        running = Run(the_plan, engine, work)
        running.remember(checkpoint.begin(the_plan, work), checkpoint.done)
        return running

    with pytest.raises(KeyboardInterrupt):
        begin(Here(ends_at=("replay", 0))).analysis()
    engine = Here()
    assert facts(begin(engine).analysis()) == facts(run(paths))
    assert "decode" not in engine.done


def test_a_checkpoint_is_of_one_run(tmp_path: Path) -> None:
    folder = Folder(str(tmp_path / "checkpoint"))
    one, other = SAMPLES / "server-closes-first.pcap", SAMPLES / "syn-refused.pcap"
    engine = Here()
    work = work_in(folder, 2, keep_rows=True)
    Checkpoint(folder).begin(planned(one, engine, 1000, 2), work)
    with pytest.raises(UsageError, match="another run"):
        Checkpoint(folder).begin(planned(other, engine, 1000, 2), work)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    with pytest.raises(UsageError, match="no checkpoint"):
        Checkpoint(Folder(str(tmp_path / "mine"))).begin(planned(one, engine, 1000, 2), work)


def test_a_folder_may_be_named_like_a_part_of_a_url(tmp_path: Path) -> None:
    same(SAMPLES / "server-closes-first.pcap", tmp_path / "a::b?c#d%20")
    assert list((tmp_path / "a::b?c#d%20").iterdir())


def test_of_a_checkpoint_only_its_own_files_are_removed(tmp_path: Path) -> None:
    folder = Folder(str(tmp_path / "checkpoint"))
    the_plan = planned(SAMPLES / "server-closes-first.pcap", engine := Here(), 1000, 2)
    work = work_in(folder, 2, keep_rows=True)
    checkpoint = Checkpoint(folder)
    running = Run(the_plan, engine, work)
    running.remember(checkpoint.begin(the_plan, work), checkpoint.done)
    running.analysis()
    (tmp_path / "checkpoint" / "letter.txt").write_text("dear")
    folder.remove(OURS)
    assert [path.name for path in (tmp_path / "checkpoint").iterdir()] == ["letter.txt"]
    (tmp_path / "checkpoint" / "letter.txt").unlink()
    folder.remove(OURS)
    assert not (tmp_path / "checkpoint").exists()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda data: data[:-1], "not as it was written"),
        (lambda data: data[:40] + bytes([data[40] ^ 1]) + data[41:], "not as it was written"),
        (lambda _data: b"", "not as it was written"),
    ],
)
def test_a_scratch_file_that_was_changed_is_not_used(change: Callable[[bytes], bytes], words: str, tmp_path: Path) -> None:
    engine = Here(ends_at=("replay", 0))
    the_plan = planned(SAMPLES / "server-closes-first.pcap", engine, 10_000, 1)
    work = work_in(Folder(str(tmp_path)), 1, keep_rows=True)
    with pytest.raises(KeyboardInterrupt):
        (running := Run(the_plan, engine, work)).analysis()
    (segments,) = tmp_path.glob("segments-*")
    segments.write_bytes(change(segments.read_bytes()))
    again = Run(the_plan, Here(), work)
    again.remember({0: running._decoded[0]}, lambda *_: None)
    with pytest.raises(ScratchError, match=words):
        again.analysis()


def test_segments_that_nobody_wrote_so_are_refused(tmp_path: Path) -> None:
    """Whoever can write into a checkpoint can make digests fit, and still not make this process read beyond its memory."""
    from tcptrace_py.pipeline.stages import BLOCK_HEAD, _blocks

    for data in (
        BLOCK_HEAD.pack(1 << 30, 2, 0, 0, 1) + b"\0",
        BLOCK_HEAD.pack(1, 2, 0, 0, 200) + bytes(200),
        BLOCK_HEAD.pack(0, 9, 0, 0, 1) + b"\0",
        BLOCK_HEAD.pack(0, 2, 0, 0, 1 << 20) + b"\0",
        b"\0" * 5,
    ):
        with pytest.raises(ScratchError):
            list(_blocks(data))


def test_what_cannot_be_read_is_named_as_in_one_process(tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    for name in ("server-closes-first.pcap", "cut-tail.pcap", "empty.pcap"):
        (tmp_path / "set" / name).write_bytes((SAMPLES / name).read_bytes())
    same([tmp_path / "set", tmp_path / "nowhere.pcap"], tmp_path / "scratch")
    with pytest.raises(CaptureError) as one:
        run(tmp_path / "nowhere.pcap")
    with pytest.raises(CaptureError) as other:
        distributed(tmp_path / "nowhere.pcap", tmp_path / "scratch")
    assert str(one.value) == str(other.value)
