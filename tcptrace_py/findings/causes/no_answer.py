"""Requests are acknowledged, and never answered: the program behind the service does not get to them.

Shows: clients send a request and its bytes are acknowledged, but the server sends nothing behind it, until the client gives up (it
closes or resets) or the capture ends, ten seconds later or more; other connections to the service get their answers, and none of
them was silent for so long and went on. It may be the first request of a connection, or one behind three that were answered. Where
longer silences were survived, it shows in clients that give up after one and the same time, if clients close or reset connections
after a silence for no other reason and no answer took half as long. A client may also send more while it waits, a retry or a sign
of life: where its pieces lie a second and more apart and the server never sent anything, it waits since its first request, if no
answer of the service took so long (behind an answer, nobody knows since when). A server of TLS (by its port) answers the very first
message, so that five seconds of silence are enough, and no other connection is needed.

Look-alikes: a service that only listens (logs, metrics) answers nobody, or its greeting alone; one that keeps requests open until
there is something to say (long polling) is silent for as long in connections that go on, as is one that is told something now and
then; who sends something large is answered behind its end, and sends more than a segment a second; a pool whose client closes idle
connections does so behind answers as well; a server that speaks last was not asked; requests that are not acknowledged are lost or
dropped (`stalled`, `idle-timeout`); where SYNs go unanswered at the same time, nobody accepts (`accept-queue-full`); answers that
the capture lost are acknowledged by their client (so many connections are left out of account). Nobody knows what became of
requests that still waited when the capture ended.

Do: see what the program does with these requests: a lock, a full thread pool, something behind it that does not answer. At the
server `ss -tn` shows with Recv-Q whether they were read at all. Give clients a limit for answers that is shorter than their users'
patience.
"""

from collections.abc import Iterator, Sequence

from tcptrace_py.facts.table import MISSING
from tcptrace_py.findings import trouble_columns as column
from tcptrace_py.findings.evidence import Evidence, Looked
from tcptrace_py.model.clock import SECOND_NS
from tcptrace_py.model.endpoints import service as named
from tcptrace_py.model.finding import Code, Finding, Gravity
from tcptrace_py.model.vocabulary import Outcome, Pattern, Role, numbers

COMPLETED, NOT_CAPTURED = numbers(Outcome)["completed"], numbers(Outcome)["not-captured"]
NONE, RST = numbers(Pattern)["none"], numbers(Pattern)["rst"]
ENDED = sorted(set(numbers(Pattern).values()) - {NONE})
CLIENT = numbers(Role)["client"]
FEWEST, LONG_NS = 3, 10 * SECOND_NS
FEWEST_ANSWERED = 5  # connections whose first request was answered: it is a service that answers
FEWEST_EXCHANGES = 3  # before a later request: a login, or TLS, is two, and behind it may be an upload
WELL_KNOWN = 1024  # a lower port is a server's, also where the handshake was not captured
ALIKE = 20  # waits that differ by less than such a part, or by HUNDREDS_NS, are one limit of their clients
HUNDREDS_NS = SECOND_NS // 4
# Registered by IANA for protocols over TLS: HTTPS, SMTP, NNTP, LDAP, DNS, FTP, IMAP and POP3; and the usual second port of HTTPS.
TLS = frozenset((443, 465, 563, 636, 853, 989, 990, 993, 995, 8443))
HELLO_BYTES, HELLO_NS = 60, 5 * SECOND_NS  # no ClientHello is shorter
APART_NS = SECOND_NS  # so far apart are, on the average, segments of a client that sends more while it waits: an upload comes at once
NO_GAPS = 4  # segments of a client that begin no gap between its data: SYN, ACK, the first data, FIN or RST


