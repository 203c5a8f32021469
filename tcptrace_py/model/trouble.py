"""Which connections went wrong, and how to say so: one row for each way, the gravest first.

A connection that is merely still open when the capture ends is not in trouble, nor is one whose handshake or close was in
flight then, or that was captured from its middle on; a late RST after a complete close is harmless. The document's words are
the keys, so that what is printed here can be asked for with --outcome and --teardown.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tcptrace_py.model.results import Connection

SLOW_SYN = "syn-repeated"
IN_PROGRESS = "in-progress"


@dataclass(frozen=True, slots=True)
class Trouble:
    """One way to fail: its code, what happened in a few words, and the options that list all such connections."""

    code: str
    words: str
    options: str


TROUBLES = {
    trouble.code: trouble
    for trouble in (
        Trouble("refused", "refused: SYN met a RST", "--outcome refused"),
        Trouble("refused-by-time-wait", "refused by the old TIME_WAIT", "--outcome refused-by-time-wait"),
        Trouble("unanswered", "SYN never answered", "--outcome unanswered"),
        Trouble("aborted", "reset during the handshake", "--outcome aborted"),
        Trouble("half-open", "SYN/ACK never acknowledged", "--outcome half-open"),
        Trouble("aborted-handshake", "reset right after SYN/ACK", "--teardown rst"),
        Trouble("abort", "reset while open", "--teardown rst"),
        Trouble("abort-unread-data", "reset with data unread", "--teardown rst"),
        Trouble("data-after-close", "reset: data after close", "--teardown rst"),
        Trouble("no-socket", "reset: no such connection", "--teardown rst"),
        Trouble("rst", "reset", "--teardown rst"),
        Trouble("half-closed", "closed by one side only", "--teardown half-closed"),
        Trouble("unfinished-close", "close never completed", "--teardown unfinished-close"),
        Trouble(SLOW_SYN, "opened late: SYN sent again", "--show handshakes"),
    )
}
_FAILED_OUTCOMES = frozenset(("refused", "refused-by-time-wait", "unanswered", "aborted", "half-open"))


def trouble_of(connection: Connection) -> Trouble | None:
    """Return the gravest trouble of a connection; None where all went well as far as was captured."""
    handshake, teardown = connection.handshake, connection.teardown
    return gravest(
        handshake.outcome,
        teardown.pattern,
        None if teardown.reset is None else teardown.reset.cause,
        repeated=handshake.syn_retransmissions > 0,
        censored=teardown.censored,
    )


def gravest(outcome: str, pattern: str, cause: str | None, *, repeated: bool, censored: bool) -> Trouble | None:
    """Return the same by a connection's words; `repeated`: its SYN was sent again, `censored`: its close was in flight at the end."""
    if outcome == IN_PROGRESS:
        return None
    if outcome in _FAILED_OUTCOMES:
        return TROUBLES[outcome]
    if pattern == "rst":
        return TROUBLES.get(cause or "rst", TROUBLES["rst"])
    if pattern in TROUBLES and not censored:
        return TROUBLES[pattern]
    return TROUBLES[SLOW_SYN] if repeated else None
