"""An error of the program's own, in whichever stage, at one frame or connection: it is named, and hides nothing of the rest."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tcptrace_py import analyze
from tcptrace_py.capture.pcap import PcapReader
from tcptrace_py.checks.rules import teardown_pattern
from tcptrace_py.cli import main
from tcptrace_py.decode import decoder as decoding
from tcptrace_py.decode import fast
from tcptrace_py.decode.walk import PROTOCOLS
from tcptrace_py.findings.causes import stalled
from tcptrace_py.model.digest import Digest
from tcptrace_py.outputs.document import document
from tcptrace_py.pipeline import jobs, run, running
from tests.capture.writing import pcap_header, pcap_record
from tests.decode import build
from tests.pieces import share_in_pieces

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tcptrace_py.model.results import Analysis

JOBS = (1, 2, 3) if sys.platform.startswith("linux") else (1,)
CONNECTIONS = 12
FRAMES_EACH = 5  # SYN, SYN/ACK, ACK, GRE, RST
VICTIM = 5  # connection
SYN_OF_VICTIM = VICTIM * FRAMES_EACH + 1


class BoomError(Exception):
    """No error that any code expects."""


def boom(*_: Any, **__: Any) -> Any:
    raise BoomError("injected")


def frames() -> list[bytes]:
    """Connections, each refused by a RST after its handshake, and a frame in GRE."""
    found = []
    for number in range(CONNECTIONS):
        ports, back = (40000 + number, 80), (80, 40000 + number)
        ends: dict[str, Any] = {"source": build.CLIENT, "target": build.SERVER}
        ends_back: dict[str, Any] = {"source": build.SERVER, "target": build.CLIENT}
        segments = (
            build.ipv4(build.tcp(flags=2, seq=10, ack=0, ports=ports, **ends), **ends),
            build.ipv4(build.tcp(flags=18, seq=90, ack=11, ports=back, **ends_back), **ends_back),
            build.ipv4(build.tcp(flags=16, seq=11, ack=91, ports=ports, **ends), **ends),
            build.ipv4(b"\0\0\x08\0" + build.ipv4(b"", protocol=17), protocol=47, **ends),
            build.ipv4(build.tcp(flags=20, seq=11, ack=91, ports=ports, **ends), **ends),
        )
        found += [build.ethernet(segment) for segment in segments]
    return found


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A capture of them, which is shared in pieces of four frames."""
    share_in_pieces(monkeypatch, lambda: 4)
    file = tmp_path / "connections.pcap"
    file.write_bytes(pcap_header() + b"".join(pcap_record(10**12 + 10_000 * at, frame) for at, frame in enumerate(frames())))
    return file


def faults(analysis: Analysis) -> list[tuple[int | None, int, str]]:
    return [(row.first_frame, row.count, row.explanation) for row in analysis.capture.problems if row.code == "internal-error"]


def ids(analysis: Analysis) -> list[int]:
    return [connection.id for connection in analysis.connections]


def described(analysis: Analysis) -> dict[int, str]:
    return {row["id"]: json.dumps(row) for row in document(analysis)["connections"]}


def fast_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """The fast path fails at the SYN of one connection."""
    plain = fast.decode_plain

    def fails(block: Any, first: int, out: Any, tally: Any) -> int:
        if block.first_frame + first <= SYN_OF_VICTIM < block.first_frame + block.count:
            boom()
        return int(plain(block, first, out, tally))

    monkeypatch.setattr(decoding, "decode_plain", fails)


def general_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """The general path fails at one of the frames in GRE."""
    gre = PROTOCOLS[47]
    monkeypatch.setitem(PROTOCOLS, 47, lambda walk, data, wire: boom() if walk.frame == SYN_OF_VICTIM + 3 else gre(walk, data, wire))


def following_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """The table of connections fails at the last segment of one."""

    def poisoned(segments: Any) -> Any:
        for i in range(segments.count):
            if segments.frame[i] == SYN_OF_VICTIM + 4 and isinstance(segments.key[i], bytes) and segments.key[i]:
                segments.key[i] = 17
        return segments

    feed = jobs.Part.feed
    monkeypatch.setattr(jobs.Part, "feed", lambda part, segments, latest_ns: feed(part, poisoned(segments), latest_ns))
    monkeypatch.setattr(running.Alone, "take", lambda alone, frames: alone._table.feed(poisoned(alone._decoder.decode(frames))))


