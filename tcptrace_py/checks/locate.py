"""Where in a TOML file a key stands: the library's parser gives values without line numbers.

The document is read again, from its first line to each line in turn: the first such piece that holds the key ends
where the key's value ends, and the last piece before it that was whole ends just before it. So there is no second
grammar to keep right, at the price of a moment's work when there is an error to report anyway.
"""

import tomllib
from collections.abc import Sequence
from typing import Any

Path = Sequence[str | int]  # keys of tables and indices of arrays, from the top


def line_of(text: str, path: Path) -> int | None:
    """Number (from 1) of the line on which what is found at `path` begins; None where it is not found."""
    lines = text.splitlines(keepends=True)
    whole = 0
    for count in range(1, len(lines) + 1):
        try:
            document = tomllib.loads("".join(lines[:count]))
        except tomllib.TOMLDecodeError:  # in the middle of a value of several lines
            continue
        if _holds(document, path):
            return whole + 1
        whole = count
    return None


def _holds(value: Any, path: Path) -> bool:
    for key in path:
        try:
            value = value[key]
        except (KeyError, IndexError, TypeError):
            return False
    return True
