"""The kernel's tracepoints, in an instance of tracefs of our own, read from the binary ring buffer.

Binary, since the text form leaves the socket's address out of inet_sock_set_state and cuts times to microseconds.
Layout: Documentation/trace/ring-buffer-design.rst, include/linux/ring_buffer.h. The trace clock is TAI, which on
the machine is the captures' clock plus a constant; the constant is measured at both ends of a recording.
"""

from __future__ import annotations

import os
import re
import struct
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

TRACEFS = Path("/sys/kernel/tracing")
INSTANCE = "tcpstates_recorder"
PAGE_BYTES = 4096
FLAG_SOFTIRQ = 0x10
_PADDING, _TIME_EXTEND, _TIME_STAMP = 29, 30, 31
_TIMERS_OF_MINISOCKS = ("tw_timer_handler", "reqsk_timer_handler")
_TIMERS_OF_SOCKETS = ("tcp_write_timer", "tcp_keepalive_timer")

EVENTS: dict[str, tuple[str, ...]] = {
    "sock/inet_sock_set_state": (),
    "sock/inet_sk_error_report": (),
    "tcp/tcp_retransmit_skb": (),
    "tcp/tcp_retransmit_synack": (),
    "tcp/tcp_send_reset": (),
    "tcp/tcp_receive_reset": (),
    "tcp/tcp_destroy_sock": (),
    "timer/timer_start": _TIMERS_OF_MINISOCKS,
    "timer/timer_cancel": (),
    "timer/timer_expire_entry": _TIMERS_OF_MINISOCKS + _TIMERS_OF_SOCKETS,
    "timer/timer_expire_exit": (),
}


@dataclass(slots=True)
class Event:
    """One tracepoint hit. `t_ns` is on the captures' clock; `softirq` and `pid` say in whose context."""

    t_ns: int
    cpu: int
    pid: int
    softirq: bool
    name: str
    fields: dict[str, int | bytes]

    @property
    def context(self) -> tuple[str, int]:
        """Events of one context are in program order and belong together: a softirq owns its CPU, a task moves."""
        return ("softirq", self.cpu) if self.softirq else ("task", self.pid)

    def number(self, name: str) -> int:
        """An integer field."""
        value = self.fields[name]
        assert isinstance(value, int)
        return value

    def raw(self, name: str) -> bytes:
        """An array field."""
        value = self.fields[name]
        assert isinstance(value, bytes)
        return value


@dataclass(slots=True)
class Format:
    """How one event is laid out: (field, offset, size, signed, is an array)."""

    name: str
    fields: list[tuple[str, int, int, bool, bool]]

    @classmethod
    def parse(cls, text: str) -> tuple[int, Format]:
        """Read an events/*/format file; gives the event's number too."""
        number = int(re.search(r"^ID: (\d+)", text, re.MULTILINE).group(1))  # type: ignore[union-attr]
        name = re.search(r"^name: (\S+)", text, re.MULTILINE).group(1)  # type: ignore[union-attr]
        fields = []
        for line in re.finditer(r"field:([^;]+);\s*offset:(\d+);\s*size:(\d+);\s*signed:(\d)", text):
            declaration, offset, size, signed = line.groups()
            word = declaration.split()[-1]
            fields.append((word.split("[")[0], int(offset), int(size), signed == "1", "[" in word))
        return number, cls(name, [f for f in fields if f[0] not in ("common_type", "common_preempt_count")])

    def decode(self, payload: bytes) -> dict[str, int | bytes]:
        """Field values of one event's payload."""
        values: dict[str, int | bytes] = {}
        for name, offset, size, signed, array in self.fields:
            piece = payload[offset : offset + size]
            values[name] = piece if array else int.from_bytes(piece, "little", signed=signed)
        return values


def walk_page(page: bytes) -> list[tuple[int, bytes]]:
    """(time, payload) of each event on one sub-buffer of the ring."""
    stamp, commit = struct.unpack_from("<QQ", page)
    end = 16 + (commit & 0xFFFFF)
    at, events = 16, []
    while at + 4 <= end:
        (head,) = struct.unpack_from("<I", page, at)
        kind, delta = head & 31, head >> 5
        if kind == _PADDING:
            if delta == 0:
                break
            (length,) = struct.unpack_from("<I", page, at + 4)
            stamp, at = stamp + delta, at + 4 + length
            continue
        if kind in (_TIME_EXTEND, _TIME_STAMP):
            (high,) = struct.unpack_from("<I", page, at + 4)
            value = (high << 27) | delta
            stamp = stamp + value if kind == _TIME_EXTEND else value | (stamp & ~((1 << 59) - 1))
            at += 8
            continue
        stamp += delta
        start, length = at + 4, kind * 4
        if kind == 0:
            (length,) = struct.unpack_from("<I", page, at + 4)
            start, length = at + 8, length - 4
        events.append((stamp, page[start : start + length]))
        at = start + length
    return events


