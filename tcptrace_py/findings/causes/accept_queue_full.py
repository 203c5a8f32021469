"""A listener's accept queue is full: the program does not accept connections as fast as they come.

Shows: SYNs go unanswered while handshakes of the same service are complete whose clients nobody has answered. Linux drops the ACK that
would complete one more: the server sends its SYN/ACK again although the client has acknowledged it, and the client its data.

A queue that is emptied slowly is full now and then only, and all are served at last: SYNs are answered when they come again, and
other handshakes are completed at the second SYN/ACK, behind data that was sent again. Captured at the server, SYNs that reached it
and were not answered are enough.

Look-alikes: SYNs that are lost on the way (`syn-loss`), or dropped by a NAT (`flow-limit`), while connections that are open get their
answers; at the server, a limit for SYNs or a NAT of the host itself drops what was captured before it (then the finding is not sure).
Loss in a network meets all segments: where others are sent again as often, nothing is said but at the server.

Do: accept faster (the program is busy, blocked, or has too few workers), then raise the backlog of listen() and net.core.somaxconn.
`ss -ltn` shows the queue, `nstat TcpExtListenOverflows` counts.
"""

from collections.abc import Iterator

from tcptrace_py.findings import trouble_columns as column
from tcptrace_py.findings.evidence import Evidence, Service
from tcptrace_py.model.finding import Code, Finding, Gravity
from tcptrace_py.model.vocabulary import Outcome, Vantage, numbers

COMPLETED = numbers(Outcome)["completed"]
SERVER = numbers(Vantage)["server"]
FEWEST = 3
FEWEST_LATE = 5  # SYNs that were answered only when they came again
EXPECTED, LESS = 20, 20  # see syn-loss: other segments that loss would have met, and so many times less often they were lost


def find(evidence: Evidence) -> Iterator[Finding]:
    """For each service."""
    syns, synacks, starts = evidence.narrow(column.SYN_REPEATS), evidence.narrow(column.SYNACK_REPEATS), evidence.wide(column.START)
    in_vain = evidence.by_service(row for row in evidence.syns_in_vain() if syns[row])
    in_vain = {service: rows for service, rows in in_vain.items() if len(rows) >= FEWEST}
    completed = evidence.free_with(column.OUTCOME, COMPLETED) if in_vain else []
    unserved = evidence.by_service(evidence.between(completed, column.SERVER_BYTES, 0, 0))
    for service, dropped in in_vain.items():
        waiting = unserved.get(service, [])
        overflown = [row for row in waiting if synacks[row]]
        if not waiting or not (overflown or len(waiting) >= FEWEST):
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
        for row in waiting:
            evidence.claimed[row] = 1
    yield from _full_now_and_then(evidence)


def _full_now_and_then(evidence: Evidence) -> Iterator[Finding]:
    """For each service whose clients were all served at last."""
    syns, synacks, repeats = (evidence.narrow(number) for number in (column.SYN_REPEATS, column.SYNACK_REPEATS, column.CLIENT_REPEATS))
    outcomes, vantages = evidence.small(column.OUTCOME), evidence.small(column.VANTAGE)
    repeated = [row for row in evidence.free_that_have(column.SYN_REPEATS) if outcomes[row] == COMPLETED]
    late = evidence.by_service(row for row in repeated if not synacks[row])
    answered_again = [row for row in evidence.free_that_have(column.SYNACK_REPEATS) if outcomes[row] == COMPLETED] if late else []
    ignored = evidence.by_service(row for row in answered_again if repeats[row] > syns[row])
    for service, rows in late.items():
        overflown, lost = ignored.get(service, []), sum(syns[row] for row in rows)
        every = sorted([*rows, *overflown])
        at_server = sum(vantages[row] == SERVER for row in every) * 2 > len(every)
        if (
            len(rows) < FEWEST
            or lost < FEWEST_LATE
            or not (at_server or (len(overflown) >= FEWEST and _is_alone(evidence, service, every)))
        ):
            continue
        reached = ", though they had reached the server" if at_server else ""
        said = [f"{lost} SYNs of {len(rows)} connections were answered only when they came again{reached}"]
        if overflown:
            said.append(f"the SYN/ACK was sent again in {len(overflown)} connections whose client had acknowledged it")
        yield evidence.found_at(
            service, Code.ACCEPT_QUEUE_FULL, Gravity.PROBLEM, "high" if at_server and len(overflown) >= FEWEST else "medium", every,
            details={"queue": None}, evidence=said,
            explanation="SYNs are dropped now and then and answered later: "
                        + ("the program does not accept connections as fast as they come, and the listener's queue is full at times."
                           if overflown else "the listener's queue is full at times, or something at the server drops them."))  # fmt: skip


def _is_alone(evidence: Evidence, service: Service, rows: list[int]) -> bool:
    """Whether hardly a segment was sent again but for SYNs, SYN/ACKs and what these connections sent before they were open."""
    accounts, syns, synacks = evidence.accounts_of(service), evidence.narrow(column.SYN_REPEATS), evidence.narrow(column.SYNACK_REPEATS)
    repeats = evidence.narrow(column.CLIENT_REPEATS), evidence.narrow(column.SERVER_REPEATS)
    lost = sum(syns[row] + synacks[row] for row in rows)
    connections = sum(account.connections for account in accounts)
    sent = connections + sum(account.syn_repeats for account in accounts)
    others = max(sum(account.packets for account in accounts) - sent - connections, 0)
    own = sum(max(repeats[0][row] + repeats[1][row] - syns[row] - synacks[row], 0) for row in rows)
    others_lost = max(sum(account.repeats for account in accounts) - own, 0)
    if lost * others < EXPECTED * sent or others_lost * sent * LESS > lost * others:
        return False
    return evidence.lie_apart(rows, accounts)
