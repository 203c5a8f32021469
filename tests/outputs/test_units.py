"""Numbers as text: exact for programs, sensible for people."""

import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tcptrace_py.model.results import Endpoint, Scope, TwoScopes
from tcptrace_py.outputs import units
from tcptrace_py.outputs.formats.table import prose

TIMES = st.integers(-(2**63), 2**63 - 1)


@given(TIMES)
def test_times_are_exact(time_ns: int) -> None:
    text = units.rfc3339(time_ns)
    assert text is not None
    head, fraction = text.removesuffix("Z").split(".")
    assert len(fraction) == 9
    whole = datetime.strptime(head, "%Y-%m-%dT%H:%M:%S").replace(tzinfo=UTC)
    since = whole - datetime(1970, 1, 1, tzinfo=UTC)
    assert (since.days * 86400 + since.seconds) * 10**9 + int(fraction) == time_ns


@given(st.integers(-(10**15) + 1, 10**15 - 1))
def test_durations_in_json_have_no_float_noise(duration_ns: int) -> None:
    text = json.dumps(units.ms(duration_ns))
    assert Decimal(text) == Decimal(duration_ns) / 1_000_000


@given(st.floats() | st.integers(0, 10**16).map(lambda ns: ns / 1_000_000) | st.integers(0, 10**16).map(lambda ns: ns / 1_000_000_000))
@example(0.0001)
@example(999_999.9999999999)
@example(1_000_000.0)
@example(0.30000000000000004)
def test_the_shortest_text_is_that_of_repr(number: float) -> None:
    assert units.shortest(number) == repr(number)


@given(st.integers(-(10**15) + 1, 10**15 - 1))
@example(1)
def test_durations_as_text_are_exact(duration_ns: int) -> None:
    text = units.decimal(duration_ns / 1_000_000)
    assert Decimal(text) * 1_000_000 == duration_ns
    assert len(text.partition(".")[2]) <= 6
    assert text == json.dumps(duration_ns / 1_000_000).removesuffix(".0") or "e" in json.dumps(duration_ns / 1_000_000)


def test_the_unknown_is_never_zero() -> None:
    assert (units.rfc3339(None), units.ms(None)) == (None, None)
    assert (units.human(None), units.clock(None)) == ("-", "-")


@pytest.mark.parametrize(
    ("duration_ns", "text"),
    [
        (0, "0 s"),
        (1, "1 ns"),
        (999, "999 ns"),
        (999_999, "1 ms"),
        (1_500, "1.5 µs"),
        (310_000, "310 µs"),
        (12_345_678, "12.3 ms"),
        (3_020_000_000, "3.02 s"),
        (99_960_000_000, "100 s"),
        (119_000_000_000, "119 s"),
        (125_000_000_000, "2 min 5 s"),
        (7_200_000_000_000, "2 h"),
        (90_000_000_000_000, "1 d 1 h"),
        (-310_000, "-310 µs"),
    ],
)
def test_durations_for_people(duration_ns: int, text: str) -> None:
    assert units.human(duration_ns) == text


@given(st.integers(0, 2**63 - 1))
def test_durations_for_people_are_short_and_near(duration_ns: int) -> None:
    text = units.human(duration_ns)
    assert len(text) <= 13
    number, unit = text.split(" ")[:2]
    scale = {"ns": 1, "µs": 10**3, "ms": 10**6, "s": 10**9, "min": 60 * 10**9, "h": 3600 * 10**9, "d": 86400 * 10**9}[unit]
    assert 0.985 <= (float(number) * scale + 1) / (duration_ns + 1) <= 1.01 or unit in ("min", "h", "d")


@pytest.mark.parametrize(
    ("part", "whole", "text"),
    [
        (0, 0, "-"),
        (0, 10, "0 %"),
        (1, 100_000, "<0.1 %"),
        (3, 100, "3.0 %"),
        (50, 100, "50 %"),
        (999_999, 1_000_000, ">99.9 %"),
        (275, 276, "99.6 %"),
        (10, 10, "100 %"),
    ],
)
def test_shares(part: int, whole: int, text: str) -> None:
    assert units.share(part, whole) == text


def test_ends_scopes_and_sizes() -> None:
    assert units.end(Endpoint("10.0.0.1", 80)) == "10.0.0.1:80"
    assert units.end(Endpoint("2001:db8::1", 80)) == "[2001:db8::1]:80"
    assert units.scope_text(Scope(vlan=7, vni=0)) == "vlan 7 vni 0"
    assert units.scope_text(Scope(gre_key=5, interface=2)) == "gre key 5 interface 2"
    assert units.scope_text(TwoScopes(Scope(vni=1), None)) == "vni 1 / none"
    assert [units.size(n) for n in (0, 999, 1000, 2048, 10**12)] == ["0 B", "999 B", "1 kB", "2.05 kB", "1 TB"]


def test_names_cannot_steer_the_terminal() -> None:
    assert units.printable("a\x1b[2Jb\nc\udc80") == r"a\x1b[2Jb\nc\udc80"
    assert units.printable("Aufnahme äöü.pcap") == "Aufnahme äöü.pcap"


@pytest.mark.parametrize("width", range(12, 60, 3))
def test_no_number_is_parted_from_its_unit(width: int) -> None:
    text = "12 % of it in 440 ms, 3 min or 2 h, 10 kB and 5 of 7 things, 1 d"
    lines = prose(text, width)
    assert " ".join(lines) == text
    assert not [line for line in lines[1:] if line.split()[0] in ("%", "ms,", "min", "h,", "kB", "d")]
    assert max(map(len, lines)) <= width


@given(st.lists(st.integers(-5, 5) | TIMES), st.none() | st.integers(-5, 5))
def test_columns_of_numbers_are_the_texts_of_each(numbers: list[int], null: int | None) -> None:
    assert units.whole_numbers(numbers, null) == ["" if number == null else str(number) for number in numbers]
    assert units.times(numbers, null) == ["" if number == null else units.rfc3339(number) for number in numbers]


@given(st.lists(st.tuples(st.floats(allow_nan=False, allow_infinity=False), st.booleans())))
def test_columns_of_decimals_are_the_texts_of_each(cells: list[tuple[float, bool]]) -> None:
    numbers, there = [number for number, _ in cells], [given for _, given in cells]
    assert units.decimals(numbers, None) == [units.decimal(number) for number in numbers]
    assert units.decimals(numbers, there) == [units.decimal(number) if given else "" for number, given in cells]