def describing_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """One connection cannot be described."""
    takes = Digest.takes
    monkeypatch.setattr(Digest, "takes", lambda self, total_ns, frame: boom() if frame == SYN_OF_VICTIM else takes(self, total_ns, frame))


STAGES: dict[str, tuple[Callable[[pytest.MonkeyPatch], None], int, str, set[int]]] = {
    "decode, fast": (fast_fails, SYN_OF_VICTIM, "decoding this frame raised", set()),
    "decode, general": (general_fails, SYN_OF_VICTIM + 3, "decoding this frame raised", set()),
    "flows": (following_fails, SYN_OF_VICTIM + 4, "following this segment", set()),
    "facts": (describing_fails, SYN_OF_VICTIM + 4, f"this connection (connection {VICTIM}) raised BoomError: injected", {VICTIM}),
}


@pytest.mark.parametrize("count", JOBS)
@pytest.mark.parametrize("stage", STAGES)
def test_one_frame_or_connection_hides_nothing(stage: str, count: int, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sound = described(run(path))
    inject, frame, words, missing = STAGES[stage]
    inject(monkeypatch)
    analysis = run(path, jobs=count)
    (fault,) = faults(analysis)
    assert fault[:2] == (frame, 1)
    assert words in fault[2]
    assert ids(analysis) == [number for number in range(CONNECTIONS) if number not in missing]
    others = described(analysis)
    assert {number: others[number] for number in others if number != VICTIM} == {n: sound[n] for n in sound if n != VICTIM}
    assert repr(document(analysis)) == repr(document(run(path)))


@pytest.mark.parametrize("count", JOBS)
def test_one_file_hides_nothing(count: int, path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = tmp_path / "z.pcap"
    other.write_bytes(path.read_bytes())
    step = PcapReader.step

    def fails(self: Any, block: Any, position: int, base: int, final: bool) -> Any:
        return boom() if self._damage._info.path == str(other) else step(self, block, position, base, final)

    monkeypatch.setattr(PcapReader, "step", fails)
    for captures, connections in ((other, 0), ([path, other], CONNECTIONS)):
        analysis = run(captures, jobs=count)
        ((_, _, text),) = faults(analysis)
        assert f"reading on in {other} raised" in text
        assert len(ids(analysis)) == connections


def test_a_rule_hides_no_other(path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(teardown_pattern, "check", boom)
    assert main.main(["check", str(path), "--forbid", "rst", "--forbid", "unanswered", "--format", "json"]) == 70
    outcomes = {row["name"]: row for row in json.loads(capsys.readouterr().out)["checks"]}
    assert outcomes["teardown-pattern"]["status"] == "failed"
    assert "BoomError: injected" in outcomes["teardown-pattern"]["message"]
    assert outcomes["unanswered-handshakes"]["status"] == "passed"


@pytest.mark.parametrize("count", JOBS)
def test_a_cause_hides_no_other(count: int, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sound = run(path)
    monkeypatch.setattr(stalled, "find", boom)
    analysis = run(path, jobs=count)
    ((frame, _, text),) = faults(analysis)
    assert frame is None
    assert "looking for stalled raised BoomError: injected" in text
    assert analysis.findings == sound.findings
    assert ids(analysis) == ids(sound)


@pytest.mark.parametrize("args", [["analyze"], ["analyze", "--format", "json"], ["time-wait"], ["check", "--forbid", "unanswered"]])
def test_the_exit_code_says_so(args: list[str], path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    describing_fails(monkeypatch)
    assert main.main([args[0], str(path), "--allow-damaged", *args[1:]]) == 70
    out, err = capsys.readouterr()
    assert out
    assert f"connection {VICTIM}" in err


def test_many_are_counted_and_not_listed(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Digest, "takes", boom)
    analysis = run(path, keep_rows=False)
    assert sum(count for _, count, _ in faults(analysis)) == CONNECTIONS
    assert len(faults(analysis)) <= 11


def test_what_a_callers_function_raises_is_the_callers(path: Path) -> None:
    with pytest.raises(BoomError):
        analyze(path, each=boom)
