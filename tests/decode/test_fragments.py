"""Fragments become the segment that was cut; what is missing, late or contradictory is named."""

import struct
from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tcptrace_py.decode import fragments
from tcptrace_py.decode.fragments import Fragment, Reassembler
from tcptrace_py.model.problems import Problems
from tcptrace_py.model.segments import PAYLOAD_CUT, REASSEMBLED
from tests.decode.blocks import Raw, codes, decoded
from tests.decode.build import CLIENT6, SERVER6, TIMESTAMPS, ethernet, ipv4, ipv6, key, matches, tcp

SECOND_NS = 1_000_000_000
PAYLOAD = bytes(range(200))
SEGMENT = tcp(PAYLOAD)
SEGMENT6 = tcp(PAYLOAD, source=CLIENT6, target=SERVER6)
Cutter = Callable[[bytes, int, int, int], bytes]


def cut4(whole: bytes, start: int, stop: int, identification: int = 0x1234) -> bytes:
    more = 0x2000 if stop < len(whole) else 0
    return ethernet(ipv4(whole[start:stop], fragment=more | start // 8, identification=identification))


def cut6(whole: bytes, start: int, stop: int, identification: int = 0x1234) -> bytes:
    header = struct.pack("!BxHI", 6 if start == 0 else 59, start | (stop < len(whole)), identification)
    return ethernet(ipv6(header + whole[start:stop], following=44))


def pieces(cut: Cutter, whole: bytes, *at: int, identification: int = 0x1234) -> list[Raw]:
    edges = [0, *at, len(whole)]
    return [Raw(cut(whole, start, stop, identification)) for start, stop in pairwise(edges)]


VERSIONS = pytest.mark.parametrize(
    ("cut", "whole", "columns"),
    [
        (cut4, SEGMENT, {}),
        (cut6, SEGMENT6, {"key": key(CLIENT6, SERVER6), "ip_id": -1, "ttl": 62}),
    ],
    ids=["IPv4", "IPv6"],
)


@VERSIONS
@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0), (0, 0, 1, 1, 2), (0, 1, 2, 0, 1, 2)])
def test_any_order(cut: Cutter, whole: bytes, columns: dict[str, object], order: tuple[int, ...]) -> None:
    parts = pieces(cut, whole, 8, 112)
    rows, problems = decoded(*(parts[n] for n in order))
    complete = next(n + 1 for n in range(len(order)) if len(set(order[: n + 1])) == 3)
    assert (len(rows), problems.rows()) == (1, [])
    matches(rows[0], payload=200, notes=REASSEMBLED, frame=complete, **columns)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_any_cut(data: st.DataObject) -> None:
    whole = tcp(data.draw(st.binary(max_size=300)), options=TIMESTAMPS)
    at = sorted(data.draw(st.sets(st.integers(1, len(whole) // 8 - 1).map(lambda n: n * 8), min_size=1, max_size=9)))
    rows, problems = decoded(*data.draw(st.permutations(pieces(cut4, whole, *at))))
    plain, _ = decoded(Raw(ethernet(ipv4(whole))))
    different = {"notes": REASSEMBLED, "frame": len(at) + 1}
    assert ([row | different for row in plain], []) == (rows, problems.rows())


def test_interleaved_packets() -> None:
    first, second = (pieces(cut4, tcp(PAYLOAD, seq=number), 64, identification=number) for number in (1, 2))
    rows, problems = decoded(first[0], second[0], first[1], second[1])
    assert [(row["seq"], row["frame"]) for row in rows] == [(1, 3), (2, 4)]
    assert problems.rows() == []


def test_identification_used_again() -> None:
    first, second = (pieces(cut4, tcp(PAYLOAD, seq=number), 64) for number in (1, 2))
    rows, problems = decoded(*first, *second)
    assert [row["seq"] for row in rows] == [1, 2]
    assert problems.rows() == []


@VERSIONS
def test_a_missing_fragment_is_named(cut: Cutter, whole: bytes, columns: dict[str, object]) -> None:
    del columns
    parts = pieces(cut, whole, 64, 128)
    rows, problems = decoded(parts[0], parts[2])
    assert rows == []
    (problem,) = problems.rows()
    assert (problem.code, problem.count, problem.first_frame) == ("fragments-incomplete", 1, 1)


def test_a_late_fragment_completes_nothing() -> None:
    first, last = pieces(cut4, SEGMENT, 64)
    rows, problems = decoded(first, Raw(last.data, time_ns=31 * SECOND_NS))
    assert (rows, codes(problems)) == ([], {"fragments-incomplete": 2})


def test_overlap_keeps_what_came_first() -> None:
    evil = tcp(b"\xff" * 200, seq=9)
    rows, problems = decoded(Raw(cut4(SEGMENT, 0, 64)), Raw(cut4(evil, 24, 128)), Raw(cut4(evil, 32, 220)))
    assert [(row["seq"], row["payload"]) for row in rows] == [(1000, 200)]
    assert codes(problems) == {"fragments-overlap": 2, "bad-checksums": 1}


def test_overlap_with_the_same_content_is_fine() -> None:
    rows, problems = decoded(Raw(cut4(SEGMENT, 0, 64)), Raw(cut4(SEGMENT, 32, 128)), Raw(cut4(SEGMENT, 120, 220)))
    assert ([row["payload"] for row in rows], problems.rows()) == ([200], [])


def test_fragment_beyond_the_end_is_refused() -> None:
    rows, problems = decoded(
        Raw(cut4(SEGMENT, 64, 220)), Raw(ethernet(ipv4(b"x" * 80, fragment=0x2000 | 200 // 8))), Raw(cut4(SEGMENT, 0, 64))
    )
    assert ([row["payload"] for row in rows], codes(problems)) == ([200], {"fragments-overlap": 1})


def test_cut_fragments_keep_their_lengths() -> None:
    parts = pieces(cut4, SEGMENT, 64, 128)
    rows, problems = decoded(*(Raw(part.data[:70], wire=len(part.data)) for part in parts))
    matches(rows[0], payload=200, notes=REASSEMBLED | PAYLOAD_CUT, frame=3)
    assert problems.rows() == []


@pytest.mark.parametrize(
    "fragment",
    [
        ipv4(b"x" * 16, fragment=0x2000 | 8191),
        ipv4(b"", fragment=0x2000),
        ipv4(b"1234567", fragment=0x2000),
        ipv4(b"12345678", fragment=0x2000, length=0),
    ],
)
def test_impossible_lengths(fragment: bytes) -> None:
    rows, problems = decoded(Raw(ethernet(fragment)))
    assert (rows, codes(problems)) == ([], {"undecodable": 1})


def test_atomic_fragment_is_a_packet() -> None:
    header = struct.pack("!BxHI", 6, 0, 7)
    rows, problems = decoded(Raw(ethernet(ipv6(header + SEGMENT6, following=44))))
    matches(rows[0], payload=200, key=key(CLIENT6, SERVER6), ip_id=-1, ttl=62)
    assert problems.rows() == []


def test_memory_is_bounded() -> None:
    reassembler = Reassembler(Problems())
    for number in range(3 * fragments.MAX_PACKETS):
        reassembler.add((b"8 bytes.", number, 6, b""), Fragment(65520, 8, True, b"12345678", 6), 0, number)
    assert len(reassembler._packets) <= fragments.MAX_PACKETS
    assert reassembler._bytes <= fragments.MAX_BYTES + 65535
    assert reassembler._bytes == sum(len(packet.data) for packet in reassembler._packets.values())
