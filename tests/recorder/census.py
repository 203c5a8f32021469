"""How many sockets are in TIME_WAIT, asked of the kernel by sock_diag a few times a second."""

from __future__ import annotations

import json
import socket
import struct
import threading
import time
from typing import TYPE_CHECKING, Any

from tests.recorder.sampler import DUMP, NETLINK_SOCK_DIAG, SOCK_DIAG_BY_FAMILY, messages

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.recorder.netns import Host

EVERY_S = 0.25
TIME_WAIT = 6
DONE = 3  # NLMSG_DONE
SOCKET_ID = slice(4, 52)  # of inet_diag_msg: ports, addresses, interface and cookie, which tells reuses apart


class Census:
    """Counts in a thread, from start() to stop(); sockets by host's name."""

    def __init__(self, hosts: Mapping[str, Host]) -> None:
        self.asked: dict[str, socket.socket] = {}
        for name, host in hosts.items():
            with host.inside():
                self.asked[name] = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_SOCK_DIAG)
        self.moments: list[dict[str, Any]] = []
        self.seen: dict[str, set[bytes]] = {name: set() for name in hosts}
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self._run)

    def start(self) -> None:
        """Begin to count."""
        self.thread.start()

    def stop(self) -> None:
        """End counting."""
        self.ended.set()
        self.thread.join()
        for sock in self.asked.values():
            sock.close()

    def _run(self) -> None:
        while not self.ended.is_set():
            for name in self.asked:
                before = time.time_ns()
                here = self._ask(name)
                self.moments.append({"host": name, "at_ns": (before + time.time_ns()) // 2, "time_wait": len(here)})
                self.seen[name] |= here
            self.ended.wait(EVERY_S)

    def _ask(self, name: str) -> set[bytes]:
        """Sockets in TIME_WAIT now; one in FIN_WAIT2 that lives in a minisock too is another state and left out."""
        sock = self.asked[name]
        body = struct.pack("=BBBBI48x", socket.AF_INET, socket.IPPROTO_TCP, 0, 0, 1 << TIME_WAIT)
        sock.send(struct.pack("=IHHII", 16 + len(body), SOCK_DIAG_BY_FAMILY, DUMP, 1, 0) + body)
        found: set[bytes] = set()
        while True:
            for kind, payload in messages(sock.recv(1 << 18)):
                if kind == DONE:
                    return found
                if payload[1] == TIME_WAIT:
                    found.add(payload[SOCKET_ID])

    def counts(self) -> dict[str, Any]:
        """What was counted: entered (distinct sockets seen), the peak, every moment as [ns, count]."""
        return {
            name: {
                "entered": len(self.seen[name]),
                "peak": max((m["time_wait"] for m in self.moments if m["host"] == name), default=0),
                "moments": [[m["at_ns"], m["time_wait"]] for m in self.moments if m["host"] == name],
            }
            for name in self.asked
        }

    def save(self, path: Path, **more: Any) -> None:
        """Write the counts as JSON."""
        path.write_text(json.dumps({**more, "hosts": self.counts()}, separators=(",", ":")) + "\n")
