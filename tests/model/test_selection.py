"""Which segments are chosen, and what is said to those who ask for nonsense."""

import pickle
from datetime import date, timedelta
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcptrace_py.model.errors import UsageError
from tcptrace_py.model.segments import SCOPE_VNI, reverse_key, scope_bytes
from tcptrace_py.model.selection import Selection, parse_ports, parse_time


def key(source: str, destination: str, source_port: int = 40000, destination_port: int = 443, scope: bytes = b"") -> bytes:
    ports = source_port.to_bytes(2, "big") + destination_port.to_bytes(2, "big")
    return ip_address(source).packed + ip_address(destination).packed + ports + scope


V4 = key("10.1.2.3", "192.0.2.9")
V6 = key("2001:db8::1", "2001:db8:ffff::2", scope=scope_bytes(SCOPE_VNI, 7))


@pytest.mark.parametrize(
    ("selection", "v4", "v6"),
    [
        (Selection(), True, True),
        (Selection(hosts=("10.1.2.3",)), True, False),
        (Selection(hosts=("10.1.2.4",)), False, False),
        (Selection(hosts=("2001:0db8::0002", "2001:db8:ffff:0::2")), False, True),
        (Selection(nets=("10.0.0.0/8",)), True, False),
        (Selection(nets=("10.1.2.3/8",)), True, False),
        (Selection(nets=("0.0.0.0/0",)), True, False),
        (Selection(nets=("2001:db8:ffff::/48",)), False, True),
        (Selection(hosts=("10.1.2.3",), nets=("2001:db8::/32",)), True, True),
        (Selection(ports=((443, 443),)), True, True),
        (Selection(ports=((1, 442), (40001, 65535))), False, False),
        (Selection(ports=((39000, 41000),), hosts=("10.1.2.3",)), True, False),
    ],
)
def test_keys(selection: Selection, v4: bool, v6: bool) -> None:
    assert [selection.matches_key(V4), selection.matches_key(V6)] == [v4, v6]
    assert [selection.matches_key(reverse_key(V4)), selection.matches_key(reverse_key(V6))] == [v4, v6]
    again = pickle.loads(pickle.dumps(selection))
    assert again == selection
    assert [again.matches_key(V4), again.matches_key(V6)] == [v4, v6]
    assert selection.takes_all_keys == (selection == Selection())


@given(
    st.tuples(st.ip_addresses(v=4), st.ip_addresses(v=4), st.integers(0, 65535), st.integers(0, 65535)),
    st.ip_addresses(v=4),
    st.integers(0, 32),
    st.integers(0, 65535),
)
def test_both_directions_agree(ends: tuple[object, object, int, int], net: object, bits: int, port: int) -> None:
    found = key(str(ends[0]), str(ends[1]), ends[2], ends[3])
    selection = Selection(nets=(f"{net}/{bits}",), ports=((min(port, 60000), 60000 + port % 5000),))
    assert selection.matches_key(found) == selection.matches_key(reverse_key(found))


def test_spans_share_nothing() -> None:
    first, second = Selection(to_ns=100), Selection(from_ns=100)
    assert [first.matches_time(t) for t in (99, 100)] == [True, False]
    assert [second.matches_time(t) for t in (99, 100)] == [False, True]
    assert not first.takes_all
    with pytest.raises(UsageError, match="before"):
        Selection(from_ns=5, to_ns=5)


@pytest.mark.parametrize(
    ("text", "time_ns"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("1970-01-01", 0),
        ("1970-01-01 00:00:01", 10**9),
        ("1970-01-01T01:00:00.000000001+01:00", 1),
        ("2026-03-01T10:00:00.123456789Z", 1772359200123456789),
        ("1772359200.123456789", 1772359200123456789),
        ("0", 0),
        ("-1.5", -15 * 10**8),
    ],
)
def test_times(text: str, time_ns: int) -> None:
    assert parse_time(text) == time_ns


@given(st.integers(-(10**18), 4 * 10**18))
def test_times_are_read_as_they_are_written(time_ns: int) -> None:
    seconds, rest = divmod(time_ns, 10**9)
    day = date(1970, 1, 1) + timedelta(days=seconds // 86400)
    clock = f"{seconds % 86400 // 3600:02d}:{seconds % 3600 // 60:02d}:{seconds % 60:02d}"
    assert parse_time(f"{day}T{clock}.{rest:09d}Z") == time_ns


@pytest.mark.parametrize("text", ["", "noon", "2026-13-01T00:00:00Z", "1.2.3", "nan", "2026-03-01T10:00:00.Z", "+", "\uff11"])
def test_what_is_no_time(text: str) -> None:
    with pytest.raises(UsageError, match="no time"):
        parse_time(text)


@pytest.mark.parametrize(("text", "pair"), [("443", (443, 443)), ("8000-8100", (8000, 8100)), ("0-65535", (0, 65535))])
def test_ports(text: str, pair: tuple[int, int]) -> None:
    assert parse_ports(text) == pair


@pytest.mark.parametrize("text", ["", "http", "70000", "9-1", "1-2-3", "-5"])
def test_what_is_no_port(text: str) -> None:
    with pytest.raises(UsageError, match="port"):
        parse_ports(text)