def find(evidence: Evidence) -> Iterator[Finding]:
    """For each service."""
    if "handshake-outcome" in evidence.withheld:
        return
    lost = evidence.lossy
    waits_ns, since_asked_ns = dict(_waits(evidence)), dict(_more_was_sent(evidence))
    for service, members in evidence.by_service({**waits_ns, **since_asked_ns}).items():
        accounts, rows = evidence.accounts_of(service), [row for row in members if row in waits_ns]
        survived_ns = max(account.survived_ns for account in accounts)
        own = [row for row in rows if evidence.wide(column.SURVIVED)[row] <= waits_ns[row] + SECOND_NS]  # none before was longer
        own_ns = max((evidence.wide(column.SURVIVED)[row] for row in own), default=0)  # a close behind the wait, which was acknowledged
        waiting = own if own_ns >= survived_ns > 0 else [row for row in own if waits_ns[row] > survived_ns]
        longest = f"more than {survived_ns / SECOND_NS:.1f} s" if survived_ns >= SECOND_NS else "a second"
        went_on = f"; of those that went on, none was silent for {longest}" if waiting is not own else ""
        if len(waiting) - lost < FEWEST:
            waiting = _timed_out(evidence, rows, waits_ns, accounts)
            went_on = "; their clients end others after no silence, and no answer took half as long"
        more = _answered_sooner(members, since_asked_ns, accounts) if len(waiting) - lost < FEWEST else []
        if more:
            waiting = sorted({*waiting, *more}, key=evidence.wide(column.FIRST_FRAME).__getitem__)
            went_on = (
                f"; {len(more)} {'client' if len(more) == 1 else 'clients'} sent more while nothing came back, and no answer took so long"
            )
        answered = sum(account.answered for account in accounts)
        answers = answered + sum(max(evidence.narrow(column.EXCHANGES)[row] - 1, 0) for row in rows)
        greeted = [row for row in waiting if _is_hello(evidence, row)]
        told = f"{answered} connections to the service were answered{went_on}"
        if answers < max(FEWEST_ANSWERED, len(members)):
            waiting, told = greeted, f"port {service[1]} is TLS, whose server answers the first message, and nobody answered it"
        if len(waiting) - lost < FEWEST:
            continue
        gave_up = sum(evidence.small(column.PATTERN)[row] != NONE for row in waiting)
        until = [f"{gave_up} {'client' if gave_up == 1 else 'clients'} gave up"] if gave_up else []
        if len(waiting) > gave_up:
            until.append(f"{len(waiting) - gave_up} still waited when the capture ended")
        waited_ns = [max(waits_ns.get(row, 0), since_asked_ns.get(row, 0) if row in more else 0) for row in waiting]
        yield evidence.found_at(
            service, Code.NO_ANSWER, Gravity.PROBLEM if gave_up else Gravity.WARNING, "medium", waiting,
            details={"shortest_s": round(min(waited_ns) / SECOND_NS, 3), "longest_s": round(max(waited_ns) / SECOND_NS, 3),
                     "gave_up": gave_up},
            evidence=[f"for {min(waited_ns) / SECOND_NS:.1f} s at least nothing came back: {' and '.join(until)}", told],
            explanation=f"Requests to {named(service[0], service[1])} are acknowledged, and its program does not answer them.")  # fmt: skip


