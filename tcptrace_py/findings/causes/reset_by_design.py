"""Connections are ended by RST on purpose, always at the same point: nothing is broken.

Shows: many connections of one kind end by a RST of the same side, right behind the answer. Health checks ask the same and come at a
constant period, or ask nothing and reset once the service has answered the SYN; a program with SO_LINGER 0 resets behind each answer.

Look-alikes: a program that crashes resets at different points; a box in between has another TTL (`injected-reset`); an idle limit
resets after a pause, not behind data; a client that had given up resets the SYN/ACK that comes too late (so one that took a second is
no check's); a scanner comes to a service once. Where a RST follows data that is still under way, its receiver may lose the end of it.

Do: nothing for health checks. Where answers are cut short, let the program close without SO_LINGER 0 (HAProxy: `option nolinger`).
"""

from array import array
from collections.abc import Iterator

from tcptrace_py.findings import trouble_columns as column
from tcptrace_py.findings.evidence import Evidence
from tcptrace_py.findings.percentiles import steady_ns
from tcptrace_py.model.clock import SECOND_NS
from tcptrace_py.model.finding import Code, Finding, Gravity
from tcptrace_py.model.vocabulary import Cause, Outcome, Role, numbers

COMPLETED = numbers(Outcome)["completed"]
CLIENT, SERVER = numbers(Role)["client"], numbers(Role)["server"]
BROKEN_OFF = numbers(Outcome)["aborted"]
ABORT, UNREAD, ABORTED = (numbers(Cause)[name] for name in ("abort", "abort-unread-data", "aborted-handshake"))
FEWEST_CHECKS, FEWEST_ABORTS = 10, 5
ALWAYS = 0.9  # of a server's connections, so many end so
WITHIN_PERCENT = 15  # of their median, so near to it lie most distances
LEAST_NS = 500_000_000  # from one check of a checker to its next
MOST_CHECKERS = 10  # that check one server in turn
SOON_NS = 50_000_000  # behind the last segment
LATE_NS = 1_000_000_000  # a client that waits for a SYN/ACK may give up before it comes


def find(evidence: Evidence) -> Iterator[Finding]:
    """For each client and service, resets behind answers: of checks, then of a server that always does so."""
    for rows in evidence.by_account(_without_data(evidence)).values():
        yield from _checks(evidence, rows)
    behind = _behind_answers(evidence)
    for rows in evidence.by_account(evidence.among(behind, column.RESET_BY, CLIENT)).values():
        for of_size in evidence.by_value(rows, column.CLIENT_BYTES) if len(rows) >= FEWEST_CHECKS else ():
            for of_one_kind in evidence.by_value(of_size, column.SERVER_BYTES):
                yield from _checks(evidence, of_one_kind)
    ended = evidence.among(evidence.among(behind, column.RESET_BY, SERVER), column.RESET_CAUSE, ABORT)
    for rows in evidence.by_account(evidence.between(ended, column.CLIENT_BYTES, 1)).values():
        if len(rows) >= FEWEST_ABORTS and len(rows) >= ALWAYS * evidence.account(rows[0]).connections:
            yield _found(evidence, rows, "abort-after-answer", None)


def _checks(evidence: Evidence, rows: list[int]) -> Iterator[Finding]:
    """Connections of one client and kind, if they come as checks do."""
    period_s = _period_s(evidence, rows) if len(rows) >= FEWEST_CHECKS else None
    if period_s is not None:
        yield _found(evidence, rows, "health-check", period_s)


def _behind_answers(evidence: Evidence) -> list[int]:
    """Rows that were answered, and reset right behind a segment, or behind one that was under way."""
    reset = evidence.among(evidence.free_with(column.RESET_CAUSE, ABORT, UNREAD), column.OUTCOME, COMPLETED)
    answered = evidence.between(reset, column.SERVER_BYTES, 1)
    behind_ns, took_ns = evidence.wide(column.RESET_BEHIND), evidence.wide(column.HANDSHAKE)
    late = evidence.between(answered, column.RESET_BEHIND, SOON_NS + 1)
    return evidence.between(answered, column.RESET_BEHIND, 0, SOON_NS) + [row for row in late if behind_ns[row] <= SOON_NS + took_ns[row]]


def _without_data(evidence: Evidence) -> list[int]:
    """Rows that the client opened, and reset as soon as the first SYN was answered."""
    reset = evidence.among(evidence.free_with(column.RESET_CAUSE, ABORTED, ABORT, UNREAD), column.OUTCOME, COMPLETED, BROKEN_OFF)
    own = evidence.among(reset, column.RESET_BY, CLIENT)
    empty = evidence.between(evidence.between(own, column.CLIENT_BYTES, 0, 0), column.SERVER_BYTES, 0, 0)
    soon, repeats = evidence.between(empty, column.RESET_BEHIND, 0, SOON_NS), evidence.narrow(column.SYN_REPEATS)
    starts, resets_at = evidence.wide(column.START), evidence.wide(column.RESET_AT)
    return [row for row in soon if not repeats[row] and resets_at[row] - starts[row] < LATE_NS]


def _period_s(evidence: Evidence, rows: list[int]) -> float | None:
    """At what period connections begin, where it is constant: of several checkers, each at its own phase, the mean distance."""
    starts = array("q", sorted(map(evidence.wide(column.START).__getitem__, rows)))
    for checkers in range(1, min(MOST_CHECKERS, len(starts) // 4) + 1):
        apart_ns = steady_ns(starts, checkers, LEAST_NS, WITHIN_PERCENT)
        if apart_ns:
            return apart_ns / checkers / SECOND_NS
    return None


def _found(evidence: Evidence, rows: list[int], kind: str, period_s: float | None) -> Finding:
    account = evidence.account(rows[0])
    asks = evidence.wide(column.CLIENT_BYTES)[rows[0]] > 0 or kind != "health-check"
    without = f"{account.client.name} opens a connection every {period_s or 0:.2g} s and resets it without any data, as health checks do: "
    said = {
        "health-check": f"{account.client.name} asks the same every {period_s or 0:.2g} s, reads the answer and resets the connection, "
                        "as health checks do: nothing is broken." if asks else without + "nothing is broken.",
        "abort-after-answer": "The server ends each connection by a RST right behind its answer, on purpose (SO_LINGER 0), and not "
                              "because anything failed.",
    }  # fmt: skip
    first = min(rows, key=evidence.wide(column.RESET_FRAME).__getitem__)
    return evidence.found(
        Code.RESET_BY_DESIGN,
        Gravity.NOTE,
        "high" if len(rows) >= 2 * FEWEST_CHECKS else "medium",
        rows,
        of=account.connections,
        client=account.client.name,
        server=account.server.name,
        server_port=account.port,
        details={"kind": kind, "period_s": period_s},
        evidence=[f"the first RST is frame {evidence.wide(column.RESET_FRAME)[first]}, right behind {'data' if asks else 'the handshake'}"],
        explanation=said[kind],
    )
