"""The commonest limits as options: a table that imports nothing, so that `--help` is quick."""

from typing import NamedTuple


class Shorthand(NamedTuple):
    """An option: which rule's which limit it sets."""

    option: str
    metavar: str
    rule: str
    limit: str
    meaning: str


SHORTHANDS = (
    Shorthand(
        "--max-handshake-p50",
        "TIME",
        "handshake-latency",
        "p50",
        "Half of the handshakes complete within this time (5ms).",
    ),
    Shorthand("--max-handshake-p90", "TIME", "handshake-latency", "p90", "Nine in ten handshakes do."),
    Shorthand("--max-handshake-p99", "TIME", "handshake-latency", "p99", "99 in a hundred handshakes do (50ms)."),
    Shorthand("--max-handshake", "TIME", "handshake-latency", "max", "All handshakes do."),
    Shorthand(
        "--max-syn-retransmissions",
        "SHARE",
        "syn-retransmissions",
        "max_share",
        "So many of the handshakes may need a SYN or SYN/ACK sent again (1%).",
    ),
    Shorthand(
        "--max-retransmissions",
        "SHARE",
        "data-retransmissions",
        "max_share",
        "So many of the segments may repeat data (1%).",
    ),
    Shorthand("--max-resets", "N", "resets", "max", "So many connections may be cut off by a reset."),
    Shorthand("--closes-first", "SIDE", "closes-first", "side", "This side closes first: client or server."),
    Shorthand("--max-time-wait", "N", "time-wait-peak", "max", "So many TIME_WAIT at once on any host."),
    Shorthand(
        "--max-ports-used",
        "SHARE",
        "port-budget",
        "max_used",
        "So many of a client's local ports towards a service (50%).",
    ),
    Shorthand(
        "--max-connections",
        "N",
        "connections-per-service",
        "max",
        "So many connections from one client to one service.",
    ),
    Shorthand("--max-close-wait", "TIME", "close-wait", "limit", "Nobody stays longer in CLOSE_WAIT (5s)."),
    Shorthand("--max-fin-wait-2", "TIME", "fin-wait-2", "limit", "Nobody stays longer in FIN_WAIT_2."),
    Shorthand("--max-last-ack", "TIME", "last-ack", "limit", "Nobody stays longer in LAST_ACK."),
    Shorthand("--max-left-open", "N", "left-open", "max", "So many connections may be open at the end of the capture."),
)
