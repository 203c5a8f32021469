"""Every cause in real Linux TCP: a recording that shows it, one that nearly does, and what is left when its evidence is cut away.

`python -m tests.recorder.causes` makes the captures (tests/recorder/causes); a marked test makes them anew with other numbers.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tcptrace_py import analyze
from tcptrace_py.model.finding import Code
from tcptrace_py.model.profiles import Profiles
from tests.kernel import needs_recording
from tests.recorder.causes.recordings import RECORDINGS, Numbers, Recording
from tests.recorder.wire import ACK, FIN, RST, SYN, Segment, records, segment_of
from tests.thorough import every

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tcptrace_py.model.finding import Finding
    from tests.conftest import GoldPart

HERE = Path(__file__).parent / "recorded"
SURE = {None: 0, "medium": 1, "high": 2}


def findings(path: Path, recording: Recording, numbers: Numbers) -> list[Finding]:
    """What is found, where the client's range of ports is known if the recording's was set."""
    profiles = Profiles.named("linux", {}, port_range=recording.ports(numbers))
    found = list(analyze(path, profiles=profiles).findings)
    assert found == list(analyze(path, profiles=profiles, keep_rows=False).findings)
    return found


def problems(found: list[Finding]) -> set[str]:
    return {finding.code for finding in found if finding.severity == "problem"}


def is_within(value: Any, wanted: Any) -> bool:
    """Whether a number of a finding is the one that is wanted, or lies between the least and the most."""
    return wanted[0] <= value <= wanted[1] if isinstance(wanted, tuple) else bool(value == wanted)


def holds(found: list[Finding], recording: Recording, numbers: Numbers) -> None:
    """The cause is found with its numbers, and no other but those that the same traffic shows."""
    (finding,) = [finding for finding in found if finding.code == recording.code]
    assert {finding.code for finding in found} - recording.besides == {recording.code}
    wanted = recording.details(numbers)
    assert {name: finding.details[name] for name in wanted if not is_within(finding.details[name], wanted[name])} == {}
    if (connections := recording.connections(numbers)) is not None:
        assert finding.connections == connections
    assert finding.of >= finding.connections
    assert finding.first_at_ns is not None
    assert finding.last_at_ns is not None
    assert finding.first_at_ns <= finding.last_at_ns


def test_every_cause_is_recorded() -> None:
    assert {recording.code for recording in RECORDINGS.values()} == set(map(str, Code))
    made = {f"{name}{suffix}.pcap.xz" for name in RECORDINGS for suffix in ("", ".not")}
    assert {path.name for path in HERE.iterdir()} == made


@pytest.mark.parametrize("name", RECORDINGS)
def test_what_shows_a_cause(name: str, gold_part: GoldPart) -> None:
    recording = RECORDINGS[name]
    found = findings(HERE / f"{name}.pcap.xz", recording, recording.numbers)
    holds(found, recording, recording.numbers)
    gold_part(
        HERE.parent / "sentences.txt", name, [f"{row.severity} {row.code}: {row.explanation} [{'; '.join(row.evidence)}]" for row in found]
    )


@pytest.mark.parametrize("name", RECORDINGS)
def test_what_nearly_shows_it(name: str) -> None:
    """What stands among the look-alikes of its docstring, or the same with harmless numbers."""
    recording = RECORDINGS[name]
    found = findings(HERE / f"{name}.not.pcap.xz", recording, recording.numbers)
    assert recording.code not in {finding.code for finding in found}
    assert problems(found) == NEARLY.get(name, set())


# What nearly shows one cause may show another.
NEARLY = {
    "flow-limit": {"syn-loss"},
    "flow-limit-open": {"accept-queue-full"},
    "idle-silence": {"stalled"},
}


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("flow-limit", "exactly while 24 connections are open or were closed less than 5 to 8 s ago: something"),
        ("flow-limit-open", "exactly while 12 connections are open: something"),
    ],
)
def test_of_a_limit_no_more_is_said_than_is_known(name: str, said: str) -> None:
    recording = RECORDINGS[name]
    (finding,) = [row for row in findings(HERE / f"{name}.pcap.xz", recording, recording.numbers) if row.code == "flow-limit"]
    assert said in finding.explanation


# -- evidence that is cut away --------------------------------------------------------------------------------------------------------

Cut = list[tuple[int, Segment]]


def without(is_cut: Callable[[Segment], bool]) -> Callable[[Cut], Iterator[int]]:
    """All frames but those of such segments."""
    return lambda segments: (frame for frame, segment in segments if not is_cut(segment))


def flagged(flags: int) -> Callable[[Cut], Iterator[int]]:
    """All frames but those with one of these flags."""
    return without(lambda segment: segment.flags & flags != 0)


def from_server(segment: Segment) -> bool:
    """Whether a segment is the server's: its port is below those that clients take."""
    return segment.source[1] < segment.target[1]


