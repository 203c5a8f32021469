"""Segments quoted in ICMP errors are rows of evidence, marked so."""

import struct

import pytest

from tcptrace_py.model.segments import HEADER_CUT, QUOTED, SHORT_HEADER
from tests.decode.blocks import Raw, codes, decoded
from tests.decode.build import CLIENT6, SERVER, SERVER6, ethernet, ipv4, ipv6, key, matches, only_row, tcp

SYN = ipv4(tcp(flags=2, ack=0))
SYN6 = ipv6(tcp(flags=2, ack=0, source=CLIENT6, target=SERVER6))


def icmp(kind: int, code: int, quoted: bytes) -> Raw:
    return Raw(
        ethernet(ipv4(struct.pack("!BBHI", kind, code, 0, 0) + quoted, protocol=1, source="203.0.113.9", target="192.0.2.1", ttl=200))
    )


def icmp6(kind: int, code: int, quoted: bytes) -> Raw:
    return Raw(ethernet(ipv6(struct.pack("!BBHI", kind, code, 0, 0) + quoted, following=58)))


@pytest.mark.parametrize(("kind", "code"), [(3, 3), (3, 13), (4, 0), (5, 1), (11, 0), (12, 0)])
def test_error(kind: int, code: int) -> None:
    matches(only_row(icmp(kind, code, SYN)), notes=QUOTED, window=4 << 16 | kind << 8 | code, flags=2, ack=0, payload=0)


@pytest.mark.parametrize(("kind", "code"), [(1, 4), (2, 0), (3, 0), (4, 1)])
def test_error6(kind: int, code: int) -> None:
    matches(
        only_row(icmp6(kind, code, SYN6)),
        notes=QUOTED,
        window=6 << 16 | kind << 8 | code,
        flags=2,
        ack=0,
        payload=0,
        key=key(CLIENT6, SERVER6),
        ip_id=-1,
        ttl=62,
    )


def test_eight_bytes_are_enough() -> None:
    matches(
        only_row(icmp(3, 1, ipv4(tcp(b"hello"))[:28])),
        notes=QUOTED | HEADER_CUT | SHORT_HEADER,
        window=4 << 16 | 3 << 8 | 1,
        ack=0,
        flags=0,
        payload=0,
    )


def test_payload_length_is_the_quoted_packet_s() -> None:
    row = only_row(icmp(3, 4, ipv4(tcp(b"x" * 1400))[:60]))
    assert (row["payload"], row["window"]) == (1400, 4 << 16 | 3 << 8 | 4)


def test_a_quoted_first_fragment_has_the_ports() -> None:
    whole = tcp(b"x" * 100)
    assert only_row(icmp(11, 1, ipv4(whole[:64], fragment=0x2000)))["seq"] == 1000
    rows, problems = decoded(icmp(11, 1, ipv4(whole[64:], fragment=8)))
    assert (rows, problems.rows()) == ([], [])


def test_a_quoted_tunnel_keeps_its_segment() -> None:
    assert only_row(icmp(3, 4, ipv4(ipv4(tcp(b"x")), protocol=4)))["notes"] & QUOTED


@pytest.mark.parametrize(
    "frame",
    [
        icmp(8, 0, SYN),
        icmp(0, 0, SYN),
        icmp(13, 0, SYN),
        icmp6(128, 0, SYN6),
        icmp6(136, 0, SYN6),
        icmp(3, 3, SYN[:22]),
        icmp(3, 3, b""),
        icmp(3, 3, b"\x45"),
        icmp(3, 3, b"\0" * 40),
        icmp(3, 3, ipv4(b"\0\x35" * 10, protocol=17)),
    ],
)
def test_nothing_quoted(frame: Raw) -> None:
    rows, problems = decoded(frame)
    assert (rows, problems.rows()) == ([], [])


def test_an_error_that_quotes_an_error_is_named() -> None:
    rows, problems = decoded(icmp(3, 3, ipv4(b"\3\3" + b"\0" * 6 + SYN, protocol=1)))
    assert (rows, codes(problems)) == ([], {"nested-icmp": 1})


def test_wrong_checksums_of_quotes_do_not_count() -> None:
    rows, problems = decoded(icmp(3, 3, ipv4(tcp(checksum=1))), check_checksums=True)
    assert (len(rows), codes(problems)) == (1, {})
    assert rows[0]["key"] == key(target=SERVER)
