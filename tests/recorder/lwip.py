"""Another stack: lwIP (Debian's liblwip-dev) on a TAP device, talking to the kernel, with its own account of its states.

    python -m tests.recorder.lwip DIR     # writes lwip.pcap and lwip.states

The host is `lwip.c`, compiled here. It and the kernel at the other end of the device live in a namespace of their own, where
the capture is taken: both are near. `lwip.states` has a line for each state that lwIP entered: nanoseconds since 1970, its
port, the kernel's, the state.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

from tests.recorder.netns import Host

if TYPE_CHECKING:
    from collections.abc import Callable

INCLUDES = Path("/usr/include/lwip")
KERNEL, LWIP, NETMASK, DEVICE = "10.79.0.1", "10.79.0.2", "255.255.255.0", "lwip0"
FIRST_CLOSER, SECOND, ABORTS, SAYS_MORE, NOBODY = 80, 81, 82, 83, 9  # lwIP's ports, as lwip.c has them
WAITS, CLOSES = 9000, 9001  # the kernel's: closes when its peer has; closes first
TIMES = 3  # each situation
PATIENCE_S = 3.5  # for a connection that TIME_WAIT refuses


@dataclass(frozen=True)
class Entered:
    """A state that lwIP entered: when, between which ports."""

    at_ns: int
    port: int
    kernel_port: int
    state: str


def lacking() -> str | None:
    """What this machine has not and the recording needs; None if it has it all."""
    if not INCLUDES.is_dir():
        return "liblwip-dev"
    if not Path("/dev/net/tun").exists():
        return "/dev/net/tun"
    return next((name for name in ("cc", "ip", "tcpdump") if shutil.which(name) is None), None)


def record(folder: Path) -> tuple[Path, list[Entered]]:
    """Record all situations; gives the capture and lwIP's own account."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="tcpstates-lwip-") as work:
        program = Path(work, "lwip_host")
        subprocess.run(
            ["cc", "-O1", f"-I{INCLUDES}", "-o", str(program), str(Path(__file__).with_suffix(".c")), "-llwip", "-lpthread"],
            check=True,
            timeout=60,
        )
        host = Host("kernel")
        host.ip(f"tuntap add dev {DEVICE} mode tap")
        host.ip(f"addr add {KERNEL}/24 dev {DEVICE}")
        host.ip(f"link set {DEVICE} up")
        capture, states = folder / "lwip.pcap", folder / "lwip.states"
        with host.inside(), states.open("wb") as log:
            tcpdump = host.spawn(
                ["tcpdump", "-i", DEVICE, "-w", str(capture), "-U", "--immediate-mode", "-Z", "root", "-s", "0", "tcp"],
                stderr=subprocess.PIPE,
            )
            lwip = host.spawn(
                [str(program), LWIP, NETMASK, KERNEL], stdin=subprocess.PIPE, stdout=log, env={**os.environ, "PRECONFIGURED_TAPIF": DEVICE}
            )
            try:
                assert tcpdump.stderr
                assert lwip.stdin
                while b"listening" not in (line := tcpdump.stderr.readline()):
                    if not line:
                        raise RuntimeError("tcpdump did not start")
                _wait_for(lambda: states.stat().st_size > 0)
                _talk(lwip.stdin)
                time.sleep(0.3)
            finally:
                for process in (lwip, tcpdump):
                    process.terminate()
                    process.wait(10)
        host.close()
    lines = [line.split() for line in states.read_text().splitlines()]
    return capture, [Entered(int(line[0]), int(line[1]), int(line[2]), line[3]) for line in lines if len(line) == 4]


def _wait_for(done: Callable[[], bool]) -> None:
    for _ in range(500):
        if done():
            return
        time.sleep(0.01)
    raise TimeoutError("lwIP did not start")


def _talk(commands: IO[bytes]) -> None:
    """Every situation, one after the other: what is asked is what each side did, not how they mix."""
    for _ in range(TIMES):
        for port, ending in SITUATIONS:
            with contextlib.suppress(ConnectionError), _opened(port) as client:
                client.sendall(b"a" * 300)
                ending(client)
        with contextlib.suppress(ConnectionError):
            _opened(NOBODY).close()
        for port in (WAITS, CLOSES):
            _serves(port, commands)
    _comes_again()


def _opened(port: int, source_port: int = 0) -> socket.socket:
    client = socket.socket()
    client.settimeout(PATIENCE_S)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        client.bind((KERNEL, source_port))
        client.connect((LWIP, port))
    except OSError:
        client.close()
        raise
    return client


def _reads_on(client: socket.socket) -> None:
    while client.recv(4096):
        pass


def _closes(client: socket.socket) -> None:
    client.recv(4096)
    time.sleep(0.3)  # its ACK may be delayed by 250 ms


def _aborts(client: socket.socket) -> None:
    client.recv(4096)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def _half_closes(client: socket.socket) -> None:
    client.recv(4096)
    client.shutdown(socket.SHUT_WR)
    _reads_on(client)


SITUATIONS = ((FIRST_CLOSER, _reads_on), (SECOND, _closes), (SECOND, _aborts), (ABORTS, _reads_on), (SAYS_MORE, _half_closes))


def _serves(port: int, commands: IO[bytes]) -> None:
    """LwIP opens a connection to the kernel, which closes first or when lwIP has."""
    with socket.create_server((KERNEL, port)) as listener:
        listener.settimeout(PATIENCE_S)
        commands.write(f"connect {port} {'first' if port == WAITS else 'second'}\n".encode())
        commands.flush()
        served, _ = listener.accept()
        with served:
            served.settimeout(PATIENCE_S)
            served.recv(4096)
            served.sendall(b"b" * 400)
            if port == WAITS:
                _reads_on(served)
            time.sleep(0.05)
        time.sleep(0.3)


def _comes_again() -> None:
    """From the port of a connection that lwIP closed first: its TIME_WAIT takes no SYN."""
    with _opened(FIRST_CLOSER) as client:
        port = client.getsockname()[1]
        client.sendall(b"a" * 300)
        _reads_on(client)
    time.sleep(0.3)
    with contextlib.suppress(TimeoutError):
        _opened(FIRST_CLOSER, port).close()


def main() -> None:
    """Record into a folder."""
    if reason := lacking():
        sys.exit(f"needs {reason}")
    print(record(Path(sys.argv[1]))[0])


if __name__ == "__main__":
    main()
