"""Little data has to be sent again.

The share of all segments that repeat data (SYN, FIN, keep-alive and window probes apart), over both directions.

Breaks: a policer or a full queue on the path drops a few segments in a hundred; throughput falls to a fraction.

Fix: see whether it is one path or all (the worst connections are listed), one direction or both; compare captures at
both ends to find where the segments are lost.

TOML:

    [rules.data-retransmissions]
    max_share = "1%"
"""

from __future__ import annotations

from dataclasses import dataclass
from operator import add
from typing import TYPE_CHECKING

from tcptrace_py.checks import params
from tcptrace_py.checks.measure import Worst, at_most
from tcptrace_py.checks.rows import picked
from tcptrace_py.facts.block import (
    CLIENT_FIN_REPEATS,
    CLIENT_PACKETS,
    CLIENT_REPEATS,
    SERVER_FIN_REPEATS,
    SERVER_PACKETS,
    SERVER_REPEATS,
    SYN_REPEATS,
    SYNACK_REPEATS,
)
from tcptrace_py.model.report import Measure, Unit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tcptrace_py.checks.facts import Facts
    from tcptrace_py.checks.rows import Rows

CODE, NAME = "TS202", "data-retransmissions"
NEEDS = ("times",)  # withheld where data was not captured
IN_SPITE_OF = ("coarse-clock",)  # it counts, and measures no time


@dataclass(frozen=True)
class Limits:
    """The share that is allowed."""

    max_share: float = params.ratio("so large a share of the segments may repeat data", required=True)


def check(facts: Facts, limits: Limits) -> Iterator[Measure]:
    """Repeated data segments out of all segments."""
    packets = repeated = 0
    worst = Worst(facts.store)
    for rows in facts.rows():
        own, chosen = repeats(rows), picked(rows.chosen)
        sent = rows.wide(CLIENT_PACKETS), rows.wide(SERVER_PACKETS)
        packets += sum(sent[0][row] + sent[1][row] for row in chosen)
        repeated += sum(own[row] for row in chosen)
        worst.add(rows, [row for row in chosen if own[row]], own)
    if packets:
        yield at_most(
            "share of segments that repeat data",
            repeated / packets,
            limits.max_share,
            Unit.RATIO,
            worst,
            note=f"{repeated} of {packets} segments",
        )


def repeats(rows: Rows) -> list[int]:
    """Segments of each connection that repeat data."""
    client = map(repeated_data, *map(rows.narrow, (CLIENT_REPEATS, CLIENT_FIN_REPEATS, SYN_REPEATS)))
    server = map(repeated_data, *map(rows.narrow, (SERVER_REPEATS, SERVER_FIN_REPEATS, SYNACK_REPEATS)))
    return list(map(add, client, server))


def repeated_data(every: int, fins: int, openings: int) -> int:
    """Of the segments that a side sent again those with data, when so many were FINs, and SYNs or SYN/ACKs."""
    return max(every - fins - openings, 0)
