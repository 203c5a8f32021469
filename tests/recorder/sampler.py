"""The second witness: sock_diag, asked again and again for what has no tracepoint.

`python -m tests.recorder.sampler LOG FD...` opens sockets in each namespace (given as inherited file descriptors)
and writes, as JSON lines, each TIME_WAIT, FIN_WAIT2 and SYN_RECV when first seen and when its timer was moved, and
tcp_info of each socket as it is destroyed. Message layouts: include/uapi/linux/inet_diag.h, tcp.h.
"""

from __future__ import annotations

import ctypes
import json
import os
import select
import signal
import socket
import struct
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

NETLINK_SOCK_DIAG = 4
SOCK_DIAG_BY_FAMILY = 20
DESTROY_GROUPS = (1, 3)  # SKNLGRP_INET_TCP_DESTROY, SKNLGRP_INET6_TCP_DESTROY
DUMP = 0x301  # NLM_F_REQUEST | NLM_F_DUMP
WANTED = (1 << 6) | (1 << 5) | (1 << 3) | (1 << 12)  # TIME_WAIT, FIN_WAIT2, SYN_RECV of sockets and of requests
NAMES = {3: "SYN_RECV", 5: "FIN_WAIT2", 6: "TIME_WAIT", 12: "NEW_SYN_RECV"}
EVERY_S = 0.02
MOVED_S = 0.02
TIMER_RETRANSMIT, TIMER_TIME_WAIT = 1, 3
SOL_NETLINK, NETLINK_ADD_MEMBERSHIP = 270, 1
INET_DIAG_INFO = 2


def messages(data: bytes) -> list[tuple[int, bytes]]:
    """(type, payload) of each netlink message."""
    found, at = [], 0
    while at + 16 <= len(data):
        length, kind = struct.unpack_from("=IH", data, at)
        if length < 16:
            break
        found.append((kind, data[at + 16 : at + length]))
        at += (length + 3) & ~3
    return found


def tuple_of(payload: bytes) -> tuple[list[Any], list[Any]]:
    """([local address, port], [remote address, port]) of an inet_diag_msg."""
    sport, dport = struct.unpack_from("!HH", payload, 4)
    size = 16 if payload[0] == socket.AF_INET6 else 4
    family = socket.AF_INET6 if size == 16 else socket.AF_INET
    return [socket.inet_ntop(family, payload[8 : 8 + size]), sport], [
        socket.inet_ntop(family, payload[24 : 24 + size]),
        dport,
    ]


def tcp_info(payload: bytes) -> dict[str, int] | None:
    """What the truth tells of tcp_info, from a destroy message's attributes."""
    at = 72
    while at + 4 <= len(payload):
        length, kind = struct.unpack_from("=HH", payload, at)
        if length < 4:
            break
        if kind == INET_DIAG_INFO and length >= 4 + 152:
            info = payload[at + 4 : at + length]
            total = struct.unpack_from("=I", info, 100)[0]
            acked, received, out, inward = struct.unpack_from("=QQII", info, 120)
            return {
                "total_retrans": total,
                "bytes_acked": acked,
                "bytes_received": received,
                "segs_out": out,
                "segs_in": inward,
                "min_rtt_us": struct.unpack_from("=I", info, 148)[0],
            }
        at += (length + 3) & ~3
    return None


class Watched:
    """The sockets with which one namespace is asked."""

    def __init__(self, fd: int) -> None:
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.setns(fd, 0x40000000):
            raise OSError(ctypes.get_errno(), "setns")
        self.ask = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_SOCK_DIAG)
        self.hear = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_SOCK_DIAG)
        self.hear.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF + 25, 16 << 20)
        self.hear.bind((0, 0))  # a broadcast skips sockets whose port is 0, the kernel's own
        for group in DESTROY_GROUPS:
            self.hear.setsockopt(SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, group)
        self.hear.setblocking(False)

    def dump(self, family: int) -> list[bytes]:
        """All that is in a wanted state now."""
        body = struct.pack("=BBBBI48x", family, socket.IPPROTO_TCP, 0, 0, WANTED)
        self.ask.send(struct.pack("=IHHII", 16 + len(body), SOCK_DIAG_BY_FAMILY, DUMP, 1, 0) + body)
        rows: list[bytes] = []
        while True:
            for kind, payload in messages(self.ask.recv(1 << 20)):
                if kind == SOCK_DIAG_BY_FAMILY:
                    rows.append(payload)
                else:  # NLMSG_DONE or an error
                    return rows


class Sampler:
    """Asks every namespace in turn; writes what is new."""

    def __init__(self, hosts: list[Watched], log: Any) -> None:
        self.hosts, self.log = hosts, log
        self.known: dict[tuple[int, bytes], float] = {}

    def sample(self) -> int:
        """One round; gives the number of rows seen."""
        rows, present = 0, set()
        for number, host in enumerate(self.hosts):
            for family in (socket.AF_INET, socket.AF_INET6):
                asked = time.time()
                dump = host.dump(family)
                rows += len(dump)
                for payload in dump:
                    state, timer = payload[1], payload[2]
                    (left_ms,) = struct.unpack_from("=I", payload, 52)
                    ends = asked + left_ms / 1000
                    key = (number, payload[:2] + payload[4:44])
                    present.add(key)
                    still = timer != TIMER_TIME_WAIT or left_ms == 0 or abs(ends - self.known.get(key, 0)) < MOVED_S
                    if key in self.known and still:  # an overdue timer has 0 left again and again
                        continue
                    local, remote = tuple_of(payload)
                    entry = {
                        "state": NAMES.get(state, str(state)),
                        "t": asked,
                        "ends": ends,
                        "timer": timer,
                        "local": local,
                        "remote": remote,
                        "moved": key in self.known,
                    }
                    self.known[key] = ends
                    self.log.write(json.dumps(entry) + "\n")
        self.known = {k: v for k, v in self.known.items() if k in present}
        return rows

    def hear(self) -> None:
        """Take in what was destroyed since."""
        for host in self.hosts:
            with suppress(BlockingIOError):
                while True:
                    for _, payload in messages(host.hear.recv(1 << 18)):
                        local, remote = tuple_of(payload)
                        entry = {
                            "state": "destroyed",
                            "t": time.time(),
                            "local": local,
                            "remote": remote,
                            "info": tcp_info(payload),
                        }
                        self.log.write(json.dumps(entry) + "\n")

    def run(self, alive: list[bool]) -> None:
        """Until `alive` empties."""
        while alive:
            began = time.monotonic()
            self.sample()
            self.hear()
            spent = time.monotonic() - began
            select.select([], [], [], max(0.002, spent, EVERY_S - spent))  # never more than half of the time


def main(log_path: str, *fds: str) -> None:
    alive = [True]
    signal.signal(signal.SIGTERM, lambda *_: alive.clear())
    hosts = [Watched(int(fd)) for fd in fds]
    for fd in fds:
        os.close(int(fd))
    with Path(log_path).open("w") as log:
        print("ready", flush=True)
        Sampler(hosts, log).run(alive)


if __name__ == "__main__":
    main(*sys.argv[1:])
