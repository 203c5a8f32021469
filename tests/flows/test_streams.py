"""Stream numbers against a literal model of Wireshark's rule (`test_streams_tshark.py` holds that against tshark)."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tcptrace_py.flows.streams import StreamIndex
from tcptrace_py.model.segments import HEADER_CUT, QUOTED, SCOPE_VNI, SHORT_HEADER, reverse_key, scope_bytes
from tests.flows.wireshark import Wireshark
from tests.ladder import CLIENT, SECOND_NS, SERVER, START_NS, Seg, key_of, ladder, segment_block, table_of
from tests.thorough import examples

if TYPE_CHECKING:
    from tcptrace_py.model.live import Connection

KEYS = (
    key_of(CLIENT, 40000, SERVER, 80),
    key_of(SERVER, 80, CLIENT, 40000),
    key_of(CLIENT, 80, SERVER, 40000),
    key_of(CLIENT, 7, CLIENT, 7),
    key_of("2001:db8::1", 40000, "2001:db8::2", 80),
    key_of("2001:db8::2", 80, "2001:db8::1", 40000),
)
IDLE_NS = 86_400 * SECOND_NS
NUMBERS = (0, 1, 99, 100, 101, 2**31, 2**32 - 1)
FLAGS = (0x02, 0x02, 0x02, 0x12, 0x12, 0x10, 0x10, 0x18, 0x11, 0x01, 0x04, 0x14, 0x00, 0x03, 0x06, 0x13, 0x1C2)


@st.composite
def captures(draw: st.DrawFn, *, notes: int = 0) -> list[Seg]:
    """Segments of a few tuples with any flags and few numbers, so that they meet; now and then a long silence."""
    time_ns, found = START_NS, []
    keys = draw(st.sampled_from((KEYS, KEYS[:2], KEYS[3:4])))
    numbers = draw(st.sampled_from((NUMBERS, NUMBERS[2:5])))
    for _ in range(draw(st.integers(1, 12))):
        time_ns += draw(st.sampled_from((0, 1_000_000, 1_000_000, 400 * SECOND_NS, 100_000 * SECOND_NS)))
        found.append(
            Seg(
                draw(st.sampled_from(keys)),
                time_ns,
                draw(st.sampled_from(FLAGS)),
                draw(st.sampled_from(numbers)),
                draw(st.sampled_from(numbers)),
                draw(st.sampled_from((0, 0, 1))),
                ip_id=draw(st.sampled_from((-1, 0, 5))),
                notes=notes if notes and draw(st.booleans()) else 0,
            )
        )
    return found


def streams_of_table(segments: list[Seg]) -> tuple[list[int], list[tuple[int, int]]]:
    """Every segment's stream by the flow table, and (first frame, stream) of every connection."""
    retired: list[Connection] = []
    table = table_of(retired)
    numbers = []
    for frame, segment in enumerate(segments, 1):
        table.feed(segment_block([segment], frame))
        numbers.append(table.streams.stream(table.streams.slot(segment.key, reverse_key(segment.key))))
    table.finish(segments[-1].time_ns)
    return numbers, [(connection.first_frame, connection.stream) for connection in retired]


# text of a ladder, streams of its segments
CASES = [
    ("one connection", "0 C S\n1 S SA\n2 C A\n3 C FA", [0, 0, 0, 0]),
    ("SYN sent again", "0 C S\n1 C S seq=0", [0, 0]),
    ("SYN with another number", "0 C S\n1 C S isn=7", [0, 1]),
    ("two tuples, then back", "0 C S\n1 C2 S\n2 C A\n3 C S isn=5\n4 C2 A", [0, 1, 0, 2, 1]),
    ("mid-stream data, then its SYN late", "0 C A seq=1\n1 C S seq=0", [0, 0]),
    ("mid-stream data, then a SYN beyond", "0 C A seq=1\n1 C S seq=1", [0, 1]),
    ("base from the peer's acknowledgement", "0 S A ack=1\n1 C S seq=0", [0, 0]),
    ("base from the peer's acknowledgement, other SYN", "0 S A ack=1\n1 C S seq=1", [0, 1]),
    ("a SYN/ACK alone begins none", "0 C S\n1 S SA\n2 S SA isn=77", [0, 0, 0]),
    ("simultaneous open", "0 C S\n1 S S\n2 C SA seq=0\n3 S SA seq=0", [0, 0, 0, 0]),
    ("a bare SYN with RST counts too", "0 C S\n1 C SR isn=50", [0, 1]),
    ("self-connect's numbers wrap", "0 C S isn=4294967295\n1 C A\n2 C S isn=4294967295", [0, 0, 0]),
    ("ECN flags do not matter", "0 C S\n1 C SPU isn=9", [0, 1]),
]