def first_half(segments: Cut) -> Iterator[int]:
    """What was captured until half of the frames had come."""
    return (frame for frame, _ in segments[: len(segments) // 2])


def once(segments: Cut) -> Iterator[int]:
    """Each segment's first copy."""
    seen = set()
    for frame, segment in segments:
        name = segment.source, segment.target, segment.flags, segment.seq, segment.payload
        if name not in seen or not segment.payload:
            yield frame
        seen.add(name)


def silent(segments: Cut) -> Iterator[int]:
    """Connections of which the server sent no data."""
    answered = {frozenset((s.source, s.target)) for _, s in segments if from_server(s) and s.payload}
    return (frame for frame, s in segments if frozenset((s.source, s.target)) not in answered)


CUT: dict[str, tuple[str, Callable[[Cut], Iterator[int]]]] = {
    "accept-queue-full": ("who waits", without(lambda s: not s.flags & SYN or s.flags & ACK != 0)),
    "ports-exhausted": ("the second half", first_half),
    "flow-limit": ("the FINs", flagged(FIN)),
    "syn-loss": ("all but SYNs and their answers", without(lambda s: not s.flags & SYN)),
    "path-mtu": ("the client's bare ACKs", without(lambda s: not from_server(s) and s.flags == ACK and not s.payload)),
    "idle-timeout": ("the RSTs, and what is sent again", lambda segments: (n for n in once(segments) if not dict(segments)[n].flags & RST)),
    "stalled": ("what is sent again", once),
    "no-answer": ("the connections that were answered", silent),
    "keep-alive-race": ("the FINs", flagged(FIN)),
    "half-translated": ("the answers", without(from_server)),
    "injected-reset": ("all but the RST of its named sender", without(lambda s: from_server(s) and not s.flags & RST)),
    "peer-restarted": ("the client's RSTs", flagged(RST)),
    "refused-by-time-wait": ("the client's RSTs", flagged(RST)),
    "connection-leak": ("the FINs", flagged(FIN)),
    "slow-reader": ("the server's ACKs", without(lambda s: from_server(s) and s.flags == ACK)),
    "no-keep-alive": ("the answers", without(lambda s: from_server(s) and s.payload > 0)),
    "pool-too-small": ("the FINs", flagged(FIN)),
    "time-wait-pileup": ("the FINs", flagged(FIN)),
    "reset-by-design": ("the answers", without(lambda s: from_server(s) and s.payload > 0)),
    "seen-twice": ("the SYNs", without(lambda s: s.flags & (SYN | ACK) == SYN)),
}


# Where another capture point shows other evidence.
CUT_THERE = {"mtu-receiver": without(lambda s: from_server(s) and s.payload > 0)}


def kept_frames(source: Path, target: Path, cut: Callable[[Cut], Iterator[int]]) -> int:
    """Write the capture that is left; gives how many frames were cut."""
    frames = list(records(source))
    segments = [(n, s) for n, (t_ns, link, _, frame) in enumerate(frames) if (s := segment_of(frame, t_ns, link)) is not None]
    left = sorted(cut(segments))
    target.write_bytes(pcap_header(frames[0][1]) + b"".join(frames[n][2] + frames[n][3] for n in left))
    return len(frames) - len(left)


def pcap_header(link: int) -> bytes:
    """Of a capture in microseconds."""
    return b"".join(number.to_bytes(size, "little") for number, size in ((0xA1B2C3D4, 4), (2, 2), (4, 2), (0, 8), (262144, 4), (link, 4)))


def test_evidence_of_every_cause_is_cut() -> None:
    assert set(CUT) == set(map(str, Code))


@pytest.mark.parametrize("name", every(2, RECORDINGS))
def test_where_evidence_is_cut_away_less_is_said(name: str, tmp_path: Path) -> None:
    recording, (whole, left) = RECORDINGS[name], (HERE / f"{name}.pcap.xz", tmp_path / "left.pcap")
    (before,) = [finding for finding in findings(whole, recording, recording.numbers) if finding.code == recording.code]
    assert kept_frames(whole, left, CUT_THERE.get(name, CUT[recording.code][1])) > 0
    after = [finding for finding in findings(left, recording, recording.numbers) if finding.code == recording.code]
    assert SURE[after[0].confidence if after else None] < SURE[before.confidence]


# -- made anew ------------------------------------------------------------------------------------------------------------------------


@pytest.mark.kernel
@pytest.mark.parametrize("name", RECORDINGS)
def test_recorded_anew_with_other_numbers(name: str, tmp_path: Path) -> None:
    needs_recording("tcpdump", "nft")
    recording, target = RECORDINGS[name], tmp_path / "made.pcap"
    recording.record(100 + list(RECORDINGS).index(name), recording.play, recording.others, target)
    holds(findings(target, recording, recording.others), recording, recording.others)
