"""Every code of a problem or anomaly that the source can print, collected from its syntax trees."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import TYPE_CHECKING

import tcptrace_py

if TYPE_CHECKING:
    from collections.abc import Iterator

SOURCE = Path(tcptrace_py.__file__).parent
# Whatever names problems and anomalies, relative to the package; in `findings` other files have codes of other kinds.
PLACES = (
    "capture",
    "decode",
    "flows",
    "facts/anomalies.py",
    "findings/quality.py",
    "model/faults.py",
    "model/live.py",
    "pipeline/haste.py",
)
SAYS = {"add", "note", "_count", "Anomaly", "broken_off", "skipped"}
HYPHENATED = re.compile(r"[a-z0-9]+(-[a-z0-9]+)+")


def files() -> Iterator[Path]:
    """The source files that name codes."""
    for place in PLACES:
        path = SOURCE / place
        yield from sorted(path.rglob("*.py")) if path.is_dir() else [path]


def codes() -> dict[str, str]:
    """Code -> the file that prints it: words with a hyphen, and what stands first in a call or row that names one."""
    return {code: str(path.relative_to(SOURCE)) for path in files() for code in _in(path.read_text("utf-8"))}


def _in(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and HYPHENATED.fullmatch(node.value):
            yield node.value
        elif isinstance(node, ast.Call) and _called(node.func) in SAYS and node.args:
            yield from _text(node.args[0])
        elif isinstance(node, ast.Tuple) and node.elts and _is_constant(node.elts[-1]):
            yield from (text for part in node.elts for text in _text(part))  # a row of code and explanation
        elif isinstance(node, ast.Dict) and _reads_like_explanations(node):
            yield from (text for key in node.keys if key is not None for text in _text(key))


def _called(function: ast.expr) -> str:
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""


def _is_constant(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id.isupper()


def _text(node: ast.expr) -> Iterator[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " not in node.value:
        yield node.value


def _reads_like_explanations(node: ast.Dict) -> bool:
    return bool(node.values) and all(isinstance(value, ast.Constant) and isinstance(value.value, str)
                                     and " " in value.value for value in node.values)  # fmt: skip
