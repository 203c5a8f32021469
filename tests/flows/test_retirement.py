"""When connections are handed on, what comes too late for them, and what a selection leaves out."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tcptrace_py.flows.table import OPENING_IDLE_NS
from tcptrace_py.model.segments import HEADER_CUT, QUOTED
from tcptrace_py.model.selection import Selection
from tests.ladder import (
    CLIENT,
    CLOSE,
    HANDSHAKE,
    SECOND_NS,
    SERVER,
    START_NS,
    Seg,
    ladder,
    play,
    segment_block,
    table_of,
)

if TYPE_CHECKING:
    from tcptrace_py.model.live import Connection
    from tcptrace_py.model.results import Connection as Row

LINGER_S, IDLE_S = 70, 3600


class Table:
    """A flow table and what it has handed on so far, with seconds."""

    def __init__(self, *, selection: Selection | None = None) -> None:
        self.retired: list[Connection] = []
        self.table = table_of(self.retired, linger_s=LINGER_S, idle_s=IDLE_S, selection=selection)
        self.frame = 1

    def feed(self, segments: list[Seg]) -> None:
        self.table.feed(segment_block(segments, self.frame))
        self.frame += len(segments)

    def tick(self, seconds: float, *, count: int = 2) -> None:
        """Other traffic at this time: the capture's clock."""
        clock = [replace(s, time_ns=START_NS + round(seconds * 1e9), payload=1) for s in ladder(f"{seconds} C9 A") * count]
        self.feed([replace(s, ip_id=n) for n, s in enumerate(clock, 1)])

    def done(self) -> list[int]:
        return [connection.first_frame for connection in self.retired]


# text, seconds after which the connection must not yet be handed on, seconds after which it must
PATIENCE = [
    ("closed", HANDSHAKE + CLOSE, 1.03 + LINGER_S, 1.03 + LINGER_S + 30),
    ("reset", HANDSHAKE + "1 C RA", 1 + LINGER_S, 1 + LINGER_S + 30),
    ("open", HANDSHAKE + "0.03 S A", IDLE_S, IDLE_S + 30),
    ("half-closed", HANDSHAKE + "1 C FA\n1.1 S A", IDLE_S, IDLE_S + 30),
    ("unanswered", "0 C S", OPENING_IDLE_NS / 1e9, OPENING_IDLE_NS / 1e9 + 30),
    ("half-open", "0 C S\n0.1 S SA", OPENING_IDLE_NS / 1e9, OPENING_IDLE_NS / 1e9 + 30),
]


@pytest.mark.parametrize(("text", "kept_s", "gone_s"), [case[1:] for case in PATIENCE], ids=[case[0] for case in PATIENCE])
def test_patience(text: str, kept_s: float, gone_s: float) -> None:
    table = Table()
    table.feed(ladder(text))
    table.tick(kept_s)
    assert table.done() == []
    table.tick(gone_s)
    table.tick(gone_s + 1)
    assert table.done() == [1]


def test_an_open_connection_may_be_silent_from_the_start() -> None:
    """Connections opened ahead and kept in a pool: the handshake, then minutes of nothing."""
    table = Table()
    table.feed(ladder(HANDSHAKE))
    table.tick(1000)
    table.tick(1001)
    assert table.done() == []


def test_what_is_handed_on_is_forgotten() -> None:
    """Memory grows with the connections alive at once: nothing of the dead ones remains in the table."""
    table = Table()
    for number in range(50):
        table.feed([replace(s, time_ns=s.time_ns + number * 200 * SECOND_NS) for s in ladder(HANDSHAKE, CLOSE, port=20000 + number)])
    assert len(table.table.sides) <= 4
    assert len(table.retired) >= 48
    assert sum(map(len, table.table.deadlines.values())) <= 4


def test_each_connection_is_handed_on_once() -> None:
    table = Table()
    table.feed(ladder(HANDSHAKE, CLOSE, "3 C S isn=500000\n4 C S isn=600000\n5 S RA\n6 C S isn=700000"))
    table.table.finish(START_NS)
    table.table.finish(START_NS)
    assert sorted(table.done()) == sorted(set(table.done()))
    assert len(table.retired) == 4


def test_one_wild_stamp_retires_nobody() -> None:
    """A single frame stamped a year ahead is one clock's fault, not the end of every connection."""
    table = Table()
    table.feed(ladder(HANDSHAKE))
    table.tick(365 * 86400, count=1)
    assert table.done() == []
    table.feed(ladder("0.1 C PA seq=1 ack=1 len=5"))
    table.table.finish(START_NS)
    assert table.done()[0] == 1
    assert table.retired[0].a.payload_bytes == 5


def test_time_running_backwards_raises_nothing_and_joins_one_connection() -> None:
    segments = ladder(HANDSHAKE, CLOSE)
    played = play([replace(s, time_ns=START_NS - n * SECOND_NS) for n, s in enumerate(segments)])
    assert len(played.rows) == 1
    assert played.row.teardown.pattern == "four-way"


# -- too late --------------------------------------------------------------------------------------------------------


def test_a_straggler_belongs_to_no_connection() -> None:
    """An ACK or RST long after the close, without data: it opens no mid-stream connection."""
    played = play(HANDSHAKE + CLOSE + "500 S A seq=4000\n600 C R")
    assert len(played.rows) == 1
    assert (played.table.stragglers, played.table.first_straggler) == (2, 8)
    assert played.row.last_frame == 7


