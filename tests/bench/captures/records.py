"""Records as templates, and sheets of them that are filled in column by column.

Building ten million packets one by one would take minutes in Python. Here a row of records is laid out once, repeated,
and each field is then written for all rows at once by assigning to a slice with a step.
"""

import sys
from array import array
from collections.abc import Iterable
from dataclasses import dataclass

from tests.writer.files import Frame, pcap_record
from tests.writer.links import ETHERNET
from tests.writer.packets import ipv4
from tests.writer.segment import Segment

# Where the fields stand, counted from the start of the record: 16 bytes of record header, 14 of Ethernet, 20 of IPv4.
SECONDS, MICROSECONDS = 0, 4
IP_ID, IP_CHECKSUM, SOURCE, TARGET = 34, 40, 42, 46
SOURCE_PORT, TARGET_PORT, SEQ, ACK, TCP_CHECKSUM, OPTIONS = 50, 52, 54, 58, 66, 70

WORD = 65535  # Internet checksums are sums modulo 2^16 - 1 (RFC 1071): a 32-bit field adds its value modulo that
SEQUENCE_MASK = 0xFFFFFFFF
EPOCH_S = 1_767_323_045  # 2026-01-02T03:04:05Z
ANY_SNAPLEN = 262144


@dataclass(frozen=True)
class Intent:
    """What a capture holds, as its generator meant it: what any analysis of it must find."""

    packets: int
    connections: int
    closed_first_by_client: int
    segments_of_close: dict[int, int]
    payload_bytes_of_clients: int
    payload_bytes_of_servers: int

    @property
    def closed_first_by_server(self) -> int:
        """All connections are closed, and every one leaves one TIME_WAIT behind, with who closed first."""
        return self.connections - self.closed_first_by_client


@dataclass(frozen=True)
class Template:
    """A record to be filled in, and what its fields add to its two checksums while those to come are zero."""

    data: bytes
    timestamps: int
    ip_sum: int
    tcp_sum: int


def template(segment: Segment, snaplen: int = ANY_SNAPLEN) -> Template:
    """The record of a segment; its timestamps option is looked for where Linux puts it."""
    data = record(segment, 0, snaplen)
    in_syn = segment.flags.startswith("S")
    return Template(
        data,
        timestamps=OPTIONS + (8 if in_syn else 4),  # behind MSS and SACK permitted, or two NOPs, and kind and length
        ip_sum=WORD - int.from_bytes(data[IP_CHECKSUM : IP_CHECKSUM + 2], "big"),
        tcp_sum=WORD - int.from_bytes(data[TCP_CHECKSUM : TCP_CHECKSUM + 2], "big"),
    )


def record(segment: Segment, at_us: int, snaplen: int = ANY_SNAPLEN) -> bytes:
    """One record, `at_us` microseconds after the start of the capture."""
    frame = ETHERNET.frame(ipv4(segment), segment.from_client)
    at_ns = EPOCH_S * 1_000_000_000 + at_us * 1000
    return pcap_record(Frame(at_ns, frame, len(frame)).cut_to(snaplen))


def checksums(sums: Iterable[int]) -> list[int]:
    """What goes into a checksum field when all the rest adds up to this (never 0xffff, as in a sender's arithmetic)."""
    return [WORD - 1 - (total - 1) % WORD for total in sums]


class Sheet:
    """Rows of equal length, one behind the other in `data`."""

    def __init__(self, data: bytes, row_bytes: int) -> None:
        self.data = bytearray(data)
        self.row_bytes = row_bytes

    def put16(self, offset: int, values: Iterable[int]) -> None:
        """Write a 16-bit field of every row in network order."""
        self._put(offset, array("H", values), "big")

    def put32(self, offset: int, values: Iterable[int]) -> None:
        """Write a 32-bit field of every row in network order."""
        self._put(offset, array("I", values), "big")

    def put_times(self, offset: int, times_us: Iterable[int]) -> None:
        """Write the times of a record of every row, given as microseconds after the start of the capture."""
        split = [divmod(time_us, 1_000_000) for time_us in times_us]
        self._put(offset + SECONDS, array("I", [EPOCH_S + seconds for seconds, _ in split]), "little")
        self._put(offset + MICROSECONDS, array("I", [rest for _, rest in split]), "little")

    def _put(self, offset: int, column: "array[int]", order: str) -> None:
        if order != sys.byteorder:
            column.byteswap()
        raw = column.tobytes()
        for byte in range(column.itemsize):
            self.data[offset + byte :: self.row_bytes] = raw[byte :: column.itemsize]
