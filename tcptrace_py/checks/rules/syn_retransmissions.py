"""Handshakes go through at the first try: neither SYN nor SYN/ACK is sent again.

Each repetition costs the user a second or more, and no average shows it.

Breaks: bursts of new connections overflow the accept queue; every dropped SYN comes again a second later.

Fix: raise the backlog (`listen()` and `net.core.somaxconn`) or accept faster; if the queue is not full, look for loss
between the two hosts.

TOML:

    [rules.syn-retransmissions]
    max_share = "1%"
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tcptrace_py.checks.facts import captured
from tcptrace_py.checks.measure import Allowance, counted
from tcptrace_py.facts.block import SYN_REPEATS, SYNACK_REPEATS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tcptrace_py.checks.facts import Facts
    from tcptrace_py.model.report import Measure

CODE, NAME = "TS201", "syn-retransmissions"
Limits = Allowance


def check(facts: Facts, limits: Allowance) -> Iterator[Measure]:
    """Count openings in which a SYN or SYN/ACK was sent again."""
    return counted(
        facts,
        limits,
        "connections whose SYN or SYN/ACK was sent again",
        judged=captured,
        bad=lambda rows: rows.some(SYN_REPEATS, SYNACK_REPEATS),
    )
