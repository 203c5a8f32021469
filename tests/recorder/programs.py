"""The client and the server of a recording: `python -m tests.recorder.programs client|server PLAN LOG`.

Each connection runs in a thread of its own and follows its plan. What happened is logged, one JSON line each: the
call of connect() with its time, length and error, the return of accept(), and errors of any step. The client prints
"done" when all its connections have run their course; both then keep what they hold until they are killed.
"""

from __future__ import annotations

import errno
import socket
import sys
import threading
import time
from collections import defaultdict, deque
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

from tests.recorder.actor import Actor, Log
from tests.recorder.plan import Listener, Plan, Spec

JOIN_TIMEOUT_S = 60.0
MSG_FASTOPEN = 0x20000000


def family_of(spec: Spec) -> socket.AddressFamily:
    return socket.AF_INET6 if spec.family == 6 else socket.AF_INET


class Client:
    """Opens the planned connections, each at its time."""

    def __init__(self, plan: Plan, log: Log) -> None:
        self.plan, self.log = plan, log
        self.held: list[socket.socket] = []
        self.ended: dict[int, Future[None]] = {}

    def open(self, spec: Spec, sock: socket.socket, target: tuple[str, int]) -> None:
        """Call connect() (or what stands for it) and log it."""
        entry: dict[str, Any] = {"what": "connect", "id": spec.id, "label": spec.label, "error": None, "us": None}
        fast = next((step[1] for step in spec.client if step[0] == "send"), 0) if spec.kind == "fast" else 0
        if spec.kind in ("abandon", "twin", "self"):
            sock.setblocking(False)
        t = time.time()
        begun = time.perf_counter()
        try:
            if spec.kind == "fast":
                sock.settimeout(None)  # without a cookie sendto() waits for the handshake, then sends
                sock.sendto(f"{spec.id:8d} {t + spec.meet_s:22.6f} ".encode().ljust(fast, b"f")[:fast], MSG_FASTOPEN, target)
            else:
                sock.connect(target)
        except BlockingIOError:
            entry["blocking"] = False
        except OSError as problem:
            entry["error"] = errno.errorcode.get(problem.errno or 0, str(problem))
        if "blocking" not in entry:
            entry["us"] = round((time.perf_counter() - begun) * 1e6, 3)
        if spec.kind in ("twin", "self", "fast"):
            sock.settimeout(self.plan.patience_s)
        entry["t"], entry["remote"] = t, list(target)
        entry["local"] = list(sock.getsockname()[:2])
        self.log.write(**entry)

    def one(self, spec: Spec) -> None:
        """The whole life of one connection's client side."""
        if spec.after is not None and spec.after in self.ended:
            self.ended[spec.after].result(JOIN_TIMEOUT_S)
        time.sleep(max(0.0, self.plan.start + spec.start_s - time.time()))
        sock = socket.socket(family_of(spec), socket.SOCK_STREAM)
        sock.settimeout(self.plan.patience_s)
        actor = Actor(sock, self.plan, spec, self.held)
        own = self.plan.client_addresses[str(spec.family)] if spec.kind != "self" else "127.0.0.1"
        peer = self.plan.server_addresses[str(spec.family)] if spec.kind != "self" else "127.0.0.1"
        try:
            for step in spec.before:
                actor.take(step)
            if spec.sport:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                sock.bind((own, spec.sport))
            self.open(spec, sock, (peer, spec.dport))
            if spec.kind == "abandon":
                time.sleep(spec.abandon_s)
                sock.close()
                return
            steps = spec.client
            if spec.kind == "fast":
                actor.announced, sent = True, next(i for i, s in enumerate(steps) if s[0] == "send")
                steps = steps[:sent] + steps[sent + 1 :]
            if spec.kind == "self":
                actor.announced = True
            actor.run(steps)
        except OSError as problem:
            self.log.write(what="error", id=spec.id, label=spec.label, error=repr(problem), t=time.time())
            if sock not in self.held:
                sock.close()

    def run(self) -> None:
        """All connections; returns when the last has run its course."""
        with ThreadPoolExecutor(self.plan.workers) as pool:
            for spec in sorted(self.plan.specs, key=lambda s: s.start_s):
                self.ended[spec.id] = pool.submit(self.one, spec)


