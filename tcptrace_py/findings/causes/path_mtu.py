"""Large segments do not fit through the path, and nobody tells their sender (a black hole of path MTU discovery).

Shows: connections stand still; a segment is sent again and again where the acknowledgements end, while smaller ones behind it were
acknowledged selectively (SACK). No segment of its size ever passed between these two hosts in this direction, smaller ones did.
Where more than one large segment is missing, smaller ones arrive between them, and what was acknowledged selectively ends behind a
large one: then the connection stands still before it was ever acknowledged as many bytes as the segment has. It is less sure.

Look-alikes: plain loss meets segments of all sizes, and spares a large one now and then (then nothing is said); a receiver that does
not read closes its window; an outage hits connections that were acknowledged much before. A sender whose network card cuts large
segments (TSO) shows sizes that never were on the wire: where one of those passed, nothing is said.

At the receiver neither the large segments are captured nor their repeats: there, bytes stay missing below what it acknowledges
selectively, for as long as it waits, while no segment near the size of a full one ever came. That is said of several connections
alone, and never surely. Where nothing small follows the large segments, a receiver cannot tell them from a slow sender: nothing is said.

Do: let ICMP "fragmentation needed" (IPv6: "packet too big") through on the whole path; lower the MSS on the router or tunnel (MSS
clamping); switch on the sender's probing for black holes (Linux: net.ipv4.tcp_mtu_probing=1).
"""

from collections.abc import Iterator

from tcptrace_py.findings import trouble_columns as column
from tcptrace_py.findings.evidence import REPEATS, Evidence, pair_of
from tcptrace_py.model.clock import SECOND_NS
from tcptrace_py.model.finding import Code, Finding, Gravity

SIDES = ("client", "server")
FEWEST_HOLES = 2  # connections, at the receiver
WAITED_NS = 2 * SECOND_NS  # a lost segment is sent again sooner
LARGE_BYTES, FULL_BYTES = 1200, 1400  # so much is missing at least where a full segment is; a larger one that came refutes it


def find(evidence: Evidence) -> Iterator[Finding]:
    """For each pair of hosts and direction, the connections that stand still at a large segment."""
    for number, sender in enumerate(SIDES):
        lost = evidence.narrow(column.CLIENT_LOST + number)
        for pair, rows in evidence.grouped(_stuck(evidence, number), pair_of).items():
            (client, server, _), accounts = pair, evidence.accounts_between(pair)
            arrived = max(account.largest_server if number else account.largest_client for account in accounts)
            smallest = min(lost[row] for row in rows)
            several = [row for row in rows if _sacked(evidence, row, number) >= lost[row]]
            passed = max(arrived, *(0 if row in several else _sacked(evidence, row, number) for row in rows))
            if passed >= smallest:
                continue
            most = f"the largest that arrived from the {sender} has {passed:,} bytes"
            longest_ns = max(evidence.wide(column.CLIENT_UNANSWERED_NS + number)[row] for row in rows)
            yield evidence.found(
                Code.PATH_MTU,
                Gravity.PROBLEM,
                "high" if len(rows) > 1 and arrived and not several else "medium",
                rows,
                of=sum(account.connections for account in accounts),
                client=client,
                server=server,
                span_ns=evidence.in_vain_ns(rows, number),
                details={"largest_passed_bytes": passed or None, "smallest_lost_bytes": smallest},
                evidence=[
                    f"segments with {smallest:,} bytes were sent again for up to {longest_ns / 1e9:.1f} s and never arrived",
                    "what lies behind them was acknowledged selectively",
                    most if not several else f"no segment of that size from the {sender} was ever acknowledged in order",
                ],
                explanation=f"The {sender}'s large segments are lost on the path while its smaller ones arrive: "
                "these connections stand still.",
            )
    for number in range(2):
        yield from _at_receiver(evidence, number)


