"""The rows of a query as text: a table for people, Markdown, CSV, or JSON."""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING, Any, TextIO

from .foreign import cell, line
from .units import printable

if TYPE_CHECKING:
    from collections.abc import Sequence

FORMATS = ("table", "markdown", "csv", "json")


def write(columns: Sequence[str], rows: Sequence[Sequence[Any]], form: str, out: TextIO) -> None:
    """Print rows in one of FORMATS. NULL is a hyphen in a table, an empty cell in CSV, null in JSON."""
    if form == "csv":
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow([cell(name) for name in columns])
        writer.writerows([cell(value) for value in row] for row in rows)
    elif form == "json":
        out.write(json.dumps([dict(zip(columns, map(_plain, row), strict=True)) for row in rows], indent=1) + "\n")
    else:
        _table(columns, rows, form, out)


def _table(columns: Sequence[str], rows: Sequence[Sequence[Any]], form: str, out: TextIO) -> None:
    from tabulate import tabulate  # noqa: PLC0415 - CSV and JSON do without

    from .formats.markdown import escape  # noqa: PLC0415 - the same

    shown = escape if form == "markdown" else str
    cells = [["-" if value is None else shown(printable(str(value))) for value in row] for row in rows]
    numeric = ["right" if all(isinstance(row[i], int | float | None) for row in rows) else "left" for i in range(len(columns))]
    style = "pipe" if form == "markdown" else "simple"
    titles = [shown(printable(name)) for name in columns]
    page = tabulate(cells, titles, tablefmt=style, disable_numparse=True, colalign=numeric if rows else None)
    out.writelines(line(text) + "\n" for text in page.split("\n"))


def _plain(value: Any) -> Any:
    return value if isinstance(value, int | float | str | None) else str(value)
