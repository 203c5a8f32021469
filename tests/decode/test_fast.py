"""What the fast path reads itself, column by column."""

import subprocess
import sys

import pytest

from tcptrace_py.decode.fast import ANSWERED_PORTS, TUNNEL_PORTS
from tcptrace_py.model.segments import (
    INCOMING,
    OPT_MSS,
    OPT_SACK_OK,
    OPT_TIMESTAMPS,
    OPT_WSCALE,
    OPTIONS_CUT,
    OUTGOING,
    PAYLOAD_CUT,
)
from tests.decode.blocks import Raw, Row, decoded
from tests.decode.build import (
    CLIENT6,
    SERVER6,
    SYN_OPTIONS,
    TIMESTAMPS,
    ethernet,
    ipv4,
    ipv6,
    key,
    matches,
    only_row,
    tcp,
)

HELLO = ipv4(tcp(b"hello"))
HELLO6 = ipv6(tcp(b"hello", source=CLIENT6, target=SERVER6))
ROW6 = {"key": key(CLIENT6, SERVER6), "ip_id": -1, "ttl": 62}
COOKED2 = b"\x08\x00\0\0\0\0\0\x02\0\x01%s\x06" + b"\0" * 8

PLAIN: dict[str, tuple[Raw, Row]] = {
    "ethernet": (Raw(ethernet(HELLO)), {}),
    "padded": (Raw(ethernet(HELLO) + b"\0\0\0"), {}),
    "ipv6": (Raw(ethernet(HELLO6)), ROW6),
    "vlan": (Raw(ethernet(b"\x60\x64\x08\x00" + HELLO, 0x8100)), {"vlan": 100}),
    "vlans": (Raw(ethernet(b"\x00\x07\x91\x00\x00\x08\x81\x00\x00\x09\x86\xdd" + HELLO6, 0x88A8)), ROW6 | {"vlan": 9}),
    "priority tag": (Raw(ethernet(b"\xe0\x00\x08\x00" + HELLO, 0x8100)), {}),
    "ip options": (Raw(ethernet(ipv4(tcp(b"hello"), options=b"\x94\x04\0\0"))), {}),
    "cooked out": (Raw(b"\0\x04\0\x01\0\x06" + b"\0" * 8 + b"\x08\x00" + HELLO, 113), {"notes": OUTGOING}),
    "cooked in": (Raw(b"\0\0\0\x01\0\x06" + b"\0" * 8 + b"\x86\xdd" + HELLO6, 113), ROW6 | {"notes": INCOMING}),
    "cooked, not ours": (Raw(b"\0\x03\0\x01\0\x06" + b"\0" * 8 + b"\x08\x00" + HELLO, 113), {}),
    "cooked 2": (Raw(COOKED2 % b"\x04" + HELLO, 276), {"notes": OUTGOING, "interface": 2}),
    "null, little": (Raw(b"\x02\0\0\0" + HELLO, 0), {}),
    "null, big, ipv6": (Raw(b"\0\0\0\x1e" + HELLO6, 0), ROW6),
    "loop": (Raw(b"\0\0\0\x18" + HELLO6, 108), ROW6),
    "raw": (Raw(HELLO, 101), {}),
    "raw 12": (Raw(HELLO6, 12), ROW6),
    "raw 228": (Raw(HELLO, 228), {}),
    "timestamps": (
        Raw(ethernet(ipv4(tcp(b"hello", options=TIMESTAMPS)))),
        {"options": OPT_TIMESTAMPS, "tsval": 0x01020304, "tsecr": 0x05060708},
    ),
    "syn": (
        Raw(ethernet(ipv4(tcp(options=SYN_OPTIONS, flags=2, ack=0)))),
        {
            "options": OPT_MSS | OPT_SACK_OK | OPT_TIMESTAMPS | OPT_WSCALE,
            "window_scale": 7,
            "tsval": 77,
            "flags": 2,
            "ack": 0,
            "payload": 0,
        },
    ),
    "all flags": (Raw(ethernet(ipv4(tcp(b"hello", flags=0x1FF)))), {"flags": 0x1FF}),
    "payload cut": (Raw(ethernet(HELLO)[:56], wire=59), {"notes": PAYLOAD_CUT}),
    "payload gone": (Raw(ethernet(HELLO)[:54], wire=59), {"notes": PAYLOAD_CUT}),
    # Tools that cut frames and forget to say so leave the IP length; receivers went on by it.
    "cut without a word": (Raw(ethernet(HELLO)[:56]), {"notes": PAYLOAD_CUT}),
    "time, interface": (
        Raw(ethernet(HELLO), time_ns=1_700_000_000_123_456_789, interface=3),
        {"time_ns": 1_700_000_000_123_456_789, "interface": 3},
    ),
}

