"""How much laws and comparisons try: little where somebody waits for the tests, all of it with TCPSTATES_THOROUGH=1, as in CI.

What is left out plainly is more of the same: further random examples, further samples, the large ones among them.
"""

from __future__ import annotations

import os
import sys
from itertools import product
from typing import TYPE_CHECKING, TypeVar

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

A = TypeVar("A")
B = TypeVar("B")
THOROUGH = os.environ.get("TCPSTATES_THOROUGH", "") not in ("", "0") or "--update-gold" in sys.argv
LARGE_BYTES = 40_000


def examples(count: int) -> int:
    """How many random examples to try where so many are wanted."""
    return count if THOROUGH else max(count // 5, 3)


def every(nth: int, samples: Iterable[A], first: int = 0) -> list[A]:
    """Every n-th of these captures, or all: for laws that hold of any. Those which begin elsewhere try others."""
    return list(samples) if THOROUGH else list(samples)[first::nth]


def paired(each: Iterable[A], ways: Iterable[B]) -> list[tuple[A, B]]:
    """Each with all of these ways, or with one of them in turn."""
    them, found = list(ways), list(each)
    return list(product(found, them)) if THOROUGH else [(one, them[at % len(them)]) for at, one in enumerate(found)]


def large_ones_slow(samples: Iterable[Path]) -> list[object]:
    """All of these captures, the large ones as slow tests: for what is written anew of all of them at once."""
    slow = pytest.mark.slow
    return [pytest.param(path, marks=[slow] if path.stat().st_size > LARGE_BYTES else [], id=path.name) for path in samples]


def some(samples: Iterable[Path]) -> list[Path]:
    """Those of these captures that are small, or all."""
    return [path for path in samples if THOROUGH or path.stat().st_size <= LARGE_BYTES]
