"""Gathered connections: how long they wait, and what ends it. That nothing is lost of them, `test_textbook.py` sees to."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tcptrace_py.model.segments import HEADER_CUT, PAYLOAD_CUT, QUOTED, SHORT_HEADER
from tests.flows.forms import FORMS, GATHERED, alike, blocks_of, keep_as, later
from tests.ladder import CLOSE, HANDSHAKE, SECOND_NS, SERVER_CLOSE, START_NS, Seg, ladder, segment_block, table_of
from tests.traffic import traffic

if TYPE_CHECKING:
    from tcptrace_py.flows.gathered import Gathered
    from tcptrace_py.flows.table import FlowTable
    from tcptrace_py.model.live import Connection

pytestmark = pytest.mark.skipif(GATHERED not in FORMS, reason="compiled, nothing is gathered")

CLOSED = ladder(HANDSHAKE, CLOSE)


def table() -> tuple[FlowTable, Gathered, list[Connection]]:
    """A table that gathers, and what it hands on."""
    retired: list[Connection] = []
    made = table_of(retired)
    keep_as(made, GATHERED)
    assert made.gathered is not None
    return made, made.gathered, retired


def talk(turns: int) -> str:
    """A request and an answer so often, after the handshake."""
    return "\n".join(f"{0.1 + n / 100} C A len=10\n{0.105 + n / 100} S A len=10" for n in range(turns))


@given(traffic, st.lists(st.sampled_from((0, 0, 0, QUOTED, HEADER_CUT, HEADER_CUT | SHORT_HEADER, PAYLOAD_CUT)), min_size=1),
       st.lists(st.integers(1, 60)))
@example(CLOSED, [0, 0, 0, 0, QUOTED, 0], [])
@example(CLOSED, [0, QUOTED, 0], [2])
def test_nothing_is_lost_of_segments_cut_or_quoted(segments: list[Seg], notes: list[int], cuts: list[int]) -> None:
    """ICMP errors quote segments; snap lengths cut them."""
    noted = [replace(segment, notes=note) for segment, note in zip(segments, itertools.cycle(notes), strict=False)]
    edges = [0, *sorted({cut for cut in cuts if cut < len(noted)}), len(noted)]
    alike([segment_block(noted[begin:end], begin + 1) for begin, end in itertools.pairwise(edges)], GATHERED)


@pytest.mark.parametrize(("close", "turns", "rest"), [(CLOSE, 0, 1), (SERVER_CLOSE, 0, 1), (CLOSE, 5, 1), (CLOSE, 16, 1), (CLOSE, 20, 0)])
def test_who_talks_much_is_an_object(close: str, turns: int, rest: int) -> None:
    assert alike(blocks_of(ladder(HANDSHAKE, talk(turns), close), 7), GATHERED) == rest


@pytest.mark.parametrize("odd", ["0.5 S FA seq=1", "0.5 C S isn=77", "0.5 S R", "0.03 C A ack=50000", "0.5 C S", "0.5 S SA"])
def test_what_is_not_by_the_book_makes_an_object_of_it(odd: str) -> None:
    mixed = sorted(CLOSED + ladder(odd), key=lambda segment: segment.time_ns)
    assert alike([segment_block(mixed)], GATHERED) == 0
    assert alike([segment_block(CLOSED)], GATHERED) == 1


def test_half_a_minute_is_the_longest_wait() -> None:
    made, gathered, _ = table()
    others = [later(ladder("0 C S", port=50000 + n), n) for n in range(45)]
    for n, segments in enumerate([ladder(HANDSHAKE), *others]):
        made.feed(segment_block(segments, n + 1))
    assert 28 <= len(gathered.waiting) // 2 <= 36
    assert all(waiting.start_ns > START_NS + 8 * SECOND_NS for waiting in gathered.waiting.values())
    assert ladder(HANDSHAKE)[0].key in made.sides


def test_what_came_late_meets_the_connection_at_rest() -> None:
    made, gathered, retired = table()
    made.feed(segment_block(CLOSED))
    assert (len(gathered.resting), len(made.sides)) == (1, 0)
    made.feed(segment_block(later(ladder("0 S FA seq=1"), 2), len(CLOSED) + 1))
    assert (len(gathered.waiting), len(made.sides)) == (0, 2)
    made.finish(START_NS + 3 * SECOND_NS)
    assert [live.b.needs_rare().retransmissions for live in retired] == [1]


def test_older_ones_are_told() -> None:
    """Open ones that began before a moment: their begins must not come in late."""
    made, gathered, _ = table()
    made.feed(segment_block(ladder(HANDSHAKE) + later(ladder(HANDSHAKE, port=50001), 5)))
    assert [live.first_frame for live in made.older(START_NS + 2 * SECOND_NS)] == [1]
    assert len(gathered.waiting) == 2


def test_a_port_used_again_is_two_connections() -> None:
    again, other = ladder(HANDSHAKE, CLOSE, isns=(500_000, 700_000)), ladder("0 C S\n1 C S seq=0", port=50001)
    parts = [CLOSED, later(other, 80), later(again, 90)]
    firsts = itertools.accumulate(map(len, parts), initial=1)
    assert alike([segment_block(part, first) for part, first in zip(parts, firsts, strict=False)], GATHERED) == 2
    assert alike(blocks_of(CLOSED + later(again, 5), 3), GATHERED) == 0
