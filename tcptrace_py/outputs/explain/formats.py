"""The formats of `explain`."""

from collections.abc import Sequence
from typing import TextIO

from tcptrace_py.model.finding import Finding
from tcptrace_py.model.ladder import DrawnSegment, Run
from tcptrace_py.model.results import Connection
from tcptrace_py.outputs.blocks import Block, Heading, Note, Picture
from tcptrace_py.outputs.formats.table import WIDEST_PROSE, prose, write_blocks
from tcptrace_py.outputs.phrases import filter_title
from tcptrace_py.outputs.units import end, printable, scope_text, some
from tcptrace_py.outputs.view import View
from tcptrace_py.outputs.views.findings import tone_of

from . import mermaid
from .ladder import Ladder
from .script import script
from .story import story

MANY = 8


def write(
    name: str,
    connection: Connection,
    segments: Sequence[DrawnSegment | Run],
    others: Sequence[Connection],
    view: View,
    *,
    out: TextIO,
    end_ns: int,
    why: bool = False,
    full: bool = False,
    findings: Sequence[Finding] = (),
    timed: bool = True,
) -> None:
    """Print a connection as one of `FORMATS`.

    `others` matched too and are only named; `end_ns`: the capture's end; `findings`: those that the connection shows. Without
    `timed` the clock is too coarse for what is measured (`views.parts.is_timed`), and no time is told.
    """
    items = script(connection, segments, full=full, timed=timed)
    told = story(connection, segments, items, end_ns, timed=timed)
    if name == "mermaid":
        out.writelines(f"{line}\n" for line in mermaid.lines(connection, items, why=why, timed=timed))
        told = " ".join([told, *(f"{finding.severity} {finding.code}: {finding.explanation}" for finding in findings)])
        out.writelines(f"%% {line}\n" for line in prose(told, WIDEST_PROSE))
        return
    drawn = Ladder(connection, view.width - 2, why=why, timed=timed).lines(items)
    page: list[Block] = [Heading(_title(connection), filter_title(connection.stream)), Picture(tuple(drawn))]
    page += [Heading("In words"), Note(told)]
    page += [
        Note(printable(f"{finding.severity} {finding.code}: {finding.explanation} {finding.remedy}"), *tone_of(finding))
        for finding in findings
    ]
    if others:
        ids = ", ".join(str(other.id) for other in others[:MANY])
        more = ", ..." if len(others) > MANY else ""
        page.append(Note(f"{some(len(others), 'more connection')} matched: ids {ids}{more}", "quiet"))
    write_blocks(page, view, out)


def _title(connection: Connection) -> str:
    scope = scope_text(connection.scope)
    ends = f"{end(connection.client)} → {end(connection.server)}"
    return f"Connection {connection.id}: {ends}{f' ({scope})' if scope else ''}"
