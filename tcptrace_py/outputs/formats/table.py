"""`--format table`, the default: a page for a person at a terminal."""

import re
from collections.abc import Iterable, Iterator
from textwrap import wrap
from typing import TextIO

from tcptrace_py.model.results import Analysis
from tcptrace_py.outputs import foreign, grid
from tcptrace_py.outputs.blocks import Block, Facts, Grid, Heading, Note, Picture
from tcptrace_py.outputs.view import View
from tcptrace_py.outputs.views import blocks

SUMMARY = "a page for people at a terminal"
FOR_PEOPLE = True
BINARY = False

INDENT = "  "
WIDEST_PROSE = 120  # tables may use all of a wide terminal, sentences become hard to read
_UNIT = re.compile(r"(?<=\d) (?=(?:%|[nµm]?s|min|h|d|[kMGT]?B)(?!\w))")
BOLD, DIM, YELLOW, PLAIN = "\x1b[1m", "\x1b[2m", "\x1b[33m", ""
_TONES = {"plain": PLAIN, "quiet": DIM, "bad": YELLOW}
_ASCII = str.maketrans({"→": ">", "µ": "u", "…": "~", "•": "*", **dict(zip("▁▂▃▄▅▆▇█┄╌─═│┤├└▶◀⋮", ".:::####-.-=|++|><:", strict=True))})


def write(analysis: Analysis, view: View, out: TextIO) -> None:
    """Print the page of an analysis."""
    write_blocks(blocks(analysis, view), view, out)


def write_blocks(page: Iterable[Block], view: View, out: TextIO) -> None:
    """Print a page; where the output's encoding lacks a character, a plain one stands for it."""
    unicode = _takes_unicode(out)
    lines = (foreign.line(line) for line in _page(map(foreign.block, page), view))
    out.writelines((line if unicode else line.translate(_ASCII)) + "\n" for line in lines)


def _takes_unicode(out: TextIO) -> bool:
    try:
        "→µ…•█┤▶".encode(getattr(out, "encoding", None) or "utf-8")
    except (LookupError, UnicodeEncodeError):
        return False
    return True


def _page(page: Iterable[Block], view: View) -> Iterator[str]:
    before: Block | None = None
    for block in page:
        if before is not None and _apart(before, block):
            yield ""
        before = block
        yield from _lines(block, view)


def _apart(before: Block, block: Block) -> bool:
    """Whether an empty line parts two blocks: around sections, tables and what is said below tables."""
    if isinstance(block, Heading):
        return True
    return (isinstance(block, Grid) and not isinstance(before, Heading)) or isinstance(before, Grid)


def _lines(block: Block, view: View) -> Iterator[str]:
    if isinstance(block, Heading):
        yield from _heading(block, view)
    elif isinstance(block, Note):
        mark = f"{INDENT}{block.mark} " if block.mark else INDENT
        for line in prose(block.text, min(view.width, WIDEST_PROSE), mark, " " * len(mark)):
            yield _painted(line, _TONES[block.tone], view)
    elif isinstance(block, Facts):
        yield from _facts(block, view)
    elif isinstance(block, Picture):
        yield from (f"{INDENT}{line}".rstrip() for line in block.lines)
    else:
        yield from _grid(block, view)


def _heading(block: Heading, view: View) -> Iterator[str]:
    """What is said behind a title goes below it where the page is too narrow for both."""
    beside = bool(block.aside) and len(block.text) + len(block.aside) + 2 <= view.width
    aside = f"  {block.aside}" if beside else ""
    yield _painted(block.text, BOLD, view) + _painted(aside, DIM, view)
    if block.aside and not beside:
        yield from (_painted(line, DIM, view) for line in prose(block.aside, view.width, INDENT, INDENT))


def prose(text: str, width: int, first: str = "", others: str = "") -> list[str]:
    """Sentences in lines, no number parted from its unit; `first` and `others` stand before the lines."""
    held = _UNIT.sub("\xa0", text)
    lines = wrap(held, width, initial_indent=first, subsequent_indent=others, break_on_hyphens=False)
    return [line.replace("\xa0", " ") for line in lines]


def _facts(block: Facts, view: View) -> Iterator[str]:
    margin = max((len(label) for label, _ in block.rows), default=0) + 2 * len(INDENT)
    for label, text in block.rows:
        lines = prose(text, max(min(view.width, WIDEST_PROSE) - margin, 20)) or [""]
        yield f"{INDENT}{label:{margin - len(INDENT)}}{lines[0]}"
        yield from (" " * margin + line for line in lines[1:])


def _grid(block: Grid, view: View) -> Iterator[str]:
    titles = True
    for line in grid.lines(block, view.width - len(INDENT)):
        yield INDENT + (_painted(line, DIM, view) if titles else line)
        titles = False
    if block.more:
        yield INDENT + _painted(block.more, DIM, view)


def _painted(text: str, colour: str, view: View) -> str:
    return f"{colour}{text}\x1b[0m" if view.colour and colour and text else text
