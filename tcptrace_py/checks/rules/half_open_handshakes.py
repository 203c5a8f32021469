"""Handshakes that begin are completed: no SYN/ACK stays without its ACK.

Breaks: SYN scanners and floods; a route that takes the client's ACK another way; a client that died in between.

Fix: many different clients are a scan or a flood (SYN cookies, a limit in front); always the same client is a path on
which one direction is lost: capture at both ends.

TOML:

    [rules.half-open-handshakes]
    nets = "10.0.0.0/8"
    role = "client"
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

CODE, NAME = "TS104", "half-open-handshakes"
NEEDS = ("handshake-outcome",)
Limits = Allowance


def check(facts: Facts, limits: Allowance) -> Iterator[Measure]:
    """Count SYN/ACKs never acknowledged, out of handshakes captured to their end."""
    return counted(
        facts,
        limits,
        "half-open handshakes",
        judged=concluded,
        in_flight=in_progress,
        bad=lambda rows: rows.are(OUTCOME, Outcome.HALF_OPEN),
    )