class Server:
    """Listens, and plays each accepted connection's part."""

    def __init__(self, plan: Plan, log: Log) -> None:
        self.plan, self.log = plan, log
        self.held: list[socket.socket] = []
        self.by_ports: dict[tuple[int, int], deque[Spec]] = defaultdict(deque)
        self.by_port: dict[int, Spec] = {}
        self.mortal: list[tuple[Listener, socket.socket]] = []
        for spec in sorted(plan.specs, key=lambda s: s.start_s):
            self.by_port.setdefault(spec.dport, spec)
            if spec.sport:
                self.by_ports[spec.dport, spec.sport].append(spec)

    def part_of(self, port: int, peer: int) -> Spec:
        """Which connection of the plan this is: the next of its four-tuple, else the first of its port."""
        queue = self.by_ports.get((port, peer))
        if not queue:
            return self.by_port[port]
        return queue.popleft() if len(queue) > 1 else queue[0]

    def serve(self, sock: socket.socket, spec: Spec, delay_s: float) -> None:
        """Play one connection's server side."""
        time.sleep(delay_s)
        try:
            Actor(sock, self.plan, None, self.held).run(spec.server)
        except OSError as problem:
            self.log.write(what="error", id=spec.id, label=spec.label, error=repr(problem), t=time.time(), side="server")

    def listen(self, listener: Listener, family: str) -> socket.socket:
        """Open one listening socket."""
        address = self.plan.server_addresses[family]
        sock = socket.socket(socket.AF_INET6 if family == "6" else socket.AF_INET, socket.SOCK_STREAM)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == "6":
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        if listener.rcvbuf:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, listener.rcvbuf)
        if listener.fast_open:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_FASTOPEN, 64)
        sock.bind((address, listener.port))
        sock.listen(listener.backlog)
        return sock

    def accept(self, listener: Listener, sock: socket.socket, pool: ThreadPoolExecutor) -> None:
        """Accept for as long as the listener lives."""
        while True:
            try:
                taken, peer = sock.accept()
            except OSError:
                return
            taken.settimeout(self.plan.patience_s)
            spec = self.part_of(listener.port, peer[1])
            local = list(taken.getsockname()[:2])
            self.log.write(what="accept", id=spec.id, label=spec.label, t=time.time(), local=local, remote=list(peer[:2]))
            pool.submit(self.serve, taken, spec, listener.accept_delay_s)

    def run(self) -> None:
        """Open everything, print "ready", serve."""
        pool = ThreadPoolExecutor(max(64, self.plan.workers * 2))
        for family in self.plan.server_addresses:
            for listener in self.plan.listeners:
                sock = self.listen(listener, family)
                self.held.append(sock)
                if listener.accepts:
                    threading.Thread(target=self.accept, args=(listener, sock, pool), daemon=True).start()
                if listener.close_s is not None:
                    self.mortal.append((listener, sock))
        print("ready", flush=True)

    def begin(self) -> None:
        """The recording has started: listeners that are to close have a date for it."""
        for listener, sock in self.mortal:
            threading.Thread(target=self.close_later, args=(listener, sock), daemon=True).start()

    def close_later(self, listener: Listener, sock: socket.socket) -> None:
        """Close a listener in mid-recording."""
        assert listener.close_s is not None
        time.sleep(max(0.0, self.plan.start + listener.close_s - time.time()))
        sock.shutdown(socket.SHUT_RDWR)
        sock.close()


def swapped(plan: Plan) -> Plan:
    """The server's half of simultaneous opens: the same connections from the other end."""
    twins = [
        Spec(**{**vars(s), "client": s.server, "sport": s.dport, "dport": s.sport, "id": -1 - s.id}) for s in plan.specs if s.kind == "twin"
    ]
    return Plan(twins, [], plan.workers, plan.patience_s, plan.server_addresses, plan.client_addresses, plan.start)


def main(role: str, plan_path: str, log_path: str) -> None:
    sys.setswitchinterval(0.0005)
    log = Log(Path(log_path))
    plan = Plan.load(Path(plan_path))
    keep: list[Any] = []
    if role == "server":
        server = Server(plan, log)
        server.run()
        keep.append(server)
        plan.start = float(sys.stdin.readline())
        server.begin()
        twins = swapped(plan)
        if twins.specs:
            keep.append(client := Client(twins, log))
            client.run()
        threading.Event().wait()
    print("ready", flush=True)
    plan.start = float(sys.stdin.readline())
    keep.append(client := Client(plan, log))
    client.run()
    print("done", flush=True)
    threading.Event().wait()


if __name__ == "__main__":
    main(*sys.argv[1:4])
