"""What people read: one file for each --show, and the overview. Each builds blocks; it does not know how they print.

A module offers `blocks(analysis, view)`; the overview's stands for no --show at all. What it wants of an analysis besides
what adds up it declares: LISTS_CONNECTIONS, where it goes through every connection, and SLOWEST, how many of the slowest
handshakes it shows.
"""

from importlib import import_module
from types import ModuleType
from typing import cast

from tcptrace_py.model.results import Analysis
from tcptrace_py.outputs.blocks import Blocks
from tcptrace_py.outputs.view import View


def _module(view: View) -> ModuleType:
    return import_module(f"{__name__}.{(view.show or 'overview').replace('-', '_')}")


def lists_connections(view: View) -> bool:
    """Whether the analysis must keep its connections for this view."""
    return view.filtered or getattr(_module(view), "LISTS_CONNECTIONS", False)


def slowest(view: View) -> int:
    """How many of the slowest handshakes the analysis must keep for this view."""
    return max(view.limit or 0, getattr(_module(view), "SLOWEST", 0))


def blocks(analysis: Analysis, view: View) -> Blocks:
    """Blocks of what the reader asked to see."""
    return cast("Blocks", _module(view).blocks(analysis, view))
