"""What a page for people is made of; the views build blocks, the formats table and markdown print them."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Heading:
    """Title of a section; `aside` is said behind it, less loudly."""

    text: str
    aside: str = ""


@dataclass(frozen=True, slots=True)
class Note:
    """A paragraph. `tone`: plain, quiet (an aside), bad (limits what may be concluded); `mark` stands before it."""

    text: str
    tone: str = "plain"
    mark: str = ""


@dataclass(frozen=True, slots=True)
class Facts:
    """Labels with a sentence each."""

    rows: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a grid.

    `drop`: 0 always stays; where the page is too narrow the columns with the highest number go first, those with 1 only
    where shortening cells does not help.
    `least`: cells longer than this may be shortened in their middle, to no less; 0: never.
    """

    title: str
    right: bool = False
    drop: int = 0
    least: int = 0


@dataclass(frozen=True, slots=True)
class Grid:
    """A table; `rows` are cells of finished text, read once, and `more` is said below them where rows were left out."""

    columns: tuple[Column, ...]
    rows: Iterable[tuple[str, ...]]
    more: str = ""


@dataclass(frozen=True, slots=True)
class Picture:
    """Lines that are printed as they stand; whoever makes them knows the page's width."""

    lines: tuple[str, ...]


Block = Heading | Note | Facts | Grid | Picture
Blocks = Iterator[Block]


def more_text(total: int, shown: int, option: str) -> str:
    """How many rows of a list were left out, and the option that brings them; empty for none."""
    return f"… and {total - shown:,} more: {option}" if total > shown else ""
