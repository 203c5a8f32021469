"""How much laws and comparisons try: little where somebody waits for the tests, all of it with TCPSTATES_THOROUGH=1, as in CI.

What is left out plainly is more of the same: further random examples, the large ones among the samples.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

THOROUGH = os.environ.get("TCPSTATES_THOROUGH", "") not in ("", "0")
LARGE_BYTES = 40_000


def examples(count: int) -> int:
    """How many random examples to try where so many are wanted."""
    return count if THOROUGH else max(count // 5, 3)


def every(nth: int, samples: Iterable[Path]) -> list[Path]:
    """Every n-th of these captures, or all: for what starts processes for each of them."""
    return list(samples)[:: 1 if THOROUGH else nth]


def some(samples: Iterable[Path]) -> list[Path]:
    """Those of these captures that are small, or all."""
    return [path for path in samples if THOROUGH or path.stat().st_size <= LARGE_BYTES]
