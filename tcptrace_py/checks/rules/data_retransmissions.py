"""Little data has to be sent again.

The share of all segments that repeat data (SYN, FIN, keep-alive and window probes apart), over both directions.

Breaks: a policer or a full queue on the path drops a few segments in a hundred; throughput falls to a fraction.

Mend: see whether it is one path or all (the worst connections are listed), one direction or both; compare captures at
both ends to find where the segments are lost.

TOML:

    [rules.data-retransmissions]
    max_share = "1%"
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tcptrace_py.checks import params
from tcptrace_py.checks.measure import Worst, at_most
from tcptrace_py.model.report import Measure, Unit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tcptrace_py.checks.facts import Facts
    from tcptrace_py.model.results import Connection

CODE, NAME = "TS202", "data-retransmissions"


@dataclass(frozen=True)
class Limits:
    """The share that is borne."""

    max_share: float = params.ratio("so large a share of the segments may repeat data", required=True)


def check(facts: Facts, limits: Limits) -> Iterator[Measure]:
    """Repeated data segments out of all segments."""
    packets = repeated = 0
    worst = Worst()
    for connection in facts.connections:
        own = repeats(connection)
        packets += sum(side.packets for side in (connection.client_side, connection.server_side) if side is not None)
        repeated += own
        if own:
            worst.add(connection, own)
    if packets:
        yield at_most(
            "share of segments that repeat data",
            repeated / packets,
            limits.max_share,
            Unit.RATIO,
            worst,
            note=f"{repeated} of {packets} segments",
        )


def repeats(connection: Connection) -> int:
    """Segments of a connection that repeat data."""
    openings = (connection.handshake.syn_retransmissions, connection.handshake.synack_retransmissions)
    sides = (connection.client_side, connection.server_side)
    return sum(
        max(side.retransmissions - side.fin_retransmissions - opening, 0)
        for side, opening in zip(sides, openings, strict=True)
        if side is not None
    )
