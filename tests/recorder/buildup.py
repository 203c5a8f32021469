"""Records how TIME_WAIT builds up, from real programs: `python -m tests.recorder.buildup [NAME...]`, as root.

Each makes `samples/NAME.POINT.pcap.xz` for its capture points and `samples/truth/NAME.counts.json` with what sock_diag
counted in both kernels a few times a second. nginx, PostgreSQL and wrk come from Debian, see visitors.py for the rest.
Each takes at most two minutes, and everything dies with this process.
"""

from __future__ import annotations

import argparse
import lzma
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from tests.recorder.census import Census
from tests.recorder.netns import Host, address, neighbours, veth
from tests.recorder.session import ROOT, exclusive

if TYPE_CHECKING:
    from collections.abc import Callable

SAMPLES = Path(__file__).resolve().parents[2] / "samples"
PG_BIN = Path("/usr/lib/postgresql/15/bin")
SERVER = "10.77.5.2"
SNAPLEN = 74  # Ethernet, IPv4 and a TCP header with a SYN's options

NGINX = """daemon off; master_process off; worker_processes 1; pid {work}/nginx.pid; error_log {work}/error.log;
events {{ worker_connections 2048; }}
http {{
    access_log off; client_body_temp_path {work}; proxy_temp_path {work};
    fastcgi_temp_path {work}; uwsgi_temp_path {work}; scgi_temp_path {work};
    server {{ {listen} location / {{ return 200 "a page\\n"; }} }}
}}
"""


@dataclass
class Stage:
    """Two hosts and what runs on them."""

    client: Host
    server: Host
    work: Path
    running: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start(self, host: Host, *command: str, ready: bytes = b"", user: str = "") -> subprocess.Popen[bytes]:
        """Start a program; wait for its word where it has one."""
        prefix = ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups"] if user else []
        process = host.spawn([*prefix, *command], stdout=subprocess.PIPE, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=ROOT)
        self.running.append(process)
        if ready:
            assert process.stdout
            while ready not in (line := process.stdout.readline()):
                if not line:
                    raise RuntimeError(f"{command} did not start")
        return process

    def part(self, host: Host, *arguments: str, ready: bytes = b"") -> subprocess.Popen[bytes]:
        """Start a part of visitors.py."""
        return self.start(host, sys.executable, "-m", "tests.recorder.visitors", *arguments, ready=ready)

    def nginx(self, *ports: int) -> None:
        """Start nginx on the server's address."""
        config = self.work / "nginx.conf"
        listen = " ".join(f"listen {SERVER}:{port} backlog=2048;" for port in ports)
        config.write_text(NGINX.format(work=self.work, listen=listen))
        self.start(self.server, "nginx", "-c", str(config))
        time.sleep(0.5)

    def postgres(self) -> None:
        """Start a PostgreSQL with a shop in it; it will not run as root."""
        home = self.work / "pg"
        home.mkdir()
        self.work.chmod(0o755)
        shutil.chown(home, "postgres", "postgres")
        as_postgres: list[str | Path] = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
        subprocess.run(
            [*as_postgres, PG_BIN / "initdb", "-D", home / "data", "-A", "trust", "-U", "shop", "-N"],
            check=True,
            capture_output=True,
            timeout=60,
        )
        with (home / "data" / "pg_hba.conf").open("a") as rules:
            rules.write("host all all 10.77.5.0/24 trust\n")
        single = [*as_postgres, PG_BIN / "postgres", "--single", "-D", home / "data"]
        subprocess.run([*single, "postgres"], input=b"CREATE DATABASE shop;\n", check=True, capture_output=True, timeout=60)
        rows = b"CREATE TABLE goods (id int primary key, name text, price int);\n"
        rows += b"INSERT INTO goods SELECT n, 'thing ' || n, n * 7 FROM generate_series(1, 200) n;\n"
        subprocess.run([*single, "shop"], input=rows, check=True, capture_output=True, timeout=60)
        options = ["-c", f"listen_addresses={SERVER}", "-c", f"unix_socket_directories={home}", "-c", "fsync=off"]
        self.start(self.server, str(PG_BIN / "postgres"), "-D", str(home / "data"), *options, user="postgres")
        with self.server.inside():
            for _ in range(100):
                if subprocess.run([PG_BIN / "pg_isready", "-h", SERVER], check=False, capture_output=True).returncode == 0:
                    return
                time.sleep(0.1)
        raise RuntimeError("PostgreSQL did not start")

    def stop(self) -> None:
        """End everything, captures first."""
        for process in self.running:
            if process.poll() is None:
                process.send_signal(signal.SIGINT)
        for process in self.running:
            try:
                process.communicate(timeout=10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()


@dataclass
class Buildup:
    """One recording. `play` starts the programs and returns when all is over."""

    name: str
    about: str
    needs: tuple[str, ...]
    play: Callable[[Stage], None]
    filter: str = "tcp"
    addresses: tuple[str, ...] = ("10.77.5.1",)
    ports: str = ""
    keep: tuple[str, ...] = ("client", "server")


def crawler(stage: Stage) -> None:
    """Two crawlers on an nginx, each page over a connection of its own that nginx closes first."""
    stage.nginx(80)
    crowd = [
        stage.part(stage.client, "crawl", f"http://{SERVER}", own, pages, "4", "0.015")
        for own, pages in (("10.77.5.1", "1700"), ("10.77.5.11", "600"))
    ]
    for process in crowd:
        process.wait(60)
    time.sleep(1)


def database(stage: Stage) -> None:
    """A web application under load that opens a database connection for each page, until its ports run out and on."""
    stage.postgres()
    log = stage.work / "app.json"
    app = stage.part(stage.client, "serve", SERVER, "5432", str(log), ready=b"ready")
    time.sleep(1)
    wrk = stage.start(stage.client, "wrk", "-t1", "-c6", "-d66s", "http://127.0.0.1:8080/")
    wrk.wait(90)
    time.sleep(0.5)
    app.communicate(timeout=10)


def health_checks(stage: Stage) -> None:
    """Two balancers ask three web servers every two seconds whether they live, and one port by connecting only."""
    stage.nginx(8081, 8082, 8083, 9090)
    for own in ("10.77.5.1", "10.77.5.11"):
        for port in (8081, 8082, 8083):
            stage.part(stage.client, "check", own, f"{SERVER}:{port}", "http", "2", "40")
    stage.part(stage.client, "check", "10.77.5.1", f"{SERVER}:9090", "connect", "1", "40").wait(60)
    time.sleep(2)


def bursts(stage: Stage) -> None:
    """A scheduled job that fetches 150 documents at once, every ten seconds."""
    stage.nginx(80)
    stage.part(stage.client, "burst", f"http://{SERVER}", "10.77.5.1", "150", "10", "4").wait(90)


BUILDUPS = {
    item.name: item
    for item in (
        Buildup(
            "buildup-crawler",
            "Two crawlers without keep-alive; nginx closes first.",
            ("nginx",),
            crawler,
            addresses=("10.77.5.1", "10.77.5.11"),
        ),
        Buildup(
            "buildup-database",
            "A connection to PostgreSQL for each page; the local ports run out.",
            ("wrk", str(PG_BIN / "postgres")),
            database,
            "tcp port 5432",
            ports="32768 34815",
        ),
        Buildup(
            "buildup-health-checks",
            "Balancers that check servers at a constant period.",
            ("nginx",),
            health_checks,
            addresses=("10.77.5.1", "10.77.5.11"),
            keep=("server",),
        ),
        Buildup(
            "buildup-bursts",
            "A scheduled job that opens many connections at once.",
            ("nginx",),
            bursts,
            keep=("client",),
        ),
    )
}


def record(buildup: Buildup, out: Path, truth: Path) -> None:
    """Make the files of one recording."""
    with ExitStack() as stack:
        work = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tcpstates-buildup-")))
        client, server = Host("client"), Host("server")
        stack.callback(client.close)
        stack.callback(server.close)
        veth(client, "c0", server, "s0")
        for own in buildup.addresses:
            address(client, "c0", f"{own}/24")
        address(server, "s0", f"{SERVER}/24")
        neighbours(client, "c0", {SERVER: "s0"})
        neighbours(server, "s0", dict.fromkeys(buildup.addresses, "c0"))
        if buildup.ports:
            client.sysctl("ipv4.ip_local_port_range", buildup.ports)
        stage = Stage(client, server, work)
        stack.callback(stage.stop)
        captures = [_capture(stage, host, device, buildup) for host, device in ((client, "c0"), (server, "s0"))]
        census = Census({"client": client, "server": server})
        census.start()
        try:
            buildup.play(stage)
        finally:
            census.stop()
        for process in captures:
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=20)
        for point in buildup.keep:
            kept = out / f"{buildup.name}.{point}.pcap.xz"
            kept.write_bytes(lzma.compress((work / f"{point}.pcap").read_bytes(), preset=9 | lzma.PRESET_EXTREME))
            print(f"{kept.name}: {kept.stat().st_size} bytes")
        app = work / "app.json"
        census.save(
            truth / f"{buildup.name}.counts.json",
            about=buildup.about,
            client=list(buildup.addresses),
            server=SERVER,
            port_range=buildup.ports or None,
            application=app.read_text() if app.exists() else None,
        )
        print(
            {name: {k: v for k, v in counts.items() if k != "moments"} for name, counts in census.counts().items()},
            app.read_text() if app.exists() else "",
        )


