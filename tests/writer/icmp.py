"""ICMP errors that quote a segment."""

import struct
from ipaddress import ip_address

import dpkt

from tests.writer.packets import plain
from tests.writer.side import Sent, nanoseconds

ROUTER4, ROUTER6 = "203.0.113.9", "2001:db8:ffff::9"


def unreachable(sent: Sent, code: int, *, after_s: float = 0.004, mtu_bytes: int = 0) -> None:
    """A router tells the sender that a segment could not be delivered (RFC 792 type 3, RFC 4443 type 1).

    IPv4 quotes the IP header and eight bytes of TCP, IPv6 all of the packet. Code 4 of IPv4 carries an MTU.
    """
    quoted = plain(sent.segment)[0]
    six = quoted[0] >> 4 == 6
    body = struct.pack("!HH", 0, mtu_bytes) + (quoted if six else quoted[:28])
    packet = _icmp6(sent, code, body) if six else _icmp4(sent, code, body)
    sent.side.talk.wire.put(packet, sent.captured_ns + nanoseconds(after_s), not sent.segment.from_client)


def _icmp4(sent: Sent, code: int, body: bytes) -> bytes:
    message = struct.pack("!BBH", 3, code, 0) + body
    message = message[:2] + struct.pack("!H", dpkt.in_cksum(message)) + message[4:]
    router = ip_address(ROUTER4).packed
    packet = dpkt.ip.IP(src=router, dst=sent.segment.source.packed, p=1, ttl=60, len=20 + len(message))
    packet.sum = dpkt.in_cksum(packet.pack_hdr())
    return bytes(packet.pack_hdr()) + message


def _icmp6(sent: Sent, code: int, body: bytes) -> bytes:
    router, target = ip_address(ROUTER6).packed, sent.segment.source.packed
    message = struct.pack("!BBH", 1, code, 0) + body
    total = dpkt.in_cksum(router + target + struct.pack("!IxxxB", len(message), 58) + message)
    message = message[:2] + struct.pack("!H", total) + message[4:]
    return bytes(dpkt.ip6.IP6(src=router, dst=target, nxt=58, hlim=60, plen=len(message)).pack_hdr()) + message
