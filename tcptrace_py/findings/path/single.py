"""Connections that only one of the captures holds, and why that may be."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tcptrace_py.model.path import CLIENT, SERVER, Track, Unpaired

if TYPE_CHECKING:
    from .spans import Coverage

SYN_ONLY = ("unanswered", "in-progress")  # outcomes of an attempt that nobody answered
WHY = {
    "outside": "{other} does not cover its time",
    "syn-lost": "no SYN of it came to {other}",
    "answered-between": "answered in between: it never came to {other}",
    "uncaptured": "{other}, on its way, lacks it: missed, or made up",
    "other-side": "paired under other addresses: both sides of a NAT",
    "unrelated": "{other} has nothing with its numbers: a proxy in between?",
}


def explain(track: Track, point: int, near: int, other: Coverage, first_ns: int, *, known: bool) -> Unpaired:
    """Explain a connection that only `point` saw; `near` is the point near its client, `first_ns` when it began.

    `known`: another connection of this capture has the same initial numbers, and is paired.
    """
    connection = track.connection
    handshake = connection.handshake
    if known:
        code = "other-side"
    elif not other.covers(first_ns):
        code = "outside"
    elif point != near:
        code = "uncaptured" if track.rows[CLIENT] else "unrelated"
    elif handshake.outcome in SYN_ONLY or not track.rows[SERVER]:
        code = "syn-lost" if handshake.outcome in SYN_ONLY else "unrelated"
    elif handshake.outcome == "not-captured":
        code = "unrelated"
    else:
        code = "answered-between"
    names = "AB"
    return Unpaired(names[point], connection, code, WHY[code].format(other=names[1 - point]))
