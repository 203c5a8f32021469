"""Fits a grid to the width of a page: drops columns that can be spared, shortens long cells in their middle.

tabulate would take as long to import as all the rest of a small analysis, and it wraps where we shorten; it prints
the markdown.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from .blocks import Column, Grid

GAP = 2
LAST_RESORT = 1  # columns of this rank go only where shortening the cells is not enough
CHUNK = 2000  # rows whose widths are looked at together: a million connections are printed without holding them all


def lines(grid: Grid, width: int) -> Iterator[str]:
    """Lines of a grid within `width` columns where its columns allow it, the titles first; nothing for no rows."""
    rows = iter(grid.rows)
    kept: list[int] | None = None
    widths: list[int] = []
    while chunk := list(islice(rows, CHUNK)):
        if kept is None:
            kept, widths = _fit(grid.columns, chunk, width)
            columns = [grid.columns[i] for i in kept]
            yield _line([column.title for column in columns], columns, widths)
        for row in chunk:
            yield _line([row[i] for i in kept], columns, widths)


def shorten(text: str, width: int) -> str:
    """Text of at most `width` characters: of an address the middle goes and the port stays, of words the end goes."""
    if len(text) <= width:
        return text
    if " " in text:
        return text[: width - 1].rstrip() + "…"
    tail = max(text[-7:].rfind(":"), -1)
    behind = max((7 - tail if tail >= 0 else 0), (width - 1) // 2)
    behind = min(behind, max(width - 2, 0))
    return f"{text[: width - 1 - behind]}…{text[len(text) - behind :]}"


def _fit(columns: Sequence[Column], rows: Sequence[tuple[str, ...]], width: int) -> tuple[list[int], list[int]]:
    """Return indices of the columns that stay and their widths."""
    natural = [max(len(column.title), *(len(row[i]) for row in rows)) for i, column in enumerate(columns)]
    kept = [i for i in range(len(columns)) if any(row[i] for row in rows)]
    ranks = sorted({columns[i].drop for i in kept if columns[i].drop}, reverse=True)
    for rank in ranks:
        if _total(natural[i] for i in kept) <= width:
            break
        if rank == LAST_RESORT and _total(_least(columns[i], natural[i]) for i in kept) <= width:
            break
        kept = [i for i in kept if columns[i].drop != rank]
    return kept, _shrunk([columns[i] for i in kept], [natural[i] for i in kept], width)


def _least(column: Column, natural: int) -> int:
    return min(natural, max(column.least, len(column.title))) if column.least else natural


def _shrunk(columns: Sequence[Column], widths: list[int], width: int) -> list[int]:
    """Take the excess from the widest column that may give, one character after the other."""
    for _ in range(max(_total(widths) - width, 0)):
        giving = [i for i, column in enumerate(columns) if widths[i] > _least(column, widths[i])]
        if not giving:
            break
        widths[max(giving, key=lambda i: widths[i])] -= 1
    return widths


def _total(widths: Iterable[int]) -> int:
    found = list(widths)
    return sum(found) + GAP * max(len(found) - 1, 0)


def _line(cells: Sequence[str], columns: Sequence[Column], widths: Sequence[int]) -> str:
    fitted = (shorten(cell, size) if column.least else cell for cell, column, size in zip(cells, columns, widths, strict=True))
    return (
        (" " * GAP)
        .join(cell.rjust(size) if column.right else cell.ljust(size) for cell, column, size in zip(fitted, columns, widths, strict=True))
        .rstrip()
    )
