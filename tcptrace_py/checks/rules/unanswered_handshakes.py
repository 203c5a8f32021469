"""SYNs are answered: none meets silence.

Breaks: a security group that drops what it does not allow; a listener whose accept queue stays full; a host that is
gone.

Fix: see whether the SYNs reach the server (capture there). If they do and the port listens, its accept queue is full
(`ss -lnt`: Recv-Q at Send-Q); if they do not, a filter or a route on the way drops them.

TOML:

    [rules.unanswered-handshakes]
    max_share = "0.1%"
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

CODE, NAME = "TS103", "unanswered-handshakes"
NEEDS = ("handshake-outcome",)
Limits = Allowance


def check(facts: Facts, limits: Allowance) -> Iterator[Measure]:
    """Count SYNs that met silence, out of handshakes captured to their end."""
    return counted(
        facts,
        limits,
        "unanswered handshakes",
        judged=concluded,
        in_flight=in_progress,
        bad=lambda rows: rows.are(OUTCOME, Outcome.UNANSWERED),
    )
