"""No handshake fails because SYNs meet the TIME_WAIT of an old connection from the same port.

Breaks: a client with a fixed source port, or a NAT that hands ports out again too soon, comes back while the server still
holds the last connection's TIME_WAIT, and its system (lwIP, or Linux by timestamps) does not take the SYN.

Fix: let clients not choose the same ports again so soon; TCP timestamps at both ends let Linux take such SYNs; let the
client close first where the server is small.

TOML:

    [rules.refused-by-time-wait]
    ports = 80
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tcptrace_py.checks.facts import concluded, in_progress
from tcptrace_py.checks.measure import Allowance, counted
from tcptrace_py.facts.block import OUTCOME
from tcptrace_py.model.vocabulary import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tcptrace_py.checks.facts import Facts
    from tcptrace_py.model.report import Measure

CODE, NAME = "TS107", "refused-by-time-wait"
NEEDS = ("handshake-outcome",)
Limits = Allowance


def check(facts: Facts, limits: Allowance) -> Iterator[Measure]:
    """Count attempts none of whose SYNs got past the old connection's TIME_WAIT, out of handshakes captured to their end."""
    return counted(
        facts,
        limits,
        "handshakes refused by TIME_WAIT",
        judged=concluded,
        in_flight=in_progress,
        bad=lambda rows: rows.are(OUTCOME, Outcome.REFUSED_BY_TIME_WAIT),
    )
