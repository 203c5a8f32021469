"""Fenced blocks of the README and docs/, and what running their commands prints.

```console   commands behind "$ " with their output, run one after the other in a scratch folder that holds samples/
             (console slow: the same, in a test that is marked slow)
```sh        the two commands of a fresh clone; `.ci/run` reads them from the README and runs them
```python    with >>>: a session, run as a doctest; without: code that a test of its own puts in place
"""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
WIDTH = 100
PROMPT = "$ "
# What readers have under these names: the command of this checkout, and a tcpdump that needs neither root nor traffic.
STAND_INS = {
    "tcpstates": f'exec "{sys.executable}" -m tcptrace_py "$@"',
    "tcpdump": "exec cat samples/server-closes-first.pcap",
}


@dataclass(frozen=True)
class Block:
    """A fenced block: its page, the number of its first line (from 1), what stands behind the fence, its lines."""

    page: Path
    line: int
    kind: str
    lines: tuple[str, ...]

    @property
    def name(self) -> str:
        """Where it stands."""
        return f"{self.page.relative_to(ROOT)}:{self.line}"

    @property
    def text(self) -> str:
        """Its content, ending with a newline."""
        return "".join(f"{line}\n" for line in self.lines)

    @property
    def commands(self) -> list[str]:
        """What stands behind the prompts; a backslash at a line's end joins the next one."""
        commands: list[str] = []
        joined = False
        for line in self.lines:
            if joined:
                commands[-1] += f"\n{line}"
            elif line.startswith(PROMPT):
                commands.append(line.removeprefix(PROMPT))
            joined = bool(commands) and (joined or line.startswith(PROMPT)) and line.endswith("\\")
        return commands


def blocks(page: Path, text: str | None = None) -> list[Block]:
    """All fenced blocks of a page, or of a text that is to become it."""
    found: list[Block] = []
    kind: str | None = None
    start, lines = 0, list[str]()
    for number, line in enumerate((page.read_text("utf-8") if text is None else text).splitlines(), start=1):
        if kind is None and line.startswith("```"):
            kind, start, lines = line[3:], number + 1, []
        elif kind is not None and line == "```":
            found.append(Block(page, start, kind, tuple(lines)))
            kind = None
        elif kind is not None:
            lines.append(line)
    if kind is not None:
        raise ValueError(f"{page}: the block that begins at line {start} never ends")
    return found


def scratch(folder: Path) -> dict[str, str]:
    """Fill a folder with what the commands need; the environment to run them in."""
    (folder / "samples").symlink_to(ROOT / "samples")
    programs = folder / "bin"
    programs.mkdir()
    for name, line in STAND_INS.items():
        file = programs / name
        file.write_text(f"#!/bin/sh\n{line}\n")
        file.chmod(file.stat().st_mode | stat.S_IXUSR)
    path = os.pathsep.join((str(programs), os.environ["PATH"]))
    return {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT), "COLUMNS": str(WIDTH), "NO_COLOR": "1"}


def ran(block: Block) -> str:
    """A console block with the output that its commands have now."""
    printed: list[str] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        environment = scratch(folder)
        for command in block.commands:
            run = subprocess.run(
                ["bash", "-c", command],
                cwd=folder,
                env=environment,
                text=True,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                timeout=600,
                check=False,
            )
            output = "".join(f"{line.rstrip()}\n" for line in run.stdout.splitlines())
            if "internal error" in output:
                raise RuntimeError(f"{block.name}: {command}\n{output}")  # never to be pasted
            printed += [f"{PROMPT}{command}\n", output]
    return "".join(printed)


def with_outputs(page: Path, text: str) -> str:
    """A page's text with every console block's output as it is now."""
    lines = text.splitlines()
    for block in reversed([block for block in blocks(page, text) if block.kind.startswith("console")]):
        lines[block.line - 1 : block.line - 1 + len(block.lines)] = ran(block).splitlines()
    return "".join(f"{line}\n" for line in lines)


def sections(text: str, begin: str, end: str) -> Iterator[tuple[str, int, int]]:
    """(name, first line, line behind the last) of each part between `begin NAME` and `end` comments."""
    name, start = "", 0
    for number, line in enumerate(text.splitlines()):
        if line.startswith(begin):
            name, start = line.removeprefix(begin).split()[0], number + 1
        elif line == end:
            yield name, start, number
