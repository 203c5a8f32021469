"""`--format markdown`: the same page for a ticket or a wiki."""

from collections.abc import Iterable, Iterator
from typing import TextIO

from tabulate import tabulate

from tcptrace_py.model.results import Analysis
from tcptrace_py.outputs import foreign
from tcptrace_py.outputs.blocks import Block, Facts, Grid, Heading, Note, Picture
from tcptrace_py.outputs.view import View
from tcptrace_py.outputs.views import blocks

SUMMARY = "the page for people as Markdown, for tickets and wikis"
FOR_PEOPLE = True
BINARY = False

_SPECIAL = str.maketrans({char: f"\\{char}" for char in "\\`*_|<>[]&~"})
_BEGINNINGS = ("#", "+", "=")  # at a line's begin: a title, a list, what makes one of the line before


def write(analysis: Analysis, view: View, out: TextIO) -> None:
    """Print the page of an analysis as GitHub-flavoured Markdown."""
    write_blocks(blocks(analysis, view), out)


def write_blocks(page: Iterable[Block], out: TextIO) -> None:
    """Print a page as GitHub-flavoured Markdown."""
    level = "#"
    for block in map(foreign.block, page):
        out.write("\n".join(foreign.line(line) for text in _lines(block, level) for line in text.split("\n")) + "\n")
        level = "##"


def _lines(block: Block, level: str) -> Iterator[str]:
    if isinstance(block, Heading):
        yield f"{'' if level == '#' else chr(10)}{level} {escape(block.text)}"
        yield ""
        if block.aside:
            yield f"*{escape(block.aside)}*\n"
    elif isinstance(block, Note):
        numbered = block.mark[:-1].isdigit()
        yield f"{block.mark if numbered else '-'} {escape(block.text)}" if block.mark else f"{escape(block.text)}\n"
    elif isinstance(block, Facts):
        yield from (f"- **{escape(label)}**: {escape(text)}" if label else f"  - {escape(text)}" for label, text in block.rows)
    elif isinstance(block, Picture):
        yield from ("```text", *block.lines, "```")
    else:
        yield from _grid(block)


def _grid(block: Grid) -> Iterator[str]:
    rows = list(block.rows)
    kept = [i for i in range(len(block.columns)) if any(row[i] for row in rows)]
    if rows:
        columns = [block.columns[i] for i in kept]
        yield tabulate(
            [[escape(row[i]) for i in kept] for row in rows],
            [escape(column.title) for column in columns],
            tablefmt="pipe",
            disable_numparse=True,
            colalign=["right" if column.right else "left" for column in columns],
        )
    if block.more:
        yield f"\n{escape(block.more)}"


def escape(text: str) -> str:
    """Text that Markdown prints as it stands."""
    escaped = text.translate(_SPECIAL)
    return f"\\{escaped}" if escaped.startswith(_BEGINNINGS) else escaped
