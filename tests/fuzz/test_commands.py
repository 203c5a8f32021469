"""Every command over damaged captures: an exit code of its own, a message where it is not 0, and never 70."""

from __future__ import annotations

import contextlib
import io
import time
from typing import TYPE_CHECKING

import pytest

from tcptrace_py.cli.main import main
from tcptrace_py.cli.main import tcpstates as group
from tcptrace_py.findings.summary import CAUSES

from .damage import several
from .material import captures, content
from .trial import in_time, most, random_for, seconds, seed

if TYPE_CHECKING:
    from pathlib import Path
    from random import Random

pytestmark = pytest.mark.fuzz

LIMITS = (
    *(f"--max-handshake{part}=1ms" for part in ("", "-p50", "-p90", "-p99")),
    *("--max-syn-retransmissions=0%", "--max-retransmissions=0%", "--max-resets=0", "--closes-first=client"),
    *("--max-time-wait=0", "--max-ports-used=0.001%", "--max-connections=0", "--max-close-wait=1ms"),
    *("--max-fin-wait-2=1ms", "--max-last-ack=1ms", "--max-left-open=0", "--forbid=rst", "--forbid=half-closed"),
    *(f"--forbid={cause}" for cause in CAUSES[:3]),
)
# What each command is given besides two captures, of which most take the first.
WAYS: dict[str, tuple[tuple[str, ...], ...]] = {
    "analyze": tuple(("ONE", "--format", name) for name in ("table", "markdown", "json", "jsonl", "csv")),
    "time-wait": (("ONE",), ("ONE", "OTHER", "--format", "json"), ("ONE", "--format", "csv", "--table", "population")),
    "explain": (("ONE", "0"), ("ONE", "stream:0"), ("ONE", "OTHER", "1"), ("ONE", "0", "--format", "mermaid", "--why")),
    "check": tuple(("ONE", *LIMITS, "--format", name) for name in ("text", "json", "junit", "sarif", "markdown")),
    "query": (("ONE", "select * from connections"), ("ONE", "select state, count(*) from transitions group by state", "--format", "json")),
    "diff": (("ONE", "OTHER"), ("ONE", "ONE"), ("ONE", "OTHER", "--same-traffic"), ("ONE", "ONE", "--same-traffic", "--format", "json")),
    "extract": (("ONE", "-o", "OUT"), ("ONE", "OTHER", "-o", "OUT", "--teardown", "rst"), ("ONE", "-o", "OUT", "--stream", "0")),
}  # fmt: skip


@pytest.mark.parametrize("command", WAYS)
def test_damaged_captures(command: str, tmp_path: Path) -> None:
    if command not in group.list_commands(None):  # type: ignore[arg-type]
        pytest.skip("there is no such command (yet)")
    rng = random_for(command)
    started, codes = time.monotonic(), set()
    for _ in range(most(10**9)):
        if time.monotonic() - started > seconds(8):
            break
        case = _prepared(rng, tmp_path)
        words = [str(tmp_path / word) if word in {"ONE", "OTHER", "OUT"} else word for word in rng.choice(WAYS[command])]
        code, said = _run([command, *words])
        assert code in {0, 1, 2, 3}, f"seed {seed()}, {case}, {words}: {code}\n{said}"
        assert code in {0, 1} or said, f"seed {seed()}, {case}, {words}: {code} without a word"
        codes.add(code)
    assert codes & {0, 1, 3}, "nothing but usage errors"


def _prepared(rng: Random, folder: Path) -> str:
    """Two captures in a folder, mostly damaged; what they were made of."""
    made = []
    for name in ("ONE", "OTHER"):
        first, second = rng.choice(captures()), rng.choice(captures())
        data, how = content(first), "as it is"
        if rng.random() < 0.8:
            how, data = several(rng, data, content(second))
        (folder / name).write_bytes(data)
        made.append(f"{first.name} {how} ({second.name})")
    (folder / "OUT").unlink(missing_ok=True)
    return " and ".join(made)


def _run(words: list[str]) -> tuple[int, str]:
    out, err = io.StringIO(), io.StringIO()
    with in_time(20), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main(words)
    return code, err.getvalue()
