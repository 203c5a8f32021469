"""Names and texts from outside, made harmless: one function for each kind of place that they come to.

A file, a rule or a column of a query may be named anything: escape sequences, ends of lines, what a workflow of GitHub takes for
a command or a spreadsheet for a formula. It is shown, never obeyed. XML and JSON have their own rules for all else.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from .blocks import Block, Facts, Grid, Heading, Note, Picture
from .units import printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

# A line that a workflow's log would obey: "::error::", "##[group]". No IPv6 address has these letters behind its colons.
_COMMAND = re.compile(r"^(\s*):(?=:[A-Za-z-]*[G-Zg-z-])")
_OLD_COMMAND = re.compile(r"##(?=\[)")
_FORMULA = ("=", "+", "-", "@")
_NUMBER = re.compile(r"[+-]?[0-9.]+(?:e[+-]?[0-9]+)?", re.IGNORECASE)


def line(text: str) -> str:
    """A line of a page, finished: no log takes it for a command."""
    if "::" not in text and "##[" not in text:
        return text
    return _OLD_COMMAND.sub(r"#\\x23", _COMMAND.sub(r"\1\\x3a", text))


def block(one: Block) -> Block:
    """A block of a page whose texts are all of characters to be seen."""
    if isinstance(one, Heading):
        return Heading(printable(one.text), printable(one.aside))
    if isinstance(one, Note):
        return Note(printable(one.text), one.tone, printable(one.mark))
    if isinstance(one, Facts):
        return Facts(tuple((printable(label), printable(text)) for label, text in one.rows))
    if isinstance(one, Picture):
        return Picture(tuple(map(printable, one.lines)))
    return Grid(one.columns, _rows(one.rows), printable(one.more))


def _rows(rows: Iterable[tuple[str, ...]]) -> Iterator[tuple[str, ...]]:
    return (tuple(map(printable, row)) for row in rows)


def cell(value: Any) -> Any:
    """A cell of CSV: text is to be seen, no formula, and begins no command."""
    if not isinstance(value, str):
        return value
    text = line(printable(value))
    return f"'{text}" if text.startswith(_FORMULA) and not _NUMBER.fullmatch(text) and text != "-" else text