def _timed_out(evidence: Evidence, rows: Sequence[int], waits_ns: dict[int, int], accounts: Looked) -> list[int]:
    """Those whose clients gave up after one and the same time, where nothing but a wait for an answer makes them do so."""
    gave_up = [row for row in rows if evidence.small(column.PATTERN)[row] != NONE]
    if len(gave_up) < FEWEST:
        return []
    usual_ns = sorted(waits_ns[row] for row in gave_up)[len(gave_up) // 2]
    found = [row for row in gave_up if abs(waits_ns[row] - usual_ns) <= max(usual_ns // ALIKE, HUNDREDS_NS)]
    closed = sum(evidence.wide(column.CLIENT_FIN)[row] >= 0 for row in gave_up)
    late = sum(account.idle_closes_client + account.resets_client for account in accounts)
    if late > len(gave_up) or sum(account.idle_closes_client for account in accounts) > closed:
        return []
    return [] if 2 * max(account.longest_answer_ns for account in accounts) > usual_ns else found


def _more_was_sent(evidence: Evidence) -> Iterator[tuple[int, int]]:
    """Rows whose client gave up and had sent more meanwhile, and for how long (ns) it had waited since its first request.

    Its pieces are few for the time that they took, and it waited once more before it gave up.
    """
    asked_ns, packets = evidence.wide(column.FIRST_ASKED), evidence.wide(column.CLIENT_PACKETS)
    closes_ns, resets_ns = evidence.wide(column.CLIENT_FIN), evidence.wide(column.RESET_AT)
    arrived = evidence.between(evidence.free_above_0(column.FIRST_ASKED), column.CLIENT_UNACKNOWLEDGED, 0, 0)
    unclosed = evidence.between(arrived, column.SERVER_FIN, MISSING, -1)
    for row in evidence.among(unclosed, column.OUTCOME, COMPLETED):
        closed_ns = closes_ns[row]
        wait_ns = (closed_ns if closed_ns >= 0 else resets_ns[row]) - asked_ns[row]
        if wait_ns < LONG_NS:
            continue
        silent_ns = _final_wait_ns(evidence, row)
        if silent_ns >= SECOND_NS and wait_ns - silent_ns >= APART_NS * max(packets[row] - NO_GAPS, 1):
            yield row, wait_ns


def _answered_sooner(rows: Sequence[int], since_asked_ns: dict[int, int], accounts: Looked) -> list[int]:
    """Those that waited longer since their first request than any connection to the service did that went on."""
    slowest_ns = max(account.longest_answer_ns for account in accounts)
    return [row for row in rows if since_asked_ns.get(row, -1) > slowest_ns]


def _is_hello(evidence: Evidence, row: int) -> bool:
    """Whether the first message of a client over TLS waits for its answer."""
    sent = evidence.wide(column.CLIENT_BYTES)[row]
    return evidence.account(row).port in TLS and not evidence.wide(column.SERVER_BYTES)[row] and sent >= HELLO_BYTES


def _waits(evidence: Evidence) -> Iterator[tuple[int, int]]:
    """Rows whose last request was acknowledged and never answered, and for how long (ns) nothing came."""
    answered, outcomes = evidence.wide(column.SERVER_BYTES), evidence.small(column.OUTCOME)
    talked = evidence.small(column.CLIENT_TALKED_LAST)
    asked = evidence.between(evidence.free_with(column.OUTCOME, COMPLETED, NOT_CAPTURED), column.CLIENT_BYTES, 1)
    arrived = evidence.between(asked, column.CLIENT_UNACKNOWLEDGED, 0, 0)
    for row in _silent(evidence, evidence.between(arrived, column.SERVER_FIN, MISSING, -1)):
        if answered[row] and not talked[row]:
            continue
        if (answered[row] or outcomes[row] != COMPLETED) and not _asks_again(evidence, row):
            continue
        wait_ns = _final_wait_ns(evidence, row)
        if wait_ns >= (HELLO_NS if _is_hello(evidence, row) else LONG_NS):
            yield row, wait_ns


def _silent(evidence: Evidence, rows: list[int]) -> list[int]:
    """Those of these rows in which nothing came for HELLO_NS or longer before the end: others need not be looked at one by one."""
    ended, by_reset = evidence.among(rows, column.PATTERN, *ENDED), evidence.among(rows, column.PATTERN, RST)
    return sorted([
        *evidence.between(evidence.among(rows, column.PATTERN, NONE), column.END, MISSING, evidence.end_ns - HELLO_NS),
        *evidence.between(evidence.between(ended, column.CLIENT_FIN, 0), column.FINAL_IDLE, HELLO_NS),
        *evidence.between(evidence.between(by_reset, column.CLIENT_FIN, MISSING, -1), column.RESET_BEHIND, HELLO_NS),
    ])  # fmt: skip


def _final_wait_ns(evidence: Evidence, row: int) -> int:
    """How long nothing came before a client gave up or the capture ended; -1 where something else ended the connection."""
    if evidence.small(column.PATTERN)[row] == NONE:
        return evidence.end_ns - evidence.wide(column.END)[row]
    if evidence.wide(column.CLIENT_FIN)[row] >= 0:
        return evidence.wide(column.FINAL_IDLE)[row]
    reset = evidence.small(column.PATTERN)[row] == RST and evidence.small(column.RESET_BY)[row] == CLIENT
    return evidence.wide(column.RESET_BEHIND)[row] if reset else -1


def _asks_again(evidence: Evidence, row: int) -> bool:
    """Whether a connection with exchanges ends with data of its client, if it is known who that is."""
    if not evidence.small(column.CLIENT_TALKED_LAST)[row] or evidence.narrow(column.EXCHANGES)[row] < FEWEST_EXCHANGES:
        return False
    return not evidence.small(column.MIDSTREAM)[row] or evidence.account(row).port < WELL_KNOWN
