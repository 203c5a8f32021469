"""Servers on loopback that captures are read from: HTTP, with ranges or without, and S3 (moto)."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


class Web:
    """Files by their paths, and what was asked for: path, first byte and number of bytes of each answer."""

    def __init__(self, files: dict[str, bytes], *, ranges: bool, sizes: bool = True) -> None:
        self.files, self.ranges, self.sizes = files, ranges, sizes
        self.asked: list[tuple[str, int, int]] = []
        self.broken_from: int | None = None  # a byte that no answer goes beyond
        self.port = 0

    def url(self, path: str) -> str:
        """Where a file is."""
        return f"http://127.0.0.1:{self.port}{path}"

    @contextmanager
    def serving(self) -> Iterator[Web]:
        """Serve while this lasts."""
        web = self

        class Handler(BaseHTTPRequestHandler):
            def do_HEAD(self) -> None:
                web._answer(self, body=False)

            def do_GET(self) -> None:
                web._answer(self, body=True)

            def log_message(self, *args: object) -> None:
                pass

        with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
            self.port = server.server_address[1]
            threading.Thread(target=server.serve_forever, daemon=True).start()
            yield self
            server.shutdown()

    def _answer(self, handler: BaseHTTPRequestHandler, *, body: bool) -> None:
        path = handler.path.partition("?")[0]
        data = self.files.get(path)
        if data is None:
            handler.send_error(403 if path.startswith("/forbidden") else 404)
            return
        asked = handler.headers.get("Range")
        if asked and self.ranges:
            first, last = (int(number) for number in asked.removeprefix("bytes=").split("-"))
            if self.broken_from is not None and last >= self.broken_from:
                handler.send_error(503)
                return
            part = data[first : last + 1]
            handler.send_response(206)
            handler.send_header("Content-Range", f"bytes {first}-{first + len(part) - 1}/{len(data)}")
        else:
            first, part = 0, data
            handler.send_response(200)
        if self.sizes:
            handler.send_header("Content-Length", str(len(part)))
        handler.end_headers()
        if body:
            self.asked.append((path, first, len(part)))
            handler.wfile.write(part)
