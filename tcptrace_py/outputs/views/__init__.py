"""What people read: one file for each --show, and the overview. Each builds blocks; it does not know how they print.

A module offers `blocks(analysis, view)`; the overview's stands for no --show at all.
"""

from importlib import import_module
from typing import cast

from tcptrace_py.model.results import Analysis
from tcptrace_py.outputs.blocks import Blocks
from tcptrace_py.outputs.view import View


def blocks(analysis: Analysis, view: View) -> Blocks:
    """Blocks of what the reader asked to see."""
    name = (view.show or "overview").replace("-", "_")
    return cast("Blocks", import_module(f"{__name__}.{name}").blocks(analysis, view))
