"""A curve is what counting by hand gives."""

from hypothesis import given
from hypothesis import strategies as st

from tcptrace_py.findings.curve import Curve, median

spans = st.lists(st.tuples(st.integers(0, 20), st.integers(0, 9)).map(lambda p: (p[0], p[0] + p[1])), max_size=15)


def curve(rows: list[tuple[int, int]]) -> Curve:
    made = Curve()
    for begin, end in rows:
        made.add(begin, end)
    made.sort()
    return made


def level(rows: list[tuple[int, int]], moment: int) -> int:
    return sum(begin <= moment < end for begin, end in rows)


@given(spans)
def test_level_peak_and_first_moment(rows: list[tuple[int, int]]) -> None:
    made = curve(rows)
    levels = [level(rows, moment) for moment in range(32)]
    assert [made.at(moment) for moment in range(32)] == levels
    # one of no length is there at its moment for whoever asks for the most at once, and gone for who asks after
    if all(end > begin for begin, end in rows):
        best = max(levels, default=0)
        assert made.peak() == (best, levels.index(best) if best else None)
        for wanted in range(1, best + 1):
            assert made.reached(wanted) == next(i for i, number in enumerate(levels) if number >= wanted)
        assert made.reached(best + 1) is None


@given(spans, st.integers(1, 5))
def test_time_above(rows: list[tuple[int, int]], wanted: int) -> None:
    expected = sum(level(rows, moment) >= wanted for moment in range(3, 25))
    assert curve(rows).time_above(wanted, 3, 25) == expected


@given(spans, st.integers(0, 10**12))
def test_series_ends_with_the_capture(rows: list[tuple[int, int]], span: int) -> None:
    made = curve(rows)
    series = made.series(0, span)
    assert 1 <= len(series.counts) <= 242
    for index in (0, len(series.counts) - 1):
        assert series.counts[index] == made.at(series.moment_ns(index))
    assert series.moment_ns(len(series.counts) - 1) == span


def test_the_middle_one() -> None:
    from array import array

    assert median(array("q")) is None
    assert median(array("q", [3, 1, 2])) == 2
    assert median(array("q", [4, 1, 2, 3])) == 2
