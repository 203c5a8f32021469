"""Captures written out of order within the window say what they say in order, whatever the way: only frame numbers differ."""

from __future__ import annotations

import gzip
import json
import random
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tcptrace_py import extraction
from tcptrace_py.capture import open_captures
from tcptrace_py.capture.ordering import WINDOW_NS
from tcptrace_py.ladder import ladder as drawn_of
from tcptrace_py.model.problems import Problems
from tcptrace_py.model.segments import key_parts
from tcptrace_py.outputs.document import document
from tcptrace_py.pipeline import run
from tests.capture.writing import enhanced, interface, section
from tests.ladder import CLOSE, HANDSHAKE, ladder
from tests.pieces import share_in_pieces
from tests.thorough import every
from tests.traffic import moved, traffic
from tests.wire import HEADER, frame_of, record

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.ladder import Seg

T = TypeVar("T")

SAMPLES = Path(__file__).parents[1] / "samples"
NO_CAPTURES = {"empty.pcap", "not-a-capture.pcap"}
NUMBERED = {"frame", "frames", "first_frame", "id", "stream", "longest_wait_frame", "display_filter", "files", "problems"}
several = st.lists(traffic, min_size=1, max_size=3).map(lambda found: in_time([moved(own, port=41000 + i) for i, own in enumerate(found)]))
hasty = settings(
    deadline=None, max_examples=30, derandomize=True, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)


def in_time(connections: list[list[Seg]]) -> list[Seg]:
    return sorted((segment for own in connections for segment in own), key=lambda segment: segment.time_ns)


def shuffled(rows: Sequence[T], time_of: Callable[[T], int], seed: int) -> list[T]:
    """Rows as several queues would have written them: each up to less than the window late; equal stamps keep their order."""
    rng = random.Random(seed)
    late_ns: dict[int, int] = {}
    for row in rows:
        late_ns.setdefault(time_of(row), rng.choice((0, 0, rng.randrange(WINDOW_NS))))
    return sorted(rows, key=lambda row: time_of(row) + late_ns[time_of(row)])


def said(*paths: Path, jobs: int = 1) -> Any:
    """The document without numbers of frames."""
    return without_numbers(document(run([str(path) for path in paths], jobs=jobs)))


def without_numbers(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: without_numbers(item) for key, item in value.items() if key not in NUMBERED}
    if isinstance(value, list):
        return sorted((without_numbers(item) for item in value), key=lambda item: json.dumps(item, sort_keys=True))
    return re.sub(r"frame \d+|tcp\.stream eq \d+", "", value) if isinstance(value, str) else value


def rows_of(path: Path) -> list[tuple[int, bytes, int, int]]:
    """Time, bytes, length on the wire and link type of each frame, as the file has them."""
    return [
        (block.time_ns[i], block.data[block.offset[i] : block.offset[i] + block.captured[i]], block.wire[i], block.link[i])
        for block in open_captures([path], Problems()).blocks(as_written=True)
        for i in range(block.count)
    ]


def as_pcapng(rows: Sequence[tuple[int, bytes, int, int]], path: Path) -> Path:
    links = sorted({max(link, 0) for _, _, _, link in rows})
    path.write_bytes(
        section()
        + b"".join(interface(link, tsresol=9) for link in links)
        + b"".join(enhanced(time_ns, data, links.index(max(link, 0)), wire=wire) for time_ns, data, wire, link in rows)
    )
    return path


def is_in_order(path: Path) -> bool:
    times_ns = [row[0] for row in rows_of(path)]
    return min(times_ns, default=-1) >= 0 and times_ns == sorted(times_ns)


FEW = [
    path
    for path in sorted(SAMPLES.glob("*.pcap*"))
    if path.stat().st_size < 6000 and path.name not in NO_CAPTURES and not path.suffixes[1:] and is_in_order(path)
]


@hasty
@given(several, st.integers(0, 1 << 20))
def test_a_shuffle_changes_nothing_but_frame_numbers(tmp_path: Path, segments: list[Seg], seed: int) -> None:
    one, other = tmp_path / "one.pcap", tmp_path / "other.pcap"
    one.write_bytes(HEADER + b"".join(map(record, segments)))
    other.write_bytes(HEADER + b"".join(map(record, shuffled(segments, lambda segment: segment.time_ns, seed))))
    assert said(other) == said(one)


@pytest.mark.parametrize("path", every(6, FEW, 1), ids=lambda path: path.name)
def test_a_shuffle_changes_nothing_of_samples(tmp_path: Path, path: Path) -> None:
    found = rows_of(path)
    wanted = said(as_pcapng(found, tmp_path / "one.pcapng"))
    for seed in range(3):
        assert said(as_pcapng(shuffled(found, lambda row: row[0], seed), tmp_path / "other.pcapng")) == wanted


TALK = HANDSHAKE + "0.1 C PA len=10\n0.11 S PA len=900\n0.12 C A\n0.3 C PA len=10\n0.31 S PA len=90\n0.32 C A\n" + CLOSE


def several_at_once(seed: int) -> tuple[list[Seg], list[Seg]]:
    """Thirty connections in a second: in order, and as they were written."""
    segments = in_time([moved(ladder(TALK), port=41000 + i, later_ns=i * 33_333_333) for i in range(30)])
    return segments, shuffled(segments, lambda segment: segment.time_ns, seed)


def test_whatever_the_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One process or several, one file or a set, plain or compressed, in pieces of any size."""
    segments, written = several_at_once(1)
    records = list(map(record, written))
    plain, packed, whole = tmp_path / "a.pcap", tmp_path / "a.pcap.gz", HEADER + b"".join(records)
    plain.write_bytes(whole)
    packed.write_bytes(gzip.compress(whole))
    parts = [tmp_path / f"part-{at}.pcap" for at in (0, 100, 200)]
    for at, part in zip((0, 100, 200), parts, strict=True):
        part.write_bytes(HEADER + b"".join(records[at : at + 100 if at < 200 else None]))
    ordered = tmp_path / "ordered.pcap"
    ordered.write_bytes(HEADER + b"".join(map(record, segments)))
    wanted, exact = said(ordered), document(run(str(plain)))
    assert said(plain) == said(*parts) == wanted
    assert [row["code"] for row in exact["capture"]["problems"]] == ["out-of-order"]
    share_in_pieces(monkeypatch, lambda: 7)
    for path in (plain, packed):
        for jobs in (1, 2, 3):
            found = document(run(str(path), jobs=jobs))
            assert without_files(found) == without_files(exact)


def without_files(found: dict[str, Any]) -> dict[str, Any]:
    return {**found, "generator": None, "capture": {**found["capture"], "files": None}}


def test_explain_and_extract_see_the_same_order(tmp_path: Path) -> None:
    """Frames that are extracted stand as they stood in the file."""
    segments, written = several_at_once(2)
    path, out = tmp_path / "a.pcap", tmp_path / "out.pcap"
    path.write_bytes(HEADER + b"".join(map(record, written)))
    frames = {frame_of(segment): number for number, segment in enumerate(written, 1)}
    found = run(str(path))
    for connection in list(found.connections)[:5]:
        own = [segment for segment in segments if connection.client.port in key_parts(segment.key)[2:4]]
        assert [segment.sent.frame for segment in drawn_of([str(path)], connection)] == [frames[frame_of(segment)] for segment in own]
        done = extraction.extract([str(path)], str(out), found.connections, lambda other: other.id == connection.id)  # noqa: B023
        assert (done.connections, done.frames) == (1, len(own))
        kept = [row[1] for row in rows_of(out)]
        assert kept == [frame_of(segment) for segment in written if segment in own]
