"""Connections that only one of the captures holds, and why that may be."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tcptrace_py.model.path import CLIENT, SERVER, Track, Unpaired

if TYPE_CHECKING:
    from .spans import Coverage

WHY = {
    "outside": "{other}'s capture does not cover its time",
    "syn-lost": "no SYN of it came to {other}",
    "answered-between": "something between the two points answered it: {other} never saw it",
    "uncaptured": "{other}, which it must pass first, never saw it: made up on the way, or missed by the capture",
    "unrelated": "nothing at {other} has its numbers: the two may not be on one way, or something between ends connections",
}


def explain(track: Track, point: int, near: int, other: Coverage, first_ns: int) -> Unpaired:
    """Explain a connection that only `point` saw; `near` is the point near its client, `first_ns` when it began."""
    connection = track.connection
    handshake = connection.handshake
    if not other.covers(first_ns):
        code = "outside"
    elif point != near:
        code = "uncaptured" if track.rows[CLIENT] else "unrelated"
    elif handshake.outcome == "unanswered" or not track.rows[SERVER]:
        code = "syn-lost" if handshake.outcome == "unanswered" else "unrelated"
    elif handshake.outcome == "not-captured":
        code = "unrelated"
    else:
        code = "answered-between"
    names = "AB"
    return Unpaired(names[point], connection, code, WHY[code].format(other=names[1 - point]))
