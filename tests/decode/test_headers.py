"""IPv6 header chains, snap lengths inside headers, lengths that are missing or wrong."""

import struct

import pytest

from tcptrace_py.model.segments import (
    HEADER_CUT,
    LENGTH_GUESSED,
    OPT_TIMESTAMPS,
    OPTIONS_CUT,
    PAYLOAD_CUT,
    SHORT_HEADER,
)
from tests.decode.blocks import Raw, Row, codes, decoded
from tests.decode.build import CLIENT6, SERVER6, TIMESTAMPS, ethernet, ipv4, ipv6, key, matches, only_row, tcp

HELLO = ipv4(tcp(b"hello"))
HELLO6 = tcp(b"hello", source=CLIENT6, target=SERVER6)
ROW6: Row = {"key": key(CLIENT6, SERVER6), "ip_id": -1, "ttl": 62}


def chain(*headers: tuple[int, bytes]) -> bytes:
    """Chain extension headers, each a number and what stands behind its first byte, before a segment."""
    following, content = 6, HELLO6
    for number, body in reversed(headers):
        following, content = number, bytes([following]) + body + content
    return ethernet(ipv6(content, following=following))


EIGHT, SIXTEEN = b"\0" + b"\0" * 6, b"\1" + b"\0" * 14
CHAINS = {
    "hop by hop": chain((0, EIGHT)),
    "routing": chain((43, SIXTEEN)),
    "destination": chain((60, EIGHT)),
    "authentication": chain((51, b"\4" + b"\0" * 22)),
    "mobility": chain((135, EIGHT)),
    "host identity": chain((139, EIGHT)),
    "shim6": chain((140, SIXTEEN)),
    "all": chain((0, EIGHT), (60, EIGHT), (43, SIXTEEN), (44, b"\0" * 7), (51, b"\1" + b"\0" * 10), (60, SIXTEEN)),
    "the longest": chain(*[(60, EIGHT)] * 150),
}


@pytest.mark.parametrize("name", CHAINS)
def test_extension_headers(name: str) -> None:
    matches(only_row(Raw(CHAINS[name])), **ROW6)


def test_authentication_in_ipv4() -> None:
    matches(only_row(Raw(ethernet(ipv4(b"\6\4" + b"\0" * 22 + tcp(b"hello"), protocol=51)))))


def test_extension_header_longer_than_its_packet() -> None:
    rows, problems = decoded(Raw(ethernet(ipv6(b"\6\xff" + b"\0" * 60, following=0))))
    assert (rows, codes(problems)) == ([], {"undecodable": 1})


@pytest.mark.parametrize(
    ("size", "known"),
    [
        (38, {"seq": 0, "ack": 0, "flags": 0, "window": 0}),
        (41, {"seq": 0, "ack": 0, "flags": 0, "window": 0}),
        (42, {"ack": 0, "flags": 0, "window": 0}),
        (46, {"flags": 0, "window": 0}),
        (47, {"flags": 0, "window": 0}),
        (48, {"window": 0, "payload": 5}),
        (50, {"payload": 5}),
        (53, {"payload": 5}),
    ],
)
def test_snapped_to_the_ports(size: int, known: Row) -> None:
    rows, problems = decoded(Raw(ethernet(HELLO)[:size], wire=59))
    notes = HEADER_CUT | (PAYLOAD_CUT if "payload" in known else 0) | (SHORT_HEADER if size - 34 < 16 else 0)
    matches(rows[0], **{"payload": 0} | known | {"notes": notes})
    assert codes(problems) == {"snapped": 1}


@pytest.mark.parametrize("size", [0, 13, 20, 34, 37])
def test_snapped_before_the_ports(size: int) -> None:
    rows, problems = decoded(Raw(ethernet(HELLO)[:size], wire=59))
    assert (rows, codes(problems)) == ([], {"snapped": 1})


def test_snapped_inside_the_options_of_a_tunnelled_segment() -> None:
    inner = ipv4(tcp(b"hello", options=TIMESTAMPS + TIMESTAMPS))
    whole = ethernet(ipv4(inner, protocol=4))
    rows, _ = decoded(Raw(whole[: 14 + 20 + 20 + 20 + 12], wire=len(whole)))
    matches(rows[0], notes=OPTIONS_CUT | PAYLOAD_CUT, options=OPT_TIMESTAMPS, tsval=0x01020304, tsecr=0x05060708)


@pytest.mark.parametrize(
    ("frame", "columns"),
    [
        (ethernet(ipv4(tcp(b"x" * 3000), length=0)), {}),
        (ethernet(ipv6(tcp(b"x" * 3000, source=CLIENT6, target=SERVER6), length=0)), ROW6),
        (ethernet(ipv6(b"\6\0\xc2\4\0\0\x0b\xd4" + tcp(b"x" * 3000, source=CLIENT6, target=SERVER6), following=0, length=0)), ROW6),
    ],
)
def test_length_zero_is_taken_from_the_frame(frame: bytes, columns: Row) -> None:
    rows, problems = decoded(Raw(frame))
    matches(rows[0], payload=3000, notes=LENGTH_GUESSED, **columns)
    rows, _ = decoded(Raw(frame[:128], wire=len(frame)))
    matches(rows[0], payload=3000, notes=LENGTH_GUESSED | PAYLOAD_CUT, **columns)
    assert codes(problems) == {"offloaded": 1}


@pytest.mark.parametrize(
    ("packet", "reason"),
    [
        (ipv4(tcp(), length=19), "total length"),
        (ipv4(tcp(), length=39), "too short for a TCP header"),
        (ipv4(tcp(words=4)), "below 20"),
        (ipv4(tcp(b"x", words=6)), "longer than its packet"),
        (b"\x44" + ipv4(tcp())[1:], "no IPv4 header"),
    ],
)
def test_lengths_that_cannot_be(packet: bytes, reason: str) -> None:
    rows, problems = decoded(Raw(ethernet(packet, 0x0800) + b"\0" * 20))
    assert rows == []
    (problem,) = problems.rows()
    assert problem.code == "undecodable"
    assert reason in problem.explanation


def test_header_of_one_packet_does_not_leak_into_the_next() -> None:
    gtp = struct.pack("!HHHHBBHI", 9, 2152, 8 + 8 + len(HELLO), 0, 0x30, 255, 0, 77) + HELLO
    first = Raw(ethernet(b"\0\x63\x08\0" + ipv4(gtp, protocol=17), 0x8100))
    rows, _ = decoded(first, Raw(ethernet(ipv4(HELLO, protocol=4))))
    assert [(row["vlan"], row["teid"]) for row in rows] == [(99, 77), (-1, -1)]
    matches(rows[1], frame=2)
