"""The road between two hosts: a seeded relay on packet sockets, since these kernels have no netem.

`python -m tests.recorder.relay CONFIG` runs in a namespace that holds the two ends of the road and forwards
every frame; only TCP is impaired. It prints "ready", works until it is told to stop (SIGTERM) and logs each thing it
did to a segment, one JSON line each.
"""

from __future__ import annotations

import heapq
import json
import random
import select
import signal
import socket
import sys
import time
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.recorder.wire import ACK, FIN, Segment, kind_of, segment_of

PACKET_IGNORE_OUTGOING = 23
SOL_PACKET = 263
ETH_P_ALL = 3
SOCKET_BUFFER_BYTES = 8 << 20


@dataclass
class Rule:
    """Drop particular segments: of server port `port` (0: any), direction c2s or s2c, of one kind ("*": any).

    `drop` counts within one connection attempt: a list of ordinals from 1, "all", or {"from": n}.
    Kind ACKFIN is an ACK without data that acknowledges a FIN. A segment that is dropped is counted by every rule.
    """

    port: int
    dir: str
    kind: str
    drop: list[int] | str | dict[str, int]
    counts: dict[Any, int] = field(default_factory=lambda: defaultdict(int))

    def hits(self, segment: Segment, direction: str, kinds: set[str]) -> bool:
        """Count the segment if it is of this rule's kind, and say whether it falls to it."""
        server = segment.target if direction == "c2s" else segment.source
        if direction != self.dir or (self.port and server[1] != self.port) or not (self.kind == "*" or self.kind in kinds):
            return False
        key = (segment.source, segment.target)
        self.counts[key] += 1
        n = self.counts[key]
        if self.drop == "all":
            return True
        return n >= self.drop["from"] if isinstance(self.drop, dict) else n in self.drop


class RuleBook:
    """All rules of a road, and the memory that ACKFIN needs."""

    def __init__(self, rules: list[dict[str, Any]]) -> None:
        self.rules = [Rule(**rule) for rule in rules]
        self.fin_ends: dict[Any, int] = {}

    def drops(self, segment: Segment, direction: str) -> bool:
        """Say whether this segment shall be lost."""
        key = (segment.source, segment.target)
        kinds = {kind_of(segment)}
        if segment.flags & FIN:
            self.fin_ends[key] = segment.end
        if kinds == {"ACK"} and segment.flags & ACK and self.fin_ends.get(key[::-1]) == segment.ack:
            kinds.add("ACKFIN")
        if "SYN" in kinds:
            self.fin_ends.pop(key, None)
        hits = [rule.hits(segment, direction, kinds) for rule in self.rules]  # every rule counts
        return any(hits)


@dataclass
class Link:
    """One stretch of road. Seconds, probabilities, bytes a second; the same keys as in an index.json's "link"."""

    delay: float = 0.0
    jitter: float = 0.0
    loss: float = 0.0
    dup: float = 0.0
    reorder: float = 0.0
    reorder_by: float = 0.01
    dup_by: float = 0.0  # how late a second copy may be; 0: as reorder_by
    rate: float = 0.0
    rules: list[dict[str, Any]] = field(default_factory=list)


@dataclass(order=True)
class Waiting:
    """A frame on its way."""

    due: float
    number: int
    out: socket.socket = field(compare=False)
    frame: bytes = field(compare=False)


