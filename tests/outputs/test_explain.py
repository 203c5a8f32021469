"""`explain`: telling ladders held against gold files (`pytest --update-gold`), every sample drawn without fail."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings

from tcptrace_py import analyze
from tcptrace_py.ladder import ladder
from tcptrace_py.model.errors import TcpstatesError
from tcptrace_py.model.reference import Reference
from tcptrace_py.outputs.explain import FORMATS
from tcptrace_py.outputs.explain.formats import write
from tcptrace_py.outputs.view import View
from tests.buildups import analysis
from tests.findings.observed import drawn_segments
from tests.ladder import play
from tests.thorough import every, examples, large_ones_slow
from tests.traffic import traffic

if TYPE_CHECKING:
    from tcptrace_py.model.results import Analysis, Connection
    from tests.conftest import GoldPart

GOLD = Path(__file__).parent / "gold" / "explain"
SAMPLES = Path(__file__).parents[2] / "samples"
MOST = 6  # connections of a sample that are drawn; those of a pile-up are alike
TELLING = [
    "three-way-handshake", "server-closes-first", "simultaneous-open", "simultaneous-close", "self-connect",
    "starts-in-mid-connection", "one-sided", "data-lost", "time-wait-restarted", "time-wait-reused",
    "zero-window", "keep-alive-unanswered", "reset-after-idle", "syn-unanswered", "mirror-duplicates", "fast-open",
    "several-handshakes-ipv6", "vxlans-with-the-same-tuple", "half-close", "time-wait-expires",
]  # fmt: skip


def drawn(
    path: Path, result: Analysis, connection: Connection, width: int, form: str = "ladder", *, why: bool = False, full: bool = False
) -> str:
    same = Reference.of(connection).among(result.connections)
    made = ladder([path], connection, same)
    out = io.StringIO()
    end_ns = result.capture.end_ns or 0
    write(form, connection, made, [], View(width=width), out=out, end_ns=end_ns, why=why, full=full)
    return out.getvalue()


def first(sample: str, width: int = 80, form: str = "ladder", *, why: bool = False, full: bool = False) -> str:
    path = SAMPLES / f"{sample}.pcap"
    result = analyze(path)
    return drawn(path, result, next(iter(result.connections)), width, form, why=why, full=full)


GOLDEN = [(sample, width, "ladder", "") for sample in TELLING for width in (80, 120)]
GOLDEN += [("simultaneous-close", 80, "mermaid", ""), ("data-lost", 80, "mermaid", "")]
GOLDEN += [("simultaneous-close", 80, "ladder", "why"), ("half-close", 80, "ladder", "full")]


@pytest.mark.parametrize(("sample", "width", "form", "option"), GOLDEN)
def test_ladder_is_as_it_was(sample: str, width: int, form: str, option: str, request: pytest.FixtureRequest) -> None:
    text = first(sample, width, form, **({option: True} if option else {}))
    name = f"{sample}-{width}{f'-{option}' if option else ''}.{'mmd' if form == 'mermaid' else 'txt'}"
    if request.config.getoption("--update-gold"):
        GOLD.mkdir(exist_ok=True)
        (GOLD / name).write_text(text, "utf-8")
    assert text == (GOLD / name).read_text("utf-8")


def every_sample() -> list[Path]:
    return sorted(p for p in SAMPLES.iterdir() if ".pcap" in p.name and not p.name.startswith("buildup"))


@pytest.mark.parametrize("path", large_ones_slow(every(4, every_sample(), 1)))
def test_every_sample_is_drawn_and_fits(path: Path, gold_part: GoldPart) -> None:
    try:
        result = analysis(path.name)
    except TcpstatesError:
        pytest.skip("no capture at all")
    said: list[str] = []
    for connection in list(result.connections)[: 1 if "pile-up" in path.name else MOST]:
        wordy, wide = drawn(path, result, connection, 80, why=True), drawn(path, result, connection, 120)
        said += sentences_of(connection.id, wide)
        for text, width in ((wide, 120), (wordy, 80)):
            assert [line for line in text.splitlines() if len(line) > width or line != line.rstrip()] == []
            assert "In words" in text
        sides = [side for side in (connection.client_side, connection.server_side) if side is not None]
        assert all(entry.state.name in wordy for side in sides for entry in side.states)
        told = " ".join(wordy.split())
        assert all(entry.reason in told for side in sides for entry in side.states)
        assert drawn(path, result, connection, 80, "mermaid").startswith("sequenceDiagram\n")
    gold_part(GOLD / "sentences.txt", path.name, said)


def sentences_of(number: int, text: str) -> list[str]:
    """What a drawing says of a connection: the paragraph, and the kinds of remarks beside the ladder, without their numbers."""
    drawing, _, paragraph = text.partition("In words")
    remarks, last = [], ""
    for line in drawing.splitlines():
        _, mark, rest = line.partition("└ ")
        if mark:
            remarks.append(rest)
        elif remarks and last.startswith(" ") and line.startswith(" " * 33) and "│" not in line:
            remarks[-1] += " " + line.strip()
        else:
            remarks += [part.strip(" │") for part in (line.partition("⋮ ")[2],) if part]
        last = line
    kinds = dict.fromkeys(re.sub(r"\d[\d.,]*( ?(min|ms|µs|ns|s|kB|MB|B|bytes)\b)?", "#", remark) for remark in remarks)
    return [f"{number}: {' '.join(paragraph.split())}", *(f"  {kind}" for kind in kinds)]


def test_nothing_is_folded_in_full() -> None:
    folded, full = first("half-close"), first("half-close", full=True)
    assert "═" not in full
    assert full.count("│") >= folded.count("│")
    long = first("offloaded"), first("offloaded", full=True)
    assert "═" in long[0]
    assert "═" not in long[1]
    assert len(long[1].splitlines()) > len(long[0].splitlines())


def test_the_story_tells_what_matters() -> None:
    told = " ".join(first("time-wait-reused").split())
    assert "192.0.2.10:40000 opened a connection to 198.51.100.20:80" in told
    assert "The server closed first, then the client: a full close in 4 segments" in told
    assert "a new SYN reused the four-tuple" in told
    told = " ".join(first("syn-given-up").split())
    assert "Nobody answered its 6 SYNs in 6.13 s" in told
    assert "The client gave up at 03:04:15.230: it sent nothing more, and had no answer in SYN_SENT." in told
    assert "leaves" not in told
    told = " ".join(first("syn-unanswered").split())
    assert "When the capture ended, 6 SYNs had no answer yet: in progress." in told
    told = " ".join(first("capture-ends-before-the-last-ack").split())
    assert "one FIN was not acknowledged. The close was in flight when the capture ended." in told
    told = " ".join(first("self-connect").split())
    assert "connected to itself: one socket is both ends" in told
    told = " ".join(first("reset-after-idle").split())
    assert "reset it in frame" in told
    assert "idle" in told


def test_a_diagram_takes_no_character_that_its_grammar_minds() -> None:
    for sample in TELLING:
        lines = first(sample, form="mermaid").splitlines()
        assert lines[0] == "sequenceDiagram"
        for line in lines[1:]:
            if not line.startswith("%%"):
                assert ";" not in line.replace("#59;", "").replace("#35;", "")


@settings(max_examples=examples(160), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(traffic)
def test_whatever_comes_can_be_drawn(segments: list) -> None:
    rows = play(segments).rows
    for connection in rows[:3]:
        made = drawn_segments(segments, connection, rows)
        for form in FORMATS:
            out = io.StringIO()
            write(form, connection, made, [], View(width=80), out=out, end_ns=connection.end_ns, why=True)
            assert out.getvalue()
            assert form == "mermaid" or max(map(len, out.getvalue().splitlines())) <= 80
