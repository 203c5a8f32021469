"""A box between the two ends sent a RST in the name of one of them.

Shows: a RST comes with another TTL than all other segments of the side that it names, which sits nearer than that side does, or
that side goes on as if it had sent nothing.

Look-alikes: a host whose segments come on more than one path has several TTLs anyway (then nothing is said); a host that answers for
a socket that it has not keeps its own TTL.

Do: look for what stands between: a firewall, a balancer, an intrusion prevention system, a censor. The TTL of the RST tells how far
away it is. Ask its log, not the server's.
"""

from collections.abc import Iterator

from tcptrace_py.findings import trouble_columns as column
from tcptrace_py.findings.evidence import Evidence
from tcptrace_py.model.finding import Code, Finding, Gravity
from tcptrace_py.model.vocabulary import Confidence, Role, numbers

BETWEEN, HIGH = numbers(Role)["between"], numbers(Confidence)["high"]


def find(evidence: Evidence) -> Iterator[Finding]:
    """For each service, its connections with a RST from between."""
    ttls, usual = evidence.narrow(column.RESET_TTL), evidence.narrow(column.USUAL_TTL)
    sure, goes_on, at_ns = evidence.small(column.RESET_CONFIDENCE), evidence.small(column.RESET_GOES_ON), evidence.wide(column.RESET_AT)
    frames = evidence.wide(column.RESET_FRAME)
    for service, rows in evidence.by_service(evidence.free_with(column.RESET_BY, BETWEEN)).items():
        first = min(rows, key=frames.__getitem__)
        went_on = sum(goes_on[row] for row in rows)
        confident = any(sure[row] == HIGH for row in rows)
        other = f"other segments {usual[first]}" if usual[first] > 0 else "segments in other connections came over more hops"
        said = [f"frame {frames[first]}: TTL {ttls[first]}, its named sender's {other}"]
        if went_on:
            said.append(f"the named sender went on sending in {went_on} of {len(rows)}")
        yield evidence.found_at(
            service, Code.INJECTED_RESET, Gravity.PROBLEM, "high" if confident else "medium", rows,
            details={"sender_ttl": usual[first] if usual[first] > 0 else None, "reset_ttl": ttls[first]}, evidence=said,
            span_ns=(min(at_ns[row] for row in rows), max(at_ns[row] for row in rows)),
            explanation="A RST names a side that did not send it: something between the two ends reset "
                        + ("the connection." if len(rows) == 1 else "these connections."))  # fmt: skip
