"""TIME_WAIT over time, the ceiling drawn where it is in reach: as bars, the same on any terminal, or as a fine curve.

The curve is drawn by plotille (extra `plot`) with the dots of Braille letters: twice as many points in each line.
"""

from collections.abc import Sequence
from itertools import pairwise

from tcptrace_py.model.diagnosis import HostLedger, Series
from tcptrace_py.outputs.units import clock, count

HEIGHT = 8
CURVE_HEIGHT = 12
MOST_COLUMNS = 100
REACH = 0.4  # of the ceiling: below that the line would flatten the curve
_BLOCKS = " ▁▂▃▄▅▆▇█"
_LINE = "┄"
_NO_DOT = "\u2800"


def picture(host: HostLedger, ceiling: int | None, width: int, kind: str = "bars") -> tuple[str, ...]:
    """TIME_WAIT of a host over the capture, in lines of at most `width` characters; `ceiling`: its ports, if any.

    `kind` is one of PICTURES but auto (outputs/time_wait).
    """
    if host.series is None or kind == "none":
        return ()
    if kind == "curve":
        return curve(host.series, ceiling, width)
    return bars(host.series, ceiling, "ports" if ceiling is not None else "", width)


def bars(series: Series, ceiling: int | None, name: str, width: int) -> tuple[str, ...]:
    """Draw a curve; `name` says what the ceiling is made of."""
    top = max(series.counts, default=0)
    if not top:
        return ()
    line = ceiling if ceiling is not None and top >= REACH * ceiling else None
    scale = _nice(max(top, line or 0))
    label = len(count(scale))
    columns = min(max(width - label - 3, 10), MOST_COLUMNS)
    heights = [round(value * HEIGHT * 8 / scale) for value in _resampled(series.counts, columns)]
    rows = []
    for row in range(HEIGHT - 1, -1, -1):
        cells = "".join(_BLOCKS[min(max(height - 8 * row, 0), 8)] for height in heights)
        at_line = line is not None and min(line * HEIGHT // scale, HEIGHT - 1) == row
        text = _ruled(cells, f" {count(line or 0)} {name} ") if at_line else cells
        rows.append(f"{_tick(row, scale):>{label}} {'┤' if _tick(row, scale) else '│'}{text}".rstrip())
    return (*rows, f"{'0':>{label}} └{'─' * columns}", _times(series, label + 2, columns))


def curve(series: Series, ceiling: int | None, width: int) -> tuple[str, ...]:
    """Draw a curve in dots, and a dashed line for the ceiling, whose number stands at the scale. Needs plotille."""
    from plotille import Canvas  # noqa: PLC0415 - an extra

    top = max(series.counts, default=0)
    if not top:
        return ()
    line = ceiling if ceiling is not None and top >= REACH * ceiling else None
    scale = _nice(max(top, line or 0))
    label = max(len(count(scale)), len(_ports(line)))
    columns = min(max(width - label - 3, 10), MOST_COLUMNS)
    canvas = Canvas(columns, CURVE_HEIGHT, 0, 0, 2 * columns, scale * 1.001)
    heights = _resampled(series.counts, 2 * columns)
    for x, (one, other) in enumerate(pairwise(heights)):
        canvas.line(x, one, x + 1, other)
    for x in range(0, 2 * columns, 4) if line is not None else ():
        canvas.point(x, line or 0)
    rows = []
    for row, dots in zip(range(CURVE_HEIGHT - 1, -1, -1), canvas.plot().split("\n"), strict=True):
        at_line = line is not None and min(line * CURVE_HEIGHT // scale, CURVE_HEIGHT - 1) == row
        tick = _ports(line) if at_line else _tick(row, scale, CURVE_HEIGHT)
        rows.append(f"{tick:>{label}} {'┤' if tick else '│'}{dots.replace(_NO_DOT, ' ')}".rstrip())
    return (*rows, f"{'0':>{label}} └{'─' * columns}", _times(series, label + 2, columns))


def _ports(line: int | None) -> str:
    return "" if line is None else f"{count(line)} ports"


def _tick(row: int, scale: int, height: int = HEIGHT) -> str:
    """Numbers stand at the top of the scale and at its middle."""
    return count(scale) if row == height - 1 else count(scale // 2) if row == height // 2 - 1 and scale > 1 else ""


def _ruled(cells: str, label: str) -> str:
    """The ceiling, behind the bars, its number at the left."""
    text = f"{_LINE * 2}{label}".ljust(len(cells), _LINE) if len(label) + 4 < len(cells) else _LINE * len(cells)
    if cells[: len(label) + 2].strip():  # the bars are there: the number goes where there is room, or nowhere
        free = cells.find(" " * (len(label) + 4))
        text = _LINE * len(cells)
        if free >= 0:
            text = text[: free + 2] + label + text[free + 2 + len(label) :]
    return "".join(cell if cell != " " else mark for cell, mark in zip(cells, text, strict=True))


def _resampled(counts: Sequence[int], columns: int) -> list[int]:
    """The most in each column's share of the time."""
    found = []
    for column in range(columns):
        low = column * len(counts) // columns
        high = max((column + 1) * len(counts) // columns, low + 1)
        found.append(max(counts[low:high]))
    return found


def _times(series: Series, margin: int, columns: int) -> str:
    first, last = clock(series.start_ns, decimals=0), clock(series.end_ns, decimals=0)
    if first == last:
        first, last = clock(series.start_ns), clock(series.end_ns)
    gap = columns - len(first) - len(last)
    return f"{' ' * margin}{first}{' ' * gap}{last}" if gap > 0 else f"{' ' * margin}{first}"


def _nice(value: int) -> int:
    """The next round number that is no less; even, so that its half is whole."""
    power = 1
    while power * 10 < value:
        power *= 10
    for factor in (1, 1.2, 1.4, 1.6, 1.8, 2, 2.4, 2.8, 3, 4, 5, 6, 8, 10):
        number = round(factor * power)
        if number >= value and abs(number - factor * power) < 0.01 and (number % 2 == 0 or number == 1):
            return number
    return 10 * power
