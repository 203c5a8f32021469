"""Record the worked example anew: `python -m samples.ci.record` (needs root; takes about ten seconds)."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

from samples.ci.service import AFTER, BEFORE, PORT, Behaviour, exercise, serve
from tests.recorder.netns import Host, address, veth

FOLDER = Path(__file__).parent
CLIENT, SERVER = "10.77.0.1", "10.77.0.2"


def record(name: str, behaviour: Behaviour) -> int:
    """Run the service's test between two hosts and write what the client's interface saw; gives the answers."""
    client, server = Host("client"), Host("server")
    veth(client, "c0", server, "s0")
    address(client, "c0", f"{CLIENT}/24")
    address(server, "s0", f"{SERVER}/24")
    with server.inside():
        listener = socket.create_server((SERVER, PORT), backlog=64)
    thread = threading.Thread(target=serve, args=(listener, behaviour), daemon=True)
    thread.start()
    part = FOLDER / f"{name}.part"
    dump = client.spawn(["tcpdump", "-i", "c0", "-U", "-s", "96", "-w", str(part), "tcp"], stderr=subprocess.PIPE)
    assert dump.stderr is not None
    dump.stderr.readline()  # it listens now
    time.sleep(0.5)
    with client.inside():
        answers = exercise(SERVER, behaviour)
    time.sleep(1)
    dump.terminate()
    dump.wait(10)
    listener.close()
    part.replace(FOLDER / f"{name}.pcap")
    client.close()
    server.close()
    return answers


def main() -> int:
    """Record both."""
    for name, behaviour in (("before", BEFORE), ("after", AFTER)):
        print(f"{name}.pcap: {record(name, behaviour)} answers")
    return 0


if __name__ == "__main__":
    sys.exit(main())
