"""`--format markdown`: the same page as Markdown, for a step summary, a merge request, a ticket."""

from typing import TextIO

from tcptrace_py.model.report import Report
from tcptrace_py.outputs.formats.markdown import write_blocks
from tcptrace_py.outputs.view import View

from ._page import blocks

SUMMARY = "the page as Markdown: a GitHub step summary, a merge request's note"


def write(report: Report, view: View, out: TextIO) -> None:  # noqa: ARG001 - Markdown has no width
    """Print the page."""
    write_blocks(blocks(report), out)
