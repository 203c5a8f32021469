"""Running a command: its time, its CPU seconds, and the memory of all its processes together.

Time and memory are taken in runs of their own, since adding up the memory of a process disturbs it.
"""

import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

SAMPLE_S = 0.02
KIB = 1024
RSS_UNIT_BYTES = 1 if sys.platform == "darwin" else KIB  # of ru_maxrss
FIELDS = re.compile(rb"^(Pss|Pss_File): +(\d+) kB$", re.MULTILINE)


class BenchmarkError(Exception):
    """A command that is measured failed."""


@dataclass(frozen=True)
class Command:
    """What to run, and where."""

    args: tuple[str, ...]
    cwd: Path
    env: Mapping[str, str] | None = None


@dataclass(frozen=True)
class Run:
    """One run. `max_rss_bytes` is the largest of its processes alone, as the kernel tells at the end."""

    wall_s: float
    cpu_s: float
    max_rss_bytes: int


@dataclass(frozen=True)
class Memory:
    """Peak of all processes of a command together; null where the system does not tell (Linux: smaps_rollup).

    Proportional set size: a page that several share is counted once in all. `file_bytes` is the part of the peak that
    is pages of files (program text, and the capture where it is mapped), which the system can drop at any time.
    """

    peak_bytes: int | None
    file_bytes: int | None
    samples: int
    max_rss_bytes: int


def timed(command: Command) -> Run:
    """Run it with its output going to a pipe that is read as fast as it comes."""
    return _run(command, None)


def memory(command: Command) -> Memory:
    """Run it and add up the memory of its processes every 20 ms."""
    sampler = Sampler()
    run = _run(command, sampler)
    peak, file_bytes = sampler.peak if sampler.samples else (None, None)
    return Memory(peak, file_bytes, sampler.samples, run.max_rss_bytes)


def _run(command: Command, sampler: "Sampler | None") -> Run:
    with tempfile.TemporaryFile() as complaints:
        begun = time.perf_counter()
        # A session of its own: its processes are found by it.
        process = subprocess.Popen(
            command.args,
            cwd=command.cwd,
            env=command.env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=complaints,
            start_new_session=True,
        )
        if sampler:
            sampler.start(process.pid)
        assert process.stdout is not None
        while os.read(process.stdout.fileno(), 1 << 16):
            pass
        _pid, status, usage = os.wait4(process.pid, 0)
        wall_s = time.perf_counter() - begun
        process.returncode = os.waitstatus_to_exitcode(status)
        process.stdout.close()
        if sampler:
            sampler.stop()
        if process.returncode != 0:
            complaints.seek(0)
            said = complaints.read()[-2000:].decode(errors="replace").strip()
            raise BenchmarkError(f"{' '.join(command.args)} ended with {process.returncode}: {said}")
    return Run(wall_s, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * RSS_UNIT_BYTES)


class Sampler:
    """Adds up the memory of a session's processes at intervals, in a thread."""

    def __init__(self) -> None:
        self.peak = (0, 0)
        self.samples = 0
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self, session: int) -> None:
        """Begin with the processes of this session."""
        self._thread = threading.Thread(target=self._watch, args=(session,), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End; `peak` and `samples` then hold what was seen."""
        self._ended.set()
        if self._thread:
            self._thread.join()

    def _watch(self, session: int) -> None:
        while not self._ended.is_set():
            sizes = [size for process in processes_of(session) if (size := set_size(process)) is not None]
            if sizes:
                self.samples += 1
                total = (sum(pss for pss, _ in sizes), sum(file_pss for _, file_pss in sizes))
                self.peak = max(self.peak, total)
            self._ended.wait(SAMPLE_S)


def processes_of(session: int) -> list[int]:
    """Processes of a session, by /proc/PID/stat (proc(5): the session is the fourth field behind the name)."""
    found = []
    for entry in os.listdir("/proc") if os.path.isdir("/proc") else []:  # noqa: PTH112, PTH208 - fifty times a second
        if entry.isdigit() and int(entry) >= session:
            try:
                with open(f"/proc/{entry}/stat", "rb") as file:  # noqa: PTH123 - the same
                    fields = file.read().rpartition(b")")[2].split()
            except OSError:
                continue
            if int(fields[3]) == session:
                found.append(int(entry))
    return found


def set_size(process: int) -> tuple[int, int] | None:
    """(proportional set size, the part of it that is pages of files) in bytes; None where it cannot be read."""
    try:
        with open(f"/proc/{process}/smaps_rollup", "rb") as file:  # noqa: PTH123 - fifty times a second
            found = {name: int(size) * KIB for name, size in FIELDS.findall(file.read())}
    except OSError:
        return None
    return (found[b"Pss"], found.get(b"Pss_File", 0)) if b"Pss" in found else None
