"""`--format text`: the verdict for a person at a terminal."""

from typing import TextIO

from tcptrace_py.model.report import Report
from tcptrace_py.outputs.formats.table import write_blocks
from tcptrace_py.outputs.view import View

from ._page import blocks

SUMMARY = "a page for people at a terminal"


def write(report: Report, view: View, out: TextIO) -> None:
    """Print the page."""
    write_blocks(blocks(report), view, out)
