"""Connections are not cut off by resets of some causes.

Causes are those of the analysis: `abort` and `abort-unread-data` (close() with data unread, SO_LINGER 0, a crash),
`data-after-close` (a request crossed the close), `no-socket` (a side no longer has the connection),
`aborted-handshake`, `refused`; `late` resets come after a complete close and do no harm.

Breaks: a server closes with part of the request unread: its kernel sends a RST, and the client may lose the answer
that was already on its way.

Mend: `abort` and `abort-unread-data`: read the request to its end (or shut down for writing and drain) before closing;
if it was read, look for SO_LINGER 0 or a process that was killed.
`data-after-close`: let the client close first, or give the server a longer keep-alive than the client.
`no-socket`: a firewall or load balancer forgot the connection; send keep-alives more often than it forgets.

TOML:

    [rules.resets]
    causes = ["abort-unread-data", "data-after-close"]
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tcptrace_py.checks import params
from tcptrace_py.checks.measure import Allowance, counted
from tcptrace_py.model.vocabulary import Cause

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tcptrace_py.checks.facts import Facts
    from tcptrace_py.model.report import Measure
    from tcptrace_py.model.results import Connection

CODE, NAME = "TS301", "resets"
CAUSES = tuple(map(str, Cause))
USUAL = tuple(cause for cause in CAUSES if cause not in ("refused", "late"))


@dataclass(frozen=True)
class Limits(Allowance):
    """Which resets count, and how many may be."""

    causes: tuple[str, ...] = params.words("causes that count", CAUSES, default=USUAL)
    by: str = params.word("count only resets of this side", ("client", "server", "anyone"), default="anyone")


def check(facts: Facts, limits: Limits) -> Iterator[Measure]:
    """Count connections with a reset of these causes."""

    def counts(cause: str | None) -> bool:
        return cause in limits.causes or (cause is None and limits.causes == USUAL)  # None: a third's, which has no cause

    def cut_off(connection: Connection) -> bool:
        ended = [connection.teardown.reset] if connection.teardown.reset is not None else []
        late = [reset for reset in connection.resets if reset.cause == "late"]
        return any(counts(reset.cause) and limits.by in ("anyone", reset.by) for reset in ended + late)

    names = "" if limits.causes == USUAL else f" ({', '.join(limits.causes)})"
    return counted(facts, limits, f"connections reset{names}", bad=cut_off)
