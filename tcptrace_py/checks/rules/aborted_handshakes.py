"""No handshake is given up half-way: no RST follows a SYN/ACK.

Breaks: a health checker that looks whether the port answers and resets at once; a client that times out while
connecting.

Fix: let health checks complete the handshake or ask the application; for clients compare their connect timeout with
the time from SYN to SYN/ACK.

TOML:

    [rules.aborted-handshakes]
    max = 10
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

CODE, NAME = "TS105", "aborted-handshakes"
Limits = Allowance


def check(facts: Facts, limits: Allowance) -> Iterator[Measure]:
    """Count RSTs within the handshake, out of handshakes captured to their end."""
    return counted(
        facts,
        limits,
        "aborted handshakes",
        judged=concluded,
        in_flight=in_progress,
        bad=lambda rows: rows.are(OUTCOME, Outcome.ABORTED),
    )
