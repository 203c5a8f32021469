"""Network namespaces that live as long as this process: nothing to clean up, even after SIGKILL.

A namespace stays while a file descriptor of it is open or a process runs in it; ours are never given a name.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import signal
import socket
import struct
import subprocess
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

CLONE_NEWNET = 0x40000000
PR_SET_PDEATHSIG = 1
SIOCETHTOOL = 0x8946
# Setters of include/uapi/linux/ethtool.h: receive and transmit checksums, scatter-gather, TSO, GSO, GRO.
OFFLOAD_SETTERS = (0x15, 0x17, 0x19, 0x1F, 0x24, 0x2C)

_libc = ctypes.CDLL(None, use_errno=True)


def _setns(fd: int) -> None:
    if _libc.setns(fd, CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns")


def die_with_parent() -> None:
    """In a child before exec: be killed when the recorder dies, so that no namespace outlives it."""
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    os.nice(0)


class Host:
    """One network namespace: a TCP stack of its own."""

    def __init__(self, name: str) -> None:
        self.name = name
        home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        try:
            if _libc.unshare(CLONE_NEWNET):
                raise OSError(ctypes.get_errno(), "unshare(CLONE_NEWNET): root is needed")
            self.fd = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        finally:
            _setns(home)
            os.close(home)
        self.sysctl("ipv6.conf.all.accept_dad", "0")
        self.sysctl("ipv6.conf.default.accept_dad", "0")
        self.ip("link set lo up")

    @contextmanager
    def inside(self) -> Iterator[None]:
        """Run the calling thread in this namespace; children started here stay in it."""
        home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        _setns(self.fd)
        try:
            yield
        finally:
            _setns(home)
            os.close(home)

    def ip(self, command: str) -> None:
        """Run `ip COMMAND` here."""
        with self.inside():
            subprocess.run(["ip", *command.split()], check=True, capture_output=True, timeout=10)

    def sysctl(self, name: str, value: object) -> None:
        """Set net.NAME, written with dots."""
        with self.inside():
            Path("/proc/sys/net", *name.split(".")).write_text(str(value))

    def spawn(self, command: Sequence[str], **options: object) -> subprocess.Popen[bytes]:
        """Start a program here that dies with us."""
        with self.inside():
            return subprocess.Popen(list(command), preexec_fn=die_with_parent, **options)  # type: ignore[call-overload,no-any-return]  # noqa: PLW1509

    def nft(self, rules: str) -> None:
        """Load nftables rules here."""
        with self.inside():
            subprocess.run(["nft", "-f", "-"], input=rules.encode(), check=True, capture_output=True, timeout=10)

    def close(self) -> None:
        """Give the namespace up."""
        os.close(self.fd)


def mac(device: str) -> str:
    """The hardware address of a device of ours, by its name."""
    return "02:00:" + device.encode()[:4].ljust(4, b"\0").hex(":")


def veth(left: Host, left_device: str, right: Host, right_device: str, *, offload: bool = False, mtu: int = 1500) -> None:
    """Join two hosts by a cable. Unless wanted, offloads are off: frames then look as they would on a wire."""
    end = f"{left_device} address {mac(left_device)}"
    left.ip(f"link add {end} type veth peer name {right_device} address {mac(right_device)}")
    if left is not right:
        left.ip(f"link set {right_device} netns /proc/{os.getpid()}/fd/{right.fd}")
    for host, device in ((left, left_device), (right, right_device)):
        if not offload:
            turn_offloads_off(host, device)
        host.ip(f"link set {device} mtu {mtu} up")


def turn_offloads_off(host: Host, device: str) -> None:
    """Make the device take finished, MTU-sized frames only."""
    with host.inside(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as handle:
        for command in OFFLOAD_SETTERS:
            value = ctypes.create_string_buffer(struct.pack("II", command, 0))
            request = struct.pack("16sP16x", device.encode(), ctypes.addressof(value))
            try:
                fcntl.ioctl(handle, SIOCETHTOOL, request)
            except OSError:
                if command != OFFLOAD_SETTERS[0]:  # not every device lets receive checksums be turned off
                    raise


def address(host: Host, device: str, ipv4: str | None = None, ipv6: str | None = None) -> None:
    """Give a device its addresses, with their prefix lengths."""
    if ipv4:
        host.ip(f"addr add {ipv4} dev {device}")
    if ipv6:
        host.ip(f"-6 addr add {ipv6} dev {device} nodad")


def neighbours(host: Host, device: str, known: dict[str, str]) -> None:
    """Say whose address is at which device beyond: the first SYN must not wait for ARP across a slow road."""
    for ip, there in known.items():
        host.ip(f"neigh replace {ip} lladdr {mac(there)} dev {device} nud permanent")
