"""A listener's accept queue is full: the program does not accept connections as fast as they come.

Shows: SYNs go unanswered while handshakes of the same service are complete whose clients nobody has answered. Linux drops the ACK that
would complete one more: the server sends its SYN/ACK again although the client has acknowledged it, and the client its data.

Look-alikes: SYNs that are lost on the way (`syn-loss`), or dropped by a NAT (`flow-limit`), while connections that are open get their
answers. A queue that is emptied slowly, and is full now and then only, serves all at last: nothing is said of it at the server.

Do: accept faster (the program is busy, blocked, or has too few workers), then raise the backlog of listen() and net.core.somaxconn.
`ss -ltn` shows the queue, `nstat TcpExtListenOverflows` counts.
"""

from collections.abc import Iterator

from tcptrace_py.findings import trouble_columns as column
from tcptrace_py.findings.evidence import Evidence
from tcptrace_py.model.finding import Code, Finding, Gravity
from tcptrace_py.model.vocabulary import Outcome, numbers

COMPLETED = numbers(Outcome)["completed"]
FEWEST = 3


def find(evidence: Evidence) -> Iterator[Finding]:
    """For each service."""
    answered = evidence.wide(column.SERVER_BYTES)
    syns, synacks, starts = evidence.narrow(column.SYN_REPEATS), evidence.narrow(column.SYNACK_REPEATS), evidence.wide(column.START)
    in_vain = evidence.by_service(row for row in evidence.syns_in_vain() if syns[row])
    unserved = evidence.by_service(row for row in evidence.free_with(column.OUTCOME, COMPLETED) if not answered[row]) if in_vain else {}
    for service, dropped in in_vain.items():
        waiting = unserved.get(service, [])
        overflown = [row for row in waiting if synacks[row]]
        if len(dropped) < FEWEST or not waiting or not (overflown or len(waiting) >= FEWEST):
            continue
        first_ns = min(starts[row] for row in dropped)
        queue = sum(starts[row] <= first_ns and not synacks[row] for row in waiting)
        if not queue:
            continue
        said = [f"{len(dropped)} SYNs went unanswered while {queue} handshake{' was' if queue == 1 else 's were'} done that nobody served"]
        if overflown:
            said.append(f"the SYN/ACK was sent again in {len(overflown)} connections whose client had acknowledged it")
        yield evidence.found_at(
            service, Code.ACCEPT_QUEUE_FULL, Gravity.PROBLEM, "high" if overflown else "medium", sorted({*dropped, *overflown}),
            details={"queue": queue}, evidence=said,
            explanation="The program does not accept connections as fast as they come: the listener's queue is full, and SYNs are "
                        "dropped.")  # fmt: skip