@pytest.mark.parametrize(("text", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_rule(text: str, expected: list[int]) -> None:
    segments = ladder(text)
    assert streams_of_table(segments)[0] == expected
    model = Wireshark()
    assert [model.take(segment) for segment in segments] == expected


def test_synack_with_another_number_moves_the_base() -> None:
    segments = ladder("0 C FA isn=10\n1 C SA isn=20\n2 C S isn=20\n3 C S isn=10")
    assert streams_of_table(segments)[0] == [0, 0, 0, 1]


@settings(max_examples=examples(200), deadline=None, derandomize=True)
@given(captures())
def test_every_segment_has_wiresharks_number(segments: list[Seg]) -> None:
    model = Wireshark()
    expected = [model.take(segment) for segment in segments]
    numbers, connections = streams_of_table(segments)
    assert numbers == expected
    if not any(later.time_ns - earlier.time_ns > IDLE_NS for earlier, later in pairwise(segments)):
        assert all(stream == expected[frame - 1] for frame, stream in connections)


@settings(max_examples=examples(200), deadline=None, derandomize=True)
@given(captures(notes=QUOTED))
def test_quoted_segments_spend_numbers_as_in_wireshark(segments: list[Seg]) -> None:
    model = Wireshark()
    assert streams_of_table(segments)[0] == [model.take(segment) for segment in segments]


CUT = HEADER_CUT | SHORT_HEADER


@settings(max_examples=examples(200), deadline=None, derandomize=True)
@given(captures(notes=CUT))
def test_segments_too_short_for_a_stream_spend_none(segments: list[Seg]) -> None:
    """Whatever is asked about their tuples, by them and when their connections end."""
    model = Wireshark()
    numbers, _ = streams_of_table(segments)
    for segment, number in zip(segments, numbers, strict=True):
        if not segment.notes & SHORT_HEADER:
            assert number == model.take(segment)


def test_a_connection_of_such_segments_has_none() -> None:
    cut = [replace(segment, notes=CUT, flags=0, seq=0, ack=0) for segment in ladder("0 C2 A\n1 C2 A")]
    _, connections = streams_of_table([*cut, *ladder("2 C S\n3 S SA\n4 C A")])
    assert sorted(connections) == [(1, -1), (3, 0)]


def test_scopes_share_a_stream_but_not_a_connection() -> None:
    """Wireshark knows no VXLAN networks: the same tuple in two of them is one stream to it, two connections to us.

    Their hosts count alike, and IP IDs tell that they are not the same packets.
    """
    one = ladder("0 C S\n1 S SA\n2 C A")
    segments = [
        Seg(s.key + scope_bytes(SCOPE_VNI, vni), s.time_ns + vni, s.flags, s.seq, s.ack, ip_id=s.ip_id + 50 * vni)
        for vni in (5, 6)
        for s in one
    ]
    numbers, connections = streams_of_table(segments)
    assert set(numbers) == {0}
    assert sorted(connections) == [(1, 0), (4, 0)]


def test_slot_is_the_same_from_both_sides() -> None:
    index = StreamIndex()
    slots = [index.slot(key, reverse_key(key)) for key in KEYS]
    assert [index.slot(reverse_key(key), key) for key in KEYS] == slots
    assert (index.tuples, index.count) == (4, 0)
    for key, slot in zip(KEYS, slots, strict=True):
        index.note(slot, key, 16, 0, 0)
    assert index.tuples == index.count == 4


def test_every_tuple_is_found_again_however_large_the_index_grows() -> None:
    index = StreamIndex()
    keys = [
        bytes((10, 0, number >> 8 & 255, number & 255, 10, 1, 0, 1)) + (1024 + (number >> 16)).to_bytes(2, "big") + b"\0P"
        for number in range(70_000)
    ]
    for number, key in enumerate(keys):
        assert index.note(index.slot(key, reverse_key(key)), key, 2, number, 0) == number
    for number, key in enumerate(keys):
        assert index.note(index.slot(reverse_key(key), key), key, 16, number + 1, 1) == number
    assert index.tuples == index.count == len(keys)


def test_a_connection_behind_a_stray_syn_has_the_streams_latest_number() -> None:
    segments = ladder("0 C SA\n0 C S isn=7\n0 C SA isn=1000\n100000 C A seq=0 len=1")
    numbers, connections = streams_of_table(segments)
    assert numbers == [0, 1, 1, 1]
    assert max(connections) == (4, 1)
