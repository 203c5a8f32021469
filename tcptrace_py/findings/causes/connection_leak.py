"""A program does not close connections that the other side has closed: they stay in CLOSE_WAIT.

Shows: several connections of a service are in CLOSE_WAIT, in silence for long, until the capture ends.

Look-alikes: a side that still sends behind the other's FIN uses the half-close on purpose; a capture that ends soon after the FINs
shows nothing of what comes; where the capture lost frames, FINs are among them (so many connections are left out of account, as the
service has its part of those that lack segments).

Do: look for the path in the program on which a socket is not closed: an error that is not handled, a response that is not read to its
end, a pool that keeps what is dead. `ss -tanp state close-wait` names the process.
"""

from collections.abc import Iterator

from tcptrace_py.findings import trouble_columns as column
from tcptrace_py.findings.evidence import Evidence
from tcptrace_py.model.clock import SECOND_NS
from tcptrace_py.model.endpoints import service as named
from tcptrace_py.model.finding import Code, Finding, Gravity
from tcptrace_py.model.state import State

FEWEST, SURE = 3, 10
SILENT_NS, LONG_S = 20 * SECOND_NS, 60
BURST_NS = 10 * SECOND_NS  # what came within so short a time tells no rate
CLOSE_WAIT = int(State.CLOSE_WAIT)


def find(evidence: Evidence) -> Iterator[Finding]:
    """For each service, at its server and at its clients."""
    if "teardown" in evidence.withheld:
        return
    ends_ns, end_ns = evidence.wide(column.END), evidence.end_ns
    for state, fin, role in ((column.SERVER_STATE, column.CLIENT_FIN, "server"), (column.CLIENT_STATE, column.SERVER_FIN, "client")):
        fins_ns = evidence.wide(fin)
        held = [row for row in evidence.free_with(state, CLOSE_WAIT) if end_ns - ends_ns[row] >= SILENT_NS]
        for service, rows in evidence.by_service(held).items():
            lossy = evidence.lossy * evidence.connections_to(service) / max(evidence.summary.connections, 1)
            if len(rows) - lossy < FEWEST:
                continue
            closed = sorted(fins_ns[row] for row in rows)
            span_ns = closed[-1] - closed[0]
            silent_s = (end_ns - max(ends_ns[row] for row in rows)) / SECOND_NS
            per_s = (len(rows) - 1) * SECOND_NS / span_ns if span_ns > BURST_NS else None
            where = f"The server of {named(service[0], service[1])}" if role == "server" else f"A client of {named(service[0], service[1])}"
            yield evidence.found_at(
                service, Code.CONNECTION_LEAK, Gravity.PROBLEM, "high" if len(rows) >= SURE and silent_s >= LONG_S else "medium", rows,
                span_ns=(closed[0], closed[-1]),
                details={"state": "CLOSE_WAIT", "held": len(rows), "per_s": per_s},
                evidence=[f"{len(rows)} are silent in CLOSE_WAIT at the end, for {silent_s:.0f} s at least"],
                explanation=f"{where} does not close connections that the other side has closed.")  # fmt: skip
