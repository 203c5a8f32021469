"""One trial: bytes as a capture, through the whole program, in bounded time and memory; and campaigns of many."""

from __future__ import annotations

import base64
import os
import resource
import signal
import time
import traceback
import zlib
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

from tcptrace_py import analyze
from tcptrace_py.model.errors import CaptureError

from .laws import check
from .material import PCAP, pieces

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from types import FrameType

    from tcptrace_py import Result

SECONDS = "TCPSTATES_FUZZ_SECONDS"  # most that each campaign may take
SEED = "TCPSTATES_FUZZ_SEED"
CASES = "TCPSTATES_FUZZ_CASES"  # most cases of each campaign
TRIAL_S = 10
MEMORY_BYTES = 2 << 30  # beyond what the process holds already
SHRINK_TRIALS = 300

Case = tuple[str, bytes]


class TooSlowError(BaseException):
    """A trial did not end in time. No Exception: nothing may take it for damage."""


def seed() -> int:
    """Seed of all campaigns of this run."""
    return int(os.environ.get(SEED, "20261120"))


def seconds(usual: float) -> float:
    """How long a campaign may take."""
    return float(os.environ.get(SECONDS, str(usual)))


def most(usual: int) -> int:
    """How many cases a campaign may have."""
    return int(os.environ.get(CASES, str(usual)))


def trial(data: bytes, path: Path) -> Result | None:
    """Analyse bytes as a capture and hold the result to every law; None where the file cannot be read at all."""
    path.write_bytes(data)
    with in_time(TRIAL_S):
        try:
            result = analyze(path)
        except CaptureError as error:
            if str(path) not in str(error):
                raise AssertionError(f"no word of the file: {error}") from error
            return None
        check(result, link=link_of(data))
    return result


def link_of(data: bytes) -> int:
    """Link type of a lone pcap; one of which nothing is expected for all else."""
    return int.from_bytes(data[20:22], "little" if PCAP[data[:4]] == "<" else "big") if data[:4] in PCAP else 105


@contextmanager
def in_time(limit_s: float) -> Iterator[None]:
    """Raise TooSlowError inside where it takes longer."""

    def stop(_number: int, _frame: FrameType | None) -> None:
        raise TooSlowError(f"not done after {limit_s} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, limit_s)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@contextmanager
def in_memory(limit_bytes: int) -> Iterator[None]:
    """Let no more memory be had than this on top of what there is: asking for more is a MemoryError."""
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    held = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (held + limit_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def campaign(cases: Iterable[Case], folder: Path, *, limit_s: float, judge: Callable[[bytes, Path], Any] = trial) -> int:
    """Try cases until there are no more or time is up; how many were tried.

    The first failure ends it, with the seed, the case's name and the smallest capture found that fails alike.
    """
    started, tried = time.monotonic(), 0
    path = folder / "case.pcap"
    with in_memory(MEMORY_BYTES):
        for name, data in cases:
            if time.monotonic() - started > limit_s:
                break
            failure = failure_of(data, path, judge)
            if failure is not None:
                raise AssertionError(report(name, data, failure, path, judge))
            tried += 1
    print(f"{tried} cases in {time.monotonic() - started:.1f} s, seed {seed()}")  # noqa: T201 - seen with -s, and on failure
    assert tried
    return tried


def failure_of(data: bytes, path: Path, judge: Callable[[bytes, Path], Any] = trial) -> BaseException | None:
    """What went wrong with a capture; None if nothing did."""
    try:
        judge(data, path)
    except (Exception, TooSlowError) as failure:  # noqa: BLE001 - it is what is looked for
        return failure
    return None


def signature(failure: BaseException) -> tuple[str, str]:
    """What makes two failures alike: their kind, and where they were raised."""
    last = traceback.extract_tb(failure.__traceback__)[-1]
    return type(failure).__name__, "" if isinstance(failure, TooSlowError) else f"{last.filename}:{last.name}:{last.lineno}"


def report(name: str, data: bytes, failure: BaseException, path: Path, judge: Callable[[bytes, Path], Any] = trial) -> str:
    """Put a failure into words, with the smallest capture that fails alike."""
    small = data if isinstance(failure, TooSlowError) else shrunk(data, signature(failure), path, judge)
    again = failure_of(small, path, judge) or failure
    packed = base64.b85encode(zlib.compress(small)).decode() if len(small) < 100_000 else "(too large to print)"
    return (
        f"seed {seed()}, case {name}: {type(failure).__name__}: {failure}\n"
        f"shrunk from {len(data)} to {len(small)} bytes; to write it again:\n"
        "  import base64, zlib\n"
        f"  open('case.pcap', 'wb').write(zlib.decompress(base64.b85decode({packed!r})))\n" + "".join(traceback.format_exception(again))
    )


def shrunk(data: bytes, alike: tuple[str, str], path: Path, judge: Callable[[bytes, Path], Any] = trial) -> bytes:
    """A smaller capture that fails alike: records left out by halves, quarters and so on, as long as it helps."""
    head, rows = pieces(data)
    left, size = SHRINK_TRIALS, max(len(rows) // 2, 1)
    while left > 0 and rows:
        smaller = False
        at = 0
        while at < len(rows) and left > 0:
            fewer = rows[:at] + rows[at + size :]
            failure = failure_of(head + b"".join(fewer), path, judge)
            left -= 1
            if failure is not None and signature(failure) == alike:
                rows, smaller = fewer, True
            else:
                at += size
        if size == 1 and not smaller:
            break
        size = max(size // 2, 1)
    return head + b"".join(rows) if left < SHRINK_TRIALS else data


def random_for(name: str) -> Random:
    """Source of chance of one campaign: the same for the same seed and name."""
    return Random(f"{seed()} {name}")