def clock_offset_ns() -> int:
    """TAI minus the captures' clock (CLOCK_REALTIME): the best of several paired readings."""
    best = (1 << 62, 0)
    for _ in range(50):
        before = time.clock_gettime_ns(time.CLOCK_REALTIME)
        tai = time.clock_gettime_ns(time.CLOCK_TAI)
        after = time.clock_gettime_ns(time.CLOCK_REALTIME)
        best = min(best, (after - before, tai - (before + after) // 2))
    return best[1]


class Trace:
    """A running trace: start(), stop(), then events()."""

    def __init__(self, buffer_kb: int = 32768) -> None:
        if not (TRACEFS / "instances").is_dir():
            subprocess.run(["mount", "-t", "tracefs", "nodev", str(TRACEFS)], check=True, timeout=10)
        self.root = TRACEFS / "instances" / INSTANCE
        self.close()  # what a killed run left
        self.root.mkdir()
        self._write("trace_clock", "tai")
        self._write("tracing_on", "0")
        self._write("buffer_size_kb", str(buffer_kb))
        self.formats: dict[int, Format] = {}
        for event, functions in EVENTS.items():
            directory = f"events/{event}"
            number, layout = Format.parse((self.root / directory / "format").read_text())
            self.formats[number] = layout
            if functions:
                self._write(f"{directory}/filter", " || ".join(f"function.function == {f}" for f in functions))
            self._write(f"{directory}/enable", "1")
        self.functions = _function_names({*_TIMERS_OF_MINISOCKS, *_TIMERS_OF_SOCKETS})
        self.offsets_ns: list[int] = []
        self.lost = 0

    def _write(self, name: str, value: str) -> None:
        (self.root / name).write_text(value)

    def start(self) -> None:
        """Begin; the buffer was empty."""
        self.offsets_ns.append(clock_offset_ns())
        self._write("tracing_on", "1")

    def stop(self) -> None:
        """End; what was traced stays to be read."""
        self._write("tracing_on", "0")
        self.offsets_ns.append(clock_offset_ns())

    def events(self) -> list[Event]:
        """Everything traced, of all CPUs, by time; program order within a CPU is kept."""
        offset = self.offsets_ns[0]
        # CLOCK_TAI differs from CLOCK_REALTIME by whole seconds; the rest is the time between two readings.
        offset = round(offset / 1e9) * 1_000_000_000
        found: list[Event] = []
        for cpu in range(os.cpu_count() or 1):
            self._count_lost(cpu)
            for stamp, payload in self._pages_of(cpu):
                layout = self.formats.get(int.from_bytes(payload[:2], "little"))
                if layout is None:
                    continue
                fields = layout.decode(payload)
                flags, pid = fields.pop("common_flags"), fields.pop("common_pid")
                assert isinstance(flags, int)
                assert isinstance(pid, int)
                found.append(Event(stamp - offset, cpu, pid, bool(flags & FLAG_SOFTIRQ), layout.name, fields))
        found.sort(key=lambda e: e.t_ns)
        return found

    def _count_lost(self, cpu: int) -> None:
        stats = (self.root / f"per_cpu/cpu{cpu}/stats").read_text()
        self.lost += sum(int(n) for n in re.findall(r"(?:overrun|dropped events): (\d+)", stats))

    def _pages_of(self, cpu: int) -> list[tuple[int, bytes]]:
        events: list[tuple[int, bytes]] = []
        source = os.open(self.root / f"per_cpu/cpu{cpu}/trace_pipe_raw", os.O_RDONLY | os.O_NONBLOCK)
        try:
            with suppress(BlockingIOError):
                while page := os.read(source, PAGE_BYTES):
                    events += walk_page(page)
        finally:
            os.close(source)
        return events

    def close(self) -> None:
        """Take the instance away."""
        if self.root.is_dir():
            for event in EVENTS:
                with suppress(OSError):
                    self._write(f"events/{event}/enable", "0")
            self.root.rmdir()


def _function_names(wanted: set[str]) -> dict[int, str]:
    """Address -> name, of the timer functions in question."""
    names = {}
    for line in Path("/proc/kallsyms").read_text().splitlines():
        address, _, name = line.split()[:3]
        if name in wanted:
            names[int(address, 16)] = name
    return names
