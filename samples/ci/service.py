"""A small HTTP service, and the client of its tests: `before` with its faults, `after` with them mended.

The faults of `before`, each common in real services:

1. it closes the connection behind every answer, so that every request makes a new one;
2. so the server closes first, and keeps a TIME_WAIT for each request;
3. it refuses an upload that is too large without reading it: close() with data unread sends a RST, and the client may
   lose the answer that says why.
"""

from __future__ import annotations

import socket
from contextlib import suppress
from dataclasses import dataclass
from time import sleep

PORT = 8080
LIMIT_BYTES = 16_384
READS, UPLOADS = 24, 3


@dataclass(frozen=True)
class Behaviour:
    """What was mended: whether connections are kept alive, whether a refused upload is read to its end."""

    keep_alive: bool
    drains: bool


BEFORE, AFTER = Behaviour(keep_alive=False, drains=False), Behaviour(keep_alive=True, drains=True)


def serve(listener: socket.socket, behaviour: Behaviour) -> None:
    """Answer until the listener is closed; one connection at a time is enough for its test."""
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        with connection, suppress(OSError):
            while _answer(connection, behaviour) and behaviour.keep_alive:
                pass


def _answer(connection: socket.socket, behaviour: Behaviour) -> bool:
    """Answer one request; False where the client has closed."""
    head = b""
    while b"\r\n\r\n" not in head:
        piece = connection.recv(512)
        if not piece:
            return False
        head += piece
    head, _, body = head.partition(b"\r\n\r\n")
    length = next((int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0)
    if length > LIMIT_BYTES:
        left = length - len(body)
        while behaviour.drains and left > 0:
            left -= len(connection.recv(65536))
        sleep(0.002)  # the rest of the upload arrives while the answer is made
        connection.sendall(b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\n\r\n")
    else:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")
    return True


def exercise(address: str, behaviour: Behaviour) -> int:
    """What the test does: reads, then uploads that are too large. Gives how many answers came."""
    answers, connection = 0, None
    for number in range(READS + UPLOADS):
        if connection is None:
            connection = socket.create_connection((address, PORT), timeout=5)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        body = b"x" * (3 * LIMIT_BYTES) if number >= READS else b""
        method = "POST" if body else "GET"
        head = f"{method} / HTTP/1.1\r\nHost: {address}\r\nContent-Length: {len(body)}\r\n\r\n"
        with suppress(ConnectionError):
            connection.sendall(head.encode() + body)
            answers += connection.recv(4096).startswith(b"HTTP/1.1 ")
        if not behaviour.keep_alive:
            with suppress(ConnectionError):
                connection.recv(1)  # until the server's end of file, or its RST
            connection.close()
            connection = None
    if connection is not None:
        connection.close()
    return answers
