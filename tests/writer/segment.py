"""One TCP segment: what its sender put into it, and its bytes as dpkt packs them."""

import struct
from dataclasses import dataclass
from ipaddress import ip_address

import dpkt

FLAG_BITS = {"F": 0x01, "S": 0x02, "R": 0x04, "P": 0x08, "A": 0x10, "U": 0x20, "E": 0x40, "C": 0x80}
SEQUENCE_NUMBERS = 1 << 32


@dataclass(frozen=True)
class Endpoint:
    """An address and a port; `Endpoint.of("[2001:db8::1]:80")` reads the usual notation."""

    address: str
    port: int

    @classmethod
    def of(cls, text: str) -> "Endpoint":
        """Endpoint of `ADDRESS:PORT`, where an IPv6 address stands in brackets."""
        address, _, port = text.rpartition(":")
        return cls(address.strip("[]"), int(port))

    @property
    def packed(self) -> bytes:
        """The address in network order: 4 or 16 bytes."""
        return ip_address(self.address).packed


@dataclass(frozen=True)
class Segment:
    """A segment as it left its sender. `seq` and `ack` are the numbers on the wire, not relative ones."""

    source: Endpoint
    target: Endpoint
    from_client: bool
    flags: str
    seq: int
    ack: int
    payload: bytes
    window: int
    options: bytes
    ttl: int
    ip_id: int
    checksum_good: bool = True
    timestamp: int | None = None

    @property
    def sequence_length(self) -> int:
        """Sequence numbers that it takes up (RFC 9293, 3.4: SYN and FIN count one each)."""
        return len(self.payload) + ("S" in self.flags) + ("F" in self.flags)

    @property
    def end(self) -> int:
        """The sequence number behind it."""
        return (self.seq + self.sequence_length) % SEQUENCE_NUMBERS

    def tcp(self) -> bytes:
        """TCP header, options and payload, with the checksum over the pseudo header of its addresses."""
        bits = sum(FLAG_BITS[letter] for letter in self.flags)
        offset = 5 + len(self.options) // 4
        header = dpkt.tcp.TCP(
            sport=self.source.port,
            dport=self.target.port,
            seq=self.seq % SEQUENCE_NUMBERS,
            ack=self.ack % SEQUENCE_NUMBERS,
            flags=bits,
            win=self.window,
            off=offset,
            opts=self.options,
            data=self.payload,
        )
        header.sum = checksum(self.source.packed, self.target.packed, bytes(header))
        if not self.checksum_good:
            header.sum ^= 0x5555
        return bytes(header)


def checksum(source: bytes, target: bytes, tcp: bytes) -> int:
    """Checksum of a TCP segment whose own checksum field is zero (RFC 9293, 3.1)."""
    pseudo = source + target + struct.pack("!IxxxB", len(tcp), dpkt.ip.IP_PROTO_TCP)
    return int(dpkt.in_cksum(pseudo + tcp))


def option(kind: int, body: bytes = b"") -> bytes:
    """One TCP option with its length byte."""
    return bytes([kind, len(body) + 2]) + body


def pack_options(*parts: bytes) -> bytes:
    """Options one behind the other, padded with NOP to a multiple of four bytes."""
    joined = b"".join(parts)
    return joined + b"\x01" * (-len(joined) % 4)


def mss(size_bytes: int) -> bytes:
    """Maximum segment size (RFC 9293, 3.7.1)."""
    return option(dpkt.tcp.TCP_OPT_MSS, struct.pack("!H", size_bytes))


def window_scale(shift: int) -> bytes:
    """Window scale (RFC 7323, 2)."""
    return option(dpkt.tcp.TCP_OPT_WSCALE, bytes([shift]))


def sack_permitted() -> bytes:
    """SACK permitted (RFC 2018, 2)."""
    return option(dpkt.tcp.TCP_OPT_SACKOK)


def timestamps(value: int, echo: int) -> bytes:
    """Timestamps (RFC 7323, 3): TSval and TSecr."""
    return option(dpkt.tcp.TCP_OPT_TIMESTAMP, struct.pack("!II", value % SEQUENCE_NUMBERS, echo % SEQUENCE_NUMBERS))


def sack(blocks: list[tuple[int, int]]) -> bytes:
    """SACK blocks (RFC 2018, 3); the first may be a DSACK (RFC 2883)."""
    edges = [edge % SEQUENCE_NUMBERS for block in blocks for edge in block]
    return option(dpkt.tcp.TCP_OPT_SACK, struct.pack(f"!{len(edges)}I", *edges))


def fast_open(cookie: bytes = b"") -> bytes:
    """Fast Open cookie, or the request for one when empty (RFC 7413, 4.1.1)."""
    return option(34, cookie)
