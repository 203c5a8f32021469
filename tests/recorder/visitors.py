"""Programs of the build-up recordings: `python -m tests.recorder.visitors PART ...`, each in its host's namespace.

They are what people really run into: a crawler on urllib (which asks for `Connection: close` every time), a web
application that opens a PostgreSQL connection for each page it serves, health checks, a job that fetches in bursts.
"""

from __future__ import annotations

import errno
import http.client
import json
import socket
import struct
import sys
import threading
import time
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

QUERY = b"SELECT id, name, price FROM goods ORDER BY id LIMIT 5"


def crawl(url: str, own: str, pages: str, threads: str, pause_s: str) -> None:
    """Fetch pages one after the other in each thread, without keep-alive, from one address."""
    numbers = iter(range(int(pages)))
    lock = threading.Lock()
    opener = urllib.request.build_opener(From(own))

    def fetch() -> None:
        while True:
            with lock:
                number = next(numbers, None)
            if number is None:
                return
            with opener.open(f"{url}/?page={number}", timeout=10) as answer:
                answer.read()
            time.sleep(float(pause_s))

    crowd = [threading.Thread(target=fetch) for _ in range(int(threads))]
    for thread in crowd:
        thread.start()
    for thread in crowd:
        thread.join()


class From(urllib.request.HTTPHandler):
    """Urllib's handler of http, from an address of our choice."""

    def __init__(self, own: str) -> None:
        super().__init__()
        self.own = own

    def http_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        """Open as urllib does."""
        return self.do_open(http.client.HTTPConnection, req, source_address=(self.own, 0))


def ask_database(address: str, port: int) -> None:
    """One query by PostgreSQL's protocol 3.0, over a connection of its own; the client closes first."""
    with socket.create_connection((address, port), timeout=10) as sock:
        startup = b"\0\3\0\0user\0shop\0database\0shop\0\0"
        sock.sendall(struct.pack("!I", len(startup) + 4) + startup)
        wait_until_ready(sock)
        sock.sendall(b"Q" + struct.pack("!I", len(QUERY) + 5) + QUERY + b"\0")
        wait_until_ready(sock)
        sock.sendall(b"X\0\0\0\4")


def wait_until_ready(sock: socket.socket) -> None:
    """Read messages until the server is ready for the next query."""
    heard = b""
    while True:
        piece = sock.recv(65536)
        if not piece:
            raise ConnectionError("the database hung up")
        heard += piece
        if heard[-6:-1] == b"Z\0\0\0\5":
            return


def serve(database: str, port: str, log: str) -> None:
    """A web application on 127.0.0.1:8080: every page asks the database, over a new connection."""
    failures: list[float] = []
    pages = [0]
    lock = threading.Lock()

    class Page(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            """Serve a page, or say that it cannot be had."""
            code = 200
            try:
                ask_database(database, int(port))
            except OSError as problem:
                if problem.errno != errno.EADDRNOTAVAIL:
                    raise
                code = 503
            with lock:
                pages[0] += code == 200
                if code == 503:
                    failures.append(time.time())
            time.sleep(0.01 if code == 200 else 0.2)
            self.send_response(code)
            self.send_header("Content-Length", "3")
            self.end_headers()
            self.wfile.write(b"ok\n")

        def log_message(self, *_: Any) -> None:
            """Silence."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

    server = Server(("127.0.0.1", 8080), Page)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print("ready", flush=True)
    sys.stdin.read()
    found = {"pages": pages[0], "eaddrnotavail": len(failures), "first_eaddrnotavail": min(failures, default=None)}
    Path(log).write_text(json.dumps(found))


def check(own: str, target: str, kind: str, period_s: str, lasts_s: str) -> None:
    """A health check: HTTP/1.0 (the server closes first) or a mere connect, at a constant period."""
    address, _, port = target.rpartition(":")
    began = time.monotonic()
    for number in range(round(float(lasts_s) / float(period_s))):
        time.sleep(max(0.0, began + number * float(period_s) - time.monotonic()))
        with socket.create_connection((address, int(port)), timeout=5, source_address=(own, 0)) as sock:
            if kind == "http":
                sock.sendall(b"OPTIONS / HTTP/1.0\r\n\r\n")
                while sock.recv(4096):
                    pass


def burst(url: str, own: str, size: str, every_s: str, times: str) -> None:
    """A scheduled job: `size` fetches at once, every so often; it has the whole answer and closes first."""
    host = url.removeprefix("http://")

    def fetch() -> None:
        connection = http.client.HTTPConnection(host, timeout=10, source_address=(own, 0))
        connection.request("GET", "/")
        connection.getresponse().read()
        connection.close()

    for _ in range(int(times)):
        crowd = [threading.Thread(target=fetch) for _ in range(int(size))]
        for thread in crowd:
            thread.start()
        for thread in crowd:
            thread.join()
        time.sleep(float(every_s))


PARTS: dict[str, Callable[..., None]] = {"crawl": crawl, "serve": serve, "check": check, "burst": burst}

if __name__ == "__main__":
    PARTS[sys.argv[1]](*sys.argv[2:])
