"""Segments that no stack would send, times that no clock would give, and captures that were cut between records."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tcptrace_py import analyze

from .alter import ETHERNET, altered
from .damage import shuffle
from .laws import check
from .material import NANO, PCAP, Record, as_pcap, as_pcapng, captures, content, edges, records
from .trial import campaign, in_time, most, random_for, seconds

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from random import Random

    from .trial import Case

pytestmark = pytest.mark.fuzz

RECORDS = 60
FARTHEST_NS = 1 << 62  # capture's own limit; some are tried beyond it


def sources() -> list[tuple[str, int, list[Record]]]:
    """Name, link type and first records of every pcap."""
    found = []
    for path in captures():
        data = content(path)
        if data[:4] in PCAP and len(data) >= 24:
            link, rows = records(data)
            found.append((path.name, link, rows))
    return found


def test_altered_segments(tmp_path: Path) -> None:
    campaign(_altered(random_for("altered")), tmp_path, limit_s=seconds(30))


def _altered(rng: Random) -> Iterator[Case]:
    plain = [(name, rows) for name, link, rows in sources() if link == ETHERNET and rows]
    for number in range(most(10**9)):
        name, rows = rng.choice(plain)
        start = rng.randrange(len(rows)) if len(rows) > RECORDS else 0
        changed = altered(rng, rows[start : start + RECORDS])
        data = as_pcap(ETHERNET, changed, rng.choice("<>")) if rng.random() < 0.8 else as_pcapng(ETHERNET, changed)
        yield f"{number}: {name} from record {start}", data


def test_times_of_any_size_and_sign(tmp_path: Path) -> None:
    campaign(_times(random_for("times")), tmp_path, limit_s=seconds(20))


def _times(rng: Random) -> Iterator[Case]:
    several = sources()
    for number in range(most(10**9)):
        name, link, rows = rng.choice(several)
        base_ns = rng.choice(
            (
                0,
                -(10**9),
                1,
                2 * FARTHEST_NS - 1,
                -FARTHEST_NS,
                FARTHEST_NS - 1,
                -30 * 10**9,
                FARTHEST_NS - 30 * 10**9,
                rng.randrange(-FARTHEST_NS, FARTHEST_NS),
            )
        )
        first_ns = rows[0].time_ns if rows else 0
        factor = rng.choice((1, 1, -1, 1000, 10**9))
        moved = [Record((row.time_ns - first_ns) * factor + base_ns, row.wire, row.data) for row in rows[:RECORDS]]
        offset_s = rng.choice((0, 0, 1, -(10**9), 1 << 62, -(1 << 63)))
        data = as_pcapng(link, moved, rng.choice("<>"), rng.choice((9, 6, 3, 0)), offset_s)
        yield (
            f"{number}: {name} at {base_ns} ns, offset {offset_s} s",
            shuffle(rng, data, data) if rng.random() < 0.2 else data,
        )


def test_a_capture_cut_between_records_is_the_one_of_its_first_records(tmp_path: Path) -> None:
    """Cut within the next record, it differs in nothing but the cut tail that it reports."""
    campaign(_cut(random_for("prefix")), tmp_path, limit_s=seconds(20), judge=_equal_to_prefix)


def _cut(rng: Random) -> Iterator[Case]:
    paths = [path for path in captures() if _is_whole(content(path)) and len(edges(content(path))) > 2]
    for _ in range(most(10**9)):
        path = rng.choice(paths)
        data = content(path)
        kept = rng.randrange(1, min(len(edges(data)) - 1, 400))
        end = edges(data)[kept] + rng.randrange(edges(data)[kept + 1] - edges(data)[kept])
        yield f"{path.name} cut at byte {end}, in record {kept + 1}", data[:end]


def _is_whole(data: bytes) -> bool:
    """Whether it is a pcap of records to its end: behind damage the next record is looked for, which a cut changes."""
    return data[:4] in PCAP and len(data) >= 24 and not _left_over(data, records(data)[1])


def _equal_to_prefix(data: bytes, path: Path) -> None:
    link, rows = records(data)
    path.write_bytes(data)
    with in_time(10):
        cut = check(analyze(path), link=link)
    path.write_bytes(as_pcapng(link, rows, ">"))
    with in_time(10):
        whole = check(analyze(path), link=link)
    tail = [problem for problem in cut["capture"]["problems"] if problem["code"] == "cut-tail"]
    assert len(tail) == _left_over(data, rows)
    assert _without_file(cut) == _without_file(whole)


def _left_over(data: bytes, rows: list[Record]) -> bool:
    return len(data) > 24 + sum(16 + len(row.data) for row in rows)


def _without_file(document: dict[str, Any]) -> dict[str, Any]:
    capture = {key: value for key, value in document["capture"].items() if key != "files"}
    capture["problems"] = [problem for problem in capture["problems"] if problem["code"] not in {"cut-tail", "bad-timestamp"}]
    return {**document, "capture": capture}


def test_nanoseconds_are_told_apart() -> None:
    """The reader of these tests must not be the weak link: it reads what it writes."""
    rows = [Record(1_700_000_000_123_456_789, 60, b"x" * 60), Record(1, 1, b"y")]
    for order in "<>":
        data = as_pcap(113, rows, order)
        assert data[:4] in NANO
        assert records(data) == (113, rows)
