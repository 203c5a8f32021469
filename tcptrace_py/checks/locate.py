"""Where in a TOML file a key stands: the library's parser gives values without line numbers.

The text is cut into its statements (a table's header, or a key with its value), and each is read alone, by the library, for the
keys that it names. So the work is in proportion to the text, and there is no second grammar but for where a statement ends.
"""

import re
import tomllib
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

Path = Sequence[str | int]  # keys of tables and indices of arrays, from the top

MOST_KEY = 60  # characters of a key that are told
# What may hold a line's end or a bracket that is none: texts and comments; then the brackets, and the line's end itself.
_TOKENS = re.compile(r'"""(?:\\.|[^\\])*?"""|\'\'\'.*?\'\'\'|"(?:\\.|[^"\\\n])*"|\'[^\'\n]*\'|#[^\n]*|[][{}]|\n', re.DOTALL)


def line_of(text: str, path: Path) -> int | None:
    """Number (from 1) of the line on which what is found at `path` begins; None where it is not found."""
    document, lines = _read(text)
    if not _holds(document, path):
        return None
    for size in range(len(path), 0, -1):
        if tuple(path[:size]) in lines:
            return lines[tuple(path[:size])]
    return None


def unreadable(text: str) -> tuple[int, str]:
    """Line and key of the first statement that the library fails to read, though it is TOML; line 1 where each alone can be read."""
    for line, statement in _statements(text):
        try:
            tomllib.loads(statement)
        except tomllib.TOMLDecodeError:
            continue
        except (ValueError, RecursionError):
            return line, statement.partition("=")[0].strip()[:MOST_KEY]
    return 1, ""


def _statements(text: str) -> Iterator[tuple[int, str]]:
    """Every statement, and the lines between them, with the line on which it begins."""
    start, first, line, depth = 0, 1, 1, 0
    for token in _TOKENS.finditer(text):
        word = token[0]
        if word in "[{":
            depth += 1
        elif word in "]}":
            depth -= 1
        line += word.count("\n")
        if word == "\n" and depth <= 0:
            yield first, text[start : token.end()]
            start, first, depth = token.end(), line, 0
    yield first, text[start:]


def _holds(value: Any, path: Path) -> bool:
    for key in path:
        try:
            value = value[key]
        except (KeyError, IndexError, TypeError):
            return False
    return True


@lru_cache(maxsize=4)
def _read(text: str) -> tuple[dict[str, Any], dict[tuple[str | int, ...], int]]:
    """A text that is TOML, and the line on which each of its keys, tables and elements of arrays of tables begins."""
    return tomllib.loads(text), _lines(text)


def _lines(text: str) -> dict[tuple[str | int, ...], int]:
    lines: dict[tuple[str | int, ...], int] = {}
    counts: dict[tuple[str | int, ...], int] = {}  # of elements so far
    table: tuple[str | int, ...] = ()
    for line, statement in _statements(text):
        document = tomllib.loads(statement)
        if not document:
            continue
        bare = statement.lstrip()
        if bare.startswith("["):
            table = ()
            keys = list(_keys(document))
            for at, key in enumerate(keys):
                table = (*table, key)
                lines.setdefault(table, line)
                last = at == len(keys) - 1
                if last and bare.startswith("[["):
                    counts[table] = counts.get(table, 0) + 1
                if table in counts:
                    table = (*table, counts[table] - 1)
                    lines.setdefault(table, line)
        else:
            place = table
            for key in _keys(document):
                place = (*place, key)
                lines.setdefault(place, line)
    return lines


def _keys(value: Any) -> Iterator[str]:
    """The keys of a statement, from the top: of each table its only one."""
    while isinstance(value, dict) and len(value) == 1:
        (key,) = value
        yield key
        value = value[key]
