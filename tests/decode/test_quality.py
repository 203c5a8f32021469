"""Checksums and offload: looked at, reported, obeyed only where asked."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcptrace_py.decode import Decoder
from tcptrace_py.decode.checksum import GOOD, UNFINISHED, WRONG, tcp_checksum
from tcptrace_py.model.problems import Problems
from tcptrace_py.model.segments import BAD_CHECKSUM
from tests.decode.blocks import Raw, block_of, codes, decoded, rows_of
from tests.decode.build import CLIENT, CLIENT6, SERVER, SERVER6, ethernet, ipv4, ipv6, ones_complement, packed, tcp


def unfinished(payload: bytes = b"", source: str = CLIENT, target: str = SERVER) -> bytes:
    """A segment whose checksum is left to the card: the folded sum over the pseudo-header."""
    length = len(tcp(payload))
    pseudo = packed(source) + packed(target) + struct.pack("!HH", 6, length)
    return tcp(payload, source=source, target=target, checksum=~ones_complement(pseudo) & 0xFFFF)


def tunnelled(packet: bytes) -> bytes:
    return ethernet(ipv4(packet, protocol=4))


@given(st.binary(max_size=200), st.integers(0, 0xFFFF))
def test_checksum_agrees_with_the_plain_sum(payload: bytes, field: int) -> None:
    addresses = packed(CLIENT) + packed(SERVER)
    right = struct.unpack("!H", tcp(payload)[16:18])[0]
    assert tcp_checksum(addresses, tcp(payload)) == GOOD
    # 0 and 0xffff are one number in one's complement.
    assert (tcp_checksum(addresses, tcp(payload, checksum=field)) == GOOD) == (field % 0xFFFF == right % 0xFFFF)


def test_unfinished_checksum_is_recognised() -> None:
    assert tcp_checksum(packed(CLIENT) + packed(SERVER), unfinished(b"data")) == UNFINISHED
    assert tcp_checksum(packed(CLIENT6) + packed(SERVER6), unfinished(b"d", CLIENT6, SERVER6)) == UNFINISHED
    assert tcp_checksum(packed(CLIENT) + packed(SERVER), tcp(b"data", checksum=1)) == WRONG


@pytest.mark.parametrize("frame", [ethernet, tunnelled])
@pytest.mark.parametrize(("segment", "obeyed"), [(tcp(checksum=1), 0), (unfinished(), 1), (tcp(), 1)])
def test_bad_checksums(frame, segment: bytes, obeyed: int) -> None:  # type: ignore[no-untyped-def]
    bad = segment != tcp()
    rows, problems = decoded(Raw(frame(ipv4(segment))))
    assert [row["notes"] for row in rows] == [BAD_CHECKSUM if bad else 0]
    assert codes(problems) == ({"bad-checksums": 1} if bad else {})
    rows, problems = decoded(Raw(frame(ipv4(segment))), check_checksums=True)
    assert len(rows) == obeyed
    assert codes(problems) == ({"bad-checksums": 1} if bad else {})


def test_only_whole_segments_are_looked_at() -> None:
    frame = ethernet(ipv4(tcp(b"hello", checksum=1)))
    rows, problems = decoded(Raw(frame[:57], wire=59), check_checksums=True)
    assert (len(rows), problems.rows()) == (1, [])


def test_padding_is_no_part_of_the_segment() -> None:
    rows, problems = decoded(Raw(ethernet(ipv4(tcp())) + b"trail!"), check_checksums=True)
    assert (len(rows), problems.rows()) == (1, [])


def test_a_sample_is_looked_at_across_blocks() -> None:
    problems = Problems()
    decoder = Decoder(problems, checksum_sample=5)
    frames = [Raw(ethernet(ipv4(tcp(checksum=1)))), Raw(tunnelled(ipv4(tcp(checksum=1))))]
    noted = [row["notes"] for n in range(5) for row in rows_of(decoder.decode(block_of(frames, 1 + 2 * n)))]
    decoder.finish()
    assert noted == [BAD_CHECKSUM] * 5 + [0] * 5
    (problem,) = problems.rows()
    assert (problem.count, problem.first_frame, problem.damaged) == (5, 1, False)


def test_ipv6() -> None:
    good, bad = (ipv6(tcp(source=CLIENT6, target=SERVER6, checksum=checksum)) for checksum in (None, 1))
    rows, problems = decoded(Raw(ethernet(good)), Raw(ethernet(bad)), check_checksums=True)
    assert ([row["frame"] for row in rows], codes(problems)) == ([1], {"bad-checksums": 1})


def test_waypoints_leave_the_checksum_open() -> None:
    routed = ipv6(b"\6\0\0\0\0\0\0\0" + tcp(checksum=1), following=43)
    rows, problems = decoded(Raw(ethernet(routed)), check_checksums=True)
    assert (len(rows), problems.rows()) == (1, [])


@pytest.mark.parametrize(
    ("packet", "counted"),
    [
        (ipv4(tcp(b"x" * 1460)), False),
        (ipv4(tcp(b"x" * 1461)), True),
        (ipv6(tcp(b"x" * 1440, source=CLIENT6, target=SERVER6)), False),
        (ipv6(tcp(b"x" * 1441, source=CLIENT6, target=SERVER6)), True),
        (ipv4(tcp(b"x" * 9000, source="127.0.0.1"), source="127.0.0.1"), False),
        (ipv4(ipv4(tcp(b"x" * 1461)), protocol=4), True),
    ],
)
def test_offloaded(packet: bytes, counted: bool) -> None:
    frame = ethernet(packet)
    for kept in (len(frame), 100):
        _, problems = decoded(Raw(frame[:kept], wire=len(frame)))
        assert codes(problems) == ({"offloaded": 1} if counted else {})


def test_counts_are_said_once_with_their_first_frame() -> None:
    big, small = Raw(ethernet(ipv4(tcp(b"x" * 1461)))), Raw(ethernet(ipv4(tcp())))
    _, problems = decoded(small, big, big)
    assert [(row.code, row.count, row.first_frame) for row in problems.rows()] == [("offloaded", 2, 2)]
