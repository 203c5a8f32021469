"""Columns that grow, tables of words, and memory that is no longer needed."""

import mmap
import sys
from array import array
from contextlib import suppress

HUGE_PAGE_BYTES = 1 << 21
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # of malloc.h
APART_BYTES = 1 << 18
LARGE_BYTES = 1 << 22  # more than what is made anew for each block of frames
KIND_OF = {1: "b", 4: "i", 8: "q"}  # by size in bytes; compiled, a column may be a view, which does not say


def longer(column: "array[int]", part: int = 2) -> "array[int]":
    """A column that begins with these values and has room for some more: one for every `part` of them."""
    grown = zeros(KIND_OF[column.itemsize], len(column) + len(column) // part)
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
    _ask_libc("malloc_trim", 0)


def give_back_at_once() -> None:
    """The same, and from now on large pieces of memory are the system's again as soon as they are let go (glibc: mallopt(3)).

    Columns that grow leave holes otherwise, each too small for the next. Where all is done piece by piece it would cost time.
    """
    _ask_libc("mallopt", M_MMAP_THRESHOLD, APART_BYTES)
    give_back()


def keep_large_apart() -> None:
    """Let columns beyond LARGE_BYTES have memory of their own from now on, in this process and those that it forks.

    They grow in place then, and leave no holes (glibc would put them among the others as soon as it has seen a few go).
    """
    _ask_libc("mallopt", M_MMAP_THRESHOLD, LARGE_BYTES)
    _ask_libc("mallopt", M_TRIM_THRESHOLD, 2 * LARGE_BYTES)


def _ask_libc(name: str, *numbers: int) -> None:
    if sys.platform != "linux":
        return
    with suppress(ImportError, OSError, AttributeError):  # another library for C
        from ctypes import CDLL  # noqa: PLC0415 - for large captures only

        getattr(CDLL(None), name)(*numbers)
