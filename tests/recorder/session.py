"""One recording, from the making of the hosts to the files."""

from __future__ import annotations

import fcntl
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.recorder import check, wire
from tests.recorder.account import Account
from tests.recorder.lives import kernel_hz
from tests.recorder.pairing import Book, Evidence
from tests.recorder.ring import Trace
from tests.recorder.topology import Topology
from tests.recorder.truth import Teller

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from tests.recorder.plan import Plan

ROOT = Path(__file__).resolve().parents[2]
LOCK = Path(tempfile.gettempdir()) / "tcpstates-recorder.lock"
LOCK_WAIT_S = 600
BASE_SYSCTLS = {"ipv4.tcp_fin_timeout": 30}  # half of TIME_WAIT's 60 s: a minisock's timer then tells which it is


@dataclass
class Scenario:
    """A named situation. `make` gives the plan for a seed; `road` is the relay's link, None for a plain cable."""

    name: str
    about: str
    make: Callable[[random.Random], Plan]
    road: dict[str, Any] | None = None
    sysctls: Mapping[str, object] = field(default_factory=dict)
    snaplen: int = 0
    offload: bool = False
    nanoseconds: bool = False
    families: tuple[int, ...] = (4,)
    points: tuple[str, ...] = ("client", "server")
    shape: str = "cable"  # or nat, router
    settle_s: float = 0.5
    limit_s: float = 60.0
    vary: Callable[[random.Random, dict[str, Any]], dict[str, Any]] | None = None  # the road may depend on the seed
    settings: Callable[[random.Random], Mapping[str, object]] | None = None  # so may the sysctls


