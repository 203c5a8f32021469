"""Spans of time that are given by the capture's own."""

from __future__ import annotations

import io
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest

from tcptrace_py.cli import main
from tcptrace_py.model.errors import UsageError
from tcptrace_py.span import Span, first_frame_ns, last_frame_ns, parse_moment

SAMPLES = Path(__file__).parents[1] / "samples"
CAPTURE = str(SAMPLES / "request-crosses-the-close.pcap")  # 5.08 s from 2026-01-02T03:04:05.005Z
START_NS, END_NS = 1767323045_005_000_000, 1767323050_080_030_000


def ran(*args: str) -> tuple[int, str, str]:
    with redirect_stdout(io.StringIO()) as out, redirect_stderr(io.StringIO()) as err:
        code = main.main([*args])
    return code, out.getvalue(), err.getvalue()


def test_first_and_last_frame() -> None:
    assert (first_frame_ns([CAPTURE]), last_frame_ns([CAPTURE])) == (START_NS, END_NS)
    both = [str(SAMPLES / "pile-up-on-a-proxy.pcap.xz"), CAPTURE]
    assert first_frame_ns(both) == min(map(first_frame_ns, ([name] for name in both)))
    assert last_frame_ns(both) == max(map(last_frame_ns, ([name] for name in both)))


@pytest.mark.parametrize(
    ("begin", "end", "last_ns", "wanted"),
    [
        ("+5s", None, None, (START_NS + 5_000_000_000, None)),
        ("+10ms", "+1.5s", None, (START_NS + 10_000_000, START_NS + 1_500_000_000)),
        ("1767323046", "+2s", None, (1767323046_000_000_000, START_NS + 2_000_000_000)),
        (None, None, 10_000_000, (END_NS - 10_000_000, None)),
        ("1767323046", None, None, (1767323046_000_000_000, None)),
    ],
)
def test_spans_are_placed_in_the_capture(
    begin: str | None, end: str | None, last_ns: int | None, wanted: tuple[int | None, int | None]
) -> None:
    first, last = (None if text is None else parse_moment(text) for text in (begin, end))
    span = Span(first, last, last_ns)
    assert span.of([CAPTURE]) == wanted


@pytest.mark.parametrize("text", ["+5", "+", "noon", "+5 parsecs"])
def test_what_is_no_moment(text: str) -> None:
    with pytest.raises(UsageError):
        parse_moment(text)


def test_the_last_part_is_a_span_of_its_own() -> None:
    with pytest.raises(UsageError, match="without --from"):
        Span(parse_moment("+1s"), None, 1)


@pytest.mark.parametrize("command", ["analyze", "time-wait"])
def test_the_same_span_said_in_three_ways(command: str) -> None:
    pages = {
        ran(command, CAPTURE, *words)[1] for words in (["--from", "+5s"], ["--last", "75.03ms"], ["--from", "2026-01-02T03:04:10.005Z"])
    }
    assert len(pages) == 1
    assert ran(command, CAPTURE)[1] not in pages


def test_explain_and_extract_take_relative_spans(tmp_path: Path) -> None:
    assert "the rest" not in ran("explain", CAPTURE, "0", "--from", "+5s")[1]
    out = tmp_path / "last.pcap"
    assert ran("extract", CAPTURE, "--last", "1s", "-o", str(out))[0] == 0
    assert first_frame_ns([str(out)]) == START_NS  # connections are extracted whole


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["analyze", "-", "--from", "+5s"], 0, "1 connection"),
        (["explain", "-", "0", "--from", "+5s"], 0, "Connection 0"),
        (["analyze", "-", "--last", "5s"], 2, "--last needs to know where the capture ends"),
    ],
)
def test_a_stream_has_a_beginning_and_no_known_end(words: list[str], code: int, said: str) -> None:
    with Path(CAPTURE).open("rb") as capture, subprocess.Popen(["cat"], stdin=capture, stdout=subprocess.PIPE) as pipe:
        run = subprocess.run([sys.executable, "-m", "tcptrace_py", *words], stdin=pipe.stdout, capture_output=True, text=True, check=False)
    assert run.returncode == code
    assert said in run.stdout + run.stderr


@pytest.mark.parametrize(("idle", "seconds"), [("5", 5.0), ("5s", 5.0), ("250ms", 0.25), ("2min", 120.0)])
def test_idle_is_seconds_or_a_duration(idle: str, seconds: float, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[float] = []

    def analyze(*_args: object, idle_s: float, **_rest: object) -> None:
        seen.append(idle_s)
        raise UsageError("enough")

    monkeypatch.setattr("tcptrace_py.api.analyze", analyze)
    assert ran("analyze", CAPTURE, "--idle", idle)[0] == 2
    assert seen == [seconds]


@pytest.mark.parametrize("idle", ["0s", "0", "-1", "5 parsecs", "5x"])
def test_idle_that_is_none(idle: str) -> None:
    assert ran("analyze", CAPTURE, "--idle", idle)[0] == 2
