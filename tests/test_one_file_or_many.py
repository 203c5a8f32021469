"""A capture says the same as one file and cut into many: alone, among several processes, in pieces, in the other form."""

from __future__ import annotations

import random
import sys
from functools import cache
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tcptrace_py.model.segments import ACK, RST, SYN
from tcptrace_py.pipeline import run
from tests.capture.writing import enhanced, interface, pcap_header, pcap_record, section
from tests.captures import CAPTURES, NANO, Row, facts, rows
from tests.fuzz.hostile import SCENARIOS
from tests.fuzz.hostile import capture as hostile
from tests.hostile.generators import CLIENT, HEADER, SERVER, opened, segment
from tests.pieces import share_in_pieces
from tests.thorough import examples

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

PORTS = 40000, 80
JOBS = (1, 2, 3) if sys.platform.startswith("linux") else (1,)


def said(paths: Sequence[Path], jobs: int = 1) -> str:
    """What an analysis says of these files, but what it says of the files themselves."""
    analysis = run([str(path) for path in paths], jobs=jobs)
    analysis.capture.files = []
    return facts(analysis)


def as_one(found: Sequence[Row], path: Path) -> Path:
    """A pcap; where there are several link types a pcapng, which describes its interfaces where it first needs them."""
    links = list(dict.fromkeys(link for *_, link in found))
    if len(links) > 1:
        parts, described = [section()], list[int]()
        for time_ns, data, wire, link in found:
            if link not in described:
                described.append(link)
                parts.append(interface(max(link, 0), tsresol=9))
            parts.append(enhanced(time_ns, data, described.index(link), wire=wire))
    else:
        records = (pcap_record(time_ns, data, wire, magic=NANO) for time_ns, data, wire, _ in found)
        parts = [pcap_header(magic=NANO, link=links[0] if links else 1), *records]
    path.write_bytes(b"".join(parts))
    return path


def places(found: Sequence[Row]) -> list[int]:
    """Where it can be cut so that the files follow each other: before a frame that is later than all before it, and earlier than none."""
    latest_ns, least_ns = list[int](), list[int]()
    for row in found:
        latest_ns.append(max(row[0], latest_ns[-1]) if latest_ns else row[0])
    for row in reversed(found):
        least_ns.append(min(row[0], least_ns[-1]) if least_ns else row[0])
    least_ns.reverse()
    return [at for at in range(1, len(found)) if latest_ns[at - 1] < least_ns[at]]


def in_many(found: Sequence[Row], cuts: Sequence[int], folder: Path) -> list[Path]:
    """Files of what lies between these places, which may be nothing."""
    folder.mkdir(exist_ok=True)
    for old in folder.iterdir():
        old.unlink()
    return [
        as_one(found[start:end], folder / f"{number:03}")
        for number, (start, end) in enumerate(zip((0, *cuts), (*cuts, len(found)), strict=True))
    ]


@cache
def sources() -> dict[str, list[Row]]:
    """What samples and hostile captures hold; times and link types that a pcap can say."""
    found = {path.name: rows(path) for path in CAPTURES if "lz4" not in path.name}
    return {name: its for name, its in found.items() if len(its) > 1 and all(row[0] >= 0 and row[3] >= 0 for row in its)}


def hold(found: Sequence[Row], cuts: Sequence[int], jobs: int, folder: Path) -> None:
    whole = said([as_one(found, folder / "whole")])
    assert said(in_many(found, cuts, folder / "many"), jobs) == whole


@given(data=st.data())
@settings(max_examples=examples(60), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_any_capture_cut_anywhere(tmp_path: Path, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(sources())))
    found = sources()[name]
    free = places(found)
    cuts = sorted(data.draw(st.lists(st.sampled_from(free), max_size=12))) if free else []
    hold(found, cuts, 1, tmp_path)


@pytest.mark.parametrize("jobs", JOBS[1:])
def test_samples_cut_for_several_processes(jobs: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    share_in_pieces(monkeypatch, lambda: 5)
    chance = random.Random(jobs)
    for name in chance.sample(sorted(sources()), examples(50)):
        free = places(sources()[name])
        hold(sources()[name], sorted(chance.sample(free, min(len(free), 6))), jobs, tmp_path)


@pytest.mark.parametrize("name", SCENARIOS)
def test_hostile_traffic_in_files(name: str, tmp_path: Path) -> None:
    (tmp_path / "hostile.pcap").write_bytes(hostile(SCENARIOS[name](examples(750))))
    found = [(max(row[0], 0), *row[1:]) for row in rows(tmp_path / "hostile.pcap")]
    free = places(found)
    hold(
        found,
        random.Random(name).sample(free, 0) if not free else sorted(random.Random(name).sample(free, min(len(free), 20))),
        1,
        tmp_path,
    )


@pytest.mark.parametrize("jobs", JOBS)
def test_equal_resets_without_an_ip_id_are_no_copies_across_files(jobs: int, tmp_path: Path) -> None:
    """A kernel answers each segment to a socket that is gone with a RST of its own, all of IP ID 0 and one sequence number."""
    back = PORTS[::-1]
    made = [*opened(0, PORTS), segment(30_000, CLIENT, SERVER, PORTS, 1, 1, RST | ACK)]
    for at in range(8):
        made.append(segment(40_000 + at * 900, SERVER, CLIENT, back, 1 + at, 1, ACK, payload=1))
        made.append(segment(40_300 + at * 900, CLIENT, SERVER, PORTS, 1, 0, RST))
        made.append(segment(40_350 + at * 900, CLIENT, SERVER, PORTS, 1, 0, RST))
    made.append(segment(60_000, CLIENT, SERVER, PORTS, 99, 0, SYN))
    (tmp_path / "resets.pcap").write_bytes(HEADER + b"".join(made))
    found = rows(tmp_path / "resets.pcap")
    whole = run([str(tmp_path / "resets.pcap")])
    assert whole.capture.duplicates == 0
    hold(found, range(1, len(found)), jobs, tmp_path)
