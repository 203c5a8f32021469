"""The bare dpkt loop that people write first: every frame as objects, nothing tracked.

python dpkt_loop.py CAPTURE [PACKETS]
"""

import sys

import dpkt


def main(path: str, limit: int) -> None:
    """Count packets, TCP segments and payload bytes."""
    packets = segments = payload_bytes = 0
    with open(path, "rb") as file:  # noqa: PTH123 - as such scripts are
        for _time, data in dpkt.pcap.Reader(file):
            packets += 1
            packet = dpkt.ethernet.Ethernet(data).data
            if isinstance(packet, dpkt.ip.IP) and isinstance(packet.data, dpkt.tcp.TCP):
                segments += 1
                payload_bytes += len(packet.data.data)
            if packets == limit:
                break
    sys.stdout.write(f"{packets} packets, {segments} segments, {payload_bytes} bytes\n")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else -1)
