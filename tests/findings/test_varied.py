"""Every recording of a cause under other addresses, at another time, in two files, and with a part of it missing."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, NamedTuple

import pytest

from tcptrace_py import analyze
from tcptrace_py.model.profiles import Profiles
from tests.capture.writing import NANO, pcap_header, pcap_record
from tests.captures import Row, rows
from tests.findings.test_recorded_causes import HERE, NEARLY
from tests.recorder.causes.recordings import RECORDINGS
from tests.thorough import paired

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

DAYS_NS = 3 * 86_400_000_000_000
HEADERS = {1: (12, 14), 113: (14, 16), 276: (0, 20)}  # of link types: where the EtherType stands, and what follows


class Said(NamedTuple):
    """What is compared of a finding."""

    code: str
    severity: str
    confidence: str
    connections: int
    of: int


def said(name: str, *paths: Path) -> list[Said]:
    recording = RECORDINGS[name]
    profiles = Profiles.named("linux", {}, port_range=recording.ports(recording.numbers))
    found = analyze(list(paths), profiles=profiles, keep_rows=False).findings
    return [Said(row.code, row.severity, row.confidence, row.connections, row.of) for row in found]


def written(path: Path, frames: Iterable[Row]) -> Path:
    frames = list(frames)
    records = [pcap_record(time_ns, data, wire, magic=NANO) for time_ns, data, wire, _ in frames]
    path.write_bytes(b"".join((pcap_header(magic=NANO, link=frames[0][3]), *records)))
    return path


def moved(frame: Row) -> Row:
    """The same frame between other addresses, some days later."""
    time_ns, data, wire, link = frame
    at, begin = HEADERS[link]
    places = {b"\x08\x00": (begin + 12, begin + 16), b"\x86\xdd": (begin + 8, begin + 24)}.get(data[at : at + 2], ())
    changed = bytearray(data)
    for place in places:
        changed[place] ^= 0x15
        changed[place + 2] ^= 0x2A
    return time_ns + DAYS_NS, bytes(changed), wire, link


@pytest.mark.parametrize(("name", "suffix"), paired(RECORDINGS, ["", ".not"]))
def test_addresses_time_and_files_make_no_difference(name: str, suffix: str, tmp_path: Path) -> None:
    path = HERE / f"{name}{suffix}.pcap.xz"
    frames = [moved(frame) for frame in rows(path)]
    half = len(frames) // 2
    parts = written(tmp_path / "a.pcap", frames[:half]), written(tmp_path / "b.pcap", frames[half:])
    assert said(name, *parts) == said(name, path)


CUTS: dict[str, Callable[[list[Row]], list[Row]]] = {
    "head": lambda frames: frames[len(frames) // 10 :],
    "tail": lambda frames: frames[: -(len(frames) // 10)],
    "one in a hundred": lambda frames: [frame for frame, kept in zip(frames, chances(len(frames)), strict=True) if kept],
}


def chances(count: int) -> list[bool]:
    drawn = random.Random(count)
    return [drawn.random() >= 0.01 for _ in range(count)]


@pytest.mark.parametrize(("name", "cut"), paired(RECORDINGS, CUTS))
def test_of_what_nearly_shows_a_cause_a_part_shows_no_more(name: str, cut: str, tmp_path: Path) -> None:
    left = written(tmp_path / "left.pcap", CUTS[cut](rows(HERE / f"{name}.not.pcap.xz")))
    assert {row.code for row in said(name, left) if row.severity == "problem"} <= NEARLY.get(name, set())


@pytest.mark.parametrize(("name", "cut"), paired(RECORDINGS, CUTS))
def test_a_part_of_what_shows_a_cause_shows_no_other_problem(name: str, cut: str, tmp_path: Path) -> None:
    recording = RECORDINGS[name]
    left = written(tmp_path / "left.pcap", CUTS[cut](rows(HERE / f"{name}.pcap.xz")))
    found = {row.code for row in said(name, left) if row.severity == "problem"}
    assert found <= {recording.code, *recording.besides, *OTHERWISE.get((name, cut), ())}


# A part may show too few for the cause, and then what it does show: data in vain, a RST that the box sent.
OTHERWISE = {("idle-silence", "tail"): {"stalled"}, ("idle-reset", "tail"): {"injected-reset"}}
