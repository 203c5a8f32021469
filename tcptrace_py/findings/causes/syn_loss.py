"""SYNs are lost on their way, and other segments are not.

Shows: many SYNs are sent again before they are answered, while of the thousands of other segments of the same connections hardly one
is. Loss in a network meets all segments alike.

Look-alikes: a listener whose queue overflows drops SYNs as well, and from the client's side looks the same as long as its program serves
all at last and no handshake meets the full queue; where some do, where they wait unserved, and at the server, where the SYNs arrived,
`accept-queue-full` is said. Loss in a network repeats data, too. An outage strikes whatever is sent: where short connections are made,
that is SYNs alone, but no connection of that time gets through at once, and nothing is said.

Do: look for what handles only the first segment of a connection: a NAT that loses the race for a port (`conntrack -S`:
insert_failed; --random-fully), a rate limit for SYNs, a firewall under load, and `nstat TcpExtListenDrops` at the server.
"""

from collections.abc import Iterator

from tcptrace_py.findings import trouble_columns as column
from tcptrace_py.findings.evidence import Evidence
from tcptrace_py.model.finding import Code, Finding, Gravity
from tcptrace_py.model.vocabulary import Outcome, Vantage, numbers

COMPLETED = numbers(Outcome)["completed"]
SERVER = numbers(Vantage)["server"]
FEWEST = 10  # SYNs lost
EXPECTED = 20  # other segments that would be lost at the same rate, for their being there to mean something
LESS = 20  # times less often lost


def find(evidence: Evidence) -> Iterator[Finding]:
    """For each service, SYNs that got through only later."""
    syns, synacks = evidence.narrow(column.SYN_REPEATS), evidence.narrow(column.SYNACK_REPEATS)
    vantages = evidence.small(column.VANTAGE)
    late = [row for row in evidence.free_with(column.OUTCOME, COMPLETED) if syns[row] > 0 and not synacks[row]]
    unanswered = evidence.by_service(evidence.syns_in_vain()) if late else {}
    for service, rows in evidence.by_service(late).items():
        accounts = evidence.accounts_of(service)
        never = unanswered.get(service, [])  # few: their SYNs were lost to the end of the capture
        lost = sum(syns[row] for row in rows) + sum(syns[row] + 1 for row in never)
        connections = sum(account.connections for account in accounts)
        sent = connections + sum(account.syn_repeats for account in accounts)
        others = max(sum(account.packets for account in accounts) - sent - connections, 0)
        others_lost = sum(account.repeats for account in accounts)
        at_server = sum(vantages[row] == SERVER for row in rows) * 2 > len(rows)
        if lost < FEWEST or at_server or len(never) * 4 > len(rows) or lost * others < EXPECTED * sent:
            continue
        if others_lost * sent * LESS > lost * others:
            continue
        if not evidence.lie_apart([*rows, *never], accounts):
            continue
        is_sure = lost * others >= 5 * EXPECTED * sent and evidence.held is not None  # else an outage is told by averages
        yield evidence.found_at(
            service, Code.SYN_LOSS, Gravity.PROBLEM, "high" if is_sure else "medium", sorted([*rows, *never]),
            of=connections,
            details={"syns_lost": lost, "syns": sent, "others_lost": others_lost, "others": others},
            evidence=[f"{lost} of {sent} SYNs were sent again before an answer; of {others} other segments {others_lost} were"],
            explanation="SYNs are lost and other segments are not: no network loses so, but something that handles only the first "
                        "segment of a connection does: a NAT, a rate limit, or a listener whose queue is full now and then.")  # fmt: skip
