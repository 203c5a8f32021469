"""A client, a router and a server whose programs are threads of one process: a socket stays in the host in which it was made."""

from __future__ import annotations

import contextlib
import json
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

from tests.recorder.netns import Host, address, neighbours, veth
from tests.recorder.session import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    Talk = Callable[[socket.socket], object]

DEVICES = {"client": "c0", "router": "any", "server": "s0"}
PORT = 7000


class Net:
    """client c0 --- r0 router r1 --- [relay, if the road has a delay] --- s0 server, with IPv4 and IPv6 addresses."""

    def __init__(self, number: int, work: Path, *, ipv6: bool = False, delay_s: float = 0.0) -> None:
        self.family = socket.AF_INET6 if ipv6 else socket.AF_INET
        self.hosts = [Host(name) for name in ("client", "router", "server", "road")]
        self.client, self.router, self.server, self.road = self.hosts
        self.work, self.open, self.threads = work, list[socket.socket](), list[threading.Thread]()
        self.processes: list[subprocess.Popen[bytes]] = []
        self.addresses: dict[str, str] = {}
        self._join(delay_s)
        self._number(number)

    def _join(self, delay_s: float) -> None:
        veth(self.client, "c0", self.router, "r0")
        if not delay_s:
            veth(self.router, "r1", self.server, "s0")
            return
        for knob in ("all", "default"):
            self.road.sysctl(f"ipv6.conf.{knob}.disable_ipv6", 1)
        veth(self.router, "r1", self.road, "left")
        veth(self.road, "right", self.server, "s0")
        stage = {"left": "left", "right": "right", "link": {"delay": delay_s}}
        (self.work / "relay.json").write_text(json.dumps({"seed": 1, "log": str(self.work / "relay.jsonl"), "stages": [stage]}))
        relay = self.road.spawn(
            [sys.executable, "-m", "tests.recorder.relay", str(self.work / "relay.json")], stdout=subprocess.PIPE, cwd=ROOT
        )
        self.processes.append(relay)
        assert relay.stdout
        assert b"ready" in relay.stdout.readline()

    def _number(self, number: int) -> None:
        for side, near, device, gate in (("client", self.client, "c0", "r0"), ("server", self.server, "s0", "r1")):
            net = 81 if side == "client" else 82
            for family, own, gateway in (
                (socket.AF_INET, f"10.{net}.{number}.1", f"10.{net}.{number}.254"),
                (socket.AF_INET6, f"fd00:{net}:{number}::1", f"fd00:{net}:{number}::fe"),
            ):
                version, length = (4, 24) if family == socket.AF_INET else (6, 64)
                for host, at, given in ((near, device, own), (self.router, gate, gateway)):
                    address(host, at, **{f"ipv{version}": f"{given}/{length}"})
                neighbours(near, device, {gateway: gate})
                neighbours(self.router, gate, {own: device})
                near.ip(f"-{version} route add default via {gateway}")
                if family == self.family:
                    self.addresses[side] = own
        self.router.sysctl("ipv4.ip_forward", 1)
        self.router.sysctl("ipv6.conf.all.forwarding", 1)

    def nft(self, hook: str, *rules: str, priority: int = 0, kind: str = "filter", before: str = "") -> str:
        """Let the router treat what passes by these rules; `before` stands in front of their chain. Gives the table's name."""
        family = "ip6" if self.family == socket.AF_INET6 else "ip"
        table = f"t{time.monotonic_ns()}"
        head = f"table {family} {table} {{\n{before}chain c {{\ntype {kind} hook {hook} priority {priority}\n"
        self.router.nft(head + "\n".join(rules) + "\n}\n}\n")
        return f"{family} {table}"

    def mend(self, table: str) -> None:
        """Take rules away again."""
        self.router.nft(f"delete table {table}\n")

    def sysctl(self, host: Host, **settings: object) -> None:
        """Set knobs of ipv4 (TCP's as well) at a host."""
        for name, value in settings.items():
            host.sysctl(f"ipv4.{name}", value)

    def conntrack(self, **settings: object) -> None:
        """Set knobs of the router's connection tracking."""
        for name, value in settings.items():
            self.router.sysctl(f"netfilter.nf_conntrack_tcp_{name}", value)

    def socket_of(self, host: Host) -> socket.socket:
        """A socket in a host, closed when all is over at the latest."""
        with host.inside():
            made = socket.socket(self.family, socket.SOCK_STREAM)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.open.append(made)
        return made

    def listen(self, port: int = PORT, backlog: int = 1024, receive_bytes: int = 0) -> socket.socket:
        """A listener of the server."""
        listener = self.socket_of(self.server)
        if receive_bytes:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        listener.bind((self.addresses["server"], port))
        listener.listen(backlog)
        return listener

    def serve(self, talk: Talk, port: int = PORT, **options: int) -> None:
        """A server that talks with each client in a thread."""
        listener = self.listen(port, **options)

        def accept() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self.open.append(connection)
                threading.Thread(target=quietly, args=(talk, connection), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()

    def connect(self, port: int = PORT, *, own_port: int = 0, bind: bool = False, to: str = "", patience_s: float = 30.0) -> socket.socket:
        """A connection of the client; raises what connect() does."""
        made = self.socket_of(self.client)
        made.settimeout(patience_s)
        if own_port or bind:
            made.bind((self.addresses["client"], own_port))
        try:
            made.connect((to or self.addresses["server"], port))
        except OSError:
            made.close()
            raise
        return made

    def spread(self, whens_s: Iterable[float], do: Callable[[int], object]) -> None:
        """Do something at each of these times from now on, each in a thread of its own; returns when all is done."""
        began = time.monotonic()

        def run(number: int, when_s: float) -> None:
            time.sleep(max(0.0, began + when_s - time.monotonic()))
            do(number)

        threads = [threading.Thread(target=quietly, args=(run, number, when_s)) for number, when_s in enumerate(whens_s)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def capture(self, point: str, snaplen: int) -> None:
        """Begin to capture at the client, the router (both its sides) or the server."""
        host = {"client": self.client, "router": self.router, "server": self.server}[point]
        options = ["-i", DEVICES[point], "-s", str(snaplen), "-B", "65536", "--immediate-mode", "-U", "-n", "-Z", "root"]
        link = ["-y", "LINUX_SLL2"] if DEVICES[point] == "any" else []
        process = host.spawn(
            ["tcpdump", *link, "-w", str(self.work / "made.pcap"), *options, "tcp or ip6 proto 6"],
            stderr=subprocess.PIPE, stdout=subprocess.DEVNULL,
        )  # fmt: skip
        self.processes.append(process)
        assert process.stderr
        while b"listening" not in (line := process.stderr.readline()):
            if not line:
                raise RuntimeError("tcpdump did not start")

    def end_capture(self) -> None:
        """End all programs, then close what is still open."""
        for process in self.processes:
            process.send_signal(signal.SIGINT if "tcpdump" in str(process.args) else signal.SIGTERM)
            process.communicate(timeout=20)

    def close(self) -> None:
        """Give all up."""
        for made in self.open:
            made.close()
        for host in self.hosts:
            host.close()


def quietly(do: Callable[..., object], *given: Any) -> None:
    """Do something; that a connection breaks is what is recorded."""
    with contextlib.suppress(OSError):
        do(*given)


def answering(size: int = 200, *, delay_s: float = 0.0) -> Talk:
    """Answer each request with so many bytes, until the client closes."""

    def talk(connection: socket.socket) -> None:
        with connection:
            while connection.recv(65536):
                time.sleep(delay_s)
                connection.sendall(bytes(size))

    return talk


def ask(connection: socket.socket, size: int = 100, answer: int = 200) -> None:
    """One exchange."""
    connection.sendall(bytes(size))
    while answer > 0:
        got = len(connection.recv(65536))
        if not got:
            raise ConnectionError("closed before the answer was whole")
        answer -= got


def abort(connection: socket.socket) -> None:
    """Close by RST."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()
