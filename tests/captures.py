"""Captures in all their forms: the samples, written as pcapng, compressed, rotated, overlapping; frames in fragments; damaged ones."""

from __future__ import annotations

import gzip
import random
import struct
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from hypothesis import strategies as st

from tcptrace_py.capture import open_captures
from tcptrace_py.model.problems import Problems
from tcptrace_py.outputs.document import document
from tcptrace_py.pipeline.worthwhile import AGGREGATED
from tests.capture.writing import enhanced, interface, pcap_header, pcap_record, section
from tests.decode import build
from tests.ladder import CLIENT, SERVER
from tests.traffic import moved, traffic
from tests.wire import frame_of

if TYPE_CHECKING:
    from tcptrace_py.model.results import Analysis
    from tests.ladder import Seg

SAMPLES = Path(__file__).parents[1] / "samples"
PACKED = ("buildup-health-checks.server.pcap.xz", "pile-up-on-a-proxy.pcap.xz")
NO_CAPTURES = {"empty.pcap", "not-a-capture.pcap"}
CAPTURES = [path for path in sorted(SAMPLES.glob("*.pcap*")) if path.name not in {*NO_CAPTURES, *PACKED} and path.stat().st_size < 30_000]
NANO = 0xA1B23C4D
Row = tuple[int, bytes, int, int]  # time in nanoseconds, data, length on the wire, link type


def facts(analysis: Analysis) -> str:
    digest = analysis.digest
    assert digest is not None
    return repr(
        (
            document(analysis),
            [(replace(group, clients=set()), sorted(group.clients)) for group in digest.groups()],
            digest.slowest(),
            digest.busiest(),
            digest.shown(),
            digest.timed,
            {code: (group.count, group.frame, group.stream) for code, group in sorted(digest.anomalies.items())},
        )
    )


def rows(path: Path) -> list[Row]:
    """What the reader makes of a capture."""
    return [
        (block.time_ns[i], block.data[block.offset[i] : block.offset[i] + block.captured[i]], block.wire[i], block.link[i])
        for block in open_captures([path], Problems()).blocks()
        for i in range(block.count)
    ]


def with_clock_of(path: Path, target: Path, step_ns: int) -> Path:
    """The same frames from a clock that goes in such steps; 0: it stands."""
    frames = rows(path)
    stamps = [time_ns // step_ns * step_ns if step_ns else frames[0][0] for time_ns, *_ in frames]
    records = [pcap_record(stamp, data, wire, magic=NANO) for stamp, (_, data, wire, _) in zip(stamps, frames, strict=True)]
    target.write_bytes(b"".join((pcap_header(magic=NANO, link=frames[0][3]), *records)))
    return target


def all_samples() -> list[Row]:
    """All samples whose frames hold one segment each, one after the other, an hour between them."""
    found: list[Row] = []
    for number, path in enumerate(CAPTURES):
        its = [row for row in rows(path) if row[3] not in AGGREGATED]
        found += [(1_700_000_000_000_000_000 + 3_600_000_000_000 * number + row[0] - its[0][0], *row[1:]) for row in its]
    return found


def as_pcapng(found: list[Row], path: Path) -> list[Path]:
    """One file, an interface for each link type, described where it is first used."""
    links: list[int] = []
    parts = [section()]
    for time_ns, data, wire, link in found:
        if link not in links:
            links.append(link)
            parts.append(interface(max(link, 0), tsresol=9))
        parts.append(enhanced(max(time_ns, 0), data, links.index(link), wire=wire))
    path.write_bytes(b"".join(parts))
    return [path]


def as_gzip(found: list[Row], path: Path) -> list[Path]:
    """The same, compressed."""
    as_pcapng(found, path)
    path.write_bytes(gzip.compress(path.read_bytes(), 1))
    return [path]


def as_rotated(found: list[Row], path: Path) -> list[Path]:
    """Five files, one after the other."""
    cuts = sorted(random.Random(len(found)).choices(range(len(found) + 1), k=4))
    paths = [path.with_suffix(f".{number}") for number in range(5)]
    for one, start, end in zip(paths, [0, *cuts], [*cuts, len(found)], strict=True):
        as_pcapng(found[start:end], one)
    return paths


def as_overlapping(found: list[Row], path: Path) -> list[Path]:
    """Three files of the same time."""
    rng = random.Random(len(found))
    of = [rng.randrange(3) for _ in found]
    paths = [path.with_suffix(f".{number}") for number in range(3)]
    for number, one in enumerate(paths):
        as_pcapng([row for row, its in zip(found, of, strict=True) if its == number], one)
    return paths


def in_files(found: list[Row], folder: Path, count: int, rng: random.Random) -> list[Path]:
    """So many files of pcap in a new folder, one after the other, cut at random frames."""
    folder.mkdir()
    cuts = sorted(rng.choices(range(len(found) + 1), k=count - 1))
    paths = [folder / f"{number:03}.pcap" for number in range(count)]
    for path, start, end in zip(paths, [0, *cuts], [*cuts, len(found)], strict=True):
        records = [pcap_record(time_ns, data, wire, magic=NANO) for time_ns, data, wire, _link in found[start:end]]
        path.write_bytes(b"".join((pcap_header(magic=NANO), *records)))
    return paths


FORMS = (as_pcapng, as_gzip, as_rotated, as_overlapping)


@st.composite
def frames(draw: st.DrawFn) -> list[tuple[int, bytes]]:
    """Frames of a few connections in order of time, some of their packets in fragments, which may come late, twice or never."""
    found: list[tuple[int, bytes]] = []
    for number in range(draw(st.integers(1, 3))):
        segments: list[Seg] = moved(draw(traffic), port=40_000 + number, client=CLIENT, server=SERVER)
        for at, segment in enumerate(segments):
            frame = frame_of(segment)
            if len(frame) < 14 + 20 + 16 or draw(st.integers(0, 2)):
                found.append((segment.time_ns, frame))
                continue
            content, cut = frame[34:], 8 * draw(st.integers(1, (len(frame) - 35) // 8))
            name = draw(st.sampled_from((at, at, 7)))
            for offset, end, more in draw(st.permutations([(0, cut, 0x2000), (cut, len(content), 0)])):
                piece = build.ethernet(
                    build.ipv4(content[offset:end], source=CLIENT, target=SERVER, identification=name, fragment=more | offset // 8)
                )
                late_ns = draw(st.sampled_from((0, 0, 10**6, 5 * 10**8, 40 * 10**9)))
                found += [(segment.time_ns + late_ns, piece)] * draw(st.sampled_from((1, 1, 1, 0, 2)))
    found.sort(key=lambda row: row[0])
    return found


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A pcap or pcapng of such frames, some of its records altered, its tail perhaps cut."""
    found = draw(frames())
    plain = draw(st.booleans())
    head = pcap_header(magic=NANO) if plain else section() + interface(tsresol=9)
    records = [pcap_record(time_ns, data, magic=NANO) if plain else enhanced(time_ns, data) for time_ns, data in found]
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(records)))
        records.insert(at, draw(st.sampled_from((b"\0" * 40, b"\xff" * 33, struct.pack("<IIII", 1, 1, 1 << 30, 60), b""))))
        at = draw(st.integers(0, len(records) - 1))
        place, value = draw(st.integers(0, 40)), draw(st.binary(min_size=1, max_size=4))
        records[at] = records[at][:place] + value + records[at][place + len(value) :]
    content = b"".join(records)
    return head + content[: len(content) - draw(st.sampled_from((0, 0, 1, 17, 50)))]
