"""Closes go through at the first try: no FIN is sent again.

Breaks: a peer that vanishes without closing (a laptop lid, a container that is killed); the server's FINs come again
and again, and its socket stays in FIN_WAIT_1 or LAST_ACK.

Fix: see which peer stays silent; between your own hosts look for a firewall that forgets connections before they
close.

TOML:

    [rules.fin-retransmissions]
    max_share = "2%"
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tcptrace_py.checks.measure import Allowance, counted
from tcptrace_py.facts.block import CLIENT_FIN_REPEATS, FIRST_FIN, SERVER_FIN_REPEATS
from tcptrace_py.model.vocabulary import Role

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tcptrace_py.checks.facts import Facts
    from tcptrace_py.model.report import Measure

CODE, NAME = "TS203", "fin-retransmissions"
Limits = Allowance


def check(facts: Facts, limits: Allowance) -> Iterator[Measure]:
    """Count closes in which a FIN was sent again, out of those with a FIN."""
    return counted(
        facts,
        limits,
        "connections whose FIN was sent again",
        judged=lambda rows: rows.are(FIRST_FIN, Role.CLIENT, Role.SERVER),
        bad=lambda rows: rows.some(CLIENT_FIN_REPEATS, SERVER_FIN_REPEATS),
    )