@contextmanager
def exclusive(*, beside_others: bool = False) -> Iterator[None]:
    """One recording at a time on a machine: timing is part of what is recorded.

    Those that mostly wait go `beside_others` of their kind, but not beside one that must be alone.
    """
    with LOCK.open("w") as lock:
        for _ in range(LOCK_WAIT_S * 20):
            try:
                fcntl.flock(lock, (fcntl.LOCK_SH if beside_others else fcntl.LOCK_EX) | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                time.sleep(0.05)
        else:
            raise TimeoutError(f"another recording has held {LOCK} for {LOCK_WAIT_S} s")
        yield


def next_net() -> int:
    """A number for this recording's addresses. Sockets of one that ended may live on for a minute and speak too."""
    return int(time.time()) % 250 + 1


class Session:
    """Records one scenario with one seed into a directory."""

    def __init__(self, scenario: Scenario, seed: int, out: Path, name: str | None = None, *, net: int = 0) -> None:
        self.scenario, self.seed, self.out = scenario, seed, out
        self.name = name or scenario.name
        self.net = net or next_net()
        self.chance = random.Random(f"{scenario.name}:{seed}")
        self.plan = scenario.make(self.chance)
        road = scenario.road
        self.road = scenario.vary(self.chance, dict(road or {})) if scenario.vary else road
        self.sysctls = {**scenario.sysctls, **(scenario.settings(self.chance) if scenario.settings else {})}
        self.processes: list[subprocess.Popen[bytes]] = []

    def record(self) -> dict[str, Any]:
        """Make all files; gives the recording's entry for index.json."""
        self.out.mkdir(parents=True, exist_ok=True)
        with ExitStack() as stack:
            stack.enter_context(exclusive())
            work = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tcpstates-recorder-")))
            topology = Topology(self.scenario, self.road, self.net)
            stack.callback(topology.close)
            trace = Trace()
            stack.callback(trace.close)
            stack.callback(self._stop_all)
            topology.sysctls({**BASE_SYSCTLS, **self.sysctls})
            span = self._run(topology, trace, work)
            events = trace.events()
            return self._write(topology, trace, events, work, span)

    # Running

    def _start(self, process: subprocess.Popen[bytes], ready: bytes = b"ready") -> subprocess.Popen[bytes]:
        self.processes.append(process)
        stream = process.stderr if ready == b"listening" else process.stdout
        assert stream
        line = stream.readline()
        while line and ready not in line:
            line = stream.readline()
        if not line:
            raise RuntimeError(f"{process.args!r} did not start")
        return process

    def _python(self, topology: Topology, host: str, module: str, *arguments: str, **options: Any) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", f"tests.recorder.{module}", *arguments]
        return self._start(topology.hosts[host].spawn(command, stdout=subprocess.PIPE, cwd=ROOT, **options))

    def _run(self, topology: Topology, trace: Trace, work: Path) -> tuple[float, float]:
        plan = self.plan
        plan.client_addresses = {str(f): topology.client_address(f) for f in self.scenario.families}
        plan.server_addresses = {str(f): topology.server_address(f) for f in self.scenario.families}
        plan.save(work / "plan.json")
        if topology.road:
            config = {"seed": self.seed, "log": str(work / "relay.jsonl"), **topology.road}
            (work / "relay.json").write_text(json.dumps(config))
            self._python(topology, "road", "relay", str(work / "relay.json"))
        fds = [str(topology.hosts[h].fd) for h in ("client", "server")]
        self._python(topology, "client", "sampler", str(work / "samples.jsonl"), *fds, pass_fds=[int(f) for f in fds])
        for point in topology.points():
            self._capture(topology, point, work)
        server = self._python(
            topology,
            "server",
            "programs",
            "server",
            str(work / "plan.json"),
            str(work / "server.jsonl"),
            stdin=subprocess.PIPE,
        )
        client = self._python(
            topology,
            "client",
            "programs",
            "client",
            str(work / "plan.json"),
            str(work / "client.jsonl"),
            stdin=subprocess.PIPE,
        )
        trace.start()
        began = time.time()
        for process in (server, client):
            assert process.stdin
            process.stdin.write(f"{began + 0.05}\n".encode())
            process.stdin.flush()
        self._wait(client)
        time.sleep(self.scenario.settle_s)
        trace.stop()
        ended = time.time()
        self._stop_all()
        return began, ended

    def _wait(self, client: subprocess.Popen[bytes]) -> None:
        """Until the client is done, at most the scenario's limit."""
        assert client.stdout
        os.set_blocking(client.stdout.fileno(), False)
        deadline = time.monotonic() + self.scenario.limit_s
        while time.monotonic() < deadline:
            if b"done" in (client.stdout.readline() or b""):
                return
            if client.poll() is not None:
                raise RuntimeError("the client died")
            time.sleep(0.02)

    def _capture(self, topology: Topology, point: tuple[str, str, str], work: Path) -> None:
        name, host, device = point
        command = [
            "tcpdump",
            "-i",
            device,
            "-w",
            str(work / f"{name}.pcap"),
            "-s",
            str(self.scenario.snaplen or 262144),
            "-B",
            "65536",
            "--immediate-mode",
            "-U",
            "-n",
            "-Z",
            "root",
            "tcp or vlan" if device == "m0" else "tcp or ip6 proto 6",
        ]
        if self.scenario.nanoseconds:
            command.insert(1, "--nano")
        if device == "any":
            command[1:1] = ["-y", "LINUX_SLL2"]
        process = topology.hosts[host].spawn(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL)
        process.args = [name, *command]
        self._start(process, b"listening")

    def _stop_all(self) -> None:
        """Stop captures first, in good order; then the rest."""
        self.lost = getattr(self, "lost", 0)
        captures = [p for p in self.processes if isinstance(p.args, list) and "tcpdump" in p.args]
        for process in captures:
            process.send_signal(signal.SIGINT)
        for process in captures:
            _, errors = process.communicate(timeout=20)
            self.lost += sum(int(line.split()[0]) for line in (errors or b"").splitlines() if b"dropped by kernel" in line)
        for process in self.processes:
            if process not in captures:
                process.terminate()
                process.communicate(timeout=20)
        self.processes = []

    # Writing

    def _write(self, topology: Topology, trace: Trace, events: list[Any], work: Path, span: tuple[float, float]) -> dict[str, Any]:
        hz = kernel_hz(events)
        account = Account(trace.functions, hz, set(topology.host_of())).feed(events)
        end_ns = round(span[1] * 1e9)
        wires = {}
        for point, host, _ in topology.points():
            wire.cut_after(work / f"{point}.pcap", end_ns)
            if point in ("client", "server"):
                wires[host] = wire.segments(work / f"{point}.pcap")
        lines = [_json_lines(work / f) for f in ("client.jsonl", "server.jsonl", "samples.jsonl", "relay.jsonl")]
        logs = [
            entry | {"side": entry.get("side", side)}
            for side, entries in zip(("client", "server"), lines, strict=False)
            for entry in entries
        ]
        evidence = Evidence(
            self.scenario.name,
            account,
            wires,
            topology.host_of(),
            logs,
            lines[2],
            lines[3],
            topology.translations(wires),
        )
        book = Book(evidence)
        records = topology.both_sides_of_nat(Teller(book).records(), evidence)
        files = [self._keep(work / f"{point}.pcap", f"{self.name}.{point}.pcap") for point, _, _ in topology.points()]
        truth = work / "truth.jsonl"
        truth.write_text("".join(json.dumps(r, separators=(",", ":")) + "\n" for r in records))
        self._keep(truth, f"{self.name}.truth.jsonl")
        agreement = check.agreement(book, end_ns)
        return {
            "about": self.scenario.about,
            "seed": self.seed,
            "link": self.road,
            "sysctls": self.sysctls,
            "snaplen": self.scenario.snaplen,
            "started": span[0],
            "ended": span[1],
            "connections": len(records),
            "clock_drift_us": round((trace.offsets_ns[-1] - trace.offsets_ns[0]) / 1000, 1),
            "kernel_hz": hz,
            "witnesses": agreement,
            "problems": check.problems(book, records),
            "lost_by_tcpdump": self.lost,
            "lost_by_trace": trace.lost,
            "driver_errors": sorted({f"{e['label']}: {e['error']}" for e in logs if e["what"] == "error"}),
            "captures": files,
        }

    def _keep(self, made: Path, name: str) -> str:
        """Move a finished file to its place; over 300 kB it is compressed."""
        for old in (self.out / name, self.out / f"{name}.xz"):
            old.unlink(missing_ok=True)
        if made.stat().st_size > 300_000:
            name += ".xz"
            with (self.out / name).open("wb") as target:
                subprocess.run(["xz", "-6", "-c", str(made)], stdout=target, check=True, timeout=120)
        else:
            (self.out / name).write_bytes(made.read_bytes())
        return name


def _json_lines(path: Path) -> list[Any]:
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
