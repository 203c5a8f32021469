"""The kernel's objects that a recording follows: sockets, requests and minisocks, resets."""

from __future__ import annotations

import socket
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.recorder.ring import Event
    from tests.recorder.wire import Endpoint

STATES = {
    1: "ESTABLISHED",
    2: "SYN_SENT",
    3: "SYN_RECV",
    4: "FIN_WAIT1",
    5: "FIN_WAIT2",
    6: "TIME_WAIT",
    7: "CLOSED",
    8: "CLOSE_WAIT",
    9: "LAST_ACK",
    10: "LISTEN",
    11: "CLOSING",
    12: "NEW_SYN_RECV",
}
REASONS = (
    "NOT_SPECIFIED",
    "NO_SOCKET",
    "TCP_INVALID_ACK_SEQUENCE",
    "TCP_RFC7323_PAWS",
    "TCP_TOO_OLD_ACK",
    "TCP_ACK_UNSENT_DATA",
    "TCP_FLAGS",
    "TCP_OLD_ACK",
    "TCP_ABORT_ON_DATA",
    "TCP_TIMEWAIT_SOCKET",
    "INVALID_SYN",
    "TCP_ABORT_ON_CLOSE",
    "TCP_ABORT_ON_LINGER",
    "TCP_ABORT_ON_MEMORY",
    "TCP_STATE",
    "TCP_KEEPALIVE_TIMEOUT",
    "TCP_DISCONNECT_WITH_DATA",
)
TIME_WAIT_S = 60.0


@dataclass(eq=False)
class Mini:
    """A timer with what it stands for: a request, or a minisock in FIN_WAIT2 or TIME_WAIT."""

    timer: int
    kind: str  # "request" or "time_wait"
    starts: list[tuple[int, float]]  # (time in ns, timeout in s) of each start of the timer
    end_ns: int | None = None
    end_by: str | None = None  # expired, cancelled
    reset_before: Reset | None = None  # a RST that was sent right before the end, in the same context
    child: Sock | None = None
    sock: Sock | None = None  # the socket it takes over from
    resent_ns: list[int] = field(default_factory=list)  # SYN+ACKs sent again by its timer
    local: Endpoint | None = None
    remote: Endpoint | None = None
    tied_by: str = ""

    @property
    def time_wait_starts(self) -> list[int]:
        """When TIME_WAIT began, and each restart that moved the timer."""
        return [t for t, timeout in self.starts if timeout > TIME_WAIT_S - 5]


@dataclass(eq=False)
class Sock:
    """One life of one socket that was ever more than CLOSED or LISTEN."""

    address: int
    passive: bool
    born_ns: int
    local: Endpoint
    remote: Endpoint
    states: list[tuple[str, int]]
    closed_ns: int | None = None
    end: str = "open"
    request: Mini | None = None
    mini: Mini | None = None
    retrans: Counter[str] = field(default_factory=Counter)
    reset_received_ns: int | None = None
    born_in: tuple[str, int] | None = None
    established_in: tuple[str, int] | None = None

    def entered(self, state: str) -> int | None:
        """When it first entered a state."""
        return next((t for s, t in self.states if s == state), None)


@dataclass
class Reset:
    """One tcp_send_reset."""

    t_ns: int
    source: Endpoint
    target: Endpoint
    reason: str
    sock: int


def endpoints(event: Event) -> tuple[Endpoint, Endpoint]:
    """(local, remote) of an event that has sport, dport, saddr, daddr."""
    if event.number("family") == socket.AF_INET6:
        hosts = [socket.inet_ntop(socket.AF_INET6, event.raw(f)) for f in ("saddr_v6", "daddr_v6")]
    else:
        hosts = [socket.inet_ntoa(event.raw(f)) for f in ("saddr", "daddr")]
    return (hosts[0], event.number("sport")), (hosts[1], event.number("dport"))


def sockaddr(raw: bytes) -> Endpoint:
    """A struct sockaddr_in or sockaddr_in6."""
    family, port = int.from_bytes(raw[:2], "little"), int.from_bytes(raw[2:4], "big")
    if family == socket.AF_INET6:
        return socket.inet_ntop(socket.AF_INET6, raw[8:24]), port
    return socket.inet_ntoa(raw[4:8]), port


def kernel_hz(events: Iterable[Event]) -> int:
    """The kernel's HZ, from how jiffies advance between the first and the last timer event."""
    stamps = [(e.t_ns, e.number("now")) for e in events if e.name in ("timer_start", "timer_expire_entry")]
    if len(stamps) < 2 or stamps[-1][0] - stamps[0][0] < 200_000_000:
        return 250
    rate = (stamps[-1][1] - stamps[0][1]) / ((stamps[-1][0] - stamps[0][0]) / 1e9)
    return min((100, 250, 300, 1000), key=lambda hz: abs(hz - rate))
