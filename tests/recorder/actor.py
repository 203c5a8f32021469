"""The steps of a plan, carried out on a socket; plan.py tells what each does."""

from __future__ import annotations

import json
import socket
import struct
import threading
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.recorder.plan import Plan, Spec

HEADER_BYTES = 32


class Log:
    """JSON lines, from any thread."""

    def __init__(self, path: Path) -> None:
        self.file, self.lock = path.open("w", buffering=1), threading.Lock()

    def write(self, **entry: Any) -> None:
        """Append an entry."""
        with self.lock:
            self.file.write(json.dumps(entry) + "\n")


class Actor:
    """Runs the steps of one side of one connection."""

    def __init__(self, sock: socket.socket, plan: Plan, spec: Spec | None, held: list[socket.socket]) -> None:
        self.sock, self.plan, self.spec, self.held = sock, plan, spec, held
        self.announced = spec is None
        self.meeting = time.time() + (spec.meet_s if spec else 0.0)
        self.heard = b""

    def run(self, steps: list[list[Any]]) -> None:
        """Every step in order; closes at the end whatever happens, unless the socket is held."""
        try:
            for step in steps:
                self.take(step)
        finally:
            if self.sock not in self.held:
                self.sock.close()

    def take(self, step: list[Any]) -> None:
        """One step."""
        name, *arguments = step
        action: Callable[..., None] = getattr(self, f"_do_{name}")
        action(*arguments)

    def _do_send(self, count: int) -> None:
        block = b"x" * count
        if not self.announced and self.spec:
            self.announced = True
            self.meeting = time.time() + self.spec.meet_s
            header = f"{self.spec.id:8d} {self.meeting:22.6f} ".encode()
            block = header + block[len(header) :]
        self.sock.sendall(block)

    def _do_recv(self, count: int) -> None:
        while count > 0:
            piece = self.sock.recv(min(count, 65536))
            if not piece:
                return
            self.listen_to(piece)
            count -= len(piece)

    def listen_to(self, piece: bytes) -> None:
        """Server: the first bytes say which connection this is and when to meet."""
        if self.spec is None and len(self.heard) < HEADER_BYTES:
            self.heard += piece
            fields = self.heard[:HEADER_BYTES].split()
            if len(self.heard) >= HEADER_BYTES and len(fields) >= 2:
                self.meeting = float(fields[1])

    def _do_eof(self) -> None:
        while self.sock.recv(65536):
            pass

    def _do_drip(self, count: int, times: int, every_s: float) -> None:
        for _ in range(times):
            self._do_send(count)
            time.sleep(every_s)

    def _do_drink(self, count: int, every_s: float) -> None:
        while self.sock.recv(count):
            time.sleep(every_s)

    def _do_sleep(self, seconds: float) -> None:
        time.sleep(seconds)

    def _do_meet(self, after_s: float) -> None:
        time.sleep(max(0.0, self.meeting + after_s - time.time()))

    def _do_at(self, offset_s: float) -> None:
        time.sleep(max(0.0, self.plan.start + offset_s - time.time()))

    def _do_shut(self) -> None:
        self.sock.shutdown(socket.SHUT_WR)

    def _do_close(self) -> None:
        self.sock.close()

    def _do_abort(self) -> None:
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def _do_hold(self) -> None:
        self.held.append(self.sock)

    def _do_nodelay(self) -> None:
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def _do_rcvbuf(self, count: int) -> None:
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, count)

    def _do_user_timeout(self, milliseconds: int) -> None:
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, milliseconds)

    def _do_keepalive(self, idle_s: int, count: int) -> None:
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for option, value in (
            (socket.TCP_KEEPIDLE, idle_s),
            (socket.TCP_KEEPINTVL, idle_s),
            (socket.TCP_KEEPCNT, count),
        ):
            self.sock.setsockopt(socket.IPPROTO_TCP, option, value)
