"""SYNs meet the TIME_WAIT of an old connection from the same port, and do not get through, or late.

Shows: a SYN comes while its server is in TIME_WAIT from the four-tuple's last connection. The server answers with the old numbers, and
the client has to reset that and to try again.

Look-alikes: a server that still holds the old connection open (`peer-restarted`).

Do: let clients not choose the same ports again so soon (no fixed source port, a wider range), or use TCP timestamps at both ends,
with which Linux takes such SYNs; a NAT that hands out ports again too soon does the same.
"""

from collections.abc import Iterator

from tcptrace_py.facts.table import MISSING
from tcptrace_py.findings import trouble_columns as column
from tcptrace_py.findings.again import taken_again
from tcptrace_py.findings.evidence import Evidence
from tcptrace_py.model.finding import Code, Finding, Gravity
from tcptrace_py.model.vocabulary import Cause, Outcome, Pattern, Role, numbers

CLIENT, LATE = numbers(Role)["client"], numbers(Cause)["late"]
REFUSED_BY_TIME_WAIT = numbers(Outcome)["refused-by-time-wait"]
FOUR_WAY = numbers(Pattern)["four-way"]


def find(evidence: Evidence) -> Iterator[Finding]:
    """For each service."""
    by, causes, patterns = evidence.small(column.RESET_BY), evidence.small(column.RESET_CAUSE), evidence.small(column.PATTERN)
    repeats, took_ns = evidence.narrow(column.SYN_REPEATS), evidence.wide(column.HANDSHAKE)
    starts, ends = evidence.wide(column.START), evidence.wide(column.END)
    refused = {new: old for old, new in taken_again(evidence) if by[old] == CLIENT and causes[old] == LATE and patterns[old] == FOUR_WAY}
    never = evidence.free_with(column.OUTCOME, REFUSED_BY_TIME_WAIT)  # of these no reset of the old connection need be captured
    for service, rows in evidence.by_service({**dict.fromkeys(never), **refused}).items():
        waits = [took_ns[row] if took_ns[row] != MISSING else ends[row] - starts[row] for row in rows]
        frames, firsts = evidence.wide(column.RESET_FRAME), evidence.wide(column.FIRST_FRAME)
        answered = [frames[refused[row]] for row in rows if row in refused]
        said = (
            f"frame {min(answered)}: the client resets the answer of the old connection"
            if answered
            else (f"frame {min(firsts[row] for row in rows)}: the old connection answers this SYN with its own numbers")
        )
        yield evidence.found_at(
            service, Code.REFUSED_BY_TIME_WAIT, Gravity.PROBLEM, "high", rows,
            details={"attempts": sum(repeats[row] for row in rows), "longest_wait_s": max(waits) / 1e9},
            evidence=[said],
            explanation="SYNs meet the TIME_WAIT of an old connection from the same port, and " + (
                "none gets through." if len(set(never) & set(rows)) == len(rows) else "have to be sent again."))  # fmt: skip
