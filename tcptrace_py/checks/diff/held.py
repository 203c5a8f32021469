"""What `diff` holds besides the comparisons by service: codes, names, what holds, what to do. `tcpstates help` tells them too."""

from __future__ import annotations

from typing import NamedTuple

from tcptrace_py.model.report import Severity


class Held(NamedTuple):
    """What is held: its code and name, the sentence that is true if it holds, what to do if not, how grave that is.

    `needs` and `in_spite_of` are those of a `Comparison`.
    """

    code: str
    name: str
    title: str
    remedy: str
    severity: Severity = Severity.ERROR
    needs: tuple[str, ...] = ()
    in_spite_of: tuple[str, ...] = ()


QUALITY = Held(
    "TD901",
    "capture-quality",
    "Both captures can be compared.",
    "Capture again, in the same way as before, with a larger buffer (tcpdump -B 16384).",
)
SERVICES = Held(
    "TD101",
    "services",
    "The same services are used.",
    "See whether the test still calls it. Services pair by address and port, or by a port of their own.",
)
PEAKS = Held(
    "TD402",
    "time-wait-peak",
    "No host has more TIME_WAIT at once.",
    "See who closes first, and whether connections are reused.",
    needs=("time-wait",),
    in_spite_of=("short-capture",),
)
FINDING = Held(
    "TD601",
    "finding",
    "No cause of trouble is new, or shows in more connections.",
    "`tcpstates analyze` prints findings first; `tcpstates help CODE` says what to do about each.",
    needs=("times", "handshake-outcome", "teardown"),
)
SURE = (FINDING,)  # what is found is there, whatever else the captures cannot tell

# With --same-traffic.
PAIRED = Held(
    "TD501",
    "paired",
    "Connections are in both captures.",
    "See whether both captures are of the same traffic and time, and whether a proxy stands between them.",
)
LOSS = Held(
    "TD502",
    "loss",
    "No more packets are lost on the way than is allowed.",
    "Look at the worst connections' frames in both captures; loss in one direction only is a full queue or a policer there.",
)
MADE_UP = Held(
    "TD503",
    "made-up",
    "Every RST and FIN that arrives was sent.",
    "Look for a firewall, proxy or load balancer between the two points that ends connections: its idle timeout, its limits, its rules.",
)
RESETS_LOST = Held(
    "TD504",
    "resets-lost",
    "Every RST that is sent arrives.",
    "The peer of a lost RST keeps a connection that nobody has any more: see whether a firewall drops it.",
    Severity.WARNING,
)
TRANSIT = Held(
    "TD505",
    "transit",
    "Segments take no longer between the points than is allowed.",
    "A p99 far above the median is a queue: look for the link that is full.",
)
ALTERED = Held(
    "TD506",
    "altered",
    "Nothing but addresses is changed on the way.",
    "A clamped MSS is usual in front of a tunnel; lost window scaling, SACK or timestamps cost throughput. Segments "
    "with other addresses than the rest: `tcpstates help half-translated`.",
    Severity.NOTE,
)

HELD = (SERVICES, PEAKS, FINDING, PAIRED, LOSS, MADE_UP, RESETS_LOST, TRANSIT, ALTERED, QUALITY)
