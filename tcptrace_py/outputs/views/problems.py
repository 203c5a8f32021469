"""--show problems: what limits the conclusions, and the segments that are out of the ordinary."""

from tcptrace_py.model.digest import AnomalyGroup
from tcptrace_py.model.explained import BY_RULE
from tcptrace_py.model.results import Analysis
from tcptrace_py.outputs.blocks import Blocks, Facts, Heading, Note
from tcptrace_py.outputs.phrases import display_filter
from tcptrace_py.outputs.units import count
from tcptrace_py.outputs.view import View

from .parts import none_note, problem_notes, title


def blocks(analysis: Analysis, view: View) -> Blocks:
    """Problems of the capture, then anomalies of its connections by code."""
    digest = view.digest(analysis, 0)
    yield from title(analysis)
    yield from none_note(analysis, view)
    yield Heading("Capture quality")
    if analysis.capture.problems:
        yield from problem_notes(analysis.capture.problems)
    else:
        yield Note("Nothing cut, missing, doubled or out of order.")
    groups = sorted(digest.anomalies.values(), key=lambda group: (-group.count, group.code))
    odd, noted = ([group for group in groups if (group.code in BY_RULE) == by_rule] for by_rule in (False, True))
    yield Heading("Oddities", "segments that no rule of their connection explains")
    yield _listed(odd) if odd else Note("None.")
    if noted:
        yield Heading("To be noted", "probes, closed windows, errors from routers, holes in the capture")
        yield _listed(noted)


def _listed(groups: list[AnomalyGroup]) -> Facts:
    return Facts(tuple((group.code, _first_of(group)) for group in groups))


def _first_of(group: AnomalyGroup) -> str:
    times = f"{count(group.count)} times, first in frame" if group.count > 1 else "frame"
    return f"{group.explanation} ({times} {group.frame}, {display_filter(group.stream)})"
