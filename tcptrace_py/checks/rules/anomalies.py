"""No segment does what no rule of its connection explains.

The names are those of the analysis' anomalies. Keep-alives and window probes are named there too, as they are worth
seeing; they are ordinary and do not count unless they are asked for.

Breaks: `icmp-unreachable`: a router says that the server cannot be reached; `stray-syn`: a client tries to reuse a
connection's ports too early; `data-after-rst`: a middlebox reset a connection that its client knows nothing of.

Fix: `explain` shows the segment in its place; its frame number is in the analysis document.

TOML:

    [rules.anomalies]
    forbid = ["icmp-unreachable", "icmp-error"]
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tcptrace_py.checks import params
from tcptrace_py.checks.measure import Allowance, counted
from tcptrace_py.checks.rows import values
from tcptrace_py.facts.block import ANOMALIES, ANOMALIES_AT, ANOMALY_CODE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tcptrace_py.checks.facts import Facts
    from tcptrace_py.checks.rows import Mask, Rows
    from tcptrace_py.model.report import Measure

CODE, NAME = "TS501", "anomalies"
ORDINARY = ("keep-alive-probe", "zero-window", "zero-window-probe", "old-duplicate-syn", "acked-unseen")
STRANGE = (
    "bad-flags",
    "challenge-ack-candidate",
    "data-after-fin",
    "data-after-rst",
    "icmp-error",
    "icmp-unreachable",
    "old-incarnation-segment",
    "rst-ignored",
    "rst-with-data",
    "segment-after-close",
    "stray-syn",
    "syn-fin",
    "synack-wrong-ack",
    "unexpected-event",
)
ALL = tuple(sorted(ORDINARY + STRANGE))


@dataclass(frozen=True)
class Limits(Allowance):
    """Which count, and how many may be."""

    forbid: tuple[str, ...] = params.words("anomalies that count", ALL, default=STRANGE)


def check(facts: Facts, limits: Limits) -> Iterator[Measure]:
    """Count connections with such an anomaly."""

    def strange(rows: Rows) -> Mask:
        block = rows.block
        counts = [block.texts.values[code] in limits.forbid for code in values(block.anomalies.narrow, block.anomalies, ANOMALY_CODE)]
        places = zip(rows.narrow(ANOMALIES_AT), rows.narrow(ANOMALIES), strict=True)
        return bytes([any(counts[begin : begin + count]) for begin, count in places])

    names = "" if limits.forbid == STRANGE else f" ({', '.join(limits.forbid)})"
    return counted(facts, limits, f"connections with anomalies{names}", bad=strange)
