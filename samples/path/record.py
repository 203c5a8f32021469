"""Record the pair `recorded-firewall.*` anew: `python -m samples.path.record` (needs root, nft, tcpdump, xz; ten seconds).

    client c0 --- r0 router r1 --- q0 lossy q1 --- s0 server

The router translates the client's address and clamps the MSS; the client hands it offloaded segments of many packets,
which it cuts. The lossy one behind it drops packets at random and refuses one port in the server's name, and counts
both: its counters are the truth.
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

from tests.recorder.netns import Host, address, veth

FOLDER = Path(__file__).parent
SERVER, PORT, REFUSED = "10.3.0.1", 80, 9999
ROUTER = """table ip router {
    chain post { type nat hook postrouting priority 100; oifname "r1" meta l4proto tcp masquerade to :20000-29999; }
    chain clamp { type filter hook forward priority 0; tcp flags syn tcp option maxseg size set 1300; }
}"""
LOSSY = """table ip lossy {
    counter from_client {}
    counter from_server {}
    counter refused {}
    chain drops { type filter hook forward priority 0;
        iifname "q0" tcp dport 9999 counter name refused reject with tcp reset
        iifname "q0" meta l4proto tcp numgen random mod 1000 < 30 counter name from_client drop
        iifname "q1" meta l4proto tcp numgen random mod 1000 < 30 counter name from_server drop
    }
}"""
SIZES = (500, 20_000, 120_000)
CONNECTIONS = 24


def hosts() -> tuple[Host, Host, Host, Host]:
    """Client, router, the lossy one, server, joined and routed."""
    client, router, lossy, server = (Host(name) for name in ("client", "router", "lossy", "server"))
    veth(client, "c0", router, "r0", offload=True)
    veth(router, "r1", lossy, "q0")
    veth(lossy, "q1", server, "s0")
    for host, device, ipv4 in ((client, "c0", "10.1.0.1/24"), (router, "r0", "10.1.0.254/24"),
                               (router, "r1", "10.2.0.1/24"), (lossy, "q0", "10.2.0.2/24"),
                               (lossy, "q1", "10.3.0.254/24"), (server, "s0", f"{SERVER}/24")):  # fmt: skip
        address(host, device, ipv4)
    for host, route in ((client, "default via 10.1.0.254"), (router, "10.3.0.0/24 via 10.2.0.2"),
                        (lossy, "10.1.0.0/24 via 10.2.0.1"), (server, "default via 10.3.0.254")):  # fmt: skip
        host.ip(f"route add {route}")
    for host, rules in ((router, ROUTER), (lossy, LOSSY)):
        host.sysctl("ipv4.ip_forward", 1)
        host.nft(rules)
    return client, router, lossy, server


def dump(host: Host, device: str, path: Path) -> subprocess.Popen[bytes]:
    """A capture that has begun."""
    command = ["tcpdump", "-i", device, "-U", "-B", "32768", "-s", "96", "-w", str(path), "tcp"]
    process = host.spawn(command, stderr=subprocess.PIPE)
    assert process.stderr is not None
    process.stderr.readline()
    return process


def serve(listener: socket.socket) -> None:
    """Give as many bytes as are asked for, or take what is given."""
    while True:
        try:
            peer, _ = listener.accept()
        except OSError:
            return
        threading.Thread(target=answer, args=(peer,), daemon=True).start()


def answer(peer: socket.socket) -> None:
    with peer:
        asked = peer.recv(100)
        if asked.startswith(b"get"):
            peer.sendall(b"x" * int(asked.split()[1]))
            return
        while peer.recv(1 << 16):
            pass


def call(client: Host, number: int) -> None:
    """Odd ones get, even ones give, every sixth is refused."""
    time.sleep(number / CONNECTIONS)
    with client.inside():
        sock = socket.socket()
    with sock:
        sock.settimeout(20)
        try:
            sock.connect((SERVER, REFUSED if number % 6 == 5 else PORT))
        except ConnectionRefusedError:
            return
        size = SIZES[number % 3]
        sock.sendall(b"get %d " % size if number % 2 else b"put " + b"y" * size)
        if number % 2 == 0:
            sock.shutdown(socket.SHUT_WR)
        while sock.recv(1 << 16):
            pass


def record(folder: Path) -> dict[str, int]:
    """Write both captures; gives the counters."""
    client, _, lossy, server = hosts()
    dumps = [dump(host, device, folder / f"recorded-firewall.{host.name}.pcap")
             for host, device in ((client, "c0"), (server, "s0"))]  # fmt: skip
    time.sleep(0.5)
    with server.inside():
        listener = socket.create_server((SERVER, PORT), backlog=64)
    threading.Thread(target=serve, args=(listener,), daemon=True).start()
    calls = [threading.Thread(target=call, args=(client, number)) for number in range(CONNECTIONS)]
    for each in calls:
        each.start()
    for each in calls:
        each.join()
    time.sleep(2)
    for process in dumps:
        process.terminate()
        process.wait(10)
    listener.close()
    with lossy.inside():
        told = subprocess.run(["nft", "-j", "list", "counters"], check=True, capture_output=True, timeout=10).stdout
    rows = [row["counter"] for row in json.loads(told)["nftables"] if "counter" in row]
    return {row["name"]: row["packets"] for row in rows}


def main() -> int:
    truth = record(FOLDER)
    (FOLDER / "recorded-firewall.truth.json").write_text(json.dumps(truth, indent=1) + "\n")
    for name in ("client", "server"):
        subprocess.run(["xz", "-9", "-f", str(FOLDER / f"recorded-firewall.{name}.pcap")], check=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
