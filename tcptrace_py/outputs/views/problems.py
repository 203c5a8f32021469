"""--show problems: what limits the conclusions, and the segments that no rule explains."""

from tcptrace_py.model.results import Analysis
from tcptrace_py.outputs.blocks import Blocks, Column, Grid, Heading, Note
from tcptrace_py.outputs.digest import Digest
from tcptrace_py.outputs.units import count
from tcptrace_py.outputs.view import View
from tcptrace_py.outputs.words import display_filter

from .parts import problem_notes, title


def blocks(analysis: Analysis, view: View) -> Blocks:
    """Problems of the capture, then anomalies of its connections by code."""
    digest = Digest.of(view.chosen(analysis), slowest=0)
    yield from title(analysis)
    yield Heading("Capture quality")
    if analysis.capture.problems:
        yield from problem_notes(analysis.capture.problems)
    else:
        yield Note("Nothing cut, missing, doubled or out of order.")
    yield Heading("Oddities", "segments that no rule of their connection explains")
    groups = sorted(digest.anomalies.values(), key=lambda group: (-group.count, group.code))
    if groups:
        columns = (Column("count", right=True), Column("code"), Column("first frame", right=True, drop=2),
                   Column("look up the first"), Column("what it is", drop=1, least=24))
        yield Grid(columns, ((count(group.count), group.code, str(group.frame), display_filter(group.stream),
                              group.explanation) for group in groups))
    else:
        yield Note("None.")
