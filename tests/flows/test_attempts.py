"""SYNs that nobody has answered yet rest in few bytes: nothing of them is lost, whatever comes later, and nobody can tell."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tcptrace_py.flows import table as flow_table
from tests.flows.forms import OBSERVED, ROWS, alike, blocks_of, keep_as, later
from tests.ladder import CLOSE, HANDSHAKE, Seg, ladder, play, table_of

if TYPE_CHECKING:
    from tcptrace_py.flows.textbook import Textbook

SYN = ladder("0 C S")
WHAT_CAME = (
    "",
    "{} S SA\n{} C A",
    "{} C S seq=0",
    "{} S RA ack=1",
    "{} C S seq=7000",
    "{} C R seq=1",
    "{} S A ack=1",
    "{} C A seq=1 ack=1",
    "0.005 S SA",
    "0.005 S SA\n{} C A",
    "0.005 S SA\n{} C PA len=5",
    "0.005 S SA\n{} C FA",
    "0.005 S SA\n{} C R seq=1",
    "0.005 S SA\n{} C S seq=0",
    "0.005 S SA\n{} C S seq=7000",
    "0.005 S SA\n{} S SA seq=0",
    "0.005 S SA\n{} S PA len=5\n{} C A",
    "0.005 S SA\n{} S RA",
)


def attempt(kind: int, delay_s: float, address: int, port: int, server: int) -> list[Seg]:
    """A SYN and what came of it after a time."""
    came = WHAT_CAME[kind].replace("{}", str(delay_s))
    return ladder("0 C S", came, client=f"10.1.{address}.7", server=f"10.2.0.{server}", port=port)


ATTEMPTS = st.lists(
    st.tuples(
        st.floats(0, 700),
        st.integers(0, len(WHAT_CAME) - 1),
        st.sampled_from((0.01, 0.9, 2, 7, 29.5, 31, 120, 290, 310, 500)),
        st.integers(0, 3),
        st.integers(40000, 40003),
        st.integers(1, 2),
    ),
    min_size=1,
    max_size=40,
)


def traffic_of(attempts: list[tuple[float, int, float, int, int, int]]) -> list[Seg]:
    segments = [segment for at, *what in attempts for segment in later(attempt(*what), at)]  # type: ignore[arg-type]
    return sorted(segments, key=lambda segment: segment.time_ns)


@given(ATTEMPTS, st.integers(1, 9))
@example([(0, 1, 2, 0, 40000, 1), (3.5, 0, 0.01, 1, 40000, 1)], 1)
@example([(0, 0, 2, 0, 40000, 1), (400, 0, 2, 0, 40000, 1), (500, 0, 2, 1, 40000, 1)], 1)
def test_nothing_is_lost(attempts: list[tuple[float, int, float, int, int, int]], rows: int) -> None:
    alike(blocks_of(traffic_of(attempts), rows), ROWS, OBSERVED)


def told(segments: list[Seg], rows: int) -> tuple[Any, ...]:
    """What adds up."""
    played = play(segments, cuts=range(rows, len(segments), rows), keep_rows=False)
    digest, accounts = played.collector.digest, played.collector.accounts
    return (
        sorted(map(repr, played.hosts.values())),
        sorted(map(repr, played.ports)),
        played.collector.totals.result(accounts, ()),
        digest.groups(),
        digest.busiest(),
        digest.count,
    )


@given(ATTEMPTS, st.integers(1, 9), st.booleans())
def test_sums_are_the_same(attempts: list[tuple[float, int, float, int, int, int]], rows: int, crowded: bool) -> None:
    segments = traffic_of(attempts * (3 if crowded else 1))
    with pytest.MonkeyPatch.context() as patch:
        packed = told(segments, rows)
        patch.setattr(flow_table, "BY_THE_BOOK", False)
        assert told(segments, rows) == packed


def resting(segments: list[Seg], rows: int = 1) -> Textbook:
    table = table_of([])
    keep_as(table, ROWS)
    for block in blocks_of(segments, rows):
        table.feed(block)
    return table.textbook


def test_a_syn_rests_when_no_answer_came() -> None:
    others = [segment for n in range(6) for segment in later(ladder("0 C S", port=50000 + n), 2 + n)]
    book = resting(SYN + others)
    assert book.open_rows < 4  # the clock is behind by a block
    assert [len(record) for record in book.attempts.records if record] == [52] * (7 - book.open_rows)


def test_what_is_half_open_rests_as_well() -> None:
    others = [segment for n in range(6) for segment in later(ladder("0 C S\n0.1 S SA", port=50000 + n), 2 + n)]
    book = resting(ladder("0 C S\n0.1 S SA") + others)
    assert book.open_rows < 4
    assert [len(record) for record in book.half_open.records if record] == [188] * (7 - book.open_rows)
    assert not any(book.attempts.records)


def test_the_end_of_a_handshake_makes_a_row_of_it_again() -> None:
    others = [segment for n in range(6) for segment in later(ladder("0 C S", port=50000 + n), 2 + n)]
    book = resting(ladder("0 C S\n0.1 S SA") + others + later(ladder(HANDSHAKE, CLOSE)[2:], 9))
    assert not any(book.half_open.records)
    assert [record for record in book.records.records if record]


def test_an_answer_makes_a_row_of_it_again() -> None:
    """And with that the rest is as cheap as if it had never rested."""
    other = [segment for n in range(6) for segment in later(ladder("0 C S", port=50000 + n), 2 + n)]
    late = later(ladder(HANDSHAKE, CLOSE)[1:], 9)
    book = resting(SYN + other + late)
    assert not book.attempts.records[0]
    assert [record for record in book.records.records if record]


def test_what_a_record_has_no_room_for_stays_a_row() -> None:
    odd = SYN
    others = [segment for n in range(6) for segment in later(ladder("0 C S", port=50000 + n), 2 + n)]
    for name, value in (("ack", 5), ("tsecr", 5), ("interface", 1 << 10), ("teid", 5)):
        table = table_of([])
        keep_as(table, ROWS)
        for index, block in enumerate(blocks_of(odd + others, 1)):
            if index == 0:
                getattr(block, name)[0] = value
            table.feed(block)
        assert table.textbook.attempts.records, name  # the others rest
        assert [live.first_frame for live in table.older(odd[0].time_ns + 1)] == [1], name
