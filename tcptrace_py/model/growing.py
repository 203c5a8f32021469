"""Columns that grow, tables of words, and memory that is no longer needed."""

import mmap
import sys
from array import array
from contextlib import suppress

HUGE_PAGE_BYTES = 1 << 21


def longer(column: "array[int]", part: int = 2) -> "array[int]":
    """A column that begins with these values and has room for some more: one for every `part` of them."""
    grown = zeros("q" if column.itemsize == 8 else "i", len(column) + len(column) // part)
    memoryview(grown)[: len(column)] = memoryview(column)
    return grown


def zeros(kind: str, count: int) -> "array[int]":
    """So many zeros of this kind (`array`): made in place, where `array(kind, bytes(...))` would have them twice for a moment."""
    return array(kind, (0,)) * count


def words_of(count: int) -> "array[int] | memoryview":
    """So many unsigned words of 32 bits, all 0.

    Large tables are in huge pages where the system has them to give (Linux: madvise(2)): whoever looks at random places misses
    the cache often enough without having to look for the page first.
    """
    size_bytes = 4 * count
    if size_bytes < HUGE_PAGE_BYTES or not hasattr(mmap, "MADV_HUGEPAGE"):
        return array("I", bytes(size_bytes))
    area = mmap.mmap(-1, size_bytes, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    with suppress(OSError):  # a kernel without them
        area.madvise(mmap.MADV_HUGEPAGE)
    return memoryview(area).cast("I")


def give_back() -> None:
    """Let the system have memory that is free in this process: of many small objects much stays with it otherwise (glibc).

    Worth its milliseconds where many were let go at once, and others, or another process, need room now.
    """
    if sys.platform != "linux":
        return
    with suppress(ImportError, OSError, AttributeError):  # another library for C
        from ctypes import CDLL  # noqa: PLC0415 - for large captures only

        CDLL(None).malloc_trim(0)
