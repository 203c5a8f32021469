"""The formats: every module in `formats` is one, named like its file; nothing else has to know it."""

from importlib import import_module
from typing import Protocol, TextIO, cast

from tcptrace_py.model.errors import UsageError
from tcptrace_py.model.results import Analysis

from . import formats
from .view import View


class Format(Protocol):
    """What a module in `formats` offers: what it is for, in a few words, and the writer."""

    SUMMARY: str
    FOR_PEOPLE: bool  # lists by --show and wraps to a width; otherwise --show makes no sense
    BINARY: bool  # writes bytes to the buffer of `out`: nothing for a terminal; needs DuckDB

    def write(self, analysis: Analysis, view: View, out: TextIO) -> None:
        """Print the analysis on `out`, ending with a newline."""


def named(name: str) -> Format:
    """Return the format of this name. Raises UsageError where there is none."""
    if name not in formats.names():
        raise UsageError(f"unknown format {name!r}: one of {', '.join(formats.names())}")
    return cast("Format", import_module(f"{formats.__name__}.{name}"))