def _at_receiver(evidence: Evidence, number: int) -> Iterator[Finding]:
    """For each pair of hosts, the connections in which nothing filled what is missing from the side with this number."""
    missing, seen, sender = evidence.narrow(column.CLIENT_MISSING + number), evidence.narrow(column.CLIENT_SEEN + number), SIDES[number]
    starts, ends = evidence.wide(column.START), evidence.wide(column.END)
    for pair, rows in evidence.grouped(_with_holes(evidence, number), pair_of).items():
        (client, server, _), accounts = pair, evidence.accounts_between(pair)
        arrived = max(account.largest_server if number else account.largest_client for account in accounts)
        passed, least = max(arrived, *(seen[row] for row in rows)), min(missing[row] for row in rows)
        if len(rows) < FEWEST_HOLES or not 0 < passed < min(FULL_BYTES, least) or least < LARGE_BYTES:
            continue
        longest_ns = max(_waited_ns(evidence, row) for row in rows)
        yield evidence.found(
            Code.PATH_MTU,
            Gravity.PROBLEM,
            "medium",
            rows,
            of=sum(account.connections for account in accounts),
            client=client,
            server=server,
            span_ns=(min(starts[row] for row in rows), max(ends[row] for row in rows)),
            details={"largest_passed_bytes": passed, "smallest_lost_bytes": None},
            evidence=[
                f"{least:,} bytes and more from the {sender} did not come within {longest_ns / 1e9:.1f} s, and what lies behind did",
                f"the largest segment that arrived from the {sender} has {passed:,} bytes",
            ],
            explanation=f"The {sender}'s small segments arrive, its large ones and their repeats do not: these connections stand still.",
        )


def _with_holes(evidence: Evidence, number: int) -> Iterator[int]:
    """Rows in which bytes of this side stay missing for long, and neither they nor their repeats were captured."""
    lost, repeats = evidence.narrow(column.CLIENT_LOST + number), evidence.narrow(column.CLIENT_UNANSWERED + number)
    for row in evidence.free_that_have(column.CLIENT_MISSING + number):
        if lost[row] < 0 and repeats[row] < REPEATS and _waited_ns(evidence, row) >= WAITED_NS:
            yield row


def _waited_ns(evidence: Evidence, row: int) -> int:
    """How long nothing came before the end of a connection or of the capture."""
    return max(evidence.wide(column.FINAL_IDLE)[row], evidence.end_ns - evidence.wide(column.END)[row])


def _stuck(evidence: Evidence, number: int) -> Iterator[int]:
    """Rows whose side with this number repeats a segment below what was acknowledged selectively."""
    repeats, lost = evidence.narrow(column.CLIENT_UNANSWERED + number), evidence.narrow(column.CLIENT_LOST + number)
    missing = evidence.narrow(column.CLIENT_MISSING + number)
    for row in evidence.free_that_have(column.CLIENT_UNANSWERED + number):
        if repeats[row] < REPEATS or not 0 < lost[row] <= missing[row]:
            continue
        if 0 < _sacked(evidence, row, number) < lost[row] or _began_so(evidence, row, number):
            yield row


def _began_so(evidence: Evidence, row: int, number: int) -> bool:
    """Whether a side stands still, and so few bytes had been acknowledged of it that no segment of the size was ever among them."""
    if evidence.small(column.MIDSTREAM)[row] or not evidence.stands_still(row, number):
        return False
    sent = evidence.wide((column.CLIENT_BYTES, column.SERVER_BYTES)[number])[row]
    acknowledged = sent - evidence.wide(column.CLIENT_UNACKNOWLEDGED + number)[row]
    return 0 < acknowledged < evidence.narrow(column.CLIENT_LOST + number)[row]


def _sacked(evidence: Evidence, row: int, number: int) -> int:
    """Bytes of a side from the first that was only acknowledged selectively: no segment that arrived among them was larger."""
    return evidence.wide(column.CLIENT_UNACKNOWLEDGED + number)[row] - evidence.narrow(column.CLIENT_MISSING + number)[row]
