"""An address is translated on the way there and not on the way back.

Shows: what a client sends to one address is answered from another one: to the same client port, and with the numbers that fit. The
client has no such connection and answers with a RST, or not at all.

Look-alikes: a capture on both sides of a NAT shows every connection under two addresses; there, both are answered, and neither is
refused by the client. An old segment of another connection has other numbers.

Do: let the answers pass the box that translates: a route that leads round it, a connection table that is full or forgets, packets
that connection tracking calls invalid (`nf_conntrack_tcp_be_liberal`), a client and a server in one network behind one service address.
"""

from collections.abc import Iterable, Iterator

from tcptrace_py.facts.table import MISSING
from tcptrace_py.findings import trouble_columns as column
from tcptrace_py.findings.evidence import Evidence, Service, service_of
from tcptrace_py.model.endpoints import service
from tcptrace_py.model.finding import Code, Finding, Gravity
from tcptrace_py.model.seq import ahead
from tcptrace_py.model.vocabulary import Cause, Outcome, Role, numbers

OUTCOMES, ROLES = numbers(Outcome), numbers(Role)
COMPLETED, UNANSWERED, IN_PROGRESS = OUTCOMES["completed"], OUTCOMES["unanswered"], OUTCOMES["in-progress"]
NOT_TAKEN = sorted(set(OUTCOMES.values()) - {COMPLETED, UNANSWERED})
CLIENT = ROLES["client"]
NO_SOCKET = numbers(Cause)["no-socket"]
FEW_BYTES = 1 << 20  # who acknowledges one of so few numbers among 2^32 means this connection
WITHIN_BYTES = 1 << 20  # an answer's numbers are not farther than this from what was captured
MOST_OPEN = 64  # connections from one port of a client: of more, an answer is no one's in particular
SOON_NS = 60_000_000_000  # a stray answer belongs to what was asked so shortly before

Client = tuple[bytes, bytes, int]  # address, scope and port


class Asked:
    """What clients asked, by address and port, to find what stray answers (rows) belong to; `connections`: also those that are open."""

    def __init__(self, evidence: Evidence, answers: set[int], *, connections: bool) -> None:
        self.evidence = evidence
        self.ports = ports = evidence.narrow(column.CLIENT_PORT)
        self.syns: dict[tuple[Client, int], list[int]] = {}  # unanswered ones, by their number as well
        self.numbers: set[tuple[int, int]] = set()  # their ports and numbers
        self.open: dict[Client, list[int]] = {}  # connections whose numbers are known on both sides
        outcomes, starts, theirs = evidence.small(column.OUTCOME), evidence.wide(column.CLIENT_ISN), evidence.wide(column.SERVER_ISN)
        wanted = evidence.with_port_of(answers)
        for row in evidence.among(wanted, column.OUTCOME, UNANSWERED, IN_PROGRESS):
            if outcomes[row] == UNANSWERED or theirs[row] == MISSING:
                self.syns.setdefault((self.client(row), starts[row]), []).append(row)
                self.numbers.add((ports[row], starts[row]))
        for row in evidence.between(evidence.between(wanted, column.CLIENT_ISN, 0), column.SERVER_ISN, 0) if connections else ():
            if outcomes[row] != UNANSWERED:
                self.open.setdefault(self.client(row), []).append(row)

    def client(self, row: int) -> Client:
        """Who asks, in a row."""
        account = self.evidence.account(row)
        return account.client.address, account.client.scope, self.ports[row]

    def syn_of(self, row: int, number: int) -> int:
        """The first unanswered SYN of the same client, port and number that went elsewhere; -1 if there is none."""
        if (self.ports[row], number) not in self.numbers:
            return -1
        return next(self.elsewhere(row, self.syns.get((self.client(row), number), ())), -1)

    def elsewhere(self, row: int, rows: Iterable[int]) -> Iterator[int]:
        """Those of these rows that went elsewhere."""
        own = self.evidence.account(row)
        return (other for other in rows if self.evidence.account(other).name != own.name)


