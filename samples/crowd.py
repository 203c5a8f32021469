"""A busy server that closes every connection first: `python3 samples/crowd.py > server.pcap`.

35,000 connections from 40 clients in 70 s, 500 a second, of seven segments each; after a minute the server holds 30,000 of them in
TIME_WAIT. It is too large to be kept as a sample (22 MB), and takes nothing but Python.
"""

import struct
import sys
from collections.abc import Iterator
from itertools import islice

SERVER, SERVER_PORT = bytes((198, 51, 100, 20)), 443
CLIENTS, CONNECTIONS, PER_S = 40, 35_000, 500
REQUEST, ANSWER = 90, 60  # bytes
START_S = 1_767_323_045  # 2026-01-02 03:04:05 UTC
CLIENT_ISN, SERVER_ISN = 1_000_000_000, 3_000_000_000
SYN, ACK, FIN, PSH = 2, 16, 1, 8
# Sent by the client, flags, sequence and acknowledgement number from each side's first, bytes, microseconds after the first segment.
SEGMENTS = (
    (True, SYN, 0, 0, 0, 0),
    (False, SYN | ACK, 0, 1, 0, 40),
    (True, ACK, 1, 1, 0, 4_000),
    (True, PSH | ACK, 1, 1, REQUEST, 4_010),
    (False, FIN | PSH | ACK, 1, 1 + REQUEST, ANSWER, 5_000),
    (True, FIN | ACK, 1 + REQUEST, 2 + ANSWER, 0, 9_000),
    (False, ACK, 2 + ANSWER, 2 + REQUEST, 0, 9_040),
)


def checksum(data: bytes) -> int:
    """The Internet checksum (RFC 1071) of an even number of bytes."""
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total & 0xFFFF) + (total >> 16)
    return ~(total + (total >> 16)) & 0xFFFF


def packet(source: bytes, target: bytes, ports: tuple[int, int], segment: tuple[int, int, int, int]) -> bytes:
    """An IPv4 packet with a TCP segment: sequence number, acknowledgement number, flags, bytes of zeros."""
    number, acknowledged, flags, size = segment
    tcp = struct.pack("!HHIIBBHHH", *ports, number, acknowledged, 5 << 4, flags, 502, 0, 0)
    together = source + target + struct.pack("!HH", 6, len(tcp) + size)
    tcp = tcp[:16] + checksum(together + tcp).to_bytes(2) + tcp[18:]
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 40 + size, 0, 0x4000, 64, 6, 0, source, target)
    return ip[:10] + checksum(ip).to_bytes(2) + ip[12:] + tcp + bytes(size)


def connection(number: int) -> Iterator[tuple[int, bytes]]:
    """The frames of one connection, each with its time in microseconds since START_S."""
    client, port = bytes((203, 0, 113, 1 + number % CLIENTS)), 32768 + number // CLIENTS
    for by_client, flags, sent, had, size, after_us in SEGMENTS:
        numbers = (CLIENT_ISN + sent, SERVER_ISN + had) if by_client else (SERVER_ISN + sent, CLIENT_ISN + had)
        segment = (numbers[0], numbers[1] if flags & ACK else 0, flags, size)
        ends = (client, SERVER, (port, SERVER_PORT)) if by_client else (SERVER, client, (SERVER_PORT, port))
        yield number * 1_000_000 // PER_S + after_us, bytes(12) + b"\x08\x00" + packet(*ends, segment)


def frames() -> Iterator[tuple[int, bytes]]:
    """All frames in order of time: a connection lasts for a few others only."""
    waiting: list[tuple[int, bytes]] = []
    for number in range(CONNECTIONS):
        waiting += connection(number)
        waiting.sort(key=lambda frame: frame[0])
        until_us = (number + 1) * 1_000_000 // PER_S
        ready = sum(at_us < until_us for at_us, _ in waiting)
        yield from islice(waiting, ready)
        del waiting[:ready]
    yield from waiting


def main() -> None:
    """Write the capture to standard output."""
    out = sys.stdout.buffer
    out.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
    for at_us, frame in frames():
        out.write(struct.pack("<IIII", START_S + at_us // 1_000_000, at_us % 1_000_000, len(frame), len(frame)) + frame)


if __name__ == "__main__":
    main()