@pytest.mark.parametrize("text", [HANDSHAKE + "1 C PA len=5\n1.1 S A\n200000 C PA len=5", HANDSHAKE + CLOSE + "500 S A\n600 C A"])
def test_other_traffic_does_not_decide_what_is_over(text: str) -> None:
    """The clock is the whole capture's; a connection's fate must come from its own segments."""
    own = ladder(text)
    gap = max(range(1, len(own)), key=lambda n: own[n].time_ns - own[n - 1].time_ns)
    between = (own[gap - 1].time_ns + 2 * own[gap].time_ns) // 3
    others = [replace(s, time_ns=between + n) for n, s in enumerate(ladder("0 C9 S\n0.1 S9 SA\n0.2 C9 A"))]
    mixed = play([*own[:gap], *others, *own[gap:]], cuts=range(1, 20))
    rows = [row for row in mixed.rows if row.client.port == 40000]
    alone = play(own).rows
    assert [(row.client_side, row.teardown) for row in map(_unframed, rows)] == [
        (row.client_side, row.teardown) for row in map(_unframed, alone)
    ]


def test_data_after_a_long_silence_is_a_connection_that_goes_on() -> None:
    played = play(HANDSHAKE + "1 C PA len=5\n1.1 S A\n80000 C PA len=5\n80000.1 S A")
    assert len(played.rows) == 1
    assert played.row.client_side.payload_bytes == 10


def test_data_on_a_tuple_long_dead_is_a_connection_of_its_own() -> None:
    played = play(HANDSHAKE + CLOSE + "5000 C PA seq=77777 len=5 ack=1\n5000.1 S A seq=1")
    assert [row.midstream for row in played.rows] == [False, True]


def test_a_long_silence_beyond_the_idle_limit_that_can_be_set() -> None:
    played = play(HANDSHAKE + "1 C PA len=5\n1.1 S A\n1000 C S isn=500000\n1000.1 S SA isn=600000\n1000.2 C A", idle_s=500)
    assert [row.handshake.outcome for row in played.rows] == ["completed", "completed"]


# -- evidence that is no segment -------------------------------------------------------------------------------------


def test_a_quoted_segment_is_evidence_and_no_segment() -> None:
    segments = ladder("0 C S\n1 C S seq=0")
    quoted = replace(segments[0], notes=QUOTED, window=4 << 16 | 3 << 8 | 13, time_ns=START_NS + 500_000_000)
    played = play([segments[0], quoted, segments[1]], end_s=9)
    assert played.table.segments == 2
    assert played.row.client_side.packets == 2
    assert played.row.handshake.outcome == "unanswered"
    assert [(a.code, a.frame) for a in played.row.anomalies] == [("icmp-unreachable", 2)]


def test_a_quoted_segment_alone_opens_no_connection() -> None:
    quoted = replace(ladder("0 C S")[0], notes=QUOTED, window=4 << 16 | 3 << 8 | 1)
    assert play([quoted]).rows == []


def test_a_header_cut_to_its_ports_counts_but_decides_nothing() -> None:
    segments = ladder(HANDSHAKE + "1 C RA\n2 S A")
    segments[3] = replace(segments[3], notes=HEADER_CUT, flags=0, seq=0, ack=0)
    played = play(segments)
    assert played.row.client_side.packets == 3
    assert played.row.teardown.pattern == "none"


def _unframed(row: Row) -> Row:
    """Without frame numbers, which other traffic moves."""
    states = tuple(replace(entry, frame=None) for entry in row.client_side.states)
    return replace(row, client_side=replace(row.client_side, states=states))


# -- selection -------------------------------------------------------------------------------------------------------

TWO = HANDSHAKE + "1 C2 S\n1.01 S2 SA\n1.02 C2 A\n" + CLOSE.replace("1.0", "2.0")


@pytest.mark.parametrize(
    ("selection", "streams"),
    [
        (Selection(), [0, 1]),
        (Selection(hosts=(CLIENT,)), [0, 1]),
        (Selection(hosts=("10.9.9.9",)), []),
        (Selection(nets=("10.0.0.0/24",)), [0, 1]),
        (Selection(ports=((40000, 40000),)), [0]),
        (Selection(ports=((40001, 40001),)), [1]),
        (Selection(hosts=(SERVER,), ports=((40001, 50000),)), [1]),
    ],
)
def test_selection_keeps_numbers_and_whole_connections(selection: Selection, streams: list[int]) -> None:
    """What is left out still spends Wireshark's numbers; a connection is chosen with both directions or not at all."""
    everything = {row.stream: row for row in play(TWO).rows}
    chosen = play(TWO, selection=selection).rows
    assert [row.stream for row in chosen] == streams
    assert [replace(row, id=0) for row in chosen] == [replace(everything[number], id=0) for number in streams]


def test_a_span_of_time_cuts_connections() -> None:
    from_ns, to_ns = START_NS + 1_010_000_000, START_NS + 2_010_000_000
    rows = play(TWO, selection=Selection(from_ns=from_ns, to_ns=to_ns)).rows
    assert [(row.stream, row.first_frame, row.last_frame) for row in rows] == [(1, 5, 6), (0, 7, 7)]
    assert [row.midstream for row in rows] == [False, True]


def test_neighbouring_spans_share_nothing() -> None:
    middle = START_NS + 1_005_000_000
    spans = Selection(to_ns=middle), Selection(from_ns=middle)
    packets = [
        sum(row.client_side.packets + (row.server_side.packets if row.server_side else 0) for row in play(TWO, selection=span).rows)
        for span in spans
    ]
    assert sum(packets) == len(ladder(TWO))