def find(evidence: Evidence) -> Iterator[Finding]:
    """For each address that was asked, and each that answered."""
    refused = set(evidence.between(evidence.free_with(column.OUTCOME, *NOT_TAKEN), column.SERVER_ISN, 0))  # SYN/ACKs that no client took
    unasked = set(_strays(evidence))
    if not refused and not unasked:
        return
    asked = Asked(evidence, refused | unasked, connections=bool(unasked))
    pairs: dict[tuple[Service, str, int], list[tuple[int, int]]] = {}
    for row in sorted(refused | unasked):
        answered = _of_syn(evidence, asked, row) if row in refused else -1
        if answered < 0 and row in unasked:
            answered = _of_connection(evidence, asked, row)
        if answered >= 0:
            to, by = evidence.account(answered), evidence.account(row)
            pairs.setdefault((service_of(to), by.server.name, by.port), []).append((answered, row))
    for (to_service, other, other_port), members in sorted(pairs.items()):
        server, port, _ = to_service
        rows, strays = sorted({answered for answered, _ in members}), sorted({row for _, row in members})
        clients = {evidence.account(row).client.name for row in rows}
        before = evidence.wide(column.FIRST_FRAME)
        first = min(strays, key=before.__getitem__)
        of = sum(account.connections for account in evidence.accounts_of(to_service) if account.client.name in clients)
        yield evidence.found(
            Code.HALF_TRANSLATED, Gravity.PROBLEM, "high", [*rows, *strays], of=of, connections=len(rows),
            client=clients.pop() if len(clients) == 1 else None, server=server, server_port=port,
            details={"asked": service(server, port), "answered_from": service(other, other_port)},
            evidence=[f"frame {before[first]} answers from {service(other, other_port)}, to the client's port and with its numbers",
                      *_refusal(evidence, strays)],
            explanation=f"What was sent to {service(server, port)} is answered from {service(other, other_port)}: translated on the way "
                        "there and not on the way back, so that the client does not take it.")  # fmt: skip


def _of_syn(evidence: Evidence, asked: Asked, row: int) -> int:
    """The unanswered SYN of the same client port and number, to another address; -1 if there is none."""
    if not asked.numbers:
        return -1
    own = evidence.wide(column.CLIENT_ISN)[row]
    if own == MISSING:
        first_ack = evidence.wide(column.FIRST_ACK)[row]
        if first_ack == MISSING or evidence.small(column.FIRST_BY)[row] == 0:
            return -1
        own = first_ack - 1 & 0xFFFFFFFF
    return asked.syn_of(row, own)


def _strays(evidence: Evidence) -> list[int]:
    """Rows of which all that there is is a server's segment and the client's RST to it."""
    rows = evidence.free_with(column.RESET_CAUSE, NO_SOCKET)
    for number, value in ((column.MIDSTREAM, 1), (column.FIRST_BY, 1), (column.RESET_BY, CLIENT)):
        rows = evidence.among(rows, number, value)
    return evidence.between(evidence.between(rows, column.FIRST_ACK, 0), column.CLIENT_BYTES, 0, 0)


def _of_connection(evidence: Evidence, asked: Asked, row: int) -> int:
    """The connection of the same client port whose numbers a stray segment has; -1 if there is none."""
    seq, ack = evidence.wide(column.FIRST_SEQ)[row], evidence.wide(column.FIRST_ACK)[row]
    at_ns = evidence.wide(column.START)
    starts, ends = evidence.wide(column.CLIENT_ISN), evidence.wide(column.CLIENT_NEXT)
    mine, theirs = evidence.wide(column.SERVER_ISN), evidence.wide(column.SERVER_NEXT)
    known = asked.open.get(asked.client(row), [])
    for other in asked.elsewhere(row, known) if len(known) <= MOST_OPEN else ():
        if MISSING in (ends[other], theirs[other]) or at_ns[other] > at_ns[row] + SOON_NS:
            continue
        sent = ahead(ends[other], starts[other])
        if not 0 < ahead(ack, starts[other]) <= sent:
            continue
        if sent <= FEW_BYTES or (ahead(seq, mine[other]) > 0 and ahead(theirs[other] + WITHIN_BYTES, seq) >= 0):
            return other
    return -1


def _refusal(evidence: Evidence, strays: list[int]) -> Iterator[str]:
    resets = [evidence.wide(column.RESET_FRAME)[row] for row in strays]
    refused = [frame for frame in resets if frame != MISSING]
    if refused:
        yield f"the client answers with a RST, first in frame {min(refused)}"
