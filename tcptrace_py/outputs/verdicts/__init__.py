"""Verdicts of checks as documents: every module here is a format, named like its file; nothing else has to know it."""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING, Protocol, TextIO, cast

if TYPE_CHECKING:
    from tcptrace_py.model.report import Report
    from tcptrace_py.outputs.view import View


class VerdictFormat(Protocol):
    """What a module here offers: what it is for, in a few words, and the writer."""

    SUMMARY: str

    def write(self, report: Report, view: View, out: TextIO) -> None:
        """Print the verdict on `out`, ending with a newline; `view` is the page it is printed on."""


def names() -> list[str]:
    """Names of all formats, without importing them."""
    files = {name.partition(".")[0] for name in os.listdir(__path__[0])}  # noqa: PTH208 - pathlib is slow to import
    return sorted(name for name in files if not name.startswith("_"))


def named(name: str) -> VerdictFormat:
    """Return the format of this name, one of `names()`."""
    return cast("VerdictFormat", import_module(f"{__name__}.{name}"))