class Stage:
    """A link between two devices: decides about each frame that comes in at either."""

    def __init__(self, link: Link, chance: random.Random) -> None:
        self.link, self.chance, self.book = link, chance, RuleBook(link.rules)
        self.last_due = {"c2s": 0.0, "s2c": 0.0}
        self.busy_until = {"c2s": 0.0, "s2c": 0.0}

    def fate(self, frame: bytes, direction: str, now: float) -> tuple[Segment | None, list[str], list[float]]:
        """Give (segment if TCP, what is done to it, when its copies come out: none, one or two times)."""
        segment, link, roll = segment_of(frame), self.link, self.chance.random
        if segment is None:
            return None, [], [now + link.delay]
        if self.book.drops(segment, direction) or roll() < link.loss:
            return segment, ["drop"], []
        leave = now
        if link.rate:
            leave = self.busy_until[direction] = max(now, self.busy_until[direction]) + len(frame) / link.rate
        due = leave + link.delay + roll() * link.jitter
        if roll() < link.reorder:
            return segment, ["reorder"], [due + link.reorder_by]
        due = self.last_due[direction] = max(due, self.last_due[direction])  # jitter alone keeps the order
        if roll() < link.dup:
            return segment, ["dup"], [due, due + roll() * (link.dup_by or link.reorder_by)]
        return segment, [], [due]


def packet_socket(device: str) -> socket.socket:
    """A socket that sees what comes in at a device, and puts frames on it."""
    made = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    made.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
    for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
        made.setsockopt(socket.SOL_SOCKET, option + 25, SOCKET_BUFFER_BYTES)  # SO_RCVBUFFORCE 33, SO_SNDBUFFORCE 32
    made.bind((device, ETH_P_ALL))
    made.setblocking(False)
    return made


class Road:
    """Stages between pairs of devices, one event loop for all."""

    def __init__(self, config: dict[str, Any], log: Any) -> None:
        chance = random.Random(config["seed"])
        self.tag: bytes = b"\x81\x00" + int(config["vlan"]).to_bytes(2, "big") if config.get("vlan") else b""
        self.ports: dict[int, tuple[socket.socket, socket.socket, Stage, str, bool]] = {}
        self.waiting: list[Waiting] = []
        self.number, self.log = 0, log
        stages = config["stages"]
        for i, stage in enumerate(stages):
            left, right = packet_socket(stage["left"]), packet_socket(stage["right"])
            link = Stage(Link(**stage["link"]), random.Random(chance.random()))
            inner_right, inner_left = i + 1 < len(stages), i > 0
            self.ports[left.fileno()] = (left, right, link, "c2s", inner_right)
            self.ports[right.fileno()] = (right, left, link, "s2c", inner_left)

    def take(self, fd: int) -> None:
        """Bring in all frames that wait at one device."""
        source, out, stage, direction, inner = self.ports[fd]
        for _ in range(64):
            try:
                frame = source.recv(65600)
            except BlockingIOError:
                return
            segment, done, times = stage.fate(frame, direction, time.monotonic())
            if segment and done:
                line = [time.time(), segment.source, segment.target, done[0], kind_of(segment)]
                self.log.write(json.dumps(line) + "\n")
            if self.tag and inner:
                frame = frame[:12] + self.tag + frame[12:]
            for due in times:
                self.number += 1
                heapq.heappush(self.waiting, Waiting(due, self.number, out, frame))

    def give(self) -> None:
        """Put out all frames that are due."""
        now = time.monotonic()
        while self.waiting and self.waiting[0].due <= now:
            item = heapq.heappop(self.waiting)
            try:
                item.out.send(item.frame)
            except OSError as problem:
                self.log.write(json.dumps([time.time(), None, None, "error", str(problem)]) + "\n")

    def run(self, alive: list[bool]) -> None:
        """Forward until `alive` empties."""
        poller = select.epoll()
        for fd in self.ports:
            poller.register(fd, select.EPOLLIN)
        while alive:
            wait = max(0.0, self.waiting[0].due - time.monotonic()) if self.waiting else 0.2
            if self.waiting and wait < 0.001:  # epoll counts in milliseconds
                time.sleep(min(wait, 0.0002))
                wait = 0.0
            for fd, _ in poller.poll(wait):
                self.take(fd)
            self.give()


def main(config_path: str) -> None:
    config = json.loads(Path(config_path).read_text())
    alive = [True]
    signal.signal(signal.SIGTERM, lambda *_: alive.clear())
    with Path(config["log"]).open("w") as log:
        road = Road(config, log)
        print("ready", flush=True)
        road.run(alive)


if __name__ == "__main__":
    main(sys.argv[1])
