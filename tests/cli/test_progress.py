"""What the line of progress says."""

import pytest

from tcptrace_py.cli.progress import line, stage_line
from tcptrace_py.cluster.engine import Progress


@pytest.mark.parametrize(("done", "total", "elapsed_s", "part", "text"), [
    (25_000_000, None, 3, (0.0, 1.0), "  25 MB read"),
    (25_000_000, 100_000_000, 3, (0.0, 1.0), "   25 %  25 MB of 100 MB, 9 s left"),
    (1_000_000, 100_000_000, 3, (0.0, 1.0), "    1 %  1 MB of 100 MB"),  # too early to tell
    (50_000_000, 100_000_000, 8, (0.6, 1.0), "   80 %  50 MB of 100 MB, 2 s left"),  # the second reading of a command
    (200_000_000, 100_000_000, 8, (0.0, 1.0), "  100 %  200 MB of 100 MB, 0 s left"),  # the file has grown
])  # fmt: skip
def test_line(done: int, total: int | None, elapsed_s: float, part: tuple[float, float], text: str) -> None:
    assert line(done, total, elapsed_s, part) == text


@pytest.mark.parametrize(
    ("progress", "said"),
    [
        (Progress("heads", 0, 50, 0, 0, 0.0), "  heads: 0 of 50"),
        (Progress("heads", 10, 50, 0, 0, 4.0), "  heads: 10 of 50, 2.5 a second, 16 s left"),
        (Progress("decode", 0, 9, 0, 600_000_000, 0.0), "  decode: 0 of 9, 0 of 600 MB"),
        (Progress("decode", 1, 9, 400_000_000, 600_000_000, 8.0), "  decode: 1 of 9, 400 of 600 MB, 50 MB a second, 4 s left"),
    ],
)
def test_bytes_say_how_long_it_takes_where_they_are_known(progress: Progress, said: str) -> None:
    assert stage_line(progress) == said