def _capture(stage: Stage, host: Host, device: str, buildup: Buildup) -> subprocess.Popen[bytes]:
    name = "client" if device == "c0" else "server"
    command = [
        "tcpdump",
        "-i",
        device,
        "-w",
        str(stage.work / f"{name}.pcap"),
        "-s",
        str(SNAPLEN),
        "-B",
        "65536",
        "--immediate-mode",
        "-U",
        "-n",
        "-Z",
        "root",
        buildup.filter,
    ]
    process = host.spawn(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL)
    assert process.stderr
    while b"listening" not in (line := process.stderr.readline()):
        if not line:
            raise RuntimeError("tcpdump did not start")
    return process


def missing(buildup: Buildup) -> list[str]:
    """Programs that the recording needs and this machine lacks."""
    return [name for name in buildup.needs if shutil.which(name) is None]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.recorder.buildup", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", choices=[*BUILDUPS, []], help=", ".join(BUILDUPS))
    parser.add_argument("--out", type=Path, help="directory for all files (default: samples/ and samples/truth/)")
    options = parser.parse_args()
    if os.geteuid() != 0:
        parser.error("root is needed: network namespaces")
    for name in options.names or BUILDUPS:
        if lacking := missing(BUILDUPS[name]):
            parser.error(f"{name} needs {', '.join(lacking)}")
        with exclusive():
            record(BUILDUPS[name], options.out or SAMPLES, options.out or SAMPLES / "truth")
    return 0


if __name__ == "__main__":
    sys.exit(main())
