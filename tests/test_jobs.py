"""Several processes say the same as one, of captures of any kind, in whatever pieces."""

from __future__ import annotations

import lzma
import os
import random
import sys
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tcptrace_py.capture import MOST_FRAMES as HELD_FRAMES
from tcptrace_py.capture import CaptureReader, open_captures
from tcptrace_py.findings import troubled
from tcptrace_py.model.errors import NotSharedError
from tcptrace_py.model.problems import Problems
from tcptrace_py.model.profiles import Profiles
from tcptrace_py.model.reference import Reference
from tcptrace_py.model.selection import Selection
from tcptrace_py.model.words import BUCKETS
from tcptrace_py.pipeline import jobs, run, running, waiting, worthwhile
from tcptrace_py.second_reading import Options, find
from tests.capture.writing import pcap_header, pcap_record
from tests.captures import CAPTURES, FORMS, NANO, PACKED, SAMPLES, Row, all_samples, as_pcapng, damaged, facts, rows
from tests.decode import build
from tests.fuzz.hostile import SCENARIOS, capture
from tests.ladder import ladder
from tests.pieces import share_in_pieces
from tests.thorough import every, examples
from tests.wire import write

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from tcptrace_py.model.frames import FrameBlock

MOST_FRAMES = 20  # of a piece

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="several processes are used on Linux only")


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Tells how many frames each block had that was shared."""
    return share_in_pieces(monkeypatch, lambda: MOST_FRAMES)


def same(paths: Sequence[Path] | Path, count: int, *, keep_rows: bool = True) -> None:
    assert facts(run(paths, keep_rows=keep_rows, jobs=count)) == facts(run(paths, keep_rows=keep_rows))


def test_what_other_processes_have_seen_tells_who_sent_a_rst(tmp_path: Path) -> None:
    """By how many hops the two hosts' other connections came: each process has some of them."""
    text = "".join(
        f"{at}.{at:03} C{at + 2} S\n{at}.{at + 100} S{at + 2} SA ttl={60 if at else 58}\n{at}.{at + 200} C{at + 2} A\n"
        f"{at}.{at + 300} S{at + 2} A\n{at}.{at + 400} S{at + 2} RA ttl=58\n"
        for at in range(40)
    )
    path = write(tmp_path / "ways.pcap", ladder(text))
    analysis = run([path], jobs=3)
    assert [reset.by for connection in analysis.connections for reset in connection.resets] == ["server"] * 40
    same(path, 3)


def test_what_other_processes_have_seen_tells_who_refused(tmp_path: Path) -> None:
    """By how many hops the server's segments came to other clients; also where refusals are too many to be described."""
    segments = [
        segment
        for at in range(60)
        for segment in ladder(
            f"{at} C S\n{at}.01 S SA\n{at}.02 C A\n" if at % 10 == 5 else f"{at} C S\n{at}.01 S RA ttl={62 if at % 2 else 60}",
            client="10.0.0.10" if at % 10 == 5 else "10.0.0.9",
            port=40000 + at,
        )
    ]
    path = write(tmp_path / "refusals.pcap", segments)
    found = [reset.by for connection in run([path], jobs=3).connections for reset in connection.resets]
    assert Counter(found) == {"server": 30, "between": 24}
    for keep_rows in (True, False):
        same(path, 3, keep_rows=keep_rows)
    wanted = [Reference(id=number) for number in range(60)]
    again = find([str(path)], wanted, Options())
    assert [reset.by for connection in again.connections for reset in connection.resets] == found


# -- other forms of a capture ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", every(12, CAPTURES), ids=lambda path: path.name)
def test_samples_as_they_are(path: Path, small_pieces: list[int]) -> None:
    count = 2 + len(path.name) % 2
    same(path, count, keep_rows=count == 2)
    assert small_pieces or not rows(path) or not worthwhile.AGGREGATED.isdisjoint(row[3] for row in rows(path))


@pytest.mark.parametrize("form", every(2, FORMS, 1))
def test_all_samples_as_one_capture_of_another_form(form: Callable[[list[Row], Path], list[Path]], tmp_path: Path) -> None:
    paths = form(all_samples(), tmp_path / "capture")
    for count in every(2, (2, 3), len(form.__name__) % 2):
        same(paths, count)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("path", "form"), [pytest.param(path, FORMS[number % len(FORMS)], id=path.name) for number, path in enumerate(CAPTURES)]
)  # each form with a part of the samples
def test_samples_in_other_forms(path: Path, form: Callable[[list[Row], Path], list[Path]], tmp_path: Path) -> None:
    paths = form(rows(path), tmp_path / "capture")
    for keep_rows, count in ((True, 2), (False, 3)):
        same(paths, count, keep_rows=keep_rows)


@pytest.mark.parametrize("name", PACKED)
def test_long_ones_and_a_cut_record(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules[__name__], "MOST_FRAMES", 400)
    (tmp_path / "cut.pcap").write_bytes(lzma.decompress((SAMPLES / name).read_bytes())[:400_000])
    same(tmp_path / "cut.pcap", 3, keep_rows=False)


