"""A client that was restarted opens the same ports again, and the other end still holds the old connection.

Shows: a SYN comes on a connection that is open. The server answers with its old numbers, the client resets that, and the same SYN gets
through when it is sent again.

Look-alikes: a SYN into TIME_WAIT (`refused-by-time-wait`): there the old connection was closed by both. Where nothing of the old
connection was captured but that answer, nobody knows which of the two it is.

Do: nothing, if hosts were restarted. Else let the client use other ports (no fixed source port), and let keep-alive or
TCP_USER_TIMEOUT end dead connections at the server.
"""

from collections.abc import Iterator

from tcptrace_py.findings import trouble_columns as column
from tcptrace_py.findings.again import taken_again
from tcptrace_py.findings.evidence import Evidence, Pair, pair_of
from tcptrace_py.model.finding import Code, Finding, Gravity
from tcptrace_py.model.vocabulary import Cause, Role, numbers

CLIENT, NO_SOCKET = numbers(Role)["client"], numbers(Cause)["no-socket"]


def find(evidence: Evidence) -> Iterator[Finding]:
    """For each pair of hosts."""
    by, causes, midstream = (evidence.small(number) for number in (column.RESET_BY, column.RESET_CAUSE, column.MIDSTREAM))
    sent = evidence.wide(column.CLIENT_BYTES), evidence.wide(column.SERVER_BYTES)
    held = [
        (old, new)
        for old, new in taken_again(evidence)
        if by[old] == CLIENT and causes[old] == NO_SOCKET and not (midstream[old] and sent[0][old] + sent[1][old] <= 0)
    ]
    pairs: dict[Pair, list[tuple[int, int]]] = {}
    for old, new in held:
        pairs.setdefault(pair_of(evidence.account(old)), []).append((old, new))
    for pair, members in sorted(pairs.items()):
        client, server, _ = pair
        ports = {evidence.account(old).port for old, _ in members}
        of = sum(account.connections for account in evidence.accounts_between(pair))
        frames = evidence.wide(column.RESET_FRAME)
        yield evidence.found(
            Code.PEER_RESTARTED, Gravity.PROBLEM, "high", sorted({row for both in members for row in both}), of=of,
            connections=len(members), client=client, server=server, server_port=ports.pop() if len(ports) == 1 else None,
            evidence=[f"frame {min(frames[old] for old, _ in members)}: the client resets what it no longer knows"],
            explanation=f"{client} opens connections again that {server} still holds, as a host does that was restarted.")  # fmt: skip
