"""Connections are not refused: no SYN meets a RST.

Breaks: the tests start before the database listens on 3306, and the first connections are refused; a retry hides it.

Fix: wait for the port before the clients start; if nothing is meant to listen there, find who still calls it (the
client's address is in the verdict); a RST from another hop than the server's is a firewall that rejects.

TOML:

    [rules.refused-handshakes]
    ports = 3306
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

CODE, NAME = "TS102", "refused-handshakes"
Limits = Allowance


def check(facts: Facts, limits: Allowance) -> Iterator[Measure]:
    """Count SYNs that met a RST, out of handshakes captured to their end."""
    return counted(
        facts,
        limits,
        "refused handshakes",
        judged=concluded,
        in_flight=in_progress,
        bad=lambda rows: rows.are(OUTCOME, Outcome.REFUSED),
    )
