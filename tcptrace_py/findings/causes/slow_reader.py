"""A program does not read what it receives: its window stays closed.

Shows: a side announces a window of 0 and opens it only after a second or more, and after far more than a round trip; its peer has more
to send and waits.

Look-alikes: a fast sender fills a window for milliseconds (nothing is said); a window that stays closed for two round trips is the
path's; loss shows segments that are sent again with the window open.

Do: look at what the program at that side does between two reads: a lock, a slow disk, a full thread pool, a consumer behind it. A larger
buffer only puts it off. The network is not to blame.
"""

from collections.abc import Iterator

from tcptrace_py.findings import trouble_columns as column
from tcptrace_py.findings.evidence import Evidence
from tcptrace_py.model.finding import Code, Finding, Gravity

ROUND_TRIPS = 10
SIDES = ("client", "server")


def find(evidence: Evidence) -> Iterator[Finding]:
    """For each service and side, the connections in which that side's window stayed closed for long."""
    round_trips_ns = evidence.wide(column.HANDSHAKE)
    for number, reader in enumerate(SIDES):
        closes, closed_ns = evidence.narrow(column.CLIENT_LONG_CLOSES + number), evidence.wide(column.CLIENT_CLOSED + number)
        closed = evidence.free_that_have(column.CLIENT_LONG_CLOSES + number)
        slow = [row for row in closed if closed_ns[row] >= ROUND_TRIPS * round_trips_ns[row]]
        for service, rows in evidence.by_service(slow).items():
            longest_ns, stalls = max(closed_ns[row] for row in rows), sum(closes[row] for row in rows)
            often = "once" if stalls == 1 else f"{stalls:,} times"
            yield evidence.found_at(
                service,
                Code.SLOW_READER,
                Gravity.WARNING,
                "high",
                rows,
                details={"stalls": stalls, "longest_s": round(longest_ns / 1e9, 3), "side": reader},
                evidence=[f"the {reader}'s window was closed for a second or longer {often}, {longest_ns / 1e9:.2f} s at the longest"],
                explanation=f"The {reader} does not read what it receives, and its peer waits for room.",
            )