NO_TCP = {
    "arp": ethernet(b"\0" * 46, 0x0806),
    "lldp": ethernet(b"\0" * 46, 0x88CC),
    "udp": ethernet(ipv4(b"\0\x35\x12\x34\0\x20\0\0" + b"x" * 24, protocol=17)),
    "udp6": ethernet(ipv6(b"\0\x35\x12\x34\0\x20\0\0" + b"x" * 24, following=17)),
    "ping": ethernet(ipv4(b"\x08\0" + b"x" * 30, protocol=1)),
    "neighbours": ethernet(ipv6(b"\x87\0" + b"x" * 30, following=58)),
    # Shorter than a TCP header, as a machine's own frames are captured before its network card pads them.
    "router solicitation": ethernet(ipv6(b"\x85\0" + b"x" * 6, following=58)),
    "ping without data": ethernet(ipv4(b"\x08\0" + b"x" * 6, protocol=1)),
    "udp without data": ethernet(ipv4(b"\0\x35\x12\x34\0\x08\0\0", protocol=17)),
    "igmp": ethernet(ipv4(b"\x16" + b"x" * 7, options=b"\x94\x04\0\0", protocol=2)),
}


@pytest.mark.parametrize("name", PLAIN)
def test_row(name: str) -> None:
    frame, columns = PLAIN[name]
    matches(only_row(frame), **columns)


def test_options_cut() -> None:
    rows, problems = decoded(Raw(ethernet(ipv4(tcp(b"hello", options=SYN_OPTIONS)))[:62], wire=79))
    matches(rows[0], notes=OPTIONS_CUT | PAYLOAD_CUT, options=OPT_MSS | OPT_SACK_OK)
    assert [(row.code, row.first_frame) for row in problems.rows()] == [("snapped", 1)]


@pytest.mark.parametrize("name", NO_TCP)
def test_no_tcp(name: str) -> None:
    rows, problems = decoded(Raw(NO_TCP[name]))
    assert (rows, problems.rows()) == ([], [])


def test_order_is_kept_across_the_paths() -> None:
    tunnelled = ethernet(ipv4(HELLO, protocol=4))
    rows, problems = decoded(*(Raw(ethernet(HELLO) if n % 3 else tunnelled, time_ns=n) for n in range(10)))
    assert [(row["frame"], row["time_ns"]) for row in rows] == [(n + 1, n) for n in range(10)]
    assert problems.rows() == []


def test_both_paths_know_the_same_tunnels() -> None:
    from tcptrace_py.decode import tunnels
    from tcptrace_py.decode.walk import PORTS

    assert set(TUNNEL_PORTS) == set(PORTS)
    assert set(ANSWERED_PORTS) == set(tunnels.ANSWERED_PORTS)


def test_plain_captures_do_without_dpkt() -> None:
    code = (
        "import sys; from tests.decode.test_fast import *; rows, _ = decoded(Raw(ethernet(HELLO)), *map(Raw, NO_TCP.values()));"
        "sys.exit(len(rows) != 1 or 'dpkt' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
