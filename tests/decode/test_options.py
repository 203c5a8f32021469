"""TCP options: Linux's rules for malformed ones, dpkt's reading of well-formed ones, RFC 2883's for duplicates."""

import struct

import dpkt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcptrace_py.decode.options import parse_options
from tcptrace_py.model.segments import (
    OPT_DSACK,
    OPT_FAST_OPEN,
    OPT_MSS,
    OPT_SACK,
    OPT_SACK_OK,
    OPT_TIMESTAMPS,
    OPT_WSCALE,
)

MSS, WSCALE, SACK_OK = b"\2\4\5\xb4", b"\3\3\7", b"\4\2"


def stamps(tsval: int, tsecr: int) -> bytes:
    return struct.pack("!BBII", 8, 10, tsval, tsecr)


def sack(*edges: int) -> bytes:
    return struct.pack(f"!BB{len(edges)}I", 5, 2 + 4 * len(edges), *edges)


def parsed(options: bytes, ack: int = 1000) -> tuple[int, int, int, int, int, int]:
    return parse_options(b"before" + options + b"\x08\x0aafter-the-stop", 6, 6 + len(options), ack)


TABLE = {
    "none": (b"", (0, -1, 0, 0, 0, 0)),
    "all": (MSS + SACK_OK + stamps(5, 6) + b"\1" + WSCALE, (OPT_MSS | OPT_SACK_OK | OPT_TIMESTAMPS | OPT_WSCALE, 7, 5, 6, 0, 0)),
    "a window that is shifted too far": (b"\3\3\x0f", (OPT_WSCALE, 14, 0, 0, 0, 0)),
    "end of list": (MSS + b"\0" + SACK_OK, (OPT_MSS, -1, 0, 0, 0, 0)),
    "length 0": (MSS + b"\x13\0" + SACK_OK, (OPT_MSS, -1, 0, 0, 0, 0)),
    "length 1": (MSS + b"\x13\1" + SACK_OK, (OPT_MSS, -1, 0, 0, 0, 0)),
    "over the end": (SACK_OK + stamps(5, 6)[:-1], (OPT_SACK_OK, -1, 0, 0, 0, 0)),
    "lone kind at the end": (SACK_OK + b"\x08", (OPT_SACK_OK, -1, 0, 0, 0, 0)),
    "wrong lengths are passed over": (
        b"\2\3\1" + b"\3\4\1\1" + b"\4\3\1" + b"\x08\4\1\1" + b"\5\6\1\1\1\1" + SACK_OK,
        (OPT_SACK_OK, -1, 0, 0, 0, 0),
    ),
    "the last counts": (stamps(1, 2) + stamps(3, 4), (OPT_TIMESTAMPS, -1, 3, 4, 0, 0)),
    "fast open": (b"\x22\x0a12345678", (OPT_FAST_OPEN, -1, 0, 0, 0, 0)),
    "fast open, experimental": (b"\xfe\x04\xf9\x89", (OPT_FAST_OPEN, -1, 0, 0, 0, 0)),
    "another experiment": (b"\xfe\x04\xf9\x88", (0, -1, 0, 0, 0, 0)),
    "sack": (sack(2000, 3000), (OPT_SACK, -1, 0, 0, 2000, 3000)),
    "sack of two": (sack(2000, 3000, 4000, 5000), (OPT_SACK, -1, 0, 0, 2000, 3000)),
    "duplicate below the acknowledgment": (sack(500, 600, 2000, 3000), (OPT_SACK | OPT_DSACK, -1, 0, 0, 500, 600)),
    "duplicate inside the second block": (sack(2100, 2200, 2000, 3000), (OPT_SACK | OPT_DSACK, -1, 0, 0, 2100, 2200)),
    "beyond the second block": (sack(2100, 3200, 2000, 3000), (OPT_SACK, -1, 0, 0, 2100, 3200)),
}


@pytest.mark.parametrize("name", TABLE)
def test_table(name: str) -> None:
    options, expected = TABLE[name]
    assert parsed(options) == expected


@pytest.mark.parametrize("ack", [0, 400, 0x7FFFFFFF, 0xFFFFFF00])
def test_duplicates_around_the_wrap(ack: int) -> None:
    below, above = (ack - 500) % 2**32, (ack + 500) % 2**32
    assert parsed(sack(below, ack), ack)[0] == OPT_SACK | OPT_DSACK
    assert parsed(sack(above, above + 1 & 0xFFFFFFFF), ack)[0] == OPT_SACK


option = st.one_of(
    st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1)).map(lambda pair: stamps(*pair)),
    st.lists(st.integers(0, 2**32 - 1), min_size=2, max_size=2).map(lambda edges: sack(*edges)),
    st.integers(0, 255).map(lambda shift: bytes([3, 3, shift])),
    st.sampled_from([b"\1", MSS, SACK_OK, b"\x13\x04ab"]),
)


@given(st.lists(option, max_size=8).map(b"".join))
def test_well_formed_options_read_as_dpkt_reads_them(options: bytes) -> None:
    expected = dict(dpkt.tcp.parse_opts(options))
    bits, scale, tsval, tsecr, left, right = parsed(options)
    kinds = {2: OPT_MSS, 3: OPT_WSCALE, 4: OPT_SACK_OK, 5: OPT_SACK, 8: OPT_TIMESTAMPS}
    assert bits & ~OPT_DSACK == sum(bit for kind, bit in kinds.items() if kind in expected)
    assert scale == (min(expected[3][0], 14) if 3 in expected else -1)
    assert struct.pack("!II", tsval, tsecr) == expected.get(8, b"\0" * 8)
    assert struct.pack("!II", left, right) == expected.get(5, b"\0" * 8)


@given(st.binary(max_size=60), st.integers(0, 60))
def test_any_bytes(data: bytes, stop: int) -> None:
    bits, scale, tsval, tsecr, left, right = parse_options(data, 0, min(stop, len(data)), 0)
    assert bits < 128
    assert -1 <= scale <= 14
    assert max(tsval, tsecr, left, right) < 2**32