@pytest.mark.parametrize("name", every(2, sorted(SCENARIOS), 1))
def test_hostile_traffic(name: str, tmp_path: Path) -> None:
    path = tmp_path / "hostile.pcap"
    path.write_bytes(capture(SCENARIOS[name](examples(750))))
    same(path, 2 + len(name) % 2)


# -- fragments and damage -------------------------------------------------------------------------------------------------


hasty = settings(
    deadline=None,
    max_examples=examples(25),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@given(content=damaged(), count=st.integers(2, 3), most_frames=st.integers(1, 4))
@hasty
def test_fragments_across_pieces_and_damaged_records(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes, count: int, most_frames: int
) -> None:
    monkeypatch.setattr(sys.modules[__name__], "MOST_FRAMES", most_frames)
    path = tmp_path / "capture"
    path.write_bytes(content)
    same(path, count)


def test_fragments_of_every_block_and_more_than_a_link_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Packets in the making take megabytes, and go from worker to worker with each block."""
    monkeypatch.setattr(sys.modules[__name__], "MOST_FRAMES", 5)
    content = [pcap_header(magic=NANO)]
    for number in range(80):
        piece = build.ethernet(build.ipv4(bytes(32_000), identification=number, fragment=0x2000 | 3000))
        content.append(pcap_record(10**18 + number * 10**6, piece, magic=NANO))
    (tmp_path / "capture").write_bytes(b"".join(content))
    same(tmp_path / "capture", 3)


def test_a_frame_larger_than_the_memory_for_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "SLOT_BYTES", 100)
    same(CAPTURES[0], 2)


# -- the rest -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [PACKED[0], "recorded-half-close.pcap", "recorded-time-wait-reused-by-syn.pcap"])
def test_connections_are_found_again(name: str, monkeypatch: pytest.MonkeyPatch, small_pieces: list[int]) -> None:
    """Described alone after several processes had added them up; what handshakes of other processes told counts as well."""
    if name in PACKED:
        monkeypatch.setattr(sys.modules[__name__], "MOST_FRAMES", 400)
    path = SAMPLES / name
    rows = list(run(path).connections)
    wanted = [Reference(id=rows[len(rows) * n // 20].id) for n in range(20)]
    wanted += [Reference(stream=rows[len(rows) * n // 20].stream) for n in range(20)]
    found = find([path], wanted, Options(), jobs=3)
    for which in wanted:
        assert which.among(found.connections) == which.among(rows)
    assert small_pieces


def test_options_are_those_of_one_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules[__name__], "MOST_FRAMES", 1000)
    path = tmp_path / "buildup.pcap"
    path.write_bytes(lzma.decompress((SAMPLES / PACKED[0]).read_bytes()))
    options = {"selection": Selection(ports=((80, 8080),)), "profiles": Profiles.named("windows"), "idle_s": 1.0, "check_checksums": True}
    assert facts(run(path, jobs=2, **options)) == facts(run(path, **options))  # type: ignore[arg-type]


@pytest.mark.parametrize("count", [1, 2])
def test_ctrl_c_ends_all_of_them_with_what_they_know(count: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "buildup.pcap"
    path.write_bytes(lzma.decompress((SAMPLES / PACKED[0]).read_bytes()))
    blocks = CaptureReader.blocks

    def ended(reader: CaptureReader) -> Iterator[FrameBlock]:
        for number, block in enumerate(blocks(reader)):
            if number == 9:
                raise KeyboardInterrupt
            yield block

    monkeypatch.setattr(CaptureReader, "blocks", ended)
    analysis = run(path, jobs=count)
    assert analysis.interrupted
    assert 0 < analysis.capture.packets <= 9 * MOST_FRAMES
    assert facts(analysis) == facts(run(path))


@pytest.mark.parametrize("portions", range(examples(4)))
def test_in_portions_of_any_size(portions: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of hosts that are asked of, of connections in trouble that are told and kept, of connections that wait as objects."""
    rng = random.Random(portions)
    small = [path for path in CAPTURES if path.stat().st_size < 30_000 and path.name not in ("empty.pcap", "not-a-capture.pcap")]
    paths, keep_rows, most = rng.sample(small, rng.choice((1, 3, 12))), rng.random() < 0.5, rng.choice((3, 10, troubled.MOST))
    made = running.Machinery.__init__

    def with_few(self: running.Machinery, **options: Any) -> None:
        made(self, **options)
        self.collector.troubled = troubled.Troubled(most)

    monkeypatch.setattr(running.Machinery, "__init__", with_few)
    one = facts(run(paths, keep_rows=keep_rows))
    monkeypatch.setattr(jobs, "ASKED_AT_ONCE", rng.choice((1, 2, 5)))
    monkeypatch.setattr(troubled, "EACH_SENT", rng.choice((1, 3)))
    monkeypatch.setattr(waiting, "MOST_OBJECTS", rng.choice((1, 4, waiting.MOST_OBJECTS)))
    assert facts(run(paths, keep_rows=keep_rows, jobs=rng.choice((2, 3, 5)), memory_mb=rng.choice((None, 0)))) == one


def test_ctrl_c_amid_a_block_ends_it_all(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_args: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(jobs, "pack_frames", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run(CAPTURES[0], jobs=2)


def test_a_process_that_dies_costs_nothing_but_time(monkeypatch: pytest.MonkeyPatch) -> None:
    lost: list[str] = []
    read = running._read

    def noted(*args: object, **options: object) -> object:
        try:
            return read(*args, **options)  # type: ignore[arg-type]
        except NotSharedError as error:
            lost.append(str(error))
            raise

    monkeypatch.setattr(running, "_read", noted)
    before = facts(run(CAPTURES[0]))
    for dies in ("work", "unpack_frames"):
        monkeypatch.setattr(jobs, dies, lambda *_args: os._exit(1))
        assert facts(run(CAPTURES[0], jobs=2)) == before
    assert lost == ["a worker ended early"] * 2


@pytest.mark.parametrize("count", [1, 3])
def test_more_frames_than_names_are_for_one_process_that_names_no_streams_by_them(
    count: int, monkeypatch: pytest.MonkeyPatch, small_pieces: list[int]
) -> None:
    """Parts of a capture call streams by their frames, as who looks one up does: in words of 32 bits, which more frames would share."""
    path = SAMPLES / "several-handshakes-ipv6.pcap"
    before, expected = list(run(path).connections), facts(run(path))
    for module in (running, jobs):
        monkeypatch.setattr(module, "MASK", HELD_FRAMES + 20)
    assert facts(run(path, jobs=count)) == expected
    wanted = [Reference(stream=row.stream) for row in before]
    found = find([str(path)], wanted, Options(), jobs=count)
    assert [which.among(found.connections) for which in wanted] == [which.among(before) for which in wanted]
    assert bool(small_pieces) == (count > 1)


def test_aggregated_frames_behind_others_are_for_one_process(tmp_path: Path, small_pieces: list[int]) -> None:
    before = rows(SAMPLES / "vlan.pcap")
    found = before + [(before[-1][0] + 10**9 * place, *row[1:]) for place, row in enumerate(rows(SAMPLES / "wireless.pcap"), 1)]
    same(as_pcapng(found, tmp_path / "capture"), 2)
    assert 0 < sum(small_pieces) < len(found)


@pytest.mark.parametrize(("share", "firsts"), [(1.0, 0.25), (0.4, 0.1), (0.0, 0.0)])
def test_the_first_worker_has_its_share_of_the_tuples(share: float, firsts: float) -> None:
    owner_of = jobs.owners(4, share)
    assert len(owner_of) == BUCKETS
    assert [owner_of.count(whose) / BUCKETS for whose in range(4)] == pytest.approx([firsts, *[(1 - firsts) / 3] * 3], abs=1 / BUCKETS)


def test_messages_of_any_size_are_there_for_some_rounds() -> None:
    deposit = jobs.Deposit()
    for first in range(3):
        left = {number: [number] * (1 << 18 if number % 2 else 1) for number in range(first, first + jobs.AREAS)}
        sizes = {number: deposit.leave(number, message) for number, message in left.items()}
        assert {number: deposit.take(number, size) for number, size in sizes.items()} == left
    deposit.close()


def test_who_reads_has_less_of_the_rest() -> None:
    plain, packed = (open_captures([SAMPLES / name], Problems()) for name in ("half-close.pcap", PACKED[0]))
    assert 0 < worthwhile.first_share(packed, 2) < worthwhile.first_share(plain, 2) < 1
    assert worthwhile.first_share(plain, 4) < worthwhile.first_share(plain, 2)
    assert worthwhile.first_share(plain, worthwhile.MOST_JOBS) == 0


def test_what_helps(monkeypatch: pytest.MonkeyPatch) -> None:
    def useful(asked: int | None, *paths: Path | str) -> int:
        reader = open_captures(paths, Problems())
        return worthwhile.useful_jobs(asked, reader, next(reader.blocks()))

    plain, packed, wireless = CAPTURES[0], SAMPLES / PACKED[0], SAMPLES / "wireless.pcap"
    assert useful(None, plain) == 1  # not worth it
    assert useful(2, plain) == useful(2, packed) == useful(2, plain, packed) == 2
    assert useful(2, wireless) == 1
    assert useful(99, plain) == worthwhile.MOST_JOBS
    monkeypatch.setattr(worthwhile, "LEAST_BYTES", 1000)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _process: {0, 1, 2})
    assert useful(None, plain) == useful(None, packed) == 3
    monkeypatch.setattr(worthwhile, "MOST_MEAN_BYTES", 10)
    assert useful(None, plain) == 1
    monkeypatch.setattr(worthwhile, "BYTES_EACH", 1 << 20)
    assert useful(2, plain) == 1
