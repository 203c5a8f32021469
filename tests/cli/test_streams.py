"""Every command with inputs that can be read only once: the same as with a file."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SAMPLES = ROOT / "samples"
ONE = SAMPLES / "request-crosses-the-close.pcap"
OTHER = SAMPLES / "reset-abort.pcap"
PACKED = SAMPLES / "buildup-database.client.pcap.xz"
WAYS = {
    "analyze": ("IN",),
    "analyze json": ("IN", "--format", "json"),
    "time-wait": ("IN",),
    "explain": ("IN", "0", "--why"),
    "check": ("IN", "--forbid", "rst"),
    "query": ("IN", "select * from transitions"),
    "diff": ("IN", str(OTHER)),
    "diff with it second": (str(OTHER), "IN"),
    "diff --same-traffic": ("IN", str(OTHER), "--same-traffic"),
    "extract": ("IN", "-o", "-"),
}
TWICE = ("explain", "diff --same-traffic", "extract")  # read more than a pipe holds, more than once
SHELL = {
    "a pipe": 'cat "$CAPTURE" | "$@"',
    "the name of a pipe": 'cat "$CAPTURE" | "$@"',
    "process substitution": '"$@" 3< <(cat "$CAPTURE")',
    "a slow FIFO": 'mkfifo fifo; { sleep 0.3; head -c 30 "$CAPTURE"; sleep 0.1; tail -c +31 "$CAPTURE"; } > fifo & "$@"',
    "a file on standard input": '"$@" < "$CAPTURE"',
}
NAMES = {"a pipe": "-", "the name of a pipe": "/dev/stdin", "process substitution": "/dev/fd/3", "a slow FIFO": "fifo",
         "a file on standard input": "-"}  # fmt: skip
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/dev/fd").exists() or not Path("/bin/bash").exists(), reason="needs bash"),
]


def run(way: str, name: str, line: str, capture: Path, folder: Path) -> tuple[int, bytes, bytes]:
    command, words = way.partition(" ")[0], [name if word == "IN" else word for word in WAYS[way]]
    done = subprocess.run(
        ["/bin/bash", "-c", line, "bash", sys.executable, "-m", "tcptrace_py", command, *words],
        cwd=folder,
        check=False,
        capture_output=True,
        timeout=120,
        env={**os.environ, "PYTHONPATH": str(ROOT), "CAPTURE": str(capture), "TMPDIR": str(folder)},
    )
    called = "standard input" if name == "-" else name
    return done.returncode, done.stdout if way == "extract" else done.stdout.replace(called.encode(), b"IN"), done.stderr


@pytest.mark.parametrize("way", WAYS)
def test_a_stream_is_as_good_as_a_file(way: str, tmp_path: Path) -> None:
    check(way, "process substitution", ONE, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("kind", SHELL)
@pytest.mark.parametrize("way", WAYS)
def test_every_kind_of_stream(way: str, kind: str, tmp_path: Path) -> None:
    check(way, kind, PACKED if kind == "a pipe" and way in TWICE else ONE, tmp_path)


def check(way: str, kind: str, capture: Path, folder: Path) -> None:
    if way == "query":
        pytest.importorskip("duckdb")
    code, out, _ = run(way, str(capture), '"$@"', capture, folder)
    assert out
    streamed = run(way, NAMES[kind], SHELL[kind], capture, folder)
    assert streamed[0] == code, streamed[2]
    assert _neutral(streamed[1]) == _neutral(out)
    assert {path.name for path in folder.iterdir()} <= {"fifo"}  # nothing of what was kept


def _neutral(out: bytes) -> bytes:
    """Without what the length of the capture's name decides: the widths of columns, where lines break; `-` is its name or no value.

    What to look at next names a file, which a stream has not.
    """
    words = b" ".join(out.split()).replace(b"CAPTURE...", b"IN")
    return re.sub(rb"-{3,}", b"---", re.sub(rb"(?<![\w-])-(?![\w-])", b"IN", words))
