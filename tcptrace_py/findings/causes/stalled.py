"""Connections stand still: data is sent again and again, and nobody answers.

Shows: a side sent the same data at least three times more, for a second and longer, and its peer acknowledged nothing of it until the
capture or the connection ended.

Look-alikes: a capture that ends while a lost segment is still being sent again shows one or two repeats; where only one direction was
captured, nobody knows what was answered; a closed window is probed, not sent again; where a pause or the size of the segments tells
why (`idle-timeout`, `path-mtu`), that is said instead.

Do: look at one of them with `explain`, and see whether the other host still lives (its other connections, ICMP errors); capture at the
other end as well: `diff --same-traffic` then tells where the segments go.
"""

from collections.abc import Iterator

from tcptrace_py.findings import trouble_columns as column
from tcptrace_py.findings.evidence import Evidence
from tcptrace_py.model.finding import Code, Finding, Gravity


def find(evidence: Evidence) -> Iterator[Finding]:
    """For each service, the connections in which a side's data was never answered."""
    for service, rows in evidence.by_service(_stalled(evidence)).items():
        longest_ns = max(_longest_ns(evidence, row) for row in rows)
        repeats = max(evidence.repeats_in_vain(row, number) for row in rows for number in range(2))
        yield evidence.found_at(
            service,
            Code.STALLED,
            Gravity.PROBLEM,
            "high",
            rows,
            span_ns=evidence.in_vain_ns(rows),
            details={"longest_s": round(longest_ns / 1e9, 3), "repeats": repeats},
            evidence=[f"data was sent again up to {repeats} times, for up to {longest_ns / 1e9:.1f} s, and never acknowledged"],
            explanation="Data is sent again and again and nobody answers; what was captured does not tell why.",
        )


def _stalled(evidence: Evidence) -> Iterator[int]:
    for row in sorted({*evidence.free_that_have(column.CLIENT_UNANSWERED), *evidence.free_that_have(column.SERVER_UNANSWERED)}):
        if any(evidence.stands_still(row, number) for number in range(2)):
            yield row


def _longest_ns(evidence: Evidence, row: int) -> int:
    return max(evidence.wide(column.CLIENT_UNANSWERED_NS + number)[row] for number in range(2) if evidence.repeats_in_vain(row, number))
