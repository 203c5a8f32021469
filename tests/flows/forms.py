"""Connections at their end, as three ways of keeping them while they last tell them: all must say the same."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tcptrace_py.flows import resting
from tcptrace_py.model.live import Connection, Context, Rare, Segment, Side
from tcptrace_py.pipeline.content import PACKING
from tests.ladder import Seg, segment_block, table_of

if TYPE_CHECKING:
    from tcptrace_py.flows.table import FlowTable
    from tcptrace_py.flows.textbook import Textbook
    from tcptrace_py.model.segments import SegmentBlock

OBJECTS, ROWS, OBSERVED = "objects", "rows", "observed"
ONLY_OF_THE_TABLE = {"connection", "peer", "due", "judged", "judged_at"}


def told(thing: object) -> Any:
    """A connection as comparable values; what only the table needs is left out.

    Of the next incarnation on its tuple nothing but its begin is asked: what it became is told by itself, and it may be at rest.
    """
    if isinstance(thing, Connection | Side | Segment | Rare | Context):
        values = {name: told(getattr(thing, name)) for name in thing.__slots__ if name not in (*ONLY_OF_THE_TABLE, "reused_by")}
        after = thing.reused_by if isinstance(thing, Connection) else None
        return values | {"reused_by": None if after is None else (after.start_ns, after.first_frame)}
    return [told(item) for item in thing] if isinstance(thing, list) else thing


def connections(blocks: list[SegmentBlock], form: str) -> tuple[list[Any], int]:
    """All connections at their end, and how many of them were no objects until then."""
    found: list[Connection] = []
    rested = 0

    def take_records(textbook: Textbook, since_ns: int, unanswered_ns: int, _known_ns: int) -> None:
        nonlocal rested
        while record := textbook.over(since_ns):
            rested += 1
            live = textbook.unfold(record)
            found.append(live)
            assert [resting.time_ns(record, n) for n in range(resting.logged(record))] == [segment.time_ns for segment in live.log]
            assert [resting.sender(record, n) for n in range(resting.logged(record))] == [segment.side for segment in live.log]
            assert (resting.start_ns(record), resting.end_ns(record), resting.first_frame(record)) == (
                live.start_ns,
                live.end_ns,
                live.first_frame,
            )
            assert (resting.signature(record), resting.key(record)) == (live.signature, live.a.key)
        for record in textbook.half_open_over(min(since_ns, unanswered_ns)):
            rested += 1
            live = textbook.unfold(record)
            found.append(live)
        while record := textbook.attempt_over(unanswered_ns):
            rested += 1
            live = textbook.unfold_attempt(record)
            found.append(live)
            assert (resting.attempt_key(record), resting.attempt_start_ns(record), resting.attempt_frame(record)) == (
                live.a.key,
                live.start_ns,
                live.first_frame,
            )
            assert resting.attempt_stream(record) == live.stream

    table = table_of(found)
    keep_as(table, form)
    table.retire_records = take_records
    for block in blocks:
        table.feed(block)
    table.finish(table.clock_ns)
    return [told(live) for live in sorted(found, key=lambda live: (live.first_frame, live.a.key))], rested


def keep_as(table: FlowTable, form: str) -> None:
    """Let a table keep what it can in this form."""
    table.by_the_book = form == ROWS
    table.packing = PACKING if form == ROWS else None
    if form == OBSERVED:
        table.observer = lambda _side, _block, _row, _marks: None


def alike(blocks: list[SegmentBlock], *forms: str) -> int:
    """Whether nothing is lost in these forms, and how many connections at least were no objects until their end."""
    plain, none = connections(blocks, OBJECTS)
    assert none == 0
    least = len(plain)
    for form in forms:
        found, rested = connections(blocks, form)
        assert found == plain, form
        least = min(least, rested)
    return least


def later(segments: list[Seg], seconds: float) -> list[Seg]:
    """The same segments after a time."""
    return [replace(segment, time_ns=segment.time_ns + round(seconds * 1e9)) for segment in segments]


def blocks_of(segments: list[Seg], rows: int) -> list[SegmentBlock]:
    """Segments in blocks of so many rows."""
    return [segment_block(segments[at : at + rows], at + 1) for at in range(0, len(segments), rows)]
