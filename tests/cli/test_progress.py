"""What the line of progress says."""

import pytest

from tcptrace_py.cli.progress import line


@pytest.mark.parametrize(("done", "total", "elapsed_s", "part", "text"), [
    (25_000_000, None, 3, (0.0, 1.0), "  25 MB read"),
    (25_000_000, 100_000_000, 3, (0.0, 1.0), "   25 %  25 MB of 100 MB, 9 s left"),
    (1_000_000, 100_000_000, 3, (0.0, 1.0), "    1 %  1 MB of 100 MB"),  # too early to tell
    (50_000_000, 100_000_000, 8, (0.6, 1.0), "   80 %  50 MB of 100 MB, 2 s left"),  # the second reading of a command
    (200_000_000, 100_000_000, 8, (0.0, 1.0), "  100 %  200 MB of 100 MB, 0 s left"),  # the file has grown
])  # fmt: skip
def test_line(done: int, total: int | None, elapsed_s: float, part: tuple[float, float], text: str) -> None:
    assert line(done, total, elapsed_s, part) == text
