"""The verdict as a page for people, in blocks: the text and the Markdown format print it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tcptrace_py.model.report import Status
from tcptrace_py.outputs.blocks import Block, Column, Facts, Grid, Heading, Note
from tcptrace_py.outputs.phrases import closed, opened
from tcptrace_py.outputs.units import end, some

from . import _phrases as phrases
from ._path import blocks as path_blocks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tcptrace_py.model.report import Measure, Outcome, Report

_COLUMNS = (
    Column("display filter"),
    Column("client", least=12),
    Column("server", least=12),
    Column("opened in", drop=2),
    Column("closed", drop=3),
)


def blocks(report: Report) -> Iterator[Block]:
    """The whole page: what fails in full, what holds in a table."""
    yield Heading(
        f"{phrases.captures(report)}: {phrases.tally(report)}",
        f"{some(report.connections, 'connection')}, {some(report.capture.packets, 'packet')}",
    )
    if report.path is not None:
        yield from path_blocks(report.path)
    loud = [outcome for outcome in report.outcomes if outcome.status is not Status.PASSED]
    for outcome in loud:
        yield from _loud(report, outcome)
    quiet = [outcome for outcome in report.outcomes if outcome.status is Status.PASSED]
    if quiet:
        yield Heading("Holds")
        yield Grid(
            (Column("rule"), Column("name"), Column("measured", least=20), Column("scope", drop=2, least=16)),
            [(outcome.code, outcome.name, _measured(outcome), outcome.scope) for outcome in quiet],
        )


def _measured(outcome: Outcome) -> str:
    tightest = max(outcome.measures, key=lambda measure: measure.value / (measure.limit or 1), default=None)
    return phrases.sentence(tightest) if tightest is not None else outcome.message or "-"


def _loud(report: Report, outcome: Outcome) -> Iterator[Block]:
    scope = "" if outcome.scope == "all connections" else f"; {outcome.scope}"
    yield Heading(f"{phrases.mark(outcome)}  {outcome.code} {outcome.name}")
    yield Note(f"{outcome.origin}{scope}", tone="quiet")
    if outcome.message:
        yield Note(outcome.message, tone="bad")
    measures = [measure for measure in outcome.measures if not measure.holds]
    for measure in measures:
        yield Note(phrases.sentence(measure), tone="bad")
        if measure.worst:
            yield from _worst(report, measure)
    if measures:
        yield Facts((("fix ", outcome.remedy),))


def _worst(report: Report, measure: Measure) -> Iterator[Block]:
    rows = [
        (phrases.look(connection), end(connection.client), end(connection.server), opened(connection), closed(connection))
        for connection in measure.worst
    ]
    yield Grid(_COLUMNS, rows, " ".join(part for part in (phrases.offenders(measure), phrases.where(measure)) if part))
    yield Facts((("look", phrases.explain(report, measure.worst[0])),))
