"""Textbook connections as rows: nothing of them is lost, and nobody can tell that they were no objects."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hypothesis import example, given
from hypothesis import strategies as st

from tcptrace_py.capture import open_captures
from tcptrace_py.decode import Decoder
from tcptrace_py.model.live import Connection, Context, Rare, Segment, Side
from tcptrace_py.model.problems import Problems
from tests.ladder import CLOSE, HANDSHAKE, Seg, ladder, segment_block, table_of
from tests.traffic import traffic

if TYPE_CHECKING:
    from tcptrace_py.flows.textbook import Textbook
    from tcptrace_py.model.segments import SegmentBlock

NO_CONNECTION = ("empty.pcap", "not-a-capture.pcap")
SAMPLES = sorted(path for path in (Path(__file__).parents[2] / "samples").glob("*.pcap*") if path.name not in NO_CONNECTION)
ONLY_OF_THE_TABLE = {"connection", "peer", "due", "judged", "judged_at"}


def told(thing: object) -> Any:
    """A connection as comparable values; what only the table needs is left out."""
    if isinstance(thing, Connection | Side | Segment | Rare | Context):
        return {name: told(getattr(thing, name)) for name in thing.__slots__ if name not in ONLY_OF_THE_TABLE}
    return [told(item) for item in thing] if isinstance(thing, list) else thing


def connections(blocks: list[SegmentBlock], *, by_the_book: bool) -> tuple[list[Any], int]:
    """All connections at their end, and how many of them were rows until then."""
    found: list[Connection] = []
    rows = 0

    def take(textbook: Textbook, since_ns: int, _known_ns: int) -> None:
        nonlocal rows
        while row := textbook.over(since_ns):
            rows += 1
            live = textbook.connection(row)
            found.append(live)
            assert [textbook.time_ns(row, n) for n in range(textbook.logged(row))] == [segment.time_ns for segment in live.log]
            assert [textbook.sender(row, n) for n in range(textbook.logged(row))] == [segment.side for segment in live.log]
            assert (textbook.start_ns(row), textbook.first_frame(row), textbook.signature(row), textbook.key(row)) == (
                live.start_ns, live.first_frame, live.signature, live.a.key)
            textbook.drop(row)

    table = table_of(found)
    table.by_the_book = by_the_book
    table.retire_rows = take
    for block in blocks:
        table.feed(block)
    table.finish(table.clock_ns)
    return [told(live) for live in sorted(found, key=lambda live: (live.first_frame, live.a.key))], rows


def alike(blocks: list[SegmentBlock]) -> int:
    """Whether nothing is lost, and how many connections were rows until their end."""
    plain, none = connections(blocks, by_the_book=False)
    found, rows = connections(blocks, by_the_book=True)
    assert found == plain
    assert none == 0
    return rows


def test_nothing_is_lost() -> None:
    rows = {}
    for path in SAMPLES:
        problems = Problems()
        decoder = Decoder(problems)
        rows[path.name] = alike([decoder.decode(block) for block in open_captures([str(path)], problems).blocks()])
    assert rows["buildup-crawler.server.pcap.xz"] > 1000
    assert sum(map(bool, rows.values())) > 40


BEHIND_ITS_FIN = """
    1.000 C FA
    1.020 S FA id=3
    1.040 S A seq=1 id=2
    1.060 C A
"""  # the acknowledgement that was sent before the FIN is captured behind it


@given(traffic, st.lists(st.integers(1, 60)))
@example(ladder(HANDSHAKE, BEHIND_ITS_FIN), [])
@example(ladder(HANDSHAKE, CLOSE), [3])
def test_nothing_is_lost_of_any_traffic(segments: list[Seg], cuts: list[int]) -> None:
    edges = [0, *sorted({cut for cut in cuts if cut < len(segments)}), len(segments)]
    alike([segment_block(segments[begin:end], begin + 1) for begin, end in itertools.pairwise(edges)])
